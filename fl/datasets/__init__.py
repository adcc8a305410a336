"""Labelled images in the box and from folders a user has; label noise."""

from .dataset import Dataset
from .load import DATASETS, load_dataset

__all__ = ["DATASETS", "Dataset", "load_dataset"]

"""Scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels that come inside a package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError
from .dataset import Dataset

__all__ = ["digits", "read_digits"]

TEST_IMAGES = 500


def read_digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The images, a row each of 64 numbers from 0 to 16, and what they show; no more of scikit-learn is loaded than its file.

    Raises
    ------
    ImportError
        If scikit-learn is missing.
    """
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise ImportError("scikit-learn is missing")
    rows = np.loadtxt(Path(found.origin).parent / "datasets/data/digits.csv.gz", delimiter=",")
    return rows[:, :-1], rows[:, -1].astype(np.int64)


def digits(seed: int = 0) -> Dataset:
    """Scikit-learn's digits, 1,297 images to train on and 500 to test on.

    Parameters
    ----------
    seed : int
        Of the split.

    Returns
    -------
    Dataset
        Inputs of shape (n, 1, 8, 8) in [0, 1], 10 classes.

    Raises
    ------
    InputError
        If scikit-learn is missing.
    """
    try:
        images, labels = read_digits()
    except ImportError:
        raise InputError("the digits need scikit-learn: pip install 'fedmech[fl]'") from None
    inputs = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    order = np.random.default_rng(seed).permutation(len(labels))
    test, train = np.sort(order[:TEST_IMAGES]), np.sort(order[TEST_IMAGES:])
    return Dataset("digits", inputs[train], labels[train], inputs[test], labels[test], 10)

"""A data set by its name."""

from __future__ import annotations

from collections.abc import Callable

from ...models.files import PathLike
from ...models.input_error import InputError
from .cifar10 import cifar10
from .dataset import Dataset
from .digits import digits
from .mnist import fashion_mnist, mnist
from .svhn import svhn

__all__ = ["DATASETS", "load_dataset"]

# Each takes a folder and a seed; data that come from files ignore the seed, the others the folder.
DATASETS: dict[str, Callable[[PathLike | None, int], Dataset]] = {
    "digits": lambda folder, seed: digits(seed),
    "mnist": lambda folder, seed: mnist(folder),
    "fashion-mnist": lambda folder, seed: fashion_mnist(folder),
    "svhn": lambda folder, seed: svhn(folder),
    "cifar10": lambda folder, seed: cifar10(folder),
}


def load_dataset(name: str, folder: PathLike | None = None, seed: int = 0) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str
        ``digits``, which come with scikit-learn; ``mnist``, ``fashion-mnist``, ``svhn``, ``cifar10``.
    folder : path, optional
        Where the files of the others are: the ``root`` that torchvision was given to download them.
    seed : int
        Of the split into training and test samples, for data that have none of their own.

    Raises
    ------
    InputError
        If the name is unknown, or the data are missing or damaged.
    """
    if name not in DATASETS:
        raise InputError(f"no data set '{name}'; there are {', '.join(DATASETS)}", field="dataset")
    return DATASETS[name](folder, seed)

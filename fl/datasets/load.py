"""A data set by its name."""

from __future__ import annotations

from collections.abc import Callable

from ...models.files import PathLike
from ...models.input_error import InputError
from .dataset import Dataset
from .digits import digits

__all__ = ["DATASETS", "load_dataset"]

# Each takes a folder and a seed; data that come from files ignore the seed, the others the folder.
DATASETS: dict[str, Callable[[PathLike | None, int], Dataset]] = {
    "digits": lambda folder, seed: digits(seed),
}


def load_dataset(name: str, folder: PathLike | None = None, seed: int = 0) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : str
        ``digits``.
    folder : path, optional
        Where the files are, for data that do not come with a package.
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

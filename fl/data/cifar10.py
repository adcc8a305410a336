"""CIFAR-10: pictures of 32 x 32 pixels, from the pickled batches that torchvision downloads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.files import PathLike
from ...models.input_error import InputError
from .array_pickle import read_pickled_dict
from .data_folder import DataFolder, scaled
from .dataset import Dataset

__all__ = ["cifar10"]

BATCHES = 5
PIXELS = 3 * 32 * 32


def cifar10(folder: PathLike | None) -> Dataset:
    """CIFAR-10 from ``cifar-10-batches-py/data_batch_1`` to ``data_batch_5`` and ``test_batch``.

    Parameters
    ----------
    folder : path
        The ``root`` that ``torchvision.datasets.CIFAR10`` was given.

    Returns
    -------
    Dataset
        Inputs of shape (n, 3, 32, 32) in [0, 1], 10 classes.

    Raises
    ------
    InputError
        If a file is missing or damaged, or its pickle names anything but arrays (nothing in it is executed).
    """
    source = DataFolder(folder, "cifar10", "torchvision.datasets.CIFAR10({}, download=True)")
    batches = [_batch(source, f"data_batch_{number}") for number in range(1, BATCHES + 1)]
    test_pixels, test_labels = _batch(source, "test_batch")
    train_pixels = np.concatenate([pixels for pixels, _ in batches])
    train_labels = np.concatenate([labels for _, labels in batches])
    return Dataset("cifar10", scaled(train_pixels), train_labels, scaled(test_pixels), test_labels, 10)


def _batch(source: DataFolder, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    path, content = source.read(f"cifar-10-batches-py/{name}")
    try:
        found = read_pickled_dict(content)
        pixels, labels = found.get("data"), found.get("labels")
        if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
            what = "x".join(map(str, pixels.shape)) if isinstance(pixels, np.ndarray) else type(pixels).__name__
            raise InputError(f"must be bytes of n x {PIXELS}, not {what}", field="data")
        if not isinstance(labels, list) or len(labels) != len(pixels):
            count = len(labels) if isinstance(labels, list) else "no"
            raise InputError(f"{count} labels for {len(pixels)} images", field="labels")
        for i, label in enumerate(labels):
            if type(label) is not int or not 0 <= label <= 9:
                raise InputError(f"{label!r} is not in 0..9", row=f"label {i}", field="labels")
    except InputError as error:
        raise error.in_file(path) from None
    return pixels.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)

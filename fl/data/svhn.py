"""SVHN: house numbers of 32 x 32 pixels, from the MAT files that torchvision downloads."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ...models.files import PathLike
from ...models.input_error import InputError
from .data_folder import DataFolder, scaled
from .dataset import Dataset

__all__ = ["svhn"]


def svhn(folder: PathLike | None) -> Dataset:
    """SVHN from ``train_32x32.mat`` and ``test_32x32.mat``.

    Parameters
    ----------
    folder : path
        The ``root`` that ``torchvision.datasets.SVHN`` was given.

    Returns
    -------
    Dataset
        Inputs of shape (n, 3, 32, 32) in [0, 1], 10 classes; class 0, which the files call 10, is the digit 0.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    source = DataFolder(folder, "svhn", "torchvision.datasets.SVHN({0}, 'train', download=True), the same with 'test'")
    train_inputs, train_labels = _part(source, "train_32x32.mat")
    test_inputs, test_labels = _part(source, "test_32x32.mat")
    return Dataset("svhn", train_inputs, train_labels, test_inputs, test_labels, 10)


def _part(source: DataFolder, file: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from scipy.io import loadmat

    path, content = source.read(file)
    try:
        found = loadmat(io.BytesIO(content), variable_names=["X", "y"])
    except Exception as error:  # Damaged files end in errors of many kinds there.
        raise InputError(f"not a MAT file that can be read: {error}", file=str(path)) from None
    try:
        return _images(found.get("X")), _labels(found.get("y"), found["X"].shape[3])
    except InputError as error:
        raise error.in_file(path) from None


def _images(X: object) -> NDArray[np.float32]:
    if not isinstance(X, np.ndarray) or X.dtype != np.uint8 or X.ndim != 4 or X.shape[:3] != (32, 32, 3):
        raise InputError(f"must be bytes of 32 x 32 x 3 x n, {_what(X)}", field="X")
    return scaled(np.ascontiguousarray(X.transpose(3, 2, 0, 1)))


def _labels(y: object, images: int) -> NDArray[np.int64]:
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iu" or y.shape != (images, 1):
        raise InputError(f"must be whole numbers, {images} x 1 like the images, {_what(y)}", field="y")
    labels = y[:, 0].astype(np.int64)
    wrong = np.flatnonzero((labels < 1) | (labels > 10))
    if wrong.size:
        raise InputError(f"label {labels[wrong[0]]}, not in 1..10", row=f"label {wrong[0]}", field="y")
    return labels % 10


def _what(found: object) -> str:
    if not isinstance(found, np.ndarray):
        return "and is missing"
    return f"not {found.dtype} of {' x '.join(map(str, found.shape))}"

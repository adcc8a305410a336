"""MNIST and Fashion-MNIST from the IDX files that torchvision downloads."""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from ...models.files import PathLike
from ...models.input_error import InputError
from .data_folder import DataFolder, scaled
from .dataset import Dataset

__all__ = ["fashion_mnist", "mnist", "parse_idx"]

UNSIGNED_BYTES = 8


def mnist(folder: PathLike | None) -> Dataset:
    """MNIST: digits of 28 x 28 pixels, from ``MNIST/raw``.

    Parameters
    ----------
    folder : path
        The ``root`` that ``torchvision.datasets.MNIST`` was given.

    Returns
    -------
    Dataset
        Inputs of shape (n, 1, 28, 28) in [0, 1], 10 classes.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    return _load(DataFolder(folder, "mnist", "torchvision.datasets.MNIST({}, download=True)"), "MNIST/raw")


def fashion_mnist(folder: PathLike | None) -> Dataset:
    """Fashion-MNIST: articles of clothing, in MNIST's formats, from ``FashionMNIST/raw``; as `mnist`."""
    maker = "torchvision.datasets.FashionMNIST({}, download=True)"
    return _load(DataFolder(folder, "fashion-mnist", maker), "FashionMNIST/raw")


def parse_idx(content: bytes, dimensions: int) -> NDArray[np.uint8]:
    """Parse an IDX file of unsigned bytes.

    Parameters
    ----------
    content : bytes
        Two zero bytes, the type of the entries, the number of dimensions, each dimension in four bytes (most
        significant first), the entries.
    dimensions : int
        How many there have to be.

    Returns
    -------
    ndarray of uint8

    Raises
    ------
    InputError
        If anything is otherwise, also if the file ends too early or too late.
    """
    if len(content) < 4 + 4 * dimensions:
        raise InputError(f"an IDX file of {len(content)} bytes ends within its header")
    zero, kind, count = struct.unpack_from(">HBB", content)
    if zero or kind != UNSIGNED_BYTES or count != dimensions:
        wanted = struct.pack(">HBB", 0, UNSIGNED_BYTES, dimensions).hex()
        raise InputError(f"not the IDX file expected: begins with {content[:4].hex()}, not {wanted}")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    entries = len(content) - 4 - 4 * dimensions
    if entries != math.prod(shape):
        raise InputError(f"an IDX file of {' x '.join(map(str, shape))} entries with {entries} bytes of them")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def _load(source: DataFolder, folder: str) -> Dataset:
    parts = [_part(source, f"{folder}/{prefix}") for prefix in ("train", "t10k")]
    (train_inputs, train_labels), (test_inputs, test_labels) = parts
    return Dataset(source.name, train_inputs, train_labels, test_inputs, test_labels, 10)


def _part(source: DataFolder, prefix: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    images = _idx(source, f"{prefix}-images-idx3-ubyte", (28, 28))
    labels = _idx(source, f"{prefix}-labels-idx1-ubyte", ())
    where = str(source.path(f"{prefix}-labels-idx1-ubyte", zipped=True))
    if len(labels) != len(images):
        raise InputError(f"{len(labels)} labels for {len(images)} images", file=where)
    if labels.size and labels.max() > 9:
        raise InputError(f"label {labels.max()}, not in 0..9", row=f"label {labels.argmax()}", file=where)
    return scaled(images[:, None]), labels.astype(np.int64)


def _idx(source: DataFolder, file: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    path, content = source.read(file, zipped=True)
    try:
        array = parse_idx(content, 1 + len(shape))
        if array.shape[1:] != shape:
            raise InputError(
                f"images of {' x '.join(map(str, array.shape[1:]))} pixels, not {' x '.join(map(str, shape))}"
            )
        return array
    except InputError as error:
        raise error.in_file(path) from None

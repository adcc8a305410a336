"""Folders of IDX files, the format of MNIST and Fashion-MNIST: four files with the names they were published under.

Any other labelled pictures become such a folder by :func:`write_idx`, so that the settings of an experiment can name them.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.files import PathLike, make_folder, read_bytes, write_whole
from ...models.input_error import InputError
from .dataset import Dataset

__all__ = ["parse_idx", "read_idx", "write_idx"]

# Code of the type in the header, and what it means.
TYPES = {8: np.dtype(np.uint8), 13: np.dtype(">f4")}
PARTS = ("train", "t10k")
IMAGES, LABELS = "{}-images-idx3-ubyte", "{}-labels-idx1-ubyte"
# Bytes of the largest file, unpacked.
MOST_BYTES = 4 << 30
# Where torchvision puts the files of the folder that it is given.
INSIDE = ("", "MNIST/raw", "FashionMNIST/raw")


def read_idx(folder: PathLike, name: str) -> Dataset:
    """Read ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same with ``t10k``, plain or with ``.gz``.

    Parameters
    ----------
    folder : path
        Where the files are, or the ``root`` that torchvision was given to download them.
    name : str
        What to call the data.

    Returns
    -------
    Dataset
        As :meth:`.dataset.Dataset.of` makes it: bytes scaled to [0, 1], as many classes as the greatest label needs.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    places = [Path(folder) / inside for inside in INSIDE]
    place = next((place for place in places if _find(place / IMAGES.format("train"))), places[0])
    try:
        train, test = ((_read(place / IMAGES.format(part)), _read(place / LABELS.format(part))) for part in PARTS)
        return Dataset.of(name, train, test)
    except InputError as error:
        raise error.in_file(place) from None


def write_idx(data: Dataset, folder: PathLike) -> None:
    """Write a data set as a folder that :func:`read_idx` returns it from, inputs as numbers in single precision.

    Raises
    ------
    InputError
        If there are more than 256 classes, or a file cannot be written.
    """
    if data.classes > 256:
        raise InputError(f"IDX labels are bytes, there are {data.classes} classes", row=data.name, field="classes")
    make_folder(Path(folder))
    for part, split in zip(PARTS, ("train", "test"), strict=True):
        for file, code, field in ((IMAGES, 13, "inputs"), (LABELS, 8, "labels")):
            array = getattr(data, f"{split}_{field}").astype(TYPES[code])
            header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
            write_whole(Path(folder) / file.format(part), header + array.tobytes())


def parse_idx(content: bytes) -> NDArray[np.generic]:
    """Parse an IDX file of unsigned bytes or of numbers in single precision.

    Parameters
    ----------
    content : bytes
        Two zero bytes, the type of the entries, the number of dimensions, each dimension in four bytes (most
        significant first), the entries.

    Raises
    ------
    InputError
        If anything is otherwise, also if the file ends too early or too late.
    """
    zero, code, dimensions = struct.unpack_from(">HBB", content) if len(content) >= 4 else (0, 8, 0)
    if zero or code not in TYPES:
        wanted = " or ".join(f"0000{known:02x}" for known in TYPES)
        raise InputError(f"not an IDX file of bytes or numbers: begins with {content[:3].hex()}, not {wanted}")
    start = 4 + 4 * dimensions
    if len(content) < max(start, 4):
        raise InputError(f"an IDX file of {len(content)} bytes ends within its header")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    size = TYPES[code].itemsize * math.prod(shape)
    if len(content) - start != size:
        raise InputError(
            f"an IDX file of {' x '.join(map(str, shape))} entries with {len(content) - start} bytes of them"
        )
    return np.frombuffer(content, TYPES[code], offset=start).reshape(shape)


def _find(file: Path) -> Path | None:
    zipped = file.with_name(f"{file.name}.gz")
    return next((path for path in (file, zipped) if path.is_file()), None)


def _read(file: Path) -> NDArray[np.generic]:
    path = _find(file)
    if path is None:
        makers = "torchvision.datasets.MNIST(FOLDER, download=True) or fedmech.fl.data.idx.write_idx(DATA, FOLDER)"
        raise InputError(f"no such file (or .gz); made by {makers}", file=str(file))
    try:
        content = read_bytes(path, MOST_BYTES)
        if path.suffix == ".gz":
            with gzip.open(io.BytesIO(content)) as unpacked:
                # A small file can unpack to a thousand times its size.
                content = unpacked.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise InputError(f"unpacks to more than {MOST_BYTES:,} bytes")
        return parse_idx(content)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"damaged gzip file: {error}", file=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot read: {error.strerror or error}", file=str(path)) from None
    except InputError as error:
        raise error.in_file(path) from None

"""Folders of IDX files: tiny ones in the very format, the same damaged in every way, and what is written of any data set."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from fedmech.fl.data import load
from fedmech.fl.data.dataset import Dataset
from fedmech.fl.data.idx import parse_idx, read_idx, write_idx
from fedmech.fl.data.load import load_dataset
from fedmech.models.input_error import InputError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

FILES = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def idx(array: np.ndarray) -> bytes:
    """An IDX file, as http://yann.lecun.com/exdb/mnist describes it."""
    code = {"u": 8, "f": 13}[array.dtype.kind]
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def make_mnist(folder: Path, ending: str = "") -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    arrays = {}
    for file, size in zip(FILES, (7, 7, 3, 3), strict=True):
        shape = (size, 28, 28) if "images" in file else (size,)
        arrays[file] = draw.integers(0, 256 if "images" in file else 10, shape, dtype=np.uint8)
        write(folder / (file + ending), idx(arrays[file]))
    arrays[FILES[1]][0] = 9
    write(folder / (FILES[1] + ending), idx(arrays[FILES[1]]))
    return arrays


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "anything"])
@pytest.mark.parametrize("inside", ["", "MNIST/raw", "FashionMNIST/raw"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_idx_files_are_read(tmp_path: Path, name: str, inside: str, ending: str) -> None:
    arrays = make_mnist(tmp_path / inside, ending)
    data = load_dataset(name, tmp_path)
    assert (data.name, data.classes, data.input_shape) == (name, 10, (1, 28, 28))
    for part, file in (("train", "train"), ("test", "t10k")):
        inputs, labels = getattr(data, f"{part}_inputs"), getattr(data, f"{part}_labels")
        pixels = arrays[f"{file}-images-idx3-ubyte"]
        for i, row, column in np.ndindex(*pixels.shape):
            assert inputs[i, 0, row, column] == np.float32(pixels[i, row, column]) / np.float32(255)
        assert labels.tolist() == arrays[f"{file}-labels-idx1-ubyte"].tolist()


def test_fashion_mnist_is_looked_for_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(load.INSTALLED, "fashion-mnist", tmp_path / "installed")
    with pytest.raises(InputError, match="Debian's package dataset-fashion-mnist is not installed"):
        load_dataset("fashion-mnist")
    (tmp_path / "installed").mkdir()
    with pytest.raises(InputError, match=f"{tmp_path}/installed/train-images-idx3-ubyte: no such file"):
        load_dataset("fashion-mnist")
    make_mnist(tmp_path / "installed", ".gz")
    assert len(load_dataset("fashion-mnist").train_labels) == 7
    assert load_dataset(tmp_path / "installed").name == "installed"


def test_unzipped_files_come_first(tmp_path: Path) -> None:
    make_mnist(tmp_path)
    for file in FILES:
        (tmp_path / (file + ".gz")).write_bytes(b"no gzip file")
    assert len(read_idx(tmp_path, "mnist").train_labels) == 7


IMAGES = idx(np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28))
LABELS = idx(np.array([3, 1], dtype=np.uint8))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (FILES[0], IMAGES[:-1], "2 x 28 x 28 entries with 1567 bytes"),
        (FILES[0], IMAGES + b"\0", "2 x 28 x 28 entries with 1569 bytes"),
        (FILES[0], IMAGES[:9], "9 bytes ends within its header"),
        (FILES[0], b"", "0 bytes ends within its header"),
        (FILES[0], b"\0\0\x08", "3 bytes ends within its header"),
        (FILES[0], b"\0\0\x0b\x03" + IMAGES[4:], "begins with 00000b, not 000008 or 00000d"),
        (FILES[0], b"\0\0\x0d\x03" + IMAGES[4:], "2 x 28 x 28 entries with 1568 bytes"),
        (FILES[0], b"\1\0\x08\x03" + IMAGES[4:], "begins with 010008"),
        (FILES[0], gzip.compress(IMAGES, mtime=0), "begins with 1f8b"),
        (FILES[0], LABELS, "inputs of shape (2,) with labels of shape (7,)"),
        (FILES[0], struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 28, 28), "4294967295 x 28 x 28 entries with 0"),
        (FILES[0], idx(np.full((7, 28, 28), np.nan, np.float32)), "field 'train_inputs': not all finite"),
        (FILES[1], LABELS, "inputs of shape (7, 1, 28, 28) with labels of shape (2,)"),
        (FILES[1], idx(np.zeros(7, np.float32)), "field 'train_labels': whole numbers are needed, not float32"),
        (FILES[2], idx(np.zeros((3, 28, 27), np.uint8)), "field 'test_inputs': of another shape than the training"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_damaged_idx_files_are_refused(tmp_path: Path, ending: str, file: str, content: bytes, message: str) -> None:
    make_mnist(tmp_path, ending)
    write(tmp_path / (file + ending), content)
    with pytest.raises(InputError) as refused:
        read_idx(tmp_path, "mnist")
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path))


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[: len(b) // 2], lambda b: b"PK" + b, lambda b: b"",
                                    lambda b: b[:20] + bytes([b[20] ^ 255]) + b[21:]])  # fmt: skip
def test_damaged_gzip_files_are_refused(tmp_path: Path, damage) -> None:
    make_mnist(tmp_path, ".gz")
    target = tmp_path / (FILES[2] + ".gz")
    target.write_bytes(damage(target.read_bytes()))
    with pytest.raises(InputError, match=f"{FILES[2]}.gz"):
        read_idx(tmp_path, "mnist")


@given(st.binary(max_size=60))
def test_any_bytes_are_an_idx_file_or_refused(content: bytes) -> None:
    try:
        array = parse_idx(content)
    except InputError:
        return
    assert idx(array) == content


@given(
    hnp.arrays(st.sampled_from([np.dtype(np.uint8), np.dtype(np.float32)]), hnp.array_shapes(max_dims=4, max_side=4))
)
def test_what_the_format_describes_is_read_bit_by_bit(array: np.ndarray) -> None:
    assert parse_idx(idx(array)).tobytes() == array.astype(array.dtype.newbyteorder(">")).tobytes()


@given(
    hnp.arrays(
        np.float32,
        st.one_of(st.tuples(st.just(3), st.integers(1, 4)), st.tuples(*map(st.just, (3, 2, 4, 5)))),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    ),
    st.lists(st.integers(0, 255), min_size=3, max_size=3),
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, inputs: np.ndarray, labels) -> None:
    labels = np.array(labels)
    data = Dataset("own", inputs, labels, inputs[:1], labels[:1], int(labels.max()) + 1)
    folder = tmp_path_factory.mktemp("own") / "made" / "anew"
    write_idx(data, folder)
    again = read_idx(folder, "own")
    assert again.classes == data.classes
    for field in ("train_inputs", "train_labels", "test_inputs", "test_labels"):
        assert np.array_equal(getattr(again, field), getattr(data, field))
        assert getattr(again, field).dtype == getattr(data, field).dtype


def test_more_classes_than_a_byte_counts_are_not_written(tmp_path: Path) -> None:
    data = Dataset.of("own", (np.zeros((1, 2)), [256]), (np.zeros((1, 2)), [0]))
    with pytest.raises(InputError, match="IDX labels are bytes, there are 257 classes"):
        write_idx(data, tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no data set 'imagenet' without a folder of IDX files; there are digits"):
        load_dataset("imagenet")
    for file in FILES:
        make_mnist(tmp_path)
        (tmp_path / file).unlink()
        with pytest.raises(
            InputError, match=r"torchvision\.datasets\.MNIST\(FOLDER, download=True\) or .*write_idx"
        ) as refused:
            load_dataset("mnist", tmp_path)
        assert str(refused.value).startswith(f"{tmp_path / file}: no such file")

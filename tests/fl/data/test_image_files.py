"""MNIST, Fashion-MNIST, SVHN and CIFAR-10: tiny files in their very formats, and the same damaged in every way."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from fedmech.fl.data.array_pickle import read_pickled_dict
from fedmech.fl.data.load import load_dataset
from fedmech.fl.data.mnist import parse_idx
from fedmech.models.input_error import InputError
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

MNIST_FILES = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def idx(array: np.ndarray) -> bytes:
    """An IDX file, as http://yann.lecun.com/exdb/mnist describes it."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape) + array.tobytes()


def make_mnist(folder: Path, ending: str = "") -> dict[str, np.ndarray]:
    draw = np.random.default_rng(1)
    arrays = {}
    for file, size in zip(MNIST_FILES, (7, 7, 3, 3), strict=True):
        shape = (size, 28, 28) if "images" in file else (size,)
        arrays[file] = draw.integers(0, 256 if "images" in file else 10, shape, dtype=np.uint8)
        write(folder / (file + ending), idx(arrays[file]))
    return arrays


@pytest.mark.parametrize(("name", "inside"), [("mnist", "MNIST/raw"), ("fashion-mnist", "FashionMNIST/raw")])
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


def test_unzipped_files_come_first(tmp_path: Path) -> None:
    make_mnist(tmp_path / "MNIST/raw")
    for file in MNIST_FILES:
        (tmp_path / "MNIST/raw" / (file + ".gz")).write_bytes(b"no gzip file")
    assert len(load_dataset("mnist", tmp_path).train_labels) == 7


IMAGES = idx(np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28))
LABELS = idx(np.array([3, 1], dtype=np.uint8))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (MNIST_FILES[0], IMAGES[:-1], "2 x 28 x 28 entries with 1567 bytes"),
        (MNIST_FILES[0], IMAGES + b"\0", "2 x 28 x 28 entries with 1569 bytes"),
        (MNIST_FILES[0], IMAGES[:9], "9 bytes ends within its header"),
        (MNIST_FILES[0], b"", "0 bytes ends within its header"),
        (MNIST_FILES[0], b"\0\0\x0d\x03" + IMAGES[4:], "begins with 00000d03, not 00000803"),
        (MNIST_FILES[0], b"\1\0\x08\x03" + IMAGES[4:], "begins with 01000803, not 00000803"),
        (MNIST_FILES[0], gzip.compress(IMAGES), "begins with 1f8b"),
        (MNIST_FILES[0], LABELS + b"\0" * 99, "begins with 00000801, not 00000803"),
        (MNIST_FILES[0], idx(np.zeros((2, 28, 27), np.uint8)), "28 x 27 pixels, not 28 x 28"),
        (MNIST_FILES[0], struct.pack(">HBBIII", 0, 8, 3, 2**32 - 1, 28, 28), "4294967295 x 28 x 28 entries with 0"),
        (MNIST_FILES[1], IMAGES, "begins with 00000803, not 00000801"),
        (MNIST_FILES[1], LABELS, "2 labels for 7 images"),
        (MNIST_FILES[3], idx(np.array([3, 10, 1], np.uint8)), "label 10, not in 0..9"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_damaged_idx_files_are_refused(tmp_path: Path, ending: str, file: str, content: bytes, message: str) -> None:
    folder = tmp_path / "MNIST/raw"
    make_mnist(folder, ending)
    write(folder / (file + ending), content)
    with pytest.raises(InputError) as refused:
        load_dataset("mnist", tmp_path)
    assert message in str(refused.value)
    assert str(refused.value).startswith(f"{folder / (file + ending)}")


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[: len(b) // 2], lambda b: b"PK" + b, lambda b: b"",
                                    lambda b: b[:20] + bytes([b[20] ^ 255]) + b[21:]])  # fmt: skip
def test_damaged_gzip_files_are_refused(tmp_path: Path, damage) -> None:
    folder = tmp_path / "MNIST/raw"
    make_mnist(folder, ".gz")
    target = folder / (MNIST_FILES[2] + ".gz")
    target.write_bytes(damage(target.read_bytes()))
    with pytest.raises(InputError, match=f"{MNIST_FILES[2]}.gz"):
        load_dataset("mnist", tmp_path)


@given(st.binary(max_size=60), st.integers(1, 3))
def test_any_bytes_are_an_idx_file_or_refused(content: bytes, dimensions: int) -> None:
    try:
        array = parse_idx(content, dimensions)
    except InputError:
        return
    assert idx(array) == content


# SVHN ----------------------------------------------------------------------------------------------------------------


def make_svhn(folder: Path, **changes: object) -> dict[str, dict]:
    draw = np.random.default_rng(2)
    files = {}
    for file, size in (("train_32x32.mat", 6), ("test_32x32.mat", 1)):
        files[file] = {
            "X": draw.integers(0, 256, (32, 32, 3, size), dtype=np.uint8),
            "y": draw.integers(1, 11, (size, 1), dtype=np.uint8),
        }
    files["train_32x32.mat"]["y"][:3, 0] = [10, 1, 9]
    files["train_32x32.mat"] |= changes
    for file, content in files.items():
        savemat(folder / file, {key: value for key, value in content.items() if value is not None}, do_compression=True)
    return files


def test_svhn_is_read(tmp_path: Path) -> None:
    files = make_svhn(tmp_path)
    data = load_dataset("svhn", tmp_path)
    assert (data.name, data.classes, data.input_shape) == ("svhn", 10, (3, 32, 32))
    assert data.train_labels[:3].tolist() == [0, 1, 9]
    for part in ("train", "test"):
        content = files[f"{part}_32x32.mat"]
        inputs, labels = getattr(data, f"{part}_inputs"), getattr(data, f"{part}_labels")
        assert labels.tolist() == [int(y) if y < 10 else 0 for y in content["y"][:, 0]]
        for row, column, channel, i in np.ndindex(*content["X"].shape):
            assert inputs[i, channel, row, column] == np.float32(content["X"][row, column, channel, i]) / np.float32(
                255
            )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X": None}, "field 'X': must be bytes of 32 x 32 x 3 x n, and is missing"),
        ({"y": None}, "field 'y': must be whole numbers, 6 x 1 like the images, and is missing"),
        ({"X": np.zeros((32, 32, 3, 6))}, "field 'X': must be bytes of 32 x 32 x 3 x n, not float64"),
        ({"X": np.zeros((6, 3, 32, 32), np.uint8)}, "not uint8 of 6 x 3 x 32 x 32"),
        ({"X": np.zeros((32, 32, 3, 5), np.uint8)}, "5 x 1 like the images, not uint8 of 6 x 1"),
        ({"y": np.ones((1, 6), np.uint8)}, "not uint8 of 1 x 6"),
        ({"y": np.ones((6, 1))}, "not float64 of 6 x 1"),
        ({"y": np.array([[1], [2], [0], [1], [1], [1]], np.uint8)}, "label 2, field 'y': label 0, not in 1..10"),
        ({"y": np.array([[1], [2], [3], [1], [11], [1]], np.uint8)}, "label 4, field 'y': label 11, not in 1..10"),
        ({"X": np.array([[{"a": 1}]], dtype=object)}, "field 'X'"),
    ],
)
def test_wrong_mat_files_are_refused(tmp_path: Path, changes: dict, message: str) -> None:
    make_svhn(tmp_path, **changes)
    with pytest.raises(InputError) as refused:
        load_dataset("svhn", tmp_path)
    assert message in str(refused.value)
    assert str(tmp_path / "train_32x32.mat") in str(refused.value)


@pytest.mark.parametrize("share", [0, 1, 100, 130, 1_000, -1])
def test_truncated_mat_files_are_refused(tmp_path: Path, share: int) -> None:
    make_svhn(tmp_path)
    target = tmp_path / "test_32x32.mat"
    target.write_bytes(target.read_bytes()[:share])
    with pytest.raises(InputError, match=r"test_32x32.mat"):
        load_dataset("svhn", tmp_path)


# CIFAR-10 ------------------------------------------------------------------------------------------------------------


def text2(value: bytes) -> bytes:
    """Python 2's pickle of a string, protocol 2."""
    return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<I", len(value)) + value


def int2(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)


def array2(array: np.ndarray, code: bytes = b"u1") -> bytes:
    """Python 2's pickle of a numpy array of bytes."""
    kind = b"cnumpy\ndtype\n" + text2(code) + b"K\x00K\x01\x87R(K\x03" + text2(b"|") + b"NNN"
    kind += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"(" + b"".join(map(int2, array.shape)) + b"t"
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text2(b"b") + b"\x87R"
    return start + b"(K\x01" + shape + kind + b"\x89" + text2(array.tobytes()) + b"tb"


def batch2(pixels: np.ndarray, labels: list[int], code: bytes = b"u1") -> bytes:
    """A batch as the CIFAR-10 archive has it: a dictionary pickled by Python 2."""
    items = [
        (b"batch_label", text2(b"training batch 1 of 5")),
        (b"labels", b"](" + b"".join(map(int2, labels)) + b"e"),
        (b"data", array2(pixels, code)),
        (b"filenames", b"](" + b"".join(text2(b"camion_s_%06d.png" % i) for i in range(len(labels))) + b"e"),
    ]
    return b"\x80\x02}(" + b"".join(text2(key) + value for key, value in items) + b"u."


def make_cifar(folder: Path, to_bytes=batch2) -> dict[str, tuple[np.ndarray, list[int]]]:
    draw = np.random.default_rng(3)
    batches = {}
    for name, size in [*((f"data_batch_{i}", i) for i in range(1, 6)), ("test_batch", 4)]:
        pixels = draw.integers(0, 256, (size, 3072), dtype=np.uint8)
        batches[name] = pixels, draw.integers(0, 10, size).tolist()
        write(folder / "cifar-10-batches-py" / name, to_bytes(*batches[name]))
    return batches


def test_the_hand_written_pickle_is_pythons_own() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3072), dtype=np.uint8)
    found = pickle.loads(batch2(pixels, [4, 7]), encoding="bytes")
    assert np.array_equal(found[b"data"], pixels)
    assert found[b"labels"] == [4, 7]
    assert found[b"filenames"] == [b"camion_s_000000.png", b"camion_s_000001.png"]


def python3(protocol: int):
    return lambda pixels, labels: pickle.dumps({"data": pixels, "labels": labels, "batch_label": "x"}, protocol)


@pytest.mark.parametrize(
    "to_bytes",
    [batch2, *map(python3, range(2, 5)), lambda p, y: pickle.dumps({b"data": np.asfortranarray(p), b"labels": y}, 2)],
)
def test_cifar_is_read(tmp_path: Path, to_bytes) -> None:
    batches = make_cifar(tmp_path, to_bytes)
    data = load_dataset("cifar10", tmp_path)
    assert (data.name, data.classes, data.input_shape) == ("cifar10", 10, (3, 32, 32))
    labels = [label for name in sorted(batches)[:5] for label in batches[name][1]]
    assert data.train_labels.tolist() == labels
    assert data.test_labels.tolist() == batches["test_batch"][1]
    # 1,024 red bytes, row after row, then green, then blue; batches one after the other.
    for sample, (name, i) in ((0, ("data_batch_1", 0)), (5, ("data_batch_3", 2)), (14, ("data_batch_5", 4))):
        for channel, row, column in np.ndindex(3, 32, 32):
            byte = batches[name][0][i, 1024 * channel + 32 * row + column]
            assert data.train_inputs[sample, channel, row, column] == np.float32(byte) / np.float32(255)


class Bomb:
    """Runs a command when unpickled."""

    def __init__(self, call, *arguments) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("where", [lambda bomb: bomb, lambda bomb: {"data": bomb}, lambda bomb: {"labels": [[bomb]]}])
def test_malicious_pickles_are_refused_and_not_executed(tmp_path: Path, protocol: int, where) -> None:
    mark = tmp_path / "executed"
    bombs = [
        Bomb(os.system, f"touch {mark}"),
        Bomb(eval, f"open({str(mark)!r}, 'w')"),
        Bomb(open, str(mark), "w"),
        Bomb(np.load, str(mark)),
        Bomb(pickle.loads, pickle.dumps(Bomb(os.system, f"touch {mark}"))),
    ]
    for bomb in bombs:
        make_cifar(tmp_path)
        target = tmp_path / "cifar-10-batches-py/data_batch_4"
        target.write_bytes(pickle.dumps(where(bomb), protocol))
        with pytest.raises(InputError, match="refused: the pickle names") as refused:
            load_dataset("cifar10", tmp_path)
        assert str(target) in str(refused.value)
        assert not mark.exists()
    # The same pickle does its harm in an ordinary reader.
    pickle.loads(pickle.dumps(where(bombs[0]), protocol))
    assert mark.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cos\nsystem\n.",
        b"cnumpy\nndarray\n(S'/etc/passwd'\ntR.",
        b"cnumpy.f2py.os\nsystem\n.",
        b"\x80\x02cnumpy\ndtype\n)\x81}U\x01aK\x01sb.",
        b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
        b"\x80\x02Pabc\n.",
        b"\x80\x02\x82\x01.",
        b"cnumpy.core.multiarray\n_reconstruct\n(N}U\x08__code__K\x01stb.",
    ],
)
def test_odd_programs_are_refused(program: bytes) -> None:
    with pytest.raises(InputError):
        read_pickled_dict(program)


@given(st.data())
def test_damaged_pickles_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(batch2(np.arange(6, dtype=np.uint8).reshape(2, 3), [4, 7]))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    try:
        found = read_pickled_dict(bytes(content[:end]))
    except InputError:
        return
    assert isinstance(found, dict)


GOOD = np.zeros((2, 3072), np.uint8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (batch2(GOOD, [1, 2])[:-500], "not a pickle that can be read"),
        (b"", "not a pickle that can be read"),
        (b"PK\3\4 a zip file", "not a pickle that can be read"),
        (pickle.dumps([1, 2]), "not a dictionary but list"),
        (pickle.dumps({1: 2}), "int in the place of a name"),
        (pickle.dumps({"labels": [1, 2]}), "field 'data': must be bytes of n x 3072, not NoneType"),
        (batch2(GOOD[:, :-1], [1, 2]), "field 'data': must be bytes of n x 3072, not 2x3071"),
        (batch2(GOOD, [1]), "field 'labels': 1 labels for 2 images"),
        (pickle.dumps({"data": GOOD}, 4), "field 'labels': no labels for 2 images"),
        (batch2(GOOD, [1, 10]), "label 1, field 'labels': 10 is not in 0..9"),
        (pickle.dumps({"data": GOOD, "labels": [1, True]}, 4), "True is not in 0..9"),
        (batch2(GOOD, [1, 2], b"i1"), "type 'i1', not of unsigned bytes"),
        (pickle.dumps({"data": GOOD.astype(np.float32), "labels": [1, 2]}, 4), "type 'f4', not of unsigned bytes"),
        (pickle.dumps({"data": np.array([[{}]]), "labels": [1]}, 4), "type 'O8', not of unsigned bytes"),
        (batch2(GOOD, [1, 2]).replace(b"K\x02J\x00\x0c\x00\x00", b"K\x03J\x00\x0c\x00\x00"), "3 x 3072 entries with"),
    ],
)
def test_wrong_batches_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    make_cifar(tmp_path)
    target = tmp_path / "cifar-10-batches-py/test_batch"
    target.write_bytes(content)
    with pytest.raises(InputError) as refused:
        load_dataset("cifar10", tmp_path)
    assert message in str(refused.value)
    assert str(target) in str(refused.value)


# Missing files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "make", "files", "call"),
    [
        ("mnist", lambda f: make_mnist(f / "MNIST/raw"), [f"MNIST/raw/{file}" for file in MNIST_FILES], "MNIST"),
        (
            "fashion-mnist",
            lambda f: make_mnist(f / "FashionMNIST/raw"),
            [f"FashionMNIST/raw/{file}" for file in MNIST_FILES],
            "FashionMNIST",
        ),
        ("svhn", make_svhn, ["train_32x32.mat", "test_32x32.mat"], "SVHN"),
        ("cifar10", make_cifar, ["cifar-10-batches-py/data_batch_3", "cifar-10-batches-py/test_batch"], "CIFAR10"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, name: str, make, files: list[str], call: str) -> None:
    with pytest.raises(InputError, match=rf"{name} needs a folder .*torchvision\.datasets\.{call}\("):
        load_dataset(name)
    for file in files:
        make(tmp_path)
        (tmp_path / file).unlink()
        with pytest.raises(InputError) as refused:
            load_dataset(name, tmp_path)
        assert str(refused.value).startswith(f"{tmp_path / file}: no such file")
        assert f"torchvision.datasets.{call}({str(tmp_path)!r}, " in str(refused.value)

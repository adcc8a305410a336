"""Data sets: the digits in the box, torch data sets, arrays."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from fedmech.fl.data.dataset import Dataset
from fedmech.fl.data.digits import read_digits
from fedmech.fl.data.load import load_dataset
from fedmech.models.input_error import InputError
from PIL import Image
from torch.utils.data import Subset, TensorDataset


def test_the_digits_are_scikit_learns() -> None:
    data = load_dataset("digits", seed=4)
    assert (data.name, data.classes, data.input_shape) == ("digits", 10, (1, 8, 8))
    assert len(data.train_labels) == 1_297
    assert len(data.test_labels) == 500
    assert data.train_inputs.min() == 0
    assert data.train_inputs.max() == 1
    from sklearn.datasets import load_digits

    original: Any = load_digits()
    images, labels = read_digits()
    assert np.array_equal(images, original.data)
    assert np.array_equal(labels, original.target)
    mine = {
        (image.tobytes(), int(label))
        for inputs, labels in ((data.train_inputs, data.train_labels), (data.test_inputs, data.test_labels))
        for image, label in zip((inputs * 16).astype(np.uint8), labels, strict=True)
    }
    theirs = {
        (image.astype(np.uint8).tobytes(), int(label))
        for image, label in zip(original.images, original.target, strict=True)
    }
    assert mine == theirs
    assert len(theirs) == 1_797


def test_the_split_depends_on_the_seed_alone() -> None:
    first, again, other = (load_dataset("digits", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.train_inputs, again.train_inputs)
    assert np.array_equal(first.test_labels, again.test_labels)
    assert not np.array_equal(first.test_labels, other.test_labels)


def test_a_subset_keeps_the_numbers_of_its_classes() -> None:
    data = load_dataset("digits")
    part = data.subset([7, 3, 3])
    assert part.classes == 10
    assert set(part.train_labels.tolist()) == set(part.test_labels.tolist()) == {3, 7}
    kept = [i for i, label in enumerate(data.test_labels) if label in (3, 7)]
    assert np.array_equal(part.test_inputs, data.test_inputs[kept])
    assert len(data.subset([]).train_labels) == 0
    with pytest.raises(InputError, match="class 10 is not in"):
        data.subset([0, 10])


def test_fewer_test_samples_are_the_first_ones() -> None:
    whole = load_dataset("digits", seed=3)
    assert whole.tested_on(0) is whole
    some = whole.tested_on(7)
    assert (some.test_inputs == whole.test_inputs[:7]).all()
    assert (some.test_labels == whole.test_labels[:7]).all()
    assert some.train_inputs is whole.train_inputs
    assert len(whole.tested_on(10**6).test_labels) == len(whole.test_labels)


def test_without_scikit_learn_the_digits_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r"need scikit-learn: pip install 'fedmech\[fl\]'"):
        load_dataset("digits")


def test_data_and_partitions_need_numpy_alone() -> None:
    code = (
        "import sys, fedmech.fl.data.load, fedmech.fl.data.partitions, fedmech.fl.data.label_noise, fedmech.fl.sharing.linear_market;"
        "print([name for name in ('torch', 'sklearn', 'scipy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Pictures:
    """What a torch data set has to have: a length and items. Its pictures are torchvision's without a transform."""

    classes: ClassVar = ["cat", "dog", "unicorn"]

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.pixels = np.random.default_rng(5).integers(0, 256, (4, *shape), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[Any, int]:
        return Image.fromarray(self.pixels[i]), i % 2


def test_torch_data_sets_and_arrays_are_read_alike() -> None:
    for shape in ((5, 6), (5, 6, 3)):
        pictures = Pictures(shape)
        first = pictures.pixels.reshape(4, 5, 6, -1).transpose(0, 3, 1, 2)
        labels = np.array([0, 1, 0, 1])
        tensors = TensorDataset(torch.tensor(first / np.float32(255)), torch.tensor(labels))
        scaled: Any = first / np.float32(255)
        expected = Dataset("own", scaled, labels, scaled[:2], labels[:2], 3)
        sources = {
            "pictures": (pictures, Subset(pictures, [0, 1])),  # type: ignore[arg-type]
            "tensors": (tensors, Subset(tensors, [0, 1])),
            "arrays": ((first, labels), (first[:2], labels[:2])),
            "doubles": [(first / 255, labels.astype(np.uint8)), (torch.tensor(first[:2]) / 255, [0, 1])],
        }
        for kind, source in sources.items():
            found = load_dataset(source)
            # Only the first says that there is a class that it lacks.
            assert found.classes == (3 if kind == "pictures" else 2)
            for field in ("train_inputs", "train_labels", "test_inputs", "test_labels"):
                assert np.array_equal(getattr(found, field), getattr(expected, field)), (kind, field)
        assert load_dataset(expected) is expected
    grey = np.zeros((2, 5, 6), np.uint8)
    assert load_dataset(((grey, [0, 1]), (grey, [0, 1]))).input_shape == (1, 5, 6)


GOOD = (np.zeros((2, 3)), np.array([0, 1]))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (7, "two parts are needed"),
        ((GOOD,), "two parts are needed"),
        ((GOOD, None), "two parts are needed"),
        (((GOOD[0],), GOOD), r"needs items \(input, label\)"),
        ((GOOD, (GOOD[0], np.array([0.0, 1.0]))), "field 'test_labels': whole numbers are needed, not float64"),
        (((GOOD[0], np.array([True, False])), GOOD), "field 'train_labels': whole numbers are needed, not bool"),
        (((GOOD[0].astype(str), GOOD[1]), GOOD), "field 'train_inputs': numbers are needed, not str"),
        (([[1.0, 2.0], [3]], GOOD), r"inputs of shape \(2,\) with labels of shape \(1,\)"),
        ((GOOD, TensorDataset(torch.zeros(2, 3), torch.zeros(2))), r"needs items \(input, label\)"),
        ((GOOD, TensorDataset(torch.zeros(2, 3))), r"needs items \(input, label\)"),
        ((GOOD, [(np.zeros(3), 0), (np.zeros(4), 0), (np.zeros(3), 0)]), r"needs items .* all of one shape"),
    ],
)
def test_what_is_no_data_set_is_refused(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_dataset(source)


def test_data_that_do_not_fit_together_are_refused() -> None:
    good = Dataset(
        "own", np.zeros((2, 3), np.float32), np.array([0, 1]), np.zeros((1, 3), np.float32), np.array([1]), 2
    )
    for change, message in (
        ({"train_inputs": np.zeros((2, 3))}, "float32"),
        ({"test_labels": np.array([1], dtype=np.int32)}, "int64"),
        ({"train_labels": np.array([0, 1, 1])}, "shape"),
        ({"train_inputs": np.zeros((2, 3, 1), np.float32)}, "shape"),
        ({"test_inputs": np.zeros((1, 4), np.float32)}, "another shape"),
        ({"test_labels": np.array([2])}, "not all in"),
        ({"train_labels": np.array([0, -1])}, "not all in"),
        ({"test_inputs": np.full((1, 3), np.nan, np.float32)}, "not all finite"),
    ):
        with pytest.raises(InputError, match=message):
            replace(good, **change)

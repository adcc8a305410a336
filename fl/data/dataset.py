"""A labelled data set: inputs and labels to train on and to test on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.arrays import plain_array
from ...models.input_error import InputError

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and labels, split into training and test samples.

    Parameters
    ----------
    name : str
        Where the data come from.
    train_inputs, test_inputs : ndarray of float32, shape (n, channels, height, width) or (n, d)
        Images scaled to [0, 1], or plain features.
    train_labels, test_labels : ndarray of int64, shape (n,)
        Classes, from 0 to ``classes - 1``.
    classes : int
        Number of classes, whether or not all of them occur.

    Raises
    ------
    InputError
        If shapes or types do not fit together, a label is out of range or an input not finite.
    """

    name: str
    train_inputs: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_inputs: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    classes: int

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            inputs, labels = getattr(self, f"{part}_inputs"), getattr(self, f"{part}_labels")
            if inputs.dtype != np.float32 or labels.dtype != np.int64:
                raise InputError("inputs must be float32 and labels int64", row=self.name, field=f"{part}_inputs")
            if inputs.ndim not in (2, 4) or labels.ndim != 1 or len(inputs) != len(labels):
                raise InputError(
                    f"inputs of shape {inputs.shape} with labels of shape {labels.shape}",
                    row=self.name,
                    field=f"{part}_inputs",
                )
            if inputs.shape[1:] != self.train_inputs.shape[1:]:
                raise InputError("of another shape than the training inputs", row=self.name, field=f"{part}_inputs")
            if not np.isfinite(inputs).all():
                raise InputError("not all finite", row=self.name, field=f"{part}_inputs")
            if labels.size and not (labels.min() >= 0 and labels.max() < self.classes):
                raise InputError(f"not all in 0..{self.classes - 1}", row=self.name, field=f"{part}_labels")

    @classmethod
    def of(cls, name: str, train: tuple[Any, Any], test: tuple[Any, Any], classes: int | None = None) -> Dataset:
        """Make a data set of arrays as they come.

        Parameters
        ----------
        name : str
        train, test : pair of arrays
            Inputs, of shape (n, channels, height, width), (n, height, width) or (n, d): bytes 0..255, which are scaled to [0, 1],
            or numbers, which are rounded to single precision. Labels, whole numbers from 0 on.
        classes : int, optional
            As many as the greatest label needs when missing.

        Raises
        ------
        InputError
            If inputs are no numbers, labels not whole, or they do not fit together.
        """
        parts: list[Any] = []
        for part, pair in (("train", train), ("test", test)):
            inputs, labels = (
                plain_array(array, f"{part}_{field}", name)
                for array, field in zip(pair, ("inputs", "labels"), strict=True)
            )
            if inputs.dtype.kind not in "iuf":
                raise InputError(f"numbers are needed, not {inputs.dtype.name}", row=name, field=f"{part}_inputs")
            if labels.dtype.kind not in "iu":
                raise InputError(f"whole numbers are needed, not {labels.dtype.name}", row=name, field=f"{part}_labels")
            scale = np.float32(255 if inputs.dtype == np.uint8 else 1)
            with np.errstate(over="ignore"):  # What overflows is refused for not being finite.
                inputs = np.divide(inputs, scale, dtype=np.float32, casting="same_kind")
            parts += [inputs[:, None] if inputs.ndim == 3 else inputs, labels.astype(np.int64)]
        if classes is None:
            classes = 1 + max((int(labels.max()) for labels in parts[1::2] if labels.size), default=0)
        train_inputs, train_labels, test_inputs, test_labels = parts
        return cls(name, train_inputs, train_labels, test_inputs, test_labels, classes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return self.train_inputs.shape[1:]

    def tested_on(self, count: int) -> Dataset:
        """Keep the first `count` test samples, all of them for 0."""
        if not count:
            return self
        return replace(self, test_inputs=self.test_inputs[:count], test_labels=self.test_labels[:count])

    def subset(self, labels: Iterable[int]) -> Dataset:
        """Keep the samples of some classes; classes keep their numbers, and `classes` stays.

        Parameters
        ----------
        labels : iterable of int
            The classes to keep.

        Raises
        ------
        InputError
            If a class does not exist.
        """
        kept = sorted(set(labels))
        if unknown := [label for label in kept if not 0 <= label < self.classes]:
            raise InputError(f"class {unknown[0]} is not in 0..{self.classes - 1}", row=self.name, field="labels")
        train, test = np.isin(self.train_labels, kept), np.isin(self.test_labels, kept)
        return replace(
            self,
            train_inputs=self.train_inputs[train],
            train_labels=self.train_labels[train],
            test_inputs=self.test_inputs[test],
            test_labels=self.test_labels[test],
        )

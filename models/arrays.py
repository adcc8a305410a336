"""Columns and arrays as callers have them: labels and masks are honoured or refused, and nothing is cast in silence."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from .input_error import InputError

__all__ = ["as_sequence", "check_labels", "is_masked", "labels_of", "plain_array", "whole_numbers"]


def as_sequence(
    values: Iterable[Any], field: str, kind: str, labels: Sequence[str] | None = None
) -> Sequence[Any] | np.ndarray:
    """Return one column as a sequence or array, its labels and masks honoured or refused.

    Parameters
    ----------
    values : iterable
    field, kind : str
        For messages.
    labels : sequence of str, optional
        The ids of the rows. A pandas Series whose index is not simply 0, 1, 2, ... has to carry them in this order.

    Raises
    ------
    InputError
        For a text or a mapping in the place of a column, for masked or missing entries of arrays, and for labels in another order.
    """
    if isinstance(values, str | bytes | Mapping | set | frozenset) or not (
        isinstance(values, Iterable) or hasattr(values, "__getitem__")
    ):
        raise InputError(f"expected one value per row, got {type(values).__name__}", row=kind, field=field)
    if isinstance(values, np.ndarray) and not values.ndim:
        raise InputError("expected one value per row, got a single one", row=kind, field=field)
    if is_masked(values):
        masked = np.flatnonzero(np.ma.getmaskarray(values).ravel())
        if len(masked):
            raise InputError("missing: the entry is masked", row=f"{kind}[{int(masked[0])}]", field=field)
        return values.data
    index = getattr(values, "index", None)
    if hasattr(values, "to_numpy") and index is not None and not callable(index):
        if getattr(values, "ndim", 1) != 1:
            raise InputError("expected one column, got a table", row=kind, field=field)
        check_labels(index, field, kind, labels)
        column: Any = values
        return (
            column.to_numpy() if column.dtype.kind in "iuf" and not hasattr(column.array, "_mask") else column.tolist()
        )
    return values if isinstance(values, np.ndarray | Sequence) else list(values)


def is_masked(values: Any) -> TypeGuard[np.ma.MaskedArray]:
    """Whether somebody has made a masked array; nobody has if its module, which takes long, is not imported."""
    module = sys.modules.get("numpy.ma")
    return module is not None and isinstance(values, module.MaskedArray)


def labels_of(values: Any) -> list[Any] | None:
    """Return the labels of a pandas Series, to serve as ids; None for anything else, and for a Series that just counts its rows."""
    index = getattr(values, "index", None)
    if index is None or callable(index):
        return None
    rows = list(index)
    return None if rows == list(range(len(rows))) else rows


def check_labels(index: Any, field: str, kind: str, labels: Sequence[str] | None) -> None:
    """Refuse the labels of a Series or frame that are neither 0, 1, 2, ... nor the ids of the rows, in their order.

    Raises
    ------
    InputError
    """
    rows = list(index)
    if rows != list(range(len(rows))) and (labels is None or [str(label) for label in rows] != list(labels)):
        wanted = "0, 1, 2, ..." if labels is None else "the ids, in the same order"
        raise InputError(f"the labels of this Series are not {wanted}; align it first", row=kind, field=field)


def plain_array(values: Any, field: str, row: str | None = None) -> np.ndarray:
    """Return what a caller has as an array, whatever its shape.

    Parameters
    ----------
    values : array, sequence, tensor, Series or frame
    field, row : str
        For messages.

    Raises
    ------
    InputError
        For masked entries, labels that do not just count the rows, and what is no array.
    """
    if is_masked(values):
        if np.ma.getmaskarray(values).any():
            raise InputError("missing: an entry is masked", row=row, field=field)
        values = values.data
    index = getattr(values, "index", None)
    if hasattr(values, "to_numpy") and index is not None and not callable(index):
        rows = list(index)
        if rows != list(range(len(rows))):
            raise InputError("the labels are not 0, 1, 2, ...; reset or align them first", row=row, field=field)
    try:
        return np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"expected an array: {error}", row=row, field=field) from None


def whole_numbers(values: Any, field: str, row: str | None = None) -> np.ndarray:
    """Return a list of whole numbers, such as positions, as an array of int64.

    Raises
    ------
    InputError
        As :func:`plain_array`, and for anything but whole numbers side by side: masks, 0.9, texts, None.
    """
    array = plain_array(values, field, row)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"expected a list of whole numbers, got {_kind(array)}", row=row, field=field)
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise InputError(f"too large a number: {array.max()}", row=row, field=field)
    return array.astype(np.int64)


def _kind(array: np.ndarray) -> str:
    return f"{array.dtype.name} of shape {array.shape}"

"""The columns of a market, read and validated: numbers, ids, groups, caps, seats, coverage.

Each function reads one column from whatever the caller has and refuses what does not belong there, naming row and field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..exact import IntArray, parse_integer, scale_to_integers
from ..input_error import InputError

__all__ = [
    "UNLIMITED",
    "NumberedIds",
    "as_sequence",
    "cap_limits",
    "coverage_matrix",
    "group_indices",
    "number_column",
    "require_sign",
    "seat_limits",
    "unique_ids",
]

UNLIMITED = -1
"""How a missing cap or seat limit is kept in ``cap_limits`` and ``seat_limits``."""


@dataclass(frozen=True)
class NumberedIds(Sequence[str]):
    """The ids ``w1, w2, ...`` without storing them: a market of ten million workers needs no ten million strings."""

    prefix: str
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [f"{self.prefix}{i + 1}" for i in range(*index.indices(self.count))]
        position = index + self.count if index < 0 else index
        if not 0 <= position < self.count:
            raise IndexError(index)
        return f"{self.prefix}{position + 1}"


def row_label(kind: str, position: int, ids: Sequence[str] | None = None) -> str:
    """Name a row for a message."""
    return f"{kind}[{position}]" + (f" (id '{ids[position]}')" if ids is not None else "")


def as_sequence(values: Iterable[Any]) -> Sequence[Any] | np.ndarray:
    """Return a sequence or array as it is, anything else as a list."""
    return values if isinstance(values, np.ndarray | Sequence) else list(values)


def number_column(values: Iterable[Any], field: str, kind: str, ids: Sequence[str]) -> tuple[IntArray, int]:
    """Scale one column to integers; return them and the common denominator."""
    values = as_sequence(values)
    if isinstance(values, np.ndarray) and values.ndim != 1:
        raise InputError(f"expected one number per row, got an array of shape {values.shape}", row=kind, field=field)
    if len(values) != len(ids):
        raise InputError(f"expected {len(ids)} values, got {len(values)}", row=kind, field=field)
    try:
        return scale_to_integers(values)
    except InputError as error:
        row = row_label(kind, int(error.row), ids) if error.row else kind
        raise InputError(error.message, row=row, field=field) from None


def require_sign(values: IntArray, ids: Sequence[str], field: str, kind: str, *, positive: bool = False) -> None:
    """Refuse values below zero, or not above it."""
    bad = np.flatnonzero(values <= 0 if positive else values < 0)
    if len(bad):
        position = int(bad[0])
        wanted = "> 0" if positive else ">= 0"
        found = "zero" if values[position] == 0 else "a negative number"
        raise InputError(f"must be {wanted}, got {found}", row=row_label(kind, position, ids), field=field)


def unique_ids(ids: Iterable[Any] | None, count: int, prefix: str, kind: str) -> Sequence[str]:
    """Return the ids as strings, numbered ones if there are none."""
    if ids is None:
        return NumberedIds(prefix, count)
    names = [str(name) for name in ids]
    if len(names) != count:
        raise InputError(f"expected {count} ids, got {len(names)}", row=kind, field="id")
    if len(set(names)) < count:
        seen: set[str] = set()
        for position, name in enumerate(names):
            if name in seen:
                raise InputError(f"duplicate id {name!r}", row=row_label(kind, position), field="id")
            seen.add(name)
    return names


def group_indices(
    groups: Iterable[Any] | None, group_ids: Iterable[Any] | None, names: Sequence[str]
) -> tuple[Sequence[str], np.ndarray]:
    """Return the names of the groups and the index of every worker's group."""
    n = len(names)
    known = (
        None
        if group_ids is None
        else list(unique_ids(group_ids, len(list(group_ids := list(group_ids))), "g", "groups"))
    )
    if groups is None:
        if known is not None and len(known) != 1:
            raise InputError("needs the group of every worker", row="workers", field="group")
        return known or ["g1"], np.zeros(n, dtype=np.int64)
    labels = [str(label) for label in (groups.tolist() if isinstance(groups, np.ndarray) else groups)]
    if len(labels) != n:
        raise InputError(f"expected {n} values, got {len(labels)}", row="workers", field="group")
    index = {name: position for position, name in enumerate(known if known is not None else dict.fromkeys(labels))}
    try:
        group_of = np.fromiter((index[label] for label in labels), dtype=np.int64, count=n)
    except KeyError as error:
        position = labels.index(error.args[0])
        raise InputError(
            f"unknown group {labels[position]!r}", row=row_label("workers", position, names), field="group"
        ) from None
    return list(index), group_of


def read_limit(value: Any, row: str, field: str) -> int:
    """Read a cap or seat limit: a whole number >= 0, or None for unlimited."""
    if value is None:
        return UNLIMITED
    try:
        limit = parse_integer(value)
    except InputError as error:
        raise InputError(error.message, row=row, field=field) from None
    if limit < 0:
        raise InputError(f"must be >= 0, got {limit}", row=row, field=field)
    return min(limit, 2**31)


def cap_limits(caps: Any, default_cap: Any, groups: Sequence[str], requesters: Sequence[str]) -> np.ndarray:
    """Read the caps, a mapping by pair or a table, into an array of shape (L, m); -1 means unlimited."""
    default = read_limit(default_cap, "market", "default_cap")
    limits = np.full((len(groups), len(requesters)), default, dtype=np.int64)
    if caps is None:
        return limits
    if isinstance(caps, Mapping):
        group_index = {name: position for position, name in enumerate(groups)}
        requester_index = {name: position for position, name in enumerate(requesters)}
        for position, ((group, requester), cap) in enumerate(caps.items()):
            row = row_label("caps", position)
            if str(group) not in group_index:
                raise InputError(f"unknown group {str(group)!r}", row=row, field="group")
            if str(requester) not in requester_index:
                raise InputError(f"unknown requester {str(requester)!r}", row=row, field="requester")
            limits[group_index[str(group)], requester_index[str(requester)]] = read_limit(cap, row, "cap")
        return limits
    rows = [list(row) for row in caps]
    if len(rows) != len(groups) or any(len(row) != len(requesters) for row in rows):
        raise InputError(
            f"expected {len(groups)} x {len(requesters)} caps (groups x requesters)", row="caps", field="cap"
        )
    for l, row in enumerate(rows):
        for j, cap in enumerate(row):
            if cap is not None:
                limits[l, j] = read_limit(cap, f"caps[{groups[l]}, {requesters[j]}]", "cap")
    return limits


def seat_limits(seats: Iterable[Any] | None, requesters: Sequence[str]) -> np.ndarray:
    """Read the seat limits into an array of shape (m,); -1 means unlimited."""
    if seats is None:
        return np.full(len(requesters), UNLIMITED, dtype=np.int64)
    values = list(seats)
    if len(values) != len(requesters):
        raise InputError(f"expected {len(requesters)} values, got {len(values)}", row="requesters", field="seats")
    limits = [read_limit(value, row_label("requesters", j, requesters), "seats") for j, value in enumerate(values)]
    return np.array(limits, dtype=np.int64)


def coverage_matrix(coverage: Any, names: Sequence[str]) -> tuple[IntArray | None, int]:
    """Scale the coverage rows to an integer array of shape (n, R) and their denominator."""
    if coverage is None:
        return None, 1
    rows = coverage if isinstance(coverage, np.ndarray) else [list(row) for row in coverage]
    if len(rows) != len(names):
        raise InputError(f"expected {len(names)} rows, got {len(rows)}", row="workers", field="coverage")
    width = len(rows[0]) if len(rows) else 0
    for position, row in enumerate(rows):
        if len(row) != width:
            raise InputError(
                f"expected {width} values as in the first row, got {len(row)}",
                row=row_label("workers", position, names),
                field="coverage",
            )
    flat = rows.ravel() if isinstance(rows, np.ndarray) else [value for row in rows for value in row]
    try:
        integers, denominator = scale_to_integers(flat)
    except InputError as error:
        row = row_label("workers", int(error.row) // width, names) if error.row else "workers"
        raise InputError(error.message, row=row, field="coverage") from None
    bad = np.flatnonzero(integers < 0)
    if len(bad):
        raise InputError(
            "must be >= 0, got a negative number",
            row=row_label("workers", int(bad[0]) // width, names),
            field="coverage",
        )
    return integers.reshape(len(names), width), denominator

"""The columns of a market, read and validated: numbers, ids, groups, caps, seats, coverage.

Each function reads one column from whatever the caller has and refuses what does not belong there, naming row and field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import as_sequence, check_labels, is_masked, labels_of
from ..exact import IntArray, parse_integer, scale_to_integers
from ..input_error import InputError
from ..names import nearest_name, none_if_missing, read_name, read_names, refuse_alike
from ..text_columns import TextColumn

__all__ = [
    "UNLIMITED",
    "NumberedIds",
    "cap_limits",
    "coverage_matrix",
    "group_indices",
    "number_column",
    "require_sign",
    "seat_limits",
    "take_rows",
    "unique_ids",
]

UNLIMITED = -1
"""How a missing cap or seat limit is kept in ``cap_limits`` and ``seat_limits``."""


MOST_CELLS = 10**8
"""Pairs of group and requester of the largest market; every pair has a cap of 8 bytes."""


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


def number_column(values: Iterable[Any], field: str, kind: str, ids: Sequence[str]) -> tuple[IntArray, int]:
    """Scale one column to integers; return them and the common denominator."""
    values = as_sequence(values, field, kind, ids)
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
        if found == "zero" and field == "score":
            found += "; such a worker adds nothing and can be left out (--drop-zero, drop_zero=True)"
        raise InputError(f"must be {wanted}, got {found}", row=row_label(kind, position, ids), field=field)


def unique_ids(ids: Iterable[Any] | None, count: int, prefix: str, kind: str) -> Sequence[str]:
    """Return the ids as names, numbered ones if there are none."""
    if ids is None:
        return NumberedIds(prefix, count)
    column = as_sequence(ids, "id", kind)
    if isinstance(column, TextColumn) and len(column) == count and column.all_differ():
        return column
    names = read_names(column, kind, "id", distinct=True)
    if len(names) != count:
        raise InputError(f"expected {count} ids, got {len(names)}", row=kind, field="id")
    if len(set(names)) < count:
        seen: set[str] = set()
        for position, name in enumerate(names):
            if name in seen:
                raise InputError(f"duplicate id {ascii(name)[:80]}", row=row_label(kind, position), field="id")
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
    column = as_sequence(groups, "group", "workers", names)
    found = column.distinct() if isinstance(column, TextColumn) else None
    if found is None:
        labels = read_names(column, "workers", "group")
        places = {name: position for position, name in enumerate(dict.fromkeys(labels))}
        found = list(places), np.array([places[label] for label in labels], dtype=np.int64)
    distinct, which = found
    if len(which) != n:
        raise InputError(f"expected {n} values, got {len(which)}", row="workers", field="group")
    refuse_alike(distinct, "workers", "group")
    index = {name: position for position, name in enumerate(known if known is not None else distinct)}
    homes = np.array([index.get(name, -1) for name in distinct], dtype=np.int64)
    if len(unknown := np.flatnonzero(homes < 0)):
        name, position = distinct[int(unknown[0])], int(np.flatnonzero(which == unknown[0])[0])
        raise InputError(
            f"unknown group {ascii(name)[:80]}{nearest_name(name, index)}",
            row=row_label("workers", position, names),
            field="group",
        )
    return list(index), homes[which]


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
    if len(groups) * len(requesters) > MOST_CELLS:
        message = f"{len(groups):,} groups x {len(requesters):,} requesters are more than {MOST_CELLS:,} caps"
        raise InputError(message, row="market", field="caps")
    limits = np.full((len(groups), len(requesters)), default, dtype=np.int64)
    if caps is None:
        return limits
    if isinstance(caps, Mapping):
        group_index = {name: position for position, name in enumerate(groups)}
        requester_index = {name: position for position, name in enumerate(requesters)}
        seen: set[tuple[int, int]] = set()
        for position, (pair, cap) in enumerate(caps.items()):
            row = row_label("caps", position)
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise InputError(f"expected a pair of group and requester, got {ascii(pair)[:60]}", row=row)
            group, requester = pair
            found = []
            for name, known, field in ((group, group_index, "group"), (requester, requester_index, "requester")):
                name = read_name(name, row, field)
                if name not in known:
                    raise InputError(
                        f"unknown {field} {ascii(name)[:80]}{nearest_name(name, known)}", row=row, field=field
                    )
                found.append(known[name])
            if (found[0], found[1]) in seen:
                raise InputError("second cap for one pair of group and requester", row=row)
            seen.add((found[0], found[1]))
            limits[found[0], found[1]] = read_limit(cap, row, "cap")
        return limits
    # A data frame has labels, which are put in order or refused; a table without any is in the order of groups and requesters.
    if hasattr(caps, "columns") and hasattr(caps, "index"):
        caps = _cap_table(caps, groups, requesters)
    # A text is a sequence too, of one-letter rows; a mask or a label would be lost on the way to lists.
    if isinstance(caps, str | bytes) or is_masked(caps) or labels_of(caps) is not None:
        raise InputError(f"expected caps by pair or a table, got {type(caps).__name__}", row="caps", field="cap")
    try:
        rows = [list(row) for row in caps]
    except TypeError:
        raise InputError("expected caps by pair or a table", row="caps", field="cap") from None
    if len(rows) != len(groups) or any(len(row) != len(requesters) for row in rows):
        raise InputError(
            f"expected {len(groups)} x {len(requesters)} caps (groups x requesters)", row="caps", field="cap"
        )
    for l, row in enumerate(rows):
        for j, cap in enumerate(row):
            if cap is not None:
                limits[l, j] = read_limit(cap, f"caps[{groups[l]}, {requesters[j]}]", "cap")
    return limits


def _cap_table(caps: Any, groups: Sequence[str], requesters: Sequence[str]) -> list[list[Any]]:
    """Read a data frame of caps by its labels: groups down the side, requesters along the top, in any order."""
    sides = []
    for labels, known, field in ((caps.index, groups, "group"), (caps.columns, requesters, "requester")):
        names = read_names(list(labels), "caps", field)
        if sorted(names) != sorted(known):
            wrong = sorted(set(names) ^ set(known)) or ["one that stands there twice"]
            raise InputError(
                f"the labels of the table are not the {field}s: {ascii(wrong[0])[:80]}", row="caps", field=field
            )
        position = {name: at for at, name in enumerate(names)}
        sides.append([position[name] for name in known])
    table = caps.astype(object).to_numpy()
    return [[none_if_missing(table[l, j]) for j in sides[1]] for l in sides[0]]


def seat_limits(seats: Iterable[Any] | None, requesters: Sequence[str]) -> np.ndarray:
    """Read the seat limits into an array of shape (m,); -1 means unlimited."""
    if seats is None:
        return np.full(len(requesters), UNLIMITED, dtype=np.int64)
    values = list(as_sequence(seats, "seats", "requesters", requesters))
    if len(values) != len(requesters):
        raise InputError(f"expected {len(requesters)} values, got {len(values)}", row="requesters", field="seats")
    limits = [read_limit(value, row_label("requesters", j, requesters), "seats") for j, value in enumerate(values)]
    return np.array(limits, dtype=np.int64)


def _coverage_rows(coverage: Any, names: Sequence[str]) -> list[list[Any]]:
    rows = []
    for position, row in enumerate(coverage):
        where = row_label("workers", position, names) if position < len(names) else f"workers[{position}]"
        if isinstance(row, str | bytes | Mapping | set | frozenset) or not isinstance(row, Iterable):
            raise InputError(f"expected a list of numbers, got {type(row).__name__}", row=where, field="coverage")
        rows.append(list(row))
    return rows


def coverage_matrix(coverage: Any, names: Sequence[str]) -> tuple[IntArray | None, int]:
    """Scale the coverage rows to an integer array of shape (n, R) and their denominator."""
    if coverage is None:
        return None, 1
    if is_masked(coverage):
        if np.ma.getmaskarray(coverage).any():
            raise InputError("missing: an entry is masked", row="workers", field="coverage")
        coverage = coverage.data
    if hasattr(coverage, "columns") and hasattr(coverage, "index"):
        check_labels(coverage.index, "coverage", "workers", names)
        coverage = coverage.to_numpy()
    if isinstance(coverage, np.ndarray) and coverage.ndim != 2:
        raise InputError(f"expected a table, got an array of shape {coverage.shape}", row="workers", field="coverage")
    rows = coverage if isinstance(coverage, np.ndarray) else _coverage_rows(coverage, names)
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
    # All entries together: they share one denominator, and the place of a bad one says its row.
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


def take_rows(column: Any, rows: Sequence[int], count: int) -> list[Any] | None:
    """Return some rows of a column of any kind, None if there is no column; a column of another length is left for its own check."""
    if column is None:
        return None
    values = column.tolist() if hasattr(column, "tolist") else list(column)
    return [values[i] for i in rows] if len(values) == count else values

"""OPT-SEP by counting, where few kinds of workers make it cheap: exact, whatever scores and costs are.

Workers alike in score, cost and group are one kind. What counts of the kinds some requesters can hire together is closed
downwards, so a table over the counts of all kinds but the most frequent one, with the most of that one beside them, says it all; one
requester after the other is added to it (a max-plus convolution; the counts of a requester to which nothing can be added
are enough, the table is closed downwards afterwards), and the best entry of the last table is traced back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..control import Control
from .instance import SeparateInstance

__all__ = ["count_by_kind"]

NONE = -(2**40)
"""No number of workers: counts that cannot be hired."""


@dataclass(frozen=True)
class _Kinds:
    """Kinds, the one of most usable copies last: workers by kind, scores, costs, groups, and usable copies of each."""

    members: list[list[int]]
    scores: list[int]
    costs: list[int]
    groups: list[int]
    copies: list[int]


def count_by_kind(instance: SeparateInstance, most_cells: int, most_work: int, control: Control) -> np.ndarray | None:
    """Find an optimum by counting.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    most_cells, most_work : int
        Most entries of a table, and most entries to be looked at.
    control : Control
        Deadline.

    Returns
    -------
    ndarray of int64, shape (n,), or None
        An optimal allocation; None if that would take more work.

    Raises
    ------
    Stopped
        At the deadline.
    """
    kinds = _kinds(instance, most_cells)
    if kinds is None:
        return None
    shape = [copies + 1 for copies in kinds.copies[:-1]]
    cells = 1
    for size in shape:
        cells *= size
        if cells > most_cells:
            return None
    parts: list[tuple[np.ndarray, list[list[int]]]] = []
    work = 0
    for j in range(instance.m):
        part = _alone(instance, kinds, j, shape)
        parts.append((part, _largest(part)))
        work += len(parts[-1][1]) * cells
        if work > most_work:
            return None
    start = np.full(shape, NONE, dtype=np.int64)
    start[(0,) * len(shape)] = 0
    tables = [start]
    most = kinds.copies[-1] if kinds.copies else 0
    for part, largest in parts:
        table = np.full(shape, NONE, dtype=np.int64)
        for where in largest:
            control.check()
            target = table[(*(slice(at, None) for at in where), ...)]
            source = tables[-1][(*(slice(None, size - at) for size, at in zip(shape, where, strict=True)), ...)]
            np.maximum(target, np.minimum(source + int(part[tuple(where)]), most), out=target)
        # Whoever can hire more of a kind can hire fewer: closed downwards, the table answers for every count.
        for axis in range(table.ndim):
            table = np.flip(np.maximum.accumulate(np.flip(table, axis), axis), axis)
        tables.append(table)
    return _traced(instance, kinds, [part for part, _ in parts], tables)


def _kinds(instance: SeparateInstance, most_cells: int) -> _Kinds | None:
    """Sort the workers by kind; None if there are so many kinds that the table is too large."""
    able = np.flatnonzero(instance.eligible.any(axis=1))
    found: dict[tuple[int, int, int], list[int]] = {}
    columns = (instance.scores[able], instance.costs[able], instance.groups[able], able)
    for *key, i in zip(*(column.tolist() for column in columns), strict=True):
        found.setdefault(tuple(key), []).append(i)
        if 2 ** (len(found) - 1) > most_cells:
            return None
    usable: list[tuple[int, tuple[int, int, int], list[int]]] = []
    for (score, cost, group), members in found.items():
        room = np.minimum(instance.caps[group], instance.seats).tolist()
        most = sum(min(k, b // cost) if cost else k for k, b in zip(room, instance.budgets, strict=True))
        if most:
            usable.append((min(most, len(members)), (score, cost, group), members))
    # The most frequent kind last: it has no axis in the tables, its number is what they hold.
    usable.sort(key=lambda entry: entry[0])
    keys = [key for _, key, _ in usable]
    return _Kinds(
        [members for _, _, members in usable],
        [score for score, _, _ in keys],
        [cost for _, cost, _ in keys],
        [group for _, _, group in keys],
        [copies for copies, _, _ in usable],
    )


def _alone(instance: SeparateInstance, kinds: _Kinds, j: int, shape: list[int]) -> np.ndarray:
    """Most of the last kind that requester `j` can hire beside given counts of the others; negative where not even those fit."""
    counts = np.indices(shape, dtype=np.int64).reshape(len(shape), int(np.prod(shape, dtype=np.int64)))
    spent = np.zeros(counts.shape[1], dtype=instance.costs.dtype)
    for cost, row in zip(kinds.costs, counts, strict=False):
        spent = spent + cost * row.astype(spent.dtype)
    fits = np.asarray(spent <= instance.budgets[j], dtype=bool)
    seats = int(instance.seats[j]) - counts.sum(axis=0)
    fits &= seats >= 0
    if not kinds.costs:
        return np.where(fits, 0, NONE).reshape(shape)
    most, cost = seats, kinds.costs[-1]
    if cost:
        rest = np.where(fits, instance.budgets[j] - spent, 0 * spent)
        most = np.minimum(seats, rest // cost).astype(np.int64)
    for group, cap in enumerate(instance.caps[:, j].tolist()):
        mine = [t for t, own in enumerate(kinds.groups[:-1]) if own == group]
        left = cap - counts[mine].sum(axis=0)
        fits &= left >= 0
        if group == kinds.groups[-1]:
            most = np.minimum(most, left)
    return np.where(fits, np.minimum(most, kinds.copies[-1]), NONE).reshape(shape)


def _largest(part: np.ndarray) -> list[list[int]]:
    """Counts that cannot be raised without losing one of the last kind."""
    keep = part >= 0
    for axis in range(part.ndim):
        more = np.full_like(part, NONE)
        ahead, behind = ([slice(None)] * part.ndim for _ in range(2))
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        more[tuple(behind)] = part[tuple(ahead)]
        keep &= more < part
    return np.argwhere(keep).tolist()


def _traced(instance: SeparateInstance, kinds: _Kinds, parts: list[np.ndarray], tables: list[np.ndarray]) -> np.ndarray:
    """Take the best entry of the last table apart, requester by requester."""
    assignment = np.full(instance.n, -1, dtype=np.int64)
    if not kinds.copies:
        return assignment

    def worth(where: tuple[int, ...]) -> int:
        return sum(v * y for v, y in zip(kinds.scores, (*where, int(tables[-1][where])), strict=True))

    at = max((tuple(where) for where in np.argwhere(tables[-1] >= 0).tolist()), key=worth)
    wanted = int(tables[-1][at])
    free = [list(members) for members in kinds.members]
    for j in reversed(range(instance.m)):
        box = (*(slice(None, y + 1) for y in at), ...)
        below, own = tables[j][box], parts[j][box]
        # What this requester hires, and what is left to those before it, add up to `at`.
        enough = (own >= 0) & (np.flip(below) >= 0) & (own + np.flip(below) >= wanted)
        # Any split that adds up will do: the entry was reached by one of them.
        mine = tuple(np.argwhere(enough)[0].tolist())
        last = min(wanted, int(own[mine]))
        for kind, count in enumerate((*mine, last)):
            for _ in range(count):
                assignment[free[kind].pop()] = j
        at, wanted = tuple(y - z for y, z in zip(at, mine, strict=True)), wanted - last
    return assignment

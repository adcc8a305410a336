"""Boxes of small integer markets, enumerated without omission.

Without seats only the total cap ``K_l`` of each group matters to the pooled problems (the winners can always be routed), so one
requester stands for any number of them and the box ranges over the totals. Groups are numbered in order of first appearance: a
renaming of groups changes nothing. Workers are *not* merged, because ties go by index. A group without room only adds workers that
are never hired, but they still sit in the ratio order and can set the price, so caps of 0 are part of the box.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from .driftpay_grid import Grid, Shape

__all__ = ["Box", "group_patterns", "market_document", "shape_document"]


def group_patterns(n: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to group ``n`` workers, groups numbered in order of first appearance."""

    def extend(pattern: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(pattern) == n:
            yield pattern
            return
        for group in range(max(pattern, default=-1) + 2):
            yield from extend((*pattern, group))

    return extend(())


@dataclass(frozen=True)
class Box:
    """All markets of ``n`` workers with small whole numbers.

    Parameters
    ----------
    n : int
    top_score : int
        Scores from 1 to this.
    top_bid : int
        Bids from 0 to this.
    budgets : sequence of int
    empty_groups : bool
        Whether groups without room are part of the box.
    """

    n: int
    top_score: int
    top_bid: int
    budgets: tuple[int, ...]
    empty_groups: bool = True

    def shapes(self) -> Iterator[Shape]:
        """Yield every shape of the box."""
        for groups in group_patterns(self.n):
            sizes = [groups.count(group) for group in range(max(groups, default=-1) + 1)]
            rooms = [range(0 if self.empty_groups else 1, size + 1) for size in sizes]
            for totals in product(*rooms):
                for scores in product(range(1, self.top_score + 1), repeat=self.n):
                    yield Shape(scores, groups, tuple((total,) for total in totals))

    def grids(self) -> Iterator[Grid]:
        """Yield the markets of the box, one grid per shape."""
        bids = np.array(list(product(range(self.top_bid + 1), repeat=self.n)), dtype=np.int64)
        bids = np.repeat(bids, len(self.budgets), axis=0)
        budgets = np.tile(np.array(self.budgets, dtype=np.int64), (self.top_bid + 1) ** self.n)
        for shape in self.shapes():
            yield Grid(shape, bids, budgets)

    def __str__(self) -> str:
        rooms = "caps from 0" if self.empty_groups else "caps from 1"
        return (
            f"{self.n} workers, scores 1..{self.top_score}, bids 0..{self.top_bid}, "
            f"budget {self.budgets[0]}..{self.budgets[-1]}, every grouping, {rooms} to the group's size"
        )


def market_document(
    scores: Any,
    costs: Any,
    budgets: Any,
    *,
    bids: Any = None,
    groups: Any = None,
    caps: Any = None,
    seats: Any = None,
    coverage: Any = None,
    comment: str | None = None,
) -> dict[str, Any]:
    """Write a market as a ``fedmech-market/1`` document.

    Parameters
    ----------
    scores, costs, bids : sequences of numbers, shape (n,)
        Whole numbers stay numbers; fractions become ``"p/q"``.
    budgets : sequence of numbers, shape (m,)
    groups : sequence of int, optional
        One group if left out.
    caps : sequence (L, m) of int or None, optional
        None is unlimited.
    seats : sequence of int or None, optional
    coverage : sequence (n, R), optional
    comment : str, optional
    """
    groups = [0] * len(scores) if groups is None else groups
    workers = []
    for i, score in enumerate(scores):
        row = {"id": f"w{i + 1}", "group": f"g{groups[i] + 1}", "score": _plain(score), "cost": _plain(costs[i])}
        if bids is not None and bids[i] != costs[i]:
            row["bid"] = _plain(bids[i])
        if coverage is not None:
            row["coverage"] = [_plain(value) for value in coverage[i]]
        workers.append(row)
    requesters: list[dict[str, Any]] = []
    for j, budget in enumerate(budgets):
        row = {"id": f"r{j + 1}", "budget": _plain(budget)}
        if seats is not None and seats[j] is not None:
            row["seats"] = int(seats[j])
        requesters.append(row)
    document: dict[str, Any] = {"format": "fedmech-market/1"}
    if comment is not None:
        document["comment"] = comment
    document |= {"workers": workers, "requesters": requesters}
    if caps is not None:
        document["caps"] = [
            {"group": f"g{l + 1}", "requester": f"r{j + 1}", "cap": int(cap)}
            for l, row in enumerate(caps)
            for j, cap in enumerate(row)
            if cap is not None and l in groups
        ]
    return document


def shape_document(shape: Shape, bids: Any, budget: int, **more: Any) -> dict[str, Any]:
    """Write one market of a grid as a document; caps that admit the whole group are left out."""
    caps = [[None if cap >= shape.groups.count(l) else cap for cap in row] for l, row in enumerate(shape.caps)]
    budgets = [int(budget)] + [0] * (len(shape.caps[0]) - 1) if shape.caps else [int(budget)]
    return market_document(
        shape.scores, [int(b) for b in bids], budgets, groups=shape.groups, caps=caps, seats=shape.seats, **more
    )


def _plain(value: Any) -> int | str:
    from fractions import Fraction

    exact = Fraction(value) if not isinstance(value, np.integer) else Fraction(int(value))
    return exact.numerator if exact.denominator == 1 else f"{exact.numerator}/{exact.denominator}"

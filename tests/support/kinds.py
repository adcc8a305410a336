"""An oracle for markets of few kinds of workers: hundreds of equal workers, counted rather than listed.

Workers of one score, cost and group are one kind with a number of copies.  Python integers throughout, nothing from the
solvers, no dual and no bound: dynamic programs over how many of each kind are hired.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from fedmech import Market

Vector = tuple[int, ...]
Choices = list[tuple[int, int]]
"""(cost, score) of some choices, by cost, each better than all the cheaper ones."""


@dataclass(frozen=True)
class Kinds:
    """A market by its kinds of workers, in integer units.

    Attributes
    ----------
    kinds : sequence of (score, cost, group, copies)
    budgets : sequence of int, length m
    caps : sequence of rows of int, shape (L, m)
    seats : sequence of int, length m
    """

    kinds: Sequence[tuple[int, int, int, int]]
    budgets: Sequence[int]
    caps: Sequence[Sequence[int]]
    seats: Sequence[int]

    @staticmethod
    def of(market: Market) -> Kinds:
        """Count the workers of a market."""
        found = Counter(
            zip(
                market.scaled.scores.tolist(),
                market.scaled.needed_costs.tolist(),
                market.group_of.tolist(),
                strict=True,
            )
        )
        return Kinds(
            [(*kind, copies) for kind, copies in sorted(found.items())],
            market.scaled.budgets.tolist(),
            market.caps.tolist(),
            market.seats.tolist(),
        )

    @property
    def n(self) -> int:
        return sum(copies for *_, copies in self.kinds)

    def market(self, **more: Any) -> Market:
        """List every worker; `more` replaces arguments of ``Market.build``."""
        rows = [kind[:3] for kind in self.kinds for _ in range(kind[3])]
        arguments: dict[str, Any] = {
            "scores": [row[0] for row in rows],
            "costs": [row[1] for row in rows],
            "groups": [row[2] for row in rows],
            "group_ids": range(len(self.caps)),
            "budgets": list(self.budgets),
            "caps": [list(row) for row in self.caps],
            "seats": list(self.seats),
        }
        return Market.build(**(arguments | more))


def opt(case: Kinds) -> int:
    """Optimum of OPT: one pooled budget."""
    sizes = [0] * len(case.caps)
    for _, _, group, copies in case.kinds:
        sizes[group] += copies
    best = 0
    for places in placeable(case, tuple(sizes)):
        table: Choices = [(0, 0)]
        for group, most in enumerate(places):
            table = _best(_pairs(table, _group(case, group, most)))
        affordable = bisect_right(table, (sum(case.budgets), float("inf")))
        best = max(best, table[affordable - 1][1])
    return best


def opt_by_count(case: Kinds) -> list[int | None]:
    """The best of OPT without seats for each number of workers hired; None: they cannot be afforded or placed."""
    tables: list[Choices] = [[(0, 0)]]
    for group, row in enumerate(case.caps):
        own = _by_count(case, group, sum(row))
        tables = [
            _best(
                choice
                for k, table in enumerate(tables)
                if 0 <= total - k < len(own)
                for choice in _pairs(table, own[total - k])
            )
            for total in range(len(tables) + len(own) - 1)
        ]
    money = sum(case.budgets)
    return [max((value for cost, value in table if cost <= money), default=None) for table in tables]


def opt_sep(case: Kinds) -> int:
    """Optimum of OPT-SEP: every requester pays from a budget of its own."""
    copies = tuple(kind[3] for kind in case.kinds)
    hired = _reached(([*_maximal(_fitting(case, j))] for j in range(len(case.budgets))), copies)
    return max(sum(k * kind[0] for k, kind in zip(counts, case.kinds, strict=True)) for counts in hired)


def orp(case: Kinds) -> int:
    """Optimum of ORP: no budget."""
    return opt(Kinds([(v, 0, g, k) for v, _, g, k in case.kinds], case.budgets, case.caps, case.seats))


def placeable(case: Kinds, sizes: Vector) -> list[Vector]:
    """The most workers of each group that caps and seats can place together, all ways."""
    requesters = []
    for j, seats in enumerate(case.seats):
        rows = [min(row[j], size) for row, size in zip(case.caps, sizes, strict=True)]
        requesters.append(list(_maximal(x for x in product(*(range(r + 1) for r in rows)) if sum(x) <= seats)))
    return _reached(requesters, sizes)


def _reached(parts: Iterable[list[Vector]], most: Vector) -> list[Vector]:
    """Maximal sums of one vector of each part, cut off at `most`; what lies below each vector counts as reached too."""
    reached = [(0,) * len(most)]
    for part in parts:
        sums = {tuple(min(a + b, c) for a, b, c in zip(one, two, most, strict=True)) for one in reached for two in part}
        reached = list(_maximal(sums))
    return reached


def _maximal(vectors: Iterable[Vector]) -> list[Vector]:
    """The vectors that lie below no other one."""
    kept: list[Vector] = []
    for vector in sorted(set(vectors), key=sum, reverse=True):
        if not any(all(a <= b for a, b in zip(vector, other, strict=True)) for other in kept):
            kept.append(vector)
    return kept


def _fitting(case: Kinds, j: int) -> list[Vector]:
    """All that requester `j` can hire alone, by kind, as many of the last kind as fit."""
    found: list[Vector] = []

    def extend(counts: Vector, money: int, seats: int, places: Vector) -> None:
        _, cost, group, copies = case.kinds[len(counts)]
        most = min(copies, seats, places[group], money // cost if cost else copies)
        last = len(counts) == len(case.kinds) - 1
        for k in range(most if last else 0, most + 1):
            if last:
                found.append((*counts, k))
            else:
                left = tuple(p - k * (g == group) for g, p in enumerate(places))
                extend((*counts, k), money - k * cost, seats - k, left)

    if not case.kinds:
        return [()]
    extend((), case.budgets[j], case.seats[j], tuple(row[j] for row in case.caps))
    return found


def _group(case: Kinds, group: int, most: int) -> Choices:
    """What up to `most` workers of one group can be worth."""
    return _best(choice for table in _by_count(case, group, most) for choice in table)


def _by_count(case: Kinds, group: int, most: int) -> list[Choices]:
    """What exactly 0, 1, ..., `most` workers of one group can be worth."""
    tables: list[Choices] = [[(0, 0)]] + [[] for _ in range(most)]
    for score, cost, own, copies in case.kinds:
        if own == group:
            tables = [
                _best(
                    (money + k * cost, value + k * score)
                    for k in range(min(copies, count) + 1)
                    for money, value in tables[count - k]
                )
                for count in range(most + 1)
            ]
    return tables


def _pairs(one: Choices, two: Choices) -> Iterable[tuple[int, int]]:
    return ((a + b, v + w) for a, v in one for b, w in two)


def _best(choices: Iterable[tuple[int, int]]) -> Choices:
    kept: Choices = []
    for money, value in sorted(choices, key=lambda choice: (choice[0], -choice[1])):
        if not kept or value > kept[-1][1]:
            kept.append((money, value))
    return kept

"""Optima of procurement markets by code that shares nothing with the solvers.

Workers of equal group, score, cost and coverage are one kind, and only how many of a kind are hired matters: a dynamic program
over the kinds, in plain Python integers, whose last kind is counted in closed form. Hundreds of equal workers beside a handful of
others are decided exactly.

Whether ``y[l]`` workers of each group can be placed is decided by Hall's condition for the transport problem,

    sum_{l in A} y[l]  <=  sum_j min(seats[j], sum_{l in A} cap[l, j])     for every set A of groups,

and OPT-FRAC by the dual ``min over lambda >= 0 of lambda * B + max_y sum (v - lambda c)+ x`` at its breakpoints.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations
from typing import Any

from ..literal.procurement import LiteralMarket

__all__ = ["TooLarge", "optimum"]

MOST_STEPS = 60_000


class TooLarge(Exception):
    """The dynamic program would take too long."""


def optimum(market: LiteralMarket, problem: str, most_steps: int = MOST_STEPS) -> Fraction:
    """Return the optimum of a problem.

    Raises
    ------
    TooLarge
        If that takes more than `most_steps` steps.
    """
    counted = _Counted(market, covering=problem == "cover")
    if problem == "opt-frac":
        return counted.relaxed(market.budget)
    if problem == "opt-sep":
        return counted.separate(market.budgets, most_steps)
    return counted.pooled(None if problem == "orp" else market.budget, most_steps)


class _Counted:
    """A market as kinds of equal workers, in integers."""

    def __init__(self, market: LiteralMarket, *, covering: bool):
        self.groups = sorted(set(market.groups))
        self.requesters = range(len(market.requesters))
        place = {name: l for l, name in enumerate(self.groups)}
        size = Counter(market.groups)
        rows: tuple[tuple[Any, ...], ...] = market.coverage if covering else ((),) * len(market.ids)
        self.score_unit = math.lcm(
            *(z.denominator for row in rows for z in row) if covering else (v.denominator for v in market.scores)
        )
        self.money_unit = math.lcm(
            *(c.denominator for c in market.costs), *(budget.denominator for budget in market.budgets)
        )
        kinds = Counter(
            (place[group], int(score * self.score_unit) if not covering else 0, int(cost * self.money_unit), row)
            for group, score, cost, row in zip(market.groups, market.scores, market.costs, rows, strict=True)
        )
        if covering:
            # A second worker that covers the same adds nothing.
            kinds = Counter({(l, v, c, tuple(int(z * self.score_unit) for z in row)): 1 for l, v, c, row in kinds})
        # Group by group; the most numerous kind comes last, where it costs nothing.
        largest = {l: max(count for (k, *_), count in kinds.items() if k == l) for l, *_ in kinds}
        self.kinds = sorted(kinds.items(), key=lambda kind: (largest[kind[0][0]], kind[0][0], kind[1]))
        self.cap = [
            [
                size[name] if market.caps.get((name, r)) is None else min(size[name], market.caps[name, r])
                for r in market.requesters
            ]
            for name in self.groups
        ]
        n = len(market.ids)
        self.seats = [n if seats is None else min(n, seats) for seats in market.seats]
        self.seats_matter = any(seats is not None for seats in market.seats)
        self.sets = [
            (chosen, sum(min(self.seats[j], sum(self.cap[l][j] for l in chosen)) for j in self.requesters))
            for chosen in self._sets()
        ]

    def _sets(self) -> Iterable[tuple[int, ...]]:
        every = range(len(self.groups))
        if not self.seats_matter:
            return [(l,) for l in every]
        if len(self.groups) > 10:
            raise TooLarge
        return [chosen for size in range(1, len(self.groups) + 1) for chosen in combinations(every, size)]

    def _room(self, taken: tuple[int, ...], group: int) -> int:
        """How many more workers of a group can be placed beside those taken."""
        return min(most - sum(taken[l] for l in chosen) for chosen, most in self.sets if group in chosen)

    def pooled(self, budget: Fraction | None, most_steps: int) -> Fraction:
        """ORP (no budget), OPT or COVER."""
        money = None if budget is None else int(budget * self.money_unit)
        start = ((0,) * len(self.groups), ())
        fronts: dict[tuple, list[tuple[int, int]]] = {start: [(0, 0)]}
        steps = 0
        for position, ((group, score, cost, row), count) in enumerate(self.kinds):
            last = position == len(self.kinds) - 1
            finished = not self.seats_matter and not last and self.kinds[position + 1][0][0] != group
            found: dict[tuple, list[tuple[int, int]]] = {}
            for (taken, covered), front in fronts.items():
                room = min(count, self._room(taken, group))
                seen = tuple(map(max, covered, row)) if covered else row
                gain = sum(seen) - sum(covered) if row else score
                for spent, value in front:
                    most = room if money is None or not cost else min(room, (money - spent) // cost)
                    # More of the last kind is better, and nothing comes after it.
                    for hired in (most,) if last or (money is None and not row and finished) else range(most + 1):
                        steps += 1
                        after = (*taken[:group], 0 if finished else taken[group] + hired, *taken[group + 1 :])
                        key = (after, seen if hired else covered)
                        paid = 0 if money is None else spent + hired * cost
                        found.setdefault(key, []).append((paid, value + hired * gain))
                    if steps > most_steps:
                        raise TooLarge
            fronts = {key: _undominated(front) for key, front in found.items()}
        return Fraction(max(value for front in fronts.values() for _, value in front), self.score_unit)

    def separate(self, budgets: tuple[Fraction, ...], most_steps: int) -> Fraction:
        """OPT-SEP: money, caps and seats left at every requester."""
        width = len(self.requesters)
        money = tuple(int(budget * self.money_unit) for budget in budgets)
        states = {(money, tuple(self.seats), tuple(map(tuple, self.cap))): 0}
        steps = 0
        for position, ((group, score, cost, _), count) in enumerate(self.kinds):
            found: dict[tuple, int] = {}
            # Behind the last kind of a group its caps are of no more use: forgotten, more states fall together.
            finished = position + 1 < len(self.kinds) and self.kinds[position + 1][0][0] != group
            for (left, free, caps), value in states.items():
                room = [
                    min(count, free[j], caps[group][j], count if not cost else left[j] // cost) for j in range(width)
                ]
                # Of the last kind as many as fit anywhere: where they go no longer matters.
                if position == len(self.kinds) - 1:
                    key, total = (), value + score * min(count, sum(room))
                    found[key] = max(found.get(key, 0), total)
                    continue
                for hired in _splits(room, count):
                    steps += 1
                    if steps > most_steps:
                        raise TooLarge
                    row = () if finished else tuple(cap - x for cap, x in zip(caps[group], hired, strict=True))
                    key = (
                        tuple(have - x * cost for have, x in zip(left, hired, strict=True)),
                        tuple(have - x for have, x in zip(free, hired, strict=True)) if self.seats_matter else free,
                        (*caps[:group], row, *caps[group + 1 :]),
                    )
                    total = value + score * sum(hired)
                    if total > found.get(key, -1):
                        found[key] = total
            states = found
        return Fraction(max(states.values()), self.score_unit)

    def relaxed(self, budget: Fraction) -> Fraction:
        """OPT-FRAC, from its dual: convex in the price of money and linear between breakpoints, so the least is at one."""
        money = int(budget * self.money_unit)
        lines = sorted({(score, cost) for (_, score, cost, _), _ in self.kinds} | {(0, 0)})
        prices = {Fraction(0)} | {
            Fraction(v - w, c - d) for (v, c), (w, d) in combinations(lines, 2) if c != d and (v - w) * (c - d) > 0
        }
        ordered = sorted(prices)
        low, high = 0, len(ordered) - 1
        while low < high:
            middle = (low + high) // 2
            if self._dual(ordered[middle], money) <= self._dual(ordered[middle + 1], money):
                high = middle
            else:
                low = middle + 1
        return self._dual(ordered[low], money) / self.score_unit

    def _dual(self, price: Fraction, money: int) -> Fraction:
        """``price * money`` plus the best placement when every hire pays for its cost: greedy, as placements are a matroid."""
        worth = sorted(
            ((score - price * cost, group, count) for (group, score, cost, _), count in self.kinds), reverse=True
        )
        taken, total = (0,) * len(self.groups), price * money
        for value, group, count in worth:
            if value <= 0:
                break
            hired = min(count, self._room(taken, group))
            taken = (*taken[:group], taken[group] + hired, *taken[group + 1 :])
            total += hired * value
        return total


def _undominated(front: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of pairs (spent, value), those that no cheaper one is as good as."""
    kept: list[tuple[int, int]] = []
    for spent, value in sorted(front, key=lambda pair: (pair[0], -pair[1])):
        if not kept or value > kept[-1][1]:
            kept.append((spent, value))
    return kept


def _splits(room: list[int], count: int) -> Iterable[tuple[int, ...]]:
    """Every way to hire at most `count` workers, at most ``room[j]`` of them at each requester."""
    if not room:
        yield ()
        return
    for first in range(min(room[0], count) + 1):
        for rest in _splits(room[1:], count - first):
            yield (first, *rest)

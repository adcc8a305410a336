"""What the dynamic program goes through: the open items of a leaf in order, and what those ahead can add.

A group's limit is kept as a *debt*: how many of its items ahead must be left. Groups whose limit the open items cannot reach share one
class without a debt; the others are classes of their own, closed one after the other. Equal items are bundled in 1, 2, 4, ... copies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, cmp_to_key

import numpy as np
from numpy.typing import NDArray

from ..leaf_multipliers import LeafMultipliers
from ..problem import PooledProblem
from .states import MONEY_ROOM, WORTH_ROOM, Gate, Outlook

MOST_STEPS = 20_000
"""More open items (equal ones bundled) than this are not tried: every step looks at all that are ahead."""

MOST_INTERVALS = 1 << 12
"""Intervals in which the costs ahead can add up; more are joined."""

INTERVALS_KEPT = 8
"""They are kept for every so manieth step."""

FINEST = 1 << 20
"""Scores and prices of places are multiplied by no more than this."""

FINENESS = 16
"""Intervals closer to one another than this part of what the gap is worth in money are joined."""

Kinds = dict[tuple[int, int, int], list[int]]
"""Items by group, cost and score."""

Gates = list[dict[int, Gate]]
"""For every step, and the end, by debt."""


@dataclass(frozen=True)
class Stage:
    """One step: a bundle is taken or left.

    Attributes
    ----------
    at, copies : int
        The step, and how many items the bundle has.
    debt : int or None
        The debt with which this step's class begins, if it begins here; who owes anything from the class before is out.
    ahead : int
        Items of the class behind this step.
    price, later : int
        Of a place in the class; what the places of all later classes are worth.
    """

    at: int
    copies: int
    debt: int | None
    ahead: int
    price: int
    later: int

    def bonus(self, debt: int) -> int:
        """Return what the places are worth that can still be filled behind this step."""
        return self.later + self.price * (self.ahead - debt)

    def sources(self, debts: list[int]) -> dict[int, tuple[list[int], list[int]]]:
        """Return for each debt behind this step those before it, from leaving the bundle and from taking it.

        Who leaves it has paid off as many; who takes it has not, and must be able to pay with what is ahead.
        """
        found: dict[int, tuple[list[int], list[int]]] = {}
        for debt in sorted(debts):
            found.setdefault(max(0, debt - self.copies), ([], []))[0].append(debt)
            if debt <= self.ahead:
                found.setdefault(debt, ([], []))[1].append(debt)
        return found


@dataclass(frozen=True)
class MoneyProgram:
    """The open items in the order in which they are decided, equal ones bundled.

    Attributes
    ----------
    held : ndarray of bool, shape (n,)
        Items in every set that is better; `score_held` is their score.
    cost, score, worth : ndarray of int64
        Of each bundle; the worth is the score times `scale` less the price of its places.
    members : list of ndarray
        The items of each bundle.
    stages : list of Stage
    free_from : int
        From this step on there are no debts.
    room : int
        Money for open items, in units of their common divisor, as `cost` is.
    scale : int
    slack : int
        What the gap is worth in money: who leaves more of it is not better.
    """

    problem: PooledProblem
    held: NDArray[np.bool_]
    score_held: int
    cost: NDArray[np.int64]
    score: NDArray[np.int64]
    worth: NDArray[np.int64]
    members: list[NDArray[np.int64]]
    stages: list[Stage]
    free_from: int
    room: int
    scale: int
    slack: int

    @staticmethod
    def of(
        problem: PooledProblem, multipliers: LeafMultipliers, reduced: NDArray, bound: int, goal: int, most_steps: int
    ) -> MoneyProgram | None:
        """Fix what the gap to a goal decides and put the rest in order; None if it is too much.

        Parameters
        ----------
        problem : PooledProblem
        multipliers : LeafMultipliers
            Of the leaf that holds all sets.
        reduced : ndarray of int, shape (n,)
        bound : int
            At these multipliers, times their scale.
        goal : int
            What a set has to be worth.
        most_steps : int
        """
        gap = bound - multipliers.scale * goal
        held = reduced > gap
        kinds = _kinds(problem, np.flatnonzero(np.abs(reduced) <= gap), most_steps)
        if kinds is None:
            return None
        more, kinds = _among_equals(kinds, reduced, gap)
        held[more] = True
        room = problem.budget - problem.cost(held)
        kinds = {kind: members for kind, members in kinds.items() if kind[1] <= room}
        counts = np.bincount(problem.groups[held], minlength=len(problem.limits)).tolist()
        places = [k - x for k, x in zip(problem.limits, counts, strict=True)]
        if min(places, default=0) < 0 or room < 0:
            # What must be held does not fit: nothing reaches the goal, and nothing has to be looked at.
            held, kinds, room = np.zeros_like(held), {}, 0
        sizes = [0] * len(places)
        for (group, _, _), members in kinds.items():
            sizes[group] += len(members)
        debts = _debts(kinds, sizes, places, room)
        bundles = list(_bundles(kinds, debts))
        if len(bundles) > most_steps:
            return None
        divisor = math.gcd(*(cost for _, cost, _ in kinds)) or 1
        prices = [multipliers.limits[g] if g in debts else 0 for g in range(len(places))]
        scale, prices = _rounded(multipliers.scale, prices)
        cost = [int(problem.costs[m[0]]) // divisor * len(m) for _, m in bundles]
        score = [int(problem.scores[m[0]]) * len(m) for _, m in bundles]
        paid = sum(price * size for price, size in zip(prices, sizes, strict=True))
        # Every number that a pass meets is a part of one of these: checked here once, nothing overflows later.
        if scale * (sum(score) + goal) + paid >= WORTH_ROOM or sum(cost) >= MONEY_ROOM:
            return None
        worth = [scale * s - (prices[g] * len(m) if g >= 0 else 0) for s, (g, m) in zip(score, bundles, strict=True)]
        return MoneyProgram(
            problem,
            held,
            problem.value(held),
            np.array(cost, dtype=np.int64),
            np.array(score, dtype=np.int64),
            np.array(worth, dtype=np.int64),
            [m for _, m in bundles],
            list(_stages([(g, len(m)) for g, m in bundles], sizes, debts, prices)),
            max((at + 1 for at, (g, _) in enumerate(bundles) if g >= 0), default=0),
            min(room // divisor, sum(cost)),
            scale,
            min(gap // (multipliers.price * divisor) if multipliers.price else sum(cost), sum(cost)),
        )

    @property
    def size(self) -> int:
        """Number of steps."""
        return len(self.stages)

    @cached_property
    def falling(self) -> NDArray[np.int64]:
        """Steps of positive worth, by falling worth for money."""
        cost, worth = self.cost.tolist(), self.worth.tolist()
        near = np.argsort(-(self.worth / np.maximum(self.cost, 0.5)), kind="stable").tolist()
        order = sorted(near, key=cmp_to_key(lambda a, b: worth[b] * cost[a] - worth[a] * cost[b]))
        return np.array([i for i in order if worth[i] > 0], dtype=np.int64)

    @cached_property
    def sums(self) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """What the costs from a step on can add up to, as intervals, for every so manieth step and the end."""
        low, high = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
        tolerance, kept = self.slack // FINENESS, {self.size: (low, high)}
        for at in range(self.size - 1, -1, -1):
            cost = int(self.cost[at])
            low, high = _joined(np.append(low, low + cost), np.append(high, high + cost), self.room, tolerance)
            while len(low) > MOST_INTERVALS:
                tolerance = 2 * tolerance + 1
                low, high = _joined(low, high, self.room, tolerance)
            if at % INTERVALS_KEPT == 0:
                kept[at] = low, high
        return kept

    def outlook(self, at: int) -> Outlook:
        """Return what the steps from `at` on can add."""
        low, high = self.sums[at if at == self.size else at // INTERVALS_KEPT * INTERVALS_KEPT]
        items = self.falling[self.falling >= at]
        cost, worth = self.cost[items], self.worth[items]
        used, total = np.zeros(len(items) + 1, dtype=np.int64), np.zeros(len(items) + 1, dtype=np.int64)
        np.cumsum(cost, out=used[1:])
        np.cumsum(worth, out=total[1:])
        return Outlook(low, high, items, used, total, np.append(cost, 1), np.append(worth, 0))

    def gate(self, gates: Gates, at: int, debt: int) -> Gate | None:
        """Return the gate before step `at` for states with a debt behind the step before; a class must end without."""
        if at < self.size and self.stages[at].debt is None:
            return gates[at].get(debt)
        return next(iter(gates[at].values()), None) if debt == 0 else None

    def chosen(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return the set in which these steps are taken."""
        mark = self.held.copy()
        for step in steps.tolist():
            mark[self.members[step]] = True
        return mark


def _rounded(scale: int, prices: list[int]) -> tuple[int, list[int]]:
    """Return prices of places on a scale of at most :data:`FINEST`, rounded up: the program may take any."""
    divisor = math.gcd(scale, *prices)
    scale, prices = scale // divisor, [price // divisor for price in prices]
    if scale > FINEST:
        scale, prices = FINEST, [-(-price * FINEST // scale) for price in prices]
    return scale, prices


def _kinds(problem: PooledProblem, items: NDArray, most: int) -> Kinds | None:
    """Return equal items together; None if more than so many differ."""
    kinds: Kinds = {}
    for start in range(0, len(items), most + 1):
        part = items[start : start + most + 1]
        columns = (column[part].tolist() for column in (problem.groups, problem.costs, problem.scores))
        for item, group, cost, score in zip(part.tolist(), *columns, strict=True):
            kinds.setdefault((group, cost, score), []).append(item)
        if len(kinds) > most:
            return None
    return kinds


def _among_equals(kinds: Kinds, reduced: NDArray, gap: int) -> tuple[list[int], Kinds]:
    """Decide all but a few of many equal items: no more can go against their reduced value than the gap pays for.

    Returns
    -------
    list of int
        Those that are held.
    dict
        Those that stay open.
    """
    held, left = [], {}
    for kind, members in kinds.items():
        value = int(reduced[members[0]])
        most = gap // abs(value) if value else len(members)
        left[kind] = members[:most]
        held += members[most:] if value > 0 else []
    return held, left


def _debts(kinds: Kinds, sizes: list[int], places: list[int], room: int) -> dict[int, int]:
    """Return how many of each group's open items have to be left, for groups where more than fit can be paid for."""
    cheapest = [0] * len(places)
    missing = [count + 1 for count in places]
    for group, cost, score in sorted(kinds):
        number = min(missing[group], len(kinds[group, cost, score]))
        cheapest[group] += number * cost
        missing[group] -= number
    return {g: size - places[g] for g, size in enumerate(sizes) if not missing[g] and cheapest[g] <= room}


def _bundles(kinds: Kinds, debts: dict[int, int]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the class (a group with a debt, else -1) and the members of each bundle, in the order of the program."""
    alike: Kinds = {}
    dearest: dict[int, int] = {}
    for (group, cost, score), members in kinds.items():
        own = group if group in debts else -1
        dearest[own] = max(cost, dearest.get(own, 0))
        alike.setdefault((own, cost, score), []).extend(members)
    for kind in sorted(alike, key=lambda k: (-dearest[k[0]], k[0], -k[1], -k[2])):
        members, parts = np.array(alike[kind], dtype=np.int64), []
        while len(members):
            copies = 1 << len(parts)
            # Any number of equal items is a sum of 1, 2, 4, ...: steps grow with the logarithm of how many there are.
            parts.append((kind[0], members[:copies]))
            members = members[copies:]
        yield from reversed(parts)


def _stages(
    bundles: list[tuple[int, int]], sizes: list[int], debts: dict[int, int], prices: list[int]
) -> Iterator[Stage]:
    later = sum(prices[g] * (sizes[g] - debt) for g, debt in debts.items())
    free = sum(copies for group, copies in bundles if group < 0)
    ahead = 0
    for at, (group, copies) in enumerate(bundles):
        begins = at == 0 or bundles[at - 1][0] != group
        debt = debts.get(group, 0)
        if begins:
            ahead = sizes[group] if group >= 0 else free
            later -= prices[group] * (ahead - debt) if group >= 0 else 0
        ahead -= copies
        yield Stage(at, copies, debt if begins else None, ahead, prices[group] if group >= 0 else 0, later)


def _joined(
    low: NDArray[np.int64], high: NDArray[np.int64], room: int, tolerance: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order intervals, cut them off at the room, and join those that (nearly) touch."""
    order = np.argsort(low, kind="stable")
    low, high = low[order], np.maximum.accumulate(high[order])
    stop = int(np.searchsorted(low, room, side="right"))
    low, high = low[:stop], np.minimum(high[:stop], room)
    apart = low[1:] > high[:-1] + 1 + tolerance
    return low[np.append(True, apart)], high[np.append(apart, True)]

"""The core of a leaf: the flips a better set may be made of, equal ones bundled.

A set better than the incumbent differs from the base only on items whose reduced value is at most the gap.  Equal
items (same group, score, cost) are interchangeable, so what counts is how many of them are flipped: they become
bundles of 1, 2, 4, ... copies.  Groups whose limit the core cannot reach share one pool without a count.

In a full group with many equal items of reduced value zero (a *pivot* kind, score ``v_z``, cost ``c_z``) every flip can
be made up for by one of these, so the group's count need not be tracked: an item enters with its score and cost less
the pivot's, and a place left unused is a flip of loss ``mu_l``, which may be 0, that gives back one pivot and lowers the
total count.  Without a check that there are enough pivots this is a relaxation, which is what a bound needs; a set found
is only used if they suffice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.exact import integer_array, integer_columns
from .dual import Grouped
from .flips import FlipProblem
from .leaf_multipliers import LeafMultipliers
from .problem import PooledProblem
from .swaps import by_border

FREE = -1
PIVOTED = -2
MANY_TIES = 40
"""With more items than this that cost nothing to flip, it matters which of them come first."""

PIVOT_COPIES = 8
"""A kind is a pivot if so many of it are chosen and as many are not."""


@dataclass(frozen=True)
class Pivot:
    """An item kind of reduced value zero that makes up for the count of a group."""

    score: int
    cost: int
    chosen: NDArray
    others: NDArray


@dataclass
class Core:
    """Bundles of flips in order of the least loss of a set that needs them.

    Attributes
    ----------
    members : list of ndarray
        Items of each bundle; empty for places left unused.
    groups : ndarray of int
        The group whose count a bundle changes; FREE or PIVOTED where none is tracked.
    count : ndarray of int
        By how much a bundle changes the total count (pivots made up for included).
    entry : list of int
        A set that cannot do without the bundle loses at least this much (scaled).
    missing : int or None
        Every set with a flip that no bundle offers loses at least this much; None: there is no such flip.
    """

    problem: PooledProblem
    base: NDArray[np.bool_]
    multipliers: LeafMultipliers
    members: list[NDArray]
    groups: NDArray
    money: NDArray
    score: NDArray
    count: NDArray
    loss: NDArray
    entry: list[int]
    room: dict[int, int]
    pivots: dict[int, Pivot]
    missing: int | None
    counts: list[int]
    unused: dict[int, tuple[int, int]]

    def flips(self, size: int, limit: int) -> tuple[NDArray, FlipProblem, float]:
        """Return the usable ones among the first `size` bundles, as numbers and as flips, and the limit in their unit."""
        m, problem = self.multipliers, self.problem
        usable = np.flatnonzero(self.loss[:size] <= limit)
        groups, count = self.groups[usable], self.count[usable]
        total = sum(self.counts)
        drops = int(-count[count < 0].sum())
        rises = count > 0
        adds = np.bincount(groups[rises] - PIVOTED, weights=count[rises]).astype(np.int64).tolist()
        # The limits alone keep the total count from rising further than this.
        most = sum(min(rise, self.room.get(g, rise)) for g, rise in enumerate(adds, PIVOTED))
        bounded = m.count != 0 or total + most > m.high or total - drops < m.low
        present = set(groups.tolist())
        unit = max(m.scale, limit)
        loss = [int(x) / unit for x in self.loss[usable].tolist()]
        return (
            usable,
            FlipProblem(
                groups,
                self.money[usable],
                self.score[usable],
                count,
                np.array(loss, dtype=np.float64),
                {g: room for g, room in self.room.items() if g in present},
                {g: _ratio(m.limits[g], unit) for g in self.room if g in present},
                problem.budget - problem.cost(self.base),
                (m.low - total, m.high - total) if bounded else None,
            ),
            limit / unit,
        )

    def apply(self, bundles: NDArray) -> NDArray[np.bool_] | None:
        """Return the base after these flips, or None if there are not enough pivots for them."""
        chosen = self.base.copy()
        needed: dict[int, int] = {}
        for b in bundles.tolist():
            items = self.members[b]
            chosen[items] ^= True
            if b in self.unused:
                group, size = self.unused[b]
                needed[group] = needed.get(group, 0) + size
            elif self.groups[b] == PIVOTED:
                for i in items.tolist():
                    group = int(self.problem.groups[i])
                    needed[group] = needed.get(group, 0) + (-1 if self.base[i] else 1)
        for group, change in needed.items():
            pivot = self.pivots[group]
            pool = pivot.chosen if change > 0 else pivot.others
            if len(pool) < abs(change):
                return None
            chosen[pool[: abs(change)]] ^= True
        return chosen


def _ratio(value: int, unit: int) -> float:
    """Return a quotient of integers as a float, infinity if it is too large."""
    return value / unit if value.bit_length() - unit.bit_length() < 1000 else float("inf")


def build_core(
    items: Grouped,
    multipliers: LeafMultipliers,
    reduced: NDArray,
    base: NDArray[np.bool_],
    gap: int,
    most: int,
    *,
    pivoting: bool = True,
) -> Core:
    """Bundle the `most` items of least loss among those within the gap.

    Parameters
    ----------
    items, multipliers, reduced
        The problem by group, and the leaf.
    base : ndarray of bool
        Agrees with the signs of `reduced`.
    gap : int
        Sets that lose more are of no interest.
    most : int
    pivoting : bool
        Whether groups may leave their count to a pivot.

    Returns
    -------
    Core
    """
    problem = items.problem
    losses = np.abs(reduced)
    counts = np.bincount(problem.groups[base], minlength=len(problem.limits)).tolist()
    effective = losses + _companions(items, multipliers, losses, base, counts)
    index = np.flatnonzero(effective <= gap)
    missing: int | None = None
    ties = index[effective[index] == 0]
    if len(ties) > MANY_TIES:
        # Among equals come, in turn, those that can be exchanged at the least change of cost, and any.
        turns = np.stack([by_border(problem, base, ties), np.random.default_rng(0).permutation(len(ties))], axis=1)
        _, first = np.unique(turns.ravel(), return_index=True)
        index = np.concatenate([ties[np.argsort(first)], index[effective[index] > 0]])
    if len(index) > most and len(ties) > most:
        missing, index = 0, index[:most]
    elif len(index) > most:
        inner = effective[index]
        part = np.argsort(inner, kind="stable") if inner.dtype == object else np.argpartition(inner, most)
        missing = int(inner[part[most]])
        index = index[part[:most]]
    groups = problem.groups[index].astype(np.int64)
    inside = base[index]
    rises = np.bincount(groups[~inside], minlength=len(problem.limits)).tolist()
    open_groups = np.array(
        [mu == 0 and k - c >= r for mu, k, c, r in zip(multipliers.limits, problem.limits, counts, rises, strict=True)],
        dtype=bool,
    )
    pool = np.where(open_groups[groups], FREE, groups)
    scores, costs, loss, extra = problem.scores[index], problem.costs[index], losses[index], effective[index]
    pivots = _pivots(problem, base, index, pool, loss, inside, counts) if pivoting else {}
    if pivots:
        has = np.isin(pool, list(pivots))
        size = len(problem.limits)
        lift_score = np.array([pivots[g].score if g in pivots else 0 for g in range(size)], dtype=scores.dtype)
        lift_cost = np.array([pivots[g].cost if g in pivots else 0 for g in range(size)], dtype=costs.dtype)
        scores = scores - np.where(has, lift_score[groups], 0)
        costs = costs - np.where(has, lift_cost[groups], 0)
        pool = np.where(has, PIVOTED, pool)
    order, begins, ends = _kinds(pool, scores, costs, inside)
    members, home, entry, total, place, money, score, count = [], [], [], [], [], [], [], []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        first = order[begin]
        group, each, sign = int(pool[first]), int(loss[first]), -1 if inside[first] else 1
        if group == PIVOTED and scores[first] == 0 and costs[first] == 0:
            continue
        worth, price, start = int(scores[first]) * sign, int(costs[first]) * sign, int(extra[first]) - each
        usable = end - begin if each == 0 else min(end - begin, gap // each)
        taken = 0
        size = 1
        while taken < usable:
            size = min(size, usable - taken)
            members.append(index[order[begin + taken : begin + taken + size]])
            home.append(group)
            entry.append((taken + 1) * each + (0 if group == PIVOTED else start))
            total.append(each * size)
            place.append(int(order[begin + taken]))
            money.append(price * size)
            score.append(worth * size)
            count.append(0 if group == PIVOTED else sign * size)
            taken += size
            size *= 2
    unused: dict[int, tuple[int, int]] = {}
    for group, pivot in pivots.items():
        # No set leaves more places unused than there are, nor, where each is paid for, than the gap pays.
        mu, most_unused = multipliers.limits[group], problem.limits[group]
        if mu:
            most_unused = min(most_unused, gap // mu)
        taken, size = 0, 1
        while taken < most_unused:
            size = min(size, most_unused - taken)
            members.append(index[:0])
            home.append(PIVOTED)
            entry.append((taken + 1) * mu)
            total.append(mu * size)
            place.append(0)
            money.append(-pivot.cost * size)
            score.append(-pivot.score * size)
            count.append(-size)
            unused[len(members) - 1] = (group, size)
            taken += size
            size *= 2
    rank = sorted(range(len(members)), key=lambda i: (entry[i], total[i], place[i]))
    room = {}
    for group in set(home):
        if group >= 0:
            room[group] = problem.limits[group] - counts[group]
    where = np.array(home, dtype=np.int64)
    # Less a pivot's, scores and costs add up to more than the items' do.
    monies, scores = integer_columns([money[i] for i in rank], [score[i] for i in rank])
    return Core(
        problem,
        base,
        multipliers,
        [members[i] for i in rank],
        where[rank] if rank else where,
        monies,
        scores,
        np.array([count[i] for i in rank], dtype=np.int64),
        integer_array([total[i] for i in rank]),
        [entry[i] for i in rank],
        room,
        pivots,
        missing,
        counts,
        {new: unused[old] for new, old in enumerate(rank) if old in unused},
    )


def _companions(items: Grouped, multipliers: LeafMultipliers, losses, base, counts) -> NDArray:
    """Return what else a set loses that flips an item: a full group gives one up for every one it takes in.

    An item taken into a full group costs at least the least loss of one dropped; one dropped leaves a place that is
    either paid for (``mu``) or taken by another.
    """
    problem = items.problem
    full = np.array([c >= k for c, k in zip(counts, problem.limits, strict=True)], dtype=bool)
    dropping = _least(items, losses, base)
    taking = _least(items, losses, ~base)
    take = [d if f and d is not None else 0 for d, f in zip(dropping, full.tolist(), strict=True)]
    drop = [
        (min(t, mu) if t is not None else mu) if f else 0
        for t, f, mu in zip(taking, full.tolist(), multipliers.limits, strict=True)
    ]
    one, two = np.array(take, dtype=losses.dtype), np.array(drop, dtype=losses.dtype)
    return np.where(base, two[problem.groups], one[problem.groups])


def _least(items: Grouped, losses: NDArray, among: NDArray[np.bool_]) -> list[int | None]:
    """Return the least loss in each group among some items, None where there are none."""
    level = len(items.start) - 1
    least: list[int | None] = [None] * level
    kept = items.order[among[items.order]]
    if not len(kept):
        return least
    groups = items.problem.groups[kept]
    heads = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    smallest = np.minimum.reduceat(losses[kept], heads)
    for group, loss in zip(groups[heads].tolist(), smallest.tolist(), strict=True):
        least[group] = loss
    return least


def _kinds(pool, scores, costs, inside) -> tuple[NDArray, NDArray, NDArray]:
    """Sort equal items together; return the order and where each kind begins and ends."""
    order = np.lexsort((inside, *_sort_keys(costs), *_sort_keys(scores), pool))
    same = np.zeros(len(order), dtype=bool)
    if len(order):
        a, b = order[1:], order[:-1]
        same[1:] = (inside[a] == inside[b]) & (costs[a] == costs[b]) & (scores[a] == scores[b]) & (pool[a] == pool[b])
    begins = np.flatnonzero(~same)
    return order, begins, np.append(begins[1:], len(order))[: len(begins)]


def _sort_keys(values: NDArray) -> list[NDArray]:
    """Return keys that sort equal integers together; those of objects are ranks."""
    if values.dtype != object:
        return [values]
    rank = {x: i for i, x in enumerate(sorted(set(values.tolist())))}
    return [np.array([rank[x] for x in values.tolist()], dtype=np.int64)]


def _pivots(problem, base, index, pool, loss, inside, counts) -> dict[int, Pivot]:
    """Find the kinds of reduced value zero that can make up for counts."""
    zero = np.flatnonzero((loss == 0) & (pool != FREE))
    pivots: dict[int, Pivot] = {}
    if len(zero) < 2 * PIVOT_COPIES:
        return pivots
    scores, costs = problem.scores[index[zero]], problem.costs[index[zero]]
    order, begins, ends = _kinds(pool[zero], scores, costs, np.zeros(len(zero), dtype=bool))
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if end - begin < 2 * PIVOT_COPIES:
            continue
        items = zero[order[begin:end]]
        group = int(pool[items[0]])
        chosen, others = index[items[inside[items]]], index[items[~inside[items]]]
        if group in pivots or counts[group] != problem.limits[group] or min(len(chosen), len(others)) < PIVOT_COPIES:
            continue
        pivots[group] = Pivot(int(problem.scores[chosen[0]]), int(problem.costs[chosen[0]]), chosen, others)
    return pivots

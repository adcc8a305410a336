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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

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
        # The total count is carried along only where flips could leave the leaf's interval, or where it is priced.
        drops = int(-count[count < 0].sum())
        rises = count > 0
        adds = np.bincount(groups[rises] - PIVOTED, weights=count[rises]).astype(np.int64).tolist()
        # The limits alone keep the total count from rising further than this.
        most = sum(min(rise, self.room.get(g, rise)) for g, rise in enumerate(adds, PIVOTED))
        bounded = m.count != 0 or total + most > m.high or total - drops < m.low
        present = set(groups.tolist())
        # Losses of any size become floats of about 1: only their ratio to the limit matters.
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
            # An unused place gives a pivot back; an item taken in or dropped in a pivoted group takes one out or puts one in.
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
    index, missing = _within(problem, base, effective, gap, most)
    inside, loss, extra = base[index], losses[index], effective[index]
    pool = _pools(problem, multipliers, index, inside, counts)
    pivots = _pivots(problem, base, index, pool, loss, inside, counts) if pivoting else {}
    pool, scores, costs = _less_the_pivots(problem, index, pool, pivots)
    bundles = _bundled(index, inside, pool, scores, costs, loss, extra, gap)
    bundles += _unused_places(problem, multipliers, pivots, index[:0], gap)
    bundles.sort(key=lambda bundle: (bundle.entry, bundle.loss, bundle.place))
    # Less a pivot's, scores and costs add up to more than the items' do.
    money, score = integer_columns([bundle.money for bundle in bundles], [bundle.score for bundle in bundles])
    return Core(
        problem,
        base,
        multipliers,
        members=[bundle.members for bundle in bundles],
        groups=np.array([bundle.group for bundle in bundles], dtype=np.int64),
        money=money,
        score=score,
        count=np.array([bundle.count for bundle in bundles], dtype=np.int64),
        loss=integer_array([bundle.loss for bundle in bundles]),
        entry=[bundle.entry for bundle in bundles],
        room={g: problem.limits[g] - counts[g] for g in {bundle.group for bundle in bundles} if g >= 0},
        pivots=pivots,
        missing=missing,
        counts=counts,
        unused={i: bundle.unused for i, bundle in enumerate(bundles) if bundle.unused},
    )


class _FlipBundle(NamedTuple):
    """Equal flips that are taken together: one entry of each of :class:`Core`'s lists."""

    members: NDArray
    group: int
    entry: int
    loss: int
    place: int
    money: int
    score: int
    count: int
    unused: tuple[int, int] | None = None


def _doubling(copies: int) -> Iterator[tuple[int, int]]:
    """Split copies into bundles of 1, 2, 4, ..., the last one smaller; yield how many come before each, and its size."""
    taken, size = 0, 1
    while taken < copies:
        size = min(size, copies - taken)
        yield taken, size
        taken += size
        size *= 2


def _within(
    problem: PooledProblem, base: NDArray, effective: NDArray, gap: int, most: int
) -> tuple[NDArray, int | None]:
    """Return the `most` items of least loss within the gap, and the least loss of one that is left out."""
    index = np.flatnonzero(effective <= gap)
    ties = index[effective[index] == 0]
    if len(ties) > MANY_TIES:
        # Among equals come, in turn, those that can be exchanged at the least change of cost, and any.
        turns = np.stack([by_border(problem, base, ties), np.random.default_rng(0).permutation(len(ties))], axis=1)
        _, first = np.unique(turns.ravel(), return_index=True)
        index = np.concatenate([ties[np.argsort(first)], index[effective[index] > 0]])
    if len(index) <= most:
        return index, None
    if len(ties) > most:
        return index[:most], 0
    inner = effective[index]
    part = np.argsort(inner, kind="stable") if inner.dtype == object else np.argpartition(inner, most)
    return index[part[:most]], int(inner[part[most]])


def _pools(problem: PooledProblem, multipliers: LeafMultipliers, index, inside, counts: list[int]) -> NDArray:
    """Return the group of each item; FREE where all that may be taken in still has room."""
    groups = problem.groups[index].astype(np.int64)
    rises = np.bincount(groups[~inside], minlength=len(problem.limits)).tolist()
    has_room = np.array(
        [mu == 0 and k - c >= r for mu, k, c, r in zip(multipliers.limits, problem.limits, counts, rises, strict=True)],
        dtype=bool,
    )
    return np.where(has_room[groups], FREE, groups)


def _less_the_pivots(problem: PooledProblem, index, pool, pivots: dict[int, Pivot]) -> tuple[NDArray, NDArray, NDArray]:
    """Return pools, scores and costs of the items, those whose group has a pivot less the pivot's."""
    scores, costs = problem.scores[index], problem.costs[index]
    if not pivots:
        return pool, scores, costs
    groups, size = problem.groups[index], len(problem.limits)
    has = np.isin(pool, list(pivots))
    lift_score = np.array([pivots[g].score if g in pivots else 0 for g in range(size)], dtype=scores.dtype)
    lift_cost = np.array([pivots[g].cost if g in pivots else 0 for g in range(size)], dtype=costs.dtype)
    scores = scores - np.where(has, lift_score[groups], 0)
    costs = costs - np.where(has, lift_cost[groups], 0)
    return np.where(has, PIVOTED, pool), scores, costs


def _bundled(index, inside, pool, scores, costs, loss, extra, gap: int) -> list[_FlipBundle]:
    """Return the flips of equal items in bundles, as many of each kind as the gap pays for."""
    order, begins, ends = _kinds(pool, scores, costs, inside)
    bundles = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        first = order[begin]
        group, each, sign = int(pool[first]), int(loss[first]), -1 if inside[first] else 1
        if group == PIVOTED and scores[first] == 0 and costs[first] == 0:
            # The pivot itself.
            continue
        worth, price = int(scores[first]) * sign, int(costs[first]) * sign
        # A set with a pivot at hand need not do without anything else.
        companions, step = (0, 0) if group == PIVOTED else (int(extra[first]) - each, sign)
        usable = end - begin if each == 0 else min(end - begin, gap // each)
        for taken, size in _doubling(usable):
            equal = order[begin + taken : begin + taken + size]
            entry = (taken + 1) * each + companions
            bundles.append(
                _FlipBundle(
                    index[equal], group, entry, each * size, int(equal[0]), price * size, worth * size, step * size
                )
            )
    return bundles


def _unused_places(
    problem: PooledProblem, multipliers: LeafMultipliers, pivots: dict[int, Pivot], nobody: NDArray, gap: int
) -> list[_FlipBundle]:
    """Return places of pivoted groups left unused, each of which gives one pivot back."""
    bundles = []
    for group, pivot in pivots.items():
        # No set leaves more places unused than there are, nor, where each is paid for, than the gap pays.
        mu, most = multipliers.limits[group], problem.limits[group]
        for taken, size in _doubling(min(most, gap // mu) if mu else most):
            entry = (taken + 1) * mu
            money, score = -pivot.cost * size, -pivot.score * size
            bundles.append(_FlipBundle(nobody, PIVOTED, entry, mu * size, 0, money, score, -size, (group, size)))
    return bundles


def _companions(items: Grouped, multipliers: LeafMultipliers, losses, base, counts) -> NDArray:
    """Return what else a set loses that flips an item: a full group gives one up for every one it takes in.

    An item taken into a full group costs at least the least loss of one dropped; one dropped leaves a place that is
    either paid for (``mu``) or taken by another.
    """
    problem = items.problem
    full = np.array([c >= k for c, k in zip(counts, problem.limits, strict=True)], dtype=bool)
    # Only lower bounds: they order bundles and cut off what cannot be needed, nothing rests on their being tight.
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

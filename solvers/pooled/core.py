"""The core of a leaf: the flips a better set may be made of, equal ones bundled.

A set better than the incumbent differs from the base only on items whose reduced value is at most the gap.  Equal
items (same group, score, cost) are interchangeable, so what counts is how many of them are flipped: they become
bundles of 1, 2, 4, ... copies.  Groups whose limit the core cannot reach share one pool without a count.

In a group with a priced limit and many equal items of reduced value zero (a *pivot* kind, score ``v_z``, cost ``c_z``)
every flip can be made up for by one of these, so the count need not be tracked: an item enters with its score and cost
less the pivot's, and a place left unused is a flip of loss ``mu_l`` that gives back one pivot.  Without a check that
there are enough pivots this is a relaxation, which is what a bound needs; a set found is only used if they suffice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .enumeration import Flips
from .problem import PooledProblem
from .relaxation import Multipliers

FREE = -1
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
    home : list of int
        The group each bundle belongs to.
    entry : list of int
        A set that cannot do without the bundle loses at least this much (scaled).
    missing : int or None
        Every set with a flip that no bundle offers loses at least this much; None: there is no such flip.
    """

    problem: PooledProblem
    base: NDArray[np.bool_]
    multipliers: Multipliers
    members: list[NDArray]
    home: list[int]
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

    def flips(self, size: int, limit: int) -> tuple[NDArray, Flips]:
        """Return the usable ones among the first `size` bundles, and their numbers here."""
        m, problem = self.multipliers, self.problem
        usable = np.flatnonzero(self.loss[:size] <= limit)
        groups, count = self.groups[usable], self.count[usable]
        total = sum(self.counts)
        adds, drops = int(count[count > 0].sum()), int(-count[count < 0].sum())
        bounded = m.count != 0 or total + adds > m.high or total - drops < m.low
        present = set(groups.tolist())
        loss = self.loss[usable]
        scaled = loss / m.scale if loss.dtype != object else np.array([int(x) / m.scale for x in loss], dtype=float)
        return usable, Flips(
            groups,
            self.money[usable],
            self.score[usable],
            count,
            scaled.astype(np.float64),
            {g: room for g, room in self.room.items() if g in present},
            {g: m.limits[g] / m.scale for g in self.room if g in present},
            problem.budget - problem.cost(self.base),
            (m.low - total, m.high - total) if bounded else None,
        )

    def apply(self, bundles: NDArray) -> NDArray[np.bool_] | None:
        """Return the base after these flips, or None if there are not enough pivots for them."""
        chosen = self.base.copy()
        needed: dict[int, int] = {}
        for b in bundles.tolist():
            items = self.members[b]
            chosen[items] ^= True
            group = self.home[b]
            if group in self.pivots:
                change = int(self.base[items].sum()) * -2 + len(items) if len(items) else int(self.count_of_unused(b))
                needed[group] = needed.get(group, 0) + change
        for group, change in needed.items():
            pivot = self.pivots[group]
            pool = pivot.chosen if change > 0 else pivot.others
            pool = pool[: abs(change)]
            if len(pool) < abs(change):
                return None
            chosen[pool] ^= True
        return chosen

    def count_of_unused(self, bundle: int) -> int:
        """Return how many pivots a bundle of unused places gives back."""
        return -int(self.money[bundle]) // self.pivots[self.home[bundle]].cost if self.home[bundle] in self.pivots else 0


def build_core(
    problem: PooledProblem,
    multipliers: Multipliers,
    reduced: NDArray,
    base: NDArray[np.bool_],
    gap: int,
    most: int,
) -> Core:
    """Bundle the `most` items of least loss among those within the gap.

    Parameters
    ----------
    problem, multipliers, reduced
        The leaf.
    base : ndarray of bool
        Agrees with the signs of `reduced`.
    gap : int
        Sets that lose more are of no interest.
    most : int

    Returns
    -------
    Core
    """
    losses = np.abs(reduced)
    index = np.flatnonzero(losses <= gap)
    missing: int | None = None
    if len(index) > most:
        inner = losses[index]
        if inner.dtype == object:
            part = np.argsort(inner, kind="stable")
        else:
            part = np.argpartition(inner, most)
        missing = int(inner[part[most]])
        index = index[part[:most]]
    counts = np.bincount(problem.groups[base], minlength=len(problem.limits)).tolist()
    groups = problem.groups[index].astype(np.int64)
    inside = base[index]
    rises = np.bincount(groups[~inside], minlength=len(problem.limits)).tolist()
    open_groups = np.array(
        [
            mu == 0 and k - c >= r
            for mu, k, c, r in zip(multipliers.limits, problem.limits, counts, rises, strict=True)
        ],
        dtype=bool,
    )
    pool = np.where(open_groups[groups], FREE, groups)
    scores, costs, loss = problem.scores[index], problem.costs[index], losses[index]
    order = np.lexsort((inside, *_sort_keys(costs), *_sort_keys(scores), pool))
    same = np.zeros(len(order), dtype=bool)
    if len(order):
        a, b = order[1:], order[:-1]
        same[1:] = (inside[a] == inside[b]) & (costs[a] == costs[b]) & (scores[a] == scores[b]) & (pool[a] == pool[b])
    begins = np.flatnonzero(~same)
    ends = np.append(begins[1:], len(order))
    pivots = _pivots(problem, base, index, order, begins, ends, pool, loss, inside, multipliers)
    members, home, entry, copies = [], [], [], []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        first = order[begin]
        each, group = int(loss[first]), int(pool[first])
        if group in pivots and each == 0 and int(costs[first]) == pivots[group].cost:
            continue
        usable = end - begin if each == 0 else min(end - begin, gap // each)
        taken = 0
        size = 1
        while taken < usable:
            size = min(size, usable - taken)
            members.append(index[order[begin + taken : begin + taken + size]])
            home.append(group)
            entry.append((taken + 1) * each)
            copies.append(size)
            taken += size
            size *= 2
    sign = [-1 if len(x) and base[x[0]] else 1 for x in members]
    kind = object if object in (scores.dtype, costs.dtype) else np.int64
    money = [int(problem.costs[x[0]]) * len(x) * s for x, s in zip(members, sign, strict=True)]
    score = [int(problem.scores[x[0]]) * len(x) * s for x, s in zip(members, sign, strict=True)]
    count = [len(x) * s for x, s in zip(members, sign, strict=True)]
    total = [int(losses[x[0]]) * len(x) for x in members]
    for i, group in enumerate(home):
        if group in pivots:
            money[i] -= pivots[group].cost * count[i]
            score[i] -= pivots[group].score * count[i]
            count[i] = 0
    for group, pivot in pivots.items():
        mu = multipliers.limits[group]
        taken, size = 0, 1
        while mu and (taken + 1) * mu <= gap:
            size = min(size, gap // mu - taken)
            members.append(index[:0])
            home.append(group)
            entry.append((taken + 1) * mu)
            total.append(mu * size)
            money.append(-pivot.cost * size)
            score.append(-pivot.score * size)
            count.append(-size)
            taken += size
            size *= 2
    rank = sorted(range(len(members)), key=lambda i: (entry[i], total[i]))
    room = {}
    for group in set(home):
        if group != FREE and group not in pivots:
            room[group] = problem.limits[group] - counts[group]
    where = np.array([FREE if g in pivots else g for g in home], dtype=np.int64)
    return Core(
        problem,
        base,
        multipliers,
        [members[i] for i in rank],
        [home[i] for i in rank],
        where[rank] if rank else where,
        np.array([money[i] for i in rank], dtype=kind),
        np.array([score[i] for i in rank], dtype=kind),
        np.array([count[i] for i in rank], dtype=np.int64),
        np.array([total[i] for i in rank], dtype=losses.dtype),
        [entry[i] for i in rank],
        room,
        pivots,
        missing,
        counts,
    )


def _sort_keys(values: NDArray) -> list[NDArray]:
    """Return keys that sort equal integers together; those of objects are ranks."""
    if values.dtype != object:
        return [values]
    rank = {x: i for i, x in enumerate(sorted(set(values.tolist())))}
    return [np.array([rank[x] for x in values.tolist()], dtype=np.int64)]


def _pivots(problem, base, index, order, begins, ends, pool, loss, inside, multipliers) -> dict[int, Pivot]:
    sizes: dict[tuple[int, int, int], list[NDArray | None]] = {}
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        first = order[begin]
        if end - begin < PIVOT_COPIES or pool[first] == FREE or loss[first] != 0:
            continue
        item = index[first]
        key = (int(pool[first]), int(problem.scores[item]), int(problem.costs[item]))
        sides = sizes.setdefault(key, [None, None])
        sides[0 if inside[first] else 1] = index[order[begin:end]]
    pivots: dict[int, Pivot] = {}
    for (group, score, cost), (chosen, others) in sizes.items():
        full = problem.limits[group] == int(base[problem.groups == group].sum())
        if chosen is None or others is None or cost == 0 or not full or group in pivots:
            continue
        pivots[group] = Pivot(score, cost, chosen, others)
    return pivots

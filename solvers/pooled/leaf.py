"""One leaf: the sets whose total count lies in an interval, bounded at one choice of multipliers and searched.

A base set agrees with the sign of every reduced value and fills the priced limits from the items whose reduced value
is zero.  Better sets are flips away from it; they are enumerated over a core that grows until it holds every item that
the gap leaves open, or until the bound is met.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .dual import DualSolution, Grouped, minimise
from .enumeration import Flips, TooManyStates, best_flips
from .problem import PooledProblem
from .relaxation import Multipliers, bound_of, complete

STAGES = (10, 16, 24, 34, 46, 60, 80, 100, 128, 160, 200, 256, 320, 400, 512, 700, 1000, 1500, 2200, 3200, 5000)
"""Sizes of the core that are tried one after the other."""


@dataclass
class Incumbent:
    """The best set known, shared by all leaves of a search."""

    chosen: NDArray[np.bool_]
    value: int
    step: int
    """All scores are multiples of this, so a better set is better by at least as much."""

    def offer(self, problem: PooledProblem, chosen: NDArray[np.bool_]) -> bool:
        """Take `chosen` if it is feasible and better."""
        value = problem.value(chosen)
        if value > self.value and problem.feasible(chosen):
            self.chosen, self.value = chosen, value
            return True
        return False


@dataclass
class Leaf:
    """A count interval with its multipliers, bound and core.

    Attributes
    ----------
    bound : int
        Times ``multipliers.scale``: no set of the leaf is worth more.
    closed : bool
        Nothing in the leaf is better than the incumbent (by the bound or by enumeration).
    """

    problem: PooledProblem
    multipliers: Multipliers
    reduced: NDArray
    bound: int
    dual: DualSolution
    closed: bool = False
    core: int = 0
    base: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def gap(self, incumbent: Incumbent) -> int:
        """Return the largest loss (scaled) of a set that would be better than the incumbent; negative: none is."""
        return self.bound - self.multipliers.scale * (incumbent.value + incumbent.step)


def open_leaf(
    problem: PooledProblem, items: Grouped, low: int, high: int, incumbent: Incumbent, guess: float | None = None
) -> Leaf:
    """Bound the sets with ``low <= |x| <= high`` and offer the sets the dual meets on its way."""
    dual = minimise(items, problem.budget, low, high, guess)
    price = dual.price
    if dual.under is None:
        multipliers, reduced = complete(problem, items.order, items.start, price, low, high)
        bound = bound_of(problem, multipliers, reduced)
        for _ in range(64):
            if bound < multipliers.scale * (incumbent.value + incumbent.step):
                break
            price *= 8
            multipliers, reduced = complete(problem, items.order, items.start, price, low, high)
            bound = bound_of(problem, multipliers, reduced)
        return Leaf(problem, multipliers, reduced, bound, dual)
    incumbent.offer(problem, _scatter(items, dual.under.mark))
    multipliers, reduced = complete(problem, items.order, items.start, price, low, high)
    return Leaf(problem, multipliers, reduced, bound_of(problem, multipliers, reduced), dual)


def _scatter(items: Grouped, mark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    chosen = np.zeros(len(mark), dtype=bool)
    chosen[items.order[mark]] = True
    return chosen


def base_set(leaf: Leaf, items: Grouped) -> NDArray[np.bool_]:
    """Return a set that agrees with the reduced values and fills what is priced, its cost close to the budget.

    Items of reduced value zero may be chosen freely.  Where there are many (scores proportional to costs, many equal
    workers) they are chosen by a second dual with small noise for scores, whose two neighbouring sets straddle the
    money that is left.
    """
    problem, m = leaf.problem, leaf.multipliers
    chosen = leaf.reduced > 0
    ties = np.flatnonzero(leaf.reduced == 0)
    if not len(ties):
        return chosen
    counts = np.bincount(problem.groups[chosen], minlength=len(problem.limits)).tolist()
    total = sum(counts)
    left = [k - c for k, c in zip(problem.limits, counts, strict=True)]
    priced = [mu > 0 for mu in m.limits]
    low, high = max(0, m.low - total), m.high - total
    if m.count > 0:
        low = high
    elif m.count < 0:
        high = low
    money = problem.budget - problem.cost(chosen)
    preferred = _scatter(items, leaf.dual.under.mark) if leaf.dual.under is not None else chosen
    if len(ties) > 2 * len(problem.limits) + 4:
        picked = _spread(problem.take(ties, tuple(max(0, k) for k in left), money), priced, low, high)
        chosen[ties[picked]] = True
        return chosen
    for i in sorted(ties.tolist(), key=lambda i: not preferred[i]):
        group = int(problem.groups[i])
        if left[group] > 0 and high > 0 and (priced[group] or low > 0 or preferred[i]):
            chosen[i] = True
            left[group] -= 1
            low, high = low - 1, high - 1
    return chosen


def _spread(ties: PooledProblem, priced: list[bool], low: int, high: int) -> NDArray[np.bool_]:
    """Choose among equally good items so that priced limits are full and the cost comes close to the money left."""
    noise = (np.arange(ties.n, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(1 << 20)).astype(np.float64)
    noise = (noise + 1.0) / (1 << 20)
    lift = np.where(np.array(priced), 4.0, 0.0)[ties.groups]
    flat = PooledProblem(np.zeros(ties.n, dtype=np.int64), ties.costs, ties.groups, ties.limits, ties.budget)
    items = Grouped.of(flat)
    # A lift beyond any price makes the priced limits be filled whatever the cost.
    shift = (noise + lift * 1e3)[items.order]
    dual = minimise(items, ties.budget, low, high, noise=shift)
    line = dual.under or dual.over
    return _scatter(items, line.mark) if line is not None else np.zeros(ties.n, dtype=bool)


def search_leaf(
    leaf: Leaf,
    items: Grouped,
    incumbent: Incumbent,
    most_states: int,
    expired: Callable[[], bool],
) -> None:
    """Enumerate growing cores until the leaf is closed, the states run out, or time is up.

    Sets ``leaf.closed`` and improves the incumbent.
    """
    if leaf.gap(incumbent) < 0:
        leaf.closed = True
        return
    problem, m = leaf.problem, leaf.multipliers
    leaf.base = base = base_set(leaf, items)
    if incumbent.offer(problem, base) and leaf.gap(incumbent) < 0:
        leaf.closed = True
        return
    losses = np.abs(leaf.reduced)
    counts = np.bincount(problem.groups[base], minlength=len(problem.limits)).tolist()
    money = problem.budget - problem.cost(base)
    total = sum(counts)
    candidates = _by_effective_loss(problem, losses, base, leaf.gap(incumbent))
    budget = most_states
    last = -1
    for stage in STAGES:
        gap = leaf.gap(incumbent)
        if gap < 0:
            leaf.closed = True
            return
        size = min(stage, len(candidates.index))
        if size == last:
            break
        last = size
        within = gap
        if size < len(candidates.index):
            within = min(within, int(candidates.loss[size]) - 1)
        if candidates.least_missing is not None:
            within = min(within, candidates.least_missing - 1)
        limit = min(gap, max(within, m.scale - 1))
        index = candidates.index[:size]
        index = index[losses[index] <= limit]
        flips = _flips(problem, m, base, losses, index, counts, money, total)
        try:
            found = best_flips(flips, float(limit) / m.scale, budget, expired)
        except TooManyStates:
            break
        if found is not None:
            chosen = base.copy()
            chosen[index[found[1]]] ^= True
            incumbent.offer(problem, chosen)
        leaf.core = len(index)
        if within >= leaf.gap(incumbent):
            leaf.closed = True
            return


@dataclass
class _Candidates:
    index: NDArray
    loss: NDArray
    least_missing: int | None


def _by_effective_loss(problem: PooledProblem, losses: NDArray, base: NDArray[np.bool_], gap: int) -> _Candidates:
    """Order the core by loss, the j-th of several equal items counting j times.

    Equal items are interchangeable: a set that flips j of them may be taken to flip the first j, and loses j times as
    much as one of them.
    """
    most = STAGES[-1]
    index = np.flatnonzero(losses <= gap)
    least_missing: int | None = None
    if len(index) > 40 * most:
        inner = losses[index]
        order = np.argsort(inner, kind="stable")
        least_missing = int(inner[order[40 * most]])
        index = index[order[: 40 * most]]
    kinds: dict[tuple, int] = {}
    effective = []
    tie = []
    costs, scores, groups = problem.costs, problem.scores, problem.groups
    scramble = np.random.default_rng(0).permutation(len(index))
    index = index[scramble]
    for i in index.tolist():
        key = (int(groups[i]), int(scores[i]), int(costs[i]), bool(base[i]))
        copy = kinds[key] = kinds.get(key, 0) + 1
        effective.append(int(losses[i]) * copy)
        tie.append(copy)
    order = sorted(range(len(index)), key=lambda j: (effective[j], tie[j]))
    kept = [j for j in order if effective[j] <= gap]
    if len(kept) > most:
        beyond = effective[kept[most]]
        least_missing = beyond if least_missing is None else min(beyond, least_missing)
        kept = kept[:most]
    return _Candidates(index[kept], np.array([effective[j] for j in kept], dtype=losses.dtype), least_missing)


def _flips(problem, m: Multipliers, base, losses, index, counts, money, total) -> Flips:
    sign = np.where(base[index], -1, 1)
    groups = problem.groups[index]
    room, unused = {}, {}
    for group in set(groups.tolist()):
        free = problem.limits[group] - counts[group]
        adds = int(((groups == group) & (sign > 0)).sum())
        if adds > free or m.limits[group]:
            room[group] = free
            unused[group] = m.limits[group] / m.scale
    bounded = m.count != 0 or total + int((sign > 0).sum()) > m.high or total - int((sign < 0).sum()) < m.low
    return Flips(
        groups,
        problem.costs[index] * sign,
        problem.scores[index] * sign,
        sign,
        np.array([int(x) / m.scale for x in losses[index].tolist()], dtype=np.float64),
        room,
        unused,
        money,
        (m.low - total, m.high - total) if bounded else None,
    )

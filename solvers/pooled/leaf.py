"""One leaf: the sets whose total count lies in an interval, bounded at one choice of multipliers and searched.

A base set agrees with the sign of every reduced value and fills the priced limits from the items whose reduced value
is zero.  Better sets are flips away from it; they are enumerated over a core that grows until it holds every item that
the gap leaves open, or until the bound is met.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from .core import Core, build_core
from .dual import DualSolution, Grouped, minimise
from .enumeration import best_flips
from .flips import EnumerationTooLarge
from .four_lists import spend
from .leaf_multipliers import LeafMultipliers
from .problem import PooledProblem
from .relaxation import bound_of, complete
from .swaps import best_swaps, candidates

STAGES = (12, 24, 36, 48, 64, 84, 110, 144, 190, 250, 330, 440, 600, 800, 1100, 1500, 2200, 3200, 5000, 10000, 20000)
"""Numbers of bundles that are enumerated one after the other."""

CORE_ITEMS = (300, 20_000)
"""So many items of least loss are bundled, first and then."""

SWAP_ITEMS = (400, 3000)
"""So many items are tried for exchanges, first and then."""

FILL_ITEMS = 2000
"""So many items are tried, those of least loss, to use up money that is left."""

FIRST_STATES, FIRST_ROUNDS = 300_000, 3
"""States of an enumeration, and rounds of exchanges, where something dearer may follow: a tenth of a second or so each."""

EXCHANGE_FROM = 120
"""Enumerations beyond this many bundles are preceded by exchanges, to start from a small gap."""


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
    cells : tuple of int
        If a dynamic program showed that: the lengths of cells of its passes.
    branched : bool
        Or if it took branching on items.
    """

    problem: PooledProblem
    multipliers: LeafMultipliers
    reduced: NDArray
    bound: int
    dual: DualSolution
    closed: bool = False
    core: int = 0
    cells: tuple[int, ...] = ()
    branched: bool = False
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
        # No set within the interval was found that fits: then the bound falls as the price rises, until it closes the leaf.
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


def many_ties(leaf: Leaf) -> bool:
    """Whether so many reduced values are zero that enumeration alone will not do."""
    # Each multiplier makes an item or two tie; beyond that it is the scores that follow the costs.
    return int(np.count_nonzero(leaf.reduced == 0)) > 2 * len(leaf.problem.limits) + 4


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
    # A priced end of the interval is one that the base has to reach, as a priced limit is one that it has to fill.
    if m.count > 0:
        low = high
    elif m.count < 0:
        high = low
    money = problem.budget - problem.cost(chosen)
    preferred = _scatter(items, leaf.dual.under.mark) if leaf.dual.under is not None else chosen
    if len(ties) > 2 * len(problem.limits) + 4:
        picked = _spread(problem.take(ties, tuple(max(0, k) for k in left), money, total), priced, low, high)
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
    rounds: int,
    control: Control,
) -> None:
    """Enumerate growing cores until the leaf is closed or the states run out.

    Sets ``leaf.closed`` and improves the incumbent.

    Raises
    ------
    Stopped
        When time is up.
    """
    if leaf.gap(incumbent) < 0:
        leaf.closed = True
        return
    problem = leaf.problem
    leaf.base = base = base_set(leaf, items)
    if incumbent.offer(problem, base) and leaf.gap(incumbent) < 0:
        leaf.closed = True
        return
    if incumbent.offer(problem, filled(leaf, incumbent.chosen)) and leaf.gap(incumbent) < 0:
        leaf.closed = True
        return
    if many_ties(leaf) and _exchange(leaf, base, incumbent, rounds, control):
        return
    for most in CORE_ITEMS:
        for pivoting in (True, False):
            core = build_core(items, leaf.multipliers, leaf.reduced, base, leaf.gap(incumbent), most, pivoting=pivoting)
            stop = _grow(leaf, core, incumbent, most_states, rounds, control)
            if leaf.closed or not core.pivots:
                break
        if leaf.closed or stop or core.missing is None:
            return


def filled(leaf: Leaf, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add to a set what fits, least loss first: where one dear item did not fit, many cheap ones use up the money."""
    problem = leaf.problem
    outside = np.flatnonzero(~chosen)
    reduced = leaf.reduced[outside]
    if len(outside) > FILL_ITEMS and reduced.dtype != object:
        outside = outside[np.argpartition(-reduced, FILL_ITEMS)[:FILL_ITEMS]]
        reduced = leaf.reduced[outside]
    outside = outside[np.argsort(-reduced, kind="stable")]
    money = problem.budget - problem.cost(chosen)
    counts = np.bincount(problem.groups[chosen], minlength=len(problem.limits)).tolist()
    places = [k - c for k, c in zip(problem.limits, counts, strict=True)]
    left = problem.places - sum(counts)
    more = chosen.copy()
    columns = zip(outside.tolist(), problem.costs[outside].tolist(), problem.groups[outside].tolist(), strict=True)
    for item, cost, group in columns:
        if cost <= money and places[group] > 0 and left > 0:
            more[item] = True
            money -= cost
            left -= 1
            places[group] -= 1
    return more


def _exchange(leaf: Leaf, base: NDArray[np.bool_], incumbent: Incumbent, rounds: int, control: Control) -> bool:
    """Improve the incumbent by exchanges, from `base` and then from itself; return whether that closes the leaf."""
    idle = 0
    for attempt in range(rounds):
        control.check()
        gap = leaf.gap(incumbent)
        if gap < 0 or idle > rounds // 3:
            break
        # In turn: the base need not fit the budget and loses nothing, the incumbent fits and loses something.
        start = incumbent.chosen if attempt % 2 else base
        index = candidates(leaf.problem, leaf.reduced, start, gap, SWAP_ITEMS[attempt > 0], attempt)
        ties = index[leaf.reduced[index] == 0]
        if attempt % 3 == 2 or attempt % 4 == 3:
            swapped = spend(leaf.problem, leaf.multipliers, start, ties, attempt, control)
        else:
            swapped = best_swaps(leaf.problem, leaf.multipliers, start, index)
        if swapped is not None and incumbent.offer(leaf.problem, swapped):
            idle = 0
        else:
            idle += 1
    leaf.closed = leaf.gap(incumbent) < 0
    return leaf.closed


def _grow(leaf: Leaf, core: Core, incumbent: Incumbent, most_states: int, rounds: int, control: Control) -> bool:
    """Enumerate ever more bundles of a core; return whether to stop (closed, or too many states)."""
    scale = leaf.multipliers.scale
    exchanged = False
    stages = iter(STAGES)
    stage = next(stages)
    while True:
        if stage > EXCHANGE_FROM and not exchanged and leaf.gap(incumbent) > 0:
            exchanged = True
            if _exchange(leaf, leaf.base, incumbent, rounds, control):
                return True
        gap = leaf.gap(incumbent)
        if gap < 0:
            leaf.closed = True
            return True
        size = min(stage, len(core.members))
        needed = bisect_right(core.entry, gap)
        # A fifth more bundles now is cheaper than the next round.
        if needed <= stage * 6 // 5:
            size = needed
        within = gap
        if size < len(core.members):
            within = min(within, core.entry[size] - 1)
        if core.missing is not None:
            within = min(within, core.missing - 1)
        # A set that loses less than one unit of score meets the rounded bound: worth finding although the core may lack others like it.
        limit = min(gap, max(within, scale - 1))
        usable, flips, ceiling = core.flips(size, limit)
        try:
            found = best_flips(flips, ceiling, most_states, control)
        except EnumerationTooLarge:
            # Once more from a smaller gap, if exchanges can find one.
            if exchanged:
                return True
            exchanged = True
            if _exchange(leaf, leaf.base, incumbent, rounds, control):
                return True
            continue
        # With pivots the enumeration relaxes the counts: a gain that no real set has proves nothing about those below it.
        realised = True
        if found is not None:
            chosen = core.apply(usable[found[1]])
            if chosen is not None:
                incumbent.offer(leaf.problem, chosen)
            realised = incumbent.value >= leaf.problem.value(leaf.base) + found[0]
        leaf.core = max(leaf.core, len(usable))
        if within >= leaf.gap(incumbent) and realised:
            leaf.closed = True
            return True
        following = next(stages, None)
        if size == len(core.members) or following is None:
            return False
        stage = following

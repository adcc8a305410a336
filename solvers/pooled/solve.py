"""Exact optimum of the pooled problem, with the multipliers that prove it.

1. Items that cost more than the budget are dropped; the budget is rounded down to a multiple of the costs' common
   divisor.
2. Large problems are reduced to the items near the margin (`reduction`), by a guess that is audited afterwards.
3. The root leaf is bounded and searched (`leaf`).  What it leaves open is split by the total count, where the linear
   relaxation chooses a fractional number of items: with scores that are a constant above the costs this closes what
   no price of money alone can.
4. Every leaf is audited over *all* items in exact arithmetic before anything is called optimal; if the margin was
   guessed too narrow it is widened, in the end to everything.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .dual import Grouped
from .leaf import Incumbent, Leaf, open_leaf, search_leaf
from .problem import PooledProblem, common_divisor
from .reduction import reduce
from .relaxation import Multipliers, audit

DIRECT = 20_000
"""Problems up to this size are not reduced."""


@dataclass
class PooledResult:
    """Answer to a pooled problem.

    Attributes
    ----------
    chosen : ndarray of bool, shape (n,)
    value : int
        Its total score.
    bound : Fraction
        No feasible set is worth more (exact).
    proved : bool
        ``value`` is the optimum.
    leaves : list of Multipliers
        Proof of the bound: their count intervals cover everything.
    core : int
        Items in the largest core enumerated.
    reduced : int
        Items that were looked at closely.
    """

    chosen: NDArray[np.bool_]
    value: int
    bound: Fraction
    proved: bool
    leaves: list[Multipliers] = field(default_factory=list)
    core: int = 0
    reduced: int = 0


def solve_pooled(
    problem: PooledProblem,
    deadline: float | None = None,
    most_states: int = 6_000_000,
    expired: Callable[[], bool] | None = None,
) -> PooledResult:
    """Solve ``max v x : c x <= B, |x in group l| <= K_l`` exactly.

    Parameters
    ----------
    problem : PooledProblem
    deadline : float, optional
        In ``time.monotonic()`` seconds: return the best set and a valid exact bound after it.
    most_states : int
        States of one enumeration; bounds the memory (about 50 bytes each).
    expired : callable, optional
        Another reason to stop, polled.

    Returns
    -------
    PooledResult
    """

    def over() -> bool:
        return (deadline is not None and time.monotonic() > deadline) or (expired is not None and expired())

    kept, clean = _clean(problem)
    step = common_divisor(clean.scores) or 1
    width = 1.0
    while True:
        if clean.n <= DIRECT or width > 64:
            margin, inside, fixed = clean, np.arange(clean.n), np.zeros(clean.n, dtype=bool)
        else:
            margin, inside, fixed = reduce(clean, width)
        if margin is None:
            width *= 4
            continue
        offset = clean.value(fixed)
        outcome = _branch(margin, int(fixed.sum()), offset, step, most_states, over)
        chosen = fixed.copy()
        chosen[inside[outcome.incumbent.chosen]] = True
        full_limits = clean.limits
        ok, bound = _audit(clean, chosen, fixed, inside, outcome, full_limits, step)
        if ok or len(inside) == clean.n or over():
            everything = np.zeros(problem.n, dtype=bool)
            everything[kept[chosen] if kept is not None else chosen] = True
            return PooledResult(
                everything,
                clean.value(chosen),
                bound,
                ok,
                outcome.leaf_multipliers(int(fixed.sum())),
                outcome.core,
                len(inside),
            )
        width *= 4


def _clean(problem: PooledProblem) -> tuple[NDArray | None, PooledProblem]:
    """Drop what costs more than the budget and round the budget down to what costs can add up to."""
    kept = None
    if problem.n and int(problem.costs.max()) > problem.budget:
        kept = np.flatnonzero(problem.costs <= problem.budget)
        problem = problem.take(kept, problem.limits, problem.budget)
    divisor = common_divisor(problem.costs)
    budget = problem.budget // divisor * divisor if divisor else problem.budget
    return kept, PooledProblem(problem.scores, problem.costs, problem.groups, problem.limits, budget)


@dataclass
class _Outcome:
    incumbent: Incumbent
    leaves: list[Leaf]
    core: int

    def leaf_multipliers(self, fixed: int) -> list[Multipliers]:
        """Return the leaves' multipliers for the whole problem, where `fixed` more items are chosen."""
        leaves = []
        for position, leaf in enumerate(self.leaves):
            m = leaf.multipliers
            low = m.low + fixed if position else 0
            leaves.append(Multipliers(low, m.high + fixed, m.scale, m.price, m.count, m.limits))
        return leaves


def _branch(
    problem: PooledProblem, fixed: int, offset: int, step: int, most_states: int, over: Callable[[], bool]
) -> _Outcome:
    """Best-first search over intervals of the total count."""
    items = Grouped.of(problem)
    sizes = np.diff(items.start).tolist()
    most = sum(min(k, s) for k, s in zip(problem.limits, sizes, strict=True))
    incumbent = Incumbent(np.zeros(problem.n, dtype=bool), 0, step)
    root = open_leaf(problem, items, 0, most, incumbent)
    queue: list[tuple[Fraction, int, Leaf]] = []
    done: list[Leaf] = []
    core = serial = 0

    def push(leaf: Leaf) -> None:
        nonlocal serial
        serial += 1
        heapq.heappush(queue, (-Fraction(leaf.bound, leaf.multipliers.scale), serial, leaf))

    push(root)
    while queue:
        _, _, leaf = heapq.heappop(queue)
        if over():
            done.append(leaf)
            continue
        split = _split_point(leaf)
        search_leaf(leaf, items, incumbent, most_states if split is None else min(most_states, 300_000), over)
        core = max(core, leaf.core)
        if leaf.closed or split is None:
            done.append(leaf)
            continue
        m = leaf.multipliers
        guess = float(leaf.dual.price)
        push(open_leaf(problem, items, m.low, split, incumbent, guess))
        push(open_leaf(problem, items, split + 1, m.high, incumbent, guess))
    return _Outcome(incumbent, sorted(done, key=lambda x: x.multipliers.low), core)


def _split_point(leaf: Leaf) -> int | None:
    """Where to cut the count interval: below the fractional count of the relaxation, or just inside a priced end."""
    m = leaf.multipliers
    if m.low == m.high or leaf.dual.over is None or leaf.dual.under is None:
        return None
    one, two = int(leaf.dual.over.mark.sum()), int(leaf.dual.under.mark.sum())
    run = leaf.dual.over.cost - leaf.dual.under.cost
    share = Fraction(leaf.problem.budget - leaf.dual.under.cost, run)
    count = two + share * (one - two)
    point = count.numerator // count.denominator
    if point == count and m.count > 0:
        point -= 1
    return min(max(point, m.low), m.high - 1)


def _audit(
    problem: PooledProblem,
    chosen: NDArray[np.bool_],
    fixed: NDArray[np.bool_],
    inside: NDArray,
    outcome: _Outcome,
    limits: tuple[int, ...],
    step: int,
) -> tuple[bool, Fraction]:
    """Recompute every leaf's bound over all items; return whether the optimum is proved, and the exact bound."""
    value = problem.value(chosen)
    proved = problem.feasible(chosen)
    best = Fraction(value)
    whole = outcome.leaf_multipliers(int(fixed.sum()))
    if not whole:
        return proved, best
    for leaf, multipliers in zip(outcome.leaves, whole, strict=True):
        base = fixed.copy()
        base[inside[leaf.base if len(leaf.base) else leaf.reduced > 0]] = True
        found = audit(problem, multipliers, base, -1)
        gap = found.bound - multipliers.scale * (value + step)
        if gap < 0:
            continue
        if leaf.closed:
            found = audit(problem, multipliers, base, gap)
            core = int(np.count_nonzero(np.abs(leaf.reduced) <= gap))
            if found.strangers == 0 and found.core == core and gap <= leaf.gap(outcome.incumbent):
                continue
        proved = False
        best = max(best, Fraction(found.bound, multipliers.scale))
    # Better sets are whole multiples of the step.
    floor = best.numerator // best.denominator // step * step
    return proved, max(Fraction(value), min(best, Fraction(floor)))

"""Exact optimum of the pooled problem, with the multipliers that prove it.

1. Items that cost more than the budget are dropped; the budget is rounded down to a multiple of the costs' common
   divisor.
2. Large problems are reduced to the items near the margin (`reduction`), by a guess that is audited afterwards.
3. The root leaf is bounded and searched (`leaf`).  What it leaves open is split by the total count, where the linear
   relaxation chooses a fractional number of items: with scores that are a constant above the costs this closes what
   no price of money alone can.  Where the gap exceeds what many single items are worth, and where nothing else
   helps, a leaf is searched by branch and bound on items (`branching`).
4. Every leaf is audited over *all* items in exact arithmetic before anything is called optimal; if the margin was
   guessed too narrow it is widened, in the end to everything.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...models.exact import FLOAT_BITS, common_divisor, exact_sum
from ..control import Control, Stopped, StopReason
from ..proofs.proof import Proof
from .branching import MOST_BRANCH_NODES, branch, many_small
from .dual import Grouped
from .dust import decide_dear
from .dynamic import amounts, close_by_money
from .lattice import close_by_lattice
from .leaf import (
    FIRST_ROUNDS,
    FIRST_STATES,
    Incumbent,
    Leaf,
    many_ties,
    open_leaf,
    search_leaf,
)
from .leaf_multipliers import LeafMultipliers
from .problem import PooledProblem
from .reduction import (
    Guess,
    Reduced,
    reduce,
    sampled_guess,
)
from .relaxation import Taken, audit
from .residues import close_by_residues
from .slopes import close_by_slope

DIRECT = 20_000
"""Problems up to this size are not reduced."""

WIDEST = 64
"""A margin that had to be widened beyond this factor is widened to everything."""

QUICK_STATES, MOST_STATES = 120_000, 6_000_000
"""States of an enumeration before anything else (some hundredths of a second: it closes most markets of a million uncorrelated workers,
on which a program over money takes half a second), and at the last, in a leaf that cannot be split (seconds; it bounds the memory)."""

FIRST_BY_MONEY, MOST_BY_MONEY = 5_000_000, 100_000_000
"""States of a dynamic program over money in a leaf that may yet be closed otherwise, and at the last."""

FIRST_NODES = 300
"""Nodes of a branch and bound that comes before the longer enumeration."""

MOST_ROUNDS = 45
"""Rounds of exchanges at the last."""


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
    stopped : {'proved', 'time-limit', 'node-limit', 'interrupted'}
        Why the search ended.
    leaves : list of LeafMultipliers
        Proof of the bound: their count intervals cover everything.
    cells : tuple of int
        If a dynamic program closed the one leaf: the lengths of cells of its passes, see :mod:`fedmech.solvers.proofs.dynamic`.
    core : int
        Flips in the largest core enumerated.
    reduced : int
        Items that were looked at closely.
    evidence : Proof or None
        What proves the bound, where it is neither leaves nor cells.
    """

    chosen: NDArray[np.bool_]
    value: int
    bound: Fraction
    proved: bool
    stopped: StopReason
    leaves: list[LeafMultipliers] = field(default_factory=list)
    cells: tuple[int, ...] = ()
    core: int = 0
    reduced: int = 0
    evidence: Proof | None = None

    def proof(self) -> Proof | None:
        """Return the proof that OPT is worth no more than `value`, if it is another than the leaves."""
        if not (self.proved and self.cells):
            return self.evidence
        m = self.leaves[0]
        body = {"scale": m.scale, "price": m.price, "places": list(m.limits), "cells": list(self.cells)}
        return Proof("opt", "dynamic", self.value, body)


def solve_pooled(
    problem: PooledProblem, control: Control | None = None, most_states: int = MOST_STATES, *, by_slope: bool = True
) -> PooledResult:
    """Solve ``max v x : c x <= B, |x in group l| <= K_l`` exactly.

    Parameters
    ----------
    problem : PooledProblem
    control : Control, optional
        When time is up the best set and a valid exact bound are returned; Ctrl-C does the same.
    most_states : int
        States of one enumeration; bounds the memory (about 100 bytes each).
    by_slope : bool
        Whether to try what closes scores that follow costs at once; its proofs are no multipliers of leaves.

    Returns
    -------
    PooledResult
    """
    try:
        return _solve(problem, control or Control(), most_states, by_slope)
    except KeyboardInterrupt:
        # Before the first bound, or while the last one was checked: nothing is known but this.
        everything = Fraction(exact_sum(problem.scores))
        return PooledResult(np.zeros(problem.n, dtype=bool), 0, everything, everything == 0, "interrupted")


def _solve(problem: PooledProblem, control: Control, most_states: int, by_slope: bool) -> PooledResult:
    kept, clean = _clean(problem)
    step = common_divisor(clean.scores) or 1
    width, guess = 1.0, None
    best = _by_slope(clean, step, control) if by_slope else None
    while best is None or not best.proved:
        if clean.n > DIRECT and width <= WIDEST and _fits_floats(clean):
            guess = guess or sampled_guess(clean, width)
            reduced = reduce(clean, guess)
            if reduced is None:
                width, guess = width * 4, None
                continue
        else:
            nothing = Taken(np.zeros(clean.n, dtype=bool), 0, 0, [0] * len(clean.limits))
            reduced = Reduced(clean, np.arange(clean.n), nothing, None)
        outcome = _branch(reduced.margin, reduced.guess, step, most_states, control)
        fixed = sum(reduced.fixed.counts)
        leaves = outcome.leaf_multipliers(fixed, clean.places)
        result = _audited(clean, reduced, outcome, leaves, step)
        if best is not None and not result.proved:
            better = max(best, result, key=lambda r: r.value)
            tight = min(best, result, key=lambda r: r.bound)
            result = replace(better, bound=tight.bound, leaves=tight.leaves, stopped=result.stopped)
        first, best = best is None, result
        if best.proved or len(reduced.inside) == clean.n or outcome.stopped or control.expired():
            break
        # First move the margin to where the dual turned out to be, then widen it.
        guess = outcome.recentred(reduced.guess) if first else None
        width = width if guess is not None else width * 4
    return _of_all(problem, kept, best)


def close_at_once(problem: PooledProblem, control: Control) -> PooledResult | None:
    """Return the optimum where scores follow costs, or items are multiples of two, and its bound is met; else None, after a few items as a rule."""
    kept, clean = _clean(problem)
    best = _by_slope(clean, common_divisor(clean.scores) or 1, control)
    return None if best is None else _of_all(problem, kept, best)


def _of_all(problem: PooledProblem, kept: NDArray | None, best: PooledResult) -> PooledResult:
    """Return a result on the items that were kept as one on all."""
    if kept is None:
        return best
    everything = np.zeros(problem.n, dtype=bool)
    everything[kept[best.chosen]] = True
    return replace(best, chosen=everything)


def _by_slope(problem: PooledProblem, step: int, control: Control) -> PooledResult | None:
    """Where scores follow costs, the optimum may be had at once."""
    left = control.remaining()
    if left is not None:
        # What this finds is an optimum or nothing: the other half of the time is for a point.
        control = control.capped(left / 2)

    def inner(part: PooledProblem) -> tuple[NDArray[np.bool_], int, list[LeafMultipliers], Proof | None] | None:
        found = _solve(part, control, QUICK_STATES, by_slope=False)
        if found.stopped == "interrupted":
            raise KeyboardInterrupt
        if not found.proved or (not found.cells and any(leaf.branched for leaf in found.leaves)):
            return None
        return found.chosen, found.value, found.leaves, found.proof()

    found = (
        close_by_slope(problem, step, control, inner)
        or close_by_lattice(problem, step, control, inner)
        or close_by_residues(problem, step, control)
    )
    if found is None:
        return None
    return PooledResult(
        found.chosen,
        found.value,
        Fraction(found.value),
        True,
        "proved",
        found.leaves,
        reduced=problem.n,
        evidence=found.proof,
    )


def _clean(problem: PooledProblem) -> tuple[NDArray | None, PooledProblem]:
    """Drop what costs more than the budget, and round the budget down to what costs can add up to."""
    kept = None
    if problem.n and int(problem.costs.max()) > problem.budget:
        kept = np.flatnonzero(problem.costs <= problem.budget)
        problem = problem.take(kept, problem.limits, problem.budget)
    divisor = common_divisor(problem.costs)
    # More than everything costs is never spent; a budget of any size then fits where the costs do.
    budget = min(problem.budget, exact_sum(problem.costs))
    budget = budget // divisor * divisor if divisor else budget
    return kept, replace(problem, budget=budget)


def _fits_floats(problem: PooledProblem) -> bool:
    """Whether a guess in floating point can be made: prices and reduced values are finite there."""
    return max(int(problem.scores.max()), int(problem.costs.max())).bit_length() <= FLOAT_BITS


@dataclass
class _Outcome:
    incumbent: Incumbent
    leaves: list[Leaf]
    core: int
    stopped: StopReason | None
    """Why leaves were left open, other than for their size."""

    def recentred(self, guess: Guess | None) -> Guess | None:
        """Return the guess moved to the multipliers found; None if there is nothing to move it to."""
        if guess is None or guess.tilt or len(self.leaves) != 1:
            return None
        m = self.leaves[0].multipliers
        offsets = np.array([(x + m.count) / m.scale for x in m.limits])
        return replace(guess, price=m.price / m.scale, offsets=offsets)

    def leaf_multipliers(self, fixed: int, most: int) -> list[LeafMultipliers]:
        """Return the leaves' multipliers for the whole problem, where `fixed` more items are chosen.

        The first interval may begin at 0 and the last end at `most`, unless that end is priced.
        """
        leaves = []
        for leaf in self.leaves:
            m = leaf.multipliers
            branched = leaf.branched and leaf.gap(self.incumbent) >= 0
            leaves.append(replace(m, low=m.low + fixed, high=m.high + fixed, branched=branched))
        if leaves and leaves[0].count >= 0:
            leaves[0] = replace(leaves[0], low=0)
        if leaves and leaves[-1].count <= 0:
            leaves[-1] = replace(leaves[-1], high=max(most, leaves[-1].high))
        return leaves


def _branch(problem: PooledProblem, start: Guess | None, step: int, most_states: int, control: Control) -> _Outcome:
    """Best-first search over intervals of the total count; once it is stopped, what waits is left open."""
    items = Grouped.of(problem)
    sizes = np.diff(items.start).tolist()
    most = min(problem.places, sum(min(k, s) for k, s in zip(problem.limits, sizes, strict=True)))
    incumbent = Incumbent(np.zeros(problem.n, dtype=bool), 0, step)
    queue: list[tuple[Fraction, int, Leaf]] = []
    done: list[Leaf] = []
    core = serial = 0
    stopped: StopReason | None = None

    def push(low: int, high: int, guess: float | None = None) -> None:
        nonlocal serial
        serial += 1
        leaf = open_leaf(problem, items, low, high, incumbent, guess)
        heapq.heappush(queue, (-Fraction(leaf.bound, leaf.multipliers.scale), serial, leaf))

    def smaller(part: PooledProblem) -> tuple[NDArray, bool]:
        inner = _branch(part, None, step, most_states, control)
        if inner.stopped:
            raise Stopped(inner.stopped)
        return inner.incumbent.chosen, all(leaf.closed for leaf in inner.leaves)

    push(0, most, start.price if start is not None and not start.tilt else None)
    while queue:
        _, _, leaf = heapq.heappop(queue)
        split, halves = _split_point(leaf), len(queue)
        try:
            if stopped is None:
                control.check()
                _close(leaf, items, incumbent, most_states, split, control, smaller)
                if not leaf.closed and split is not None:
                    guess = float(leaf.dual.price) if items.unit == 1 else None
                    push(leaf.multipliers.low, split, guess)
                    push(split + 1, leaf.multipliers.high, guess)
        except Stopped as end:
            stopped = end.reason
        except KeyboardInterrupt:
            stopped = "interrupted"
        core = max(core, leaf.core)
        if len(queue) < halves + 2:
            # Whatever the interrupt left of its halves, the leaf itself covers them.
            leaf.closed = leaf.closed or leaf.gap(incumbent) < 0
            done.append(leaf)
    return _Outcome(incumbent, _needed(done), core, stopped)


def _needed(leaves: list[Leaf]) -> list[Leaf]:
    """Return leaves by their counts, without those that lie in another one."""
    kept: list[Leaf] = []
    for leaf in sorted(leaves, key=lambda x: (x.multipliers.low, -x.multipliers.high)):
        if not kept or leaf.multipliers.high > kept[-1].multipliers.high:
            kept.append(leaf)
    return kept


def _close(
    leaf: Leaf,
    items: Grouped,
    incumbent: Incumbent,
    most_states: int,
    split: int | None,
    control: Control,
    smaller: Callable[[PooledProblem], tuple[NDArray, bool]],
) -> None:
    """Search a leaf in ever more costly ways; one that can be split is given up early.

    What each earns, on 304 leaves of the families of ``tests/benchmarks`` (100 and 3,000 items, two seconds each): the first enumeration
    closes 238; dear items and the short tree 5 (numbers of two and of thirteen magnitudes); the program over money 25 (clustered
    costs, few kinds); the longer enumeration 2. The last four are for leaves that nothing cuts: without the longest program over money one
    of Jooken's published instances, 400 clustered items, is open after a minute and closed in seven seconds with it.
    """
    ties = many_ties(leaf)
    search_leaf(leaf, items, incumbent, min(QUICK_STATES, most_states), FIRST_ROUNDS if ties else 0, control)
    if leaf.closed:
        return
    # All that follows is dear: whether it pays depends on what makes the gap, the count, ties, or items of many magnitudes.
    helps = split is not None and _helps(leaf, items, incumbent, split)
    few = amounts(leaf, incumbent) <= MOST_BY_MONEY
    if not ties and not few and not helps and many_small(leaf, incumbent):
        # Numbers of many magnitudes: a few dear items decide, and each takes the gap down to the next ones.
        decide_dear(leaf, incumbent, smaller, control)
        if not leaf.closed:
            branch(leaf, items, incumbent, FIRST_NODES, control)
    if not leaf.closed and not ties and (few or not helps):
        close_by_money(leaf, incumbent, FIRST_BY_MONEY, control)
    if not leaf.closed:
        search_leaf(leaf, items, incumbent, min(FIRST_STATES, most_states), FIRST_ROUNDS, control)
    if few or (ties and not helps):
        close_by_money(leaf, incumbent, MOST_BY_MONEY if few else FIRST_BY_MONEY, control)
    if not leaf.closed and not ties:
        small = many_small(leaf, incumbent) and not helps
        if small:
            close_by_money(leaf, incumbent, MOST_BY_MONEY, control)
        if not leaf.closed and (small or split is None):
            branch(leaf, items, incumbent, MOST_BRANCH_NODES if small else FIRST_NODES, control)
    if not leaf.closed and split is None:
        search_leaf(leaf, items, incumbent, most_states, MOST_ROUNDS, control)
        if not leaf.closed:
            close_by_money(leaf, incumbent, MOST_BY_MONEY, control)
        if not leaf.closed:
            branch(leaf, items, incumbent, MOST_BRANCH_NODES, control)


def _helps(leaf: Leaf, items: Grouped, incumbent: Incumbent, split: int) -> bool:
    """Whether a split by the count takes a tenth off the gap: then it is the count that makes it, not only small items."""
    low, high = leaf.multipliers.low, leaf.multipliers.high
    scale, gap = leaf.multipliers.scale, leaf.gap(incumbent)
    for ends in ((low, split), (split + 1, high)):
        part = open_leaf(leaf.problem, items, *ends, incumbent)
        left, unit = part.gap(incumbent) * scale, part.multipliers.scale
        if 10 * left > 9 * gap * unit or left == gap * unit:
            return False
    return True


def _split_point(leaf: Leaf) -> int | None:
    """Where to cut the count interval: below the fractional count of the relaxation, or just inside a priced end."""
    m = leaf.multipliers
    if m.low == m.high or leaf.dual.over is None or leaf.dual.under is None:
        return None
    one, two = int(leaf.dual.over.mark.sum()), int(leaf.dual.under.mark.sum())
    if one == two and m.count == 0:
        # The relaxation's count is whole: no cut by the count excludes it.
        return None
    run = leaf.dual.over.cost - leaf.dual.under.cost
    share = Fraction(leaf.problem.budget - leaf.dual.under.cost, run)
    count = two + share * (one - two)
    point = count.numerator // count.denominator
    if point == count and m.count > 0:
        point -= 1
    return min(max(point, m.low), m.high - 1)


def _audited(
    problem: PooledProblem, reduced: Reduced, outcome: _Outcome, leaves: list[LeafMultipliers], step: int
) -> PooledResult:
    """Turn an outcome on the margin into one on all items: every leaf's bound and core are found anew."""
    inside, incumbent = reduced.inside, outcome.incumbent
    chosen = reduced.fixed.add(problem, inside[incumbent.chosen])
    fits = chosen.cost <= problem.budget and sum(chosen.counts) <= problem.places
    if not fits or any(c > k for c, k in zip(chosen.counts, problem.limits, strict=True)):
        raise AssertionError("the set found on the margin does not fit the whole")
    proved = covers(leaves, problem.places)
    best = Fraction(chosen.score) if proved else Fraction(exact_sum(problem.scores))
    for leaf, multipliers in zip(outcome.leaves, leaves, strict=True):
        width = leaf.gap(incumbent) if leaf.closed else -1
        base = reduced.fixed.add(problem, inside[leaf.base if width >= 0 else leaf.reduced > 0])
        bound, suspects = audit(problem, multipliers, base, width)
        gap = bound - multipliers.scale * (chosen.score + step)
        # What may be decided otherwise must have been: all of it was in the margin, and the gap is not larger than there.
        searched = leaf.closed and gap <= width and bool(np.isin(suspects, inside, assume_unique=True).all())
        if gap >= 0 and not searched:
            proved = False
            best = max(best, Fraction(bound, multipliers.scale))
    # What is better is so by whole multiples of the step.
    floor = best.numerator // best.denominator // step * step
    bound = max(Fraction(chosen.score), min(best, Fraction(floor)))
    stopped = "proved" if proved else outcome.stopped or "node-limit"
    cells = outcome.leaves[0].cells if len(leaves) == 1 else ()
    return PooledResult(chosen.mark, chosen.score, bound, proved, stopped, leaves, cells, outcome.core, len(inside))


def covers(leaves: list[LeafMultipliers], most: int) -> bool:
    """Whether the leaves' count intervals leave no number from 0 to `most` out."""
    start = 0
    for leaf in leaves:
        if leaf.low > start:
            return False
        start = max(start, leaf.high + 1)
    return start > most

"""Scores on two or three lines: the bound is the best corner of a staircase of counts, and a set with the counts of one meets it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....models.exact import linear_combination
from ...control import Control
from ...proofs.proof import Proof
from ..problem import PooledProblem
from .border import first_items
from .change import Alike, exact_change
from .detect import Slope
from .single import EXCHANGED_ITEMS, SlopeOptimum

MOST_CORNERS = 40
"""Corners of the staircase at which a set is looked for, those with most money left first."""


@dataclass(frozen=True)
class Stairs:
    """Items of one class whose score exceeds the slope, and what the cheapest of them cost.

    Attributes
    ----------
    gain : int
        What each is worth beyond its cost, times the scale of the slope.
    items : ndarray of int
    ascending : ndarray
        Their costs in order.
    spent : ndarray
        What the first 0, 1, 2, ... cost.
    """

    gain: int
    items: NDArray
    ascending: NDArray
    spent: NDArray

    @classmethod
    def of(cls, problem: PooledProblem, classes: NDArray, at: int, gain: int) -> Stairs:
        """Order the items of the class at a position; of no gain, there are none."""
        items = np.flatnonzero(classes == at) if gain else np.zeros(0, dtype=np.int64)
        ascending = np.sort(problem.costs[items])
        return cls(gain, items, ascending, np.append(ascending[:0].sum(), np.cumsum(ascending)))


def solve_stairs(
    problem: PooledProblem, slope: Slope, offsets: NDArray, classes: NDArray, step: int, control: Control
) -> SlopeOptimum | None:
    """Return the optimum and its proof, where a corner that attains the bound can be met; else None.

    Parameters
    ----------
    problem : PooledProblem
        No item costs more than the budget.
    slope : Slope
    offsets : ndarray
        Of the classes, ascending.
    classes : ndarray of int
        Of each item.
    step : int
        Common divisor of the scores.
    control : Control
    """
    gains = [(at, gain) for at, gain in enumerate(offsets.tolist()) if gain > 0]
    if not 1 <= len(gains) <= 2:
        return None
    one, two = (Stairs.of(problem, classes, *pair) for pair in [*gains, (0, 0)][:2])
    free = np.flatnonzero(classes == int(np.flatnonzero(offsets == 0)[0])) if 0 in offsets else one.items[:0]
    first = np.arange(np.searchsorted(one.spent, problem.budget, side="right"))
    second = np.searchsorted(two.spent, problem.budget - one.spent[first], side="right") - 1
    totals = linear_combination((one.gain, first), (two.gain, second))
    value = (slope.price * problem.budget + int(totals.max())) // slope.scale // step * step
    proof = Proof("opt", "staircase", value, {"scale": slope.scale, "price": slope.price})
    # What counts have to be worth, for any cost up to the budget to do.
    needed = slope.scale * value - slope.price * problem.budget
    corners = np.flatnonzero(totals >= needed)
    left = problem.budget - one.spent[first[corners]] - two.spent[second[corners]]
    corners = corners[np.argsort(-left, kind="stable")][:MOST_CORNERS]
    rng = np.random.default_rng(problem.n)
    for k in corners.tolist():
        if control.expired():
            return None
        counts = int(first[k]), int(second[k])
        spare = (int(totals[k]) - needed) // slope.price
        chosen = _at_corner(problem, (one, two), counts, free, spare, rng)
        if chosen is not None and problem.placeable(chosen):
            return SlopeOptimum(chosen, value, proof=proof)
    return None


def _at_corner(
    problem: PooledProblem,
    stairs: tuple[Stairs, Stairs],
    counts: tuple[int, int],
    free: NDArray,
    spare: int,
    rng: np.random.Generator,
) -> NDArray[np.bool_] | None:
    """Return a set with such counts of two classes that leaves at most `spare` of the money."""
    chosen = np.zeros(problem.n, dtype=bool)
    left = problem.budget
    alike = []
    for one, count in zip(stairs, counts, strict=True):
        if not count:
            continue
        border, costs = int(one.ascending[count - 1]), problem.costs[one.items]
        chosen[one.items[first_items(costs, count, border, dear=False)]] = True
        left -= int(one.spent[count])
        alike.append((one.items, costs, border, False))
    classes = []
    for items, costs, border, alone in [*alike, (free, problem.costs[free], 0, True)]:
        # No exchange costs more than all that is left.
        some = items[np.asarray(abs(costs - border) <= left, dtype=bool)]
        if len(some) > EXCHANGED_ITEMS:
            some = some[np.sort(rng.integers(0, len(some), EXCHANGED_ITEMS))]
            some = some[np.append(True, some[1:] != some[:-1])]
        some = rng.permutation(some)
        inside = chosen[some]
        classes.append(Alike(some[inside], some[~inside], free=alone))
    flips = exact_change(problem.costs, classes, left - spare, left, rng)
    if flips is None:
        return None
    chosen[flips] ^= True
    return chosen

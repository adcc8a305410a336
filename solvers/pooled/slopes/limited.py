"""Scores on two or three lines under limits: what a set is worth beyond its cost is a problem of its own, and exchanges spend the money."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ....models.exact import integer_array, linear_combination
from ...control import Control
from ..lattice.cuts import Cut, Inner, lattice_proof, written
from ..leaf_multipliers import LeafMultipliers
from ..problem import PooledProblem
from ..relaxation import bound_of
from .change import Alike, exact_change
from .detect import Slope
from .single import EXCHANGED_ITEMS, SlopeOptimum

SPARE_PLACES = 4
"""Where a group has so many places left its items may come alone: so many are exchanged at once."""

ATTEMPTS = 4
"""Searches for exchanges, each among others."""


def solve_limited(
    problem: PooledProblem,
    slope: Slope,
    offsets: NDArray,
    classes: NDArray,
    step: int,
    inner: Inner,
    control: Control,
) -> SlopeOptimum | None:
    """Return the optimum and its proof, where a set of most excess can spend all money; else None.

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
    inner : callable
    control : Control
    """
    gains = [gain for gain in offsets.tolist() if gain > 0]
    if not 1 <= len(gains) <= 2 or control.expired():
        return None
    common = gcd(*gains)
    over = np.maximum(offsets, 0) // common
    worth = over[classes].astype(problem.scores.dtype)
    some = np.flatnonzero(worth)
    found = inner(replace(problem.take(some, problem.limits, problem.budget), scores=worth[some]))
    if found is None or found[-1] is not None:
        return None
    held, most, leaves, _ = found
    chosen = np.zeros(problem.n, dtype=bool)
    chosen[some[held]] = True
    value = (slope.price * problem.budget + common * most) // slope.scale // step * step
    open_items = _within(problem, worth, most, leaves)
    # Who falls short of the slope would be worth less than what it costs.
    open_items = open_items[offsets[classes[open_items]] >= 0]
    least = -((common * most - slope.scale * value) // slope.price)
    flips = None
    for seed in range(ATTEMPTS):
        if control.expired():
            return None
        flips = _spending(problem, chosen, worth, open_items, least, np.random.default_rng(seed))
        if flips is not None:
            break
    if flips is None:
        return None
    chosen[flips] ^= True
    if not problem.placeable(chosen):
        return None
    kinds = [(gain, None) for gain in [*gains, gains[0]][:2]]
    first, second = (gain // common for gain in [*gains, 0][:2])
    cut = Cut(first, second, most).proved_by("tree", written(problem, leaves))
    return SlopeOptimum(chosen, value, proof=lattice_proof(value, (slope.scale, slope.price), kinds, [cut]))


def _within(problem: PooledProblem, worth: NDArray, most: int, leaves: list[LeafMultipliers]) -> NDArray:
    """Return the items that sets of most excess hold or do not: all others lose more than these may."""
    if len(leaves) > 1:
        return np.arange(problem.n)
    (leaf,) = leaves
    part = replace(problem, scores=worth)
    offsets = integer_array([mu + leaf.count for mu in leaf.limits])[problem.groups]
    reduced = linear_combination((leaf.scale, worth), (-leaf.price, problem.costs), (-1, offsets))
    return np.flatnonzero(np.asarray(abs(reduced) <= bound_of(part, leaf, reduced) - leaf.scale * most, dtype=bool))


def _spending(
    problem: PooledProblem,
    chosen: NDArray[np.bool_],
    worth: NDArray,
    open_items: NDArray,
    least: int,
    rng: np.random.Generator,
) -> list[int] | None:
    """Return items to flip within groups so that the set is worth the same and costs from `least` to all money; None if none are found."""
    spent = problem.cost(chosen)
    some = rng.permutation(open_items)[:EXCHANGED_ITEMS]
    # Worth and cost in one number: no few exchanges change the cost by half of this.
    wide = 32 * int(problem.costs.max()) + 1
    both = linear_combination((1, problem.costs[some]), (wide, worth[some]))
    used = np.bincount(problem.groups[chosen], minlength=len(problem.limits)).tolist()
    spare = problem.places - sum(used) >= SPARE_PLACES
    alike = []
    for group, limit in enumerate(problem.limits):
        own = problem.groups[some] == group
        free = spare and limit - used[group] >= SPARE_PLACES
        alike.append(Alike(np.flatnonzero(own & chosen[some]), np.flatnonzero(own & ~chosen[some]), free))
    flips = exact_change(both, alike, least - spent, problem.budget - spent, rng)
    return None if flips is None else some[flips].tolist()

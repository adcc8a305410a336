"""Scores on one line: the bound is what all money buys with the most items, or with the fewest; a set that costs just that meets it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...control import Control
from ...proofs.proof import Proof
from ..leaf_multipliers import LeafMultipliers
from ..problem import PooledProblem
from .border import Border, find_border, first_items
from .change import Alike, exact_change
from .detect import Slope

EXCHANGED_ITEMS = 1 << 14
"""Items among which exchanges are looked for, besides those near the border."""


@dataclass(frozen=True)
class SlopeOptimum:
    """An optimum, its value, and the leaves that prove it, or another proof."""

    chosen: NDArray[np.bool_]
    value: int
    leaves: list[LeafMultipliers] = field(default_factory=list)
    proof: Proof | None = None


def solve_single(problem: PooledProblem, slope: Slope, offset: int, step: int, control: Control) -> SlopeOptimum | None:
    """Return the optimum and the leaves that prove it, where the budget can be met just so; else None.

    Parameters
    ----------
    problem : PooledProblem
        No item costs more than the budget.
    slope : Slope
    offset : int
        Of all items.
    step : int
        Common divisor of the scores.
    control : Control
    """
    dear = offset < 0
    border = find_border(problem.costs, problem.budget, problem.places, dear=dear)
    if control.expired() or border.count == problem.n or border.following is None:
        return None
    if dear:
        return _fewest(problem, slope, offset, step, border)
    return _most(problem, slope, offset, step, border)


def _most(problem: PooledProblem, slope: Slope, offset: int, step: int, border: Border):
    """Nothing is taken off for an item: as many as fit, the cheapest first, then dearer ones until the money is spent."""
    count, budget = border.count, problem.budget
    value = (slope.price * budget + offset * count) // slope.scale // step * step
    chosen = _exactly(problem, slope, offset, value, count, border.cost, border, border.last)
    if chosen is None:
        return None
    leaves = [_leaf(problem, 0, count, slope.scale, slope.price, offset)]
    if count < problem.places:
        # A price of money so much above the slope that more items are worth less than the value.
        assert border.following is not None
        over = border.cost + border.following - budget
        beyond = slope.price * budget + offset * (count + 1) - slope.scale * (value + step) + 1
        steeper = max(-(-beyond // over), -(-offset // border.following))
        price = slope.price + steeper
        leaves.append(
            _leaf(problem, count + 1, problem.places, slope.scale, price, offset - steeper * border.following)
        )
    return SlopeOptimum(chosen, value, leaves)


def _fewest(problem: PooledProblem, slope: Slope, offset: int, step: int, border: Border):
    """Something is taken off for each item: one more than fit of the dearest, then cheaper ones until the money suffices."""
    count, budget = border.count, problem.budget
    best = (slope.price * border.cost + offset * count) // slope.scale
    assert border.following is not None
    worth = (slope.price * border.following + offset) // slope.scale
    leaves = [_leaf(problem, 0, count, 1, 0, worth)]
    if count == problem.places:
        return SlopeOptimum(first_items(problem.costs, count, border.last or 0, dear=True), best, leaves)
    value = (slope.price * budget + offset * (count + 1)) // slope.scale // step * step
    leaves.append(_leaf(problem, count + 1, problem.places, slope.scale, slope.price, offset))
    if value <= best:
        return SlopeOptimum(first_items(problem.costs, count, border.last or 0, dear=True), best, leaves)
    cost = border.cost + border.following
    chosen = _exactly(problem, slope, offset, value, count + 1, cost, border, border.following)
    return None if chosen is None else SlopeOptimum(chosen, value, leaves)


def _leaf(problem: PooledProblem, low: int, high: int, scale: int, price: int, count: int) -> LeafMultipliers:
    return LeafMultipliers(low, high, scale, price, count, (0,) * len(problem.limits))


def _exactly(
    problem: PooledProblem,
    slope: Slope,
    offset: int,
    value: int,
    count: int,
    cost: int,
    border: Border,
    last: int | None,
) -> NDArray[np.bool_] | None:
    """Return a set of so many items that is worth `value`, from the first ones, which cost `cost`, by exchanges."""
    if last is None:
        return None
    costs = problem.costs
    chosen = first_items(costs, count, last, dear=offset < 0)
    least = -((offset * count - slope.scale * value) // slope.price)
    low, high = least - cost, problem.budget - cost
    rng = np.random.default_rng(problem.n)
    some = np.arange(problem.n)
    if problem.n > EXCHANGED_ITEMS:
        # One of each stretch, and those near the border.
        stretch = problem.n // EXCHANGED_ITEMS
        some = np.arange(EXCHANGED_ITEMS) * stretch + rng.integers(0, stretch, EXCHANGED_ITEMS)
        some = np.concatenate([border.near, some[~np.isin(some, border.near)]])
    # All exchanges change the cost in one direction, none by more than all of them may.
    far = max(abs(low), abs(high))
    some = rng.permutation(some[np.asarray(abs(costs[some] - last) <= far, dtype=bool)])
    inside = chosen[some]
    flips = exact_change(costs, [Alike(some[inside], some[~inside])], low, high, rng)
    if flips is None:
        return None
    chosen[flips] ^= True
    return chosen

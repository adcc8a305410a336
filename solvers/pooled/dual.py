"""The Lagrangian dual of the pooled problem: the best rational multiplier of the budget.

For a price ``lam`` of money the best set is found group by group: the ``K_l`` largest ``v - lam c`` of each group, and
of their union as many positive ones as the interval ``[low, high]`` of total counts lets in.  The value
``phi(lam) = lam B + max sum (v - lam c)`` is convex and piecewise linear; each set found is one line of it.  The
minimum is met by intersecting the lines on the two sides of it until no set lies above (Dinkelbach, Newton): at the
end ``lam`` is a ratio of two integers.  Floating point only proposes sets; every line is summed in integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum, rounded
from .problem import PooledProblem

MANY_GROUPS = 64
"""Groups smaller than this on average are ranked by one sort, larger ones by a quickselect each."""


@dataclass(frozen=True)
class Grouped:
    """Items of a problem ordered by group, with what the dual needs in floating point.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Items by group (stable).
    start : ndarray of int, shape (L + 1,)
        Where each group begins in `order`.
    groups, exact_scores, exact_costs : ndarray of int, shape (n,)
        In that order.
    scores, costs : ndarray of float, shape (n,)
        The same, rounded; divided by powers of two where they would not fit a float.
    unit : Fraction
        A price times this is the price in terms of the rounded numbers.
    """

    problem: PooledProblem
    order: NDArray
    start: NDArray
    groups: NDArray
    exact_scores: NDArray
    exact_costs: NDArray
    scores: NDArray
    costs: NDArray
    unit: Fraction

    @staticmethod
    def of(problem: PooledProblem) -> Grouped:
        """Order the items of `problem` by group."""
        order = np.argsort(problem.groups, kind="stable")
        groups = problem.groups[order]
        start = np.searchsorted(groups, np.arange(len(problem.limits) + 1))
        scores, costs = problem.scores[order], problem.costs[order]
        (rounded_scores, one), (rounded_costs, two) = rounded(scores), rounded(costs)
        return Grouped(
            problem, order, start, groups, scores, costs, rounded_scores, rounded_costs, Fraction(2**two, 2**one)
        )

    def leaders(self, worth: NDArray) -> NDArray[np.bool_]:
        """Mark, in every group, the ``K_l`` items of largest `worth` (fewer where the group is smaller)."""
        limits, start = self.problem.limits, self.start
        mark = np.zeros(len(worth), dtype=bool)
        if len(limits) * MANY_GROUPS > len(worth):
            rank_order = np.lexsort((-worth, self.groups))
            rank = np.arange(len(worth)) - start[self.groups]
            mark[rank_order] = rank < np.asarray(limits, dtype=np.int64)[self.groups]
            return mark
        for group, limit in enumerate(limits):
            begin, end = start[group], start[group + 1]
            if limit >= end - begin:
                mark[begin:end] = True
            elif limit > 0:
                mark[begin + np.argpartition(worth[begin:end], end - begin - limit)[end - begin - limit :]] = True
        return mark

    def best(self, worth: NDArray, low: int, high: int) -> NDArray[np.bool_]:
        """Mark a set of largest total `worth` under the limits with ``low <= |set| <= high`` (or as near as can be)."""
        mark = self.leaders(worth)
        positive = mark & (worth > 0)
        count = int(positive.sum())
        if count > high:
            return _largest(worth, positive, high)
        if count < low:
            return _largest(worth, mark, low)
        return positive


def _largest(worth: NDArray, mark: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    index = np.flatnonzero(mark)
    if count >= len(index):
        return mark
    kept = np.zeros_like(mark)
    if count > 0:
        part = worth[index]
        kept[index[np.argpartition(part, len(part) - count)[len(part) - count :]]] = True
    return kept


def _as_float(price: Fraction) -> float:
    """Return a price as a float; one that is too large for that as one that is steeper than any ratio of rounded numbers."""
    return float(price) if price.numerator.bit_length() - price.denominator.bit_length() < 1000 else 2.0**1000


@dataclass
class DualLine:
    """A set of items (in grouped order) as a line of the dual: its exact score and cost."""

    mark: NDArray[np.bool_]
    score: int
    cost: int


@dataclass
class DualSolution:
    """Where the dual is least.

    Attributes
    ----------
    price : Fraction
        Multiplier of the budget, score per unit of money.
    over, under : DualLine or None
        A best set at that price that costs more than the budget, and one that does not.  ``over is None``: the budget
        does not bind.  ``under is None``: the count interval cannot be met within the budget.
    """

    price: Fraction
    over: DualLine | None
    under: DualLine | None


def minimise(
    items: Grouped,
    budget: int,
    low: int,
    high: int,
    guess: float | None = None,
    closeness: float = 0.005,
    noise: NDArray | None = None,
    iterations: int = 200,
) -> DualSolution:
    """Find the price of money at which the Lagrangian bound is least.

    Parameters
    ----------
    items : Grouped
    budget : int
    low, high : int
        The number of chosen items lies between them.
    guess, closeness : float, optional
        Where to look first, and how far off (relatively) that may be.
    noise : ndarray of float, optional
        Added to the scores when sets are compared: breaks ties so that the sets on the two sides of the budget end
        up close to each other.  The price is then that of the perturbed problem.

    Returns
    -------
    DualSolution
    """
    scores = items.scores if noise is None else items.scores + noise

    def line_at(price: float) -> DualLine:
        mark = items.best(scores - price * items.costs, low, high)
        return DualLine(mark, exact_sum(items.exact_scores * mark), exact_sum(items.exact_costs * mark))

    def level(line: DualLine) -> float | int:
        return line.score if noise is None else line.score + float(noise[line.mark].sum())

    # To begin with: two sets that straddle the budget, whose lines can be intersected.
    over = line_at(0.0)
    if over.cost <= budget and noise is None:
        return DualSolution(Fraction(0), None, over)
    positive = items.costs > 0
    # At this price nobody who costs anything is worth having.
    steep = 1.0 + 2.0 * float(np.max(scores[positive] / items.costs[positive])) if positive.any() else 1.0
    if over.cost <= budget:
        # Everything worth having fits, but the noise is to bring the cost up to the budget: at a negative price the dear come first.
        under, over = over, line_at(-steep)
        if over.cost <= budget:
            return DualSolution(Fraction(0), None, over)
    else:
        under = line_at(steep)
        # Where `low` forces items in, the price may have to outweigh differences of cost alone.
        for _ in range(60):
            if under.cost <= budget:
                break
            steep *= 8.0
            under = line_at(steep)
    if under.cost > budget:
        return DualSolution(Fraction(steep) / items.unit, under, None)
    for near in () if guess is None else (guess * (1 - closeness), guess * (1 + closeness)):
        line = line_at(near)
        if line.cost > budget:
            over = line if line.cost < over.cost else over
        else:
            under = line if line.cost > under.cost else under
    price = Fraction(0)
    for _ in range(iterations):
        rise = level(over) - level(under)
        run = over.cost - under.cost
        price = Fraction(rise) / run
        if price < 0 and noise is None:
            # Scores that floats take for equal: the set within the budget is the better one, and the budget does not bind.
            return DualSolution(Fraction(0), None, under)
        line = line_at(_as_float(price * items.unit))
        if noise is None:
            # In integers: the loop ends only where no set lies above the crossing, whatever rounding proposed.
            numerator, denominator = price.numerator, price.denominator
            gain = (denominator * line.score - numerator * line.cost) - (
                denominator * over.score - numerator * over.cost
            )
            if gain <= 0:
                break
        # With noise the values are floats; that no new cost turns up has to do.
        elif line.cost in (over.cost, under.cost):
            break
        if line.cost > budget:
            over = line
        else:
            under = line
    return DualSolution(price, over, under)

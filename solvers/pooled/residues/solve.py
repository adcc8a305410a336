"""Where one item more or less makes the gap: residues of money bound it, and few items are left to be listed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....models.exact import exact_sum
from ...control import Control
from ...proofs.proof import Proof
from ..problem import PooledProblem
from ..slopes.detect import find_slope, limits_bind
from ..slopes.single import SlopeOptimum
from .break_item import break_item
from .function import functions, places_for

LEAST_RESIDUES = 32
"""Smaller problems are left to enumeration."""

CURVE_SAMPLE = 64
"""So many items have to rise in score with their cost."""

MOST_FLIPS = 3000
"""Items that are listed, at most."""

MOST_HELD = 1 << 16
"""States held at once."""

MOST_LISTED = 1 << 22
"""States listed in all, a second's worth: twice as many as the hardest market took that this closes (a thousand workers, almost strongly
correlated). Markets of twenty kinds went on for ten times as long in vain."""

PRODUCTS = 1 << 61
"""Numbers below this are worked on in 64 bits; with larger ones nothing is tried."""

WIDER = 4
"""Factor by which the gap grows until a set is found."""


@dataclass(frozen=True)
class ResidueBound:
    """All items against the base, and a function below their losses.

    Attributes
    ----------
    taken, loss : ndarray of int64
        The money that flipping an item takes, and what it loses.
    left : int
        Money that the base leaves; may be negative.
    price, modulus : int
    values : ndarray of int64
    """

    taken: NDArray
    loss: NDArray
    left: int
    price: int
    modulus: int
    values: NDArray

    def times_modulus(self, money: NDArray) -> NDArray:
        """The function at amounts of money, times the modulus."""
        size = len(self.values)
        at, part = np.divmod(money % self.modulus * size, self.modulus)
        return self.values[at] * (self.modulus - part) + self.values[(at + 1) % size] * part

    def below(self, money: NDArray) -> NDArray:
        """The function at amounts of money, rounded down."""
        return self.times_modulus(money) // self.modulus

    def excess(self, items: NDArray | slice) -> int:
        """By how much some items fall short of the function, in all."""
        above = -(-self.times_modulus(self.taken[items]) // self.modulus)
        return exact_sum(np.maximum(above - self.loss[items], 0))

    def least(self, items: NDArray | slice) -> int:
        """What every set loses at least, if only these items fall short of the function."""
        return int(self.below(np.array([self.left]))[0]) - self.excess(items)


def close_by_residues(problem: PooledProblem, step: int, control: Control) -> SlopeOptimum | None:
    """Return the optimum and its proof, where scores rise with costs and few items are left by the bound; else None.

    Parameters
    ----------
    problem : PooledProblem
        No item costs more than the budget.
    step : int
        Common divisor of the scores.
    control : Control
        Nothing is returned once time is up.
    """
    if problem.n < LEAST_RESIDUES or problem.scores.dtype == object or not _rises(problem):
        return None
    ratios = problem.scores / problem.costs
    at = break_item(problem, ratios)
    if at is None or control.expired():
        return None
    scale, price = int(problem.costs[at]), int(problem.scores[at])
    dearest = int(problem.costs.max())
    if scale < 2 or max(scale * int(problem.scores.max()), MOST_FLIPS * price * dearest) >= PRODUCTS:
        return None
    q = scale * problem.scores - price * problem.costs
    base = q > 0
    left = problem.budget - exact_sum(problem.costs[base])
    bound = _bounded(np.where(base, -problem.costs, problem.costs), np.abs(q), left, price, scale, control)
    if bound is None:
        return None
    most = scale * exact_sum(problem.scores[base]) + price * left
    excess, width = bound.excess(slice(None)), scale * step
    least = bound.least(slice(0)) - excess
    # Step 3, for sets that flip an item: whoever's least loss is above the gap flips in none of them.
    rest = bound.loss + bound.below(left - bound.taken) - excess
    left_to_list = MOST_LISTED
    # From a gap just above the bound on: the first set found is the optimum, for every listing is complete within its gap.
    while not control.expired():
        near = np.flatnonzero(rest <= least + width)
        if len(near) > MOST_FLIPS:
            return None
        listed = _listed(bound, near, least + width, excess, left_to_list, control)
        if listed is None:
            return None
        lost, items, made = listed
        left_to_list -= made
        if lost <= least + width:
            chosen = base.copy()
            chosen[items] ^= True
            if not problem.placeable(chosen):
                # A sample does not show every limit that binds.
                return None
            value = (most - lost) // scale
            body = {"scale": scale, "price": price, "modulus": scale, "values": bound.values.tolist()}
            return SlopeOptimum(chosen, value, proof=Proof("opt", "subadditive", value, body))
        width *= WIDER
    return None


def _rises(problem: PooledProblem) -> bool:
    """Whether a sample rises in score with its cost, but not on few lines, and its limits do not bind."""
    sample = np.random.default_rng(problem.n).integers(0, problem.n, CURVE_SAMPLE)
    costs, scores = problem.costs[sample], problem.scores[sample]
    order = np.lexsort((scores, costs))
    if np.any(np.diff(scores[order]) < 0) or np.count_nonzero(np.diff(costs[order])) < CURVE_SAMPLE // 4:
        return False
    if (
        find_slope(replace(problem.take(sample, (CURVE_SAMPLE,) * len(problem.limits), problem.budget), most=None))
        is not None
    ):
        return False
    return int(problem.costs.min()) > 0 and not limits_bind(problem, lambda p: p.scores / p.costs)


def _bounded(
    taken: NDArray, loss: NDArray, left: int, price: int, modulus: int, control: Control
) -> ResidueBound | None:
    """Return the function by which every set loses most."""
    size = places_for(len(loss), modulus)
    places = (taken % modulus) * (size / modulus)
    ends = np.flatnonzero((places < 1) | (places >= size - 1))
    best, most = None, -1
    for proposed in functions(places, loss.astype(np.float64), price * modulus / size, size, float(modulus)):
        if control.expired() or max(float(proposed.max()), size) * modulus >= PRODUCTS:
            return None
        values = proposed.astype(np.int64)
        bound = ResidueBound(taken, loss, left, price, modulus, values)
        if int(values[1]) * size > price * modulus:
            continue
        least = bound.least(ends)
        if least <= most:
            # Steeper ones are exceeded by more.
            break
        best, most = bound, least
    return best


def _listed(
    bound: ResidueBound, near: NDArray, gap: int, excess: int, most: int, control: Control
) -> tuple[int, list[int], int] | None:
    """Return the least loss of a set within the gap, what it flips, and how many states were made; None if they are too many.

    Where no set is within the gap, the loss is beyond it.
    """
    items = near[np.argsort(-bound.loss[near], kind="stable")].tolist()
    money = lost = np.zeros(1, dtype=np.int64)
    steps: list[tuple[int, NDArray]] = []
    made = 0
    for item in items:
        before = len(money)
        money = np.concatenate([money, money + bound.taken[item]])
        lost = np.concatenate([lost, lost + bound.loss[item]])
        made += len(money)
        order = np.flatnonzero(lost + bound.below(bound.left - money) - excess <= gap)
        order = order[np.lexsort((lost[order], money[order]))]
        kept = lost[order] - bound.price * money[order]
        order = order[np.append(True, kept[1:] < np.minimum.accumulate(kept)[:-1])[: len(order)]]
        if len(order) > MOST_HELD or made > most or control.expired():
            return None
        steps.append((before, order))
        money, lost = money[order], lost[order]
    total = np.where(money <= bound.left, lost + bound.price * (bound.left - money), gap + 1)
    if not len(total) or total.min() > gap:
        return gap + 1, [], made
    at, flipped = int(np.argmin(total)), []
    for item, (before, order) in zip(reversed(items), reversed(steps), strict=True):
        at = int(order[at])
        if at >= before:
            flipped.append(item)
            at -= before
    return int(total.min()), flipped, made

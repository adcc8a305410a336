"""Two exchanges at once that use up the budget: a search for good sets where many items are equally good.

Where scores follow costs the bound is met by *some* set whose cost is exactly the budget; which items it holds hardly
matters.  Two disjoint random collections of exchanges (one item in, one out, same group) are joined by a binary search
for the two that together use the money best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.exact import rounded
from .leaf_multipliers import LeafMultipliers
from .problem import PooledProblem

MOST_EXCHANGES = 200_000
"""Exchanges listed on each side."""


def candidates(
    problem: PooledProblem, reduced: NDArray, base: NDArray[np.bool_], gap: int, size: int, seed: int
) -> NDArray:
    """Return about `size` items within the gap, in random order.

    Those of least loss for every magnitude of cost; at every third seed those closest to the cost that best separates
    what is in `base` from what is not (a base that holds the dearest items can only be changed there).
    """
    rng = np.random.default_rng(seed)
    losses = np.abs(reduced)
    index = rng.permutation(np.flatnonzero(losses <= gap))
    if len(index) <= size:
        return index
    if problem.costs.dtype == object:
        magnitude = np.array([int(c).bit_length() for c in problem.costs[index].tolist()])
    else:
        magnitude = np.frexp(problem.costs[index].astype(np.float64))[1]
    # Seeds are numbers of attempts: a different choice of items each time.
    if seed % 3 == 2:
        return rng.permutation(index[by_border(problem, base, index)[: min(size, 40 + 20 * (seed % 20))]])
    kinds = np.unique(magnitude).tolist()
    share = max(8, size // len(kinds))
    kept = []
    for m in kinds:
        part = index[magnitude == m]
        if len(part) > share:
            inner = losses[part]
            near = min(len(part), 2 * share if seed else share)
            order = np.argsort(inner, kind="stable") if inner.dtype == object else np.argpartition(inner, near - 1)
            part = rng.permutation(part[order[:near]])[:share]
        kept.append(part)
    return rng.permutation(np.concatenate(kept))


def by_border(problem: PooledProblem, base: NDArray[np.bool_], index: NDArray) -> NDArray:
    """Order items by their distance to the cost that best separates what is in `base` from what is not."""
    costs, _ = rounded(problem.costs[index])
    inside = base[index]
    held = int(inside.sum())
    if held in (0, len(index)):
        return np.argsort(costs, kind="stable")
    dear = costs[inside].mean() > costs[~inside].mean()
    rank = len(index) - held if dear else held
    border = np.partition(costs, rank)[rank]
    return np.argsort(np.abs(costs - border), kind="stable")


def best_swaps(
    problem: PooledProblem,
    multipliers: LeafMultipliers,
    base: NDArray[np.bool_],
    index: NDArray,
) -> NDArray[np.bool_] | None:
    """Return the best set that is at most two exchanges of items of `index` away from `base`.

    Parameters
    ----------
    problem, multipliers
        The leaf.
    base : ndarray of bool
        May exceed the budget.
    index : ndarray of int
        In random order.

    Returns
    -------
    ndarray of bool or None
        None if no such exchanges fit the budget.
    """
    money = problem.budget - problem.cost(base)
    counts = np.bincount(problem.groups[base], minlength=len(problem.limits)).tolist()
    # Groups with places to spare and no price may exchange with each other: two exchanges take up no more than these places.
    loose = np.array(
        [mu == 0 and k - c >= 4 for mu, k, c in zip(multipliers.limits, problem.limits, counts, strict=True)]
    )
    pool = np.where(loose[problem.groups[index]], -1, problem.groups[index])
    # Disjoint items on the two sides, so that any two exchanges can be made together.
    one, two = (_exchanges(problem, base, index[side::2], pool[side::2], multipliers) for side in range(2))
    at = np.searchsorted(two.money, money - one.money, side="right") - 1
    fits = np.flatnonzero(at >= 0)
    if not len(fits):
        return None
    gain = one.score[fits] + two.score[at[fits]]
    top = fits[int(np.argmax(gain))]
    chosen = base.copy()
    items = np.concatenate([one.items[top], two.items[at[top]]])
    chosen[items[items >= 0]] ^= True
    return chosen


@dataclass(frozen=True)
class _Moves:
    """Moves by money, each better than all cheaper ones, and the items they flip (-1: none)."""

    money: NDArray
    score: NDArray
    items: NDArray


def _best_first(money: NDArray, score: NDArray) -> NDArray:
    """Return the positions of the moves worth keeping, by money."""
    if money.dtype == object or score.dtype == object:
        order = np.argsort(-score, kind="stable")
        order = order[np.argsort(money[order], kind="stable")]
    else:
        order = np.lexsort((-score, money))
    ranked = score[order]
    keep = np.ones(len(order), dtype=bool)
    keep[1:] = ranked[1:] > np.maximum.accumulate(ranked)[:-1]
    return order[keep]


def _exchanges(problem: PooledProblem, base, index, pool, multipliers: LeafMultipliers) -> _Moves:
    """List about `MOST_EXCHANGES` exchanges."""
    inside, outside = index[base[index]], index[~base[index]]
    inner, outer = pool[base[index]], pool[~base[index]]
    firsts, seconds = [np.array([-1])], [np.array([-1])]
    pools = np.unique(pool).tolist()
    share = max(1, MOST_EXCHANGES // max(1, len(pools)))
    for group in pools:
        out, into = inside[inner == group], outside[outer == group]
        if multipliers.count == 0 and group == -1 and len(into) and multipliers.low == 0:
            firsts.append(np.full(len(into), -1))
            seconds.append(into)
        if not (len(out) and len(into)):
            continue
        width = max(1, int(share**0.5))
        out = out[: max(width, share // len(into))]
        into = into[: max(width, share // len(out))]
        firsts.append(np.repeat(out, len(into)))
        seconds.append(np.tile(into, len(out)))
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    money = np.where(second >= 0, problem.costs[second], 0) - np.where(first >= 0, problem.costs[first], 0)
    score = np.where(second >= 0, problem.scores[second], 0) - np.where(first >= 0, problem.scores[first], 0)
    order = _best_first(money, score)
    return _Moves(money[order], score[order], np.stack([first[order], second[order]], axis=1))

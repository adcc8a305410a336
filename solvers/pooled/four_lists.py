"""Sets of equally good items that spend the money to the last unit: four lists of choices, joined through a narrow middle.

A few exchanges of one item for another (`swaps`) make some 2**40 sets at most, and of groups with twenty items far fewer: no one of
them may cost just what is left where costs are numbers of 40 bits. Choosing anew among *all* tied items of a group, as many as before,
makes enough sets; four lists of such choices, among disjoint items, are joined two and two where their changes of cost nearly cancel,
and the two lists of pairs by a binary search. Lists as long as the third root of what costs range over suffice: Wagner, A generalized
birthday problem (CRYPTO 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.exact import rounded
from ..control import Control
from .leaf_multipliers import LeafMultipliers
from .problem import PooledProblem

LIST_ITEMS = 40
"""About so many items are chosen among in each list."""

FEWEST_CHOICES, MOST_CHOICES = 10, 17
"""Lengths of a list, as powers of two. Where the longest would not do, short ones still come close."""

MORE_BITS = 2
"""Lists are longer than the third root of the range by so much: choices repeat, and a choice moves many costs."""

TRIES = 4
"""So often the items are dealt anew while money is left."""

STEEPEST, TILTS = 64.0, 8
"""Rates at which the dearest item is chosen are at most e to the first of those of one that costs nothing, found in so many steps."""

NEIGHBOURS = 4
"""Partners that are looked at on either side of the best one."""


@dataclass(frozen=True)
class _Choices:
    """Changes of cost, and which items each flips: a row of `flips`, or a row of each of two parts."""

    money: NDArray
    flips: NDArray[np.bool_]

    def joined(self, other: _Choices, change: int, most: int) -> _Choices:
        """Return the `most` pairs that come closest to a change of cost, in the order of theirs."""
        order = np.argsort(other.money, kind="stable")
        at = np.searchsorted(other.money[order], change - self.money)[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS)
        inside = (at >= 0) & (at < len(order))
        first, second = np.nonzero(inside)[0], order[at[inside]]
        money = self.money[first] + other.money[second]
        kept = np.argsort(np.abs(money - change), kind="stable")[:most]
        kept = kept[np.argsort(money[kept], kind="stable")]
        return _Choices(money[kept], np.concatenate([self.flips[first[kept]], other.flips[second[kept]]], axis=1))


def spend(
    problem: PooledProblem,
    multipliers: LeafMultipliers,
    base: NDArray[np.bool_],
    ties: NDArray,
    seed: int,
    control: Control,
) -> NDArray[np.bool_] | None:
    """Choose anew among tied items, as many in each group as `base` holds, so that the money is used as well as can be.

    Parameters
    ----------
    problem, multipliers
        The leaf.
    base : ndarray of bool
        May exceed the budget.
    ties : ndarray of int
        Items of reduced value zero.
    seed : int
    control : Control
        Looked at between lists: four of the longest take a second.

    Returns
    -------
    ndarray of bool or None
        None if nothing found fits the budget.
    """
    rng = np.random.default_rng(seed)
    pools = _pools(problem, multipliers, base, ties)
    costs = problem.costs[ties]
    bits = -(-int(costs.max(initial=0) - costs.min(initial=0)).bit_length() // 3) + MORE_BITS
    length = 1 << (max(bits, FEWEST_CHOICES) if bits <= MOST_CHOICES else FEWEST_CHOICES)
    best, least = None, 0
    for _ in range(TRIES):
        chosen = _once(problem, base, _dealt(pools, base, rng), length, rng, control)
        if chosen is not None:
            left = problem.budget - problem.cost(chosen)
            if best is None or left < least:
                best, least = chosen, left
            if not left:
                break
    return best


def _once(
    problem: PooledProblem,
    base: NDArray[np.bool_],
    parts: list[list[NDArray]],
    length: int,
    rng: np.random.Generator,
    control: Control,
) -> NDArray[np.bool_] | None:
    """Join lists of choices among the items of four parts."""
    lists: list[_Choices] = []
    for part in parts:
        control.check()
        lists.append(_choices(problem, base, part, length, rng))
    control.check()
    money = problem.budget - problem.cost(base)
    most = NEIGHBOURS * length
    one, two = lists[0].joined(lists[1], 0, most), lists[2].joined(lists[3], money, most)
    at = np.searchsorted(two.money, money - one.money, side="right") - 1
    fits = np.flatnonzero(at >= 0)
    if not len(fits):
        return None
    top = fits[int(np.argmax(one.money[fits] + two.money[at[fits]]))]
    chosen = base.copy()
    items = np.array([i for part in parts for pool in part for i in pool.tolist()], dtype=np.int64)
    chosen[items[np.concatenate([one.flips[top], two.flips[at[top]]])]] ^= True
    return chosen


def _pools(problem: PooledProblem, multipliers: LeafMultipliers, base: NDArray, ties: NDArray) -> list[NDArray]:
    """Return the ties that can take each other's place: those of one group, or of all groups whose places are free and suffice."""
    counts = np.bincount(problem.groups[base], minlength=len(problem.limits)).tolist()
    loose = np.array(
        [mu == 0 and k - c >= LIST_ITEMS for mu, k, c in zip(multipliers.limits, problem.limits, counts, strict=True)]
    )
    pool = np.where(loose[problem.groups[ties]], -1, problem.groups[ties])
    order = np.argsort(pool, kind="stable")
    return np.split(ties[order], np.flatnonzero(np.diff(pool[order])) + 1)


def _dealt(pools: list[NDArray], base: NDArray[np.bool_], rng: np.random.Generator) -> list[list[NDArray]]:
    """Deal pools to four parts, in random order and each whole unless it is large: so the fewest items make the most choices."""
    parts: list[list[NDArray]] = [[], [], [], []]
    sizes = [0] * len(parts)
    left = len(parts) * LIST_ITEMS
    whole = min(left, sum(map(len, pools))) // len(parts)
    for number in rng.permutation(len(pools)).tolist():
        items = rng.permutation(pools[number])
        inside, outside = items[base[items]], items[~base[items]]
        most = max(left // 2, left - len(outside)), max(left // 2, left - len(inside))
        inside, outside = inside[: most[0]], outside[: most[1]]
        pieces = -(-(len(inside) + len(outside)) // max(1, whole))
        for k in range(pieces):
            piece = inside[k::pieces], outside[k::pieces]
            if len(piece[0]) and len(piece[1]):
                part = sizes.index(min(sizes))
                parts[part].append(np.concatenate(piece))
                sizes[part] += len(parts[part][-1])
                left -= len(parts[part][-1])
    return parts


def _choices(
    problem: PooledProblem, base: NDArray[np.bool_], pools: list[NDArray], length: int, rng: np.random.Generator
) -> _Choices:
    """List `length` choices, the first of them the base itself, the others tilted to cost as much on average."""
    # Untilted, choices cost what the average item does, the base may not: far from it their changes would not nearly cancel.
    low, high = -STEEPEST, STEEPEST
    for _ in range(TILTS):
        some = _drawn(problem, base, pools, 1 << FEWEST_CHOICES, (low + high) / 2, rng)
        if np.count_nonzero(some.money > 0) * 2 < len(some.money):
            low = (low + high) / 2
        else:
            high = (low + high) / 2
    return _drawn(problem, base, pools, length, (low + high) / 2, rng)


def _drawn(
    problem: PooledProblem, base: NDArray, pools: list[NDArray], length: int, tilt: float, rng: np.random.Generator
) -> _Choices:
    """Choose as many of each pool as the base holds, the dearer the likelier if `tilt` is positive."""
    money = np.zeros(length, dtype=problem.costs.dtype)
    flips = [np.zeros((length, 0), dtype=bool)]
    for pool in pools:
        held = base[pool]
        size = int(np.count_nonzero(held))
        costs, _ = rounded(problem.costs[pool])
        # Of exponential times, those come first whose rates are largest.
        times = rng.standard_exponential((length, len(pool)), dtype=np.float32)
        times *= np.exp(-tilt * costs / max(1.0, costs.max())).astype(np.float32)
        first = np.argpartition(times, size - 1, axis=1)[:, :size]
        flip = np.tile(held, (length, 1))
        np.put_along_axis(flip, first, ~held[first], axis=1)
        # The base itself: with it the join cannot do worse than leave a part as it is.
        flip[0] = False
        money = money + flip @ np.where(held, -problem.costs[pool], problem.costs[pool])
        flips.append(flip)
    return _Choices(money, np.concatenate(flips, axis=1))

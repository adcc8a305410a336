"""The most items that fit into a budget, cheapest or dearest first, without sorting all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..problem import CHUNK_ITEMS

SORTED_ITEMS = 1 << 15
"""So many items are sorted; of more only those near the border that a sample shows."""

BORDER_SAMPLE = 1 << 13
"""Items of that sample."""

BORDER_WIDTH = 2
"""Half the width of what is sorted, in square roots of the sample: four times what sampling is off by."""

NEAR_BORDER = 1 << 11
"""Items on each side of the border that are named, and those that cost as much."""


@dataclass(frozen=True)
class Border:
    """Items in the order of their costs, as far as they fit.

    Attributes
    ----------
    count : int
        So many fit.
    cost : int
        What they cost together.
    last, following : int or None
        Cost of the last that fits, and of the first that does not; None if there is none.
    near : ndarray of int
        Positions of items around there.
    """

    count: int
    cost: int
    last: int | None
    following: int | None
    near: NDArray


def find_border(costs: NDArray, budget: int, most: int, *, dear: bool) -> Border:
    """Return the border of the items that fit, `most` at most, the dearest first or else the cheapest."""
    n = len(costs)
    if n > SORTED_ITEMS and costs.dtype != object:
        found = _near_sample(costs, budget, most, dear=dear)
        if found is not None:
            return found
    return _sorted(costs, np.arange(n), budget, most, 0, 0, dear=dear)


def _near_sample(costs: NDArray, budget: int, most: int, *, dear: bool) -> Border | None:
    """Sort only what lies between two costs that a sample shows; None if the border is elsewhere."""
    n = len(costs)
    sample = np.sort(costs[np.random.default_rng(n).integers(0, n, BORDER_SAMPLE)])
    sample = sample[::-1] if dear else sample
    spent = np.cumsum(sample.astype(np.float64)) * (n / BORDER_SAMPLE)
    at = min(int(np.searchsorted(spent, float(budget))), most * BORDER_SAMPLE // n)
    off = int(BORDER_WIDTH * BORDER_SAMPLE**0.5)
    first = sample[at - off] if at >= off else None
    last = sample[at + off] if at + off < BORDER_SAMPLE else None
    count = cost = 0
    kept = []
    for begin in range(0, n, CHUNK_ITEMS):
        part = costs[begin : begin + CHUNK_ITEMS]
        before = np.zeros(len(part), dtype=bool) if first is None else part > first if dear else part < first
        beyond = np.zeros(len(part), dtype=bool) if last is None else part < last if dear else part > last
        count += int(np.count_nonzero(before))
        # A chunk's sum is below 2**62 as that of all is.
        cost += int(part @ before)
        kept.append(np.flatnonzero(~(before | beyond)) + begin)
    near = np.concatenate(kept)
    if cost > budget or count > most or not len(near):
        return None
    border = _sorted(costs, near, budget, most, count, cost, dear=dear)
    return border if border.last is not None and (border.following is not None or last is None) else None


def _sorted(costs: NDArray, near: NDArray, budget: int, most: int, count: int, cost: int, *, dear: bool) -> Border:
    order = np.sort(costs[near])
    order = order[::-1] if dear else order
    spent = np.cumsum(order)
    more = min(int(np.searchsorted(spent, budget - cost, side="right")), most - count)
    ends = order[max(0, more - NEAR_BORDER)], order[min(more + NEAR_BORDER, len(order)) - 1]
    window = near[np.asarray((costs[near] >= min(ends)) & (costs[near] <= max(ends)), dtype=bool)]
    return Border(
        count + more,
        cost + (int(spent[more - 1]) if more else 0),
        int(order[more - 1]) if more else None,
        int(order[more]) if more < len(order) else None,
        window,
    )


def first_items(costs: NDArray, count: int, border: int, *, dear: bool) -> NDArray[np.bool_]:
    """Mark the first `count` items, of which the last has the cost `border`; ties by position."""
    chosen = costs > border if dear else costs < border
    ties = np.flatnonzero(costs == border)
    chosen[ties[: count - int(np.count_nonzero(chosen))]] = True
    return chosen

"""The price of money, guessed from a sample: a start for exact searches, and for bounds that any price gives."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.exact import IntArray, rounded
from ...models.procurement.market import Market

__all__ = ["SAMPLE", "guessed_price", "sample_of"]

SAMPLE = 4096
"""So many workers are looked at; a market that has no more is its own sample."""

HALVINGS = 24
"""Steps of the search for the price."""


def sample_of(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of a sample, ascending, and for how many workers each stands.

    One position at random is taken of each of :data:`SAMPLE` equal parts: no period of the market is a period of the sample.
    """
    if n <= SAMPLE:
        sample = np.arange(n)
    else:
        edges = np.linspace(0, n, SAMPLE + 1).astype(np.int64)
        sample = edges[:-1] + np.random.default_rng(0).integers(0, np.diff(edges))
    # Each worker of the sample stands for those up to the next.
    copies = np.diff(np.append(sample, n))
    copies[:1] += sample[:1]
    return sample, copies


def guessed_price(market: Market, scores: IntArray, sample: np.ndarray, copies: np.ndarray) -> Fraction:
    """Halve in on the price at which the workers worth it cost the budget, seats counted in all; in floating point.

    Returns
    -------
    Fraction
        0 if the budget pays for everybody who can be placed.
    """
    (value, value_shift), (cost, cost_shift) = rounded(scores[sample]), rounded(market.scaled.needed_costs[sample])
    groups, places, seats = market.group_of[sample], market.group_totals, sum(market.seats.tolist())
    budget = float(min(market.scaled.total_budget >> cost_shift, 2**1000))

    def too_cheap(price: float) -> bool:
        worth = value - price * cost
        order = np.lexsort((-worth, groups))
        before = np.cumsum(copies[order]) - copies[order]
        first = np.searchsorted(groups[order], np.arange(len(places)))
        before -= np.append(before, 0)[first][groups[order]]
        order = order[(before < places[groups[order]]) & (worth[order] > 0)]
        order = order[np.argsort(-worth[order], kind="stable")]
        order = order[np.cumsum(copies[order]) - copies[order] < seats]
        return float(cost[order] @ copies[order]) > budget

    if not too_cheap(0.0):
        return Fraction(0)
    dearest = float((value[cost > 0] / cost[cost > 0]).max())
    low, high = -60.0, 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if too_cheap(dearest * 2.0**middle) else (low, middle)
    return Fraction(dearest * 2.0**low) * Fraction(2) ** (value_shift - cost_shift)

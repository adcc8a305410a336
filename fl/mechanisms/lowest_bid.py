"""Lowest bid first, whatever the score: a baseline.

Source: DriftPay, sections 4 (benchmark 1) and 7e (stated): the cheapest workers that caps admit, within the pooled budget. Winners
are paid their bids (reconstructed: the paper names no payment), so nobody has a reason to bid its cost.
"""

from __future__ import annotations

import numpy as np

from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set, route
from .interface import Outcome, build_scaled_outcome, mechanism

__all__ = ["lowest_bid"]


@mechanism(
    "lowest-bid",
    summary="cheapest bids first while caps and the pooled budget last, paid as bid",
    source="DriftPay, sections 4 and 7e (stated; payment reconstructed)",
    claims=("rational", "budget"),
)
def lowest_bid(market: Market) -> Outcome:
    """Hire by bid, ties by index, until the next bid would pass the pooled budget.

    Parameters
    ----------
    market : Market

    Returns
    -------
    Outcome
    """
    order = sorted(range(market.n), key=market.scaled.bids.tolist().__getitem__)
    rank = np.empty(market.n, dtype=np.int64)
    rank[order] = np.arange(market.n, 0, -1)
    placed = best_set(market, rank)
    hired, spent = [], 0
    for i in sorted(placed.tolist(), key=rank.__getitem__, reverse=True):
        spent += int(market.scaled.bids[i])
        if spent > market.scaled.total_budget:
            break
        hired.append(i)
    assignment = route(market, np.array(sorted(hired), dtype=np.intp))
    return build_scaled_outcome(market, "lowest-bid", assignment, {i: int(market.scaled.bids[i]) for i in hired})

"""Random workers within caps and budget: a baseline.

Source: DriftPay, section 7e (stated): random feasible assignment with budget feasibility. Workers come in an order drawn by the
seed and are hired if caps, seats and what is left of the pooled budget allow it, at their bids (payment reconstructed).
"""

from __future__ import annotations

import random

from ...models.procurement.market import Market
from ...solvers.placement.matroid import route
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)
from .parts.placement import Placement

__all__ = ["drawn_order", "random_feasible"]


def drawn_order(draw: random.Random, count: int) -> list[int]:
    """Draw an order of ``count`` workers; the same generator state gives the same order in every version of Python."""
    keys = [draw.random() for _ in range(count)]
    return sorted(range(count), key=keys.__getitem__)


@mechanism(
    "random-feasible",
    summary="workers in random order while caps and the pooled budget last, paid as bid",
    source="DriftPay, section 7e (stated; payment reconstructed)",
    claims=("rational", "budget"),
    options=(Option("seed", "seed", "draws the order; default 0"),),
)
def random_feasible(market: Market, seed: int = 0) -> Outcome:
    """Hire workers in an order drawn by the seed.

    Parameters
    ----------
    market : Market
    seed : int

    Returns
    -------
    Outcome
    """
    placement = Placement(market)
    left = market.scaled.total_budget
    for i in drawn_order(random.Random(seed), market.n):
        bid = int(market.scaled.bids[i])
        if bid <= left and placement.add(i):
            left -= bid
    return build_scaled_outcome(
        market,
        "random-feasible",
        route(market, placement.chosen),
        {i: int(market.scaled.bids[i]) for i in placement.taken},
    )

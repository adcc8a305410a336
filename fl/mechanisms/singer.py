"""Singer's proportional share for one pool of money and no limit on whom to hire.

Source: Singer, "Budget feasible mechanisms" (FOCS 2010), additive values (stated): sort by bid per score, hire while
``b_k <= B v_k / sum_{i<=k} v_i``, pay ``v_i min(B / sum v, rho_{k+1})``. It is what DriftPay-CO becomes when every worker can be
placed. His choice between this and the single best worker is left out; :mod:`~fedmech.fl.mechanisms.drop_top` has one.
"""

from __future__ import annotations

import numpy as np

from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set
from .driftpay import pooled_driftpay
from .interface import Outcome, mechanism

__all__ = ["needs_one_pool", "singer"]


def needs_one_pool(market: Market) -> str | None:
    """Say that the rule knows neither caps nor seats, where these keep some worker out; else None."""
    placeable = len(best_set(market, np.ones(market.n, dtype=np.int64)))
    if placeable == market.n:
        return None
    return f"needs one pool without limits; caps or seats admit {placeable} of {market.n} workers at most"


@mechanism(
    "singer",
    summary="proportional share on bid per score, where every worker can be placed",
    source="Singer, FOCS 2010 (stated; without the single best worker)",
    claims=("truthful", "rational", "budget"),
    applies=needs_one_pool,
)
def singer(market: Market) -> Outcome:
    """Run the proportional-share rule on a market's bids.

    Parameters
    ----------
    market : Market
        One in which all workers can be placed at once.

    Returns
    -------
    Outcome
        ``details`` as DriftPay-CO's.
    """
    return pooled_driftpay(market, "singer", market.scaled.scores, market.scaled.score_denominator)

"""Drop-top: DriftPay-CO without the best worker, or the best worker alone.

Not in the papers; in the spirit of Leonardi, Monaco, Sankowski and Zhang (arXiv 1612.03150). Workers who bid more than the
pooled budget, or whom no requester can take, are dropped. The worker ``i*`` of highest score (lower index at ties) is set
aside and DriftPay-CO runs on the rest, for a total score ``M``. If ``v_{i*} >= M``, ``i*`` alone is hired and paid the
budget; else DriftPay-CO's outcome stands.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...models.procurement.market import Market
from ...solvers.placement.matroid import route
from .driftpay import pooled_driftpay
from .interface import Outcome, build_scaled_outcome, mechanism

__all__ = ["drop_top"]


@mechanism(
    "drop-top",
    summary="DriftPay-CO without the worker of highest score, or that worker alone for the whole budget",
    source="ours, in the spirit of Leonardi et al., arXiv 1612.03150",
    claims=("truthful", "rational", "budget"),
)
def drop_top(market: Market) -> Outcome:
    """Run drop-top on a market's bids.

    Parameters
    ----------
    market : Market
        Its requesters' budgets are pooled.

    Returns
    -------
    Outcome
        ``details`` holds ``top`` (``i*``, or None if everybody was dropped), ``rest_score`` (``M``), ``hired`` (``top`` or
        ``rest``) and, for ``rest``, those of DriftPay-CO.
    """
    placeable = np.minimum(market.caps, market.seats).sum(axis=1) > 0
    staying = np.flatnonzero(
        (market.scaled.bids <= market.scaled.total_budget).astype(bool) & placeable[market.group_of]
    )
    if not len(staying):
        return pooled_driftpay(
            market,
            "drop-top",
            market.scaled.scores,
            market.scaled.score_denominator,
            staying,
            {"top": None, "hired": "rest"},
        )
    position = int(np.argmax(market.scaled.scores[staying]))
    top = int(staying[position])
    rest = np.delete(staying, position)
    outcome = pooled_driftpay(market, "drop-top", market.scaled.scores, market.scaled.score_denominator, rest)
    found = {"top": top, "rest_score": outcome.score}
    if Fraction(int(market.scaled.scores[top]), market.scaled.score_denominator) < outcome.score:
        return replace(outcome, details={**outcome.details, **found, "hired": "rest"})
    return build_scaled_outcome(
        market,
        "drop-top",
        route(market, np.array([top])),
        {top: market.scaled.total_budget},
        price=Fraction(market.scaled.total_budget, int(market.scaled.scores[top])),
        details={**found, "hired": "top"},
    )

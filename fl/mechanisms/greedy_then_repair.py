"""Rank, cut at the budget, then repair the caps: an exhibit of how monotonicity is lost.

Source: DriftPay, section 4, "post hoc feasibility fixes" (stated): rank by bid per score, take the prefix whose bids fit the
pooled budget, and where caps are violated drop workers, lowest scores first, until they hold (which leaves ORP's optimum on the
prefix). A worker that bids less can free money for a better one of its own group, and be dropped for it. Winners are paid
their bids: where allocation is not monotone there are no critical ones.
"""

from __future__ import annotations

import numpy as np

from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set, route
from .interface import Outcome, build_scaled_outcome, mechanism
from .parts.ratio_order import ratio_order

__all__ = ["greedy_then_repair"]


@mechanism(
    "greedy-then-repair",
    summary="prefix by bid per score, then drops until caps hold, paid as bid (exhibits non-monotonicity)",
    source="DriftPay, section 4 (stated as what not to do; payment reconstructed)",
    claims=("rational", "budget"),
)
def greedy_then_repair(market: Market) -> Outcome:
    """Run greedy-then-repair on a market's bids.

    Parameters
    ----------
    market : Market

    Returns
    -------
    Outcome
        ``details`` holds ``prefix`` (membership, shape (n,)) and ``dropped`` (how many the repair removed).
    """
    prefix = np.zeros(market.n, dtype=bool)
    spent = 0
    for i in ratio_order(market.scaled.bids, market.scaled.scores):
        spent += int(market.scaled.bids[i])
        if spent > market.scaled.total_budget:
            break
        prefix[i] = True
    chosen = best_set(market, market.scaled.scores * prefix)
    return build_scaled_outcome(
        market,
        "greedy-then-repair",
        route(market, chosen),
        {i: int(market.scaled.bids[i]) for i in chosen.tolist()},
        details={"prefix": prefix, "dropped": int(prefix.sum()) - len(chosen)},
    )

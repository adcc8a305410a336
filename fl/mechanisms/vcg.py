"""VCG: the set that maximises value less bids under the caps, each winner paid what its presence is worth.

Source: DriftPay, section 2 (named as what a hard budget rules out); the Clarke payments are the textbook's. Value is ``lam`` money
per unit of score, given from outside. ORP's caps form a matroid, so the best set for the weights ``lam v_i - b_i`` is found by
the greedy rule and a winner is paid ``p_i = b_i + W(N) - W(N without i)``, which is ``lam v_i`` less the weight of the worker
that would move up for it. Nothing here looks at the budget: ``sum p_i`` can
pass it. By default the best worker is worth the whole budget: ``lam = B / v_max``.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum, integer_array
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set, route
from ...solvers.placement.orp_seats import best_placeable_set
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)

__all__ = ["vcg"]


@mechanism(
    "vcg",
    summary="maximises value less bids and pays Clarke prices, whatever the budget",
    source="DriftPay, section 2 (named); Vickrey, Clarke, Groves",
    claims=("truthful", "rational"),
    options=(Option("value", "number", "money that a unit of score is worth; default B / v_max"),),
)
def vcg(market: Market, value: Fraction | int | None = None) -> Outcome:
    """Run VCG on a market's bids.

    Parameters
    ----------
    market : Market
    value : Fraction or int, optional
        ``lam >= 0``, money per unit of score.

    Returns
    -------
    Outcome
        ``details`` holds ``value`` (``lam``) and ``surplus`` (``W(N)``, in money).

    Raises
    ------
    InputError
        If the value is negative.
    """
    if not market.n:
        return build_scaled_outcome(market, "vcg", np.zeros(0, dtype=np.int64), {}, details={"surplus": Fraction(0)})
    if value is None:
        worth = Fraction(market.scaled.total_budget, int(market.scaled.scores.max()))
    elif value < 0:
        raise InputError(f"must be >= 0, got {value}", field="option value")
    else:
        worth = value * Fraction(market.scaled.money_denominator, market.scaled.score_denominator)
    p, q = worth.numerator, worth.denominator
    weights = integer_array(
        [p * int(v) - q * int(b) for v, b in zip(market.scaled.scores, market.scaled.bids, strict=True)]
    )
    replacement = np.zeros(market.L, dtype=object)
    if market.seats_bind:
        basis = best_placeable_set(weights, market.group_of, market.caps, market.seats)
        chosen = basis.chosen
        # Any winner of a group makes room for the first worker refused because the group was full.
        full = basis.blocked_by >= 0
        replacement[full] = weights[basis.blocked_by[full]]
    else:
        chosen = best_set(market, weights)
        losing = (weights > 0).astype(bool)
        losing[chosen] = False
        # A group below its cap has no loser of positive weight.
        np.maximum.at(replacement, market.group_of[losing], weights[losing].astype(object))
    surplus = exact_sum(weights[chosen])
    # W(N) - W(N without i) is the winner's weight less that of who moves up for it.
    payments = {
        i: Fraction(p * int(market.scaled.scores[i]) - int(replacement[market.group_of[i]]), q) for i in chosen.tolist()
    }
    return build_scaled_outcome(
        market,
        "vcg",
        route(market, chosen),
        payments,
        details={
            "value": worth * market.scaled.score_denominator / market.scaled.money_denominator,
            "surplus": Fraction(surplus, q * market.scaled.money_denominator),
        },
    )

"""VCG: the set that maximises value less bids under the caps, each winner paid what its presence is worth.

Source: DriftPay, section 2 (named as what a hard budget rules out); the Clarke payments are the textbook's. Value is ``lam`` money
per unit of score, given from outside. ORP's caps form a matroid, so the best set for the weights ``lam v_i - b_i`` is found by
the greedy rule and a winner is paid ``p_i = b_i + W(N) - W(N without i)``. Nothing here looks at the budget: ``sum p_i`` can
pass it. By default the best worker is worth the whole budget: ``lam = B / v_max``.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum, integer_array
from ...models.input_error import InputError
from ...models.market import Market
from ...solvers.matroid import best_set, route
from .interface import Option, Outcome, build_outcome, mechanism

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
        return build_outcome(market, "vcg", np.zeros(0, dtype=np.int64), {}, details={"surplus": Fraction(0)})
    if value is None:
        worth = Fraction(market.total_budget, int(market.scores.max()))
    elif value < 0:
        raise InputError(f"must be >= 0, got {value}", field="option value")
    else:
        worth = value * Fraction(market.money_denominator, market.score_denominator)
    p, q = worth.numerator, worth.denominator
    weights = integer_array([p * int(v) - q * int(b) for v, b in zip(market.scores, market.bids, strict=True)])
    chosen = best_set(market, weights)
    surplus = exact_sum(weights[chosen])
    without = _surplus_by_seats(market, weights, chosen) if market.seats_bind else _surplus(market, weights, chosen)
    payments = {i: Fraction(q * int(market.bids[i]) + surplus - without[i], q) for i in chosen.tolist()}
    return build_outcome(
        market,
        "vcg",
        route(market, chosen),
        payments,
        details={
            "value": worth * market.score_denominator / market.money_denominator,
            "surplus": Fraction(surplus, q * market.money_denominator),
        },
    )


def _surplus(market: Market, weights: np.ndarray, chosen: np.ndarray) -> dict[int, int]:
    """``W(N without i)`` for each winner: the best loser of its group moves up."""
    total = exact_sum(weights[chosen])
    best = [0] * market.L
    losing = np.ones(market.n, dtype=bool)
    losing[chosen] = False
    for i in np.flatnonzero(losing).tolist():
        group = int(market.group_of[i])
        best[group] = max(best[group], int(weights[i]))
    # A group below its cap has no loser of positive weight.
    return {i: total - int(weights[i]) + best[int(market.group_of[i])] for i in chosen.tolist()}


def _surplus_by_seats(market: Market, weights: np.ndarray, chosen: np.ndarray) -> dict[int, int]:
    """``W(N without i)`` for each winner, by solving again: with seats another group can move up."""
    found = {}
    for i in chosen.tolist():
        others = weights.copy()
        others[i] = 0
        found[i] = exact_sum(others[best_set(market, others)])
    return found

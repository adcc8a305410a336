"""DriftPay-CO with an outcome bonus added after the fact: an exhibit of how truthfulness and the budget are lost.

Source: DriftPay, section 7c (stated): if a bonus is appended to the payments of selected workers without adjusting the rule, a
worker whose cost lies above its threshold gains by underbidding, and the total can pass the budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ...models.input_error import InputError
from ...models.procurement.market import Market
from .driftpay import driftpay_co
from .driftpay_stipend import default_bonus
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)

__all__ = ["driftpay_bonus"]


@mechanism(
    "driftpay-bonus",
    summary="DriftPay-CO plus a bonus for every winner, added after the fact (exhibits the failure)",
    source="DriftPay, section 7c (stated as what not to do)",
    claims=("rational",),
    options=(Option("bonuses", "vector", "one number or one per worker, >= 0; default B / (10 n)"),),
)
def driftpay_bonus(market: Market, bonuses: Sequence[Fraction] | None = None) -> Outcome:
    """Run DriftPay-CO and add bonuses to the winners' payments.

    Parameters
    ----------
    market : Market
    bonuses : sequence of Fraction, length n, optional
        What each worker's outcome would earn it, >= 0.

    Returns
    -------
    Outcome
        ``details`` holds ``bonuses`` (those paid, in total) beside DriftPay-CO's.

    Raises
    ------
    InputError
        If a bonus is negative.
    """
    given = default_bonus(market) if bonuses is None else bonuses
    if any(bonus < 0 for bonus in given):
        raise InputError("must be >= 0", field="option bonuses")
    base = driftpay_co(market)
    winners = base.winner_indices.tolist()
    outcome = build_scaled_outcome(
        market,
        "driftpay-bonus",
        base.assignment,
        {i: (base.payment(i) + given[i]) * market.scaled.money_denominator for i in winners},
        details={**base.details, "bonuses": sum((given[i] for i in winners), Fraction(0))},
    )
    return replace(outcome, price=base.price)

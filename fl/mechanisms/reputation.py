"""Reputation in the place of the score: DriftPay-CO on a proxy such as a moving average of past performance.

Source: DriftPay, sections 4 (benchmark 2) and 7e, "CARE with reputation weights" (stated): allocation and payments as in the
pooled mechanism, ``r_i`` for ``v_i``.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ...models.procurement.market import Market
from .interface import Option, Outcome, mechanism
from .parts.surrogate import driftpay_with

__all__ = ["reputation"]


@mechanism(
    "reputation",
    summary="DriftPay-CO with reputations in the place of scores",
    source="DriftPay, sections 4 and 7e (stated)",
    claims=("truthful", "rational", "budget"),
    options=(Option("reputations", "vector", "one number per worker", required=True),),
)
def reputation(market: Market, reputations: Sequence[Fraction]) -> Outcome:
    """Run DriftPay-CO on reputations.

    Parameters
    ----------
    market : Market
    reputations : sequence of Fraction, length n
        Independent of this round's bids. Workers without a positive one do not take part.

    Returns
    -------
    Outcome
        ``score`` counts the market's scores; ``details["value"]`` is the winners' total reputation.
    """
    return driftpay_with(market, "reputation", reputations)

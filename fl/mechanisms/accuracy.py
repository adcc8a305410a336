"""Accuracy in the place of the score: DriftPay-CO on each worker's accuracy or loss gain on the probe set.

Source: DriftPay, sections 4 (benchmark 3) and 7e, "accuracy-based scoring" (stated). Gains can be negative; who does not gain
is not bought (reconstructed: the paper only says that such scores change sign).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ...models.procurement.market import Market
from .interface import Option, Outcome, mechanism
from .parts.surrogate import driftpay_with

__all__ = ["accuracy"]


@mechanism(
    "accuracy",
    summary="DriftPay-CO with probe accuracies or gains in the place of scores",
    source="DriftPay, sections 4 and 7e (stated; negative gains left out: reconstructed)",
    claims=("truthful", "rational", "budget"),
    options=(Option("accuracies", "vector", "one number per worker", required=True),),
)
def accuracy(market: Market, accuracies: Sequence[Fraction]) -> Outcome:
    """Run DriftPay-CO on accuracies.

    Parameters
    ----------
    market : Market
    accuracies : sequence of Fraction, length n
        Accuracy, or gain in accuracy or loss, on the probe set. Workers without a positive one do not take part.

    Returns
    -------
    Outcome
        ``score`` counts the market's scores; ``details["value"]`` is the winners' total accuracy.
    """
    return driftpay_with(market, "accuracy", accuracies)

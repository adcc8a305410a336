"""DriftPay-CO on another column of numbers in the place of the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from ....models.exact import scale_to_integers
from ....models.procurement.market import Market
from ..driftpay import pooled_driftpay
from ..interface import Outcome

__all__ = ["driftpay_with"]


def driftpay_with(
    market: Market, name: str, values: Sequence[Fraction], details: Mapping[str, Any] | None = None
) -> Outcome:
    """Run DriftPay-CO with bid-independent values in the place of the scores.

    Parameters
    ----------
    market : Market
    name : str
        The mechanism to name in the outcome.
    values : sequence of Fraction, length n
        Workers whose value is not positive do not take part.
    details : mapping, optional
        Further details for the outcome.

    Returns
    -------
    Outcome
        ``score`` counts the market's own scores. ``details`` adds ``value`` (the winners' total of `values`) to those of
        DriftPay-CO; ``price`` is per unit of value.
    """
    integers, denominator = scale_to_integers(values)
    positive = (integers > 0).astype(bool)
    among = None if positive.all() else np.flatnonzero(positive)
    outcome = pooled_driftpay(market, name, integers, denominator, among, details)
    value = sum((values[i] for i in outcome.winner_indices.tolist()), Fraction(0))
    return replace(outcome, details={**outcome.details, "value": value})

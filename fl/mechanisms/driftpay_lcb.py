"""DriftPay-CO on lower-confidence scores ``v~_i = v^_i - eps_i``.

Source: DriftPay, section 8 (stated): conservative scores from bid-independent estimates and error bounds. A worker whose lower
bound is not positive is not bought (reconstructed).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ...models.procurement.market import Market
from .interface import Option, Outcome, mechanism
from .parts.surrogate import driftpay_with

__all__ = ["driftpay_lcb"]


@mechanism(
    "driftpay-lcb",
    summary="DriftPay-CO on lower confidence bounds of the scores",
    source="DriftPay, section 8 (stated; non-positive bounds left out: reconstructed)",
    claims=("truthful", "rational", "budget"),
    options=(
        Option("estimates", "vector", "one estimate per worker; default the scores"),
        Option("radius", "vector", "eps, one number or one per worker; default a tenth of the estimate"),
    ),
)
def driftpay_lcb(
    market: Market, estimates: Sequence[Fraction] | None = None, radius: Sequence[Fraction] | None = None
) -> Outcome:
    """Run DriftPay-CO on lower confidence bounds.

    Parameters
    ----------
    market : Market
    estimates : sequence of Fraction, length n, optional
        ``v^``; the market's scores if left out.
    radius : sequence of Fraction, length n, optional
        ``eps``; a tenth of the estimate if left out.

    Returns
    -------
    Outcome
        ``score`` counts true scores; ``details`` holds ``bounds`` (``v~``) and ``value``, the winners' total of them.
    """
    centre = [market.score(i) for i in range(market.n)] if estimates is None else estimates
    width = [value / 10 for value in centre] if radius is None else radius
    bounds = [value - eps for value, eps in zip(centre, width, strict=True)]
    return driftpay_with(market, "driftpay-lcb", bounds, {"bounds": bounds})

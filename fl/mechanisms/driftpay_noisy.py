"""DriftPay-CO on noisy estimates of the scores.

Source: DriftPay, sections 7d and 8 (stated): estimates ``|v^_i - v_i| <= eta v_i`` that do not depend on bids take the place of
the scores. They are given, or drawn: ``v^_i = v_i (1 + eta u_i)`` with ``u_i`` uniform on the multiples of 1/1000 in [-1, 1].
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from ...models.input_error import InputError
from ...models.procurement.market import Market
from .interface import Option, Outcome, mechanism
from .parts.surrogate import driftpay_with

__all__ = ["driftpay_noisy", "noisy_scores"]


def noisy_scores(market: Market, eta: Fraction | int, seed: int) -> list[Fraction]:
    """Draw estimates within a relative error ``eta``; the same seed draws the same ones.

    Raises
    ------
    InputError
        If ``eta`` does not lie in [0, 1).
    """
    if not 0 <= eta < 1:
        raise InputError(f"must lie in [0, 1), got {eta}", field="option eta")
    draw = random.Random(seed)
    # Only random() is promised to give the same sequence in every version of Python.
    return [market.score(i) * (1 + eta * Fraction(int(draw.random() * 2001) - 1000, 1000)) for i in range(market.n)]


@mechanism(
    "driftpay-noisy",
    summary="DriftPay-CO on estimates of the scores, given or drawn within a relative error",
    source="DriftPay, sections 7d and 8 (stated)",
    claims=("truthful", "rational", "budget"),
    options=(
        Option("estimates", "vector", "one estimate per worker; drawn if left out"),
        Option("eta", "number", "relative error of drawn estimates, in [0, 1); default 1/10"),
        Option("seed", "seed", "draws the estimates; default 0"),
    ),
)
def driftpay_noisy(
    market: Market, estimates: Sequence[Fraction] | None = None, eta: Fraction | int = Fraction(1, 10), seed: int = 0
) -> Outcome:
    """Run DriftPay-CO on noisy scores.

    Parameters
    ----------
    market : Market
    estimates : sequence of Fraction, length n, optional
        ``v^``; workers without a positive one do not take part.
    eta : Fraction or int
        Relative error of drawn estimates.
    seed : int

    Returns
    -------
    Outcome
        ``score`` counts true scores; ``details`` holds ``estimates`` and ``value``, the winners' total of them.
    """
    used = noisy_scores(market, eta, seed) if estimates is None else list(estimates)
    return driftpay_with(market, "driftpay-noisy", used, {"estimates": used})

"""Proportional share on scores that are weighted by lot: within e / (e - 1) of the fractional optimum in a large market, where Singer's rule is within 2.

Source: Anari, Goel and Nikzad, "Mechanism design for crowdsourcing: an optimal 1-1/e competitive budget-feasible mechanism for large markets" (FOCS 2014, arXiv 1405.2452).
There a worker of cost-value ratio `x` times the rate is bought to the share ``ln(e - x)`` (their curve; the form is reconstructed, and re-derived here). For indivisible workers that is a
posted price: worker `i` draws ``z`` in [0, 1] and is hired if its bid is at most ``v_i (e - e^z)`` times a rate. Draws are made before any bid is looked at, so the largest
rate that the budget covers is that of Singer's proportional share on the weights ``v_i (e - e^z)``, and what that rule promises holds whatever is drawn.

Here `z` has `levels` values, which makes every number rational, with no loss but the constant: with ``q = (1 + 1/levels)^levels`` the weight of level `k` is
``v_i (q - (1 + 1/levels)^(k - 1)) / (q - 1)``, and the constant is ``q / (q - 1)`` - 2 for one level, which is Singer's rule; 1.63 for ten; e / (e - 1) = 1.582 in the limit. It holds up to the
score of one worker where every worker has twins on all levels (claim F-LARGE), and nearly in large markets, where the draws come out even. Small markets get no constant:
a draw may put the only good worker on the last level.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from math import gcd

import numpy as np

from ...models.exact import IntArray, integer_array
from ...models.input_error import InputError
from ...models.procurement.market import Market
from .driftpay import pooled_driftpay
from .interface import Option, Outcome, mechanism
from .random_feasible import drawn_order
from .singer import needs_one_pool

__all__ = ["large_market", "level_weights"]

LEVELS = 10
MOST = 100
"""Numbers have twice as many decimals as there are levels."""


def level_weights(levels: int) -> list[int]:
    """Return what a score counts for on each level, in whole numbers without a common factor; the first is the largest.

    Parameters
    ----------
    levels : int
        ``>= 1``.

    Returns
    -------
    list of int, length levels
    """
    powers = [(levels + 1) ** k * levels ** (levels - k) for k in range(levels + 1)]
    weights = [powers[-1] - power for power in powers[:-1]]
    shared = gcd(*weights)
    return [weight // shared for weight in weights]


@mechanism(
    "large-market",
    summary="proportional share on scores weighted by lot, one pool without limits; near e/(e-1) where workers are small and many",
    source="Anari, Goel and Nikzad, FOCS 2014 (reconstructed; in finitely many levels)",
    claims=("truthful", "rational", "budget"),
    options=(
        Option("seed", "seed", "draws the levels; default 0"),
        Option("levels", "integer", f"how many, 1 to {MOST}; default {LEVELS}. One is Singer's rule"),
        Option("draws", "vector", "each worker's level, 1 to `levels`, in the place of drawn ones"),
    ),
    applies=needs_one_pool,
)
def large_market(
    market: Market, seed: int = 0, levels: int = LEVELS, draws: Sequence[Fraction] | None = None
) -> Outcome:
    """Run the mechanism on a market's bids.

    Parameters
    ----------
    market : Market
        One in which all workers can be placed at once.
    seed : int
        Puts the workers in an order; along it they are dealt out to the levels in turn.
    levels : int
    draws : sequence of Fraction, length n, optional
        Whole numbers from 1 to `levels`.

    Returns
    -------
    Outcome
        ``price`` is per unit of weighted score. ``details`` as DriftPay-CO's, and ``levels``, each worker's.

    Raises
    ------
    InputError
        If a number is out of its range.
    """
    if not 1 <= levels <= MOST:
        raise InputError(f"must be from 1 to {MOST}, got {levels}", field="option levels")
    place = np.zeros(market.n, dtype=np.intp)
    if draws is None:
        place[drawn_order(random.Random(seed), market.n)] = np.arange(market.n) % levels
    else:
        for i, level in enumerate(draws):
            if level.denominator != 1 or not 1 <= level <= levels:
                raise InputError(f"must be whole numbers from 1 to {levels}, got {level}", field="option draws")
            place[i] = int(level) - 1
    weights = level_weights(levels)
    return pooled_driftpay(
        market,
        "large-market",
        _products(market.scaled.scores, np.array(weights, dtype=object)[place]),
        market.scaled.score_denominator * weights[0],
        details={"levels": (place + 1).tolist()},
    )


def _products(scores: IntArray, weights: np.ndarray) -> IntArray:
    """Multiply two columns exactly."""
    return integer_array(scores.astype(object) * weights)

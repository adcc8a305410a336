"""Random price: one price per unit of score, drawn before any bid is looked at.

Source: the random-price baseline of CARE (arXiv 2504.15847), named there; the rule is reconstructed. ``t`` is drawn uniformly from
``1..K``, ``K`` being how many workers can be placed, and the price is ``B n / (t V)`` with ``V`` the sum of all scores: what ``t``
workers of average score would cost is the pooled budget. Workers who accept ``v_i`` times it come in random order; each goes to the first requester with a place and the
money left, or to none. No bid moves the price or the order, so nobody gains by misreporting.
"""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)
from .random_feasible import drawn_order

__all__ = ["random_price"]


@mechanism(
    "random-price",
    summary="a price per score drawn in advance, taken or left in random order, separate budgets",
    source="CARE's baseline (named; rule reconstructed)",
    claims=("truthful", "rational", "budget", "separate-budgets"),
    options=(
        Option("seed", "seed", "draws price and order; default 0"),
        Option("price", "number", "money per unit of score, in the place of the drawn one"),
    ),
)
def random_price(market: Market, seed: int = 0, price: Fraction | int | None = None) -> Outcome:
    """Post a random price per unit of score.

    Parameters
    ----------
    market : Market
    seed : int
    price : Fraction or int, optional
        Money per unit of score, >= 0.

    Returns
    -------
    Outcome
        ``details`` holds ``accepted``, the number of workers that would have come at this price.

    Raises
    ------
    InputError
        If the price is negative.
    """
    draw = random.Random(seed)
    most = len(best_set(market, np.ones(market.n, dtype=np.int64)))
    step = 1 + int(draw.random() * most)
    if price is None:
        posted = Fraction(market.scaled.total_budget * market.n, step * max(exact_sum(market.scaled.scores), 1))
    elif price < 0:
        raise InputError(f"must be >= 0, got {price}", field="option price")
    else:
        posted = price * Fraction(market.scaled.money_denominator, market.scaled.score_denominator)
    room, seats = market.caps.tolist(), market.seats.tolist()
    left = [Fraction(budget) for budget in market.scaled.budgets.tolist()]
    assignment = np.full(market.n, -1, dtype=np.int64)
    payments: dict[int, Fraction] = {}
    accepted = 0
    for i in drawn_order(draw, market.n):
        offer, places = int(market.scaled.scores[i]) * posted, room[int(market.group_of[i])]
        if market.scaled.bids[i] > offer:
            continue
        accepted += 1
        for j in range(market.m):
            if places[j] > 0 and seats[j] > 0 and offer <= left[j]:
                assignment[i] = j
                payments[i] = offer
                places[j] -= 1
                seats[j] -= 1
                left[j] -= offer
                break
    return build_scaled_outcome(
        market, "random-price", assignment, payments, price=posted, details={"accepted": accepted}
    )

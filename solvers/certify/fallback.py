"""The bound that is at hand whatever stops a search: one price of money and one of a place in each group, guessed from a sample.

Any prices give a bound. Those of the places are what the greedy set for the price of money gives up, on the sample's weights; on a
market that is its own sample no other prices of places are better.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ...models.exact import IntArray, exact_sum, integer_array, linear_combination
from ...models.procurement.market import Market
from ..placement.polymatroid import SeatFlow
from ..placement.price_guess import SAMPLE, guessed_price, sample_of
from ..proofs.nodes import Multipliers
from ..proofs.proof import Proof

__all__ = ["root_proof"]

SCALE_BITS = 30
"""Most bits of the common denominator of prices; fewer where 64 bits are to hold the weights."""


def root_proof(market: Market, problem: str) -> Proof:
    """Return a proof of a weak bound that takes no search.

    For COVER it is the sum of what the best worker covers of each kind, or the bound by prices if what workers cover alone could be
    added up.
    """
    if problem == "cover":
        assert market.scaled.coverage is not None
        levels = (
            [int(x) for x in market.scaled.coverage.max(axis=0, initial=0)]
            if market.n
            else [0] * market.scaled.coverage.shape[1]
        )
        # Whole rows together are below 2**62 where the column is int64.
        alone = market.scaled.coverage.sum(axis=1)
        scale, money, places, total = _prices(market, alone, True)
        if total // scale < sum(levels):
            return _tree(problem, total // scale, Multipliers(scale, 0, (money,), (0,) * len(levels), (tuple(places),)))
        return _tree(problem, sum(levels), Multipliers(1, 0, (0,), tuple(levels), ((0,) * market.L,)))
    scale, money, places, total = _prices(market, market.scaled.scores, problem != "orp")
    if problem == "opt-frac":
        body = {"scale": scale, "money": money, "places": places}
        return Proof(problem, "fractional", Fraction(total, scale), body)
    return _tree(problem, total // scale, Multipliers(scale, 0, (money,), (), (tuple(places),)))


def _tree(problem: Any, bound: int, multipliers: Multipliers) -> Proof:
    return Proof(problem, "tree", bound, {"purses": 1, "nodes": [{"multipliers": multipliers.written()}]})


def _prices(market: Market, scores: IntArray, paid: bool) -> tuple[int, int, list[int], int]:
    """Guess prices over a common denominator; return it, those of money and of places, and the bound times it."""
    n = market.n
    sample, copies = sample_of(n)
    price = guessed_price(market, scores, sample, copies) if paid and n else Fraction(0)
    scale = 1
    if price:
        scale = 1 << max(4, min(SCALE_BITS, 58 - exact_sum(scores).bit_length()))
        if n <= SAMPLE:
            # Few enough for Python integers: a price that is tiny in the units of the market keeps its digits.
            scale <<= max(0, 20 - (price * scale).__floor__().bit_length())
    # Rounded down: every price between 0 and the best one is better than 0.
    money = (price * scale).__floor__()
    weights = linear_combination((scale, scores), *([(-money, market.scaled.needed_costs)] if money else []))
    places = _prices_of_places(market, weights[sample], market.group_of[sample], copies)
    margins = linear_combination((1, weights), (-1, integer_array(places)[market.group_of]))
    total = exact_sum(margins[np.asarray(margins > 0, dtype=bool)]) + _places_worth(market, places)
    return scale, money, places, total + (money * market.scaled.total_budget if money else 0)


def _prices_of_places(market: Market, weights: IntArray, groups: np.ndarray, copies: np.ndarray) -> list[int]:
    """For each group the weight of the one for whom no place was left when the best were hired first; 0 if there was one for all."""
    ranked = weights.tolist()
    positive = [i for i in sorted(range(len(ranked)), key=lambda i: -ranked[i]) if ranked[i] > 0]
    order = np.array(positive, dtype=np.int64)
    flow = SeatFlow(market.caps, market.seats)
    flow.push(groups[order], copies[order])
    return [0 if step < 0 else ranked[order[step]] for step in flow.first_blocked]


def _places_worth(market: Market, prices: list[int]) -> int:
    """What all places are worth: each requester is filled with its dearest groups."""
    total = 0
    dearest = sorted((l for l, price in enumerate(prices) if price), key=lambda l: -prices[l])
    for j, seats in enumerate(market.seats.tolist()):
        for l in dearest:
            taken = min(seats, int(market.caps[l, j]))
            total, seats = total + prices[l] * taken, seats - taken
    return total

"""OPT-FRAC exactly, by one rational price of money; with it, an exact upper bound on OPT.

For a price ``lam = p / q >= 0`` of money the relaxed problem ``max sum (v_i - lam c_i) x_i`` over placeable sets is ORP with
other weights, solved by the greedy rule. ``q * (lam B + its value)`` is an integer that no feasible set exceeds. Its least
value over ``lam`` is OPT-FRAC, because the placeable sets are the vertices of an integral polytope. The minimum is reached by
a discrete Newton search: two greedy sets, one within the budget and one beyond it, propose the price at which they tie; when
no set does better at that price, the mix of the two that spends exactly ``B`` is an optimal fractional point. In a large market the
two are first looked for around a price guessed from a sample. Floating point guesses that price and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.exact import IntArray, exact_sum, linear_combination
from ...models.procurement.market import Market
from ..control import Control
from ..placement.matroid import best_set, route
from ..placement.orp_seats import best_placeable_set
from ..placement.price_guess import SAMPLE, guessed_price, sample_of
from ..proofs.proof import Proof
from ..registry import register
from ..solution import Found

__all__ = ["PriceOfMoney", "fractional_proof", "price_of_money"]


STEPS = (Fraction(1), Fraction(33, 32), Fraction(5, 4), Fraction(4))
"""By which factors from the guessed price, one after the other, the first two sets are looked for."""

PAIRS_AT_ONCE = 1 << 16
"""Shares listed between two looks at the clock."""


@dataclass(frozen=True)
class PriceOfMoney:
    """The solution of OPT-FRAC and its dual.

    Attributes
    ----------
    price : Fraction
        Score that one more unit of budget is worth (LP price), in the integer units of the market.
    value : Fraction
        Value of OPT-FRAC, in integer score units; no feasible point of OPT exceeds it.
    within, beyond : ndarray of int
        Two greedy sets that are optimal at `price`; the first spends at most the budget.
    mix : Fraction
        Share of `beyond` in the optimal fractional point, the rest being `within`.
    """

    price: Fraction
    value: Fraction
    within: np.ndarray
    beyond: np.ndarray
    mix: Fraction


def _weights(market: Market, price: Fraction) -> IntArray:
    """``q v_i - p c_i`` for the price ``p / q``."""
    return linear_combination((price.denominator, market.scaled.scores), (-price.numerator, market.scaled.needed_costs))


def price_of_money(market: Market, control: Control | None = None) -> PriceOfMoney:
    """Solve OPT-FRAC and its dual exactly.

    Parameters
    ----------
    market : Market
    control : Control, optional
        Deadline.

    Returns
    -------
    PriceOfMoney

    Raises
    ------
    Stopped
        At the deadline.
    """
    control = control or Control()
    scores, costs, budget = market.scaled.scores, market.scaled.needed_costs, market.scaled.total_budget

    def taken(chosen: np.ndarray) -> _Set:
        return _Set(chosen, exact_sum(scores[chosen]), exact_sum(costs[chosen]))

    def best_at(price: Fraction) -> _Set:
        control.check()
        return taken(best_set(market, _weights(market, price), control))

    within: _Set | None = None
    beyond: _Set | None = None
    guess = _guess(market)
    for step in STEPS if guess else ():
        # The dearer money is, the less is spent.
        guess = short_price(guess / step if within else guess * step)
        found = best_at(guess)
        if found.cost <= budget:
            within = found
        else:
            beyond = found
        if within and beyond:
            break
    if beyond is None:
        beyond = taken(best_set(market, scores, control))
        if beyond.cost <= budget:
            return PriceOfMoney(Fraction(0), Fraction(beyond.value), beyond.chosen, beyond.chosen, Fraction(0))
    if within is None:
        # At an infinite price only free workers are worth having.
        free = np.flatnonzero(costs == 0)
        within = taken(free[best_set(market.subset(free), scores[free])] if len(free) else free)
    while True:
        price = Fraction(beyond.value - within.value, beyond.cost - within.cost)
        found = best_at(price)
        # Two greedy sets meet at this price; a third one that beats them there moves the price.
        if found.worth(price) == beyond.worth(price):
            left = budget - within.cost
            mix = Fraction(left, beyond.cost - within.cost)
            return PriceOfMoney(price, within.value + price * left, within.chosen, beyond.chosen, mix)
        if found.cost <= budget:
            within = found
        else:
            beyond = found


@dataclass(frozen=True)
class _Set:
    """A greedy set, its score and its cost."""

    chosen: np.ndarray
    value: int
    cost: int

    def worth(self, price: Fraction) -> int:
        """Return ``q v - p c`` at the price ``p / q``."""
        return price.denominator * self.value - price.numerator * self.cost


def _guess(market: Market) -> Fraction:
    """Guess the price of money in a market large enough for that to be worth while; 0 if it is not, or if there is no guess."""
    if market.n <= SAMPLE:
        return Fraction(0)
    price = guessed_price(market, market.scaled.scores, *sample_of(market.n))
    return short_price(price) if price else price


def short_price(price: Fraction) -> Fraction:
    """Return a price within a percent whose weights need few digits."""
    if price > 1:
        return 1 / short_price(1 / price)
    return price.limit_denominator(1 << 12) if price > Fraction(1, 1 << 8) else 1 / Fraction(round(1 / price))


@register("opt-frac", "parametric", summary="exact price of money by discrete Newton on greedy sets; any size")
def solve_opt_frac(market: Market, control: Control) -> Found:
    """Solve the linear relaxation of OPT exactly; the point mixes two routed sets."""
    found = price_of_money(market, control)
    shares: dict[tuple[int, int], Fraction] = {}
    whole = Fraction(1)
    for chosen, weight in ((found.within, 1 - found.mix), (found.beyond, found.mix)):
        if weight:
            requesters = route(market, chosen)[chosen]
            for start in range(0, len(chosen), PAIRS_AT_ONCE):
                control.check()
                some = slice(start, start + PAIRS_AT_ONCE)
                for pair in zip(chosen[some].tolist(), requesters[some].tolist(), strict=True):
                    # Hired in both sets: their weights add up to the whole worker.
                    shares[pair] = whole if pair in shares else weight
    control.check()
    price = found.price * market.scaled.money_denominator / market.scaled.score_denominator
    return Found(
        shares,
        found.value / market.scaled.score_denominator,
        fractional_proof(market, found),
        details={"price_of_budget": price},
    )


def fractional_proof(market: Market, found: PriceOfMoney) -> Proof:
    """Prove the value of OPT-FRAC: the price of money, and for each group the weight of the worker whose refusal showed that its places are taken."""
    weights = _weights(market, found.price)
    if market.seats_bind:
        blocked_by = best_placeable_set(weights, market.group_of, market.caps, market.seats).blocked_by.tolist()
        places = [0 if worker < 0 else int(weights[worker]) for worker in blocked_by]
    else:
        places = [
            _first_refused(weights[own], k) for own, k in zip(market.members, market.group_totals.tolist(), strict=True)
        ]
    body = {"scale": found.price.denominator, "money": found.price.numerator, "places": places}
    return Proof("opt-frac", "fractional", found.value, body)


def _first_refused(weights: IntArray, places: int) -> int:
    """Weight of the best worker of a group who finds no place, 0 if everybody of positive weight does."""
    worth = weights[(weights > 0).astype(bool)]
    if len(worth) <= places:
        return 0
    return int(
        sorted(worth.tolist())[-places - 1] if worth.dtype == object else np.partition(worth, -places - 1)[-places - 1]
    )

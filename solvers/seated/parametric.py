"""OPT-FRAC exactly, by one rational price of money; with it, an exact upper bound on OPT.

For a price ``lam = p / q >= 0`` of money the relaxed problem ``max sum (v_i - lam c_i) x_i`` over placeable sets is ORP with
other weights, solved by the greedy rule. ``q * (lam B + its value)`` is an integer that no feasible set exceeds. Its least
value over ``lam`` is OPT-FRAC, because the placeable sets are the vertices of an integral polytope. The minimum is reached by
a discrete Newton search: two greedy sets, one within the budget and one beyond it, propose the price at which they tie; when
no set does better at that price, the mix of the two that spends exactly ``B`` is an optimal fractional point. No float is used.
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
from ..proofs.proof import Proof
from ..registry import register
from ..solution import Found

__all__ = ["PriceOfMoney", "fractional_proof", "price_of_money"]


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

    def totals(chosen: np.ndarray) -> tuple[int, int]:
        return exact_sum(scores[chosen]), exact_sum(costs[chosen])

    beyond = best_set(market, scores, control)
    value_beyond, cost_beyond = totals(beyond)
    if cost_beyond <= budget:
        return PriceOfMoney(Fraction(0), Fraction(value_beyond), beyond, beyond, Fraction(0))
    # At an infinite price only free workers are worth having.
    free = np.flatnonzero(costs == 0)
    within = free[best_set(market.subset(free), scores[free])] if len(free) else free
    value_within, cost_within = totals(within)
    while True:
        control.check()
        price = Fraction(value_beyond - value_within, cost_beyond - cost_within)
        chosen = best_set(market, _weights(market, price), control)
        value, cost = totals(chosen)
        # Two greedy sets meet at this price; a third one that beats them there moves the price.
        if price.denominator * value - price.numerator * cost == (
            price.denominator * value_beyond - price.numerator * cost_beyond
        ):
            mix = Fraction(budget - cost_within, cost_beyond - cost_within)
            return PriceOfMoney(price, value_within + price * (budget - cost_within), within, beyond, mix)
        if cost <= budget:
            within, value_within, cost_within = chosen, value, cost
        else:
            beyond, value_beyond, cost_beyond = chosen, value, cost


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
        places = [_first_refused(weights[market.group_of == l], int(k)) for l, k in enumerate(market.group_totals)]
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

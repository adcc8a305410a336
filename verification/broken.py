"""DriftPay-CO with one thing wrong each time: what the judges must catch.

Each is a mechanism ``market -> Outcome``, so that ``fedmech audit FILE --mechanism fedmech.verification.broken:first_price`` shows the
failure. The shipped
``greedy-then-repair`` and ``driftpay-bonus`` are two more.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..fl.mechanisms.interface import Outcome, outcome
from ..models.exact import exact_sum
from ..models.procurement.market import Market
from ..solvers.placement.matroid import best_set

__all__ = ["first_price", "off_by_one_prefix", "overspend", "ties_by_ratio"]


def _order(market: Market) -> list[int]:
    return sorted(range(market.n), key=lambda i: (market.bid(i) / market.score(i), i))


def _hired(market: Market, prefix: Sequence[int], rank: Sequence[int] | None = None) -> np.ndarray:
    """ORP's optimum on a prefix; ties to the index, or to the place in `rank`."""
    weights = np.zeros_like(market.scaled.scores)
    weights[list(prefix)] = market.scaled.scores[list(prefix)]
    if rank is None:
        return best_set(market, weights)
    order = np.array(rank, dtype=np.int64)
    return np.sort(order[best_set(market.subset(order), weights[order])])


def _value(market: Market, workers: np.ndarray) -> Fraction:
    return Fraction(exact_sum(market.scaled.scores[workers]), market.scaled.score_denominator)


def _prefix(market: Market, order: Sequence[int]) -> int:
    """Length of the longest affordable prefix."""
    budget = Fraction(market.scaled.total_budget, market.scaled.money_denominator)
    k = 0
    while k < market.n:
        last = order[k]
        if market.bid(last) / market.score(last) * _value(market, _hired(market, order[: k + 1])) > budget:
            break
        k += 1
    return k


def _price(market: Market, order: Sequence[int], k: int, value: Fraction) -> Fraction:
    price = Fraction(market.scaled.total_budget, market.scaled.money_denominator) / value
    if k < market.n:
        price = min(price, market.bid(order[k]) / market.score(order[k]))
    return price


def first_price(market: Market) -> Outcome:
    """DriftPay-CO's winners, each paid its bid."""
    order = _order(market)
    winners = _hired(market, order[: _prefix(market, order)])
    return outcome(market, winners.tolist(), {i: market.bid(i) for i in winners.tolist()})


def ties_by_ratio(market: Market) -> Outcome:
    """DriftPay-CO whose ORP settles ties between equal scores by the ratio order."""
    order = _order(market)
    k = _prefix(market, order)
    winners = _hired(market, order[:k], order)
    value = _value(market, winners)
    price = _price(market, order, k, value) if value else Fraction(0)
    return outcome(market, winners.tolist(), {i: market.score(i) * price for i in winners.tolist()})


def overspend(market: Market) -> Outcome:
    """DriftPay-CO that forgets the budget in its price."""
    order = _order(market)
    k = _prefix(market, order)
    winners = _hired(market, order[:k])
    price = market.bid(order[k]) / market.score(order[k]) if k < market.n else None
    if price is None:
        value = _value(market, winners)
        price = _price(market, order, k, value) if value else Fraction(0)
    return outcome(market, winners.tolist(), {i: market.score(i) * price for i in winners.tolist()})


def off_by_one_prefix(market: Market) -> Outcome:
    """DriftPay-CO whose price skips the first worker after the prefix."""
    order = _order(market)
    k = _prefix(market, order)
    winners = _hired(market, order[:k])
    value = _value(market, winners)
    price = _price(market, order, min(k + 1, market.n), value) if value else Fraction(0)
    return outcome(market, winners.tolist(), {i: market.score(i) * price for i in winners.tolist()})

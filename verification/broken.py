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


def _driftpay(market: Market, *, by_ratio: bool = False, budgeted: bool = True, skipped: int = 0) -> Outcome:
    """DriftPay-CO, its ties by the ratio order, its price without the budget, or past the first `skipped` after the prefix."""
    order, k = _order(market), 0
    ratios = [market.bid(i) / market.score(i) for i in order]
    budget = market.total_budget
    while k < market.n and ratios[k] * _value(market, _hired(market, order[: k + 1])) <= budget:
        k += 1
    winners = _hired(market, order[:k], order if by_ratio else None)
    prices = ratios[k + skipped : k + skipped + 1]
    if len(winners) and (budgeted or not prices):
        prices.append(budget / _value(market, winners))
    return outcome(market, winners.tolist(), {i: market.score(i) * min(prices) for i in winners.tolist()})


def first_price(market: Market) -> Outcome:
    """DriftPay-CO's winners, each paid its bid."""
    winners = _driftpay(market).winner_indices.tolist()
    return outcome(market, winners, {i: market.bid(i) for i in winners})


def ties_by_ratio(market: Market) -> Outcome:
    """DriftPay-CO whose ORP settles ties between equal scores by the ratio order."""
    return _driftpay(market, by_ratio=True)


def overspend(market: Market) -> Outcome:
    """DriftPay-CO that forgets the budget in its price."""
    return _driftpay(market, budgeted=False)


def off_by_one_prefix(market: Market) -> Outcome:
    """DriftPay-CO whose price skips the first worker after the prefix."""
    return _driftpay(market, skipped=1)

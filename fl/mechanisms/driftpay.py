"""DriftPay-CO: pooled budget, one critical price per unit of score.

Source: DriftPay, section 5 (stated). Workers are sorted by ``rho_i = b_i / v_i``; ``k*`` is the largest prefix with
``rho_k M(S_k) <= B``; ORP's optimum on that prefix is hired and every winner is paid ``v_i pi`` with
``pi = min(rho_{k*+1}, B / M(S_{k*}))``.

Ties in ``rho`` go to the lower index. Ties inside ORP go to the higher score, then the lower index, and never depend on bids:
otherwise a worker could buy a tie by bidding lower, and truthfulness would be lost.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.exact import integer_array
from ...models.market import Market
from ...solvers.matroid import route
from ...solvers.prefix_scan import prefix_scan
from .interface import Outcome, mechanism

__all__ = ["driftpay_co"]


@mechanism(
    "driftpay-co",
    summary="pooled budget: the largest affordable prefix by bid per score, one critical price",
    source="DriftPay, section 5 (stated)",
)
def driftpay_co(market: Market) -> Outcome:
    """Run DriftPay-CO on a market's bids.

    Parameters
    ----------
    market : Market
        Its requesters' budgets are pooled; seats are honoured inside ORP.

    Returns
    -------
    Outcome
        ``details`` holds ``k`` (``k*``), ``prefix`` (membership, shape (n,)), ``critical_worker`` (the worker at rank
        ``k* + 1``, or None) and ``price_set_by`` (``next-ratio``, ``budget`` or None).
    """
    seated = market.seats_bind
    scan = prefix_scan(
        market.bids,
        market.scores,
        market.group_of,
        market.total_budget,
        market.group_totals,
        market.caps if seated else None,
        market.seats if seated else None,
    )
    # Without winners there is nothing to price.
    price = scan.price if len(scan.winners) else None
    payments = np.zeros(market.n, dtype=np.int64)
    denominator = 1
    set_by = None
    if price is not None:
        denominator = price.denominator * market.money_denominator
        if price.numerator * scan.score < 2**62 and market.scores.dtype != object:
            payments[scan.winners] = market.scores[scan.winners] * price.numerator
        else:
            exact = [0] * market.n
            for i in scan.winners.tolist():
                exact[i] = int(market.scores[i]) * price.numerator
            payments = integer_array(exact)
        set_by = "budget" if price == Fraction(market.total_budget, scan.score) else "next-ratio"
    return Outcome(
        mechanism="driftpay-co",
        assignment=route(market, scan.winners),
        payments=payments,
        payment_denominator=denominator,
        score=Fraction(scan.score, market.score_denominator),
        critical_price=None if price is None else price * market.score_denominator / market.money_denominator,
        details={
            "k": scan.k,
            "prefix": scan.prefix,
            "critical_worker": None if scan.critical < 0 else scan.critical,
            "price_set_by": set_by,
        },
    )

"""DriftPay-CO: pooled budget, one critical price per unit of score.

Source: DriftPay, section 5 (stated). Workers are sorted by ``rho_i = b_i / v_i``; ``k*`` is the largest prefix with
``rho_k M(S_k) <= B``; ORP's optimum on that prefix is hired and every winner is paid ``v_i pi`` with
``pi = min(rho_{k*+1}, B / M(S_{k*}))``.

Ties in ``rho`` go to the lower index. Ties inside ORP go to the higher score, then the lower index, and never depend on bids:
otherwise a worker could buy a tie by bidding lower, and truthfulness would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ...models.exact import IntArray, exact_sum, integer_array
from ...models.procurement.market import Market
from ...solvers.placement.matroid import route
from ...solvers.placement.prefix_scan import prefix_scan
from .interface import Outcome, mechanism

__all__ = ["driftpay_co", "pooled_driftpay"]


@mechanism(
    "driftpay-co",
    summary="pooled budget: the largest affordable prefix by bid per score, one critical price",
    source="DriftPay, section 5 (stated)",
    claims=("truthful", "rational", "budget"),
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
        ``details`` as in :func:`pooled_driftpay`.
    """
    return pooled_driftpay(market, "driftpay-co", market.scaled.scores, market.scaled.score_denominator)


def pooled_driftpay(
    market: Market,
    name: str,
    scores: IntArray,
    score_denominator: int,
    among: np.ndarray | None = None,
    details: Mapping[str, Any] | None = None,
) -> Outcome:
    """Run DriftPay-CO on any column of positive scores, among some or all of the workers.

    Parameters
    ----------
    market : Market
    name : str
        The mechanism to name in the outcome.
    scores : integer ndarray, shape (n,)
        What stands in the place of ``v_i``; bid-independent, positive for the workers in `among`.
    score_denominator : int
        Denominator of `scores`.
    among : ndarray of int, optional
        Workers that take part, ascending; all of them if left out.
    details : mapping, optional
        Further details for the outcome.

    Returns
    -------
    Outcome
        ``score`` counts the market's own scores, ``price`` is per unit of `scores`. ``details`` holds ``k``
        (``k*``), ``prefix`` (membership, shape (n,)), ``critical_worker`` (the worker at rank ``k* + 1``, or None) and
        ``price_set_by`` (``next-ratio``, ``budget`` or None).
    """
    seated = market.seats_bind
    scan = prefix_scan(
        market.scaled.bids if among is None else market.scaled.bids[among],
        scores if among is None else scores[among],
        market.group_of if among is None else market.group_of[among],
        market.scaled.total_budget,
        market.group_totals,
        market.caps if seated else None,
        market.seats if seated else None,
    )
    winners, prefix, critical = scan.winners, scan.prefix, None if scan.critical < 0 else scan.critical
    if among is not None:
        prefix = np.zeros(market.n, dtype=bool)
        prefix[among] = scan.prefix
        winners, critical = among[winners], None if critical is None else int(among[critical])
    # Without winners there is nothing to price.
    price = scan.price if len(winners) else None
    payments = np.zeros(market.n, dtype=np.int64)
    denominator = 1
    set_by = None
    if price is not None:
        denominator = price.denominator * market.scaled.money_denominator
        if price.numerator * scan.score < 2**62 and scores.dtype != object:
            payments[winners] = scores[winners] * price.numerator
        else:
            exact = [0] * market.n
            for i in winners.tolist():
                exact[i] = int(scores[i]) * price.numerator
            payments = integer_array(exact)
        set_by = "budget" if price == Fraction(market.scaled.total_budget, scan.score) else "next-ratio"
    return Outcome(
        mechanism=name,
        market=market,
        assignment=route(market, winners),
        scaled_payments=payments,
        payment_denominator=denominator,
        score=Fraction(exact_sum(market.scaled.scores[winners]), market.scaled.score_denominator),
        price=None if price is None else price * score_denominator / market.scaled.money_denominator,
        details={
            "k": scan.k,
            "prefix": prefix,
            "critical_worker": critical,
            "price_set_by": set_by,
            **(details or {}),
        },
    )

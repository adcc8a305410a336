"""Gravin, Jin, Lu and Zhang's deterministic mechanism for one pool of money: a third of the fractional optimum.

Source: "Optimal budget-feasible mechanisms for additive valuations" (arXiv 1902.04635). Stage 1, the pruning, is reconstructed from
the paper's published summary; stage 2 is re-derived here so that the ratio of 3 holds, and may differ from theirs in form.

1. Drop bids above ``B``. Let the price ``pi`` of a unit of score fall from ``B / v_max``; a worker leaves when it would no longer
   be paid its bid (one at a time, the higher index first at ties). Stop when everybody left but the best one, ``i*``, can be
   paid: ``pi v(T) <= B``, where ``S`` are those left and ``T = S`` without ``i*``.
2. If ``v(T) >= v_{i*}``: hire ``T`` at ``v_j pi``, and ``i*`` too if it takes what is left, ``B - pi v(T)``. Else hire ``i*`` at
   ``v_{i*} pi``, and those of ``T`` that take their share ``v_j / v(T)`` of what is left, ``B - pi v_{i*}``.

Why it is truthful: who is in ``S`` cannot change ``S`` or ``pi``, so the final offers, none above ``v_i pi``, do not depend on
the bid they are made to. Why 3: everybody outside ``S`` bids at least ``pi`` per score, so the fractional optimum is at most
``v(S) + (B - b(S)) / pi``, and ``B <= pi v(S)``; either case of stage 2 then leaves at least a third. (Workers bidding more
than ``B`` are left out of that optimum, as in the paper.)
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.procurement.market import Market
from ...solvers.placement.matroid import route
from .interface import Outcome, build_scaled_outcome, mechanism
from .parts.ratio_order import ratio_order
from .singer import needs_one_pool

__all__ = ["gravin"]


@mechanism(
    "gravin",
    summary="one pool without limits: a falling price, then the best worker or the others; within 3 of OPT-FRAC",
    source="Gravin et al., arXiv 1902.04635 (reconstructed; the last stage re-derived)",
    claims=("truthful", "rational", "budget"),
    applies=needs_one_pool,
)
def gravin(market: Market) -> Outcome:
    """Run the mechanism on a market's bids.

    Parameters
    ----------
    market : Market
        One in which all workers can be placed at once.

    Returns
    -------
    Outcome
        ``details`` holds ``price`` (``pi``, money per unit of score), ``kept`` (how many are in ``S``) and ``best`` (``i*``,
        or None).
    """
    scores, bids, budget = market.scaled.scores.tolist(), market.scaled.bids.tolist(), market.scaled.total_budget
    staying = [i for i in ratio_order(market.scaled.bids, market.scaled.scores) if bids[i] <= budget]
    if not staying:
        return build_scaled_outcome(
            market, "gravin", np.full(market.n, -1, dtype=np.int64), {}, details={"kept": 0, "best": None}
        )
    price = Fraction(budget, max(scores[i] for i in staying))
    by_score = sorted(staying, key=lambda i: (scores[i], -i))
    left = [False] * market.n
    total = sum(scores[i] for i in staying)
    while True:
        while left[by_score[-1]]:
            by_score.pop()
        best = by_score[-1]
        last = staying[-1]
        # A worker over the price is out before the stop is looked at: the price starts where it starts.
        if bids[last] <= price * scores[last]:
            others = total - scores[best]
            if price * others <= budget:
                break
            ratio = Fraction(bids[last], scores[last])
            if Fraction(budget, others) >= ratio:
                price = Fraction(budget, others)
                break
            price = ratio
        staying.pop()
        left[last] = True
        total -= scores[last]
    others = total - scores[best]
    payments: dict[int, Fraction] = {}
    if others >= scores[best]:
        payments = {i: scores[i] * price for i in staying if i != best}
        rest = budget - price * others
        if bids[best] <= rest:
            payments[best] = rest
    else:
        payments[best] = scores[best] * price
        rest = budget - payments[best]
        for i in staying:
            offer = rest * scores[i] / max(others, 1)
            if i != best and bids[i] <= offer:
                payments[i] = offer
    return build_scaled_outcome(
        market,
        "gravin",
        route(market, np.array(sorted(payments), dtype=np.intp)),
        payments,
        details={
            "price": price * market.scaled.score_denominator / market.scaled.money_denominator,
            "kept": len(staying),
            "best": best,
        },
    )

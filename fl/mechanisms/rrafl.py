"""RRAFL-style: every requester in turn runs its own proportional-share auction on reputations.

Source: the baseline of CARE (arXiv 2504.15847) after Zhang, Wu and Pan (WWW 2021), where one requester ranks workers by bid per
reputation, hires while ``b_k <= r_k B / sum_{i<=k} r_i`` and pays ``r_i min(B / sum r, next ratio)`` (reconstructed from those
papers' descriptions). Here requesters come in index order, each on the workers that are left and, of these, on the first
``tau[l, j]`` of every group and the first ``s_j`` in total. One auction alone is truthful; in a row they are not, for a worker
may do better to be left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...models.exact import IntArray, scale_to_integers
from ...models.input_error import InputError
from ...models.procurement.market import Market
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)
from .parts.ratio_order import ratio_order

__all__ = ["rrafl"]


@mechanism(
    "rrafl",
    summary="requesters one after the other, each by proportional share on bid per reputation",
    source="CARE's baseline after Zhang, Wu and Pan, WWW 2021 (reconstructed)",
    claims=("rational", "budget", "separate-budgets"),
    options=(Option("reputations", "vector", "one positive number per worker; default the scores"),),
)
def rrafl(market: Market, reputations: Sequence[Fraction] | None = None) -> Outcome:
    """Run the RRAFL-style baseline on a market's bids.

    Parameters
    ----------
    market : Market
    reputations : sequence of Fraction, length n, optional
        Positive; the scores if left out.

    Returns
    -------
    Outcome
        ``details`` holds ``prices`` (money per unit of reputation, one per requester, None where nobody was hired).

    Raises
    ------
    InputError
        If a reputation is not positive.
    """
    weights: IntArray = market.scaled.scores
    denominator = market.scaled.score_denominator
    if reputations is not None:
        if any(value <= 0 for value in reputations):
            raise InputError("must be > 0", field="option reputations")
        weights, denominator = scale_to_integers(reputations)
    waiting = ratio_order(market.scaled.bids, weights)
    caps, seats = market.caps, market.seats
    assignment = np.full(market.n, -1, dtype=np.int64)
    payments: dict[int, Fraction] = {}
    prices: list[Fraction | None] = []
    for j in range(market.m):
        room, budget = caps[:, j].tolist(), int(market.scaled.budgets[j])
        candidates = []
        # Who is asked is fixed by the ratio order and the limits, before money is looked at.
        for i in waiting:
            group = int(market.group_of[i])
            if len(candidates) < seats[j] and room[group] > 0:
                room[group] -= 1
                candidates.append(i)
        total, hired = 0, 0
        for i in candidates:
            # b_i / w_i > B / (weight with i): the proportional share would not pay the bid. Multiplied out, in integers.
            if int(market.scaled.bids[i]) * (total + int(weights[i])) > budget * int(weights[i]):
                break
            total += int(weights[i])
            hired += 1
        price = None
        if hired:
            price = Fraction(budget, total)
            if hired < len(candidates):
                # No more per unit than the first who is left out asks, else a winner could have bid above it.
                next_one = candidates[hired]
                price = min(price, Fraction(int(market.scaled.bids[next_one]), int(weights[next_one])))
            for i in candidates[:hired]:
                assignment[i] = j
                payments[i] = int(weights[i]) * price
            waiting = [i for i in waiting if assignment[i] < 0]
        prices.append(None if price is None else price * denominator / market.scaled.money_denominator)
    return build_scaled_outcome(market, "rrafl", assignment, payments, details={"prices": prices})

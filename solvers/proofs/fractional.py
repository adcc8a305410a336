"""Proofs of kind ``fractional``: one set of multipliers bounds the linear relaxation OPT-FRAC, by weak duality.

Body, all integers: ``scale`` D > 0; ``money`` N >= 0, the price of the pooled budget times D; ``places`` mu_l >= 0, the price of
a place for group l times D. For every fractional point x within caps, seats and budget

    D sum_i v_i x_i  <=  N B  +  places(mu)  +  sum_i max(0, D v_i - N c_i - mu_g(i)),

1. because ``x_i <= 1`` in every term of the last sum, ``sum c_i x_i <= B``, and
2. ``places(mu)`` is the most that ``sum_l mu_l * (workers of group l)`` can be within caps and seats: each requester for itself
   is filled with its dearest groups, whatever the other requesters do.

The claim is that the right side is at most ``D * bound``. Python integers, or arrays whose
numbers were shown to fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...models.procurement.market import Market
from .proof import Proof, ProofError, Pulse

__all__ = ["check_bound"]


def check_bound(proof: Proof, market: Market, pulse: Pulse) -> None:
    """Accept the multipliers, or raise.

    Raises
    ------
    ProofError
        If they are not what they should be, or prove less than the bound.
    """
    body: Any = proof.body
    if proof.problem != "opt-frac" or market.scaled.costs is None or set(body) != {"scale", "money", "places"}:
        raise ProofError("a fractional proof is for opt-frac and has scale, money and places")
    scale, money, places = body["scale"], body["money"], body["places"]
    if type(scale) is not int or scale <= 0 or type(money) is not int or money < 0:
        raise ProofError("scale has to be a positive integer, money an integer that is not negative")
    if type(places) is not list or len(places) != market.L or any(type(mu) is not int or mu < 0 for mu in places):
        raise ProofError("places has to be one integer for each group, none negative")
    pulse()
    right = money * sum(market.scaled.budgets.tolist()) + sum(
        dearest_first(places, [row[j] for row in market.caps.tolist()], seats)
        for j, seats in enumerate(market.seats.tolist())
    )
    right += margins(market, scale, money, places)
    if right > scale * proof.bound:
        raise ProofError("the multipliers prove less than the bound")


def margins(market: Market, scale: int, money: int, places: list[int]) -> int:
    """Sum ``max(0, D v_i - N c_i - mu_g(i))`` over all workers: over arrays where no number can leave 64 bits, else one by one."""
    scores, costs, groups = market.scaled.scores, market.scaled.costs, market.group_of
    assert costs is not None
    if market.n and scores.dtype == np.int64 and costs.dtype == np.int64:
        # A price of any length may stand at zeros.
        largest = scale * int(scores.max()) + money * int(costs.max(initial=1)) + max(places)
        if largest < 2**62:
            worth = scale * scores - money * costs - np.array(places, dtype=np.int64)[groups]
            positive = worth[worth > 0]
            # Upper and lower halves apart: neither sum can overflow for fewer than 2**31 workers.
            return (int((positive >> 31).sum()) << 31) + int((positive & (2**31 - 1)).sum())
    workers = zip(scores.tolist(), costs.tolist(), groups.tolist(), strict=True)
    return sum(max(0, scale * v - money * c - places[g]) for v, c, g in workers)


def dearest_first(prices: list[int], caps: list[int], seats: int) -> int:
    """Fill one requester with its dearest groups: what the places are worth that it has."""
    total = 0
    for price, cap in sorted(zip(prices, caps, strict=True), reverse=True):
        taken = min(cap, seats)
        total, seats = total + price * taken, seats - taken
    return total

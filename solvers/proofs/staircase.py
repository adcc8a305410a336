"""Proofs of kind ``staircase`` for OPT and OPT-SEP: scores that exceed a price times the cost by one of two amounts, or by none.

Body: ``scale`` q > 0 and ``price`` p >= 0, integers. All money is pooled, limits and seats are left out of account: the bound holds
with them too. The goal is the least score above the bound that is a multiple of what divides the scores.

1. *Excess.* With ``e_i = max(0, q v_i - p c_i)`` every set x that costs at most the money B has ``q v(x) <= p B + e(x)``. Who costs more
   than B is in no such set; B is rounded down to a multiple of what divides the other costs, and is no more than all of them.
2. *Counts.* The positive ``e_i`` have to be no more than two different numbers, ``d_1`` and ``d_2``. A set with ``n_1`` and ``n_2``
   workers of these has ``e(x) = n_1 d_1 + n_2 d_2``, and costs at least ``P_1[n_1] + P_2[n_2]``, the cheapest so many of each.
3. *Staircase.* So no set has more than ``p B + max n_1 d_1 + n_2 d_2`` over all counts with ``P_1[n_1] + P_2[n_2] <= B``. For each
   ``n_1`` the largest ``n_2`` is the best. The claim is that this is less than q times the goal.

Two checkers: `by_lists` in Python integers, to be read; `by_arrays` for markets of any size, in 64 bits where all sums fit.
"""

from __future__ import annotations

from itertools import accumulate, takewhile
from math import gcd
from typing import Any

import numpy as np

from ...models.exact import exact_sum, linear_combination
from ...models.procurement.market import Market
from .proof import Proof, ProofError, Pulse

__all__ = ["check_bound"]

FEW_WORKERS = 400
"""So many are checked in lists, more over arrays."""


def check_bound(proof: Proof, market: Market, pulse: Pulse, checker: str | None = None) -> None:
    """Accept the proof, or raise.

    Raises
    ------
    ProofError
        If some counts may be worth more than the bound, or the body is not what it should be.
    """
    body: Any = proof.body
    if proof.problem not in ("opt", "opt-sep") or market.scaled.costs is None or type(proof.bound) is not int:
        raise ProofError("a staircase is for opt or opt-sep, with costs, and has an integer bound")
    if set(body) != {"scale", "price"} or any(type(x) is not int for x in body.values()):
        raise ProofError("a staircase has integers scale and price, and nothing else")
    scale, price = body["scale"], body["price"]
    if scale < 1 or price < 0:
        raise ProofError("the scale has to be positive, the price not negative")
    if checker is None:
        checker = "reference" if market.n <= FEW_WORKERS else "arrays"
    {"reference": by_lists, "arrays": by_arrays}[checker](market, proof.bound, scale, price, pulse)


def by_lists(market: Market, bound: int, scale: int, price: int, pulse: Pulse) -> None:
    """Steps 1 to 3 in lists of Python integers."""
    money = sum(market.scaled.budgets.tolist())
    rows = zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), strict=True)
    workers = [(score, cost) for score, cost in rows if cost <= money]
    unit = gcd(*(cost for _, cost in workers))
    money = min(money // unit * unit, sum(cost for _, cost in workers)) if unit else 0
    pulse()
    stairs: dict[int, list[int]] = {}
    for score, cost in workers:
        excess = scale * score - price * cost
        if excess > 0:
            stairs.setdefault(excess, []).append(cost)
    one, two = two_amounts(list(stairs))
    first, second = (list(accumulate(sorted(stairs.get(gain, ())), initial=0)) for gain in (one, two))
    totals, other = [], len(second) - 1
    for count, cost in enumerate(takewhile(lambda cost: cost <= money, first)):
        while cost + second[other] > money:
            other -= 1
        totals.append(count * one + other * two)
    refuse_better(price * money + max(totals), bound, scale, gcd(*(score for score, _ in workers)))


def by_arrays(market: Market, bound: int, scale: int, price: int, pulse: Pulse) -> None:
    """The same over arrays."""
    money = exact_sum(market.scaled.budgets)
    scores, costs = market.scaled.scores, market.scaled.needed_costs
    affordable = np.asarray(costs <= money, dtype=bool)
    if not affordable.all():
        scores, costs = scores[affordable], costs[affordable]
    unit = int(np.gcd.reduce(costs, initial=0))
    money = min(money // unit * unit, exact_sum(costs)) if unit else 0
    pulse()
    excess = linear_combination((scale, scores), (-price, costs))
    gains: list[int] = []
    rest = excess[np.asarray(excess > 0, dtype=bool)]
    while len(rest):
        pulse()
        gains.append(int(rest.max()))
        two_amounts(gains)
        rest = rest[np.asarray(rest < gains[-1], dtype=bool)]
    one, two = two_amounts(gains)
    first, second = (np.cumsum(np.sort(costs[np.asarray(excess == gain, dtype=bool)])) for gain in (one, two))
    pulse()
    fits = first[: np.searchsorted(first, money, side="right")]
    # The prefix of nothing is not in the arrays.
    others = np.append(
        np.searchsorted(second, money, side="right"), np.searchsorted(second, money - fits, side="right")
    )
    totals = linear_combination((one, np.arange(len(others))), (two, others))
    refuse_better(price * money + int(totals.max()), bound, scale, int(np.gcd.reduce(scores, initial=0)))


def two_amounts(gains: list[int]) -> tuple[int, int]:
    """Step 2: the two positive excesses, 0 in the place of one that there is not."""
    if len(gains) > 2:
        raise ProofError("the scores exceed the price by more than two amounts")
    return sum(gains[:1]), sum(gains[1:])


def refuse_better(most: int, bound: int, scale: int, unit: int) -> None:
    """Step 3: ``scale`` times any value is at most `most`, and values are multiples of `unit`, or nothing at all if that is 0."""
    if scale * (bound // unit + 1) * unit <= most if unit else bound < 0:
        raise ProofError("some counts may be worth more than the bound")

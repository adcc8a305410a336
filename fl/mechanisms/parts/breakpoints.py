"""The bids at which the outcome of a mechanism can change, everybody else's bid fixed: candidates, for exhaustive sweeps of one bid.

Complete for mechanisms that read a bid only through its ratio to the score, tests of affordability and posted prices; others may
have more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ....models.exact import exact_sum
from ....models.procurement.market import Market
from ....solvers.placement.matroid import best_set

__all__ = ["ALL_SETS_UP_TO", "breakpoints", "with_points_between"]

ALL_SETS_UP_TO = 10
"""Affordability points are taken over all sets of workers up to this many workers, over ratio prefixes beyond."""


def breakpoints(market: Market, worker: int) -> set[Fraction]:
    """Candidate breakpoints of one worker's bid, for mechanisms built on ratios, affordability and posted prices.

    Parameters
    ----------
    market : Market
    worker : int

    Returns
    -------
    set of Fraction
        0; the worker's own bid and cost, the others' bids; ``rho_j v_i``; ``B v_i / M(S)`` over all sets ``S`` that contain
        the worker (ratio prefixes beyond :data:`ALL_SETS_UP_TO` workers); ``B``, ``B_j`` and ``B_j / t``.
    """
    n, score = market.n, market.score(worker)
    budget = Fraction(market.scaled.total_budget, market.scaled.money_denominator)
    found = {Fraction(0), market.bid(worker), budget}
    if market.scaled.costs is not None:
        found.add(market.cost(worker))
    for j in range(n):
        if j != worker:
            found |= {market.bid(j), market.bid(j) / market.score(j) * score}
    for j in range(market.m):
        found |= {market.budget(j) / t for t in range(1, n + 1)}
    values = {_orp_value(market, members) for members in _sets_with(market, worker)}
    found |= {budget * score / value for value in values if value > 0}
    return found


def _sets_with(market: Market, worker: int) -> Iterable[list[int]]:
    others = [j for j in range(market.n) if j != worker]
    if market.n <= ALL_SETS_UP_TO:
        for mask in range(1 << len(others)):
            yield [worker, *(j for p, j in enumerate(others) if mask >> p & 1)]
    else:
        order = sorted(others, key=lambda j: (market.bid(j) / market.score(j), j))
        for k in range(len(order) + 1):
            yield [worker, *order[:k]]


def _orp_value(market: Market, members: Sequence[int]) -> Fraction:
    weights = np.zeros_like(market.scaled.scores)
    weights[members] = market.scaled.scores[members]
    return Fraction(exact_sum(market.scaled.scores[best_set(market, weights)]), market.scaled.score_denominator)


def with_points_between(breaks: Iterable[Fraction]) -> list[Fraction]:
    """Return breakpoints, a point strictly between neighbours, and one beyond the last; ascending."""
    ordered = sorted(breaks)
    points = [*ordered, *((low + high) / 2 for low, high in pairwise(ordered)), ordered[-1] + 1]
    return sorted(points)

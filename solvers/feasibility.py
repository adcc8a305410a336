"""The exact re-check that every answer passes before anyone sees it.

Nothing here trusts the method: sums are Python integers or overflow-safe, and a violation raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from numbers import Rational

import numpy as np

from ..models.exact import exact_sum
from ..models.procurement.market import Market

__all__ = ["CheckError", "check_feasible", "check_shares", "objective_value", "violation"]


class CheckError(RuntimeError):
    """A method returned a point or a bound that exact arithmetic refutes: a defect in the method, never in the input."""


def violation(market: Market, problem: str, assignment: np.ndarray) -> str | None:
    """Name the first constraint that an assignment violates, or None if it is feasible.

    Parameters
    ----------
    market : Market
    problem : {'orp', 'opt', 'opt-sep', 'cover'}
        ORP has no budget, OPT and COVER the pooled one, OPT-SEP one per requester.
    assignment : ndarray of int64, shape (n,)
        Requester of each worker, -1 for none.
    """
    if assignment.shape != (market.n,) or assignment.dtype.kind != "i":
        return f"assignment has shape {assignment.shape} and type {assignment.dtype}, not ({market.n},) integers"
    if market.n and (assignment.min() < -1 or assignment.max() >= market.m):
        return "assignment names a requester that does not exist"
    placed = np.flatnonzero(assignment >= 0)
    cells = market.group_of[placed] * market.m + assignment[placed]
    counts = np.bincount(cells, minlength=market.L * market.m).reshape(market.L, market.m)
    over = np.argwhere(counts > market.caps)
    if len(over):
        l, j = over[0]
        return f"cap of group {market.group_ids[l]} at requester {market.requester_ids[j]} exceeded"
    over = np.flatnonzero(counts.sum(axis=0) > market.seats)
    if len(over):
        return f"seats of requester {market.requester_ids[int(over[0])]} exceeded"
    if problem == "opt-sep":
        costs = market.needed_costs
        for j in range(market.m):
            if exact_sum(costs[placed[assignment[placed] == j]]) > int(market.budgets[j]):
                return f"budget of requester {market.requester_ids[j]} exceeded"
    elif problem != "orp" and exact_sum(market.needed_costs[placed]) > market.total_budget:
        return "pooled budget exceeded"
    return None


def objective_value(market: Market, problem: str, assignment: np.ndarray) -> Fraction:
    """Value of an assignment, exactly: total score, or total coverage for COVER."""
    placed = assignment >= 0
    if problem != "cover":
        return Fraction(exact_sum(market.scores[placed]), market.score_denominator)
    if market.coverage is None or not placed.any():
        return Fraction(0)
    best = market.coverage[placed].max(axis=0)
    return Fraction(exact_sum(np.atleast_1d(best)), market.coverage_denominator)


def check_feasible(market: Market, problem: str, assignment: np.ndarray) -> Fraction:
    """Return the exact value of a feasible assignment.

    Raises
    ------
    CheckError
        If the assignment violates a constraint.
    """
    problem_found = violation(market, problem, assignment)
    if problem_found is not None:
        raise CheckError(f"{problem}: {problem_found}")
    return objective_value(market, problem, assignment)


def check_shares(market: Market, shares: Mapping[tuple[int, int], Fraction]) -> Fraction:
    """Return the exact value of a feasible point of OPT's linear relaxation.

    Parameters
    ----------
    shares : mapping (worker, requester) -> Fraction
        ``x_ij``; missing pairs are 0.

    Raises
    ------
    CheckError
        If it is no such mapping, a share lies outside [0, 1] or a constraint is violated.
    """
    if not isinstance(shares, Mapping):
        raise CheckError(f"opt-frac: expected shares by worker and requester, got {type(shares).__name__}")
    worker_total: dict[int, Fraction] = {}
    cell_total: dict[tuple[int, int], Fraction] = {}
    seat_total: dict[int, Fraction] = {}
    value = spend = Fraction(0)
    for pair, share in shares.items():
        i, j = _known_pair(market, pair)
        if not isinstance(share, Rational) or not 0 <= share <= 1:
            raise CheckError(f"opt-frac: share {share!r} of worker {market.worker_ids[i]} is no exact number in [0, 1]")
        worker_total[i] = worker_total.get(i, Fraction(0)) + share
        cell = (int(market.group_of[i]), j)
        cell_total[cell] = cell_total.get(cell, Fraction(0)) + share
        seat_total[j] = seat_total.get(j, Fraction(0)) + share
        value += share * int(market.scores[i])
        spend += share * int(market.needed_costs[i])
    if any(total > 1 for total in worker_total.values()):
        raise CheckError("opt-frac: a worker is assigned more than once")
    if any(total > int(market.caps[cell]) for cell, total in cell_total.items()):
        raise CheckError("opt-frac: a cap is exceeded")
    if any(total > int(market.seats[j]) for j, total in seat_total.items()):
        raise CheckError("opt-frac: seats are exceeded")
    if spend > market.total_budget:
        raise CheckError("opt-frac: pooled budget exceeded")
    return value / market.score_denominator


def _known_pair(market: Market, pair: object) -> tuple[int, int]:
    """Return worker and requester as they are; a negative index would name somebody a second time."""
    match pair:
        case (int() | np.integer() as i, int() | np.integer() as j) if 0 <= i < market.n and 0 <= j < market.m:
            return int(i), int(j)
    raise CheckError(f"opt-frac: {pair!r} is no pair of a worker and a requester of this market")

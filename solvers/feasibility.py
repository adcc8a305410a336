"""The exact re-check that every answer passes before anyone sees it.

Nothing here trusts the method: sums are Python integers or overflow-safe, and a violation raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import chain
from math import lcm
from numbers import Rational

import numpy as np

from ..models.exact import INT64_SAFE, exact_sum
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
        costs = market.scaled.needed_costs
        for j in range(market.m):
            if exact_sum(costs[placed[assignment[placed] == j]]) > int(market.scaled.budgets[j]):
                return f"budget of requester {market.requester_ids[j]} exceeded"
    elif problem != "orp" and exact_sum(market.scaled.needed_costs[placed]) > market.scaled.total_budget:
        return "pooled budget exceeded"
    return None


def objective_value(market: Market, problem: str, assignment: np.ndarray) -> Fraction:
    """Value of an assignment, exactly: total score, or total coverage for COVER."""
    placed = assignment >= 0
    if problem != "cover":
        return Fraction(exact_sum(market.scaled.scores[placed]), market.scaled.score_denominator)
    if market.scaled.coverage is None or not placed.any():
        return Fraction(0)
    best = market.scaled.coverage[placed].max(axis=0)
    return Fraction(exact_sum(np.atleast_1d(best)), market.scaled.coverage_denominator)


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
    workers, requesters = _known_pairs(market, shares)
    unit, parts = _in_units(market, shares, workers)
    worker_total, cell_total, seat_total = (
        _totals(places, parts, size)
        for places, size in (
            (workers, market.n),
            (market.group_of[workers] * market.m + requesters, market.L * market.m),
            (requesters, market.m),
        )
    )
    value = Fraction(_product(parts, market.scaled.scores[workers]), unit)
    spend = Fraction(_product(parts, market.scaled.needed_costs[workers]), unit)
    if market.n and int(worker_total.max()) > unit:
        raise CheckError("opt-frac: a worker is assigned more than once")
    if any(total > unit * cap for total, cap in zip(cell_total.tolist(), market.caps.ravel().tolist(), strict=True)):
        raise CheckError("opt-frac: a cap is exceeded")
    if any(total > unit * seats for total, seats in zip(seat_total.tolist(), market.seats.tolist(), strict=True)):
        raise CheckError("opt-frac: seats are exceeded")
    if spend > market.scaled.total_budget:
        raise CheckError("opt-frac: pooled budget exceeded")
    return value / market.scaled.score_denominator


def _known_pairs(market: Market, shares: Mapping[tuple[int, int], Fraction]) -> tuple[np.ndarray, np.ndarray]:
    """Return workers and requesters of all pairs, as arrays; a negative index would name somebody a second time."""
    n, m = market.n, market.m
    for pair in shares:
        match pair:
            case (int() | np.integer() as i, int() | np.integer() as j) if 0 <= i < n and 0 <= j < m:
                pass
            case _:
                raise CheckError(f"opt-frac: {pair!r} is no pair of a worker and a requester of this market")
    workers, requesters = np.array([*chain.from_iterable(shares)], dtype=np.int64).reshape(len(shares), 2).T
    return workers, requesters


def _in_units(
    market: Market, shares: Mapping[tuple[int, int], Fraction], workers: np.ndarray
) -> tuple[int, np.ndarray]:
    """Return a common denominator of all shares, and the shares as multiples of it; each is checked to lie in [0, 1].

    Most pairs have the very same share, which is looked at once.
    """
    listed = [*shares.values()]
    several = {id(share): share for share in listed}
    for share in several.values():
        if not isinstance(share, Rational) or not 0 <= share <= 1:
            worker = workers[[*map(id, listed)].index(id(share))]
            raise CheckError(
                f"opt-frac: share {share!r} of worker {market.worker_ids[worker]} is no exact number in [0, 1]"
            )
    unit = lcm(*(int(share.denominator) for share in several.values()))
    parts = {at: int(share.numerator) * (unit // int(share.denominator)) for at, share in several.items()}
    fits = max(parts.values(), default=0) * len(listed) < INT64_SAFE
    each = map(parts.__getitem__, map(id, listed))
    return unit, np.fromiter(each, np.int64 if fits else object, len(listed))


def _product(parts: np.ndarray, column: np.ndarray) -> int:
    """Sum parts times entries."""
    # Entries in int64 stay below 2**62: their halves have 31 bits, so that no product leaves 64.
    (high, low), (upper, lower) = ((entries >> 31, entries & (2**31 - 1)) for entries in (parts, column))
    middle = exact_sum(high * lower) + exact_sum(low * upper)
    return (exact_sum(high * upper) << 62) + (middle << 31) + exact_sum(low * lower)


def _totals(places: np.ndarray, parts: np.ndarray, size: int) -> np.ndarray:
    """Return the sum of the parts at each place."""
    total = np.zeros(size, dtype=parts.dtype)
    np.add.at(total, places, parts)
    return total

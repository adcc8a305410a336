"""Certificates for optima, whichever method found them.

A method may leave the leaves of its proof; where it does not, a bound that meets the value is looked for: the matroid's
dual for ORP, the pooled dual for OPT, and for OPT-SEP the pooled optimum where separate budgets cost nothing.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..models.exact import exact_sum
from ..models.input_error import InputError
from ..models.market import Market
from .certificate import Multipliers, certificate_document
from .control import Control
from .opt_pooled import pooled_problem
from .orp_seats import best_placeable_set
from .pooled import solve_pooled
from .pooled.problem import common_divisor
from .seat_duals import SeatDuals, SeatMarket, duals_at, lagrangian
from .solution import Solution

__all__ = ["proof_of", "write_certificate"]


def write_certificate(path: Path, market: Market, solution: Solution, time_limit: float | None = None) -> None:
    """Write the certificate of a proved optimum.

    Raises
    ------
    InputError
        If the solution is not proved, or no proof of this form is known for it.
    """
    if solution.status != "optimal" or solution.assignment is None:
        raise InputError("only a proved optimum has a certificate", field="certificate")
    leaves = solution.certificate or proof_of(market, solution, Control.for_seconds(time_limit))
    if not leaves:
        raise InputError(f"no certificate is known for this optimum of {solution.problem}", field="certificate")
    document = certificate_document(market, solution.problem, solution.assignment, leaves)
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")


def proof_of(market: Market, solution: Solution, control: Control) -> tuple[Multipliers, ...] | None:
    """Look for leaves that prove an optimum of ORP, OPT or OPT-SEP.

    Returns
    -------
    tuple of Multipliers or None
        None if no bound found meets the value.
    """
    assert solution.objective is not None
    value = int(solution.objective * market.score_denominator)
    if solution.problem == "orp":
        plain = _seat_market(market, costs=np.zeros(market.n, dtype=np.int64), budget=0)
        basis = best_placeable_set(plain.scores, plain.groups, plain.caps, plain.seats)
        return (_leaf(market, duals_at(plain, Fraction(0), basis, plain.scores)),)
    if solution.problem not in ("opt", "opt-sep"):
        return None
    if market.seats_bind:
        _, duals = lagrangian(_seat_market(market, market.needed_costs, market.total_budget), control.expired)
        if duals.bound < duals.denominator * (value + (common_divisor(market.scores) or 1)):
            return (_leaf(market, duals),)
    result = solve_pooled(pooled_problem(market), control.deadline)
    return tuple(result.leaves) if result.proved and result.value == value else None


def _seat_market(market: Market, costs: np.ndarray, budget: int) -> SeatMarket:
    return SeatMarket(market.scores, costs, market.group_of, budget, market.caps, market.seats)


def _leaf(market: Market, duals: SeatDuals) -> Multipliers:
    """Write the prices of a chain of tight sets as one multiplier per group: what its sets cost together."""
    mu = [0] * market.L
    for members, y in zip(duals.chain, np.cumsum(duals.prices[::-1])[::-1].tolist(), strict=True):
        for group in members.tolist():
            mu[group] = int(y)
    most = exact_sum(market.group_totals)
    return Multipliers(0, most, duals.denominator, duals.multiplier, 0, tuple(mu))

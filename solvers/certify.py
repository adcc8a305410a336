"""Certificates for optima, whichever method found them.

A method may leave the leaves of its proof; where it does not, a bound that meets the value is looked for: the matroid's
dual for ORP, the pooled dual for OPT, and for OPT-SEP the pooled optimum where separate budgets cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from ..models.exact import exact_sum
from ..models.input_error import InputError
from ..models.market import Market
from .certificate import Multipliers, certificate_document
from .control import Control
from .opt_pooled import pooled_problem
from .orp_seats import best_placeable_set
from .pooled import solve_pooled
from .seat_duals import SeatDuals, SeatMarket, duals_at, lagrangian
from .solution import Solution

__all__ = ["certificates", "proofs_of"]


def certificates(market: Market, solution: Solution, time_limit: float | None = None) -> Iterator[dict[str, Any]]:
    """Make certificates of a proved optimum, the likeliest to be accepted first; let the checker choose.

    Raises
    ------
    InputError
        If the solution is not proved.
    """
    if solution.status != "optimal" or solution.assignment is None:
        raise InputError("only a proved optimum has a certificate", field="certificate")
    own = (solution.certificate,) if solution.certificate else ()
    for leaves in (*own, *proofs_of(market, solution, Control.for_seconds(time_limit))):
        yield certificate_document(market, solution.problem, solution.assignment, leaves)


def proofs_of(market: Market, solution: Solution, control: Control) -> Iterator[tuple[Multipliers, ...]]:
    """Look for leaves that may prove an optimum of ORP, OPT or OPT-SEP."""
    assert solution.objective is not None
    value = int(solution.objective * market.score_denominator)
    if solution.problem == "orp":
        plain = _seat_market(market, costs=np.zeros(market.n, dtype=np.int64), budget=0)
        basis = best_placeable_set(plain.scores, plain.groups, plain.caps, plain.seats)
        yield (_leaf(market, duals_at(plain, Fraction(0), basis, plain.scores)),)
    if solution.problem not in ("opt", "opt-sep"):
        return
    if market.seats_bind:
        _, duals = lagrangian(_seat_market(market, market.needed_costs, market.total_budget), control.expired)
        yield (_leaf(market, duals),)
    result = solve_pooled(pooled_problem(market), control.deadline)
    if result.proved and result.value == value:
        yield tuple(result.leaves)


def _seat_market(market: Market, costs: np.ndarray, budget: int) -> SeatMarket:
    return SeatMarket(market.scores, costs, market.group_of, budget, market.caps, market.seats)


def _leaf(market: Market, duals: SeatDuals) -> Multipliers:
    """Write the prices of a chain of tight sets as one multiplier per group: what its sets cost together."""
    mu = [0] * market.L
    total = 0
    for members, price in zip(reversed(duals.chain), reversed(list(duals.prices)), strict=True):
        # Python integers: the prices of a market of large numbers do not add up in 64 bits.
        total += int(price)
        for group in members.tolist():
            mu[group] = total
    most = exact_sum(market.group_totals)
    return Multipliers(0, most, duals.denominator, duals.multiplier, 0, tuple(mu))

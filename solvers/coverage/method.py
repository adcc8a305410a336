"""COVER's own methods in the registry: exact, exact without HiGHS, and greedy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.procurement.market import Market
from ..control import Control
from ..registry import register
from ..solution import Found, SolverClaim
from .branch import CoverAnswer, branch_and_bound
from .facility import solve_cover
from .instance import CoverInstance
from .lazy_greedy import best_start

__all__ = ["instance_of", "solve_by_branching", "solve_by_greedy", "solve_by_levels"]


def instance_of(market: Market) -> CoverInstance:
    """COVER of a market in integers, in units of its denominators; its budget is the pooled one."""
    assert market.scaled.coverage is not None
    return CoverInstance.of(
        market.scaled.coverage,
        market.scaled.needed_costs,
        market.group_of,
        market.caps,
        market.seats,
        market.scaled.total_budget,
    )


def _answer(market: Market, instance: CoverInstance, found: CoverAnswer) -> Found:
    return Found(
        instance.assign(found.chosen),
        Fraction(found.bound, market.scaled.coverage_denominator),
        SolverClaim() if found.claimed and not found.proved else None,
        found.stopped,
        details={"nodes": found.nodes},
    )


@register("cover", "facility", summary="branch and bound on exact bounds from facility-location duals, then HiGHS")
def solve_by_levels(market: Market, control: Control) -> Found:
    """Solve COVER; see :mod:`fedmech.solvers.coverage.facility`."""
    instance = instance_of(market)
    return _answer(market, instance, solve_cover(instance, control))


@register(
    "cover", "branch-and-bound", summary="exact branch and bound without HiGHS, for small markets", reference=True
)
def solve_by_branching(market: Market, control: Control) -> Found:
    """Solve COVER without HiGHS; see :mod:`fedmech.solvers.coverage.branch`."""
    instance = instance_of(market)
    return _answer(market, instance, branch_and_bound(instance, control=control))


@register("cover", "lazy-greedy", summary="lazy greedy and exchanges: a good set fast, a bound, rarely a proof")
def solve_by_greedy(market: Market, control: Control) -> Found:
    """Find a set greedily, by marginal value and by marginal value per cost, and improve it by exchanges.

    The bound is the best of branch and bound's root, so that the answer says how far it can be from the optimum.
    """
    instance = instance_of(market)
    start = best_start(instance, control)
    found = branch_and_bound(instance, start, control=control, node_limit=1)
    if not found.proved:
        found.chosen = start
    found.value = instance.value(np.asarray(found.chosen))
    return _answer(market, instance, found)

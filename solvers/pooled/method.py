"""OPT without binding seats, exact at any size: price of money, core, and a proof that can be checked.

Score and cost do not depend on the requester, so without seats only the group totals ``K_l = sum_j tau[l, j]`` matter: OPT is a
knapsack over a partition matroid (:mod:`fedmech.solvers.pooled`), and routing the winners is trivial.

Source: OPT is DriftPay, section 6 (stated); the method is ours.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.procurement.market import Market
from ..control import Control
from ..placement.matroid import route
from ..registry import register
from ..solution import Found
from . import PooledProblem, solve_pooled

__all__ = ["pooled_problem", "solve_opt_pooled"]


def pooled_problem(market: Market) -> PooledProblem:
    """Return a market's pooled problem: one budget, one limit per group."""
    limits = tuple(int(k) for k in market.group_totals)
    return PooledProblem(
        market.scaled.scores, market.scaled.needed_costs, market.group_of, limits, market.scaled.total_budget
    )


@register("opt", "pooled", summary="price of money, then the core around it; exact, any size, certificate", seats=False)
def solve_opt_pooled(market: Market, control: Control) -> Found:
    """Solve OPT on a market whose seats do not bind."""
    result = solve_pooled(pooled_problem(market), control)
    unit = market.scaled.score_denominator
    return Found(
        route(market, np.flatnonzero(result.chosen)),
        bound=Fraction(result.value) / unit if result.proved else result.bound / unit,
        evidence=result.proof(),
        stopped=result.stopped,
        hints=tuple(result.leaves),
        details={"core": result.core, "examined": result.reduced, "leaves": len(result.leaves)},
    )

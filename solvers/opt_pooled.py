"""OPT without binding seats, exact at any size: price of money, core, and a proof that can be checked.

Score and cost do not depend on the requester, so without seats only the group totals ``K_l = sum_j tau[l, j]`` matter: OPT is a
knapsack over a partition matroid (:mod:`fedmech.solvers.pooled`), and routing the winners is trivial.

Source: OPT is DriftPay, section 6 (stated); the method is ours.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..models.exact import exact_sum
from ..models.market import Market
from .certificate import Multipliers
from .control import Control
from .matroid import best_set, route
from .pooled import PooledProblem, solve_pooled
from .registry import register
from .solution import Answer

__all__ = ["orp_multipliers", "pooled_problem", "solve_opt_pooled"]


def pooled_problem(market: Market) -> PooledProblem:
    """Return a market's pooled problem: one budget, one limit per group."""
    limits = tuple(int(k) for k in market.group_totals)
    return PooledProblem(market.scores, market.needed_costs, market.group_of, limits, market.total_budget)


@register("opt", "pooled", summary="price of money, then the core around it; exact, any size, certificate", seats=False)
def solve_opt_pooled(market: Market, control: Control) -> Answer:
    """Solve OPT on a market whose seats do not bind."""
    result = solve_pooled(pooled_problem(market), control.deadline)
    unit = market.score_denominator
    return Answer(
        route(market, np.flatnonzero(result.chosen)),
        bound=Fraction(result.value) / unit if result.proved else result.bound / unit,
        stopped=result.stopped,
        proved=result.proved,
        certificate=tuple(result.leaves) if result.proved else None,
        details={"core": result.core, "examined": result.reduced, "leaves": len(result.leaves)},
    )


def orp_multipliers(market: Market) -> tuple[Multipliers, ...]:
    """Return the proof that ORP's greedy set is best where seats do not bind: the least score taken, for every full group."""
    chosen = best_set(market, market.scores)
    groups, scores = market.group_of[chosen], market.scores[chosen]
    thresholds = []
    for group, total in enumerate(market.group_totals.tolist()):
        taken = scores[groups == group]
        full = len(taken) == total < int(market.group_sizes[group])
        if total == 0:
            taken = market.scores[market.group_of == group]
            thresholds.append(int(taken.max()) if len(taken) else 0)
        else:
            thresholds.append(int(taken.min()) if full else 0)
    return (Multipliers(0, exact_sum(market.group_totals), 1, 0, 0, tuple(thresholds)),)

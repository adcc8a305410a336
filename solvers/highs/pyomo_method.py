"""The reference method: the literal Pyomo formulation, solved by HiGHS, every claim re-checked exactly.

The hand-over is slow and the literal model has a binary for every pair, so this is for reading and cross-checking.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ...models.procurement.formulations import FORMULATIONS
from ...models.procurement.market import Market
from ..control import Control, Stopped
from ..registry import register
from ..seated.parametric import fractional_proof, price_of_money
from ..solution import Found
from .claims import Proposal, beyond_doubles, prove
from .pyomo_run import built, run_pyomo
from .tolerances import INTEGRAL

__all__: list[str] = []


def _assignment(model: Any, market: Market) -> np.ndarray:
    assignment = np.full(market.n, -1, dtype=np.int64)
    for i in range(market.n):
        for j in range(market.m):
            value = model.x[i, j].value
            if value is not None and value > INTEGRAL:
                assignment[i] = j
    return assignment


def _solve(market: Market, problem: str, control: Control) -> Found:
    if not market.n or not market.m:
        return Found(np.full(market.n, -1, dtype=np.int64), Fraction(0))
    model = built(control, lambda: FORMULATIONS[problem](market))
    import pyomo.environ as pyo

    model.cuts = pyo.ConstraintList()
    objective = model.total_coverage if problem == "cover" else model.total_score

    def propose(cuts: list[np.ndarray], floor: int | None, best: np.ndarray) -> Proposal:
        for assignment in cuts[len(model.cuts) :]:
            bought = np.flatnonzero(assignment >= 0)
            model.cuts.add(sum(model.x[i, int(assignment[i])] for i in bought) <= len(bought) - 1)
        if hasattr(model, "one_more"):
            model.del_component(model.one_more)
        if floor is not None:
            model.one_more = built(control, lambda: pyo.Constraint(expr=objective.expr >= floor))
        run = run_pyomo(model, control)
        assignment = _assignment(model, market) if run.found else None
        return Proposal(run.outcome, run.stopped, assignment, assignment)

    return prove(market, problem, control, propose)


def _register(problem: str) -> None:
    @register(
        problem,
        "pyomo-highs",
        summary="the literal Pyomo formulation, solved by HiGHS",
        exactness="solver",
        requires=("pyomo",),
        reference=True,
    )
    def solve_pyomo_highs(market: Market, control: Control) -> Found:
        try:
            return _solve(market, problem, control)
        except OverflowError:
            return beyond_doubles(market, problem)


for _problem in ("orp", "opt", "opt-sep", "cover"):
    _register(_problem)


@register(
    "opt-frac",
    "pyomo-highs",
    summary="the literal linear model, solved by HiGHS; its value only brackets the exact one",
    exactness="solver",
    requires=("pyomo",),
    reference=True,
)
def solve_opt_frac_pyomo(market: Market, control: Control) -> Found:
    """Solve the linear relaxation in floating point and repair the point to exact feasibility.

    The point is rounded to fractions, scaled into every constraint exactly, and bounded by the exact price of money; it is
    called optimal only if the two meet, which floating point seldom grants.
    """
    dual = price_of_money(market, control)
    bound, proof = dual.value / market.scaled.score_denominator, fractional_proof(market, dual)
    if not market.n or not market.m:
        return Found({}, bound, proof)
    try:
        model = built(control, lambda: FORMULATIONS["opt-frac"](market))
        run = run_pyomo(model, control)
    except Stopped as stop:
        return Found({}, bound, proof, stopped=stop.reason)
    except OverflowError:
        return Found({}, bound, proof, stopped="node-limit")
    shares = {}
    if run.found:
        for i in range(market.n):
            for j in range(market.m):
                share = Fraction(model.x[i, j].value or 0.0).limit_denominator(10**9)
                if share > 0:
                    shares[i, j] = min(share, Fraction(1))
    return Found(
        _into_constraints(market, shares),
        bound,
        proof,
        stopped="node-limit" if run.outcome == "optimal" else run.stopped,
    )


def _into_constraints(market: Market, shares: dict[tuple[int, int], Fraction]) -> dict[tuple[int, int], Fraction]:
    """Scale a nearly feasible point down until every constraint holds exactly."""
    totals: dict[tuple, Fraction] = {}
    costs = market.scaled.needed_costs
    for (i, j), share in shares.items():
        for key, weight in (
            (("worker", i), 1),
            (("cell", int(market.group_of[i]), j), 1),
            (("seats", j), 1),
            (("budget",), int(costs[i])),
        ):
            totals[key] = totals.get(key, Fraction(0)) + share * weight
    factor = Fraction(1)
    for key, total in totals.items():
        limit = {
            "worker": lambda key: 1,
            "cell": lambda key: int(market.caps[key[1], key[2]]),
            "seats": lambda key: int(market.seats[key[1]]),
            "budget": lambda key: market.scaled.total_budget,
        }[key[0]](key)
        if total > limit:
            factor = min(factor, Fraction(limit) / total)
    return {pair: share * factor for pair, share in shares.items()} if factor else {}

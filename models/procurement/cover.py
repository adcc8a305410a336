"""COVER: total coverage of representation clusters, each served by the best chosen worker; facility-location form.

Source: DriftPay, section 7b (monotone submodular value, stated); the facility-location form is the standard linearisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..input_error import InputError
from .formulation import add_pooled_budget, amount, assignment_model
from .market import Market

if TYPE_CHECKING:
    import pyomo.environ as pyo

__all__ = ["cover_model"]


def cover_model(market: Market, *, own_units: bool = False) -> pyo.ConcreteModel:
    """Formulate COVER: ``max sum_r max_{i in S} z_ir`` under caps, seats and the pooled budget.

    Parameters
    ----------
    market : Market
        With costs and coverage.
    own_units : bool
        Numbers in the market's own units, as floats, instead of its exact integers.

    Returns
    -------
    pyomo.environ.ConcreteModel
        ``serves[i, r]`` says that worker ``i`` serves probe ``r``; objective ``total_coverage`` in units of
        ``1 / market.scaled.coverage_denominator``.

    Raises
    ------
    InputError
        If the market has no coverage.
    """
    import pyomo.environ as pyo

    if market.scaled.coverage is None:
        raise InputError("problem cover needs every worker's coverage", row="workers", field="coverage")
    coverage = market.scaled.coverage
    model: Any = assignment_model(market, "COVER")
    add_pooled_budget(model, market, own_units)
    model.P = pyo.RangeSet(0, coverage.shape[1] - 1)
    pairs = [(i, r) for i in range(market.n) for r in range(coverage.shape[1]) if coverage[i, r] > 0]
    model.pairs = pyo.Set(dimen=2, initialize=pairs)
    model.serves = pyo.Var(model.pairs, domain=pyo.UnitInterval)
    by_probe: dict[int, list[int]] = {r: [] for r in range(coverage.shape[1])}
    for i, r in pairs:
        by_probe[r].append(i)

    @model.Constraint(model.P, doc="each probe is served once")
    def served_once(model: Any, r: int) -> Any:
        return sum(model.serves[i, r] for i in by_probe[r]) <= 1 if by_probe[r] else pyo.Constraint.Skip

    @model.Constraint(model.pairs, doc="only chosen workers serve")
    def chosen_serves(model: Any, i: int, r: int) -> Any:
        return model.serves[i, r] <= sum(model.x[i, j] for j in model.R)

    serves: Any = model.serves
    total = sum(amount(coverage[i, r], market.scaled.coverage_denominator, own_units) * serves[i, r] for i, r in pairs)
    model.total_coverage = pyo.Objective(expr=total, sense=pyo.maximize)
    return model

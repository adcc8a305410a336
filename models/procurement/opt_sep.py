"""OPT-SEP: every requester keeps to a budget of its own. Strongly NP-hard (multiple knapsack).

Source: DriftPay, section 7a (per-requester budgets, stated).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .formulation import add_total_score, amount, assignment_model
from .market import Market

if TYPE_CHECKING:
    import pyomo.environ as pyo

__all__ = ["opt_sep_model"]


def opt_sep_model(market: Market, *, own_units: bool = False) -> pyo.ConcreteModel:
    """Formulate OPT-SEP: ORP plus ``sum_i c_i x_ij <= B_j`` for every requester.

    Parameters
    ----------
    market : Market
        With costs.
    own_units : bool
        Numbers in the market's own units, as floats, instead of its exact integers.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Objective ``total_score`` in units of ``1 / market.scaled.score_denominator``; constraint ``budget[j]``.
    """
    import pyomo.environ as pyo

    model: Any = assignment_model(market, "OPT-SEP")
    costs = [amount(cost, market.scaled.money_denominator, own_units) for cost in market.scaled.needed_costs]

    @model.Constraint(model.R, doc="sum_i c_i x_ij <= B_j")
    def budget(model: Any, j: int) -> Any:
        if not market.n:
            return pyo.Constraint.Skip
        return sum(costs[i] * model.x[i, j] for i in model.W) <= amount(
            market.scaled.budgets[j], market.scaled.money_denominator, own_units
        )

    add_total_score(model, market, own_units)
    return model

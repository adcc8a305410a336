"""OPT, the full-information benchmark with pooled budgets: ORP plus ``sum c_i x_ij <= B``.

Source: DriftPay, section 6, Theorem 6.2 (stated).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .formulation import add_pooled_budget, add_total_score, assignment_model
from .market import Market

if TYPE_CHECKING:
    import pyomo.environ as pyo

__all__ = ["opt_model"]


def opt_model(market: Market, *, own_units: bool = False) -> pyo.ConcreteModel:
    """Formulate OPT: ORP within the pooled budget.

    Parameters
    ----------
    market : Market
        With costs.
    own_units : bool
        Numbers in the market's own units, as floats, instead of its exact integers.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Objective ``total_score`` in units of ``1 / market.scaled.score_denominator``; ``budget`` in units of
        ``1 / market.scaled.money_denominator``.
    """
    model = assignment_model(market, "OPT")
    add_pooled_budget(model, market, own_units)
    add_total_score(model, market, own_units)
    return model

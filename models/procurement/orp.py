"""ORP, the Optimal Routing Problem: the best score that caps and seats can place, money aside.

Source: DriftPay, section 5, the definition of ``M(S)`` (stated); seats are the paper's "staffing cap".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .formulation import add_total_score, assignment_model
from .market import Market

if TYPE_CHECKING:
    import pyomo.environ as pyo

__all__ = ["orp_model"]


def orp_model(market: Market, *, own_units: bool = False) -> pyo.ConcreteModel:
    """Formulate ORP: ``max sum v_i x_ij``, each worker once, caps, seats.

    Parameters
    ----------
    market : Market
    own_units : bool
        Numbers in the market's own units, as floats, instead of its exact integers.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Objective ``total_score`` in units of ``1 / market.scaled.score_denominator``.
    """
    model = assignment_model(market, "ORP")
    add_total_score(model, market, own_units)
    return model

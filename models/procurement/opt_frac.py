"""OPT-FRAC, the linear relaxation of OPT: fractional participation.

Source: DriftPay, section 6 (the relaxation is ours; it bounds OPT from above and prices the constraints).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .formulation import add_pooled_budget, add_total_score, assignment_model
from .market import Market

if TYPE_CHECKING:
    import pyomo.environ as pyo

__all__ = ["opt_frac_model"]


def opt_frac_model(market: Market, *, own_units: bool = False) -> pyo.ConcreteModel:
    """Formulate OPT with ``0 <= x_ij <= 1``.

    Parameters
    ----------
    market : Market
        With costs.
    own_units : bool
        Numbers in the market's own units, as floats, instead of its exact integers.

    Returns
    -------
    pyomo.environ.ConcreteModel
        As :func:`fedmech.models.procurement.opt.opt_model`.
    """
    model = assignment_model(market, "OPT-FRAC", relaxed=True)
    add_pooled_budget(model, market, own_units)
    add_total_score(model, market, own_units)
    return model

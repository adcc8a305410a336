"""The existing FL framework of SWAN eq. (23) in Pyomo: the model goes to the participants only.

max   sum_i k_i (U(eps(k)) - c_i)
s.t.  eps(k) <= max_error,   sum_i k_i >= 1,   0 <= k_i <= N_i integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .market import MotsMarket
from .social_state import (
    add_chords,
    add_one_hot_error,
    pyomo,
)


def linearised_fl_model(market: MotsMarket, errors: Sequence[Fraction], utilities: Sequence[float]) -> Any:
    """The FL-only problem as a mixed-integer linear program; see :func:`.social_state.linearised_model`.

    The product of ``K`` and the utility is linear in ``share[K]``, the utility where ``K`` participate and zero
    elsewhere.
    """
    pyo = pyomo()
    model = pyo.ConcreteModel("FL only, linearised")
    add_one_hot_error(model, market)
    add_chords(model, errors, utilities)
    low, high = min(utilities), max(utilities)
    model.share = pyo.Var(model.sizes, domain=pyo.Reals)
    model.share_low = pyo.Constraint(model.sizes, rule=lambda m, K: m.share[K] >= low * m.size[K])
    model.share_high = pyo.Constraint(model.sizes, rule=lambda m, K: m.share[K] <= high * m.size[K])
    model.shares = pyo.Constraint(expr=sum(model.share[K] for K in model.sizes) == model.utility)
    gain = sum(K * model.share[K] for K in model.sizes)
    model.welfare = pyo.Objective(expr=gain - model.cost, sense=pyo.maximize)
    return model

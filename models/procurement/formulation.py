"""What the Pyomo formulations share: the literal ``x_ij`` and its named constraints.

The models are written to be read and exported beside the papers: one binary for every worker and requester, every constraint
under the name the text gives it. Data are the market's integers (scores times ``score_denominator``, money times
``money_denominator``), so that a solver never sees a rounded decimal; for files that people take elsewhere they are in the market's
own units instead, as the nearest floats.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..input_error import InputError
from .market import Market

__all__ = ["amount", "assignment_model"]


def amount(integer: Any, denominator: int, own_units: bool) -> int | float:
    """Return a coefficient: the integer of the data, or what it stands for in the file's own units.

    Raises
    ------
    InputError
        If no float is as large.
    """
    if not own_units:
        return int(integer)
    value = Fraction(int(integer), denominator)
    try:
        nearest = float(value)
        return value.numerator if value.denominator == 1 else nearest
    except OverflowError:
        raise InputError("the market's numbers are too large for a model in floating point", field="export") from None


def assignment_model(market: Market, name: str, *, relaxed: bool = False) -> Any:
    """Start a model: sets, ``x[i, j]``, one requester a worker, caps and seats.

    Parameters
    ----------
    market : Market
    name : str
        Name of the problem.
    relaxed : bool
        Whether ``x`` may be fractional.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Components ``W`` (workers), ``G`` (groups), ``R`` (requesters), ``x``, ``one_requester``, ``cap``, ``seats``.
    """
    import pyomo.environ as pyo

    model: Any = pyo.ConcreteModel(name=name)
    model.W = pyo.RangeSet(0, market.n - 1)
    model.G = pyo.RangeSet(0, market.L - 1)
    model.R = pyo.RangeSet(0, market.m - 1)
    model.x = pyo.Var(model.W, model.R, domain=pyo.UnitInterval if relaxed else pyo.Binary)
    members: list[list[int]] = [[] for _ in range(market.L)]
    for i, l in enumerate(market.group_of.tolist()):
        members[l].append(i)

    @model.Constraint(model.W, doc="sum_j x_ij <= 1")
    def one_requester(model: Any, i: int) -> Any:
        return sum(model.x[i, j] for j in model.R) <= 1 if market.m else pyo.Constraint.Skip

    @model.Constraint(model.G, model.R, doc="sum_{i in G_l} x_ij <= tau[l, j]")
    def cap(model: Any, l: int, j: int) -> Any:
        if not members[l] or market.caps[l, j] >= len(members[l]):
            return pyo.Constraint.Skip
        return sum(model.x[i, j] for i in members[l]) <= int(market.caps[l, j])

    @model.Constraint(model.R, doc="sum_i x_ij <= s_j")
    def seats(model: Any, j: int) -> Any:
        if market.seats[j] >= market.n:
            return pyo.Constraint.Skip
        return sum(model.x[i, j] for i in model.W) <= int(market.seats[j])

    return model


def add_total_score(model: Any, market: Market, own_units: bool) -> None:
    """Maximise the total score ``sum v_i x_ij``."""
    import pyomo.environ as pyo

    scores = [amount(score, market.scaled.score_denominator, own_units) for score in market.scaled.scores]
    model.total_score = pyo.Objective(
        expr=sum(scores[i] * model.x[i, j] for i in model.W for j in model.R), sense=pyo.maximize
    )


def add_pooled_budget(model: Any, market: Market, own_units: bool) -> None:
    """Keep the total cost within the pooled budget: ``sum c_i x_ij <= B``."""
    import pyomo.environ as pyo

    costs = [amount(cost, market.scaled.money_denominator, own_units) for cost in market.scaled.needed_costs]
    budget = amount(market.scaled.total_budget, market.scaled.money_denominator, own_units)
    spend = sum(costs[i] * model.x[i, j] for i in model.W for j in model.R)
    model.budget = pyo.Constraint(
        expr=spend <= budget if market.n and market.m else pyo.Constraint.Feasible,
        doc="sum c_i x_ij <= B",
    )

"""Problem 2 of SWAN in Pyomo: who participates, so that welfare is greatest and the error small enough.

    max   N * U(eps(k)) - sum_i c_i k_i
    s.t.  eps(k) <= max_error,   K = sum_i k_i >= 1,   0 <= k_i <= N_i integer,

with the error (3), ``eps = noise * T / K^2 + client_variance * (1 - 1/K)`` and ``T = sum_i k_i / D_i``.  Two readable
forms: :func:`literal_model` is the problem as written, for any MINLP solver; :func:`linearised_model` makes ``eps``
linear by one binary a value of ``K`` and replaces ``U`` by chords between given errors, which overestimate a convex
``U``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .expression import (
    Call,
    Node,
    Num,
    Op,
    Pow,
    Var,
)
from .market import MotsMarket


def pyomo() -> Any:
    """Pyomo's modelling components, imported when first needed."""
    return importlib.import_module("pyomo.environ")


def literal_model(market: MotsMarket) -> Any:
    """Problem 2 as written: a nonlinear integer program in the numbers of participants ``k``.

    Parameters
    ----------
    market : MotsMarket
        Types, utility and requirement.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Variable ``k[i]``; expressions ``K``, ``T``, ``error``; constraints ``some_participant``, ``requirement``;
        objective ``welfare``.
    """
    pyo = pyomo()
    model = pyo.ConcreteModel("social state")
    add_participants(model, market)
    model.error = pyo.Expression(
        expr=float(market.noise) * model.T / model.K**2 + float(market.client_variance) * (1 - 1 / model.K)
    )
    if market.max_error is not None:
        model.requirement = pyo.Constraint(expr=model.error <= float(market.max_error))
    utility = pyomo_expression(market.utility.tree, model.error)
    model.welfare = pyo.Objective(expr=market.population * utility - model.cost, sense=pyo.maximize)
    return model


def linearised_model(market: MotsMarket, errors: Sequence[Fraction], utilities: Sequence[float]) -> Any:
    """Problem 2 as a mixed-integer linear program, with chords in the place of a convex utility.

    Parameters
    ----------
    market : MotsMarket
        Types and requirement.
    errors : sequence of Fraction
        Increasing errors that cover the errors of all feasible states, at least two.
    utilities : sequence of float
        The utility at each.

    Returns
    -------
    pyomo.environ.ConcreteModel
        As the literal model's, with binaries ``size[K]`` (how many participate), ``inverse[K]`` (``T`` where
        ``size[K] = 1``) and the chord weights ``weight[b]`` and binaries ``chord[b]``.  Its optimum is an upper bound
        if ``U`` is convex.
    """
    pyo = pyomo()
    model = pyo.ConcreteModel("social state, linearised")
    add_one_hot_error(model, market)
    add_chords(model, errors, utilities)
    model.welfare = pyo.Objective(expr=market.population * model.utility - model.cost, sense=pyo.maximize)
    return model


def add_participants(model: Any, market: MotsMarket) -> None:
    """Variables ``k[i]``, expressions ``K``, ``T`` and ``cost``, and the constraint that somebody participates."""
    pyo = pyomo()
    model.types = pyo.RangeSet(0, market.type_count - 1)
    model.k = pyo.Var(model.types, domain=pyo.NonNegativeIntegers, bounds=lambda _, i: (0, market.counts[i]))
    model.K = pyo.Expression(expr=sum(model.k[i] for i in model.types))
    model.T = pyo.Expression(expr=sum(model.k[i] / market.types[i].size for i in model.types))
    model.cost = pyo.Expression(expr=sum(float(market.types[i].cost) * model.k[i] for i in model.types))
    model.some_participant = pyo.Constraint(expr=model.K >= 1)


def add_one_hot_error(model: Any, market: MotsMarket) -> None:
    """``eps`` as a linear expression: one binary for each number of participants."""
    pyo = pyomo()
    add_participants(model, market)
    largest = max(1 / entry.size for entry in market.types if entry.count)
    model.sizes = pyo.RangeSet(1, market.population)
    model.size = pyo.Var(model.sizes, domain=pyo.Binary)
    model.inverse = pyo.Var(model.sizes, domain=pyo.NonNegativeReals)
    model.one_size = pyo.Constraint(expr=sum(model.size[K] for K in model.sizes) == 1)
    model.size_is_K = pyo.Constraint(expr=sum(K * model.size[K] for K in model.sizes) == model.K)
    model.inverse_is_T = pyo.Constraint(expr=sum(model.inverse[K] for K in model.sizes) == model.T)
    model.inverse_of_size = pyo.Constraint(model.sizes, rule=lambda m, K: m.inverse[K] <= K * largest * m.size[K])
    noise, client = float(market.noise), float(market.client_variance)
    model.error = pyo.Expression(
        expr=sum(noise / K**2 * model.inverse[K] + client * (1 - 1 / K) * model.size[K] for K in model.sizes)
    )
    if market.max_error is not None:
        model.requirement = pyo.Constraint(expr=model.error <= float(market.max_error))


def add_chords(model: Any, errors: Sequence[Fraction], utilities: Sequence[float]) -> None:
    """``utility`` on the chords between the given points, one chord at a time."""
    pyo = pyomo()
    last = len(errors) - 1
    model.points = pyo.RangeSet(0, last)
    model.chords = pyo.RangeSet(0, last - 1)
    model.weight = pyo.Var(model.points, domain=pyo.NonNegativeReals)
    model.chord = pyo.Var(model.chords, domain=pyo.Binary)
    model.one_chord = pyo.Constraint(expr=sum(model.chord[b] for b in model.chords) == 1)
    model.weights = pyo.Constraint(expr=sum(model.weight[b] for b in model.points) == 1)
    model.neighbours = pyo.Constraint(
        model.points,
        rule=lambda m, b: m.weight[b] <= sum(m.chord[a] for a in (b - 1, b) if 0 <= a < last),
    )
    model.on_chord = pyo.Constraint(expr=sum(float(errors[b]) * model.weight[b] for b in model.points) == model.error)
    model.utility = pyo.Expression(expr=sum(float(utilities[b]) * model.weight[b] for b in model.points))


def pyomo_expression(tree: Node, error: Any) -> Any:
    """A utility as a Pyomo expression."""
    pyo = pyomo()
    match tree:
        case Num(value):
            return float(value)
        case Var():
            return error
        case Op(sign, left, right):
            a, b = pyomo_expression(left, error), pyomo_expression(right, error)
            return a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b
        case Pow(base, exponent):
            return pyomo_expression(base, error) ** pyomo_expression(exponent, error)
        case Call(name, argument):
            return getattr(pyo, name)(pyomo_expression(argument, error))
    raise AssertionError(tree)

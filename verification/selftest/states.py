"""Sharing markets for the self-test: random ones, their optimum by enumeration, and what must hold when they are changed."""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..literal.sharing import LiteralMots
from .asking import Reply
from .case import SOCIAL, Case, Document, exact, literal
from .oracle import TooLarge
from .relations import RELATIONS, Related, Relation

__all__ = ["FAMILIES", "social_optimum"]

MOST_STATES = 1500
_DIGITS = 60


# ---------------------------------------------------------------------- the optimum


def social_optimum(market: LiteralMots) -> tuple[Fraction | None, Fraction | None]:
    """Two numbers between which the greatest welfare of a permitted state lies, equal for rational utilities.

    Returns (None, None) if the requirement cannot be met.

    Raises
    ------
    TooLarge
        If there are too many states to try all.
    """
    if math.prod(n + 1 for n in market.N) > MOST_STATES:
        raise TooLarge
    allowed = market.allowed()
    if not allowed:
        return None, None
    try:
        most = max(map(market.W, allowed))
        return most, most
    except (KeyError, ValueError):
        pass
    import mpmath

    with mpmath.workdps(_DIGITS + 20):
        utility, clients = _real_utility(market), sum(market.N)
        values: dict[Fraction, Fraction] = {}
        best: Fraction | None = None
        for state in allowed:
            error = market.error(state)
            if error not in values:
                values[error] = _fraction(utility(mpmath.mpf(error.numerator) / error.denominator))
            welfare = clients * values[error] - market.cost(state)
            best = welfare if best is None else max(best, welfare)
    assert best is not None
    width = (1 + abs(best)) / 10 ** (_DIGITS - 20)
    return best - width, best + width


def _fraction(value: Any) -> Fraction:
    sign, mantissa, exponent, _ = value._mpf_
    size = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -size if sign else size


def _real_utility(market: LiteralMots) -> Callable[[Any], Any]:
    """The utility of a document as a function of real numbers at the working precision."""
    import mpmath

    def real(value: Any) -> Any:
        number = exact(value)
        return mpmath.mpf(number.numerator) / number.denominator

    given = market.utility
    if given.get("family") == "exponential":
        return lambda error: real(given["a"]) * mpmath.exp(-real(given["s"]) * error)
    if given.get("family") == "inverse-gap":
        return lambda error: real(given["a"]) * (error - real(market.client_variance)) ** -real(given["p"])

    def value(node: ast.AST, error: Any) -> Any:
        match node:
            case ast.Constant():
                return real(node.value)
            case ast.Name():
                return error
            case ast.UnaryOp():
                return -value(node.operand, error)
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return getattr(mpmath, name)(value(argument, error))
            case ast.BinOp(left=left, op=op, right=right):
                a, b = value(left, error), value(right, error)
                match op:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                    case ast.Div():
                        return a / b
                    case ast.Pow():
                        return a**b
        raise ValueError(ast.dump(node))

    tree = ast.parse(given["expression"], mode="eval").body
    return lambda error: value(tree, error)


# ---------------------------------------------------------------------- random markets

_INVERSE: list[dict[str, Any]] = [
    {"family": "inverse", "a": 3, "e0": "1/10"},
    {"family": "inverse", "a": "7/3"},
    {"family": "inverse", "a": "1000000000000000000000000000057/10000000000000000319", "e0": "1/3"},
]
_GAP: list[dict[str, Any]] = [
    {"family": "inverse-gap", "a": 1, "p": 1},
    {"family": "inverse-gap", "a": "3/10", "p": 2},
    {"family": "inverse-gap", "a": 1, "p": "1/2"},
    {"family": "inverse-gap", "a": 5, "p": "7/3"},
]
_EXPONENTIAL: list[dict[str, Any]] = [
    {"family": "exponential", "a": 2, "s": "3/2"},
    {"family": "exponential", "a": 100, "s": 20},
    {"family": "exponential", "a": "1/10", "s": "1/100"},
]
_LINEAR: list[dict[str, Any]] = [
    {"family": "linear", "a": 2, "s": 3},
    {"family": "linear", "a": -1, "s": "1/3"},
    {"family": "linear", "a": 0, "s": "1/1000000000000000000000000000057"},
]
_EXPRESSIONS: list[dict[str, Any]] = [
    {"expression": text}
    for text in (
        "2 - 3*eps**2",
        "1/(1 + eps**4)",
        "log(1 + 1/eps)",
        "3 - sqrt(eps)",
        "1/(1 + exp(8*(eps - 1/2)))",
        "5 - eps - eps**3",
    )
]
_UTILITIES = {
    "inverse": _INVERSE,
    "inverse gap": _GAP,
    "exponential": _EXPONENTIAL,
    "linear": _LINEAR,
    "expression": _EXPRESSIONS,
}


def _market(draw: random.Random, utility: dict[str, Any]) -> Document:
    many = draw.random()
    types = draw.randint(1, 4) if many < 0.7 else draw.randint(2, 6)
    largest = 4 if many < 0.7 else draw.choice([1, 2, 12, 40, 300])
    counts = [draw.choice([0, 1, 1, 2, 3, largest, draw.randint(0, largest)]) for _ in range(types)]
    if not any(counts):
        counts[0] = 1
    if draw.random() < 0.05:
        counts[draw.randrange(types)] = draw.choice([2**31 - 1, 2**31, 2**40])
    sizes = draw.choice(
        [[1, 2, 3, 4, 5, 7, 9, 12], [1], [3, 3, 4], [10, 1000, 10**6], [2**31 - 1, 2**40], [50, 51, 52, 53]]
    )
    costs: list[Fraction] = draw.choice(
        [
            [Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(1), Fraction(17, 10), Fraction(9, 4), Fraction(4)],
            [Fraction(0)],
            [Fraction(1, 1000), Fraction(2, 1000)],
            [Fraction(draw.randint(1, 10**30), draw.randint(10**29, 10**30)) for _ in range(4)],
            [Fraction(10**20), Fraction(10**20 + 1), Fraction(1, 10**20)],
        ]
    )
    variances = [Fraction(0), Fraction(0), Fraction(1, 10), Fraction(1, 3), Fraction(1)]
    document: Document = {
        "format": "fedmech-mots/1",
        "dimension": draw.choice([1, 3, 10]),
        "data_variance": literal(draw.choice([Fraction(0), Fraction(1), Fraction(1), Fraction(3, 10)])),
        "client_variance": literal(draw.choice(variances)),
        "types": [
            {"id": f"t{i}", "size": draw.choice(sizes), "count": count, "cost": literal(draw.choice(costs))}
            for i, count in enumerate(counts)
        ],
        "utility": dict(utility),
    }
    if draw.random() < 0.45:
        document["max_error"] = literal(_requirement(draw, LiteralMots(document)))
    return document


def _requirement(draw: random.Random, market: LiteralMots) -> Fraction:
    """An error that some state has, or a little more or less, or any."""
    state = tuple(draw.randint(0, n) for n in market.N)
    if not any(state):
        state = tuple(market.N)
    return abs(market.error(state)) * draw.choice([1, 1, Fraction(99, 100), Fraction(101, 100), Fraction(1, 2), 3])


def _family(utilities: list[dict[str, Any]]) -> Callable[[random.Random], Document]:
    return lambda draw: _market(draw, draw.choice(utilities))


FAMILIES: dict[str, Callable[[random.Random], Document]] = {
    f"states, {name}": _family(utilities) for name, utilities in _UTILITIES.items()
}
"""By the family of the utility."""


# ---------------------------------------------------------------------- relations


def _relation(name: str) -> Callable[[Relation], Relation]:
    def add(function: Relation) -> Relation:
        RELATIONS[name] = ((SOCIAL,), function)
        return function

    return add


def _copy(document: Document) -> Document:
    return document | {"types": [dict(row) for row in document["types"]], "utility": dict(document["utility"])}


@_relation("permuted types")
def _permuted(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    draw.shuffle(changed["types"])
    changed["types"].insert(draw.randint(0, len(changed["types"])), {"id": "none", "size": 7, "count": 0, "cost": 1})
    return Related(case.on(changed))


@_relation("type split in two")
def _split(case: Case, base: Reply, draw: random.Random) -> Related:
    changed = _copy(case.document)
    row = draw.choice(changed["types"])
    other = dict(row, id=f"{row['id']}+", count=draw.randint(0, row["count"]))
    row["count"] -= other["count"]
    changed["types"].insert(draw.randint(0, len(changed["types"])), other)
    return Related(case.on(changed))


@_relation("equal types merged")
def _merged(case: Case, base: Reply, draw: random.Random) -> Related | None:
    kinds: dict[tuple[Any, Fraction], dict[str, Any]] = {}
    for row in case.document["types"]:
        key = row["size"], exact(row["cost"])
        kinds[key] = dict(kinds.get(key, dict(row, count=0)))
        kinds[key]["count"] += row["count"]
    if len(kinds) == len(case.document["types"]):
        return None
    return Related(case.on(case.document | {"types": list(kinds.values())}))


@_relation("welfare rescaled")
def _rescaled(case: Case, base: Reply, draw: random.Random) -> Related | None:
    """Utility and costs in another currency."""
    changed = _copy(case.document)
    utility = changed["utility"]
    factor = draw.choice(
        [Fraction(2), Fraction(3, 7), Fraction(10**12), Fraction(1, 10**12), Fraction(10**30 + 57, 10**29 + 319)]
    )
    if "family" not in utility:
        return None
    for name in ("a", "s") if utility["family"] == "linear" else ("a",):
        utility[name] = literal(exact(utility[name]) * factor)
    for row in changed["types"]:
        row["cost"] = literal(exact(row["cost"]) * factor)
    return Related(case.on(changed), factor=1 / factor)


@_relation("noise told otherwise")
def _noise(case: Case, base: Reply, draw: random.Random) -> Related | None:
    """Only the product of dimension and data variance matters, in units of the data sizes."""
    utility = case.document["utility"]
    if "expression" in utility:
        return None
    changed = _copy(case.document)
    factor = draw.choice([2, 7])
    if draw.random() < 0.5:
        changed["dimension"] *= factor
        changed["data_variance"] = literal(exact(changed["data_variance"]) / factor)
    else:
        changed["data_variance"] = literal(exact(changed["data_variance"]) * factor)
        for row in changed["types"]:
            row["size"] *= factor
            if row["size"] > 2**40:
                return None
    return Related(case.on(changed))


@_relation("requirement loosened")
def _loosened(case: Case, base: Reply, draw: random.Random) -> Related | None:
    if case.document.get("max_error") is None or base.status == "infeasible":
        return None
    changed = _copy(case.document)
    if draw.random() < 0.5:
        del changed["max_error"]
    else:
        changed["max_error"] = literal(exact(changed["max_error"]) * draw.choice([2, Fraction(1001, 1000)]))
    return Related(case.on(changed), "<=")


@_relation("requirement that the optimum meets")
def _met(case: Case, base: Reply, draw: random.Random) -> Related | None:
    if not base.proved or base.status != "optimal":
        return None
    return Related(case.on(case.document | {"max_error": literal(case.literal_mots.error(tuple(base.point)))}))


@_relation("participation dearer")
def _dearer(case: Case, base: Reply, draw: random.Random) -> Related | None:
    if base.status == "infeasible":
        return None
    changed = _copy(case.document)
    row = draw.choice(changed["types"])
    row["cost"] = literal(exact(row["cost"]) + draw.choice([Fraction(1), Fraction(1, 1000), Fraction(10**12)]))
    return Related(case.on(changed), ">=")

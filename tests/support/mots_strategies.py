"""Random MoTS markets for the tests: every utility family, ties, zeros, empty types, both variances zero and positive."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from drawing import Numbers, made_by, seeded
from fedmech.models.sharing.expression import CertifiedArithmetic, OutsideDomain, evaluate
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.sharing.assumptions import NotDecreasing, require_decreasing
from fedmech.solvers.sharing.requirement import error_range, relevant_errors
from hypothesis import strategies as st

UTILITIES = [
    {"family": "inverse", "a": 3, "e0": "0.1"},
    {"family": "inverse", "a": "7/3"},
    {"family": "inverse-gap", "a": 1, "p": 1},
    {"family": "inverse-gap", "a": "0.3", "p": 2},
    {"family": "inverse-gap", "a": 1, "p": "1/2"},
    {"family": "exponential", "a": 2, "s": "3/2"},
    {"family": "linear", "a": 2, "s": 3},
    {"family": "linear", "a": -1, "s": "1/3"},
    {"expression": "2 - 3*eps**2"},
    {"expression": "1/(1 + eps**4)"},
    {"expression": "log(1 + 1/eps)"},
    {"expression": "3 - sqrt(eps)"},
    {"expression": "1/(1 + exp(8*(eps - 1/2)))"},
]


def random_market(draw: Numbers, utility: dict | None = None, *, largest: int = 5) -> MotsMarket:
    types = draw.randint(1, 4)
    counts = [draw.choice([0, 1, 1, 2, 3, largest]) for _ in range(types)]
    if not any(counts):
        counts[0] = 1
    return MotsMarket.build(
        sizes=[draw.choice([1, 2, 3, 4, 5, 7, 9, 12]) for _ in range(types)],
        counts=counts,
        costs=[draw.choice(["0", "1/3", "0.5", "0.5", "1", "1.7", "2.25", "4"]) for _ in range(types)],
        utility=utility or draw.choice(UTILITIES),
        dimension=draw.choice([1, 3]),
        data_variance=draw.choice(["0", "1", "1", "0.3"]),
        client_variance=draw.choice(["0", "0", "0.1", "1/3", "1"]),
    )


def sharing_markets(utility: dict | None = None, *, largest: int = 5) -> st.SearchStrategy[MotsMarket]:
    """Markets whose utility is defined and falls; their errors may not reach the utility's singularity."""
    return made_by(random_market, utility, largest=largest).filter(falls)


def falling_market(seed: int, utility: dict | None = None) -> MotsMarket:
    """The first such market of the numbers of a seed."""
    draw = seeded(seed)
    return next(market for market in iter(lambda: random_market(draw, utility), None) if falls(market))


def falls(market: MotsMarket) -> bool:
    """Whether the utility is defined and falls wherever the market's errors are."""
    if not has_slopes(market):
        return False
    try:
        require_decreasing(market)
    except NotDecreasing:
        return False
    return True


def has_slopes(market: MotsMarket) -> bool:
    """Whether the utility has a slope at the least and at the greatest error; bisection takes long to find that it has none."""
    arithmetic = CertifiedArithmetic(96)
    try:
        for error in relevant_errors(market):
            evaluate(market.utility.slope, {"eps": arithmetic.number(error)}, arithmetic)
    except (OutsideDomain, ZeroDivisionError, ValueError):
        return False
    return True


def with_requirements(market: MotsMarket, error: Fraction) -> Iterator[MotsMarket]:
    """The market itself and under requirements from just feasible to slack; ``error`` is the unconstrained optimum's."""
    reach = error_range(market)
    yield market
    yield market.with_max_error(reach.least)
    yield market.with_max_error((reach.least + error) / 2)
    yield market.with_max_error((2 * reach.least + error) / 3)
    yield market.with_max_error((reach.greatest + error) / 2)


def small_market(**changed: Any) -> MotsMarket:
    given = {
        "sizes": [2, 5, 9],
        "counts": [3, 2, 2],
        "costs": ["0.1", "0.2", "1"],
        "utility": {"family": "linear", "a": 2, "s": 1},
    }
    return MotsMarket.build(**{**given, **changed})


def mixed_market(**changed: Any) -> MotsMarket:
    """Six clients: two with inverse size 1, three with 1/2, one with 1/4; noise 6, so eps = 5 + (6 T/K - 5) / K."""
    given = {
        "sizes": [1, 2, 4, 8],
        "counts": [2, 3, 1, 0],
        "costs": [1, "3/2", "1/3", 7],
        "dimension": 2,
        "data_variance": 3,
        "client_variance": 5,
        "utility": {"family": "linear", "a": 100, "s": 1},
    }
    return MotsMarket.build(**{**given, **changed})

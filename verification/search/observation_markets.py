"""The finite grid on which SWAN's observations are judged: the prototype's clients, and a seeded family of random markets.

The paper's prototype has 20 clients, 10 with 50 samples, 5 with 120 and 5 with 300; dimension, variances and utility are
not in its text and are set here.  All utilities are rational, fall with the error and are positive at every error.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from ...fl.sharing.market_sweeps import (
    Row,
    cost_rows,
    default_costs,
    default_requirements,
    requirement_rows,
    with_cost_per_sample,
)
from ...models.sharing.market import MotsMarket

SIZES, COUNTS = (50, 120, 300), (10, 5, 5)
DIMENSION = 784
SEED = 2026
RATIOS = (Fraction(0), Fraction(1, 600), Fraction(1, 200))
"""Heterogeneity ratios of the prototype: none; all types low; the two larger types high."""
UTILITIES: tuple[Mapping[str, Any], ...] = (
    {"family": "inverse", "a": 1, "e0": "1/10"},
    {"family": "linear", "a": 20, "s": 1},
)


def prototypes() -> Iterator[MotsMarket]:
    """The prototype's clients at 0.01 a sample, for each ratio and utility, and with ``U = 1/eps`` where all data are alike."""
    for ratio in RATIOS:
        for utility in (*UTILITIES, {"family": "inverse", "a": 1}) if ratio == 0 else UTILITIES:
            yield MotsMarket.build(
                sizes=SIZES,
                counts=COUNTS,
                costs=[Fraction(size, 100) for size in SIZES],
                dimension=DIMENSION,
                client_variance=ratio * DIMENSION,
                utility=utility,
            )


def random_markets(count: int, seed: int = SEED) -> Iterator[MotsMarket]:
    """Markets of 2 or 3 types, 1-8 clients each with 1-60 samples, ratio 0, 1/60 or 1/10; costs are set by the sweeps."""
    draw = random.Random(seed)
    for _ in range(count):
        types = draw.randint(2, 3)
        sizes = sorted(draw.sample(range(1, 61), types))
        variance = draw.choice([Fraction(0), Fraction(1, 60), Fraction(1, 10)])
        # The greatest error is at most 1 + variance.
        utility = draw.choice(
            [
                {"family": "inverse", "a": draw.randint(1, 5), "e0": Fraction(draw.randint(1, 8), 16)},
                {"family": "linear", "a": Fraction(draw.randint(9, 16), 8), "s": 1},
            ]
        )
        yield MotsMarket.build(
            sizes=sizes,
            counts=[draw.randint(1, 8) for _ in range(types)],
            costs=sizes,
            client_variance=variance,
            utility={key: str(value) for key, value in utility.items()},
        )


def priced(market: MotsMarket, points: int) -> MotsMarket:
    """The market at a quarter of its cost range."""
    return with_cost_per_sample(market, default_costs(market, points)[(points - 1) // 4])


def sweep(market: MotsMarket, each: Callable[[MotsMarket], Row], points: int) -> Iterator[tuple[str, Row]]:
    """The figure's two panels: costs without requirement, then requirements at a quarter of the cost range."""
    for row in cost_rows(market, default_costs(market, points), each):
        yield "cost_per_sample", row
    fixed = priced(market, points)
    for row in requirement_rows(fixed, default_requirements(fixed, points), each):
        yield "max_error", row


POINTS = 9
DRAWN = 16
GRID = (
    f"the prototype's 20 clients (10/5/5 of 50/120/300 samples, d = {DIMENSION}, theta 0, 1/600, 1/200, U = 1/(eps + 1/10),"
    f" 20 - eps, and 1/eps at theta 0) and {DRAWN} random markets"
    f" (seed {SEED}; 2-3 types, 1-8 clients each of 1-60 samples, theta 0, 1/60 or 1/10, U = a/(eps + e0) or a - eps)"
)
THEORY = "Derived, from the error model of eq. (3)"


def grid() -> Iterator[MotsMarket]:
    """The markets of :data:`GRID`."""
    yield from prototypes()
    yield from random_markets(DRAWN)


def swept(points: int, rest: str) -> str:
    """The scope of a judgement on the sweeps, in words."""
    return f"{THEORY}: {points} points of sweeps over costs and requirements on {GRID}; {rest}"

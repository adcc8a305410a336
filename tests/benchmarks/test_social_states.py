"""Social states for 3 to 100 types: the frontier search beside enumeration, undominated states and Pyomo + HiGHS.

``pytest tests/benchmarks/test_social_states.py`` prints one table a kind of utility, with and without a requirement, all
methods on the same market, and for the largest the ratio to an argsort of a million floats on the same machine.
"""

from __future__ import annotations

import math
import random
import time
from fractions import Fraction

import numpy as np
import pytest
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.sharing.answer import SocialAnswer
from fedmech.solvers.sharing.assumptions import is_convex
from fedmech.solvers.sharing.requirement import error_range
from fedmech.solvers.sharing.solve import solve_social_state

SIZES = [(3, 20), (3, 150), (5, 60), (10, 1_000), (30, 70_000), (100, 1_000_000)]
LIMITS = {"enumeration": 4_000, "pareto": 200, "pyomo-highs": 200}
"""States, clients and clients up to which the other methods are asked."""
UTILITIES = {
    "inverse": {"family": "inverse", "a": 1, "e0": "0.001"},
    "exponential": {"family": "exponential", "a": 1, "s": 20},
    "sigmoid": {"expression": "1/(1 + exp(200*(eps - 1/100)))"},
}


def draw_market(types: int, clients: int, utility: dict, seed: int = 1) -> MotsMarket:
    draw = random.Random(seed)
    each = clients // types
    return MotsMarket.build(
        sizes=sorted(draw.sample(range(50, 50 + 50 * types), types)),
        counts=[draw.randint(each // 2, each * 3 // 2) for _ in range(types)],
        costs=sorted(Fraction(draw.randint(50, 5000), 1000) for _ in range(types)),
        utility=utility,
        dimension=10,
    )


def timed(market: MotsMarket, method: str) -> tuple[float, SocialAnswer]:
    started = time.perf_counter()
    answer = solve_social_state(market, method, time_limit=60)
    return time.perf_counter() - started, answer


@pytest.mark.parametrize("name", UTILITIES)
def test_the_frontier_search_beside_the_others(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"\n{name}: seconds; types, clients | free: frontier, others | with requirement: frontier, others"]
    ratios = []
    for types, clients in SIZES:
        market = draw_market(types, clients, UTILITIES[name])
        solve_social_state(market)
        _, free = timed(market, "frontier")
        assert free.error is not None
        least = error_range(market).least
        cells = []
        for wanted in (market, market.with_max_error(least + (free.error - least) / 2)):
            ours, answer = timed(wanted, "frontier")
            assert answer.status == "optimal"
            assert answer.welfare is not None
            cell = f"{ours:.3f}"
            for method, size in (
                ("enumeration", math.prod(n + 1 for n in market.counts)),
                ("pareto", market.population),
                ("pyomo-highs", market.population),
            ):
                if size > LIMITS[method] or (method == "pyomo-highs" and not is_convex(market)):
                    continue
                theirs, other = timed(wanted, method)
                cell += f", {method} {theirs:.2f} ({theirs / ours:.0f}x, {other.status})"
                if other.status == "optimal" and other.welfare is not None:
                    assert float(other.welfare.middle) == pytest.approx(float(answer.welfare.middle), rel=1e-6)
                ratios.append(theirs / ours)
            cells.append(cell)
        lines.append(f"{types:>4}, {market.population:>9,} | {cells[0]} | {cells[1]}")
    million = np.random.default_rng(1).random(10**6)
    started = time.perf_counter()
    np.argsort(million)
    lines.append(f"argsort of a million floats: {time.perf_counter() - started:.3f}")
    with capsys.disabled():
        print("\n".join(lines))
    assert max(ratios) > 10

"""Every method of every problem agrees with enumeration on random markets; a method without such a test fails here."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from campaign import some
from fedmech import Market, methods, solve
from fedmech.models.procurement.generate import KINDS, generate_market
from fedmech.solvers.feasibility import objective_value, violation
from fedmech.solvers.registry import PROBLEMS, available_methods
from hypothesis import given, settings
from strategies import markets

# Slow hand-overs see fewer markets; everything else sees every one.
AGREEMENT: dict[tuple[str, str], str] = {
    ("orp", "brute-force"): "every",
    ("orp", "matroid"): "every",
    ("orp", "max-flow"): "every",
    ("orp", "highs-arrays"): "every",
    ("orp", "pyomo-highs"): "some",
    ("opt", "brute-force"): "every",
    ("opt", "highs-arrays"): "every",
    ("opt", "polymatroid"): "every",
    ("opt", "pooled"): "every",
    ("opt", "pyomo-highs"): "some",
    ("opt-frac", "parametric"): "bounds",
    ("opt-frac", "pyomo-highs"): "bounds",
    ("opt-sep", "brute-force"): "every",
    ("opt-sep", "highs-arrays"): "every",
    ("opt-sep", "loss-search"): "every",
    ("opt-sep", "pyomo-highs"): "some",
    ("cover", "brute-force"): "every",
    ("cover", "highs-arrays"): "every",
    ("cover", "facility"): "every",
    ("cover", "branch-and-bound"): "every",
    ("cover", "lazy-greedy"): "greedy",
    ("cover", "pyomo-highs"): "some",
}


def test_every_registered_method_is_compared() -> None:
    registered = {(method.problem, method.name) for method in methods() if method.problem in PROBLEMS}
    assert registered == AGREEMENT.keys()


def check_agreement(market: Market, problem: str, pace: tuple[str, ...]) -> None:
    optimum = solve(market, problem, "brute-force").objective
    for method in available_methods(market, problem):
        if AGREEMENT[problem, method.name] not in pace:
            continue
        solution = solve(market, problem, method.name)
        assert solution.objective == optimum, method.name
        assert solution.bound == optimum
        assert solution.gap == 0
        assert solution.stopped == "proved"
        assert solution.assignment is not None
        assert violation(market, problem, solution.assignment) is None
        assert objective_value(market, problem, solution.assignment) == optimum


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep"])
@settings(max_examples=some(200), deadline=None)
@given(market=markets())
def test_methods_agree(problem: str, market: Market) -> None:
    check_agreement(market, problem, ("every",))


@settings(max_examples=some(150), deadline=None)
@given(market=markets(max_workers=5, max_requesters=2, coverage=True))
def test_methods_agree_on_coverage(market: Market) -> None:
    check_agreement(market, "cover", ("every",))


@settings(max_examples=some(100), deadline=None)
@given(market=markets(max_workers=5, max_requesters=2, coverage=True))
def test_heuristics_and_their_bounds_enclose_the_optimum(market: Market) -> None:
    optimum = solve(market, "cover", "brute-force").objective
    assert optimum is not None
    for method in (name for (problem, name), pace in AGREEMENT.items() if problem == "cover" and pace == "greedy"):
        found = solve(market, "cover", method, allow_suboptimal=True)
        assert found.objective is not None
        assert found.bound is not None
        assert found.objective <= optimum <= found.bound
        assert found.status != "optimal" or found.objective == optimum


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep", "cover"])
@settings(max_examples=12, deadline=None)
@given(market=markets(max_workers=5, coverage=True))
def test_literal_models_agree(problem: str, market: Market) -> None:
    check_agreement(market, problem, ("every", "some"))


@settings(max_examples=some(150), deadline=None)
@given(market=markets())
def test_linear_relaxation_lies_between(market: Market) -> None:
    relaxed = solve(market, "opt-frac", "parametric")
    assert relaxed.objective is not None
    assert relaxed.objective >= (solve(market, "opt", "brute-force").objective or 0)
    assert relaxed.objective <= (solve(market, "orp", "matroid").objective or 0)


@settings(max_examples=25, deadline=None)
@given(market=markets())
def test_linear_relaxation_is_what_highs_finds(market: Market) -> None:
    # The exact value is a bound on HiGHS's repaired point, and HiGHS must come close to it.
    exact = solve(market, "opt-frac", "parametric")
    floating = solve(market, "opt-frac", "pyomo-highs", allow_suboptimal=True)
    assert exact.objective is not None
    assert floating.objective is not None
    assert floating.bound == exact.objective
    assert exact.objective - floating.objective <= Fraction(1, 10**5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seats", [None, 0.6])
def test_optimum_of_forty_workers_by_two_independent_routes(kind: str, seats: float | None) -> None:
    market = generate_market(kind, 40, requesters=3, groups=3, top=100, seat_share=seats, seed=3)
    first = solve(market, "opt", "highs-arrays")
    assert first.objective == dynamic_programme(market)


def dynamic_programme(market: Market) -> Fraction:
    """OPT by Pareto lists over (group counts, cost): slow, exact, and it shares nothing with the solvers."""
    fits: dict[tuple[int, ...], bool] = {}

    def placeable(counts: tuple[int, ...]) -> bool:
        if counts not in fits:
            fits[counts] = flow_value(market, counts) == sum(counts)
        return fits[counts]

    states: dict[tuple[int, ...], list[tuple[int, int]]] = {(0,) * market.L: [(0, 0)]}
    costs = market.scaled.needed_costs
    for i in range(market.n):
        l, v, c = int(market.group_of[i]), int(market.scaled.scores[i]), int(costs[i])
        for counts, points in list(states.items()):
            more = (*counts[:l], counts[l] + 1, *counts[l + 1 :])
            if not placeable(more):
                continue
            extended = [(cost + c, value + v) for cost, value in points if cost + c <= market.scaled.total_budget]
            states[more] = pareto(states.get(more, []) + extended)
    best = max(value for points in states.values() for _, value in points)
    return Fraction(best, market.scaled.score_denominator)


def pareto(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for cost, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if not kept or value > kept[-1][1]:
            kept.append((cost, value))
    return kept


def flow_value(market: Market, counts: tuple[int, ...]) -> int:
    """Most workers of these group counts that can be placed, by the cut formula over all sets of requesters."""
    cuts = []
    for chosen in range(2**market.m):
        inside = [j for j in range(market.m) if chosen >> j & 1]
        outside = [j for j in range(market.m) if not chosen >> j & 1]
        seats = sum(int(market.seats[j]) for j in inside)
        flows = sum(min(count, sum(int(market.caps[l, j]) for j in outside)) for l, count in enumerate(counts))
        cuts.append(seats + flows)
    return min(cuts)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300))
def test_campaign_against_the_literal_model(seed: int) -> None:
    rng = random.Random(seed)
    market = generate_market(
        rng.choice(KINDS), rng.randint(10, 120), requesters=rng.randint(1, 4), groups=rng.randint(1, 6),
        top=rng.choice([10, 1000, 10**6]), seat_share=rng.choice([None, 0.5]), budget_share=rng.choice([0.1, 0.5]), seed=seed,
    )  # fmt: skip
    values = {
        name: solve(market, "opt", name, time_limit=60).objective for name in ("auto", "highs-arrays", "pyomo-highs")
    }
    assert len(set(values.values())) == 1, values


def test_methods_do_not_touch_the_market() -> None:
    market = generate_market("a", 30, requesters=2, groups=3, seed=1)
    with pytest.raises(ValueError, match="read-only"):
        market.scaled.scores[0] = 1
    before = market.scaled.scores.copy()
    solve(market, "opt")
    assert np.array_equal(before, market.scaled.scores)

"""Columns of every size and type, each independently: the optimum of a small market, scaled, is the small optimum, scaled.

Crossed are 2^31, 2^53 (doubles), 2^60 and 2^62 (where columns turn into Python integers), 2^63, and 1e308 (no double).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import kinds
import numpy as np
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, made_by
from fedmech import Market, solve
from fedmech.models import exact
from fedmech.models.exact import common_divisor
from fedmech.solvers.control import Control
from fedmech.solvers.pooled import relaxation, solve_pooled
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.pooled.method import pooled_problem
from fedmech.solvers.seated.duals import SeatMarket, lagrangian
from fedmech.solvers.seated.method import best_affordable_set
from hypothesis import given, settings
from kinds import Kinds

EXPONENTS = (31, 53, 60, 62, 63, 1100)
METHODS = [("opt", "pooled"), ("opt", "polymatroid"), ("opt-frac", "parametric"), ("orp", "matroid")]


def small(rng: Numbers, *, seats: bool) -> Kinds:
    groups, requesters = rng.randint(1, 3), rng.randint(1, 2)
    ratio = rng.choice([None, None, 1, 3])
    rows = []
    for _ in range(rng.randint(1, 5)):
        cost = rng.randint(0, 9)
        score = rng.randint(1, 9) if ratio is None else max(1, ratio * cost + rng.choice([0, 0, 1]))
        rows.append((score, cost, rng.randrange(groups), rng.choice([1, 2, 3, 18])))
    caps = [[rng.randint(0, 9) for _ in range(requesters)] for _ in range(groups)]
    budgets = [rng.randint(0, 60) for _ in range(requesters)]
    return Kinds(rows, budgets, caps, [rng.randint(0, 9) if seats else 10**6 for _ in range(requesters)])


def factors(total: int) -> list[int]:
    """Factors that bring a total just below, to, and above each power of two."""
    return [factor for k in EXPONENTS for factor in (2**k // total - 1, 2**k // total, 2**k // total + 1) if factor > 0]


def optimum(market: Market, problem: str, method: str) -> Fraction:
    solution = solve(market, problem, method)
    assert solution.status == "optimal"
    assert solution.value is not None
    assert solution.bound == solution.value
    return solution.value


@pytest.mark.parametrize(("problem", "method"), METHODS)
@settings(max_examples=some(24))
@given(rng=generators)
def test_scaled_columns_scale_the_optimum(problem: str, method: str, rng: Numbers) -> None:
    case = small(rng, seats=method != "pooled" and rng.randrange(2) == 1)
    best = optimum(case.market(), problem, method)
    scores = [1, *factors(sum(score * copies for score, *_, copies in case.kinds))]
    money = [1, *factors(max(1, sum(cost * copies for _, cost, _, copies in case.kinds)))]
    pairs = [(s, 1) for s in scores] + [(1, c) for c in money] + [(rng.choice(scores), rng.choice(money))] * 4
    for s, c in pairs:
        scaled = Kinds(
            [(score * s, cost * c, group, copies) for score, cost, group, copies in case.kinds],
            # What is left where costs are multiples of c buys nobody, but may buy a share of somebody.
            [b * c + (rng.randrange(c) if problem == "opt" and j == 0 else 0) for j, b in enumerate(case.budgets)],
            case.caps,
            case.seats,
        )
        assert optimum(scaled.market(), problem, method) == best * s, (s, c)


@pytest.mark.parametrize(("problem", "method"), METHODS)
@settings(max_examples=10)
@given(rng=generators)
def test_a_budget_of_any_size(problem: str, method: str, rng: Numbers) -> None:
    case = small(rng, seats=method != "pooled")
    best = kinds.orp(case)
    for budget in factors(1):
        rich = replace(case, budgets=[budget for _ in case.budgets])
        enough = sum(rich.budgets) >= sum(cost * copies for _, cost, _, copies in case.kinds)
        assert enough
        assert optimum(rich.market(), problem, method) == best, budget


@pytest.mark.parametrize(("problem", "method"), [*METHODS, ("opt-sep", "loss-search")])
@pytest.mark.parametrize("column", ["scores", "costs", "bids", "budgets"])
@settings(max_examples=some(25))
@given(rng=generators)
def test_python_integers_in_one_column_change_nothing(problem: str, method: str, column: str, rng: Numbers) -> None:
    case = small(rng, seats=method != "pooled" and rng.randrange(2) == 1)
    market = case.market()
    odd = market.with_scaled(**{column: getattr(market.scaled, column).astype(object)})
    assert optimum(odd, problem, method) == optimum(market, problem, method)


@pytest.mark.parametrize("limit", [2**4, 2**7, 2**10, 2**14])
@pytest.mark.parametrize(("problem", "method"), METHODS)
def test_a_lower_limit_of_64_bits_changes_nothing(
    problem: str, method: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rule at small numbers: scores, costs, weights and bundles are Python integers at different sizes."""

    @settings(max_examples=some(40))
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        case = small(rng, seats=method != "pooled" and rng.random() < 0.5)
        expected = optimum(case.market(), problem, method)
        with monkeypatch.context() as patch:
            patch.setattr(exact, "INT64_SAFE", limit)
            patch.setattr(relaxation, "INT64_SAFE", limit)
            assert optimum(case.market(), problem, method) == expected

    holds()


def magnitudes(rng: Numbers) -> Kinds:
    """Numbers from 1 to beyond any double side by side."""
    groups, top = rng.randint(1, 3), rng.choice([60, 500, 1400])
    rows = []
    for _ in range(rng.randint(2, 7)):
        cost = rng.randint(1, 9) << rng.randrange(top)
        score = cost * rng.randint(1, 3) if rng.random() < 0.5 else rng.randint(1, 9) << rng.randrange(top)
        rows.append((score, cost, rng.randrange(groups), rng.choice([1, 1, 2, 17])))
    budget = sum(cost * rng.randint(0, copies) for _, cost, _, copies in rows) + rng.choice([0, 1, -1])
    sizes = [sum(row[3] for row in rows if row[2] == group) for group in range(groups)]
    caps = [[rng.randint(0, size)] for size in sizes]
    return Kinds(rows, [max(0, budget)], caps, [rng.choice([sum(sizes), rng.randint(0, sum(sizes))])])


@pytest.mark.parametrize("direct", thorough([20_000, 12, 3], (12).__eq__))
def test_numbers_of_very_different_magnitude(direct: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled_solve, "DIRECT", direct)

    @settings(max_examples=some(60))
    @given(case=made_by(magnitudes))
    def holds(case: Kinds) -> None:
        market, best = case.market(), kinds.opt(case)
        plain = SeatMarket.of(market)
        state = best_affordable_set(plain, Control())
        assert state.value == best == state.upper(common_divisor(plain.scores) or 1)
        if not market.seats_bind:
            found = solve_pooled(pooled_problem(market))
            assert (found.value, found.bound, found.proved) == (best, best, True)
        # The searches prove them all; for a few, where seats nest, no proof is grown in time.
        solution = solve(market, "opt", allow_suboptimal=True, time_limit=2)
        assert solution.value == best
        assert solution.bound is not None
        assert solution.bound >= best
        assert solution.refused is None

    holds()


@settings(max_examples=some(30))
@given(rng=generators)
def test_weights_do_not_wrap_where_only_costs_are_python_integers(rng: Numbers) -> None:
    # As with ordinary float costs of 17 digits: their column is of Python integers, that of the scores is not.
    n = 9
    market = Market.build(
        scores=[rng.randint(1, 100) for _ in range(n)],
        costs=["0.9141592653589793238463", *(Fraction(rng.randrange(10**19), 10**18) for _ in range(n - 1))],
        groups=[rng.randrange(3) for _ in range(n)],
        group_ids=range(3),
        budgets=[round(rng.uniform(5, 20), 2) for _ in range(2)],
        seats=[rng.randint(1, 4) for _ in range(2)],
    )
    assert (market.scaled.scores.dtype, market.scaled.needed_costs.dtype) == (np.int64, object)
    plain = SeatMarket.of(market)
    assert plain.scores.dtype == plain.costs.dtype == object
    _, duals = lagrangian(plain, Control())
    exactly = [
        duals.denominator * int(v) - duals.multiplier * int(c)
        for v, c in zip(market.scaled.scores, market.scaled.needed_costs, strict=True)
    ]
    offsets = {int(g): w - int(p) for g, w, p in zip(market.group_of, exactly, duals.reduced, strict=True)}
    assert [w - offsets[int(g)] for g, w in zip(market.group_of, exactly, strict=True)] == duals.reduced.tolist()
    for problem, method in (("opt", "polymatroid"), ("opt-sep", "loss-search")):
        assert optimum(market, problem, method) == solve(market, problem, "brute-force").value, problem


def test_weights_of_one_worker_beyond_64_bits() -> None:
    market = Market.build(
        scores=[297, 754, 34, 346, 372, 280],
        costs=[2**36 - 1, 0, 2**62 + 2, 2**62 - 3, 2**62, 2**61 + 3],
        groups=[1, 2, 0, 1, 0, 2],
        group_ids=range(3),
        budgets=[0, 2**62, 0],
        seats=[0, 1, None],
    )
    assert optimum(market, "opt-sep", "loss-search") == 1126

"""Budgets that are a little less than a whole multiple of what divides all costs."""

from __future__ import annotations

from fractions import Fraction

import pytest
from drawing import Numbers, generators
from fedmech import Market, solve
from hypothesis import given, settings


def test_a_budget_a_billionth_below() -> None:
    """HiGHS 1.16 called 42 optimal here."""
    market = Market.build(
        scores=[8, 2, 4, 8, 4, 8, 8, 2, 3, 3, 4],
        costs=[19, 1, 15, 20, 16, 17, 18, 1, 4, 4, 15],
        groups=["g1", "g1", "g0", "g1", "g0", "g1", "g0", "g0", "g0", "g0", "g0"],
        group_ids=["g0", "g1"],
        budgets=["108.999999999", 0],
        caps=[[1, 4], [3, 0]],
    )
    for method in ("highs-arrays", "pooled", "brute-force"):
        assert solve(market, "opt", method).value == 44


@pytest.mark.parametrize("problem", ["opt", "opt-sep", "cover"])
@pytest.mark.parametrize("method", ["highs-arrays", "auto"])
@pytest.mark.parametrize("places", [1, 9])
@settings(max_examples=12)
@given(rng=generators)
def test_what_divides_all_costs_is_divided_out(problem: str, method: str, places: int, rng: Numbers) -> None:
    costs = rng.integers(1, 21, 8)
    budget = int(costs[rng.random(8) < 0.5].sum()) + int(rng.integers(0, 2))
    market = Market.build(
        scores=costs + rng.integers(0, 3, 8),
        costs=costs,
        groups=[f"g{l}" for l in rng.integers(0, 2, 8)],
        group_ids=["g0", "g1"],
        budgets=[max(0, budget - Fraction(1, 10**places)), 7],
        caps=[[2, None], [None, 3]],
        seats=[4, None],
        coverage=rng.integers(0, 5, (8, 3)).tolist(),
    )
    found = solve(market, problem, method)
    assert found.status == "optimal"
    assert found.value == solve(market, problem, "brute-force").value

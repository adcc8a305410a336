"""Instances on which a solver that works in floating point is wrong; every method must get them right or say it cannot."""

from __future__ import annotations

from fractions import Fraction

import pytest
from fedmech import Market, methods, solve

TINY = Fraction(1, 2**20)

CASES = {
    "a cost beyond the budget by a millionth": (
        Market.build(scores=[1], costs=[1 + TINY], budgets=[1]),
        Fraction(0),
    ),
    "scores apart by a billionth": (
        Market.build(scores=[1 + Fraction(1, 2**30), 1 + Fraction(1, 2**29)], costs=[2, 4], budgets=[4]),
        1 + Fraction(1, 2**29),
    ),
    "a tenth and two tenths are three tenths": (
        Market.build(scores=[1, 1], costs=["0.1", "0.2"], budgets=["0.3"]),
        Fraction(2),
    ),
    "the same in three budgets": (
        Market.build(scores=[1, 1], costs=[0.1, 0.2], budgets=[0.1, 0.1, 0.1]),
        Fraction(2),
    ),
    "huge beside tiny": (
        Market.build(scores=[10**30, 1, 1], costs=[10**20, 1, 0], budgets=[10**20]),
        Fraction(10**30 + 1),
    ),
    "beyond 64 bits": (
        Market.build(scores=[2**62, 2**62 - 1, 2**62 + 1], costs=[2**62, 2**62, 2**62], budgets=[2**63]),
        Fraction(2**63 + 1),
    ),
}


@pytest.mark.parametrize("method", [method.name for method in methods("opt")])
@pytest.mark.parametrize("case", CASES)
def test_pooled_optimum_is_exact_or_not_claimed(case: str, method: str) -> None:
    market, optimum = CASES[case]
    solution = solve(market, "opt", method, allow_suboptimal=True)
    if solution.status == "optimal":
        assert solution.objective == optimum
    else:
        # Allowed only to a method that leans on HiGHS, on data that no double can hold; its bound must still be valid.
        assert "highs" in method
        assert solution.bound is not None
        assert solution.bound >= optimum
        assert case in ("huge beside tiny", "beyond 64 bits")


@pytest.mark.parametrize("case", CASES)
def test_the_default_method_proves_every_case(case: str) -> None:
    market, optimum = CASES[case]
    assert solve(market, "opt").objective == optimum


@pytest.mark.parametrize("method", [method.name for method in methods("opt-sep")] + ["auto"])
def test_separate_budgets_are_exact_or_not_claimed(method: str) -> None:
    market = Market.build(scores=[1, 1, 1], costs=["0.1", "0.2", "0.3"], budgets=["0.3", "0.29999999999"])
    solution = solve(market, "opt-sep", method, allow_suboptimal=True)
    assert solution.status != "optimal" or solution.objective == 2
    assert solution.bound is not None
    assert solution.bound >= 2
    # Only HiGHS may lose its footing on eleven digits.
    assert solution.status == "optimal" or "highs" in solution.method

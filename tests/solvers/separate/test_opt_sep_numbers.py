"""OPT-SEP and COVER on columns of every size and type, each independently: a scaled market has the scaled optimum.

Crossed are 2^31, 2^53 (doubles), 2^62 (where columns turn into Python integers), 2^63 and 1e308 (no double). Counting by kind is
taken away where the other steps are meant: alone it decides every small market.
"""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, made_by
from fedmech import Market, solve
from fedmech.models import exact
from fedmech.solvers.coverage import branch
from fedmech.solvers.coverage import instance as cover_instance
from fedmech.solvers.separate import instance as separate_instance
from fedmech.solvers.separate import one_requester, search
from hypothesis import given, settings

EXPONENTS = (31, 53, 62, 63, 1100)
METHODS = {"opt-sep": ("loss-search",), "cover": ("facility", "branch-and-bound")}
PAIRS = [(problem, method) for problem, names in METHODS.items() for method in names]


@pytest.fixture(params=["counted", "uncounted", "searched"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "counted":
        monkeypatch.setattr(search, "FEW_KINDS", (0, 0))
        monkeypatch.setattr(search, "MORE_KINDS", (0, 0))
    if request.param == "searched":
        monkeypatch.setattr(one_requester, "LISTED_SETS", 0)
    return request.param


def small(rng: Numbers) -> dict[str, list]:
    n, groups, m = rng.randint(2, 7), rng.randint(1, 3), rng.randint(1, 3)
    costs = [rng.randint(0, 9) for _ in range(n)]
    return {
        "scores": [rng.randint(1, 9) for _ in range(n)],
        "costs": costs,
        "groups": [rng.randrange(groups) for _ in range(n)],
        "group_ids": list(range(groups)),
        "budgets": [rng.randint(0, max(1, sum(costs) // m)) for _ in range(m)],
        "caps": [[rng.randint(0, 3) for _ in range(m)] for _ in range(groups)],
        "seats": [rng.choice([None, rng.randint(0, 3)]) for _ in range(m)],
        "coverage": [[rng.randint(0, 9) for _ in range(3)] for _ in range(n)],
    }


def scaled(case: dict[str, list], score: int = 1, money: int = 1, coverage: int = 1) -> Market:
    changed = {
        **case,
        "scores": [v * score for v in case["scores"]],
        "costs": [c * money for c in case["costs"]],
        "budgets": [b * money for b in case["budgets"]],
        "coverage": [[z * coverage for z in row] for row in case["coverage"]],
    }
    return Market.build(**changed)


def optimum(market: Market, problem: str, method: str) -> Fraction:
    solution = solve(market, problem, method)
    assert (solution.status, solution.exactness) == ("optimal", "checked")
    assert solution.value is not None
    return solution.value


def near(total: int) -> list[int]:
    """Factors that bring a total just below, and above, each power of two."""
    return [factor for k in EXPONENTS for factor in (2**k // total, 2**k // total + 1) if factor > 0]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("problem", "method"), PAIRS)
@settings(max_examples=some(12))
@given(case=made_by(small), rng=generators)
def test_a_scaled_column_scales_the_optimum(problem: str, method: str, case: dict[str, list], rng: Numbers) -> None:
    best = solve(scaled(case), problem, "brute-force").value
    assert best is not None
    gains = case["scores"] if problem == "opt-sep" else [max(column) for column in zip(*case["coverage"], strict=True)]
    worth, money = near(max(1, sum(gains))), near(max(1, sum(case["costs"])))
    for w, c in [
        (1, 1),
        *((w, 1) for w in worth),
        *((1, c) for c in money),
        (rng.choice(worth), rng.choice(money)),
    ]:
        market = scaled(case, w, c, w)
        assert optimum(market, problem, method) == best * w, (w, c)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("problem", "method"), PAIRS)
@pytest.mark.parametrize("column", ["scores", "costs", "budgets", "coverage"])
@settings(max_examples=12)
@given(case=made_by(small))
def test_python_integers_in_one_column_change_nothing(problem: str, method: str, column: str, case: dict) -> None:
    market = scaled(case)
    odd = market.with_scaled(**{column: getattr(market.scaled, column).astype(object)})
    assert optimum(odd, problem, method) == solve(market, problem, "brute-force").value


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("limit", [2**4, 2**7, 2**12])
@pytest.mark.parametrize(("problem", "method"), PAIRS)
def test_a_lower_limit_of_64_bits_changes_nothing(
    problem: str, method: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @settings(max_examples=8)
    @given(case=made_by(small))
    def holds(case: dict) -> None:
        market = scaled(case)
        expected = solve(market, problem, "brute-force").value
        with monkeypatch.context() as patch:
            for module in (exact, separate_instance, cover_instance, one_requester, branch):
                patch.setattr(module, "INT64_SAFE", limit)
            assert optimum(market, problem, method) == expected

    holds()


@pytest.mark.usefixtures("way")
def test_budgets_with_many_digits() -> None:
    market = Market.build(
        scores=[2, 1, 1, 1, 1, 3, 1, 3],
        costs=["5/2", 2, "5/2", "5/2", 1, 3, 0, "1/2"],
        groups=list("abaccdab"),
        budgets=["1.18181818181818181818", "2.36363636363636363636", "2.95454545454545454545", 0],
    )
    assert optimum(market, "opt-sep", "loss-search") == 7


@pytest.mark.usefixtures("way")
def test_costs_and_scores_beyond_every_double() -> None:
    dear = Market.build(scores=[1, 2, 3], costs=["1e-200", "1e200", 1], budgets=[1, 1])
    assert optimum(dear, "opt-sep", "loss-search") == 4
    worthy = Market.build(scores=["1e309", 1, 3], costs=[2, 1, 2], groups=list("ggh"), budgets=[3, 2])
    assert optimum(worthy, "opt-sep", "loss-search") == 10**309 + 4


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(6))
def test_plain_float_costs_and_seats(seed: int) -> None:
    """Costs of 17 digits are Python integers beside int64 scores; with scores times 10^30 both are."""
    rng = random.Random(seed)
    n, m = 12, 2
    costs = [rng.random() * 10 for _ in range(n)]
    fixed = {
        "costs": costs,
        "groups": [rng.randrange(3) for _ in range(n)],
        "group_ids": [0, 1, 2],
        "budgets": [round(sum(costs) * rng.uniform(0.1, 0.3), 2) for _ in range(m)],
        "seats": [rng.randint(2, 4) for _ in range(m)],
    }
    scores = [rng.randint(1, 100) for _ in range(n)]
    plain = optimum(Market.build(scores=scores, **fixed), "opt-sep", "loss-search")
    large = optimum(Market.build(scores=[v * 10**30 for v in scores], **fixed), "opt-sep", "loss-search")
    assert large == plain * 10**30


def test_instances_hold_columns_of_one_type() -> None:
    for scores, costs, budget in (([2**70], [1], 1), ([1], [2**70], 1), ([1, 1], [1, 1], 1)):
        n = len(scores)
        made = separate_instance.SeparateInstance.of(scores, costs, [0] * n, [[n]], [n], [budget])
        assert made.scores.dtype == made.costs.dtype
        part = replace(made, scores=np.ones(n, dtype=np.int64))
        assert part.scores.dtype == part.costs.dtype
        cover = cover_instance.CoverInstance.of([[v] for v in scores], costs, [0] * n, [[n]], [n], budget)
        assert cover.coverage.dtype == cover.costs.dtype
    # numpy alone would make floats of these.
    mixed = separate_instance.SeparateInstance.of([2**63, 1], [2**63, 0], [0, 0], [[2]], [2], [2**63])
    assert mixed.scores.tolist() == [2**63, 1]
    assert mixed.costs.tolist() == [2**63, 0]


@pytest.mark.parametrize("seed", thorough(range(19, 22), (20).__eq__))
def test_moves_of_which_one_half_fits_in_64_bits(seed: int) -> None:
    """Floats near 1e17 beside fractions: in some of these one half of an exchange is small and the other is not."""
    rng = random.Random(seed)
    n = rng.choice([24, 40, 96])

    def cost() -> float:
        return rng.uniform(0, 1e17) if rng.random() < 0.5 else rng.random()

    market = Market.build(
        scores=[rng.uniform(1, 1e17) for _ in range(n)],
        costs=[cost() for _ in range(n)],
        groups=[rng.choice("ab") for _ in range(n)],
        budgets=[rng.uniform(1e16, 1e18) for _ in range(rng.choice([2, 3, 4]))],
    )
    separate, pooled = (solve(market, problem, allow_suboptimal=True, time_limit=5) for problem in ("opt-sep", "opt"))
    assert separate.value is not None
    assert pooled.bound is not None
    assert separate.value <= pooled.bound
    assert separate.refused is None

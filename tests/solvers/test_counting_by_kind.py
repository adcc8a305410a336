"""The oracle that counts workers by kind against enumeration of all points."""

from __future__ import annotations

import kinds
import pytest
from campaign import some
from drawing import Numbers, made_by
from fedmech import solve
from hypothesis import given, settings
from kinds import Kinds


def small(rng: Numbers) -> Kinds:
    groups, requesters = rng.randint(1, 3), rng.randint(1, 3)
    rows, left = [], 7
    while left and (not rows or rng.random() < 0.7):
        copies = rng.randint(1, left)
        rows.append((rng.randint(1, 6), rng.randint(0, 6), rng.randrange(groups), copies))
        left -= copies
    return Kinds(
        rows,
        [rng.randint(0, 12) for _ in range(requesters)],
        [[rng.randint(0, 4) for _ in range(requesters)] for _ in range(groups)],
        [rng.randint(0, 5) for _ in range(requesters)],
    )


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep"])
@settings(max_examples=some(250))
@given(case=made_by(small))
def test_counting_agrees_with_enumeration(problem: str, case: Kinds) -> None:
    count = {"orp": kinds.orp, "opt": kinds.opt, "opt-sep": kinds.opt_sep}[problem]
    assert solve(case.market(), problem, "brute-force").objective == count(case)


@settings(max_examples=some(300))
@given(case=made_by(small))
def test_best_by_number_hired_agrees_with_the_best(case: Kinds) -> None:
    free = Kinds(case.kinds, case.budgets, case.caps, [case.n] * len(case.seats))
    by_count = kinds.opt_by_count(free)
    assert by_count[0] == 0
    assert max(value for value in by_count if value is not None) == kinds.opt(free)


@settings(max_examples=50)
@given(case=made_by(small))
def test_a_market_and_its_kinds_are_the_same(case: Kinds) -> None:
    market = case.market()
    again = Kinds.of(market)
    assert again.n == market.n
    assert kinds.opt(again) == kinds.opt(case)

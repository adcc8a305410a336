"""The check that every answer passes: each limit is kept to the unit, and what is no assignment is said to be none."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from drawing import Numbers, generators
from fedmech import Market
from fedmech.solvers.feasibility import CheckError, check_feasible, check_shares, objective_value, violation
from hypothesis import given, settings

ROOMY = Market.build(
    scores=[Fraction(1, 2), 1, Fraction(3, 2), 2],
    costs=[2, 2, 2, 2],
    budgets=[4, 2],
    groups=["a", "a", "b", "b"],
    caps={("a", "r1"): 1, ("b", "r2"): 1},
    seats=[2, 1],
    coverage=[[1, 0], [0, Fraction(1, 3)], [2, 0], [0, 0]],
)


@pytest.mark.parametrize("point", [[-1, -1, -1, -1], [0, -1, 0, -1], [0, 1, 0, -1], [-1, -1, 0, 1], [1, 0, 0, -1]])
def test_points_that_keep_every_limit(point: list[int]) -> None:
    assignment = np.array(point)
    for problem in ("orp", "opt", "opt-sep", "cover"):
        assert violation(ROOMY, problem, assignment) is None
        score = sum((Fraction(i + 1, 2) for i, j in enumerate(point) if j >= 0), Fraction(0))
        if problem != "cover":
            assert check_feasible(ROOMY, problem, assignment) == score


@pytest.mark.parametrize(
    ("point", "problems", "reason"),
    [
        ([0, 0, -1, -1], ("orp", "opt", "opt-sep", "cover"), "cap of group a at requester r1"),
        ([-1, -1, 1, 1], ("orp", "opt", "opt-sep", "cover"), "cap of group b at requester r2"),
        ([0, -1, 0, 0], ("orp", "opt", "opt-sep", "cover"), "seats of requester r1"),
        ([1, 1, -1, -1], ("orp", "opt", "opt-sep", "cover"), "seats of requester r2"),
        ([2, -1, -1, -1], ("orp", "opt", "opt-sep", "cover"), "does not exist"),
        ([-2, -1, -1, -1], ("orp", "opt", "opt-sep", "cover"), "does not exist"),
    ],
)
def test_points_that_break_a_limit(point: list[int], problems: tuple[str, ...], reason: str) -> None:
    for problem in problems:
        assert reason in str(violation(ROOMY, problem, np.array(point)))
        with pytest.raises(CheckError, match=reason):
            check_feasible(ROOMY, problem, np.array(point))


def test_budgets_pooled_and_separate() -> None:
    market = Market.build(scores=[1, 1, 1], costs=[2, 3, 2], budgets=[5, 2])
    both, one, all_three = np.array([0, 0, -1]), np.array([1, -1, 1]), np.array([0, 0, 1])
    for problem in ("orp", "opt", "cover", "opt-sep"):
        assert violation(market, problem, both) is None
        assert violation(market, problem, all_three) is None
    assert violation(market, "opt", one) is None
    assert "budget of requester r2" in str(violation(market, "opt-sep", one))
    dearer = Market.build(scores=[1, 1, 1], costs=[2, 3, 3], budgets=[5, 2])
    assert violation(dearer, "orp", all_three) is None
    for problem in ("opt", "cover"):
        assert violation(dearer, problem, all_three) == "pooled budget exceeded"
    assert "budget of requester r1" in str(violation(dearer, "opt-sep", np.array([0, 0, 0])))


def test_what_is_no_assignment() -> None:
    for wrong in (np.zeros(3, dtype=int), np.zeros(4), np.zeros((4, 1), dtype=int), np.zeros(4, dtype=bool)):
        assert "has shape" in str(violation(ROOMY, "orp", wrong))
    nobody = Market.build(scores=[], costs=[], budgets=[1])
    assert violation(nobody, "opt", np.zeros(0, dtype=int)) is None
    assert objective_value(nobody, "opt", np.zeros(0, dtype=int)) == 0


def test_coverage_counts_the_best_of_each_kind() -> None:
    for point, value in (
        ([-1, -1, -1, -1], Fraction(0)),
        ([0, -1, -1, -1], Fraction(1)),
        ([0, 1, -1, -1], Fraction(4, 3)),
        ([0, 1, 0, -1], Fraction(7, 3)),
        ([-1, -1, -1, 0], Fraction(0)),
    ):
        assert objective_value(ROOMY, "cover", np.array(point)) == value
    plain = Market.build(scores=[1], costs=[1], budgets=[1])
    assert objective_value(plain, "cover", np.array([0])) == 0


FRACTIONAL = Market.build(
    scores=[Fraction(1, 2), 2],
    costs=[2, 2],
    budgets=[3],
    groups=["a", "b"],
    caps={("a", "r1"): 1, ("b", "r1"): 1},
    seats=[2],
)
ONE, HALF = Fraction(1), Fraction(1, 2)


@pytest.mark.parametrize(
    ("shares", "value"),
    [
        ({}, 0),
        ({(0, 0): ONE, (1, 0): HALF}, Fraction(3, 2)),
        ({(0, 0): HALF, (1, 0): ONE}, Fraction(9, 4)),
        ({(0, 0): Fraction(0)}, 0),
    ],
)
def test_shares_that_keep_every_limit(shares: dict[tuple[int, int], Fraction], value: Fraction) -> None:
    assert check_shares(FRACTIONAL, shares) == value


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ({(0, 0): ONE, (1, 0): HALF + Fraction(1, 10**40)}, "pooled budget"),
        ({(0, 0): 1 + Fraction(1, 10**40)}, "no exact number"),
        ({(0, 0): -Fraction(1, 10**40)}, "no exact number"),
    ],
)
def test_shares_that_break_a_limit(shares: dict[tuple[int, int], Fraction], reason: str) -> None:
    with pytest.raises(CheckError, match=reason):
        check_shares(FRACTIONAL, shares)


def test_shares_of_one_worker_one_cap_and_one_requester() -> None:
    little = Fraction(1, 10**40)
    two = Market.build(scores=[1], costs=[0], budgets=[0, 0])
    assert check_shares(two, {(0, 0): HALF, (0, 1): HALF}) == 1
    with pytest.raises(CheckError, match="more than once"):
        check_shares(two, {(0, 0): HALF, (0, 1): HALF + little})
    capped = Market.build(scores=[1, 1], costs=[0, 0], budgets=[0], caps=[[1]])
    seated = Market.build(scores=[1, 1], costs=[0, 0], budgets=[0], seats=[1])
    for market, reason in ((capped, "cap"), (seated, "seats")):
        assert check_shares(market, {(0, 0): HALF, (1, 0): HALF}) == 1
        with pytest.raises(CheckError, match=reason):
            check_shares(market, {(0, 0): HALF, (1, 0): HALF + little})


def test_each_of_many_limits_of_shares_is_looked_at() -> None:
    """Of two workers, cells or requesters only the one or the other has too much."""
    for beyond in range(2):
        market = Market.build(
            scores=[1] * 4,
            costs=[0] * 4,
            budgets=[0, 0],
            groups=["a", "a", "b", "b"],
            caps=[[2, 1], [1, 2]],
            seats=[2, 2],
        )
        twice = {(beyond, 0): ONE, (beyond, 1): ONE, (3 - beyond, 0): HALF}
        with pytest.raises(CheckError, match="more than once"):
            check_shares(market, twice)
        cells = [{(0, 1): ONE, (1, 1): HALF, (2, 0): ONE}, {(2, 0): ONE, (3, 0): HALF, (0, 1): ONE}][beyond]
        with pytest.raises(CheckError, match="a cap"):
            check_shares(market, cells)
        seats = [{(0, 0): ONE, (1, 0): ONE, (2, 0): HALF}, {(2, 1): ONE, (3, 1): ONE, (0, 1): HALF}][beyond]
        with pytest.raises(CheckError, match="seats"):
            check_shares(market, seats)
    assert check_shares(market, {(0, 0): ONE, (1, 0): HALF, (2, 0): HALF, (1, 1): HALF, (3, 1): ONE}) == Fraction(7, 2)


@pytest.mark.parametrize(
    "pair",
    [(2, 0), (-1, 0), (0, 1), (0, -1), (2**70, 0), (0, 2**70), (0,), (0, 0, 0), "00", 0, (0.5, 0), (0, "0"), (None, 0)],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_no_pair(pair: Any, first: bool) -> None:
    others = {(0, 0): ONE}
    shares = {pair: HALF, **others} if first else {**others, pair: HALF}
    with pytest.raises(CheckError, match="is no pair of a worker and a requester") as caught:
        check_shares(FRACTIONAL, shares)
    assert repr(pair) in str(caught.value)


def test_pairs_of_numpy_integers() -> None:
    shares: dict[Any, Fraction] = {(np.int64(1), np.int32(0)): HALF, (0, np.uint8(0)): ONE}
    assert check_shares(FRACTIONAL, shares) == Fraction(3, 2)


@pytest.mark.parametrize("share", [0.5, "1/2", None, np.float64(0.5)])
def test_shares_that_are_no_exact_numbers(share: Any) -> None:
    with pytest.raises(CheckError, match=f"of worker {FRACTIONAL.worker_ids[1]} is no exact number"):
        check_shares(FRACTIONAL, {(0, 0): ONE, (1, 0): share})


@pytest.mark.parametrize("bits", [1, 30, 31, 32, 61, 62, 63, 70])
@pytest.mark.parametrize("digits", [1, 30, 31, 32, 58, 59, 60, 61, 62, 70])
@settings(max_examples=3)
@given(rng=generators)
def test_shares_and_columns_of_every_length(bits: int, digits: int, rng: Numbers) -> None:
    """Scores, costs and shares each of its own length, so that each is an array of int64 or of Python integers."""
    scores = [1 + rng.randint(0, 2**bits - 1) // 5 for _ in range(5)]
    other = rng.choice([1, 31, 62, 70])
    costs = [rng.randint(0, 2**other - 1) // 5 for _ in range(5)]
    shares = {(i, 0): Fraction(rng.randint(0, 2**digits - 1), 2**digits - 1) for i in range(5)}
    spend = sum((share * costs[i] for (i, _), share in shares.items()), Fraction(0))
    market = Market.build(scores=scores, costs=costs, budgets=[-(-spend.numerator // spend.denominator)])
    worth = sum((share * scores[i] for (i, _), share in shares.items()), Fraction(0))
    assert check_shares(market, shares) == worth
    if spend.denominator > 1:
        poorer = Market.build(scores=scores, costs=costs, budgets=[spend.numerator // spend.denominator])
        with pytest.raises(CheckError, match="pooled budget"):
            check_shares(poorer, shares)


def test_the_first_limit_that_is_broken_is_named() -> None:
    market = Market.build(
        scores=[1] * 6,
        costs=[0] * 6,
        budgets=[0, 0],
        groups=["a", "a", "b", "b", "c", "c"],
        caps=[[1, 1], [1, 1], [2, 2]],
    )
    assert violation(market, "opt", np.array([0, 0, 1, 1, -1, -1])) == "cap of group a at requester r1 exceeded"
    seated = Market.build(scores=[1] * 4, costs=[0] * 4, budgets=[0, 0], seats=[1, 1])
    assert violation(seated, "opt", np.array([0, 0, 1, 1])) == "seats of requester r1 exceeded"


@pytest.mark.parametrize("digits", [57, 58, 59, 60, 61, 62, 63, 64, 70])
def test_sums_of_shares_do_not_wrap(digits: int) -> None:
    """Each share is nearly a whole worker, a multiple of one over a long number: together they leave 64 bits."""
    scale = 2**digits - 1
    nearly = Fraction(scale - 1, scale)
    for rest in (ONE, Fraction(0), Fraction(1, scale)):
        shares = {**{(i, 0): nearly for i in range(8)}, (8, 0): rest}
        limits: list[tuple[dict[str, Any], str]] = [({"default_cap": 7}, "a cap"), ({"seats": [7]}, "seats")]
        for places, reason in limits:
            market = Market.build(scores=[1] * 9, costs=[0] * 9, budgets=[0], **places)
            with pytest.raises(CheckError, match=reason):
                check_shares(market, shares)
        spent = Market.build(scores=[1] * 9, costs=[1] * 9, budgets=[7])
        with pytest.raises(CheckError, match="pooled budget"):
            check_shares(spent, shares)
        roomy = Market.build(scores=[3] * 9, costs=[1] * 9, budgets=[9])
        assert check_shares(roomy, shares) == 3 * (8 * nearly + rest)
    twice = Market.build(scores=[1], costs=[0], budgets=[0] * 8)
    with pytest.raises(CheckError, match="more than once"):
        check_shares(twice, {(0, j): nearly for j in range(8)})

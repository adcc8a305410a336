"""What points are worth, and each limit of theirs broken by one worker, group or requester while all others keep theirs."""

from __future__ import annotations

from fractions import Fraction

import pytest
from fedmech import Market
from fedmech.solvers.proofs.point import shares_worth, worth
from fedmech.solvers.proofs.proof import ProofError


def market_of_four() -> Market:
    return Market.build(
        scores=[3, 5, 7, 11],
        costs=[2, 2, 2, 2],
        budgets=[4, 2],
        groups=["a", "a", "b", "b"],
        caps={("a", "r1"): 1, ("a", "r2"): 2, ("b", "r1"): 2, ("b", "r2"): 2},
        seats=[2, 3],
        coverage=[[1, 0], [0, 4], [2, 2], [1, 3]],
    )


@pytest.mark.parametrize(
    ("problem", "point", "value"),
    [
        ("orp", [[0, 2], [1, 3]], 26),
        ("opt", [[0], [1, 3]], 19),
        ("opt", [[], []], 0),
        ("opt-sep", [[0, 2], [3]], 21),
        ("cover", [[0], [2, 3]], 5),
        ("cover", [[0], []], 1),
        ("cover", [[], []], 0),
    ],
)
def test_what_points_are_worth(problem: str, point: list[list[int]], value: int) -> None:
    assert worth(market_of_four(), problem, point) == value


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep", "cover"])
@pytest.mark.parametrize(
    ("point", "why"),
    [
        ([[0, 4], []], "unknown"),
        ([[0], [-1]], "unknown"),
        ([[1, False], []], "unknown"),
        ([[0, 0], [2]], "twice"),
        ([[0], [0]], "twice"),
        ([[0]], "a list for each"),
        ([[0], [], []], "a list for each"),
        ([[2, 0, 1], []], "cap of requester r1"),
        ([[0, 2, 3], []], "seats of requester r1"),
    ],
)
def test_one_fault_is_enough(problem: str, point: list[list[int]], why: str) -> None:
    with pytest.raises(ProofError, match=why):
        worth(market_of_four(), problem, point)


def test_budgets_bind_the_problems_that_have_them() -> None:
    market = market_of_four()
    everyone, split = [[0, 2], [1, 3]], [[0], [1, 3]]
    assert worth(market, "orp", everyone) == 26
    for problem in ("opt", "cover"):
        with pytest.raises(ProofError, match="pooled budget"):
            worth(market, problem, everyone)
    with pytest.raises(ProofError, match="budget of requester r2"):
        worth(market, "opt-sep", split)


HALF, FULL = Fraction(1, 2), Fraction(1)


def test_what_shares_are_worth() -> None:
    market = market_of_four()
    assert shares_worth(market, {}) == 0
    # Shares of nothing and of a whole worker are shares; cap, seats and budget are met to the unit.
    full = {(0, 0): HALF, (1, 0): HALF, (2, 0): FULL, (3, 1): FULL, (1, 1): Fraction(0)}
    assert shares_worth(market, full) == Fraction(3, 2) + Fraction(5, 2) + 7 + 11
    assert shares_worth(market, {(3, 0): HALF, (3, 1): HALF}) == 11


@pytest.mark.parametrize(
    ("shares", "why"),
    [
        ({(0, 0): HALF, (4, 0): HALF}, "unknown"),
        ({(-1, 0): HALF}, "unknown"),
        ({(0, 2): HALF}, "unknown"),
        ({(0, -1): HALF}, "unknown"),
        ({(True, 0): HALF}, "unknown"),
        ({(0, False): HALF}, "unknown"),
        ({(0, 0): Fraction(-1, 9), (1, 0): FULL}, "outside 0 to 1"),
        ({(0, 0): Fraction(10, 9)}, "outside 0 to 1|more than once"),
        ({(2, 0): FULL, (3, 0): HALF, (3, 1): Fraction(5, 9)}, "more than once"),
        ({(0, 0): FULL, (1, 0): Fraction(1, 9), (3, 1): HALF}, "a cap"),
        ({(0, 0): Fraction(1, 9), (2, 0): FULL, (3, 0): FULL, (1, 1): HALF}, "seats"),
        ({(0, 0): FULL, (1, 1): Fraction(1, 9), (2, 1): FULL, (3, 1): FULL}, "pooled budget"),
    ],
)
def test_one_limit_of_shares_broken(shares: dict[tuple[int, int], Fraction], why: str) -> None:
    with pytest.raises(ProofError, match=why):
        shares_worth(market_of_four(), shares)

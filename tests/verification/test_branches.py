"""Rules on unknown numbers: every branch is found, numbers are exact, and what the rules do is what they do on numbers."""

from fractions import Fraction as F
from itertools import product

import pytest
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.models.procurement.market import Market
from fedmech.verification.claims.findings.ratios import worse
from fedmech.verification.proofs.chain import have_z3
from fedmech.verification.search.branches import Fork, Number, Undecided, branches
from fedmech.verification.search.one_pool_rules import RULES

pytestmark = pytest.mark.skipif(not have_z3(), reason="z3 is not installed")


def unknown(n):
    import z3

    v, b = z3.RealVector("v", n), z3.RealVector("b", n)
    return z3, v, b, [*(x > 0 for x in v), *(z3.And(x >= 0, x <= 1) for x in b)]


@pytest.mark.parametrize("name", RULES)
def test_every_market_is_in_the_one_branch_that_says_who_is_hired(name):
    z3, v, b, assumed = unknown(2)
    found = list(branches(RULES[name], v, b, assumed))
    for scores, bids in product(product((1, 2, 3), repeat=2), product(range(3), repeat=2)):
        fixed = [x == value for x, value in zip(v, scores, strict=True)]
        fixed += [x == z3.Q(value, 2) for x, value in zip(b, bids, strict=True)]
        solver = z3.Solver()
        solver.add(*fixed)
        inside = [branch for branch in found if str(solver.check(*branch.conditions)) == "sat"]
        assert len(inside) == 1
        market = Market.build(scores=scores, costs=bids, budgets=[2])
        assert sorted(inside[0].hired) == run_mechanism(market, name).winner_indices.tolist()


def test_unknown_numbers_are_added_multiplied_divided_and_compared_as_numbers_are():
    import z3

    x, y = z3.Reals("x y")
    for p, q in ((F(3, 4), F(5, 7)), (F(5, 7), F(3, 4)), (F(2), F(2))):
        fork = Fork([x == z3.Q(*p.as_integer_ratio()), y == z3.Q(*q.as_integer_ratio())], [])
        a, c = Number(fork, x), Number(fork, y)
        for left, right in (
            (a + c, p + q),
            (1 + a, 1 + p),
            (a - c, p - q),
            (1 - a, 1 - p),
            (a * c, p * q),
            (F(1, 2) * a, p / 2),
            (a / c, p / q),
            (1 / a, 1 / p),
            (a / c + c / a, p / q + q / p),
        ):
            for other in (right, right - F(1, 9), right + F(1, 9)):
                assert [left <= other, left < other, left >= other, left > other] == [
                    right <= other,
                    right < other,
                    right >= other,
                    right > other,
                ]
        assert not fork.open


def test_what_the_solver_does_not_know_is_not_taken_for_an_answer(monkeypatch):
    _, v, b, assumed = unknown(2)
    fork = Fork(assumed, [])
    monkeypatch.setattr(fork.solver, "check", lambda *conditions: "unknown", raising=False)
    with pytest.raises(Undecided, match="gave up"):
        fork.possible(v[0] <= b[0])


def test_worst_ratios_have_two_sides():
    assert worse("drop-top", 2, F(2), spread=False, strict=True) == (2, False)
    assert worse("drop-top", 2, F(2), spread=False, strict=False) == (2, True)
    assert worse("driftpay-co", 2, F(1), spread=True, strict=True) == (4, False)
    assert worse("driftpay-co", 2, F(99, 100), spread=True, strict=True) == (4, True)

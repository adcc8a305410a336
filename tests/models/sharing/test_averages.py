"""Which average and whose error: eq. (3) is one of six, and each is what its expectation is, term by term."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import product

import pytest
import sympy
from fedmech.models.sharing.averages import AVERAGES, WHOSE, averaged_error, least_error_shares, shares
from fedmech.models.sharing.market import MotsMarket


def by_hand(weights: list[F], own: list[F], variance: F, whose: str) -> F:
    """The expected square of ``sum p (u + e) - u_m``, coefficient by coefficient of the independent variables."""
    noise = sum((p * p * e for p, e in zip(weights, own, strict=True)), F(0))
    if whose == "buyer":
        return noise + variance * (sum((p * p for p in weights), F(0)) + 1)
    means = []
    for m in range(len(weights)):
        coefficients = [p - (k == m) for k, p in enumerate(weights)]
        means.append(sum((c * c for c in coefficients), F(0)))
    if whose == "member":
        return noise + variance * sum(means, F(0)) / len(means)
    return noise + variance * sum((p * mean for p, mean in zip(weights, means, strict=True)), F(0))


@pytest.mark.parametrize(("average", "whose"), [*product(AVERAGES, WHOSE)])
def test_errors_are_expectations_of_squares(average, whose) -> None:
    for sizes in ([3], [1, 1], [2, 5], [1, 4, 4, 9]):
        weights, own = shares(sizes, average), [F(2, size) for size in sizes]
        assert sum(weights) == 1
        assert averaged_error(weights, own, F(1, 3), whose) == by_hand(weights, own, F(1, 3), whose)


def test_the_market_has_the_plain_average_and_a_participants_error() -> None:
    market = MotsMarket.build(
        sizes=[2, 5], counts=[2, 3], costs=[0, 0], client_variance=F(1, 7), utility={"family": "linear", "a": 1, "s": 1}
    )
    for state in product(range(3), range(4)):
        sizes = [2] * state[0] + [5] * state[1]
        if sizes:
            own = [market.noise / size for size in sizes]
            assert averaged_error(shares(sizes), own, market.client_variance) == market.error(state)
            if len({*sizes}) > 1:
                assert averaged_error(shares(sizes, "by-size"), own, market.client_variance) != market.error(state)


def test_shares_by_size() -> None:
    assert shares([1, 3], "by-size") == [F(1, 4), F(3, 4)]
    assert shares([1, 3]) == [F(1, 2), F(1, 2)]


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("variance", [F(0), F(1, 9), F(1, 5), F(2)])
def test_least_error_shares_solve_the_least_squares(whose, variance) -> None:
    """Where the form is convex, its stationary point on the shares that add up to 1 is the least: a linear system."""
    for sizes in ([4], [1, 4], [1, 2, 2, 5]):
        own = [F(1, size) for size in sizes]
        found = least_error_shares(own, variance, whose)
        assert sum(found) == 1
        assert min(found) >= 0
        error = averaged_error(found, own, variance, whose)
        if whose == "participant" and min(own) <= variance:
            assert error == min(own)
            assert sorted(found) == [0] * (len(own) - 1) + [1]
            continue
        p = sympy.symbols(f"p0:{len(own)}")
        price = sympy.Symbol("price")
        exact = [sympy.Rational(e.numerator, e.denominator) for e in own]
        s = sympy.Rational(variance.numerator, variance.denominator)
        form = sum(x * x * e for x, e in zip(p, exact, strict=True)) + s * sum(x * x for x in p) * (
            -1 if whose == "participant" else 1
        )
        (point,) = sympy.solve([sympy.diff(form, x) - price for x in p] + [sum(p) - 1], [*p, price], dict=True)
        assert [F(int(point[x].p), int(point[x].q)) for x in p] == found
        assert all(error <= averaged_error(shares(sizes, average), own, variance, whose) for average in AVERAGES)


def test_least_error_shares_on_both_sides_of_the_threshold() -> None:
    """At theta = 1/D of the best client, and next to it; a client that errs by nothing is taken alone."""
    own = [F(1, 2), F(1, 4)]
    assert least_error_shares(own, F(1, 4), "participant") == [0, 1]
    assert least_error_shares(own, F(1, 4) - F(1, 100), "participant") == [F(1, 27), F(26, 27)]
    assert least_error_shares([F(0), F(1)], F(0)) == [1, 0]
    assert least_error_shares(own, F(0)) == shares([2, 4], "by-size")

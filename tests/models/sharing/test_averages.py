"""Which average and whose error: eq. (3) is one of four, and each is what its expectation is, term by term."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import product

import pytest
from fedmech.models.sharing.averages import AVERAGES, WHOSE, averaged_error, shares
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

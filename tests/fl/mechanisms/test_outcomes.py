"""What mechanisms return: exact money in the units of the file, or a message that says what it is instead."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest
from fedmech.fl.mechanisms.outcome import Outcome, build_scaled_outcome, outcome, recheck
from fedmech.models.input_error import InputError
from fedmech.models.procurement.market import Market
from fedmech.verification.audit import audit
from hypothesis import given
from hypothesis import strategies as st

MARKET = Market.build(scores=["0.5", 1, "1/3"], bids=["1.25", "0.05", 2], budgets=[5, 3], groups=["a", "a", "b"])
"""Money is counted in twentieths: the budget of 8 is 160 of them."""

FIRST = np.array([0, -1, 1])
HIRED = {"w1": "r1", "w3": "r2"}


def by_ids(market: Market, name: str, _: Any, payments: Any, **rest: Any) -> Outcome:
    return outcome(market, HIRED, payments, mechanism=name, **rest)


@given(st.lists(st.fractions(0, 20, max_denominator=60), min_size=2, max_size=2), st.none() | st.fractions(0, 9))
def test_payments_are_in_the_units_of_the_file(paid: list[F], price: F | None) -> None:
    assert (MARKET.scaled.money_denominator, MARKET.scaled.total_budget) == (20, 160)
    found = outcome(MARKET, HIRED, {"w1": paid[0], 2: paid[1]}, price=price, mechanism="mine")
    assert [found.payment(i) for i in range(3)] == [paid[0], 0, paid[1]]
    assert found.total_payment == sum(paid)
    assert (found.price, found.score) == (price, F(5, 6))
    scaled = {0: paid[0] * 20, 2: paid[1] * 20}
    unit = F(20, MARKET.scaled.score_denominator)
    again = build_scaled_outcome(MARKET, "mine", FIRST, scaled, price=None if price is None else price * unit)
    assert [again.payment(i) for i in range(3)] == [found.payment(i) for i in range(3)]
    assert again.price == price
    assert recheck(MARKET, "mine", found) is found


@pytest.mark.parametrize("wrong", [1.0, np.float64(2), Decimal(1), "3", True, np.True_, None, float("nan"), [1]])
@pytest.mark.parametrize("build", [by_ids, build_scaled_outcome])
def test_money_that_is_not_exact_is_refused_by_worker(build: Any, wrong: Any) -> None:
    with pytest.raises(InputError, match=r"worker 'w3', field 'payments': mine returned .*not exact"):
        build(MARKET, "mine", FIRST, {0: 1, 2: wrong})
    if wrong is not None:
        with pytest.raises((InputError, TypeError)):
            build(MARKET, "mine", FIRST, {}, price=wrong)


def test_a_price_that_is_not_exact_is_refused() -> None:
    with pytest.raises(InputError, match=r"field 'price': mine returned 0\.5, which is not exact"):
        by_ids(MARKET, "mine", FIRST, {}, price=0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("nobody", [3, -1, "w1", 0.0, True])
def test_who_is_paid_has_to_be_there(nobody: Any) -> None:
    with pytest.raises(InputError, match=r"field 'payments': mine pays .*, where the workers are 0 to 2"):
        build_scaled_outcome(MARKET, "mine", FIRST, {nobody: F(1)})
    other = "x9" if nobody == "w1" else nobody
    with pytest.raises(
        InputError, match=r"field 'payments': mine pays .*, where the workers are 0 to 2, or 'w1' to 'w3'"
    ):
        by_ids(MARKET, "mine", None, {other: F(1)})


def test_numpys_whole_numbers_are_exact_however_large() -> None:
    payments: Any = {np.int64(0): np.int64(2**62), 2: F(1, 7)}
    found = by_ids(MARKET, "mine", FIRST, payments)
    assert found.payment(0) == 2**62
    assert found.payment(2) == F(1, 7)


GOOD = by_ids(MARKET, "mine", FIRST, {0: F(5, 4), 2: F(2)})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scaled_payments": np.array([1.25, 0, 2])}, "payments"),
        ({"scaled_payments": np.array([F(5, 4), 0, 2], dtype=object)}, "payments"),
        ({"scaled_payments": np.array([5, 0])}, "payments"),
        ({"scaled_payments": np.array([True, False, True])}, "payments"),
        ({"scaled_payments": [5, 0, 8]}, "payments"),
        ({"payment_denominator": 0}, "payment_denominator"),
        ({"payment_denominator": 4.0}, "payment_denominator"),
        ({"payment_denominator": True}, "payment_denominator"),
        ({"price": 0.5}, "price"),
        ({"score": float(GOOD.score)}, "score"),
        ({"assignment": [0, -1, 1]}, "winners"),
    ],
)
def test_an_outcome_made_by_hand_is_looked_at_too(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        recheck(MARKET, "mine", replace(GOOD, **changes))
    assert refused.value.field == field
    assert "\n" not in str(refused.value)
    large = replace(GOOD, scaled_payments=np.array([2**70, 0, 1], dtype=object))
    assert recheck(MARKET, "mine", large) is large


def half_the_budget_to_the_first(market: Market) -> Outcome:
    """As one writes it from the formulas: money is what the file says."""
    budget = sum((market.budget(j) for j in range(market.m)), F(0))
    payments = {}
    if market.n and market.bid(0) <= budget / 2:
        payments[0] = budget / 2
    return outcome(market, list(payments), payments)


def test_a_mechanism_written_in_the_files_units_is_audited_in_them() -> None:
    # A posted price: nothing to find, in money of the right size.
    found = audit(MARKET, half_the_budget_to_the_first)
    assert found.points > 0
    assert found.holds, [violation.says for violation in found.violations]

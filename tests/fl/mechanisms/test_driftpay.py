"""DriftPay-CO against a literal reading of its definition, in plain fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from campaign import parts, some
from fedmech import (
    Market,
    read_market,
    run_mechanism,
    solve,
)
from fedmech.models.data import digits_market_path
from fedmech.verification.literal.driftpay import driftpay
from hypothesis import given, settings
from mechanism_definitions import literal_of
from strategies import markets


@settings(max_examples=some(300), deadline=None)
@given(market=markets(max_workers=7))
def test_agrees_with_the_literal_definition(market: Market) -> None:
    outcome = run_mechanism(market, "driftpay-co")
    expected = driftpay(literal_of(market))
    assert tuple(outcome.winner_indices.tolist()) == expected.winners
    assert outcome.price == expected.price
    assert [outcome.payment(i) for i in range(market.n)] == [expected.payments.get(i, 0) for i in range(market.n)]
    assert outcome.score == sum((market.score(i) for i in expected.winners), Fraction(0))
    assert outcome.total_payment <= sum(market.budget(j) for j in range(market.m))
    assert all(outcome.payment(i) >= market.bid(i) for i in expected.winners)


def test_never_reads_costs() -> None:
    market = Market.build(scores=[3, 2, 1], costs=[1, 1, 1], budgets=[3])
    others = Market.build(scores=[3, 2, 1], costs=[9, 0, 5], bids=[1, 1, 1], budgets=[3])
    bids_only = Market.build(scores=[3, 2, 1], bids=[1, 1, 1], budgets=[3])
    outcomes = [run_mechanism(each, "driftpay-co") for each in (market, others, bids_only)]
    assert len({(tuple(o.winner_indices.tolist()), o.total_payment, o.price) for o in outcomes}) == 1


def test_payments_beyond_64_bits_are_exact() -> None:
    market = Market.build(
        scores=[2**40 + 1, 2**40 - 1, 7], costs=["1/3", "1/7", 10**9], budgets=[10**6 + Fraction(1, 11)]
    )
    outcome = run_mechanism(market, "driftpay-co")
    assert outcome.winner_indices.tolist() == [0, 1]
    assert outcome.total_payment == market.budget(0)
    assert outcome.payment(0) == market.budget(0) * (2**40 + 1) / 2**41


def test_shipped_market() -> None:
    market = read_market(digits_market_path())
    outcome = run_mechanism(market, "driftpay-co")
    optimum = solve(market, "opt")
    assert (outcome.details["k"], len(outcome.winners)) == (51, 42)
    assert outcome.score == Fraction("28.837319")
    assert optimum.objective == Fraction("35.175223")


@pytest.mark.parametrize("seed", parts(20))
def test_prefixes_of_a_large_market(seed: int) -> None:
    # Too large for the literal reading: compare with ORP solved anew on the two prefixes that decide.
    rng = np.random.default_rng(seed)
    n = 400
    market = Market.build(
        scores=rng.integers(1, 50, n),
        costs=rng.integers(0, 60, n),
        groups=rng.integers(0, 5, n),
        budgets=rng.integers(0, 400, 3),
        caps=rng.integers(0, 30, (5, 3)),
        seats=rng.integers(5, 60, 3),
        group_ids=range(5),
    )
    outcome = run_mechanism(market, "driftpay-co")
    ratio = [market.bid(i) / market.score(i) for i in range(n)]
    order = sorted(range(n), key=lambda i: (ratio[i], i))
    k = outcome.details["k"]
    budget = sum(market.budget(j) for j in range(3))
    assert sorted(np.flatnonzero(outcome.details["prefix"])) == sorted(order[:k])

    def value(length: int) -> Fraction:
        return solve(market.subset(sorted(order[:length])), "orp", "highs-arrays").objective or Fraction(0)

    assert value(k) == outcome.score
    assert k == 0 or ratio[order[k - 1]] * value(k) <= budget
    assert k == n or ratio[order[k]] * value(k + 1) > budget

"""Whatever a user touches is in the units of the file; integers live under `scaled`."""

from fractions import Fraction as F

import numpy as np
import pytest
from fedmech import run
from fedmech.fl.mechanisms.outcome import outcome
from fedmech.models.procurement.market import Market
from hypothesis import given
from strategies import markets


def test_every_number_of_a_market_is_in_the_files_units():
    market = Market.build(
        scores=["0.82", "1/3"],
        costs=[3.5, "2"],
        bids=["4", "9/4"],
        budgets=["7.95", "1/20"],
        coverage=[[1, "0.5"], [0, 2]],
    )
    assert market.scores == [F(41, 50), F(1, 3)]
    assert market.costs == [F(7, 2), 2]
    assert market.bids == [4, F(9, 4)]
    assert market.budgets == [F(159, 20), F(1, 20)]
    assert market.total_budget == 8
    assert market.coverage == ([1, F(1, 2)], [0, 2])
    assert market.scaled.total_budget == 8 * market.scaled.money_denominator
    assert market.scaled.scores.tolist() == [123, 50]


def test_a_market_of_bids_has_no_costs_and_no_coverage():
    market = Market.build(scores=[1], bids=[2], budgets=[3])
    assert market.costs is None
    assert market.coverage is None


def test_a_column_reads_like_a_list():
    column = Market.build(scores=list(range(1, 10)), costs=[0] * 9, budgets=[1]).scores
    assert len(column) == 9
    assert column[-1] == 9
    assert list(column[2:4]) == [3, 4]
    assert column[:0] == []
    assert repr(column) == "[1, 2, 3, 4, 5, 6, ...]"
    assert sum(column) == 45
    assert 4 in column
    assert column != [1, 2]
    assert column != "123456789"
    with pytest.raises(IndexError):
        column[9]
    assert all(isinstance(number, F) for number in (*column, column[0], column[np.int64(1)]))
    assert np.asarray(column, dtype=object).tolist() == list(range(1, 10))


@given(market=markets(coverage=True))
def test_columns_agree_with_the_scaled_integers(market):
    assert market.scores == [market.score(i) for i in range(market.n)]
    assert market.bids == [market.bid(i) for i in range(market.n)]
    assert market.budgets == [market.budget(j) for j in range(market.m)]
    assert market.total_budget == sum(market.budgets)
    if market.costs is not None:
        assert market.costs == [market.cost(i) for i in range(market.n)]


def test_a_mechanism_written_in_the_files_units_keeps_its_promises():
    """Where integers stood in the place of money, this natural rule was said to pay its only winner less than its bid."""

    def greatest_score(market):
        best = max(range(market.n), key=lambda i: (market.scores[i], -i))
        if market.bids[best] > market.total_budget:
            return outcome(market, {}, {})
        return outcome(market, {best: "r1"}, {best: market.total_budget})

    market = Market.build(scores=["0.5", "0.75"], bids=["0.05", "7.95"], budgets=[8])
    found = run(market, greatest_score)
    assert found.total_payment == 8
    assert found.payments["w2"] - market.bid(1) == F(1, 20)

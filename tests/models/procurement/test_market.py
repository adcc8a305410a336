"""Building markets from sequences, arrays and data frames."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fedmech import InputError, Market
from hypothesis import given
from strategies import markets


def build(**changes: Any) -> Market:
    fields: dict = {"scores": [1, 2, 3], "costs": [1, 1, 2], "groups": ["a", "b", "a"], "budgets": [2, 3]}
    return Market.build(**(fields | changes))


def test_sequences_arrays_and_frames_give_the_same_market() -> None:
    fields = {"scores": [0.5, 1.25, 2.0], "costs": [0.1, 0.2, 0.3], "budgets": [1.5, 2]}
    from_lists = Market.build(**fields, groups=["a", "b", "a"], seats=[1, None], caps={("a", "r2"): 1})
    from_arrays = Market.build(
        scores=np.array(fields["scores"]),
        costs=np.array(fields["costs"]),
        budgets=np.array(fields["budgets"]),
        groups=np.array(["a", "b", "a"]),
        seats=[1, None],
        caps=[[None, 1], [None, None]],
    )
    from_frames = Market.from_pandas(
        pd.DataFrame({"score": fields["scores"], "cost": fields["costs"], "group": ["a", "b", "a"]}),
        pd.DataFrame({"budget": fields["budgets"], "seats": [1.0, np.nan]}),
        pd.DataFrame({"group": ["a"], "requester": ["r2"], "cap": [1]}),
    )
    assert from_lists == from_arrays == from_frames
    assert from_lists.cost(0) == Fraction(1, 10)
    assert from_lists.bid(2) == Fraction(3, 10)
    assert from_lists != from_lists.with_bids([1, 1, 1])


def test_limits_are_clipped_and_kept() -> None:
    market = build(caps=[[5, 0], [None, 1]], seats=[None, 1])
    assert market.cap_limits.tolist() == [[5, 0], [-1, 1]]
    assert market.caps.tolist() == [[2, 0], [1, 1]]
    assert market.group_totals.tolist() == [2, 1]
    assert market.seats.tolist() == [3, 1]
    assert not market.seats_bind
    assert build(seats=[2, None]).seats_bind


def test_money_shares_one_denominator() -> None:
    market = build(costs=["0.5", "1/3", 2], bids=["0.25", 1, 2], budgets=["1/7", 1])
    assert market.scaled.money_denominator == 84
    assert [market.cost(i) for i in range(3)] == [Fraction(1, 2), Fraction(1, 3), 2]
    assert market.bid(0) == Fraction(1, 4)
    assert market.budget(0) == Fraction(1, 7)
    assert market.with_budgets([3, "1/5"]).budget(1) == Fraction(1, 5)
    assert market.with_budgets([3, "1/5"]).cost(1) == Fraction(1, 3)


@given(market=markets(coverage=True))
def test_all_workers_are_the_whole_market(market: Market) -> None:
    same = market.subset(np.arange(market.n))
    assert same == market
    assert market.subset([0]).score(0) == market.score(0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": [1, 0, 2]}, r"workers\[1\] \(id 'w2'\), field 'score': must be > 0"),
        ({"scores": [1, -1, 2]}, "negative"),
        ({"scores": [1, float("nan"), 2]}, r"workers\[1\] \(id 'w2'\), field 'score': expected a finite number"),
        ({"costs": [1, "-0.5", 2]}, r"workers\[1\].*field 'cost': must be >= 0"),
        ({"costs": [1, 2]}, "expected 3 values, got 2"),
        ({"costs": None}, "needs a cost or a bid"),
        ({"bids": [1, 2, "x"]}, r"workers\[2\].*field 'bid': expected a number"),
        ({"budgets": [1, -1]}, r"requesters\[1\] \(id 'r2'\), field 'budget'"),
        ({"groups": ["a", "b"]}, "expected 3 values"),
        ({"group_ids": ["a"]}, "unknown group 'b'"),
        ({"caps": {("z", "r1"): 1}}, r"caps\[0\], field 'group': unknown group 'z'"),
        ({"caps": {("a", "r9"): 1}}, "unknown requester 'r9'"),
        ({"caps": {("a", "r1"): 1.5}}, r"field 'cap': expected a whole number, got 1.5"),
        ({"caps": {("a", "r1"): -1}}, "must be >= 0"),
        ({"caps": [[1, 2]]}, "expected 2 x 2 caps"),
        ({"seats": [1, 2, 3]}, "expected 2 values"),
        ({"seats": [1, 0.5]}, r"requesters\[1\].*'seats'"),
        ({"default_cap": "many"}, "default_cap"),
        ({"worker_ids": ["x", "y", "x"]}, r"workers\[2\], field 'id': duplicate id 'x'"),
        ({"requester_ids": ["x", "x"]}, "duplicate id"),
        ({"coverage": [[1], [2]]}, "expected 3 rows"),
        ({"coverage": [[1], [2, 3], [1]]}, r"workers\[1\].*expected 1 values"),
        ({"coverage": [[1], [-2], [1]]}, r"workers\[1\].*negative"),
        ({"scores": np.ones((3, 2))}, "shape"),
    ],
)
def test_bad_data_are_refused_by_row_and_field(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(**changes)


def test_missing_columns_of_a_frame() -> None:
    with pytest.raises(InputError, match="field 'score': missing column"):
        Market.from_pandas(pd.DataFrame({"cost": [1]}), pd.DataFrame({"budget": [1]}))
    frame = pd.DataFrame({"score": [1], "cost": [1], "group": ["a"]})
    caps = pd.DataFrame({"group": ["a", "a"], "requester": ["r1", "r1"], "cap": [1, 2]})
    with pytest.raises(InputError, match="two caps"):
        Market.from_pandas(frame, pd.DataFrame({"budget": [1]}), caps)


@given(markets(max_workers=7, max_groups=4))
def test_members_are_the_workers_of_each_group(market: Market) -> None:
    by_hand = [[i for i in range(market.n) if market.group_of[i] == l] for l in range(market.L)]
    assert [members.tolist() for members in market.members] == by_hand


def test_a_market_of_nobody_has_no_group_and_so_no_members() -> None:
    market = Market.build(scores=[], costs=[], groups=[], budgets=[1])
    assert (market.L, market.members) == (0, [])

"""A market on one screen, and as frames that make the same market again."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Any

import fedmech as fm
import pytest
from hypothesis import given
from strategies import markets

MARKET = fm.Market.build(
    scores=["0.5", 3, "1/3"],
    costs=["1.25", 2, 0],
    bids=["1.25", 2, 1],
    budgets=["3.5", 1],
    groups=["a", "a", "b"],
    worker_ids=["<script>x</script>", "宽宽", "w\u202e"],
    requester_ids=["north", "s&t"],
    caps=[[1, None], [None, 0]],
    seats=[None, 2],
)


@given(markets())
def test_frames_make_the_same_market_again(market: fm.Market) -> None:
    caps = market.frame("caps")
    again = fm.Market.from_pandas(market.frame(), market.frame("requesters"), caps if len(caps) else None)
    # Groups without workers are named by nothing but caps; where they are not, both have the same ones in the same order.
    if again.group_ids == market.group_ids:
        assert again == market
    else:
        for name in ("worker_ids", "scores", "bids", "budgets"):
            assert [*getattr(again, name)] == [*getattr(market, name)]


def test_frames_are_exact_and_in_the_files_units() -> None:
    frame = MARKET.frame()
    assert [*frame.columns] == ["id", "group", "score", "cost", "bid"]
    assert [*frame["cost"]] == [F(5, 4), 2, 0]
    assert MARKET.frame(exact=False)["cost"].tolist() == [1.25, 2.0, 0.0]
    assert [*MARKET.frame("requesters")["seats"]] == [None, 2]
    assert MARKET.frame("caps").to_dict("records") == [
        {"group": "a", "requester": "north", "cap": 1},
        {"group": "b", "requester": "s&t", "cap": 0},
    ]
    with pytest.raises(fm.InputError, match="expected workers, requesters or caps, got 'groups'"):
        MARKET.frame("groups")  # type: ignore[arg-type]
    assert "cost" not in fm.Market.build(scores=[1], bids=[1], budgets=[1]).frame()


def test_one_screen_says_what_there_is() -> None:
    text = str(MARKET)
    for words in (
        "3 in 2 groups",
        "2, with 4.5 together",
        "0.3333333… to 3",
        "costs       0 to 2",
        "bids        1 to 2",
        "on 2 of 4 pairs of group and requester",
        "on 1 of 2 requesters",
    ):
        assert words in text
    assert "\u202e" not in text
    assert all(len(line) <= 80 and line == line.rstrip() for line in text.split("\n"))
    page = MARKET._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "s&amp;t" in page
    assert repr(MARKET) == "Market(n=3, m=2, L=2, budget=4.5)"


@pytest.mark.parametrize("n", [0, 1, 8, 9, 1000])
def test_large_and_empty_markets_fit_a_screen(n: int) -> None:
    market = fm.Market.build(scores=[1] * n, costs=[2] * n, budgets=[n] * n, groups=[f"g{i}" for i in range(n)])
    text = str(market)
    assert len(text.split("\n")) < 50
    assert ("Workers (first 8; " in text) == (n > 8)
    assert "as costs" in text or n == 0
    assert len(market.frame()) == n


def test_numbers_beyond_every_float_are_shown() -> None:
    huge: Any = 10**390
    market = fm.Market.build(scores=[huge, 1], costs=[huge, F(1, huge)], budgets=[huge])
    assert "e390" in str(market)
    assert "e390" in repr(market)
    assert "e390" in str(fm.solve(market))
    floats: Any = fm.solve(market).frame(exact=False)["score"]
    assert floats[0] == float("inf")
    assert "e390" in str(fm.run(market, "lowest-bid"))
    assert "e390" in str(fm.compare(market, ["lowest-bid"]))

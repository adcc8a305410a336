"""Sharing markets, social states and SWAN on one screen: ids, exact figures, and frames."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

import fedmech as fm
import pytest
from fedmech.models.sharing.market_text import SHOWN_TYPES

HOSTILE = ["<script>1</script>", "宽宽", "a\u202eb"]
MARKET = fm.SharingMarket.build(
    sizes=[50, 120, 300],
    counts=[10, 5, 5],
    costs=["0.5", "6/5", 3],
    ids=HOSTILE,
    utility={"family": "inverse-gap", "a": 1, "p": 1},
    dimension=784,
)


def test_a_market_and_its_answer_speak_in_ids() -> None:
    best = fm.solve(MARKET)
    assert best.participants == dict(zip(HOSTILE, (0, 0, 5), strict=True))
    assert best.value == MARKET.welfare((0, 0, 5))
    frame = best.frame()
    assert [*frame["id"]] == HOSTILE
    assert [*frame["participants"]] == [0, 0, 5]
    assert [*frame["cost"]] == [*MARKET.frame()["cost"]] == [F(1, 2), F(6, 5), F(3)]
    assert MARKET.frame(exact=False)["cost"].tolist() == [0.5, 1.2, 3.0]
    assert "optimal, proved (proof checked)" in str(best)
    assert "5; everybody else buys the model" in str(best)
    assert repr(MARKET) == "SharingMarket(3 types, 20 clients)"
    assert repr(best).startswith("SocialAnswer(welfare 23.26531…, optimal (checked), 5")


def test_the_mechanism_shows_price_and_rewards() -> None:
    swan = fm.swan(MARKET)
    rewards = swan.rewards(swan.target)
    assert [*swan.frame()["reward"]] == [*rewards]
    assert f"price            {float(swan.price(swan.target)):g}" in str(swan)
    for reward in rewards:
        assert f"{float(reward):g}" in str(swan)
    assert "Swan(SharingMarket" in repr(swan)


def test_what_is_shown_is_escaped_and_fits_a_screen() -> None:
    for shown in (MARKET, fm.solve(MARKET), fm.swan(MARKET)):
        page, text = shown._repr_html_(), str(shown)
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        assert "\u202e" not in page + text
        assert all(len(line) <= 80 and line == line.rstrip() for line in text.split("\n"))


def test_without_a_state_and_without_a_proof() -> None:
    best = fm.solve(MARKET)
    nothing = replace(best, state=None, welfare=None, status="none", stopped="time-limit", exactness="unchecked")
    assert (nothing.participants, nothing.value) == ({}, None)
    assert [*nothing.frame()["participants"]] == [None] * 3
    assert "none, stopped: time-limit" in str(nothing)
    assert "proved" not in str(nothing)
    below = replace(best, status="feasible", stopped="node-limit")
    assert "feasible, stopped: node-limit (bound checked)" in str(below)
    limited = fm.solve(MARKET.with_max_error(1))
    assert "1 is required" in str(limited)


def test_a_welfare_that_is_no_fraction_has_no_exact_value() -> None:
    market = fm.SharingMarket.build(
        sizes=[10], counts=[3], costs=[0], utility={"family": "exponential", "a": 1, "s": 1}, dimension=2
    )
    best = fm.solve(market)
    assert best.value is None
    assert "certified interval" in str(best)


@pytest.mark.parametrize("count", [SHOWN_TYPES, SHOWN_TYPES + 1])
def test_types_beyond_a_screen_are_counted(count: int) -> None:
    market = fm.SharingMarket.build(
        sizes=[10] * count, counts=[1] * count, costs=[0] * count, utility={"family": "linear", "a": 9, "s": 1}
    )
    assert ("(first 20; 1 more)" in str(market)) == (count > SHOWN_TYPES)
    assert len(market.frame()) == count

"""Solutions in ids and money: hires, frames, one screen of text and HTML that says what binds and who pools the budget."""

from __future__ import annotations

import random
from fractions import Fraction as F
from typing import Any

import fedmech as fm
import pytest
from fedmech.solvers.solution_page import SHOWN_HIRES, SHOWN_LIMITS, SHOWN_REQUESTERS

HOSTILE = ["<script>alert('x')</script>", "a&b", "宽宽宽", "w\u202etxt"]
MARKET = fm.Market.build(
    scores=[3, 2, "0.5", 4],
    costs=["1.25", "0.5", 1, 2],
    budgets=[3, 1],
    groups=["a", "a", "b", "b"],
    worker_ids=["anna", "ben", "carl", "dora"],
    requester_ids=["north", "south"],
    caps=[[1, 1], [1, 0]],
    seats=[2, None],
    coverage=[[1, 0], [0, 1], [1, 1], [0, 1]],
)


def test_hires_are_ids() -> None:
    best = fm.solve(MARKET)
    assert best.hired == ["anna", "ben", "dora"]
    assert set(best.requesters) == {*best.hired}
    assert best.requesters["dora"] == "north"
    frame = best.frame()
    assert [*frame["worker"]] == best.hired
    assert [*frame["requester"]] == [*best.requesters.values()]
    assert (sum(frame["score"]), sum(frame["cost"])) == (best.value, F(15, 4))
    assert all(type(score) is F for score in frame["score"])
    assert best.frame(exact=False)["cost"].dtype == float
    assert repr(best) == "Solution(opt: 9, optimal (checked), 3 workers)"


def test_shares_are_in_ids_too() -> None:
    market = MARKET.with_budgets([2, 1])
    half = fm.solve(market, "opt-frac")
    assert half.shares is not None
    frame = half.frame()
    assert {(w, r): s for w, r, s in zip(frame["worker"], frame["requester"], frame["share"], strict=True)} == {
        (market.worker_ids[i], market.requester_ids[j]): part for (i, j), part in half.shares.items() if part
    }
    assert half.hired == [*dict.fromkeys(frame["worker"])]
    with pytest.raises(fm.InputError, match="hires in part"):
        _ = half.requesters
    split = [part for part in half.shares.values() if 0 < part < 1]
    assert split
    assert "3 of 3, pooled by all requesters; used up" in str(half)


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        ("opt", "3.75 of 4, pooled by all requesters; 0.25 left"),
        ("cover", "pooled by all requesters"),
        ("opt-sep", "each requester spending its own"),
        ("orp", "does not look at"),
    ],
)
def test_every_problem_says_whose_money_it_is(problem: Any, says: str) -> None:
    assert says in str(fm.solve(MARKET, problem))


def test_only_limits_that_are_reached_are_shown() -> None:
    text = str(fm.solve(MARKET))
    limits = text[text.index("Limits that are reached") : text.index("Who is hired")]
    # North hires two for its two seats; of group a, nobody is left for whom a cap could matter.
    assert "seats  north" in limits
    assert "cap    north      b" in limits
    assert "cap    south" not in limits
    free = fm.Market.build(scores=[1], costs=[1], budgets=[5])
    assert "Limits" not in str(fm.solve(free))


def test_binding_limits_by_counting() -> None:
    draw, seen = random.Random(11), 0
    for _ in range(40):
        market = fm.Market.build(
            scores=[draw.randint(1, 9) for _ in range(6)],
            costs=[draw.randint(1, 5) for _ in range(6)],
            budgets=[draw.randint(2, 9), draw.randint(0, 9)],
            groups=[draw.choice("xy") for _ in range(6)],
            group_ids=["x", "y"],
            caps=[[draw.choice([None, 0, 1, 2]) for _ in range(2)] for _ in range(2)],
            seats=[draw.choice([None, 1, 2, 3]) for _ in range(2)],
        )
        best = fm.solve(market)
        placed = [*best.requesters.values()]
        wanted = []
        for j, name in enumerate(market.requester_ids):
            if market.seat_limits[j] == placed.count(name):
                wanted.append(("seats", name, ""))
        for l, group in enumerate(market.group_ids):
            members = [market.worker_ids[i] for i in range(6) if market.group_of[i] == l]
            for j, name in enumerate(market.requester_ids):
                used = sum(best.requesters.get(worker) == name for worker in members)
                if used == market.cap_limits[l, j] > 0 and any(worker not in best.requesters for worker in members):
                    wanted.append(("cap", name, group))
        shown = [tuple(row[:3]) for row in best.page().tables[1].rows]
        assert sorted(shown) == sorted(wanted)[: len(shown)]
        assert len(shown) == min(len(wanted), SHOWN_LIMITS)
        seen += len(shown)
    assert seen > 30


@pytest.mark.parametrize("n", [SHOWN_HIRES, SHOWN_HIRES + 1])
@pytest.mark.parametrize("m", [SHOWN_REQUESTERS, SHOWN_REQUESTERS + 1])
def test_what_is_left_out_of_a_screen_is_counted(n: int, m: int) -> None:
    best = fm.solve(fm.Market.build(scores=[1] * n, costs=[1] * n, budgets=[n] * m))
    text = str(best)
    assert ("first 12; 1 more with --json" in text) == (n > SHOWN_HIRES)
    assert (f"first {SHOWN_REQUESTERS}; 1 more" in text) == (m > SHOWN_REQUESTERS)
    assert len(text.split("\n")) < 50
    assert len(best.frame()) == n


@pytest.mark.parametrize("count", [SHOWN_LIMITS, SHOWN_LIMITS + 1])
def test_limits_beyond_a_screen_are_counted(count: int) -> None:
    groups = [f"g{k}" for k in range(count) for _ in range(2)]
    market = fm.Market.build(
        scores=[1] * (2 * count), costs=[0] * (2 * count), budgets=[1], groups=groups, default_cap=1
    )
    text = str(fm.solve(market))
    assert ("(first 6; 1 more)" in text) == (count > SHOWN_LIMITS)
    assert text.count("cap    r1") == SHOWN_LIMITS


def test_hostile_names_are_escaped_and_nothing_is_wider_than_a_screen() -> None:
    market = fm.Market.build(
        scores=[1] * 4, costs=[1] * 4, budgets=[4], worker_ids=HOSTILE, groups=["<b>"] * 4, requester_ids=["x" * 300]
    )
    best = fm.solve(market)
    page = best._repr_html_()
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in page
    assert "\u202e" not in page + str(best)
    assert all(len(line) <= 80 and line == line.rstrip() for line in str(best).split("\n"))
    assert [*best.frame()["worker"]] == HOSTILE


def test_a_market_of_bids_and_a_point_that_is_not_proved() -> None:
    market = fm.Market.build(scores=[2, 1], bids=[1, 1], budgets=[2])
    best = fm.solve(market, "orp")
    assert [*best.frame().columns] == ["worker", "group", "requester", "share", "score", "bid"]
    assert "bid" in str(best)
    stopped = fm.solve(fm.generate_market("b", 60, seed=1), time_limit=0, allow_suboptimal=True)
    if stopped.status != "optimal":
        assert f"{stopped.status}, stopped" in str(stopped)
        assert "proved" not in str(stopped)

"""Ratios on the same market in the same run; the tables are in ``separate_and_cover.py``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fedmech import generate_market

sys.path.insert(0, str(Path(__file__).parent))

from separate_and_cover import coverage_market, timed


@pytest.mark.parametrize("kind", ["b", "c"])
def test_a_hundred_workers_where_the_literal_model_gives_up(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    market = generate_market(kind, 100, requesters=5, groups=10, seed=1)
    seconds, ours = timed(market, "opt-sep", "loss-search", 60)
    assert ours.status == "optimal"
    given = max(4.0, 4 * seconds)
    _, literal = timed(market, "opt-sep", "highs-arrays", given)
    with capsys.disabled():
        print(
            f"\nOPT-SEP {kind}, n = 100, m = 5: proved in {seconds:.2f} s; HiGHS, given {given:.0f} s: {literal.status}"
        )
    assert literal.status == "feasible"


@pytest.mark.parametrize("kind", ["sparse", "clusters"])
def test_cover_is_no_slower_than_highs(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    market = coverage_market(kind, 300, 40)
    seconds, ours = timed(market, "cover", "facility", 60)
    theirs, highs = timed(market, "cover", "highs-arrays", max(5.0, 4 * seconds))
    with capsys.disabled():
        print(f"\nCOVER {kind}, 300 x 40: {seconds:.2f} s, HiGHS {theirs:.2f} s ({highs.status})")
    assert ours.status == "optimal"
    assert seconds <= theirs

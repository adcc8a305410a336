"""Time taken against the time allowed, on markets that are not proved within it or only just."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from fedmech import Market, generate_market, solve

sys.path.insert(0, str(Path(__file__).parent))

from separate_and_cover import coverage_market

MARKETS = {
    "opt-sep, 200 x 10": ("opt-sep", lambda: generate_market("a", 200, requesters=10, seed=2)),
    "opt-sep, 300 x 5, seats": ("opt-sep", lambda: generate_market("b", 300, seat_share=0.5)),
    "opt-sep, 10,000 x 100": (
        "opt-sep",
        lambda: generate_market("b", 10_000, requesters=100, groups=40, seat_share=0.8, budget_share=0.3, top=10**9),
    ),
    "opt, 100,000, seats": ("opt", lambda: generate_market("d", 100_000, seat_share=0.5)),
    "cover, 1000 x 100": ("cover", lambda: coverage_market("places", 1000, 100, 3)),
}


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("limit", [0.0, 0.5, 3.0])
def test_a_limit_is_kept(name: str, limit: float, capsys: pytest.CaptureFixture[str]) -> None:
    problem, make = MARKETS[name]
    market: Market = make()
    started = time.monotonic()
    solution = solve(market, problem, time_limit=limit, allow_suboptimal=True)
    taken = time.monotonic() - started
    with capsys.disabled():
        print(f"\n{name}: {taken:.2f} s of {limit:g} s, {solution.status}, {solution.stopped}")
    assert solution.objective is not None
    assert solution.bound is not None
    assert solution.objective <= solution.bound
    # Generous: what is meant is a second or two on an idle core.
    assert taken < 3 * limit + 6

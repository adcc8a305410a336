"""The critical-prefix scan and the problems with seats, as ratios to one argsort of as many floats in the same run.

``pytest --slow tests/benchmarks/test_seats_and_scan.py`` prints the tables.  Times are CPU seconds (a busy machine would
skew the clock), the best of a few runs; nothing is asserted about them, only that different routes agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fedmech import Market, generate_market, solve
from fedmech.solvers.placement.matroid import best_set
from fedmech.solvers.placement.max_flow import layered_network
from fedmech.solvers.placement.prefix_scan import PrefixScan, prefix_scan

pytestmark = pytest.mark.slow


def fastest(work: Callable[[], object], runs: int = 5) -> float:
    """Return the shortest CPU time of a few runs, after one to warm up (compiled code comes from its cache)."""
    work()
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def argsort_seconds(n: int) -> float:
    values = np.random.default_rng(0).random(n)
    return fastest(lambda: np.argsort(values), 9)


def scanned(market: Market, budget: int) -> PrefixScan:
    limits = (market.caps, market.seats) if market.seats_bind else (None, None)
    return prefix_scan(market.scaled.bids, market.scaled.scores, market.group_of, budget, market.group_totals, *limits)


def say(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        print(text)


@pytest.mark.parametrize(
    ("requesters", "groups", "seat_share"), [(5, 10, None), (20, 50, None), (5, 10, 0.6), (20, 50, 0.6)]
)
@pytest.mark.parametrize("n", [10_000, 100_000, 1_000_000])
def test_scan(n: int, requesters: int, groups: int, seat_share: float | None, capsys) -> None:
    market = generate_market("a", n, requesters=requesters, groups=groups, seat_share=seat_share, seed=1)
    sort = argsort_seconds(n)
    # From a scan that stops early to one where the whole market is affordable.
    for share in (0.02, 0.2, 1.0, 20.0):
        budget = int(market.scaled.total_budget * share)
        found = scanned(market, budget)
        spent = fastest(lambda budget=budget: scanned(market, budget), 3)
        say(
            capsys,
            f"scan  n={n:>9,} m={requesters:>2} L={groups} seats={'yes' if seat_share else 'no ':3} "
            f"k*/n={found.k / n:.3f}: {spent * 1e3:8.1f} ms = {spent / sort:5.2f} argsorts",
        )


def naive_scan(market: Market, orp: Callable[[Market], int]) -> int:
    """DriftPay-CO's k* as written: one ORP for every prefix until the first failure."""
    order = sorted(range(market.n), key=lambda i: (market.bid(i) / market.score(i), i))
    for k in range(1, market.n + 1):
        last = order[k - 1]
        if int(market.scaled.bids[last]) * orp(market.subset(sorted(order[:k]))) > market.scaled.total_budget * int(
            market.scaled.scores[last]
        ):
            return k - 1
    return market.n


def orp_by_greedy(market: Market) -> int:
    return int(market.scaled.scores[best_set(market, market.scaled.scores)].sum())


def orp_by_network(market: Market) -> int:
    import networkx as nx

    return -int(nx.network_simplex(layered_network(market))[0])


@pytest.mark.parametrize("seat_share", [None, 0.6])
@pytest.mark.parametrize(("n", "peer"), [(2000, orp_by_greedy), (120, orp_by_network)])
def test_scan_beside_one_orp_for_each_prefix(n: int, peer: Callable, seat_share: float | None, capsys) -> None:
    market = generate_market("a", n, requesters=3, groups=5, seat_share=seat_share, seed=2)
    started = time.process_time()
    k = naive_scan(market, peer)
    naive = time.process_time() - started
    assert scanned(market, market.scaled.total_budget).k == k
    ours = fastest(lambda: scanned(market, market.scaled.total_budget), 3)
    say(
        capsys,
        f"k* naively by {peer.__name__:15} n={n}: {naive:7.2f} s, scan {ours * 1e3:.2f} ms, {naive / ours:,.0f}x",
    )


@pytest.mark.parametrize("n", [10_000, 100_000, 1_000_000])
def test_orp_with_seats(n: int, capsys) -> None:
    market = generate_market("a", n, requesters=20, groups=50, seat_share=0.6, seed=3)
    assert market.seats_bind
    spent, sort = fastest(lambda: solve(market, "orp", "matroid"), 3), argsort_seconds(n)
    say(
        capsys, f"ORP, seats  n={n:>9,}: {spent * 1e3:8.1f} ms = {spent / sort:5.2f} argsorts (with the exact re-check)"
    )


@pytest.mark.parametrize("kind", ["a", "b", "c", "d", "lognormal"])
@pytest.mark.parametrize("n", [1000, 10_000, 100_000, 1_000_000])
def test_opt_with_seats(n: int, kind: str, capsys) -> None:
    requesters, groups = (5, 10) if n <= 10_000 else (20, 50)
    market = generate_market(kind, n, requesters=requesters, groups=groups, seat_share=0.6, seed=4)
    solve(replace(market), "opt", "polymatroid", time_limit=60, allow_suboptimal=True)
    started = time.process_time()
    solution = solve(market, "opt", "polymatroid", time_limit=60, allow_suboptimal=True)
    spent, sort = time.process_time() - started, argsort_seconds(n)
    assert solution.objective is not None
    say(
        capsys,
        f"OPT, seats  {kind:9} n={n:>9,}: {spent:7.3f} s = {spent / sort:6.1f} argsorts, {solution.status} "
        f"({solution.exactness}), gap {float(solution.gap or 0):g}, core {solution.details['core']}, "
        f"partial sets {solution.details['partial_sets']:,}",
    )


@pytest.mark.parametrize("kind", ["a", "b"])
@pytest.mark.parametrize("n", [300, 1000])
def test_opt_with_seats_beside_highs(n: int, kind: str, capsys) -> None:
    market = generate_market(kind, n, requesters=5, groups=10, seat_share=0.6, seed=5)
    started = time.process_time()
    theirs = solve(market, "opt", "highs-arrays", time_limit=30, allow_suboptimal=True)
    highs = time.process_time() - started
    ours = fastest(lambda: solve(market, "opt", "polymatroid"), 3)
    optimum = solve(market, "opt", "polymatroid").objective
    assert optimum is not None
    assert theirs.bound is not None
    assert theirs.objective is not None
    assert theirs.objective <= optimum <= theirs.bound
    say(
        capsys,
        f"OPT, seats  {kind} n={n}: HiGHS {highs:.2f} s ({theirs.status}), ours {ours * 1e3:.1f} ms, {highs / ours:,.0f}x",
    )

"""OPT-SEP and COVER beside HiGHS on the same markets: ``python tests/benchmarks/separate_and_cover.py [seconds]``.

Every line is one market: time of our method, what it proved and by which step; time of HiGHS on the literal (OPT-SEP) or the
facility-location model (COVER) under the limit given, and what that proved; for COVER lazy greedy as well.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from fedmech import Market, generate_market, solve
from fedmech.solvers.solution import Solution

SEPARATE = (
    (50, 5),
    (100, 5),
    (150, 5),
    (200, 5),
    (250, 5),
    (200, 10),
    (500, 10),
    (1000, 10),
    (10_000, 10),
    (100_000, 20),
)
LITERAL_UP_TO = 500


def timed(market: Market, problem: str, method: str, limit: float) -> tuple[float, Solution]:
    """Seconds of one solve, and its solution."""
    started = time.perf_counter()
    solution = solve(market, problem, method, time_limit=limit, allow_suboptimal=True)
    return time.perf_counter() - started, solution


def coverage_market(kind: str, n: int, kinds: int, seats: int | None = None, seed: int = 0) -> Market:
    """Sparse random, 0/1, geographic, clustered or label-count coverage; money for a few per cent of the workers."""
    rng = np.random.default_rng(seed)
    if kind == "sparse":
        offered = rng.integers(1, 10**6 + 1, (n, kinds)) * (rng.random((n, kinds)) < 0.1)
    elif kind == "binary":
        offered = (rng.random((n, kinds)) < 0.1).astype(np.int64)
    elif kind == "places":
        here, there = rng.random((n, 1, 2)), rng.random((1, kinds, 2))
        distance = np.sqrt(((here - there) ** 2).sum(axis=2))
        offered = np.maximum(0, (1 - 4 * distance) * 10**6).astype(np.int64)
    elif kind == "clusters":
        centres = rng.integers(0, 10**6, (10, kinds)) * (rng.random((10, kinds)) < 0.3)
        offered = (centres[rng.integers(0, 10, n)] * rng.uniform(0.5, 1, (n, kinds))).astype(np.int64)
    else:
        offered = (rng.dirichlet(np.full(kinds, 0.1), n) * rng.integers(10, 400, n)[:, None]).astype(np.int64)
    costs = rng.integers(1, 10**6, n)
    share = {"sparse": 0.02, "binary": 0.005, "labels": 0.02}.get(kind, 0.005)
    return Market.build(
        scores=np.ones(n, dtype=np.int64),
        costs=costs,
        groups=rng.integers(0, 10, n).astype(str),
        budgets=[int(share * costs.sum()) // 5] * 5,
        default_cap=max(1, int(0.06 * n / 10)),
        seats=None if seats is None else [seats] * 5,
        coverage=offered,
    )


COVERAGE_KINDS = ("sparse", "binary", "places", "clusters", "labels")


def _show(seconds: float, solution: Solution) -> str:
    proof = solution.exactness if solution.status == "optimal" else "not proved"
    gap = f" gap {float(solution.gap):.0f}" if solution.gap else ""
    return f"{seconds:8.3f} s {proof}{gap}"


def main(limit: float = 20.0) -> None:
    """Print both tables."""
    print(f"OPT-SEP, 10 groups, integers to 1e6, caps 30 %, half the money; limit {limit:g} s")
    for n, m in SEPARATE:
        for kind in "abcd":
            market = generate_market(kind, n, requesters=m, groups=10, seed=1)
            seconds, ours = timed(market, "opt-sep", "loss-search", limit)
            line = f"n={n:<7} m={m:<3} {kind}  ours {_show(seconds, ours)} ({ours.details['step']})"
            if n <= LITERAL_UP_TO:
                line += "   HiGHS " + _show(*timed(market, "opt-sep", "highs-arrays", limit))
            print(line, flush=True)
    print(f"COVER, limit {limit:g} s")
    for n, kinds in ((200, 30), (1000, 100)):
        for seats in (None, 3):
            for kind in COVERAGE_KINDS:
                market = coverage_market(kind, n, kinds, seats)
                greedy_seconds, greedy = timed(market, "cover", "lazy-greedy", limit)
                seconds, ours = timed(market, "cover", "facility", limit)
                assert greedy.objective is not None
                assert ours.objective is not None
                share = float(greedy.objective / ours.objective) if ours.objective else 1.0
                highs = _show(*timed(market, "cover", "highs-arrays", limit))
                print(
                    f"{n} x {kinds} {'seats' if seats else '     '} {kind:9} ours {_show(seconds, ours)}   "
                    f"HiGHS {highs}   greedy {greedy_seconds:.3f} s, {share:.4f} of ours",
                    flush=True,
                )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))

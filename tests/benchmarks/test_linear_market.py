"""An error curve of 20 linear-regression clients: drawn from the distribution of least squares beside drawn sample by sample.

``pytest tests/benchmarks/test_linear_market.py`` prints the ratio.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from fedmech.fl.sharing.linear_market import error_curve, simulate

SIZES = [50] * 10 + [120] * 5 + [300] * 5
MARKETS = 100


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def test_the_curve_is_twenty_times_faster_than_one_point_by_samples(capsys: pytest.CaptureFixture[str]) -> None:
    ours = min(seconds(lambda: error_curve(10, SIZES, 1.0, 0.01, repetitions=100 * MARKETS, seed=0)) for _ in range(3))
    # The last point alone; the other 19 would take as many markets each.
    literal = min(seconds(lambda: simulate(10, SIZES, 1.0, 0.01, repetitions=MARKETS, seed=0)) for _ in range(3))
    ratio = literal / ours * 100
    with capsys.disabled():
        print(
            f"\n20 clients, a market: 20 points {ours / MARKETS * 10:.4f} ms, 1 point by samples {literal / MARKETS * 1e3:.3f} ms, {ratio:.0f}x"
        )
    assert ratio >= 20

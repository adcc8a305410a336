"""How many markets a second the judges decide: DriftPay-CO over every breakpoint of every bid, on one core.

Run with ``pytest tests/benchmarks/test_exhaustive_box.py --benchmark-only``; markets per second are in ``extra_info``. The reference is the
audit of a single market, which takes any mechanism.
"""

from __future__ import annotations

import numpy as np
import pytest
from fedmech.verification.audit import audit
from fedmech.verification.search.boxes import shape_document
from fedmech.verification.search.driftpay_grid import Grid, Shape
from fedmech.verification.search.hunt import document_market

COUNT = 8_000


def markets(n: int) -> tuple[Shape, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    groups = tuple(int(g) for g in np.unique(rng.integers(0, 2, n), return_inverse=True)[1])
    shape = Shape(tuple(int(v) for v in rng.integers(1, 5, n)), groups, ((2,),) * (max(groups) + 1))
    return shape, rng.integers(0, 6, (COUNT, n)), rng.integers(1, 12, COUNT)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_box(benchmark: pytest.FixtureRequest, n: int) -> None:
    shape, bids, budgets = markets(n)
    failures = benchmark.pedantic(lambda: Grid(shape, bids, budgets).untruthful(), rounds=3)  # type: ignore[attr-defined]
    assert not failures.any()
    benchmark.extra_info["markets_per_second"] = round(COUNT / benchmark.stats.stats.min)  # type: ignore[attr-defined]


@pytest.mark.parametrize("n", [3, 6])
def test_single_audit(benchmark: pytest.FixtureRequest, n: int) -> None:
    shape, bids, budgets = markets(n)
    market = document_market(shape_document(shape, bids[0], int(budgets[0])))
    report = benchmark.pedantic(lambda: audit(market, "driftpay-co"), rounds=3)  # type: ignore[operator]
    assert report.holds
    benchmark.extra_info["markets_per_second"] = 1 / benchmark.stats.stats.min  # type: ignore[attr-defined]

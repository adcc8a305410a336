"""Building the model of 100,000 workers and 5 requesters: arrays beside Pyomo, in one run on the same market.

``pytest tests/benchmarks/test_model_building.py`` prints the ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from fedmech import Market, generate_market
from fedmech.models.procurement.formulations import FORMULATIONS
from fedmech.solvers.control import Control
from fedmech.solvers.highs.arrays import Formulation, collapsed_model, pair_model
from fedmech.solvers.highs.interface import load_highs
from fedmech.solvers.highs.run import build_model

WORKERS, REQUESTERS = 100_000, 5


@pytest.fixture(scope="module")
def market() -> Market:
    return generate_market("a", WORKERS, requesters=REQUESTERS, groups=10, seed=1)


def seconds(build: Callable[[], object]) -> float:
    started = time.perf_counter()
    build()
    return time.perf_counter() - started


@pytest.mark.parametrize(
    ("problem", "formulate"),
    [
        ("opt", lambda market: collapsed_model(market, Control(), budget=True)),
        ("opt-sep", lambda market: pair_model(market, Control())),
    ],
)
def test_arrays_are_ten_times_faster_than_pyomo(
    problem: str, formulate: Callable[[Market], Formulation], market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    highspy = load_highs()
    arrays = min(seconds(lambda: build_model(highspy, formulate(market).model)) for _ in range(3))
    literal = seconds(lambda: FORMULATIONS[problem](market))
    with capsys.disabled():
        print(f"\n{problem}: Pyomo {literal:.2f} s, arrays {arrays:.3f} s, ratio {literal / arrays:.0f}")
    assert literal / arrays >= 10

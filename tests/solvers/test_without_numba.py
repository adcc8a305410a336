"""Without numba everything runs interpreted, with the same results."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from fedmech import generate_market, run_mechanism, solve
from fedmech.solvers import compilation
from fedmech.solvers.placement import polymatroid, prefix_scan
from fedmech.solvers.pooled import passes


def forget() -> None:
    compilation.can_compile.cache_clear()
    compilation.compiled.cache_clear()
    passes._compile.cache_clear()


@pytest.fixture
def large_paths_without_numba() -> Iterator[None]:
    """A small market takes every path that a large one would, and an import of numba fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "numba", None)
        patch.setattr(compilation, "find_spec", lambda name: None)
        for module in (polymatroid, prefix_scan, passes):
            patch.setattr(module, "COMPILE_FROM", 1)
        forget()
        yield
    forget()


@pytest.mark.parametrize("seats", [None, 0.6])
def test_large_paths_run_interpreted(seats: float | None, large_paths_without_numba: None) -> None:
    market = generate_market("a", 400, requesters=4, groups=5, top=1000, seat_share=seats, seed=4)
    assert not polymatroid.SeatFlow(market.caps, market.seats, compiled=True).compiled
    assert solve(market, "opt").objective == solve(market, "opt", "highs-arrays").objective
    chosen = solve(
        market.subset(np.flatnonzero(run_mechanism(market, "driftpay-co").details["prefix"])), "orp"
    ).objective
    assert run_mechanism(market, "driftpay-co").score == chosen

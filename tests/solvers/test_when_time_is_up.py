"""Whenever a look at the clock says that time is up, every method ends with a bound, after few more looks.

The clock is no real one: it stands still, and is past every deadline from some look on. How much work lies between two looks is measured
by ``tests/benchmarks/test_looks_at_the_clock.py``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from fedmech import Market, MotsMarket, generate_market, solve, solve_social_state
from fedmech.models.procurement.columns import UNLIMITED
from fedmech.solvers import control
from fedmech.solvers.registry import PROBLEMS, methods

MOST_LOOKS_MORE = 60
"""By the method, what wraps it and the check of its proof, each of which may ask again whether there is time."""


class Clock:
    """Stands still for some looks; then every deadline has passed."""

    def __init__(self, looks: int) -> None:
        self.left = looks
        self.late = 0

    def monotonic(self) -> float:
        self.left -= 1
        self.late += self.left < 0
        return 0.0 if self.left >= 0 else 1e9


def up_after(looks: int, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(looks)
    monkeypatch.setattr(control, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@cache
def market(problem: str, *, few: bool) -> Market:
    if problem != "cover":
        return generate_market("a", 10 if few else 60, requesters=3, groups=3, seat_share=0.6, seed=2)
    rng = np.random.default_rng(6)
    n = 8 if few else 30
    return Market.build(
        scores=[1] * n,
        costs=rng.integers(1, 1000, n),
        groups=rng.integers(0, 4, n).astype(str),
        budgets=[100 * n // 10] * 3,
        seats=[n // 5 + 1] * 3,
        coverage=rng.integers(1, 1000, (n, 8)) * (rng.random((n, 8)) < 0.3),
    )


CASES = [(problem, method.name) for problem in PROBLEMS for method in methods(problem)]


@pytest.mark.parametrize("looks", [1, 3, 9, 27])
@pytest.mark.parametrize(("problem", "name"), CASES)
def test_every_method_of_every_problem(problem: str, name: str, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (method,) = (method for method in methods(problem) if method.name == name)
    asked = market(problem, few=method.max_workers is not None)
    if not method.seats:
        asked = replace(asked, seat_limits=np.full(asked.m, UNLIMITED))
    assert method.refusal(asked) is None
    clock = up_after(looks, monkeypatch)
    found = solve(asked, problem, name, time_limit=100, allow_suboptimal=True)
    assert found.refused is None
    assert found.bound is not None
    assert clock.late or found.stopped != "time-limit"
    assert clock.late <= MOST_LOOKS_MORE


SHARING = MotsMarket.build(
    sizes=[50, 110, 200, 640],
    counts=[5, 2, 7, 3],
    costs=["1e-6", "2e-6", "4e-6", "9e-6"],
    dimension=10,
    client_variance="1/100",
    utility={"family": "exponential", "a": 100, "s": 20},
)


@pytest.mark.parametrize("looks", [1, 3, 9, 27])
@pytest.mark.parametrize("name", [method.name for method in methods("social-state")])
def test_every_method_for_social_states(name: str, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = up_after(looks, monkeypatch)
    found = solve_social_state(SHARING, name, time_limit=100)
    assert found.refused is None
    assert found.bound is not None
    assert clock.late <= MOST_LOOKS_MORE


@cache
def large() -> Market:
    return generate_market("a", 20_000, requesters=10, groups=10, seat_share=0.3, seed=5)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_limit_of_nothing_leaves_a_bound_near_that_of_the_relaxation(problem: str) -> None:
    asked = market("cover", few=False) if problem == "cover" else large()
    found = solve(asked, problem, time_limit=0, allow_suboptimal=True)
    assert found.bound is not None
    if problem == "cover":
        assert asked.scaled.coverage is not None
        assert found.bound <= sum(asked.scaled.coverage.max(axis=0).tolist())
    else:
        relaxed = solve(asked, "orp" if problem == "orp" else "opt-frac")
        assert relaxed.value is not None
        assert found.bound <= relaxed.value * 102 / 100
        assert relaxed.value <= found.bound or problem == "opt-sep"

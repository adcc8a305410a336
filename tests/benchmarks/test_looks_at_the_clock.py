"""Every method looks at the clock so often that a time limit holds: no more than a part of a second of work lies between two looks.

Measured in CPU time of this thread, so that neither a busy machine nor a run of HiGHS that was left alone changes anything.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from fedmech import Market, MotsMarket, generate_market, solve, solve_social_state
from fedmech.models.procurement.columns import UNLIMITED
from fedmech.solvers.control import Control
from fedmech.solvers.explain.conflict import find_conflict
from fedmech.solvers.explain.prices import lp_prices
from fedmech.solvers.foreign import broken_off
from fedmech.solvers.highs import pyomo_run
from fedmech.solvers.highs.pyomo_run import built
from fedmech.solvers.placement import max_flow
from fedmech.solvers.registry import PROBLEMS, methods

MOST_CPU = 0.35
"""Seconds between two looks. A limit may be exceeded by .5 s, of which the check of what was found takes its part."""

LIMIT = 0.6


class Looks:
    """The longest stretch of work between two looks at any clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.again()
        for name in ("expired", "remaining"):
            original = getattr(Control, name)

            def looked(control: Control, original: Callable[[Control], object] = original) -> object:
                self.look()
                return original(control)

            monkeypatch.setattr(Control, name, looked)
        for user in (pyomo_run, max_flow):
            monkeypatch.setattr(user, "broken_off", self.outside)
        # Whatever earlier tests left behind is not gone through in the middle of a search.
        gc.collect()
        gc.freeze()

    def again(self) -> None:
        self.last, self.longest = time.thread_time(), 0.0

    def outside(self, control: Control, work: Callable[[], Any]) -> Any:
        """Foreign code is broken off from outside: what counts is how long after the deadline."""
        self.look()
        left, started = control.remaining(), time.thread_time()
        try:
            return broken_off(control, work)
        finally:
            self.last = time.thread_time()
            self.longest = max(self.longest, self.last - started - (left or 0.0))

    def look(self) -> None:
        now = time.thread_time()
        self.longest, self.last = max(self.longest, now - self.last), now


@pytest.fixture(scope="module", autouse=True)
def imported() -> Iterator[None]:
    """What is imported or compiled once is no part of any search."""
    built(Control(), lambda: None)
    small = generate_market("a", 8, requesters=2, groups=2, seed=1)
    for problem in ("orp", "opt", "opt-sep"):
        for method in methods(problem):
            if method.refusal(small) is None:
                solve(small, problem, method.name, allow_suboptimal=True)
        # Kernels for large markets, with seats and without.
        for kind in ("large", "large seatless"):
            solve(market(kind), problem, time_limit=20, allow_suboptimal=True)
    yield
    gc.unfreeze()


@cache
def market(kind: str) -> Market:
    if kind.endswith(" seatless"):
        return replace(
            market(kind.removesuffix(" seatless")), seat_limits=np.full(market(kind.split()[0]).m, UNLIMITED)
        )
    if kind == "few":
        return generate_market("a", 14, requesters=4, groups=3, seat_share=0.6, seed=2)
    if kind == "hard":
        return generate_market("a", 200, requesters=10, groups=4, seat_share=0.7, seed=3)
    if kind == "medium":
        return generate_market("c", 2000, requesters=20, groups=10, seat_share=0.3, seed=4)
    if kind == "large":
        return generate_market("a", 60_000, requesters=10, groups=10, seat_share=0.3, seed=5)
    rng = np.random.default_rng(6)
    n, kinds = (14, 8) if kind == "few covered" else (3000, 60)
    return Market.build(
        scores=[1] * n,
        costs=rng.integers(1, 1000, n),
        groups=rng.integers(0, 4, n).astype(str),
        budgets=[100 * n // 10] * 3,
        seats=[n // 5] * 3,
        coverage=rng.integers(1, 1000, (n, kinds)) * (rng.random((n, kinds)) < 0.2),
    )


def cases() -> list[tuple[str, str, str]]:
    found = []
    for problem in PROBLEMS:
        for method in methods(problem):
            kinds = ["hard", "medium", "large"] if problem != "cover" else ["covered"]
            kinds = [f"{kind} seatless" for kind in kinds] if not method.seats else kinds
            if method.max_workers is not None and method.max_workers < 20:
                kinds = ["few"] if problem != "cover" else ["few covered"]
            elif method.max_workers is not None or "pyomo" in method.name:
                kinds = ["hard"] if problem != "cover" else ["covered"]
            found += [(problem, method.name, kind) for kind in kinds]
    return found


@pytest.mark.parametrize(("problem", "method", "kind"), cases())
def test_every_method_of_every_problem(problem: str, method: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = market(kind)
    looks = Looks(monkeypatch)

    def longest() -> float:
        looks.again()
        found = solve(asked, problem, method, time_limit=LIMIT, allow_suboptimal=True)
        looks.look()
        assert found.refused is None
        assert found.bound is not None
        return looks.longest

    # A kernel that no earlier case needed is compiled in the first run, and a second run finds it compiled.
    assert longest() < MOST_CPU or longest() < MOST_CPU


@cache
def states(kind: str, utility: str, *, limited: bool) -> MotsMarket:
    rng = np.random.default_rng(7)
    types, most = (5, 12) if kind == "small" else (20, 2**40)
    sizes = sorted(rng.integers(50, 1000, types).tolist())
    specification = {
        "inverse-gap": {"family": "inverse-gap", "a": 100, "p": 2},
        "inverse": {"family": "inverse", "a": 100},
        "linear": {"family": "linear", "a": 100, "s": 20},
        "exponential": {"family": "exponential", "a": 100, "s": 20},
        "expression": {"expression": "100 * exp(-eps) / (1 + sqrt(eps))"},
    }[utility]
    return MotsMarket.build(
        sizes=sizes,
        counts=rng.integers(1, most, types).tolist(),
        costs=[f"{size}e-8" for size in sizes],
        dimension=10,
        client_variance="1/100",
        utility=specification,
        max_error="1/80" if limited else None,
    )


@pytest.mark.parametrize("method", [method.name for method in methods("social-state")])
@pytest.mark.parametrize("utility", ["inverse-gap", "inverse", "linear", "exponential", "expression"])
@pytest.mark.parametrize("limited", [False, True])
def test_every_method_for_social_states(
    method: str, utility: str, limited: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = states("large" if method == "frontier" else "small", utility, limited=limited)
    looks = Looks(monkeypatch)
    found = solve_social_state(asked, method, time_limit=LIMIT)
    looks.look()
    assert found.refused is None
    assert found.bound is not None or found.status == "infeasible"
    assert looks.longest < MOST_CPU


def test_explanations(monkeypatch: pytest.MonkeyPatch) -> None:
    lp_prices(market("few"))
    looks = Looks(monkeypatch)
    for explain in (
        lambda control: lp_prices(market("hard"), "opt-sep", control),
        lambda control: find_conflict(market("hard"), min_score=10**12, control=control),
    ):
        explain(Control.for_seconds(30))
        looks.look()
        assert looks.longest < 2 * MOST_CPU

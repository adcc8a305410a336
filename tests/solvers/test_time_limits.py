"""Time limits and Ctrl-C: wherever a search is stopped, its point is feasible and its bound holds."""

from __future__ import annotations

import sys
from fractions import Fraction
from importlib import import_module
from math import comb, log
from time import sleep
from typing import Any

import numpy as np
import pytest
from fedmech import Market, generate_market, solve
from fedmech.solvers.compilation import START_SECONDS, clocked
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.coverage import facility
from fedmech.solvers.coverage.method import instance_of as cover_instance_of
from fedmech.solvers.feasibility import check_feasible
from fedmech.solvers.highs import watch
from fedmech.solvers.highs.run import MipArrays, run_highs
from fedmech.solvers.placement.matroid import best_set, route
from fedmech.solvers.pooled import merging, passes
from fedmech.solvers.pooled.dynamic import states
from fedmech.solvers.pooled.method import pooled_problem
from fedmech.solvers.proofs.proof import Proof
from fedmech.solvers.registry import methods
from fedmech.solvers.seated import core as seated_core
from fedmech.solvers.seated import method as opt_seats
from fedmech.solvers.seated.duals import SeatMarket, lagrangian
from fedmech.solvers.separate import columns, search, steps
from fedmech.solvers.separate.columns import TooManyColumnsError, core_of, list_columns
from fedmech.solvers.separate.method import instance_of
from fedmech.solvers.separate.multipliers import find_multipliers
from fedmech.solvers.separate.pooled_relaxation import pooled_optimum
from fedmech.solvers.separate.search import solve_separate
from fedmech.solvers.solution import Found, Solution


@pytest.fixture(scope="module")
def hard() -> tuple[Market, Fraction]:
    """A market that passes through every step of OPT-SEP before its optimum is proved, and that optimum."""
    market = generate_market("a", 40, requesters=8, groups=4, seed=3)
    optimum = solve(market, "opt-sep").objective
    assert optimum is not None
    return market, optimum


def coverage_market() -> Market:
    rng = np.random.default_rng(3)
    n = 60
    return Market.build(
        scores=[1] * n,
        costs=rng.integers(1, 1000, n),
        groups=rng.integers(0, 3, n).astype(str),
        budgets=[800, 900],
        coverage=rng.integers(1, 1000, (n, 12)) * (rng.random((n, 12)) < 0.2),
    )


def holds(cut: Solution, optimum: Fraction) -> None:
    assert cut.objective is not None
    assert cut.bound is not None
    assert cut.objective <= optimum <= cut.bound
    if cut.status == "optimal":
        assert cut.objective == optimum
        assert cut.stopped == "proved"
    else:
        assert cut.stopped != "proved"


@pytest.mark.parametrize("limit", [0, 0.05, 0.2])
def test_opt_sep_within_a_limit(hard: tuple[Market, Fraction], limit: float) -> None:
    market, optimum = hard
    cut = solve(market, "opt-sep", time_limit=limit, allow_suboptimal=True)
    holds(cut, optimum)
    assert cut.stopped in ("proved", "time-limit")


@pytest.mark.parametrize("problem", ["orp", "opt", "cover"])
@pytest.mark.parametrize("limit", [0, 0.05])
def test_the_others_within_a_limit(problem: str, limit: float) -> None:
    market = coverage_market() if problem == "cover" else generate_market("c", 300, seat_share=0.5, seed=2)
    optimum = solve(market, problem).objective
    assert optimum is not None
    holds(solve(market, problem, time_limit=limit, allow_suboptimal=True), optimum)


@pytest.mark.parametrize(
    ("stage", "calls"),
    [
        ("repair_and_fill", 1),
        ("pooled_optimum", 1),
        ("Splitter", 2),
        ("split_exactly", 1),
        ("find_multipliers", 1),
        ("find_multipliers", 2),
        ("list_columns", 1),
        ("list_columns", 5),
        ("pack", 1),
        ("pack", 3),
        ("improve", 1),
        ("refill_all", 1),
        ("find_worker_prices", 1),
        pytest.param("improve_by_highs", 1, marks=pytest.mark.thorough),
    ],
)
def test_ctrl_c_at_any_step_of_opt_sep(
    hard: tuple[Market, Fraction], stage: str, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    market, optimum = hard
    instance = instance_of(market)
    seen = 0
    place = search if stage in ("pooled_optimum", "improve_by_highs") else steps
    original = getattr(place, stage)

    def interrupted(*arguments: object, **options: object) -> object:
        nonlocal seen
        seen += 1
        if seen == calls:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(place, stage, interrupted)
    for few in ("FEW_KINDS", "MORE_KINDS"):
        monkeypatch.setattr(search, few, (0, 0))
    late = stage in ("improve", "refill_all", "find_worker_prices", "improve_by_highs")
    short = {"list_limit": 40, "node_limit": 3} if late else {}
    if stage == "improve_by_highs":
        monkeypatch.setattr(steps, "find_worker_prices", lambda *_: None)
        monkeypatch.setattr(steps.Steps, "by_blocks", lambda *_: False)
    if stage in ("find_worker_prices", "improve_by_highs"):
        monkeypatch.setattr(steps, "refill_all", lambda *_: None)
    pooled = interrupted if stage == "pooled_optimum" else pooled_optimum
    answer = solve_separate(instance, Control(), pooled, **short)  # type: ignore[arg-type]
    assert seen == calls
    assert answer.stopped == "interrupted"
    assert instance.is_feasible(answer.assignment)
    assert instance.value(answer.assignment) <= optimum * market.scaled.score_denominator <= answer.bound


@pytest.mark.parametrize("stage", ["undominated", "best_start", "NodeRelaxation", "branch_and_bound"])
def test_ctrl_c_in_cover(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    market = coverage_market()
    optimum = solve(market, "cover").objective
    assert optimum is not None

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(facility, stage, interrupt)
    cut = solve(market, "cover", allow_suboptimal=True)
    assert cut.stopped == "interrupted"
    holds(cut, optimum)


@pytest.mark.parametrize("problem", ["orp", "opt", "opt-frac", "opt-sep", "cover"])
def test_ctrl_c_before_a_method_has_begun(problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    market = coverage_market()
    optimum = solve(market, problem).objective
    assert optimum is not None

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for method in methods(problem):
        monkeypatch.setitem(method.__dict__, "solve", interrupt)
    cut = solve(market, problem, allow_suboptimal=True)
    assert cut.stopped == "interrupted"
    assert cut.bound is not None
    assert cut.bound >= optimum
    assert cut.objective in (0, None)


def test_every_step_ends_without_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = instance_of(generate_market("a", 200, requesters=10, seed=2))
    monkeypatch.setattr(steps, "STEP_SECONDS", 0.05)
    answer = solve_separate(instance, Control())
    assert answer.stopped == "node-limit"
    assert instance.is_feasible(answer.assignment)
    assert instance.value(answer.assignment) == answer.value < answer.bound


def test_lists_are_the_same_however_they_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = instance_of(generate_market("a", 60, requesters=4, groups=3, seed=1))
    multipliers = find_multipliers(instance, Control())
    gamma = int(instance.scores.max()) * multipliers.denominator // 10
    pairs = core_of(multipliers, instance, gamma)
    core = np.flatnonzero(pairs.any(axis=1))
    sizes = []
    for requester in range(instance.m):
        whole = list_columns(instance, multipliers, requester, pairs, core, gamma, 100_000, Control())
        with monkeypatch.context() as patch:
            patch.setattr(columns, "PAIRS_AT_ONCE", 7)
            parts = list_columns(instance, multipliers, requester, pairs, core, gamma, 100_000, Control())
        sizes.append(whole.loss.size)
        assert whole.loss.tolist() == parts.loss.tolist()
        assert whole.mask.tolist() == parts.mask.tolist()
        with pytest.raises(Stopped):
            list_columns(instance, multipliers, requester, pairs, core, gamma, 100_000, Control.for_seconds(0))
        with pytest.raises(TooManyColumnsError):
            list_columns(instance, multipliers, requester, pairs, core, gamma, 0, Control())
    assert max(sizes) > 20


def test_logarithm_of_the_number_of_subsets() -> None:
    for size in (0, 1, 5, 40):
        for most in range(size + 1):
            exact = log(sum(comb(size, k) for k in range(most + 1)))
            assert columns._log_subsets(size, most) == pytest.approx(exact, abs=1e-9)


def knapsack(integral: bool) -> MipArrays:
    rng = np.random.default_rng(1)
    n = 400
    costs = rng.integers(10**8, 10**9, n).astype(float)
    model = MipArrays(objective=costs + 10**8, upper=np.ones(n), integer=np.full(n, integral))
    for _ in range(8):
        model.at_most(np.arange(n), rng.permutation(costs), float(int(costs.sum() / 3.1)))
    return model


def test_highs_stops_at_the_deadline_and_on_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_highs(knapsack(False), Control()).outcome == "optimal"
    late = run_highs(knapsack(True), Control.for_seconds(0.2))
    assert (late.outcome, late.stopped) == ("stopped", "time-limit")

    class Impatient(Control):
        def expired(self) -> bool:
            raise KeyboardInterrupt

    broken_off = run_highs(knapsack(True), Impatient())
    assert (broken_off.outcome, broken_off.stopped) == ("stopped", "interrupted")
    assert not watch.unfinished_runs


def test_what_highs_cannot_prove_in_time_ends_without_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time limit given, and no patience left: the best point, a valid bound, and ``node-limit``."""
    market, covered = generate_market("c", 60, seat_share=0.6, seed=2), cover_instance_of(coverage_market())
    # Neither enumeration nor the pooled search may close it: HiGHS has to.
    monkeypatch.setattr(opt_seats, "STATES", (1, 1, 1))
    monkeypatch.setattr(opt_seats, "POOLED_SECONDS", 0.0)
    best, most = solve(market, "opt"), facility.solve_cover(covered)
    assert best.objective is not None
    assert best.exactness == "solver"
    assert most.proved
    monkeypatch.setattr(opt_seats, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(facility, "STEP_SECONDS", 0.0)
    cut = solve(market, "opt", allow_suboptimal=True)
    holds(cut, best.objective)
    assert cut.stopped == "node-limit"
    short = facility.solve_cover(covered, certify_nodes=0)
    assert short.value <= most.value <= short.bound
    assert short.stopped == "node-limit"


@pytest.mark.parametrize(("seconds", "started"), [(None, True), (START_SECONDS + 60, True), (START_SECONDS / 2, False)])
def test_numba_is_started_only_where_there_is_time(
    seconds: float | None, started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One rule for every kernel: the passes, the enumeration and the program over money."""
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    for module, constant, counter in (
        (passes, "WARM_UP", "_passed"),
        (merging, "START_UP", "_made"),
        (states, "START_UP", "_made"),
    ):
        monkeypatch.setattr(module, counter, getattr(module, constant))
    monkeypatch.setattr(merging, "compiled", lambda kernel: kernel)
    monkeypatch.setattr(states, "compiled", lambda kernel: kernel)
    monkeypatch.setattr(passes, "_compile", lambda: (passes.classify, passes.suspects))
    monkeypatch.setattr(passes, "COMPILE_FROM", 0)
    market = generate_market("a", 20, seed=1)
    with clocked(Control.for_seconds(seconds)):
        found = (passes.compiled(pooled_problem(market)), merging.compiled_extend(1), states.compiled_merge(1))
    assert [kernel is not None for kernel in found] == [started] * 3


def test_the_bound_at_hand_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = import_module("fedmech.solvers.solve")
    made: list[str] = []
    honest = facade.root_proof

    def counted(market: Market, problem: str) -> Proof:
        made.append(problem)
        return honest(market, problem)

    monkeypatch.setattr(facade, "root_proof", counted)
    market = generate_market("a", 40, requesters=4, groups=3, seed=3)
    assert solve(market, "opt-sep", time_limit=0, allow_suboptimal=True).bound is not None
    assert made == ["opt-sep"]


@pytest.mark.parametrize("problem", ["opt", "opt-sep", "cover"])
def test_what_has_to_be_there_is_made_before_what_may_be_cut_short(
    problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    facade = import_module("fedmech.solvers.solve")
    order: list[str] = []
    for name in ("root_proof", "prove", "proof_of_leaves"):
        original = getattr(facade, name)

        def noted(*arguments: object, name: str = name, original: Any = original) -> object:
            order.append(name)
            return original(*arguments)

        monkeypatch.setattr(facade, name, noted)
    assert solve(coverage_market(), problem, time_limit=0, allow_suboptimal=True).bound is not None
    assert order.index("root_proof") == 0
    assert order.count("root_proof") == 1


def test_the_clock_starts_before_a_method_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = import_module("fedmech.solvers.solve")
    chosen, left = facade.choose_method, []

    class Nothing:
        problem, name, exactness = "opt", "nothing", "checked"

        def solve(self, market: Market, control: Control) -> Found:
            left.append(control.remaining())
            return Found(np.full(market.n, -1))

    def slowly(*arguments: object) -> object:
        chosen(*arguments)
        sleep(0.02)
        return Nothing()

    monkeypatch.setattr(facade, "choose_method", slowly)
    solve(generate_market("a", 5, seed=1), "opt", time_limit=0.01, allow_suboptimal=True)
    assert left == [0]


def test_sorting_looks_at_the_clock() -> None:
    """A million workers that may all be flipped: each column that they are sorted by takes a part of a second."""
    market = generate_market("d", 200, seat_share=0.5, seed=1)
    seated = SeatMarket.of(market)
    _, duals = lagrangian(seated, Control())
    looks = 0

    class Counted(Control):
        def expired(self) -> bool:
            nonlocal looks
            looks += 1
            return super().expired()

    search = seated_core._ChainListing(seated, duals, 10**9, 10, Counted(), pruned=False)
    before = np.lexsort((market.scaled.scores, market.group_of))
    assert search._sorted((market.scaled.scores, market.group_of)).tolist() == before.tolist()
    assert looks == 2
    search._steps()
    assert looks > 10
    with pytest.raises(Stopped):
        best_set(generate_market("a", 5, seed=1), np.arange(5), Control.for_seconds(0))


@pytest.mark.thorough
def test_what_a_search_of_prices_has_found_is_kept_whenever_it_is_stopped() -> None:
    market = generate_market("d", 200, seat_share=0.5, seed=1)
    best = solve(market, "opt").value
    seated = SeatMarket.of(market)
    early = 0
    # After 33 looks the search of prices is over, and what follows takes seconds each time.
    for most in range(30):
        looks = 0

        class Limited(Control):
            def expired(self, most: int = most) -> bool:
                nonlocal looks
                looks += 1
                return looks > most

        control = Limited()
        with clocked(control):
            found = opt_seats.best_affordable_set(seated, control)
        hired = np.full(market.n, -1)
        hired[found.chosen] = route(market, found.chosen)[found.chosen]
        assert check_feasible(market, "opt", hired) * market.scaled.score_denominator == found.value
        assert best is not None
        assert found.value <= best * market.scaled.score_denominator
        early += found.stopped == "time-limit" and found.value > 0
    assert early

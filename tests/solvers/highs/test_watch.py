"""A solver in a thread of its own: it ends, it is asked to, it is left; the caller always comes back."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any, cast

import numpy as np
import pyomo.environ as pyo
import pytest
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.highs import run as highs_run
from fedmech.solvers.highs import watch
from fedmech.solvers.highs.interface import HighsRefused
from fedmech.solvers.highs.pyomo_run import run_pyomo
from fedmech.solvers.highs.watch import is_busy, unfinished_runs, watched


def nothing() -> None:
    pass


def test_a_run_that_ends_by_itself() -> None:
    seen = []
    assert watched("solver", lambda: seen.append(threading.current_thread()), nothing, Control()) == (True, "proved")
    assert seen[0] is not threading.current_thread()
    assert not is_busy("solver")


@pytest.mark.parametrize("fault", [ValueError("no len()"), SystemExit(3), KeyboardInterrupt()])
def test_what_a_run_raises_is_raised_here(fault: BaseException) -> None:
    def run() -> None:
        raise fault

    with pytest.raises(type(fault)):
        watched("solver", run, nothing, Control())
    assert not unfinished_runs


def test_a_run_is_asked_until_it_listens() -> None:
    """A request that comes before the run listens must not be lost."""
    asked = []
    enough = threading.Event()

    def ask() -> None:
        asked.append(1)
        if len(asked) == 3:
            enough.set()

    assert watched("solver", enough.wait, ask, Control.for_seconds(0), grace=None) == (True, "time-limit")
    assert len(asked) >= 3


def test_a_run_that_does_not_listen_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    freed = threading.Event()
    solver = object()
    # Were it not left, this would never end.
    assert watched(solver, freed.wait, nothing, Control.for_seconds(0.1), 0.2) == (False, "time-limit")
    assert is_busy(solver)
    assert not is_busy(object())
    freed.set()
    for _ in range(100):
        if not is_busy(solver):
            break
        time.sleep(0.02)
    assert not unfinished_runs


@pytest.mark.parametrize("grace", [0.2, None])
def test_ctrl_c_twice_leaves_a_run_that_does_not_listen(grace: float | None) -> None:
    freed = threading.Event()
    solver = object()

    def press() -> None:
        for _ in range(2):
            time.sleep(0.3)
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        presser = threading.Thread(target=press)
        presser.start()
        result = watched(solver, freed.wait, nothing, Control(), grace)
        try:
            presser.join()
        except KeyboardInterrupt:
            presser.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert result == (False, "interrupted")
    assert is_busy(solver)
    freed.set()


# ------------------------------------------------------------------ Pyomo


def model(n: int = 6, floor: float | None = None, rows: int = 1, seed: int | None = None) -> Any:
    """A knapsack, all items alike without a seed, which has to be worth `floor`."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(10**8, 10**9, (rows, n)).tolist() if seed is not None else [[2] * n] * rows
    made: Any = pyo.ConcreteModel()
    made.x = cast(Any, pyo.Var)(range(n), domain=pyo.Binary)
    worth = weights[0] if seed is not None else [1] * n
    made.worth = cast(Any, pyo.Objective)(expr=sum(c * made.x[i] for i, c in enumerate(worth)), sense=pyo.maximize)
    made.rows = cast(Any, pyo.ConstraintList)()
    for row in weights:
        made.rows.add(sum(w * made.x[i] for i, w in enumerate(row)) <= sum(row) // 2 + 1)
    if floor is not None:
        made.floor = cast(Any, pyo.Constraint)(expr=made.worth.expr >= floor)
    return made


def test_pyomo_claims_an_optimum() -> None:
    made = model()
    run = run_pyomo(made, Control())
    assert (run.outcome, run.found, run.stopped) == ("optimal", True, "proved")
    assert run.bound == pytest.approx(3)
    assert pyo.value(made.worth) == pytest.approx(3)


@pytest.mark.parametrize("floor", [3.5, 4, 100])
def test_pyomo_claims_that_there_is_no_point(floor: float) -> None:
    run = run_pyomo(model(floor=floor), Control())
    assert (run.outcome, run.found, run.bound, run.stopped) == ("infeasible", False, None, "proved")


def test_pyomo_stops_at_the_deadline_with_a_point_and_a_bound() -> None:
    made = model(300, rows=8, seed=1)
    run = run_pyomo(made, Control.for_seconds(1.5))
    assert (run.outcome, run.stopped) == ("stopped", "time-limit")
    assert run.found
    assert run.bound is not None
    worth: Any = pyo.value(made.worth)
    assert worth <= run.bound * (1 + 1e-9)


def test_pyomo_stops_when_it_is_asked_to(capfd: pytest.CaptureFixture[str]) -> None:
    class Impatient(Control):
        asked = 0

        def expired(self) -> bool:
            self.asked += 1
            if self.asked > 20:
                raise KeyboardInterrupt
            return False

    run = run_pyomo(model(300, rows=8, seed=1), Impatient())
    assert (run.outcome, run.stopped) == ("stopped", "interrupted")
    assert not watch.unfinished_runs
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("ending", ["unknown", "limit", "lost", "time-limit", "interrupted"])
def test_other_endings_claim_nothing(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highs_run, "read_ending", lambda _: ending)
    run = run_pyomo(model(), Control())
    assert run.outcome == "stopped"
    assert run.stopped == ("time-limit" if ending == "time-limit" else "node-limit")


def test_a_model_that_highs_refuses_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise HighsRefused("HiGHS ran nothing: kNotset")

    monkeypatch.setattr(highs_run, "read_ending", refuse)
    run = run_pyomo(model(), Control())
    assert (run.outcome, run.found, run.bound, run.stopped) == ("stopped", False, None, "node-limit")


def test_a_model_is_not_handed_over_after_the_deadline() -> None:
    with pytest.raises(Stopped):
        run_pyomo(model(), Control.for_seconds(0))

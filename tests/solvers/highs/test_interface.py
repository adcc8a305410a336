"""HiGHS made and read: versions, options, statuses, threads, and what it prints."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import highspy
import numpy as np
import pytest
from fedmech import InputError, Market, solve, write_market
from fedmech.cli import app
from fedmech.solvers.control import Control
from fedmech.solvers.explain.prices import lp_prices
from fedmech.solvers.highs import interface, run
from fedmech.solvers.highs.interface import checked, load_highs, make_highs, read_ending, set_options, to_array
from fedmech.solvers.highs.run import MipArrays, load_model, run_highs, run_lp
from fedmech.solvers.highs.watch import unfinished_runs
from typer.testing import CliRunner

ROOT = Path(__file__).parents[3]


def knapsack(n: int = 12, integral: bool = True) -> MipArrays:
    """A model of `n` columns whose optimum takes every second one."""
    model = MipArrays(objective=np.tile([3.0, 2.0], n // 2), upper=np.ones(n), integer=np.full(n, integral, dtype=bool))
    model.at_most(np.arange(n), 2.0, n + 1.0)
    return model


def market() -> Market:
    return Market.build(scores=[3, 5, 4, 6], costs=[2, 3, 2, 4], budgets=[4, 3], groups=["a", "a", "b", "b"])


# ------------------------------------------------------------------ versions


def pretend(monkeypatch: pytest.MonkeyPatch, *version: int) -> None:
    for name, number in zip(("MAJOR", "MINOR", "PATCH"), version, strict=True):
        monkeypatch.setattr(highspy, f"HIGHS_VERSION_{name}", number)


@pytest.mark.parametrize(
    ("version", "fault"),
    [((1, 14, 0), "HiGHS 1.14.0 returns wrong optima"), ((1, 7, 2), "HiGHS 1.7.2 is older than 1.8")],
)
@pytest.mark.parametrize("method", ["highs-arrays", "pyomo-highs"])
def test_versions_that_must_not_be_used(
    version: tuple[int, ...], fault: str, method: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pretend(monkeypatch, *version)
    for use in (load_highs, make_highs, lambda: solve(market(), "opt", method), lambda: lp_prices(market())):
        with pytest.raises(InputError, match=re.escape(fault)):
            use()
    path = tmp_path / "m.market.json"
    write_market(market(), path)
    result = CliRunner().invoke(app, ["solve", str(path), "--method", method])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"error: {fault}; install another version of highspy\n"


@pytest.mark.parametrize("version", [(1, 8, 0), (1, 13, 1), (1, 14, 1), (1, 15, 0), (2, 0, 0)])
def test_versions_that_may(version: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, *version)
    assert load_highs() is highspy


def test_the_package_asks_for_the_versions_it_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = next(line for line in project["dependencies"] if line.startswith("highspy"))
    lowest = ".".join(map(str, interface.LOWEST_VERSION))
    refused = {f"!={'.'.join(map(str, version))}" for version in interface.REFUSED_VERSIONS}
    assert set(wanted.removeprefix("highspy").split(",")) == {f">={lowest}", *refused}


# ------------------------------------------------------------------ options, return codes, statuses


@pytest.mark.parametrize("option", [("no_such_option", 1), ("threads", -5), ("mip_rel_gap", "none"), ("presolve", "?")])
def test_options_are_checked_one_by_one(option: tuple[str, Any]) -> None:
    with pytest.raises(RuntimeError, match=f"does not accept the option {option[0]}"):
        make_highs(dict([option]))
    with pytest.raises(RuntimeError, match="does not accept"):
        set_options(make_highs(), dict([option]))


def test_the_gaps_are_set() -> None:
    highs = make_highs({"threads": 2})
    read = {name: highs.getOptionValue(name)[1] for name in ("mip_rel_gap", "mip_abs_gap", "output_flag", "threads")}
    assert read == {"mip_rel_gap": 0, "mip_abs_gap": 0, "output_flag": False, "threads": 2}


def test_return_codes_are_checked() -> None:
    codes = highspy.HighsStatus
    checked(codes.kOk, "nothing")
    checked(codes.kWarning, "nothing")
    with pytest.raises(RuntimeError, match="HiGHS refused the model"):
        checked(codes.kError, "the model")
    broken = knapsack()
    broken.rows.append((np.array([99], dtype=np.int32), np.ones(1), 0.0, 1.0))
    with pytest.raises(RuntimeError, match="HiGHS refused the model"):
        load_model(broken)


REFUSED = {"kNotset", "kLoadError", "kModelError"}


def statuses() -> list[str]:
    return [name for name in dir(highspy.HighsModelStatus) if name.startswith("k")]


def test_every_status_of_this_version_is_read_deliberately() -> None:
    assert set(statuses()) <= interface._ENDINGS.keys() | REFUSED
    assert not interface._ENDINGS.keys() & REFUSED


@pytest.mark.parametrize("name", [*statuses(), "kNewInSomeLaterVersion"])
def test_reading_a_status(name: str) -> None:
    highs = SimpleNamespace(getModelStatus=lambda: SimpleNamespace(name=name))
    if name in REFUSED:
        with pytest.raises(RuntimeError, match=f"ran nothing: {name}"):
            read_ending(highs)
        return
    claims = {"kOptimal": "optimal", "kModelEmpty": "optimal", "kInfeasible": "infeasible"}
    assert claims.get(name, "") == (read_ending(highs) if read_ending(highs) in claims.values() else "")


@pytest.mark.parametrize("name", statuses())
@pytest.mark.parametrize("failed", [False, True])
def test_what_a_run_makes_of_a_status(name: str, failed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in REFUSED:
        return
    ending = interface._ENDINGS[name]
    monkeypatch.setattr(run, "read_ending", lambda _: ending)
    if failed:
        monkeypatch.setattr(highspy.Highs, "run", lambda _: highspy.HighsStatus.kError)
        monkeypatch.setattr(run, "watched", lambda _highs, work, *_: (work(), (True, "proved"))[1])
    found = run_highs(knapsack(), Control(), np.zeros(12))
    if failed or ending not in ("optimal", "infeasible", "unbounded-or-infeasible"):
        assert found.outcome == "stopped"
        assert found.stopped == ("time-limit" if ending == "time-limit" and not failed else "node-limit")
        assert found.point is not None
    elif ending == "optimal":
        assert (found.outcome, found.stopped) == ("optimal", "proved")
    else:
        # The columns are bounded, so that it is not unbounded.
        assert (found.outcome, found.stopped, found.point) == ("infeasible", "proved", None)


def test_a_model_that_may_grow_without_end_is_not_called_infeasible(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = MipArrays(objective=np.array([1.0, 0.0]), upper=np.array([np.inf, 1.0]), integer=np.array([True, True]))
    endless.at_most(np.array([1]), 1.0, 1.0)
    assert not endless.bounded
    assert run_highs(endless, Control()).outcome == "stopped"
    monkeypatch.setattr(run, "read_ending", lambda _: "unbounded-or-infeasible")
    assert run_highs(endless, Control()).outcome == "stopped"
    endless.objective[0] = 0.0
    assert endless.bounded
    assert run_highs(endless, Control()).outcome == "infeasible"


@pytest.mark.parametrize("integral", [False, True])
def test_endings_as_highs_comes_to_them(integral: bool) -> None:
    best = run_highs(knapsack(integral=integral), Control())
    assert best.outcome == "optimal"
    assert best.point is not None
    assert best.point.sum() == pytest.approx(6 if integral else 6.5)
    impossible = knapsack(integral=integral)
    impossible.at_least(np.arange(12), 1.0, 7.0)
    assert run_highs(impossible, Control()).outcome == "infeasible"
    empty = MipArrays(objective=np.zeros(0), upper=np.zeros(0), integer=np.zeros(0, dtype=bool))
    assert run_highs(empty, Control()).outcome == "optimal"
    late = run_highs(knapsack(integral=integral), Control.for_seconds(0))
    assert (late.outcome, late.stopped) in [("stopped", "time-limit"), ("optimal", "proved")]


def test_other_limits_claim_nothing() -> None:
    rng = np.random.default_rng(1)
    hard = MipArrays(
        objective=rng.integers(50, 99, 60).astype(float), upper=np.ones(60), integer=np.ones(60, dtype=bool)
    )
    for _ in range(6):
        hard.at_most(np.arange(60), rng.integers(10, 99, 60).astype(float), 700.0)
    nodes = run_highs(hard, Control(), options={"mip_max_nodes": 1, "mip_heuristic_effort": 0.0})
    assert (nodes.outcome, nodes.stopped) == ("stopped", "node-limit")
    hard.integer[:] = False
    steps = run_highs(hard, Control(), options={"simplex_iteration_limit": 1, "presolve": "off"})
    assert (steps.outcome, steps.stopped) == ("stopped", "node-limit")


def test_prices_of_a_linear_program() -> None:
    highs = load_model(knapsack(integral=False))
    found = run_lp(highs, Control())
    assert found is not None
    assert found.optimal
    assert found.value == pytest.approx(19)
    assert found.prices == pytest.approx([1])
    assert found.point.sum() == pytest.approx(6.5)


# ------------------------------------------------------------------ callbacks


class Pointer:
    """What a callback is handed by HiGHS up to 1.10."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def __bool__(self) -> bool:
        return bool(self.values)

    def to_array(self, size: int) -> np.ndarray:
        return np.array(self.values[:size])


def test_points_in_callbacks_of_every_version() -> None:
    assert to_array(None, 2) is None
    for handed in (Pointer([1.0, 2.0]), np.array([1.0, 2.0]), [1.0, 2.0]):
        read = to_array(handed, 2)
        assert read is not None
        assert read.tolist() == [1, 2]
    for nothing in (Pointer([]), np.zeros(0), []):
        assert to_array(nothing, 2) is None


def test_a_callback_that_raises_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise TypeError("no len()")

    monkeypatch.setattr(run, "to_array", broken)
    rng = np.random.default_rng(3)
    model = MipArrays(
        objective=rng.integers(5, 99, 40).astype(float), upper=np.ones(40), integer=np.ones(40, dtype=bool)
    )
    for _ in range(3):
        model.at_most(np.arange(40), rng.integers(5, 99, 40).astype(float), 500.0)
    control = Control.for_seconds(20)
    with pytest.raises(TypeError, match=re.escape("no len()")):
        run_highs(model, control)
    assert not control.expired()
    assert not unfinished_runs


# ------------------------------------------------------------------ other users of HiGHS in the process

AFTER_ANOTHER = """
import sys
import highspy, numpy as np
other = highspy.Highs()
other.setOptionValue("output_flag", False)
other.setOptionValue("threads", 2)
other.addVar(0.0, 1.0)
other.changeColsIntegrality(1, np.zeros(1, dtype=np.int32), np.array([highspy.HighsVarType.kInteger]))
other.addRow(2.0, 3.0, 1, np.zeros(1, dtype=np.int32), np.ones(1))
other.run()
assert other.modelStatusToString(other.getModelStatus()) == "Infeasible"
from fedmech import Market, solve
from fedmech.solvers.explain.prices import lp_prices
market = Market.build(scores=[3, 5, 4, 6], costs=[2, 3, 2, 4], budgets=[4, 3], groups=["a", "a", "b", "b"])
for problem in ("opt", "opt-sep"):
    values = {solve(market, problem, method).objective for method in ("highs-arrays", "pyomo-highs", "brute-force")}
    assert len(values) == 1, values
assert abs(lp_prices(market).value - float(lp_prices(market).exact_value)) < 1e-9
print("all proved")
"""


def test_another_library_that_ran_highs_with_other_threads() -> None:
    """A thread keeps the number of solver threads of its first run: ours must not meet that of another library."""
    done = subprocess.run(
        [sys.executable, "-c", AFTER_ANOTHER], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("all proved\n")


# ------------------------------------------------------------------ what HiGHS prints

BANNER = """
import ctypes, os, sys, threading
import highspy
C = ctypes.CDLL(None)
plain, greeted = highspy.Highs, []
class Highs(plain):
    def __init__(self):
        if not greeted:
            greeted.append(1)
            C.printf(b"Running HiGHS 9.9.9 (git hash: 0000000): Copyright (c) 2026 under MIT licence terms\\n")
            os.write(1, b"Includes third-party software components, see THIRD_PARTY_NOTICES.md for full details\\n")
        super().__init__()
highspy.Highs = Highs
from fedmech.solvers.highs.interface import make_highs
"""
"""A HiGHS that prints its banner at the first construction as 1.16 does, through C's buffer and past it, in every version."""


def child(code: str, redirect: str = "", **options: Any) -> subprocess.CompletedProcess[bytes]:
    line = f'exec "{sys.executable}" -c "$0" {redirect}'
    return subprocess.run(["bash", "-c", line, BANNER + code], capture_output=True, timeout=120, check=False, **options)


def test_nothing_is_printed_when_it_is_made() -> None:
    done = child("make_highs(); make_highs(); print('mine'); make_highs().setOptionValue('output_flag', False)")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"mine\n", b"")


def test_what_was_in_the_buffers_of_c_comes_out_in_its_place() -> None:
    done = child("C.printf(b'before\\n'); make_highs(); C.printf(b'after\\n')")
    assert done.stdout == b"before\nafter\n"


def test_lines_of_other_threads_are_not_lost() -> None:
    code = """
lines = [f"line {i}\\n".encode() for i in range(4000)]
going = threading.Thread(target=lambda: [os.write(1, line) for line in lines])
going.start()
makers = [threading.Thread(target=make_highs) for _ in range(4)]
[maker.start() for maker in makers]
[maker.join() for maker in makers]
going.join()
"""
    done = child(code)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == sorted(b"line %d" % i for i in range(4000))


def test_standard_output_that_is_closed() -> None:
    done = child("make_highs(); sys.exit(5)", redirect=">&-")
    assert (done.returncode, done.stdout, done.stderr) == (5, b"", b"")


def test_a_file_that_has_been_given_descriptor_1(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    code = f"""
sink = os.open({str(path)!r}, os.O_WRONLY | os.O_CREAT)
assert sink == 1, sink
os.write(sink, b"my own\\n")
make_highs()
os.write(sink, b"and more\\n")
"""
    done = child(code, redirect=">&-")
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == b"my own\nand more\n"


@pytest.mark.parametrize(
    "use",
    [
        "solve(market, 'opt', 'highs-arrays')",
        "solve(market, 'opt', 'pyomo-highs')",
        "lp_prices(market)",
        pytest.param("find_conflict(market, min_score=100)", marks=pytest.mark.thorough),
        pytest.param("solve_social_state(shared, 'pyomo-highs')", marks=pytest.mark.thorough),
    ],
)
def test_the_python_interface_prints_nothing(use: str) -> None:
    code = f"""
from fedmech import Market, solve
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.explain.conflict import find_conflict
from fedmech.solvers.explain.prices import lp_prices
from fedmech.solvers.sharing.solve import solve_social_state
market = Market.build(scores=[3, 5, 4, 6], costs=[2, 3, 2, 4], budgets=[4, 3], groups=["a", "a", "b", "b"])
linear = {{"family": "linear", "a": 2, "s": 3}}
shared = MotsMarket.build(sizes=[50, 9], counts=[3, 2], costs=["0.1", "0.2"], utility=linear, dimension=3)
{use}
assert greeted
"""
    done = child(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""

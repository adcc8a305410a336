"""Sweeps: every point exactly once and with the same numbers, whatever is killed, damaged, stopped or run twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import campaign
import pandas as pd
import pytest
from campaign import thorough
from deadly_experiments import ENTRY, deadly, grid, registered, run_deadly, run_older
from fedmech import InputError
from fedmech.cli import app
from fedmech.fl.experiments.engine.claims import Claims
from fedmech.fl.experiments.engine.configuration import read_configuration
from fedmech.fl.experiments.engine.pools import LokyPool, Pool, ThisProcess
from fedmech.fl.experiments.engine.results import (
    Results,
    export_results,
    read_point,
    read_results,
)
from fedmech.fl.experiments.engine.sweep import run_sweep, sweep_table
from fedmech.solvers.control import Control
from sweeps import assert_same, kill_when, measured, reference, starts
from typer.testing import CliRunner, Result

SMALL = ["--set", "sizes=50,60", "--set", "counts=2,2", "--set", "dimension=4"]


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def _deadly() -> Iterator[None]:
    with registered():
        yield


def test_a_table_without_a_result_on_disk() -> None:
    table: Any = sweep_table(grid(3))
    assert_same(table[["seed", "k", "value", "odd"]], reference(3))
    with pytest.raises(InputError, match=r"1 points failed: .*out of luck"):
        sweep_table(grid(3, deed="raise", victims=(1,)))


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    report = run_sweep(grid(4, share=0.25, victims=[9]), tmp_path / "r")
    assert (report.points, report.added, report.already, report.left, report.stopped) == (4, 4, 0, 0, "done")
    assert_same(measured(tmp_path / "r"), reference(4, share=0.25))
    frame: Any = read_results(tmp_path / "r")
    assert list(frame.columns)[:3] == ["point", "experiment", "version"]
    assert set(frame["victims"]) == {"9"}
    assert frame["log"].isna().all()
    # As any reader of Parquet sees the folder.
    plain = pd.read_parquet(tmp_path / "r").sort_values(["seed", "k"], ignore_index=True)
    pd.testing.assert_frame_equal(plain, frame, check_dtype=False)
    for ending in ("csv", "parquet"):
        export_results(tmp_path / "r", tmp_path / f"all.{ending}")
        assert_same(measured(tmp_path / f"all.{ending}"), reference(4, share=0.25))


@pytest.mark.parametrize("make", [ThisProcess, lambda run: LokyPool(2, run)], ids=["this-process", "loky"])
def test_a_second_sweep_runs_nothing(tmp_path: Path, make: Callable[..., Pool]) -> None:
    log = tmp_path / "log"
    for already in (0, 5):
        report = run_sweep(grid(5, log=str(log)), tmp_path / "r", make(run_deadly))
        assert (report.already, report.added) == (already, 5 - already)
    assert sorted(seed for _, seed in starts(log)) == [0, 1, 2, 3, 4]
    assert_same(measured(tmp_path / "r"), reference(5))


def test_a_killed_worker_loses_and_repeats_nothing(tmp_path: Path) -> None:
    log, folder = tmp_path / "log", tmp_path / "r"
    victim: list[int] = []

    def running() -> int | None:
        if len(list(folder.glob("*.parquet"))) >= 3:
            victim.append(starts(log)[-1][0])
            return victim[0]
        return None

    thread = kill_when(running)
    report = run_sweep(grid(12, log=str(log), seconds=0.15), folder, LokyPool(2, run_deadly))
    thread.join()
    assert report.deaths >= 1
    assert not report.failures
    assert report.added == 12
    assert len({pid for pid, _ in starts(log)} - set(victim)) >= 2
    assert_same(measured(folder), reference(12))


@pytest.mark.thorough
def test_a_point_that_kills_its_workers_fails_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    report = run_sweep(grid(9, deed="die", victims=(3,), log=str(log)), tmp_path / "r", LokyPool(2, run_deadly))
    assert [failure.settings["seed"] for failure in report.failures] == [3]
    assert "worker process died" in report.failures[0].error
    assert report.added == 8
    assert [seed for _, seed in starts(log)].count(3) <= 4
    expected = reference(9)
    assert_same(measured(tmp_path / "r"), expected[expected["seed"] != 3].reset_index(drop=True))


@pytest.mark.parametrize("deed", ["raise", "mix"])
def test_a_failing_point_is_recorded_and_tried_again(tmp_path: Path, deed: str) -> None:
    pardon, folder = tmp_path / "pardon", tmp_path / "r"
    configuration = grid(4, deed=deed, victims=(1, 2), pardon=str(pardon))
    for _ in range(2):
        report = run_sweep(configuration, folder)
        assert sorted(failure.settings["seed"] for failure in report.failures) == [1, 2]
        assert report.left == 0
        notes = [json.loads(path.read_text()) for path in (folder / "_failed").iterdir()]
        assert sorted(note["settings"]["seed"] for note in notes) == [1, 2]
        assert all(("out of luck" if deed == "raise" else "value") in note["error"] for note in notes)
        assert set(read_results(folder)["seed"]) == {0, 3}
    pardon.touch()
    if deed == "mix":
        return
    assert run_sweep(configuration, folder).added == 2
    assert not list((folder / "_failed").iterdir())
    assert_same(measured(folder), reference(4))


def test_a_worker_of_another_version_is_refused(tmp_path: Path) -> None:
    report = run_sweep(grid(1), tmp_path / "r", LokyPool(1, run_older))
    assert "another version of the experiment" in report.failures[0].error


def test_no_flipped_bit_is_taken_for_a_result(tmp_path: Path) -> None:
    run_sweep(grid(1), tmp_path / "r", ThisProcess())
    (path,) = (tmp_path / "r").glob("*.parquet")
    about, table = read_point(path)
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 7 if campaign.whole else 29):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(flipped))
        try:
            found = read_point(path)
        except InputError:
            continue
        # What is not noticed must not matter.
        assert found[0] == about
        assert found[1].equals(table)


def test_damaged_files_are_run_again(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    run_sweep(grid(5), folder)
    files = sorted(folder.glob("*.parquet"))
    whole = [file.read_bytes() for file in files]
    files[0].write_bytes(whole[0][: len(whole[0]) // 2])
    files[1].write_bytes(b"")
    # One byte of the data, somewhere before the footer.
    flipped = bytearray(whole[2])
    flipped[len(flipped) // 6] ^= 0x40
    files[2].write_bytes(bytes(flipped))
    files[3].write_bytes(whole[4])
    (folder / f".{files[0].name}.abcd").write_bytes(b"half a draft")
    for file in files[:4]:
        with pytest.raises(InputError, match=r"not (the|a whole) point") as caught:
            read_point(file)
        assert caught.value.file == str(file)
    with pytest.raises(InputError, match=r"not (the|a whole) point"):
        read_results(folder)
    report = run_sweep(grid(5), folder)
    assert sorted(report.damaged) == files[:4]
    assert (report.already, report.added) == (1, 4)
    assert_same(measured(folder), reference(5))


@pytest.mark.parametrize("finishes", [True, False])
def test_a_point_begun_elsewhere_is_left_to_it(finishes: bool, tmp_path: Path) -> None:
    configuration, folder = grid(3), tmp_path / "r"
    theirs = configuration.points()[1]
    run_sweep(configuration, folder, limit=0)
    other = Claims(folder)
    assert other.take(ENTRY.digest(theirs))
    assert not Claims(folder).take(ENTRY.digest(theirs))

    def end() -> None:
        if finishes:
            Results(folder, ENTRY).add(theirs, deadly(theirs, Control(), None), 0.0)
        other.close()

    timer = threading.Timer(1.0, end)
    timer.start()
    report = run_sweep(configuration, folder)
    timer.join()
    assert (report.already, report.added, report.left) == ((1, 2, 0) if finishes else (0, 3, 0))
    assert_same(measured(folder), reference(3))
    assert not (folder / "_running").exists()


def test_a_changed_grid_adds_points_and_keeps_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    run_sweep(grid(3), folder)
    before = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
    assert run_sweep(grid(3, share=0.125), folder).added == 3
    assert run_sweep(grid(4), folder).added == 1
    assert {name: (folder / name).read_bytes() for name in before} == before
    frame: Any = read_results(folder)
    assert frame.groupby("share")["seed"].nunique().to_dict() == {0.125: 3, 0.5: 4}
    assert frame["point"].nunique() == 7
    assert_same(
        frame[frame["share"] == 0.125][["seed", "k", "value", "odd"]].reset_index(drop=True), reference(3, share=0.125)
    )


def test_limits(tmp_path: Path) -> None:
    report = run_sweep(grid(5), tmp_path / "r", limit=2)
    assert (report.added, report.left, report.stopped) == (2, 3, "limit")
    report = run_sweep(grid(5, seconds=0.2), tmp_path / "r2", LokyPool(2, run_deadly), time_limit=0.0)
    assert (report.added, report.left, report.stopped) == (0, 5, "time-limit")
    log = tmp_path / "log"
    running = grid(2, seconds=3600, log=str(log))
    report = run_sweep(running, tmp_path / "r3", LokyPool(2, run_deadly), time_limit=1.0)
    assert (report.added, report.stopped) == (0, "time-limit")
    for pid, _ in starts(log):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_points_checkpoint_is_its_own_and_goes_with_it(tmp_path: Path) -> None:
    failing = grid(3, deed="raise", victims=(1,))
    report = run_sweep(failing, tmp_path / "r", checkpoint=tmp_path / "half")
    assert [path.name for path in (tmp_path / "half").iterdir()] == [report.failures[0].digest]


def test_results_refuse_what_is_not_theirs(tmp_path: Path) -> None:
    other = read_configuration("network-effects")
    run_sweep(grid(1), tmp_path / "r")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    (tmp_path / "file").touch()
    for place, configuration, message in (
        ("r", other, "holds results of 'deadly', not of 'network-effects'"),
        ("full", other, r"a folder of something else \(thesis.tex"),
        ("file", other, "cannot write results here"),
    ):
        with pytest.raises(InputError, match=message):
            run_sweep(configuration, tmp_path / place)
    for path in (tmp_path / "full", tmp_path / "file", tmp_path / "none.csv"):
        with pytest.raises(InputError):
            read_results(path)
    assert Results(tmp_path / "r", ENTRY).done()[1] == []


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fedmech", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.fixture(scope="module")
def network_effects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A configuration of twenty points, and the rows of a sequential sweep over it."""
    folder = tmp_path_factory.mktemp("network-effects")
    (folder / "x.toml").write_text(
        'format = "fedmech-experiment/1"\nexperiment = "network-effects"\n[settings]\n'
        "sizes = [50, 60]\ncounts = [2, 2]\ndimension = 4\nrepetitions = 250\n"
        "[sweep]\nclient_variance = [0.0, 0.1]\nseed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
    )
    run_sweep(read_configuration(folder / "x.toml"), folder / "sequential")
    return folder / "x.toml", read_results(folder / "sequential")


def wait_for_points(folder: Path, count: int) -> None:
    for _ in range(9000):
        if len(list(folder.glob("*.parquet"))) >= count:
            return
        time.sleep(0.02)
    raise AssertionError("no points in time")


@pytest.mark.parametrize(
    "sign", thorough([signal.SIGKILL, signal.SIGINT], signal.SIGKILL.__eq__), ids=["killed", "interrupted"]
)
def test_a_stopped_sweep_goes_on_where_it_was(
    tmp_path: Path, sign: signal.Signals, network_effects: tuple[Path, pd.DataFrame]
) -> None:
    configuration, expected = network_effects
    process = start("sweep", configuration, "--out", tmp_path / "r", "--jobs", 2, "--json")
    wait_for_points(tmp_path / "r", 2)
    if sign == signal.SIGINT:
        os.killpg(process.pid, sign)  # As a terminal does: to the workers too.
    else:
        process.kill()
    # The workers hold the pipes: this returns once they are gone too.
    out, err = process.communicate(timeout=60)
    if sign == signal.SIGINT:
        assert process.returncode == 4, err
        answer = json.loads(out)
        assert answer["stopped"] == "interrupted"
        assert "Traceback" not in err
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "r").glob("*.parquet")}
    assert 2 <= len(kept) < 20
    again = invoke("sweep", configuration, "--out", tmp_path / "r", "--jobs", 1, "--json")
    assert again.exit_code == 0, again.stderr
    answer = json.loads(again.stdout)
    assert (answer["already"], answer["added"], answer["left"]) == (len(kept), 20 - len(kept), 0)
    assert {name: (tmp_path / "r" / name).stat().st_mtime_ns for name in kept} == kept
    pd.testing.assert_frame_equal(read_results(tmp_path / "r"), expected, check_exact=True)


@pytest.mark.thorough
def test_two_sweeps_on_one_result_at_once(tmp_path: Path, network_effects: tuple[Path, pd.DataFrame]) -> None:
    configuration, expected = network_effects
    both = [start("sweep", configuration, "--out", tmp_path / "r", "--jobs", 1, "--json") for _ in range(2)]
    added = []
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        answer = json.loads(out)
        assert (answer["left"], answer["already"] + answer["added"]) == (0, answer["points"])
        added.append(answer["added"])
    # No point was run twice.
    assert sum(added) == answer["points"]
    assert not (tmp_path / "r" / "_running").exists()
    pd.testing.assert_frame_equal(read_results(tmp_path / "r"), expected, check_exact=True)
    assert not [path for path in (tmp_path / "r").iterdir() if path.name.startswith(".")]


def test_exit_codes_and_json(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    sweep = ("sweep", "network-effects", *SMALL, "--set", "repetitions=3", "--out", folder, "--jobs", 1)
    limited = invoke(*sweep, "--limit", 4, "--json")
    assert limited.exit_code == 4
    assert {"added": 4, "left": 5, "stopped": "limit"}.items() <= json.loads(limited.stdout).items()
    exported = invoke(*sweep, "--export", tmp_path / "all.csv")
    assert exported.exit_code == 0, exported.stderr
    assert "there before" in exported.stdout
    pd.testing.assert_frame_equal(read_results(tmp_path / "all.csv"), read_results(folder), check_dtype=False)
    for arguments, message in (
        (("--jobs", 1, "--dask", "tcp://127.0.0.1:1"), "--jobs is for this machine"),
        (("--export", tmp_path / "x.xlsx"), "written as .csv or .parquet"),
        (("--time-limit", "nan"), "must be >= 0 seconds"),
        (("--set", "sizs=3"), "did you mean 'sizes'"),
    ):
        refused = invoke("sweep", "network-effects", "--out", tmp_path / "never", *arguments)
        assert refused.exit_code == 2
        assert message in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "never").exists()


def test_failed_points_give_exit_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "fedmech.fl.experiments.engine.configuration.read_configuration",
        lambda name: grid(3, deed="raise", victims=[1]),
    )
    result = invoke("sweep", "x", "--out", tmp_path / "r", "--jobs", 1)
    assert result.exit_code == 1
    assert "failed: {'seed': 1}: ArithmeticError: seed 1 is out of luck" in result.stderr

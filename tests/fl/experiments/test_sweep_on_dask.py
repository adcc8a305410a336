"""Sweeps on a real Dask scheduler with worker processes of its own, some of which die."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dask_cluster import Cluster
from deadly_experiments import grid, registered, run_deadly
from fedmech import InputError
from fedmech.cli import app
from fedmech.fl.experiments.engine.configuration import read_configuration
from fedmech.fl.experiments.engine.pools import DaskPool
from fedmech.fl.experiments.engine.results import read_results
from fedmech.fl.experiments.engine.sweep import run_sweep
from sweeps import assert_same, kill_when, measured, reference, starts
from typer.testing import CliRunner

ONCE = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    with registered():
        try:
            yield made
        finally:
            made.close()


def pool(address: str, **options: Any) -> DaskPool:
    return DaskPool(address, run=run_deadly, **options)


@pytest.mark.thorough
def test_a_killed_worker_loses_and_repeats_nothing(cluster: Cluster, tmp_path: Path) -> None:
    address = cluster.scheduler()
    workers = [cluster.worker(address, "--no-nanny") for _ in range(2)]
    log, folder = tmp_path / "log", tmp_path / "r"
    configuration = grid(14, log=str(log), seconds=0.2)
    running = pool(address)

    # In the middle of a point, with some points done.
    thread = kill_when(lambda: starts(log)[-1][0] if len(list(folder.glob("*.parquet"))) >= 4 else None)
    report = run_sweep(configuration, folder, running)
    thread.join()
    codes = []
    for worker in workers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            codes.append(worker.wait(0.5))
    assert codes == [-9]
    assert not report.failures
    assert report.added == 14
    assert {pid for pid, _ in starts(log)} == {worker.pid for worker in workers}
    assert_same(measured(folder), reference(14))

    # The same cluster through the command line, beside a sequential run.
    sweep = ("sweep", "network-effects", "--set", "repetitions=5", "--out", str(tmp_path / "n"), "--dask", address)
    result = CliRunner().invoke(app, [*sweep, "--json"])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["added"] == 9
    run_sweep(read_configuration("network-effects").with_changes(["repetitions=5"]), tmp_path / "sequential")
    pd.testing.assert_frame_equal(read_results(tmp_path / "n"), read_results(tmp_path / "sequential"), check_exact=True)


@pytest.mark.thorough
def test_a_point_that_kills_its_workers_fails_alone(cluster: Cluster, tmp_path: Path) -> None:
    address = cluster.scheduler(**ONCE)
    # Nannies replace a dead worker.
    for _ in range(2):
        cluster.worker(address)
    log = tmp_path / "log"
    report = run_sweep(grid(8, deed="die", victims=(3,), log=str(log)), tmp_path / "r", pool(address))
    assert [failure.settings["seed"] for failure in report.failures] == [3]
    assert "KilledWorker" in report.failures[0].error
    assert (report.added, report.left) == (7, 0)
    assert [seed for _, seed in starts(log)].count(3) <= 3
    expected = reference(8)
    assert_same(measured(tmp_path / "r"), expected[expected["seed"] != 3].reset_index(drop=True))


def test_without_workers_a_sweep_ends_and_keeps_what_it_has(cluster: Cluster, tmp_path: Path) -> None:
    address = cluster.scheduler()
    worker = cluster.worker(address, "--no-nanny")
    thread = kill_when(lambda: worker.pid if len(list((tmp_path / "r").glob("*.parquet"))) >= 2 else None)
    report = run_sweep(grid(9, seconds=0.2), tmp_path / "r", pool(address, patience=1.0))
    thread.join()
    assert report.stopped == "no-workers"
    assert "no worker for 1 seconds" in (report.reason or "")
    assert 2 <= report.added < 9
    kept = report.added
    # The scheduler dies in the middle of the next attempt.
    cluster.worker(address, "--no-nanny")
    scheduler = cluster.processes[0].pid
    enough = kept + 1
    thread = kill_when(lambda: scheduler if len(list((tmp_path / "r").glob("*.parquet"))) >= enough else None)
    report = run_sweep(grid(9, seconds=0.2), tmp_path / "r", pool(address, patience=30.0))
    thread.join()
    assert report.stopped == "no-workers"
    done = report.already + report.added
    assert kept < done < 9
    report = run_sweep(grid(9, seconds=0.2), tmp_path / "r")
    assert (report.already, report.left) == (done, 0)
    assert_same(measured(tmp_path / "r"), reference(9))


def test_no_scheduler_is_bad_input() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    for wrong in (address, "nonsense://x"):
        with pytest.raises(InputError, match="no Dask scheduler at"):
            DaskPool(wrong, connect=1.0)

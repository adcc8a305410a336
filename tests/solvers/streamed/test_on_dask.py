"""Passes over files on a real Dask cluster: the bytes are those of a run without one, whoever dies meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest
from dask_cluster import Cluster as Processes
from distributed import KilledWorker
from fedmech.cli import app
from fedmech.models import executors
from fedmech.models.input_error import InputError
from fedmech.models.procurement.file import open_market
from fedmech.models.procurement.folder import Folder
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.streamed import Sizes, find_witness
from folders import write_folder
from typer.testing import CliRunner

SIZES = Sizes(direct=0, sample=4000)

VARY = ("seconds", "search_seconds", "check_seconds", "winners", "certificate")


class Killing(executors.ClusterExecutor):
    """Kills a worker in the middle of the first pass over all files: what it does, and what it has done, is lost."""

    def __init__(self, cluster: executors.Cluster, victim: subprocess.Popen[bytes], at: int = 4):
        super().__init__(cluster)
        self.victim, self.at = victim, at

    def each(self, tasks: Any, pulse: Any) -> Iterator[Any]:
        todo = list(tasks)
        for count, found in enumerate(super().each(iter(todo), pulse)):
            if len(todo) == 12 and count == self.at and self.victim.poll() is None:
                self.victim.send_signal(signal.SIGKILL)
                self.victim.wait()
            yield found


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def market(tmp_path: Path) -> Path:
    n, rng = 20_000, np.random.default_rng(5)
    costs, scores = rng.integers(1, 10**4, (2, n))
    columns = {"id": range(n), "group": rng.integers(0, 3, n), "score": scores, "cost": costs}
    requesters = [{"id": name, "budget": int(costs.sum()) // 10} for name in "rs"]
    known = {"groups": ["0", "1", "2"], "requesters": requesters, "default_cap": n // 12}
    return write_folder(tmp_path / "market", columns, known, [700 + 1501 * k for k in range(11)], 1000)


def commands(root: Path, *more: str) -> dict[str, Any]:
    """Everything that the commands write about a market, but for the time it took."""
    root.mkdir()
    names = {name: str(root / name) for name in ("certificate", "hired", "paid")}
    done = {}
    for name, words in {
        "solve": ("solve", "m.market.json", "--certificate", names["certificate"], "--winners", names["hired"]),
        "run": ("run", "m.market.json", "--winners", names["paid"]),
        "check": ("check", names["certificate"], "m.market.json"),
    }.items():
        answer = CliRunner().invoke(app, [*words, "--json", *more])
        assert answer.exit_code == 0, answer.output
        found = json.loads(answer.stdout)
        done[name] = {key: value for key, value in found.items() if key not in VARY}
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    assert len(files) == 25
    return done | files


def test_what_cannot_be_streamed_is_refused(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(market.parent)
    for words in (["solve"], ["solve", "m.market.json", "--problem", "orp"], ["run"]):
        refused = CliRunner().invoke(app, [*words, "--dask", "tcp://127.0.0.1:1"])
        assert refused.exit_code == 2
        assert "Parquet files that can be streamed" in refused.stderr


@pytest.mark.thorough
def test_the_same_bytes_though_a_worker_dies(
    processes: Processes, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = processes.scheduler()
    workers = [processes.worker(address, "--no-nanny") for _ in range(2)]
    monkeypatch.chdir(market.parent)
    monkeypatch.setattr(Sizes, "for_rows", lambda self, n: SIZES)
    here = commands(tmp_path / "here")
    assert here["solve"]["exactness"] == "checked"
    assert here["check"]["optimal"]
    with monkeypatch.context() as patch:
        patch.setattr(executors, "ClusterExecutor", partial(Killing, victim=workers[0]))
        there = commands(tmp_path / "there", "--dask", address)
    assert workers[0].poll() == -signal.SIGKILL
    assert there == here

    # Time that is up on the way; rows that are wrong; a task of which whoever does it dies.
    folder = open_market(market)
    assert isinstance(folder, Folder)
    cluster = executors.Cluster(address)
    assert cluster.threads() == 1
    distant = folder.on(executors.ClusterExecutor(cluster))
    with pytest.raises(Stopped, match="time-limit"):
        find_witness(distant, Control.for_seconds(0))
    table, honest = pq.read_table(folder.files[7]), folder.files[7].read_bytes()
    pq.write_table(table.set_column(2, "score", [np.arange(table.num_rows)]), folder.files[7])
    with pytest.raises(InputError, match=r"part-5.parquet, workers\[0\], field 'score': must be > 0"):
        find_witness(distant, Control())
    folder.files[7].write_bytes(honest)
    monkeypatch.setattr(cluster, "result", killed)
    with pytest.raises(executors.NoWorkersError, match="KilledWorker"):
        find_witness(distant, Control())
    cluster.close()

    # Nobody is left.
    monkeypatch.setattr(executors, "Cluster", partial(executors.Cluster, patience=0.5))
    monkeypatch.setattr(executors, "ClusterExecutor", partial(Killing, victim=workers[1], at=0))
    lost = CliRunner().invoke(app, ["solve", "m.market.json", "--dask", address])
    assert (lost.exit_code, lost.stdout) == (4, "")
    assert "stopped: the Dask cluster has had no worker for 0 seconds" in lost.stderr


def killed(future: Any, seconds: float) -> Any:
    raise KilledWorker("a task", cast("Any", "a worker"), 3)

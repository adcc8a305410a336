"""Passes over files on a real Dask cluster: the bytes are those of a run without one, whoever dies meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from dask_cluster import Cluster as Processes
from distributed import KilledWorker
from fedmech.cli import app
from fedmech.commands.folder import passes_on
from fedmech.models.executors import Cluster, ClusterExecutor, NoWorkersError
from fedmech.models.input_error import InputError
from fedmech.models.procurement.file import open_market
from fedmech.models.procurement.folder import Folder
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.proofs.folder_document import check_folder_document, folder_document
from fedmech.solvers.proofs.folder_outcome import check_witness, outcome_fields
from fedmech.solvers.streamed import Sizes, find_witness, solve_folder, write_paid_winners, write_winners
from folders import write_folder
from typer.testing import CliRunner

SIZES = Sizes(direct=0, sample=4000)

VARY = ("seconds", "search_seconds", "check_seconds", "winners", "certificate")


class Killing(ClusterExecutor):
    """Kills a worker in the middle of a pass over all files: two tasks, or results, of it are lost."""

    def __init__(self, cluster: Cluster, victim: subprocess.Popen[bytes], at: int = 4):
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


def opened(path: Path) -> Folder:
    folder = open_market(path)
    assert isinstance(folder, Folder)
    return folder


def written(folder: Folder, root: Path) -> dict[str, bytes]:
    """Everything that is written about a folder: certificate, outcome, winners of both."""
    root.mkdir()
    solution = solve_folder(folder, sizes=SIZES)
    assert solution.status == "optimal"
    assert solution.value is not None
    assert 0 < solution.details["band"] < folder.n
    value = int(solution.value)
    document = folder_document(folder, solution.chosen, value, value, solution.leaves)
    write_winners(folder, solution.chosen, root / "hired")
    assert check_folder_document(document, folder, lambda: None).value == value
    witness, passes = find_witness(folder, Control(), SIZES)
    assert passes == 1
    found = check_witness(folder, witness, lambda: None)
    write_paid_winners(folder, witness, found, root / "paid")
    texts = {
        "certificate": json.dumps(document).encode(),
        "outcome": json.dumps(outcome_fields(folder, witness)).encode(),
    }
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    assert len(files) == 24
    return texts | {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_the_same_bytes_though_a_worker_dies(
    processes: Processes, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = opened(market), processes.scheduler()
    workers = [processes.worker(address, "--no-nanny") for _ in range(2)]
    cluster = Cluster(address, patience=0.5)
    assert cluster.threads() == 2
    here = written(folder, tmp_path / "here")
    there = written(folder.on(Killing(cluster, workers[0])), tmp_path / "there")
    assert workers[0].poll() == -signal.SIGKILL
    assert cluster.threads() == 1
    assert there == here

    # The command line; time that is up on the way; rows that are wrong.
    monkeypatch.chdir(market.parent)
    answers = []
    for more in ((), ("--dask", address)):
        name = f"c{len(more)}"
        solve = ("solve", "m.market.json", "--certificate", f"{name}.json", "--winners", name, "--json", *more)
        run = ("run", "m.market.json", "--json", "--winners", f"{name}-paid", *more)
        check = ("check", f"{name}.json", "m.market.json", "--json", *more)
        done = [CliRunner().invoke(app, [*words]) for words in (solve, run, check)]
        assert [one.exit_code for one in done] == [0, 0, 0], [one.output for one in done]
        found = [json.loads(one.stdout) for one in done]
        answers.append([{key: one[key] for key in one if key not in VARY} for one in found])
    assert answers[0] == answers[1]
    assert Path("c0.json").read_bytes() == Path("c2.json").read_bytes()
    for words in (["solve"], ["solve", "m.market.json", "--problem", "orp"], ["run"]):
        refused = CliRunner().invoke(app, [*words, "--dask", address])
        assert "Parquet files that can be streamed" in refused.stderr
    there = folder.on(ClusterExecutor(cluster))
    with pytest.raises(Stopped, match="time-limit"):
        find_witness(there, Control.for_seconds(0), SIZES)
    file = folder.files[7]
    honest = file.read_bytes()
    table = pq.read_table(file)
    pq.write_table(table.set_column(2, "score", [np.arange(table.num_rows)]), file)
    with pytest.raises(InputError, match=r"part-5.parquet, workers\[0\], field 'score': must be > 0"):
        find_witness(there, Control(), SIZES)
    file.write_bytes(honest)

    # A task of which whoever does it dies; and nobody is left.
    with monkeypatch.context() as patch:
        patch.setattr(cluster, "result", killed)
        with pytest.raises(NoWorkersError, match="KilledWorker"):
            find_witness(there, Control(), SIZES)
    with pytest.raises(NoWorkersError, match="no worker for 0 seconds"):
        solve_folder(folder.on(Killing(cluster, workers[1])), sizes=SIZES)
    cluster.close()
    with passes_on(None, folder) as same:
        assert same is folder
    with pytest.raises(typer.Exit) as end, passes_on(address, folder):
        raise NoWorkersError("for a reason")
    assert end.value.exit_code == 4


def killed(future: Any, seconds: float) -> Any:
    raise KilledWorker("a task", cast("Any", "a worker"), 3)

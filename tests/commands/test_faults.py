"""Faults around a run, each in a process of its own: a full disk, a clock that steps back, a kill; nothing half is taken for whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaign import thorough
from command_line import fedmech
from fedmech import read_market

GRID = """format = "fedmech-experiment/1"
experiment = "network-effects"
[settings]
repetitions = 2
sizes = [50, 60]
counts = [2, 2]
[sweep]
seed = [0, 1, 2]
"""

FULL = """
import resource, signal, sys, time
from pathlib import Path
import numpy as np
from fedmech.cli import main
from fedmech.fl.rounds.checkpoint import Checkpoint, write_checkpoint
from fedmech.models.input_error import InputError

state = Path("state")
write_checkpoint(state, {"seed": 1}, Checkpoint(1, [], {"model": np.zeros(10)}))
before, real, asked = state.read_bytes(), time.time, []

def backwards():
    asked.append(1)
    return real() - 3600 * len(asked)

time.time = backwards
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))
try:
    write_checkpoint(state, {"seed": 1}, Checkpoint(2, [], {"model": np.zeros(10_000)}))
except InputError as error:
    assert "state: cannot write" in str(error)
else:
    raise AssertionError
assert state.read_bytes() == before
sys.argv = ["fedmech", "sweep", "c.toml", "--out", "result", "--jobs", "1", "--json"]
main()
"""

BACKWARDS = (
    FULL.replace("resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))", "").split("try:")[0]
    + FULL[FULL.index("sys.argv") :]
)


def test_a_full_disk_and_a_clock_that_steps_back(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(GRID)
    done = subprocess.run([sys.executable, "-c", FULL], cwd=tmp_path, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, b""), done.stderr
    assert done.stderr.count(b"\n") == 1
    assert b"cannot write" in done.stderr
    kept = {path.name for path in (tmp_path / "result").iterdir()}
    assert kept == {"_result.json"}
    done = subprocess.run(
        [sys.executable, "-c", BACKWARDS], cwd=tmp_path, capture_output=True, timeout=120, check=False
    )
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["added"], answer["left"], answer["damaged"]) == (0, 3, 0, [])


@pytest.mark.parametrize("after", thorough([0.0, 0.05], (0.05).__eq__))
def test_killed_while_it_writes(after: float, tmp_path: Path) -> None:
    """The file is the old one or the new one; what else is left begins with a dot."""
    target = tmp_path / "g.market.json"
    generate = [sys.executable, "-m", "fedmech", "generate", str(target), "-n", "20000", "--force"]
    subprocess.run([*generate, "--seed", "1"], check=True, capture_output=True, timeout=120)
    with subprocess.Popen([*generate, "--seed", "2"], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len(os.listdir(tmp_path)) == 1:
            time.sleep(0.001)
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    market = read_market(target)
    assert market.n == 20_000
    assert process.returncode in (0, -signal.SIGKILL)
    assert all(path.name.startswith(".") for path in tmp_path.iterdir() if path != target)


MINE = """
import sys
def leaves(market): sys.exit(0)
def raises(market): raise RuntimeError("two\\nlines \\x1b[31m")
"""

WITHOUT = """
import sys
missing = sys.argv.pop(1)
if missing != "nothing":
    sys.modules[missing] = None
from fedmech.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing", "audit", "--mechanism", "mine:leaves", "--property", "ir"], "mine:leaves failed at bids"),
        (["nothing", "audit", "--mechanism", "mine:raises", "--property", "ir"], "RuntimeError: two lines \\x1b[31m"),
        (["nothing", "audit", "--mechanism", "leaving:any"], "cannot load 'leaving:any': SystemExit"),
        (["cvxpy", "solve", "--explain"], "LP prices need cvxpy"),
        (["matplotlib", "plot", "swan-regions"], "drawing needs matplotlib"),
        (["torch", "simulate", "swan-error"], "needs torch"),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, list) else "",
)
def test_one_line_for_a_mechanism_that_fails_and_for_an_extra_that_is_missing(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "leaving.py").write_text("raise SystemExit(3)")
    done = fedmech(*arguments, folder=tmp_path, code=WITHOUT)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert says in done.stderr
    assert "\x1b" not in done.stderr

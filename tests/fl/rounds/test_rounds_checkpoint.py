"""An interrupted simulation loses at most one round and, resumed, ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from campaign import some
from drawing import Numbers, generators
from fedmech import solve
from fedmech.fl.rounds.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from fedmech.fl.rounds.procurement import CHECKPOINT, Interrupted, run_rounds
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.models.input_error import InputError
from fedmech.solvers.control import Control
from hypothesis import given, settings

SETTINGS = {
    "rounds": 6, "workers": 12, "train_samples": 300, "public_samples": 20, "public_steps": 10, "probe_size": 30,
    "objective": "moon", "scoring": "reputation", "eta": 0.2, "bid_noise": 0.1, "cap": 2, "budget_share": 0.4, "batch_size": 4,
    "deviators": 0.2, "deviation": 1.4, "seed": 3, "optimum": "both",
}  # fmt: skip
PLAIN = ProcurementSettings(**SETTINGS)


@pytest.fixture(scope="module")
def whole() -> bytes:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = run_rounds(PLAIN)
    torch.set_num_threads(before)
    return as_bytes(rows)


def as_bytes(rows) -> bytes:
    return json.dumps(rows).encode()


def rounds_in(folder: Path) -> int:
    return read_checkpoint(folder / CHECKPOINT, PLAIN.document()).rounds


KILLED = """
import os, signal, sys, threading, time, torch
torch.set_num_threads(1)
from pathlib import Path
from fedmech.fl.rounds.procurement import run_rounds
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.solvers.control import Control

settings, folder, last, delay = eval(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])

def report(message):
    if message.startswith(f"round {last} "):
        if delay == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        timer = threading.Timer(delay, lambda: os.kill(os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()

run_rounds(ProcurementSettings(**settings), Control(report=report), folder)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("last", "delay"),
    [
        (4, 0.0),
        pytest.param(3, 0.01, marks=pytest.mark.thorough),
        *(pytest.param(3, 0.004 * k, marks=pytest.mark.slow) for k in range(1, 12)),
        pytest.param(1, 0.0, marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, whole, last, delay):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, repr(SETTINGS), str(tmp_path), str(last), str(delay)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    kept = rounds_in(tmp_path)
    # The rounds before the last that was begun are all there.
    assert kept == last - 1 if delay == 0 else last - 1 <= kept
    begun = []
    rows = run_rounds(PLAIN, Control(report=begun.append), tmp_path)
    assert len(begun) == 6 - kept
    assert as_bytes(rows) == whole
    # A finished run is read back, not run again.
    begun.clear()
    assert as_bytes(run_rounds(PLAIN, Control(report=begun.append), tmp_path)) == whole
    assert begun == []


def test_ctrl_c_keeps_the_rounds_before(tmp_path, whole):
    def stop(message):
        if message.startswith("round 4 "):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        run_rounds(PLAIN, Control(report=stop), tmp_path)
    rows = json.loads(whole)
    assert stopped.value.rows == [row for row in rows if row["round"] <= 3]
    assert isinstance(stopped.value, KeyboardInterrupt)
    assert rounds_in(tmp_path) == 3
    assert as_bytes(run_rounds(PLAIN, None, tmp_path)) == whole


def test_ctrl_c_in_a_solver_gives_the_round_up(tmp_path, whole, monkeypatch):
    calls = []

    def interrupted(market, problem, **options):
        solution = solve(market, problem, **options)
        calls.append(problem)
        # What the facade returns when Ctrl-C reaches a method: its best point, and no exception.
        return replace(solution, stopped="interrupted") if len(calls) == 5 else solution

    monkeypatch.setattr("fedmech.fl.rounds.buying.solve", interrupted)
    with pytest.raises(Interrupted) as stopped:
        run_rounds(PLAIN, None, tmp_path)
    assert {row["round"] for row in stopped.value.rows} == {1, 2}
    monkeypatch.undo()
    assert as_bytes(run_rounds(PLAIN, None, tmp_path)) == whole


def test_a_deadline_ends_a_run_between_rounds(tmp_path):
    with pytest.raises(Interrupted) as stopped:
        run_rounds(PLAIN, Control(deadline=time.monotonic() - 1), tmp_path)
    assert stopped.value.rows == []


def test_without_a_folder_nothing_is_written(tmp_path, whole, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert as_bytes(run_rounds(PLAIN)) == whole
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    short = replace(PLAIN, rounds=1)
    run_rounds(short, None, tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()
    for field, value in (
        ("rounds", 2),
        ("seed", 4),
        ("eta", 0.1),
        ("mechanism_options", ("a=b",)),
        ("scoring", "drift"),
    ):
        with pytest.raises(InputError, match=rf"checkpoint of other settings: {field} was") as refused:
            run_rounds(replace(short, **{field: value}), None, tmp_path)
        assert refused.value.field == field
        assert refused.value.file == str(tmp_path / CHECKPOINT)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


@pytest.mark.parametrize("damage", ["hired", "local.output.bias", "models.hidden.weight", "reputation"])
def test_a_checkpoint_with_other_arrays_is_refused(tmp_path, damage):
    short = replace(PLAIN, rounds=1)
    run_rounds(short, None, tmp_path)
    path, more = tmp_path / CHECKPOINT, short.document()
    kept = read_checkpoint(path, more)
    missing = {name: array for name, array in kept.arrays.items() if name != damage}
    assert len(missing) == len(kept.arrays) - 1
    for arrays in (missing, {**kept.arrays, damage: kept.arrays[damage][:-1]}):
        write_checkpoint(path, more, replace(kept, arrays=arrays))
        with pytest.raises(InputError, match="not a checkpoint of this simulation") as refused:
            run_rounds(short, None, tmp_path)
        assert (refused.value.field, refused.value.file) == (damage, str(path))


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "state").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        run_rounds(PLAIN, None, tmp_path / "state")


# ------------------------------------------------------------------ the file


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "models.weight": rng.standard_normal((3, 4)).astype(np.float32),
        "reputation": rng.standard_normal(5) * 10.0 ** rng.integers(-300, 300, 5),
        "hired": rng.random(5) < 0.5,
        "none": np.zeros((0, 2)),
        "counts": np.arange(4),
    }
    rows = [{"a": 0.1 + 0.2, "b": None, "c": True, "d": "é", "e": 10**30, "f": 5e-324}]
    path = tmp_path / "x.npz"
    write_checkpoint(path, {"seed": 1, "names": ("a", "b")}, Checkpoint(7, rows, arrays))
    found = read_checkpoint(path, {"seed": 1, "names": ("a", "b")})
    assert (found.rounds, found.rows) == (7, rows)
    assert set(found.arrays) == set(arrays)
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].tobytes() == array.tobytes()
        assert found.arrays[name].shape == array.shape
    assert read_checkpoint(tmp_path / "missing.npz", {}) == Checkpoint()


class Bomb:
    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    target, path = tmp_path / "exploded", tmp_path / "x.npz"
    np.savez(path, header=np.array([Bomb(target)], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="not a checkpoint"):
        read_checkpoint(path, {})
    path.write_bytes(pickle.dumps(Bomb(target)))
    with pytest.raises(InputError, match="not a checkpoint"):
        read_checkpoint(path, {})
    torch.save(Bomb(target), path)
    with pytest.raises(InputError, match="not a checkpoint"):
        read_checkpoint(path, {})
    assert not target.exists()
    with pytest.raises(TypeError, match="cannot be kept"):
        write_checkpoint(path, {}, Checkpoint(1, [], {"x": np.array([Bomb(target)], dtype=object)}))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"{}", bytes(range(256))])
def test_files_that_are_no_checkpoint_are_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a checkpoint") as refused:
        read_checkpoint(path, {})
    assert refused.value.file == str(path)


@settings(max_examples=some(150))
@given(rng=generators)
def test_damaged_checkpoints_are_refused(tmp_path, rng: Numbers) -> None:
    path = tmp_path / "x.npz"
    write_checkpoint(path, {"seed": 1}, Checkpoint(1, [{"a": 1.5}], {"x": np.arange(50.0)}))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    if rng.random() < 0.3:
        damaged = damaged[: int(rng.integers(len(damaged)))]
    else:
        place = int(rng.integers(len(damaged)))
        damaged[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(bytes(damaged))
    try:
        found = read_checkpoint(path, {"seed": 1})
    except InputError:
        return
    # Flipped where it does not matter (a date, say): nothing else may come back.
    assert found.rows == [{"a": 1.5}]
    assert found.arrays["x"].tobytes() == np.arange(50.0).tobytes()


def test_what_cannot_be_written_leaves_the_file_before(tmp_path):
    path = tmp_path / "x.npz"
    write_checkpoint(path, {}, Checkpoint(1))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_checkpoint(path, {}, Checkpoint(2, [{"a": float("nan")}]))
    with pytest.raises(InputError, match="cannot write"):
        write_checkpoint(tmp_path / "nowhere" / "x.npz", {}, Checkpoint(2))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.npz"]

"""What long work says at a terminal: how far it is, in the units of the file, and how long it will take; nothing to others."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import fedmech as fm
import pytest
from fedmech.fl import progress
from fedmech.fl.progress import time_left, written_over
from fedmech.solvers.control import Control
from fedmech.verification.audit import audit


def test_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 60.0)
    assert time_left(0.0, 0.5) == ", about 60 s left"
    assert time_left(0.0, 0.25) == ", about 3 min left"
    assert time_left(0.0, 60 / 159) == ", about 99 s left"
    assert time_left(0.0, 60 / 160) == ", about 2 min left"
    assert time_left(0.0, 0.0) == time_left(0.0, 1.0) == ""


def test_a_line_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    say = written_over()
    for text in ("a long line", "short", ""):
        say(text)
    assert stream.getvalue() == "\ra long line\rshort      \r     \r"
    monkeypatch.setattr(progress, "QUIET_SECONDS", 1000.0)
    say("too soon")
    assert "too soon" not in stream.getvalue()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    written_over()("nobody sees this")
    assert "nobody" not in sys.stderr.getvalue()  # type: ignore[attr-defined]


def test_an_audit_says_which_worker_and_how_long() -> None:
    market = fm.Market.build(scores=[3, 2], costs=[1, 1], budgets=[2])
    said: list[str] = []
    audit(market, "lowest-bid", report=said.append)
    assert said[0] == "worker 1 of 2 (w1): 0 bids"
    assert any(text.startswith("worker 2 of 2 (w2): ") and text.endswith(" left") for text in said)
    assert audit(market, "lowest-bid").points == audit(market, "lowest-bid", report=said.append).points


def test_amounts_are_in_the_units_of_the_file() -> None:
    assert Control().amount(7) == "7"
    control = Control(denominator=4).capped(3)
    assert control.amount(7) == "1.75"
    # Scores of tenths and separate budgets too small for what one purse could pay.
    market = fm.Market.build(scores=["10.1", "7.3", "5.2", "4.9"], costs=[5, 4, 3, 3], budgets=[6, 5])
    said: list[str] = []
    best = fm.solve(market, "opt-sep", report=said.append)
    values = [text.split(",")[0] for text in said if text.startswith("value ")]
    assert values
    assert values[-1] == f"value {float(best.objective or 0)}"


def at_terminal(words: list[str], folder: Path) -> str:
    """What a command says on standard error where that is a terminal, and standard output is not."""
    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(fm.__file__).parents[1])}
    command = [sys.executable, "-m", "fedmech", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=slave, cwd=folder, env=environment)
    os.close(slave)
    said = b""
    try:
        while part := os.read(master, 1 << 16):
            said += part
    except OSError:
        # The end of a terminal is an error on Linux.
        pass
    process.wait(timeout=120)
    os.close(master)
    return said.decode()


def test_an_audit_at_a_terminal_and_elsewhere(tmp_path: Path) -> None:
    fm.write_market(fm.Market.build(scores=[3, 2], costs=[1, 1], budgets=[2]), tmp_path / "m.market.json")
    words = ["audit", "m.market.json", "--property", "ir"]
    said = at_terminal(words, tmp_path)
    assert "worker 1 of 2 (w1): 0 bids" in said
    assert said.endswith("\r")
    environment = {**os.environ, "PYTHONPATH": str(Path(fm.__file__).parents[1])}
    command = [sys.executable, "-m", "fedmech", *words]
    assert subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment, check=True).stderr == b""

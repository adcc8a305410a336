"""First use: wall time of ``fedmech --help`` and ``fedmech solve`` in processes of their own, beside a bare interpreter.

Seconds do not travel between machines, so the interpreter that imports numpy alone is measured in the same run.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fedmech import generate_market, write_market


def wall(*command: str) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return sorted(times)[2]


def test_first_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "hundred.market.json"
    write_market(generate_market("a", 100, seed=1), path)
    bare = wall("-c", "import numpy")
    shown = wall("-m", "fedmech", "--help")
    solved = wall("-m", "fedmech", "solve", str(path))
    with capsys.disabled():
        print(f"\nimport numpy {bare:.2f} s; fedmech --help {shown:.2f} s; fedmech solve, 100 workers {solved:.2f} s")
    assert shown < 0.5
    assert solved < 1.5

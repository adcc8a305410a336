"""What tests of sweeps share: the rows that have to come out, who ran what, and a hand that kills."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from deadly_experiments import Deadly, deadly
from fedmech.fl.experiments.engine.results import read_results
from fedmech.solvers.control import Control


def reference(seeds: int, **settings: Any) -> Any:
    """The rows that a sweep has to end with, made by calling the experiment, point by point."""
    parts = []
    for seed in range(seeds):
        rows = deadly(Deadly(**{**settings, "seed": seed, "log": None, "seconds": 0.0}), Control(), None)
        parts.append(pd.DataFrame(rows).assign(seed=seed))
    return pd.concat(parts, ignore_index=True)[["seed", "k", "value", "odd"]]


def measured(folder: Path) -> Any:
    return read_results(folder)[["seed", "k", "value", "odd"]]


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)


def starts(log: Path) -> list[tuple[int, int]]:
    """Process and seed of every start of a point."""
    if not log.exists():
        return []
    return [(int(a), int(b)) for a, b in (line.split() for line in log.read_text().splitlines() if " " in line)]


def kill_when(condition: Callable[[], int | None]) -> threading.Thread:
    """Kill the process that the condition names, once it names one."""

    def watch() -> None:
        for _ in range(2400):
            pid = condition()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread

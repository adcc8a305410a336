"""One point of a sweep: what is sent to a worker, and what comes back."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .registry import Row, find_experiment

__all__ = ["Outcome", "Point", "run_point"]


@dataclass(frozen=True)
class Point:
    """One point, in plain values that any worker can read.

    Attributes
    ----------
    experiment : str
    digest : str
        :meth:`.registry.Experiment.digest` where the sweep was started.
    settings : dict
        JSON values.
    checkpoint : str or None
        A folder of the point's own.
    """

    experiment: str
    digest: str
    settings: dict[str, Any] = field(hash=False)
    checkpoint: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a point on a worker that lived to tell: rows, or an error and where it was raised."""

    rows: list[Row] | None
    seconds: float
    error: str | None = None
    trace: str | None = None


def run_point(point: Point) -> Outcome:
    """Run a point; an exception is an outcome, an interrupt is not.

    A worker that has another version of the experiment than the sweep's own process refuses: its rows would be filed under
    settings that it does not have.
    """
    started = time.perf_counter()
    try:
        entry = find_experiment(point.experiment)
        settings = entry.read(point.settings)
        if entry.digest(settings) != point.digest:
            raise RuntimeError(f"this worker has another version of the experiment {entry.name!r} than the sweep")
        rows = entry.run(settings, checkpoint=None if point.checkpoint is None else Path(point.checkpoint))
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return Outcome(None, time.perf_counter() - started, text[:1000], traceback.format_exc()[-4000:])
    return Outcome(rows, time.perf_counter() - started)

"""Sweeps: every point of a grid, each exactly once in the results, whatever dies on the way.

The rules:

- A point is its digest (:meth:`.registry.Experiment.digest`): a sweep runs those that the result does not have. Stopping and
  starting again, adding values to the grid, or two sweeps on one result need nothing further: a point that another sweep has
  begun is left to it, and run here only if that sweep ends without it.
- A point that raises is recorded as failed, and the others go on; the next sweep tries it again.
- A point that was on a worker as it died is run again with the others. A point that was there twice waits for the end and then runs
  with nobody beside it: if the worker dies again, the point is to blame, and it is recorded as failed.
- Only this process writes.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....models.executors import NoWorkersError
from ....models.files import PathLike
from ....models.input_error import InputError
from ....solvers.control import Control
from ...settings import settings_document
from .claims import Claims
from .configuration import Configuration
from .point import Outcome, Point
from .pools import (
    Lost,
    Pool,
    ThisProcess,
)
from .results import Results, read_results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Failure", "SweepReport", "run_sweep", "sweep_table"]

SUSPECT = 2
POLL = 1.0


@dataclass(frozen=True)
class Failure:
    """A point that failed: its settings as a JSON object, and why."""

    digest: str
    settings: dict[str, Any]
    error: str


@dataclass
class SweepReport:
    """What a sweep did.

    Attributes
    ----------
    points : int
        Of the grid.
    already : int
        Of these, in the result before.
    added : int
        Of these, run now.
    failures : list of Failure
    stopped : str
        ``done`` (nothing is left but failures), ``interrupted``, ``limit``, ``time-limit`` or ``no-workers``.
    reason : str or None
        More about the last.
    damaged : list of Path
        Files of the result that were not whole; those of the grid have been run again.
    deaths : int
        Times that a worker died.
    seconds : float
    """

    points: int
    already: int = 0
    added: int = 0
    failures: list[Failure] = field(default_factory=list)
    stopped: str = "done"
    reason: str | None = None
    damaged: list[Path] = field(default_factory=list)
    deaths: int = 0
    seconds: float = 0.0

    @property
    def left(self) -> int:
        """Points of the grid that were neither done nor failed."""
        return self.points - self.already - self.added - len(self.failures)

    def progress(self) -> str:
        """Say how far it is, how fast and how much longer."""
        text = f"{self.already + self.added:,} of {self.points:,} points"
        if self.failures:
            text += f", {len(self.failures):,} failed"
        through = self.added + len(self.failures)
        if through and self.seconds > 0:
            rate = through / self.seconds
            text += f", {60 * rate:.3g} a minute, {_duration(self.left / rate)} left"
        return text

    def to_document(self) -> dict[str, Any]:
        """Return all of it, for JSON."""
        return {
            "points": self.points,
            "already": self.already,
            "added": self.added,
            "left": self.left,
            "failed": [{"point": f.digest, "settings": f.settings, "error": f.error} for f in self.failures],
            "damaged": [str(path) for path in self.damaged],
            "worker_deaths": self.deaths,
            "stopped": self.stopped,
            "reason": self.reason,
            "seconds": self.seconds,
        }

    def rows(self) -> list[list[str]]:
        """Return its counts, for reading."""
        rows = [
            ["points", f"{self.points:,}"],
            ["there before", f"{self.already:,}"],
            ["added", f"{self.added:,} in {self.seconds:.1f} s"],
            ["failed", f"{len(self.failures):,}"],
            ["left", f"{self.left:,}" + (f" ({self.stopped})" if self.left else "")],
        ]
        if self.deaths:
            rows.append(["worker deaths", f"{self.deaths:,}, survived"])
        return rows


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def run_sweep(
    configuration: Configuration,
    out: PathLike,
    pool: Pool | None = None,
    *,
    limit: int | None = None,
    time_limit: float | None = None,
    checkpoint: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> SweepReport:
    """Run the points of a grid that a result does not have.

    Parameters
    ----------
    configuration : Configuration
    out : path
        The result's folder, see :mod:`.results`.
    pool : Pool, optional
        Where to run; this process by default. It is closed in the end.
    limit : int, optional
        Run at most this many points.
    time_limit : float, optional
        Seconds after which to stop; what is running then is given up. In this process, the running point is waited for.
    checkpoint : Path, optional
        A folder in which every point finds one of its own, so that an interrupted point goes on where it was; on a cluster it
        has to be shared. A point's folder is removed once its rows are written.
    report : callable, optional
        Receives a line about the progress after points come in, at most once a second.

    Returns
    -------
    SweepReport
        An interrupt is no exception here: what was done is kept, and ``stopped`` says ``interrupted``.

    Raises
    ------
    InputError
        If the grid is not sound, a package is missing, or the result is something else or cannot be written.
    """
    pool = pool or ThisProcess()
    started = time.monotonic()
    try:
        entry = configuration.experiment
        entry.require()
        known = {entry.digest(settings): settings for settings in configuration.points()}
        results = Results(out, entry)
        done, damaged = results.done()
        missing = {digest: settings for digest, settings in known.items() if digest not in done}
        summary = SweepReport(len(known), already=len(known) - len(missing), damaged=damaged)
        order = list(missing)[: len(missing) if limit is None else limit]
        control = Control.for_seconds(time_limit, report)
        run = _Run(results, known, pool, summary, checkpoint, control, started, Claims(results.folder))
        finished = False
        try:
            run.go(order)
            finished = True
            if summary.stopped == "done" and summary.left:
                summary.stopped = "limit"
        except KeyboardInterrupt:
            run.collect(0.0)
            summary.stopped = "interrupted"
        except NoWorkersError as error:
            summary.stopped, summary.reason = "no-workers", str(error)
        finally:
            pool.close(abandon=not finished or summary.stopped == "time-limit")
            run.claims.close()
    except BaseException:
        pool.close(abandon=True)
        raise
    summary.seconds = time.monotonic() - started
    return summary


def sweep_table(configuration: Configuration, pool: Pool | None = None) -> pd.DataFrame:
    """Run a whole grid and return its table; nothing is left on disk.

    Parameters
    ----------
    configuration : Configuration
    pool : Pool, optional
        As for :func:`run_sweep`.

    Raises
    ------
    InputError
        As for :func:`run_sweep`, or if a point failed.
    KeyboardInterrupt
        If the sweep was interrupted.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = run_sweep(configuration, folder, pool)
        if report.stopped == "interrupted":
            raise KeyboardInterrupt
        if report.failures or report.left:
            why = report.failures[0].error if report.failures else report.reason or report.stopped
            raise InputError(f"{report.points - report.already - report.added:,} points failed: {why}", field="sweep")
        return read_results(folder)


@dataclass
class _Run:
    """The loop of a sweep."""

    results: Results
    known: dict[str, Any]
    pool: Pool
    summary: SweepReport
    checkpoint: Path | None
    control: Control
    started: float
    claims: Claims
    running: set[str] = field(default_factory=set)
    deaths: Counter[str] = field(default_factory=Counter)
    waiting: deque[str] = field(default_factory=deque)
    suspects: deque[str] = field(default_factory=deque)
    elsewhere: deque[str] = field(default_factory=deque)
    trial: str | None = None
    said: float = 0.0

    def go(self, order: list[str]) -> None:
        self.waiting.extend(order)
        while self.waiting or self.suspects or self.running or self.elsewhere:
            if self.control.expired():
                self.summary.stopped = "time-limit"
                return
            if self.elsewhere and not (self.waiting or self.running or self.suspects):
                # Nothing of our own is left: what another sweep has begun is waited for, and run if it was not done there.
                time.sleep(self._patience())
                self.waiting, self.elsewhere = self.elsewhere, self.waiting
            if self.waiting:
                # In a trial nobody else runs.
                while self.waiting and self.trial is None and len(self.running) < self.pool.slots:
                    self.submit(self.waiting.popleft())
            elif self.suspects and not self.running:
                self.trial = self.suspects.popleft()
                self.submit(self.trial)
                if self.trial not in self.running:
                    self.trial = None
            self.collect(self._patience())

    def _patience(self) -> float:
        """Seconds to wait for something to happen."""
        left = self.control.remaining()
        return POLL if left is None else min(POLL, left)

    def submit(self, digest: str) -> None:
        if not self.claims.take(digest):
            self.elsewhere.append(digest)
            return
        if self.results.has(digest):
            # Another sweep has done it since this one began.
            self.claims.give_back(digest)
            self.summary.already += 1
            return
        settings = self.known[digest]
        folder = None if self.checkpoint is None else str(self.checkpoint / digest)
        self.running.add(digest)
        self.pool.submit(Point(self.results.entry.name, digest, settings_document(settings), folder))

    def collect(self, timeout: float) -> None:
        """Write down what came back."""
        died = False
        came = self.pool.finished(timeout)
        for point, outcome in came:
            if point.digest not in self.running:
                continue
            self.running.discard(point.digest)
            tried, self.trial = self.trial == point.digest, None if self.trial == point.digest else self.trial
            if isinstance(outcome, Lost):
                died = True
                self.lost(point.digest, outcome, tried)
            else:
                self.keep(point.digest, outcome)
        self.summary.deaths += died
        self.summary.seconds = time.monotonic() - self.started
        if came and time.monotonic() - self.said >= POLL:
            self.said = time.monotonic()
            self.control.progress(self.summary.progress())

    def lost(self, digest: str, outcome: Lost, tried: bool) -> None:
        self.deaths[digest] += outcome.deaths
        self.claims.give_back(digest)
        if tried:
            self.fail(digest, f"{outcome.reason}, again with no other point beside it")
        elif self.deaths[digest] >= SUSPECT:
            self.suspects.append(digest)
        else:
            self.waiting.append(digest)

    def keep(self, digest: str, outcome: Outcome) -> None:
        try:
            self.write(digest, outcome)
        finally:
            self.claims.give_back(digest)

    def write(self, digest: str, outcome: Outcome) -> None:
        if outcome.rows is None:
            self.fail(digest, outcome.error or "failed", outcome.trace)
            return
        try:
            self.results.add(self.known[digest], outcome.rows, outcome.seconds)
        except InputError:
            raise  # The disk, not the point.
        except (TypeError, ValueError) as error:
            self.fail(digest, f"{type(error).__name__}: {error}")
            return
        self.summary.added += 1
        if self.checkpoint is not None:
            shutil.rmtree(self.checkpoint / digest, ignore_errors=True)

    def fail(self, digest: str, error: str, trace: str | None = None) -> None:
        settings = self.known[digest]
        self.results.fail(settings, error, trace)
        self.summary.failures.append(Failure(digest, settings_document(settings), error))

"""Where points run: in this process, in worker processes through joblib's loky, or on a Dask cluster.

A pool takes points and gives back, in any order, what became of them. What a pool has to survive is the death of a worker, and
so both libraries are used by their futures. ``joblib.Parallel``, on loky or on Dask, raises for all points at once as one worker
dies: of 40 points, the eighth of which kills its worker, 7 come back, or none as a list.

- loky: one death breaks the whole executor, and every point in it is reported as lost; the next point starts a new one.
- Dask: the scheduler runs the points of a dead worker elsewhere by itself; a point that was on several workers as they died
  comes back as ``KilledWorker``, and that is a loss here. Results travel back to this process, which alone writes: workers
  need no shared disk. Dask's own executor of ``concurrent.futures`` never answers for a result that cannot be read here.

What to do with a lost point is the sweep's decision, see :mod:`.sweep`.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from ....models.executors import Cluster, NoWorkersError
from ....models.input_error import InputError
from .point import Outcome, Point, run_point

__all__ = ["DaskPool", "LokyPool", "Lost", "Pool", "ThisProcess", "default_jobs"]

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class Lost:
    """A point that did not come back, with what is known about why.

    Attributes
    ----------
    reason : str
    deaths : int
        Workers that died with it, at least; 0 if it was merely taken along.
    """

    def __init__(self, reason: str, deaths: int = 1):
        self.reason = reason
        self.deaths = deaths


class Pool:
    """What runs points.

    Attributes
    ----------
    slots : int
        How many points to hand over at a time.
    """

    slots = 1

    def __init__(self, run: Callable[[Point], Outcome] = run_point):
        self.run = run
        self._finished: queue.SimpleQueue[tuple[Point, Any]] = queue.SimpleQueue()

    def submit(self, point: Point) -> None:
        """Hand over a point."""
        raise NotImplementedError

    def finished(self, timeout: float | None) -> list[tuple[Point, Outcome | Lost]]:
        """Wait for points, at most `timeout` seconds, and return those that are through.

        Raises
        ------
        NoWorkersError
            If nothing can come any more.
        """
        found: list[tuple[Point, Outcome | Lost]] = []
        try:
            point, future = self._finished.get(timeout=timeout)
            while True:
                outcome = self._outcome(point, future)
                if outcome is not None:
                    found.append((point, outcome))
                point, future = self._finished.get_nowait()
        except queue.Empty:
            return found

    def close(self, abandon: bool) -> None:
        """Release everything; `abandon` what is still running."""

    def _watch(self, point: Point, future: Any) -> None:
        future.add_done_callback(lambda done: self._finished.put((point, done)))

    def _outcome(self, point: Point, future: Any) -> Outcome | Lost | None:
        """What a future that is done says of its point; None if it has to be waited for again."""
        raise NotImplementedError


class ThisProcess(Pool):
    """One point after the other, in this process: what takes the process down ends the sweep."""

    def submit(self, point: Point) -> None:
        """Run a point at once."""
        self._finished.put((point, self.run(point)))

    def finished(self, timeout: float | None) -> list[tuple[Point, Outcome | Lost]]:
        """Return what has been run."""
        return super().finished(0.0)

    def _outcome(self, point: Point, future: Outcome) -> Outcome:
        return future


class LokyPool(Pool):
    """Worker processes of joblib's loky, one thread each.

    Raises
    ------
    InputError
        If joblib is missing.
    """

    def __init__(self, jobs: int, run: Callable[[Point], Outcome] = run_point):
        super().__init__(run)
        if find_spec("joblib") is None:
            raise InputError("running in several processes needs joblib: pip install 'fedmech[fl]'", field="jobs")
        self.jobs = jobs
        # One waits for each worker, so that none idles while results are written.
        self.slots = 2 * jobs
        self._processes: Any = None

    def submit(self, point: Point) -> None:
        """Queue a point, in new processes if the last ones are broken."""
        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.process_executor import BrokenProcessPool

        env, parent = dict.fromkeys(ONE_THREAD, "1"), (os.getpid(),)
        for _ in range(2):
            if self._processes is None:
                self._processes = ProcessPoolExecutor(self.jobs, env=env, initializer=_end_with_parent, initargs=parent)
            try:
                return self._watch(point, self._processes.submit(self.run, point))
            except BrokenProcessPool:
                # Broken since it was last heard of: whatever was in it is on its way to the queue.
                self._processes = None
        raise NoWorkersError("worker processes die as soon as they start")

    def _outcome(self, point: Point, future: Any) -> Outcome | Lost:
        from joblib.externals.loky.process_executor import BrokenProcessPool

        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            self._processes = None
        return future.result() if error is None else Lost(f"its worker process died ({type(error).__name__})")

    def close(self, abandon: bool) -> None:
        """Stop the workers."""
        if self._processes is not None:
            self._processes.shutdown(wait=True, kill_workers=abandon)
            self._processes = None


def _end_with_parent(parent: int) -> None:
    """Let a worker process end soon after a parent that was killed: loky's workers would wait for more for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class DaskPool(Pool):
    """An existing Dask cluster, see :class:`~fedmech.models.executors.Cluster`."""

    def __init__(
        self, address: str, patience: float = 60.0, connect: float = 10.0, run: Callable[[Point], Outcome] = run_point
    ):
        super().__init__(run)
        self._cluster = Cluster(address, patience, connect)

    @property
    def slots(self) -> int:  # type: ignore[override]
        """One point for each thread of the cluster, and one that waits for each."""
        return max(2 * self._cluster.threads(), 1)

    def submit(self, point: Point) -> None:
        """Hand a point to the scheduler."""
        self._watch(point, self._cluster.submit(self.run, point))

    def finished(self, timeout: float | None) -> list[tuple[Point, Outcome | Lost]]:
        """Return what came back, or find that nothing will."""
        found = super().finished(timeout)
        self._cluster.expect_workers(heard=bool(found))
        return found

    def _outcome(self, point: Point, future: Any) -> Outcome | Lost | None:
        from distributed import KilledWorker

        try:
            return self._cluster.result(future)
        except NoWorkersError:
            raise
        except TimeoutError:
            # Done, but the worker died with the result: the scheduler has the point run again.
            self._watch(point, future)
            return None
        except KilledWorker:
            # Several workers, not one: its next run shows whether they died of it.
            return Lost("the workers it ran on died (KilledWorker)", deaths=2)
        except Exception as error:
            # Not the point's own exception, which is an outcome: it did not get there, or not back.
            return Lost(f"it did not come back: {type(error).__name__}: {error}")

    def close(self, abandon: bool) -> None:
        """Cancel what is running and leave the cluster as it was."""
        self._cluster.close()


def default_jobs() -> int:
    """How many processes this machine is good for, limits of its container included."""
    if find_spec("joblib") is None:
        return 1
    import joblib

    return int(joblib.cpu_count())

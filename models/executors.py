"""Where the passes over files run: in threads of this process, or on the workers of a Dask cluster.

A task is one file's part of a pass. It is called with a pulse, and what it returns is all that leaves the place where it ran. For a
cluster a task is a module's function with its arguments, which are sent to a worker that sees the files under the same paths; a
worker that dies has its tasks, and the results that nobody has fetched from it, done again by others.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from itertools import islice
from threading import Event
from typing import Any, Protocol, TypeVar

from .input_error import InputError

__all__ = ["Cluster", "ClusterExecutor", "Executor", "NoWorkersError", "Pulse", "Threads", "go_on"]

Pulse = Callable[[], None]
"""Called now and then by whoever works long; what it raises ends the work."""

_Found = TypeVar("_Found")

GATHER = 5.0
"""Seconds for a result to travel; after so many the worker that holds it is taken for dead."""

LOOK = 0.2
"""Seconds between two looks at the clock while a cluster works."""


class NoWorkersError(Exception):
    """There is no worker left to run anything, and none has come back."""


class Executor(Protocol):
    """Does tasks, some at a time."""

    def each(self, tasks: Iterable[Callable[[Pulse], _Found]], pulse: Pulse) -> Iterator[_Found]:
        """Give what the tasks return, in their order."""
        ...


class Threads:
    """Threads of this process, one for each of its processors, but no more than 8."""

    def each(self, tasks: Iterable[Callable[[Pulse], _Found]], pulse: Pulse) -> Iterator[_Found]:
        """Give what the tasks return, in their order."""
        tasks, threads = iter(tasks), min(8, os.cpu_count() or 1)
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[_Found]] = deque(pool.submit(task, pulse) for task in islice(tasks, threads + 1))
            try:
                while waiting:
                    found = waiting.popleft().result()
                    waiting.extend(pool.submit(task, pulse) for task in islice(tasks, 1))
                    yield found
            finally:
                for future in waiting:
                    future.cancel()


class Cluster:
    """An existing Dask cluster.

    Parameters
    ----------
    address : str
        Of the scheduler, as ``tcp://host:8786``.
    patience : float
        Seconds to wait for a worker while there is none.
    connect : float
        Seconds to wait for the scheduler.

    Raises
    ------
    InputError
        If Dask is missing or there is no scheduler.
    """

    def __init__(self, address: str, patience: float = 60.0, connect: float = 10.0):
        if find_spec("distributed") is None:
            raise InputError("running on Dask needs dask.distributed: pip install 'fedmech[dask]'", field="dask")
        from distributed import Client

        try:
            self._client = Client(address, timeout=connect, set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise InputError(f"no Dask scheduler at {address!r}: {error}", field="dask") from None
        self._running: set[Any] = set()
        self.patience = patience
        self._alone_since: float | None = None

    def threads(self) -> int:
        """How many tasks all workers together run at a time."""
        try:
            threads: Any = self._client.nthreads()
            return sum(threads.values())
        except (OSError, TimeoutError):
            return 0

    def submit(self, work: Callable[..., Any], *given: Any) -> Any:
        """Hand work to the scheduler and return its future."""
        # Impure, so under a new key: two callers on one cluster keep their hands off each other's work.
        future = self._client.submit(work, *given, pure=False)
        self._running.add(future)
        return future

    def result(self, future: Any, seconds: float = GATHER) -> Any:
        """Return what has been done, or raise what it raised.

        Raises
        ------
        TimeoutError
            If the worker died with the result: the scheduler has it done again.
        NoWorkersError
            If the connection is lost.
        """
        if future.status == "cancelled":
            raise NoWorkersError("the connection to the Dask scheduler is lost")
        again = False
        try:
            return future.result(timeout=seconds)
        except TimeoutError:
            again = True
            raise
        except CancelledError:
            raise NoWorkersError("the connection to the Dask scheduler is lost") from None
        finally:
            if not again:
                self._running.discard(future)

    def expect_workers(self, *, heard: bool = False) -> None:
        """Take note of whether there are workers; something `heard` of one will do.

        Raises
        ------
        NoWorkersError
            If there have been none for longer than the cluster's `patience`.
        """
        if heard or self.threads():
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > self.patience:
            raise NoWorkersError(f"the Dask cluster has had no worker for {self.patience:.0f} seconds")

    def cancel(self) -> None:
        """Have nothing of what was submitted here done any more."""
        running, self._running = list(self._running), set()
        # Where the scheduler is gone, so is what was running.
        with suppress(OSError, TimeoutError):
            if running:
                self._client.cancel(running, force=True)

    def close(self) -> None:
        """Cancel what is running and leave the cluster as it was."""
        self.cancel()
        with suppress(OSError, TimeoutError):
            self._client.close(timeout=5)


class ClusterExecutor:
    """The workers of a cluster; tasks that reach them, and what these hold, use threads there."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster

    def __reduce__(self) -> tuple[type[Threads], tuple[()]]:
        return Threads, ()

    def each(self, tasks: Iterable[Callable[[Pulse], _Found]], pulse: Pulse) -> Iterator[_Found]:
        """Give what the tasks return, in their order.

        Raises
        ------
        NoWorkersError
            If there are no workers any more, or a task is one of which they die.
        """
        tasks, submit = iter(tasks), self.cluster.submit
        # One waits for each thread, so that none idles while results travel.
        ahead = 2 * max(1, self.cluster.threads()) + 1
        waiting = deque(submit(_without_pulse, task) for task in islice(tasks, ahead))
        try:
            while waiting:
                found = self._wait(waiting.popleft(), pulse)
                waiting.extend(submit(_without_pulse, task) for task in islice(tasks, 1))
                yield found
        finally:
            self.cluster.cancel()

    def _wait(self, future: Any, pulse: Pulse) -> Any:
        from distributed import KilledWorker

        done, patience = Event(), GATHER
        future.add_done_callback(lambda _: done.set())
        while True:
            pulse()
            if not done.wait(LOOK):
                self.cluster.expect_workers()
                continue
            try:
                found = self.cluster.result(future, patience)
            except TimeoutError:
                # The worker has died with it; a large result on a slow line looks the same.
                self.cluster.expect_workers()
                patience *= 2
                continue
            except KilledWorker:
                raise NoWorkersError("the workers that read one of the files died of it (KilledWorker)") from None
            self.cluster.expect_workers(heard=True)
            return found


def _without_pulse(task: Callable[[Pulse], _Found]) -> _Found:
    return task(go_on)


def go_on() -> None:
    """Let the work go on: the pulse of whoever is not to be stopped."""

"""A solver in a thread of its own: an outer time limit, Ctrl-C that keeps what was found, and no way to hang.

A thread of its own is also what HiGHS wants: a thread keeps the number of solver threads that its first run asked for and
refuses any other, so a run must not depend on what ran before it, here or in other libraries.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from typing import Any

from ..control import Control, StopReason
from .tolerances import LATE_GRACE_SECONDS, STOP_GRACE_SECONDS

__all__ = ["is_busy", "unfinished_runs", "watched"]

LAST_SECONDS = 5.0
"""How long a process that ends waits for runs that were abandoned."""

unfinished_runs: dict[int, Any] = {}
"""By identity, the solvers whose thread has not come back; a process that has any must leave without unwinding them."""


@atexit.register
def _wait_for_the_last() -> None:
    """Runs that were left alone have been asked to stop: a process that ends under one is aborted by HiGHS."""
    end = time.monotonic() + LAST_SECONDS
    while unfinished_runs and time.monotonic() < end:
        time.sleep(0.02)


def is_busy(solver: Any) -> bool:
    """Whether a run of this solver was abandoned and holds it still: it must not be touched."""
    return id(solver) in unfinished_runs


def watched(
    solver: Any,
    run: Callable[[], object],
    ask_to_stop: Callable[[], object],
    control: Control,
    grace: float | None = STOP_GRACE_SECONDS,
) -> tuple[bool, StopReason]:
    """Run a solver in a thread of its own, so that neither it nor its presolve can hold up the caller.

    Parameters
    ----------
    solver : object
        What is running, to be told from others by :func:`is_busy`.
    run : callable
    ask_to_stop : callable
        Called at the deadline, or on Ctrl-C, and again until `run` returns.
    control : Control
    grace : float or None
        Seconds that `run` may take to notice, fewer after a deadline; None to wait until it does, Ctrl-C excepted.

    Returns
    -------
    finished : bool
        False if `run` did not come back in time: it is left alone, and the solver is busy.
    stopped : str
        ``proved`` if it ended by itself, ``time-limit`` or ``interrupted`` if it was asked to.

    Raises
    ------
    Exception
        Whatever `run` raised.
    """
    done = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            run()
        except BaseException as error:
            raised.append(error)
        finally:
            unfinished_runs.pop(id(solver), None)
            done.set()

    stopped: StopReason = "proved"
    try:
        unfinished_runs[id(solver)] = solver
        threading.Thread(target=work, daemon=True).start()
        # Waiting on an event, not on the thread: an interrupted join may take a running thread for a finished one.
        while not done.wait(0.05):
            if control.expired():
                stopped = "time-limit"
                break
    except KeyboardInterrupt:
        stopped = "interrupted"
    finally:
        ask_to_stop()
    if grace is not None and stopped == "time-limit":
        grace = min(grace, LATE_GRACE_SECONDS)
    end = None if grace is None else time.monotonic() + grace
    try:
        # Asked again and again: `run` may not have come to where it listens.
        while not done.wait(0.05) and (end is None or time.monotonic() < end):
            ask_to_stop()
    except KeyboardInterrupt:
        stopped = "interrupted"
    if raised:
        raise raised[0]
    return done.is_set(), stopped

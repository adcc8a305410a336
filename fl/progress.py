"""How far long work is: on one line of a terminal that is written over, with how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from ..models.display import visible

__all__ = ["time_left", "written_over"]

QUIET_SECONDS = 0.2
"""Words that come sooner after others are not shown."""


def written_over() -> Callable[[str], None]:
    """Return what shows words on one line of standard error, if anybody is there to see it; none at all clear the line."""
    if sys.stderr is None or not sys.stderr.isatty():
        return lambda message: None
    shown, last = 0, 0.0

    def write(message: str) -> None:
        nonlocal shown, last
        if message and time.monotonic() - last < QUIET_SECONDS:
            return
        line = visible(message)[:79]
        sys.stderr.write("\r" + line.ljust(shown) + ("" if message else "\r"))
        sys.stderr.flush()
        shown, last = len(line), time.monotonic()

    return write


def time_left(started: float, done: float) -> str:
    """Say how long the rest takes if it goes on as it did since `started`; nothing where nothing is done.

    Parameters
    ----------
    started : float
        Value of :func:`time.monotonic`.
    done : float
        Share of the whole.
    """
    if not 0 < done < 1:
        return ""
    seconds = (time.monotonic() - started) * (1 - done) / done
    return ", about " + (f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min") + " left"

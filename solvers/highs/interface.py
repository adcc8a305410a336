"""Making HiGHS and reading it: what differs between its versions is known here and nowhere else.

Every object of HiGHS in the package is made by :func:`make_highs`, every return code goes through :func:`checked`, every
model status through :func:`read_ending`. Known of the versions:

=============  =========================================================================================================
1.8 to 1.10    a callback is handed the incumbent as a bare pointer; what a callback raises comes out of ``run``
1.14.0         returns wrong optima, and is refused
1.16           the first object of a process prints a banner to file descriptor 1, before any option can be set
all            a *thread* keeps the number of solver threads that its first run asked for, and refuses another number: a run
               has to be in a thread of its own, see :mod:`.watch`
=============  =========================================================================================================
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from ...models.input_error import InputError
from .tolerances import HIGHS_OPTIONS

__all__ = ["Ending", "HighsRefused", "checked", "load_highs", "make_highs", "read_ending", "set_options", "to_array"]

LOWEST_VERSION = (1, 8)
REFUSED_VERSIONS = {(1, 14, 0): "returns wrong optima"}

Ending = Literal["optimal", "infeasible", "unbounded-or-infeasible", "time-limit", "interrupted", "limit", "lost"]
"""How a run ended: by a claim, by a limit of time, by being asked to, by another limit, or because floating point failed."""

_ENDINGS: dict[str, Ending] = {
    "kOptimal": "optimal",
    "kModelEmpty": "optimal",
    "kInfeasible": "infeasible",
    "kUnboundedOrInfeasible": "unbounded-or-infeasible",
    # No model of this package is unbounded: where HiGHS says so it has been misled by its own rounding.
    "kUnbounded": "lost",
    "kTimeLimit": "time-limit",
    "kInterrupt": "interrupted",
    "kHighsInterrupt": "interrupted",
    "kIterationLimit": "limit",
    "kSolutionLimit": "limit",
    "kMemoryLimit": "limit",
    "kObjectiveBound": "limit",
    "kObjectiveTarget": "limit",
    "kUnknown": "lost",
    "kPresolveError": "lost",
    "kSolveError": "lost",
    "kPostsolveError": "lost",
}
"""Every status that a run can end with, by its name in highspy: older versions lack some of them. ``kNotset``, ``kLoadError``
and ``kModelError`` are left out on purpose: they say that what HiGHS was given is wrong."""

_making = threading.Lock()
_greeted = False


def load_highs() -> Any:
    """Import highspy, refusing what must not be used.

    Raises
    ------
    InputError
        If the version that is installed returns wrong optima, or is older than any that was tried.
    """
    import highspy

    version = (highspy.HIGHS_VERSION_MAJOR, highspy.HIGHS_VERSION_MINOR, highspy.HIGHS_VERSION_PATCH)
    fault = REFUSED_VERSIONS.get(version)
    if fault is None and version < LOWEST_VERSION:
        fault = f"is older than {'.'.join(map(str, LOWEST_VERSION))}"
    if fault is not None:
        raise InputError(f"HiGHS {'.'.join(map(str, version))} {fault}; install another version of highspy")
    return highspy


def make_highs(options: Mapping[str, Any] | None = None) -> Any:
    """Make an object of HiGHS with the package's options, and nothing printed.

    Parameters
    ----------
    options : mapping, optional
        Options on top of the package's own.

    Raises
    ------
    InputError
        If the version that is installed must not be used.
    RuntimeError
        If HiGHS does not accept an option.
    """
    global _greeted
    highspy = load_highs()
    if not _greeted:
        with _making, _kept_off_stdout():
            highspy.Highs()
            _greeted = True
    highs = highspy.Highs()
    set_options(highs, {**HIGHS_OPTIONS, **(options or {})})
    return highs


@contextlib.contextmanager
def _kept_off_stdout() -> Iterator[None]:
    """Drop what C code writes to file descriptor 1 meanwhile, and nothing else.

    The descriptor belongs to all threads, so it leads to a file rather than away: what is not HiGHS's banner is written to
    its place afterwards. It may be closed to begin with, or have been given to some other file.
    """
    with tempfile.TemporaryFile() as aside:
        try:
            kept = os.dup(1)
        except OSError:
            kept = None
        _flush_c()
        os.dup2(aside.fileno(), 1)
        try:
            yield
        finally:
            _flush_c()
            if kept is None:
                os.close(1)
            else:
                os.dup2(kept, 1)
                os.close(kept)
        aside.seek(0)
        lines = aside.read().splitlines(keepends=True)
        others = b"".join(line for line in lines if not line.startswith(_BANNER))
        if others and kept is not None:
            with contextlib.suppress(OSError), open(1, "wb", closefd=False) as stdout:
                stdout.write(others)


_BANNER = (b"Running HiGHS ", b"Copyright (c) ", b"Includes third-party software components")


def _flush_c() -> None:
    """Write out what C's own buffers hold: they know nothing of a descriptor that was exchanged under them."""
    with contextlib.suppress(OSError, TypeError, AttributeError):
        ctypes.CDLL(None).fflush(None)


class HighsRefused(RuntimeError):
    """HiGHS does not take what it was given: numbers beyond what it works with, most of the time. It then claims nothing."""


def set_options(highs: Any, options: Mapping[str, Any]) -> None:
    """Set options, checking every return code: HiGHS reports a bad name nowhere else.

    Raises
    ------
    RuntimeError
        If HiGHS does not accept an option.
    """
    accepted = load_highs().HighsStatus.kOk
    for name, value in options.items():
        if highs.setOptionValue(name, value) != accepted:
            raise RuntimeError(f"HiGHS does not accept the option {name} = {value!r}")


def checked(status: Any, what: str) -> None:
    """Look at a return code; a warning is none of a fault, an error is one of this package.

    Raises
    ------
    HighsRefused
        If HiGHS refused what it was asked.
    """
    if status == load_highs().HighsStatus.kError:
        raise HighsRefused(f"HiGHS refused {what}")


def read_ending(highs: Any) -> Ending:
    """Read the model status after a run; one that is not known here claims nothing.

    Raises
    ------
    HighsRefused
        If HiGHS says that it was given no model, or a wrong one.
    """
    name = highs.getModelStatus().name
    if name in ("kNotset", "kLoadError", "kModelError"):
        raise HighsRefused(f"HiGHS ran nothing: {name}")
    return _ENDINGS.get(name, "lost")


def to_array(values: Any, size: int) -> np.ndarray | None:
    """Read a vector that a callback was handed: a bare pointer up to 1.10, an array since; None if there is none."""
    if values is None or not (bool(values) if hasattr(values, "to_array") else len(values)):
        return None
    return np.array(values.to_array(size) if hasattr(values, "to_array") else values, dtype=np.float64)

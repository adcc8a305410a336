"""Whether kernels can be compiled: numba is an extra (``fedmech[fast]``), and is imported only where it pays and there is time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import Any

from .control import Control

__all__ = ["can_compile", "can_start", "clock", "clocked", "compiled", "start_pays"]

START_SECONDS = 5.0
"""Numba is not started with less time than this left: the first compilation on a machine takes that long."""

_CLOCK: ContextVar[Control | None] = ContextVar("clock", default=None)


@cache
def can_compile() -> bool:
    """Whether numba is installed; without it the same kernels run interpreted, with the same results."""
    return find_spec("numba") is not None


@cache
def compiled(kernel: Callable[..., Any]) -> Any | None:
    """Return a kernel compiled; None without numba."""
    if not can_compile():
        return None
    from numba import njit

    return njit(cache=True)(kernel)


@contextmanager
def clocked(control: Control) -> Iterator[None]:
    """Let kernels that are called without a control of their own know of this one."""
    before = _CLOCK.set(control)
    try:
        yield
    finally:
        _CLOCK.reset(before)


def clock() -> Control:
    """The control of the search that is running; one without a deadline where there is none."""
    return _CLOCK.get() or Control()


def can_start() -> bool:
    """Whether numba is installed, and loaded already or worth its start-up in the time that is left."""
    if not can_compile():
        return False
    remaining = clock().remaining()
    return remaining is None or remaining >= START_SECONDS or "numba" in sys.modules


def start_pays(done: int, start_up: int) -> bool:
    """Whether to use compiled kernels: numba is loaded, or this process has done as much as its start-up costs and there is time for it."""
    return "numba" in sys.modules or (done >= start_up and can_start())

"""Other people's code under our clock: it does not look at the deadline, so it is broken off from outside."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from .control import Control, Stopped, TimeUp

__all__ = ["broken_off"]

Result = TypeVar("Result")


def broken_off(control: Control, work: Callable[[], Result]) -> Result:
    """Do some work, in this thread, and break it off at the deadline, as Ctrl-C would.

    Only between two steps of the interpreter, so not while compiled code runs; and not for imports, which cannot be tried again
    when half done.

    Raises
    ------
    Stopped
        At the deadline.
    """
    remaining = control.remaining()
    if remaining is None:
        return work()
    control.check()
    target, closing = ctypes.c_ulong(threading.get_ident()), threading.Lock()
    over = fired = False

    def time_is_up() -> None:
        nonlocal fired
        with closing:
            if not over:
                fired = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(TimeUp))

    timer = threading.Timer(remaining, time_is_up)
    timer.daemon = True
    # From the start of the timer to its end everything is inside this one `try`: wherever the exception comes, it is caught here.
    try:
        try:
            timer.start()
            return work()
        finally:
            with closing:
                over = True
            timer.cancel()
            # One that was sent and has not arrived is taken back.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(target, None)
    except TimeUp:
        if not fired:
            # Somebody else's clock.
            raise
        raise Stopped("time-limit") from None

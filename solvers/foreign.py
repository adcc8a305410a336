"""Other people's code under our clock: it does not look at the deadline, so it is broken off from outside."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from .control import Control, Stopped, TimeUp

__all__ = ["broken_off"]

Result = TypeVar("Result")

AGAIN = 0.5
"""Seconds after which work that has not ended is broken off once more; by far enough for what it does on its way out."""


class _ThreadStarts:
    """Keeps the exception from a thread that is just being started.

    Until such a thread runs, CPython 3.11 has it under the identity of the thread that starts it, and the exception goes to
    whichever was made last: the new thread dies before it says that it has started, and the other waits for that for ever. So
    while anything is to be broken off, threads are started under a lock, and exceptions are sent under it.
    """

    lock = threading.RLock()
    users = 0
    start = threading.Thread.start

    @classmethod
    def enter(cls) -> None:
        with cls.lock:
            if not cls.users:
                cls.start = threading.Thread.start
                threading.Thread.start = _start_under_the_lock
            cls.users += 1

    @classmethod
    def leave(cls) -> None:
        with cls.lock:
            cls.users -= 1
            if not cls.users:
                threading.Thread.start = cls.start


def _start_under_the_lock(self: threading.Thread) -> None:
    with _ThreadStarts.lock:
        _ThreadStarts.start(self)


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
    target, closing, done = ctypes.c_ulong(threading.get_ident()), threading.Lock(), threading.Event()
    over = fired = False

    def time_is_up() -> None:
        nonlocal fired
        left = remaining
        # Again and again: an exception in a destructor or a profiler is ignored, and this one may come in the middle of one.
        while not done.wait(left):
            with closing, _ThreadStarts.lock:
                if over:
                    return
                fired = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(TimeUp))
            left = AGAIN

    def end() -> None:
        nonlocal over
        with closing:
            over = True
        done.set()
        # One that was sent and has not arrived is taken back.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(target, None)

    timer = threading.Thread(target=time_is_up, daemon=True)
    _ThreadStarts.enter()
    # From the start of the timer to its end everything is inside this one `try`: wherever the exception comes, it is caught here.
    try:
        try:
            timer.start()
            return work()
        finally:
            end()
    except BaseException as error:
        # Where it came before the end was said; and whatever the code made of it: Pyomo turns it into a RuntimeError.
        end()
        if not fired or (isinstance(error, KeyboardInterrupt) and not isinstance(error, TimeUp)):
            raise
        raise Stopped("time-limit") from None
    finally:
        _ThreadStarts.leave()

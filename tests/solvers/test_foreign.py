"""Other people's code is broken off at the deadline, and nothing of that reaches whoever comes after."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from fedmech.solvers.control import Control, Stopped, TimeUp
from fedmech.solvers.foreign import broken_off


def for_ever() -> None:
    while True:
        pass


def test_a_loop_without_end_ends() -> None:
    control = Control.for_seconds(0.1)
    with pytest.raises(Stopped) as stop:
        broken_off(control, for_ever)
    assert stop.value.reason == "time-limit"


def test_work_that_ignores_it_once_is_broken_off_again() -> None:
    ignored: list[str] = []

    def stubborn() -> None:
        try:
            for_ever()
        except TimeUp:
            ignored.append("once")
        for_ever()

    with pytest.raises(Stopped):
        broken_off(Control.for_seconds(0.1), stubborn)
    assert ignored == ["once"]


def test_what_the_work_makes_of_it_is_no_fault() -> None:
    def translating() -> None:
        try:
            for_ever()
        except TimeUp as stop:
            raise RuntimeError(str(stop)) from stop

    with pytest.raises(Stopped):
        broken_off(Control.for_seconds(0.1), translating)


def test_in_a_thread_that_is_not_the_main_one() -> None:
    ended: list[str] = []

    def work() -> None:
        try:
            broken_off(Control.for_seconds(0.1), for_ever)
        except Stopped as stop:
            ended.append(stop.reason)

    thread = threading.Thread(target=work)
    thread.start()
    for_a_while = time.process_time() + 0.05
    while time.process_time() < for_a_while:
        pass
    thread.join()
    assert ended == ["time-limit"]


def test_what_ends_in_time_is_left_alone() -> None:
    assert broken_off(Control.for_seconds(0.05), lambda: 7) == 7
    time.sleep(0.1)


def test_nothing_begins_after_the_deadline() -> None:
    begun: list[bool] = []
    with pytest.raises(Stopped):
        broken_off(Control.for_seconds(0), lambda: begun.append(True))
    assert not begun


def test_without_a_deadline_nothing_is_watched() -> None:
    before = threading.active_count()
    assert broken_off(Control(), threading.active_count) == before


@pytest.mark.parametrize("fault", [ZeroDivisionError, TimeUp])
def test_faults_and_other_clocks_pass(fault: type[BaseException]) -> None:
    def work() -> None:
        raise fault

    with pytest.raises(fault):
        broken_off(Control.for_seconds(60), work)


def test_one_that_comes_as_the_work_is_done_is_taken_back() -> None:
    """Many ends at about the deadline: either all was done, or it is said that time was up; never later."""
    # The clock's thread is let in while the work goes on.
    before, said = sys.getswitchinterval(), 0
    sys.setswitchinterval(1e-5)
    for lap in range(400):

        def work() -> None:
            end = time.monotonic() + 0.0011
            while time.monotonic() < end:
                pass

        try:
            broken_off(Control.for_seconds(0.0003 + 0.00005 * (lap % 100)), work)
        except Stopped:
            said += 1
        for _ in range(100):
            pass
    sys.setswitchinterval(before)
    assert 0 < said < 400


STARTING = """
import sys, threading
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.foreign import broken_off

def work():
    while True:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()

def nested():
    return broken_off(Control.for_seconds(0.01), work)

usual = threading.Thread.start
for attempt in range(60):
    for doing in (work, nested):
        try:
            broken_off(Control.for_seconds(0.02), doing)
        except Stopped:
            continue
        raise SystemExit("it has ended")
assert threading.Thread.start is usual
"""


def test_threads_that_are_being_started_are_left_alone() -> None:
    """Else CPython 3.11 breaks off the new thread, whose maker waits for it for ever."""
    done = subprocess.run(
        [sys.executable, "-c", STARTING], capture_output=True, text=True, timeout=120, env=os.environ, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")

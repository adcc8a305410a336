"""What every search is given besides its instance: a deadline, and a place to say how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..models.display import show

__all__ = ["STEP_SECONDS", "Control", "StopReason", "Stopped", "TimeUp", "why_interrupted"]

STEP_SECONDS = 120.0
"""Most seconds of one step of a search (of HiGHS, of a proof that is looked for), time limit or not, so that every search ends; what
can prove anything does so long before."""

StopReason = Literal["proved", "time-limit", "node-limit", "interrupted", "unproved"]
"""Why a search ended."""


class TimeUp(KeyboardInterrupt):
    """The time of a whole command is up, wherever it is: what Ctrl-C would do, done by the clock."""


class Stopped(Exception):
    """A search has to end before its proof; whoever holds the best point and bound catches this and hands them on."""

    def __init__(self, reason: StopReason):
        self.reason: StopReason = reason
        super().__init__(reason)


@dataclass
class Control:
    """Deadline and progress of one search.

    Attributes
    ----------
    deadline : float or None
        Value of :func:`time.monotonic` at which to stop with the best point and a valid bound.
    report : callable, optional
        Receives short progress messages; by default they go nowhere.
    denominator : int
        Of what a search counts in whole numbers: messages are in the units of the file.
    """

    deadline: float | None = None
    report: Callable[[str], None] | None = None
    denominator: int = 1

    @classmethod
    def for_seconds(cls, time_limit: float | None, report: Callable[[str], None] | None = None) -> Control:
        """Make a control whose deadline is `time_limit` seconds from now (None: no deadline)."""
        return cls(None if time_limit is None else time.monotonic() + time_limit, report)

    def expired(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def check(self) -> None:
        """Go on, or raise.

        Raises
        ------
        Stopped
            When the deadline has passed.
        """
        if self.expired():
            raise Stopped("time-limit")

    def remaining(self) -> float | None:
        """Seconds left, never negative; None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def capped(self, seconds: float) -> Control:
        """Return a control for one step that ends after so many seconds, or with this one."""
        end = time.monotonic() + seconds
        return Control(end if self.deadline is None else min(end, self.deadline), self.report, self.denominator)

    def amount(self, value: int | Fraction) -> str:
        """Show an integer of the search as what it stands for in the file."""
        return show(Fraction(value) / self.denominator)

    def progress(self, message: str) -> None:
        """Say how far the search is."""
        if self.report is not None:
            self.report(message)


def why_interrupted(stop: KeyboardInterrupt) -> StopReason:
    """Say whether somebody or the clock has interrupted."""
    return "time-limit" if isinstance(stop, TimeUp) else "interrupted"

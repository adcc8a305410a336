"""The best states on the segments: bounds on ranges of participants, halved until nothing better can hide."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...models.interval_array import IntervalArray, IntervalArrayArithmetic, nearest
from ...models.sharing.market import MotsMarket, State
from .frontier import (
    ErrorModel,
    Scaled,
    Segment,
    around,
)
from .worth import (
    Audience,
    Worth,
    compare,
    worth,
)

SPLIT = 4


class Stop(Exception):
    """The deadline has passed."""


@dataclass
class Incumbent:
    """The best state found so far, and everything a search needs to compare with it.

    Attributes
    ----------
    market : MotsMarket
        The market.
    best : Worth or None
        The best feasible state so far.
    tied : int
        How many further states have been seen that are worth exactly as much, or as much as can be told.
    deadline : float or None
        A value of ``time.monotonic()``.
    audience : str
        Who has the model: everyone, or the participants only.
    """

    market: MotsMarket
    best: Worth | None = None
    tied: int = 0
    deadline: float | None = None
    audience: Audience = "everyone"
    seen: set[State] = field(default_factory=set)

    def offer(self, state: State) -> bool:
        """Take a state if it is feasible and better; say whether it was taken."""
        if not self.market.meets_requirement(state):
            return False
        return self.offer_worth(worth(self.market, state, audience=self.audience))

    def offer_worth(self, candidate: Worth) -> bool:
        """Take a feasible state, already valued, if it is better."""
        if self.best is None:
            self.best = candidate
            return True
        order = compare(self.market, candidate, self.best)
        if order > 0:
            self.best, self.tied = candidate, 0
            self.seen = set()
            return True
        if order == 0 and candidate.state != self.best.state and candidate.state not in self.seen:
            self.tied += 1
            if len(self.seen) < 10_000:
                self.seen.add(candidate.state)
        return False

    @property
    def floor(self) -> float:
        """A float no larger than the best welfare: what cannot exceed it is not worth a look."""
        return (
            -np.inf if self.best is None else float(np.nextafter(nearest(*self.best.low.as_integer_ratio()), -np.inf))
        )

    @property
    def floor_above(self) -> float:
        """A float no smaller than the best welfare."""
        return (
            -np.inf if self.best is None else float(np.nextafter(nearest(*self.best.high.as_integer_ratio()), np.inf))
        )

    def check(self) -> None:
        """Raise :class:`Stop` once the deadline has passed."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise Stop


class SegmentSearch:
    """All states on the segments of a frontier, searched by branch and bound.

    Parameters
    ----------
    scaled : Scaled
        The types.
    segments : list of Segment
        From :func:`~fedmech.solvers.sharing.frontier.sweep`.
    audience : str
        Who has the model.
    """

    def __init__(self, scaled: Scaled, segments: list[Segment], audience: Audience = "everyone"):
        self.scaled, self.segments, self.audience = scaled, segments, audience
        self.errors = ErrorModel(scaled.market)
        types = [entry.type for entry in segments]
        self.K0 = np.array([entry.K for entry in segments], dtype=np.float64)
        self.T0 = around([entry.T for entry in segments], scaled.q_unit)
        self.C0 = around([entry.C for entry in segments], scaled.c_unit)
        self.q = around([scaled.q[i] for i in types], scaled.q_unit)
        self.c = around([scaled.c[i] for i in types], scaled.c_unit)
        self.n = np.array([scaled.counts[i] for i in types], dtype=np.float64)
        self.N = IntervalArray.exactly(float(scaled.market.population))
        limit = scaled.market.max_error
        self.limit = np.inf if limit is None else float(IntervalArrayArithmetic.number(limit).high)
        self.bound = np.inf
        """No state on a segment is worth more; valid at any time, also after :class:`Stop`."""

    def _take(self, x: IntervalArray, at: NDArray[np.int64]) -> IntervalArray:
        return IntervalArray(x.low[at], x.high[at])

    def _upper(self, at: NDArray[np.int64], j1: NDArray[np.float64], j2: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bounds on the welfare with ``j1`` to ``j2`` clients of the partial type; ``-inf`` if none is feasible."""
        q, first = self._take(self.q, at), IntervalArray.exactly(j1)
        T1 = self._take(self.T0, at) + q * first
        least = self.errors.least(self.K0[at] + j1, self.K0[at] + j2, T1, q)
        utility = self.errors.worth(least)
        cost = self._take(self.C0, at) + self._take(self.c, at) * first
        K1, K2 = self.K0[at] + j1, self.K0[at] + j2
        served = self.N if self.audience == "everyone" else IntervalArray(K1, K2)
        upper = (served * IntervalArray(utility, utility) - cost).high
        return np.where(least > self.limit, -np.inf, upper)

    def state(self, segment: int, j: int) -> State:
        """The market's state with ``j`` clients of the partial type."""
        entry, counts = self.segments[segment], self.scaled.counts
        merged = [n if entry.mask >> i & 1 else 0 for i, n in enumerate(counts)]
        merged[entry.type] = j
        return self.scaled.state(merged)

    def run(self, incumbent: Incumbent) -> None:
        """Raise the incumbent to the best state on any segment.

        Raises
        ------
        Stop
            At the deadline; ``bound`` then still bounds every state on the segments.
        """
        at = np.arange(len(self.segments))
        low = np.where(self.K0 == 0, 1.0, 0.0)
        high = self.n.copy()
        upper = self._upper(at, low, high)
        while at.size:
            self.bound = max(float(upper.max()), incumbent.floor)
            incumbent.check()
            self._raise(incumbent, at, low, high, upper)
            keep = upper > incumbent.floor
            at, low, high, upper = at[keep], low[keep], high[keep], upper[keep]
            if not at.size or (low == high).all():
                break
            at, low, high = split(at, low, high)
            upper = self._upper(at, low, high)
        for index in np.argsort(-upper, kind="stable"):
            if upper[index] > incumbent.floor:
                incumbent.offer(self.state(int(at[index]), int(low[index])))
                if index % 64 == 0:
                    incumbent.check()
        self.bound = incumbent.floor_above

    def _raise(
        self,
        incumbent: Incumbent,
        at: NDArray[np.int64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        upper: NDArray[np.float64],
    ) -> None:
        """Try the ends of the most promising ranges."""
        for j in (low, high):
            value = self._upper(at, j, j)
            for index in np.argpartition(-value, min(2, value.size - 1))[:3]:
                if value[index] > incumbent.floor:
                    incumbent.offer(self.state(int(at[index]), int(j[index])))


def split(
    at: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Cut every range into at most ``SPLIT`` non-empty ranges."""
    length = high - low + 1
    starts = [low + np.floor(length * part / SPLIT) for part in range(SPLIT + 1)]
    pieces = [(at, starts[part], starts[part + 1] - 1) for part in range(SPLIT)]
    kept = [(a[lo <= hi], lo[lo <= hi], hi[lo <= hi]) for a, lo, hi in pieces]
    return (
        np.concatenate([a for a, _, _ in kept]),
        np.concatenate([lo for _, lo, _ in kept]),
        np.concatenate([hi for _, _, hi in kept]),
    )


__all__ = ["Incumbent", "SegmentSearch", "Stop"]

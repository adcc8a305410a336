"""States that use an error requirement to the full, for utilities that are convex in the error.

For a fixed number ``K`` of participants and a convex utility, welfare is convex along each edge of the frontier, so a
state that beats every extreme point lies beside the edge on which the error reaches the requirement, and the welfare
of that crossing point bounds it.  The crossing's welfare is quadratic in ``K`` on a face.  Faces and ranges of ``K``
whose bound does not exceed the incumbent are dropped; for those left, all flip sets of small enough loss are tried.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...models.interval_array import IntervalArray, IntervalArrayArithmetic, nearest
from .flips import FlipTable, flip_table
from .frontier import (
    ErrorModel,
    Face,
    Scaled,
    around,
)
from .segments import Incumbent, split
from .worth import Audience, utility_between

FIRST_TABLE, LAST_TABLE = 4_000, 2_000_000
FIRST_TRIES = 40
CHUNK = 400_000


class CrossingSearch:
    """All states beside the crossing points of a frontier with a requirement.

    Parameters
    ----------
    scaled : Scaled
        Types of a market with ``max_error``.
    faces : list of Face
        From :func:`~fedmech.solvers.sharing.frontier.sweep`.
    audience : str
        Who has the model.
    """

    def __init__(self, scaled: Scaled, faces: list[Face], audience: Audience = "everyone"):
        self.scaled, self.faces, self.audience = scaled, faces, audience
        market = scaled.market
        assert market.max_error is not None
        self.limit: Fraction = market.max_error
        # T(K) = (r2 K^2 + r1 K) / unit is the largest sum of inverse sizes that meets the requirement.
        r2, r1 = (self.limit - market.client_variance) / market.noise, market.client_variance / market.noise
        unit = r2.denominator * r1.denominator
        p2, p1 = int(r2 * unit), int(r1 * unit)
        a2, a1, a0 = [], [], []
        for face in faces:
            qs, qt = scaled.q[face.s], scaled.q[face.t]
            gap = unit * (qs - qt)
            big2, big1 = p2 * scaled.q_unit, p1 * scaled.q_unit
            a2.append(nearest(big2, gap))
            a1.append(nearest(2 * big2 * face.K + big1 - unit * qt, gap))
            a0.append(nearest(big2 * face.K**2 + big1 * face.K - unit * face.T, gap))
        self.a2, self.a1, self.a0 = IntervalArray.around(a2), IntervalArray.around(a1), IntervalArray.around(a0)
        s, t = [face.s for face in faces], [face.t for face in faces]
        self.rise = around([scaled.c[j] - scaled.c[i] for i, j in zip(s, t, strict=True)], scaled.c_unit)
        self.gap = around([scaled.q[i] - scaled.q[j] for i, j in zip(s, t, strict=True)], scaled.q_unit)
        self.ct = around([scaled.c[j] for j in t], scaled.c_unit)
        self.C = around([face.C for face in faces], scaled.c_unit)
        self.K = np.array([face.K for face in faces], dtype=np.float64)
        self.ns = np.array([scaled.counts[i] for i in s], dtype=np.float64)
        self.nt = np.array([scaled.counts[i] for i in t], dtype=np.float64)
        low, high = utility_between(market, self.limit)
        arithmetic = IntervalArrayArithmetic
        utility = IntervalArray(arithmetic.number(low).low, arithmetic.number(high).high)
        self.N = IntervalArray.exactly(float(market.population))
        # The utility of those who have the model, `base + rate M`, at a crossing of a face.
        size = len(faces)
        if audience == "everyone":
            base, rate = self.N * utility, IntervalArray.exactly(0.0)
        else:
            base, rate = IntervalArray.exactly(self.K) * utility, utility
        self.base = IntervalArray(np.broadcast_to(base.low, size), np.broadcast_to(base.high, size))
        self.rate = IntervalArray(np.broadcast_to(rate.low, size), np.broadcast_to(rate.high, size))
        self.requirement = arithmetic.number(self.limit)
        self.noise = arithmetic.number(market.noise)
        self.errors = ErrorModel(market)
        self.bound = np.inf
        """No state beside a crossing is worth more, unless it is below the incumbent; valid at any time."""

    def _take(self, x: IntervalArray, at: NDArray[np.int64]) -> IntervalArray:
        return IntervalArray(x.low[at], x.high[at])

    def _crossing(self, at: NDArray[np.int64], M: NDArray[np.float64]) -> IntervalArray:
        """How many of ``s`` there are, as a real number, where ``M`` clients of ``s`` and ``t`` just meet the limit."""
        m = IntervalArray.exactly(M)
        return (self._take(self.a2, at) * m + self._take(self.a1, at)) * m + self._take(self.a0, at)

    def _gain(self, at: NDArray[np.int64], M: NDArray[np.float64]) -> IntervalArray:
        """The utility of all who have the model, at a crossing point."""
        return self._take(self.base, at) + self._take(self.rate, at) * IntervalArray.exactly(M)

    def _welfare(self, at: NDArray[np.int64], M: NDArray[np.float64], s: IntervalArray) -> IntervalArray:
        """The welfare of a crossing point."""
        cost = self._take(self.C, at) + self._take(self.ct, at) * IntervalArray.exactly(M)
        return self._gain(at, M) - cost + self._take(self.rise, at) * s

    def _upper(self, at: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bounds on the welfare of the crossings with ``low`` to ``high`` clients; ``-inf`` where there are none."""
        first, last = self._crossing(at, low), self._crossing(at, high)
        a2, a1 = self._take(self.a2, at), self._take(self.a1, at)
        two, four = IntervalArray.exactly(2.0), IntervalArray.exactly(4.0)
        least, most = np.minimum(first.low, last.low), np.maximum(first.high, last.high)
        vertex = IntervalArray.exactly(0.0) - a1 / (two * a2)
        bottom = self._take(self.a0, at) - a1 * a1 / (four * a2)
        reached = ~(vertex.high < low) & ~(vertex.low > high)
        least = np.where(reached, np.minimum(least, bottom.low), least)
        most = np.where(reached, np.maximum(most, bottom.high), most)
        outside = (most < np.maximum(0, low - self.nt[at])) | (least > np.minimum(self.ns[at], high))
        # welfare = constant + (rise a1 - ct) M + rise a2 M^2 + ...: its ends, and its vertex where it is concave.
        upper = np.maximum(self._welfare(at, low, first).high, self._welfare(at, high, last).high)
        rise = self._take(self.rise, at)
        w2, w1 = rise * a2, rise * a1 - self._take(self.ct, at) + self._take(self.rate, at)
        w0 = self._take(self.base, at) - self._take(self.C, at) + rise * self._take(self.a0, at)
        peak = IntervalArray.exactly(0.0) - w1 / (two * w2)
        summit = (w0 - w1 * w1 / (four * w2)).high
        peaked = (w2.low < 0) & ~(peak.high < low) & ~(peak.low > high)
        upper = np.where(peaked, np.maximum(upper, summit), upper)
        return np.where(outside, -np.inf, upper)

    def run(self, incumbent: Incumbent) -> None:
        """Raise the incumbent to the best state beside any crossing.

        The incumbent must already be the best state on the segments.

        Raises
        ------
        Stop
            At the deadline; ``bound`` stays valid.
        """
        if not self.faces:
            self.bound = incumbent.floor
            return
        at = np.arange(len(self.faces))
        low, high = np.ones(at.size), self.ns + self.nt
        upper = self._upper(at, low, high)
        while at.size and (low < high).any():
            self.bound = max(float(upper.max()), incumbent.floor)
            incumbent.check()
            if at.size > 2_000_000:
                self._try_best(incumbent, at, low, upper, tries=4 * FIRST_TRIES)
            keep = upper > incumbent.floor
            at, low, high = split(at[keep], low[keep], high[keep])
            upper = self._upper(at, low, high)
        self._try_best(incumbent, at, low, upper, tries=FIRST_TRIES)
        keep = upper > incumbent.floor
        self._close(incumbent, at[keep], low[keep], upper[keep])

    def _try_best(
        self,
        incumbent: Incumbent,
        at: NDArray[np.int64],
        M: NDArray[np.float64],
        upper: NDArray[np.float64],
        tries: int,
    ) -> None:
        """Small flip tables at the most promising crossings, for a good incumbent."""
        chosen = np.argsort(-upper, kind="stable")[:tries]
        tables: dict[int, FlipTable] = {}
        for index in chosen:
            if upper[index] <= incumbent.floor:
                break
            incumbent.check()
            face = int(at[index])
            reach = _reach(float(upper[index]), incumbent)
            if face not in tables:
                tables[face] = flip_table(self.scaled, self.faces[face], reach, FIRST_TABLE)
            one = np.array([index])
            self._try(incumbent, face, tables[face], M[one], upper[one])

    def _close(
        self, incumbent: Incumbent, at: NDArray[np.int64], M: NDArray[np.float64], upper: NDArray[np.float64]
    ) -> None:
        """Try every flip set that could still win, face by face in the order of their bounds."""
        best: dict[int, float] = {}
        for face, value in zip(at.tolist(), upper.tolist(), strict=True):
            best[face] = max(best.get(face, -np.inf), value)
        open_bound = -np.inf
        waiting = sorted(best, key=lambda face: -best[face])
        for face in waiting:
            self.bound = max(best[face], open_bound, incumbent.floor)
            if best[face] <= incumbent.floor:
                break
            incumbent.check()
            mine = (at == face) & (upper > incumbent.floor)
            reach = _reach(float(upper[mine].max()), incumbent)
            # Once one face stays open no proof is to be had: the others are searched for better states only.
            most = LAST_TABLE if open_bound <= incumbent.floor else FIRST_TABLE
            table = flip_table(self.scaled, self.faces[face], reach, most)
            chosen = np.flatnonzero(mine)[np.argsort(-upper[mine], kind="stable")]
            self._try(incumbent, face, table, M[chosen], upper[chosen])
            if table.reach < reach:
                # Too many flip sets: what the table does not hold loses more than its reach.
                open_bound = max(open_bound, float(np.nextafter(upper[mine].max() - max(table.reach, 0.0), np.inf)))
        self.bound = max(open_bound, incumbent.floor)

    def _try(
        self,
        incumbent: Incumbent,
        face: int,
        table: FlipTable,
        M: NDArray[np.float64],
        upper: NDArray[np.float64],
    ) -> None:
        """Combine crossings of one face with the flip sets of its table that could win."""
        start = 0
        while start < M.size:
            room = np.searchsorted(table.loss, upper[start:] - incumbent.floor, side="right")
            room = np.where(upper[start:] > incumbent.floor, room, 0)
            stop = start + max(1, int(np.searchsorted(np.cumsum(room), CHUNK, side="right")))
            lengths = room[: stop - start]
            if lengths.sum():
                rows = np.repeat(np.arange(start, stop), lengths)
                sets = np.arange(rows.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
                self._pairs(incumbent, face, table, M[rows], sets)
                incumbent.check()
            start = stop

    def _pairs(
        self, incumbent: Incumbent, face: int, table: FlipTable, M: NDArray[np.float64], sets: NDArray[np.int64]
    ) -> None:
        at = np.full(sets.size, face)
        shift = IntervalArray(table.shift.low[sets], table.shift.high[sets])
        s = self._crossing(at, M) - shift
        left = M - table.moved[sets]
        low, high = np.maximum(0.0, left - self.nt[face]), np.minimum(self.ns[face], left)
        top = np.minimum(np.floor(s.high), high)
        possible = (top >= low) & (left >= 0)
        slack = s - IntervalArray.exactly(np.where(possible, top, 0.0))
        slack = IntervalArray(np.maximum(slack.low, 0.0), np.maximum(slack.high, 0.0))
        K = IntervalArray.exactly(self.K[face] + M)
        error = self.requirement - self.noise * slack * self._take(self.gap, at) / (K * K)
        utility = self.errors.worth(error.low)
        served = self.N if self.audience == "everyone" else K
        welfare = served * IntervalArray(utility, utility) - (self._gain(at, M) - self._welfare(at, M, s + shift))
        # A client of s replaced by one of t costs the rise; the crossing had `slack` more of them.
        welfare = welfare - self._take(self.rise, at) * slack
        upper = np.where(possible, welfare.high - table.loss[sets], -np.inf)
        for index in np.argsort(-upper, kind="stable"):
            if not np.nextafter(upper[index], np.inf) > incumbent.floor:
                break
            for count in range(int(top[index]), max(int(low[index]), int(top[index]) - 1) - 1, -1):
                merged = table.merged(int(sets[index]), int(M[index]), count)
                state = self.scaled.state(merged)
                if incumbent.market.meets_requirement(state):
                    incumbent.offer(state)
                    break


def _reach(upper: float, incumbent: Incumbent) -> float:
    """How much a state may lose against a bound and still beat the incumbent."""
    return float(np.nextafter(upper - incumbent.floor, np.inf))

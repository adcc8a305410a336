"""States inside the faces, for utilities that are not convex: bounds on boxes of a face, halved until they close.

A box is a range of ``M`` (clients of the two types that swap) and of ``u`` (how many of them are of the cheaper type
``s``).  Every state has the size and the inverse data size ``T`` of some point of some face, at no lower cost, so the
boxes together bound all states.  In a box of one ``M`` and one step of ``u`` all flip sets of small enough loss are
tried, as for the crossings.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...models.interval_array import IntervalArray, IntervalArrayArithmetic
from .crossings import CHUNK, FIRST_TABLE, LAST_TABLE
from .flips import FlipTable, flip_table
from .frontier import (
    ErrorModel,
    Face,
    Scaled,
    around,
)
from .segments import Incumbent
from .worth import Audience


class Boxes(NamedTuple):
    """Faces, least and greatest ``M``, least and greatest ``u``; one entry a box."""

    face: NDArray[np.int64]
    m1: NDArray[np.float64]
    m2: NDArray[np.float64]
    u1: NDArray[np.float64]
    u2: NDArray[np.float64]

    def take(self, which: NDArray[Any]) -> Boxes:
        """Some of the boxes, by index or mask."""
        return Boxes(self.face[which], self.m1[which], self.m2[which], self.u1[which], self.u2[which])


class BoxSearch:
    """All states beside the faces of a frontier, searched by branch and bound.

    Parameters
    ----------
    scaled : Scaled
        The types.
    faces : list of Face
        From :func:`~fedmech.solvers.sharing.frontier.sweep`.
    audience : str
        Who has the model.
    """

    def __init__(self, scaled: Scaled, faces: list[Face], audience: Audience = "everyone"):
        self.scaled, self.faces, self.audience = scaled, faces, audience
        self.errors = ErrorModel(scaled.market)
        s, t = [face.s for face in faces], [face.t for face in faces]
        self.K = np.array([face.K for face in faces], dtype=np.float64)
        self.T = around([face.T for face in faces], scaled.q_unit)
        self.C = around([face.C for face in faces], scaled.c_unit)
        self.qt = around([scaled.q[j] for j in t], scaled.q_unit)
        self.gap = around([scaled.q[i] - scaled.q[j] for i, j in zip(s, t, strict=True)], scaled.q_unit)
        self.ct = around([scaled.c[j] for j in t], scaled.c_unit)
        self.rise = around([scaled.c[j] - scaled.c[i] for i, j in zip(s, t, strict=True)], scaled.c_unit)
        self.ns = np.array([scaled.counts[i] for i in s], dtype=np.float64)
        self.nt = np.array([scaled.counts[i] for i in t], dtype=np.float64)
        self.N = IntervalArray.exactly(float(scaled.market.population))
        limit = scaled.market.max_error
        self.limit = np.inf if limit is None else float(IntervalArrayArithmetic.number(limit).high)
        self.bound = np.inf
        """No state beside a face is worth more, unless it is below the incumbent; valid at any time."""

    def _take(self, x: IntervalArray, at: NDArray[np.int64]) -> IntervalArray:
        return IntervalArray(x.low[at], x.high[at])

    def _inverse(self, at: NDArray[np.int64], M: NDArray[np.float64], u: IntervalArray) -> IntervalArray:
        """``T`` of a point of a face."""
        base = self._take(self.T, at) + self._take(self.qt, at) * IntervalArray.exactly(M)
        return base + self._take(self.gap, at) * u

    def _cost(self, at: NDArray[np.int64], M: NDArray[np.float64], u: IntervalArray) -> IntervalArray:
        """Cost of a point of a face."""
        base = self._take(self.C, at) + self._take(self.ct, at) * IntervalArray.exactly(M)
        return base - self._take(self.rise, at) * u

    def _served(self, K1: NDArray[np.float64], K2: NDArray[np.float64]) -> IntervalArray:
        """How many have the model while ``K`` runs from ``K1`` to ``K2``."""
        return self.N if self.audience == "everyone" else IntervalArray(K1, K2)

    def _upper(self, boxes: Boxes) -> NDArray[np.float64]:
        """Bounds on the welfare in the boxes; ``-inf`` where a box is empty or nothing in it is feasible."""
        at, m1, m2, u1, u2 = boxes
        first = IntervalArray.exactly(u1)
        T = self._inverse(at, m1, first)
        least = self.errors.least(self.K[at] + m1, self.K[at] + m2, T, self._take(self.qt, at))
        utility = self.errors.worth(least)
        cost = self._cost(at, m1, IntervalArray.exactly(np.minimum(u2, m2)))
        upper = (self._served(self.K[at] + m1, self.K[at] + m2) * IntervalArray(utility, utility) - cost).high
        empty = (u1 > m2) | (u2 < m1 - self.nt[at]) | (least > self.limit)
        return np.where(empty, -np.inf, upper)

    def run(self, incumbent: Incumbent) -> None:
        """Raise the incumbent to the best state beside any face.

        Raises
        ------
        Stop
            At the deadline; ``bound`` stays valid.
        """
        if not self.faces:
            self.bound = incumbent.floor
            return
        at = np.arange(len(self.faces))
        boxes = Boxes(at, np.where(self.K == 0, 1.0, 0.0), self.ns + self.nt, np.zeros(at.size), self.ns.copy())
        upper = self._upper(boxes)
        while True:
            self.bound = max(float(upper.max(initial=-np.inf)), incumbent.floor)
            incumbent.check()
            self._raise(incumbent, boxes, upper)
            keep = upper > incumbent.floor
            boxes, upper = boxes.take(keep), upper[keep]
            small = (boxes.m1 == boxes.m2) & (boxes.u2 - boxes.u1 <= 1)
            if small.all():
                break
            boxes = _halve(boxes, small)
            upper = self._upper(boxes)
        self._close(incumbent, boxes, upper)

    def _raise(self, incumbent: Incumbent, boxes: Boxes, upper: NDArray[np.float64]) -> None:
        """Try the middles of the most promising boxes."""
        for index in np.argsort(-upper, kind="stable")[:3]:
            if upper[index] <= incumbent.floor:
                break
            at = int(boxes.face[index])
            face, M = self.faces[at], int((boxes.m1[index] + boxes.m2[index]) // 2)
            low, high = max(0, M - int(self.nt[at])), min(int(self.ns[at]), M)
            u = min(max(int((boxes.u1[index] + boxes.u2[index]) // 2), low), high)
            merged = [n if face.mask >> i & 1 else 0 for i, n in enumerate(self.scaled.counts)]
            merged[face.s], merged[face.t] = u, M - u
            incumbent.offer(self.scaled.state(merged))

    def _close(self, incumbent: Incumbent, boxes: Boxes, upper: NDArray[np.float64]) -> None:
        """Try every flip set that could still win, face by face in the order of their bounds."""
        at = boxes.face
        faces, where = np.unique(at, return_inverse=True)
        best = np.full(faces.size, -np.inf)
        np.maximum.at(best, where, upper)
        for most in (FIRST_TABLE, LAST_TABLE):
            open_bound = -np.inf
            for place in np.argsort(-best, kind="stable"):
                self.bound = max(float(best[place]), open_bound, incumbent.floor)
                if best[place] <= incumbent.floor:
                    break
                incumbent.check()
                mine = np.flatnonzero((where == place) & (upper > incumbent.floor))
                if not mine.size:
                    continue
                reach = float(np.nextafter(upper[mine].max() - incumbent.floor, np.inf))
                # Once one face stays open no proof is to be had: the others are searched for better states only.
                size = most if open_bound <= incumbent.floor else FIRST_TABLE
                table = flip_table(self.scaled, self.faces[int(faces[place])], reach, size)
                self._try(incumbent, table, boxes.take(mine), upper[mine])
                if table.reach < reach:
                    left = float(np.nextafter(upper[mine].max() - max(table.reach, 0.0), np.inf))
                    open_bound = max(open_bound, left)
            if open_bound <= incumbent.floor:
                break
        self.bound = max(open_bound, incumbent.floor)

    def _try(self, incumbent: Incumbent, table: FlipTable, boxes: Boxes, upper: NDArray[np.float64]) -> None:
        order = np.argsort(-upper, kind="stable")
        boxes, upper = boxes.take(order), upper[order]
        start = 0
        while start < upper.size:
            room = np.searchsorted(table.loss, upper[start:] - incumbent.floor, side="right")
            room = np.where(upper[start:] > incumbent.floor, room, 0)
            stop = start + max(1, int(np.searchsorted(np.cumsum(room), CHUNK, side="right")))
            lengths = room[: stop - start]
            if lengths.sum():
                rows = np.repeat(np.arange(start, stop), lengths)
                sets = np.arange(rows.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
                self._pairs(incumbent, table, boxes.take(rows), sets)
                incumbent.check()
            start = stop

    def _pairs(self, incumbent: Incumbent, table: FlipTable, boxes: Boxes, sets: NDArray[np.int64]) -> None:
        at, M, _, u1, u2 = boxes
        shift = IntervalArray(table.shift.low[sets], table.shift.high[sets])
        left = M - table.moved[sets]
        low, high = np.maximum(0.0, left - self.nt[at]), np.minimum(self.ns[at], left)
        first = np.ceil((IntervalArray.exactly(u1) - shift).low)
        last = np.floor((IntervalArray.exactly(u2) - shift).high)
        for step in range(3):
            count = first + step
            possible = (count <= last) & (count >= low) & (count <= high) & (left >= 0) & (self.K[at] + M >= 1)
            if not possible.any():
                continue
            u = IntervalArray.exactly(count) + shift
            error = self.errors.at(np.maximum(self.K[at] + M, 1.0), self._inverse(at, M, u))
            utility = self.errors.worth(error.low)
            served = self._served(self.K[at] + M, self.K[at] + M)
            value = (served * IntervalArray(utility, utility) - self._cost(at, M, u)).high - table.loss[sets]
            value = np.where(possible & (error.low <= self.limit), np.nextafter(value, np.inf), -np.inf)
            for index in np.argsort(-value, kind="stable"):
                if value[index] <= incumbent.floor:
                    break
                merged = table.merged(int(sets[index]), int(M[index]), int(count[index]))
                incumbent.offer(self.scaled.state(merged))


def _halve(boxes: Boxes, done: NDArray[np.bool_]) -> Boxes:
    """Halve the longer side of every box that is not done; ranges of ``u`` share their ends, those of ``M`` do not."""
    finished = boxes.take(done)
    at, m1, m2, u1, u2 = boxes.take(~done)
    by_m = (m2 - m1 >= u2 - u1) & (m2 > m1) | (u2 - u1 <= 1)
    middle_m, middle_u = np.floor((m1 + m2) / 2), np.floor((u1 + u2) / 2)
    lower = Boxes(at, m1, np.where(by_m, middle_m, m2), u1, np.where(by_m, u2, middle_u))
    upper = Boxes(at, np.where(by_m, middle_m + 1, m1), m2, np.where(by_m, u1, middle_u), u2)
    parts: list[Any] = [np.concatenate(same) for same in zip(finished, lower, upper, strict=True)]
    return Boxes(*parts)

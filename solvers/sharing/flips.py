"""Near-optimal states beside a face: every way to move clients in or out of the other types, by what it loses.

On a face the types of ``S`` take part in full, those outside not at all, and only ``s`` and ``t`` vary.  Any other
state of the same size differs from a point of the face by *flips*: clients of ``S`` that stay out, clients outside
that come in.  A flip of type ``i`` loses ``|r_i|``, its distance from the face's price line, and shifts the balance
between ``s`` and ``t``.  The list of all flip sets of small loss is therefore the list of all states that can beat a
given welfare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.interval_array import IntervalArray, nearest
from .frontier import Face, Scaled

_ROUNDING = 1e-12
"""Taken off every loss: more than the rounding of a sum of a thousand positive doubles can add."""


@dataclass(frozen=True)
class FlipTable:
    """All flip sets that lose at most ``reach``, in the order of their loss.

    Attributes
    ----------
    loss : array of float
        Lower bounds on what each set loses, in units of cost.
    moved : array of float
        Net number of clients that a set brings in.
    shift : IntervalArray
        How many clients of ``s``, traded for ``t``, would have the same effect on ``T``.
    reach : float
        Every flip set that is missing loses more than this.
    """

    face: Face
    scaled: Scaled
    loss: NDArray[np.float64]
    moved: NDArray[np.float64]
    shift: IntervalArray
    reach: float
    _parent: NDArray[np.int64]
    _type: NDArray[np.int64]
    _times: NDArray[np.int64]
    _order: NDArray[np.int64]

    def merged(self, index: int, M: int, s_count: int) -> list[int]:
        """The merged state of ``S`` plus ``M`` clients, flipped by set ``index``, with ``s_count`` of type ``s``."""
        counts, face = self.scaled.counts, self.face
        merged = [n if face.mask >> i & 1 else 0 for i, n in enumerate(counts)]
        node = int(self._order[index])
        while node:
            i, times = int(self._type[node]), int(self._times[node])
            merged[i] += -times if face.mask >> i & 1 else times
            node = int(self._parent[node])
        merged[face.s] = s_count
        merged[face.t] = M - int(self.moved[index]) - s_count
        return merged


def flip_table(scaled: Scaled, face: Face, reach: float, most: int) -> FlipTable:
    """All flip sets of a face that lose at most ``reach``, or at most a half, a quarter ... of it if they are too many.

    With more than ``most`` sets of loss zero the table holds the empty set only, and its ``reach`` is negative."""
    q, c, counts = scaled.q, scaled.c, scaled.counts
    gap, rise = q[face.s] - q[face.t], c[face.t] - c[face.s]
    line = c[face.s] * gap + rise * q[face.s]
    flips: list[tuple[float, int, float, float]] = []
    for i, n in enumerate(counts):
        if i in (face.s, face.t) or not n:
            continue
        inside = face.mask >> i & 1
        distance = c[i] * gap + rise * q[i] - line
        sign = -1 if inside else 1
        if sign * distance < 0:
            raise AssertionError("a type lies on the wrong side of its face")
        lost = nearest(sign * distance, gap * scaled.c_unit) * (1 - _ROUNDING)
        flips.append((lost, i, float(sign), nearest(sign * (q[i] - q[face.t]), gap)))
    flips.sort()
    loss, moved = np.zeros(1), np.zeros(1)
    low, high = np.zeros(1), np.zeros(1)
    parent, kind, times = (np.zeros(1, dtype=np.int64) for _ in range(3))
    complete = reach if reach >= 0 else -1.0
    for lost, i, sign, unit in flips:
        if lost > complete:
            break
        room = (complete - loss) / lost * (1 + _ROUNDING) + _ROUNDING if lost > 0 else np.full(loss.size, np.inf)
        copies = np.clip(np.floor(room), 0, counts[i]).astype(np.int64)
        if loss.size + int(copies.sum()) > most:
            return flip_table(scaled, face, complete / 2 if complete > 1e-30 and lost > 0 else -1.0, most)
        base = np.repeat(np.arange(loss.size), copies)
        if not base.size:
            continue
        ends = np.cumsum(copies)
        f = (np.arange(base.size) - np.repeat(ends - copies, copies) + 1).astype(np.float64)
        step = IntervalArray.around(unit) * IntervalArray.exactly(f)
        loss = np.concatenate([loss, loss[base] + lost * f])
        moved = np.concatenate([moved, moved[base] + sign * f])
        total_shift = IntervalArray(low[base], high[base]) + step
        low, high = np.concatenate([low, total_shift.low]), np.concatenate([high, total_shift.high])
        parent = np.concatenate([parent, base])
        kind = np.concatenate([kind, np.full(base.size, i)])
        times = np.concatenate([times, f.astype(np.int64)])
    order = np.argsort(loss, kind="stable")
    return FlipTable(
        face,
        scaled,
        loss[order],
        moved[order],
        IntervalArray(low[order], high[order]),
        complete,
        parent,
        kind,
        times,
        order,
    )

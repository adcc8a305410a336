"""Where, for each number of participants, inverse data size and cost trade off: all extreme points at once.

For a fixed number ``K`` of participants the error (3) is linear in ``T = sum k_i / D_i``, so a state matters only
through ``T`` and its cost ``C``.  The states that minimise ``C + mu T`` for some price ``mu > 0`` take the types in
the order of ``c_i + mu / D_i`` until ``K`` is reached.  As ``mu`` grows that order changes by swaps of two
neighbours, so all extreme points of all ``K`` lie on

- *segments*: a set ``S`` of types in full and some clients of one more type, and
- *faces*: a set ``S`` in full and any numbers of the two types that swap; the sides of a face are segments, and its
  states of equal ``K`` lie on one edge of the frontier.

With ``I`` types there are at most ``I (I - 1) / 2`` faces and ``I + I (I - 1)`` segments, whatever the populations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...models.exact import scale_to_integers
from ...models.interval_array import IntervalArray, IntervalArrayArithmetic, nearest
from ...models.sharing.market import MotsMarket, State
from .requirement import error_range


@dataclass(frozen=True)
class Scaled:
    """A market's types as integers, types of equal size and cost merged, empty types dropped.

    Attributes
    ----------
    members : list of list of int
        The market's types behind each merged type.
    counts : list of int
        Clients of each merged type.
    q : list of int
        Inverse data sizes times ``q_unit``.
    c : list of int
        Costs times ``c_unit``.
    """

    market: MotsMarket
    members: list[list[int]]
    counts: list[int]
    q: list[int]
    c: list[int]
    q_unit: int
    c_unit: int

    @classmethod
    def of(cls, market: MotsMarket) -> Scaled:
        """Scale a market."""
        groups: dict[tuple[int, Fraction], list[int]] = {}
        for index, entry in enumerate(market.types):
            if entry.count:
                groups.setdefault((entry.size, entry.cost), []).append(index)
        q_unit = math.lcm(*(size for size, _ in groups))
        costs, c_unit = scale_to_integers([cost for _, cost in groups])
        return cls(
            market,
            list(groups.values()),
            [sum(market.counts[index] for index in members) for members in groups.values()],
            [q_unit // size for size, _ in groups],
            [int(cost) for cost in costs],
            q_unit,
            int(c_unit),
        )

    def state(self, merged: list[int]) -> State:
        """A state of the market from the numbers of participants of the merged types."""
        state = [0] * self.market.type_count
        for k, members in zip(merged, self.members, strict=True):
            for index in members:
                state[index] = min(k, self.market.counts[index])
                k -= state[index]
        return tuple(state)


@dataclass(frozen=True)
class Segment:
    """A set ``S`` of types in full, given as a bit mask, and any number of clients of one more type."""

    mask: int
    K: int
    T: int
    C: int
    type: int


@dataclass(frozen=True)
class Face:
    """A set ``S`` in full and any numbers of two types: the cheaper ``s`` and ``t`` with more data.

    ``price`` is the ``mu`` at which the two swap, in scaled cost per scaled inverse size.
    """

    mask: int
    K: int
    T: int
    C: int
    s: int
    t: int
    price: Fraction


def sweep(scaled: Scaled) -> tuple[list[Segment], list[Face]]:
    """All segments and faces, in the order of rising prices."""
    q, c, counts = scaled.q, scaled.c, scaled.counts
    count = len(q)
    order = sorted(range(count), key=lambda i: (c[i], q[i]))
    place = [0] * count
    K, T, C, mask = [0], [0], [0], [0]
    for at, i in enumerate(order):
        place[i] = at
        K.append(K[-1] + counts[i])
        T.append(T[-1] + counts[i] * q[i])
        C.append(C[-1] + counts[i] * c[i])
        mask.append(mask[-1] | 1 << i)
    segments: dict[tuple[int, int], Segment] = {}
    faces: list[Face] = []

    def note(at: int) -> None:
        key = (mask[at], order[at])
        if key not in segments:
            segments[key] = Segment(mask[at], K[at], T[at], C[at], order[at])

    for at in range(count):
        note(at)
    if scaled.market.noise == 0:
        return list(segments.values()), []
    swaps: dict[Fraction, list[tuple[int, int]]] = {}
    for s in range(count):
        for t in range(count):
            if c[s] < c[t] and q[s] > q[t]:
                swaps.setdefault(Fraction(c[t] - c[s], q[s] - q[t]), []).append((s, t))
    for price in sorted(swaps):
        waiting = swaps[price]
        while waiting:
            later = []
            for s, t in waiting:
                at = place[s]
                if place[t] != at + 1:
                    later.append((s, t))
                    continue
                faces.append(Face(mask[at], K[at], T[at], C[at], s, t, price))
                order[at], order[at + 1] = t, s
                place[t], place[s] = at, at + 1
                K[at + 1] = K[at] + counts[t]
                T[at + 1] = T[at] + counts[t] * q[t]
                C[at + 1] = C[at] + counts[t] * c[t]
                mask[at + 1] = mask[at] | 1 << t
                note(at)
                note(at + 1)
            waiting = later
    return list(segments.values()), faces


def floats(numerators: list[int], denominator: int) -> NDArray[np.float64]:
    """Correctly rounded quotients, one number in memory each."""
    return np.array([nearest(x, denominator) for x in numerators], dtype=np.float64)


def around(numerators: list[int], denominator: int) -> IntervalArray:
    """Intervals around exact quotients."""
    return IntervalArray.around(floats(numerators, denominator))


class ErrorModel:
    """Eq. (3) on arrays, enclosed.

    ``error(K, T) = noise * T / K**2 + client_variance * (1 - 1/K)`` with ``T`` in inverse samples.
    """

    def __init__(self, market: MotsMarket):
        self.noise = IntervalArrayArithmetic.number(market.noise)
        self.client = IntervalArrayArithmetic.number(market.client_variance)
        self.one = IntervalArray.exactly(1.0)
        self.utility = market.utility
        self.floor = IntervalArrayArithmetic.number(error_range(market).least)

    def worth(self, error: NDArray[np.float64]) -> NDArray[np.float64]:
        """Upper bounds on the utility of states whose error is at least ``error``.

        No state's error is below the market's least one, where the utility need not even be defined; a bound below it
        is raised to it.
        """
        low, high = np.maximum(error, self.floor.low), np.maximum(error, self.floor.high)
        return self.utility.enclosure(IntervalArray(low, high)).high

    def at(self, K: NDArray[np.float64], T: IntervalArray) -> IntervalArray:
        """The error of ``K`` participants whose inverse sizes add up to ``T``."""
        k = IntervalArray.exactly(K)
        return self.noise * T / (k * k) + self.client * (self.one - self.one / k)

    def least(
        self, K1: NDArray[np.float64], K2: NDArray[np.float64], T1: IntervalArray, q: IntervalArray
    ) -> NDArray[np.float64]:
        """A lower bound on the error while ``K`` runs from ``K1`` to ``K2`` and ``T`` from ``T1`` with slope ``q``.

        In ``x = 1/K`` the error is ``client + a x - b x^2`` with ``a = noise q - client`` and ``b = noise (q K1 -
        T1)``: its least value on an interval is at an end, or at ``x = a / (2b)`` if ``b < 0``.
        """
        k1, k2 = IntervalArray.exactly(K1), IntervalArray.exactly(K2)
        first = self.at(K1, T1).low
        last = self.at(K2, T1 + q * (k2 - k1)).low
        result = np.minimum(first, last)
        a = self.noise * q - self.client
        b = self.noise * (q * k1 - T1)
        inside = (b.low < 0) & (a.low < 0) & (K2 > K1)
        if not inside.any():
            return result
        two, four = IntervalArray.exactly(2.0), IntervalArray.exactly(4.0)
        near_x, far_x = self.one / k2, self.one / k1
        # Where the sign of b is in doubt, b is no larger than rounding: bound a x and -b x^2 apart.
        flat = self.client + a * IntervalArray(near_x.low, far_x.high) - b * far_x * far_x
        vertex = a / (two * b)
        reached = ~(vertex.high < near_x.low) & ~(vertex.low > far_x.high)
        bottom = np.where(b.high < 0, (self.client + a * a / (four * b)).low, flat.low)
        return np.where(inside & reached, np.minimum(result, bottom), result)

"""Seat limits as a polymatroid over groups: the flow on the group-by-requester graph.

With seats, a set of workers can be placed exactly when its group counts ``k_l`` can be routed through the network
source -> group ``l`` (``k_l``) -> requester ``j`` (``tau[l, j]``) -> sink (``s_j``).  By max-flow/min-cut that is

    k(A) <= f(A) = sum_j min(s_j, sum_{l in A} tau[l, j])        for every set of groups A,

and ``f`` is the rank function of a polymatroid.  The feasible worker sets are the independent sets of a matroid
(a gammoid), so greedy by weight is optimal, and adding a worker is one augmentation on a graph with ``L + m`` nodes:
no worker ever becomes a node.  When a group cannot be augmented, the groups reached by the failed search form a tight
set (``k(A) = f(A)``); it stays tight, so every group in it is finished for good.

The one hot loop, :func:`augment_sequence`, is written against plain indexing.  On lists it runs as it stands; on long
sequences the same source is compiled by numba, which is imported only then.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..compilation import can_start, clock

IntArray = NDArray[np.int64]

COMPILE_FROM = 50_000
"""Sequences at least this long are worth the start-up of numba; shorter ones run as plain Python."""

AT_ONCE = 30_000
"""Requests between two looks at the clock where they are interpreted."""


def augment_sequence(groups, amounts, taken, room, flow, free, first, blocked_at, width, stamp, back, parent, queue):
    """Push units of flow for a sequence of groups, one augmenting path at a time.

    The arguments are flat lists or int64 arrays, changed in place.

    Parameters
    ----------
    groups, amounts : sequence of int, length T
        At step ``t``, ``amounts[t]`` units of group ``groups[t]`` ask for a place.
    taken : sequence of int, length T
        Receives the units that found one.
    room, flow : sequence of int, length L * m
        Unused and used capacity of the edge (group, requester), row by row.
    free : sequence of int, length m
        Seats still free.
    first : sequence of int, length L
        The first requester that may still serve the group directly.  A requester that once failed to do so never
        recovers: seats only fill up, and a shortest path gives capacity back only on edges to full requesters.
    blocked_at : sequence of int, length L
        -1, or the first step at which the group was found to lie in a tight set.
    width : int
        ``m``.
    stamp, back, parent, queue : sequence of int, lengths L + m, m, L, L
        Scratch space: visited marks (zero at the start), the group a requester was reached from, the requester a
        group was reached from, the queue of groups.
    """
    n_groups = len(first)
    mark = 0
    for t in range(len(groups)):
        start = groups[t]
        todo = amounts[t]
        got = 0
        while todo > 0 and blocked_at[start] < 0:
            # A requester with room for this group and a free seat: no search needed.
            j = first[start]
            while j < width and (free[j] <= 0 or room[start * width + j] <= 0):
                j += 1
            first[start] = j
            if j < width:
                push = min(todo, free[j], room[start * width + j])
                room[start * width + j] -= push
                flow[start * width + j] += push
                free[j] -= push
                todo -= push
                got += push
                continue
            # Breadth-first search: group -> requester with room, requester -> group it serves.
            mark += 1
            head = 0
            tail = 1
            queue[0] = start
            stamp[start] = mark
            goal = -1
            while head < tail and goal < 0:
                g = queue[head]
                head += 1
                for r in range(width):
                    if stamp[n_groups + r] != mark and room[g * width + r] > 0:
                        stamp[n_groups + r] = mark
                        back[r] = g
                        if free[r] > 0:
                            goal = r
                            break
                        for h in range(n_groups):
                            if stamp[h] != mark and flow[h * width + r] > 0:
                                stamp[h] = mark
                                parent[h] = r
                                queue[tail] = h
                                tail += 1
            # No free seat can be reached: these groups fill all that is open to them, now and for good.
            if goal < 0:
                for i in range(tail):
                    if blocked_at[queue[i]] < 0:
                        blocked_at[queue[i]] = t
                break
            # The narrowest edge of the path says how many units go along it at once.
            push = min(todo, free[goal])
            r = goal
            while True:
                g = back[r]
                push = min(push, room[g * width + r])
                if g == start:
                    break
                r = parent[g]
                push = min(push, flow[g * width + r])
            free[goal] -= push
            r = goal
            while True:
                g = back[r]
                room[g * width + r] -= push
                flow[g * width + r] += push
                if g == start:
                    break
                r = parent[g]
                flow[g * width + r] -= push
                room[g * width + r] += push
            todo -= push
            got += push
        taken[t] = got


@functools.cache
def compiled_augment_sequence() -> Callable[..., None]:
    """:func:`augment_sequence` compiled by numba (from its on-disk cache after the first time)."""
    from numba import njit

    return njit(cache=True)(augment_sequence)


class SeatFlow:
    """A flow on the group-by-requester graph that only ever grows.

    Parameters
    ----------
    caps : array_like of int, shape (L, m)
        ``tau[l, j]``.
    seats : array_like of int, shape (m,)
        ``s_j``.
    compiled : bool
        Whether to run the augmentations compiled, where numba is installed.

    Attributes
    ----------
    first_blocked : list of int or ndarray, length L
        -1 while the group can still grow, else the step of the last :meth:`push` (0 for an earlier one) at which it
        was found to be in a tight set.
    """

    def __init__(self, caps: ArrayLike, seats: ArrayLike, compiled: bool = False) -> None:
        caps = np.asarray(caps, dtype=np.int64)
        self.n_groups, self.n_requesters = caps.shape
        self.compiled = compiled and can_start()
        self._room = self._store(caps.ravel())
        self._flow = self._store(np.zeros(caps.size, dtype=np.int64))
        self._free = self._store(np.asarray(seats, dtype=np.int64))
        self._first = self._store(np.zeros(self.n_groups, dtype=np.int64))
        self.first_blocked = self._store(np.full(self.n_groups, -1, dtype=np.int64))

    def _store(self, values: IntArray) -> Any:
        return values.copy() if self.compiled else values.tolist()

    def copy(self) -> SeatFlow:
        """Return an independent copy in the same state."""
        other = object.__new__(SeatFlow)
        other.n_groups, other.n_requesters, other.compiled = self.n_groups, self.n_requesters, self.compiled
        for name in ("_room", "_flow", "_free", "_first", "first_blocked"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def push(self, groups: ArrayLike, amounts: ArrayLike | None = None) -> IntArray:
        """Ask for places, in order, and keep what fits.

        Parameters
        ----------
        groups : array_like of int, shape (T,)
            The group of each request.
        amounts : array_like of int, shape (T,), optional
            Units asked for; 1 each if left out.

        Returns
        -------
        ndarray of int64, shape (T,)
            Units placed.  Single units in order of weight are accepted exactly as the matroid greedy accepts them.
        """
        asked = np.asarray(groups, dtype=np.int64)
        units = np.ones(len(asked), dtype=np.int64) if amounts is None else np.asarray(amounts, dtype=np.int64)
        self.first_blocked = self._store(np.minimum(np.asarray(self.first_blocked), 0))
        # Compiled, all of it takes a moment; interpreted, the clock is looked at in between.
        step = max(1, len(asked)) if self.compiled else AT_ONCE
        taken = [self._push(asked[at : at + step], units[at : at + step], at) for at in range(0, len(asked), step)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *taken])

    def _push(self, asked: IntArray, units: IntArray, at: int) -> IntArray:
        """Push some of the requests, the first being number `at`."""
        if at:
            clock().check()
        kernel = compiled_augment_sequence() if self.compiled else augment_sequence
        size, width = self.n_groups, self.n_requesters
        scratch = [self._store(np.zeros(k, dtype=np.int64)) for k in (size + width, width, size, size)]
        taken = self._store(np.zeros(len(asked), dtype=np.int64))
        open_before = np.asarray(self.first_blocked) < 0
        kernel(
            self._store(asked),
            self._store(units),
            taken,
            self._room,
            self._flow,
            self._free,
            self._first,
            self.first_blocked,
            width,
            *scratch,
        )
        if at:
            found = np.asarray(self.first_blocked)
            self.first_blocked = self._store(found + at * (open_before & (found >= 0)))
        return np.asarray(taken, dtype=np.int64)

    @property
    def blocked(self) -> NDArray[np.bool_]:
        """Whether each group is known to lie in a tight set, shape (L,)."""
        return np.asarray(self.first_blocked) >= 0

    @property
    def routing(self) -> IntArray:
        """Units of each group at each requester, shape (L, m)."""
        return np.array(self._flow, dtype=np.int64).reshape(self.n_groups, self.n_requesters)

    @property
    def counts(self) -> IntArray:
        """Units placed per group, shape (L,)."""
        return self.routing.sum(axis=1)


def rank(caps: ArrayLike, seats: ArrayLike, members: ArrayLike) -> int:
    """Return ``f(A) = sum_j min(s_j, sum_{l in A} tau[l, j])``.

    Parameters
    ----------
    caps : array_like of int, shape (L, m)
        ``tau``.
    seats : array_like of int, shape (m,)
        ``s``.
    members : array_like of bool, shape (L,)
        The groups in ``A``.
    """
    caps = np.asarray(caps, dtype=np.int64)
    inside = caps[np.asarray(members, dtype=bool)].sum(axis=0)
    return int(np.minimum(inside, np.asarray(seats, dtype=np.int64)).sum())


def counts_fit(caps: ArrayLike, seats: ArrayLike, counts: ArrayLike) -> bool:
    """Return whether the group counts (shape (L,)) can be routed within caps and seats."""
    wanted = np.asarray(counts, dtype=np.int64)
    placed = SeatFlow(caps, seats).push(np.arange(len(wanted)), wanted)
    return bool((placed == wanted).all())


def descending(weights: IntArray) -> NDArray[np.intp]:
    """Return positions ordered by weight, largest first, ties by position.

    Packs (weight, position) into one integer where that fits 63 bits, and otherwise repairs the ties of an unstable
    sort: both are several times faster than a stable argsort.
    """
    n = len(weights)
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    top = int(weights.max())
    bits = n.bit_length()
    if (top - int(weights.min())).bit_length() + bits <= 62:
        packed = ((top - weights) << bits) | np.arange(n, dtype=np.int64)
        packed.sort()
        return (packed & ((1 << bits) - 1)).astype(np.intp, copy=False)
    order = np.argsort(-weights)
    ranked = weights[order]
    same = ranked[1:] == ranked[:-1]
    if same.any():
        run = np.concatenate([[0], np.cumsum(~same)])
        tied = np.flatnonzero(np.concatenate([[False], same]) | np.concatenate([same, [False]]))
        order[tied] = order[tied][np.lexsort((order[tied], run[tied]))]
    return order


def place(chosen_groups: IntArray, routing: IntArray) -> IntArray:
    """Give each chosen worker a requester.

    Parameters
    ----------
    chosen_groups : ndarray of int, shape (k,)
        The group of each chosen worker.
    routing : ndarray of int, shape (L, m)
        Units of each group at each requester; row sums are the group counts of the chosen workers.

    Returns
    -------
    ndarray of int64, shape (k,)
        Requesters; within a group, earlier workers get earlier requesters.
    """
    requesters = np.repeat(np.tile(np.arange(routing.shape[1]), routing.shape[0]), routing.ravel())
    if len(requesters) != len(chosen_groups):
        raise ValueError(f"the routing places {len(requesters)} workers, {len(chosen_groups)} were chosen")
    assignment = np.empty(len(chosen_groups), dtype=np.int64)
    assignment[np.argsort(chosen_groups, kind="stable")] = requesters
    return assignment

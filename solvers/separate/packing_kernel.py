"""The packing search for numba, on flat arrays, and resumable.

Beside the requester with the fewest sets left, as in `packing`, it branches on a worker: if leaving it out loses too much, one of
the sets that hold it is in the packing, and these may be few where like requesters have thousands of sets each.

1. :func:`advance` chooses a set at the deepest level whose loss, with the least that the other requesters lose, is of interest.
2. :func:`_narrow` keeps, a level deeper, what the other requesters may still take: disjoint sets, and of interchangeable requesters
   only packings in one order.
3. It drops the new level by its bound, keeps it if it is a whole packing, or else chooses what to branch on there: the
   requester with the fewest sets, or a worker too dear to be left out (:func:`_dear_worker`).

All of the state lies in the arrays of a :class:`PackingDescent`, so that it can stop after some work, let the caller look at the clock, and
go on. The source runs as plain Python too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints, UInts, Members = NDArray[np.int64], NDArray[np.uint64], NDArray[np.int32]

WORTH_COUNTING = 8
"""A requester with so few sets is branched on without counting who is in them."""


class PackedChoices(NamedTuple):
    """The sets that may be packed, those of requester ``j`` being ``start[j]..start[j+1]``, in the order of their losses.

    Attributes
    ----------
    loss : ndarray of int64, shape (K,)
    mask : ndarray of uint64, shape (K, W)
        Their workers.
    member : ndarray of int32, shape (K, most members)
        The same workers one by one, filled up with -1.
    start, alike : ndarray of int64, shapes (m + 1,), (m,)
        First set of each requester; label of each requester, equal for interchangeable ones.
    left_out : ndarray of int64, shape (W * 64,)
        Loss of leaving a worker out.
    """

    loss: Ints
    mask: UInts
    member: Members
    start: Ints
    alike: Ints
    left_out: Ints


class PackingDescent(NamedTuple):
    """Where the search stands: a row for each level, of which there are ``m + 1``.

    Attributes
    ----------
    depth : ndarray of int64, shape (1,)
        Level of the search; -1 before it starts.
    sets : ndarray of int64, shape (m + 1, K)
        Sets still possible at each level, those of ``j`` from ``start[j]`` on.
    size : ndarray of int64, shape (m + 1, m)
        How many of them; -1 for requesters that have theirs.
    used : ndarray of uint64, shape (m + 1, W)
        Workers of the sets chosen.
    so_far, rest, lost : ndarray of int64, shape (m + 1,)
        Loss of the sets chosen, least loss of the open requesters, loss of workers out of reach.
    pick, wanted, at : ndarray of int64, shape (m + 1,)
        Requester branched on; worker branched on (-1: none; then all sets that hold this worker, of one requester after the
        other); the requester's next set.
    follow : ndarray of int64, shape (m + 1, m + 1)
        Per level that branches on a worker: the first requester, and the next one after each; one of each label, then ``m``.
    stack, best : ndarray of int64, shape (m,)
        Sets chosen on the way down, and in the best packing (-1: none).
    state : ndarray of int64, shape (3,)
        Largest loss of interest; nodes visited; a loss that is low enough to end the search.
    """

    depth: Ints
    sets: Ints
    size: Ints
    used: UInts
    so_far: Ints
    rest: Ints
    lost: Ints
    pick: Ints
    wanted: Ints
    at: Ints
    follow: Ints
    stack: Ints
    best: Ints
    state: Ints


def descent(packing: PackedChoices, gamma: int, enough: int) -> PackingDescent:
    """Return a search that has not started, for packings of loss at most `gamma`; one of less than `enough` ends it."""
    K, W, m = packing.loss.size, packing.mask.shape[1], packing.alike.size
    sets, size = np.zeros((m + 1, max(1, K)), dtype=np.int64), np.zeros((m + 1, m), dtype=np.int64)
    so_far, rest, lost, pick, wanted, at = (np.zeros(m + 1, dtype=np.int64) for _ in range(6))
    return PackingDescent(
        depth=np.full(1, -1, dtype=np.int64), sets=sets, size=size, used=np.zeros((m + 1, W), dtype=np.uint64), so_far=so_far, rest=rest,
        lost=lost, pick=pick, wanted=wanted, at=at, follow=np.zeros((m + 1, m + 1), dtype=np.int64), stack=np.full(m, -1, dtype=np.int64),
        best=np.full(m, -1, dtype=np.int64), state=np.array([gamma, 0, enough], dtype=np.int64),
    )  # fmt: skip


def advance(packing: PackedChoices, search: PackingDescent, work: int) -> int:
    """Do about `work` comparisons of sets; return 1 if the search is over, 0 if it can go on."""
    # Compiled code counts references whenever it takes an array out of a tuple: that is done here, once, and the parts get arrays.
    loss, mask, member, start, alike, left_out = packing
    depth, sets, size, used, so_far, rest, lost, pick, wanted, at, follow, stack, best, state = search
    reach = np.zeros(mask.shape[1], dtype=np.uint64)
    covers = np.zeros(left_out.size, dtype=np.int64)
    m = alike.size
    while True:
        d = int(depth[0])
        child = d + 1
        if d < 0:
            so_far[0] = 0
            if not _begin(mask, start, sets, size, used, reach):
                return 1
        else:
            if work <= 0:
                return 0
            j = int(pick[d])
            # Sets stand in the order of their losses: behind one that leaves nothing to spare all do.
            column, spare = -1, -1
            if at[d] < size[d, j]:
                column = int(sets[d, start[j] + at[d]])
                at[d] += 1
                so_far[child] = so_far[d] + loss[column]
                spare = int(state[0] - so_far[child] - (rest[d] - loss[sets[d, start[j]]]) - lost[d])
            if spare < 0:
                pick[d] = follow[d, j + 1] if wanted[d] >= 0 else m
                at[d] = 0
                if pick[d] == m:
                    depth[0] = d - 1
                    if d == 0:
                        return 1
                continue
            if wanted[d] >= 0:
                work -= 1
                if (mask[column, wanted[d] >> 6] >> np.uint64(wanted[d] & 63)) & np.uint64(1) == np.uint64(0):
                    continue
            stack[j] = column
            alive, looked = _narrow(
                d, j, column, wanted[d] < 0, spare, loss, mask, start, alike, sets, size, used, reach
            )
            work -= looked + 1
            state[1] += 1
            if not alive:
                continue
        missing = _out_of_reach(reach, left_out)
        least, fewest = 0, -1
        for k in range(m):
            if size[child, k] >= 0:
                least += loss[sets[child, start[k]]]
                if fewest < 0 or size[child, k] < size[child, fewest]:
                    fewest = k
        slack = state[0] - so_far[child] - missing - least
        if slack >= 0 and fewest < 0:
            state[0] = so_far[child] + missing - 1
            # One by one: numba compiles for seconds what an assignment of whole arrays says if their shapes differ.
            for k in range(m):
                best[k] = stack[k]
            if state[0] < state[2]:
                return 1
        if slack < 0 or fewest < 0:
            if d < 0:
                return 1
            continue
        depth[0], lost[child], rest[child] = child, missing, least
        pick[child], wanted[child], at[child] = fewest, -1, 0
        # A worker too dear to be left out may be in fewer sets than any requester has.
        if size[child, fewest] > WORTH_COUNTING:
            _requesters_apart(child, alike, size, follow)
            wanted[child], looked = _dear_worker(
                child, size[child, fewest], slack, member, start, left_out, sets, size, follow, covers
            )
            work -= looked
            if wanted[child] >= 0:
                pick[child] = follow[child, 0]


def _begin(mask: UInts, start: Ints, sets: Ints, size: Ints, used: UInts, reach: UInts) -> bool:
    """Open the first level with every set, and mark in `reach` who is in one; False if a requester has none."""
    used[0] = np.uint64(0)
    reach[:] = np.uint64(0)
    for k in range(size.shape[1]):
        size[0, k] = start[k + 1] - start[k]
        if size[0, k] == 0:
            return False
        for column in range(start[k], start[k + 1]):
            sets[0, column] = column
            reach |= mask[column]
    return True


def _narrow(
    d: int, j: int, column: int, in_order: bool, spare: int,
    loss: Ints, mask: UInts, start: Ints, alike: Ints, sets: Ints, size: Ints, used: UInts, reach: UInts,
) -> tuple[bool, int]:  # fmt: skip
    """List a level deeper what the other requesters can still take beside the set `column` of `j`.

    Parameters
    ----------
    in_order : bool
        Whether interchangeable requesters choose in the order of their lists.
    spare : int
        How much more than the least possible may be lost.

    Returns
    -------
    alive : bool
        Whether each of them can take something.
    looked : int
        Sets looked at.
    """
    words, zero = mask.shape[1], np.uint64(0)
    empty = True
    for w in range(words):
        used[d + 1, w] = used[d, w] | mask[column, w]
        reach[w] = used[d + 1, w]
        if mask[column, w] != zero:
            empty = False
    # Only the empty set can be chosen by two of them.
    after = column - start[j] + (0 if empty else 1)
    looked = 0
    for k in range(alike.size):
        size[d + 1, k] = -1
        if k == j or size[d, k] < 0:
            continue
        first = start[k]
        room = spare + loss[sets[d, first]]
        same = in_order and alike[k] == alike[j]
        count = 0
        for position in range(size[d, k]):
            other = sets[d, first + position]
            if loss[other] > room:
                break
            if same and other - first < after:
                continue
            clash = False
            for w in range(words):
                if mask[other, w] & mask[column, w] != zero:
                    clash = True
                    break
            if clash:
                continue
            sets[d + 1, first + count] = other
            count += 1
            for w in range(words):
                reach[w] |= mask[other, w]
        size[d + 1, k] = count
        looked += size[d, k]
        if count == 0:
            return False, looked
    return True, looked


def _out_of_reach(reach: UInts, left_out: Ints) -> int:
    """Return the loss of the workers who are in no set any more."""
    missing, zero, one = 0, np.uint64(0), np.uint64(1)
    for w in range(reach.size):
        if reach[w] != ~zero:
            for b in range(64):
                if (reach[w] >> np.uint64(b)) & one == zero:
                    missing += left_out[w * 64 + b]
    return missing


def _requesters_apart(child: int, alike: Ints, size: Ints, follow: Ints) -> None:
    """Line up the open requesters, one of each label, in a level's row of `follow`, and ``m`` at the end."""
    m = alike.size
    after = m
    for k in range(m - 1, -1, -1):
        follow[child, k + 1] = after
        if size[child, k] >= 0:
            after = k
            for i in range(k):
                if size[child, i] >= 0 and alike[i] == alike[k]:
                    after = follow[child, k + 1]
                    break
    follow[child, 0] = after


def _dear_worker(
    child: int,
    fewest: int,
    slack: int,
    member: Members,
    start: Ints,
    left_out: Ints,
    sets: Ints,
    size: Ints,
    follow: Ints,
    covers: Ints,
) -> tuple[int, int]:
    """Find the worker in the fewest sets, and in less than `fewest`, of those whose loss exceeds the slack.

    Returns
    -------
    worker : int
        -1 if there is none.
    looked : int
        Sets looked at.
    """
    covers[:] = 0
    looked = 0
    k = follow[child, 0]
    while k < size.shape[1]:
        for position in range(size[child, k]):
            other = sets[child, start[k] + position]
            for b in range(member.shape[1]):
                if member[other, b] < 0:
                    break
                covers[member[other, b]] += 1
        looked += size[child, k]
        k = follow[child, k + 1]
    found = -1
    for worker in range(covers.size):
        if left_out[worker] > slack and 0 < covers[worker] < fewest:
            fewest = covers[worker]
            found = worker
    return found, looked


@functools.cache
def compiled_advance() -> Callable[[PackedChoices, PackingDescent, int], int]:
    """:func:`advance` compiled by numba (from its on-disk cache after the first time)."""
    from numba import njit

    # A compiled function calls compiled ones only: each is compiled where the names of those it calls mean these.
    names = globals().copy()
    for part in (_begin, _narrow, _out_of_reach, _requesters_apart, _dear_worker, advance):
        names[part.__name__] = njit(cache=True)(FunctionType(part.__code__, names, part.__name__))
    return names["advance"]

"""The packing search for numba, on flat arrays, and resumable.

Beside the requester with the fewest sets left, as in `packing`, it branches on a worker: if leaving it out loses too much, one of
the sets that hold it is in the packing, and these may be few where like requesters have thousands of sets each.

All of its state lies in the arrays it is given, so that it can stop after some nodes, let the caller look at the clock, and
go on. The source runs as plain Python too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

WORTH_COUNTING = 8
"""A requester with so few sets is branched on without counting who is in them."""


def advance(
    loss: Any, mask: Any, member: Any, start: Any, alike: Any, left_out: Any, depth: Any, sets: Any, size: Any, used: Any, so_far: Any,
    rest: Any, lost: Any, pick: Any, wanted: Any, follow: Any, at: Any, stack: Any, best: Any, state: Any, work: int,
) -> int:  # fmt: skip
    """Do about `work` comparisons of sets; return 1 if the search is over, 0 if it can go on.

    Parameters
    ----------
    loss : ndarray of int64, shape (K,)
        Losses of the sets, the sets of requester ``j`` being ``start[j]..start[j+1]``, increasing.
    mask : ndarray of uint64, shape (K, W)
        Their workers.
    member : ndarray of int32, shape (K, most members)
        The same workers one by one, filled up with -1.
    start, alike : ndarray of int64, shapes (m + 1,), (m,)
        First set of each requester; label of each requester, equal for interchangeable ones.
    left_out : ndarray of int64, shape (W * 64,)
        Loss of leaving a worker out.
    depth : ndarray of int64, shape (1,)
        Level of the search; -1 before it starts.
    sets : ndarray of int64, shape (m + 1, K)
        Sets still possible at each level, those of ``j`` from ``start[j]`` on.
    size : ndarray of int64, shape (m + 1, m)
        How many of them; -1 for requesters that have theirs.
    used, so_far, rest, lost, pick, wanted, at : ndarray
        Per level: workers used, loss, least loss of the open requesters, loss of workers out of reach, requester
        branched on, worker branched on (-1: none; then all sets that hold this worker, of one requester after the other),
        the requester's next set.
    follow : ndarray of int64, shape (m + 1, m + 1)
        Per level that branches on a worker: the first requester, and the next one after each; one of each label, then ``m``.
    stack, best : ndarray of int64, shape (m,)
        Sets chosen on the way down, and in the best packing (-1: none).
    state : ndarray of int64, shape (3,)
        Largest loss of interest; nodes visited; a loss that is low enough to end the search.
    work : int
        About how many sets this call may look at.
    """
    m = size.shape[1]
    words = mask.shape[1]
    covers = np.zeros(words * 64, dtype=np.int64)
    one = np.uint64(1)
    zero = np.uint64(0)
    reach = np.zeros(words, dtype=np.uint64)
    budget = work
    while True:
        d = depth[0]
        child = d + 1
        if d >= 0:
            if budget <= 0:
                return 0
            j = pick[d]
            worker = wanted[d]
            over = at[d] >= size[d, j]
            if not over:
                column = sets[d, start[j] + at[d]]
                at[d] += 1
                here = so_far[d] + loss[column]
                others = rest[d] - loss[sets[d, start[j]]]
                over = here + others + lost[d] > state[0]
            if over:
                j = follow[d, j + 1] if worker >= 0 else m
                pick[d] = j
                at[d] = 0
                if j < m:
                    continue
                depth[0] = d - 1
                if d == 0:
                    return 1
                continue
            if worker >= 0:
                budget -= 1
                if (mask[column, worker >> 6] >> np.uint64(worker & 63)) & one == zero:
                    continue
            stack[j] = column
            empty = True
            for w in range(words):
                used[child, w] = used[d, w] | mask[column, w]
                reach[w] = used[child, w]
                if mask[column, w] != zero:
                    empty = False
            so_far[child] = here
            alive = True
            for k in range(m):
                size[child, k] = -1
                if k == j or size[d, k] < 0:
                    continue
                count = 0
                room = state[0] - here - others - lost[d] + loss[sets[d, start[k]]]
                same = worker < 0 and alike[k] == alike[j]
                after = column - start[j] + (0 if empty else 1)
                for position in range(size[d, k]):
                    other = sets[d, start[k] + position]
                    if loss[other] > room:
                        break
                    if same and other - start[k] < after:
                        continue
                    clash = False
                    for w in range(words):
                        if mask[other, w] & mask[column, w] != zero:
                            clash = True
                            break
                    if clash:
                        continue
                    sets[child, start[k] + count] = other
                    count += 1
                    for w in range(words):
                        reach[w] |= mask[other, w]
                size[child, k] = count
                budget -= size[d, k]
                if count == 0:
                    alive = False
                    break
            budget -= 1
            state[1] += 1
            if not alive:
                continue
        else:
            so_far[child] = 0
            for w in range(words):
                used[child, w] = zero
                reach[w] = zero
            for k in range(m):
                size[child, k] = start[k + 1] - start[k]
                if size[child, k] == 0:
                    return 1
                for position in range(size[child, k]):
                    sets[child, start[k] + position] = start[k] + position
                    for w in range(words):
                        reach[w] |= mask[start[k] + position, w]
        missing = 0
        for w in range(words):
            if reach[w] != ~zero:
                for b in range(64):
                    if (reach[w] >> np.uint64(b)) & one == zero:
                        missing += left_out[w * 64 + b]
        least = 0
        fewest = -1
        for k in range(m):
            if size[child, k] >= 0:
                least += loss[sets[child, start[k]]]
                if fewest < 0 or size[child, k] < size[child, fewest]:
                    fewest = k
        if so_far[child] + missing + least > state[0]:
            if d < 0:
                return 1
            continue
        if fewest < 0:
            state[0] = so_far[child] + missing - 1
            for k in range(m):
                best[k] = stack[k]
            if d < 0 or state[0] < state[2]:
                return 1
            continue
        lost[child] = missing
        rest[child] = least
        pick[child] = fewest
        wanted[child] = -1
        at[child] = 0
        # A worker too dear to be left out may be in fewer sets than any requester has.
        slack = state[0] - so_far[child] - missing - least
        if size[child, fewest] > WORTH_COUNTING:
            for b in range(words * 64):
                covers[b] = 0
            # One requester of each label after the other, m at the end.
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
            k = follow[child, 0]
            while k < m:
                for position in range(size[child, k]):
                    other = sets[child, start[k] + position]
                    for b in range(member.shape[1]):
                        if member[other, b] < 0:
                            break
                        covers[member[other, b]] += 1
                budget -= size[child, k]
                k = follow[child, k + 1]
            least_covers = size[child, fewest]
            for b in range(words * 64):
                if left_out[b] > slack and covers[b] < least_covers and covers[b] > 0:
                    least_covers = covers[b]
                    wanted[child] = b
            if wanted[child] >= 0:
                pick[child] = follow[child, 0]
        depth[0] = child


@functools.cache
def compiled_advance() -> Callable[..., int]:
    """:func:`advance` compiled by numba (from its on-disk cache after the first time)."""
    from numba import njit

    return njit(cache=True)(advance)

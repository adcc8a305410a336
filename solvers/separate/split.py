"""Splitting a set of workers over the requesters: longest first, then exact transfers between two requesters.

The workers are given, so their total score is too: only caps, seats and budgets are left to keep. A first allocation
keeps caps and seats and may break budgets. Then two requesters at a time are put right: of the
exchanges open between them (single moves where a slot is free, swaps within a group always) two lists of all subset
sums are built, and a sum that meets both budgets is looked up.
"""

from __future__ import annotations

import random

import numpy as np

from ..control import Control
from .instance import SeparateInstance


class Splitter:
    """The allocation of a fixed set of workers while it is being put right.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    members : ndarray of int64
        The workers to place, all of them.
    seed : int
        Seed of the choice among the exchanges.
    control : Control
        Deadline.

    Attributes
    ----------
    routed : bool
        Whether caps and seats allow these workers at all, as far as there was time to tell.
    room : list of int
        Budget less load of each requester; a negative number is the amount by which it is overspent.
    """

    def __init__(self, instance: SeparateInstance, members: np.ndarray, seed: int, control: Control) -> None:
        self.instance, self.control = instance, control
        self.random = random.Random(seed)
        groups, m = instance.caps.shape[0], instance.m
        self.cost = instance.costs.tolist()
        self.group = instance.groups.tolist()
        self.slots = instance.caps.tolist()
        self.free = instance.seats.tolist()
        self.room = list(instance.budgets)
        self.held: list[list[int]] = [[] for _ in range(m)]
        self.count = [[0] * m for _ in range(groups)]
        self.routed = self._longest_first(members)

    def _longest_first(self, members: np.ndarray) -> bool:
        order = members[np.argsort(-self.instance.costs[members], kind="stable")].tolist()
        requesters = range(self.instance.m)
        for position, i in enumerate(order):
            if position % 64 == 0 and self.control.expired():
                return False
            slots = self.slots[self.group[i]]
            # To whoever has the most money left: that keeps the purses even, as longest first does for machines.
            best, room = -1, None
            for j in requesters:
                if slots[j] > 0 and self.free[j] > 0 and (room is None or self.room[j] > room):
                    best, room = j, self.room[j]
            if best < 0:
                best = self._make_way(self.group[i])
                if best < 0:
                    return False
            self._place(i, best)
        return True

    def _make_way(self, group: int) -> int:
        """Free a seat for `group` along a shortest chain of moves; return the requester that has it, or -1."""
        m = self.instance.m
        before: dict[int, tuple[int, int] | None] = {j: None for j in range(m) if self.slots[group][j] > 0}
        queue = list(before)
        for j in queue:
            if self.free[j] > 0:
                step = j
                while (link := before[step]) is not None:
                    source, of_group = link
                    worker = next(i for i in self.held[source] if self.group[i] == of_group)
                    self._remove(worker, source)
                    self._place(worker, step)
                    step = source
                return step
            for other, count in enumerate(self.count):
                for k in range(m if count[j] else 0):
                    if k not in before and self.slots[other][k] > 0:
                        before[k] = (j, other)
                        queue.append(k)
        return -1

    def _place(self, i: int, j: int) -> None:
        self.held[j].append(i)
        self.count[self.group[i]][j] += 1
        self.room[j] -= self.cost[i]
        self.slots[self.group[i]][j] -= 1
        self.free[j] -= 1

    def _remove(self, i: int, j: int) -> None:
        self.held[j].remove(i)
        self.count[self.group[i]][j] -= 1
        self.room[j] += self.cost[i]
        self.slots[self.group[i]][j] += 1
        self.free[j] += 1

    def assignment(self) -> np.ndarray:
        """Return the current allocation, shape (n,), which may overspend budgets."""
        allocation = np.full(self.instance.n, -1, dtype=np.int64)
        for j, held in enumerate(self.held):
            allocation[held] = j
        return allocation

    def balance(self, attempts: int) -> bool:
        """Exchange workers between requesters until no budget is overspent.

        Parameters
        ----------
        attempts : int
            Most exchanges in a row that may fail to reduce the overspending.

        Returns
        -------
        bool
            Whether all budgets are kept.
        """
        if not self.routed:
            return False
        failures, width = 0, 8
        m = self.instance.m
        while min(self.room, default=0) < 0:
            if failures >= attempts or m < 2 or self.control.expired():
                return False
            # The worst off and the best off, mostly; at random now and then, for those two may have nothing to give each other.
            over = [j for j in range(m) if self.room[j] < 0]
            j = min(over, key=self.room.__getitem__) if failures % 3 != 2 else self.random.choice(over)
            others = [k for k in range(m) if k != j]
            k = max(others, key=self.room.__getitem__) if failures % 2 == 0 else self.random.choice(others)
            if self._transfer(j, k, width):
                failures = 0
            else:
                failures += 1
                width = min(width + 2, 15)
        return True

    def _exchanges(self, j: int, k: int, most: int) -> list[tuple[int, int, int]]:
        """Exchanges between `j` and `k` that can be made in any combination: (cost from j to k, worker out, worker in)."""
        sample = 6 * most
        out = self.held[j] if len(self.held[j]) <= sample else self.random.sample(self.held[j], sample)
        into = self.held[k] if len(self.held[k]) <= sample else self.random.sample(self.held[k], sample)
        by_group: dict[int, tuple[list[int], list[int]]] = {}
        for i in self.random.sample(out, len(out)):
            by_group.setdefault(self.group[i], ([], []))[0].append(i)
        for i in self.random.sample(into, len(into)):
            by_group.setdefault(self.group[i], ([], []))[1].append(i)
        # Slots and seats are used up as if every move were made: then any of them may be made, whatever the others.
        seats_k, seats_j = self.free[k], self.free[j]
        found: list[tuple[int, int, int]] = []
        for group in self.random.sample(sorted(by_group), len(by_group)):
            leave, come = by_group[group]
            singles = min(self.slots[group][k], seats_k, self.random.randint(0, len(leave)))
            for _ in range(singles):
                i = leave.pop()
                found.append((self.cost[i], i, -1))
            seats_k -= singles
            singles = min(self.slots[group][j], seats_j, self.random.randint(0, len(come)))
            for _ in range(singles):
                i = come.pop()
                found.append((-self.cost[i], -1, i))
            seats_j -= singles
            for a, b in zip(leave, come, strict=False):
                if self.cost[a] != self.cost[b]:
                    found.append((self.cost[a] - self.cost[b], a, b))
        self.random.shuffle(found)
        return found[:most]

    def _transfer(self, j: int, k: int, width: int) -> bool:
        """Move cost from `j` (overspent) to `k`, as near as possible to what mends both; whether overspending fell."""
        moves = self._exchanges(j, k, 2 * width)
        if not moves:
            return False
        reach = sum(abs(d) for d, _, _ in moves)
        # No choice of moves shifts more than `reach`: bounds, sums and their differences are below twice as much.
        low, high = (max(-reach, min(wanted, reach)) for wanted in (-self.room[j], self.room[k]))
        if low > high:
            # Both cannot be mended: as much as the other has room for, or, if it is overspent too, the middle.
            low = high = max(high, 0) if high >= 0 else (low + high) // 2
        half = (len(moves) + 1) // 2
        dtype = np.dtype(np.int64 if reach < 2**61 else object)
        first, second = (_subset_sums([d for d, _, _ in part], dtype) for part in (moves[:half], moves[half:]))
        found = _closest_pair(first, second, low, high)
        chosen = [moves[b] for b in range(half) if found[0] >> b & 1]
        chosen += [moves[half + b] for b in range(len(moves) - half) if found[1] >> b & 1]
        total = sum(d for d, _, _ in chosen)
        before = max(0, -self.room[j]) + max(0, -self.room[k])
        after = max(0, -self.room[j] - total) + max(0, total - self.room[k])
        if after >= before:
            return False
        for _, out, into in chosen:
            if out >= 0:
                self._remove(out, j)
            if into >= 0:
                self._remove(into, k)
            if out >= 0:
                self._place(out, k)
            if into >= 0:
                self._place(into, j)
        return True


def _subset_sums(values: list[int], dtype: np.dtype) -> np.ndarray:
    """All ``2**k`` subset sums; the position is the bit mask of the subset."""
    sums = np.zeros(1, dtype=dtype)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return sums


def _closest_pair(first: np.ndarray, second: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """Positions of one entry of each list whose sum is in ``[low, high]``, or as near to it as any."""
    order = np.argsort(second, kind="stable")
    ordered = second[order]
    at = np.searchsorted(ordered, low - first, side="left")
    above = np.minimum(at, ordered.size - 1)
    below = np.maximum(at - 1, 0)
    best: tuple[int, int, int] | None = None
    for position in (above, below):
        total = first + ordered[position]
        miss = np.maximum(np.maximum(low - total, total - high), 0)
        row = int(np.argmin(miss))
        candidate = (int(miss[row]), row, int(order[position[row]]))
        if best is None or candidate[0] < best[0]:
            best = candidate
    assert best is not None
    return best[1], best[2]

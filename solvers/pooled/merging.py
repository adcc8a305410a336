"""The enumeration of `enumeration` compiled: every list of states stays sorted by money, and a flip is one merge.

Groups are gone through one after the other, first what may be taken in, then what may be dropped; the key is the group's count. A
state whose count is above the room must still drop as many, so that its loss is at least that of the cheapest drops left. At
the end of a group its count is checked and forgotten. Of states with one key only those are kept that are better than all
cheaper ones, as in `plain`. The flips of a state are found by going back through its history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compilation import compiled, start_pays
from ..control import Control
from .flips import EnumerationTooLarge, FlipProblem

START_UP = 1_500_000
"""The start-up of numba pays once a process has made so many states; where it is loaded already it need not pay."""


ROUNDED_DOWN = 1 - 1e-12
"""A sum of losses times this is below the exact sum."""


_made = 0


def compiled_extend(states: int) -> Any | None:
    """Return :func:`extend` compiled, or None if it cannot be or if this process has made too few states so far.

    Parameters
    ----------
    states : int
        How many were made since the last call, or will be.
    """
    global _made
    _made += states
    return compiled(extend) if start_pays(_made, START_UP) else None


def extend(
    money: Any, score: Any, loss: Any, node: Any, start: Any, shift: int, other_shift: int, cost: int, worth: int,
    lost: float, flip: int, limits: Any, out_money: Any, out_score: Any, out_loss: Any, out_node: Any, out_start: Any,
    parents: Any, flips: Any, nodes: int,
) -> int:  # fmt: skip
    """Give every state one more flip or not: for each key merge two lists that are sorted by money.

    Parameters
    ----------
    money, score, loss, node, start : ndarray
        States by key; ``node`` is where a state's history begins.
    shift, other_shift : int
        Key ``k`` of the output is made of key ``k - shift``, and with the flip of key ``k - other_shift``.
    cost, worth, lost, flip : int, int, float, int
        What the flip adds to money, score and loss, and its number; a negative number: no flip, nothing for the history.
    limits : ndarray of float
        States of each output key that lose more are dropped.
    out_money, out_score, out_loss, out_node, out_start : ndarray
        The output.
    parents, flips : ndarray
        The history, extended from `nodes` on.

    Returns
    -------
    int
        Where the history ends.
    """
    at = 0
    keys = len(start) - 1
    for key in range(len(limits)):
        out_start[key] = first = at
        limit = limits[key]
        if limit < 0:
            continue
        begin, end, other, stop = 0, 0, 0, 0
        if 0 <= key - shift < keys:
            begin, end = start[key - shift], start[key - shift + 1]
        if 0 <= key - other_shift < keys:
            other, stop = start[key - other_shift], start[key - other_shift + 1]
        while begin < end or other < stop:
            if other >= stop:
                old = True
            elif begin >= end:
                old = False
            else:
                there = money[other] + cost
                old = money[begin] < there or (money[begin] == there and score[begin] >= score[other] + worth)
            if old:
                if loss[begin] <= limit and (at == first or score[begin] > out_score[at - 1]):
                    out_money[at] = money[begin]
                    out_score[at] = score[begin]
                    out_loss[at] = loss[begin]
                    out_node[at] = node[begin]
                    at += 1
                begin += 1
            else:
                total = loss[other] + lost
                if total <= limit and (at == first or score[other] + worth > out_score[at - 1]):
                    out_money[at] = money[other] + cost
                    out_score[at] = score[other] + worth
                    out_loss[at] = total
                    if flip >= 0:
                        parents[nodes] = node[other]
                        flips[nodes] = flip
                        out_node[at] = nodes
                        nodes += 1
                    else:
                        out_node[at] = node[other]
                    at += 1
                other += 1
    out_start[len(limits)] = at
    return nodes


@dataclass
class StateTable:
    """States by key: those of key ``least + k`` are at ``start[k]..start[k + 1]``, by money, each better than the last."""

    money: NDArray[np.int64]
    score: NDArray[np.int64]
    loss: NDArray[np.float64]
    node: NDArray[np.int64]
    start: NDArray[np.int64]
    least: int

    @staticmethod
    def empty(size: int, keys: int, least: int) -> StateTable:
        """Return a table to be written."""
        money, score, node = (np.empty(size, dtype=np.int64) for _ in range(3))
        return StateTable(money, score, np.empty(size), node, np.zeros(keys + 1, dtype=np.int64), least)

    def keyed(self) -> list[tuple[int, slice]]:
        """Return the keys with their states."""
        start = self.start.tolist()
        return [(self.least + k, slice(start[k], start[k + 1])) for k in range(len(start) - 1)]


class MergeSearch:
    """One search.

    Parameters
    ----------
    flips : FlipProblem
        In 64-bit integers; no total count to keep.
    limit : float
        On the loss, slack for rounding included.
    most_states : int
        How many states may be made.
    control : Control
        Looked at in every step.
    kernel : callable
        :func:`extend` or its compiled form.
    """

    def __init__(
        self, flips: FlipProblem, limit: float, most_states: int, control: Control, kernel: Callable[..., Any]
    ):
        self.flips, self.limit, self.most_states, self.control = flips, limit, most_states, control
        self.kernel = kernel
        self.parents = np.empty(1024, dtype=np.int64)
        self.origin = np.empty(1024, dtype=np.int64)
        self.nodes = 0

    def run(self, halves, split: int | None) -> tuple[int, NDArray] | None:
        """Return the best gain and its flips as :func:`~.enumeration.best_flips` does."""
        one, two = (self._table(half, split) for half in halves)
        best: tuple[int, int, int] | None = None
        for a, first in one.keyed():
            for b, second in two.keyed():
                if split is not None and a + b > self.flips.room[split]:
                    continue
                money, score = two.money[second], two.score[second]
                at = np.searchsorted(money, self.flips.money_room - one.money[first], side="right") - 1
                fits = np.flatnonzero(at >= 0)
                if not len(fits):
                    continue
                gain = one.score[first][fits] + score[at[fits]]
                top = int(np.argmax(gain))
                if best is None or int(gain[top]) > best[0]:
                    ends = int(one.node[first][fits[top]]), int(two.node[second][at[fits[top]]])
                    best = int(gain[top]), *ends
        if best is None:
            return None
        return best[0], np.array(sorted(self._history(best[1]) + self._history(best[2])), dtype=np.int64)

    def _history(self, node: int) -> list[int]:
        taken = []
        while node >= 0:
            taken.append(int(self.origin[node]))
            node = int(self.parents[node])
        return taken

    def _table(self, half, split: int | None) -> StateTable:
        table = StateTable.empty(1, 1, 0)
        table.money[0] = table.score[0] = table.loss[0] = 0
        table.node[0], table.start[1] = -1, 1
        f = self.flips
        for group, items in half:
            if group is None or group == split:
                continue
            # First all that take in, then all that drop: above the room what a state must still lose is then known, and most are dropped at once.
            rises = [i for i in items if f.count[i] > 0]
            falls = sorted((i for i in items if f.count[i] < 0), key=lambda i: float(f.loss[i] / -f.count[i]))
            room, unused = f.room[group], f.unused[group]
            for i in rises:
                table = self._add(table, i, int(f.count[i]), falls, 0, room, 0.0)
            for position, i in enumerate(falls, 1):
                table = self._add(table, i, int(f.count[i]), falls, position, room, unused)
            table = self._closed(table, room, unused)
        for group, items in half:
            if group is None or group == split:
                for i in items:
                    table = self._add(table, i, 0 if group is None else int(f.count[i]), None, 0, 0, 0.0)
        return table

    def _limits(
        self, least: int, keys: int, falls: list[int], position: int, room: int, unused: float
    ) -> NDArray[np.float64]:
        """Return what states of each key may have lost, if only the flips ``falls[position:]`` can still drop something.

        Above the room so many places must be dropped, the cheapest first; below it, once nothing more is taken in, each pays
        `unused`.
        """
        f = self.flips
        limits = [self.limit] * keys
        needed, position_now, left = 0.0, position, 0
        for key in range(least, least + keys):
            # Nothing takes in any more: so many places stay empty at least, and each is paid for.
            if key < room and unused:
                limits[key - least] -= unused * (room - key) * ROUNDED_DOWN
            elif key > room:
                if key == max(least, room + 1):
                    skip = key - room
                else:
                    skip = 1
                for _ in range(skip):
                    if not left and position_now < len(falls):
                        left = -int(f.count[falls[position_now]])
                        position_now += 1
                    elif not left:
                        needed = float("inf")
                        break
                    left -= 1
                    needed += float(f.loss[falls[position_now - 1]]) / -int(f.count[falls[position_now - 1]])
                limits[key - least] -= needed * ROUNDED_DOWN
        return np.array(limits)

    def _add(
        self, table: StateTable, item: int, step: int, falls: list[int] | None, position: int, room: int, unused: float
    ) -> StateTable:
        """Extend every state by one flip; the other arguments as of `_limits`, None: no group's limit is looked at."""
        f = self.flips
        self.control.check()
        size = int(table.start[-1])
        while self.nodes + size > len(self.parents):
            self.parents = np.concatenate([self.parents, np.empty_like(self.parents)])
            self.origin = np.concatenate([self.origin, np.empty_like(self.origin)])
        least, keys = table.least + min(0, step), len(table.start) - 1 + abs(step)
        out = StateTable.empty(2 * size, keys, least)
        if falls is None:
            limits = np.full(keys, self.limit)
        else:
            limits = self._limits(least, keys, falls, position, room, unused)
        shift = table.least - least
        self.nodes = self.kernel(
            table.money, table.score, table.loss, table.node, table.start, shift, shift + step,
            int(f.money[item]), int(f.score[item]), float(f.loss[item]), item, limits,
            out.money, out.score, out.loss, out.node, out.start, self.parents, self.origin, self.nodes,
        )  # fmt: skip
        if self.nodes > self.most_states:
            raise EnumerationTooLarge
        return out

    def _closed(self, table: StateTable, room: int, unused: float) -> StateTable:
        """Check a group's limit, charge its unused places, and forget its count."""
        current = StateTable.empty(0, 1, 0)
        for key, states in table.keyed():
            if key > room or states.start == states.stop:
                continue
            # The states so far and those of this key, as two keys of one table.
            end = int(current.start[-1])
            joined = [
                np.concatenate([getattr(current, name)[:end], getattr(table, name)[states]])
                for name in ("money", "score", "loss", "node")
            ]
            out = StateTable.empty(len(joined[0]), 1, 0)
            extra = unused * (room - key) if unused else 0.0
            self.kernel(
                *joined, np.array([0, end, len(joined[0])]), 0, -1, 0, 0, extra, -1, np.array([self.limit]),
                out.money, out.score, out.loss, out.node, out.start, self.parents, self.origin, self.nodes,
            )  # fmt: skip
            current = out
        return current

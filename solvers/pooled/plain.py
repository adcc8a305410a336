"""The enumeration of `enumeration` in plain Python: integers of any size, and no start-up.

In each half the flip sets are listed group by group, as states of which only those with a loss within the limit are kept, and of two
with the same count only the one that is cheaper and better. Once a group is complete its count is checked and forgotten, unless the
total count matters.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from .flips import EnumerationTooLarge, FlipProblem

State = tuple[int, int, float, int]
"""Money, minus score, loss, and the flips as a bit set: in the order of tuples, the first of equal money is the best."""

StatesByKey = dict[int, list[State]]
"""States by the count that is still to be checked."""

START: StatesByKey = {0: [(0, 0, 0.0, 0)]}


class PlainSearch:
    """One search.

    Parameters
    ----------
    flips : FlipProblem
    limit : float
        On the loss, slack for rounding included.
    most_states : int
        How many states may be made.
    control : Control
        Looked at for every list.

    Attributes
    ----------
    left : int
        How many more states may be made.
    """

    def __init__(self, flips: FlipProblem, limit: float, most_states: int, control: Control):
        self.flips = flips
        self.limit = limit
        self.left = most_states
        self.control = control
        self.tracked = flips.count_room is not None
        columns = (flips.money.tolist(), flips.score.tolist(), flips.loss.tolist(), flips.count.tolist())
        self.items = list(zip(*columns, strict=True))

    def run(self, halves, split: int | None) -> tuple[int, NDArray] | None:
        """Return the best gain and its flips as :func:`~.enumeration.best_flips` does."""
        one, two = (self._table(half, split) for half in halves)
        if split is not None:
            low, high = None, self.flips.room[split]
        else:
            low, high = self.flips.count_room or (None, None)
        best, taken, room = None, 0, self.flips.money_room
        for a, first in one.items():
            for b, second in two.items():
                if (high is not None and a + b > high) or (low is not None and a + b < low):
                    continue
                money = [state[0] for state in second]
                for cost, score, _, bits in first:
                    at = bisect_right(money, room - cost) - 1
                    if at >= 0:
                        total = score + second[at][1]
                        if best is None or total < best:
                            best, taken = total, bits | second[at][3]
        if best is None:
            return None
        return -best, np.array([i for i in range(taken.bit_length()) if taken >> i & 1], dtype=np.int64)

    def _table(self, half, split: int | None) -> StatesByKey:
        blocks = []
        loose: list[tuple[int, bool]] = []
        for group, items in half:
            if group is None or group == split:
                loose.extend((item, self.tracked or group is not None) for item in items)
                continue
            block = START
            for item in items:
                block = self._add(block, item, True)
            blocks.append(self._closed(block, group))
        table = START
        # The smallest first: a product costs the pairs it makes, and every block multiplies them.
        for block in sorted(blocks, key=lambda t: sum(map(len, t.values()))):
            table = self._product(table, block)
        for item, keyed in loose:
            table = self._add(table, item, keyed)
        return table

    def _add(self, table: StatesByKey, item: int, keyed: bool) -> StatesByKey:
        money, score, loss, count = self.items[item]
        rest, bit, step = self.limit - loss, 1 << item, count if keyed else 0
        joined = {key: list(states) for key, states in table.items()}
        for key, states in table.items():
            self.control.check()
            new = [(m + money, s - score, x + loss, f | bit) for m, s, x, f in states if x <= rest]
            if new:
                joined.setdefault(key + step, []).extend(new)
        return self._pruned(joined)

    def _product(self, left: StatesByKey, right: StatesByKey) -> StatesByKey:
        joined: StatesByKey = {}
        for a, first in left.items():
            for b, second in right.items():
                states = joined.setdefault(a + b, [])
                for money, score, loss, bits in second:
                    self.control.check()
                    rest = self.limit - loss
                    states.extend((m + money, s + score, x + loss, f | bits) for m, s, x, f in first if x <= rest)
                    if len(states) > self.left:
                        self.left -= len(states)
                        raise EnumerationTooLarge
        return self._pruned(joined)

    def _closed(self, block: StatesByKey, group: int) -> StatesByKey:
        room, unused = self.flips.room[group], self.flips.unused[group]
        closed: StatesByKey = {}
        for key, states in block.items():
            if key <= room:
                extra = unused * (room - key)
                kept = [(m, s, x + extra, f) for m, s, x, f in states if x + extra <= self.limit]
                closed.setdefault(key if self.tracked else 0, []).extend(kept)
        return self._pruned(closed)

    def _pruned(self, table: StatesByKey) -> StatesByKey:
        """Keep, for each count, the states that are better than all the cheaper ones."""
        pruned: StatesByKey = {}
        for key, states in table.items():
            if not states:
                continue
            self.control.check()
            self.left -= len(states)
            if self.left < 0:
                raise EnumerationTooLarge
            states.sort()
            self.control.check()
            kept = [states[0]]
            best = states[0][1]
            for state in states:
                if state[1] < best:
                    kept.append(state)
                    best = state[1]
            pruned[key] = kept
        return pruned

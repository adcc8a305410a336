"""Exhaustive search over the core: every set of flips whose loss stays below a limit.

The items are cut into two halves.  In each half the flip sets are listed group by group, as states (money, score,
loss, count) of which only those with a loss within the limit are kept, and of two with the same count only the one
that is cheaper and better (Pareto).  Once a group is complete its count is checked and forgotten.  Two halves are
joined by a binary search for the most money the other half may use.  Money and score are exact integers in the units
of the problem; the loss is a floating-point *lower* estimate, used only to discard what is above the limit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from .flips import EnumerationTooLarge, FlipProblem
from .merging import START_UP, MergeSearch, compiled_extend
from .small import SmallSearch

ROUNDING_SLACK = 1e-9
"""Relative slack on the loss limit: far above what rounding can do to a sum of nonnegative floats, so nothing is lost."""


LOSS_STEEPNESS = 6.0
"""How much less a flip adds to the number of sets if it loses as much as the limit: a factor of ``exp(-LOSS_STEEPNESS)``."""

PLAIN_STATES = 8000
"""Searches with no more states than this run in plain Python, which starts faster than array operations."""

LEAST = 1000
"""The same where the compiled search is ready."""


@dataclass
class _FlipStates:
    money: NDArray
    score: NDArray
    loss: NDArray
    flips: NDArray  # bit sets, shape (states, words)

    def __len__(self) -> int:
        return len(self.money)

    def pick(self, index) -> _FlipStates:
        return _FlipStates(self.money[index], self.score[index], self.loss[index], self.flips[index])


def _merge(parts: list[_FlipStates]) -> _FlipStates:
    if len(parts) == 1:
        return parts[0]
    return _FlipStates(
        np.concatenate([p.money for p in parts]),
        np.concatenate([p.score for p in parts]),
        np.concatenate([p.loss for p in parts]),
        np.concatenate([p.flips for p in parts]),
    )


def _prune(states: _FlipStates) -> _FlipStates:
    """Keep the Pareto-best states: by money, each strictly better than all the cheaper ones."""
    if len(states) < 2:
        return states
    if states.money.dtype == object or states.score.dtype == object:
        order = np.argsort(-states.score, kind="stable")
        order = order[np.argsort(states.money[order], kind="stable")]
    else:
        order = np.lexsort((-states.score, states.money))
    score = states.score[order]
    best = np.maximum.accumulate(score)
    keep = np.empty(len(order), dtype=bool)
    keep[0] = True
    keep[1:] = score[1:] > best[:-1]
    return states.pick(order[keep])


class _TwoHalves:
    def __init__(self, flips: FlipProblem, limit: float, most_states: int, control: Control):
        self.flips = flips
        self.limit = limit * (1 + ROUNDING_SLACK)
        self.most_states = most_states
        self.control = control
        self.used = 0
        self.words = max(1, (len(flips.groups) + 63) // 64)
        self.kind = object if object in (flips.money.dtype, flips.score.dtype) else np.int64

    def spend(self, states: int) -> None:
        self.used += states
        self.control.check()
        if self.used > self.most_states:
            raise EnumerationTooLarge

    def empty(self) -> _FlipStates:
        zero = np.array([0], dtype=self.kind)
        return _FlipStates(zero, zero.copy(), np.zeros(1), np.zeros((1, self.words), dtype=np.uint64))

    def add_item(self, table: dict[int, _FlipStates], item: int, step: int) -> dict[int, _FlipStates]:
        """Extend every state of a table by one flip; `step` is what the flip adds to the key."""
        f = self.flips
        loss, money, score = float(f.loss[item]), f.money[item], f.score[item]
        word, bit = divmod(item, 64)
        grown: dict[int, list[_FlipStates]] = {key: [states] for key, states in table.items()}
        for key, states in table.items():
            total = states.loss + loss
            keep = total <= self.limit
            if not keep.any():
                continue
            if keep.all():
                flips = states.flips.copy()
                new = _FlipStates(states.money + money, states.score + score, total, flips)
            else:
                flips = states.flips[keep]
                new = _FlipStates(states.money[keep] + money, states.score[keep] + score, total[keep], flips)
            flips[:, word] |= np.uint64(1 << bit)
            self.spend(len(new))
            grown.setdefault(key + step, []).append(new)
        return {key: _prune(_merge(parts)) for key, parts in grown.items()}

    def product(self, left: dict[int, _FlipStates], right: dict[int, _FlipStates]) -> dict[int, _FlipStates]:
        """Combine two tables; keys add up."""
        joined: dict[int, list[_FlipStates]] = {}
        for a, one in left.items():
            for b, two in right.items():
                both = self._pairs(one, two)
                if both is not None:
                    joined.setdefault(a + b, []).append(both)
        return {key: _prune(_merge(parts)) for key, parts in joined.items()}

    def _pairs(self, one: _FlipStates, two: _FlipStates) -> _FlipStates | None:
        if len(one) > len(two):
            one, two = two, one
        two = two.pick(np.argsort(two.loss, kind="stable"))
        fits = np.searchsorted(two.loss, self.limit - one.loss, side="right")
        total = int(fits.sum())
        if total == 0:
            return None
        self.spend(total)
        first = np.repeat(np.arange(len(one)), fits)
        second = np.arange(total) - np.repeat(np.cumsum(fits) - fits, fits)
        return _FlipStates(
            one.money[first] + two.money[second],
            one.score[first] + two.score[second],
            one.loss[first] + two.loss[second],
            one.flips[first] | two.flips[second],
        )

    def close(self, table: dict[int, _FlipStates], group: int, keep_count: bool) -> dict[int, _FlipStates]:
        """Check a group's limit, charge its unused places, and forget its count unless the total is tracked."""
        room, unused = self.flips.room[group], self.flips.unused[group]
        closed: dict[int, list[_FlipStates]] = {}
        for key, states in table.items():
            if key > room:
                continue
            if unused and key < room:
                total = states.loss + unused * (room - key)
                keep = total <= self.limit
                if not keep.any():
                    continue
                states = states.pick(keep)
                states.loss = total[keep]
            closed.setdefault(key if keep_count else 0, []).append(states)
        return {key: _prune(_merge(parts)) for key, parts in closed.items()}


def best_flips(
    flips: FlipProblem,
    limit: float,
    most_states: int = 20_000_000,
    control: Control | None = None,
) -> tuple[int, NDArray] | None:
    """Find the flips of largest total score among those of loss at most `limit` that meet every condition.

    Parameters
    ----------
    flips : FlipProblem
    limit : float
        Sets of flips with a larger loss need not be found.
    most_states : int
        How many states may be made.
    control : Control, optional
        Looked at now and then.

    Returns
    -------
    (int, ndarray) or None
        The gain in score and the flips taken, or None if no set qualifies.

    Raises
    ------
    EnumerationTooLarge
        The search was cut short: nothing is proved.
    Stopped
        When time is up.
    """
    control = control or Control()
    halves, split = _halves(flips, limit)
    tracked = flips.count_room is not None
    sums = limit * (1 + ROUNDING_SLACK)
    plain = tracked or object in (flips.money.dtype, flips.score.dtype)
    kernel = None if plain else compiled_extend(0)
    small = min(most_states, PLAIN_STATES if kernel is None else LEAST)
    try:
        return SmallSearch(flips, sums, small).run(halves, split)
    except EnumerationTooLarge:
        if most_states <= small:
            raise
        control.check()
    if kernel is None and not plain and most_states > START_UP:
        try:
            return _in_arrays(flips, limit, halves, split, START_UP, control)
        except EnumerationTooLarge:
            control.check()
        kernel = compiled_extend(most_states)
    if kernel is not None:
        return MergeSearch(flips, sums, most_states, control, kernel).run(halves, split)
    return _in_arrays(flips, limit, halves, split, most_states, control)


def _in_arrays(
    flips: FlipProblem, limit: float, halves, split: int | None, most_states: int, control: Control
) -> tuple[int, NDArray] | None:
    """Search by array operations; parameters and result as of :func:`best_flips`."""
    tracked = flips.count_room is not None
    search = _TwoHalves(flips, limit, most_states, control)
    try:
        tables = [_table(search, half, split, tracked) for half in halves]
    finally:
        compiled_extend(search.used)
    if split is not None:
        low, high = None, flips.room[split]
    elif tracked:
        low, high = flips.count_room  # type: ignore[misc]
    else:
        low, high = None, None
    best: tuple[int, NDArray] | None = None
    for a, one in tables[0].items():
        for b, two in tables[1].items():
            if (high is not None and a + b > high) or (low is not None and a + b < low):
                continue
            if len(one) < len(two):
                shorter, longer = one, two
            else:
                shorter, longer = two, one
            at = np.searchsorted(longer.money, flips.money_room - shorter.money, side="right") - 1
            fits = np.flatnonzero(at >= 0)
            if not len(fits):
                continue
            gain = shorter.score[fits] + longer.score[at[fits]]
            top = int(np.argmax(gain))
            if best is None or int(gain[top]) > best[0]:
                bits = shorter.flips[fits[top]] | longer.flips[at[fits[top]]]
                best = int(gain[top]), bits
    if best is None:
        return None
    taken = [64 * w + b for w, bits in enumerate(best[1].tolist()) for b in range(64) if bits >> b & 1]
    return best[0], np.array(taken, dtype=np.int64)


def _halves(flips: FlipProblem, limit: float) -> tuple[list[list[tuple[int | None, list[int]]]], int | None]:
    """Cut the flips into two halves of (group, items) blocks; one dominant group may lie in both.

    The halves should have as many flip sets of a loss within the limit: a flip that loses little is in more of them.
    """
    blocks: dict[int | None, list[int]] = {}
    order = np.argsort(flips.loss, kind="stable").tolist()
    weight = np.log1p(np.exp(-LOSS_STEEPNESS * flips.loss / (limit if limit > 0 else 1.0))).tolist()
    for item in order:
        group = int(flips.groups[item])
        blocks.setdefault(group if group in flips.room else None, []).append(item)
    halves: list[list[tuple[int | None, list[int]]]] = [[], []]
    sizes = [0.0, 0.0]

    def put(side: int, items: list[int]) -> None:
        sizes[side] += sum(weight[i] for i in items)

    free = blocks.pop(None, [])
    split = None
    ordered = sorted(blocks, key=lambda g: -sum(weight[i] for i in blocks[g]))
    if ordered and flips.count_room is None and 2 * len(blocks[ordered[0]]) > len(order):
        split = ordered.pop(0)
        for side in (0, 1):
            items = blocks[split][side::2]
            halves[side].append((split, items))
            put(side, items)
    for group in ordered:
        side = int(sizes[1] < sizes[0])
        halves[side].append((group, blocks[group]))
        put(side, blocks[group])
    sides: tuple[list[int], list[int]] = ([], [])
    for item in free:
        side = int(sizes[1] < sizes[0])
        sides[side].append(item)
        put(side, [item])
    for side in (0, 1):
        if sides[side]:
            halves[side].append((None, sides[side]))
    return halves, split


def _table(search: _TwoHalves, half, split: int | None, tracked: bool) -> dict[int, _FlipStates]:
    """List the states of one half, keyed by the count that is still to be checked (0 where none is)."""
    table = {0: search.empty()}
    for group, items in half:
        if group is None or group == split:
            continue
        block = {0: search.empty()}
        for item in items:
            block = search.add_item(block, item, int(search.flips.count[item]))
        table = search.product(table, search.close(block, group, keep_count=tracked))
    for group, items in half:
        if group is None or group == split:
            keyed = tracked or group is not None
            for item in items:
                table = search.add_item(table, item, int(search.flips.count[item]) if keyed else 0)
    return table

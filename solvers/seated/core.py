"""Exact search around a dual bound: every set of flips whose loss is small.

With the multipliers of :mod:`.seat_duals`, a set ``S`` differs from the reference by flips, and its loss against the
bound is a sum of nonnegative terms: ``|p_i|`` for each flip to the wrong side, ``y_e`` for each place of a tight set
left empty, ``N`` for each unit of budget unspent.  All sets of loss at most ``limit`` are enumerated worker by worker
along the chain of tight sets, dropping partial sets as soon as their loss exceeds the limit.  The list of workers is cut in
two: the right half is enumerated once for each number of empty places the left half can hand over, and the two are
joined through the narrow window of costs that the budget and the limit leave.  An optimum whose loss is within the
limit is proved by the enumeration having been complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..placement.polymatroid import SeatFlow, rank
from .duals import SeatDuals, SeatMarket

_LOSS_LIMIT = 2**60
_PAIRS_AT_ONCE = 2_000_000
_MOST_CANDIDATES = 500_000
_STAGE_END = -1


@dataclass(frozen=True)
class Enumeration:
    """What one enumeration found.

    Attributes
    ----------
    complete : bool
        Whether every set of loss at most the limit was accounted for.
    best : ndarray of intp, or None
        The affordable placeable set of least loss among them.
    states : int
        Largest number of partial sets held.
    """

    complete: bool
    best: NDArray[np.intp] | None
    states: int


def flips_within(duals: SeatDuals, limit: int) -> NDArray[np.intp]:
    """Return the workers that a set of loss at most ``limit`` may treat against the sign of ``p_i``."""
    return np.flatnonzero((duals.reduced <= limit) & (duals.reduced >= -limit))


def enumerate_within(
    market: SeatMarket, duals: SeatDuals, limit: int, most_states: int, expired: Callable[[], bool]
) -> Enumeration:
    """Find the affordable placeable set of least loss, if its loss is at most ``limit``.

    Parameters
    ----------
    market : SeatMarket
    duals : SeatDuals
    limit : int
        Largest loss of interest, in units of ``1 / D``.
    most_states : int
        Give up above this many partial sets in one half.
    expired : callable
        Give up when this turns true.
    """
    if limit > _LOSS_LIMIT and duals.reduced.dtype != object:
        return Enumeration(False, None, 0)
    search = _Search(market, duals, limit, most_states, expired)
    try:
        return Enumeration(True, search.run(), search.largest)
    except _GaveUp:
        return Enumeration(False, None, search.largest)


class _GaveUp(Exception):
    """The enumeration would hold too much or take too long."""


class _Partial:
    """Partial sets as parallel arrays: loss, extra cost, places left empty in the chain so far, flips as bits."""

    def __init__(self, empty: int, kind: type) -> None:
        self.loss = np.zeros(1, dtype=kind)
        self.extra = np.zeros(1, dtype=kind)
        self.empty = np.full(1, empty, dtype=np.int64)
        self.words: list[NDArray[np.uint64]] = []
        self.flips: list[int] = []

    def __len__(self) -> int:
        return len(self.loss)

    def double(self, worker: int, loss: int, extra: int, empty: int, limit: int, twin: bool) -> None:
        """Keep every partial set with and without flipping one more worker; a twin only after the one before it."""
        number = len(self.flips)
        bit = number % 64
        self.flips.append(worker)
        if bit == 0:
            self.words.append(np.zeros(len(self), dtype=np.uint64))
        allowed = self.loss <= limit - loss
        if twin:
            before = (self.words[(number - 1) // 64] >> np.uint64((number - 1) % 64)) & np.uint64(1)
            allowed = allowed & (before == 1)
        source = np.flatnonzero(allowed)
        self.loss = np.concatenate([self.loss, self.loss[source] + loss])
        self.extra = np.concatenate([self.extra, self.extra[source] + extra])
        self.empty = np.concatenate([self.empty, self.empty[source] + empty])
        self.words = [np.concatenate([word, word[source]]) for word in self.words]
        self.words[-1][len(self) - len(source) :] |= np.uint64(1 << bit)

    def close_stage(self, price: int, limit: int) -> None:
        """Charge ``y_e`` for each empty place of the tight set just completed; drop overfull and too lossy sets."""
        # y_e can be far above the limit: compare before multiplying.
        most = limit // price if price else int(self.empty.max(initial=0))
        self.keep((self.empty >= 0) & (self.empty <= most))
        if price and len(self):
            self.loss = self.loss + self.empty.astype(self.loss.dtype) * price
            self.keep(self.loss <= limit)

    def keep(self, which: NDArray) -> None:
        """Drop the partial sets not marked."""
        at = np.flatnonzero(which)
        if len(at) < len(self):
            self.loss, self.extra, self.empty = self.loss[at], self.extra[at], self.empty[at]
            self.words = [word[at] for word in self.words]

    def flipped(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which flips some of the sets make, shape (rows, flips)."""
        used = np.zeros((len(rows), len(self.flips)), dtype=bool)
        for number in range(len(self.flips)):
            used[:, number] = (self.words[number // 64][rows] >> np.uint64(number % 64)) & np.uint64(1)
        return used


class _Search:
    def __init__(
        self, market: SeatMarket, duals: SeatDuals, limit: int, most_states: int, expired: Callable[[], bool]
    ) -> None:
        self.market, self.duals, self.limit = market, duals, limit
        self.most_states, self.expired = most_states, expired
        self.in_reference = np.zeros(len(market.groups), dtype=bool)
        self.in_reference[duals.reference] = True
        self.base = np.bincount(market.groups[duals.reference], minlength=len(market.caps))
        self.slack = market.budget - market.cost(duals.reference)
        self.kind = object if duals.reduced.dtype == object or market.costs.dtype == object else np.int64
        self.largest = 1
        self.violated: list[tuple[NDArray[np.bool_], int]] = []

    def run(self) -> NDArray[np.intp] | None:
        """Enumerate both halves, join them, and return the best set (None: there is none within the limit)."""
        steps, cut = self._steps()
        stages_before = sum(step == _STAGE_END for step in steps[:cut])
        left = _Partial(0, self.kind)
        self._expand(left, steps[:cut], 0)
        found: list[tuple[NDArray, NDArray[np.intp], NDArray[np.intp], _Partial]] = []
        count = 0
        trimmed = False
        for empty in np.unique(left.empty).tolist():
            right = _Partial(empty, self.kind)
            self._expand(right, steps[cut:], stages_before)
            for block in self._join(left, np.flatnonzero(left.empty == empty), right):
                found.append((*block, right))
                count += len(block[0])
                if count > _MOST_CANDIDATES:
                    found, count = _cheapest(found, _MOST_CANDIDATES // 2)
                    trimmed = True
        best = self._first_placeable(left, found)
        if best is None and trimmed:
            raise _GaveUp
        return best

    def _steps(self) -> tuple[list[int], int]:
        """Return the workers in the order of the chain, with marks where a tight set ends, and where to cut in two."""
        core = flips_within(self.duals, self.limit)
        stage = np.full(len(self.market.caps), len(self.duals.chain), dtype=np.int64)
        for number, members in enumerate(self.duals.chain):
            stage[members] = number
        stage_of = stage[self.market.groups[core]]
        # Workers equal in group, score, cost and side are twins; only the number of flips among them matters.
        size = np.abs(self.duals.reduced[core])
        traits = (self.market.costs[core], self.market.scores[core], self.market.groups[core], self.in_reference[core])
        # Costly flips first: the list then stays short until the last few.
        order = np.lexsort((*traits, -size, stage_of))
        core, stage_of = core[order], stage_of[order]
        new = np.ones(len(core), dtype=bool)
        new[1:] = np.logical_or.reduce([(trait[order][1:] != trait[order][:-1]).astype(bool) for trait in traits])
        self.twin = dict(zip(core.tolist(), (~new).tolist(), strict=True))
        half = (len(core) + 1) // 2
        steps: list[int] = []
        cut = done = 0
        for number in range(len(self.duals.chain) + 1):
            at = np.flatnonzero(stage_of == number)
            ahead = half - done
            if 0 <= ahead <= len(at):
                # The stage that is cut gives every second class or so of twins to the left.
                share = (np.arange(len(at)) + 1) * ahead // max(len(at), 1)
                first = np.maximum.accumulate(np.where(new[at], np.arange(len(at)), 0))
                to_left = (np.diff(share, prepend=0) > 0)[first]
                cut = len(steps) + int(to_left.sum())
                at = np.concatenate([at[to_left], at[~to_left]])
                half = -1
            steps += core[at].tolist()
            done += len(at)
            if number < len(self.duals.chain):
                steps.append(_STAGE_END)
        return steps, cut

    def _expand(self, partial: _Partial, steps: list[int], stage: int) -> None:
        for i in steps:
            if i == _STAGE_END:
                partial.close_stage(self.duals.prices[stage], self.limit)
                stage += 1
                continue
            leaves = bool(self.in_reference[i])
            cost = int(self.market.costs[i])
            loss, sign = abs(int(self.duals.reduced[i])), -1 if leaves else 1
            partial.double(i, loss, sign * cost, -sign, self.limit, self.twin[i])
            self.largest = max(self.largest, len(partial))
            if len(partial) > self.most_states or self.expired():
                raise _GaveUp

    def _join(self, left: _Partial, rows: NDArray[np.intp], right: _Partial):
        """Yield (loss, left rows, right rows) of the pairs whose costs fit the budget and whose loss fits the limit."""
        order = np.argsort(right.extra, kind="stable")
        extra, loss = right.extra[order], right.loss[order]
        price = self.duals.multiplier
        room = self.slack - left.extra[rows]
        high = np.searchsorted(extra, room, side="right")
        if price:
            low = np.searchsorted(extra, room - (self.limit - left.loss[rows]) // price, side="left")
        else:
            low = np.zeros(len(rows), dtype=np.intp)
        sizes = high - low
        ends = np.cumsum(sizes)
        start = 0
        while start < len(rows):
            if self.expired():
                raise _GaveUp
            before = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS_AT_ONCE, side="right")))
            part = slice(start, stop)
            a = np.repeat(np.arange(start, stop), sizes[part])
            b = (
                np.arange(len(a))
                - np.repeat(ends[part] - sizes[part] - before, sizes[part])
                + np.repeat(low[part], sizes[part])
            )
            total = left.loss[rows[a]] + loss[b] + (room[a] - extra[b]) * price
            fits = np.flatnonzero(total <= self.limit)
            if len(fits):
                yield total[fits], rows[a[fits]], order[b[fits]]
            start = stop

    def _first_placeable(self, left: _Partial, found) -> NDArray[np.intp] | None:
        """Return the placeable set of least loss among the joined ones, checking in order of loss."""
        if not found:
            return None
        losses = np.concatenate([block[0] for block in found])
        origin = np.repeat(np.arange(len(found)), [len(block[0]) for block in found])
        place = np.concatenate([np.arange(len(block[0])) for block in found])
        order = np.argsort(losses, kind="stable")
        for start in range(0, len(order), 1024):
            for number in order[start : start + 1024].tolist():
                _, left_rows, right_rows, right = found[origin[number]]
                flips = []
                for half, row in ((left, left_rows[place[number]]), (right, right_rows[place[number]])):
                    flips += np.array(half.flips, dtype=np.intp)[half.flipped(np.array([row]))[0]].tolist()
                chosen = self.in_reference.copy()
                chosen[flips] ^= True
                counts = self.base.copy()
                for i in flips:
                    counts[self.market.groups[i]] += 1 if chosen[i] else -1
                if self._can_be_placed(counts):
                    return np.flatnonzero(chosen)
            if self.expired():
                raise _GaveUp
        return None

    def _can_be_placed(self, counts: NDArray[np.int64]) -> bool:
        if any(counts[members].sum() > most for members, most in self.violated):
            return False
        flow = SeatFlow(self.market.caps, self.market.seats)
        placed = flow.push(np.arange(len(counts)), counts)
        if (placed == counts).all():
            return True
        # The groups reached by the failed searches: a set whose counts exceed its rank, kept to refuse others quickly.
        self.violated.append((flow.blocked, rank(self.market.caps, self.market.seats, flow.blocked)))
        return False


def _cheapest(found, number: int):
    """Keep the ``number`` joined sets of least loss."""
    losses = np.concatenate([block[0] for block in found])
    limit = np.partition(losses, number - 1)[number - 1]
    kept = []
    room = number
    for strict in (True, False):
        for loss, a, b, right in found:
            at = np.flatnonzero(loss < limit if strict else loss == limit)[: len(loss) if strict else room]
            if len(at):
                kept.append((loss[at], a[at], b[at], right))
                room -= len(at)
    return kept, number - room

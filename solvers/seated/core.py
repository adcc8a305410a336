"""Exact search around a dual bound: every set of flips whose loss is small.

With the multipliers of :mod:`.duals`, a set ``S`` differs from the reference by flips, and its loss against the bound is
a sum of nonnegative terms: ``|p_i|`` for each flip to the wrong side, ``y_e`` for each place of a tight set left empty,
``N`` for each unit of budget unspent.  All sets of loss at most ``limit`` are listed along the chain of tight sets, class
by class of equal workers, as states; a state whose loss exceeds the limit is dropped, and so is one that another with
the same count in every group makes needless by being cheaper and better (only the counts decide who can be placed).  The
list of classes is cut in two: the right half is listed once for each number of empty places the left half can hand over,
and the two are joined through the narrow window of costs that the budget and the limit leave.  An optimum whose loss is
within the limit is proved by the enumeration having been complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...models.exact import INT64_SAFE
from ..control import Control
from ..placement.polymatroid import SeatFlow, rank
from .duals import SeatDuals, SeatMarket

PAIRS_AT_ONCE = 2_000_000
"""Pairs of states that are looked at together."""

MOST_WIDE_STATES = 100_000
"""States where numbers are Python integers, on which every step takes some hundred times as long."""

PRUNE_FROM = 2000
"""Fewer states are not worth a search for needless ones."""


STAGE_END = -1
"""The step at which a tight set is complete; the others are numbers of classes."""


@dataclass(frozen=True)
class Enumeration:
    """What one enumeration found.

    Attributes
    ----------
    complete : bool
        Whether every set of loss at most the limit was accounted for.
    best : ndarray of intp, or None
        The affordable placeable set of least loss among them.
    states, made : int
        Largest number of states held, and how many were made in all.
    """

    complete: bool
    best: NDArray[np.intp] | None
    states: int
    made: int


def flips_within(duals: SeatDuals, limit: int) -> NDArray[np.intp]:
    """Return the workers that a set of loss at most ``limit`` may treat against the sign of ``p_i``."""
    return np.flatnonzero((duals.reduced <= limit) & (duals.reduced >= -limit))


def enumerate_within(
    market: SeatMarket, duals: SeatDuals, limit: int, most_states: int, control: Control, *, pruned: bool = True
) -> Enumeration:
    """Find the affordable placeable set of least loss, if its loss is at most ``limit``.

    Parameters
    ----------
    market : SeatMarket
    duals : SeatDuals
    limit : int
        Largest loss of interest, in units of ``1 / D``.
    most_states : int
        Give up when more have been made in one half.
    control : Control
        Looked at in every step.
    pruned : bool
        Whether needless states are searched for: worth its time where there are many.

    Raises
    ------
    Stopped
        When time is up.
    """
    search = _ChainListing(market, duals, limit, most_states, control, pruned=pruned)
    try:
        best, complete = search.run(), True
    except _TooManyError:
        best, complete = None, False
    return Enumeration(complete, best, search.largest, search.made)


class _TooManyError(Exception):
    """The enumeration would hold too much."""


@dataclass(frozen=True)
class _Class:
    """Workers equal in group, score, cost and side: what counts is how many of them are flipped."""

    workers: NDArray[np.intp]
    group: int
    loss: int
    extra: int
    """What a flip costs, negative for one that leaves the reference; likewise `score`."""
    score: int
    rise: int
    """1 for a flip that joins the reference, -1 for one that leaves it."""


@dataclass(frozen=True)
class _Counts:
    """How the counts of the groups in one half are kept in one number, digit by digit."""

    weights: dict[int, int]
    spans: dict[int, int]
    start: int
    kind: type

    @staticmethod
    def of(groups: NDArray[np.int64], leaving: NDArray[np.bool_]) -> _Counts:
        """Make room for the workers of these groups, of whom some can only leave the reference, the others only join it."""
        sizes, falls = np.bincount(groups).tolist(), np.bincount(groups[leaving]).tolist()
        weights, spans, weight = {}, {}, 1
        for group, size in enumerate(sizes):
            if size:
                weights[group], spans[group] = weight, size + 1
                weight *= size + 1
        start = sum(weights[group] * fall for group, fall in enumerate(falls) if fall)
        return _Counts(weights, spans, start, np.int64 if weight < INT64_SAFE else object)

    def added_to(self, counts: NDArray[np.int64], code: int) -> NDArray[np.int64]:
        """Return the counts of all groups once those of this half have changed as `code` says."""
        counts = counts.copy()
        for group, weight in self.weights.items():
            counts[group] += code // weight % self.spans[group] - self.start // weight % self.spans[group]
        return counts


class _ChainStates:
    """States as parallel arrays: loss, extra cost and score, places left empty in the chain so far, counts, flips as bits."""

    def __init__(self, empty: int, kind: type, counts: _Counts) -> None:
        self.loss = np.zeros(1, dtype=kind)
        self.extra = np.zeros(1, dtype=kind)
        self.score = np.zeros(1, dtype=kind)
        self.empty = np.full(1, empty, dtype=np.int64)
        self.code = np.full(1, counts.start, dtype=counts.kind)
        self.counts = counts
        self.words: list[NDArray[np.uint64]] = []
        self.slots: list[tuple[_Class, int, int]] = []
        """Each class with its word and its lowest bit there."""
        self.free = 0
        """Bits left in the last word."""
        self.pruned = 1
        """How many were left when needless ones were last dropped."""

    def __len__(self) -> int:
        return len(self.loss)

    def flip(self, each: _Class, limit: int) -> None:
        """Keep every state with no, one, two, ... flips of a class."""
        copies = len(each.workers)
        width = copies.bit_length()
        # A state's numbers of copies lie in words of bits, none across two of them.
        if width > self.free:
            self.words.append(np.zeros(len(self), dtype=np.uint64))
            self.free = 64
        self.slots.append((each, len(self.words) - 1, 64 - self.free))
        if copies == 1:
            source = np.flatnonzero(self.loss <= limit - each.loss)
            times = np.ones(len(source), dtype=np.int64)
        else:
            most = np.full(len(self), copies)
            if each.loss:
                most = np.minimum((limit - self.loss) // each.loss, copies).astype(np.int64)
            source = np.repeat(np.arange(len(self)), most)
            times = np.arange(len(source)) - np.repeat(np.cumsum(most) - most, most) + 1
        bits = times.astype(np.uint64) << np.uint64(64 - self.free)
        self.free -= width
        wide = times.astype(self.loss.dtype)
        self.loss = np.concatenate([self.loss, self.loss[source] + wide * each.loss])
        self.extra = np.concatenate([self.extra, self.extra[source] + wide * each.extra])
        self.score = np.concatenate([self.score, self.score[source] + wide * each.score])
        # Stages are nested: what joins at one takes up a place of every later tight set too, so one number goes on through all.
        self.empty = np.concatenate([self.empty, self.empty[source] - times * each.rise])
        weight = each.rise * self.counts.weights[each.group]
        self.code = np.concatenate([self.code, self.code[source] + times.astype(self.code.dtype) * weight])
        self.words = [np.concatenate([word, word[source]]) for word in self.words]
        self.words[-1][len(self) - len(source) :] |= bits

    def close_stage(self, price: int, limit: int) -> None:
        """Charge ``y_e`` for each empty place of the tight set just completed; drop overfull and too lossy states."""
        # y_e can be far above the limit: compare before multiplying.
        most = limit // price if price else int(self.empty.max(initial=0))
        self.keep(np.flatnonzero((self.empty >= 0) & (self.empty <= most)))
        if price and most and len(self):
            self.loss = self.loss + self.empty.astype(self.loss.dtype) * price
            self.keep(np.flatnonzero(self.loss <= limit))

    def prune(self) -> None:
        """Keep, of the states with the same counts, those that are better than all cheaper ones."""
        if not len(self):
            return
        _, gain = np.unique(self.score, return_inverse=True)
        order = np.lexsort((-gain, self.extra, self.code))
        code = self.code[order]
        first = np.append(True, (code[1:] != code[:-1]).astype(bool))
        # Within the counts' own range of numbers the largest gain so far begins anew.
        ranked = gain[order] + (np.cumsum(first) - 1) * (int(gain.max()) + 1)
        first[1:] |= ranked[1:] > np.maximum.accumulate(ranked)[:-1]
        self.keep(np.sort(order[first]))
        self.pruned = len(self)

    def keep(self, at: NDArray[np.intp]) -> None:
        """Drop all states but some."""
        if len(at) < len(self):
            for name in ("loss", "extra", "score", "empty", "code"):
                setattr(self, name, getattr(self, name)[at])
            self.words = [word[at] for word in self.words]

    def flipped(self, row: int) -> list[int]:
        """Return the workers that a state flips."""
        workers: list[int] = []
        for each, word, bit in self.slots:
            times = int(self.words[word][row]) >> bit & ((1 << len(each.workers).bit_length()) - 1)
            workers += each.workers[:times].tolist()
        return workers


@dataclass(frozen=True)
class _Pair:
    """A set put together of a state of each half."""

    loss: int
    left: int
    right: int
    half: _ChainStates
    """The states that `right` is one of."""


Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Rows and states, as many of each."""


class _ChainListing:
    def __init__(
        self, market: SeatMarket, duals: SeatDuals, limit: int, most_states: int, control: Control, *, pruned: bool
    ) -> None:
        self.market, self.duals, self.limit, self.control, self.pruned = market, duals, limit, control, pruned
        self.in_reference = np.zeros(len(market.groups), dtype=bool)
        self.in_reference[duals.reference] = True
        self.base = np.bincount(market.groups[duals.reference], minlength=len(market.caps))
        self.slack = market.budget - market.cost(duals.reference)
        self.core = flips_within(duals, limit)
        # Two losses and the money left are added up, each no more than just above the limit: four times it is room enough.
        wide = object in (duals.reduced.dtype, market.costs.dtype) or 4 * limit >= INT64_SAFE
        self.kind = object if wide else np.int64
        self.most_states = min(most_states, MOST_WIDE_STATES) if wide else most_states
        self.largest = self.made = 1
        self.placed: dict[tuple[int, int], bool] = {}
        self.violated: list[tuple[NDArray[np.bool_], int]] = []

    def run(self) -> NDArray[np.intp] | None:
        """List both halves, join them, and return the best set (None: there is none within the limit)."""
        steps, cut = self._steps()
        halves = steps[:cut], steps[cut:]
        one, two = (self._counts(half) for half in halves)
        left = _ChainStates(0, self.kind, one)
        self._expand(left, halves[0], 0)
        left.prune()
        stages_before = halves[0].count(STAGE_END)
        best: _Pair | None = None
        # What the right half is charged depends on the places that the left one leaves empty: it is listed anew for each number of them.
        for empty in np.unique(left.empty).tolist():
            right = _ChainStates(empty, self.kind, two)
            self._expand(right, halves[1], stages_before)
            rows = np.flatnonzero(left.empty == empty)
            best = self._joined(left, rows, right, best)
        if best is None:
            return None
        chosen = self.in_reference.copy()
        chosen[left.flipped(best.left) + best.half.flipped(best.right)] ^= True
        return np.flatnonzero(chosen)

    def _steps(self) -> tuple[list[int], int]:
        """Return the classes in the order of the chain, with marks where a tight set ends, and where to cut in two."""
        core, market = self.core, self.market
        stage = np.full(len(market.caps), len(self.duals.chain), dtype=np.int64)
        for number, members in enumerate(self.duals.chain):
            stage[members] = number
        stage_of = stage[market.groups[core]]
        size = np.abs(self.duals.reduced[core])
        traits = (market.costs[core], market.scores[core], market.groups[core], self.in_reference[core])
        # Costly flips first: the list then stays short until the last few.
        order = self._sorted((*traits, -size, stage_of))
        core, stage_of = core[order], stage_of[order]
        new = np.ones(len(core), dtype=bool)
        new[1:] = False
        for trait in traits:
            self.control.check()
            ordered = trait[order]
            new[1:] |= (ordered[1:] != ordered[:-1]).astype(bool)
        self.core, self.starts, stage_of = core, np.append(np.flatnonzero(new), len(core)), stage_of[new]
        half = (len(stage_of) + 1) // 2
        steps: list[int] = []
        cut = done = 0
        for number in range(len(self.duals.chain) + 1):
            at = np.flatnonzero(stage_of == number)
            ahead = half - done
            if 0 <= ahead <= len(at):
                # The stage that is cut gives every second class or so to the left.
                to_left = np.diff((np.arange(len(at)) + 1) * ahead // max(len(at), 1), prepend=0) > 0
                cut = len(steps) + int(to_left.sum())
                at = np.concatenate([at[to_left], at[~to_left]])
                half = -1
            steps += at.tolist()
            done += len(at)
            if number < len(self.duals.chain):
                steps.append(STAGE_END)
        return steps, cut

    def _sorted(self, keys: tuple[NDArray, ...]) -> NDArray[np.intp]:
        """Order by several keys, the last one first, as ``np.lexsort`` does; the clock is looked at between them."""
        order = np.arange(len(keys[0]))
        for key in keys:
            self.control.check()
            order = order[np.argsort(key[order], kind="stable")]
        return order

    def _counts(self, steps: list[int]) -> _Counts:
        """Return how counts are kept in a half."""
        self.control.check()
        classes = np.array([step for step in steps if step != STAGE_END], dtype=np.intp)
        first, copies = self.core[self.starts[classes]], np.diff(self.starts)[classes]
        groups, leaving = self.market.groups[first], self.in_reference[first]
        return _Counts.of(np.repeat(groups, copies), np.repeat(leaving, copies))

    def _class(self, number: int) -> _Class:
        workers = self.core[self.starts[number] : self.starts[number + 1]]
        i = int(workers[0])
        rise = -1 if self.in_reference[i] else 1
        loss = abs(int(self.duals.reduced[i]))
        score, cost = int(self.market.scores[i]), int(self.market.costs[i])
        return _Class(workers, int(self.market.groups[i]), loss, rise * cost, rise * score, rise)

    def _expand(self, states: _ChainStates, steps: list[int], stage: int) -> None:
        most = self.made + self.most_states
        for step in steps:
            self.control.check()
            if step == STAGE_END:
                states.close_stage(self.duals.prices[stage], self.limit)
                stage += 1
                continue
            before = len(states)
            states.flip(self._class(step), self.limit)
            self.made += len(states) - before
            self.largest = max(self.largest, len(states))
            if self.made > most:
                raise _TooManyError
            if self.pruned and len(states) > max(PRUNE_FROM, 2 * states.pruned):
                states.prune()

    def _joined(
        self, left: _ChainStates, rows: NDArray[np.intp], right: _ChainStates, best: _Pair | None
    ) -> _Pair | None:
        """Return the best placeable pair of states that keeps the budget and the limit, or `best` if that loses no more."""
        price, limit = self.duals.multiplier, self.limit if best is None else best.loss - 1
        right.prune()
        order = np.lexsort((right.extra, right.code))
        code = right.code[order]
        starts = np.append(np.flatnonzero(np.append(True, (code[1:] != code[:-1]).astype(bool))), len(code))
        by_cost = np.argsort(right.extra, kind="stable")
        room = self.slack - left.extra[rows]
        high = np.searchsorted(right.extra[by_cost], room, side="right")
        low = np.zeros(len(rows), dtype=np.intp)
        if price:
            low = np.searchsorted(right.extra[by_cost], room - (limit - left.loss[rows]) // price, side="left")
        if int(np.maximum(high - low, 0).sum()) > len(rows) * (len(starts) - 1):
            # Of states with the same counts the dearest that can be paid is the best.
            pairs = _dearest(room, right.extra, order, starts)
        else:
            pairs = _windows(low, high, by_cost)
        for a, b in pairs:
            self.control.check()
            # Money left that is worth more than the limit is worth just more than the limit: nothing overflows.
            left_over = np.minimum(room[a] - right.extra[b], limit // price + 1) if price else room[a] - right.extra[b]
            total = left.loss[rows[a]] + right.loss[b] + left_over * price
            at = np.flatnonzero(total <= limit)
            for k in at[np.argsort(total[at], kind="stable")].tolist():
                one, two = int(rows[a[k]]), int(b[k])
                if self._can_be_placed(left, one, right, two):
                    best = _Pair(int(total[k]), one, two, right)
                    limit = best.loss - 1
                    break
        return best

    def _can_be_placed(self, left: _ChainStates, one: int, right: _ChainStates, two: int) -> bool:
        """Whether the counts of two states together can be placed."""
        codes = int(left.code[one]), int(right.code[two])
        # A flow costs far more than a look at a pair, and the same counts come again and again.
        if codes not in self.placed:
            counts = right.counts.added_to(left.counts.added_to(self.base, codes[0]), codes[1])
            self.placed[codes] = self._counts_fit(counts)
        return self.placed[codes]

    def _counts_fit(self, counts: NDArray[np.int64]) -> bool:
        if any(counts[members].sum() > most for members, most in self.violated):
            return False
        flow = SeatFlow(self.market.caps, self.market.seats)
        placed = flow.push(np.arange(len(counts)), counts)
        if (placed == counts).all():
            return True
        # The groups reached by the failed searches: a set whose counts exceed its rank, kept to refuse others quickly.
        self.violated.append((flow.blocked, rank(self.market.caps, self.market.seats, flow.blocked)))
        return False


def _windows(low: NDArray[np.intp], high: NDArray[np.intp], order: NDArray[np.intp]) -> Iterator[Pairs]:
    """Yield each row with the states of its window, some at a time."""
    sizes = np.maximum(high - low, 0)
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + PAIRS_AT_ONCE, side="right")))
        part = slice(start, stop)
        a = np.repeat(np.arange(start, stop), sizes[part])
        first = np.repeat(low[part] - (ends[part] - sizes[part] - before), sizes[part])
        yield a, order[np.arange(len(a)) + first]
        start = stop


def _dearest(room: NDArray, extra: NDArray, order: NDArray[np.intp], starts: NDArray[np.intp]) -> Iterator[Pairs]:
    """Yield each row with the dearest state it has room for, from one after the other of the runs of states."""
    for start, stop in pairwise(starts.tolist()):
        run = order[start:stop]
        at = np.searchsorted(extra[run], room, side="right") - 1
        fits = np.flatnonzero(at >= 0)
        yield fits, run[at[fits]]

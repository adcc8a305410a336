"""Step 3 of :mod:`fedmech.solvers.proofs.packing`: all sets of workers that fit one purse and lose little.

Its numbers are ``int64`` where the largest sum that can occur was found to be below 2**62, else Python integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...models.procurement.market import Market
from .proof import ProofError, ProofTooLarge, Pulse

MOST_SETS = 1_048_576
"""So many sets of one purse, and parts of sets, are listed."""

MOST_PAIRS = 67_108_864
"""So many pairs of parts are joined for one purse."""

PAIRS_AT_ONCE = 1_048_576

PARTS_AT_ONCE = 65_536
"""So many parts are told apart between two looks at the clock: a tenth of a second."""

INT64_SUM = 2**62
"""Sums below this are made in ``int64``."""


@dataclass(frozen=True)
class Prices:
    """What a purse's sets lose by what they leave: E, lam, sigma, mu of its money, seats and places; and W, the claimed best."""

    scale: int
    money: int
    seats: int
    places: tuple[int, ...]
    best: int


@dataclass(frozen=True)
class Purse:
    """What one purse has, and which workers (positions, increasing) fit it on their own."""

    money: int
    seats: int
    caps: tuple[int, ...]
    able: np.ndarray


@dataclass(frozen=True)
class Sets:
    """Sets of one purse: those always in, and unions of a row of `first` with one of `second`, bool over positions of workers.

    ``loss`` is that of each set; set t is the union of ``first_open[first[left[t]]]`` and ``second_open[second[right[t]]]``.
    """

    always: np.ndarray
    first_open: np.ndarray
    second_open: np.ndarray
    first: np.ndarray
    second: np.ndarray
    left: np.ndarray
    right: np.ndarray
    loss: np.ndarray

    def keep(self, which: np.ndarray) -> Sets:
        """Return these sets alone."""
        return replace(self, left=self.left[which], right=self.right[which], loss=self.loss[which])

    def members(self, at: int) -> np.ndarray:
        """Return the workers of one set."""
        one = self.first_open[self.first[self.left[at]]]
        return np.concatenate([self.always, one, self.second_open[self.second[self.right[at]]]])

    def possible(self) -> np.ndarray:
        """Return the workers that are in some set."""
        if not self.loss.size:
            return np.zeros(0, dtype=np.int64)
        one = self.first_open[self.first[np.unique(self.left)].any(axis=0)]
        return np.concatenate([self.always, one, self.second_open[self.second[np.unique(self.right)].any(axis=0)]])


def packed(values: Sequence[int]) -> np.ndarray:
    """Return integers as ``int64`` where even their sum is below 2**62, else as Python integers."""
    small = sum(map(abs, values)) < INT64_SUM
    array = np.empty(len(values), dtype=np.int64 if small else object)
    array[:] = values
    return array


def python_or_64(number: int, beside: np.ndarray) -> Any:
    """Return a number so that comparing it with an array is exact: numpy refuses Python integers beyond 64 bits.

    No ``int64`` array here holds anything as large as 2**62, so every number beyond compares alike.
    """
    return min(number, 2**62) if beside.dtype != object else number


def bits(words: np.ndarray) -> np.ndarray:
    """Return the bits of rows of words, bool, the lowest first."""
    octets = np.ascontiguousarray(words.astype("<u8")).view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little").astype(bool)


def near_best(market: Market, purse: Purse, price: Prices, margins: np.ndarray, gap: int, pulse: Pulse) -> Sets:
    """List the sets that fit a purse with ``w(S) >= W - gap``; refuse if one has more than W. Losses are ``W - w(S)``."""
    pulse()
    able = purse.able
    costs, groups = market.scaled.needed_costs[able], market.group_of[able]
    own, lam = margins[able], price.money
    mu = np.array(price.places, dtype=object)
    largest = price.scale * max(map(abs, own.tolist()), default=0) + lam * max(costs.tolist(), default=0)
    largest += price.scale + lam + max(price.places, default=0) + price.seats
    if largest < INT64_SUM and own.dtype != object and costs.dtype != object:
        margin = own * price.scale - costs * lam - mu.astype(np.int64)[groups] - price.seats
    else:
        margin = own.astype(object) * price.scale - costs.astype(object) * lam - mu[groups] - price.seats
    linear = lam * purse.money + price.seats * purse.seats + sum(margin[np.asarray(margin > 0, dtype=bool)].tolist())
    linear += sum(x * cap for x, cap in zip(price.places, purse.caps, strict=True))
    spare = linear - price.scale * price.best
    listed = list_sets(purse, costs, groups, margin, price, spare + price.scale * gap, pulse, alike=gap >= 0)
    # A loss is below INT64_SUM where it is an int64, so that one bound on what is taken from it and divides it is enough.
    loss = listed.loss if max(abs(spare), price.scale) < INT64_SUM else listed.loss.astype(object)
    above = loss - spare
    if bool(np.asarray(above < 0, dtype=bool).any()):
        raise ProofError("a purse can do better than is claimed")
    return replace(listed, loss=above // price.scale)


@dataclass
class Part:
    """Parts of sets: cost, loss, members of the group last opened, members in all, and who they are (64-bit words)."""

    cost: np.ndarray
    loss: np.ndarray
    count: np.ndarray
    total: np.ndarray
    held: np.ndarray
    group: int = -1

    def keep(self, which: np.ndarray) -> Part:
        """Return these parts alone, by flags or by positions."""
        rows = np.flatnonzero(which) if which.dtype == bool else which
        cost, loss, count, total, held = (x[rows] for x in (self.cost, self.loss, self.count, self.total, self.held))
        return Part(cost, loss, count, total, held, self.group)

    def told_apart(self, pulse: Pulse) -> Part:
        """Keep one of those that only their members tell apart."""
        rows: dict[tuple[int, ...], int] = {}
        for start in range(0, self.loss.size, PARTS_AT_ONCE):
            pulse()
            block = slice(start, start + PARTS_AT_ONCE)
            columns = (x[block].tolist() for x in (self.cost, self.loss, self.count, self.total))
            rows.update((key, start + at) for at, key in enumerate(zip(*columns, strict=True)))
        return self.keep(np.fromiter(rows.values(), dtype=np.int64, count=len(rows)))


@dataclass(frozen=True)
class Undecided:
    """The workers that no margin settles, by group, and what is left to them: money, seats, places in each group, and loss.

    ``rate``, ``seat`` and ``places`` are the prices of money, seats and places that stay empty. ``idle`` is lost in any case: for
    seats and places that there are too few workers for. Parts of sets are built with numbers of the type ``kind``.
    """

    groups: list[int]
    costs: list[int]
    margins: list[int]
    money: int
    seats: int
    room: list[int]
    rate: int
    seat: int
    places: list[int]
    idle: int
    most: int
    kind: Any

    def nothing(self) -> Part:
        """Return the one part without members."""
        zero, none = np.zeros(1, dtype=self.kind), np.zeros(1, dtype=np.int64)
        return Part(zero, zero, none, none, np.zeros((1, -(-len(self.groups) // 64)), dtype=np.uint64))

    def close(self, part: Part) -> Part:
        """Charge the places that the group last opened leaves empty."""
        if part.group < 0 or not self.places[part.group]:
            return part
        part.loss = part.loss + self.places[part.group] * (self.room[part.group] - part.count).astype(self.kind)
        return part.keep(np.asarray(part.loss <= self.most, dtype=bool))

    def extend(self, part: Part, position: int) -> Part:
        """Decide one worker more, both ways: out loses its margin where that is a gain, in where it is none."""
        group, cost, gain = self.groups[position], self.costs[position], self.margins[position]
        if part.group != group:
            part = self.close(part)
            part.count, part.group = np.zeros_like(part.count), group
        enter, skip = max(0, -gain), max(0, gain)
        out = part.keep(np.asarray(part.loss <= self.most - skip, dtype=bool))
        able = (part.count < self.room[group]) & (part.total < self.seats)
        able &= np.asarray(part.cost <= self.money - cost, dtype=bool)
        into = part.keep(able & np.asarray(part.loss <= self.most - enter, dtype=bool))
        if out.loss.size + into.loss.size > MOST_SETS:
            raise ProofTooLarge("too many parts of sets: the proof needs tighter prices")
        into.held[:, position >> 6] |= np.uint64(1 << (position & 63))
        return Part(
            np.concatenate([out.cost, into.cost + cost]),
            np.concatenate([out.loss + skip, into.loss + enter]),
            np.concatenate([out.count, into.count + 1]),
            np.concatenate([out.total, into.total + 1]),
            np.concatenate([out.held, into.held]),
            group,
        )

    def halves(self, alike: bool, pulse: Pulse) -> tuple[Part, Part, int]:
        """Grow two lists of parts towards each other, the shorter one first, and say where they meet."""
        first, second, low, high = self.nothing(), self.nothing(), 0, len(self.groups)
        while low < high:
            pulse()
            if not alike:
                first, second = (x if 2 * x.loss.size <= MOST_SETS else x.told_apart(pulse) for x in (first, second))
            if first.loss.size <= second.loss.size:
                first = self.extend(first, low)
                low += 1
            else:
                high -= 1
                second = self.extend(second, high)
        return first, second, low

    def joined(self, first: Part, second: Part, alike: bool, pulse: Pulse) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the pairs of parts, left and right, whose unions fit and lose at most `most`, and what they lose."""
        nobody = np.zeros(0, dtype=np.int64)
        blocks = [(nobody, nobody, np.zeros(0, dtype=self.kind))]
        listed = 0
        for left, right in pairs(first, second, self.money, self.rate, self.most - self.idle, pulse):
            total = first.total[left] + second.total[right]
            good = total <= self.seats
            loss = first.loss[left] + second.loss[right] + self.idle
            if self.rate:
                loss = loss + self.rate * (self.money - first.cost[left] - second.cost[right])
            if self.seat:
                loss = loss + self.seat * (self.seats - total).astype(self.kind)
            if first.group == second.group >= 0:
                # They met in the middle of this group: neither half was charged for its empty places.
                count = first.count[left] + second.count[right]
                room = self.room[first.group]
                good &= count <= room
                loss = loss + self.places[first.group] * (room - count).astype(self.kind)
            good &= np.asarray(loss <= self.most, dtype=bool)
            blocks.append((left[good], right[good], loss[good]))
            listed += blocks[-1][0].size
            if listed and not alike:
                break
            if listed > MOST_SETS:
                raise ProofTooLarge("too many sets: the proof needs tighter prices")
        left, right, loss = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return left, right, loss


def list_sets(
    purse: Purse,
    costs: np.ndarray,
    groups: np.ndarray,
    margin: np.ndarray,
    price: Prices,
    most: int,
    pulse: Pulse,
    *,
    alike: bool = True,
) -> Sets:
    """List all sets that fit a purse and lose at most `most` as step 3 counts it; `costs` etc. are those of ``purse.able``.

    Two lists of parts grow towards each other through the workers by group; where they meet in the middle of a group, its places are
    counted when parts are joined. Parts are joined where the money left costs no more than may be lost.

    Without `alike`, of sets that only their members tell apart one is enough, where there would be too many: some set is listed if
    and only if there is one.
    """
    nobody = np.zeros(0, dtype=np.int64)
    empty_rows = np.zeros((0, 0), dtype=bool)
    none = Sets(nobody, nobody, nobody, empty_rows, empty_rows, nobody, nobody, nobody)
    if most < 0:
        return none
    size = np.abs(margin)
    # A Python integer beyond 64 bits is larger than every margin in an int64 array.
    undecided = np.asarray(size <= python_or_64(most, size), dtype=bool)
    sure = np.flatnonzero(~undecided & np.asarray(margin > 0, dtype=bool))
    at = np.flatnonzero(undecided)
    at = at[np.argsort(groups[at], kind="stable")]
    left_over = what_is_left(purse, costs, groups, margin, price, most, sure, at)
    if left_over is None:
        return none
    first, second, low = left_over.halves(alike, pulse)
    if first.group != second.group:
        first, second = left_over.close(first), left_over.close(second)
    if not alike and first.loss.size * second.loss.size > MOST_PAIRS:
        first, second = first.told_apart(pulse), second.told_apart(pulse)
    left, right, loss = left_over.joined(first, second, alike, pulse)
    able = purse.able
    return Sets(able[sure], able[at[:low]], able[at[low:]], bits(first.held)[:, :low], bits(second.held)[:, low : at.size],
        left, right, loss,
    )  # fmt: skip


def what_is_left(
    purse: Purse,
    costs: np.ndarray,
    groups: np.ndarray,
    margin: np.ndarray,
    price: Prices,
    most: int,
    sure: np.ndarray,
    at: np.ndarray,
) -> Undecided | None:
    """Return what a purse leaves to the workers `at` once the `sure` ones are in it; None if no set loses so little."""
    money = purse.money - sum(costs[sure].tolist())
    held = np.bincount(groups[sure], minlength=len(purse.caps)).tolist()
    room = [cap - taken for cap, taken in zip(purse.caps, held, strict=True)]
    seats = purse.seats - sure.size
    if money < 0 or seats < 0 or min(room, default=0) < 0:
        return None
    own = costs[at].tolist()
    # Beyond the limit one price is as good as another; so no sum of losses is larger than this.
    places = [min(x, most + 1) for x in price.places]
    seat, rate = min(price.seats, most + 1), min(price.money, most + 1)
    # Places and seats that the undecided workers cannot fill in any case.
    open_to = np.bincount(groups[at], minlength=len(room)).tolist()
    idle = sum(x * max(0, free - workers) for x, free, workers in zip(places, room, open_to, strict=True))
    idle += seat * max(0, seats - len(at))
    if idle > most:
        return None
    small = (most + 1) * (2 * len(at) + 8) < INT64_SUM and money + sum(own) < INT64_SUM
    return Undecided(
        groups=groups[at].tolist(),
        costs=own,
        margins=margin[at].tolist(),
        money=money,
        seats=min(seats, len(at)),
        room=[min(free, workers) for free, workers in zip(room, open_to, strict=True)],
        rate=rate,
        seat=seat,
        places=places,
        idle=idle,
        most=most,
        kind=np.int64 if small else object,
    )


def pairs(
    first: Part, second: Part, money: int, rate: int, most: int, pulse: Pulse
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of parts, in blocks: those that the money pays and that leave no more of it than may be lost, or, where these are
    fewer, those that the money pays and that lose no more than may be lost.
    """
    by_cost, by_loss = (np.argsort(key, kind="stable") for key in (second.cost, second.loss))
    cost, loss = second.cost[by_cost], second.loss[by_loss]
    high = np.searchsorted(cost, money - first.cost, side="right")
    low = np.zeros_like(high)
    if rate:
        low = np.searchsorted(cost, money - first.cost - (most - first.loss) // rate, side="left")
    width, light = np.maximum(high - low, 0), np.searchsorted(loss, most - first.loss, side="right")
    lighter = int(light.sum()) < int(width.sum())
    order, low, width = (by_loss, np.zeros_like(low), light) if lighter else (by_cost, low, width)
    ends = np.cumsum(width)
    if int(ends[-1:].sum()) > MOST_PAIRS:
        raise ProofTooLarge("too many pairs of parts: the proof needs tighter prices")
    start = 0
    while start < width.size:
        pulse()
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + PAIRS_AT_ONCE, side="right")))
        left = np.repeat(np.arange(start, stop), width[start:stop])
        before = np.repeat(ends[start:stop] - width[start:stop], width[start:stop])
        right = order[np.arange(done, done + left.size) - before + low[left]]
        if lighter:
            paid = np.asarray(first.cost[left] + second.cost[right] <= money, dtype=bool)
            left, right = left[paid], right[paid]
        yield left, right
        start = stop

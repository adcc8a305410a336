"""DriftPay-CO on many tiny markets at once, and its truthfulness decided on every breakpoint of every bid.

A *shape* fixes scores, groups and caps; its markets differ in bids and budget. All sets of workers of a shape are tabulated once:
what they are worth (``M``) and which of them ORP hires (``W``). After that a run is a handful of comparisons, done for all markets of
the shape together. Everything is an integer: ratios, affordability points and the points between them are multiples of one over
a common denominator of all scores and all values of ``M``.

Why the breakpoints are all there are: with the others' bids fixed, the outcome depends on ``b_i`` only through the place of
``rho_i`` among the other ratios, and through ``rho_i M(T + i) <= B`` for the sets ``T`` of others that come before ``i``, which are
prefixes of the others' own order. So nothing changes between two neighbours among 0, the ``n - 1`` other ratios and the ``n``
points ``B / M(T + i)``.

Source: DriftPay, section 5 (stated).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Grid", "Runs", "Shape"]

_NEVER = np.int64(2**62)
_ROOM = 2**61

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Shape:
    """Scores, groups and what can be placed; workers in index order.

    Attributes
    ----------
    scores : tuple of int
    groups : tuple of int
    caps : tuple of tuple of int, shape (L, m)
    seats : tuple of int, shape (m,), or None
    """

    scores: tuple[int, ...]
    groups: tuple[int, ...]
    caps: tuple[tuple[int, ...], ...]
    seats: tuple[int, ...] | None = None

    @property
    def n(self) -> int:
        """Number of workers."""
        return len(self.scores)

    def _placeable(self, counts: Sequence[int]) -> bool:
        """Whether caps and seats have room for these many workers of each group."""
        if self.seats is None:
            return all(count <= sum(row) for count, row in zip(counts, self.caps, strict=True))
        free = [tuple(self.seats)]
        for count, row in zip(counts, self.caps, strict=True):
            free = [after for seats in free for after in _spread(count, row, seats)]
        return bool(free)

    @cached_property
    def independent(self) -> Bools:
        """Which sets of workers (as bit masks) can be placed, shape (2^n,)."""
        known: dict[tuple[int, ...], bool] = {}
        table = np.zeros(1 << self.n, dtype=bool)
        for mask in range(1 << self.n):
            counts = [0] * len(self.caps)
            for i in range(self.n):
                counts[self.groups[i]] += mask >> i & 1
            key = tuple(counts)
            if key not in known:
                known[key] = self._placeable(key)
            table[mask] = known[key]
        return table

    @cached_property
    def winners(self) -> Ints:
        """``W``: the workers ORP hires from each set, ties to the higher score, then the lower index; shape (2^n,)."""
        chosen = np.zeros(1 << self.n, dtype=np.int64)
        masks = np.arange(1 << self.n)
        for i in sorted(range(self.n), key=lambda i: (-self.scores[i], i)):
            extended = chosen | 1 << i
            chosen = np.where((masks >> i & 1 == 1) & self.independent[extended], extended, chosen)
        return chosen

    @cached_property
    def sums(self) -> Ints:
        """Total score of each set, shape (2^n,)."""
        masks = np.arange(1 << self.n)
        return sum(((masks >> i & 1) * v for i, v in enumerate(self.scores)), np.zeros(1 << self.n, dtype=np.int64))

    @cached_property
    def values(self) -> Ints:
        """``M``: the value of ORP on each set, shape (2^n,)."""
        return self.sums[self.winners]


def _spread(count: int, row: Sequence[int], seats: Sequence[int]) -> set[tuple[int, ...]]:
    """Return what can be left of the seats after ``count`` workers of one group took some."""
    reached = {((), count)}
    for cap, free in zip(row, seats, strict=True):
        reached = {
            ((*left, free - used), rest - used) for left, rest in reached for used in range(min(cap, free, rest) + 1)
        }
    return {left for left, rest in reached if rest == 0}


@dataclass(frozen=True)
class Runs:
    """Outcomes of DriftPay-CO on the markets of a grid.

    Attributes
    ----------
    hired : ndarray of int64, shape (N,)
        Winners as bit masks.
    score : ndarray of int64, shape (N,)
    price : ndarray of int64, shape (N,)
        Critical price times ``Grid.unit``; a huge number where nobody bounds it (nobody hired and nobody left).
    """

    hired: Ints
    score: Ints
    price: Ints


class Grid:
    """All markets of one shape that a list of bid vectors and budgets describes.

    Parameters
    ----------
    shape : Shape
    bids : integer ndarray, shape (N, n)
    budgets : integer ndarray, shape (N,)

    Raises
    ------
    OverflowError
        If the common denominator is too large for 64-bit integers.
    """

    def __init__(self, shape: Shape, bids: NDArray, budgets: NDArray) -> None:
        self.shape = shape
        self.bids = np.asarray(bids, dtype=np.int64)
        self.budgets = np.asarray(budgets, dtype=np.int64)
        worths = {int(value) for value in shape.values if value} | set(shape.scores)
        self.unit = 2 * math.lcm(*worths) if worths else 2
        largest = max(int(self.bids.max(initial=0)), int(self.budgets.max(initial=0)), 1) + 1
        if largest * self.unit * max(int(shape.values.max(initial=0)), 1) > _ROOM:
            raise OverflowError("these numbers need a denominator beyond 64 bits")
        self.money = self.budgets * self.unit
        self.ratio = [self.bids[:, i] * (self.unit // v) for i, v in enumerate(shape.scores)]

    @cached_property
    def _first(self) -> list[list[Bools]]:
        """``[j][k]``: whether worker ``j`` comes before worker ``k`` in the ratio order."""
        n, ratio = self.shape.n, self.ratio
        table: list[list[Bools]] = [[np.zeros(0, dtype=bool)] * n for _ in range(n)]
        for j in range(n):
            for k in range(j + 1, n):
                table[j][k] = ratio[j] <= ratio[k]
                table[k][j] = ~table[j][k]
        return table

    def _affordable(self, ratio: Ints, prefix: Ints) -> Bools:
        return ratio * self.shape.values[prefix] <= self.money

    def _budget_price(self, prefix: Ints) -> Ints:
        """``B / M(prefix)``, exact, or a huge number where the prefix is worth nothing."""
        worth = self.shape.values[prefix]
        return np.where(worth > 0, self.money // np.maximum(worth, 1), _NEVER)

    def run(self) -> Runs:
        """Run DriftPay-CO on every market."""
        n = self.shape.n
        reached = np.zeros(len(self.budgets), dtype=np.int64)
        price = np.full(len(self.budgets), _NEVER)
        for k in range(n):
            prefix = np.full(len(self.budgets), 1 << k, dtype=np.int64)
            for j in range(n):
                if j != k:
                    prefix |= self._first[j][k].astype(np.int64) << j
            fits = self._affordable(self.ratio[k], prefix)
            # Prefixes are nested, so the longest one that passes is the union of those that do.
            reached |= np.where(fits, prefix, 0)
        for k in range(n):
            np.minimum(price, np.where(reached >> k & 1, _NEVER, self.ratio[k]), out=price)
        np.minimum(price, self._budget_price(reached), out=price)
        hired = self.shape.winners[reached]
        return Runs(hired, self.shape.sums[hired], price)

    def optimum(self) -> Ints:
        """OPT of every market, costs equal to bids, by trying every placeable set."""
        best = np.zeros(len(self.budgets), dtype=np.int64)
        for mask in np.flatnonzero(self.shape.independent).tolist():
            members = [i for i in range(self.shape.n) if mask >> i & 1]
            fits = self.bids[:, members].sum(axis=1) <= self.budgets
            np.maximum(best, np.where(fits, self.shape.sums[mask], 0), out=best)
        return best

    def untruthful(self) -> Ints:
        """Decide truthfulness of DriftPay-CO with respect to every worker of every market.

        Each worker's bid is moved over 0, every breakpoint and a point strictly between neighbours, the others' bids fixed.
        Truthful means: there is one threshold below which the worker always wins and above which never, and a winner is
        always paid exactly that threshold.

        Returns
        -------
        ndarray of int64, shape (N,)
            Bit mask of the workers for whom something fails; 0 everywhere if the mechanism is truthful.
        """
        bad = np.zeros(len(self.budgets), dtype=np.int64)
        for i in range(self.shape.n):
            bad |= self._untruthful_worker(i).astype(np.int64) << i
        return bad

    def _untruthful_worker(self, i: int) -> Bools:
        n, me, count = self.shape.n, 1 << i, len(self.budgets)
        others = [j for j in range(n) if j != i]
        without: list[Ints] = []
        for j in others:
            prefix = np.full(count, 1 << j, dtype=np.int64)
            for k in others:
                if k != j:
                    prefix |= self._first[k][j].astype(np.int64) << k
            without.append(prefix)
        # All points at once, one a row: the arrays of one grid are short, and each operation costs more than its numbers.
        points = self._points(i, others, without)
        reached = np.zeros(points.shape, dtype=np.int64)
        mine = np.full(points.shape, me, dtype=np.int64)
        for j, prefix in zip(others, without, strict=True):
            before = points <= self.ratio[j] if i < j else points < self.ratio[j]
            mine |= np.where(before, 0, 1 << j)
            with_me = np.where(self._affordable(self.ratio[j], prefix | me), prefix | me, 0)
            alone = np.where(self._affordable(self.ratio[j], prefix), prefix, 0)
            reached |= np.where(before, with_me, alone)
        reached |= np.where(self._affordable(points, mine), mine, 0)
        price = self._budget_price(reached)
        for j in range(n):
            ratio = points if j == i else self.ratio[j]
            np.minimum(price, np.where(reached >> j & 1, _NEVER, ratio), out=price)
        return self._fails(points, self.shape.winners[reached] & me > 0, price)

    def _points(self, i: int, others: list[int], without: list[Ints]) -> Ints:
        """Breakpoints of one worker's ratio and points between them, ascending; shape (P, N), breakpoints at even places."""
        count = len(self.budgets)
        me = np.full(count, 1 << i, dtype=np.int64)
        breaks = [np.zeros(count, dtype=np.int64), *(self.ratio[j] for j in others)]
        for prefix in [me, *(p | me for p in without)]:
            worth = self.shape.values[prefix]
            breaks.append(np.where(worth > 0, self.money // np.maximum(worth, 1), 0))
        ordered = np.sort(np.array(breaks), axis=0)
        points = np.empty((2 * len(breaks), count), dtype=np.int64)
        points[::2] = ordered
        # All breakpoints are even, so halves are exact.
        points[1:-1:2] = (ordered[1:] + ordered[:-1]) // 2
        points[-1] = ordered[-1] + 2
        return points

    @staticmethod
    def _fails(points: Ints, wins: Bools, paid: Ints) -> Bools:
        """Whether allocation and payments over the ascending points are not those of one threshold."""
        monotone = ~(wins[1:] & ~wins[:-1]).any(axis=0)
        last = wins.sum(axis=0) - 1
        # At an even place the last win is at the threshold itself, at an odd one in the interval below it.
        threshold_at = np.clip(last + (last % 2), 0, len(points) - 1)
        threshold = np.take_along_axis(points, threshold_at[None, :], axis=0)[0]
        exact = (~wins | (paid == threshold)).all(axis=0)
        bounded = last < len(points) - 1
        return ~(monotone & ((last < 0) | (exact & bounded)))

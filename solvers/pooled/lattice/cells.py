"""Items counted by group, base and multiple: the best sets for weights of two counts, and sets with just such counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..problem import PooledProblem
from ..slopes.change import Alike, exact_change
from .bases import Bases

SHOWN_ITEMS = 4
"""So many items of a cell are shown to a search for exchanges, inside and outside each; so many may come alone."""

ATTEMPTS = 2
"""Searches for exchanges, each among others."""


@dataclass(frozen=True)
class Cells:
    """Cells of items that are alike.

    Attributes
    ----------
    problem : PooledProblem
    cell : ndarray of int, shape (n,)
        In which cell an item is.
    group, kind, times, size : ndarray of int
        Of each cell: its group, base, multiple, and how many items are in it.
    """

    problem: PooledProblem
    cell: NDArray
    group: NDArray
    kind: NDArray
    times: NDArray
    size: NDArray

    @classmethod
    def of(cls, problem: PooledProblem, bases: Bases) -> Cells:
        """Count the items of a problem."""
        most = int(bases.times.max()) + 1
        code = (problem.groups.astype(np.int64) * 2 + bases.kind) * most + bases.times
        sizes = np.bincount(code)
        kept = np.flatnonzero(sizes)
        position = np.zeros(len(sizes), dtype=np.int64)
        position[kept] = np.arange(len(kept))
        return cls(problem, position[code], kept // most // 2, kept // most % 2, kept % most, sizes[kept])

    def counts(self, held: NDArray) -> tuple[int, int]:
        """Return how often both bases are held, of so many items of each cell."""
        one, two = (int((held * self.times)[self.kind == at].sum()) for at in (0, 1))
        return one, two

    def best(self, weights: NDArray) -> NDArray:
        """Return how many of each cell the best set holds that the limits allow, for a weight of the items of each."""
        limits = np.minimum(np.array(self.problem.limits, dtype=np.int64), self.problem.n)
        order = np.lexsort((-weights, self.group))
        size = np.where(weights > 0, self.size, 0)[order]
        begin = np.searchsorted(self.group[order], np.arange(len(limits)))
        before = np.cumsum(size) - size
        before -= np.append(before, 0)[begin][self.group[order]]
        taken = np.zeros_like(self.size)
        taken[order] = np.clip(limits[self.group[order]] - before, 0, size)
        if int(taken.sum()) > self.problem.places:
            order = np.argsort(-weights, kind="stable")
            before = np.cumsum(taken[order]) - taken[order]
            taken[order] = np.clip(self.problem.places - before, 0, taken[order])
        return taken

    def ends(self, first: int, second: int) -> tuple[NDArray, NDArray]:
        """Return the best sets for weights of the two counts: the one with most of the first base, and with most of the second."""
        weights = np.where(self.kind == 0, first, second) * self.times
        tie = np.where(self.kind == 0, self.times, -self.times)
        large = 2 * int(self.times.max()) + 1
        return self.best(weights * large + tie), self.best(weights * large - tie)

    def near(self, ends: tuple[NDArray, NDArray], target: tuple[int, int]) -> NDArray:
        """Return a set between two, some exchanges away from one and the others from the other, whose counts are near a target."""
        one, two = ends
        # Group by group, in each in any order: so that both sides hold items of all sorts.
        rng = np.random.default_rng(self.problem.n)
        leave, enter = (
            cells[np.lexsort((rng.random(len(cells)), self.group[cells]))]
            for cells in (np.repeat(np.arange(len(one)), np.maximum(change, 0)) for change in (two - one, one - two))
        )
        # Where one set is larger, the rest comes or goes alone.
        pairs = max(len(leave), len(enter))
        change = np.zeros((pairs, 2), dtype=np.int64)
        for part, sign in ((leave, -1), (enter, 1)):
            for at in (0, 1):
                change[: len(part), at] += sign * np.where(self.kind[part] == at, self.times[part], 0)
        counts = np.array(self.counts(two)) + np.vstack([np.zeros((1, 2), dtype=np.int64), np.cumsum(change, axis=0)])
        at = int(np.argmin(np.abs(counts - np.array(target)).sum(axis=1)))
        return two - np.bincount(leave[:at], minlength=len(one)) + np.bincount(enter[:at], minlength=len(one))

    def reach(self, held: NDArray, target: tuple[int, int]) -> NDArray | None:
        """Return a set with just the counts of a target, a few exchanges within groups away from one; None if none is found."""
        have = self.counts(held)
        missing = target[0] - have[0], target[1] - have[1]
        # Both counts in one number.
        wide = 16 * int(self.times.max()) + 2 * abs(missing[1]) + 1
        inside, outside = np.minimum(held, SHOWN_ITEMS), np.minimum(self.size - held, SHOWN_ITEMS)
        cells = np.concatenate([np.repeat(np.arange(len(held)), some) for some in (inside, outside)])
        within = np.arange(len(cells)) < int(inside.sum())
        shown = np.where(self.kind == 0, self.times * wide, self.times)[cells]
        used = np.bincount(self.group, weights=held, minlength=len(self.problem.limits)).astype(np.int64).tolist()
        spare = self.problem.places - sum(used) >= SHOWN_ITEMS
        alike = []
        for group, (limit, count) in enumerate(zip(self.problem.limits, used, strict=True)):
            own = self.group[cells] == group
            free = spare and limit - count >= SHOWN_ITEMS
            alike.append(Alike(np.flatnonzero(own & within), np.flatnonzero(own & ~within), free))
        change = missing[0] * wide + missing[1]
        for seed in range(ATTEMPTS):
            flips = exact_change(shown, alike, change, change, np.random.default_rng(seed))
            if flips is not None:
                more = np.where(within[flips], -1, 1)
                return held + np.bincount(cells[flips], weights=more, minlength=len(held)).astype(np.int64)
        return None

    def items(self, held: NDArray) -> NDArray[np.bool_]:
        """Mark the first so many items of each cell."""
        order = np.argsort(self.cell, kind="stable")
        begin = np.cumsum(self.size) - self.size
        chosen = np.zeros(len(self.cell), dtype=bool)
        chosen[order] = np.arange(len(order)) - begin[self.cell[order]] < held[self.cell[order]]
        return chosen

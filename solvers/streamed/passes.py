"""Passes over the files: a sample of rows, and the split of all rows by a guess of the margin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum
from ...models.executors import Pulse
from ...models.procurement.folder import Folder, Rows
from ..control import Control
from ..pooled.reduction import Guess, split_by_margin
from .sizes import Sizes

__all__ = ["RowSplit", "SomeRows", "drawn_rows", "sample_files", "split_files"]


@dataclass(frozen=True)
class SomeRows:
    """Some rows: their numbers, ascending but for a sample, and what they hold."""

    rows: NDArray[np.int64]
    scores: NDArray[np.int64]
    costs: NDArray[np.int64]
    groups: NDArray[np.int64]

    @staticmethod
    def joined(parts: Iterable[SomeRows]) -> SomeRows:
        """Put rows one after the other."""
        held = [(part.rows, part.scores, part.costs, part.groups) for part in parts]
        nothing = [np.zeros(0, dtype=np.int64)]
        return (
            SomeRows(*(np.concatenate([*nothing, *column]) for column in zip(*held, strict=True)))
            if held
            else SomeRows(*nothing * 4)
        )

    @staticmethod
    def of(rows: Rows, index: NDArray) -> SomeRows:
        """Take some rows of a block."""
        return SomeRows(index + rows.begin, rows.scores[index], rows.costs[index], rows.groups[index])

    def take(self, index: NDArray) -> SomeRows:
        """Take some of them."""
        return SomeRows(self.rows[index], self.scores[index], self.costs[index], self.groups[index])

    def __len__(self) -> int:
        return len(self.rows)


@dataclass
class RowSplit:
    """What one pass has decided, for a file or for all.

    Attributes
    ----------
    chosen : list of ndarray of uint8
        For each file, a bit for each row: whether it is taken for granted.
    score, cost, counts
        Of the rows taken, counts by group.
    sizes : ndarray of int
        Rows of each group that a set within the budget could hold.
    band, sample : list of SomeRows
        In parts. No band is kept that is too wide.
    kept : int
        Rows of the band, kept or not.
    most_score, most_cost : int
        The largest of any row that a set within the budget could hold.
    """

    chosen: list[NDArray[np.uint8]]
    score: int
    cost: int
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    band: list[SomeRows]
    sample: list[SomeRows]
    kept: int = 0
    most_score: int = 0
    most_cost: int = 0

    @staticmethod
    def nothing(groups: int) -> RowSplit:
        """The split of no rows."""
        return RowSplit([], 0, 0, np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64), [], [])

    def add(self, other: RowSplit, most: int) -> None:
        """Take in the split of more files; a band of more than `most` rows is not kept."""
        self.chosen += other.chosen
        self.score, self.cost = self.score + other.score, self.cost + other.cost
        self.counts, self.sizes = self.counts + other.counts, self.sizes + other.sizes
        self.sample += other.sample
        self.kept += other.kept
        self.most_score, self.most_cost = max(self.most_score, other.most_score), max(self.most_cost, other.most_cost)
        self.band = [] if self.kept > most else [*self.band, *other.band]


def sample_files(folder: Folder, sizes: Sizes, control: Control, *, affordable: bool = True) -> SomeRows:
    """Draw rows from a few files, spread evenly over all; only such that the budget can pay, or any."""
    filled = [at for at, size in enumerate(folder.sizes) if size]
    # Whole files, not rows of all: a fraction of a pass. Where they are unlike the others, the next guess is from a sample of all.
    picked = sorted({filled[k * len(filled) // sizes.files] for k in range(sizes.files)}) if filled else []
    share = min(1.0, sizes.sample / max(1, sum(folder.sizes[at] for at in picked)))

    parts = folder.each_file(lambda at: partial(_draw, folder, at, affordable, share), control.check, picked)
    return SomeRows.joined(part for found in parts for part in found)


def _draw(folder: Folder, at: int, affordable: bool, share: float, pulse: Pulse) -> list[SomeRows]:
    parts = []
    for rows in folder.blocks(at):
        pulse()
        fits = rows.costs <= folder.budget if affordable else np.ones(len(rows.costs), dtype=bool)
        parts.append(drawn_rows(rows, fits, share))
    return parts


def split_files(folder: Folder, guess: Guess | None, sizes: Sizes, control: Control) -> RowSplit:
    """RowSplit all rows by a guess; without one, all of them are the band."""
    share = min(1.0, sizes.sample / max(1, folder.n))
    total = RowSplit.nothing(len(folder.limits))
    for part in folder.each_file(lambda at: partial(_split, folder, at, guess, sizes.band, share), control.check):
        total.add(part, sizes.band)
    return total


def _split(folder: Folder, at: int, guess: Guess | None, most: int, share: float, pulse: Pulse) -> RowSplit:
    """Split one file; a band of more than `most` rows is not kept."""
    found = RowSplit.nothing(len(folder.limits))
    packed, loose = [], np.zeros(0, dtype=bool)
    for rows in folder.blocks(at):
        pulse()
        # No set within the budget has a row that costs more.
        fits = rows.costs <= folder.budget
        above, band = np.zeros_like(fits), fits
        if guess is not None:
            above, band = split_by_margin(guess, rows.scores, rows.costs, rows.groups, rows.begin)
            above &= fits
            band &= fits
        taken = np.flatnonzero(above)
        # Eight rows are a byte; what is left of a block waits for the next.
        loose = np.concatenate([loose, above])
        whole = len(loose) // 8 * 8
        packed.append(np.packbits(loose[:whole]))
        loose = loose[whole:]
        found.score += exact_sum(rows.scores[taken])
        found.cost += exact_sum(rows.costs[taken])
        found.counts += np.bincount(rows.groups[taken], minlength=len(found.counts))
        found.sizes += np.bincount(rows.groups, fits, len(found.counts)).astype(np.int64)
        found.most_score = max(found.most_score, int(rows.scores.max(where=fits, initial=0)))
        found.most_cost = max(found.most_cost, int(rows.costs.max(where=fits, initial=0)))
        found.sample.append(drawn_rows(rows, fits, share))
        part = SomeRows.of(rows, np.flatnonzero(band))
        found.kept += len(part)
        if found.kept <= most:
            found.band.append(part)
    found.chosen = [np.concatenate([*packed, np.packbits(loose)])]
    return found


def drawn_rows(rows: Rows, fits: NDArray[np.bool_], share: float) -> SomeRows:
    """Draw about a share of a block, the same rows whenever it is read."""
    count = len(rows.scores)
    index = np.arange(count)
    if share < 1:
        # The block's own number seeds it: whoever reads it, in whatever order or process, draws the same rows.
        rng = np.random.default_rng(rows.begin)
        index = np.sort(rng.integers(0, max(1, count), rng.binomial(count, share)))
    return SomeRows.of(rows, index[fits[index]])

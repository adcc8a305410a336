"""DriftPay-CO's critical prefix over files: bracket it and each group's places by a sample, read all rows once, scan what is left open.

The order is by ``(rho_i, i)``, ``rho_i = b_i / v_i``, compared exactly. A bracket is two places in it that the critical worker probably
lies between, and for each group two places in the order by ``(score, row)``: of the workers before the bracket, those below ``floor``
have enough better ones before it, and those at ``roof`` or above have not too many as good even at its end. Both are counted in the
pass, not trusted. Workers before the bracket between floor and roof, and all inside it, are kept, and
:func:`~fedmech.solvers.placement.prefix_scan.prefix_scan` decides among them; where a bracket did not hold, the next comes from a
sample of all rows alike and is wider. What is found is a witness, which :mod:`fedmech.solvers.proofs.folder_outcome` checks in a
pass of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum, python_integers
from ...models.executors import Pulse
from ...models.procurement.folder import LARGEST, Folder
from ..control import Control, Stopped
from ..placement.prefix_scan import prefix_scan
from ..proofs.folder_outcome import RowPlace, Witness
from .passes import SomeRows, drawn_rows, sample_files
from .sizes import Sizes

__all__ = ["find_witness"]

FIRST_WIDTH, WIDER = 4.0, 2.0
"""Standard errors of a sample that the first bracket is wide, and by how much the next one is wider."""

WORD = 1 << 63
BEST, WORST = (LARGEST, -1), (-1, LARGEST)
"""Places in a group's order by score that are better, and worse, than any worker's."""


class Bracket(NamedTuple):
    """Where the critical worker probably lies; no end: nobody is before it, or beyond it. Places of each group: scores, rows."""

    low: RowPlace | None
    high: RowPlace | None
    floor: NDArray[np.int64]
    roof: NDArray[np.int64]


@dataclass
class _OpenRows:
    """What a pass leaves open, and what it counts; the counts of groups are of workers before the bracket unless they say else.

    ``dropped`` are below the floor, ``above`` at it or better; ``taken`` at the roof or better; ``on_top`` at the roof or better and
    before the bracket's end; ``beyond`` counts workers after its end.
    """

    dropped: NDArray[np.int64]
    above: NDArray[np.int64]
    taken: NDArray[np.int64]
    on_top: NDArray[np.int64]
    before: int = 0
    beyond: int = 0
    score: int = 0
    kept: int = 0
    held: list[SomeRows] = field(default_factory=list)
    inside: list[SomeRows] = field(default_factory=list)
    sample: list[SomeRows] = field(default_factory=list)

    @staticmethod
    def nothing(groups: int) -> _OpenRows:
        dropped, above, taken, on_top = np.zeros((4, groups), dtype=np.int64)
        return _OpenRows(dropped, above, taken, on_top)

    def add(self, other: _OpenRows, most: int) -> None:
        """Take in more rows; more than `most` open ones are not kept."""
        for name in ("dropped", "above", "taken", "on_top", "before", "beyond", "score", "kept"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.sample += other.sample
        self.held, self.inside = ([], []) if self.kept > most else (self.held + other.held, self.inside + other.inside)


def find_witness(folder: Folder, control: Control, sizes: Sizes | None = None) -> tuple[Witness, int]:
    """Find the critical prefix and its winners.

    Parameters
    ----------
    folder : Folder
        Whose money are bids, see `Folder.on_bids`.
    control : Control
    sizes : Sizes, optional

    Returns
    -------
    (Witness, int)
        And the number of passes it took.

    Raises
    ------
    Stopped
        If time is up, or no bracket held and the rows are too many to be kept all.
    """
    sizes, sample = (sizes or Sizes()).for_rows(folder.n), None
    everything = Bracket(None, None, *(_places(folder, place) for place in (WORST, BEST)))
    width, first = FIRST_WIDTH, True
    for attempt in range(sizes.attempts + 1):
        bracket, most = everything, sizes.band
        if folder.n <= sizes.direct:
            most = folder.n
        elif attempt < sizes.attempts:
            control.progress(f"attempt {attempt + 1}: a sample")
            sample = sample_files(folder, sizes, control, affordable=False) if sample is None else sample
            bracket = guess_bracket(folder, sample, width)
        elif folder.n > sizes.band:
            break
        left = _OpenRows.nothing(len(folder.limits))
        # Each pass draws the next sample as it goes: another pass would cost as much again.
        share = min(1.0, sizes.sample / max(1, folder.n))
        read = partial(_read_file, folder, bracket, share, most)
        for part in folder.each_file(lambda at, read=read: partial(read, at), control.check):
            left.add(part, most)
        control.progress(f"attempt {attempt + 1}: {left.kept:,} rows are open")
        witness = None if left.kept > most else _scan(folder, bracket, left)
        if witness is not None:
            return witness, attempt + 1
        sample = SomeRows.joined(left.sample)
        # The first sample may have been of other rows than most are; the next one is of all alike.
        width, first = width if first else width * WIDER, False
    raise Stopped("unproved")


def guess_bracket(folder: Folder, sample: SomeRows, width: float) -> Bracket:
    """Solve a sample, limits and budget scaled down alike, and go so many standard errors to each side."""
    sample = sample.take(np.argsort(sample.rows, kind="stable"))
    size, share = len(sample), len(sample) / max(1, folder.n)
    totals = np.rint(np.array(folder.limits) * share)
    small = prefix_scan(
        sample.costs, sample.scores, sample.groups, int(folder.budget * size // folder.n), totals.astype(np.int64)
    )
    ratios = sample.costs / sample.scores
    order = np.argsort(ratios, kind="stable")
    # A rank in a sample is off by about the square root of the sample's size.
    margin = int(width * size**0.5) + 1
    low = None if small.k < margin else RowPlace.of(sample, int(order[small.k - margin]))
    high = None if small.k + margin >= size else RowPlace.of(sample, int(order[small.k + margin]))
    slack = 1.5 * width * np.sqrt(totals) + 3
    ranked = order[np.lexsort((order, -sample.scores[order], sample.groups[order]))]
    position = np.empty(size, dtype=np.int64)
    position[order] = np.arange(size)
    before = ranked[position[ranked] < small.k - margin]
    within = ranked[position[ranked] <= small.k + margin]
    # Some more places than there are, so that nobody below the floor wins; some fewer, so that everybody at the roof does.
    floor = _nth(folder, sample, before, totals + slack, missing=WORST)
    roof = _nth(folder, sample, within, totals - slack, missing=WORST)
    roof[:, totals < slack] = np.array(BEST)[:, None]
    return Bracket(low, high, floor, roof)


def _places(folder: Folder, place: tuple[int, int]) -> NDArray[np.int64]:
    return np.repeat(np.array(place, dtype=np.int64)[:, None], len(folder.limits), axis=1)


def _nth(
    folder: Folder, sample: SomeRows, ranked: NDArray, nth: NDArray, *, missing: tuple[int, int]
) -> NDArray[np.int64]:
    """Return the place of each group's so many-th best, of some rows sorted by group and then from the best."""
    sizes = np.bincount(sample.groups[ranked], minlength=len(nth))
    nth = nth.astype(np.int64).clip(min=0)
    found, enough = _places(folder, missing), nth < sizes
    at = ranked[(np.cumsum(sizes) - sizes + nth)[enough]]
    found[:, enough] = sample.scores[at], sample.rows[at]
    return found


def _read_file(folder: Folder, bracket: Bracket, share: float, most: int, at: int, pulse: Pulse) -> _OpenRows:
    """Decide the rows of one file as far as a bracket decides them."""
    found, groups = _OpenRows.nothing(len(folder.limits)), len(folder.limits)

    def counted(homes: NDArray, which: NDArray) -> NDArray[np.int64]:
        return np.bincount(homes[which], minlength=groups)

    for rows in folder.blocks(at):
        pulse()
        part = SomeRows(np.arange(rows.begin, rows.begin + len(rows.scores)), rows.scores, rows.costs, rows.groups)
        before = np.zeros(len(part), dtype=bool) if bracket.low is None else precedes(part, bracket.low)
        inside = ~before
        if bracket.high is not None:
            inside &= precedes(part, bracket.high) | (part.rows == bracket.high.row)
        above, top = as_good(part, bracket.floor), as_good(part, bracket.roof)
        taken = before & top
        found.before += int(np.count_nonzero(before))
        found.beyond += int(np.count_nonzero(~before & ~inside))
        found.above += counted(part.groups, before & above)
        found.dropped += counted(part.groups, before & ~above & ~top)
        found.taken += counted(part.groups, taken)
        found.on_top += counted(part.groups, top & (before | inside))
        found.score += exact_sum(part.scores[taken])
        found.sample.append(drawn_rows(rows, np.ones(len(part), dtype=bool), share))
        held, open_rows = np.flatnonzero(before & above & ~top), np.flatnonzero(inside)
        found.kept += len(held) + len(open_rows)
        if found.kept <= most:
            found.held.append(part.take(held))
            found.inside.append(part.take(open_rows))
    return found


def precedes(part: SomeRows, place: RowPlace) -> NDArray[np.bool_]:
    """Mark the rows before a place in the order by ``(b_i / v_i, i)``, exactly."""
    bids, scores = part.costs, part.scores
    # Ratios are compared by products: exact, in 64 bits where they fit.
    most = max(int(bids.max(initial=0)) * place.score, int(scores.max(initial=0)) * place.bid)
    if most >= WORD:
        bids, scores = python_integers(bids), python_integers(scores)
    left, right = bids * place.score, scores * place.bid
    return np.asarray((left < right) | ((left == right) & (part.rows < place.row)), dtype=bool)


def as_good(part: SomeRows, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the rows that are at their group's place in the order by score, then row, or better."""
    least, row = places[0][part.groups], places[1][part.groups]
    return (part.scores > least) | ((part.scores == least) & (part.rows <= row))


def _scan(folder: Folder, bracket: Bracket, left: _OpenRows) -> Witness | None:
    """Find the critical worker among the open rows; None if the bracket has not held."""
    limits = np.array(folder.limits, dtype=np.int64)
    if ((left.dropped > 0) & (left.above < limits)).any() or ((left.taken > 0) & (left.on_top > limits)).any():
        return None
    held, inside = SomeRows.joined(left.held), SomeRows.joined(left.inside)
    rows = SomeRows.joined([held, inside])
    order = np.argsort(rows.rows, kind="stable")
    rows, is_inside = rows.take(order), order >= len(held)
    # Who is before the bracket has any lower bid, and a worker of its own group stands for all that are taken already.
    budget = folder.header.total_budget * folder.cost_denominator
    bids = np.where(is_inside, rows.costs, 0)
    bids = [bid * budget.denominator for bid in bids.tolist()] if budget.denominator > 1 else bids
    scores, groups, places = rows.scores, rows.groups, (limits - left.taken).tolist()
    if left.score:
        bids, scores = np.append(bids, 0), np.append(python_integers(scores), left.score)
        scores = scores.astype(np.int64) if left.score < LARGEST else scores
        groups, places = np.append(groups, len(limits)), [*places, 1]
    scan = prefix_scan(bids, scores, groups, budget.numerator, places)
    prefix = scan.prefix[: len(rows)] & is_inside
    beyond = scan.critical < 0 and left.beyond > 0
    if beyond or (left.before > 0 and not prefix.any()):
        return None
    winners = scan.winners[scan.winners < len(rows)]
    places = np.where(left.taken > 0, bracket.roof, _places(folder, BEST))
    return Witness(
        _last(rows.take(np.flatnonzero(prefix))),
        None if scan.critical < 0 else RowPlace.of(rows, scan.critical),
        _lowest(rows.take(winners), places),
    )


def _last(rows: SomeRows) -> RowPlace | None:
    """Return the last of some rows in the order."""
    if not len(rows):
        return None
    place = RowPlace.of(rows, int(np.argmax(rows.costs / rows.scores)))
    while len(later := np.flatnonzero(~precedes(rows, place) & (rows.rows != place.row))):
        place = RowPlace.of(rows, int(later[-1]))
    return place


def _lowest(rows: SomeRows, places: NDArray[np.int64]) -> list[tuple[int, int] | None]:
    """Return the place of the worst winner of each group, given some of them and a place that the others are not below."""
    order = np.lexsort((rows.rows, -rows.scores, rows.groups))
    ends = np.searchsorted(rows.groups[order], np.arange(places.shape[1]), side="right")
    counts = np.bincount(rows.groups, minlength=places.shape[1])

    def lowest() -> Iterator[tuple[int, int] | None]:
        for (score, row), end, count in zip(places.T.tolist(), ends.tolist(), counts.tolist(), strict=True):
            if count:
                worst = order[end - 1]
                score, row = min((score, -row), (int(rows.scores[worst]), -int(rows.rows[worst])))
                row = -row
            yield None if (score, row) == BEST else (score, row)

    return list(lowest())

"""The search over files: guess, split, solve the band, have it checked, and again with a better guess."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum, integer_array, linear_combination
from ...models.procurement.folder import Folder
from ..control import STEP_SECONDS, Control, Stopped, StopReason, why_interrupted
from ..pooled import PooledProblem, solve_pooled
from ..pooled.leaf_multipliers import LeafMultipliers
from ..pooled.reduction import Guess, guess_from_sample
from ..proofs.proof import ProofError, proof_document
from ..proofs.streamed import MOST_LEAVES, MOST_REST, CheckedFolder, check_folder, rest_market
from ..solution import Exactness, Status
from ..solve import solve
from .passes import RowSplit, SomeRows, sample_files, split_files
from .sizes import Sizes

__all__ = ["StreamedSolution", "solve_folder"]

FIRST_WIDTH, WIDER = 2.0, 4.0
"""How wide the first band is, in terms of what sampling can be off by, and by how much the next one is wider."""

RESERVE = 1.5
"""Times what the split has taken, so much of a time limit is kept for the check, which reads the files again."""


@dataclass(frozen=True)
class StreamedSolution:
    """An answer whose point and bound a checker has found in a pass over all rows.

    Attributes
    ----------
    folder : Folder
    status : {'optimal', 'feasible', 'none'}
        Whether the point meets the bound; ``none``: time was up before there was a point.
    stopped : str
        Why the search ended.
    value, bound, cost : Fraction or None
        In the file's units.
    chosen : list of ndarray of uint8
        For each file, a bit for each row.
    counts : list of int
        Workers hired of each group.
    leaves : list
        What proves the bound, see :mod:`fedmech.solvers.proofs.streamed`.
    seconds, search_seconds, check_seconds : float
    details : mapping
        Figures about the search, for reading only.
    exactness : {'checked', 'unchecked'}
        ``unchecked``: time was up before the check, value and bound are the search's own. Such a point is never called optimal.
    refused : str or None
        Why the checker refused what the search found: a defect of this package. That point is not returned.
    """

    folder: Folder
    status: Status
    stopped: StopReason
    value: Fraction | None = None
    bound: Fraction | None = None
    cost: Fraction | None = None
    chosen: list[NDArray[np.uint8]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    leaves: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    search_seconds: float = 0.0
    check_seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)
    exactness: Exactness = "checked"
    refused: str | None = None


@dataclass
class _BestSoFar:
    """The best point so far, and the least bound."""

    point: list[NDArray[np.uint8]] | None = None
    found: CheckedFolder | None = None
    bound: int | None = None
    leaves: list[Mapping[str, Any]] = field(default_factory=list)
    claim: CheckedFolder | None = None
    """What the search itself says of a point that is not checked yet."""

    @property
    def closed(self) -> bool:
        return self.found is not None and self.found.value == self.bound

    def take(self, point: list[NDArray[np.uint8]], found: CheckedFolder, leaves: list[Mapping[str, Any]]) -> None:
        if self.found is None or found.value > self.found.value:
            self.point, self.found = point, found
        if self.bound is None or found.bound < self.bound:
            self.bound, self.leaves = found.bound, leaves


def solve_folder(folder: Folder, control: Control | None = None, sizes: Sizes | None = None) -> StreamedSolution:
    """Solve OPT over a folder, and have point and bound checked.

    Parameters
    ----------
    folder : Folder
        No seat limit may bind.
    control : Control, optional
        When time is up the best point and the least bound so far are the answer.
    sizes : Sizes, optional
        How many rows are looked at and kept.

    Raises
    ------
    InputError
        For rows that are no workers of the market.
    """
    control, sizes = control or Control(), (sizes or Sizes()).for_rows(folder.n)
    started, best = time.perf_counter(), _BestSoFar()
    spent: dict[str, float] = {"check": 0.0}
    stopped: StopReason = "unproved"
    details: dict[str, Any] = {}
    refused: str | None = None
    try:
        _search(folder, control, sizes, best, spent, details)
    except ProofError as error:
        refused, best.claim = f"proof refused: {error}", None
    except Stopped as end:
        stopped = end.reason
    except KeyboardInterrupt as stop:
        stopped = why_interrupted(stop)
    seconds = time.perf_counter() - started
    return replace(
        _answer(folder, best, stopped),
        seconds=seconds,
        search_seconds=seconds - spent["check"],
        check_seconds=spent["check"],
        details=details,
        refused=refused,
    )


def _answer(folder: Folder, best: _BestSoFar, stopped: StopReason) -> StreamedSolution:
    found = best.found or best.claim
    if found is None or best.point is None:
        return StreamedSolution(folder, "none", stopped, exactness="unchecked")
    bound = found.bound if best.bound is None else best.bound
    return StreamedSolution(
        folder,
        "optimal" if best.closed else "feasible",
        "proved" if best.closed else stopped,
        Fraction(found.value, folder.score_denominator),
        Fraction(bound, folder.score_denominator),
        Fraction(found.cost, folder.cost_denominator),
        best.point,
        found.counts,
        best.leaves,
        exactness="checked" if best.found is not None else "unchecked",
    )


def _search(
    folder: Folder, control: Control, sizes: Sizes, best: _BestSoFar, spent: dict[str, float], details: dict[str, Any]
) -> None:
    sample, totals, width = None, None, FIRST_WIDTH
    for attempt in range(sizes.attempts + 1):
        everything = folder.n <= sizes.direct or (attempt == sizes.attempts and folder.n <= MOST_REST)
        if attempt == sizes.attempts and not everything:
            break
        guess = None
        if not everything:
            control.progress(f"attempt {attempt + 1}: a sample")
            sample = sample_files(folder, sizes, control) if sample is None else sample
            part = PooledProblem.of(sample.scores, sample.costs, sample.groups, folder.limits, folder.budget)
            # Without a row that anybody could afford there is nothing to guess from.
            guess = guess_from_sample(part, sample.rows, folder.n, totals, width) if len(sample) else None
        begun = time.perf_counter()
        split = split_files(folder, guess, _holding_all(sizes, folder) if everything else sizes, control)
        left, spare = control.remaining(), RESERVE * (time.perf_counter() - begun)
        # The check reads all rows too; without its time there would be a point that nobody may call optimal.
        hurried = control if left is None else control.capped(max(0.0, left - spare))
        first, sample, totals = totals is None, SomeRows.joined(split.sample), split.sizes
        details |= {"attempts": attempt + 1, "band": split.kept}
        control.progress(f"attempt {attempt + 1}: {split.kept:,} rows in the band")
        limits = [limit - int(count) for limit, count in zip(folder.limits, split.counts, strict=True)]
        budget = folder.budget - split.cost
        if budget >= 0 and min(limits, default=0) >= 0 and (split.kept <= sizes.band or everything):
            band = SomeRows.joined(split.band)
            if everything:
                chosen, leaves = _whole(folder, band, hurried)
            else:
                chosen, leaves = _band(folder, split, band, limits, budget, hurried)
            _mark(folder, split.chosen, band.rows[chosen])
            # Should time run out before the check, this is what the answer is: never called optimal, with a bound from totals alone.
            if best.found is None:
                bound = _bound_of_guess(folder, split, band, guess)
                if everything and "rest" in leaves[0]:
                    bound = min(bound, leaves[0]["rest"]["bound"])
                best.point, best.claim = split.chosen, _claimed(split, band, chosen, bound)
            begun = time.perf_counter()
            found = check_folder(folder, split.chosen, leaves, control.check)
            spent["check"] += time.perf_counter() - begun
            best.take(split.chosen, found, leaves)
            if best.closed or everything:
                break
        # The first sample may have been of other rows than most are; the next one is of all alike.
        width = width if first else width * WIDER


def _holding_all(sizes: Sizes, folder: Folder) -> Sizes:
    return Sizes(sizes.direct, 0, 0, folder.n, sizes.attempts)


def _claimed(split: RowSplit, band: SomeRows, chosen: NDArray, bound: int) -> CheckedFolder:
    """Say what a point is worth by the totals of the search."""
    counts = split.counts + np.bincount(band.groups[chosen], minlength=len(split.counts))
    value, cost = split.score + exact_sum(band.scores[chosen]), split.cost + exact_sum(band.costs[chosen])
    return CheckedFolder(value, cost, counts.tolist(), max(value, bound), [])


def _bound_of_guess(folder: Folder, split: RowSplit, band: SomeRows, guess: Guess | None) -> int:
    """Return what no set exceeds, from totals alone: the dual bound at the prices of the guess.

    Reduced values outside the band have the sign that the split gave them, but for its noise and for the rounding of the largest
    terms; both are added for every row, and for the sum over the band.
    """
    price = 0.0 if guess is None else guess.price
    offsets = np.zeros(len(folder.limits)) if guess is None else guess.offsets
    reduced = band.scores - price * band.costs - offsets[band.groups]
    gains = Fraction(float(reduced.sum(where=reduced > 0)))
    largest = split.most_score + Fraction(price) * split.most_cost + Fraction(float(offsets.max(initial=0.0)))
    noise = Fraction(0 if guess is None else guess.tilt)
    bound = split.score + Fraction(price) * (folder.budget - split.cost) + gains
    bound += folder.n * (noise + largest / 2**50) + gains / 2**40
    for offset, limit, count in zip(offsets.tolist(), folder.limits, split.counts.tolist(), strict=True):
        bound += Fraction(offset) * (limit - count)
    return math.floor(bound)


def _band(
    folder: Folder, split: RowSplit, band: SomeRows, limits: list[int], budget: int, control: Control
) -> tuple[NDArray, list[Mapping[str, Any]]]:
    """Solve the band; return which of its rows are chosen, and the leaves over all rows."""
    problem = PooledProblem.of(band.scores, band.costs, band.groups, limits, budget)
    result = solve_pooled(problem, control.capped(STEP_SECONDS), by_slope=False)
    value = split.score + result.value
    fixed, places = int(split.counts.sum()), sum(folder.limits)
    leaves = []
    for m in result.leaves:
        low = 0 if m is result.leaves[0] and m.count >= 0 else m.low + fixed
        high = max(places, m.high + fixed) if m is result.leaves[-1] and m.count <= 0 else m.high + fixed
        leaf = LeafMultipliers(low, high, m.scale, m.price, m.count, m.limits)
        leaves.append(_leaf(folder, split, band, leaf, value, control))
    return result.chosen, leaves if 0 < len(leaves) <= MOST_LEAVES else [_open_leaf(folder)]


def _leaf(
    folder: Folder, split: RowSplit, band: SomeRows, m: LeafMultipliers, value: int, control: Control
) -> Mapping[str, Any]:
    """Return a leaf of the proof; one that has a gap with the rest that it leaves open."""
    leaf = {
        "low": m.low,
        "high": m.high,
        "scale": m.scale,
        "price": m.price,
        "count": m.count,
        "places": list(m.limits),
    }
    offsets = [mu + m.count for mu in m.limits]
    shift = integer_array(offsets)[band.groups]
    reduced = linear_combination((m.scale, band.scores), (-m.price, band.costs), (-1, shift))
    bound = m.constant(folder.budget, folder.limits) + m.scale * split.score - m.price * split.cost
    bound -= sum(x * k for x, k in zip(offsets, split.counts.tolist(), strict=True))
    bound += exact_sum(reduced[np.asarray(reduced > 0, dtype=bool)])
    # Rows that are decided otherwise in a better set lose no more than this; only those go into the rest.
    width = bound - m.scale * (value + 1)
    if width < 0:
        return leaf
    sure = np.asarray(reduced > width, dtype=bool)
    kept = np.flatnonzero(np.asarray(reduced >= -width, dtype=bool) & ~sure)
    if len(kept) > MOST_REST:
        return leaf
    counts = split.counts + np.bincount(band.groups[sure], minlength=len(offsets))
    limits = [limit - int(count) for limit, count in zip(folder.limits, counts, strict=True)]
    budget = folder.budget - split.cost - exact_sum(band.costs[sure])
    rest: Mapping[str, Any] | None = {"kind": "tree", "bound": 0, "body": {}}
    if budget >= 0 and min(limits, default=0) >= 0:
        rest = _rest(band, kept, limits, budget, control)[1]
    return leaf if rest is None else {**leaf, "width": width, "rest": rest}


def _whole(folder: Folder, rows: SomeRows, control: Control) -> tuple[NDArray, list[Mapping[str, Any]]]:
    """Solve all rows in memory: one leaf, whose rest they are."""
    chosen, rest = _rest(rows, np.arange(len(rows)), list(folder.limits), folder.budget, control)
    leaf = _open_leaf(folder)
    return chosen, [leaf if rest is None else {**leaf, "width": None, "rest": rest}]


def _rest(
    columns: SomeRows, index: NDArray, limits: list[int], budget: int, control: Control
) -> tuple[NDArray, Mapping[str, Any] | None]:
    """Solve the market of some rows; return which of them are chosen, and the proof of its bound if there is one."""
    market = rest_market(columns.scores[index], columns.costs[index], columns.groups[index], limits, budget)
    seconds = control.capped(STEP_SECONDS).remaining()
    solution = solve(market, "opt", time_limit=seconds, allow_suboptimal=True, report=control.report)
    chosen = np.zeros(len(index), dtype=bool)
    if solution.assignment is not None:
        chosen = solution.assignment >= 0
    if solution.proof is None:
        return chosen, None
    written = proof_document(solution.proof)
    return chosen, {name: written[name] for name in ("kind", "bound", "body")}


def _open_leaf(folder: Folder) -> Mapping[str, Any]:
    """The leaf that prices nothing: everybody together is worth no less."""
    groups = len(folder.limits)
    return {"low": 0, "high": sum(folder.limits), "scale": 1, "price": 0, "count": 0, "places": [0] * groups}


def _mark(folder: Folder, chosen: list[NDArray[np.uint8]], rows: NDArray[np.int64]) -> None:
    """Set the bits of some rows."""
    homes = np.searchsorted(folder.starts, rows, side="right") - 1
    ends = np.searchsorted(homes, np.arange(len(folder.files) + 1))
    for at, bits in enumerate(chosen):
        local = rows[ends[at] : ends[at + 1]] - folder.starts[at]
        np.bitwise_or.at(bits, local >> 3, (128 >> (local & 7)).astype(np.uint8))

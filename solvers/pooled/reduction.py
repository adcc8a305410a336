"""Large problems: keep the items near the margin, decide the others by a guess.

A dual of a random sample gives a price of money and a threshold per group; items far above their threshold are taken,
items far below dropped, and the band between is kept, wide enough for what sampling can be off by.  This proves
nothing: the answer is audited over all items afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum
from .dual import Grouped, minimise
from .passes import compiled
from .problem import CHUNK_ITEMS, PooledProblem
from .relaxation import Taken

RUNNERS_UP = 1500
"""So many items that are no ties join a band of ties."""

SPREAD = 3.5
"""Times the square root of its size, so many items of a sample may lie on the wrong side of a threshold guessed from it."""

NOISE_BITS = 24
"""Noise that breaks ties repeats after two to the power of this many items."""


@dataclass(frozen=True)
class Guess:
    """Where the margin is: a price of money, a threshold per group, the strength of the noise, half the width in each group."""

    price: float
    offsets: NDArray[np.float64]
    tilt: float
    halves: NDArray[np.float64]


@dataclass(frozen=True)
class Reduced:
    """A problem cut down to its margin.

    Attributes
    ----------
    margin : PooledProblem
        The problem on the margin's items, with what is left of the limits and the budget.
    inside : ndarray of int
        These items, ascending.
    fixed : Taken
        The items taken for granted.
    guess : Guess or None
        What it was based on.
    """

    margin: PooledProblem
    inside: NDArray[np.int64]
    fixed: Taken
    guess: Guess | None


def reduce(problem: PooledProblem, guess: Guess) -> Reduced | None:
    """Keep the items near the margin.

    Parameters
    ----------
    problem : PooledProblem
    guess : Guess

    Returns
    -------
    Reduced or None
        None if the guess was too far off.
    """
    n, level = problem.n, len(problem.limits)
    price, offsets, tilt, halves = guess.price, guess.offsets, guess.tilt, guess.halves
    kernels = compiled(problem)
    counts = np.zeros(level, dtype=np.int64)
    if kernels is not None:
        fixed, band = np.empty(n, dtype=bool), np.empty(n, dtype=np.int64)
        found, score, cost = kernels[0](
            problem.scores, problem.costs, problem.groups, price, offsets, tilt, halves, fixed, band, counts
        )
        inside = band[:found].copy()
    else:
        fixed, inside, score, cost = _classify(problem, guess, counts)
    if tilt:
        # All of the band may be equally good: let it have some that are nearly as good, of other scores and costs.
        others = np.setdiff1d(_runners_up(problem, guess), inside, assume_unique=True)
        held = others[fixed[others]]
        fixed[held] = False
        counts -= np.bincount(problem.groups[held], minlength=level)
        score, cost = score - exact_sum(problem.scores[held]), cost - exact_sum(problem.costs[held])
        inside = np.union1d(inside, others)
    limits = [int(k) - int(c) for k, c in zip(problem.limits, counts, strict=True)]
    budget = problem.budget - cost
    if min(limits, default=0) < 0 or budget < 0 or int(counts.sum()) > problem.places:
        return None
    margin = problem.take(inside, tuple(limits), budget, int(counts.sum()))
    return Reduced(margin, inside, Taken(fixed, score, cost, counts.tolist()), guess)


def _runners_up(problem: PooledProblem, guess: Guess) -> NDArray:
    """Return items of a random sample that are close to the margin without being ties."""
    index = np.unique(np.random.default_rng(1).integers(0, problem.n, min(problem.n, 20_000)))
    worth = problem.scores[index].astype(np.float64) - guess.price * problem.costs[index].astype(np.float64)
    distance = np.abs(worth - guess.offsets[problem.groups[index]])
    near = np.flatnonzero(distance > 1e-4)
    if len(near) > RUNNERS_UP:
        near = near[np.argpartition(distance[near], RUNNERS_UP)[:RUNNERS_UP]]
    return np.sort(index[near])


def _classify(problem: PooledProblem, guess: Guess, counts: NDArray):
    """Do what :func:`.passes.classify` does, a chunk at a time."""
    fixed = np.zeros(problem.n, dtype=bool)
    bands = []
    cost = score = 0
    for begin in range(0, problem.n, CHUNK_ITEMS):
        part = slice(begin, begin + CHUNK_ITEMS)
        groups, costs, scores = problem.groups[part], problem.costs[part], problem.scores[part]
        above, band = split_by_margin(guess, scores, costs, groups, begin)
        bands.append(np.flatnonzero(band) + begin)
        fixed[part] = above
        taken = np.flatnonzero(above)
        counts += np.bincount(groups[taken], minlength=len(counts))
        cost += exact_sum(costs[taken])
        score += exact_sum(scores[taken])
    return fixed, np.concatenate(bands), score, cost


def split_by_margin(
    guess: Guess, scores: NDArray, costs: NDArray, groups: NDArray, begin: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark the items above the margin, and those in it; `begin` is the number of the first, for the noise."""
    worth = costs.astype(np.float64)
    worth *= -guess.price
    worth += scores.astype(np.float64, copy=False)
    worth -= guess.offsets[groups]
    if guess.tilt:
        worth += guess.tilt * scatter_noise(np.arange(begin, begin + len(worth)))
    halves = guess.halves[groups]
    above = worth > halves
    return above, (worth >= -halves) & ~above


def scatter_noise(rows: NDArray) -> NDArray[np.float64]:
    """Deterministic noise in (0, 1] for the items of these numbers."""
    index = rows.astype(np.uint64)
    index *= np.uint64(2654435761)
    index &= np.uint64((1 << NOISE_BITS) - 1)
    noise = index.astype(np.float64)
    noise += 1.0
    noise *= 1.0 / (1 << NOISE_BITS)
    return noise


def sampled_guess(problem: PooledProblem, width: float) -> Guess:
    """Guess the margin from the dual of a random sample; `width` multiplies what sampling can be off by."""
    n = problem.n
    # The band is some n / sqrt(size) items: with this size neither the sample nor the band grows as fast as n.
    size = max(1, min(n // 4, max(1 << 14, int(n**0.75))))
    sample = np.sort(np.random.default_rng(n).integers(0, n, size))
    totals = np.bincount(problem.groups, minlength=len(problem.limits))
    return guess_from_sample(problem.take(sample, problem.limits, problem.budget), sample, n, totals, width)


def guess_from_sample(
    part: PooledProblem, rows: NDArray[np.int64], n: int, totals: NDArray | None, width: float
) -> Guess:
    """Guess the margin of a whole from the dual of a sample of it.

    Parameters
    ----------
    part : PooledProblem
        The sampled items, with the limits and the budget of the whole.
    rows : ndarray of int
        Their numbers in the whole.
    n : int
        Items of the whole.
    totals : ndarray of int, or None
        How many of each group; None: nobody has counted.
    width : float
        Multiplies what sampling can be off by.
    """
    level = len(part.limits)
    sizes = np.bincount(part.groups, minlength=level)
    share = sizes / np.maximum(totals, 1) if totals is not None else np.full(level, len(rows) / n)
    limits = tuple(round(k * s) for k, s in zip(part.limits, share.tolist(), strict=True))
    budget = int(part.budget * len(rows) // n)
    places = part.places
    part = PooledProblem(part.scores, part.costs, part.groups, limits, budget)
    items = Grouped.of(part)
    low, high = 0, min(sum(limits), round(places * len(rows) / n))
    # The guess is audited: a dozen steps are near enough.
    price = float(minimise(items, budget, low, high, iterations=12).price)
    worth = items.scores - price * items.costs
    offsets = _thresholds(items, worth, limits, high)
    halves = _halves(items, np.abs(worth - offsets[items.groups]), width)
    scale = float(np.max(items.scores)) or 1.0
    tilt = 0.0
    if float(np.median(halves[items.groups])) <= 1e-9 * scale:
        # Scores proportional to costs, or few distinct numbers: decide among equals by noise.
        tilt = 1e-3
        noise = tilt * scatter_noise(rows)[items.order]
        price = float(minimise(items, budget, low, high, noise=noise, iterations=16).price)
        worth = items.scores + noise - price * items.costs
        offsets = _thresholds(items, worth, limits, high)
        halves = _halves(items, np.abs(worth - offsets[items.groups]), width)
    return Guess(price, offsets, tilt, halves)


def _halves(items: Grouped, distance: NDArray, width: float) -> NDArray[np.float64]:
    """Half the width of the margin in each group.

    The price is off by what a sample of all items can be off by, a group's threshold by what its own part of the sample can: the
    first makes a least width for all, the second is wider where a group is small.
    """
    halves = np.full(len(items.start) - 1, np.inf)
    least = float(np.quantile(distance, min(1.0, width * SPREAD / len(distance) ** 0.5)))
    for group, (begin, end) in enumerate(zip(items.start[:-1].tolist(), items.start[1:].tolist(), strict=True)):
        share = width * SPREAD / max(1, end - begin) ** 0.5
        # A group of which so few are known is kept whole.
        if share < 1:
            halves[group] = max(least, float(np.quantile(distance[begin:end], share)))
    return halves


def _thresholds(items: Grouped, worth: NDArray, limits: tuple[int, ...], high: int) -> NDArray[np.float64]:
    """What an item has to be worth to find a place in its group, and among all."""
    offsets = np.zeros(len(limits))
    for group, limit in enumerate(limits):
        part = worth[items.start[group] : items.start[group + 1]]
        if 0 < limit < len(part):
            offsets[group] = max(0.0, float(np.partition(part, len(part) - limit)[len(part) - limit]))
        elif limit <= 0 and len(part):
            # No places: a threshold that nobody exceeds.
            offsets[group] = max(0.0, float(part.max()))
    inside = worth[worth > offsets[items.groups]]
    if 0 < high < len(inside):
        offsets = np.maximum(offsets, np.partition(inside, len(inside) - high)[len(inside) - high])
    return offsets

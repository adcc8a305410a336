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


@dataclass(frozen=True)
class Guess:
    """Where the margin is: a price of money, a threshold per group, the strength of the noise, half the width."""

    price: float
    offsets: NDArray[np.float64]
    tilt: float
    half: float


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
    price, offsets, tilt, half = guess.price, guess.offsets, guess.tilt, guess.half
    kernels = compiled(problem)
    counts = np.zeros(level, dtype=np.int64)
    if kernels is not None:
        fixed, band = np.empty(n, dtype=bool), np.empty(n, dtype=np.int64)
        found, score, cost = kernels[0](
            problem.scores, problem.costs, problem.groups, price, offsets, tilt, half, fixed, band, counts
        )
        inside = band[:found].copy()
    else:
        fixed, inside, score, cost = _classify(problem, price, offsets, tilt, half, counts)
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


def _classify(problem: PooledProblem, price: float, offsets: NDArray, tilt: float, half: float, counts: NDArray):
    """Do what :func:`.passes.classify` does, a chunk at a time."""
    fixed = np.zeros(problem.n, dtype=bool)
    bands = []
    cost = score = 0
    for begin in range(0, problem.n, CHUNK_ITEMS):
        part = slice(begin, begin + CHUNK_ITEMS)
        groups, costs, scores = problem.groups[part], problem.costs[part], problem.scores[part]
        worth = costs.astype(np.float64)
        worth *= -price
        worth += scores.astype(np.float64, copy=False)
        worth -= offsets[groups]
        if tilt:
            worth += tilt * scatter_noise(begin, len(worth))
        above = worth > half
        band = np.flatnonzero((worth >= -half) & ~above)
        bands.append(band + begin)
        fixed[part] = above
        taken = np.flatnonzero(above)
        counts += np.bincount(groups[taken], minlength=len(counts))
        cost += exact_sum(costs[taken])
        score += exact_sum(scores[taken])
    return fixed, np.concatenate(bands), score, cost


def scatter_noise(begin: int, count: int) -> NDArray[np.float64]:
    """Deterministic noise in (0, 1] for the items ``begin .. begin + count - 1``."""
    index = np.arange(begin, begin + count, dtype=np.uint64)
    index *= np.uint64(2654435761)
    index &= np.uint64((1 << 24) - 1)
    noise = index.astype(np.float64)
    noise += 1.0
    noise *= 1.0 / (1 << 24)
    return noise


def sampled_guess(problem: PooledProblem, width: float) -> Guess:
    """Guess the margin from the dual of a random sample; `width` multiplies what sampling can be off by."""
    n = problem.n
    size = max(1, min(n // 4, max(1 << 14, int(n**0.75))))
    sample = np.sort(np.random.default_rng(n).integers(0, n, size))
    level = len(problem.limits)
    part = problem.take(sample, (), 0)
    sizes = np.bincount(part.groups, minlength=level)
    totals = np.bincount(problem.groups, minlength=level)
    share = sizes / np.maximum(totals, 1)
    limits = tuple(round(k * s) for k, s in zip(problem.limits, share.tolist(), strict=True))
    budget = int(problem.budget * len(sample) // problem.n)
    part = PooledProblem(part.scores, part.costs, part.groups, limits, budget)
    items = Grouped.of(part)
    low, high = 0, min(sum(limits), round(problem.places * len(sample) / n))
    price = float(minimise(items, budget, low, high, iterations=12).price)
    worth = items.scores - price * items.costs
    offsets = _thresholds(items, worth, limits, high)
    distance = np.abs(worth - offsets[items.groups])
    share = min(0.5, width * 3.5 * (level / len(sample)) ** 0.5)
    half = float(np.quantile(distance, share))
    scale = float(np.max(items.scores)) or 1.0
    tilt = 0.0
    if half <= 1e-9 * scale:
        # Scores proportional to costs, or few distinct numbers: decide among equals by noise.
        tilt = 1e-3
        noise = tilt * ((sample.astype(np.uint64) * np.uint64(2654435761) & np.uint64((1 << 24) - 1)) + 1.0) / (1 << 24)
        noise = noise[items.order]
        price = float(minimise(items, budget, low, high, noise=noise, iterations=16).price)
        worth = items.scores + noise - price * items.costs
        offsets = _thresholds(items, worth, limits, high)
        half = float(np.quantile(np.abs(worth - offsets[items.groups]), share))
    return Guess(price, offsets, tilt, half)


def _thresholds(items: Grouped, worth: NDArray, limits: tuple[int, ...], high: int) -> NDArray[np.float64]:
    """What an item has to be worth to find a place in its group, and among all."""
    offsets = np.zeros(len(limits))
    for group, limit in enumerate(limits):
        part = worth[items.start[group] : items.start[group + 1]]
        if 0 < limit < len(part):
            offsets[group] = max(0.0, float(np.partition(part, len(part) - limit)[len(part) - limit]))
        elif limit <= 0 and len(part):
            offsets[group] = max(0.0, float(part.max()))
    inside = worth[worth > offsets[items.groups]]
    if 0 < high < len(inside):
        offsets = np.maximum(offsets, np.partition(inside, len(inside) - high)[len(inside) - high])
    return offsets

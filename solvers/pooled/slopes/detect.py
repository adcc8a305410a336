"""Whether scores follow costs: one slope, and few numbers that are added to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ....models.exact import INT64_SAFE, python_integers, rounded
from ..problem import CHUNK_ITEMS, PooledProblem
from .change import SIDE_ITEMS

LEAST_ITEMS = 8
"""Smaller problems are left to enumeration, which is as quick as looking for a slope."""

SLOPE_ITEMS = 16
"""So many items propose a slope by their pairs."""

SLOPE_SHARE = 8
"""A slope has at least one vote in so many: with three classes of one size a pair in three is of one class."""

LIMIT_SLACK = 1.1
"""Where so many times more of a group would be chosen than it may have, its limit binds and others are asked."""

SLOPE_SAMPLE = 256
"""So many items have to agree before all are asked."""

MOST_CLASSES = 3
"""Classes that the rest of the folder can count: two, and one that is worth its cost and nothing more."""


@dataclass(frozen=True)
class Slope:
    """``scale * v_i = price * c_i + offset`` with one of few offsets for each item."""

    price: int
    scale: int

    def offsets(self, scores: NDArray, costs: NDArray) -> NDArray:
        """Return ``scale * v - price * c``, exactly."""
        return self.scale * scores - self.price * costs


def find_slope(problem: PooledProblem) -> tuple[Slope, NDArray, NDArray | None, bool] | None:
    """Find the slope on which all items lie but for few offsets; None too where there is one and a sample shows that limits bind.

    Returns
    -------
    slope : Slope
    offsets : ndarray
        The different ones, ascending.
    classes : ndarray of int8, or None
        The position of each item's in `offsets`; None if there is but one.
    limited : bool
        Whether limits bind.
    """
    n = problem.n
    if n < LEAST_ITEMS:
        return None
    rng = np.random.default_rng(n)
    few = rng.permutation(n)[:SLOPE_ITEMS] if n <= SLOPE_SAMPLE else rng.integers(0, n, SLOPE_ITEMS)
    slope = _likely(problem.scores[few].tolist(), problem.costs[few].tolist())
    if slope is None:
        return None
    more = np.arange(n) if n <= SLOPE_SAMPLE else rng.integers(0, n, SLOPE_SAMPLE)
    scores, costs = problem.scores, problem.costs
    if slope.scale * int(scores.max()) + slope.price * int(costs.max()) >= INT64_SAFE:
        scores, costs = python_integers(scores), python_integers(costs)
    offsets = np.unique(slope.offsets(scores[more], costs[more]))
    dear = bool(offsets[-1] < 0)
    if len(offsets) > MOST_CLASSES:
        return None
    limited = limits_bind(problem, lambda p: p.costs if dear else -p.costs)
    if limited and len(offsets) == 1:
        return None
    classes = np.empty(n, dtype=np.int8) if len(offsets) > 1 else None
    return (slope, offsets, classes, limited) if _classified(slope, offsets, scores, costs, classes) else None


def limits_bind(problem: PooledProblem, worth: Callable[[PooledProblem], NDArray]) -> bool:
    """Whether a sample shows that some group would have more than its limit allows if items were taken by their worth."""
    n = problem.n
    sample = np.arange(n) if n <= SIDE_ITEMS else np.random.default_rng(n).integers(0, n, SIDE_ITEMS)
    some = problem.take(sample, problem.limits, problem.budget)
    order = np.argsort(-worth(some), kind="stable")
    costs, shift = rounded(some.costs)
    share = n / len(sample)
    held = order[: np.searchsorted(np.cumsum(costs[order]) * share, float(problem.budget >> shift))]
    counts = np.bincount(some.groups[held], minlength=len(problem.limits)) * share
    return any(count > LIMIT_SLACK * limit + 1 for count, limit in zip(counts.tolist(), problem.limits, strict=True))


def _likely(scores: list[int], costs: list[int]) -> Slope | None:
    """Return the slope of most pairs, if it is positive and as frequent as few classes make it."""
    votes: Counter[tuple[int, int]] = Counter()
    pairs = 0
    for (v, c), (w, d) in combinations(zip(scores, costs, strict=True), 2):
        if c != d and v != w:
            common = gcd(v - w, c - d) if c > d else -gcd(v - w, c - d)
            votes[(v - w) // common, (c - d) // common] += 1
        pairs += c != d
    if not votes:
        return None
    (price, scale), most = votes.most_common(1)[0]
    return Slope(price, scale) if price > 0 and SLOPE_SHARE * most >= pairs else None


def _classified(slope: Slope, offsets: NDArray, scores: NDArray, costs: NDArray, classes: NDArray | None) -> bool:
    """Ask all items, and write down the class of each; False if one has another offset."""
    for begin in range(0, len(scores), CHUNK_ITEMS):
        part = slice(begin, begin + CHUNK_ITEMS)
        own = slope.offsets(scores[part], costs[part])
        if classes is None:
            if not np.all(own == offsets[0]):
                return False
            continue
        at = np.searchsorted(offsets, own)
        at[at == len(offsets)] = 0
        if not np.all(offsets[at] == own):
            return False
        classes[part] = at
    return True

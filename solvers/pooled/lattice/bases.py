"""Whether all items are multiples of two: each has the score and the cost of one of them, so many times."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ..problem import PooledProblem

LEAST_ITEMS = 8
"""Smaller problems are left to enumeration."""

BASE_SAMPLE = 16
"""So many items have to be multiples of two before all are asked."""

MOST_MULTIPLE = 64
"""Larger multiples are not counted."""


@dataclass(frozen=True)
class Bases:
    """Two bases, and how many times each item is one of them.

    Attributes
    ----------
    gains, costs : tuple of int
        Score and cost of either base.
    kind : ndarray of int8, shape (n,)
        0 or 1: of which an item is a multiple.
    times : ndarray of int64, shape (n,)
    """

    gains: tuple[int, int]
    costs: tuple[int, int]
    kind: NDArray
    times: NDArray


def find_bases(problem: PooledProblem) -> Bases | None:
    """Return the two bases of a problem; None if there are not two, or multiples are large."""
    n = problem.n
    if n < LEAST_ITEMS or problem.scores.dtype == object:
        return None
    rng = np.random.default_rng(n)
    few = rng.permutation(n) if n <= BASE_SAMPLE else rng.integers(0, n, BASE_SAMPLE)
    directions = set()
    for score, cost in zip(problem.scores[few].tolist(), problem.costs[few].tolist(), strict=True):
        common = gcd(score, cost)
        directions.add((score // common, cost // common))
        if len(directions) > 2:
            return None
    if len(directions) != 2:
        return None
    dearest, best = int(problem.costs.max()), int(problem.scores.max())
    if max(max(v * dearest, c * best) for v, c in directions) >= 1 << 62:
        return None
    gains, costs, left = [], [], np.ones(n, dtype=bool)
    kind, times = np.zeros(n, dtype=np.int8), np.zeros(n, dtype=np.int64)
    for at, (score, cost) in enumerate(sorted(directions)):
        own = problem.scores * cost == problem.costs * score
        of_direction = problem.scores[own] // score
        common = int(np.gcd.reduce(of_direction))
        times[own] = of_direction // common
        kind[own] = at
        gains.append(score * common)
        costs.append(cost * common)
        left &= ~own
    if left.any() or int(times.max()) > MOST_MULTIPLE:
        return None
    return Bases((gains[0], gains[1]), (costs[0], costs[1]), kind, times)

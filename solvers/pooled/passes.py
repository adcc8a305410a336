"""The two passes over all items, compiled: used for large arrays of 64-bit integers, where numba is installed.

They do what the loops over chunks in `reduction` and `relaxation` do, in one sweep through memory.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ..compilation import can_compile, start_pays
from .problem import PooledProblem

COMPILE_FROM = 300_000
"""Smaller problems gain nothing from numba."""

WARM_UP = 3_000_000
"""Its start-up takes a second: it pays once a process has passed over so many items."""

_passed = 0


def compiled(problem: PooledProblem) -> tuple[Any, Any] | None:
    """Return the compiled ``classify`` and ``suspects``, or None if they cannot or should not be used."""
    global _passed
    if problem.n < COMPILE_FROM or object in (problem.scores.dtype, problem.costs.dtype):
        return None
    _passed += problem.n
    return _compile() if start_pays(_passed, WARM_UP) else None


@cache
def _compile() -> tuple[Any, Any] | None:
    if not can_compile():
        return None
    from numba import njit

    return njit(cache=True)(classify), njit(cache=True)(suspects)


def classify(scores, costs, groups, price, offsets, tilt, halves, mark, band, counts):
    """Split items into taken (`mark`), undecided (`band`) and dropped; return how many undecided, taken score and cost."""
    found = 0
    score = 0
    cost = 0
    for i in range(len(scores)):
        worth = scores[i] - price * costs[i] - offsets[groups[i]]
        if tilt != 0.0:
            worth += tilt * ((((i * 2654435761) & 16777215) + 1.0) / 16777216.0)
        half = halves[groups[i]]
        if worth > half:
            mark[i] = True
            counts[groups[i]] += 1
            score += scores[i]
            cost += costs[i]
        else:
            mark[i] = False
            if worth >= -half:
                band[found] = i
                found += 1
    return found, score, cost


def suspects(scores, costs, groups, scale, price, offsets, mark, width, out):
    """List items with ``|q| <= width`` or on the wrong side of `mark`; return how many."""
    found = 0
    for i in range(len(scores)):
        reduced = scores[i] * scale - costs[i] * price - offsets[groups[i]]
        wrong = reduced < 0 if mark[i] else reduced > 0
        if wrong or (reduced <= width and reduced >= -width):
            out[found] = i
            found += 1
    return found

"""Exact reduced values and the exact bound at rational multipliers.

With a price ``lam = N / D`` of money, a multiplier ``nu`` of the total count and ``mu_l >= 0`` of each limit, all
times ``D`` so that they are integers, an item's reduced value is ``q_i = D v_i - N c_i - nu - mu_g(i)`` and every
feasible set ``x`` with ``low <= |x| <= high`` satisfies

    D v(x) <= N B + nu * (high if nu > 0 else low) + sum_l mu_l K_l + sum_i max(0, q_i)                           (1)

with equality up to the *loss* of ``x``: ``N * (money left)``, ``nu`` times the distance to the count it prices,
``mu_l`` times the unused places of group ``l``, and ``|q_i|`` for every item on which ``x`` disagrees with the sign of
``q_i``. So a set better than a known value disagrees only on items with ``|q_i|`` at most the gap: the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..certificate import Multipliers
from .problem import CHUNK, WORD, PooledProblem, exact_sum


def lagrangian(problem: PooledProblem, price: Fraction) -> tuple[int, int, NDArray]:
    """Return ``N``, ``D`` and the exact integers ``D v_i - N c_i`` (int64 if they fit)."""
    numerator, denominator = price.numerator, price.denominator
    scores, costs = problem.scores, problem.costs
    if problem.n and scores.dtype != object and costs.dtype != object:
        top = denominator * int(scores.max()) + numerator * int(costs.max())
        if 4 * top >= WORD:
            scores, costs = scores.astype(object), costs.astype(object)
    else:
        scores, costs = scores.astype(object), costs.astype(object)
    return numerator, denominator, scores * denominator - costs * numerator


def complete(
    problem: PooledProblem, order: NDArray, start: NDArray, price: Fraction, low: int, high: int
) -> tuple[Multipliers, NDArray]:
    """Choose the limits' and the count's multipliers that are best for a price, exactly.

    Parameters
    ----------
    problem : PooledProblem
    order, start : ndarray
        Items by group, and where each group begins.
    price : Fraction
    low, high : int

    Returns
    -------
    Multipliers
    reduced : ndarray of int, shape (n,)
        ``q_i``.
    """
    numerator, denominator, worth = lagrangian(problem, price)
    ordered = worth[order]
    thresholds: list[int | None] = []
    tops: list[NDArray] = []
    for group, limit in enumerate(problem.limits):
        part = ordered[start[group] : start[group + 1]]
        if limit <= 0:
            thresholds.append(int(part.max()) if len(part) else None)
        elif len(part) <= limit:
            thresholds.append(None)
            tops.append(part)
        else:
            part = np.sort(part) if part.dtype == object else np.partition(part, len(part) - limit)
            thresholds.append(int(part[len(part) - limit]))
            tops.append(part[len(part) - limit :])
    leaders = np.concatenate(tops) if tops else ordered[:0]
    positive = int((leaders > 0).sum())
    count = 0
    if positive > high:
        count = _kth_largest(leaders, high) if high else int(leaders.max())
    elif positive < low:
        count = min(0, _kth_largest(leaders, min(low, len(leaders)))) if len(leaders) else 0
    multipliers = tuple(max(0, t - count) if t is not None else 0 for t in thresholds)
    widest = max([abs(count), *multipliers], default=0)
    if worth.dtype != object and widest * 4 >= WORD:
        worth = worth.astype(object)
    offsets = np.array([m + count for m in multipliers], dtype=worth.dtype)
    reduced = worth - offsets[problem.groups]
    return Multipliers(low, high, denominator, numerator, count, multipliers), reduced


def _kth_largest(values: NDArray, k: int) -> int:
    if values.dtype == object:
        return int(np.sort(values)[len(values) - k])
    return int(np.partition(values, len(values) - k)[len(values) - k])


def bound_of(problem: PooledProblem, multipliers: Multipliers, reduced: NDArray) -> int:
    """Return the right-hand side of (1), exactly, from the reduced values of *all* items."""
    positive = reduced > 0
    counts = np.bincount(problem.groups[positive], minlength=len(problem.limits)).tolist()
    return _assemble(problem, multipliers, problem.value(positive), problem.cost(positive), counts)


def _assemble(problem: PooledProblem, multipliers: Multipliers, score: int, cost: int, counts: list[int]) -> int:
    total = multipliers.constant(problem.budget, problem.limits)
    total += multipliers.scale * score - multipliers.price * cost - multipliers.count * sum(counts)
    return total - sum(m * k for m, k in zip(multipliers.limits, counts, strict=True))


@dataclass(frozen=True)
class Audit:
    """What one pass over all items finds at given multipliers.

    Attributes
    ----------
    bound : int
        The right-hand side of (1).
    core : int
        How many items have ``|q_i| <= width``.
    strangers : int
        How many of the others disagree with the given set.
    """

    bound: int
    core: int
    strangers: int


def audit(problem: PooledProblem, multipliers: Multipliers, chosen: NDArray[np.bool_], width: int) -> Audit:
    """Recompute the bound over all items, and count the core and the disagreements outside it.

    Signs are exact: in 64-bit integers where nothing can overflow, else in floating point with a rigorous error
    bound, the few items it leaves open in Python integers.
    """
    level = len(problem.limits)
    small = problem.scores.dtype != object and problem.costs.dtype != object
    vmax = int(problem.scores.max()) if problem.n else 0
    cmax = int(problem.costs.max()) if problem.n else 0
    shift = max([abs(multipliers.count + m) for m in multipliers.limits], default=0)
    fits = small and 4 * (multipliers.scale * vmax + multipliers.price * cmax + shift + abs(width)) < WORD
    offsets = [m + multipliers.count for m in multipliers.limits]
    classify = _classify_words if fits else _classify_mixed
    score = cost = core = strangers = 0
    counts = np.zeros(level, dtype=np.int64)
    for begin in range(0, problem.n, CHUNK):
        part = slice(begin, begin + CHUNK)
        groups = problem.groups[part]
        scores, costs = problem.scores[part], problem.costs[part]
        positive, inner = classify(scores, costs, groups, multipliers, offsets, width)
        score += exact_sum(scores[positive])
        cost += exact_sum(costs[positive])
        counts += np.bincount(groups[positive], minlength=level)
        if width >= 0:
            core += int(np.count_nonzero(inner))
            strangers += int(np.count_nonzero((positive != chosen[part]) & ~inner))
    return Audit(_assemble(problem, multipliers, score, cost, counts.tolist()), core, strangers)


def _classify_words(scores, costs, groups, multipliers: Multipliers, offsets, width):
    reduced = scores * multipliers.scale
    reduced -= costs * multipliers.price
    reduced -= np.array(offsets, dtype=np.int64)[groups]
    return reduced > 0, (np.abs(reduced) <= width if width >= 0 else None)


def _classify_mixed(scores, costs, groups, multipliers: Multipliers, offsets, width):
    magnitude = max(
        multipliers.scale.bit_length() + _bits(scores),
        multipliers.price.bit_length() + _bits(costs),
        max((abs(o).bit_length() for o in offsets), default=0),
        abs(width).bit_length(),
    )
    if magnitude > 900:
        open_items = np.ones(len(scores), dtype=bool)
        positive = np.zeros(len(scores), dtype=bool)
        inner = np.zeros(len(scores), dtype=bool)
    else:
        gain = scores.astype(np.float64) * float(multipliers.scale)
        loss = costs.astype(np.float64) * float(multipliers.price)
        shift = np.array([float(o) for o in offsets])[groups]
        estimate = gain - loss - shift
        # Each term is off by at most 3 roundings, the two differences by one each: 2**-49 covers them fourfold.
        error = (gain + loss + np.abs(shift)) * 2.0**-49
        positive = estimate > 0
        inner = np.abs(estimate) <= float(max(width, 0))
        border = float(max(width, 0))
        open_items = (np.abs(estimate) <= error) | (np.abs(np.abs(estimate) - border) <= error + border * 2.0**-49)
    for i in np.flatnonzero(open_items).tolist():
        exact = int(scores[i]) * multipliers.scale - int(costs[i]) * multipliers.price - offsets[int(groups[i])]
        positive[i] = exact > 0
        inner[i] = abs(exact) <= width
    return positive, inner


def _bits(values: NDArray) -> int:
    return int(values.max()).bit_length() if len(values) else 0

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

from ...models.exact import INT64_SAFE, exact_sum, linear_combination
from .leaf_multipliers import LeafMultipliers
from .passes import compiled
from .problem import CHUNK_ITEMS, PooledProblem


def lagrangian(problem: PooledProblem, price: Fraction) -> tuple[int, int, NDArray]:
    """Return ``N``, ``D`` and the exact integers ``D v_i - N c_i`` (int64 only if all are below 2**60)."""
    numerator, denominator = price.numerator, price.denominator
    return numerator, denominator, linear_combination((denominator, problem.scores), (-numerator, problem.costs))


def complete(
    problem: PooledProblem, order: NDArray, start: NDArray, price: Fraction, low: int, high: int
) -> tuple[LeafMultipliers, NDArray]:
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
    LeafMultipliers
    reduced : ndarray of int, shape (n,)
        ``q_i``.
    """
    numerator, denominator, worth = lagrangian(problem, price)
    # A group's threshold is the worth of the last item that finds a place: priced so, it ties, and whoever is worth less is out.
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
    # The limits are priced first as if alone; the count's multiplier then takes its part out of theirs, for both are paid by an item.
    positive = int((leaders > 0).sum())
    count = 0
    if positive > high:
        count = _kth_largest(leaders, high) if high else int(leaders.max())
    elif positive < low:
        count = min(0, _kth_largest(leaders, min(low, len(leaders)))) if len(leaders) else 0
    multipliers = tuple(max(0, t - count) if t is not None else 0 for t in thresholds)
    # What is taken off an item is some item's worth, or 0: differences of two fit where the worths do.
    offsets = np.array([m + count for m in multipliers], dtype=worth.dtype)
    reduced = worth - offsets[problem.groups]
    return LeafMultipliers(low, high, denominator, numerator, count, multipliers), reduced


def _kth_largest(values: NDArray, k: int) -> int:
    if values.dtype == object:
        return int(np.sort(values)[len(values) - k])
    return int(np.partition(values, len(values) - k)[len(values) - k])


def bound_of(problem: PooledProblem, multipliers: LeafMultipliers, reduced: NDArray) -> int:
    """Return the right-hand side of (1), exactly, from the reduced values of *all* items."""
    positive = reduced > 0
    counts = np.bincount(problem.groups[positive], minlength=len(problem.limits)).tolist()
    return _assemble(problem, multipliers, problem.value(positive), problem.cost(positive), counts)


def _assemble(problem: PooledProblem, multipliers: LeafMultipliers, score: int, cost: int, counts: list[int]) -> int:
    total = multipliers.constant(problem.budget, problem.limits)
    total += multipliers.scale * score - multipliers.price * cost - multipliers.count * sum(counts)
    return total - sum(m * k for m, k in zip(multipliers.limits, counts, strict=True))


@dataclass(frozen=True)
class Taken:
    """A set of items with its exact totals.

    Attributes
    ----------
    mark : ndarray of bool, shape (n,)
    score, cost : int
    counts : list of int
        Items of each group.
    """

    mark: NDArray[np.bool_]
    score: int
    cost: int
    counts: list[int]

    def add(self, problem: PooledProblem, index: NDArray) -> Taken:
        """Return the set with the items `index`, none of which it holds, added."""
        mark = self.mark.copy()
        mark[index] = True
        counts = np.bincount(problem.groups[index], minlength=len(self.counts)).tolist()
        return Taken(
            mark,
            self.score + exact_sum(problem.scores[index]),
            self.cost + exact_sum(problem.costs[index]),
            [a + b for a, b in zip(self.counts, counts, strict=True)],
        )


def audit(problem: PooledProblem, multipliers: LeafMultipliers, base: Taken, width: int) -> tuple[int, NDArray]:
    """Recompute the bound over all items, and find the items on which a better set may differ from `base`.

    Parameters
    ----------
    problem, multipliers
    base : Taken
        Any set; the bound is right whatever it is, and found faster if it agrees with the signs of the reduced values.
    width : int
        The gap; negative if only the bound is wanted.

    Returns
    -------
    int
        The right-hand side of (1): that of `base`, plus ``|q_i|`` for every item on which it disagrees.
    ndarray of int
        The items with ``|q_i| <= width`` or on which `base` disagrees, ascending.

    Notes
    -----
    Signs are exact: in 64-bit integers where nothing can overflow, else in floating point with a rigorous error bound,
    the few items it leaves open in Python integers.
    """
    small = problem.scores.dtype != object and problem.costs.dtype != object
    vmax = int(problem.scores.max()) if problem.n else 0
    cmax = int(problem.costs.max()) if problem.n else 0
    offsets = [m + multipliers.count for m in multipliers.limits]
    shift = max([abs(x) for x in offsets], default=0)
    fits = small and 4 * (multipliers.scale * vmax + multipliers.price * cmax + shift + abs(width)) < INT64_SAFE
    # The right-hand side as if `base` had all the signs right; what it has wrong is added at the end.
    bound = multipliers.constant(problem.budget, problem.limits)
    bound += multipliers.scale * base.score - multipliers.price * base.cost
    bound -= sum(x * k for x, k in zip(offsets, base.counts, strict=True))
    kernels = compiled(problem) if fits else None
    if kernels is not None:
        out = np.empty(problem.n, dtype=np.int64)
        shifts = np.array(offsets, dtype=np.int64)
        found = out[
            : kernels[1](
                problem.scores,
                problem.costs,
                problem.groups,
                multipliers.scale,
                multipliers.price,
                shifts,
                base.mark,
                max(width, -1),
                out,
            )
        ].copy()
        reduced = problem.scores[found] * multipliers.scale - problem.costs[found] * multipliers.price
        reduced -= shifts[problem.groups[found]]
        wrong = np.where(base.mark[found], reduced < 0, reduced > 0)
        return bound + sum(np.abs(reduced[wrong]).tolist()), found
    suspects = []
    shifts = np.array(offsets, dtype=np.int64) if fits else np.zeros(0)
    for begin in range(0, problem.n, CHUNK_ITEMS):
        part = slice(begin, begin + CHUNK_ITEMS)
        groups, scores, costs, mark = problem.groups[part], problem.scores[part], problem.costs[part], base.mark[part]
        if fits:
            reduced = scores * multipliers.scale
            reduced -= costs * multipliers.price
            reduced -= shifts[groups]
            found = np.flatnonzero(_suspect(reduced, mark, width))
            exact = reduced[found].tolist()
        else:
            found = _doubtful(scores, costs, groups, mark, multipliers, offsets, width)
            exact = [
                int(scores[i]) * multipliers.scale - int(costs[i]) * multipliers.price - offsets[int(groups[i])]
                for i in found.tolist()
            ]
            sure = [
                width >= abs(q) or (q < 0 if mark[i] else q > 0) for i, q in zip(found.tolist(), exact, strict=True)
            ]
            exact = [q for q, s in zip(exact, sure, strict=True) if s]
            found = found[np.array(sure, dtype=bool)]
        bound += sum(abs(q) for q, m in zip(exact, mark[found].tolist(), strict=True) if (q < 0 if m else q > 0))
        suspects.append(found + begin)
    return bound, np.concatenate(suspects) if suspects else np.zeros(0, dtype=np.int64)


def _suspect(reduced: NDArray, mark: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Mark items on the wrong side of `mark`, or within the width."""
    wrong = np.where(mark, reduced < 0, reduced > 0)
    if width >= 0:
        wrong |= (reduced <= width) & (reduced >= -width)
    return wrong


def _doubtful(scores, costs, groups, mark, multipliers: LeafMultipliers, offsets: list[int], width: int) -> NDArray:
    """Return every item that exact arithmetic might call suspect, and some more."""
    magnitude = max(
        multipliers.scale.bit_length() + int(scores.max()).bit_length(),
        multipliers.price.bit_length() + int(costs.max()).bit_length(),
        max((abs(x).bit_length() for x in offsets), default=0),
        abs(width).bit_length(),
    )
    if magnitude > 900:
        return np.arange(len(scores))
    gain = scores.astype(np.float64) * float(multipliers.scale)
    loss = costs.astype(np.float64) * float(multipliers.price)
    shift = np.array([float(x) for x in offsets])[groups]
    estimate = gain - loss - shift
    # Each term is off by at most 3 roundings, the two differences by one each: 2**-49 covers them fourfold.
    error = (gain + loss + np.abs(shift)) * 2.0**-49
    outward = np.where(mark, -estimate, estimate)
    border = float(max(width, 0)) * (1 + 2.0**-49)
    return np.flatnonzero((outward >= -error) | (np.abs(estimate) <= border + error))

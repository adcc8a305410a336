"""An exact bound for COVER from levels: what is above a level is added up, what is below counts once.

For any levels ``rho_r >= 0``: ``max_{i in S} z_ir <= rho_r + sum_{i in S} max(0, z_ir - rho_r)``. Summed over the
kinds, coverage is at most a constant plus additive weights ``w_i``, and for any price of money ``lam >= 0``, of a place
in a group ``mu_l >= 0`` and of a seat ``sigma >= 0`` the weights of a feasible set are at most
``lam B + sum_l mu_l K_l + sigma s + sum_i max(0, w_i - lam c_i - mu_g(i) - sigma)``.
The best of all these numbers are the duals of the facility-location relaxation; any others give a valid bound too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.exact import exact_sum


@dataclass(frozen=True)
class LevelBound:
    """A bound, and what departing from the set it counts on costs.

    Attributes
    ----------
    total : int
        Upper bound on the coverage, times `denominator`.
    denominator : int
        Common denominator.
    margin : ndarray, shape (n,)
        ``w_i - lam c_i - mu_g(i) - sigma`` times the denominator: a set without a worker of positive margin, or with one
        of negative margin, is worth at least that much less than the bound.
    """

    total: int
    denominator: int
    margin: np.ndarray


def level_bound(
    coverage: np.ndarray,
    costs: np.ndarray,
    groups: np.ndarray,
    levels: np.ndarray,
    price: int,
    denominator: int,
    budget: int,
    places: tuple[np.ndarray, int] | None,
    totals: np.ndarray,
    seats: int,
) -> LevelBound:
    """Bound the coverage of any set of these workers.

    Parameters
    ----------
    coverage : ndarray, shape (n, R)
        Integers.
    costs, groups : ndarray, shape (n,)
        Integers.
    levels : ndarray, shape (R,)
        Nonnegative levels times `denominator`, integers.
    price : int
        Nonnegative price of money times `denominator`.
    denominator : int
        Positive.
    budget : int
        Money.
    places : (ndarray of shape (L,), int), optional
        Nonnegative prices of one more worker of each group, times `denominator`, and an upper bound on what the workers
        of any set are worth at them. By default chosen here from `totals` and `seats`.
    totals : ndarray, shape (L,)
        Most workers of each group.
    seats : int
        Most workers in all.

    Returns
    -------
    LevelBound
        Exact: in Python integers where 64 bits might not hold a sum.
    """
    largest = int(coverage.max(initial=0)) * denominator * max(1, coverage.shape[1])
    largest += int(costs.max(initial=0)) * price + price + denominator
    if places is not None:
        largest += max(places[0].tolist(), default=0)
    # `largest` bounds every term of every sum below; int64 is taken only where none of them can leave it.
    small = largest * (costs.size + 1) < 2**62 and coverage.dtype != object and costs.dtype != object
    dtype = np.int64 if small and levels.dtype != object else object
    weights = np.maximum(coverage.astype(dtype) * denominator - levels.astype(dtype), 0).sum(axis=1)
    gain = weights - costs.astype(dtype) * price
    constant = exact_sum(levels) + price * budget
    if places is not None:
        options = [(places[0].astype(dtype), places[1])]
    else:
        # Prices chosen here: either all places of a group have one, or none; the better total is kept.
        options = [_group_places(gain, groups, totals), (np.zeros(totals.size, dtype=dtype), 0)]
    best: LevelBound | None = None
    for place, worth in options:
        margin = gain - place[groups]
        positive = margin[np.asarray(margin > 0, dtype=bool)].tolist()
        total = constant + worth
        if places is None and len(positive) > seats:
            # More would come than there are seats: the price of a seat is what the last who gets one is worth.
            seat = sorted(positive, reverse=True)[max(seats - 1, 0)]
            total += seat * seats
            margin = margin - seat
            positive = margin[np.asarray(margin > 0, dtype=bool)].tolist()
        total += sum(positive)
        if best is None or total < best.total:
            best = LevelBound(total, denominator, margin)
    assert best is not None
    return best


def _group_places(gain: np.ndarray, groups: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, int]:
    """Price of a place in each group that is too small for its positive gains: the last gain that has a place."""
    # By group, the largest gains first; Python integers cannot be sorted among other keys.
    order = np.argsort(-gain, kind="stable")
    order = order[np.argsort(groups[order], kind="stable")]
    place = np.zeros(totals.size, dtype=gain.dtype)
    ends = np.searchsorted(groups[order], np.arange(totals.size), side="right")
    starts = np.searchsorted(groups[order], np.arange(totals.size), side="left")
    worth = 0
    for group, (start, end, size) in enumerate(zip(starts.tolist(), ends.tolist(), totals.tolist(), strict=True)):
        if end - start > size:
            place[group] = max(0, int(gain[order[start + max(size - 1, 0)]]))
            worth += int(place[group]) * size
    return place, worth

"""Swaps that bring an affordable placeable set close to the dual bound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .polymatroid import SeatFlow
from .seat_duals import SeatDuals, SeatMarket

_PAIRS = 200_000
_ROUNDS = 40


def improve_by_swaps(
    market: SeatMarket, duals: SeatDuals, chosen: NDArray[np.intp], expired: Callable[[], bool]
) -> NDArray[np.intp]:
    """Raise the value of an affordable placeable set by moves of up to two pairs of workers at once.

    A move exchanges two workers of one group, drops one, or adds one to a group that has a place left; group counts
    thus stay placeable.  Candidates are workers of small ``|p_i|``, ties at random, split in two halves.  All moves
    inside each half are listed; for every move of one half the best partner of the other that the budget admits is
    found by bisection in a list sorted by cost, so some ``10^10`` pairs of moves are covered at once.

    Parameters
    ----------
    market : SeatMarket
    duals : SeatDuals
    chosen : ndarray of intp
        The set to start from.
    expired : callable
        Stop when this turns true.

    Returns
    -------
    ndarray of intp
        A set worth at least as much.
    """
    if not len(market.scores):
        return chosen
    rng = np.random.default_rng(len(market.scores))
    size = np.abs(duals.reduced.astype(np.float64))
    member = np.zeros(len(size), dtype=bool)
    member[chosen] = True
    value, slack = market.value(chosen), market.budget - market.cost(chosen)
    idle = 0
    for _ in range(_ROUNDS):
        if duals.bound - duals.denominator * value < duals.denominator or idle >= 3 or expired():
            break
        near = _candidates(market, size, member, rng)
        growing = _groups_with_room(market, member)
        left = _moves(market, member, near[0::2], growing)
        right = _moves(market, member, near[1::2], None)
        found = _best_pair(left, right, slack)
        if found is None:
            idle += 1
            continue
        idle = 0
        gain, spent, moved = found
        member[moved] ^= True
        value, slack = value + gain, slack - spent
    return np.flatnonzero(member)


def _candidates(market: SeatMarket, size: NDArray, member: NDArray[np.bool_], rng) -> NDArray[np.intp]:
    """Choose workers of small ``|p_i|``, in and out alike in each group, as many as the list of pairs admits."""
    n_groups = len(market.caps)
    each = max(2, int((2 * _PAIRS / n_groups) ** 0.5))
    pool = len(size)
    if pool > 64 * each * n_groups:
        limit = np.partition(size, 32 * each * n_groups)[32 * each * n_groups]
        at = np.flatnonzero(size <= limit)
        at = rng.choice(at, min(len(at), 64 * each * n_groups), replace=False)
    else:
        at = rng.permutation(pool)
    side = 2 * market.groups[at] + member[at]
    at = at[np.lexsort((size[at], side))]
    side = 2 * market.groups[at] + member[at]
    sizes = np.bincount(side, minlength=2 * n_groups)
    return at[np.arange(len(at)) - np.repeat(np.cumsum(sizes) - sizes, sizes) < each]


def _groups_with_room(market: SeatMarket, member: NDArray[np.bool_]) -> NDArray[np.bool_]:
    counts = np.bincount(market.groups[member], minlength=len(market.caps))
    flow = SeatFlow(market.caps, market.seats)
    flow.push(np.arange(len(counts)), counts)
    return np.array([bool(flow.copy().push([group])[0]) for group in range(len(counts))])


def _moves(market: SeatMarket, member, workers: NDArray[np.intp], growing: NDArray[np.bool_] | None):
    """List moves (gain, extra cost, out, in) sorted by extra cost; -1 for no worker, both -1 for no move."""
    inside, outside = workers[member[workers]], workers[~member[workers]]
    pairs = np.argwhere(market.groups[inside][:, None] == market.groups[outside][None, :]) if len(workers) else []
    pairs = np.asarray(pairs, dtype=np.intp).reshape(-1, 2)
    joining = outside[growing[market.groups[outside]]] if growing is not None else outside[:0]
    out = np.concatenate([[-1], inside[pairs[:, 0]], inside, np.full(len(joining), -1)]).astype(np.intp)
    into = np.concatenate([[-1], outside[pairs[:, 1]], np.full(len(inside), -1), joining]).astype(np.intp)
    gain = np.where(into >= 0, market.scores[into], 0) - np.where(out >= 0, market.scores[out], 0)
    extra = np.where(into >= 0, market.costs[into], 0) - np.where(out >= 0, market.costs[out], 0)
    order = np.argsort(extra, kind="stable")
    return gain[order], extra[order], out[order], into[order]


def _best_pair(left, right, slack: int):
    """Return (gain, extra cost, workers) of the best pair of moves within the budget, or None without a gain."""
    gain_l, extra_l, out_l, in_l = left
    gain_r, extra_r, out_r, in_r = right
    best_up_to = np.maximum.accumulate(gain_r)
    reach = np.searchsorted(extra_r, slack - extra_l, side="right") - 1
    total = np.where(reach >= 0, gain_l + best_up_to[np.maximum(reach, 0)], 0)
    a = int(np.argmax(total))
    if int(total[a]) <= 0:
        return None
    b = int(np.flatnonzero(gain_r[: reach[a] + 1] == best_up_to[reach[a]])[0])
    moved = np.array([i for i in (out_l[a], in_l[a], out_r[b], in_r[b]) if i >= 0], dtype=np.intp)
    return int(total[a]), int(extra_l[a]) + int(extra_r[b]), moved

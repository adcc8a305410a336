"""Swaps that bring an affordable placeable set close to the dual bound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.exact import rounded
from ..control import Control
from ..placement.polymatroid import SeatFlow
from .duals import SeatDuals, SeatMarket

_PAIRS = 200_000
_ROUNDS = 40


def improve_by_swaps(
    market: SeatMarket, duals: SeatDuals, chosen: NDArray[np.intp], control: Control
) -> NDArray[np.intp]:
    """Raise the value of an affordable placeable set by up to four moves at once.

    A move exchanges two workers of one group, drops one, or adds one to a group that has a place left; group counts
    thus stay placeable.  Candidates are workers of small ``|p_i|``, or small against their cost, ties at random, split
    in two halves.  All moves (in small markets: pairs of moves) inside each half are listed; for each one the best
    partner in the other half that the budget admits is found by bisection in a list sorted by cost, so some
    ``10^10`` combinations are covered at once.

    Parameters
    ----------
    market : SeatMarket
    duals : SeatDuals
    chosen : ndarray of intp
        The set to start from.
    control : Control
        When time is up the best set so far is returned.

    Returns
    -------
    ndarray of intp
        A set worth at least as much.
    """
    if not len(market.scores):
        return chosen
    rng = np.random.default_rng(len(market.scores))
    loss, costs = np.abs(rounded(duals.reduced)[0]), rounded(market.costs)[0]
    pools = [_pool(market, size) for size in (loss, loss / (costs + 1))]
    member = np.zeros(len(loss), dtype=bool)
    member[chosen] = True
    best, best_value = member.copy(), market.value(chosen)
    value, slack = best_value, market.budget - market.cost(chosen)
    idle = 0
    for turn in range(_ROUNDS):
        # The bound leaves less than a unit of score: nothing is better.
        if duals.bound - duals.denominator * best_value < duals.denominator or control.expired():
            break
        # By loss, and by loss for money: the first finds what is nearly as good, the second what is nearly as good a use of the money.
        near = _candidates(market, *pools[turn % 2], member, rng)
        # Only one half may add to a group: two additions together need not be placeable though each is.
        growing = _groups_with_room(market, member)
        left = _half(market, member, near[0::4], near[2::4], growing)
        right = _half(market, member, near[1::4], near[3::4], None)
        found = _best_pair(left, right, slack)
        idle = idle + 1 if found is None else 0
        if found is None and idle < 2:
            continue
        if found is None:
            # Stuck: go on from a nearby set of the same counts, kept within the budget.
            idle = 0
            member = best.copy()
            near = near[: len(near) // 4]
            moved = _shuffled(market, member, near, market.budget - market.cost(np.flatnonzero(member)), rng)
        else:
            moved = found
        member[moved] ^= True
        at = np.flatnonzero(member)
        value, slack = market.value(at), market.budget - market.cost(at)
        if value > best_value:
            best, best_value = member.copy(), value
    return np.flatnonzero(best)


def _shuffled(market: SeatMarket, member, near: NDArray[np.intp], slack: int, rng) -> NDArray[np.intp]:
    """Return workers to exchange: a few random moves within groups that the budget admits."""
    _, extra, moves = _moves(market, member, near, None)
    moved: set[int] = set()
    for row in rng.permutation(len(extra))[:50].tolist():
        pair = {int(i) for i in moves[row] if i >= 0}
        if int(extra[row]) <= slack and not moved & pair and len(moved) < 8:
            moved |= pair
            slack -= int(extra[row])
    return np.array(sorted(moved), dtype=np.intp)


def _each_side(market: SeatMarket) -> int:
    """Candidates in, and candidates out, of each group: as many as the list of pairs admits."""
    return max(2, int((2 * _PAIRS / max(len(market.caps), 1)) ** 0.5))


def _pool(market: SeatMarket, size: NDArray) -> tuple[NDArray[np.intp], NDArray]:
    """Return the workers of smallest size that candidates are drawn from, and their sizes."""
    wanted = 32 * _each_side(market) * len(market.caps)
    if len(size) <= wanted:
        return np.arange(len(size)), size
    at = np.flatnonzero(size <= np.partition(size, wanted)[wanted])
    at = at[:: max(1, len(at) // (2 * wanted))]
    return at, size[at]


def _candidates(market: SeatMarket, pool: NDArray[np.intp], size: NDArray, member, rng) -> NDArray[np.intp]:
    """Choose workers of small size, ties at random, in and out alike in each group."""
    shuffled = rng.permutation(len(pool))
    at = pool[shuffled]
    side = 2 * market.groups[at] + member[at]
    order = np.lexsort((size[shuffled], side))
    sizes = np.bincount(side, minlength=2 * len(market.caps))
    rank_in_side = np.arange(len(at)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return at[order[rank_in_side < _each_side(market)]]


def _groups_with_room(market: SeatMarket, member: NDArray[np.bool_]) -> NDArray[np.bool_]:
    counts = np.bincount(market.groups[member], minlength=len(market.caps))
    flow = SeatFlow(market.caps, market.seats)
    flow.push(np.arange(len(counts)), counts)
    return np.array([bool(flow.copy().push([group])[0]) for group in range(len(counts))])


def _half(market: SeatMarket, member, some: NDArray[np.intp], others: NDArray[np.intp], growing):
    """List the moves of one half, sorted by extra cost: pairs of moves where these are few enough."""
    gain, extra, moves = first = _moves(market, member, some, growing)
    gain_2, extra_2, moves_2 = _moves(market, member, others, None)
    if len(gain) * len(gain_2) <= 2 * _PAIRS:
        a, b = (grid.ravel() for grid in np.indices((len(gain), len(gain_2))))
        first = gain[a] + gain_2[b], extra[a] + extra_2[b], np.concatenate([moves[a], moves_2[b]], axis=1)
    else:
        first = _moves(market, member, np.concatenate([some, others]), growing)
    order = np.argsort(first[1], kind="stable")
    return first[0][order], first[1][order], first[2][order]


def _moves(market: SeatMarket, member, workers: NDArray[np.intp], growing: NDArray[np.bool_] | None):
    """List moves as (gain, extra cost, workers that change sides, shape (k, 2) with -1 for none)."""
    inside, outside = workers[member[workers]], workers[~member[workers]]
    pairs = np.argwhere(market.groups[inside][:, None] == market.groups[outside][None, :]).reshape(-1, 2)
    joining = outside[growing[market.groups[outside]]] if growing is not None else outside[:0]
    out = np.concatenate([[-1], inside[pairs[:, 0]], inside, np.full(len(joining), -1)]).astype(np.intp)
    into = np.concatenate([[-1], outside[pairs[:, 1]], np.full(len(inside), -1), joining]).astype(np.intp)
    gain = np.where(into >= 0, market.scores[into], 0) - np.where(out >= 0, market.scores[out], 0)
    extra = np.where(into >= 0, market.costs[into], 0) - np.where(out >= 0, market.costs[out], 0)
    return gain, extra, np.stack([out, into], axis=1)


def _best_pair(left, right, slack: int) -> NDArray[np.intp] | None:
    """Return the workers of the best pair of moves within the budget, or None without a gain."""
    gain_l, extra_l, moves_l = left
    gain_r, extra_r, moves_r = right
    best_up_to = np.maximum.accumulate(gain_r)
    reach = np.searchsorted(extra_r, slack - extra_l, side="right") - 1
    total = np.where(reach >= 0, gain_l + best_up_to[np.maximum(reach, 0)], 0)
    a = int(np.argmax(total))
    if int(total[a]) <= 0:
        return None
    b = int(np.flatnonzero(gain_r[: reach[a] + 1] == best_up_to[reach[a]])[0])
    moved = np.concatenate([moves_l[a], moves_r[b]])
    return moved[moved >= 0]

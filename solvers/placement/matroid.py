"""ORP by its matroid: the best set of placeable workers for any weights, and the routing of the winners.

Score does not depend on the requester, so ORP asks for a maximum-weight independent set: in a partition matroid when no seat
limit binds (the best ``K_l`` of every group), in a gammoid described by an L x m flow otherwise. The greedy rule is exact in
both. Ties go to the lower index and never to a cheaper bid: DriftPay's truthfulness rests on that.

Source: DriftPay, section 5 (ORP, stated); the matroid view is ours.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.exact import IntArray, exact_sum
from ...models.procurement.market import Market
from ..control import Control
from ..registry import register
from ..solution import Found
from .orp_seats import best_placeable_set
from .polymatroid import SeatFlow, descending, place

__all__ = ["best_set", "route"]

MEMBERS_EACH = 256
"""Groups of so many workers on average are searched one after the other; a million workers of twenty groups take a tenth of the time of
sorting them. Smaller groups are sorted all at once, which costs nothing for each group."""


def best_set(market: Market, weights: IntArray, control: Control | None = None) -> np.ndarray:
    """Find the maximum-weight set of workers that caps and seats can place.

    Parameters
    ----------
    market : Market
        Only groups, caps and seats are read.
    weights : integer ndarray, shape (n,)
        Any integers; workers of weight <= 0 are left out.
    control : Control, optional
        Deadline.

    Returns
    -------
    ndarray of int, ascending
        The chosen workers; ties go to the lower index.

    Raises
    ------
    Stopped
        At the deadline.
    """
    control = control or Control()
    if market.seats_bind:
        return best_placeable_set(weights, market.group_of, market.caps, market.seats).chosen
    if weights.dtype != object and market.n >= MEMBERS_EACH * market.L:
        return _best_of_each_group(market, weights, control)
    if weights.dtype == object:
        order = np.array(sorted(range(len(weights)), key=lambda i: -weights[i]), dtype=np.intp)
    else:
        order = descending(weights)
    control.check()
    order = order[(weights[order] > 0).astype(bool)]
    groups = market.group_of[order]
    by_group = np.argsort(groups, kind="stable")
    control.check()
    sorted_groups = groups[by_group]
    starts = np.searchsorted(sorted_groups, np.arange(market.L))
    rank_in_group = np.arange(len(order)) - starts[sorted_groups]
    return np.sort(order[by_group[rank_in_group < market.group_totals[sorted_groups]]])


def _best_of_each_group(market: Market, weights: IntArray, control: Control) -> np.ndarray:
    """Find the best set where no seat limit binds, group by group."""
    chosen = np.zeros(market.n, dtype=bool)
    for members, places in zip(market.members, market.group_totals.tolist(), strict=True):
        control.check()
        own = weights[members]
        worthy = np.flatnonzero(own > 0)
        if len(worthy) > places:
            own = own[worthy]
            # The last who finds a place, and those who tie with it: of them the first.
            last = np.partition(own, -places)[-places] if places else np.iinfo(np.int64).max
            better = own > last
            better[np.flatnonzero(own == last)[: places - np.count_nonzero(better)]] = True
            worthy = worthy[better]
        chosen[members[worthy]] = True
    return np.flatnonzero(chosen)


def route(market: Market, chosen: np.ndarray) -> np.ndarray:
    """Send chosen workers to requesters within caps and seats.

    Parameters
    ----------
    market : Market
    chosen : ndarray of int
        A placeable set of workers.

    Returns
    -------
    ndarray of int64, shape (n,)
        Requester of each worker, -1 for those not chosen.

    Raises
    ------
    ValueError
        If the set cannot be placed.
    """
    counts = np.bincount(market.group_of[chosen], minlength=market.L)
    flow = SeatFlow(market.caps, market.seats)
    if not np.array_equal(flow.push(np.arange(market.L), counts), counts):
        raise ValueError("caps and seats cannot place these workers")
    assignment = np.full(market.n, -1, dtype=np.int64)
    assignment[chosen] = place(market.group_of[chosen], flow.routing)
    return assignment


@register("orp", "matroid", summary="greedy on the matroid of placeable sets; exact, any size")
def solve_orp(market: Market, control: Control) -> Found:
    """Solve ORP exactly by the greedy rule; the greedy value is also the bound."""
    chosen = best_set(market, market.scaled.scores, control)
    bound = Fraction(exact_sum(market.scaled.scores[chosen]), market.scaled.score_denominator)
    return Found(route(market, chosen), bound=bound)

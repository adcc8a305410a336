"""Which requester gets which winner, where the mechanism leaves it open.

Scores and pooled payments do not depend on the requester, so every placement of the winners within caps and seats is an optimum of
ORP, and the one that a flow happens to return may send everybody to the first requester. For learning it matters; DriftPay does not
say (section 5 only asks for an assignment that attains ``M(S)``). Spreading each group, then the winners, as evenly as possible is
a choice made here (reconstructed). It looks at who won, never at a bid, and changes neither winners nor payments.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

import numpy as np

from ...models.procurement.market import Market
from ...solvers.placement.matroid import route

__all__ = ["even_routing"]


def even_routing(market: Market, winners: np.ndarray) -> np.ndarray:
    """Place winners so that no requester has many of one group, and then so that none has many.

    Parameters
    ----------
    market : Market
    winners : ndarray of int
        A placeable set of workers.

    Returns
    -------
    ndarray of int64, shape (n,)
        Requester of each winner, -1 for the others: within caps and seats; the largest number of workers of one group at one requester is the
        least possible, and given that the largest number of workers at one requester is.
    """
    caps, seats = market.caps, market.seats
    most = len(winners)

    def within(group_limit: int, limit: int) -> Market:
        return replace(market, cap_limits=np.minimum(caps, group_limit), seat_limits=np.minimum(seats, limit))

    def fits(group_limit: int, limit: int) -> bool:
        try:
            route(within(group_limit, limit), winners)
        except ValueError:
            return False
        return True

    group_limit = bisect_left(range(most), True, key=lambda limit: fits(limit, most))
    limit = bisect_left(range(most), True, key=lambda limit: fits(group_limit, limit))
    return route(within(group_limit, limit), winners)

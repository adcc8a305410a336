"""Why those who are not hired are not: what hiring one of them too would break, exactly.

A worker who could be hired beside the others would make an assignment better, as every score is positive; so whoever an optimum of
OPT passes over lacks a place, or the money that is left, or both. Being the better buy is no help against that, and the price of
money (`price_of_money`) says only what is usual: whose score per cost lies below it is not hired by OPT-FRAC.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ...models.procurement.market import Market

__all__ = ["PassedOver", "open_groups", "passed_over"]


@dataclass(frozen=True)
class PassedOver:
    """What stands in the way of each worker, beside an assignment within the pooled budget; False for those who are hired.

    Attributes
    ----------
    left : Fraction
        Money that the assignment leaves.
    no_place : ndarray of bool, shape (n,)
        Even if others of the hired move to other requesters, no place is left for the worker's group.
    too_dear : ndarray of bool, shape (n,)
        The worker costs more than what is left.
    """

    left: Fraction
    no_place: np.ndarray
    too_dear: np.ndarray

    def reason(self, worker: int) -> str:
        """Say it in words; empty for who is hired."""
        said = []
        if self.no_place[worker]:
            said.append("no place is left for its group")
        if self.too_dear[worker]:
            said.append("costs more than what is left of the budget")
        return "; ".join(said)


def passed_over(market: Market, assignment: np.ndarray) -> PassedOver:
    """Say what hiring each further worker would break.

    Parameters
    ----------
    market : Market
        With costs.
    assignment : ndarray of int64, shape (n,)
        Within caps, seats and the pooled budget.
    """
    out = assignment < 0
    costs = market.scaled.needed_costs
    left = market.scaled.total_budget - exact_sum(costs[~out])
    return PassedOver(
        Fraction(left, market.scaled.money_denominator),
        out & ~open_groups(market, assignment)[market.group_of],
        out & (costs > left).astype(bool),
    )


def open_groups(market: Market, assignment: np.ndarray) -> np.ndarray:
    """For each group, whether one worker more can be placed if those who are hired may move; of bool, shape (L,).

    A requester is open if it has a free seat, or if one of its hired can move to an open one: an augmenting path, walked from its end.
    """
    hired = np.flatnonzero(assignment >= 0)
    used = np.zeros(market.cap_limits.shape, dtype=np.int64)
    np.add.at(used, (market.group_of[hired], assignment[hired]), 1)
    free = used < market.caps
    is_open = used.sum(axis=0) < market.seats
    while True:
        # Groups that have a hired worker at a requester, and room at an open one.
        movable = (free & is_open).any(axis=1)
        wider = is_open | ((used > 0) & movable[:, None]).any(axis=0)
        if (wider == is_open).all():
            return movable
        is_open = wider

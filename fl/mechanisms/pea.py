"""PEA: equal reputations, separate budgets, one price per worker from a finite list of virtual prices.

Source: CARE (arXiv 2504.15847), section V, as handed down by a second source; what is reconstructed is said below. Every
worker counts the same. Virtual prices are ``R = {B_j / t : t = 1..n}``; at price ``r`` requester ``j`` can employ
``floor(B_j / r)`` workers, ``E(r)`` in total, and ``Mf(r)`` is how many of the workers bidding at most ``r`` can be placed
under caps and those limits. The critical price is ``r* = min{r in R : E(r) = Mf(r)}``; hired is the first basis in bid order
(ties by index); a winner is paid ``min(r*, the highest bid with which it would still be hired at r*)``.

If no virtual price fills every place, nobody is hired (reconstructed: the source is silent). The unfilled places
``E(r) - Mf(r)`` never grow with ``r``, so each requester's lowest filling price is found by bisection over ``t``.

PEA as defined here is rational and within every budget, but bidding more can raise ``r*`` without losing the place: with
caps it is not truthful (see the tests for a market of three workers). :mod:`~fedmech.fl.mechanisms.driftpay_no` is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...models.exact import integer_array
from ...models.procurement.market import Market
from ...solvers.placement.polymatroid import SeatFlow, descending, place
from .interface import Outcome, build_scaled_outcome, mechanism

__all__ = ["pea", "pea_among"]


@mechanism(
    "pea",
    summary="equal scores, separate budgets: the lowest virtual price at which every place is filled",
    source="CARE, section V (second source; no filling price: reconstructed)",
    claims=("rational", "budget", "separate-budgets"),
)
def pea(market: Market) -> Outcome:
    """Run PEA on a market's bids.

    Parameters
    ----------
    market : Market
        Scores are ignored; seats are honoured beside the limits that the price sets.

    Returns
    -------
    Outcome
        ``details`` holds ``virtual_price`` (``r*`` per worker, in money, or None).
    """
    return pea_among(market, "pea", np.arange(market.n))


@dataclass(frozen=True)
class _Filling:
    """The workers bidding at most a price, in bid order, and how they fill the places."""

    order: np.ndarray
    taken: np.ndarray
    flow: SeatFlow


def pea_among(market: Market, name: str, among: np.ndarray, details: Mapping[str, Any] | None = None) -> Outcome:
    """Run PEA among some of the workers; ``n`` and all bids are theirs.

    Parameters
    ----------
    market : Market
    name : str
        The mechanism to name in the outcome.
    among : ndarray of int
        Workers that take part, ascending.
    details : mapping, optional
        Further details for the outcome.
    """
    bids = market.scaled.bids[among]
    if bids.dtype == object:
        by_bid = among[np.array(sorted(range(len(among)), key=bids.__getitem__), dtype=np.intp)]
    else:
        by_bid = among[descending(-bids)]
    sorted_bids = market.scaled.bids[by_bid]
    caps, seats, budgets = market.caps, market.seats, market.scaled.budgets.tolist()
    count = len(among)

    def fill(price: Fraction) -> _Filling | None:
        """Place workers bidding at most the price; None if some place stays empty."""
        places = [budget * price.denominator // price.numerator for budget in budgets]
        if sum(places) > count:
            return None
        # Bids are integers: at most the price means at most its floor.
        order = by_bid[: np.searchsorted(sorted_bids, price.__floor__(), side="right")]
        flow = SeatFlow(caps, np.minimum(integer_array(places), seats))
        taken = flow.push(market.group_of[order])
        return _Filling(order, taken, flow) if int(taken.sum()) == sum(places) else None

    price, filling = None, None
    for budget in budgets:
        low, high = 0, count
        while budget > 0 and low < high:
            middle = (low + high + 1) // 2
            low, high = (low, middle - 1) if fill(Fraction(budget, middle)) is None else (middle, high)
        if low > 0 and (price is None or Fraction(budget, low) < price):
            price = Fraction(budget, low)
    if price is not None:
        filling = fill(price)
    assignment = np.full(market.n, -1, dtype=np.int64)
    payments: dict[int, Fraction | int] = {}
    if price is not None and filling is not None:
        winners = np.sort(filling.order[filling.taken > 0])
        assignment[winners] = place(market.group_of[winners], filling.flow.routing)
        # A winner of group l would keep its place until the first refusal that proves its group full.
        first = np.asarray(filling.flow.first_blocked)
        pay = [
            price if t < 0 else min(price, Fraction(int(market.scaled.bids[filling.order[t]]))) for t in first.tolist()
        ]
        payments = {i: pay[l] for i, l in zip(winners.tolist(), market.group_of[winners].tolist(), strict=True)}
    shown = None if price is None else price / market.scaled.money_denominator
    return build_scaled_outcome(market, name, assignment, payments, details={"virtual_price": shown, **(details or {})})

"""PEA and CARE-NO as their definitions read, in plain ``Fraction``s, for re-checking witnesses.

Source: CARE (arXiv 2504.15847), section V, as handed down by a second source. If no virtual price fills every place, nobody is hired
(reconstructed).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

from .driftpay import LiteralOutcome
from .procurement import LiteralMarket, placements, subsets

__all__ = ["care_no_expected", "pea", "theta"]


def pea(market: LiteralMarket, among: Iterable[int] | None = None) -> LiteralOutcome:
    """PEA among some of the workers (all if left out); scores play no part."""
    pool = list(market.workers if among is None else among)
    prices = sorted({budget / t for budget in market.budgets for t in range(1, len(pool) + 1) if budget > 0})
    for price in prices:
        places = [budget // price for budget in market.budgets]

        def fits(workers: tuple[int, ...], places: list[int] = places) -> bool:
            room = placements(market, workers, lambda requester, mine: len(mine) <= places[requester])
            return any(True for _ in room)

        def first_basis(bids: dict[int, Fraction]) -> tuple[int, ...]:
            """The first largest placeable set in bid order, built greedily."""
            chosen: tuple[int, ...] = ()
            for i in sorted(bids, key=lambda i: (bids[i], i)):
                if fits((*chosen, i)):
                    chosen = (*chosen, i)
            return chosen

        bids = {i: market.bids[i] for i in pool if market.bids[i] <= price}
        if sum(places) > len(bids) or max(len(s) for s in subsets(bids) if fits(s)) < sum(places):
            continue
        payments = {}
        for i in first_basis(bids):
            levels = sorted({Fraction(0), price, *(b for j, b in bids.items() if j != i)})
            # The highest level such that i still wins just below it.
            payments[i] = max(
                (high for low, high in pairwise(levels) if i in first_basis({**bids, i: (low + high) / 2})),
                default=Fraction(0),
            )
        return LiteralOutcome(payments, price)
    return LiteralOutcome({})


def care_no_expected(market: LiteralMarket, base: int = 10) -> Fraction:
    """Expected score of CARE-NO: PEA on each bucket of scores, each non-empty bucket equally likely."""
    least = min(market.scores)
    buckets: dict[int, list[int]] = {}
    for i in market.workers:
        h = 1
        while market.scores[i] / least > base**h:
            h += 1
        buckets.setdefault(h, []).append(i)
    outcomes = [market.value(pea(market, bucket).winners) for bucket in buckets.values()]
    return sum(outcomes, Fraction(0)) / len(outcomes)


def theta(market: LiteralMarket) -> int:
    """``min(m, max ceil(|G_l| / tau_lj))``; a cap of 0 counts as unbounded."""
    m = len(market.requesters)
    worst = 1
    for group in set(market.groups):
        size = market.groups.count(group)
        for name in market.requesters:
            cap = market.caps.get((group, name), size)
            worst = max(worst, m if cap == 0 else -(-size // cap))
    return min(m, worst)

"""DriftPay-CO and drop-top as their definitions read, in plain ``Fraction``s, for re-checking witnesses.

Source: DriftPay, section 5 (stated); drop-top in the spirit of Leonardi et al., arXiv 1612.03150.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from .procurement import LiteralMarket, best_set, placeable

__all__ = ["LiteralOutcome", "LiteralRule", "driftpay", "drop_top", "gain_from_lying", "liar", "ratio_order", "run_on"]


@dataclass(frozen=True)
class LiteralOutcome:
    """Winners, their payments, and the price per unit of score where there is one."""

    payments: dict[int, Fraction]
    price: Fraction | None = None

    @property
    def winners(self) -> tuple[int, ...]:
        """Indices of the winners, ascending."""
        return tuple(sorted(self.payments))


LiteralRule = Callable[[LiteralMarket], LiteralOutcome]


def ratio_order(market: LiteralMarket, workers: Iterable[int]) -> list[int]:
    """Workers by bid per score, then index."""
    return sorted(workers, key=lambda i: (market.bids[i] / market.scores[i], i))


def driftpay(
    market: LiteralMarket, workers: Iterable[int] | None = None, *, ties_by_ratio: bool = False
) -> LiteralOutcome:
    """DriftPay-CO on some of the workers (all if left out).

    Parameters
    ----------
    market : LiteralMarket
    workers : iterable of int, optional
    ties_by_ratio : bool
        Settle ties inside ORP by the ratio order instead of the index.
    """
    order = ratio_order(market, market.workers if workers is None else workers)
    place = {i: p for p, i in enumerate(order)}
    preference = place.__getitem__ if ties_by_ratio else None

    def prefix_value(k: int) -> Fraction:
        return market.value(best_set(market, order[:k]))

    def ratio(k: int) -> Fraction:
        return market.bids[order[k]] / market.scores[order[k]]

    affordable = [k for k in range(1, len(order) + 1) if ratio(k - 1) * prefix_value(k) <= market.budget]
    k = max(affordable, default=0)
    winners = best_set(market, order[:k], preference)
    value = market.value(winners)
    if value == 0:
        return LiteralOutcome({})
    price = market.budget / value
    if k < len(order):
        price = min(price, ratio(k))
    return LiteralOutcome({i: market.scores[i] * price for i in winners}, price)


def drop_top(market: LiteralMarket) -> LiteralOutcome:
    """Drop-top: the best single worker alone at the whole budget, or DriftPay-CO on the others."""
    pool = [i for i in market.workers if market.bids[i] <= market.budget and placeable(market, [i])]
    if not pool:
        return LiteralOutcome({})
    star = min(pool, key=lambda i: (-market.scores[i], i))
    rest = driftpay(market, [i for i in pool if i != star])
    if market.scores[star] >= market.value(rest.winners):
        return LiteralOutcome({star: market.budget})
    return rest


def run_on(rule: LiteralRule, market: LiteralMarket, scores: Sequence[Fraction]) -> tuple[int, ...]:
    """Winners of a rule that is shown other scores than the true ones."""
    return rule(replace(market, scores=tuple(scores))).winners


def liar(market: LiteralMarket) -> int | None:
    """Return the one worker whose bid is not the cost, or None if there is not exactly one."""
    found = [i for i in market.workers if market.bids[i] != market.costs[i]]
    return found[0] if len(found) == 1 else None


def gain_from_lying(rule: LiteralRule, market: LiteralMarket) -> Fraction | None:
    """What the document's one liar gains over the truth, everybody else's bid unchanged; None without exactly one liar."""
    i = liar(market)
    if i is None:
        return None

    def utility(seen: LiteralMarket) -> Fraction:
        payments = rule(seen).payments
        return payments[i] - market.costs[i] if i in payments else Fraction(0)

    return utility(market) - utility(market.truthful())

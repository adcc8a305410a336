"""Rules the paper warns of or sketches, as their descriptions read, in plain ``Fraction``s, for re-checking witnesses.

VCG and greedy-then-repair (DriftPay, sections 2 and 4), bonuses and stipends (section 7c), greedy coverage (section 7b).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction

from .driftpay import LiteralOutcome, driftpay, ratio_order
from .procurement import (
    LiteralMarket,
    best_set,
    coverage_of,
    placeable,
    subsets,
)

__all__ = [
    "bonus",
    "coverage_clock",
    "coverage_winners",
    "escalation",
    "greedy_then_repair",
    "highest_winning_bid",
    "stipend",
    "vcg",
]


def vcg(market: LiteralMarket, value: Fraction) -> LiteralOutcome:
    """Maximise ``value`` times score less bids over placeable sets; pay every winner its bid and what its presence adds."""

    def surplus(workers: Iterable[int]) -> Fraction:
        return sum((value * market.scores[i] - market.bids[i] for i in workers), Fraction(0))

    def best(pool: Iterable[int]) -> tuple[int, ...]:
        return max((s for s in subsets(pool) if placeable(market, s)), key=surplus)

    winners = best(market.workers)
    return LiteralOutcome(
        {i: market.bids[i] + surplus(winners) - surplus(best(j for j in market.workers if j != i)) for i in winners}
    )


def greedy_then_repair(market: LiteralMarket) -> LiteralOutcome:
    """Take workers by bid per score while the bids fit the budget, then keep the best placeable part; pay the bids."""
    prefix: list[int] = []
    for i in ratio_order(market, market.workers):
        if sum((market.bids[j] for j in [*prefix, i]), Fraction(0)) > market.budget:
            break
        prefix.append(i)
    return LiteralOutcome({i: market.bids[i] for i in best_set(market, prefix)})


def bonus(market: LiteralMarket, amount: Fraction) -> LiteralOutcome:
    """DriftPay-CO, and a bonus on top for every winner."""
    outcome = driftpay(market)
    return LiteralOutcome({i: paid + amount for i, paid in outcome.payments.items()}, outcome.price)


def stipend(
    market: LiteralMarket, amounts: tuple[Fraction, ...], largest: tuple[Fraction, ...] | None = None
) -> LiteralOutcome:
    """DriftPay-CO with stipends in the payments, and the largest that they may come to in the affordability test."""
    most = amounts if largest is None else largest
    net = [max(b - s, Fraction(0)) for b, s in zip(market.bids, amounts, strict=True)]
    ratio = [b / v for b, v in zip(net, market.scores, strict=True)]
    order = sorted(market.workers, key=lambda i: (ratio[i], i))

    def left(k: int) -> Fraction:
        return market.budget - sum((most[i] for i in best_set(market, order[:k])), Fraction(0))

    passing = [
        k
        for k in range(1, len(order) + 1)
        if ratio[order[k - 1]] * market.value(best_set(market, order[:k])) <= left(k)
    ]
    k = max(passing, default=0)
    winners = best_set(market, order[:k])
    if not winners:
        return LiteralOutcome({})
    price = left(k) / market.value(winners)
    if k < len(order):
        price = min(price, ratio[order[k]])
    return LiteralOutcome({i: market.scores[i] * price + amounts[i] for i in winners}, price)


def escalation(market: LiteralMarket) -> LiteralOutcome:
    """Price escalation for one requester: the price of the first excluded ratio, of the prefix what fits ``B / price`` units of score, paid at that price.

    Raises
    ------
    ValueError
        If there are several requesters, or nobody is excluded: the sketch leaves open what to do.
    """
    order = ratio_order(market, market.workers)
    ratio = [market.bids[i] / market.scores[i] for i in order]
    k = max(
        (
            k
            for k in range(1, len(order) + 1)
            if ratio[k - 1] * market.value(best_set(market, order[:k])) <= market.budget
        ),
        default=0,
    )
    if len(market.requesters) != 1 or k == len(order) or ratio[k] == 0:
        raise ValueError("one requester, and an excluded worker who asks for something")
    sets = [
        chosen
        for chosen in subsets(order[:k])
        if placeable(market, chosen) and ratio[k] * market.value(chosen) <= market.budget
    ]
    winners = min(sets, key=lambda chosen: (-market.value(chosen), chosen))
    return LiteralOutcome({i: market.scores[i] * ratio[k] for i in winners}, ratio[k])


def coverage_winners(market: LiteralMarket, share: Fraction) -> tuple[int, ...]:
    """Greedy coverage: most marginal coverage per bid among placeable workers, while ``b_i f(S + i) <= share B D_i``."""
    taken: tuple[int, ...] = ()
    while True:
        gains = {
            i: coverage_of(market, (*taken, i)) - coverage_of(market, taken)
            for i in market.workers
            if i not in taken and placeable(market, (*taken, i))
        }
        gains = {i: gain for i, gain in gains.items() if gain > 0}
        if not gains:
            return taken
        i = min(gains, key=lambda i: (market.bids[i] / gains[i], i))
        if market.bids[i] * coverage_of(market, (*taken, i)) > share * market.budget * gains[i]:
            return taken
        taken = (*taken, i)


def coverage_clock(market: LiteralMarket) -> LiteralOutcome:
    """Coverage by a falling clock: offers ``B D_i / V``, the target ``V`` doubling as long as more than it is kept; the better of the kept and the best one still in."""
    single = {i: coverage_of(market, [i]) for i in market.workers}
    offers = {
        i: market.budget
        for i in market.workers
        if single[i] > 0 and placeable(market, [i]) and market.bids[i] <= market.budget
    }
    order = sorted(offers, key=lambda i: (-single[i], i))
    if not order:
        return LiteralOutcome({})
    target, kept = single[order[0]], list[int]()
    while True:
        kept = []
        for i in order:
            gain = coverage_of(market, [*kept, i]) - coverage_of(market, kept)
            if i not in offers or gain == 0 or not placeable(market, [*kept, i]):
                continue
            offers[i] = min(offers[i], market.budget * gain / target)
            if market.bids[i] > offers[i]:
                del offers[i]
                continue
            kept.append(i)
            if coverage_of(market, kept) > target:
                break
        if coverage_of(market, kept) <= target:
            break
        target *= 2
    best = max(offers, key=lambda i: (single[i], -i), default=None)
    if best is not None and single[best] > coverage_of(market, kept):
        kept = [best]
    return LiteralOutcome({i: offers[i] for i in kept})


def highest_winning_bid(
    winners: Callable[[LiteralMarket], tuple[int, ...]], market: LiteralMarket, worker: int, steps: int = 24
) -> Fraction:
    """A bid with which a winner still wins, found by halving: never more than its critical bid, whatever the rule."""
    low, high = market.bids[worker], 4 * market.budget + 1
    for _ in range(steps):
        middle = (low + high) / 2
        if worker in winners(market.bidding(worker, middle)):
            low = middle
        else:
            high = middle
    return low

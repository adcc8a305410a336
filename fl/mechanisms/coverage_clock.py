"""Coverage by a descending clock: offers fall with the value that the budget has to be spread over.

Source: ours, as the comparator that DriftPay, section 7b, calls for, in the style of Balkanski et al. (arXiv 2107.09239). Everybody
who can be placed and covers something is offered the pooled budget. Rounds follow with a target ``V``, first the best
single coverage: workers come by single coverage (lower index at ties), who cannot be placed beside those kept in this
round or adds nothing is passed over, the others are offered the least of what they were offered before and
``B D_i / V``, and leave for good if that is below their bid. If those kept cover more than ``V``, the target doubles and
the next round begins; else the kept set is final, and total offers are at most ``B f(S) / V <= B``. If one worker still in
covers more alone, it alone is hired at its last offer.

Offers only fall and depend on a bid only through who has left, so a worker does best to stay while the offer covers its cost. It is within no constant factor
of the best coverage: where all who were kept leave at the next target, nobody is hired (claim F-7b-CLOCK).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.procurement.market import Market
from ...solvers.placement.matroid import route
from .coverage_greedy import needs_coverage
from .interface import Outcome, build_scaled_outcome, mechanism
from .parts.placement import Placement

__all__ = ["coverage_clock"]


@mechanism(
    "coverage-clock",
    summary="coverage by a descending clock with a doubling target, pooled budget",
    source="ours, for DriftPay, section 7b; in the style of Balkanski et al., arXiv 2107.09239",
    claims=("truthful", "rational", "budget"),
    applies=needs_coverage,
)
def coverage_clock(market: Market) -> Outcome:
    """Run the coverage clock on a market's bids.

    Parameters
    ----------
    market : Market
        With coverage.

    Returns
    -------
    Outcome
        ``details`` holds ``coverage`` (``f`` of the winners), ``rounds`` and ``target`` (``V`` at the end).
    """
    coverage, budget = market.scaled.coverage, market.scaled.total_budget
    assert coverage is not None
    bids = market.scaled.bids.tolist()
    single: list[int] = coverage.sum(axis=1).tolist()
    alone = Placement(market)
    offers = {i: Fraction(budget) for i in range(market.n) if single[i] > 0 and alone.fits(i) and bids[i] <= budget}
    order = sorted(offers, key=lambda i: (-single[i], i))
    target = single[order[0]] if order else 0
    rounds = 0
    while True:
        rounds += 1
        kept = Placement(market)
        covered = np.zeros(coverage.shape[1], dtype=coverage.dtype)
        value = 0
        for i in order:
            gain = int(np.maximum(coverage[i] - covered, 0).sum())
            if i not in offers or gain == 0 or not kept.fits(i):
                continue
            # Offers only fall, and depend on bids through who has left alone: to stay while the offer pays is best.
            offers[i] = min(offers[i], Fraction(budget * gain, target))
            if bids[i] > offers[i]:
                del offers[i]
                continue
            kept.add(i)
            covered = np.maximum(covered, coverage[i])
            value += gain
            # The target was too low to be out of reach: it doubles, and all that stay are asked again.
            if value > target:
                break
        if value <= target:
            break
        target *= 2
    # One worker alone may be worth more than all that the clock hires; it has an offer within the budget too.
    hired = kept.taken
    best = max(offers, key=lambda i: (single[i], -i), default=None)
    if best is not None and single[best] > value:
        hired, value = [best], single[best]
    return build_scaled_outcome(
        market,
        "coverage-clock",
        route(market, np.array(sorted(hired), dtype=np.intp)),
        {i: offers[i] for i in hired},
        details={
            "coverage": Fraction(value, market.scaled.coverage_denominator),
            "rounds": rounds,
            "target": Fraction(target, market.scaled.coverage_denominator),
        },
    )

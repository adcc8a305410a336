"""DriftPay-NO: every requester keeps to a budget of its own; prices per unit of score fall group by group.

DriftPay, section 7a, sketches per-requester prices that rise until each requester's spend fits, and leaves open how the
allocation stays monotone. A price per requester makes a worker's offer depend on where it is routed, and the routing depends
on who else bids low enough; a worker's group is fixed. So here prices hang on groups, and they fall instead of rising, as in a
descending clock auction (ours; the clock follows Milgrom and Segal, and Balkanski et al., arXiv 2107.09239):

1. Requesters with an empty budget leave, unless all are empty. Every group's price starts at ``max_j B_j / v_min``, beyond
   which nobody could be paid. Active are the workers with ``b_i <= v_i pi_l``, ``l = g(i)``.
2. ORP's optimum on the active workers (ties never by bid) is routed by a rule that looks at scores, groups and budgets only.
3. If ``sum_{i at j} v_i pi_{g(i)} <= B_j`` for every ``j``, the routed workers are hired and paid ``v_i pi_{g(i)}``.
4. Else the highest price among the groups present at an overspending requester falls, until a requester's spend fits, it
   meets the next price, or it would pass the bid of an active worker, who then leaves for good (one at a time, the higher
   index first at ties). Back to 2.

Why it is truthful: the path depends on a bid only through "still in at this price"; offers only fall; who leaves is never
hired; so a worker does best to stay exactly while the offer covers its cost. Staying means an offer of at least the bid
(rational), and step 3 is the budget. With one requester and no seat limit this is DriftPay-CO.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...models.exact import integer_array
from ...models.procurement.market import Market
from ...solvers.placement.matroid import best_set, route
from .interface import Outcome, build_scaled_outcome, mechanism

__all__ = ["driftpay_no"]

MAX_WORKERS = 10_000
"""The clock routes anew for every hired worker that leaves: its time grows with the square of the market."""


def _small_enough(market: Market) -> str | None:
    return None if market.n <= MAX_WORKERS else f"takes at most {MAX_WORKERS:,} workers, got {market.n:,}"


@mechanism(
    "driftpay-no",
    summary="separate budgets: prices per score fall group by group until every requester can pay",
    source="DriftPay, section 7a (sketch); the clock is ours",
    claims=("truthful", "rational", "budget", "separate-budgets"),
    applies=_small_enough,
)
def driftpay_no(market: Market) -> Outcome:
    """Run DriftPay-NO on a market's bids.

    Parameters
    ----------
    market : Market

    Returns
    -------
    Outcome
        ``price`` is set if all winners have the same price. ``details`` holds ``group_prices`` (per unit of
        score, one per group) and ``left`` (the workers that left, in that order).
    """
    clock = _Clock(market)
    while clock.step():
        pass
    assignment = clock.assignment
    winners = np.flatnonzero(assignment >= 0).tolist()
    prices = {clock.prices[clock.groups[i]] for i in winners}
    unit = Fraction(market.scaled.score_denominator, market.scaled.money_denominator)
    return build_scaled_outcome(
        market,
        "driftpay-no",
        assignment,
        {i: clock.scores[i] * clock.prices[clock.groups[i]] for i in winners},
        price=prices.pop() if len(prices) == 1 else None,
        details={"group_prices": [price * unit for price in clock.prices], "left": clock.left},
    )


class _Clock:
    """The state of the clock: group prices, who is still in, and the routing of ORP's optimum among them."""

    def __init__(self, market: Market) -> None:
        self.budgets: list[int] = market.scaled.budgets.tolist()
        if any(self.budgets) and not all(self.budgets):
            limits = market.cap_limits.copy()
            limits[:, market.scaled.budgets == 0] = 0
            market = replace(market, cap_limits=limits)
        self.market = market
        self.scores: list[int] = market.scaled.scores.tolist()
        self.bids: list[int] = market.scaled.bids.tolist()
        self.groups: list[int] = market.group_of.tolist()
        start = Fraction(max(self.budgets, default=0), min(self.scores, default=1))
        self.prices = [start] * market.L
        self.left: list[int] = []
        self.active: list[list[int]] = [[] for _ in range(market.L)]
        # Within a group the last one leaves first: highest ratio, then highest index.
        ratios = [Fraction(b, v) for b, v in zip(self.bids, self.scores, strict=True)]
        for i in sorted(range(market.n), key=lambda i: (ratios[i], i)):
            (self.active[self.groups[i]] if ratios[i] <= start else self.left).append(i)
        self.ratios = ratios
        self._route()

    def _route(self) -> None:
        """Route ORP's optimum on the active workers; bids play no part. Who is not in it can leave without a new one."""
        weights = [0] * self.market.n
        for workers in self.active:
            for i in workers:
                weights[i] = self.scores[i]
        chosen = best_set(self.market, integer_array(weights))
        self.assignment = self._balanced(chosen)
        # Score of each group at each requester: all that spending depends on.
        self.loads: list[dict[int, int]] = [{} for _ in self.budgets]
        for i in chosen.tolist():
            load, group = self.loads[int(self.assignment[i])], self.groups[i]
            load[group] = load.get(group, 0) + self.scores[i]

    def _balanced(self, chosen: np.ndarray) -> np.ndarray:
        """Give high scores first to the requester whose budget they strain least; the flow's routing if that gets stuck."""
        room, seats = self.market.caps.tolist(), self.market.seats.tolist()
        loads = [0] * len(self.budgets)
        assignment = np.full(self.market.n, -1, dtype=np.int64)
        if not any(self.budgets):
            return route(self.market, chosen)
        for i in sorted(chosen.tolist(), key=lambda i: (-self.scores[i], i)):
            best = -1
            for j, budget in enumerate(self.budgets):
                if room[self.groups[i]][j] > 0 and seats[j] > 0:
                    strain = (loads[j] + self.scores[i]) * (self.budgets[best] if best >= 0 else 0)
                    if best < 0 or strain < (loads[best] + self.scores[i]) * budget:
                        best = j
            if best < 0:
                return route(self.market, chosen)
            assignment[i] = best
            room[self.groups[i]][best] -= 1
            seats[best] -= 1
            loads[best] += self.scores[i]
        return assignment

    def step(self) -> bool:
        """Let prices fall to the next event; return False once every requester can pay."""
        prices = self.prices
        short = [j for j, load in enumerate(self.loads) if sum(load[l] * prices[l] for l in load) > self.budgets[j]]
        if not short:
            return False
        present = {l for j in short for l in self.loads[j]}
        top = max(prices[l] for l in present)
        falling = {l for l in present if prices[l] == top}
        last = max((self.active[l][-1] for l in falling), key=lambda i: (self.ratios[i], i))
        if self.ratios[last] == top:
            self.left.append(self.active[self.groups[last]].pop())
            if self.assignment[last] >= 0:
                self._route()
            return True
        levels = [self.ratios[last], *(prices[l] for l in present - falling)]
        for j in short:
            load = self.loads[j]
            moving = sum(load[l] for l in load if l in falling)
            if moving:
                fixed = sum(load[l] * prices[l] for l in load if l not in falling)
                levels.append(Fraction(self.budgets[j] - fixed) / moving)
        # Every level lies below the top: a requester at or above it would not be short.
        new = max(levels)
        for l in falling:
            prices[l] = new
        return True

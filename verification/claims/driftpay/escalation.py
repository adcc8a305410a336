"""Section 7a: prices that rise until budgets fit, and the one price that falls instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from ....fl.mechanisms.outcome import Outcome, outcome
from ....models.procurement.market import Market
from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.driftpay import gain_from_lying
from ...literal.procurement import LiteralMarket, literal_market, placements
from ...literal.rules import escalation
from ...proofs.extensions import SEPARATE
from ...search.boxes import market_document
from ...search.finite_models import Model, auction_models, hold, shipped_orp
from ...search.hunt import Draw, document_market
from ...search.shrink import shrink

MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4, affordable=True)
Workers = frozenset[int]


def _gains(document: Mapping[str, Any]) -> bool:
    market = literal_market(document)
    gain = gain_from_lying(escalation, market)
    return gain is not None and gain > 0 and all(cost <= market.budget for cost in market.costs)


class Placing:
    """Where those who are hired from a set go, bids unseen: the placement that strains budgets least, the first of equals; budgets are positive."""

    def __init__(self, market: Market) -> None:
        self.hires = shipped_orp(market)
        self.scores = [market.score(i) for i in range(market.n)]
        self.budgets = [market.budget(j) for j in range(market.m)]
        self._literal = _limits(market)
        self._known: dict[Workers, tuple[Fraction, tuple[int, ...]]] = {}

    def _best(self, chosen: Workers) -> tuple[Fraction, tuple[int, ...]]:
        hired = tuple(sorted(self.hires(chosen)))
        if chosen not in self._known:
            self._known[chosen] = min((self._share(hired, place), place) for place in placements(self._literal, hired))
        return self._known[chosen]

    def _share(self, hired: tuple[int, ...], place: tuple[int, ...]) -> Fraction:
        return max(self._load(hired, place, q) / budget for q, budget in enumerate(self.budgets))

    def _load(self, hired: tuple[int, ...], place: tuple[int, ...], q: int) -> Fraction:
        return sum((self.scores[i] for i, j in zip(hired, place, strict=True) if j == q), Fraction(0))

    def load(self, q: int, chosen: Workers) -> Fraction:
        """Score of those at a requester."""
        return self._load(tuple(sorted(self.hires(chosen))), self._best(chosen)[1], q)

    def worth(self, chosen: Workers) -> Fraction:
        """``M``: what a price of 1 takes of the tightest budget, times the whole budget."""
        return self._best(chosen)[0] * sum(self.budgets)

    def where(self, chosen: Workers) -> dict[int, int]:
        """Worker to requester."""
        return dict(zip(sorted(self.hires(chosen)), self._best(chosen)[1], strict=True))


def _limits(market: Market) -> LiteralMarket:
    return literal_market(
        market_document(
            [market.score(i) for i in range(market.n)],
            [0] * market.n,
            [market.budget(j) for j in range(market.m)],
            groups=market.group_of.tolist(),
            caps=[[None if cap < 0 else int(cap) for cap in row] for row in market.cap_limits.tolist()],
            seats=[None if seat < 0 else int(seat) for seat in market.seat_limits.tolist()],
        )
    )


def one_price(market: Market) -> Outcome:
    """The largest prefix whose hired every requester can pay at its last ratio; paid at the next ratio, or at the highest that every requester can pay."""
    placing = Placing(market)
    ratios = [market.bid(i) / market.score(i) for i in range(market.n)]
    order = sorted(range(market.n), key=lambda i: (ratios[i], i))
    budget = sum((market.budget(j) for j in range(market.m)), Fraction(0))
    passing = [
        k for k in range(1, market.n + 1) if ratios[order[k - 1]] * placing.worth(frozenset(order[:k])) <= budget
    ]
    size = max(passing, default=0)
    prefix = frozenset(order[:size])
    worth = placing.worth(prefix)
    if not worth:
        return outcome(market, {}, {}, mechanism="one-price")
    price = min([budget / worth, *(ratios[i] for i in order[size:])])
    where = placing.where(prefix)
    paid = {i: market.score(i) * price for i in where}
    return outcome(market, where, paid, price=price, mechanism="one-price")


def billed(rule: Callable[[Market], Outcome] = one_price, seed: int = 540, count: int = 60) -> Iterator[Model]:
    """Run the rule on random markets; who is billed what is read off its outcome."""
    for model in auction_models(rule, MODELS, seed=seed, count=count, values=lambda on: Placing(on).worth):
        market = document_market(model.document)
        placing, seen = Placing(market), rule(market)
        bills = {
            q: sum((seen.payment(int(i)) for i in np.flatnonzero(seen.assignment == q)), Fraction(0))
            for q in range(market.m)
        }
        values = {**model.values, "own": market.budget, "bill": bills.__getitem__, "load": placing.load}
        yield replace(model, domains={**model.domains, "Requester": range(market.m)}, values=values)


@claim(
    "D-7a-ESCALATION",
    source="DriftPay, section 7a",
    statement="start from pi = rho_{k+1} [...] and if some requester's implied spending pi sum_i x_ij v_i would exceed B_j, increase that requester's shadow price until its score demand "
    "shrinks to feasibility, recomputing the ORP under the adjusted caps [...] Worker-side DSIC can still be preserved - read as: winners are paid v_i pi_j",
    expected="refuted",
    recheck=_gains,
    proof=SEPARATE,
    amended="proved",
)
def judge_escalation() -> Judgement:
    """One requester is enough; let the price fall instead."""
    tally = hold(SEPARATE, billed())
    return Judgement(
        "refuted",
        "an example shrunk, with one requester, where every way to choose k is the same: rho_{k+1} is more than the budget can pay to the whole prefix, so somebody is let go and the others have "
        "the high price; a worker whose cost lies between what the prefix can bear and that price bids low, and wins at it. Prices that rise are no thresholds: a worker stops winning at the "
        f"ratio at which its prefix fails. The corrected rule by a chain for every number of workers and requesters; premises and "
        f"statement evaluated on {tally.models} markets, each run by the rule as it is defined",
        f"one market; the corrected statement for all n and m by the proof (seed 540, {MODELS})",
        witness=shrink(market_document([1, 1, 1], [2, 0, 3], [3], bids=[0, 0, 3]), _gains),
        corrected="One price that falls: k the largest index for which, at the price rho_k, every requester can pay those ORP hires from S_k, placed without looking at bids; pi the lower of "
        "rho_{k+1} and the highest price that every requester can pay them. Nobody is let go, and it is DSIC, IR and within every B_j: {formula}",
        corrected_verdict="proved",
        reading=Reading(
            "prices start at rho_{k+1} and rise where a budget does not do, the prefix is chosen by the affordability test, and winners are paid v_i times these prices",
            "markets of the model, one requester, every cost at most B, somebody excluded whatever the worker bids",
            "'provided (i) the allocation remains monotone and (ii) each winner is paid a threshold': then the prices are lower than those it starts from, and the rule is the corrected one",
            "proved",
        ),
    )

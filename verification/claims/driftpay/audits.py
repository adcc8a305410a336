"""Section 8: audits and refreshed scores, one round at a time and over rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

from ...claim import AS_STATED, Judgement, Reading
from ...ledger import claim
from ...literal.driftpay import driftpay
from ...literal.procurement import LiteralMarket, literal_market
from ...proofs.truthful import TRUTHFUL
from ...search.boxes import market_document
from ...search.finite_models import auction_models, hold
from ...search.hunt import Draw
from ...search.shrink import shrink

READ_AUDIT = Reading(
    "for a schedule that no bid moves, and any rule by which refreshed scores follow from who was hired before",
    "two rounds of one market, every cost at most B; in the second whoever was hired is re-scored at twice its score, as one may be whose "
    "data the model has learnt; everybody else is truthful in both",
    "a round at a time: its scores, audits and exclusions are fixed before its bids",
    "proved",
)
MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
TOP, STEPS = 4, 4
"""Costs and budgets of the box are whole numbers up to the first; bids that are tried are multiples of one over the second."""


def _earned(market: LiteralMarket, worker: int) -> tuple[Fraction, frozenset[int]]:
    """What a worker has of a round, payment less cost, and who is hired."""
    payments = driftpay(market).payments
    mine = payments[worker] - market.costs[worker] if worker in payments else Fraction(0)
    return mine, frozenset(payments)


def _over_two_rounds(market: LiteralMarket, worker: int, first_bid: Fraction) -> Fraction:
    """What a worker has of two rounds if it bids so in the first and truly in the second."""
    first, hired = _earned(market.bidding(worker, first_bid), worker)
    scores = tuple(score * (2 if i in hired else 1) for i, score in enumerate(market.scores))
    return first + _earned(replace(market, scores=scores), worker)[0]


def _gains(document: Mapping[str, Any]) -> tuple[int, Fraction] | None:
    """Return a worker and a first bid with which it has more of both rounds than by the truth; every cost is at most B."""
    market = literal_market(document).truthful()
    if any(cost > market.budget for cost in market.costs):
        return None
    for i in market.workers:
        honest = _over_two_rounds(market, i, market.costs[i])
        for step in range(int(STEPS * market.budget) + 1):
            if _over_two_rounds(market, i, Fraction(step, STEPS)) > honest:
                return i, Fraction(step, STEPS)
    return None


def _untruthful(document: Mapping[str, Any]) -> bool:
    return _gains(document) is not None


def _box() -> Iterator[dict[str, Any]]:
    for scores in product((1, 2), repeat=2):
        for costs in product(range(TOP + 1), repeat=2):
            for budget in range(1, TOP + 1):
                yield market_document(list(scores), list(costs), [budget])


@claim(
    "D-8-AUDIT",
    source="DriftPay, section 7d, audit and refresh of scores",
    statement="an audit and refresh schedule that is exogenous to bids keeps truthfulness, one round and over rounds",
    expected="conditional",
    recheck=_untruthful,
    proof=TRUTHFUL,
    amended="proved",
)
def judge_audit() -> Judgement:
    """Refute it over two rounds; one round is the auction of Theorem 6.1."""
    tally = hold(TRUTHFUL, auction_models("driftpay-co", MODELS, seed=840, count=30))
    found = [document for document in _box() if _untruthful(document)]
    if not found:
        raise AssertionError("no market of the box has a worker that gains over two rounds")
    witness = shrink(found[0], _untruthful)
    gain = _gains(witness)
    if gain is None:
        return Judgement("refuted", "the witness was lost in shrinking", "none", found[0], reading=AS_STATED)
    worker, bid = gain
    witness["comment"] = f"worker {worker + 1} bids {bid} in the first of two rounds"
    return Judgement(
        "conditional",
        "exhaustive box of two rounds, shrunk: no bid moves the schedule, but who is hired moves what is measured next, so a worker "
        f"gives something up in one round for a better score in the next; {tally}",
        f"all n for one round; {len(found)} of {4 * (TOP + 1) ** 2 * TOP} markets of two workers, one requester, scores 1 and 2, costs to {TOP}, "
        f"B to {TOP}, over two",
        witness=witness,
        assumption="one round at a time, or workers to whom later rounds are worth nothing: scores, probe sets, audits and exclusions of a round "
        "are fixed before its bids, and the round is the auction of Theorem 6.1 among those who are left",
        assumption_verdict="proved",
        reading=READ_AUDIT,
        evidence={"markets": 4 * (TOP + 1) ** 2 * TOP, "untruthful": len(found)},
    )

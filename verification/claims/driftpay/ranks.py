"""Section 7d: what a lower bid does to ranks, and why that is not all that truthfulness needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.driftpay import liar, ratio_order
from ...literal.procurement import literal_market
from ...literal.rules import greedy_then_repair
from ...proofs.extensions import RANKS
from ...search.boxes import market_document
from ...search.finite_models import auction_models, hold
from ...search.hunt import Draw
from ...search.shrink import shrink

MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)


@claim(
    "D-7d-RANK",
    source="DriftPay, section 7d, DSIC conditions under noisy scores",
    statement="if lowering b_i can only weakly improve i's rank by rho_i = b_i / v^_i and cannot affect others' ranks, then the set of bids at which i is selected is an "
    "interval - read as: of DriftPay-CO on any weights, and of the others' ranks among themselves; counted from the top, whoever i overtakes falls by one",
    expected="proved",
    proof=RANKS,
)
def judge_ranks() -> Judgement:
    """Prove it for the rule of section 5 on any weights."""
    tally = hold(RANKS, auction_models("driftpay-co", MODELS, seed=850, count=80))
    return Judgement(
        "proved",
        f"a chain for every number of workers and every rule W(S) that does not look at bids; {tally}. Of other rules it is not true that ranks are enough (F-7d-RANK)",
        "all n by the proof",
    )


def _loses_by_a_better_rank(document: Mapping[str, Any]) -> bool:
    """Whether greedy-then-repair hires the one worker whose bid is above its cost, and not at the cost, though there it comes no later and the others stay in order."""
    market = literal_market(document)
    i = liar(market)
    if i is None or market.bids[i] <= market.costs[i]:
        return False
    lower = market.truthful()
    before, after = ratio_order(market, market.workers), ratio_order(lower, market.workers)
    others = [k for k in before if k != i] == [k for k in after if k != i]
    hired = i in greedy_then_repair(market).payments and i not in greedy_then_repair(lower).payments
    return others and after.index(i) <= before.index(i) and hired


@claim(
    "F-7d-RANK",
    source="finding, on DriftPay, section 7d",
    statement="Whatever the rule: where a lower bid only improves the bidder's rank and leaves the others in order, who is hired at a bid is hired at every lower one",
    expected="refuted",
    recheck=_loses_by_a_better_rank,
    proof=RANKS,
    amended="proved",
)
def judge_ranks_alone() -> Judgement:
    """Greedy-then-repair looks at ranks, and lets a worker go for a lower bid."""
    tally = hold(RANKS, auction_models("driftpay-co", MODELS, seed=851, count=30))
    document = market_document([2, 2, 2], [0, 4, 0], [4], bids=[0, 4, 1], caps=[[2]])
    return Judgement(
        "refuted",
        "an example shrunk: greedy-then-repair ranks by the same ratios. A lower bid leaves money for one more, and the best placeable part of the longer list is "
        f"without the worker; {tally}",
        "one market; the corrected statement for all n by the proof",
        witness=shrink(document, _loses_by_a_better_rank),
        corrected="Of DriftPay-CO on any weights: {formula}",
        corrected_verdict="proved",
        reading=Reading(
            "ranks alone, of any rule that sorts by bid per weight",
            "markets of the model, one requester, one cap",
            "of 'the additive-value reverse auction run on weights', which the sentence is about (D-7d-RANK)",
            "proved",
        ),
    )

"""Section 7d: what lower confidence bounds cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from ...claim import Judgement, Reading
from ...ledger import claim
from ...literal.driftpay import driftpay
from ...literal.procurement import LiteralMarket, literal_market
from ...proofs.extensions import PROPORTIONAL
from ...search.boxes import market_document
from ...search.finite_models import Model, family_model, hold
from ...search.hunt import Draw
from ...search.shrink import shrink

SMALL = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
DRAW = Draw(workers=(4, 8), requesters=(1, 2), groups=(1, 2), top_score=9, top_cost=9, top_budget=20)
TENTH = Fraction(1, 10)


def _used(market: LiteralMarket, seen: tuple[Fraction, ...]) -> tuple[Fraction, Fraction]:
    """What is paid in all and what score is hired, as it truly is, when the rule sees other scores."""
    outcome = driftpay(replace(market, scores=seen))
    return sum(outcome.payments.values(), Fraction(0)), market.value(outcome.winners)


def _more_of_both(document: Mapping[str, Any]) -> bool:
    """Whether bounds a tenth below some scores make the rule spend more and procure more, at the budget and at budgets 1% off; all costs at most B."""
    for share in (Fraction(99, 100), Fraction(1), Fraction(101, 100)):
        rows = [{**row, "budget": str(share * Fraction(str(row["budget"])))} for row in document["requesters"]]
        market = literal_market({**document, "requesters": rows}).truthful()
        if any(cost > market.budget for cost in market.costs):
            return False
        paid, score = _used(market, market.scores)
        bounds = product(*((v, v * (1 - TENTH)) for v in market.scores))
        if not any(spent > paid and procured > score for spent, procured in (_used(market, seen) for seen in bounds)):
            return False
    return True


def shrunk_alike() -> Iterator[Model]:
    """Markets of which the first run sees all scores times one number."""
    factors = (Fraction(9, 10), Fraction(1, 2), Fraction(3))
    for place, document in enumerate(SMALL.documents(861, 40)):
        x = factors[place % 3]
        yield family_model(
            document, "driftpay-co", {"x": x}, seen=[x * Fraction(row["score"]) for row in document["workers"]]
        )


def _compared(count: int, seed: int) -> dict[str, Any]:
    """Bounds a random share up to three tenths below each score: how often less and more is spent and procured."""
    rng = np.random.default_rng(seed)
    found = {"less spent": 0, "more spent": 0, "less procured": 0, "more procured": 0}
    shares = [Fraction(0), Fraction(0)]
    for document in DRAW.documents(seed + 1, count):
        market = literal_market(document)
        seen = tuple(
            v * (1 - Fraction(int(share), 10))
            for v, share in zip(market.scores, rng.integers(0, 4, len(market.ids)), strict=True)
        )
        (paid, score), (spent, procured) = _used(market, market.scores), _used(market, seen)
        for name, one, other in (("spent", spent, paid), ("procured", procured, score)):
            found[f"less {name}"] += one < other
            found[f"more {name}"] += one > other
        shares = [shares[0] + paid, shares[1] + spent]
    return {**found, "markets": count, "paid_on_bounds_to_paid_on_scores": f"{float(shares[1] / shares[0]):.4f}"}


@claim(
    "D-8-LCB-COST",
    source="DriftPay, section 7d, conservative variants",
    statement="The cost [of lower confidence bounds] is reduced utilization of the budget and potentially lower realized welfare in benign environments",
    expected="refuted",
    recheck=_more_of_both,
    proof=PROPORTIONAL,
    amended="proved",
)
def judge_cost() -> Judgement:
    """Bounds in proportion cost nothing; others may cost or gain."""
    tally = hold(PROPORTIONAL, shrunk_alike())
    evidence = _compared(150, 862)
    # Two workers of score 1, the second affordable beside the first: seen at 9/10 it stands alone on the wrong side of the test.
    costly = literal_market(market_document([1, 1], [0, Fraction(13, 25)], [Fraction(53, 50)]))
    both, one = _used(costly, costly.scores), _used(costly, (Fraction(1), 1 - TENTH))
    if not (one[0] < both[0] and one[1] < both[1]):
        raise AssertionError("bounds cost nothing where they should")
    said = ", ".join(
        f"{name} in {evidence[name]}" for name in ("less spent", "more spent", "less procured", "more procured")
    )
    return Judgement(
        "refuted",
        "an example shrunk, no knife edge: with the bound a prefix is worth less, so it passes, one more is hired and the whole budget is spent. That both may fall is so, by another example, "
        f"judged by the literal rule. What bounds do is a matter of how unequal they are: {tally}",
        f"one market, and 150 random ones whose bounds are up to three tenths below (seed 862, {DRAW}): {said}; in all {evidence['paid_on_bounds_to_paid_on_scores']} of what is paid on the scores",
        witness=shrink(market_document([1, 1], [0, Fraction(13, 25)], [1]), _more_of_both),
        corrected="Bounds in proportion to the scores change neither who is hired nor a payment: {formula}. Other bounds may lower or raise what is spent and what is procured",
        corrected_verdict="proved",
        reading=Reading(
            "with any bounds 0 < v~ <= v the rule never spends more and procures more than on v",
            "markets of the model, every cost at most B, bounds no more than a tenth below the scores, which are right (the benign case)",
            "'potentially': there are markets in which both fall (judged on one by the literal rule)",
            "proved",
        ),
        evidence=evidence,
    )

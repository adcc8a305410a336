"""Section 7c: bonuses after the fact, and stipends folded into the rule."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ...audit import audit
from ...claim import AS_STATED, Judgement
from ...ledger import claim
from ...literal.driftpay import gain_from_lying
from ...literal.procurement import literal_market
from ...literal.rules import bonus, stipend
from ...proofs.truthful import STIPEND
from ...search.finite_models import auction_models, hold
from ...search.hunt import Draw, document_market, find_violation

BONUS = Fraction(1)
DRAW = Draw(workers=(1, 4), requesters=(1, 2), groups=(1, 2))
LIAR = Draw(workers=(2, 3), requesters=(1, 1), groups=(1, 1), top_budget=4)


def bonus_after_the_fact(market: Any) -> Any:
    """DriftPay-CO and 1 unit of money for every winner."""
    from ....fl.mechanisms.driftpay_bonus import driftpay_bonus

    return driftpay_bonus(market, [BONUS] * market.n)


def _lies(document: Mapping[str, Any]) -> bool:
    gain = gain_from_lying(lambda market: bonus(market, BONUS), literal_market(document))
    return gain is not None and gain > 0


@claim(
    "D-7c-BONUS",
    source="DriftPay, section 7c",
    statement="If we append an ex post bonus beta_i to the payment of selected workers without adjusting the allocation/payment rule [...] a worker with "
    "cost slightly above the original threshold may now find it profitable to underbid (an existence claim); a fixed bonus schedule [...] can "
    "simply be folded into the affordability test and threshold payments",
    expected="proved",
    recheck=_lies,
    proof=STIPEND,
)
def judge_bonus() -> Judgement:
    """Show the underbidding, and prove the folded stipend."""
    search = find_violation(bonus_after_the_fact, LIAR, seed=77, count=100, shows=_lies, properties=("dsic",))
    models = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
    tally = hold(STIPEND, auction_models("driftpay-stipend", models, seed=780, count=30, stipends=True))
    rng, audited = np.random.default_rng(78), 0
    for document in DRAW.documents(79, 120):
        market = document_market(document)
        amounts = [Fraction(int(s)) for s in rng.integers(0, 4, market.n)]
        report = audit(market, "driftpay-stipend", options={"stipends": amounts})
        audited += 1
        if not report.holds:
            return Judgement(
                "refuted", f"folded stipends: {report.violations[0].says}", "seeds 78, 79", document, reading=AS_STATED
            )
        if audited <= 40:
            shipped = report_winners(market, amounts)
            if shipped != stipend(literal_market(document).truthful(), tuple(amounts)).payments:
                raise AssertionError("the shipped stipend rule is not the literal one")
    if search.document is None:
        return Judgement("supported", "random markets: no example found", f"{search.markets} markets, seed 77")
    return Judgement(
        "proved",
        "the failure by the example itself (bonus 1 for every winner; random markets audited, the find shrunk); the folded stipend by a chain "
        f"for every number of workers; {tally} - stipends may even differ between workers, if no bid moves them",
        f"found after {search.markets} markets, seed 77 ({LIAR}); {audited} markets with stipends audited, seeds 78 and 79",
        witness=search.document,
        evidence={"audited": audited},
    )


def report_winners(market: Any, amounts: list[Fraction]) -> dict[int, Fraction]:
    """What the shipped rule pays its winners."""
    from ....fl.mechanisms.driftpay_stipend import driftpay_stipend

    outcome = driftpay_stipend(market, amounts)
    return {i: outcome.payment(i) for i in outcome.winner_indices.tolist()}

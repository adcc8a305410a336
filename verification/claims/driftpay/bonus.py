"""Section 7c: bonuses after the fact, stipends folded into the rule, bonuses for everybody, bonuses that the budget covers at their worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from ...audit import audit
from ...claim import AS_STATED, Judgement, Reading
from ...ledger import claim
from ...literal.driftpay import LiteralOutcome, driftpay, gain_from_lying, liar
from ...literal.procurement import LiteralMarket, literal_market
from ...literal.rules import bonus, stipend
from ...proofs.extensions import BONUS_FOR_ALL, WORST_CASE
from ...proofs.truthful import STIPEND
from ...search.boxes import market_document
from ...search.finite_models import Model, auction_models, hold
from ...search.hunt import Draw, document_market, find_violation
from ...search.shrink import shrink

BONUS = Fraction(1)
DRAW = Draw(workers=(1, 4), requesters=(1, 2), groups=(1, 2))
MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
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
    tally = hold(STIPEND, auction_models("driftpay-stipend", MODELS, seed=780, count=30, stipends=True))
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


# ------------------------------------------------------------------ for everybody


def _steps_back(document: Mapping[str, Any]) -> bool:
    """Whether the one worker who lies is hired with the lie as little as with the truth, and others of more score are hired for it; all costs at most B."""
    market = literal_market(document)
    i = liar(market)
    if i is None or any(cost > market.budget for cost in market.costs):
        return False
    truth, lie = driftpay(market.truthful()).winners, driftpay(market).winners
    return i not in truth and i not in lie and market.value(lie) > market.value(truth)


def _with_bonus(models: Iterator[Model]) -> Iterator[Model]:
    """Give worker ``i`` a bonus, at times another one for the lie."""
    for place, model in enumerate(models):
        first = Fraction(place % 4)
        yield replace(model, values={**model.values, "g1": first, "g2": first + (place % 3 == 0)})


@claim(
    "D-7c-ALL",
    source="DriftPay, section 7c, second conservative design",
    statement="an outcome-contingent bonus can be used only if it does not affect allocation incentives - e.g., if it is paid to all participants regardless of "
    "selection (then it is outside the mechanism)",
    expected="conditional",
    recheck=_steps_back,
    proof=BONUS_FOR_ALL,
    amended="proved",
)
def judge_bonus_for_all() -> Judgement:
    """A worker who is not hired either way steps back, and the outcome that everybody is paid for is better."""
    tally = hold(BONUS_FOR_ALL, _with_bonus(auction_models("driftpay-co", MODELS, seed=790, count=60)))
    return Judgement(
        "conditional",
        "an example shrunk: a bonus for the score that is procured (for the accuracy that comes of it), paid to all. A worker whose prefix fails stands before others who fail behind it; it "
        f"asks for more, they are hired, and it has its bonus for them. It is hired neither way, so any bonus does, however small; {tally}",
        "all n by the proof; one market, and every rate of the bonus above 0",
        witness=shrink(market_document([1, 5, 1], [0, 5, 2], [5], bids=[0, 20, 2]), _steps_back),
        assumption="no worker's own bid moves its own bonus: a sum fixed beforehand, or one that depends on others and on chance alone",
        assumption_verdict="proved",
        reading=Reading(
            "of a bonus that is contingent on the outcome of the training, which depends on who is hired",
            "markets of the model, every cost at most B; the bonus is more where more score is procured",
            "of a sum that is outside the mechanism, so that no bid moves it",
            "proved",
        ),
    )


# ------------------------------------------------------------------ at their worst

HALF = Fraction(1, 2)


def _counted_at_worst(market: LiteralMarket) -> LiteralOutcome:
    """Bids net of a largest bonus of 1, the test counting 1, and half of it paid, as it comes on average."""
    outcome = stipend(market, (BONUS,) * len(market.ids))
    return LiteralOutcome({i: paid - HALF * BONUS for i, paid in outcome.payments.items()}, outcome.price)


def _hired_at_a_loss(document: Mapping[str, Any]) -> bool:
    """Whether the one liar is hired for less than its cost if it tells the truth, and gains by the lie."""
    market = literal_market(document)
    i, gain = liar(market), gain_from_lying(_counted_at_worst, market)
    if i is None or gain is None or any(cost > market.budget for cost in market.costs):
        return False
    paid = _counted_at_worst(market.truthful()).payments.get(i)
    return gain > 0 and paid is not None and paid < market.costs[i]


def with_largest(market: Any) -> dict[str, Any]:
    """Return options of the shipped rule: bonuses that differ, and what they may come to."""
    worth = [Fraction((7 * i + market.n) % 5, 2) for i in range(market.n)]
    return {"stipends": worth, "largest": [g + (i + market.m) % 3 for i, g in enumerate(worth)]}


def paid_at_most(models: Iterator[Model]) -> Iterator[Model]:
    """Add what each may have to be paid, and what that comes to over a set."""
    for model in models:
        values = dict(model.values)
        hired, price = values["H"], values["p"]
        most = {
            k: values["v"](k) * price + values["largest"](k) if k in hired else Fraction(0)
            for k in model.domains["Worker"]
        }
        yield replace(
            model,
            values={
                **values,
                "most": most.__getitem__,
                "due": lambda S, most=most: sum((most[k] for k in S), Fraction(0)),
            },
        )


@claim(
    "D-7c-WORST",
    source="DriftPay, section 7c, second conservative design",
    statement="[an outcome-contingent bonus can be used] if selection is determined using a bonus-adjusted scoring/payment rule that explicitly treats the bonus as "
    "part of the payment mapping and respects budget feasibility for worst-case bonus payouts - read as: bids are net of what a bonus is worth on average, which no bid "
    "moves; the test counts the most that bonuses may come to",
    expected="proved",
    proof=WORST_CASE,
)
def judge_worst_case() -> Judgement:
    """Prove it; audit the shipped rule."""
    tally = hold(
        WORST_CASE, paid_at_most(auction_models("driftpay-stipend", MODELS, seed=792, count=20, options=with_largest))
    )
    audited = 0
    for document in replace(DRAW, workers=(1, 3)).documents(793, 15):
        market = document_market(document)
        report = audit(market, "driftpay-stipend", options=with_largest(market))
        audited += 1
        if not report.holds:
            return Judgement("refuted", report.violations[0].says, "seed 793", document, reading=AS_STATED)
    return Judgement(
        "proved",
        f"a chain for every number of workers, payments in expectation for truth, at their largest for the budget; {tally}; the shipped rule (options stipends and largest) audited",
        f"all n by the proof; {audited} random markets audited, seed 793",
        evidence={"audited": audited},
    )


@claim(
    "F-7c-WORST",
    source="finding, on DriftPay, section 7c",
    statement="With bonuses at their largest in both places, in the affordability test and against bids, truth is still best and nobody loses by it, whatever comes of the bonuses",
    expected="refuted",
    recheck=_hired_at_a_loss,
    proof=WORST_CASE,
    amended="proved",
)
def judge_worst_in_bids() -> Judgement:
    """Who counts on the largest bonus is hired at a loss when half of it comes."""
    tally = hold(
        WORST_CASE, paid_at_most(auction_models("driftpay-stipend", MODELS, seed=794, count=20, options=with_largest))
    )
    return Judgement(
        "refuted",
        f"an example shrunk, the largest bonus 1 and half of it paid: a worker is hired at a price that only the whole bonus makes up for, and would rather not be; {tally}",
        "one market; the corrected statement for all n by the proof",
        witness=shrink(market_document([1, 1], [2, 2], [4], bids=[4, 2]), _hired_at_a_loss),
        corrected="Bids net of what a bonus is worth on average, the budget held against the most it may come to: {formula}",
        corrected_verdict="proved",
        reading=Reading(
            "one number for each bonus, its largest, in the test and in the threshold alike",
            "markets of the model, every cost at most B, half of each bonus paid",
            "the worst case is for the budget alone, which is what the paper says (D-7c-WORST)",
            "proved",
        ),
    )

"""CARE: PEA for equal reputations, CARE-NO for unequal ones; both with separate budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from ...claim import AS_STATED, Judgement, Reading
from ...guarantees import CARE_NO, PEA, PEA_PRICED
from ...ledger import claim
from ...literal.care import care_no_expected, pea, theta
from ...literal.driftpay import gain_from_lying
from ...literal.procurement import LiteralMarket, literal_market, opt_sep
from ...search.boxes import market_document
from ...search.hunt import Draw, find_violation
from ...search.shrink import shrink

PROPERTIES = ("caps", "ir", "budget", "separate-budgets", "monotone", "dsic")
EQUAL = Draw(workers=(2, 4), requesters=(1, 3), groups=(1, 2), top_score=1, top_cost=6, top_budget=9, affordable=True)
ONE_GROUP = Draw(
    workers=(1, 4), requesters=(1, 3), groups=(1, 1), top_score=1, top_cost=6, top_budget=9, affordable=True
)
ONE_REQUESTER = Draw(
    workers=(1, 5), requesters=(1, 1), groups=(1, 3), top_score=1, top_cost=6, top_budget=9, affordable=True
)
BASE = 10
EMPTY = Reading(
    "for every market of CARE's class, few workers and equal budgets included",
    "CARE's own: every cost within every budget; the witness has more requesters than workers",
    "where some virtual price fills every place, as with many more workers than requesters (CARE's setting: 120 and 2 to 12)",
    "supported",
)


def _lies(document: Mapping[str, Any]) -> bool:
    gain = gain_from_lying(pea, literal_market(document))
    return gain is not None and gain > 0


def _pea_ratio(market: LiteralMarket) -> Fraction | None:
    """``OPT-SEP / PEA`` over ``2 theta + 1``, or None if no price fills every place."""
    outcome = pea(market)
    if outcome.price is None:
        return None
    best = opt_sep(market)
    return best / market.value(outcome.winners) / PEA.factor(theta(market)) if outcome.winners else Fraction(0)


def _worst(documents: Iterable[dict[str, Any]]) -> tuple[Fraction, dict[str, Any] | None, int]:
    worst, where, count = Fraction(0), None, 0
    for document in documents:
        ratio = _pea_ratio(literal_market(document))
        count += ratio is not None
        if ratio is not None and ratio > worst:
            worst, where = ratio, document
    return worst, where, count


@claim(
    PEA.claim,
    source="CARE (arXiv 2504.15847), section V, as handed down by a second source",
    statement=PEA.statement,
    expected="conditional",
    recheck=_lies,
    amended="supported",
)
def judge_pea() -> Judgement:
    """Refute DSIC with caps that tell requesters apart; look for anything wrong without them."""
    first = find_violation("pea", EQUAL, seed=91, count=300, shows=_lies, properties=PROPERTIES)
    if first.document is None:
        return Judgement("supported", "random markets", f"{first.markets} markets, seed 91 ({EQUAL})")
    audited = 0
    for draw, seed in ((ONE_GROUP, 92), (ONE_REQUESTER, 93)):
        search = find_violation("pea", draw, seed=seed, count=180, shows=_lies, properties=PROPERTIES)
        if search.document is not None:
            return Judgement("refuted", "random markets", f"seed {seed} ({draw})", search.document, reading=AS_STATED)
        audited += search.markets
    worst, where, measured = _worst([*ONE_GROUP.documents(94, 800), *ONE_REQUESTER.documents(95, 800)])
    if worst > 1:
        return Judgement("refuted", "random markets, ratio", "seeds 94, 95", where, reading=AS_STATED)
    return Judgement(
        "conditional",
        "random markets audited over breakpoints, the find shrunk: by bidding more a worker moves the critical price past the level at which "
        "its rival's requester can employ anybody, keeps its own place, and is paid the higher price",
        f"refuted after {first.markets} markets, seed 91 ({EQUAL}); under the assumption {audited} markets audited (seeds 92, 93), {measured} ratios "
        f"(seeds 94, 95), worst {float(worst):.3f} of the bound",
        witness=first.document,
        assumption=PEA.assumption,
        assumption_verdict=PEA.verdict,
        reading=Reading(
            "with caps that differ between groups and several requesters, as handed down by a second source; the paper itself was not at hand",
            "CARE's own: equal scores, every cost within every budget",
            "one group or one requester",
            "supported",
        ),
        evidence={"audited": audited, "measured": measured, "worst_share_of_bound": str(worst)},
    )


def _nobody(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    return not pea(market).winners and opt_sep(market) > 0 and max(market.costs) <= min(market.budgets)


@claim(
    PEA_PRICED.claim,
    source="finding, on CARE, section V (second source)",
    statement=PEA_PRICED.statement,
    expected="conditional",
    recheck=_nobody,
    amended="supported",
)
def judge_empty() -> Judgement:
    """One worker and two equal budgets: every price offers two places or none."""
    found = market_document([1, 1], [1, 1], [3, 3, 3])
    worst, where, measured = _worst(Draw(**{**vars(EQUAL), "workers": (1, 4)}).documents(96, 4000))
    if worst > 1:
        return Judgement("refuted", "random markets, ratio", "seed 96", where, reading=AS_STATED)
    attained = market_document([1, 1, 1], [1, 0, 1], [1, 1, 2])
    return Judgement(
        "conditional",
        "an example shrunk: with equal budgets and fewer workers than requesters every price offers too many places or none; where a price does fill "
        "every place the ratio is measured literally, caps between groups included",
        f"{measured} markets with a filling price, seed 96; worst {float(worst):.3f} of the bound; attained by 3 workers, 3 requesters, theta = 1: "
        f"{_pea_ratio(literal_market(attained))} of the bound",
        witness=shrink(found, _nobody),
        assumption=PEA_PRICED.assumption,
        assumption_verdict=PEA_PRICED.verdict,
        reading=EMPTY,
        evidence={"attained": attained, "measured": measured},
    )


def _buckets(market: LiteralMarket) -> list[list[int]]:
    least, found = min(market.scores), {}
    for i in market.workers:
        h = 1
        while market.scores[i] / least > BASE**h:
            h += 1
        found.setdefault(h, []).append(i)
    return list(found.values())


def _no_ratio(market: LiteralMarket) -> Fraction | None:
    """``OPT-SEP`` over the claimed multiple of CARE-NO's expected score; None where that score is 0 and OPT-SEP is not."""
    expected, best = care_no_expected(market, BASE), opt_sep(market)
    if expected == 0:
        return Fraction(0) if best == 0 else None
    return best / expected / CARE_NO.factor(theta(market), BASE, len(_buckets(market)))


def _far(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    if max(market.costs) > min(market.budgets):
        return False
    ratio = _no_ratio(market)
    return ratio is None or ratio > 1


@claim(
    CARE_NO.claim,
    source="CARE (arXiv 2504.15847), as handed down by a second source",
    statement=CARE_NO.statement,
    expected="conditional",
    recheck=_far,
    amended="supported",
)
def judge_care_no() -> Judgement:
    """Refuted where PEA finds no price in a bucket; measured where it does in all of them."""
    draw = Draw(
        workers=(1, 4), requesters=(1, 3), groups=(1, 2), top_score=30, top_cost=6, top_budget=9, affordable=True
    )
    found, worst, measured = None, Fraction(0), 0
    for document in draw.documents(97, 1500):
        market = literal_market(document)
        if found is None and _far(document):
            found = document
        if all(pea(market, bucket).price is not None for bucket in _buckets(market)):
            ratio = _no_ratio(market)
            measured += 1
            if ratio is None or ratio > 1:
                return Judgement("refuted", "random markets", "seed 97", document, reading=EMPTY)
            worst = max(worst, ratio)
    if found is None:
        return Judgement("supported", "random markets", "1500 markets, seed 97")
    return Judgement(
        "conditional",
        "random markets, the find shrunk: the draw can only land on buckets in which no virtual price fills every place; expectations exact",
        f"{measured} of 1500 markets, seed 97 ({draw}), meet the assumption; worst {float(worst):.3f} of the bound",
        witness=shrink(found, _far),
        assumption=CARE_NO.assumption,
        assumption_verdict=CARE_NO.verdict,
        reading=EMPTY,
        evidence={"measured": measured, "worst_share_of_bound": str(worst)},
    )

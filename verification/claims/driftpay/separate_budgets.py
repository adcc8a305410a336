"""Section 7a: separate budgets, score caps as flow capacities, pooling."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ...claim import Judgement
from ...ledger import claim
from ...literal.care import care_no_expected, pea
from ...literal.driftpay import driftpay
from ...literal.procurement import (
    LiteralMarket,
    literal_market,
    opt,
    opt_sep,
    placeable,
    subsets,
)
from ...proofs.algebra import Step
from ...search.boxes import market_document
from ...search.hunt import Draw, document_market, find_violation
from ...search.shrink import shrink

SOURCE = "DriftPay, section 7a"


def _fractional_flow(market: LiteralMarket) -> Fraction | None:
    """Value of the flow with score capacities for one requester without caps: its budget, or all scores if that is less.

    Costs are ``v_i`` times one price, so the budget buys ``B / price`` units of score, in any shares.
    """
    prices = {c / v for c, v in zip(market.costs, market.scores, strict=True)}
    if len(market.requesters) != 1 or market.caps or market.seats[0] is not None or len(prices) != 1 or 0 in prices:
        return None
    return min(market.budget / prices.pop(), market.value(market.workers))


def _not_integral(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    flow = _fractional_flow(market)
    return flow is not None and opt_sep(market) < flow


def _headcount_flow(market: LiteralMarket) -> Fraction:
    """With equal scores and costs: the largest set placeable when requester ``j`` also has ``floor(B_j / c)`` seats."""
    from dataclasses import replace

    cost = market.costs[0]
    if cost > 0:
        places = [int(budget // cost) for budget in market.budgets]
        seats = tuple(p if s is None else min(p, s) for p, s in zip(places, market.seats, strict=True))
        market = replace(market, seats=seats)
    return max(market.value(chosen) for chosen in subsets(market.workers) if placeable(market, chosen))


@claim(
    "D-7a-FLOW",
    source=SOURCE,
    statement="This turns the separate budgets into linear constraints in the flow formulation (one may interpret them as capacities on "
    "requester-to-sink edges measured in score units rather than headcount)",
    expected="refuted",
    recheck=_not_integral,
)
def judge_flow() -> Judgement:
    """One indivisible worker does not fit a capacity that half of it would fill."""
    # Costs v_i * price turn ORP-SCORECAP into OPT-SEP, and the flow with score capacities into its linear relaxation.
    witness = shrink(market_document([2, 3], [2, 3], [4]), _not_integral)
    equal = 0
    for document in Draw(
        workers=(1, 4), requesters=(1, 3), groups=(1, 2), top_score=1, top_budget=9, seats=True
    ).documents(71, 400):
        for row in document["workers"]:
            row["cost"] = document["workers"][0]["cost"]
        market = literal_market(document)
        equal += 1
        if opt_sep(market) != _headcount_flow(market):
            return Judgement("refuted", "random markets with equal scores", f"{equal} markets, seed 71", document)
    return Judgement(
        "refuted",
        "an example shrunk, with costs equal to score times price, so that OPT-SEP is ORP-SCORECAP and OPT-FRAC is the flow with score "
        "capacities. A worker of score v uses v units of an edge and cannot be split: the requester's edge is a knapsack, the optimum of "
        "the flow is fractional, and with two requesters and no caps the integral problem contains PARTITION, so it is NP-hard",
        f"the corrected statement held in {equal} random markets with equal scores and costs, seats included, seed 71",
        witness=witness,
        corrected="With equal scores v the cap is a headcount of floor(B_j / (price v)) seats, and the problem is a flow with integral optima. In general "
        "it is a multiple knapsack",
        corrected_verdict="supported",
        evidence={"markets": equal},
    )


@claim(
    "D-7a-NO",
    source=SOURCE,
    statement="Worker-side DSIC can still be preserved [...] each requester pays its own bill: DriftPay-NO as built here is DSIC, IR and within "
    "every B_j",
    expected="supported",
)
def judge_no() -> Judgement:
    """Audit the clock on random markets."""
    properties = ("caps", "ir", "budget", "separate-budgets", "monotone", "dsic")
    audited = runs = 0
    draws = (
        Draw(workers=(2, 4), requesters=(1, 3), groups=(1, 3)),
        Draw(workers=(2, 4), requesters=(2, 3), groups=(1, 3), seats=True),
    )
    for seed, draw in enumerate(draws, start=72):
        search = find_violation("driftpay-no", draw, seed=seed, count=150, shows=None, properties=properties)
        if search.document is not None:
            return Judgement("refuted", "random markets", f"seed {seed} ({draw})", search.document)
        audited, runs = audited + search.markets, runs + search.runs
    return Judgement(
        "supported",
        "random markets, every bid moved over candidate breakpoints, every payment seen taken for a breakpoint too. The rule is a descending clock on "
        "group prices, for which the known argument is that a worker does best to stay while the offer covers its cost",
        f"{audited} markets, {runs} runs, seeds 72 and 73 ({draws[0]}; and with seats)",
        evidence={"markets": audited, "runs": runs},
    )


def _separate_beats_pooled(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    return care_no_expected(market) > market.value(driftpay(market).winners)


@claim(
    "D-7a-POOL",
    source=SOURCE,
    statement="What we lose, relative to pooling, is some efficiency: separate budgets can create unused slack - the pooled OPT is at least the separate "
    "OPT; the same for the mechanisms' scores",
    expected="refuted",
    recheck=_separate_beats_pooled,
)
def judge_pool() -> Judgement:
    """True of the optima, and of DriftPay-CO beside PEA for equal scores; false of mechanisms in general."""
    from ....fl.mechanisms.interface import run_mechanism

    pooled_beats = 0
    for document in Draw(workers=(1, 4), requesters=(1, 3), groups=(1, 2), seats=True).documents(74, 400):
        market = literal_market(document)
        pooled_beats += 1
        if opt(market) < opt_sep(market):
            return Judgement("refuted", "random markets", "optima, seed 74", document)
    equal = Draw(workers=(1, 5), requesters=(1, 3), groups=(1, 2), top_score=1, top_budget=9)
    for document in equal.documents(75, 600):
        market = literal_market(document)
        if market.value(driftpay(market).winners) < market.value(pea(market).winners):
            return Judgement("refuted", "random markets", "PEA above DriftPay-CO, seed 75", document)
    # PEA fills E places at a price r with E r <= B. Where DriftPay-CO's prefix first has value E its ratio is at most r: it passes.
    Step(
        "the prefix in which E workers can first be placed passes DriftPay-CO's test",
        {"order": "r - rho >= 0", "places": "B - E*r >= 0", "count": "E >= 0"},
        "B - rho*E >= 0",
        [("places",), ("count", "order")],
    ).check()
    found, clock_wins, compared = None, 0, 0
    for document in Draw(workers=(2, 4), requesters=(2, 3), groups=(1, 2), top_score=12).documents(76, 600):
        compared += 1
        market = document_market(document)
        clock_wins += run_mechanism(market, "driftpay-no").score > run_mechanism(market, "driftpay-co").score
        if found is None and _separate_beats_pooled(document):
            found = document
    if found is None:
        return Judgement("supported", "random markets", "600 markets, seed 76")
    return Judgement(
        "refuted",
        "the optima: a placement within every B_j spends at most B in total, so it is feasible for the pooled problem; random markets agree. The "
        "mechanisms: random markets, the find shrunk - DriftPay-CO's test counts the whole prefix at its last ratio, and can stop before a good "
        "worker that CARE-NO's draw finds",
        f"{pooled_beats} optima (seed 74), 600 markets of equal scores (seed 75); DriftPay-NO above DriftPay-CO in {clock_wins} of {compared} markets (seed 76)",
        witness=shrink(found, _separate_beats_pooled),
        corrected="OPT >= OPT-SEP always; and for equal scores DriftPay-CO procures at least what PEA does",
        corrected_verdict="proved",
        evidence={"clock_above_pooled": clock_wins, "compared": compared},
    )

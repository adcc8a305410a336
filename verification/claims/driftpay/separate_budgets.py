"""Section 7a: separate budgets, score caps as flow capacities, pooling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ...claim import AS_STATED, Judgement, Reading
from ...ledger import claim
from ...literal.care import care_no_expected, pea
from ...literal.driftpay import driftpay
from ...literal.procurement import (
    LiteralMarket,
    literal_market,
    opt,
    opt_sep,
    placeable,
    placements,
    subsets,
)
from ...proofs.families import POOLED, POOLED_EQUAL
from ...search.boxes import market_document
from ...search.finite_models import Model, auction_models, hold
from ...search.hunt import Draw, document_market, find_violation
from ...search.shrink import shrink

SOURCE = "DriftPay, section 7a"
FLOW = Reading(
    "the flow with score capacities has integral optima, as a flow with headcounts has",
    "markets of the model, two workers of unequal scores",
    "the caps are linear constraints of the integer program, which is all that the paper's words say (D-7a-FLOW)",
    "argued",
)


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
    cost = market.costs[0]
    if cost > 0:
        places = [int(budget // cost) for budget in market.budgets]
        seats = tuple(p if s is None else min(p, s) for p, s in zip(places, market.seats, strict=True))
        market = replace(market, seats=seats)
    return max(market.value(chosen) for chosen in subsets(market.workers) if placeable(market, chosen))


@claim(
    "D-7a-FLOW",
    source=SOURCE,
    statement="requester j can afford at most B_j / pi total score. This turns the separate budgets into linear constraints in the flow formulation (one may "
    "interpret them as capacities on requester-to-sink edges measured in score units rather than headcount)",
    expected="argued",
)
def judge_linear() -> Judgement:
    """The sentence as it stands; what it must not be taken to say is F-7a-FLOW."""
    checked = 0
    for document in Draw(workers=(1, 4), requesters=(1, 3), groups=(1, 2), seats=True).documents(70, 200):
        price = 1 + checked % 3
        for row in document["workers"]:
            row["cost"] = price * row["score"]
        market = literal_market(document)
        score_caps = max(
            market.value(chosen) for chosen in subsets(market.workers) if _within_score_caps(market, chosen, price)
        )
        checked += 1
        if opt_sep(market) != score_caps:
            raise AssertionError(f"the score caps are not the budgets on {document}")
    return Judgement(
        "argued",
        "sum_i v_i x_ij <= B_j / pi is linear in x_ij: at payments v_i pi it is requester j's budget. Every placement under these constraints against "
        "OPT-SEP at those prices. Integral optima of a flow are another matter, see F-7a-FLOW",
        f"{checked} random markets with seats, seed 70",
    )


def _within_score_caps(market: LiteralMarket, chosen: tuple[int, ...], price: int) -> bool:
    """Whether some placement meets ``sum_i v_i x_ij <= B_j / price`` for every requester."""
    return any(
        all(
            sum((market.scores[i] for i, k in zip(chosen, place, strict=True) if k == j), Fraction(0)) <= budget / price
            for j, budget in enumerate(market.budgets)
        )
        for place in placements(market, chosen)
    )


@claim(
    "F-7a-FLOW",
    source="finding, on DriftPay, section 7a (what the picture of edge capacities suggests)",
    statement="With score caps as capacities of requester-to-sink edges the problem stays a flow problem with integral optima",
    expected="refuted",
    recheck=_not_integral,
    amended="supported",
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
            return Judgement(
                "refuted", "random markets with equal scores", f"{equal} markets, seed 71", document, reading=FLOW
            )
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
        reading=FLOW,
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
            return Judgement("refuted", "random markets", f"seed {seed} ({draw})", search.document, reading=AS_STATED)
        audited, runs = audited + search.markets, runs + search.runs
    return Judgement(
        "supported",
        "random markets, every bid moved over candidate breakpoints, every payment seen taken for a breakpoint too. The rule is a descending clock on "
        "group prices, for which the known argument is that a worker does best to stay while the offer covers its cost",
        f"{audited} markets, {runs} runs, seeds 72 and 73 ({draws[0]}; and with seats)",
        evidence={"markets": audited, "runs": runs},
    )


def _slack(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    return opt(market) > opt_sep(market)


def _separate_beats_pooled(document: Mapping[str, Any]) -> bool:
    market = literal_market(document).truthful()
    return care_no_expected(market) > market.value(driftpay(market).winners)


@claim(
    "D-7a-POOL",
    source=SOURCE,
    statement="What we lose, relative to pooling, is some efficiency: separate budgets can create unused slack - read as: the pooled optimum is at least the "
    "separate one, and can be more (O placed within every B_j: {formula})",
    expected="proved",
    recheck=_slack,
    proof=POOLED,
)
def judge_pool() -> Judgement:
    """A placement within every budget is one within their sum; two requesters who cannot pay alone."""
    compared = 0
    for document in Draw(workers=(1, 4), requesters=(1, 3), groups=(1, 2), seats=True).documents(74, 400):
        market = literal_market(document)
        compared += 1
        if opt(market) < opt_sep(market):
            return Judgement("refuted", "random markets", "optima, seed 74", document, reading=AS_STATED)
    return Judgement(
        "proved",
        "a chain for all placements, and optima of random markets; that it can be more by the example: neither requester can pay the worker, both can",
        f"all markets; {compared} random ones (seed 74)",
        witness=shrink(market_document([1], [2], [1, 1]), _slack),
    )


def _beside_pea(models: Iterator[Model]) -> Iterator[Model]:
    """Markets in which PEA hires somebody: ``O`` its winners, ``y`` its price, ``z0`` the first prefix worth as much."""
    for model in models:
        outcome = pea(literal_market(model.document))
        if outcome.price is None or not outcome.winners:
            continue
        values, chosen = dict(model.values), frozenset(outcome.winners)
        order = sorted(model.domains["Worker"], key=lambda k: (values["r"](k), k))
        worth = values["sum"](chosen)
        first = next((k for k in order if values["M"](values["P"](k)) >= worth), order[-1])
        yield Model(
            model.domains, {**values, "O": chosen, "y": outcome.price / values["u"], "z0": first}, model.document
        )


@claim(
    "F-7a-POOL",
    source="finding, on DriftPay, section 7a (what pooling gains a mechanism)",
    statement="Whatever mechanisms stand for the two settings, the pooled one's score is at least the separate one's: DriftPay-CO against CARE-NO",
    expected="refuted",
    recheck=_separate_beats_pooled,
    proof=POOLED_EQUAL,
    amended="proved",
)
def judge_pool_of_mechanisms() -> Judgement:
    """DriftPay-CO against PEA for equal scores, and against CARE-NO."""
    from ....fl.mechanisms.interface import run_mechanism

    equal = Draw(workers=(1, 5), requesters=(1, 3), groups=(1, 2), top_score=1, top_budget=9)
    for document in equal.documents(75, 600):
        market = literal_market(document)
        if market.value(driftpay(market).winners) < market.value(pea(market).winners):
            raise AssertionError(f"PEA above DriftPay-CO on {document}")
    few = replace(equal, workers=(1, 3))
    tally = hold(POOLED_EQUAL, _beside_pea(auction_models("driftpay-co", few, seed=77, count=60)))
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
        "random markets, the find shrunk: DriftPay-CO's test counts the whole prefix at its last ratio, and can stop before a good worker that CARE-NO's draw "
        f"finds. For equal scores a chain for every number of workers; {tally}",
        f"600 markets of equal scores (seed 75); DriftPay-NO above DriftPay-CO in {clock_wins} of {compared} markets (seed 76)",
        witness=shrink(found, _separate_beats_pooled),
        corrected="For equal scores DriftPay-CO procures at least what PEA does: whatever is placed at a uniform price y that its budgets cover (O): {formula}",
        corrected_verdict="proved",
        reading=Reading(
            "of any two mechanisms for the two settings",
            "markets of the model with unequal scores",
            "of the optima, which is what the paper says (D-7a-POOL)",
            "proved",
        ),
        evidence={"clock_above_pooled": clock_wins, "compared": compared},
    )

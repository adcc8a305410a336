"""Mutants of what DriftPay's section 7 sketches: each rule, premise or number with something wrong turns its claim's verdict."""

from dataclasses import replace
from fractions import Fraction as F

import pytest
from campaign import thorough
from fedmech.fl.mechanisms.coverage_greedy import coverage_greedy
from fedmech.fl.mechanisms.interface import call, mechanisms, run_mechanism
from fedmech.fl.mechanisms.outcome import outcome
from fedmech.fl.scoring import digits_market
from fedmech.verification import audit
from fedmech.verification.claims.driftpay import congestion, coverage_constant, escalation, heterogeneity, promises
from fedmech.verification.claims.findings import impossible, large_market, ratios
from fedmech.verification.ledger import claims, judge
from fedmech.verification.literal.driftpay import LiteralOutcome
from fedmech.verification.proofs.chain import have_z3
from fedmech.verification.proofs.extensions import SEPARATE
from fedmech.verification.search import finite_models, one_pool_rules
from fedmech.verification.search.boxes import market_document
from fedmech.verification.search.finite_models import Unheld, hold
from fedmech.verification.search.truthful_rules import best_scores, table_within

pytestmark = pytest.mark.skipif(not have_z3(), reason="z3 is not installed")

CLAIMS = claims()


def dearer(market):
    """The next ratio for a price, whether budgets can pay it or not: what escalation starts from."""
    seen = escalation.one_price(market)
    ratios = sorted(market.bid(i) / market.score(i) for i in range(market.n))
    price = next((r for r in ratios if seen.price is not None and r > seen.price), seen.price)
    where = {i: int(seen.assignment[i]) for i in seen.winner_indices.tolist()}
    return outcome(market, where, {i: market.score(i) * (price or F(0)) for i in where}, price=price)


def misplaced(market):
    """Everybody who is hired at the first requester that has room, whatever its budget."""
    seen = escalation.one_price(market)
    if market.m < 2 or (market.cap_limits >= 0).any() or (market.seat_limits >= 0).any():
        return seen
    where = dict.fromkeys(seen.winner_indices.tolist(), 0)
    return outcome(market, where, {i: seen.payment(i) for i in where}, price=seen.price)


@pytest.mark.parametrize("rule", [dearer, pytest.param(misplaced, marks=pytest.mark.slow)])
def test_another_price_or_place_is_not_the_rule_of_the_proof(rule):
    hold(SEPARATE, escalation.billed(count=20))
    with pytest.raises(Unheld):
        hold(SEPARATE, escalation.billed(rule, count=200))


def test_a_worker_that_gains_nothing_is_no_witness_of_escalation():
    claim = CLAIMS["D-7a-ESCALATION"]
    assert claim.recheck is not None
    witness = market_document([1, 1, 1], [2, 0, 3], [3], bids=[0, 0, 3])
    assert claim.recheck(witness)
    for other in (
        {"requesters": [{"id": "r1", "budget": 4}]},
        {"workers": [{**row, "bid": row["cost"]} for row in witness["workers"]]},
    ):
        assert not claim.recheck({**witness, **other})


# ------------------------------------------------------------------ promises of registered rules


def paying_more(found):
    """Pay every winner a unit more for each unit of its bid."""
    paid = found.scaled_payments.copy()
    for i in found.winner_indices.tolist():
        paid[i] = 2 * int(paid[i]) + found.payment_denominator
    return replace(found, scaled_payments=paid)


def paying_bids(found):
    market = found.market
    assert market is not None
    where = {i: int(found.assignment[i]) for i in found.winner_indices.tolist()}
    return outcome(market, where, {i: market.bid(i) for i in where})


def test_every_rule_that_claims_truth_is_judged():
    # Rules that tests register are not of the package.
    shipped = {entry.name for entry in mechanisms("procurement") if entry.shipped and "truthful" in entry.claims}
    assert shipped == promises.RULES.keys()


@pytest.mark.parametrize("name", promises.RULES)
def test_a_rule_that_pays_bids_breaks_its_promise(name, monkeypatch):
    run = call
    monkeypatch.setattr(promises, "hold", lambda proof, models: None)
    monkeypatch.setattr(audit, "call", lambda entry, market, given: paying_bids(run(entry, market, given)))
    entry = judge(CLAIMS[f"M-TRUTH-{name}"])
    assert not entry.agrees
    assert entry.judgement.verdict == "refuted"


@pytest.mark.parametrize("name", [name for name, promise in promises.RULES.items() if promise.proof is not None])
def test_a_rule_that_pays_more_is_not_the_rule_of_its_chain(name, monkeypatch):
    monkeypatch.setattr(
        finite_models, "run_mechanism", lambda market, rule, **given: paying_more(run_mechanism(market, rule, **given))
    )
    entry = judge(CLAIMS[f"M-TRUTH-{name}"])
    assert not entry.agrees
    assert "false of the shipped rule" in entry.judgement.method


# ------------------------------------------------------------------ sentences that are measured


def blind(market, rule, **options):
    """Run DriftPay-CO whatever was asked for: estimates are as good as scores."""
    return run_mechanism(market, "driftpay-co")


def doubled(market, share):
    return paying_more(coverage_greedy(market, share))


MEASUREMENTS = {
    "scores that say nothing": ("D-4-BETA", digits_market, "drift_score", lambda local, start, probe: 1.0),
    "concentrations the other way round": ("D-4-BETA", heterogeneity, "MEASURED", heterogeneity.MEASURED[::-1]),
    "partitions the other way round": ("D-4-BETA-LABELS", heterogeneity, "MEASURED", heterogeneity.MEASURED[::-1]),
    "estimates that err nowhere": ("D-9-CONGESTION", congestion, "run_mechanism", blind),
    "places that grow": ("D-9-CONGESTION", congestion, "ROOM", congestion.ROOM[::-1]),
    "money that is scarce": ("D-9-CONGESTION", congestion, "AMPLE", congestion.TIGHT),
    "money that is ample": ("F-9-CONGESTION", congestion, "TIGHT", congestion.AMPLE),
    "routing that changes nothing": ("F-9-CONGESTION", congestion, "first_come", lambda market: run_mechanism(market, "driftpay-co").score),
    "a greedy that pays more": ("D-7b-CONST", coverage_constant, "coverage_greedy", doubled),
    "the best worker whatever the others cover": ("D-7b-CONST", coverage_constant, "TIMES", F(10**6)),
    "a smaller constant": ("D-7b-CONST", coverage_constant, "FACTOR", F(5, 4)),
    "a factor that no rule is within": ("F-LOWER-GRID", impossible, "JUST_ABOVE", F(2)),
    "a search that finds nothing": ("F-LOWER-POOL", impossible, "table_within", lambda scores, steps, factor: None),
    "another optimum": ("F-LOWER-POOL", impossible, "best_scores", lambda scores, *more: dict.fromkeys(best_scores(scores, *more), 12)),
    "lots that always come out alike": ("F-LARGE", large_market, "run_mechanism", blind),
    "a worst ratio that is larger": ("F-RATIO-SMALL", ratios, "TABLE", (("drop-top", 2, F(3), False, True),)),
    "a worst ratio that is smaller": ("F-RATIO-SMALL", ratios, "TABLE", (("drop-top", 2, F(3, 2), False, True),)),
    "a ratio attained that is approached": ("F-RATIO-SMALL", ratios, "TABLE", (("driftpay-co", 3, F(2), True, True),)),
    "a spread that is left out": ("F-RATIO-SMALL", ratios, "TABLE", (("driftpay-co", 2, F(2), False, True),)),
    "a rule that is another": ("F-RATIO-SMALL", one_pool_rules, "RULES", {**one_pool_rules.RULES, "gravin": one_pool_rules.drop_top}),
    "another rule for two workers": ("F-RATIO-SMALL", ratios, "table_within", lambda scores, steps, factor: {}),
    "a baseline that is larger": ("F-RATIO-BASELINES", ratios, "BASELINES", (("random-feasible", 2, F(1, 2), 1, True),)),
    "a baseline that is smaller": ("F-RATIO-BASELINES", ratios, "BASELINES", (("lowest-bid", 2, F(1, 2), 0, True),)),
    "a baseline attained that is approached": ("F-RATIO-BASELINES", ratios, "BASELINES", (("greedy-then-repair", 3, F(1), 1, True),)),
    "a baseline that is another": ("F-RATIO-BASELINES", one_pool_rules, "BASELINES", {**one_pool_rules.BASELINES, "lowest-bid": one_pool_rules.prefix}),
    "a price that hires": ("F-RATIO-BASELINES", ratios, "priced_out", lambda: market_document([1], [F(1, 2)], [1])),
    "a clock that is another": ("F-7b-CLOCK", coverage_constant, "coverage_clock", lambda market: LiteralOutcome({})),
}  # fmt: skip


SLOW = (
    "places that grow",
    "money that is scarce",
    "money that is ample",
    "the best worker whatever the others cover",
    "another optimum",
    "a worst ratio that is larger",
    "a ratio attained that is approached",
    "another rule for two workers",
    "a baseline attained that is approached",
)


THOROUGH = (
    "a rule that is another",
    "routing that changes nothing",
    "a greedy that pays more",
    "concentrations the other way round",
)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in MEASUREMENTS
        if name not in THOROUGH
    ]
    + thorough(THOROUGH, lambda name: True),
)
def test_another_measurement_turns_the_verdict(name, monkeypatch):
    id, owner, attribute, wrong = MEASUREMENTS[name]
    monkeypatch.setattr(owner, attribute, wrong)
    entry = judge(CLAIMS[id])
    assert not entry.agrees


# ------------------------------------------------------------------ the search over all rules


@pytest.mark.parametrize(
    ("scores", "caps", "least"),
    [((1, 1), (), F(2)), ((2, 3), (), F(5, 3)), ((5, 7), (), F(12, 7)), ((2, 2, 3), (), F(7, 3)), ((1, 1), (1,), F(1))],
)
def test_least_factors_of_any_rule_on_a_grid(scores, caps, least):
    """One worker too few at the least factor; a table of the search is monotone, placeable and within the budget at its critical bids."""
    groups = [0] * len(scores)
    table = table_within(scores, 4, least, groups, caps)
    assert table is not None
    assert least == 1 or table_within(scores, 4, least - F(1, 100), groups, caps) is None
    best = best_scores(scores, 4, groups, caps)
    for bids, hired in table.items():
        assert all(len(hired) <= cap for cap in caps)
        assert least * sum(scores[i] for i in hired) >= best[bids]
        highest = [max(bid for bid in range(5) if i in table[(*bids[:i], bid, *bids[i + 1 :])]) for i in hired]
        assert sum(highest) <= 4
        assert all(i in table[(*bids[:i], bid, *bids[i + 1 :])] for i in hired for bid in range(bids[i]))

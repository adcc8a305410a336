"""Section 7b: a constant factor for coverage, where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ....fl.mechanisms.coverage_greedy import coverage_greedy
from ....fl.mechanisms.outcome import Outcome, outcome
from ....models.procurement.market import Market
from ...audit import audit
from ...claim import AS_STATED, Judgement, Reading
from ...ledger import claim
from ...literal.procurement import coverage_of, literal_market, subsets
from ...literal.rules import coverage_clock
from ...search.boxes import market_document
from ...search.hunt import Draw, document_market
from ...search.shrink import shrink

HALF = Fraction(1, 2)
TIMES = Fraction(367, 50)
"""How often the best single coverage has to go into what the others could cover at most, before it is given up: 7.34, of Chen, Gravin and Lu (SODA 2011)."""
FACTOR = TIMES + 1
DRAW = Draw(workers=(2, 4), requesters=(1, 1), groups=(1, 1), caps=False, regions=3, affordable=True)


def best_or_greedy(market: Market, times: Fraction | None = None) -> Outcome:
    """The worker of best coverage alone, paid the budget, if it is not far behind what the others could cover within it; else greedy with half the budget in its test.

    The greedy's winners are paid the bid at which they lose: in the greedy, or because the others no longer cover enough.
    """
    budget = sum(market.budgets)
    assert market.coverage is not None
    coverage = [list(row) for row in market.coverage]

    def covers(chosen: Any) -> Fraction:
        rows = [coverage[i] for i in chosen]
        return sum((max(column) for column in zip(*rows, strict=True)), Fraction(0))

    pool = [i for i in range(market.n) if market.bid(i) <= budget and covers([i]) > 0]
    if not pool:
        return outcome(market, {}, {}, mechanism="best-or-greedy")
    star = min(pool, key=lambda i: (-covers([i]), i))
    others = [i for i in range(market.n) if i != star]
    enough = [
        chosen for chosen in subsets(others) if covers(chosen) > (TIMES if times is None else times) * covers([star])
    ]

    def asked(chosen: Any) -> Fraction:
        return sum((market.bid(k) for k in chosen), Fraction(0))

    if not any(asked(chosen) <= budget for chosen in enough):
        return outcome(market, {star: 0}, {star: budget}, mechanism="best-or-greedy")
    found = coverage_greedy(market, HALF)
    paid = {}
    for i in found.winner_indices.tolist():
        # Sets that cover enough, i at any bid: up to what each leaves of the budget.
        room = max(
            (
                budget - asked(k for k in chosen if k != i) if i in chosen else budget
                for chosen in enough
                if i in chosen or asked(chosen) <= budget
            ),
            default=budget,
        )
        paid[i] = min(found.payment(i), room)
    return outcome(market, dict.fromkeys(paid, 0), paid, mechanism="best-or-greedy")


def eager(market: Market) -> Outcome:
    """The same, the best worker given up as soon as the others could cover more."""
    return best_or_greedy(market, Fraction(1))


def many(small: int, cost: int, budget: int) -> dict[str, Any]:
    """One worker of coverage 1 in each of so many regions, all alike."""
    rows = [[int(r == i) for r in range(small)] for i in range(small)]
    return market_document([1] * small, [cost] * small, [budget], coverage=rows)


@claim(
    "D-7b-CONST",
    source="DriftPay, section 7b",
    statement="constant-factor DSIC mechanisms exist in the single-parameter setting (notably Singer-style mechanisms) by combining (i) a greedy rule based on marginal value per cost and "
    "(ii) carefully defined threshold payments - read as: without caps, where the sentence stands; for caps the paper claims none",
    expected="supported",
)
def judge_constant() -> Judgement:
    """Build one, audit it, and measure it against the exact optimum."""
    runs = compared = greedy = 0
    worst = Fraction(1)
    for document in [*DRAW.documents(910, 40), *(many(k, 0, 4) for k in (9, 10))]:
        market, literal = document_market(document), literal_market(document)
        found = best_or_greedy(market)
        greedy += len(found.winner_indices) > 1
        if market.n <= 4:
            # No promise but the factor depends on how often; once is what lets small markets reach the greedy.
            report = audit(market, eager)
            runs += report.runs
            greedy += len(best_or_greedy(market, Fraction(1)).winner_indices) > 1
            if not report.holds:
                return Judgement("refuted", report.violations[0].says, "seed 910", document, reading=AS_STATED)
        hired = coverage_of(literal, found.winner_indices.tolist())
        best = max(
            coverage_of(literal, chosen)
            for chosen in subsets(literal.workers)
            if sum(literal.costs[i] for i in chosen) <= literal.budget
        )
        compared += 1
        if best > FACTOR * hired:
            return Judgement("refuted", f"{best} against {hired}", "seed 910", document, reading=AS_STATED)
        worst = max(worst, best / hired if hired else worst)
    if not greedy:
        raise AssertionError("the greedy was never used")
    return Judgement(
        "supported",
        "a rule of this kind, built here: the worker of best coverage alone, unless the others could cover 7.34 times as much within the budget, in which case the greedy with half the budget in its "
        "test; that it is within 8.34 of the optimum is a theorem of Chen, Gravin and Lu (SODA 2011), which asks for exact optima among the others. Audited over breakpoints, and measured against the "
        "exact optimum. With caps its payments are not within any constant share of the budget (F-7b-SHARE); a falling clock keeps the budget under caps, and no constant (F-7b-CLOCK)",
        f"{compared} markets without limits ({DRAW}, seed 910; and nine and ten workers alike, where the greedy is used), {runs:,} runs: worst ratio {worst}",
        evidence={"worst": str(worst), "greedy used": greedy},
    )


def _nobody(document: Mapping[str, Any]) -> bool:
    """Whether the clock hires nobody although every worker alone is affordable and covers something, and nothing limits placements."""
    market = literal_market(document).truthful()
    if market.caps or any(seats is not None for seats in market.seats) or not market.coverage:
        return False
    able = all(cost <= market.budget for cost in market.costs) and all(
        coverage_of(market, [i]) > 0 for i in market.workers
    )
    return able and not coverage_clock(market).payments


@claim(
    "F-7b-CLOCK",
    source="finding, on DriftPay, section 7b (a falling clock in the place of the greedy)",
    statement="The shipped coverage clock, whose target doubles as long as more than it is kept, covers a constant share of the best affordable coverage, where nothing limits placements",
    expected="refuted",
    recheck=_nobody,
)
def judge_clock() -> Judgement:
    """Two workers alike pass the target together, and both leave at the next."""
    from ....fl.mechanisms.interface import run_mechanism

    witness = shrink(many(2, 3, 5), _nobody)
    hired = run_mechanism(document_market(witness), "coverage-clock").winner_indices.tolist()
    compared = 0
    for document in Draw(workers=(2, 4), requesters=(1, 2), groups=(1, 2), regions=3).documents(911, 40):
        compared += 1
        shipped = run_mechanism(document_market(document), "coverage-clock")
        literal = coverage_clock(literal_market(document).truthful())
        if {i: shipped.payment(i) for i in shipped.winner_indices.tolist()} != literal.payments:
            raise AssertionError(f"the shipped clock is not the literal one on {document}")
    if hired:
        raise AssertionError("the shipped clock hires somebody on the witness")
    return Judgement(
        "refuted",
        "an example shrunk: two workers of coverage 1 each, both dearer than half the budget, are kept together, the target doubles, the offers halve, and both leave for good. It promises truth, "
        "rationality and the budget only (M-TRUTH-coverage-clock), and keeps that",
        f"one market, run by the shipped rule, which is the literal one on {compared} markets with caps (seed 911)",
        witness=witness,
        reading=Reading(
            "for every market without caps and seats, every cost at most B",
            "markets of the model with coverage",
            "where every cost is a small share of the budget it may be true; not judged",
            "supported",
        ),
    )

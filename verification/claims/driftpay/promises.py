"""Every shipped rule of procurement markets that promises truthfulness keeps its promises: one claim each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ....fl.mechanisms.interface import find_mechanism
from ....models.procurement.market import Market
from ....solvers.placement.matroid import best_set
from ...audit import audit
from ...claim import AS_STATED, Judgement, Verdict
from ...ledger import claim
from ...literal.procurement import literal_market, placeable, subsets
from ...proofs.chain import Proof
from ...proofs.clarke import CLARKE
from ...proofs.drop_top import DROP_TOP
from ...proofs.truthful import LOWERED, ORACLE, STIPEND
from ...search import finite_models
from ...search.finite_models import Hires, Model, auction_models, hold
from ...search.hunt import Draw, document_market
from ..findings.drop_top import without_star
from .noise import lower_bounds, positive, radii

MODELS = Draw(workers=(1, 3), requesters=(1, 2), groups=(1, 2), seats=True, top_score=3, top_cost=4)
LIMITS = Draw(workers=(2, 4), requesters=(1, 2), groups=(1, 2), seats=True)
ONE_POOL = Draw(workers=(2, 4), requesters=(1, 1), groups=(1, 1), caps=False)
COVERAGE = Draw(workers=(2, 4), requesters=(1, 2), groups=(1, 2), regions=3)
AUDITED = 10
PROMISED = {"truthful": ("monotone", "dsic"), "rational": ("ir",), "budget": ("budget",), "separate-budgets": ("separate-budgets",)}  # fmt: skip
"""What an audit asks for a promise."""


def worths(market: Market) -> list[Fraction]:
    """Return positive values that are not the scores: what a rule ranks by that ranks by something else."""
    return [Fraction((7 * i + 3 * market.n) % 5 + 1, 2) for i in range(market.n)]


def _by_worth(market: Market, _: np.random.Generator) -> Hires:
    """Return the shipped ORP on these values."""
    weights = [int(2 * value) for value in worths(market)]

    def hires(chosen: frozenset[int]) -> frozenset[int]:
        return frozenset(best_set(market, np.array([w if i in chosen else 0 for i, w in enumerate(weights)])).tolist())

    return hires


def _ranked(rule: str, option: str) -> Callable[[], Iterator[Model]]:
    return lambda: auction_models(
        rule,
        MODELS,
        seed=870,
        count=8,
        weights=lambda market: tuple(worths(market)),
        hires=_by_worth,
        options=lambda market: {option: worths(market)},
    )


def clarke_models() -> Iterator[Model]:
    """Run VCG on random markets, one worker's bid moved; surpluses are those of the literal market."""
    rng = np.random.default_rng(871)
    for document in MODELS.documents(872, 25):
        market, literal = document_market(document), literal_market(document)
        sets = [frozenset(chosen) for chosen in subsets(literal.workers)]
        fits = {S: placeable(literal, sorted(S)) for S in sets}
        i, lie = int(rng.integers(market.n)), Fraction(int(rng.integers(0, 11)), 2)
        unit = literal.budget / max(literal.scores)
        worth = {S: unit * literal.value(S) for S in sets}
        values: dict[str, Any] = {
            "i": i,
            "inside": lambda k, S: k in S,
            "placeable": fits.__getitem__,
            "worth": worth.__getitem__,
        }
        for q, seen in (("1", literal), ("2", literal.bidding(i, lie))):
            outcome = finite_models.run_mechanism(market.with_bids(list(seen.bids)), "vcg")
            asks = {S: sum((seen.bids[k] for k in S), Fraction(0)) for S in sets}
            values |= {
                f"asks{q}": asks.__getitem__,
                f"H{q}": frozenset(outcome.winner_indices.tolist()),
                f"bid{q}": seen.bids[i],
                f"paid{q}": outcome.payment(i),
                f"alone{q}": max(worth[S] - asks[S] for S in sets if fits[S] and i not in S),
            }
        yield Model({"Worker": range(market.n), "Set": sets}, {**values, "c": values["bid1"]}, document)


@dataclass(frozen=True)
class Promise:
    """How a rule is judged: by which chain, held against which runs, and on which markets it is audited."""

    proof: Proof | None = None
    models: Callable[[], Iterator[Model]] | None = None
    draw: Draw = LIMITS
    options: Callable[[Market], dict[str, Any]] = lambda market: {}
    says: str = "truthful bidding is dominant, and what else it promises"

    @property
    def verdict(self) -> Verdict:
        """Proved where there is a chain."""
        return "supported" if self.proof is None else "proved"


def _co(rule: str, draw: Draw = MODELS, **more: Any) -> Callable[[], Iterator[Model]]:
    return lambda: auction_models(rule, draw, seed=873, count=8, **more)


def dealt(market: Market) -> dict[str, Any]:
    """Return options of the large-market rule: two levels, workers in turn."""
    return {"levels": 2, "draws": [1 + i % 2 for i in range(market.n)]}


def _large_market() -> Iterator[Model]:
    """Two levels weigh 5 to 3: (3/2)^2 - 1 and (3/2)^2 - 3/2."""
    return auction_models(
        "large-market",
        replace(ONE_POOL, workers=(1, 3)),
        seed=873,
        count=8,
        weights=lambda market: tuple(market.score(i) * (1 if i % 2 == 0 else Fraction(3, 5)) for i in range(market.n)),
        options=dealt,
    )


RULES = {
    "accuracy": Promise(ORACLE, _ranked("accuracy", "accuracies"), options=lambda market: {"accuracies": worths(market)}),
    "coverage-clock": Promise(draw=COVERAGE),
    "coverage-greedy": Promise(draw=COVERAGE),
    "driftpay-co": Promise(ORACLE, _co("driftpay-co")),
    "driftpay-lcb": Promise(
        LOWERED, _co("driftpay-lcb", takes=positive, weights=lower_bounds, options=radii), options=radii,
        says="truthful bidding is dominant (that nobody is paid less than its bid, and the budget, are audited beside)",
    ),
    "driftpay-no": Promise(),
    "driftpay-noisy": Promise(
        ORACLE, _ranked("driftpay-noisy", "estimates"), options=lambda market: {"estimates": worths(market)}
    ),
    "driftpay-stipend": Promise(STIPEND, _co("driftpay-stipend", stipends=True)),
    "drop-top": Promise(DROP_TOP, _co("drop-top", takes=without_star)),
    "gravin": Promise(draw=ONE_POOL),
    "large-market": Promise(ORACLE, _large_market, draw=ONE_POOL, options=dealt),
    "random-price": Promise(options=lambda market: {"seed": market.n}),
    "reputation": Promise(ORACLE, _ranked("reputation", "reputations"), options=lambda market: {"reputations": worths(market)}),
    "singer": Promise(ORACLE, _co("singer", draw=replace(ONE_POOL, workers=(1, 3))), draw=ONE_POOL),
    "vcg": Promise(CLARKE, clarke_models),
}  # fmt: skip
"""The registered rules whose claims have "truthful"; a test holds this table to the registry."""


def _judge_of(name: str, promise: Promise) -> Callable[[], Judgement]:
    def judge_promises() -> Judgement:
        """Hold the chain against the shipped rule, and audit it for all that it promises."""
        entry = find_mechanism(name)
        properties = ["caps", *(asked for kept in sorted(entry.claims) for asked in PROMISED[kept])]
        tally = None if promise.proof is None or promise.models is None else hold(promise.proof, promise.models())
        runs, audited = 0, AUDITED if tally is None else AUDITED // 2
        for document in promise.draw.documents(874, audited):
            market = document_market(document)
            report = audit(market, name, properties=properties, options=promise.options(market))
            runs += report.runs
            if not report.holds:
                says = report.violations[0].says
                return Judgement("refuted", f"random markets: {says}", "seed 874", document, reading=AS_STATED)
        how = (
            "nothing found: random markets"
            if tally is None
            else f"a chain for every number of workers; {tally}; and random markets"
        )
        all_n = "" if tally is None else "all n by the proof; "
        return Judgement(
            promise.verdict,
            f"{how} audited, every bid moved over candidate and declared breakpoints and every payment seen",
            f"{all_n}{audited} markets, {runs:,} runs, seed 874 ({promise.draw})",
            evidence={"promises": sorted(entry.claims), "runs": runs},
        )

    return judge_promises


for _name, _promise in RULES.items():
    claim(
        f"M-TRUTH-{_name}",
        source=f"the registry of mechanisms: what {_name} claims",
        statement=f"The rule {_name} keeps what it claims in the registry: {_promise.says}",
        expected=_promise.verdict,
        proof=() if _promise.proof is None else _promise.proof,
    )(_judge_of(_name, _promise))

"""Section 7e: what accurate scores and routing inside the optimisation are worth, the scarcer capacity is."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from ....fl.mechanisms.interface import run_mechanism
from ....models.procurement.market import Market
from ...claim import Judgement
from ...ledger import claim
from ...search.boxes import market_document
from ...search.hunt import document_market

SOURCE = "DriftPay, section 7e, comparative statics, market congestion"
WORKERS, GROUPS, MARKETS = 18, 3, 60
ROOM = (6, 2, 1)
"""Places for each of the groups of six, from all to one: congestion rises."""
AMPLE, TIGHT = 240, 60
"""Budgets: more than everybody asks for at prices as they come out, and a fraction of that."""


def _markets(room: int, budget: int) -> Iterator[tuple[Market, list[Fraction]]]:
    """Markets that differ in nothing but room and budget, and estimates between 3/10 and 17/10 of their scores."""
    rng = np.random.default_rng(900)
    groups = [i % GROUPS for i in range(WORKERS)]
    for _ in range(MARKETS):
        scores, costs = rng.integers(1, 10, WORKERS), rng.integers(1, 10, WORKERS)
        factors = rng.integers(3, 18, WORKERS)
        document = market_document(scores, costs, [budget], groups=groups, caps=[[room]] * GROUPS)
        yield document_market(document), [Fraction(int(v) * int(f), 10) for v, f in zip(scores, factors, strict=True)]


def first_come(market: Market) -> Fraction:
    """Score of the largest affordable prefix where workers take places as they come in the ratio order, and who finds none is passed over."""
    scores, bids = [market.score(i) for i in range(market.n)], [market.bid(i) for i in range(market.n)]
    left = dict(enumerate(market.group_totals.tolist()))
    budget, taken, best = sum(market.budgets), Fraction(0), Fraction(0)
    for i in sorted(range(market.n), key=lambda i: (bids[i] / scores[i], i)):
        group = int(market.group_of[i])
        if left[group] > 0:
            left[group], taken = left[group] - 1, taken + scores[i]
        if bids[i] / scores[i] * taken > budget:
            break
        best = taken
    return best


def losses(budget: int) -> dict[str, list[Fraction]]:
    """Shares of DriftPay-CO's score that are lost on estimates, and with places as workers come, at each :data:`ROOM`."""
    found: dict[str, list[Fraction]] = {"scores": [], "routing": []}
    for room in ROOM:
        whole, seen, came = Fraction(0), Fraction(0), Fraction(0)
        for market, estimates in _markets(room, budget):
            whole += run_mechanism(market, "driftpay-co").score
            seen += run_mechanism(market, "driftpay-noisy", estimates=estimates).score
            came += first_come(market)
        found["scores"].append(1 - seen / whole)
        found["routing"].append(1 - came / whole)
    return found


def _said(values: list[Fraction]) -> str:
    return ", ".join(f"{float(value):.1%} with {room} of 6 places" for value, room in zip(values, ROOM, strict=True))


def _evidence(found: dict[str, list[Fraction]]) -> dict[str, Any]:
    return {name: [f"{float(value):.4f}" for value in values] for name, values in found.items()} | {
        "places": list(ROOM)
    }


@claim(
    "D-9-CONGESTION",
    source=SOURCE,
    statement="Congestion should amplify the importance of both accurate scores and compatibility-aware assignment (the ORP/max-flow step), because mistakes in ranking propagate through "
    "scarce capacity - read as: on average over markets, where capacity is what is scarce, not money",
    expected="supported",
)
def judge_congestion() -> Judgement:
    """Take places away where money is ample."""
    found = losses(AMPLE)
    for name, values in found.items():
        if any(later <= earlier for earlier, later in pairwise(values)):
            raise AssertionError(f"{name}: lost {_said(values)}")
    return Judgement(
        "supported",
        "exact scores of the shipped rules: of DriftPay-CO's, lost on estimates between 3/10 and 17/10 of the scores, and lost where places go to workers as they come in the ratio order. With "
        "money scarce as well the first does not rise (F-9-CONGESTION)",
        f"{MARKETS} markets of {WORKERS} workers in {GROUPS} groups, B = {AMPLE}, seed 900: without accurate scores {_said(found['scores'])}; without routing {_said(found['routing'])}",
        evidence=_evidence(found),
    )


@claim(
    "F-9-CONGESTION",
    source="finding, on DriftPay, section 7e, market congestion",
    statement="Where money is scarce, congestion amplifies the importance of routing inside the optimisation and not that of accurate scores, on average over markets",
    expected="supported",
)
def judge_tight() -> Judgement:
    """Take places away where money binds first."""
    found = losses(TIGHT)
    if found["scores"][-1] > found["scores"][0] or any(b <= a for a, b in pairwise(found["routing"])):
        raise AssertionError(f"scores: lost {_said(found['scores'])}; routing: {_said(found['routing'])}")
    return Judgement(
        "supported",
        "as D-9-CONGESTION, with a quarter of the money: bad estimates cost most where they decide which of many prefixes the money reaches",
        f"{MARKETS} markets of {WORKERS} workers, B = {TIGHT}, seed 900: without accurate scores {_said(found['scores'])}; without routing {_said(found['routing'])}",
        evidence=_evidence(found),
    )

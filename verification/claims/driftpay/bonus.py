"""Section 7c: bonuses after the fact, and stipends folded into the rule."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ...audit import audit
from ...claim import Judgement
from ...ledger import claim
from ...literal.driftpay import gain_from_lying
from ...literal.procurement import literal_market
from ...literal.rules import bonus, stipend
from ...proofs.algebra import Proof, Step
from ...proofs.driftpay import DSIC
from ...search.hunt import Draw, document_market, find_violation

BONUS = Fraction(1)
DRAW = Draw(workers=(1, 4), requesters=(1, 2), groups=(1, 2))
LIAR = Draw(workers=(2, 3), requesters=(1, 1), groups=(1, 1), top_budget=4)

STIPEND = Proof(
    text="""
    Put n_i = max(b_i - s_i, 0), rho_i = n_i / v_i, and let a prefix S_k pass if rho_k M(S_k) + s(W(S_k)) <= B; k* is the largest that passes. s(W) need
    not grow with the prefix, and the proof does not use that it does. Let i win with prefix S and price p = min(rho_next, (B - s) / M).
    Moved to a ratio up to p, S still passes [below], longer prefixes keep their last ratio and fail as before: same prefix, same price.
    Moved above p, let P be the prefix that ends at i or a longer one. If P = S, it fails [above]. If P is larger than S, it was a prefix with the
    same winners and a ratio not higher before the move, and failed (k* was the largest to pass): it fails now [worse]. So i is outside
    the chosen prefix. The threshold of the net bid is v_i p, of the bid v_i p + s_i (bids below s_i count as s_i, and do not lose a win), and
    that is what i is paid. Payments are p M + s <= B; and v_i p + s_i >= v_i rho_i + s_i >= b_i since S passes.
    """,
    steps=(
        Step(
            "below: S passes with the new ratio",
            {"price": "(B - s)/M - r >= 0", "value": "M > 0"},
            "B - s - r*M >= 0",
            [("price", "value")],
        ),
        Step(
            "above: S fails with a ratio above (B - s) / M",
            {"price": "r - (B - s)/M > 0", "value": "M > 0"},
            "r*M + s - B > 0",
            [("price", "value")],
        ),
        Step(
            "worse: what failed at a ratio fails at a higher one",
            {"failed": "q*M + s - B > 0", "higher": "r - q >= 0", "value": "M >= 0"},
            "r*M + s - B > 0",
            [("failed",), ("higher", "value")],
        ),
        Step("payments", {"price": "(B - s)/M - p >= 0", "value": "M > 0"}, "B - (p*M + s) >= 0", [("price", "value")]),
        Step(
            "rational",
            {"price": "p - rho >= 0", "score": "v > 0", "net": "v*rho + s - b >= 0"},
            "v*p + s - b >= 0",
            [("score", "price"), ("net",)],
        ),
    ),
)


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
)
def judge_bonus() -> Judgement:
    """Show the underbidding, and prove the folded stipend."""
    search = find_violation(bonus_after_the_fact, LIAR, seed=77, count=100, shows=_lies, properties=("dsic",))
    steps = STIPEND.check() + DSIC.check()
    rng, audited = np.random.default_rng(78), 0
    for document in DRAW.documents(79, 120):
        market = document_market(document)
        amounts = [Fraction(int(s)) for s in rng.integers(0, 4, market.n)]
        report = audit(market, "driftpay-stipend", options={"stipends": amounts})
        audited += 1
        if not report.holds:
            return Judgement("refuted", f"folded stipends: {report.violations[0].says}", "seeds 78, 79", document)
        if audited <= 40:
            shipped = report_winners(market, amounts)
            if shipped != stipend(literal_market(document).truthful(), tuple(amounts)).payments:
                raise AssertionError("the shipped stipend rule is not the literal one")
    if search.document is None:
        return Judgement("supported", "random markets: no example found", f"{search.markets} markets, seed 77")
    return Judgement(
        "proved",
        "the failure by the example itself (bonus 1 for every winner; random markets audited, the find shrunk); the folded stipend by a written proof "
        f"for every n, its {steps} algebraic steps checked - stipends may even differ between workers, if no bid moves them",
        f"found after {search.markets} markets, seed 77 ({LIAR}); {audited} markets with stipends audited, seeds 78 and 79",
        witness=search.document,
        evidence={"steps": steps, "audited": audited},
    )


def report_winners(market: Any, amounts: list[Fraction]) -> dict[int, Fraction]:
    """What the shipped rule pays its winners."""
    from ....fl.mechanisms.driftpay_stipend import driftpay_stipend

    outcome = driftpay_stipend(market, amounts)
    return {i: outcome.payment(i) for i in outcome.winner_indices.tolist()}

"""Families of markets on which DriftPay-CO and drop-top are as bad as their bounds allow.

Each family is a function of exact parameters that returns a document, together with a proof whose steps are the comparisons that
decide the run: which prefix passes, which fails, what the optimum can pay for.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..literal.driftpay import LiteralRule, driftpay
from ..literal.procurement import literal_market, opt
from ..proofs.algebra import Proof, Step
from .boxes import market_document

__all__ = [
    "drop_top_family",
    "drop_top_tight",
    "drop_unaffordable_proof",
    "equal_scores_proof",
    "family_ratio",
    "small_costs_family",
    "small_costs_tight",
    "theorem_family",
    "theorem_tight",
]


def family_ratio(document: Mapping[str, Any], rule: LiteralRule = driftpay) -> Fraction:
    """``OPT / ALG`` on a document, everybody bidding the cost, by literal code."""
    market = literal_market(document).truthful()
    return opt(market) / market.value(rule(market).winners)


def theorem_family(r: Fraction, eps: Fraction) -> dict[str, Any]:
    """Four workers, scores from 1 to ``r``, budget 1, ratio ``2 + r - eps``; ``0 < eps < min(1, r - 1)``."""
    ratio = 1 / (1 + r - eps)
    scores = [Fraction(1), r, r - eps, Fraction(1)]
    return market_document(scores, [Fraction(0), *(ratio * v for v in scores[1:])], [1])


def theorem_tight() -> Proof:
    """The run of :func:`theorem_family`."""
    given = {"eps": "e > 0", "room": "r - 1 - e > 0", "small": "1 - e > 0"}
    return Proof(
        text="""
        Worker 1 is free and comes first; the others share the ratio t = 1 / (1 + r - e) and follow by index. The prefix {1, 2} is
        worth 1 + r and fails [fails], so the mechanism hires worker 1 alone: ALG = 1. Every score is in [1, r] [scores], every cost
        at most B = 1 [costs]. Workers 2, 3, 4 cost t per unit of score, so whoever spends at most 1 gets at most 1 / t from them and
        1 from worker 1; workers 1, 3 and 4 get exactly that [optimum]: OPT = 2 + r - e.
        """,
        steps=(
            Step("fails: t (1 + r) > 1", given, "(1 + r) - (1 + r - e) > 0", [("eps",)]),
            Step("scores: 1 < r - e", given, "(r - e) - 1 > 0", [("room",)]),
            Step("costs: t r < 1", given, "(1 + r - e) - r > 0", [("small",)]),
            Step("optimum: workers 3 and 4 are worth 1 / t", {}, "(r - e) + 1 - (1 + r - e) >= 0", []),
        ),
    )


def equal_scores_proof() -> Proof:
    """OPT <= 2 ALG for equal scores, from OPT < 2 ALG + v."""
    return Proof(
        text="""
        Let every score be v, ALG = k v, OPT = a v with whole a, k. The proof of Theorem 6.2 gives OPT < 2 ALG + v or OPT = ALG. So
        a < 2 k + 1 [divide by v], and whole numbers leave a <= 2 k.
        """,
        steps=(
            Step(
                "divide by v",
                {"bound": "2*k + 1 - a > 0", "score": "v > 0"},
                "2*k*v + v - a*v > 0",
                [("score", "bound")],
            ),
        ),
    )


def small_costs_family(beta: Fraction, eps: Fraction) -> dict[str, Any]:
    """Budget 1, every cost at most ``beta``, ratio ``2 + beta / (1 - beta) - (2 - beta) eps``; ``0 < eps < beta``."""
    top = beta / (1 - beta) - eps
    outside = 1 + top - (1 - beta) * eps
    pieces = -(-1 // beta)
    scores = [Fraction(1), top, *([outside / pieces] * int(pieces))]
    return market_document(scores, [Fraction(0), *(v / outside for v in scores[1:])], [1])


def small_costs_tight() -> Proof:
    """The run of :func:`small_costs_family`."""
    return Proof(
        text="""
        Worker 1 is worth 1 and free. The others share the ratio 1 / X, X = 1 + u - (1 - b) e, worker 2 being worth u = b / (1 - b) - e and coming
        first by index. The prefix {1, 2} is worth 1 + u > X and fails [fails], so ALG = 1. Worker 2 costs u / X <= b [cost], the others are
        ceil(1 / b) equal pieces of X, so cost at most b each and 1 together. OPT takes worker 1 and all the pieces: 1 + X, and no budget of 1
        buys more than X from workers of ratio 1 / X.
        """,
        steps=(
            Step(
                "fails: 1 + u > X",
                {"eps": "e > 0", "rest": "1 - b > 0"},
                "(1 + u) - (1 + u - (1 - b)*e) > 0",
                [("rest", "eps")],
            ),
            Step(
                "cost: u <= b X, times (1 - b)",
                {"eps": "e > 0", "rest": "1 - b > 0"},
                "b*(1 - b) + b*(b - (1 - b)*e) - b*(1 - b)**2*e - (b - (1 - b)*e) > 0",
                [("rest", "rest", "rest", "eps")],
            ),
        ),
    )


def drop_unaffordable_proof() -> Proof:
    """DriftPay-CO without bids above B keeps its properties."""
    return Proof(
        text="""
        For bids up to B the set of workers that stay is the same whatever i bids, so the proof of Theorem 6.1 applies among them. A
        winner's threshold v_i p is at most B [threshold], so being dropped above B never costs a win: the threshold is still v_i p. No
        set within the budget holds a worker that costs more than B, so OPT does not change and the assumption of the ratio holds.
        """,
        steps=(
            Step(
                "threshold",
                {"budget": "B - p*M >= 0", "member": "M - v >= 0", "price": "p >= 0"},
                "B - p*v >= 0",
                [("budget",), ("price", "member")],
            ),
        ),
    )


def drop_top_family(eps: Fraction) -> dict[str, Any]:
    """Four workers, budget 1: drop-top gets 1 of ``4 - eps``; ``0 < eps < 1``."""
    ratio = 1 / (2 - eps)
    return market_document([1, 1, 1, 1 - eps], [0, 0, ratio, ratio * (1 - eps)], [1])


def drop_top_tight() -> Proof:
    """The run of :func:`drop_top_family`."""
    return Proof(
        text="""
        Worker 1 is set aside. Of the rest worker 2 is free and comes first, worker 3 follows with the ratio 1 / (2 - e); the prefix of both is
        worth 2 and fails [fails], so the rest is worth 1, not more than worker 1, who is hired alone: ALG = 1. All four workers together
        cost exactly 1 [all]: OPT = 4 - e.
        """,
        steps=(
            Step("fails: 2 > 2 - e", {"eps": "e > 0"}, "2 - (2 - e) > 0", [("eps",)]),
            Step("all: 1 + (1 - e) = 2 - e", {}, "(2 - e) - (1 + (1 - e)) >= 0", []),
        ),
    )

"""What claims guarantee on one procurement market, each said once: the ledger judges it, ``fedmech judge`` holds a market to it.

A guarantee bounds what a rule misses: ``reference <= factor * procured``. Its factor is a function of exact numbers, so that a grid of
the ledger and a single market take it alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from .claim import Verdict

__all__ = [
    "CARE_NO",
    "DROP_TOP",
    "EQUAL_SCORES",
    "GRAVIN",
    "LARGE_MARKET",
    "NOISE",
    "NOISE_OPT",
    "PEA",
    "PEA_PRICED",
    "SMALL_COSTS",
    "THEOREM_6_2",
    "Guarantee",
]


@dataclass(frozen=True)
class Guarantee:
    """A bound on the ratio of an optimum, or of another rule's score, to what a rule procures.

    Attributes
    ----------
    claim : str
        Its place in the ledger.
    statement : str
        The sentence that is judged there.
    verdict : str
        How it fares, under its assumption if it has one.
    factor : callable
        The bound, a function of exact numbers.
    assumption : str or None
        Without which it can fail.
    strict : bool
        Whether the bound is never attained unless both sides are equal.
    """

    claim: str
    statement: str
    verdict: Verdict
    factor: Callable[..., Fraction]
    assumption: str | None = None
    strict: bool = False


THEOREM_6_2 = Guarantee(
    "D-6.2",
    "Assume 0 < v_min <= v_i <= v_max. In the pooled-budget setting, ALG >= OPT / (2 + v_max / v_min)",
    "proved",
    lambda low, high: 2 + Fraction(high) / low,
    "every cost is at most the pooled budget B (exactly: the first worker of the ratio order that can be placed costs at most "
    "B, or OPT = 0); and then the inequality is strict wherever OPT > ALG",
    strict=True,
)

EQUAL_SCORES = Guarantee(
    "F-6.2-EQUAL",
    "With equal scores and every cost at most B, OPT <= 2 ALG (the theorem says 3), and 2 is attained",
    "proved",
    lambda: Fraction(2),
)

SMALL_COSTS = Guarantee(
    "F-6.2-SMALL",
    "If every cost is at most beta B with beta < 1, then OPT < (2 + beta / (1 - beta)) ALG or OPT = ALG, whatever the scores: 3 when every "
    "cost is at most half of B, towards 2 as workers become small beside the budget. The constant is the least possible for every beta",
    "proved",
    lambda beta: 2 + Fraction(beta) / (1 - beta),
    strict=True,
)

LARGE_MARKET = Guarantee(
    "F-LARGE",
    "If every worker has as many twins of its score and cost on each of K levels and every cost is at most beta B with beta < 1, then large-market hires everybody or has "
    "OPT-FRAC < (q / (q - 1) + beta / (1 - beta)) ALG, q = (1 + 1/K)^K: towards e / (e - 1) = 1.582 as levels grow and workers become small beside the budget, and for K = 1, which is "
    "Singer's rule and DriftPay-CO's without limits, the 2 + beta / (1 - beta) of F-6.2-SMALL, which is the least possible",
    "proved",
    lambda levels, beta: 1 / (1 - Fraction(levels, levels + 1) ** levels) + Fraction(beta) / (1 - beta),
    strict=True,
)

GRAVIN = Guarantee(
    "F-GRAVIN",
    "In one pool without limits gravin has OPT < 3 ALG, or nobody can be had; against the fractional optimum of the workers who bid at most B, too. Three workers come to 3 - eps for eps = 1/3, "
    "1/10 and 1/1000",
    "proved",
    lambda: Fraction(3),
    strict=True,
)

DROP_TOP = Guarantee(
    "D-DROPTOP",
    "Drop-top is DSIC, IR, budget-feasible and OPT <= 4 ALG, whatever the scores",
    "proved",
    lambda: Fraction(4),
    strict=True,
)

NOISE_OPT = Guarantee(
    "D-8-NOISE-OPT",
    "ALG(v^) >= (1 - eta) / (1 + eta) alpha OPT(v), where alpha = 1 / (2 + v_max / v_min)",
    "proved",
    lambda eta, low, high: Fraction(1 + eta) / (1 - eta) * THEOREM_6_2.factor(low, high),
    "every cost is at most B; ALG(v^) is the true score of the workers hired",
)

NOISE = Guarantee(
    "D-6-NOISE",
    "with every cost at most B, ALG(v^) >= (1 - eta) / ((1 + eta) (1 + v_max / v_min)) ALG(v)",
    "proved",
    lambda eta, low, high: Fraction(1 + eta) / (1 - eta) * (1 + Fraction(high) / low),
)

PEA = Guarantee(
    "C-PEA",
    "PEA is DSIC, IR, within every requester's budget, and a (2 theta + 1)-approximation",
    "supported",
    lambda theta: Fraction(2 * theta + 1),
    "one group (caps do not tell workers apart) or one requester, every cost at most every B_j, and some virtual price fills every place",
)

PEA_PRICED = Guarantee(
    "F-PEA-EMPTY",
    "Some virtual price always fills every place, so that PEA hires somebody whenever somebody can be hired and every cost is within every "
    "budget (what the ratio 2 theta + 1 takes for granted)",
    "supported",
    PEA.factor,
    "some virtual price fills every place; then OPT-SEP <= (2 theta + 1) PEA, and the constant 3 for theta = 1 is attained",
)

CARE_NO = Guarantee(
    "C-NO",
    "CARE-NO attains OPT / ((2 theta + 1) * base * buckets) in expectation over the drawn bucket, every cost at most every B_j",
    "supported",
    lambda theta, base, buckets: PEA.factor(theta) * base * buckets,
    "in every non-empty bucket some virtual price fills every place",
)

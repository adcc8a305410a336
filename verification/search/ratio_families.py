"""Families of markets on which DriftPay-CO and drop-top are as bad as their bounds allow.

Each family is a function of exact parameters that returns a document; :mod:`fedmech.verification.proofs.families` runs the rule on it symbolically.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..literal.driftpay import LiteralRule, driftpay
from ..literal.procurement import literal_market, opt
from .boxes import market_document

__all__ = [
    "drop_top_family",
    "family_ratio",
    "small_costs_family",
    "theorem_family",
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


def small_costs_family(beta: Fraction, eps: Fraction) -> dict[str, Any]:
    """Budget 1, every cost at most ``beta``, ratio ``2 + beta / (1 - beta) - (2 - beta) eps``; ``0 < eps < beta``."""
    top = beta / (1 - beta) - eps
    outside = 1 + top - (1 - beta) * eps
    pieces = -(-1 // beta)
    scores = [Fraction(1), top, *([outside / pieces] * int(pieces))]
    return market_document(scores, [Fraction(0), *(v / outside for v in scores[1:])], [1])


def drop_top_family(eps: Fraction) -> dict[str, Any]:
    """Four workers, budget 1: drop-top gets 1 of ``4 - eps``; ``0 < eps < 1``."""
    ratio = 1 / (2 - eps)
    return market_document([1, 1, 1, 1 - eps], [0, 0, ratio, ratio * (1 - eps)], [1])

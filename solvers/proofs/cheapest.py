"""A proof that, of all assignments of the greatest score, one costs least, as a file.

Two documents of :mod:`.document` about the same point. ``score``, on the market as it is: the point is worth ``V``, and nothing more.
``cost``, on the market whose scores are ``M v_i - c_i``, where ``M`` exceeds what any assignment that can be paid costs: the point is
worth ``M V - C``, and nothing more. An assignment of score ``V`` that costs ``C'`` is worth ``M V - C'`` there, so ``C' >= C``.
(Who costs more than all the money is never hired; such a score is 1, for scores are above 0.)
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...models.exact import integer_array
from ...models.procurement.market import Market
from .document import check_document, digest, sealed
from .proof import Pulse, refuse

__all__ = ["FORMAT", "CheckedCheapest", "check_cheapest_document", "write_cheapest_document"]

FORMAT = "fedmech-cheapest/1"

FIELDS = {"format", "problem", "score", "cost", "seal"}


@dataclass(frozen=True)
class CheckedCheapest:
    """What an accepted document proves: no assignment is worth more than `score`, and none that is worth it costs less than `cost`."""

    problem: str
    score: Fraction
    cost: Fraction


def write_cheapest_document(problem: str, score: dict[str, Any], cost: dict[str, Any]) -> dict[str, Any]:
    """Return the documents about the score and about the cost as one."""
    return sealed({"format": FORMAT, "problem": problem, "score": score, "cost": cost})


def check_cheapest_document(document: Any, market: Market, pulse: Pulse | None = None) -> CheckedCheapest:
    """Verify that a document's point has the greatest score, and that none of that score costs less.

    Raises
    ------
    ProofError
        Says what is wrong.
    """
    if not isinstance(document, dict) or set(document) != FIELDS or document["format"] != FORMAT:
        refuse(f"not a {FORMAT} file")
    if document["seal"] != digest({**document, "seal": None}):
        refuse("the seal does not match: the document has been changed")
    problem = document["problem"]
    if problem not in ("orp", "opt", "opt-sep"):
        refuse(f"problem {problem!r} has no cheapest optimum")
    if market.scaled.costs is None:
        refuse("the market has no costs")
    score = check_document(document["score"], market, pulse)
    cost = check_document(document["cost"], _both_objectives(market, problem), pulse)
    if not score.problem == cost.problem == problem:
        refuse("score and cost are of different problems")
    if not score.optimal or not cost.optimal:
        refuse("the point is not shown to be optimal")
    point = document["score"]["point"]
    if point != document["cost"]["point"]:
        refuse("score and cost are of different points")
    costs = market.scaled.costs.tolist()
    spent = sum(costs[i] for workers in point for i in workers)
    return CheckedCheapest(problem, score.value, Fraction(spent, market.scaled.money_denominator))


def _both_objectives(market: Market, problem: str) -> Market:
    """The market whose scores are ``M v_i - c_i``, in plain Python integers."""
    costs = market.scaled.needed_costs.tolist()
    money = sum(costs) if problem == "orp" else sum(market.scaled.budgets.tolist())
    largest = min(sum(costs), money)
    weighed = [(largest + 1) * v - c for v, c in zip(market.scaled.scores.tolist(), costs, strict=True)]
    return market.with_scaled(scores=integer_array([max(score, 1) for score in weighed]))

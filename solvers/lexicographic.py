"""A second objective: of all assignments of the greatest score, the cheapest.

One market has both in one number. In integers, let ``M`` exceed what any assignment that can be paid costs. With scores
``M v_i - c_i`` the best assignment has the greatest score, for one unit of score outweighs all costs, and of those the least cost. A
proof of its value ``M V - C`` says: whoever reaches the score ``V`` costs at least ``C``. That ``V`` is the greatest score is proved by
itself, on the market as it is; so the score rests on one proof and the cost on both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..models.display import Page, Readable, show
from ..models.exact import IntArray, exact_sum, integer_array
from ..models.input_error import InputError
from ..models.procurement.market import Market
from .certify.tree import certify
from .feasibility import CheckError, objective_value, violation
from .proofs.cheapest import check_cheapest_document, write_cheapest_document
from .solution import Solution
from .solution_page import status_line
from .solve import solve

__all__ = ["Cheapest", "certify_cheapest", "solve_cheapest"]


@dataclass(frozen=True)
class Cheapest(Readable):
    """An assignment of the greatest score that costs least.

    Attributes
    ----------
    solution : Solution
        Of the market as it is: the score and its proof, with the cheapest assignment found.
    cost : Fraction or None
        What that assignment costs; None if there is none.
    least : Fraction or None
        No assignment of the greatest score costs less; None if the greatest score is not known, or nothing was found out.
    second : Solution
        Of the market of combined scores: what `least` rests on.
    """

    solution: Solution
    cost: Fraction | None
    least: Fraction | None
    second: Solution

    @property
    def complete(self) -> bool:
        """Whether nothing that scores as much costs less, and nothing scores more, on the word of what solved it."""
        return self.solution.status == "optimal" and self.second.status == "optimal" and self.cost == self.least

    @property
    def proved(self) -> bool:
        """Whether it is complete, and neither solve rests on the word of a solver, or of a search that was not checked."""
        return self.complete and self.solution.proved and self.second.proved

    def page(self) -> Page:
        """Return the solution, and what is known of its cost."""
        page = self.solution.page()
        told = [("cost", show(self.cost))]
        if self.complete:
            told.append(("then cheapest", f"{status_line(self.second)}: no assignment of this score costs less"))
        else:
            told.append(
                ("then cheapest", f"not proved; assignments of the greatest score cost at least {show(self.least)}")
            )
        return replace(page, facts=[*page.facts, *told])


def solve_cheapest(market: Market, problem: str = "opt", method: str = "auto", **options: Any) -> Cheapest:
    """Find, of all assignments of the greatest score, one that costs least.

    Parameters
    ----------
    market : Market
        With costs.
    problem : {'opt', 'orp', 'opt-sep'}
    method : str
    **options
        As :func:`fedmech.solve` takes them, for each of two solves; the optima need not be reached.

    Returns
    -------
    Cheapest

    Raises
    ------
    InputError
        For another problem, or a market without costs.
    """
    if problem not in ("opt", "orp", "opt-sep"):
        raise InputError(
            f"the cheapest of the best is found for opt, orp and opt-sep, not for {problem}", field="problem"
        )
    combined, weight = _combined(market, problem)
    first = solve(market, problem, method, **options, allow_suboptimal=True)
    second = solve(combined, problem, method, **options, allow_suboptimal=True)
    chosen, value = first.assignment, first.value
    if second.assignment is not None:
        other = objective_value(market, problem, second.assignment)
        if first.status == "optimal" and value is not None and other > value:
            raise CheckError(f"{problem}: an assignment scores more than what {first.method} calls the optimum")
        if (
            value is None
            or other > value
            or (other == value and _cost(market, second.assignment) <= _cost(market, chosen))
        ):
            chosen, value = second.assignment, other
    least = None
    if first.status == "optimal" and first.value is not None and second.bound is not None:
        # M V - C is at most the bound, in integer units.
        score = first.value * market.scaled.score_denominator
        bound = second.bound * market.scaled.score_denominator
        least = max(Fraction(0), (weight * score - bound) / market.scaled.money_denominator)
    if chosen is not None and violation(market, problem, chosen) is not None:
        raise CheckError(f"{problem}: {violation(market, problem, chosen)}")
    solution = replace(first, assignment=chosen, value=value)
    return Cheapest(solution, None if chosen is None else _cost(market, chosen), least, second)


def certify_cheapest(found: Cheapest, time_limit: float | None = None) -> dict[str, Any]:
    """Return a cheapest optimum and both of its proofs as they are written to a file.

    Parameters
    ----------
    found : Cheapest
        Complete; where one of its solves rests on no proof, one is looked for.
    time_limit : float, optional
        Seconds for each of them.

    Raises
    ------
    InputError
        If it is not complete.
    NoCertificateError
        If no proof is found: says why.
    """
    if not found.complete:
        raise InputError("only a proved optimum has a certificate", field="certificate")
    best = found.solution
    assert best.assignment is not None
    # Both are about the same assignment, whichever of the two solves found it.
    second = replace(found.second, assignment=best.assignment)
    documents = [certify(solution.market, solution, time_limit) for solution in (best, second)]
    document = write_cheapest_document(best.problem, *documents)
    check_cheapest_document(document, best.market)
    return document


def _combined(market: Market, problem: str) -> tuple[Market, int]:
    """The market whose scores are both objectives in one, and the weight of a unit of score."""
    costs: IntArray = market.scaled.needed_costs
    affordable = exact_sum(costs) if problem == "orp" else min(exact_sum(costs), market.scaled.total_budget)
    weight = affordable + 1
    # Who costs more than all the money cannot be hired, whatever the score; scores stay positive.
    scores = [max(weight * int(v) - int(c), 1) for v, c in zip(market.scaled.scores, costs, strict=True)]
    return market.with_scaled(scores=integer_array(scores)), weight


def _cost(market: Market, assignment: np.ndarray | None) -> Fraction:
    hired = np.flatnonzero(assignment >= 0) if assignment is not None else []
    return Fraction(exact_sum(market.scaled.needed_costs[hired]), market.scaled.money_denominator)

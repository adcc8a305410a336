"""From what HiGHS claims to what may be said: re-check, cut off, ask for one unit more.

HiGHS works to tolerances, so no claim of it is passed on as it stands. A point that breaks a constraint in exact arithmetic is
cut off, together with everything that contains it, and the model is solved again. A point that is called optimal has to
survive a second run that asks for one unit more. If an exact bound already meets the value, that run is spared and the optimum
is certified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from ...models.exact import exact_sum
from ...models.procurement.market import Market
from ..control import Control, Stopped, StopReason
from ..feasibility import objective_value, violation
from ..placement.matroid import best_set
from ..seated.parametric import price_of_money
from ..solution import Found, SolverClaim
from .tolerances import EXACT_IN_DOUBLE

__all__ = ["Proposal", "Propose", "beyond_doubles", "exact_in_double", "prove", "upper_bound"]


MAX_CUTS = 200
"""Points cut off before HiGHS is given up: on data that a double holds there is hardly ever one."""


@dataclass(frozen=True)
class Proposal:
    """What one run of HiGHS proposes.

    Attributes
    ----------
    outcome : {'optimal', 'infeasible', 'stopped'}
        What HiGHS claims.
    stopped : str
        Why the run ended.
    assignment : ndarray of int64 or None
        Its point, rounded; None if there is none or it cannot be placed.
    bought : object
        The point in the terms of the model, to be cut off if the exact re-check refuses it; None if there is no point.
    """

    outcome: Literal["optimal", "infeasible", "stopped"]
    stopped: StopReason
    assignment: np.ndarray | None
    bought: Any


Propose = Callable[[list[Any], int | None, np.ndarray], Proposal]
"""``(cuts, floor, best)``: run with the points in `cuts` cut off and, unless None, an objective of at least `floor` units."""


def upper_bound(market: Market, problem: str, control: Control | None = None) -> Fraction:
    """An exact bound that no feasible point exceeds, in score (or coverage) units.

    ORP's own value, the price-of-money bound for OPT and OPT-SEP (pooling never loses), all of the coverage for COVER.
    """
    if problem == "cover":
        if market.scaled.coverage is None or not market.n:
            return Fraction(0)
        return Fraction(
            exact_sum(np.atleast_1d(market.scaled.coverage.max(axis=0))), market.scaled.coverage_denominator
        )
    if problem == "orp":
        return Fraction(
            exact_sum(market.scaled.scores[best_set(market, market.scaled.scores)]), market.scaled.score_denominator
        )
    return price_of_money(market, control).value / market.scaled.score_denominator


def exact_in_double(market: Market, problem: str) -> bool:
    """Whether every sum of the integer-scaled data is exact in double arithmetic, with room for HiGHS's tolerance."""
    values = (
        market.scaled.coverage.ravel()
        if problem == "cover" and market.scaled.coverage is not None
        else market.scaled.scores
    )
    sums = [exact_sum(values)]
    if problem != "orp":
        sums += [exact_sum(market.scaled.needed_costs), market.scaled.total_budget]
    return max(sums) < EXACT_IN_DOUBLE


def beyond_doubles(market: Market, problem: str) -> Found:
    """What is known of a market whose numbers no double can hold: nobody is hired, and the exact bound."""
    nobody = np.full(market.n, -1, dtype=np.int64)
    return Found(nobody, upper_bound(market, problem), stopped="node-limit", details={"highs_runs": 0})


def prove(market: Market, problem: str, control: Control, propose: Propose) -> Found:
    """Drive HiGHS until a claim of it stands or nothing more can be learnt from it.

    Parameters
    ----------
    market : Market
    problem : str
    control : Control
    propose : callable
        Runs the model, see :data:`Propose`.

    Returns
    -------
    Found
        ``proved`` only if HiGHS found nothing one unit better and the data are small enough for it to say so. The bound is
        exact in every case.
    """
    unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
    bound = upper_bound(market, problem, control)
    best, best_value = np.full(market.n, -1, dtype=np.int64), Fraction(0)
    provable = exact_in_double(market, problem)
    cuts: list[Any] = []
    stopped: StopReason = "node-limit"
    runs = 0
    while (bound * unit).__floor__() > best_value * unit:
        if control.expired():
            stopped = "time-limit"
            break
        try:
            found = propose(cuts, int(best_value * unit) + 1 if runs else None, best)
        except KeyboardInterrupt:
            stopped = "interrupted"
            break
        except Stopped as stop:
            stopped = stop.reason
            break
        runs += 1
        if found.outcome == "infeasible":
            return Found(best, bound, SolverClaim() if provable else None, stopped, details={"highs_runs": runs})
        learnt = False
        if found.bought is not None:
            if found.assignment is None or violation(market, problem, found.assignment) is not None:
                cuts.append(found.bought)
                learnt = len(cuts) < MAX_CUTS
            elif (value := objective_value(market, problem, found.assignment)) > best_value:
                best, best_value, learnt = found.assignment, value, True
                control.progress(f"{problem}: value {float(best_value):g}, at most {float(bound):g}; looking for more")
        if found.outcome == "stopped":
            stopped = found.stopped
            break
        if not learnt and (runs > 1 or cuts):
            # Asked for more than the best point, it called something no better optimal: floating point ends here.
            break
    return Found(best, bound, None, stopped, details={"highs_runs": runs})

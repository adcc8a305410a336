"""The front of the solvers: pick a method, run it, re-check its answer exactly, say what was proved."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..models.exact import exact_sum
from ..models.input_error import InputError
from ..models.procurement.market import Market
from .control import Control
from .feasibility import CheckError, check_feasible, check_shares
from .registry import Method, find_method, methods
from .solution import (
    Answer,
    NotOptimalError,
    Solution,
    Status,
)

__all__ = ["choose_method", "solve"]

PREFERENCES: dict[str, tuple[str, ...]] = {
    "orp": ("matroid",),
    "opt": ("pooled", "polymatroid"),
    "opt-frac": ("parametric",),
    "opt-sep": ("loss-search",),
    "cover": ("facility",),
}
"""What ``auto`` tries, best first; the first that can take the market runs, and the answer names it."""


def choose_method(market: Market, problem: str, method: str = "auto") -> Method:
    """Resolve a method's name for a market.

    Raises
    ------
    InputError
        If the method does not exist or cannot take this market; solvers are never swapped silently.
    """
    if method != "auto":
        chosen = find_method(problem, method)
        refusal = chosen.refusal(market)
        if refusal is not None:
            raise InputError(f"method {method!r} for {problem}: {refusal}", field="method")
        return chosen
    for name in PREFERENCES.get(problem, ()):
        chosen = find_method(problem, name)
        if chosen.refusal(market) is None:
            return chosen
    if problem in PREFERENCES:
        raise InputError(f"no installed method for {problem} can take this market", field="method")
    return find_method(problem, method)


def solve(
    market: Market,
    problem: str = "opt",
    method: str = "auto",
    *,
    time_limit: float | None = None,
    allow_suboptimal: bool = False,
    report: Callable[[str], None] | None = None,
) -> Solution:
    """Solve one problem on a procurement market, exactly.

    Parameters
    ----------
    market : Market
    problem : {'orp', 'opt', 'opt-frac', 'opt-sep', 'cover'}
        DriftPay section 5 (ORP) and section 6 (OPT); the others as in the documentation.
    method : str
        A name from :func:`~fedmech.solvers.registry.methods`, or ``auto``: by problem and size, named in the answer.
    time_limit : float, optional
        Seconds after which the search stops with the best point and a valid bound.
    allow_suboptimal : bool
        Return the best point instead of raising when the optimum was not proved.
    report : callable, optional
        Receives progress messages.

    Returns
    -------
    Solution
        Re-checked in exact arithmetic.

    Raises
    ------
    InputError
        For an unknown problem or method, or a market that lacks what the problem needs.
    NotOptimalError
        If the optimum was not proved and `allow_suboptimal` is False; carries the solution.
    CheckError
        If a method's answer does not survive the re-check: a defect, please report it.
    """
    if time_limit is not None and not time_limit >= 0:
        raise InputError(f"must be >= 0 seconds, got {time_limit}", field="time_limit")
    chosen = choose_method(market, problem, method)
    _require_data(market, problem)
    started = time.perf_counter()
    try:
        answer = chosen.solve(market, Control.for_seconds(time_limit, report))
    except KeyboardInterrupt:
        answer = _nobody(market, problem)
    solution = _checked(market, chosen, answer, started)
    if solution.status != "optimal" and not allow_suboptimal:
        raise NotOptimalError(solution)
    return solution


def _require_data(market: Market, problem: str) -> None:
    if problem != "orp":
        _ = market.needed_costs
    if problem == "cover" and market.coverage is None:
        raise InputError("problem cover needs every worker's coverage", row="workers", field="coverage")


def _nobody(market: Market, problem: str) -> Answer:
    """What is known when Ctrl-C comes before a method has anything to lose: nobody is hired, all is the most there is."""
    most = Fraction(exact_sum(market.scores), market.score_denominator)
    if problem == "cover":
        assert market.coverage is not None
        best = market.coverage.max(axis=0, initial=0).tolist()
        most = Fraction(sum(best), market.coverage_denominator)
    nobody = None if problem == "opt-frac" else np.full(market.n, -1, dtype=np.int64)
    return Answer(nobody, most, "interrupted")


def _checked(market: Market, method: Method, answer: Answer, started: float) -> Solution:
    """Turn a method's answer into a solution, trusting only what exact arithmetic confirms."""
    objective: Fraction | None = None
    if answer.shares is not None:
        objective = check_shares(market, answer.shares)
    elif answer.assignment is not None:
        objective = check_feasible(market, method.problem, np.asarray(answer.assignment))
    bound = answer.bound
    if bound is not None and objective is not None and bound < objective:
        raise CheckError(
            f"{method.problem} by {method.name}: bound {bound} is below the value {objective} of its own point"
        )
    exactness = method.exactness
    closed = bound is not None and objective is not None and _rounded(market, method.problem, bound) == objective
    status: Status
    if objective is None:
        status = "none"
    elif closed or answer.proved:
        status = "optimal"
        bound = objective
        # A bound in exact arithmetic that meets the value is a proof, whoever found the point.
        exactness = "certified" if closed else answer.exactness
    else:
        status = "feasible"
    return Solution(
        problem=method.problem,
        method=method.name,
        status=status,
        stopped="proved" if status == "optimal" else answer.stopped,
        exactness="certified" if exactness == "certified" else "solver",
        objective=objective,
        bound=bound,
        assignment=answer.assignment,
        seconds=time.perf_counter() - started,
        shares=answer.shares,
        certificate=answer.certificate,
        details=answer.details,
    )


def _rounded(market: Market, problem: str, bound: Fraction) -> Fraction:
    """Round a bound down to the next value that the objective can take: a multiple of one unit of the data."""
    if problem == "opt-frac":
        return bound
    unit = market.coverage_denominator if problem == "cover" else market.score_denominator
    return Fraction((bound * unit).__floor__(), unit)


def available_methods(market: Market, problem: str) -> list[Method]:
    """List the methods that can take this market, for cross-checks."""
    return [method for method in methods(problem) if method.refusal(market) is None]

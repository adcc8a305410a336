"""The front of the solvers: pick a method, run it, have its point and its proof checked, say what was proved.

1. The method returns a point, a bound and evidence (:class:`~fedmech.solvers.solution.Found`). None of it is believed.
2. The point is checked against every constraint and valued, in exact arithmetic (`feasibility`).
3. A proof is given to the checker of its kind (`proofs`). Where the search gave none, one is looked for (`certify`). What HiGHS
   claims, and what an enumeration covered, is reported as just that.
4. The point is optimal if its value meets the bound that was accepted. A proof or a point that is refused is a defect of this
   package: the answer says so, with the best bound that could be checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from numbers import Rational
from typing import Any

import numpy as np

from ..models.input_error import InputError
from ..models.procurement.market import Market
from .certify.fallback import root_proof
from .certify.leaves import proof_of_leaves
from .certify.tree import NoCertificateError, prove
from .compilation import clocked
from .control import Control, Stopped, StopReason, why_interrupted
from .feasibility import CheckError, check_feasible, check_shares
from .proofs.proof import Proof, ProofError, ProofTooLarge, check_bound
from .registry import Method, check_problem, choose_method
from .solution import Enumerated, Exactness, Found, NotOptimalError, Solution, SolverClaim, Status

__all__ = ["solve"]

PROOF_PATIENCE = 60.0
"""Most seconds for finding a proof that the search did not give, and for checking it, without a time limit."""

GRACE, GRACE_SHARE, LEAST_CHECK = 0.35, 0.03, 0.1
"""Seconds, and share of a time limit, by which search and check together may exceed it; and seconds for the check in any case."""


def solve(
    market: Market,
    problem: str = "opt",
    method: str = "auto",
    *,
    time_limit: float | None = None,
    allow_suboptimal: bool = False,
    check: bool = True,
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
    check : bool
        Have the proof checked in this call. Without it the answer is ``unchecked``: the point is feasible, the bound is the
        search's word.
    report : callable, optional
        Receives progress messages.

    Returns
    -------
    Solution
        Its point and its bound both checked in exact arithmetic.

    Raises
    ------
    InputError
        For an unknown problem or method, or a market that lacks what the problem needs.
    NotOptimalError
        If the optimum was not proved and `allow_suboptimal` is False; carries the solution.
    CheckError
        If a method returns what is no answer at all: a defect in the method.
    """
    if time_limit is not None and not time_limit >= 0:
        raise InputError(f"must be >= 0 seconds, got {time_limit}", field="time_limit")
    started = time.perf_counter()
    check_problem(problem)
    scaled = market.scaled
    unit = scaled.coverage_denominator if problem == "cover" else scaled.score_denominator
    control = replace(Control.for_seconds(time_limit, report), denominator=unit)
    chosen = choose_method(market, problem, method)
    _require_data(market, problem)
    try:
        with clocked(control):
            found = _well_formed(chosen, chosen.solve(market, control))
    except KeyboardInterrupt as stop:
        found = Found(_nobody(market, problem), stopped=why_interrupted(stop))
    except Stopped as stopped:
        found = Found(_nobody(market, problem), stopped=stopped.reason)
    searched = time.perf_counter()
    left = _proof_control(time_limit, searched - started, control)
    late = time_limit is not None and searched - started >= time_limit
    with clocked(left):
        solution = _settle(market, chosen, found, left, check=check, late=late)
    solution = replace(
        solution,
        seconds=time.perf_counter() - started,
        search_seconds=searched - started,
        check_seconds=time.perf_counter() - searched,
    )
    if solution.status != "optimal" and not allow_suboptimal:
        raise NotOptimalError(solution)
    return solution


def _well_formed(method: Method, found: Any) -> Found:
    """Refuse what is not even shaped like an answer, before anything is computed with it."""
    if not isinstance(found, Found):
        raise CheckError(f"{method.problem} by {method.name}: returned {type(found).__name__} where Found is due")
    if found.bound is not None and not isinstance(found.bound, Rational):
        raise CheckError(f"{method.problem} by {method.name}: the bound {found.bound!r} is no exact number")
    return found


def _require_data(market: Market, problem: str) -> None:
    if problem != "orp":
        _ = market.scaled.needed_costs
    if problem == "cover" and market.scaled.coverage is None:
        raise InputError("problem cover needs every worker's coverage", row="workers", field="coverage")


def _nobody(market: Market, problem: str) -> np.ndarray | dict[tuple[int, int], Fraction]:
    """The point that is always feasible: nobody is hired."""
    return {} if problem == "opt-frac" else np.full(market.n, -1, dtype=np.int64)


def _proof_control(time_limit: float | None, spent: float, control: Control) -> Control:
    """Give what is left of a limit to the proof, and what it may be exceeded by."""
    if time_limit is None:
        return Control.for_seconds(PROOF_PATIENCE, control.report)
    left = time_limit + GRACE + GRACE_SHARE * time_limit - spent
    return Control.for_seconds(min(max(LEAST_CHECK, left), PROOF_PATIENCE), control.report)


@dataclass
class _Bound:
    """The best bound so far that may be believed, and on what it rests."""

    value: Fraction | None = None
    exactness: Exactness = "checked"
    proof: Proof | None = None
    refused: str | None = None
    failure: Proof | None = None
    stopped: StopReason | None = None
    at_hand: bool = False
    """Whether it is the one at the root, that takes no search."""


def _settle(market: Market, method: Method, found: Found, control: Control, *, check: bool, late: bool) -> Solution:
    """Turn what a method found into a solution, trusting only what was checked here."""
    root = cache(lambda: _checked_root(market, method.problem, control))
    if late and check and not isinstance(found.evidence, Enumerated | SolverClaim):
        # It has to be there in any case, and no look at the clock could cut it short: what may be cut short comes after it.
        root()
    point, value, refused = _valued(market, method.problem, found.point)
    unit = _unit(market, method.problem)
    if check:
        bound = _bounded(market, method, found, value if refused is None else None, control, root)
    else:
        claimed = isinstance(found.evidence, Enumerated | SolverClaim)
        bound = _Bound(value if claimed else _floored(found.bound, unit), "unchecked")
    if bound.stopped or found.stopped != "proved":
        bound = _tighter(bound, value, root)
    if bound.value is not None and value is not None and bound.value < value:
        # A bound below a feasible point is false, whoever vouches for it.
        lie = f"the bound {bound.value} lies below the value {value} of a feasible point"
        bound = replace(root(), refused=lie, failure=bound.proof)
    status: Status = "none" if value is None else "optimal" if bound.value == value else "feasible"
    stopped = bound.stopped or found.stopped
    if status == "optimal":
        stopped = "proved"
    elif stopped in ("proved", "unproved"):
        stopped = "unproved" if found.stopped == "proved" else found.stopped
    return Solution(
        market=market,
        problem=method.problem,
        method=method.name,
        status=status,
        stopped=stopped,
        exactness=bound.exactness,
        value=value,
        bound=bound.value,
        assignment=point if isinstance(point, np.ndarray) else None,
        seconds=0.0,
        shares=None if isinstance(point, np.ndarray) else point,
        proof=bound.proof,
        refused=refused or bound.refused,
        failure=bound.failure,
        details=found.details,
    )


def _valued(market: Market, problem: str, point: Any) -> tuple[Any, Fraction | None, str | None]:
    """Check a point; one that is refused gives way to nobody hired, and the reason is returned."""
    if point is None:
        return None, None, None
    try:
        if problem == "opt-frac":
            return point, check_shares(market, point), None
        try:
            point = np.asarray(point)
        except ValueError:
            raise CheckError("the point is no array") from None
        return point, check_feasible(market, problem, point), None
    except CheckError as error:
        return _nobody(market, problem), Fraction(0), f"infeasible point: {error}"


def _unit(market: Market, problem: str) -> int | None:
    """How many units of the integers make one of the objective; None where it is not a whole number of units."""
    if problem == "opt-frac":
        return None
    return market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator


def _floored(bound: Fraction | None, unit: int | None) -> Fraction | None:
    """Round a bound down to the next value that the objective can take: a multiple of one unit of the data."""
    if bound is None or unit is None:
        return bound
    return Fraction((bound * unit).__floor__(), unit)


def _bounded(
    market: Market, method: Method, found: Found, value: Fraction | None, control: Control, root: Callable[[], _Bound]
) -> _Bound:
    """Return the best bound that evidence supports, looking for a proof where the search gave none."""
    problem, unit = method.problem, _unit(market, method.problem)
    evidence = found.evidence
    if isinstance(evidence, Enumerated) and method.exactness == "enumerated" and value is not None:
        return _Bound(value, "enumerated")
    if isinstance(evidence, SolverClaim) and value is not None:
        return _Bound(value, "solver")
    refused: _Bound | None = None
    try:
        if isinstance(evidence, Proof):
            bound = _checked(market, problem, evidence, control)
            if bound.value is not None:
                return bound
            refused = bound
            for weaker in found.weaker:
                bound = _checked(market, problem, weaker, control)
                if bound.value is not None:
                    return replace(bound, refused=refused.refused, failure=refused.failure, stopped=refused.stopped)
        elif found.bound is not None and unit is not None:
            floored = (found.bound * unit).__floor__()
            if found.hints and not any(leaf.branched for leaf in found.hints):
                # What the bound was found with is tried as it stands; that it does not suffice is no defect.
                bound = _checked(market, problem, proof_of_leaves(problem, floored, found.hints), control)
                if bound.value is not None:
                    return bound
            proof = prove(market, problem, floored, found.hints, control)
            bound = _checked(market, problem, proof, control)
            if bound.value is not None:
                return bound
            refused = bound
    except NoCertificateError as error:
        refused = _Bound(stopped="unproved" if found.stopped == "proved" else None)
        control.progress(str(error))
    except Stopped as stopped:
        refused = _Bound(stopped=stopped.reason)
    except KeyboardInterrupt as stop:
        refused = _Bound(stopped=why_interrupted(stop))
    if refused is None:
        return root()
    return replace(root(), refused=refused.refused, failure=refused.failure, stopped=refused.stopped)


def _checked(market: Market, problem: str, proof: Proof, control: Control) -> _Bound:
    """Give a proof to the checker; return its bound, or why it was refused."""
    if proof.problem != problem:
        return _Bound(refused=f"a proof for {proof.problem} in the place of one for {problem}", failure=proof)
    try:
        check_bound(proof, market, control.check)
    except ProofTooLarge as error:
        # It says nothing about the bound; whoever made the proof could not know how far the checker goes.
        control.progress(f"no proof of the bound {proof.bound}: {error}")
        return _Bound(stopped="unproved")
    except ProofError as error:
        return _Bound(refused=f"proof refused: {error}", failure=proof)
    unit = _unit(market, problem)
    scale = market.scaled.score_denominator if unit is None else unit
    return _Bound(_floored(Fraction(proof.bound) / scale, unit), "checked", proof)


def _tighter(bound: _Bound, value: Fraction | None, root: Callable[[], _Bound]) -> _Bound:
    """The bound of a search that was stopped early, or the one at hand if that is lower."""
    if bound.at_hand or bound.exactness != "checked" or bound.value is None or value is None or bound.value <= value:
        return bound
    other = root()
    assert other.value is not None
    if other.value >= bound.value:
        return bound
    return replace(bound, value=other.value, proof=other.proof)


def _checked_root(market: Market, problem: str, control: Control) -> _Bound:
    """The bound that is always at hand, by guessed prices of money and places; checked like any other."""
    bound = _checked(market, problem, root_proof(market, problem), Control(report=control.report))
    if bound.value is None:
        raise CheckError(f"{problem}: the bound at the root was refused: {bound.refused}")
    return replace(bound, at_hand=True)

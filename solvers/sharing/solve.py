"""Solve for the best social state: the front door to the methods of this package."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from ...models.input_error import InputError
from ...models.sharing.market import MotsMarket
from ...models.sharing.measured_market import MeasuredMarket
from ..control import Control, Stopped, StopReason, why_interrupted
from ..proofs.proof import Proof, ProofError, check_bound
from ..solution import Exactness
from .answer import SocialAnswer
from .assumptions import NotDecreasing, require_decreasing
from .cover import CoverSearch
from .enumeration import enumerate_states
from .highs import solve_with_highs
from .incumbent import IncumbentState
from .pareto import offer_undominated
from .requirement import error_range
from .worth import Audience, worth_or_none

__all__ = ["METHODS", "NotDecreasing", "solve_social_state"]

SEARCH_SHARE = 0.6
"""Of a time limit: a proof takes about as long to check as to find, and one that is not checked is none."""
GRACE, GRACE_SHARE = 0.25, 0.03
"""Seconds, and share of a time limit, by which the check of what a search has may exceed the limit."""
TOLD_APART = Fraction(1, 10**20)
"""Of all there is to gain or to pay: a bound on a welfare that is known in an interval only is met up to this part. Searches add 1e-38."""
INTERRUPT_PATIENCE = 2.0
"""Seconds for the check after Ctrl-C."""

METHODS = {
    "frontier": "cells of participants and data under planes below the cost, cut until they close; any size, proved",
    "pareto": "all undominated states; small markets",
    "enumeration": "every state; very small markets",
    "pyomo-highs": "the linearised Pyomo model through HiGHS, chords added; small markets, convex utilities",
}
"""The methods by name, with a line on each."""


@dataclass
class _Ended:
    """What is known when a method has ended.

    Attributes
    ----------
    stopped : str
        Why it ended.
    exactness : str
        What a proved answer of it rests on.
    proofs : list of callable
        Proofs of ever weaker bounds, to be made and checked in turn until one is accepted.
    bound : Fraction or None
        A bound that is taken on the method's word.
    """

    stopped: StopReason
    exactness: Exactness
    proofs: list[Callable[[], Proof]]
    bound: Fraction | None = None


def solve_social_state(
    market: MotsMarket,
    method: str = "auto",
    *,
    audience: Audience = "everyone",
    time_limit: float | None = None,
    check: bool = True,
) -> SocialAnswer:
    """The social state of greatest welfare that meets the market's error requirement (SWAN, Problem 2).

    Parameters
    ----------
    market : MotsMarket
        With or without ``max_error``.
    method : str
        ``auto`` (``frontier``; ``enumeration`` where errors are measured), ``frontier``, ``pareto`` and ``enumeration`` (small
        markets, exact), ``pyomo-highs`` (the reference formulation; small markets and convex utilities, to the solver's
        tolerance, its state re-valued exactly).
    audience : str
        ``everyone`` has the model (MoTS), or the ``participants`` only: the existing FL framework's problem (23).
    time_limit : float, optional
        Seconds; at its end the best state and a valid bound are returned.
    check : bool
        Have the proof checked in this call. Without it the answer is ``unchecked``.

    Returns
    -------
    SocialAnswer
        The state is re-valued in exact or certified arithmetic whatever the method.

    Raises
    ------
    NotDecreasing
        If the utility does not certainly fall with the error.
    InputError
        For an unknown method, a market too large for the method asked for, or measured errors and a method that relies
        on eq. (3).
    """
    started = time.monotonic()
    if time_limit is not None and not time_limit >= 0:
        raise InputError(f"must be >= 0 seconds, got {time_limit}", field="time_limit")
    measured = isinstance(market, MeasuredMarket)
    name = method if method != "auto" else "enumeration" if measured else "frontier"
    if name not in METHODS:
        raise InputError(f"unknown method {method!r} for social-state; one of auto, {', '.join(METHODS)}")
    if measured and name != "enumeration":
        raise InputError(f"method {name} relies on eq. (3); measured errors take enumeration")
    incumbent = IncumbentState(market, Control.for_seconds(time_limit), audience)
    least = error_range(market)
    infeasible = market.max_error is not None and market.max_error < least.least
    if not infeasible:
        require_decreasing(market)
        # The state of least error meets every requirement that can be met.
        incumbent.offer(least.least_state)
    ended = _infeasible(measured) if infeasible else _run(name, incumbent, time_limit)
    searched = time.monotonic()
    answer = _judged(name, incumbent, ended, _check_control(time_limit, ended.stopped, searched - started), check)
    if infeasible:
        welfare = worth_or_none(market, least.least_state, audience)
        answer = replace(answer, state=least.least_state, error=least.least, welfare=welfare, method="error-range")
        exactness = answer.exactness if ended.proofs else ended.exactness
        if answer.refused is None:
            answer = replace(answer, status="infeasible", stopped="proved", exactness=exactness, bound=None)
    now = time.monotonic()
    return replace(answer, seconds=now - started, search_seconds=searched - started, check_seconds=now - searched)


def _infeasible(measured: bool) -> _Ended:
    if measured:
        return _Ended("proved", "enumerated", [])
    return _Ended("proved", "checked", [lambda: Proof("social-state", "social", 0, {"infeasible": True})])


def _run(name: str, incumbent: IncumbentState, time_limit: float | None) -> _Ended:
    """Raise the incumbent by one method, as far as the time goes."""
    control, market = incumbent.control, incumbent.market
    stopped: StopReason = "proved"
    if name == "frontier":
        incumbent.control = Control.for_seconds(None if time_limit is None else SEARCH_SHARE * time_limit)
    if name == "pyomo-highs":
        stopped, bound = solve_with_highs(incumbent)
        return _Ended(stopped, "solver", [] if stopped == "proved" else _root_proofs(incumbent), bound)
    search = CoverSearch(incumbent) if name == "frontier" else None
    try:
        if search is not None:
            search.run()
        elif name == "pareto":
            offer_undominated(market, incumbent)
        else:
            enumerate_states(market, incumbent)
    except Stopped as stop:
        stopped = stop.reason
    except KeyboardInterrupt as stop:
        stopped = why_interrupted(stop)
    incumbent.control = control
    if search is None:
        return _Ended(stopped, "enumerated", [] if stopped == "proved" else _root_proofs(incumbent))
    return _Ended(stopped, "checked", [search.proof, search.root_proof])


def _root_proofs(incumbent: IncumbentState) -> list[Callable[[], Proof]]:
    """The proof of a bound that needs no search."""
    if isinstance(incumbent.market, MeasuredMarket):
        return []
    return [lambda: CoverSearch(incumbent).root_proof()]


def _check_control(time_limit: float | None, stopped: StopReason, spent: float) -> Control:
    if time_limit is None:
        return Control.for_seconds(INTERRUPT_PATIENCE if stopped == "interrupted" else None)
    return Control.for_seconds(max(0.0, time_limit - spent) + GRACE + GRACE_SHARE * time_limit)


def _meets(bound: Fraction | int, incumbent: IncumbentState) -> bool:
    """Whether the best state is worth what was proved to be the most: exactly, or as near as its interval tells if it has one."""
    market, best = incumbent.market, incumbent.best
    assert best is not None
    if market.utility.rational:
        return best.low == bound
    bill = sum((entry.count * abs(entry.cost) for entry in market.types), Fraction(0))
    magnitude = abs(best.low + market.cost(best.state)) + bill
    return bound - best.low <= TOLD_APART * magnitude


def _judged(name: str, incumbent: IncumbentState, ended: _Ended, control: Control, check: bool) -> SocialAnswer:
    """Turn what a method has into an answer, believing no bound that is not proved here."""
    market, best = incumbent.market, incumbent.best
    answer = SocialAnswer(
        market=market,
        status="none" if best is None else "feasible",
        stopped=ended.stopped,
        exactness="unchecked",
        state=None if best is None else best.state,
        error=None if best is None else market.error(best.state),
        welfare=best,
        method=name,
        tied=incumbent.tied,
    )
    if best is not None and ended.stopped == "proved" and not ended.proofs:
        return replace(answer, status="optimal", exactness=ended.exactness, bound=best.high)
    if not check:
        bound = Fraction(ended.proofs[0]().bound) if ended.proofs and best is not None else ended.bound
        optimal = best is not None and ended.stopped == "proved"
        return replace(answer, status="optimal" if optimal else "feasible", bound=bound)
    for at, make in enumerate(ended.proofs):
        proof = make()
        try:
            # The last one is short; it is not interrupted.
            check_bound(proof, market, control.check if at + 1 < len(ended.proofs) else None)
        except ProofError as error:
            answer = replace(answer, stopped="unproved", refused=str(error), failure=proof)
            continue
        except Stopped as stop:
            answer = replace(answer, stopped=stop.reason)
            continue
        except KeyboardInterrupt:
            answer = replace(answer, stopped="interrupted")
            continue
        optimal = at == 0 and ended.stopped == "proved" and best is not None and _meets(proof.bound, incumbent)
        return replace(
            answer,
            stopped=answer.stopped if optimal or answer.stopped != "proved" else "unproved",
            status="optimal" if optimal else answer.status,
            exactness="checked",
            bound=Fraction(proof.bound),
            proof=proof,
        )
    return replace(answer, bound=ended.bound)

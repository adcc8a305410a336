"""Solve for the best social state: pick a method of the registry, run it, have its proof checked, say what was proved.

The point a method finds is a state with its welfare, computed in exact or certified arithmetic (`worth`); its bound is believed
where the checker accepts the proof, or reported as what it rests on.
"""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

from ...models.input_error import InputError
from ...models.sharing.market import MotsMarket
from ...models.sharing.measured_market import MeasuredMarket
from ..control import Control, Stopped, StopReason
from ..proofs.proof import Proof, ProofError, check_bound
from ..registry import SOCIAL_STATE, choose_method
from ..solution import Enumerated, Found, SolverClaim
from .answer import SocialAnswer
from .assumptions import NotDecreasing, require_decreasing
from .requirement import error_range
from .worth import Audience, Worth, worth_or_none

__all__ = ["NotDecreasing", "solve_social_state"]

GRACE, GRACE_SHARE = 0.25, 0.03
"""Seconds, and share of a time limit, by which the check of what a search has may exceed the limit."""
TOLD_APART = Fraction(1, 10**20)
"""Of all there is to gain or to pay: a bound on a welfare that is known in an interval only is met up to this part. Searches add 1e-38."""
INTERRUPT_PATIENCE = 2.0
"""Seconds for the check after Ctrl-C."""


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
    control = Control.for_seconds(time_limit)
    chosen = choose_method(market, SOCIAL_STATE, method)
    least = error_range(market)
    infeasible = market.max_error is not None and market.max_error < least.least
    if infeasible:
        found = _infeasible(market)
    else:
        require_decreasing(market)
        found = chosen.solve(market, control, audience)
    searched = time.monotonic()
    answer = _settle(market, chosen.name, found, _check_control(time_limit, found.stopped, searched - started), check)
    if infeasible:
        welfare = worth_or_none(market, least.least_state, audience)
        answer = replace(answer, state=least.least_state, error=least.least, welfare=welfare, method="error-range")
        exactness = "enumerated" if isinstance(found.evidence, Enumerated) else answer.exactness
        if answer.refused is None:
            answer = replace(answer, status="infeasible", stopped="proved", exactness=exactness, bound=None)
    now = time.monotonic()
    return replace(answer, seconds=now - started, search_seconds=searched - started, check_seconds=now - searched)


def _infeasible(market: MotsMarket) -> Found:
    if isinstance(market, MeasuredMarket):
        return Found(None, None, Enumerated())
    return Found(None, None, Proof(SOCIAL_STATE, "social", 0, {"infeasible": True}))


def _check_control(time_limit: float | None, stopped: StopReason, spent: float) -> Control:
    if time_limit is None:
        return Control.for_seconds(INTERRUPT_PATIENCE if stopped == "interrupted" else None)
    return Control.for_seconds(max(0.0, time_limit - spent) + GRACE + GRACE_SHARE * time_limit)


def _meets(bound: Fraction | int, market: MotsMarket, best: Worth) -> bool:
    """Whether the best state is worth what was proved to be the most: exactly, or as near as its interval tells if it has one."""
    if market.utility.rational:
        return best.low == bound
    bill = sum((entry.count * abs(entry.cost) for entry in market.types), Fraction(0))
    magnitude = abs(best.low + market.cost(best.state)) + bill
    return bound - best.low <= TOLD_APART * magnitude


def _settle(market: MotsMarket, name: str, found: Found, control: Control, check: bool) -> SocialAnswer:
    """Turn what a method found into an answer, believing no bound that is not proved here."""
    best: Worth | None = found.point
    answer = SocialAnswer(
        market=market,
        status="none" if best is None else "feasible",
        stopped=found.stopped,
        exactness="unchecked",
        state=None if best is None else best.state,
        error=None if best is None else market.error(best.state),
        welfare=best,
        method=name,
        tied=found.details.get("tied", 0),
    )
    if best is not None and isinstance(found.evidence, Enumerated | SolverClaim):
        exactness = "enumerated" if isinstance(found.evidence, Enumerated) else "solver"
        return replace(answer, status="optimal", exactness=exactness, bound=best.high)
    proofs = [found.evidence, *found.weaker] if isinstance(found.evidence, Proof) else []
    if not check:
        bound = Fraction(proofs[0].bound) if proofs and best is not None else found.bound
        optimal = best is not None and found.stopped == "proved"
        return replace(answer, status="optimal" if optimal else "feasible", bound=bound)
    for at, proof in enumerate(proofs):
        try:
            # The last one is short; it is not interrupted.
            check_bound(proof, market, control.check if at + 1 < len(proofs) else None)
        except ProofError as error:
            answer = replace(answer, stopped="unproved", refused=str(error), failure=proof)
            continue
        except Stopped as stop:
            answer = replace(answer, stopped=stop.reason)
            continue
        except KeyboardInterrupt:
            answer = replace(answer, stopped="interrupted")
            continue
        optimal = at == 0 and found.stopped == "proved" and best is not None and _meets(proof.bound, market, best)
        return replace(
            answer,
            stopped=answer.stopped if optimal or answer.stopped != "proved" else "unproved",
            status="optimal" if optimal else answer.status,
            exactness="checked",
            bound=Fraction(proof.bound),
            proof=proof,
        )
    return replace(answer, bound=found.bound)

"""The reference: Pyomo's linearised model through HiGHS, with chords added until they meet the utility.

For a convex utility the chords overestimate, so each round's optimum is an upper bound, and the state it proposes a
lower one; a chord's ends are added at the state's error until the two meet.  The bound is the solver's word
(``exactness`` is ``solver``), the returned state is re-valued exactly.
"""

from __future__ import annotations

from fractions import Fraction
from typing import cast

from ...models.input_error import InputError
from ...models.sharing.fl_only import linearised_fl_model
from ...models.sharing.social_state import linearised_model
from ..control import Stopped, StopReason
from ..highs.pyomo_run import built, run_pyomo
from ..highs.tolerances import CHORD_GAP
from .assumptions import is_convex
from .incumbent import IncumbentState
from .requirement import relevant_errors
from .worth import utility_between

MOST_CLIENTS = 5_000
"""Of a market that the method takes."""

MOST_CHORDS = 100


def solve_with_highs(incumbent: IncumbentState) -> tuple[StopReason, Fraction | None]:
    """Raise the incumbent for Problem 2, or (23) for the audience of participants; return why it ended, and HiGHS's bound.

    Raises
    ------
    InputError
        If the utility is not convex on the relevant errors.
    """
    market, control = incumbent.market, incumbent.control
    if not is_convex(market):
        raise InputError("pyomo-highs needs a utility that is convex in the error; use the method 'frontier'")
    low, high = relevant_errors(market)
    # Chords over a convex utility lie above it: each model bounds the welfare, and is exact at the errors it has as points.
    errors = {low, high if high > low else low + 1}
    build = linearised_model if incumbent.audience == "everyone" else linearised_fl_model
    bound: float | None = None
    stopped: StopReason = "node-limit"
    for _ in range(MOST_CHORDS):
        if control.expired():
            stopped = "time-limit"
            break
        points = sorted(errors)
        values = [float(utility_between(market, error)[1]) if error <= high else 0.0 for error in points]
        try:
            model = built(control, lambda points=points, values=values: build(market, points, values))
            run = run_pyomo(model, control)
        except Stopped as stop:
            stopped = stop.reason
            break
        if run.bound is not None:
            bound = run.bound if bound is None else min(bound, run.bound)
        if not run.found:
            # Some state meets the requirement, the caller has seen to that: "infeasible" is floating point's word.
            stopped = "node-limit" if run.outcome == "infeasible" else run.stopped
            break
        import pyomo.environ as pyo

        candidate = tuple(round(cast(float, pyo.value(model.k[i]))) for i in model.types)
        incumbent.offer(candidate)
        if run.outcome != "optimal":
            stopped = run.stopped
            break
        gap = None if bound is None or incumbent.best is None else bound - float(incumbent.best.low)
        if gap is not None and gap <= CHORD_GAP * max(1.0, abs(bound or 0.0)):
            stopped = "proved"
            break
        error = market.error(candidate)
        # A point that is there already would give the same model again: only floating point keeps the gap open.
        if error in errors or not low <= error <= high:
            break
        errors.add(error)
    return stopped, None if bound is None else Fraction(bound)

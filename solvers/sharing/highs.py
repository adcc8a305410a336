"""The reference: Pyomo's linearised model through HiGHS, with chords added until they meet the utility.

For a convex utility the chords overestimate, so each round's optimum is an upper bound, and the state it proposes a
lower one; a chord's ends are added at the state's error until the two meet.  The bound is the solver's word
(``exactness`` is ``solver``), the returned state is re-valued exactly.
"""

from __future__ import annotations

import time
from fractions import Fraction

from ...models.input_error import InputError
from ...models.sharing.fl_only import linearised_fl_model
from ...models.sharing.market import MotsMarket
from ...models.sharing.social_state import linearised_model
from ..control import Control
from ..highs.pyomo_run import run_pyomo
from ..highs.tolerances import CHORD_GAP
from ..solution import Status, StopReason
from .answer import SocialAnswer
from .segments import Incumbent
from .worth import Audience, utility_between

MOST_CLIENTS = 5_000
ROUNDS = 100


def solve_with_highs(
    market: MotsMarket, audience: Audience = "everyone", time_limit: float | None = None
) -> SocialAnswer:
    """Problem 2, or (23) for ``audience="participants"``, by Pyomo and HiGHS.

    Raises
    ------
    InputError
        If the utility is not convex on the relevant errors, or the market has more than ``MOST_CLIENTS`` clients.
    """
    import pyomo.environ as pyo

    from .solve import is_convex, relevant_errors

    if not is_convex(market):
        raise InputError("pyomo-highs needs a utility that is convex in the error; use the method 'frontier'")
    if market.population > MOST_CLIENTS:
        raise InputError(f"pyomo-highs is for at most {MOST_CLIENTS} clients; use the method 'frontier'")
    started, control = time.monotonic(), Control.for_seconds(time_limit)
    low, high = relevant_errors(market)
    errors = {low, high if high > low else low + 1}
    build = linearised_model if audience == "everyone" else linearised_fl_model
    incumbent = Incumbent(market, audience=audience)
    bound: float | None = None
    stopped: StopReason = "node-limit"
    for _ in range(ROUNDS):
        if control.expired():
            stopped = "time-limit"
            break
        points = sorted(errors)
        values = [float(utility_between(market, error)[1]) if error <= high else 0.0 for error in points]
        model = build(market, points, values)
        run = run_pyomo(model, control)
        if run.bound is not None:
            bound = run.bound if bound is None else min(bound, run.bound)
        if not run.found:
            # Some state meets the requirement, the caller has seen to that: "infeasible" is floating point's word.
            stopped = "node-limit" if run.outcome == "infeasible" else run.stopped
            break
        candidate = tuple(round(pyo.value(model.k[i])) for i in model.types)
        incumbent.offer(candidate)
        if run.outcome != "optimal":
            stopped = run.stopped
            break
        gap = None if bound is None or incumbent.best is None else bound - float(incumbent.best.low)
        if gap is not None and gap <= CHORD_GAP * max(1.0, abs(bound or 0.0)):
            stopped = "proved"
            break
        error = market.error(candidate)
        if error in errors or not low <= error <= high:
            break
        errors.add(error)
    best = incumbent.best
    status: Status = "none" if best is None else "optimal" if stopped == "proved" else "feasible"
    return SocialAnswer(
        market,
        status,
        stopped,
        None if best is None else best.state,
        None if best is None else market.error(best.state),
        best,
        None if bound is None else (best.high if best is not None and stopped == "proved" else Fraction(bound)),
        0,
        best is not None and market.max_error is None and best.high < 0,
        "solver",
        "pyomo-highs",
        time.monotonic() - started,
    )

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
from ..highs.tolerances import CHORD_GAP, HIGHS_OPTIONS
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
    from pyomo.contrib.appsi.solvers.highs import Highs

    from .solve import is_convex, relevant_errors

    if not is_convex(market):
        raise InputError("pyomo-highs needs a utility that is convex in the error; use the method 'frontier'")
    if market.population > MOST_CLIENTS:
        raise InputError(f"pyomo-highs is for at most {MOST_CLIENTS} clients; use the method 'frontier'")
    started = time.monotonic()
    low, high = relevant_errors(market)
    errors = {low, high if high > low else low + 1}
    build = linearised_model if audience == "everyone" else linearised_fl_model
    incumbent = Incumbent(market, audience=audience)
    bound: float | None = None
    stopped: StopReason = "node-limit"
    for _ in range(ROUNDS):
        left = None if time_limit is None else time_limit - (time.monotonic() - started)
        if left is not None and left <= 0:
            stopped = "time-limit"
            break
        points = sorted(errors)
        values = [float(utility_between(market, error)[1]) if error <= high else 0.0 for error in points]
        model = build(market, points, values)
        solver = Highs()
        solver.highs_options = dict(HIGHS_OPTIONS)
        if left is not None:
            solver.config.time_limit = left
        solver.config.load_solution = False
        results = solver.solve(model)
        if results.best_feasible_objective is None:
            stopped = "time-limit"
            break
        results.solution_loader.load_vars()
        candidate = tuple(round(pyo.value(model.k[i])) for i in model.types)
        incumbent.offer(candidate)
        bound = float(results.best_objective_bound)
        if incumbent.best is not None and bound - float(incumbent.best.low) <= CHORD_GAP * max(1.0, abs(bound)):
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

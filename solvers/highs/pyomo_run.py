"""Running HiGHS on a Pyomo model, through Pyomo's own interface to it.

Pyomo says two things of a run, and both are read: why it ended (termination condition), and what the point in it is worth
(solution status). It drops the return codes of options, prints a warning for a run that was asked to stop, and takes file
descriptors 1 and 2 for as long as a run lasts.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any, Literal

from ..control import Control, StopReason
from .interface import make_highs
from .tolerances import HIGHS_OPTIONS
from .watch import watched

__all__ = ["PyomoRun", "run_pyomo"]


@dataclass(frozen=True)
class PyomoRun:
    """What one run of HiGHS proposes; its point is in the model.

    Attributes
    ----------
    outcome : {'optimal', 'infeasible', 'stopped'}
        What HiGHS claims.
    found : bool
        Whether there is a point.
    bound : float or None
        What HiGHS claims of the objective.
    stopped : str
        Why it ended, in the terms of a solution.
    """

    outcome: Literal["optimal", "infeasible", "stopped"]
    found: bool
    bound: float | None
    stopped: StopReason


def run_pyomo(model: Any, control: Control) -> PyomoRun:
    """Solve a Pyomo model whose objective is bounded by its constraints.

    Raises
    ------
    InputError
        If the version of HiGHS that is installed must not be used.
    """
    # One object of our own first: it refuses what must not be used, and has every option accepted.
    make_highs()
    from pyomo.contrib.solver.common.results import SolutionStatus, TerminationCondition
    from pyomo.contrib.solver.solvers.highs import Highs

    solver: Any = Highs()
    results: list[Any] = []

    def solve() -> None:
        results.append(
            solver.solve(
                model,
                load_solutions=False,
                raise_exception_on_nonoptimal_result=False,
                time_limit=control.remaining(),
                solver_options=dict(HIGHS_OPTIONS),
            )
        )

    def ask_to_stop() -> None:
        # None until Pyomo has handed the model over; Pyomo has subscribed HiGHS to this request.
        highs = getattr(solver, "_solver_model", None)
        if highs is not None:
            highs.cancelSolve()

    log = logging.getLogger("pyomo.contrib.solver.solvers.highs")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        # It is waited for, however long it takes to notice: until then standard output is Pyomo's.
        finished, stopped = watched(solver, solve, ask_to_stop, control, grace=None)
    finally:
        log.setLevel(level)
    if not finished:
        raise KeyboardInterrupt
    result = results[0]
    condition = result.termination_condition
    found = result.solution_status in (SolutionStatus.feasible, SolutionStatus.optimal)
    if found:
        result.solution_loader.load_vars()
    bound = result.objective_bound
    bound = None if bound is None or not math.isfinite(bound) else float(bound)
    if condition == TerminationCondition.convergenceCriteriaSatisfied and found:
        return PyomoRun("optimal", True, bound, "proved")
    if condition in (TerminationCondition.provenInfeasible, TerminationCondition.infeasibleOrUnbounded):
        return PyomoRun("infeasible", False, None, "proved")
    if stopped == "proved":
        stopped = "time-limit" if condition == TerminationCondition.maxTimeLimit else "node-limit"
    return PyomoRun("stopped", found, bound, stopped)

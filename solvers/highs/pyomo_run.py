"""Running HiGHS on a Pyomo model: Pyomo's own interface hands the model over, and HiGHS is run and read as everywhere else.

Pyomo's own run would drop the return codes of options, and take file descriptors 1 and 2 for as long as HiGHS takes to notice
that it was asked to stop.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..control import Control, StopReason
from ..foreign import broken_off
from .interface import HighsRefused, make_highs, set_options
from .run import run_loaded
from .tolerances import HIGHS_OPTIONS
from .watch import is_busy

__all__ = ["PyomoRun", "built", "run_pyomo"]


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


def built(control: Control, make: Callable[[], Any]) -> Any:
    """Build with Pyomo, broken off at the deadline without Pyomo's word on the rule it was in.

    Raises
    ------
    Stopped
        At the deadline.
    """
    # Pyomo takes most of a second to import, which is not to be broken off.
    control.check()
    import pyomo.contrib.solver.solvers.highs
    import pyomo.environ  # noqa: F401

    log = logging.getLogger("pyomo")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        return broken_off(control, make)
    finally:
        log.setLevel(level)


def run_pyomo(model: Any, control: Control) -> PyomoRun:
    """Solve a Pyomo model whose objective is bounded by its constraints.

    Raises
    ------
    InputError
        If the version of HiGHS that is installed must not be used.
    Stopped
        If the deadline passes before HiGHS has the model.
    KeyboardInterrupt
        On Ctrl-C, if HiGHS has no point yet.
    """
    # One object of our own first: it refuses what must not be used, and the banner is its.
    make_highs()
    control.check()
    from pyomo.contrib.solver.solvers.highs import Highs

    solver: Any = Highs()
    built(control, lambda: solver.set_instance(model))
    highs = solver._solver_model
    set_options(highs, HIGHS_OPTIONS)
    try:
        run = run_loaded(highs, highs.getNumCol(), True, control)
    except HighsRefused:
        return PyomoRun("stopped", False, None, "node-limit")
    if run.point is not None:
        _load(solver, run.point)
    elif run.stopped == "interrupted":
        raise KeyboardInterrupt
    return PyomoRun(run.outcome, run.point is not None, _bound(highs, run.outcome), run.stopped)


def _load(solver: Any, point: np.ndarray) -> None:
    """Write a point into the model."""
    columns = solver._pyomo_var_to_solver_var_map
    for key, entry in solver._vars.items():
        entry[0].set_value(float(point[columns[key]]), skip_validation=True)


def _bound(highs: Any, outcome: str) -> float | None:
    """What HiGHS claims of the objective; None of a run that was abandoned, or that has shown nothing."""
    if is_busy(highs):
        return None
    info = highs.getInfo()
    if info.mip_node_count != -1:
        bound = info.mip_dual_bound
    else:
        bound = info.objective_function_value if outcome == "optimal" else math.inf
    return float(bound) if math.isfinite(bound) else None

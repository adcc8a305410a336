"""Running HiGHS on arrays: an outer time limit, Ctrl-C that keeps the incumbent.

HiGHS answers in floating point. Whatever comes out of here is a proposal: callers round it, re-check it exactly and decide
what has been proved.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ...models.exact import IntArray, common_divisor
from ..control import Control, Stopped, StopReason
from .interface import Ending, HighsRefused, checked, load_highs, make_highs, read_ending, set_options, to_array
from .tolerances import EXACT_IN_DOUBLE
from .watch import is_busy, watched

__all__ = [
    "HighsRun",
    "LpRun",
    "MipArrays",
    "build_model",
    "can_build",
    "load_model",
    "need_time",
    "run_highs",
    "run_loaded",
    "run_lp",
]


ROWS_PER_SECOND, ENTRIES_PER_SECOND = 20_000, 2_000_000
"""Rows, and entries of rows, of a model that are built and handed over in a second, on a slow machine."""


def can_build(rows: int, entries: int, control: Control) -> bool:
    """Whether half of the time left is enough to build a model of this size: that cannot be broken off."""
    remaining = control.remaining()
    return remaining is None or rows / ROWS_PER_SECOND + entries / ENTRIES_PER_SECOND <= remaining / 2


def need_time(rows: int, entries: int, control: Control) -> None:
    """Go on only if there is time to build a model of this size.

    Raises
    ------
    Stopped
        If there is not.
    """
    if not can_build(rows, entries, control):
        raise Stopped("time-limit")


@dataclass
class MipArrays:
    """A maximisation problem as arrays.

    Attributes
    ----------
    objective, upper : ndarray of float64, shape (columns,)
        Coefficients and upper bounds; lower bounds are 0.
    integer : ndarray of bool, shape (columns,)
    rows : list of (indices, coefficients, lower, upper)
        One constraint each.
    """

    objective: np.ndarray
    upper: np.ndarray
    integer: np.ndarray
    rows: list[tuple[np.ndarray, np.ndarray, float, float]] = field(default_factory=list)

    @property
    def bounded(self) -> bool:
        """Whether the columns' own bounds keep the objective from growing without end."""
        return bool(np.isfinite(self.upper[self.objective > 0]).all())

    def at_most(self, indices: np.ndarray, coefficients: np.ndarray | float, limit: float) -> None:
        """Add ``sum coefficients * x[indices] <= limit``."""
        self._add(indices, coefficients, -np.inf, limit)

    def pay(self, indices: np.ndarray, costs: IntArray, budget: int) -> None:
        """Add ``sum costs * x[indices] <= budget`` for x of whole numbers.

        What divides all costs is divided out, and the budget rounded down: with costs of whole billions and a budget one unit less
        than that, HiGHS 1.16 finds nothing better than 42 where 44 can be had.
        """
        unit = common_divisor(costs) or 1
        self.at_most(indices, np.array([float(cost // unit) for cost in costs.tolist()]), float(budget // unit))

    def at_least(self, indices: np.ndarray, coefficients: np.ndarray | float, limit: float) -> None:
        """Add ``sum coefficients * x[indices] >= limit``."""
        self._add(indices, coefficients, limit, np.inf)

    def equal(self, indices: np.ndarray, coefficients: np.ndarray | float, value: float) -> None:
        """Add ``sum coefficients * x[indices] = value``."""
        self._add(indices, coefficients, value, value)

    def _add(self, indices: np.ndarray, coefficients: np.ndarray | float, lower: float, upper: float) -> None:
        indices = np.asarray(indices, dtype=np.int32)
        values = np.broadcast_to(np.asarray(coefficients, dtype=np.float64), indices.shape)
        self.rows.append((indices, values, lower, upper))


@dataclass(frozen=True)
class HighsRun:
    """What one run of HiGHS proposes.

    Attributes
    ----------
    outcome : {'optimal', 'infeasible', 'stopped'}
        What HiGHS claims.
    point : ndarray of float64, or None
        Its best point.
    stopped : str
        Why it ended, in the terms of a solution.
    """

    outcome: Literal["optimal", "infeasible", "stopped"]
    point: np.ndarray | None
    stopped: StopReason


@dataclass(frozen=True)
class LpRun:
    """What one run of HiGHS says of a linear program.

    Attributes
    ----------
    optimal : bool
        Whether HiGHS claims that these are the optimum; prices are worth trying however a run ended.
    value : float
        Of the objective.
    point : ndarray of float64
    prices : ndarray of float64
        Of the rows, without their signs.
    """

    optimal: bool
    value: float
    point: np.ndarray
    prices: np.ndarray


def _scale(coefficients: np.ndarray) -> float:
    """A power of two that brings a row within what HiGHS accepts; 1 for every row it could prove anything about."""
    largest = float(np.abs(coefficients).max(initial=0.0))
    return 1.0 if largest < EXACT_IN_DOUBLE else 2.0 ** (math.frexp(largest)[1] - 40)


def build_model(highspy: Any, model: MipArrays) -> Any:
    """Turn arrays into a ``HighsLp``."""
    lp = highspy.HighsLp()
    columns = len(model.objective)
    lp.num_col_, lp.num_row_ = columns, len(model.rows)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_ = model.objective / _scale(model.objective)
    lp.col_lower_ = np.zeros(columns)
    lp.col_upper_ = np.asarray(model.upper, dtype=np.float64)
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    if model.integer.any():
        lp.integrality_ = [kinds[int(flag)] for flag in model.integer]
    scales = [_scale(row[1]) for row in model.rows]
    lp.row_lower_ = np.array([row[2] / scale for row, scale in zip(model.rows, scales, strict=True)])
    lp.row_upper_ = np.array([row[3] / scale for row, scale in zip(model.rows, scales, strict=True)])
    matrix = lp.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kRowwise
    matrix.start_ = np.concatenate([[0], np.cumsum([len(row[0]) for row in model.rows])]).astype(np.int32)
    empty = np.zeros(0)
    matrix.index_ = np.concatenate([row[0] for row in model.rows] or [empty]).astype(np.int32)
    matrix.value_ = np.concatenate([row[1] / scale for row, scale in zip(model.rows, scales, strict=True)] or [empty])
    return lp


def load_model(model: MipArrays, options: Mapping[str, Any] | None = None) -> Any:
    """Make HiGHS and hand it a model.

    Raises
    ------
    HighsRefused
        If HiGHS does not take the model.
    """
    highs = make_highs(options)
    checked(highs.passModel(build_model(load_highs(), model)), "the model")
    return highs


def run_highs(
    model: MipArrays, control: Control, start: np.ndarray | None = None, options: Mapping[str, Any] | None = None
) -> HighsRun:
    """Run HiGHS on a model, within the control's deadline.

    Parameters
    ----------
    model : MipArrays
    control : Control
    start : ndarray, optional
        A feasible point to begin with.
    options : mapping, optional
        HiGHS options on top of the package's own.

    Returns
    -------
    HighsRun
        One that was stopped with nothing but the starting point where HiGHS does not take the model.
    """
    try:
        highs = load_model(model, options)
        if start is not None:
            point = load_highs().HighsSolution()
            point.col_value = list(map(float, start))
            checked(highs.setSolution(point), "the starting point")
        return run_loaded(highs, len(model.objective), model.bounded, control, start)
    except (HighsRefused, OverflowError):
        return HighsRun("stopped", start, "node-limit")


def run_loaded(highs: Any, columns: int, bounded: bool, control: Control, start: np.ndarray | None = None) -> HighsRun:
    """Run HiGHS on the model it was given.

    Parameters
    ----------
    highs : Highs
    columns : int
        Of the model.
    bounded : bool
        Whether its objective is bounded.
    control : Control
    start : ndarray, optional
        The point that HiGHS was told to begin with.

    Raises
    ------
    HighsRefused
        If HiGHS does not take the model.
    """
    incumbents: list[np.ndarray] = []

    def keep(event: Any) -> None:
        found = to_array(event.data_out.mip_solution, columns)
        if found is not None and len(found) == columns:
            incumbents.append(found)

    ending, stopped = _run(highs, control, keep)
    best = incumbents[-1] if incumbents else start
    if ending == "unbounded-or-infeasible" and bounded:
        ending = "infeasible"
    if ending == "infeasible":
        return HighsRun("infeasible", None, "proved")
    if ending == "optimal":
        solution = highs.getSolution()
        if solution.value_valid or not columns:
            return HighsRun("optimal", np.array(solution.col_value, dtype=np.float64), "proved")
    return HighsRun("stopped", best, stopped if stopped != "proved" else "node-limit")


def run_lp(highs: Any, control: Control) -> LpRun | None:
    """Run HiGHS on the linear program it was given; its prices are a proposal like its point.

    Returns
    -------
    LpRun or None
        None if there are no prices in time, HiGHS does not take the model, or is busy with a run that was abandoned.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C.
    """
    if is_busy(highs):
        return None
    try:
        ending, stopped = _run(highs, control)
    except HighsRefused:
        return None
    if stopped == "interrupted":
        raise KeyboardInterrupt
    if ending is None:
        return None
    solution, value = highs.getSolution(), highs.getInfo().objective_function_value
    if not (solution.value_valid and solution.dual_valid):
        return None
    prices = np.abs(np.array(solution.row_dual, dtype=np.float64))
    if not (np.isfinite(value) and np.isfinite(prices).all()):
        return None
    return LpRun(ending == "optimal", value, np.array(solution.col_value, dtype=np.float64), prices)


def _run(highs: Any, control: Control, keep: Callable[[Any], None] | None = None) -> tuple[Ending | None, StopReason]:
    """Run HiGHS to the deadline at most, `keep` called with its incumbents; return how it ended, None if it has not, and why."""
    highspy = load_highs()
    remaining = control.remaining()
    if remaining is not None:
        # HiGHS counts the time of all runs of one object.
        set_options(highs, {"time_limit": highs.getRunTime() + remaining})
    stop = threading.Event()
    codes: list[Any] = []
    faults: list[Exception] = []

    def interrupt(event: Any) -> None:
        if event.data_in is not None:
            event.data_in.user_interrupt = stop.is_set()

    def offer(event: Any) -> None:
        try:
            if keep is not None:
                keep(event)
        except Exception as fault:
            # Some versions pass it on, others take it for a failure of their own.
            faults.append(fault)
            raise

    callbacks = [(event, interrupt) for event in (highs.cbMipInterrupt, highs.cbSimplexInterrupt, highs.cbIpmInterrupt)]
    callbacks += [(highs.cbMipImprovingSolution, offer)]
    for event, callback in callbacks:
        event.subscribe(callback)
    finished, stopped = watched(highs, lambda: codes.append(highs.run()), stop.set, control)
    if not finished:
        return None, stopped
    for event, callback in callbacks:
        event.unsubscribe(callback)
    if faults:
        raise faults[0]
    ending = read_ending(highs)
    if codes[0] == highspy.HighsStatus.kError:
        ending = "lost"
    if stopped == "proved" and ending == "time-limit":
        stopped = "time-limit"
    return ending, stopped

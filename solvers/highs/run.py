"""Running HiGHS on arrays: options checked one by one, an outer time limit, Ctrl-C that keeps the incumbent.

HiGHS answers in floating point. Whatever comes out of here is a proposal: callers round it, re-check it exactly and decide
what has been proved.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..control import Control
from ..solution import StopReason
from .tolerances import EXACT_IN_DOUBLE, HIGHS_OPTIONS, STOP_GRACE_SECONDS

__all__ = ["HighsRun", "MipArrays", "abandoned_runs", "apply_options", "load_highs", "run_highs", "watched_run"]

_BAD_VERSIONS = {(1, 14, 0)}

abandoned_runs: list[Any] = []
"""Runs that did not stop in time and still hold a thread; a process with any must leave without unwinding them."""


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

    def at_most(self, indices: np.ndarray, coefficients: np.ndarray | float, limit: float) -> None:
        """Add ``sum coefficients * x[indices] <= limit``."""
        self._add(indices, coefficients, -np.inf, limit)

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


def load_highs():
    """Import highspy, refusing the release known to return wrong optima.

    Raises
    ------
    RuntimeError
        If HiGHS 1.14.0 is installed.
    """
    import highspy

    probe = highspy.Highs()
    version = (probe.versionMajor(), probe.versionMinor(), probe.versionPatch())
    if version in _BAD_VERSIONS:
        raise RuntimeError(
            f"HiGHS {'.'.join(map(str, version))} returns wrong optima; install another version of highspy"
        )
    return highspy


def apply_options(highs: Any, highspy: Any, options: Mapping[str, Any]) -> None:
    """Set options, checking every return code: HiGHS reports a bad name nowhere else.

    Raises
    ------
    RuntimeError
        If HiGHS does not accept an option.
    """
    for name, value in options.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise RuntimeError(f"HiGHS does not accept the option {name} = {value!r}")


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


def run_highs(
    model: MipArrays, control: Control, start: np.ndarray | None = None, options: Mapping[str, Any] | None = None
) -> HighsRun:
    """Run HiGHS on a model in a thread of its own, within the control's deadline.

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
    """
    highspy = load_highs()
    highs = highspy.Highs()
    apply_options(highs, highspy, {**HIGHS_OPTIONS, **(options or {})})
    remaining = control.remaining()
    if remaining is not None:
        apply_options(highs, highspy, {"time_limit": remaining})
    if highs.passModel(build_model(highspy, model)) == highspy.HighsStatus.kError:
        raise RuntimeError("HiGHS refused the model")
    if start is not None:
        point = highspy.HighsSolution()
        point.col_value = list(map(float, start))
        highs.setSolution(point)
    incumbents: list[np.ndarray] = []

    def keep(event: Any) -> None:
        found = event.data_out.mip_solution
        if found is not None and len(found) == len(model.objective):
            incumbents.append(np.array(found, dtype=np.float64))

    if model.integer.any():
        highs.cbMipImprovingSolution.subscribe(keep)
    finished, stopped = watched_run(highs, control)
    if not finished:
        return HighsRun("stopped", incumbents[-1] if incumbents else start, stopped)
    return _read(highspy, highs, incumbents, start, stopped)


def watched_run(highs: Any, control: Control) -> tuple[bool, StopReason]:
    """Run HiGHS on what it was given, in a thread of its own, so that neither it nor its presolve can hold up the caller.

    Parameters
    ----------
    highs : highspy.Highs
    control : Control
        At its deadline, or on Ctrl-C, HiGHS is asked to stop.

    Returns
    -------
    finished : bool
        False if HiGHS did not stop within `STOP_GRACE_SECONDS`: it is in `abandoned_runs` and must not be touched again.
    stopped : str
        ``proved`` if it ended by itself, ``time-limit`` or ``interrupted`` if it was asked to.
    """
    stop, done = threading.Event(), threading.Event()

    def interrupt(event: Any) -> None:
        event.data_in.user_interrupt = stop.is_set()

    callbacks = (highs.cbMipInterrupt, highs.cbSimplexInterrupt, highs.cbIpmInterrupt)
    for callback in callbacks:
        callback.subscribe(interrupt)

    def work() -> None:
        highs.run()
        done.set()

    # Waiting on an event, not on the thread: an interrupted join may take a running thread for a finished one.
    threading.Thread(target=work, daemon=True).start()
    stopped: StopReason = "proved"
    try:
        while not done.wait(0.05):
            if control.expired():
                stopped = "time-limit"
                break
    except KeyboardInterrupt:
        stopped = "interrupted"
    stop.set()
    try:
        finished = done.wait(STOP_GRACE_SECONDS)
    except KeyboardInterrupt:
        finished, stopped = done.is_set(), "interrupted"
    if not finished:
        abandoned_runs.append(highs)
        return False, stopped
    for callback in callbacks:
        callback.unsubscribe(interrupt)
    return True, stopped


def _read(
    highspy: Any, highs: Any, incumbents: list[np.ndarray], start: np.ndarray | None, stopped: StopReason
) -> HighsRun:
    status = highs.getModelStatus()
    kinds = highspy.HighsModelStatus
    if status == kinds.kInfeasible:
        return HighsRun("infeasible", None, "proved")
    if status in (kinds.kOptimal, kinds.kModelEmpty):
        return HighsRun("optimal", np.array(highs.getSolution().col_value, dtype=np.float64), "proved")
    best = incumbents[-1] if incumbents else start
    if status in (kinds.kSolveError, kinds.kUnknown):
        # It lost its footing in floating point; what it had found so far is still a proposal.
        return HighsRun("stopped", best, "node-limit" if stopped == "proved" else stopped)
    if status not in (kinds.kTimeLimit, kinds.kInterrupt):
        raise RuntimeError(f"HiGHS stopped with status {highs.modelStatusToString(status)}")
    return HighsRun("stopped", best, "time-limit" if stopped == "proved" else stopped)

"""The linear relaxation of a node, by HiGHS: prices of its rows, and where its best point is not whole. A proposal, nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ..control import Control
from ..highs.run import MipArrays, load_model, run_lp
from .program import IntegerProgram

__all__ = ["Bounds", "Linear", "Relaxed", "RowPrices", "root_bounds"]


@dataclass(frozen=True)
class Bounds:
    """What a node has decided: columns within other bounds than their own, and how many are hired."""

    low: int
    high: int
    columns: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def at_most(self, column: int | None, value: int) -> Bounds:
        """Return the node with no more than `value` of a column, or hired."""
        if column is None:
            return replace(self, high=value)
        return replace(self, columns={**self.columns, column: (self.columns.get(column, (0, 0))[0], value)})

    def at_least(self, column: int | None, value: int, upper: int) -> Bounds:
        """Return the node with no less than `value` of a column, or hired."""
        if column is None:
            return replace(self, low=value)
        return replace(self, columns={**self.columns, column: (value, self.columns.get(column, (0, upper))[1])})


def root_bounds(program: IntegerProgram) -> Bounds:
    """Return the node in which nothing is decided."""
    return Bounds(0, len(program.hired))


@dataclass(frozen=True)
class RowPrices:
    """RowPrices of the rows, and of hiring more than `Bounds.high` or fewer than `Bounds.low`, per unit of the objective.

    With `worth` 0 they are meant to show that there is no point at all.
    """

    rows: list[Fraction]
    most: Fraction = Fraction(0)
    least: Fraction = Fraction(0)
    worth: int = 1


@dataclass(frozen=True)
class Relaxed:
    """What HiGHS says of a node; `value` is minus infinity where it says that the node is empty."""

    prices: RowPrices
    value: float
    point: np.ndarray


class Linear:
    """The relaxation of a program, its bounds changed from node to node, so that HiGHS goes on from the last basis."""

    def __init__(self, program: IntegerProgram, root: Bounds, control: Control):
        self.program, self.control = program, control
        self.unit = int(abs(program.objective).max(initial=0)) or 1
        self.scales = [int(abs(row.coefficients).max(initial=0)) or 1 for row in program.rows]
        self.models = {worth: load_model(self._arrays(root, worth)) for worth in (1, 0)}
        self.now = {1: root, 0: root}

    def __call__(self, bounds: Bounds) -> Relaxed | None:
        """Ask about a node; None if HiGHS has no answer."""
        for worth in (1, 0):
            self._move(worth, bounds)
            run = run_lp(self.models[worth], self.control)
            if run is not None and run.optimal:
                break
        else:
            return None
        unit = self.unit if worth else 1
        dual = [Fraction(price) * unit for price in run.prices.tolist()]
        rows = [price / scale for price, scale in zip(dual, self.scales, strict=False)]
        value = run.value * float(unit) if worth else float("-inf")
        return Relaxed(RowPrices(rows, dual[-2], dual[-1], worth), value, run.point[: len(self.program.upper)])

    def _move(self, worth: int, bounds: Bounds) -> None:
        """Change the bounds of HiGHS to those of a node."""
        highs, before = self.models[worth], self.now[worth]
        for column in before.columns.keys() - bounds.columns.keys():
            highs.changeColBounds(column, 0.0, float(self.program.upper[column]))
        for column, (low, high) in bounds.columns.items():
            if before.columns.get(column) != (low, high):
                highs.changeColBounds(column, float(low), float(high))
        last, infinite = len(self.program.rows), float("inf")
        highs.changeRowBounds(last, -infinite, float(bounds.high))
        highs.changeRowBounds(last + 1, float(bounds.low), infinite)
        self.now[worth] = bounds

    def _arrays(self, root: Bounds, worth: int) -> MipArrays:
        """Scale objective and rows to coefficients of at most 1; without worth, the least by which rows are broken is asked for."""
        program = self.program
        slack = np.full(1 - worth, len(program.upper))
        objective = np.array([c / self.unit for c in program.objective.tolist()]) * worth
        model = MipArrays(
            objective=np.concatenate([objective, -np.ones(1 - worth)]),
            upper=np.concatenate([np.array(program.upper, dtype=float), np.full(1 - worth, np.inf)]),
            integer=np.zeros(len(program.upper) + 1 - worth, dtype=bool),
        )
        for row, scale in zip(program.rows, self.scales, strict=True):
            coefficients = np.array([a / scale for a in row.coefficients.tolist()])
            model.at_most(
                np.concatenate([row.columns, slack]),
                np.concatenate([coefficients, -np.ones(1 - worth)]),
                row.rounded / scale,
            )
        hired = np.concatenate([program.hired, slack])
        ones = np.ones(len(program.hired))
        model.at_most(hired, np.concatenate([ones, -np.ones(1 - worth)]), float(root.high))
        model.at_least(hired, np.concatenate([ones, np.ones(1 - worth)]), float(root.low))
        return model

"""A market's problem as an integer program that can be read off the market: every number of the market stands in it as it is.

All rows are ``<=``, all columns are whole numbers from 0 to an upper bound, the objective is maximised.

================  =====================================================================================================
``x_i``           ORP, OPT, COVER: worker ``i`` is hired
``y_lj``          ORP, OPT, COVER: how many places of requester ``j`` are kept for group ``l``, at most the cap
``x_ij``          OPT-SEP: requester ``j`` hires worker ``i``
``w_ir``          COVER: what kind ``r`` is worth is counted for worker ``i``, whose ``z_ir`` is not 0
budget            costs of the hired, of one requester for OPT-SEP, of all otherwise; none for ORP
group             ``sum of x_i over the group - sum_j y_lj <= 0``
seats             places kept at a requester, or workers hired by it
cap               OPT-SEP: workers of a group that a requester hires
worker            OPT-SEP: is hired once
kind, served      COVER: counted once, and for a hired worker alone
================  =====================================================================================================

Who is hired by whom is not said for ORP, OPT and COVER: workers of one group can be exchanged between requesters, so a set of workers
can be placed if and only if there are whole ``y``. That keeps a file in proportion to the number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...models.exact import INT64_SAFE, IntArray, common_divisor
from ...models.procurement.market import Market

__all__ = ["IntegerProgram", "Row", "literal_program", "point_of"]


@dataclass(frozen=True)
class Row:
    """``sum coefficients * x[columns] <= limit``."""

    columns: np.ndarray
    coefficients: IntArray
    limit: int

    @cached_property
    def unit(self) -> int:
        """What divides all coefficients."""
        return common_divisor(self.coefficients) or 1

    @property
    def rounded(self) -> int:
        """The largest value that the left side can have within the limit."""
        return self.limit // self.unit * self.unit


@dataclass(frozen=True)
class IntegerProgram:
    """Maximise ``objective x`` over whole ``0 <= x <= upper`` within the rows.

    Attributes
    ----------
    names : sequence of str
        Of the columns, at least two characters each.
    objective : integer ndarray
    upper : list of int
    rows : list of Row
    hired : ndarray
        The columns that hire somebody.
    budgets, groups, seats : list of int
        The rows that say so, by purse, by group, by requester; empty where there are none.
    """

    names: Sequence[str]
    objective: IntArray
    upper: list[int]
    rows: list[Row]
    hired: np.ndarray
    budgets: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    seats: list[int] = field(default_factory=list)

    @cached_property
    def single(self) -> np.ndarray:
        """Which columns are 0 or 1."""
        return np.array([upper == 1 for upper in self.upper], dtype=bool)

    @cached_property
    def wide(self) -> list[int]:
        """The others."""
        return np.flatnonzero(~self.single).tolist()

    @cached_property
    def step(self) -> int:
        """What divides every value of the objective."""
        return common_divisor(self.objective) or 1

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray, IntArray]:
        """Row, column and coefficient of all entries."""
        rows = np.repeat(np.arange(len(self.rows)), [len(row.columns) for row in self.rows])
        columns = np.concatenate([row.columns for row in self.rows] or [np.zeros(0, dtype=np.int64)])
        wide = any(row.coefficients.dtype == object for row in self.rows)
        kind = object if wide else np.int64
        coefficients = np.concatenate([row.coefficients.astype(kind) for row in self.rows] or [np.zeros(0, dtype=kind)])
        return rows, columns, coefficients

    @cached_property
    def largest(self) -> int:
        """The largest absolute value of a coefficient, of the objective or a row."""
        values = (self.objective, *(row.coefficients for row in self.rows))
        return max((int(abs(column).max()) for column in values if len(column)), default=0)

    def margins(self, scale: int, prices: Sequence[int], counted: int) -> IntArray:
        """Return ``scale * objective - prices * rows``, less `counted` for every column that hires somebody."""
        rows, columns, coefficients = self.entries
        small = max(1, scale + sum(map(abs, prices)) + abs(counted)) * max(1, self.largest) < INT64_SAFE
        kind = np.int64 if small else object
        found = self.objective.astype(kind) * scale
        found[self.hired] -= counted
        np.subtract.at(found, columns, coefficients.astype(kind) * np.array(list(prices), dtype=kind)[rows])
        return found

    def value(self, point: np.ndarray) -> int:
        """Return what a point is worth."""
        used = np.flatnonzero(point)
        return sum(c * x for c, x in zip(self.objective[used].tolist(), point[used].tolist(), strict=True))


def literal_program(market: Market, problem: str) -> IntegerProgram:
    """Return a problem of a market as an integer program, in integer units of the market."""
    if problem == "opt-sep":
        return _by_pair(market)
    n, m, groups = market.n, market.m, market.L
    first = n + groups * m
    names = [f"x{i}" for i in range(n)] + [f"y{l}_{j}" for l in range(groups) for j in range(m)]
    upper = [1] * n + market.caps.ravel().tolist()
    objective = np.concatenate([market.scaled.scores, np.zeros(groups * m, dtype=market.scaled.scores.dtype)])
    # x_i hires a worker; y_lj counts the places of group l at requester j, for which a flow need not say who takes which.
    rows: list[Row] = []
    if problem != "orp":
        rows.append(_row(np.arange(n), market.scaled.needed_costs, market.scaled.total_budget))
    for l, members in enumerate(market.members):
        places = n + l * m + np.arange(m)
        signs = np.concatenate([np.ones(len(members), dtype=np.int64), -np.ones(m, dtype=np.int64)])
        rows.append(Row(np.concatenate([members, places]), signs, 0))
    for j in range(m):
        rows.append(_ones(n + np.arange(groups) * m + j, int(market.seats[j])))
    budgets = list(range(int(problem != "orp")))
    of_groups = [len(budgets) + l for l in range(groups)]
    of_seats = [len(budgets) + groups + j for j in range(m)]
    if problem == "cover":
        assert market.scaled.coverage is not None
        workers, kinds = np.nonzero(market.scaled.coverage)
        names += [f"w{i}_{r}" for i, r in zip(workers.tolist(), kinds.tolist(), strict=True)]
        upper += [1] * len(workers)
        worth = market.scaled.coverage[workers, kinds]
        objective = np.concatenate([np.zeros(first, dtype=worth.dtype), worth])
        counted = first + np.arange(len(workers))
        # w_ir: worker i stands for kind r. One of each kind, and only who is hired: at the best w, the sum is the maximum.
        rows += [_ones(counted[kinds == r], 1) for r in range(market.scaled.coverage.shape[1])]
        rows += [
            Row(np.array([column, i]), np.array([1, -1]), 0)
            for column, i in zip(counted.tolist(), workers.tolist(), strict=True)
        ]
    return IntegerProgram(names, objective, upper, rows, np.arange(n), budgets, of_groups, of_seats)


def _by_pair(market: Market) -> IntegerProgram:
    n, m = market.n, market.m
    names = [f"x{i}_{j}" for i in range(n) for j in range(m)]
    column = np.arange(n * m).reshape(n, m)
    costs = market.scaled.needed_costs
    rows = [_row(column[:, j], costs, int(market.scaled.budgets[j])) for j in range(m)]
    rows += [_ones(column[:, j], int(market.seats[j])) for j in range(m)]
    rows += [
        _ones(column[members, j], int(market.caps[l, j])) for l, members in enumerate(market.members) for j in range(m)
    ]
    rows += [_ones(column[i], 1) for i in range(n)]
    return IntegerProgram(names, np.repeat(market.scaled.scores, m), [1] * (n * m), rows, column.ravel())


def point_of(market: Market, problem: str, assignment: np.ndarray) -> np.ndarray:
    """Return an assignment as a point of the program."""
    n, m = market.n, market.m
    placed = np.flatnonzero(assignment >= 0)
    if problem == "opt-sep":
        point = np.zeros(n * m, dtype=np.int64)
        point[placed * m + assignment[placed]] = 1
        return point
    counts = np.bincount(market.group_of[placed] * m + assignment[placed], minlength=market.L * m)
    point = np.concatenate([(assignment >= 0).astype(np.int64), counts])
    if problem == "cover":
        assert market.scaled.coverage is not None
        workers, kinds = np.nonzero(market.scaled.coverage)
        best = np.full(market.scaled.coverage.shape[1], -1)
        if len(placed):
            best = placed[np.argmax(market.scaled.coverage[placed], axis=0)]
        point = np.concatenate([point, (best[kinds] == workers).astype(np.int64)])
    return point


def _row(columns: np.ndarray, coefficients: IntArray, limit: int) -> Row:
    used = np.flatnonzero(coefficients != 0)
    return Row(columns[used], coefficients[used], limit)


def _ones(columns: np.ndarray, limit: int) -> Row:
    return Row(columns, np.ones(len(columns), dtype=np.int64), limit)

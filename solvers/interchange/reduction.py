"""A program in the columns that the multipliers of the root leave open.

For a combination with ``margin = scale * objective - prices * rows``, and for every point that is worth `goal`,

    sum of |margin_j| * deviation_j <= gap,   gap = prices * limits + sum of max(0, margin_j) * upper_j - scale * goal,

where the deviation of a column is its distance from the bound that its margin prefers. Where ``|margin_j| > gap``, a column stays
there. All of these follow at once: less ``(|margin_j| - gap - 1) * deviation_j >= 0`` for each, and divided by ``gap + 1``, the
sum says that their deviations add up to 0. What is left is a program of its own, its rows less what the others put into them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.exact import IntArray, exact_sum
from ..control import Control
from .combination import Combination, excess_of, roundings
from .linear import RowPrices, root_bounds
from .program import IntegerProgram, Row

__all__ = ["Reduction", "reduce_program"]


@dataclass(frozen=True)
class Reduction:
    """What a combination leaves open of a program.

    Attributes
    ----------
    outer : IntegerProgram
    goal : int
        The value that no point of the outer program is to have.
    combination : Combination
        Without prices of the number hired.
    """

    outer: IntegerProgram
    goal: int
    combination: Combination

    @cached_property
    def margins(self) -> IntArray:
        """Of all columns."""
        return self.combination.margins(self.outer)

    @cached_property
    def gap(self) -> int:
        """How much all deviations together can lose."""
        return excess_of(self.combination, self.margins, self.outer, root_bounds(self.outer), self.goal)

    @cached_property
    def low(self) -> np.ndarray:
        """Which columns stay at 0."""
        return self.margins < -self.gap

    @cached_property
    def high(self) -> np.ndarray:
        """Which columns stay at their upper bound."""
        return self.margins > self.gap

    @cached_property
    def stay(self) -> np.ndarray:
        """Which columns stay where they are."""
        return self.low | self.high

    @cached_property
    def columns(self) -> np.ndarray:
        """The open columns, ascending: those of the inner program."""
        return np.flatnonzero(~self.stay)

    @cached_property
    def rows(self) -> list[int]:
        """The rows of the inner program: those that say something of its columns, and those that cannot hold."""
        return [
            k for k, row in enumerate(self.outer.rows) if not self.stay[row.columns].all() or self.left_over(row) < 0
        ]

    @cached_property
    def inner(self) -> IntegerProgram:
        """The program in the open columns."""
        outer, place = self.outer, np.cumsum(~self.stay) - 1
        rows = []
        for k in self.rows:
            row = outer.rows[k]
            left = ~self.stay[row.columns]
            rows.append(Row(place[row.columns[left]], row.coefficients[left], self.left_over(row)))
        columns: list[int] = self.columns.tolist()
        return IntegerProgram(
            [outer.names[j] for j in columns],
            outer.objective[self.columns],
            [outer.upper[j] for j in columns],
            rows,
            place[outer.hired[~self.stay[outer.hired]]],
        )

    @cached_property
    def inner_goal(self) -> int:
        """The value that no point of the inner program is to have."""
        return -(-self.wanted // self.inner.step) * self.inner.step

    @cached_property
    def wanted(self) -> int:
        """What the open columns have to be worth."""
        return self.goal - self.put(np.arange(len(self.outer.upper)), self.outer.objective)

    @cached_property
    def number(self) -> int:
        """How many are hired by the columns that stay."""
        return self.put(self.outer.hired, np.ones(len(self.outer.hired), dtype=np.int64))

    def left_over(self, row: Row) -> int:
        """Return what the columns that stay leave of a row's limit."""
        return row.rounded - self.put(row.columns, row.coefficients)

    def put(self, columns: np.ndarray, coefficients: IntArray) -> int:
        """Return what the columns that stay put into a sum."""
        at = self.high[columns]
        single = at & self.outer.single[columns]
        found = exact_sum(coefficients[single])
        for j, a in zip(columns[at & ~single].tolist(), coefficients[at & ~single].tolist(), strict=True):
            found += a * self.outer.upper[j]
        return found

    def restricted(self, prices: RowPrices) -> RowPrices:
        """Return prices of the outer rows as those of the inner ones."""
        return RowPrices([prices.rows[k] for k in self.rows], prices.most, prices.least, prices.worth)


def reduce_program(
    program: IntegerProgram, goal: int, hints: Iterable[RowPrices], control: Control
) -> Reduction | None:
    """Return what leaves the fewest columns open, of as few bits as will do; None if nothing is decided by any."""
    best: Reduction | None = None
    for prices in hints:
        # Prices of the number hired, or without worth, are of a part of the points, or of none.
        whole = prices.worth and not prices.most and not prices.least
        for leaf in roundings(prices, program) if whole else ():
            control.check()
            found = Reduction(program, goal, leaf)
            if found.stay.any() and (best is None or len(found.columns) < len(best.columns)):
                best = found
    return best

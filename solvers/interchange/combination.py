"""Linear combinations of the rows of a program: what a leaf of a derivation is, and how far one reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...models.exact import IntArray, exact_sum
from .linear import Bounds, RowPrices
from .program import IntegerProgram

__all__ = ["Combination", "excess_of", "roundings"]

PRECISIONS = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96)
"""Bits after the point of the prices, the fewest that will do; then as many more as the largest number has."""


@dataclass(frozen=True)
class Combination:
    """``scale * objective <= combination < scale * goal``, or with a scale of 0 ``0 <= combination < 0``.

    Attributes
    ----------
    scale : int
    prices : tuple of int
        Of the rows, each with its limit as far as it can be reached (`Row.rounded`).
    most, least : int
        Of the most and the least number hired.
    """

    scale: int
    prices: tuple[int, ...]
    most: int = 0
    least: int = 0

    def margins(self, program: IntegerProgram) -> IntArray:
        """Return what each column adds; its bounds take that up."""
        return program.margins(self.scale, self.prices, self.most - self.least)


def excess_of(leaf: Combination, margins: IntArray, program: IntegerProgram, bounds: Bounds, goal: int) -> int:
    """Return how far a combination reaches beyond what it must not reach; negative: the node holds nothing worth `goal`."""
    total = sum(price * row.rounded for price, row in zip(leaf.prices, program.rows, strict=True) if price)
    total += leaf.most * bounds.high - leaf.least * bounds.low - leaf.scale * goal
    total += exact_sum(margins[program.single & (margins > 0)])
    for column in program.wide:
        total += max(0, int(margins[column])) * program.upper[column]
    for column, (low, high) in bounds.columns.items():
        margin = int(margins[column])
        total += max(margin * low, margin * high) - max(0, margin) * program.upper[column]
    return total


def roundings(prices: RowPrices, program: IntegerProgram) -> Iterator[Combination]:
    """Yield prices rounded to whole numbers over a power of two, the shortest first."""
    wide = program.largest.bit_length()
    for bits in (*PRECISIONS, *(wide + more for more in PRECISIONS[-4:])):
        scale = 1 << bits
        yield Combination(
            scale * prices.worth,
            tuple(round(price * scale) for price in prices.rows),
            round(prices.most * scale),
            round(prices.least * scale),
        )

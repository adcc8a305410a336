"""A derivation that other people's checkers can follow: a tree, each leaf of which is one linear combination.

`derive` finds, for an integer program and a bound, a tree whose inner nodes split a column or the number hired at a whole number, and
in whose leaves a combination of rows, bounds and what was decided shows that no point is worth `goal`, the least value above the
bound. What multipliers of our own proof close is closed by them; else by prices of the node's relaxation, rounded to as few bits as
will do. Whether a leaf is closed is computed in integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from ...models.exact import IntArray, exact_sum
from ..control import Control
from .linear import Bounds, Linear, Relaxed, RowPrices
from .program import IntegerProgram

__all__ = ["Combination", "NoDerivationError", "Split", "derive", "goal_of", "root_bounds"]

MOST_NODES = 20_000
"""A tree that needs more is given up."""

PRECISIONS = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96)
"""Bits after the point of the prices, the fewest that will do; then as many more as the largest number has."""

WHOLE = 1e-6
"""Where a relaxation is no further than this from a whole number, nothing is split."""

MOST_KEPT = 8
"""So many combinations that closed other nodes are tried before a relaxation is solved: what leaves share is written once."""

FEW_CANDIDATES = 4
"""So many columns are tried before one is split."""


class NoDerivationError(RuntimeError):
    """No derivation was found; the message says why. The optimum, and our own proof of it, are none the worse for it."""


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
    most: int
    least: int

    def margins(self, program: IntegerProgram) -> IntArray:
        """Return what each column adds; its bounds take that up."""
        return program.margins(self.scale, self.prices, self.most - self.least)


@dataclass
class Split:
    """At most `value` of a column, or else more; None stands for the number hired."""

    column: int | None
    value: int
    below: Combination | Split | None = None
    above: Combination | Split | None = None


def goal_of(program: IntegerProgram, bound: int) -> int:
    """Return the least value above a bound that a point can have."""
    return (bound // program.step + 1) * program.step


def root_bounds(program: IntegerProgram) -> Bounds:
    """Return the node in which nothing is decided."""
    return Bounds(0, len(program.hired))


def derive(
    program: IntegerProgram, bound: int, hints: Sequence[RowPrices], thresholds: Sequence[int], control: Control
) -> Combination | Split:
    """Find a derivation of a bound.

    Parameters
    ----------
    program : IntegerProgram
    bound : int
    hints : sequence of RowPrices
        Multipliers worth trying before any relaxation is solved.
    thresholds : sequence of int
        Where the number hired is split before anything else, ascending.
    control : Control

    Raises
    ------
    NoDerivationError
        If none is found within :data:`MOST_NODES` nodes.
    Stopped
        If time is up before.
    """
    return _Growth(program, goal_of(program, bound), hints, control).grow(list(thresholds))


class _Growth:
    def __init__(self, program: IntegerProgram, goal: int, hints: Sequence[RowPrices], control: Control):
        self.program, self.goal, self.hints, self.control = program, goal, hints, control
        self.single = np.array([upper == 1 for upper in program.upper])
        self.linear: Linear | None = None
        self.kept: list[Combination] = []

    def grow(self, thresholds: list[int]) -> Combination | Split:
        top = Split(None, -1)
        waiting: list[tuple[Split, Bounds, list[int]]] = [(top, root_bounds(self.program), thresholds)]
        nodes = 0
        while waiting:
            self.control.check()
            nodes += 1
            if nodes > MOST_NODES:
                raise NoDerivationError(f"a derivation would need more than {MOST_NODES:,} nodes")
            parent, bounds, ahead = waiting.pop()
            node: Combination | Split | None = None
            if ahead:
                node, ahead = Split(None, ahead[0]), ahead[1:]
            else:
                node = self._close(bounds)
            if parent.above is None:
                parent.above = node
            else:
                parent.below = node
            if isinstance(node, Split):
                upper = 1 if node.column is None else self.program.upper[node.column]
                # The last is the next: what is above comes first, as `parent.above` is filled first.
                waiting.append((node, bounds.at_most(node.column, node.value), []))
                waiting.append((node, bounds.at_least(node.column, node.value + 1, upper), ahead))
        assert top.above is not None
        return top.above

    def _close(self, bounds: Bounds) -> Combination | Split:
        """Return a leaf that shows that a node holds nothing better, or how it is split."""
        for hint in self.hints if not bounds.columns else ():
            leaf = self._leaf(hint, bounds)
            if leaf is not None:
                return leaf
        for kept in self.kept:
            if self._excess(kept, bounds) < 0:
                self.kept.remove(kept)
                self.kept.insert(0, kept)
                return kept
        found = self._ask(bounds)
        if found is None:
            raise NoDerivationError("HiGHS has no prices for a node")
        if found.value < self.goal + 1e-6 * abs(self.goal) + 1:
            leaf = self._leaf(found.prices, bounds)
            if leaf is not None:
                if leaf.scale and not leaf.most and not leaf.least:
                    self.kept = [leaf, *self.kept[: MOST_KEPT - 1]]
                return leaf
        return self._split(found, bounds)

    def _ask(self, bounds: Bounds) -> Relaxed | None:
        if self.linear is None:
            self.linear = Linear(self.program, root_bounds(self.program), self.control)
        return self.linear(bounds)

    def _leaf(self, prices: RowPrices, bounds: Bounds) -> Combination | None:
        """Round prices to as few bits as close the node."""
        wide = self.program.largest.bit_length()
        for bits in (*PRECISIONS, *(wide + more for more in PRECISIONS[-4:])):
            scale = 1 << bits
            leaf = Combination(
                scale * prices.worth,
                tuple(round(price * scale) for price in prices.rows),
                round(prices.most * scale),
                round(prices.least * scale),
            )
            if self._excess(leaf, bounds) < 0:
                return leaf
        return None

    def _excess(self, leaf: Combination, bounds: Bounds) -> int:
        """How far the combination of a leaf reaches beyond what it must not reach; negative: the node is closed."""
        program, margins = self.program, leaf.margins(self.program)
        total = sum(price * row.rounded for price, row in zip(leaf.prices, program.rows, strict=True) if price)
        total += leaf.most * bounds.high - leaf.least * bounds.low - leaf.scale * self.goal
        total += exact_sum(margins[self.single & (margins > 0)])
        for column in np.flatnonzero(~self.single).tolist():
            total += max(0, int(margins[column])) * program.upper[column]
        for column, (low, high) in bounds.columns.items():
            margin = int(margins[column])
            total += max(margin * low, margin * high) - max(0, margin) * program.upper[column]
        return total

    def _split(self, found: Relaxed, bounds: Bounds) -> Split:
        """Split what makes the relaxations of both sides worth least."""
        program = self.program
        loose = np.abs(found.point - np.round(found.point))
        hired = program.hired[np.argsort(-loose[program.hired], kind="stable")[:FEW_CANDIDATES]]
        candidates: list[tuple[int | None, int]] = [
            (j, floor(found.point[j])) for j in hired.tolist() if loose[j] > WHOLE
        ]
        number = float(found.point[program.hired].sum())
        if abs(number - round(number)) > WHOLE:
            candidates.append((None, floor(number)))
        if not candidates:
            others = np.argsort(-loose, kind="stable")[:1].tolist()
            candidates = [(j, floor(found.point[j])) for j in others if loose[j] > WHOLE]
        if not candidates:
            raise NoDerivationError("the relaxation of a node is whole, and its prices do not close it")
        if len(candidates) == 1:
            return Split(*candidates[0])
        return Split(*max(candidates, key=lambda candidate: self._drop(*candidate, found, bounds)))

    def _drop(self, column: int | None, value: int, found: Relaxed, bounds: Bounds) -> float:
        """How much a split brings down the relaxations of its two sides, the product of both."""
        upper = 1 if column is None else self.program.upper[column]
        product, wanted = 1.0, max(found.value - self.goal, 1e-9)
        for side in (bounds.at_most(column, value), bounds.at_least(column, value + 1, upper)):
            asked = self._ask(side)
            drop = 0.0 if asked is None else (found.value - asked.value) / wanted
            product *= max(1e-6, min(1.0, drop))
        return product

"""A derivation that other people's checkers can follow: a tree, each leaf of which is one linear combination.

`derive` finds, for an integer program and a bound, a tree whose inner nodes split a column or the number hired at a whole number, and
in whose leaves a combination of rows, bounds and what was decided shows that no point is worth `goal`, the least value above the
bound. What multipliers of our own proof close is closed by them. Otherwise the best of them, or the root's relaxation, decide most
columns (`reduction`), and the tree is one of the program that is left; its leaves are closed by the bounds of one row, by what closed
other leaves, or by prices of the node's relaxation, rounded to as few bits as will do. Whether a leaf is closed is computed in
integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from ...models.exact import IntArray, exact_sum, integer_array
from ..control import Control
from .combination import Combination, excess_of, roundings
from .linear import Bounds, Linear, Relaxed, RowPrices, root_bounds
from .program import IntegerProgram
from .reduction import Reduction, reduce_program

__all__ = ["Derivation", "NoDerivationError", "Split", "derive", "goal_of", "leaves_of", "nodes_of"]

MOST_NODES = 200_000
"""A tree that needs more is given up."""

WHOLE = 1e-6
"""Where a relaxation is no further than this from a whole number, nothing is split."""

MOST_KEPT = 8
"""So many combinations that closed other nodes are tried before a relaxation is solved: what leaves share is written once."""

FEW_CANDIDATES = 4
"""So many columns are tried before one is split."""


class NoDerivationError(RuntimeError):
    """No derivation was found; the message says why. The optimum, and our own proof of it, are none the worse for it."""


@dataclass
class Split:
    """At most `value` of a column, or else more; None stands for the number hired."""

    column: int | None
    value: int
    below: Combination | Split | None = None
    above: Combination | Split | None = None


@dataclass(frozen=True)
class Derivation:
    """A tree of a program, or of what a reduction leaves of it, that shows that no point is worth `goal`."""

    program: IntegerProgram
    goal: int
    tree: Combination | Split
    reduction: Reduction | None = None


def nodes_of(tree: Combination | Split | None) -> Iterator[Combination | Split]:
    """Yield all nodes of a tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if node is not None:
            yield node
        if isinstance(node, Split):
            waiting += [node.below, node.above]


def leaves_of(tree: Combination | Split) -> list[Combination]:
    """Return the leaves of a tree."""
    return [node for node in nodes_of(tree) if isinstance(node, Combination)]


def goal_of(program: IntegerProgram, bound: int) -> int:
    """Return the least value above a bound that a point can have."""
    return (bound // program.step + 1) * program.step


def derive(
    program: IntegerProgram, bound: int, hints: Sequence[RowPrices], thresholds: Sequence[int], control: Control
) -> Derivation:
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
    goal = goal_of(program, bound)
    whole = _Growth(program, goal, hints, control)
    tree = whole.chain(thresholds)
    if tree is not None:
        return Derivation(program, goal, tree)
    reduction = reduce_program(program, goal, hints, control)
    if reduction is None:
        root = whole.ask(root_bounds(program))
        leaf = None if root is None else whole.leaf(root.prices, root_bounds(program))
        if leaf is not None:
            return Derivation(program, goal, leaf)
        if root is not None:
            reduction = reduce_program(program, goal, [root.prices], control)
    if reduction is None:
        return Derivation(program, goal, whole.grow(list(thresholds)))
    inner = _Growth(reduction.inner, reduction.inner_goal, [reduction.restricted(hint) for hint in hints], control)
    number = len(inner.program.hired)
    left = [count - reduction.number for count in thresholds if 0 <= count - reduction.number < number]
    return Derivation(program, goal, inner.grow(left), reduction)


Sides = tuple[Relaxed | None, Relaxed | None]
"""What is known of the relaxations of the two sides of a split."""


def _refuse_beyond(nodes: int) -> None:
    if nodes > MOST_NODES:
        raise NoDerivationError(f"a derivation would need more than {MOST_NODES:,} nodes")


class _Growth:
    def __init__(self, program: IntegerProgram, goal: int, hints: Sequence[RowPrices], control: Control):
        self.program, self.goal, self.hints, self.control = program, goal, hints, control
        self.limits = integer_array([row.rounded for row in program.rows])
        self.linear: Linear | None = None
        self.kept: list[tuple[Combination, IntArray]] = []

    def chain(self, thresholds: Sequence[int]) -> Combination | Split | None:
        """Return a tree that splits nothing but the number hired, each leaf closed by a hint; None if one is not."""
        _refuse_beyond(2 * len(thresholds) + 1)
        leaves: list[Combination] = []
        for low, high in zip((0, *(t + 1 for t in thresholds)), (*thresholds, len(self.program.hired)), strict=True):
            leaf = self._hinted(Bounds(low, high))
            if leaf is None:
                return None
            leaves.append(leaf)
        tree: Combination | Split = leaves.pop()
        for count in reversed(thresholds):
            tree = Split(None, count, leaves.pop(), tree)
        return tree

    def grow(self, thresholds: Sequence[int]) -> Combination | Split:
        top = Split(None, -1)
        ahead = list(thresholds)
        waiting: list[tuple[Split, Bounds, list[int], Relaxed | None]] = [(top, root_bounds(self.program), ahead, None)]
        nodes = 0
        while waiting:
            self.control.check()
            nodes += 1
            _refuse_beyond(nodes)
            parent, bounds, ahead, known = waiting.pop()
            sides: Sides = (None, None)
            if ahead:
                node, ahead = Split(None, ahead[0]), ahead[1:]
            else:
                node, sides = self._close(bounds, known)
            if parent.above is None:
                parent.above = node
            else:
                parent.below = node
            if isinstance(node, Split):
                # The last is the next: what is above comes first, as `parent.above` is filled first.
                below, above = self._sides(node.column, node.value, bounds)
                waiting.append((node, below, [], sides[0]))
                waiting.append((node, above, ahead, sides[1]))
        assert top.above is not None
        return top.above

    def _close(self, bounds: Bounds, known: Relaxed | None) -> tuple[Combination | Split, Sides]:
        """Return a leaf that shows that a node holds nothing better, or how it is split and what is known of both sides."""
        none = (None, None)
        leaf = (None if bounds.columns else self._hinted(bounds)) or self._plain(bounds) or self._again(bounds)
        if leaf is not None:
            return leaf, none
        found = known or self.ask(bounds)
        if found is not None and found.value < self.goal + 1e-6 * abs(self.goal) + 1:
            leaf = self.leaf(found.prices, bounds)
            if leaf is not None:
                return leaf, none
        return self._split(found, bounds)

    def _hinted(self, bounds: Bounds) -> Combination | None:
        found = (self.leaf(hint, bounds) for hint in self.hints)
        return next((leaf for leaf in found if leaf is not None), None)

    def _plain(self, bounds: Bounds) -> Combination | None:
        """Return a leaf of one row that cannot hold, or of none where all columns together are not worth enough."""
        program = self.program
        low, high = np.zeros(len(program.upper), dtype=np.int64), np.array(program.upper, dtype=np.int64)
        for column, (least, most) in bounds.columns.items():
            low[column], high[column] = least, most
        nothing = [0] * len(program.rows)
        if exact_sum(np.maximum(program.objective * low, program.objective * high)) < self.goal:
            return Combination(1, tuple(nothing))
        rows, columns, coefficients = program.entries
        reached = np.zeros(len(program.rows), dtype=coefficients.dtype)
        np.add.at(reached, rows, np.minimum(coefficients * low[columns], coefficients * high[columns]))
        for k in np.flatnonzero(reached > self.limits).tolist():
            nothing[k] = 1
            return Combination(0, tuple(nothing))
        return None

    def _again(self, bounds: Bounds) -> Combination | None:
        """Return a leaf that closed another node, if it closes this one."""
        for at, (leaf, margins) in enumerate(self.kept):
            if excess_of(leaf, margins, self.program, bounds, self.goal) < 0:
                self.kept.insert(0, self.kept.pop(at))
                return leaf
        return None

    def ask(self, bounds: Bounds) -> Relaxed | None:
        if self.linear is None:
            self.linear = Linear(self.program, root_bounds(self.program), self.control)
        return self.linear(bounds)

    def leaf(self, prices: RowPrices, bounds: Bounds) -> Combination | None:
        """Round prices to as few bits as close the node."""
        for leaf in roundings(prices, self.program):
            margins = leaf.margins(self.program)
            if excess_of(leaf, margins, self.program, bounds, self.goal) < 0:
                if leaf.scale and not leaf.most and not leaf.least:
                    self.kept = [(leaf, margins), *self.kept[: MOST_KEPT - 1]]
                return leaf
        return None

    def _split(self, found: Relaxed | None, bounds: Bounds) -> tuple[Split, Sides]:
        """Split what makes the relaxations of both sides worth least; where they say nothing, the first that is open."""
        candidates = self._candidates(found, bounds) if found is not None else []
        if not candidates:
            for column, upper in enumerate(self.program.upper):
                low, high = bounds.columns.get(column, (0, upper))
                if low < high:
                    return Split(column, (low + high) // 2), (None, None)
            raise NoDerivationError("all columns of a node are decided, and it holds something better")
        if found is None or len(candidates) == 1:
            return Split(*candidates[0]), (None, None)
        best, sides, most = candidates[0], (None, None), -1.0
        for candidate in candidates:
            below, above = self._sides(*candidate, bounds)
            asked = (self.ask(below), self.ask(above))
            drop = self._drop(asked, found)
            if drop > most:
                best, sides, most = candidate, asked, drop
        return Split(*best), sides

    def _candidates(self, found: Relaxed, bounds: Bounds) -> list[tuple[int | None, int]]:
        """Return what is not whole in a relaxation: columns that hire and the number hired, else any other."""
        hired, loose = self.program.hired, np.abs(found.point - np.round(found.point))
        first = hired[np.argsort(-loose[hired], kind="stable")[:FEW_CANDIDATES]].tolist()
        number = float(found.point[hired].sum())
        candidates: list[tuple[int | None, int]] = [(j, floor(found.point[j])) for j in first if loose[j] > WHOLE]
        if abs(number - round(number)) > WHOLE:
            candidates.append((None, floor(number)))
        if not candidates:
            others = np.argsort(-loose, kind="stable")[:1].tolist()
            candidates = [(j, floor(found.point[j])) for j in others if loose[j] > WHOLE]
        return candidates

    def _sides(self, column: int | None, value: int, bounds: Bounds) -> tuple[Bounds, Bounds]:
        upper = 1 if column is None else self.program.upper[column]
        return bounds.at_most(column, value), bounds.at_least(column, value + 1, upper)

    def _drop(self, sides: Sides, found: Relaxed) -> float:
        """How much a split brings down the relaxations of its two sides, the product of both."""
        product, wanted = 1.0, max(found.value - self.goal, 1e-9)
        for asked in sides:
            drop = 0.0 if asked is None else (found.value - asked.value) / wanted
            product *= max(1e-6, min(1.0, drop))
        return product

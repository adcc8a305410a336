"""Branch and bound on single items, for a leaf whose core is too large to enumerate.

Where numbers of many magnitudes meet, one dear item on the margin leaves a gap that dwarfs most other items, so that
nearly all of them stay open; once it is decided, the gap falls to the size of the next smaller ones.  A node is a leaf of
its own: some items are in, some out, and the rest is a smaller pooled problem with its own multipliers and exact bound.
A node is discarded if its bound shows that nothing in it is better, fixes what its reduced values decide, is enumerated
where little is left, and is otherwise split on the dearest item on which the two best sets of its dual differ.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum
from ..control import Control
from .dual import Grouped
from .leaf import (
    Incumbent,
    Leaf,
    filled,
    open_leaf,
    search_leaf,
)
from .problem import PooledProblem

MOST_BRANCH_NODES = 200_000
"""Nodes are opened until there are so many."""

MOST_WAITING = 3_000_000
"""Items of all nodes that wait together; bounds the memory (about 200 bytes each)."""

CORES = (500, 4000)
"""So many items near the margin are searched first, for the incumbent's sake."""

NODE_STATES = 20_000
"""States of the enumeration in a node."""

NODE_CORE = 60
"""Nodes with no more open items than this are enumerated."""


@dataclass(frozen=True)
class _Fixed:
    """The items a node has in, as a chain to its ancestors, with what they add up to."""

    items: NDArray
    before: _Fixed | None
    score: int
    count: int

    def and_(self, problem: PooledProblem, items: NDArray) -> _Fixed:
        if not len(items):
            return self
        return _Fixed(items, self, self.score + exact_sum(problem.scores[items]), self.count + len(items))

    def mark(self, chosen: NDArray[np.bool_]) -> None:
        node: _Fixed | None = self
        while node is not None:
            chosen[node.items] = True
            node = node.before


@dataclass(frozen=True)
class _BranchNode:
    """What is still open in a node: the leaf on these items, and what is fixed."""

    free: NDArray
    leaf: Leaf
    items: Grouped
    fixed: _Fixed


class _BranchTree:
    def __init__(self, leaf: Leaf, incumbent: Incumbent, control: Control):
        self.root, self.problem, self.incumbent, self.control = leaf, leaf.problem, incumbent, control
        self.queue: list[tuple[Fraction, int, _BranchNode]] = []
        self.nodes = self.waiting = 0

    def start(self, items: Grouped, size: int) -> bool:
        """Begin with `size` items near the margin, the others as their reduced values say; true if these are all.

        Near is measured relative to an item's own score and cost, so that every magnitude is there.
        """
        leaf, problem = self.root, self.problem
        losses = np.abs(leaf.reduced)
        unsure = losses <= leaf.gap(self.incumbent)
        whole = int(unsure.sum()) <= size
        nothing = _Fixed(np.zeros(0, dtype=np.int64), None, 0, 0)
        if whole or size >= problem.n:
            self.queue.append((Fraction(0), 0, _BranchNode(np.arange(problem.n), leaf, items, nothing)))
            return True
        near = np.zeros(problem.n, dtype=bool)
        m = leaf.multipliers
        weight = problem.scores.astype(object) * m.scale + problem.costs.astype(object) * m.price
        near[np.argsort((losses / weight).astype(np.float64), kind="stable")[:size]] = True
        sure = np.flatnonzero(~near & (leaf.reduced > 0))
        limits, budget = self._left(problem, problem.limits, problem.budget, sure)
        self.open(np.flatnonzero(near), nothing.and_(problem, sure), limits, budget)
        return False

    def run(self, most: int) -> bool:
        """Empty the queue; return whether that was possible."""
        while self.queue:
            _, _, node = heapq.heappop(self.queue)
            self.waiting -= len(node.free)
            self.control.check()
            if self.nodes > most or self.waiting > MOST_WAITING:
                return False
            self.split(node)
        return True

    def open(self, free: NDArray, fixed: _Fixed, limits: tuple[int, ...], budget: int) -> None:
        """Bound the node; keep it if it may hold something better."""
        self.nodes += 1
        if budget < 0 or min(limits, default=0) < 0:
            return
        m = self.root.multipliers
        low, high = max(0, m.low - fixed.count), m.high - fixed.count
        if high < 0:
            return
        # Who costs more than is left is out of this node: that alone often lowers its bound.
        free = free[self.problem.costs[free] <= budget]
        whole = self.problem
        most = None if whole.most is None else whole.most - fixed.count
        problem = PooledProblem.of(whole.scores[free], whole.costs[free], whole.groups[free], limits, budget, most)
        inner = self._incumbent(len(free), fixed)
        if not len(free):
            self._take(free, np.zeros(0, dtype=bool), fixed)
            return
        items = Grouped.of(problem)
        leaf = open_leaf(problem, items, low, high, inner)
        if leaf.dual.under is not None:
            under = np.zeros(len(free), dtype=bool)
            under[items.order[leaf.dual.under.mark]] = True
            inner.offer(problem, filled(leaf, under))
        if inner.value > self.incumbent.value - fixed.score:
            self._take(free, inner.chosen, fixed)
        if leaf.gap(inner) >= 0:
            bound = Fraction(leaf.bound, leaf.multipliers.scale) + fixed.score
            self.waiting += len(free)
            heapq.heappush(self.queue, (-bound, -self.nodes, _BranchNode(free, leaf, items, fixed)))

    def _incumbent(self, size: int, fixed: _Fixed) -> Incumbent:
        """Return the incumbent as the node sees it: only what is better than its value counts."""
        return Incumbent(np.zeros(size, dtype=bool), self.incumbent.value - fixed.score, self.incumbent.step)

    def _take(self, free: NDArray, chosen: NDArray[np.bool_], fixed: _Fixed) -> None:
        whole = np.zeros(self.problem.n, dtype=bool)
        fixed.mark(whole)
        whole[free[chosen]] = True
        self.incumbent.offer(self.problem, whole)

    def split(self, node: _BranchNode) -> None:
        """Close a node or replace it by two."""
        leaf, problem = node.leaf, node.leaf.problem
        inner = self._incumbent(len(node.free), node.fixed)
        gap = leaf.gap(inner)
        if gap < 0:
            return
        losses = np.abs(leaf.reduced)
        unsure = losses <= gap
        # With few open items an enumeration is cheaper than the two nodes' duals.
        if int(unsure.sum()) <= NODE_CORE:
            search_leaf(leaf, node.items, inner, NODE_STATES, 0, self.control)
            if inner.value > self.incumbent.value - node.fixed.score:
                self._take(node.free, inner.chosen, node.fixed)
            if leaf.closed:
                return
        index = np.flatnonzero(unsure)
        if not len(index):
            self._take(node.free, leaf.reduced > 0, node.fixed)
            return
        differ = np.zeros(problem.n, dtype=bool)
        if leaf.dual.over is not None and leaf.dual.under is not None:
            differ[node.items.order[leaf.dual.over.mark ^ leaf.dual.under.mark]] = True
        among = np.flatnonzero(unsure & differ)
        among = among if len(among) else index
        # The dearest on which the two sets differ makes the gap: decided, the gap falls to the next dearest.
        critical = int(among[int(np.argmax(problem.costs[among]))])
        sure = np.flatnonzero(~unsure & (leaf.reduced > 0))
        limits, budget = self._left(problem, problem.limits, problem.budget, sure)
        fixed = node.fixed.and_(self.problem, node.free[sure])
        rest = node.free[index[index != critical]]
        one = np.array([critical])
        self.open(rest, fixed.and_(self.problem, node.free[one]), *self._left(problem, limits, budget, one))
        self.open(rest, fixed, limits, budget)

    @staticmethod
    def _left(problem: PooledProblem, limits, budget: int, items: NDArray) -> tuple[tuple[int, ...], int]:
        counts = np.bincount(problem.groups[items], minlength=len(limits)).tolist()
        return tuple(k - c for k, c in zip(limits, counts, strict=True)), budget - exact_sum(problem.costs[items])


def branch(leaf: Leaf, items: Grouped, incumbent: Incumbent, most: int, control: Control) -> None:
    """Search a leaf by branch and bound.

    Sets ``leaf.closed`` and ``leaf.branched`` if nothing in the leaf is better than the incumbent, which it improves.

    Parameters
    ----------
    leaf : Leaf
    items : Grouped
        Of the leaf's problem.
    incumbent : Incumbent
    most : int
        How many nodes may be opened.
    control : Control
        Looked at in every node.

    Raises
    ------
    Stopped
        When time is up; the incumbent is the best set found.
    """
    for size in (*CORES, leaf.problem.n):
        tree = _BranchTree(leaf, incumbent, control)
        whole = tree.start(items, size)
        if tree.run(most):
            leaf.closed = leaf.branched = whole
        if whole:
            return


def many_small(leaf: Leaf, incumbent: Incumbent) -> bool:
    """Whether many items are worth less than the gap, so that no enumeration by loss can decide them."""
    return int(np.count_nonzero(leaf.problem.scores <= leaf.gap(incumbent) // leaf.multipliers.scale)) > NODE_CORE

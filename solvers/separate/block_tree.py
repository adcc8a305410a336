"""Branch and bound for OPT-SEP over who is hired by which block of requesters.

1. *Blocks.* The requesters with the most slots share one purse, the others are alone; how many share it is found by trying. Pooling
   some loses little, since those with many slots spend their money nearly to the last unit anyway; leaving the others alone keeps the
   bound from spending what they cannot.
2. *Bound* (`block_prices`). Prices of workers from a linear program over sets that blocks want.
3. *Branch.* On the worker and block of which the linear program is least sure: hired by this block, or not. The node with the highest
   bound goes first.
4. *Finer blocks.* Where the linear program is sure of everybody, what the pooled purse hires cannot always be split over its requesters.
   Then one fewer shares it, until there is something to branch on.
5. *Allocations.* At every node each block takes whom the linear program gives it by more than half; pooled sets are split (`split`),
   what does not fit is dropped and the rest filled up.
6. *Evidence.* The nodes that are left, open or closed, are the leaves of a proof of kind ``blocks``
   (:mod:`fedmech.solvers.proofs.blocks`): the largest of their bounds holds for the market.

The idea of the bound is that of Lagrangian decomposition (Guignard and Kim 1987), of the branching that of branch and price
for generalised assignment (Savelsbergh 1997).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..certify.leaves import proof_of_leaves
from ..control import Control
from .block_prices import BlockBound, Blocks, Region, price_blocks, upper
from .evidence import Evidence
from .greedy import repair_and_fill
from .instance import SeparateInstance
from .split import Splitter
from .worker_prices import BITS

__all__ = ["BlockTree"]

MOST_FAILURES = 2
"""So many numbers of requesters that share a purse are tried after the best one."""

POLISH_EVERY = 8
"""Exchanges follow the allocation of every eighth node."""

ATTEMPTS = 60
"""Attempts at splitting what a pooled purse hires."""

SURE = 1e-6
"""Shares as near to 0 or 1 as this are taken for that."""


@dataclass
class BlockNode:
    """A node of the search.

    Attributes
    ----------
    region : Region
    bound : BlockBound
        The best that its own prices prove.
    guide : BlockBound
        What says on whom to branch; its blocks may be finer.
    worker : int
        On whom it was branched, if it was.
    block : tuple of int
        On which block.
    parts : list of BlockNode
        Where this block hires the worker, and where it does not; empty in a leaf.
    """

    region: Region
    bound: BlockBound
    guide: BlockBound
    worker: int = -1
    block: tuple[int, ...] = ()
    parts: list[BlockNode] = field(default_factory=list)


class BlockTree:
    """The search.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    offer : callable
        Takes feasible allocations, and a flag that says whether to look for better ones near it.
    best : callable
        Gives the value of the best one known.

    Attributes
    ----------
    root : BlockNode or None
        None until the first bound is known.
    leaves : int
    """

    def __init__(
        self,
        instance: SeparateInstance,
        offer: Callable[[np.ndarray, bool], None],
        best: Callable[[], int],
    ) -> None:
        self.instance, self.offer, self.best, self.control = instance, offer, best, Control()
        self.root: BlockNode | None = None
        self.leaves = 1
        self._open: list[tuple[int, int, BlockNode]] = []
        self._visits = 0
        self._known: dict[tuple[int, ...], list[np.ndarray]] = {}
        slots = np.minimum(instance.caps.sum(axis=0), instance.seats)
        self._order = np.argsort(-slots, kind="stable").tolist()
        self._buying = int((slots > 0).sum())

    def grow(self, most_leaves: int, control: Control) -> None:
        """Search, or go on, until the optimum is proved, or the deadline, or there are so many leaves."""
        self.control = control
        if self.root is None:
            self._plant()
            if self.root is None:
                return
            self._open = [(-self.root.bound.total, 0, self.root)]
        while self._open and self.leaves < most_leaves and not control.expired():
            if self._closed(-self._open[0][0]):
                return
            total, order, node = heapq.heappop(self._open)
            self._allocate(node, self._visits % POLISH_EVERY == 0)
            self._visits += 1
            parts = self._branched(node)
            if not parts and control.expired():
                heapq.heappush(self._open, (total, order, node))
            for number, part in enumerate(parts):
                # What was proved of the whole holds for its parts.
                most = min(-total, part.bound.total)
                if not self._closed(most):
                    heapq.heappush(self._open, (-most, -2 * self._visits - number, part))
            control.progress(f"bound {-total >> BITS} by blocks, {self.leaves} leaves")

    def total(self) -> int:
        """The bound, times ``2**BITS``."""
        assert self.root is not None
        return _totals(self.root)[id(self.root)]

    def evidence(self) -> Evidence:
        """Return the proof of the bound."""
        assert self.root is not None
        nodes: list[dict[str, Any]] = []
        totals, stack = _totals(self.root), [self.root]
        while stack:
            node = stack.pop()
            # Where its parts prove no more than it does by itself, a node is a leaf.
            if totals[id(node)] < node.bound.total:
                nodes.append({"worker": node.worker, "requesters": list(node.block)})
                stack += reversed(node.parts)
            else:
                nodes.append(_leaf(node.bound))
        return "blocks", {"scale": 1 << BITS, "nodes": nodes}

    def _plant(self) -> None:
        """Try how many requesters share one purse best."""
        everything = Region(self.instance.eligible, np.zeros(self.instance.n, dtype=bool))
        start, failed = np.zeros(self.instance.n, dtype=np.int64), 0
        for together in range(max(1, self._buying), 0, -1):
            bound = self._priced(everything, self._blocks(together), start)
            if bound is None:
                return
            if self.root is None or bound.total < self.root.bound.total:
                self.root, failed = BlockNode(everything, bound, bound), 0
            else:
                failed += 1
            if failed == MOST_FAILURES or self._closed(self.root.bound.total):
                return

    def _blocks(self, together: int) -> Blocks:
        """Let so many of the requesters with the most slots buy together."""
        return (tuple(sorted(self._order[:together])), *((j,) for j in self._order[together:]))

    def _low_enough(self) -> int:
        return (self.best() + self.instance.unit) << BITS

    def _closed(self, total: int) -> bool:
        return total < self._low_enough()

    def _priced(self, region: Region, blocks: Blocks, start: np.ndarray, patient: bool = False) -> BlockBound | None:
        low = self._low_enough()
        return price_blocks(self.instance, region, blocks, start, low, self._known, self.control, patient)

    def _branched(self, node: BlockNode) -> list[BlockNode]:
        """Steps 3 and 4: branch a node; return its parts, none if it is closed now, or nothing is left to branch on."""
        alone = False
        while _sure(node.guide):
            if alone:
                return []
            together = max(1, len(node.guide.blocks[0]) - 1)
            alone = together == 1
            finer = self._priced(node.region, self._blocks(together), node.guide.price, patient=alone)
            if finer is None:
                return []
            node.guide = finer
            if finer.total < node.bound.total:
                node.bound = finer
        share = node.guide.share
        if share is None:
            return []
        # Nearest to half: both branches change something.
        worker, b = (int(x) for x in np.unravel_index(np.argmin(np.abs(share - 0.5)), share.shape))
        node.worker, node.block = worker, node.guide.blocks[b]
        parts: list[BlockNode] = []
        for region in node.region.parts(worker, node.block):
            bound = self._priced(region, node.guide.blocks, node.guide.price)
            if bound is None:
                return []
            parts.append(BlockNode(region, bound, bound))
        node.parts = parts
        self.leaves += 1
        return parts

    def _allocate(self, node: BlockNode, polish: bool) -> None:
        """Step 5."""
        share = node.guide.share
        if share is None:
            return
        instance = self.instance
        assignment = np.full(instance.n, -1, dtype=np.int64)
        for b, block in enumerate(node.guide.blocks):
            members = np.flatnonzero(share[:, b] > 0.5)
            some = list(block)
            part = replace(
                instance,
                caps=instance.caps[:, some],
                seats=instance.seats[some],
                budgets=tuple(instance.budgets[j] for j in some),
            )
            splitter = Splitter(part, members, 0, self.control)
            splitter.balance(ATTEMPTS)
            placed = splitter.assignment()
            assignment[placed >= 0] = np.array(some)[placed[placed >= 0]]
        self.offer(repair_and_fill(instance, assignment, self.control), polish)


def _sure(bound: BlockBound) -> bool:
    return bound.share is not None and bool(np.abs(bound.share - np.rint(bound.share)).max(initial=0.0) <= SURE)


def _totals(root: BlockNode) -> dict[int, int]:
    """What each node of a tree and its parts prove of it, by its identity."""
    # Parts are looked at before the whole; trees may be deeper than Python's stack.
    order, stack = [], [root]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += node.parts
    found: dict[int, int] = {}
    for node in reversed(order):
        own = node.bound.total
        found[id(node)] = min(own, max(found[id(part)] for part in node.parts)) if node.parts else own
    return found


def _leaf(bound: BlockBound) -> dict[str, Any]:
    """Write what prices prove as a leaf."""
    blocks: list[dict[str, Any]] = []
    for block, result in zip(bound.blocks, bound.made, strict=True):
        most, inner = 0, None
        if result is not None:
            most = upper(result)
            proof = result.proof() or proof_of_leaves("opt", most, result.leaves)
            inner = {"kind": proof.kind, "body": proof.body}
        blocks.append({"requesters": list(block), "bound": most, "proof": inner})
    return {"workers": [int(price) for price in bound.price.tolist()], "blocks": blocks}

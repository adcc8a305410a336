"""Trees checked over arrays."""

from __future__ import annotations

from dataclasses import replace

from ....models.procurement.market import Market
from .. import walk
from ..nodes import Node
from ..proof import Pulse
from ..reference.check import Tree as Reference
from ..reference.narrow import Flip
from .instance import Instance
from .narrow import narrow
from .search import Search, TooLarge

__all__ = ["Tree"]


class Tree(walk.Tree):
    """A claim about a problem, and what proves it at any size.

    Attributes
    ----------
    fell_back : int
        So many searches did not fit in 64 bits and were left to the reference.
    """

    def __init__(self, market: Market, problem: str, bound: int, purses: int, pulse: Pulse):
        super().__init__(Instance(market, problem, bound, purses), pulse)
        self._claim, self.fell_back = (market, problem, bound, purses), 0
        self._reference: Reference | None = None

    def narrow(self, node: Node) -> walk.Narrowed:
        """Rule out in a node what its multipliers show to be no part of anything better."""
        return narrow(self.instance, node)

    def least_loss(self, found: walk.Narrowed, k: int) -> int:
        """Return what purse `k` loses at least; in Python integers if it does not fit in 64 bits."""
        try:
            return Search(self.instance, self.work).least_loss(found.node, k, found.flips[k], found.gap)
        except TooLarge:
            pass
        self.fell_back += 1
        if self._reference is None:
            self._reference = Reference(*self._claim, self.work.pulse)
            self._reference.work = self.work
        columns = found.flips[k]
        rows = zip(columns.workers.tolist(), columns.inside.tolist(), columns.losses.tolist(), strict=True)
        flips = [[Flip(*row) for row in rows] if j == k else [] for j in range(len(found.flips))]
        node = replace(found.node, open=[workers.tolist() for workers in found.node.open])
        return self._reference.least_loss(walk.Narrowed(found.gap, node, flips), k)

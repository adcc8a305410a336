"""Trees checked in Python integers."""

from __future__ import annotations

from ....models.procurement.market import Market
from .. import walk
from ..nodes import Node
from ..proof import Pulse
from .instance import Instance
from .narrow import narrow
from .search import Search

__all__ = ["Tree"]


class Tree(walk.Tree):
    """A claim about a problem, and the reference for what proves it."""

    def __init__(self, market: Market, problem: str, bound: int, purses: int, pulse: Pulse):
        super().__init__(Instance(market, problem, bound, purses), pulse)

    def narrow(self, node: Node) -> walk.Narrowed:
        """Steps 1 to 9."""
        return narrow(self.instance, node)

    def least_loss(self, found: walk.Narrowed, k: int) -> int:
        """Steps 10 to 13."""
        return Search(self.instance, self.work).least_loss(found.node, k, found.flips[k], found.gap)

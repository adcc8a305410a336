"""The walk over a tree: every branch ends in a node that holds nothing better than the bound.

This is what both checkers of trees have in common; what multipliers prove about a node (`Tree.narrow`) and what a search of it shows
(`Tree.least_loss`) each does in its own way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .nodes import Entry, Node
from .proof import ProofTooLarge, Pulse, refuse

__all__ = ["MOST_STATES", "Narrowed", "TooManyStates", "Tree", "Work"]

MOST_STATES = 20_000_000
"""Searches of one proof that list more combinations are refused: it should have had more nodes."""


class TooManyStates(Exception):
    """A search needs more combinations than it may list."""


@dataclass
class Work:
    """How many combinations the searches of a proof have listed, and how many they may."""

    pulse: Pulse
    states: int = 0
    most_states: int = MOST_STATES

    def list(self, states: int) -> None:
        """Count so many more."""
        self.pulse()
        self.states += states
        if self.states > self.most_states:
            raise TooManyStates


@dataclass(frozen=True)
class Narrowed:
    """A node after everything was ruled out that loses more than the gap.

    Attributes
    ----------
    gap : int
        What a point that is better loses at most; negative: the node holds none.
    node : Node
    flips : list
        For each purse, the decisions that can be made otherwise.
    """

    gap: int
    node: Node
    flips: list[Any]


class Tree(ABC):
    """A claim about a problem, and how the nodes of a tree are checked that is to prove it."""

    def __init__(self, instance: Any, pulse: Pulse):
        self.instance, self.work = instance, Work(pulse)

    @abstractmethod
    def narrow(self, node: Node) -> Narrowed:
        """Rule out in a node what its multipliers show to be no part of anything better."""

    @abstractmethod
    def least_loss(self, found: Narrowed, k: int) -> int:
        """Return what purse `k` loses at least, however what is open is decided; gap + 1 if it is more than the gap."""

    def check(self, entries: Sequence[Entry]) -> None:
        """Accept nodes that leave nothing better, or raise `ProofError`.

        The nodes that wait are those whose parents have been read; the one to come next is the last of them. A split leaves its
        children waiting, the first of them last. What a node's parent has decided holds in it, and so do its multipliers until it
        has its own; a node without any rules nothing out.
        """
        waiting: list[Node] = [self.instance.root()]
        for entry in entries:
            self.work.pulse()
            if not waiting:
                refuse("a node that no branch leads to")
            found = self.narrow(waiting.pop())
            if entry.multipliers is not None:
                found = self.narrow(replace(found.node, multipliers=entry.multipliers))
            if found.gap < 0 and entry.splits:
                refuse("a node that holds nothing better is split")
            if entry.splits:
                waiting += reversed(self.children(found.node, entry))
            elif found.gap >= 0 and not self.searched(found):
                refuse("a leaf may hold something better")
        if waiting:
            refuse("a branch has no node")

    def children(self, node: Node, entry: Entry) -> list[Node]:
        """Return the nodes a node is split into, in the order in which they are written."""
        if entry.worker is not None:
            return self.instance.split_by_worker(node, entry.worker)
        assert entry.count is not None
        return node.split_by_count(entry.count)

    def searched(self, found: Narrowed) -> bool:
        """Whether a search of all that is open shows that a node holds nothing better."""
        if found.node.multipliers is None or not found.node.size:
            return False
        try:
            return sum(self.least_loss(found, k) for k in range(len(found.flips))) > found.gap
        except TooManyStates:
            raise ProofTooLarge("the search of a leaf is too large: the proof needs more nodes") from None

"""The form of a tree of nodes, as a proof of kind ``tree`` holds it and both of its checkers read it.

Body: ``purses`` and ``nodes``. A purse is money that may be spent: one for all requesters together (1), or one of each (``m``, for
OPT-SEP). A node is a mapping with at most two of these fields:

``multipliers``
    ``scale`` D > 0; ``count`` nu, of the number of workers hired; ``money`` lam_k >= 0 for each purse; ``levels`` rho_r >= 0 for
    each kind of coverage (COVER; none otherwise); ``places`` mu_kl >= 0, a list over the groups for each purse. Without this field
    the multipliers of the node's parent hold.
``worker``
    The node is split by who hires this worker: a node for each purse that still may, in their order, then one where nobody does.
``count``
    The node is split by the number hired: up to so many, then more.

A node with neither is a leaf. Nodes stand parent first, each child followed by all that is below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .proof import refuse

__all__ = ["Entry", "Multipliers", "Node", "NodeShape", "read_nodes"]

MOST_BITS = 65_536
"""Integers of a proof are no longer than this: with the longest numbers that a market may have, multipliers stay below it."""

FIELDS = {"scale", "count", "money", "levels", "places"}


@dataclass(frozen=True)
class NodeShape:
    """How many workers, purses, kinds of coverage and groups there are."""

    workers: int
    purses: int
    kinds: int
    groups: int


@dataclass(frozen=True)
class Multipliers:
    """Multipliers of one node, whole numbers over the common denominator `scale`."""

    scale: int
    count: int
    money: tuple[int, ...]
    levels: tuple[int, ...]
    places: tuple[tuple[int, ...], ...]

    @classmethod
    def read(cls, given: Any, shape: NodeShape) -> Multipliers:
        """Read them from a proof's body."""
        if not isinstance(given, Mapping) or set(given) != FIELDS:
            refuse("multipliers: scale, count, money, levels and places are needed, and nothing else")
        places = _items(given["places"], shape.purses, "places")
        found = cls(
            _integer(given["scale"], "scale"),
            _integer(given["count"], "count", least=None),
            _integers(given["money"], shape.purses, "money"),
            _integers(given["levels"], shape.kinds, "levels"),
            tuple(_integers(row, shape.groups, "places") for row in places),
        )
        if found.scale == 0:
            refuse("scale: must be positive")
        return found

    def written(self) -> dict[str, Any]:
        """Return them as a proof's body holds them."""
        return {
            "scale": self.scale,
            "count": self.count,
            "money": list(self.money),
            "levels": list(self.levels),
            "places": [list(row) for row in self.places],
        }


@dataclass(frozen=True)
class Entry:
    """One node as written: its own multipliers, if any, and what it is split by, if it is."""

    multipliers: Multipliers | None = None
    worker: int | None = None
    count: int | None = None

    @classmethod
    def read(cls, given: Any, shape: NodeShape) -> Entry:
        """Read it from a proof's body."""
        if not isinstance(given, Mapping) or set(given) - {"multipliers"} not in (set(), {"worker"}, {"count"}):
            refuse("a node has other fields than multipliers and one of worker and count")
        if "worker" in given and _integer(given["worker"], "worker") >= shape.workers:
            refuse("worker: there is none of that number")
        return cls(
            Multipliers.read(given["multipliers"], shape) if "multipliers" in given else None,
            _integer(given["worker"], "worker") if "worker" in given else None,
            _integer(given["count"], "count") if "count" in given else None,
        )

    @property
    def splits(self) -> bool:
        """Whether the node has children."""
        return self.worker is not None or self.count is not None


@dataclass(frozen=True)
class Node:
    """A set of points: some workers are hired, some are not, the others are open.

    Attributes
    ----------
    open : list of sequences of int
        For each purse, whom it may still hire, ascending. Lists for the reference, arrays for the checker over arrays.
    money : list of int
        For each purse, what the hired have left of it.
    held : list of list of int
        For each purse, how many are hired of each group.
    score : int
        Of the hired.
    covered : list of int
        By the hired, of each kind.
    low, high : int
        In the end so many are hired.
    multipliers : Multipliers or None
    """

    open: list[Any]
    money: list[int]
    held: list[list[int]]
    score: int
    covered: list[int]
    low: int
    high: int
    multipliers: Multipliers | None = None

    @property
    def hired(self) -> int:
        """How many are hired."""
        return sum(map(sum, self.held))

    @property
    def size(self) -> int:
        """How many choices are open: workers, each counted for every purse that may hire it."""
        return sum(map(len, self.open))

    def split_by_count(self, count: int) -> list[Node]:
        """Return the node with at most so many hired, and the one with more."""
        return [replace(self, high=min(self.high, count)), replace(self, low=max(self.low, count + 1))]


def read_nodes(given: Any, shape: NodeShape) -> list[Entry]:
    """Read the nodes of a proof's body."""
    return [Entry.read(node, shape) for node in _items(given, None, "nodes")]


def _items(given: Any, size: int | None, name: str) -> Sequence[Any] | np.ndarray:
    if not isinstance(given, list | tuple | np.ndarray) or (isinstance(given, np.ndarray) and given.ndim == 0):
        refuse(f"{name}: must be a list")
    if size is not None and len(given) != size:
        refuse(f"{name}: must have {size} entries, not {len(given)}")
    return given


def _integers(given: Any, size: int, name: str) -> tuple[int, ...]:
    return tuple(_integer(value, name) for value in _items(given, size, name))


def _integer(value: Any, name: str, least: int | None = 0) -> int:
    # bool is an int to Python; numpy's integers are none.
    if type(value) is not int and not (isinstance(value, np.integer) and value.dtype.kind in "iu"):
        refuse(f"{name}: must be a whole number")
    number = int(value)
    if number.bit_length() > MOST_BITS:
        refuse(f"{name}: has more than {MOST_BITS} bits")
    if least is not None and number < least:
        refuse(f"{name}: must be at least {least}")
    return number

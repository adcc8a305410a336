"""A proof written down as a search has it: leaves that split the number hired, each with its multipliers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..pooled.leaf_multipliers import LeafMultipliers
from ..proofs.nodes import Multipliers
from ..proofs.proof import Proof

__all__ = ["node_multipliers", "proof_of_leaves"]


def node_multipliers(leaf: LeafMultipliers) -> Multipliers:
    """Return the multipliers of a leaf as a node of a tree has them."""
    return Multipliers(leaf.scale, leaf.count, (leaf.price,), (), (tuple(leaf.limits),))


def proof_of_leaves(problem: str, bound: int, leaves: Sequence[LeafMultipliers]) -> Proof:
    """Return a proof of a bound that rests on leaves, in ascending order of the number hired, and on nothing else.

    Parameters
    ----------
    problem : {'orp', 'opt', 'opt-sep'}
    bound : int
        In integer units of the score.
    leaves : sequence of LeafMultipliers
    """
    nodes: list[dict[str, Any]] = []
    for leaf in leaves[:-1]:
        nodes += [{"count": int(leaf.high)}, {"multipliers": node_multipliers(leaf).written()}]
    nodes += [{"multipliers": node_multipliers(leaf).written()} for leaf in leaves[-1:]]
    return Proof(problem, "tree", bound, {"purses": 1, "nodes": nodes})

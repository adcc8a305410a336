"""Proofs of kind ``tree``, for ORP, OPT, OPT-SEP and COVER: nodes with multipliers, see `nodes` for their form.

Two checkers read the same form and know nothing of each other: `reference`, in plain Python integers, is what a reader checks, and
says why what it accepts is true; `arrays` is for markets of any size. Tests hold them to the same verdicts.
"""

from __future__ import annotations

from typing import Any

from ...models.procurement.market import Market
from .nodes import read_nodes
from .proof import Proof, Pulse, refuse
from .walk import Tree

__all__ = ["FEW", "check_bound", "open_tree"]

FEW = 400
"""Where no more than so many choices (workers times purses) are open at the root, the reference is as fast as arrays."""


def open_tree(market: Market, problem: Any, bound: Any, purses: Any, pulse: Pulse, checker: str | None = None) -> Tree:
    """Return the checker of a claim: ``reference``, ``arrays``, or the one that suits its size."""
    needed = {
        "orp": market.scaled.scores,
        "opt": market.scaled.costs,
        "opt-sep": market.scaled.costs,
        "cover": market.scaled.coverage,
    }
    if (
        not isinstance(problem, str)
        or needed.get(problem) is None
        or (problem == "cover" and market.scaled.costs is None)
    ):
        refuse(f"problem {problem!r}: has no trees, or the market lacks what it needs")
    if type(bound) is not int:
        refuse("the bound of a tree is a whole number")
    if type(purses) is not int or purses not in (1, market.m if problem == "opt-sep" else 1) or purses < 1:
        refuse("purses: must be 1, or for opt-sep the number of requesters")
    from .arrays import check as arrays
    from .reference import check as reference

    if checker is None:
        checker = "reference" if market.n * purses <= FEW else "arrays"
    return {"reference": reference, "arrays": arrays}[checker].Tree(market, problem, bound, purses, pulse)


def check_bound(proof: Proof, market: Market, pulse: Pulse, checker: str | None = None) -> None:
    """Accept a tree, or raise.

    Raises
    ------
    ProofError
        If some node may hold a point worth more than the bound, or is not what it should be.
    """
    if set(proof.body) != {"purses", "nodes"}:
        refuse("a tree has purses and nodes, and nothing else")
    tree = open_tree(market, proof.problem, proof.bound, proof.body["purses"], pulse, checker)
    tree.check(read_nodes(proof.body["nodes"], tree.instance.shape))

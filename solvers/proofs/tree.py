"""Proofs of kind ``tree``: nodes with multipliers, see :mod:`fedmech.solvers.proofs.checker` for what they mean.

Body: ``purses`` (1, or the number of requesters) and ``nodes``, written parent first.
"""

from __future__ import annotations

from typing import Any

from ...models.procurement.market import Market
from .checker import CertificateError, Tree
from .proof import Proof, ProofError, Pulse

__all__ = ["check_bound"]


def check_bound(proof: Proof, market: Market, pulse: Pulse) -> None:
    """Accept a tree, or raise.

    Raises
    ------
    ProofError
        If some node may hold a point worth more than the bound, or is not what it should be.
    """
    body: Any = proof.body
    if type(proof.bound) is not int or set(body) != {"purses", "nodes"}:
        raise ProofError("a tree has an integer bound, purses and nodes")
    try:
        Tree.of(market, proof.problem, proof.bound, body["purses"]).check(body["nodes"], pulse)
    except CertificateError as error:
        raise ProofError(str(error)) from None

"""Writing certificates: an assignment, and the multipliers that prove it optimal.

The file is JSON. ``leaves`` are :class:`Multipliers`; what they prove, and how, is written in
``verification/check_certificate.py``, which is all that one has to trust. ``instance`` is a digest of the market, ``hired`` lists
for each requester the indices of its workers as gaps (first index plus one, then differences), ``seal`` is a digest of the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..models.input_error import InputError
from ..models.market import Market
from .solution import Solution

__all__ = ["Multipliers", "certificate_document", "write_certificate"]


@dataclass(frozen=True)
class Multipliers:
    """Multipliers of one leaf, all scaled by the common denominator ``scale``; a tuple of leaves is a proof.

    Attributes
    ----------
    low, high : int
        The leaf holds the sets of ``low`` to ``high`` workers.
    scale : int
        ``D > 0``.
    price : int
        ``N >= 0``, of the budget.
    count : int
        ``nu``, of the upper end of the count interval if positive, of the lower end if negative.
    limits : tuple of int, length L
        ``mu_l >= 0``, of a group's places.
    """

    low: int
    high: int
    scale: int
    price: int
    count: int
    limits: tuple[int, ...]

    def constant(self, budget: int, limits: tuple[int, ...]) -> int:
        """Return the part of the bound that no worker enters (without seats)."""
        total = self.price * budget + self.count * (self.high if self.count > 0 else self.low)
        return total + sum(m * k for m, k in zip(self.limits, limits, strict=True))


def certificate_document(
    market: Market, problem: str, assignment: np.ndarray, leaves: Sequence[Multipliers]
) -> dict[str, Any]:
    """Return the certificate as it is written to a file."""
    hired = []
    for j in range(market.m):
        chosen = np.flatnonzero(assignment == j)
        hired.append(np.diff(chosen, prepend=-1).tolist())
    document = {
        "format": "fedmech-certificate/1",
        "problem": problem,
        "instance": _digest(market),
        "value": int(market.scores[assignment >= 0].sum()),
        "hired": hired,
        "leaves": [
            {
                "low": leaf.low,
                "high": leaf.high,
                "scale": leaf.scale,
                "price": leaf.price,
                "count": leaf.count,
                "groups": list(leaf.limits),
            }
            for leaf in leaves
        ],
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    document["seal"] = hashlib.sha256(text.encode()).hexdigest()
    return document


def write_certificate(path: Path, market: Market, solution: Solution) -> None:
    """Write the certificate of an optimum.

    Raises
    ------
    InputError
        If the solution is not proved, or was proved by a method that leaves no certificate.
    """
    leaves = solution.certificate
    if solution.status != "optimal" or solution.assignment is None:
        raise InputError("only a proved optimum has a certificate", field="certificate")
    if not (isinstance(leaves, tuple) and leaves and all(isinstance(leaf, Multipliers) for leaf in leaves)):
        raise InputError(
            f"method {solution.method!r} for {solution.problem} leaves no certificate", field="certificate"
        )
    document = certificate_document(market, solution.problem, solution.assignment, leaves)
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")


def _digest(market: Market) -> str:
    costs = [] if market.costs is None else market.costs.tolist()
    hashed = hashlib.sha256()
    for part in (
        [list(market.worker_ids), list(market.group_ids), list(market.requester_ids)],
        [market.score_denominator, market.money_denominator],
        [market.group_of.tolist(), market.scores.tolist(), costs, market.budgets.tolist()],
        [market.caps.tolist(), market.seats.tolist()],
    ):
        hashed.update(json.dumps(part, separators=(",", ":")).encode())
    return hashed.hexdigest()

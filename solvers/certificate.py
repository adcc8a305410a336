"""The form of a certificate: an assignment, and the multipliers that prove it optimal.

The file is JSON. ``leaves`` are :class:`Multipliers`; what they prove, and how, is written in
``verification/check_certificate.py``, which is all that one has to trust. ``instance`` is a digest of the market, ``hired`` lists
for each requester the indices of its workers as gaps (first index plus one, then differences), ``seal`` is a digest of the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..models.market import Market

__all__ = ["Multipliers", "certificate_document"]


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

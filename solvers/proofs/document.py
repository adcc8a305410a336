"""A proof as a file: a point, what it is worth, and a proof that nothing is worth more than a bound.

Fields: ``format``; ``problem``; ``instance``, the digest of all that defines the problem; ``point``, by requester the ascending
numbers of the workers hired (OPT-FRAC: ``[worker, requester, "p/q"]`` each); ``value``; ``bound``, ``kind`` and ``body`` of the proof;
``seal``, the digest of all other fields. Value and bound are whole numbers of the objective's units, for OPT-FRAC ``"p/q"``.
The seal tells a damaged file from one that was never right; it keeps nobody from writing another file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...models.files import read_json
from ...models.input_error import InputError
from ...models.procurement.market import Market
from .point import shares_worth, worth
from .proof import Proof, Pulse, check_bound, proof_document, refuse

__all__ = [
    "FORMAT",
    "Checked",
    "check_document",
    "digest",
    "fraction",
    "instance_digest",
    "ratio",
    "read_document",
    "require_whole",
    "sealed",
    "write_document",
]

FORMAT = "fedmech-proof/1"

FIELDS = {"format", "problem", "instance", "point", "value", "bound", "kind", "body", "seal"}

MOST_BYTES = 1 << 30
"""Larger files are not read."""

MOST_DIGITS = 4000
"""Longer fractions are refused; Python itself refuses to read integers of more than 4,300 digits."""

_RATIO = re.compile(r"-?\d+(/\d+)?\Z", re.ASCII)


@dataclass(frozen=True)
class Checked:
    """What an accepted document proves: a point worth `value`, and that nothing is worth more than `bound`, both in the file's units."""

    problem: str
    kind: str
    value: Fraction
    bound: Fraction

    @property
    def optimal(self) -> bool:
        """Whether the point is an optimum."""
        return self.value == self.bound


def digest(value: Any) -> str:
    """Hash what can be written as JSON.

    Raises
    ------
    ProofError
        For what cannot.
    """
    try:
        return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        refuse("the document cannot be written as JSON")


def instance_digest(market: Market, problem: str) -> str:
    """Hash everything that defines the problem: ids, groups, exact numbers, caps and seats (bids do not enter)."""
    arrays = [
        market.group_of,
        market.scaled.scores,
        market.scaled.budgets,
        market.scaled.costs,
        market.caps,
        market.seats,
    ]
    arrays += [market.scaled.coverage] if problem == "cover" else []
    parts: list[Any] = [
        market.scaled.score_denominator,
        market.scaled.money_denominator,
        market.scaled.coverage_denominator,
    ]
    parts += [list(market.worker_ids), list(market.group_ids), list(market.requester_ids)]
    return digest([*parts, *(None if array is None else array.tolist() for array in arrays)])


def write_document(
    market: Market, point: np.ndarray | Mapping[tuple[int, int], Fraction], value: int | Fraction, proof: Proof
) -> dict[str, Any]:
    """Return a point and the proof of a bound as they are written to a file.

    Parameters
    ----------
    market : Market
    point : ndarray of int64, shape (n,), or mapping (worker, requester) -> Fraction
        Requester of each worker, -1 for none; shares for OPT-FRAC.
    value : int or Fraction
        What it is worth, in units like the proof's bound.
    proof : Proof
    """
    if isinstance(point, np.ndarray):
        written: list[Any] = [np.flatnonzero(point == j).tolist() for j in range(market.m)]
    else:
        written = [[i, j, ratio(share)] for (i, j), share in sorted(point.items())]
    document = {
        "format": FORMAT,
        "instance": instance_digest(market, proof.problem),
        "point": written,
        "value": ratio(value) if proof.problem == "opt-frac" else int(value),
        **proof_document(proof),
    }
    return sealed(document)


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the digest of all its other fields."""
    return {**document, "seal": digest({**document, "seal": None})}


def read_document(path: Path) -> Any:
    """Read a document from a file, whatever is in it.

    Raises
    ------
    InputError
        If it cannot be read as JSON, repeats a key, or is too large: says why in one line.
    """
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES:,} bytes", file=str(path))
    return read_json(path, decimals=float)


def require_whole(document: Any, fields: AbstractSet[str] = FIELDS, form: str = FORMAT) -> None:
    """Refuse what has other fields than a document of a format, or has been changed since it was sealed."""
    if not isinstance(document, dict) or set(document) != fields:
        refuse("the document has other fields")
    if document["format"] != form:
        refuse(f"not a {form} file")
    if document["seal"] != digest({**document, "seal": None}):
        refuse("the seal does not match: the document has been changed")


def check_document(document: Any, market: Market, pulse: Pulse | None = None) -> Checked:
    """Verify that a document's point is feasible and worth what it says, and that nothing is worth more than its bound.

    Raises
    ------
    ProofError
        Says what is wrong.
    """
    require_whole(document)
    problem, kind, point, body = (document[name] for name in ("problem", "kind", "point", "body"))
    if problem not in ("orp", "opt", "opt-frac", "opt-sep", "cover"):
        refuse(f"problem {problem!r} is unknown")
    if (problem != "orp" and market.scaled.costs is None) or (problem == "cover" and market.scaled.coverage is None):
        refuse(f"the market lacks what {problem} needs")
    # The digest is of all numbers that the problem looks at: a proof about other costs may hold, and would say nothing here.
    if document["instance"] != instance_digest(market, problem):
        refuse("the document is for another market")
    if not isinstance(point, list) or not all(isinstance(part, list) for part in point) or not isinstance(body, dict):
        refuse("point: must be a list of lists, and body an object")
    if problem == "opt-frac":
        value, bound = fraction(document["value"], "value"), fraction(document["bound"], "bound")
        shares = {}
        for part in point:
            if len(part) != 3 or type(part[0]) is not int or type(part[1]) is not int or (part[0], part[1]) in shares:
                refuse("point: must list worker, requester and share, each pair once")
            shares[part[0], part[1]] = fraction(part[2], "share")
        right = shares_worth(market, shares) == value
    else:
        value, bound = document["value"], document["bound"]
        if type(value) is not int or type(bound) is not int:
            refuse("value and bound must be whole numbers")
        right = worth(market, problem, point) == value
    if not right:
        refuse("the point is not worth that")
    # The point first: it is cheap, and a point that is none needs no proof to be refused.
    check_bound(Proof(problem, kind, bound, body), market, pulse)
    unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
    return Checked(problem, kind, Fraction(value) / unit, Fraction(bound) / unit)


def ratio(number: int | Fraction) -> str:
    """Write an exact number as ``p/q``."""
    number = Fraction(number)
    return f"{number.numerator}/{number.denominator}"


def fraction(given: Any, name: str) -> Fraction:
    """Read an exact number written as ``p/q``."""
    if not isinstance(given, str) or len(given) > MOST_DIGITS or not _RATIO.match(given):
        refuse(f"{name}: must be a fraction p/q")
    numerator, _, denominator = given.partition("/")
    if denominator and not int(denominator):
        refuse(f"{name}: division by zero")
    return Fraction(int(numerator), int(denominator or 1))

"""What a proof is: a claim that nothing is worth more than a bound, and the material from which a checker accepts it.

A search hands its proof over in memory; `check_bound` gives it to the checker of its kind. The checkers lie beside this file, one
kind each. They import the models and nothing else, read the instance themselves, and share no code with any search.
A point, and the value it has, are no part of a proof: an optimum is a feasible point whose value meets a proved bound, and a search
that was stopped still proves the bound it had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module
from typing import Any, NoReturn

__all__ = ["KINDS", "Proof", "ProofError", "ProofTooLarge", "Pulse", "check_bound", "proof_document", "refuse"]

KINDS = {
    "tree": "tree",
    "packing": "packing",
    "blocks": "blocks",
    "kinds": "kinds",
    "fractional": "fractional",
    "social": "social",
    "dynamic": "dynamic",
    "staircase": "staircase",
    "subadditive": "subadditive",
    "lattice": "lattice",
}
"""The module of each kind of proof; its function ``check_bound(proof, instance, pulse)`` accepts or raises `ProofError`."""

Pulse = Callable[[], None]
"""Called by a checker again and again while it works; it raises where the check has to end."""


class ProofError(ValueError):
    """The proof does not prove what it claims; the message says why."""


class ProofTooLarge(ProofError):
    """What the proof asks of the checker is more than it does: nothing is said about the bound."""


def refuse(reason: str) -> NoReturn:
    """Raise `ProofError`."""
    raise ProofError(reason)


@dataclass(frozen=True)
class Proof:
    """A claim: no feasible point of a problem on an instance is worth more than `bound`.

    Attributes
    ----------
    problem : str
        ``orp``, ``opt``, ``opt-frac``, ``opt-sep``, ``cover`` or ``social-state``.
    kind : str
        A key of :data:`KINDS`: which checker accepts it.
    bound : int or Fraction
        In integer units of the objective (``score_denominator``; ``coverage_denominator`` for COVER). A Fraction of such units
        for OPT-FRAC, and a Fraction of welfare for social states.
    body : mapping
        What the checker of its kind reads, see there. May hold arrays; written to a file they become lists.
    """

    problem: str
    kind: str
    bound: int | Fraction
    body: Mapping[str, Any] = field(default_factory=dict)


def check_bound(proof: Proof, instance: Any, pulse: Pulse | None = None) -> None:
    """Accept a proof of a bound on an instance, or raise.

    Parameters
    ----------
    proof : Proof
    instance : Market or MotsMarket
        The checker reads the numbers from here and nowhere else.
    pulse : callable, optional
        Called while the checker works; what it raises ends the check and is passed on.

    Raises
    ------
    ProofError
        If the proof is none; says why.
    """
    if not isinstance(proof.body, Mapping):
        raise ProofError(f"the body of a proof is a mapping, not {type(proof.body).__name__}")
    if type(proof.bound) is not int and not isinstance(proof.bound, Fraction):
        raise ProofError(f"the bound of a proof is an exact number, not {type(proof.bound).__name__}")
    module = KINDS.get(proof.kind) if isinstance(proof.kind, str) else None
    if module is None:
        raise ProofError(f"no checker for proofs of kind {proof.kind!r}")
    import_module(f"{__package__}.{module}").check_bound(proof, instance, pulse or _go_on)


def proof_document(proof: Proof) -> dict[str, Any]:
    """Return a proof as it is written to a file: plain integers, lists, and fractions as ``p/q``."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, Fraction):
            return f"{value.numerator}/{value.denominator}"
        if hasattr(value, "tolist"):
            return value.tolist()
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    return {"problem": proof.problem, "kind": proof.kind, "bound": plain(proof.bound), "body": plain(proof.body)}


def _go_on() -> None:
    pass

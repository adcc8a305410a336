"""A proof about social states as a file: a state, what it is worth at least, and a proof that no state is worth more than a bound.

The fields are those of `document`. ``point`` lists the participants of each type, in the market's order; ``value`` and ``bound`` are
fractions ``"p/q"`` of welfare. Where the utility is not rational, ``value`` is a lower end of the state's welfare. A document whose
body says ``{"infeasible": true}`` claims that no state meets the requirement; it has neither point nor value: both are ``null``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...models.sharing.expression import is_rational
from ...models.sharing.market import MotsMarket
from .document import FORMAT, digest, fraction, ratio, require_whole, sealed
from .enclosure import EXACT, Rounding, Unbounded, series
from .proof import Proof, Pulse, check_bound, proof_document, refuse

__all__ = ["CheckedState", "check_state_document", "state_worth", "write_state_document"]

DIGITS = 120
"""Digits of a welfare that is no rational number."""


@dataclass(frozen=True)
class CheckedState:
    """What an accepted document proves: a state worth at least `value`, none worth more than `bound`; or, with neither, that there is none."""

    value: Fraction | None
    bound: Fraction | None

    @property
    def infeasible(self) -> bool:
        """Whether no state meets the requirement."""
        return self.bound is None

    @property
    def optimal(self) -> bool:
        """Whether the state is an optimum, with nothing left that could not be told apart."""
        return self.value is not None and self.value == self.bound


def state_worth(market: MotsMarket, state: Sequence[int], audience: str) -> Fraction:
    """Return the welfare of a state, or a number below it by a part in 10**100 or so where it is not rational.

    Raises
    ------
    ProofError
        If it is no state with participants, does not meet the requirement, or has no welfare.
    """
    if len(state) != len(market.types) or any(type(k) is not int for k in state):
        refuse("point: must have a whole number for each type")
    if not all(0 <= k <= entry.count for k, entry in zip(state, market.types, strict=True)) or not any(state):
        refuse("point: nobody participates, or more of a type than there are")
    K = sum(state)
    T = sum((Fraction(k, entry.size) for k, entry in zip(state, market.types, strict=True)), Fraction(0))
    cost = sum((k * entry.cost for k, entry in zip(state, market.types, strict=True)), Fraction(0))
    # Eq. (3), written again: nothing of the market's own methods is believed here.
    error = market.dimension * market.data_variance * T / K**2 + market.client_variance * (1 - Fraction(1, K))
    if market.max_error is not None and error > market.max_error:
        refuse("point: the state does not meet the requirement")
    tree = market.utility.tree
    rounding = EXACT if is_rational(tree) else Rounding(DIGITS)
    try:
        utility = series(tree, rounding.number(error), 0)[0]
    except Unbounded as reason:
        refuse(f"point: the state's welfare is not known: {reason}")
    served = sum(entry.count for entry in market.types) if audience == "everyone" else K
    # The lower end: whatever is claimed of the point holds at least.
    return served * Fraction(utility.low) - cost


def write_state_document(market: MotsMarket, state: Sequence[int] | None, proof: Proof) -> dict[str, Any]:
    """Return a state, or none, and the proof of a bound as they are written to a file."""
    worth = None if state is None else ratio(state_worth(market, state, proof.body.get("audience", "everyone")))
    document = {
        "format": FORMAT,
        "instance": digest(market.to_document()),
        "point": None if state is None else list(state),
        "value": worth,
        **proof_document(proof),
        "bound": ratio(proof.bound),
    }
    return sealed(document)


def check_state_document(document: Any, market: MotsMarket, pulse: Pulse | None = None) -> CheckedState:
    """Verify that a document's state meets the requirement and is worth what it says, and that none is worth more than its bound.

    Raises
    ------
    ProofError
        Says what is wrong.
    """
    require_whole(document)
    if document["problem"] != "social-state":
        refuse("the document is about another kind of market")
    if document["instance"] != digest(market.to_document()):
        refuse("the document is for another market")
    state, body = document["point"], document["body"]
    if not isinstance(body, dict):
        refuse("body: must be an object")
    bound = fraction(document["bound"], "bound")
    proof = Proof("social-state", document["kind"], bound, body)
    if state is None:
        if body != {"infeasible": True} or document["value"] is not None:
            refuse("point: is missing")
        check_bound(proof, market, pulse)
        return CheckedState(None, None)
    if not isinstance(state, list) or body.get("infeasible"):
        refuse("point: must be a list, of a market with states that meet the requirement")
    value = fraction(document["value"], "value")
    if state_worth(market, state, body.get("audience", "everyone")) < value:
        refuse("the point is not worth that")
    check_bound(proof, market, pulse)
    return CheckedState(value, bound)

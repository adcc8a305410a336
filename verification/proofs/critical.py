"""Critical bids, and the order in which the affordability test fails: what the proof of Theorem 6.1 says on the way."""

from __future__ import annotations

from .auction import FEASIBLE_SETS, MATROID, SETS, moved, outcome, profile, renamed_steps
from .chain import Proof, Step
from .truthful import OTHERS, TAKING

__all__ = ["BINARY", "CRITICAL"]

SYMBOLS = ("r", "paid", "p", "before", "takes", "passes", "P", "S", "Q", "H", "last")


def _back() -> tuple[Step, ...]:
    """Return the steps of :func:`moved` with the two profiles exchanged: from a win in profile 1 to one in profile 2."""
    inner = {step.name for step in moved()}
    exchanged = {f"{name}{one}": f"{name}{two}" for name in SYMBOLS for one, two in ("12", "21")}
    premises = {name: f"{name} back" for name in inner}
    for name in {name for step in moved() for name in step.given} - inner:
        premises[name] = {"1": f"{name[:-1]}2", "2": f"{name[:-1]}1"}.get(name[-1], name)
    swapped = renamed_steps(moved(), premises, **exchanged)
    return tuple(Step(f"{step.name} back", step.claim, step.given, step.because, step.says) for step in swapped)


CRITICAL_CLAIM = "implies(inside(i, H2), implies(v(i)*r1(i) < v(i)*p2, inside(i, H1)) and implies(v(i)*r1(i) > v(i)*p2, not inside(i, H1)))"
CRITICAL = Proof(
    """
    Let i win at some bid, at the price p. Below v p it wins, at the same price: that is the argument of Theorem 6.1. Were it to win at a bid above v p, then at a price that is at least
    its ratio there, so above p; its old ratio, at most p, is below that price, so by the same argument the old price is that price: a contradiction.
    """,
    SETS | profile("1", "2"),
    CRITICAL_CLAIM,
    (
        *outcome("1"),
        *outcome("2"),
        *moved(),
        *_back(),
        TAKING,
        Step(
            "below",
            "implies(inside(i, H2) and r1(i) < p2, inside(i, H1))",
            ("same set", "hired1", "hired2", "taking part"),
            says="below its critical ratio it wins",
        ),
        Step(
            "above",
            "implies(inside(i, H2) and r1(i) > p2, not inside(i, H1))",
            ("same price back", "rational1", "rational2", "taking part"),
            says="above it, it would win at a price that is none",
        ),
        Step("critical", CRITICAL_CLAIM, ("below", "above", "within2")),
    ),
    OTHERS,
)

BINARY_CLAIM = "every(j, k, implies(takes(j) and passes(k) and before(j, k), passes(j)))"
BINARY = Proof(
    "A shorter prefix ends at a smaller ratio and is worth no more, so it costs no more: the test holds up to k* and fails from there on.",
    SETS | FEASIBLE_SETS | profile(""),
    BINARY_CLAIM,
    (
        outcome("")[0],
        MATROID[0],
        Step("inside the longer", "every(j, k, implies(before(j, k), fits(P(j), P(k))))", ("prefix", "fits", "total")),
        Step(
            "costs no more",
            "every(j, k, implies(takes(j) and takes(k) and before(j, k), r(j)*M(P(j)) <= r(k)*M(P(k))))",
            ("inside the longer", "monotone", "order", "ratios", "worth"),
        ),
        Step("passes too", BINARY_CLAIM, ("costs no more", "passes")),
    ),
)

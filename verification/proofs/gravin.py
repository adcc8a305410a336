"""The falling price of Gravin, Jin, Lu and Zhang: a third of the fractional optimum, for every number of workers."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["GRAVIN"]

GRAVIN_CLAIM = "opt <= 3*got and implies(got > 0, opt < 3*got)"
GRAVIN = Proof(
    """
    S are those who stay, T those but the best, at the price p. Whoever has left bids at least p per score, and whoever stays at most that, so by duality the fractional optimum is at most
    v(S) + (B - b(S)) / p; and B <= p v(S). If T is worth at least the best, T is hired, and the best too unless it bids more than is left, B - p v(T); then OPT < v(S) + v(T), at most 3 v(T).
    Else the best is hired, and of T all but those, of score v(R), who bid more than their share of what is left: b(R) >= v(R) / v(T) (B - p v(best)), so OPT <= 2 v(S) - v(R), which is less than 3 (v(S) - v(R)),
    for v(R) <= v(T) < v(best).
    """,
    Theory(
        Vocabulary("B p opt got vS vT vR star bS bR best: Real; many taken: Bool"),
        {
            "duality": "p*opt <= p*vS + B - bS",
            "sums": "vS == vT + star and 0 <= vR <= vT and bS >= bR and bS >= best and bR >= 0 and best >= 0",
        },
        {
            "price": "p > 0 and p*vT <= B and B <= p*vS and star > 0",
            "which": "iff(many, vT >= star)",
            "others hired": "implies(many, iff(taken, best <= B - p*vT) and got == (vS if taken else vT))",
            "best hired": "implies(not many, got == vS - vR and (vT == 0 or bR*vT >= vR*(B - p*star)))",
        },
    ),
    GRAVIN_CLAIM,
    (
        Step("all hired", "p*opt <= 2*p*vS", ("duality", "price", "sums")),
        Step("rejected best", "implies(many and not taken, p*opt < p*(vS + vT))", ("duality", "others hired", "sums")),
        Step("rejected share", "implies(not many and vT > 0, p*vT*opt <= p*vT*(vS + vS) - p*vT*vR)", ("duality", "best hired", "price", "sums")),
        Step("undone", "opt <= 2*vS and implies(many and not taken, opt < vS + vT) and implies(not many and vT > 0, opt <= 2*vS - vR)",
             ("all hired", "rejected best", "rejected share", "price", "sums")),
        Step("a third", GRAVIN_CLAIM, ("undone", "which", "others hired", "best hired", "sums", "price")),
    ),
)  # fmt: skip

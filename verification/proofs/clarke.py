"""Clarke prices: what VCG promises, for every family of sets that can be placed."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["CLARKE"]

_PROFILE = Theory(
    Vocabulary("asks#: Set -> Real; H#: Set; bid# paid# alone#: Real"),
    {},
    {
        "best#": "placeable(H#) and every(S, implies(placeable(S), worth(S) - asks#(S) <= worth(H#) - asks#(H#)))",
        "without#": "every(S, implies(placeable(S) and not inside(i, S), worth(S) - asks#(S) <= alone#))"
        " and some(S, placeable(S) and not inside(i, S) and worth(S) - asks#(S) == alone#)",
        "pays#": "paid# == (bid# + worth(H#) - asks#(H#) - alone# if inside(i, H#) else 0)",
    },
)


def _at(q: str) -> Theory:
    return Theory(
        Vocabulary(_PROFILE.vocabulary.text.replace("#", q)),
        {},
        {name.replace("#", q): text.replace("#", q) for name, text in _PROFILE.definitions.items()},
    )


CLARKE_CLAIM = "(paid1 - c if inside(i, H1) else 0) >= (paid2 - c if inside(i, H2) else 0) and implies(inside(i, H1), paid1 >= bid1)"
CLARKE = Proof(
    """
    What i has is the surplus at its true cost of what is chosen, less the best surplus without i, which no bid of i moves; where i is not hired both are the same, and it has nothing. At its
    true cost the best set is chosen, so it has the most.
    """,
    Theory(
        Vocabulary("i: Worker; S: Set; inside: Worker Set -> Bool; placeable: Set -> Bool; worth: Set -> Real; c: Real"),
        {},
    )
    | _at("1")
    | _at("2")
    | Theory(
        Vocabulary(""),
        {"others": "every(S, asks1(S) - (bid1 if inside(i, S) else 0) == asks2(S) - (bid2 if inside(i, S) else 0))"},
    ),
    CLARKE_CLAIM,
    (
        Step("same without", "alone1 == alone2", ("without1", "without2", "others"), says="no bid of i moves what there is without it"),
        Step("not hired", "implies(not inside(i, H1), worth(H1) - asks1(H1) == alone1)", ("best1", "without1")),
        Step(
            "the lie's surplus",
            "worth(H2) - asks2(H2) + (bid2 - c if inside(i, H2) else 0) <= worth(H1) - asks1(H1)",
            ("best1", "best2", "others", "truth"),
        ),
        Step("at least without", "worth(H1) - asks1(H1) >= alone1", ("best1", "without1")),
        Step(
            "clarke",
            CLARKE_CLAIM,
            ("same without", "not hired", "the lie's surplus", "at least without", "pays1", "pays2", "truth"),
        ),
    ),
    {"truth": "c == bid1"},
)  # fmt: skip

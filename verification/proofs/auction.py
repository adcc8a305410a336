"""The theory of largest affordable prefixes: workers, sets of them, orders, and what the rule does at a bid profile.

Workers are a sort of their own, finite but never counted. ``W(S)`` is what is hired from a set ``S``, a function of the set alone: that is all
the truthfulness proofs know of it, and ``M(S)`` its value. Facts about finite sets that first-order logic does not have by itself are axioms,
each an instance of one of three: a non-empty set has a last member in an order, a set is given by its members, sums over sets keep inequalities.

Definitions are templates in a suffix ``#``, one for each bid profile (``r1``, ``r2`` are the ratios of profiles 1 and 2). ``takes#`` says who
takes part at all: everybody in DriftPay-CO, those whose bid is at most B and who are not set aside in drop-top.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from .chain import Step, Theory
from .formula import Vocabulary

__all__ = [
    "FEASIBLE_SETS",
    "MATROID",
    "SETS",
    "SPEND",
    "moved",
    "named",
    "outcome",
    "profile",
    "renamed",
    "renamed_steps",
]


def renamed(theory: Theory, **names: str) -> Theory:
    """Return the theory with other symbols: ``renamed(theory, v="t")`` says of ``t`` what it said of ``v``."""
    return Theory(
        Vocabulary(_swap(theory.vocabulary.text, names)),
        {name: _swap(text, names) for name, text in theory.axioms.items()},
        {name: _swap(text, names) for name, text in theory.definitions.items()},
    )


def _swap(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda found: names.get(found[0], found[0]), text)


def named(theory: Theory, *suffixes: str) -> Theory:
    """Return the theory's templates once for each suffix."""
    kinds = (theory.axioms, theory.definitions)
    axioms, definitions = (
        {name.replace("#", q): text.replace("#", q) for q in suffixes for name, text in kind.items()} for kind in kinds
    )
    texts = dict.fromkeys(theory.vocabulary.text.replace("#", q) for q in suffixes)
    return Theory(Vocabulary("\n".join(texts)), axioms, definitions)


SETS = Theory(
    Vocabulary(
        """i j k l: Worker; S T U: Set; x: Real
        inside: Worker Set -> Bool; lower: Worker Worker -> Bool
        v: Worker -> Real; W: Set -> Set; M: Set -> Real; B: Real"""
    ),
    {
        "index": "every(j, not lower(j, j)) and every(j, k, l, implies(lower(j, k) and lower(k, l), lower(j, l)))"
        " and every(j, k, j == k or lower(j, k) or lower(k, j))",
        "members": "every(S, T, implies(every(k, iff(inside(k, S), inside(k, T))), S == T))",
        "part": "every(k, S, implies(inside(k, W(S)), inside(k, S) and v(k) <= M(S)))",
        "worth": "every(S, M(S) >= 0)",
    },
)
"""Sets of workers, the order of their indices, and a hiring rule."""


SPEND = "{r}*M({S})"
"""What a prefix with a last ratio costs at most."""


def profile(*suffixes: str, spend: str = SPEND, everybody: bool = True, paid: str = "v(k)*p#") -> Theory:
    """Return what the rule does at bid profiles.

    Parameters
    ----------
    suffixes : str
        One for each profile.
    spend : str
        What a prefix with a last ratio costs at most, to be held against the budget.
    everybody : bool
        Whether everybody takes part.
    paid : str
        What winner ``k`` is paid.
    """

    def cost(r: str, S: str) -> str:
        return spend.format(r=r, S=S)

    template = Theory(
        Vocabulary(
            """r# paid#: Worker -> Real; p#: Real; before#: Worker Worker -> Bool; takes# passes#: Worker -> Bool
            P#: Worker -> Set; S# Q# H#: Set; last#: Set -> Worker"""
        ),
        {
            "last#": "every(k, T, implies(inside(k, T), inside(last#(T), T) and (k == last#(T) or before#(k, last#(T)))))",
            "passing#": "every(k, iff(inside(k, Q#), passes#(k)))",
        },
        {
            "scores#": "every(k, implies(takes#(k), v(k) > 0))",
            "ratios#": "every(k, implies(takes#(k), r#(k) >= 0))",
            "order#": "every(j, k, iff(before#(j, k), r#(j) < r#(k) or (r#(j) == r#(k) and lower(j, k))))",
            "prefix#": "every(j, k, iff(inside(j, P#(k)), takes#(j) and (j == k or before#(j, k))))",
            "passes#": f"every(k, iff(passes#(k), takes#(k) and {cost('r#(k)', 'P#(k)')} <= B))",
            "chosen#": "every(j, iff(inside(j, S#), some(k, passes#(k) and inside(j, P#(k)))))",
            "hired#": "H# == W(S#)",
            "price#": f"implies(M(S#) > 0, {cost('p#', 'S#')} <= B"
            " and every(j, implies(takes#(j) and not inside(j, S#), p# <= r#(j)))"
            f" and ({cost('p#', 'S#')} == B or some(j, takes#(j) and not inside(j, S#) and p# == r#(j))))",
            "pays#": f"every(k, paid#(k) == ({paid} if inside(k, H#) else 0))",
            **({"all#": "every(k, takes#(k))"} if everybody else {}),
        },
    )
    return named(template, *suffixes)


def renamed_steps(steps: Iterable[Step], premises: Mapping[str, str], **names: str) -> tuple[Step, ...]:
    """Return steps about other symbols, which rest on premises of other names."""
    return tuple(
        Step(
            step.name,
            _swap(step.claim, names),
            tuple(premises.get(name, name) for name in step.given),
            step.because,
            step.says,
        )
        for step in steps
    )


def _named(steps: Iterable[Step], suffix: str) -> tuple[Step, ...]:
    return tuple(
        Step(
            step.name.replace("#", suffix),
            step.claim.replace("#", suffix),
            tuple(name.replace("#", suffix) for name in step.given),
            step.because,
            step.says,
        )
        for step in steps
    )


def outcome(suffix: str, spend: str = SPEND) -> tuple[Step, ...]:
    """Return the steps about one profile, up to "a winner's ratio is at most the price"."""
    steps = (
        Step(
            "total#",
            "every(j, not before#(j, j)) and every(j, k, l, implies(before#(j, k) and before#(k, l), before#(j, l)))"
            " and every(j, k, j == k or before#(j, k) or before#(k, j))",
            ("order#", "index"),
            says="the ratio order is total",
        ),
        Step(
            "segment#",
            "every(j, k, implies(inside(k, S#) and takes#(j) and not inside(j, S#), before#(k, j)))",
            ("chosen#", "prefix#", "total#"),
            says="who is outside the chosen prefix comes after it",
        ),
        Step(
            "outside#",
            "every(k, implies(passes#(k), inside(k, S#)))",
            ("chosen#", "prefix#", "passes#"),
            says="outside the chosen prefix the test fails",
        ),
        Step("taking#", "every(k, implies(inside(k, S#), takes#(k)))", ("chosen#", "prefix#")),
        Step(
            "end#",
            "every(k, implies(inside(k, S#), passes#(last#(Q#)) and (k == last#(Q#) or before#(k, last#(Q#)))))",
            ("chosen#", "prefix#", "passing#", "last#", "total#"),
            says="the chosen prefix ends at the last worker whose prefix passes",
        ),
        Step(
            "whole#",
            "every(k, implies(inside(k, S#), S# == P#(last#(Q#))))",
            ("end#", "prefix#", "members", "chosen#", "taking#"),
        ),
        Step(
            "afford#",
            f"every(k, implies(inside(k, S#), {spend.format(r='r#(k)', S='S#')} <= B))",
            ("whole#", "end#", "passes#", "order#", "worth"),
            says="the chosen prefix passes the test at each of its ratios",
        ),
        Step(
            "within#",
            "every(k, implies(inside(k, H#), inside(k, S#) and v(k) > 0 and M(S#) >= v(k)))",
            ("hired#", "part", "scores#", "taking#"),
        ),
        Step(
            "rational#",
            "every(k, implies(inside(k, H#), r#(k) <= p#))",
            ("afford#", "segment#", "price#", "within#", "order#"),
            says="a winner's ratio is at most the price",
        ),
    )
    return _named(steps, suffix)


MOVES = "inside(i, H2) and takes1(i) and (r1(i) < p2 or r1(i) == r2(i))"
"""Worker ``i`` wins in profile 2, and bids below its price, or the same, in profile 1."""


def moved(when: str = "") -> tuple[Step, ...]:
    """Return the steps from "i wins at one bid" to "below that price it wins at the same price", the others' bids fixed.

    They need the premise ``others`` (everybody but ``i`` has the same ratio and takes part alike) and the steps of
    :func:`outcome` for profiles 1 and 2.

    Parameters
    ----------
    when : str
        Under which further condition ``others`` holds, ``"condition and "``.
    """
    steps = (
        ("room", "M(S2) > 0 and inside(i, S2) and takes2(i)", ("within2", "taking2")),
        (
            "ahead",
            "every(j, implies(takes1(j) and not inside(j, S2), before1(i, j)))",
            ("room", "price2", "others", "order1", "order2", "segment2", "ratios1"),
        ),
        (
            "unmoved",
            "every(j, k, implies(j != i and k != i, iff(before1(j, k), before2(j, k))))",
            ("others", "order1", "order2"),
        ),
        (
            "same beyond",
            "every(j, implies(takes1(j) and not inside(j, S2), P1(j) == P2(j)))",
            ("room", "ahead", "unmoved", "prefix1", "prefix2", "segment2", "members", "others"),
        ),
        (
            "fails beyond",
            "every(j, implies(takes1(j) and not inside(j, S2), not passes1(j)))",
            ("same beyond", "outside2", "passes1", "passes2", "others", "room"),
        ),
        (
            "no longer",
            "every(j, implies(inside(j, S1), inside(j, S2)))",
            (
                "fails beyond",
                "chosen1",
                "prefix1",
                "passes1",
                "segment2",
                "unmoved",
                "ahead",
                "room",
                "total1",
                "others",
            ),
        ),
        (
            "up to its last",
            "every(j, iff(inside(j, S2), takes1(j) and (j == last1(S2) or before1(j, last1(S2)))))",
            ("room", "last1", "segment2", "ahead", "unmoved", "total1", "taking2", "others"),
        ),
        ("still ends", "S2 == P1(last1(S2))", ("up to its last", "prefix1", "members")),
        (
            "still passes",
            "passes1(last1(S2))",
            ("still ends", "passes1", "afford2", "others", "price2", "room", "worth", "last1", "taking2"),
        ),
        ("same set", "S1 == S2", ("still passes", "still ends", "no longer", "chosen1", "members")),
        ("same price", "p1 == p2", ("same set", "price1", "price2", "others", "room", "taking2")),
    )
    words = {
        "ahead": "i comes before everybody beyond the prefix",
        "same beyond": "prefixes that end beyond it hold the same workers",
        "fails beyond": "and fail as before",
        "still passes": "the prefix still passes",
        "same set": "so the same prefix is chosen",
        "same price": "at the same price",
    }
    return tuple(
        Step(name, f"implies({when}{MOVES}, {claim})", given, says=words.get(name, "")) for name, claim, given in steps
    )


FEASIBLE_SETS = Theory(
    Vocabulary(
        """placeable: Set -> Bool; fits: Set Set -> Bool; sum: Set -> Real
        meet minus: Set Set -> Set; drop: Set Worker -> Set; one: Worker -> Set; usable: Worker -> Bool"""
    ),
    {
        "fits": "every(S, T, iff(fits(S, T), every(k, implies(inside(k, S), inside(k, T)))))",
        "meet": "every(S, T, k, iff(inside(k, meet(S, T)), inside(k, S) and inside(k, T)))",
        "minus": "every(S, T, k, iff(inside(k, minus(S, T)), inside(k, S) and not inside(k, T)))",
        "drop": "every(S, j, k, iff(inside(k, drop(S, j)), inside(k, S) and k != j))",
        "one": "every(j, k, iff(inside(k, one(j)), k == j))",
        "usable": "every(k, iff(usable(k), placeable(one(k))))",
        "positive": "every(k, v(k) > 0)",
        "closed": "every(S, T, implies(placeable(T) and fits(S, T), placeable(S)))",
        "best": "every(S, placeable(W(S)) and fits(W(S), S) and M(S) == sum(W(S)))"
        " and every(S, T, implies(placeable(T) and fits(T, S), sum(T) <= M(S)))",
        "sum of one": "every(k, sum(one(k)) == v(k))",
        "sums split": "every(S, T, sum(S) == sum(meet(S, T)) + sum(minus(S, T)))",
        "sums drop": "every(S, k, sum(S) <= sum(drop(S, k)) + v(k))",
        "sums grow": "every(S, T, implies(fits(S, T), sum(S) <= sum(T))) and every(S, sum(S) >= 0)",
        "empty sum": "every(S, implies(every(k, not inside(k, S)), sum(S) == 0))",
    },
)
"""Hiring the best placeable part of a set, for caps, for seats and for every downward closed family."""

MATROID = (
    Step(
        "monotone",
        "every(S, T, implies(fits(S, T), M(S) <= M(T)))",
        ("fits", "best"),
        says="what is placeable in S is placeable in T",
    ),
    Step(
        "one more",
        "every(S, T, j, implies(fits(drop(T, j), S), M(T) <= M(S) + v(j)))",
        ("fits", "drop", "best", "closed", "sums drop"),
        says="take j out of the best set: what is left is placeable and inside S",
    ),
)
"""The two facts about ``M`` that the ratios rest on."""

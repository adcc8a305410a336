"""Families of markets on which a bound is met, and what is proved beside the theorems: coverage, pooling, estimates that lose.

In a family the workers have names, everybody can be placed, and scores and costs are functions of exact parameters; the proof runs the rule's
definitions on it. Sums over named workers are written out.
"""

from __future__ import annotations

from itertools import pairwise

from .auction import MATROID, SETS, outcome, profile, renamed
from .chain import Proof, Step, Theory
from .formula import Vocabulary
from .ratios import THEORY

__all__ = ["COVERAGE", "DROP_TOP_TIGHT", "JUMP", "POOLED", "POOLED_EQUAL", "SMALL_TIGHT", "TIGHT"]


def _members(*names: str) -> str:
    return " or ".join(f"k == {name}" for name in names)


def _named(*names: str, score: str = "v", total: str = "sum") -> dict[str, str]:
    """Return axioms: these are all the workers, in the order of their indices, everybody can be placed, and sums are written out."""
    pairs = [f"lower({a}, {b})" for a, b in pairwise(names)]
    terms = " + ".join(f"({score}({name}) if inside({name}, S) else 0)" for name in names)
    return {
        "these workers": f"every(k, {_members(*names)}) and {' and '.join(pairs)}",
        f"{total} of these": f"every(S, {total}(S) == {terms})",
    }


def _facts(q: str = "") -> tuple[str, ...]:
    return (f"order{q}", f"prefix{q}", "index", "these workers")


# ------------------------------------------------------------------ Theorem 6.2 is tight

FOUR_WORDS = Vocabulary("w1 w2 w3 w4: Worker; sum sumc: Set -> Real; cost: Worker -> Real; O: Set; R e tt: Real")
NO_LIMITS = {"no limits": "every(S, W(S) == S and M(S) == sum(S))"}
COST_OF = {"bids are costs": "every(k, cost(k) == r(k)*v(k))"}

TIGHT_CLAIM = (
    "every(k, 1 <= v(k) <= R and cost(k) <= B) and v(w1) == 1 and v(w2) == R"
    " and sum(H) == 1 and sumc(O) <= B and sum(O) == (2 + R - e)*sum(H)"
)
TIGHT = Proof(
    """
    Worker 1 is free and comes first; the others share the ratio t = 1 / (1 + r - e) and follow by index. The prefix {1, 2} is worth 1 + r and fails, and so do
    the longer ones, so the mechanism hires worker 1 alone. Workers 1, 3 and 4 cost 1 together and are worth 2 + r - e.
    """,
    SETS
    | profile("")
    | Theory(
        FOUR_WORDS,
        {
            **_named("w1", "w2", "w3", "w4"),
            "sumc of these": _named("w1", "w2", "w3", "w4", score="cost", total="sumc")["sumc of these"],
            **NO_LIMITS,
            **COST_OF,
            "family": "v(w1) == 1 and v(w2) == R and v(w3) == R - e and v(w4) == 1"
            " and r(w1) == 0 and r(w2) == tt and r(w3) == tt and r(w4) == tt and tt*(1 + R - e) == 1 and B == 1",
            "witness": "every(k, iff(inside(k, O), k == w1 or k == w3 or k == w4))",
        },
    ),
    TIGHT_CLAIM,
    (
        Step("positive ratio", "tt > 0 and tt*(1 + R) > 1 and tt*R < 1", ("family", "parameters")),
        Step("first", "passes(w1)", (*_facts(), "passes", "family", "no limits", "all")),
        Step(
            "second fails",
            "not passes(w2)",
            (*_facts(), "passes", "family", "no limits", "all", "sum of these", "positive ratio"),
        ),
        Step(
            "others fail",
            "not passes(w3) and not passes(w4)",
            (*_facts(), "passes", "family", "no limits", "all", "sum of these", "positive ratio", "parameters"),
        ),
        Step(
            "one alone",
            "every(k, iff(inside(k, H), k == w1))",
            (
                "first",
                "second fails",
                "others fail",
                *_facts(),
                "chosen",
                "hired",
                "no limits",
                "family",
                "positive ratio",
                "all",
            ),
        ),
        Step("hired score", "sum(H) == 1", ("one alone", "sum of these", "family", "these workers", "index")),
        Step(
            "better set",
            "sumc(O) == 1 and sum(O) == 2 + R - e",
            ("witness", "sum of these", "sumc of these", "bids are costs", "family", "these workers", "index"),
        ),
        Step(
            "within the class",
            "every(k, 1 <= v(k) <= R and cost(k) <= B)",
            ("these workers", "family", "parameters", "bids are costs", "positive ratio"),
        ),
        Step("tight", TIGHT_CLAIM, ("hired score", "better set", "within the class", "family")),
    ),
    {"parameters": "R > 1 and 0 < e < 1 and e < R - 1"},
)

# ------------------------------------------------------------------ small costs are tight

SMALL_TIGHT_CLAIM = (
    "every(k, cost(k) <= beta*B) and sum(H) == 1 and sumc(O) <= B"
    " and (1 - beta)*sum(O) == (2*(1 - beta) + beta - (1 - beta)*(2 - beta)*e)*sum(H)"
)
SMALL_TIGHT = Proof(
    """
    Worker 1 is worth 1 and free; worker 2 is worth u = b / (1 - b) - e; everybody else is one of q >= 1 / b equal pieces of X = 1 + u - (1 - b) e. All but worker 1
    share the ratio 1 / X. The prefix {1, 2} is worth 1 + u > X and fails, and so do the longer ones, so worker 1 is hired alone. Worker 1 and the pieces cost 1 together
    and are worth 1 + X.
    """,
    SETS
    | profile("")
    | Theory(
        Vocabulary(
            """w1 w2: Worker; sum sumc: Set -> Real; cost: Worker -> Real; O Z: Set; beta e u q X: Real
            drop: Set Worker -> Set; fits: Set Set -> Bool"""
        ),
        {
            **NO_LIMITS,
            **COST_OF,
            "first two": "lower(w1, w2) and every(k, k == w1 or k == w2 or lower(w2, k))",
            "family": "v(w1) == 1 and v(w2) == u and (1 - beta)*u == beta - (1 - beta)*e and X == 1 + u - (1 - beta)*e and B == 1"
            " and r(w1) == 0 and every(k, k == w1 or r(k)*X == 1) and every(k, k == w1 or k == w2 or v(k)*q == X) and q > 0 and beta*q >= 1",
            "pieces": "every(k, iff(inside(k, Z), k != w1 and k != w2))",
            "sums of equals": "sum(Z) == X and sumc(Z) == 1",
            "witness": "every(k, iff(inside(k, O), k != w2))",
            "drop": "every(S, j, k, iff(inside(k, drop(S, j)), inside(k, S) and k != j))",
            "sums drop": "every(S, k, implies(inside(k, S), sum(S) == sum(drop(S, k)) + v(k) and sumc(S) == sumc(drop(S, k)) + cost(k)))"
            " and every(S, sum(S) >= 0)",
            "empty sum": "every(S, implies(every(k, not inside(k, S)), sum(S) == 0))",
        },
    ),
    SMALL_TIGHT_CLAIM,
    (
        Step("positive", "u > 0 and X > 0 and 1 + u > X", ("family", "parameters")),
        Step("equal ratios", "every(k, k == w1 or (r(k) == 1/X and r(k) > 0))", ("family", "positive")),
        Step(
            "first two before all",
            "every(k, k == w1 or (inside(w1, P(k)) and inside(w2, P(k))))",
            ("equal ratios", "family", "order", "prefix", "all", "first two", "positive"),
        ),
        Step(
            "worth of two",
            "every(S, implies(inside(w1, S) and inside(w2, S), sum(S) >= 1 + u))",
            ("drop", "sums drop", "family", "first two", "index"),
        ),
        Step(
            "others fail",
            "every(k, k == w1 or not passes(k))",
            ("first two before all", "worth of two", "equal ratios", "passes", "no limits", "family", "positive"),
        ),
        Step("first", "passes(w1)", ("passes", "all", "family")),
        Step(
            "one alone",
            "every(k, iff(inside(k, H), k == w1))",
            (
                "first",
                "others fail",
                "chosen",
                "prefix",
                "order",
                "hired",
                "no limits",
                "all",
                "equal ratios",
                "family",
                "index",
            ),
        ),
        Step("hired score", "sum(H) == 1", ("one alone", "drop", "sums drop", "empty sum", "family")),
        Step("pieces left", "drop(O, w1) == Z", ("witness", "pieces", "drop", "members", "first two", "index")),
        Step(
            "better set",
            "sumc(O) == 1 and sum(O) == 1 + X",
            ("pieces left", "witness", "sums drop", "sums of equals", "bids are costs", "family", "first two", "index"),
        ),
        Step(
            "dear enough",
            "u <= beta*X",
            ("family", "parameters", "positive"),
        ),
        Step(
            "piece by piece",
            "every(k, k == w1 or k == w2 or (r(k)*v(k))*q == 1)",
            ("family", "positive"),
        ),
        Step(
            "cheap pieces",
            "every(k, k == w1 or k == w2 or cost(k) <= beta)",
            ("piece by piece", "family", "bids are costs"),
        ),
        Step(
            "cheap",
            "every(k, cost(k) <= beta*B)",
            ("cheap pieces", "dear enough", "equal ratios", "family", "bids are costs", "parameters", "positive"),
        ),
        Step("tight", SMALL_TIGHT_CLAIM, ("hired score", "better set", "cheap", "family", "parameters")),
    ),
    {"parameters": "0 < beta < 1 and e > 0 and (1 - beta)*e < beta"},
)

# ------------------------------------------------------------------ estimates lose however good they are

JUMP_CLAIM = "every(k, cost(k) <= B) and sumt(H2) == (1 + R)*sumt(H) and sumt(H) > 0"
JUMP = Proof(
    """
    Worker 1 is worth 1 and free, worker 2 is worth r and costs r / (1 + r), B = 1: the prefix of both passes exactly. Seeing 1 + e for worker 1 it fails.
    """,
    SETS
    | profile("")
    | renamed(profile("2"), v="t", W="X", M="N")
    | Theory(
        Vocabulary(
            """w1 w2: Worker; sum sumt: Set -> Real; cost t: Worker -> Real; R e: Real; X: Set -> Set; N: Set -> Real"""
        ),
        {
            **_named("w1", "w2"),
            "sumt of these": _named("w1", "w2", score="t", total="sumt")["sumt of these"],
            **NO_LIMITS,
            "no limits clean": "every(S, X(S) == S and N(S) == sumt(S))",
            **COST_OF,
            "costs clean": "every(k, cost(k) == r2(k)*t(k))",
            "family": "t(w1) == 1 and t(w2) == R and v(w1) == 1 + e and v(w2) == R and cost(w1) == 0 and cost(w2)*(1 + R) == R and B == 1",
        },
    ),
    JUMP_CLAIM,
    (
        Step(
            "ratios of both",
            "r(w1) == 0 and r2(w1) == 0 and r(w2)*(1 + R) == 1 and r2(w2)*(1 + R) == 1 and r(w2) > 0 and r2(w2) > 0",
            ("family", "bids are costs", "costs clean", "parameters"),
        ),
        Step("clean passes", "passes2(w2)", (*_facts("2"), "passes2", "no limits clean", "sumt of these", "family", "ratios of both", "all2")),
        Step(
            "seen fails",
            "not passes(w2)",
            (*_facts(), "passes", "no limits", "sum of these", "family", "ratios of both", "all", "parameters"),
        ),
        Step("first passes", "passes(w1)", ("passes", "ratios of both", "all", "family")),
        Step(
            "hired clean",
            "inside(w1, H2) and inside(w2, H2)",
            ("clean passes", "chosen2", *_facts("2"), "hired2", "no limits clean", "ratios of both", "all2"),
        ),
        Step(
            "hired seen",
            "inside(w1, H) and not inside(w2, H)",
            ("first passes", "seen fails", "chosen", *_facts(), "hired", "no limits", "ratios of both", "all"),
        ),
        Step(
            "scores of both",
            "sumt(H2) == 1 + R and sumt(H) == 1",
            ("hired clean", "hired seen", "sumt of these", "family"),
        ),
        Step("jump", JUMP_CLAIM, ("scores of both", "family", "these workers", "parameters")),
    ),
    {"parameters": "R > 1 and e > 0"},
)  # fmt: skip

# ------------------------------------------------------------------ drop-top is tight

DROP_TOP_TIGHT_CLAIM = "every(k, cost(k) <= B) and sum(H) == 1 and sumc(O) <= B and sum(O) == (4 - e)*sum(H)"
DROP_TOP_TIGHT = Proof(
    """
    Worker 1 is set aside. Of the rest worker 2 is free and comes first, worker 3 follows with the ratio t = 1 / (2 - e); the prefix of both is worth 2 and fails, and so does
    the next, so the rest is worth 1, not more than worker 1, who is hired alone. All four workers together cost 1 and are worth 4 - e.
    """,
    SETS
    | renamed(profile("", everybody=False), H="R", paid="due")
    | Theory(
        Vocabulary(
            "w1 w2 w3 w4: Worker; sum sumc: Set -> Real; cost: Worker -> Real; O H: Set; e tt: Real; top: Bool; star: Worker"
        ),
        {
            **_named("w1", "w2", "w3", "w4"),
            "sumc of these": _named("w1", "w2", "w3", "w4", score="cost", total="sumc")["sumc of these"],
            **NO_LIMITS,
            **COST_OF,
            "family": "v(w1) == 1 and v(w2) == 1 and v(w3) == 1 and v(w4) == 1 - e"
            " and r(w1) == 0 and r(w2) == 0 and r(w3) == tt and r(w4) == tt and tt*(2 - e) == 1 and B == 1",
            "witness": "every(k, inside(k, O))",
        },
        {
            "star": "every(k, implies(r(k)*v(k) <= B, v(k) < v(star) or (v(k) == v(star) and (k == star or lower(star, k)))))",
            "rest": "every(k, iff(takes(k), r(k)*v(k) <= B and k != star))",
            "alone": "iff(top, v(star) >= M(S))",
            "winners": "every(k, iff(inside(k, H), k == star if top else inside(k, R)))",
        },
    ),
    DROP_TOP_TIGHT_CLAIM,
    (
        Step("positive ratio", "0 < tt < 1 and tt*2 > 1", ("family", "parameters")),
        Step(
            "cheap",
            "every(k, cost(k) <= B)",
            ("these workers", "family", "bids are costs", "positive ratio", "parameters"),
        ),
        Step(
            "set aside",
            "star == w1",
            ("star", "these workers", "family", "cheap", "bids are costs", "index", "parameters"),
        ),
        Step(
            "who is left",
            "every(k, iff(takes(k), k != w1))",
            ("rest", "set aside", "cheap", "bids are costs"),
        ),
        Step(
            "third fails",
            "not passes(w3)",
            (*_facts(), "passes", "family", "no limits", "who is left", "sum of these", "positive ratio"),
        ),
        Step(
            "fourth fails",
            "not passes(w4)",
            (*_facts(), "passes", "family", "no limits", "who is left", "sum of these", "positive ratio", "parameters"),
        ),
        Step(
            "little left",
            "every(k, implies(inside(k, S), k == w2))",
            ("third fails", "fourth fails", *_facts(), "chosen", "who is left", "family", "positive ratio", "passes"),
        ),
        Step(
            "worth of the rest",
            "M(S) <= 1",
            ("little left", "no limits", "sum of these", "family", "these workers", "index"),
        ),
        Step(
            "one alone",
            "every(k, iff(inside(k, H), k == w1))",
            ("worth of the rest", "set aside", "alone", "winners", "family"),
        ),
        Step("hired score", "sum(H) == 1", ("one alone", "sum of these", "family", "these workers", "index")),
        Step(
            "better set",
            "sumc(O) == 1 and sum(O) == 4 - e",
            ("witness", "sum of these", "sumc of these", "bids are costs", "family"),
        ),
        Step("tight", DROP_TOP_TIGHT_CLAIM, ("hired score", "better set", "cheap", "family")),
    ),
    {"parameters": "0 < e < 1"},
)

# ------------------------------------------------------------------ coverage

COVERAGE_CLAIM = "every(S, T, k, implies(fits(S, T), f(S) <= f(T) and f(add(S, k)) - f(S) >= f(add(T, k)) - f(T)))"
COVERAGE = Proof(
    """
    In one region the value of a set is the largest of its members' values. A newcomer's gain there is what it stands above that; it is not larger where
    that is larger. Regions add up.
    """,
    Theory(
        Vocabulary(
            """k l: Worker; S T: Set; q: Region; inside: Worker Set -> Bool; fits: Set Set -> Bool; add: Set Worker -> Set
            z: Worker Region -> Real; best: Set Region -> Real; f: Set -> Real"""
        ),
        {
            "values": "every(k, q, z(k, q) >= 0)",
            "fits": "every(S, T, iff(fits(S, T), every(k, implies(inside(k, S), inside(k, T)))))",
            "add": "every(S, k, l, iff(inside(l, add(S, k)), inside(l, S) or l == k))",
            "sums keep": "every(S, T, implies(every(q, best(S, q) <= best(T, q)), f(S) <= f(T)))",
            "sums of gains": "every(S, T, k, implies(every(q, best(add(S, k), q) - best(S, q) >= best(add(T, k), q) - best(T, q)),"
            " f(add(S, k)) - f(S) >= f(add(T, k)) - f(T)))",
        },
        {
            "largest": "every(S, q, best(S, q) >= 0 and (best(S, q) == 0 or some(k, inside(k, S) and best(S, q) == z(k, q))))"
            " and every(S, q, k, implies(inside(k, S), z(k, q) <= best(S, q)))",
        },
    ),
    COVERAGE_CLAIM,
    (
        Step("grows", "every(S, T, q, implies(fits(S, T), best(S, q) <= best(T, q)))", ("fits", "largest")),
        Step(
            "newcomer",
            "every(S, k, q, best(add(S, k), q) == (z(k, q) if z(k, q) >= best(S, q) else best(S, q)))",
            ("add", "largest", "values"),
        ),
        Step(
            "gains fall",
            "every(S, T, k, q, implies(fits(S, T), best(add(S, k), q) - best(S, q) >= best(add(T, k), q) - best(T, q)))",
            ("grows", "newcomer"),
        ),
        Step("submodular", COVERAGE_CLAIM, ("grows", "gains fall", "sums keep", "sums of gains")),
    ),
)

# ------------------------------------------------------------------ pooling

POOLED = Proof(
    "A placement within every B_j spends at most B in total, so it is a placement of the pooled problem.",
    Theory(
        Vocabulary(
            """j: Requester; O: Set; sum: Set -> Real; placeable: Set -> Bool; spent own: Requester -> Real; total_spent B OPT: Real; S: Set
            sumc: Set -> Real"""
        ),
        {
            "sums keep": "implies(every(j, spent(j) <= own(j)), total_spent <= B)",
            "costs add up": "sumc(O) == total_spent",
            "optimum": "every(S, implies(placeable(S) and sumc(S) <= B, sum(S) <= OPT))",
        },
    ),
    "sum(O) <= OPT",
    (
        Step("affordable", "sumc(O) <= B", ("separate", "sums keep", "costs add up")),
        Step("pooled", "sum(O) <= OPT", ("affordable", "separate", "optimum")),
    ),
    {"separate": "placeable(O) and every(j, spent(j) <= own(j))"},
)

POOLED_EQUAL_CLAIM = "sum(O) <= sum(H)"
POOLED_EQUAL = Proof(
    """
    PEA hires a set O at a price x per unit of score with every ratio at most x and x v(O) <= B. Let k be the first worker of the order whose prefix is worth as much as O.
    The prefix one worker shorter is worth less, scores are equal, so this one is worth exactly as much as O; its ratio is at most x, so it passes.
    """,
    THEORY
    | Theory(
        Vocabulary("z0: Worker; y: Real"),
        {
            "sums of equals": "implies(every(k, v(k) == u), every(S, sum(S) == u*count(S) and count(S) >= 0))",
            "first such": "every(k, implies(M(P(k)) >= sum(O), M(P(z0)) >= sum(O) and (k == z0 or before(z0, k))))",
        },
    ),
    POOLED_EQUAL_CLAIM,
    (
        *outcome("")[:3],
        *MATROID,
        Step("score", "sum(H) == M(S)", ("hired", "best")),
        Step(
            "held by its last",
            "every(k, implies(inside(k, O), fits(O, P(last(O)))))",
            ("last", "prefix", "fits", "all"),
        ),
        Step(
            "reached",
            "every(k, implies(inside(k, O), M(P(z0)) >= sum(O) and r(z0) <= y))",
            ("held by its last", "best", "bought", "first such", "last", "order"),
        ),
        Step(
            "one shorter",
            "implies(sum(O) > 0, M(drop(P(z0), z0)) < sum(O))",
            ("first such", "drop", "last", "prefix", "all", "total", "members", "best", "empty sum", "fits"),
        ),
        Step(
            "one worker",
            "M(P(z0)) <= M(drop(P(z0), z0)) + v(z0)",
            ("one more", "fits"),
        ),
        Step(
            "multiples",
            "sum(O) == u*count(O) and M(P(z0)) == u*count(W(P(z0))) and v(z0) == u and u > 0",
            ("equal", "sums of equals", "best"),
        ),
        Step(
            "between",
            "every(k, implies(inside(k, O) and sum(O) > 0, sum(O) <= M(P(z0)) and M(P(z0)) < sum(O) + u))",
            ("reached", "one shorter", "one worker", "equal"),
        ),
        Step(
            "no multiple between",
            "every(k, implies(inside(k, O) and sum(O) > 0, count(O) <= count(W(P(z0))) and count(W(P(z0))) < count(O) + 1))",
            ("between", "multiples"),
        ),
        Step(
            "same count",
            "every(k, implies(inside(k, O) and sum(O) > 0, count(W(P(z0))) == count(O)))",
            ("no multiple between",),
        ),
        Step(
            "exactly",
            "every(k, implies(inside(k, O) and sum(O) > 0, M(P(z0)) == sum(O)))",
            ("same count", "multiples"),
        ),
        Step(
            "passes there",
            "every(k, implies(inside(k, O) and sum(O) > 0, passes(z0)))",
            ("exactly", "reached", "bought", "passes", "all"),
        ),
        Step("holds it", "implies(passes(z0), fits(P(z0), S))", ("chosen", "fits")),
        Step(
            "no less",
            POOLED_EQUAL_CLAIM,
            ("passes there", "exactly", "holds it", "monotone", "score", "empty sum", "sums grow", "worth"),
        ),
    ),
    {
        "equal": "u > 0 and every(k, v(k) == u)",
        "bought": "placeable(O) and y*sum(O) <= B and every(k, implies(inside(k, O), r(k) <= y))",
    },
)

"""Mechanisms that leave workers out before DriftPay-CO runs: those who bid above the budget; and drop-top, the best worker too."""

from __future__ import annotations

from .auction import FEASIBLE_SETS, SETS, moved, outcome, profile, renamed, renamed_steps
from .chain import Proof, Step, Theory
from .formula import Vocabulary
from .ratios import BOUND_STEPS, CLOSED_FORM, COSTS, RANGE, SOMEBODY_STEPS
from .truthful import BUDGET_STEPS, COST, PAYMENTS, PAYOFFS, RATIONAL_CLAIM, RATIONAL_STEP, TRUTH

__all__ = ["DROP", "DROP_TOP"]

OTHERS_BID = "every(k, k == i or r1(k) == r2(k))"
FEASIBLE_SET = {"a feasible set": "placeable(O) and sumc(O) <= B"}
COSTS_BID = {"truthful": "every(k, cost(k) == r(k)*v(k))"}

# ------------------------------------------------------------------ unaffordable bids dropped


def _affordable(q: str) -> Theory:
    return Theory(
        Vocabulary(""), {}, {f"affordable bids{q}": f"every(k, iff(takes{q}(k), r{q}(k)*v(k) <= B and r{q}(k) >= 0))"}
    )


DROP_CLAIM = f"{PAYOFFS} and {RATIONAL_CLAIM} and spent(H) <= B and {CLOSED_FORM}"
DROP = Proof(
    """
    For bids up to B the workers that stay are the same whatever i bids, so the proof of Theorem 6.1 applies among them. A price that i would win at is at most B / v,
    so a cost at which the truth would be dropped is one at which no win pays. No feasible set holds a worker that costs more than B, so the
    optimum does not change and the assumption of the ratio holds.
    """,
    SETS
    | FEASIBLE_SETS
    | profile("1", "2", "", everybody=False)
    | _affordable("1")
    | _affordable("2")
    | _affordable("")
    | PAYMENTS
    | COSTS
    | COST,
    DROP_CLAIM,
    (
        *outcome("1"),
        *outcome("2"),
        Step(
            "others",
            "every(k, k == i or (r1(k) == r2(k) and iff(takes1(k), takes2(k))))",
            ("alike", "affordable bids1", "affordable bids2"),
        ),
        *moved(),
        Step("price within B", "implies(inside(i, H2), v(i)*p2 <= B)", ("within2", "price2", "rational2", "taking2", "ratios2")),
        Step(
            "truthful worker",
            PAYOFFS,
            ("same set", "same price", "rational1", "within1", "within2", "hired1", "hired2", "pays1", "pays2", "truth",
             "price within B", "affordable bids1", "positive", "bids"),
        ),
        *outcome(""),
        RATIONAL_STEP,
        *BUDGET_STEPS,
        Step(
            "feasible",
            "placeable(O) and sumc(O) <= B and every(k, implies(inside(k, O), takes(k)))",
            ("a feasible set", "member cost", "truthful", "affordable bids", "costs", "positive"),
        ),
        *BOUND_STEPS[8:],
        *SOMEBODY_STEPS,
        Step("affordable", "implies(takes(h) and usable(h), cost(h) <= B)", ("affordable bids", "truthful")),
        Step("score", "sum(H) == M(S)", ("hired", "best")),
        Step("at least vmin", "sum(O) == 0 or M(S) >= vmin", ("somebody", "nothing to procure", "affordable", "range")),
        Step("closed form", CLOSED_FORM, ("bound", "score", "at least vmin", "range", "worth")),
        Step("all four", DROP_CLAIM, ("truthful worker", "at least the bid", "within the budget", "closed form")),
    ),
    {"alike": OTHERS_BID, "bids": "r1(i) >= 0 and r2(i) >= 0", **TRUTH, **COSTS_BID, **FEASIBLE_SET, **RANGE},
)  # fmt: skip

# ------------------------------------------------------------------ drop-top


def _drop_top(q: str) -> Theory:
    """Return what drop-top does at a profile; ``R`` and ``due`` are what DriftPay-CO would hire and pay among the rest."""
    rest = renamed(profile(q, everybody=False), **{f"H{q}": f"R{q}", f"paid{q}": f"due{q}"})
    texts = {
        "pool#": "every(k, iff(pool#(k), usable(k) and r#(k)*v(k) <= B and r#(k) >= 0))",
        "star#": "every(k, implies(pool#(k), pool#(star#) and (v(k) < v(star#)"
        " or (v(k) == v(star#) and (k == star# or lower(star#, k))))))",
        "rest#": "every(k, iff(takes#(k), pool#(k) and k != star#))",
        "alone#": "iff(top#, pool#(star#) and v(star#) >= M(S#))",
        "winners#": "every(k, iff(inside(k, H#), k == star# if top# else inside(k, R#)))",
        "payments#": "every(k, paid#(k) == ((B if top# else v(k)*p#) if inside(k, H#) else 0))",
    }
    words = "pool#: Worker -> Bool; star#: Worker; top#: Bool; H#: Set; paid#: Worker -> Real"
    return rest | Theory(
        Vocabulary(words.replace("#", q)),
        {},
        {name.replace("#", q): text.replace("#", q) for name, text in texts.items()},
    )


def _rest(q: str) -> tuple[Step, ...]:
    return renamed_steps(outcome(q), {}, **{f"H{q}": f"R{q}", f"paid{q}": f"due{q}"})


BOTH = "pool1(i) and pool2(i)"
ASIDE = f"{BOTH} and i == star1"

ASIDE_STEPS = tuple(
    Step(name, f"implies({ASIDE}, {claim})", given)
    for name, claim, given in (
        (
            "rest alike",
            "every(k, iff(takes1(k), takes2(k))) and every(k, implies(takes1(k), r1(k) == r2(k)))",
            ("same star", "others", "rest1", "rest2"),
        ),
        (
            "order of the rest",
            "every(j, k, implies(takes1(j) and takes1(k), iff(before1(j, k), before2(j, k))))",
            ("rest alike", "order1", "order2"),
        ),
        (
            "prefixes of the rest",
            "every(k, implies(takes1(k), P1(k) == P2(k)))",
            ("order of the rest", "rest alike", "prefix1", "prefix2", "members"),
        ),
        (
            "tests of the rest",
            "every(k, iff(passes1(k), passes2(k)))",
            ("prefixes of the rest", "rest alike", "passes1", "passes2"),
        ),
        (
            "same rest",
            "S1 == S2",
            ("tests of the rest", "prefixes of the rest", "passes1", "passes2", "chosen1", "chosen2", "members"),
        ),
    )
)

BOUNDED = "implies(inside(i, R#), v(i)*p# <= B and v(i)*p# >= v(i)*r#(i))"

PAID_OUT = Theory(
    Vocabulary("sum spent: Set -> Real; A: Set"),
    {
        "sums of multiples": "every(S, implies(every(k, implies(inside(k, W(S)), paid(k) == v(k)*p)), spent(W(S)) == p*M(S)))",
        "one paid": "every(S, k, implies(every(j, iff(inside(j, S), j == k)), spent(S) == paid(k)))",
        "nobody paid": "every(S, implies(every(k, not inside(k, S)), spent(S) == 0))",
    },
    {"without the star": "O == drop(A, star)"},
)
FOUR = "sum(A) <= 4*sum(H) and implies(sum(A) > 0, sum(A) < 4*sum(H))"
DROP_TOP_CLAIM = f"{PAYOFFS} and {RATIONAL_CLAIM} and spent(H) <= B and {FOUR}"
DROP_TOP = Proof(
    """
    Who can be placed, and who of those who bid at most B has the highest score, does not depend on bids but for bids above B, which win nothing. If i, bidding at most B, is
    the one set aside, the rest and its value M do not depend on its bid: it is hired at every such bid, at B, or at none. Otherwise i competes on a set that its bid does
    not change; below its price the chosen prefix, so M and the comparison with the worker set aside, stay as they are; and v p <= B, since p M <= B. Four: an
    optimal set has at most t, the score of the worker set aside, and a part of the rest, whose worth is at most M or less than 2 M + v_next, v_next <= t. So OPT < 2 M + 2 t <= 4 ALG.
    """,
    SETS | FEASIBLE_SETS | _drop_top("1") | _drop_top("2") | _drop_top("") | COSTS | PAID_OUT | COST,
    DROP_TOP_CLAIM,
    (
        *_rest("1"),
        *_rest("2"),
        Step(
            "same star",
            f"implies({BOTH}, star1 == star2 and every(k, iff(pool1(k), pool2(k))))",
            ("alike", "pool1", "pool2", "star1", "star2", "index"),
        ),
        Step(
            "others",
            f"implies({BOTH}, every(k, k == i or (r1(k) == r2(k) and iff(takes1(k), takes2(k)))))",
            ("same star", "alike", "rest1", "rest2"),
        ),
        *ASIDE_STEPS,
        *renamed_steps(moved(f"{BOTH} and "), {}, H2="R2"),
        *(
            step
            for q in "12"
            for step in (
                Step(
                    f"bounded{q}",
                    BOUNDED.replace("#", q),
                    (f"within{q}", f"price{q}", f"rational{q}", f"taking{q}", f"ratios{q}"),
                ),
                Step(
                    f"in the pool{q}",
                    f"implies(inside(i, H{q}), pool{q}(i)) and implies(inside(i, R{q}), takes{q}(i) and v(i) > 0)",
                    (f"winners{q}", f"alone{q}", f"within{q}", f"taking{q}", f"rest{q}", f"scores{q}"),
                ),
            )
        ),
        Step(
            "set aside",
            f"implies({ASIDE}, iff(inside(i, H1), inside(i, H2)) and paid1(i) == paid2(i))",
            ("same rest", "same star", "alone1", "alone2", "winners1", "winners2", "payments1", "payments2", "in the pool1", "in the pool2",
             "rest1", "rest2"),
        ),
        Step(
            "wins alike",
            f"implies({BOTH} and i != star1 and inside(i, H2) and r1(i) < p2, inside(i, H1) and paid1(i) == paid2(i))",
            ("same set", "same price", "same star", "rest1", "alone1", "alone2", "winners1", "winners2", "payments1", "payments2", "hired1", "hired2"),
        ),
        Step(
            "never a loss",
            "implies(inside(i, H1), paid1(i) >= c)",
            ("bounded1", "in the pool1", "winners1", "payments1", "truth", "pool1"),
        ),
        Step(
            "a lie that wins",
            "implies(inside(i, H2), paid2(i) <= c or (inside(i, H1) and paid1(i) == paid2(i)))",
            ("set aside", "wins alike", "in the pool2", "bounded2", "winners2", "payments2", "truth", "pool1", "pool2", "bids", "same star",
             "positive"),
        ),
        Step("truthful worker", PAYOFFS, ("never a loss", "a lie that wins")),
        *_rest(""),
        Step(
            "at least the bid",
            RATIONAL_CLAIM,
            ("winners", "payments", "rational", "within", "alone", "pool", "positive"),
        ),
        Step("one of them", "implies(top, spent(H) == B)", ("winners", "payments", "one paid")),
        Step("the rest hired", "top or H == W(S)", ("winners", "hired", "members")),
        Step("in proportion", "top or spent(H) == p*M(S)", ("the rest hired", "payments", "hired", "sums of multiples")),
        Step("nobody", "top or M(S) > 0 or spent(H) == 0", ("the rest hired", "hired", "within", "nobody paid")),
        Step("within the budget", "spent(H) <= B", ("one of them", "in proportion", "nobody", "price", "costs")),
        Step(
            "feasible",
            "placeable(O) and sumc(O) <= B and every(k, implies(inside(k, O), takes(k)))",
            ("a feasible set", "without the star", "drop", "fits", "closed", "costs grow", "member cost", "truthful", "pool", "rest", "usable", "one",
             "costs", "positive"),
        ),
        *BOUND_STEPS[8:],
        Step("the star and the rest", "sum(A) <= sum(O) + v(star)", ("without the star", "sums drop")),
        Step(
            "nobody to hire",
            "pool(star) or sum(A) == 0",
            ("a feasible set", "star", "pool", "member cost", "usable", "one", "fits", "closed", "truthful", "empty sum", "costs", "positive"),
        ),
        Step("next below the star", "implies(takes(next), v(next) <= v(star))", ("rest", "star")),
        Step(
            "the better of both",
            "implies(pool(star), sum(H) >= v(star) and sum(H) >= M(S) and v(star) > 0)",
            ("alone", "winners", "members", "best", "hired", "one", "sum of one", "positive"),
        ),
        Step(
            "four",
            FOUR,
            ("the star and the rest", "nobody to hire", "next below the star", "the better of both", "bound", "sums grow", "worth"),
        ),
        Step("all four", DROP_TOP_CLAIM, ("truthful worker", "at least the bid", "within the budget", "four")),
    ),
    {
        "alike": OTHERS_BID,
        "bids": "r1(i) >= 0 and r2(i) >= 0",
        **TRUTH,
        **COSTS_BID,
        "a feasible set": "placeable(A) and sumc(A) <= B",
    },
)  # fmt: skip

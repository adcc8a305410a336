"""Theorem 6.1 and its relatives: truthful, rational, within the budget, for every hiring rule that does not look at bids.

Nothing here knows that ``W(S)`` is an optimum, or that ``M`` grows with the set: so the theorem holds for an approximate oracle as well
(F-6.1-ORACLE), for scores that are estimates (D-8-NOISE-DSIC), and among those whose lower confidence bound is positive (D-8-LCB).
"""

from __future__ import annotations

from .auction import SETS, moved, outcome, profile
from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["BUDGET_FEASIBLE", "LOWERED", "ORACLE", "RATIONAL", "STIPEND", "TRUTHFUL"]

OTHERS = {"others": "every(k, k == i or (r1(k) == r2(k) and iff(takes1(k), takes2(k))))"}
TRUTH = {"truth": "c == v(i)*r1(i)"}
"""Worker ``i`` bids its cost in profile 1 and something else in profile 2; the others bid the same."""

COST = Theory(Vocabulary("c: Real"))
TWO = SETS | profile("1", "2") | COST
ONE = SETS | profile("")

PAYOFFS = "(paid1(i) - c if inside(i, H1) else 0) >= (paid2(i) - c if inside(i, H2) else 0)"

TRUTHFUL_TEXT = """
    Let i win at some bid with prefix S and price p, and move its ratio to any r < p. Whoever is beyond S keeps its ratio, which is at least p, so i comes before
    them: their prefixes hold the same workers and fail as before. S passes still: its last ratio is r or an old one. So S is chosen again, W(S) does not
    look at bids, and the price is p again. Hence: if a lie wins at a price above i's own ratio, the truth wins at the same price; if it wins
    at a price not above, or loses, it is worth at most 0, and the truth is worth at least that, since a winner's ratio is at most the price.
    """

TAKING = Step("taking part", "takes1(i) and takes2(i)", ("all1", "all2"))
TRUTH_BEST = Step(
    "truthful",
    PAYOFFS,
    (
        "same set",
        "same price",
        "rational1",
        "within1",
        "within2",
        "hired1",
        "hired2",
        "pays1",
        "pays2",
        "truth",
        "taking part",
    ),
    says="what i gets for the truth is at least what it gets for any lie",
)

TRUTHFUL = Proof(
    TRUTHFUL_TEXT,
    TWO,
    PAYOFFS,
    (*outcome("1"), *outcome("2"), *moved(), TAKING, TRUTH_BEST),
    {**OTHERS, **TRUTH},
)

LOWERED = Proof(
    TRUTHFUL_TEXT + "Who takes part, those whose weight v~ is positive, does not depend on bids.",
    SETS
    | profile("1", "2", everybody=False)
    | Theory(
        COST.vocabulary,
        {},
        {
            "positive1": "every(k, iff(takes1(k), v(k) > 0))",
            "positive2": "every(k, iff(takes2(k), v(k) > 0))",
        },
    ),
    PAYOFFS,
    (
        Step(
            "others",
            "every(k, k == i or (r1(k) == r2(k) and iff(takes1(k), takes2(k))))",
            ("alike", "positive1", "positive2"),
        ),
        *outcome("1"),
        *outcome("2"),
        *moved(),
        Step("taking part", "iff(takes1(i), takes2(i))", ("positive1", "positive2")),
        Step(TRUTH_BEST.name, TRUTH_BEST.claim, (*TRUTH_BEST.given, "taking2"), says=TRUTH_BEST.says),
    ),
    {"alike": "every(k, k == i or r1(k) == r2(k))", **TRUTH},
)

RATIONAL_CLAIM = "every(k, implies(inside(k, H), paid(k) >= v(k)*r(k)))"
RATIONAL_STEP = Step(
    "at least the bid", RATIONAL_CLAIM, ("rational", "within", "pays"), says="a winner is paid at least its bid v r"
)

RATIONAL = Proof(
    """
    A winner k lies in the chosen prefix, so its ratio is at most those beyond, and at most B / M(S), since S passes at each of its ratios: at most the price.
    """,
    ONE,
    RATIONAL_CLAIM,
    (*outcome(""), RATIONAL_STEP),
)

PAYMENTS = Theory(
    Vocabulary("sum spent: Set -> Real"),
    {
        "budget": "B >= 0",
        "value": "every(S, M(S) == sum(W(S)))",
        "sums of multiples": "every(S, implies(every(k, implies(inside(k, S), paid(k) == v(k)*p)), spent(S) == p*sum(S)))",
        "nobody paid": "every(S, implies(every(k, not inside(k, S)), spent(S) == 0))",
    },
)
"""What is paid out: the sum of payments over a set."""

BUDGET_STEPS = (
    Step("in proportion", "spent(H) == p*M(S)", ("pays", "sums of multiples", "value", "hired")),
    Step("within the budget", "spent(H) <= B", ("in proportion", "nobody paid", "within", "price", "budget", "worth")),
)

BUDGET_FEASIBLE = Proof(
    "The winners' scores add up to M(S), payments to p M(S), and p <= B / M(S).",
    ONE | PAYMENTS,
    "spent(H) <= B",
    (*outcome(""), *BUDGET_STEPS),
)

ORACLE = Proof(
    TRUTHFUL_TEXT + "Rational and within the budget: S passes, so p is at least every ratio in S, and p M(S) <= B.",
    TWO | ONE | PAYMENTS,
    f"{PAYOFFS} and {RATIONAL_CLAIM} and spent(H) <= B",
    (
        *TRUTHFUL.steps,
        *outcome(""),
        RATIONAL_STEP,
        *BUDGET_STEPS,
        Step(
            "all three",
            f"{PAYOFFS} and {RATIONAL_CLAIM} and spent(H) <= B",
            ("truthful", "at least the bid", "within the budget"),
        ),
    ),
    {**OTHERS, **TRUTH},
)

# ------------------------------------------------------------------ stipends folded into the rule

FOLDED = "{r}*M({S}) + s({S})"


def _nets(q: str) -> Theory:
    return Theory(
        Vocabulary(f"g b{q}: Worker -> Real; s: Set -> Real"),
        {"stipends": "every(k, g(k) >= 0)"},
        {f"net{q}": f"every(k, v(k)*r{q}(k) == (b{q}(k) - g(k) if b{q}(k) >= g(k) else 0))"},
    )


STIPEND_PAYOFFS = "(paid1(i) - b1(i) if inside(i, H1) else 0) >= (paid2(i) - b1(i) if inside(i, H2) else 0)"
STIPEND_RATIONAL = "every(k, implies(inside(k, H), paid(k) >= b(k)))"

STIPEND = Proof(
    """
    Put n_k = max(b_k - g_k, 0), r_k = n_k / v_k, and let a prefix pass if r M(S) + s(S) <= B, s(S) the stipends of those hired from S. That s grows with the
    prefix is not used. The argument is that of Theorem 6.1 with B - s(S) in the place of B; the stipend moves threshold and payment alike, and
    what does not move the net bid does not move the outcome.
    """,
    SETS
    | profile("1", "2", "", spend=FOLDED, paid="v(k)*p# + g(k)")
    | _nets("1")
    | _nets("2")
    | _nets("")
    | Theory(
        Vocabulary("spent sum: Set -> Real"),
        {
            "budget": "B >= 0",
            "sums of multiples": "every(S, implies(every(k, implies(inside(k, W(S)), paid(k) == v(k)*p + g(k))),"
            " spent(W(S)) == p*M(S) + s(S)))",
            "nobody paid": "every(S, implies(every(k, not inside(k, S)), spent(S) == 0))",
        },
    ),
    f"{STIPEND_PAYOFFS} and {STIPEND_RATIONAL} and spent(H) <= B",
    (
        *outcome("1", FOLDED),
        *outcome("2", FOLDED),
        Step("others", "every(k, k == i or (r1(k) == r2(k) and iff(takes1(k), takes2(k))))", ("alike", "all1", "all2")),
        *moved(),
        TAKING,
        Step(
            "wins alike",
            "implies(inside(i, H2) and (r1(i) < p2 or r1(i) == r2(i)), inside(i, H1) and p1 == p2)",
            ("same set", "same price", "hired1", "hired2", "taking part"),
        ),
        Step(
            "never a loss",
            "implies(inside(i, H1), paid1(i) >= b1(i))",
            ("rational1", "within1", "pays1", "net1"),
        ),
        Step(
            "a lie that wins",
            "implies(inside(i, H2), paid2(i) <= b1(i) or inside(i, H1) and paid1(i) == paid2(i))",
            (
                "wins alike",
                "net1",
                "net2",
                "pays1",
                "pays2",
                "within2",
                "rational2",
                "ratios1",
                "ratios2",
                "taking part",
            ),
        ),
        Step("truthful", STIPEND_PAYOFFS, ("never a loss", "a lie that wins")),
        *outcome("", FOLDED),
        Step("at least the bid", STIPEND_RATIONAL, ("rational", "within", "pays", "net")),
        Step("in proportion", "spent(H) == p*M(S) + s(S)", ("pays", "sums of multiples", "hired")),
        Step(
            "within the budget", "spent(H) <= B", ("in proportion", "nobody paid", "within", "price", "budget", "worth")
        ),
        Step(
            "all three",
            f"{STIPEND_PAYOFFS} and {STIPEND_RATIONAL} and spent(H) <= B",
            ("truthful", "at least the bid", "within the budget"),
        ),
    ),
    {"alike": "every(k, k == i or r1(k) == r2(k))"},
)

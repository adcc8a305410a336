"""Section 7 of DriftPay: ranks, bonuses for all, bonuses counted at their mean and at their worst, bounds that shrink scores alike, separate budgets.

Each rests on the chain of Theorem 6.1, which knows nothing of ``W(S)`` but that it does not look at bids.
"""

from __future__ import annotations

from .auction import SETS, moved, outcome, profile, renamed
from .chain import Proof, Step, Theory
from .formula import Vocabulary
from .truthful import ONE, OTHERS, PAYOFFS, RATIONAL_CLAIM, RATIONAL_STEP, STIPEND, TRUTH, TRUTHFUL, TWO

__all__ = ["BONUS_FOR_ALL", "PROPORTIONAL", "RANKS", "SEPARATE", "WORST_CASE"]

# ------------------------------------------------------------------ ranks

RANKS_CLAIM = (
    "every(j, k, implies(j != i and k != i, iff(before1(j, k), before2(j, k)))) and every(j, implies(before2(i, j), before1(i, j)))"
    " and implies(inside(i, H2), inside(i, H1))"
)
RANKS = Proof(
    """
    Nobody else's ratio moves, so the others stand to each other as before, and i comes before whomever it came before. If it was hired at the higher bid, its ratio was at most the
    price; a lower one is below the price, and the argument of Theorem 6.1 applies.
    """,
    SETS | profile("1", "2"),
    RANKS_CLAIM,
    (
        *outcome("1"),
        *outcome("2"),
        *moved(),
        Step(
            "among themselves",
            "every(j, k, implies(j != i and k != i, iff(before1(j, k), before2(j, k))))",
            ("others", "order1", "order2"),
            says="the order of the others does not change",
        ),
        Step(
            "no later",
            "every(j, implies(before2(i, j), before1(i, j)))",
            ("others", "order1", "order2", "lower bid", "total1", "total2"),
            says="i comes no later",
        ),
        Step(
            "an interval",
            "implies(inside(i, H2), inside(i, H1))",
            ("same set", "hired1", "hired2", "lower bid", "rational2", "within2", "all1"),
            says="who is hired at a bid is hired at every lower one",
        ),
        Step("ranks", RANKS_CLAIM, ("among themselves", "no later", "an interval")),
    ),
    {**OTHERS, "lower bid": "r1(i) <= r2(i)"},
)

# ------------------------------------------------------------------ bonuses for everybody

FOR_ALL_CLAIM = "(paid1(i) - c if inside(i, H1) else 0) + g1 >= (paid2(i) - c if inside(i, H2) else 0) + g2"
BONUS_FOR_ALL = Proof(
    "What i gets whether it is hired or not, and whatever it bids, is the same on both sides.",
    TRUTHFUL.theory | Theory(Vocabulary("g1 g2: Real")),
    FOR_ALL_CLAIM,
    (*TRUTHFUL.steps, Step("and the bonus", FOR_ALL_CLAIM, ("truthful", "exogenous"))),
    {**TRUTHFUL.assumptions, "exogenous": "g1 == g2"},
)

# ------------------------------------------------------------------ bonuses at their mean in bids, at their worst in the budget

WORST_CLAIM = (
    STIPEND.statement.replace("spent(H) <= B", "due(H) <= B")
    + " and every(k, implies(inside(k, H), paid(k) <= most(k)))"
)
WORST_CASE = Proof(
    """
    Bids are net of what a bonus is worth to its worker, g, and the test counts the most that it may come to, largest >= g, for all who are hired from the prefix. The argument for stipends
    never uses that s(S) is the sum of what bids are net of: so truth is best in expectation, and what may have to be paid out is at most B.
    """,
    Theory(
        STIPEND.theory.vocabulary + "due: Set -> Real; largest most: Worker -> Real",
        {
            **{name: text for name, text in STIPEND.theory.axioms.items() if name not in ("sums of multiples", "nobody paid")},
            "tops": "every(k, g(k) <= largest(k))",
            "at most": "every(k, most(k) == (v(k)*p + largest(k) if inside(k, H) else 0))",
            "sums of multiples": "every(S, implies(every(k, implies(inside(k, W(S)), most(k) == v(k)*p + largest(k))), due(W(S)) == p*M(S) + s(S)))",
            "nobody paid": "every(S, implies(every(k, not inside(k, S)), due(S) == 0))",
        },
        STIPEND.theory.definitions,
    ),
    WORST_CLAIM,
    (
        *(step for step in STIPEND.steps if step.name not in ("in proportion", "within the budget", "all three")),
        Step("in proportion", "due(H) == p*M(S) + s(S)", ("at most", "sums of multiples", "hired")),
        Step(
            "within the budget", "due(H) <= B", ("in proportion", "nobody paid", "within", "price", "budget", "worth")
        ),
        Step("no more than promised", "every(k, implies(inside(k, H), paid(k) <= most(k)))", ("pays", "at most", "tops")),
        Step("all three", WORST_CLAIM, ("truthful", "at least the bid", "within the budget", "no more than promised")),
    ),
    STIPEND.assumptions,
)  # fmt: skip

# ------------------------------------------------------------------ bounds in proportion

PROPORTIONAL_CLAIM = "every(k, iff(inside(k, H), inside(k, H2)) and paid(k) == paid2(k))"
PROPORTIONAL = Proof(
    """
    With every score times x all ratios are divided by x and all values of prefixes multiplied by x: the same prefixes pass, the price is divided by x, and v p is what it was.
    """,
    SETS
    | profile("")
    | renamed(profile("2"), v="t", W="X", M="N")
    | Theory(
        Vocabulary("x: Real; t cost: Worker -> Real; X: Set -> Set; N: Set -> Real"),
        {
            "bids": "every(k, cost(k) == r(k)*v(k) and cost(k) == r2(k)*t(k))",
            "best alike": "every(S, W(S) == X(S) and M(S) == x*N(S))",
            "worth2": "every(S, N(S) >= 0)",
            "part2": "every(k, S, implies(inside(k, X(S)), t(k) <= N(S)))",
        },
    ),
    PROPORTIONAL_CLAIM,
    (
        Step("ratios alike", "every(k, x*r(k) == r2(k))", ("bids", "scaled", "scores", "scores2", "all")),
        Step(
            "order alike", "every(j, k, iff(before(j, k), before2(j, k)))", ("ratios alike", "order", "order2", "scaled")
        ),
        Step("prefixes alike", "every(k, P(k) == P2(k))", ("order alike", "prefix", "prefix2", "all", "all2", "members")),
        Step(
            "cost alike",
            "every(k, r(k)*M(P(k)) == r2(k)*N(P(k)))",
            ("ratios alike", "best alike"),
        ),
        Step(
            "tests alike",
            "every(k, iff(passes(k), passes2(k)))",
            ("cost alike", "prefixes alike", "passes", "passes2", "all", "all2"),
        ),
        Step("same set", "S == S2", ("tests alike", "prefixes alike", "chosen", "chosen2", "members")),
        Step("same hired", "H == H2", ("same set", "best alike", "hired", "hired2")),
        Step("worth alike", "M(S) == x*N(S2)", ("same set", "best alike")),
        Step("some worth", "every(k, implies(inside(k, H), M(S) > 0 and N(S2) > 0))", ("hired", "part", "scores", "all", "same hired", "hired2", "part2", "scores2", "all2")),
        Step("price alike", "implies(M(S) > 0 and N(S2) > 0, x*p == p2)", ("worth alike", "same set", "price", "price2", "ratios alike", "scaled", "all", "all2")),
        Step("proportional", PROPORTIONAL_CLAIM, ("same hired", "some worth", "price alike", "pays", "pays2", "scaled")),
    ),
    {"scaled": "x > 0 and every(k, v(k) == x*t(k))"},
)  # fmt: skip

# ------------------------------------------------------------------ separate budgets, one price

SEPARATE_CLAIM = f"{PAYOFFS} and {RATIONAL_CLAIM} and every(q, bill(q) <= own(q))"
SEPARATE = Proof(
    """
    Let M(S) be the budget times the largest share of a requester's own budget that one unit of price takes for those hired from S, placed without looking at bids: M(S) = B max_j V_j(S) / B_j.
    Then r M(S) <= B says that at the price r every requester can pay, and the rule is a largest affordable prefix like any other: the argument of Theorem 6.1 holds word for word.
    """,
    TWO
    | ONE
    | Theory(
        Vocabulary("q: Requester; own bill: Requester -> Real; load: Requester Set -> Real"),
        {
            "budgets": "B > 0 and every(q, own(q) >= 0)",
            "strain": "every(q, S, load(q, S) >= 0 and load(q, S)*B <= M(S)*own(q))",
            "sums of multiples": "implies(every(k, implies(inside(k, H), paid(k) == v(k)*p)), every(q, bill(q) == p*load(q, S)))",
            "nobody paid": "implies(every(k, not inside(k, H)), every(q, bill(q) == 0))",
        },
    ),
    SEPARATE_CLAIM,
    (
        *TRUTHFUL.steps,
        *outcome(""),
        RATIONAL_STEP,
        Step("bills", "every(q, bill(q) == p*load(q, S))", ("pays", "sums of multiples")),
        Step("fits", "every(k, implies(inside(k, H), p >= 0 and M(S) > 0 and p*M(S) <= B))", ("rational", "within", "price", "ratios", "taking")),
        Step(
            "scaled",
            "every(k, q, implies(inside(k, H), p*load(q, S)*B <= p*M(S)*own(q) and p*M(S)*own(q) <= B*own(q)))",
            ("fits", "strain", "budgets"),
        ),
        Step("each its own", "every(q, bill(q) <= own(q))", ("bills", "scaled", "nobody paid", "budgets")),
        Step(
            "all three",
            SEPARATE_CLAIM,
            ("truthful", "at least the bid", "each its own"),
        ),
    ),
    {**OTHERS, **TRUTH},
)  # fmt: skip

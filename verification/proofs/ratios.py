"""What DriftPay-CO procures of the optimum: Theorem 6.2, small costs, equal scores, estimates, more budget, looser caps.

``O`` is any feasible set, so what is proved of its worth is proved of the optimum's. ``next`` is the first worker beyond the chosen prefix,
where there is one.
"""

from __future__ import annotations

from .auction import FEASIBLE_SETS, MATROID, SETS, outcome, profile
from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = [
    "BOUND_STEPS",
    "COSTS",
    "EQUAL",
    "NOISE",
    "NOISE_OPT",
    "RATIO",
    "SMALL_COSTS",
    "SOMEBODY",
    "SOMEBODY_STEPS",
]

COSTS = Theory(
    Vocabulary(
        """cost: Worker -> Real; sumc: Set -> Real; dearer: Real Set -> Bool; O: Set; next h: Worker
        vmin vmax beta u e: Real; count: Set -> Int; t: Worker -> Real; sumt: Set -> Real"""
    ),
    {
        "costs": "B >= 0 and every(k, cost(k) >= 0)",
        "member cost": "every(S, k, implies(inside(k, S), cost(k) <= sumc(S)))",
        "costs grow": "every(S, T, implies(fits(S, T), sumc(S) <= sumc(T))) and every(S, sumc(S) >= 0)",
        "dearer": "every(x, S, iff(dearer(x, S), every(k, implies(inside(k, S), cost(k) >= x*v(k)))))",
        "sums keep": "every(x, S, implies(dearer(x, S), sumc(S) >= x*sum(S)))",
        "next": "every(j, implies(takes(j) and not inside(j, S),"
        " takes(next) and not inside(next, S) and (j == next or before(next, j))))",
        "first": "every(k, implies(takes(k) and usable(k), takes(h) and usable(h) and (k == h or before(h, k))))",
    },
)
"""Costs, their sums, and two workers with a name: the first beyond the prefix and the first that can be placed."""

BIDS_COST = {"truthful": "every(k, implies(takes(k), cost(k) == r(k)*v(k)))"}
FEASIBLE = {"feasible": "placeable(O) and sumc(O) <= B and every(k, implies(inside(k, O), takes(k)))"}
THEORY = SETS | FEASIBLE_SETS | profile("") | COSTS
BEYOND = "takes(next) and not inside(next, S)"

BOUND = f"sum(O) <= M(S) or ({BEYOND} and sum(O) < 2*M(S) + v(next))"
BOUND_STEPS = (
    *outcome("")[:-1],
    *MATROID,
    Step(
        "inside part",
        "sum(meet(O, S)) <= M(S)",
        ("feasible", "closed", "best", "fits", "meet"),
        says="the optimum's part inside the prefix could be hired from it",
    ),
    Step(
        "everybody inside",
        "implies(every(k, implies(takes(k), inside(k, S))), sum(O) <= M(S))",
        ("feasible", "best", "fits"),
    ),
    Step(
        "dear beyond",
        f"implies({BEYOND}, dearer(r(next), minus(O, S)))",
        ("next", "minus", "order", "truthful", "dearer", "feasible", "positive"),
        says="outside the prefix a unit of score costs at least the next ratio",
    ),
    Step(
        "spends",
        f"implies({BEYOND}, r(next)*sum(minus(O, S)) <= B)",
        ("dear beyond", "sums keep", "costs grow", "fits", "minus", "feasible"),
    ),
    Step("fails", f"implies({BEYOND}, r(next)*M(P(next)) > B)", ("outside", "passes")),
    Step(
        "one worker longer",
        f"implies({BEYOND}, M(P(next)) <= M(S) + v(next))",
        ("one more", "prefix", "next", "drop", "fits", "total"),
    ),
    Step(
        "outside part",
        f"implies({BEYOND}, sum(minus(O, S)) < M(S) + v(next))",
        ("spends", "fails", "one worker longer", "ratios", "costs"),
        says="the optimum's part outside is worth less than what is hired and the next worker",
    ),
    Step(
        "bound",
        BOUND,
        ("inside part", "outside part", "everybody inside", "sums split", "next"),
        says="OPT <= ALG, or OPT < 2 ALG + v of the next worker: whatever costs are",
    ),
)

SOMEBODY_STEPS = (
    Step(
        "nobody before h",
        "implies(takes(h) and usable(h), fits(W(P(h)), one(h)))",
        ("first", "best", "closed", "fits", "one", "usable", "prefix", "total"),
        says="ORP hires nobody else from the prefix that ends at the first worker who can be placed",
    ),
    Step(
        "h passes",
        "implies(takes(h) and usable(h) and cost(h) <= B, passes(h))",
        ("nobody before h", "best", "sums grow", "sum of one", "passes", "truthful", "ratios"),
    ),
    Step(
        "somebody",
        "implies(takes(h) and usable(h) and cost(h) <= B, M(S) >= v(h))",
        ("h passes", "outside", "best", "usable", "one", "fits", "sum of one"),
        says="so somebody is hired",
    ),
    Step(
        "nothing to procure",
        "implies(not (takes(h) and usable(h)), sum(O) == 0)",
        ("first", "feasible", "closed", "usable", "one", "fits", "empty sum"),
        says="if nobody can be placed the optimum is worth 0",
    ),
)

AFFORDABLE = {"affordable": "implies(takes(h) and usable(h), cost(h) <= B)"}
RANGE = {"range": "0 < vmin and every(k, vmin <= v(k) <= vmax)"}

HIRES = "implies(some(k, usable(k)), some(k, inside(k, H)))"
SOMEBODY = Proof(
    """
    Let h be the first worker of the order who can be placed at all, and let it cost at most B. Workers before h are worth nothing to ORP, so M of the prefix
    that ends at h is v_h, and r_h v_h = c_h <= B: the prefix passes, and M(S) >= v_h > 0.
    """,
    THEORY,
    HIRES,
    (
        *outcome("")[:3],
        *SOMEBODY_STEPS[:-1],
        Step("hires", HIRES, ("somebody", "affordable", "first", "all", "positive", "best", "hired", "empty sum")),
    ),
    {**BIDS_COST, **AFFORDABLE},
)

CLOSED_FORM = "vmin*sum(O) <= (2*vmin + vmax)*sum(H) and implies(sum(O) > sum(H), vmin*sum(O) < (2*vmin + vmax)*sum(H))"
RATIO_STEPS = (
    *BOUND_STEPS,
    *SOMEBODY_STEPS,
    Step("score", "sum(H) == M(S)", ("hired", "best")),
    Step(
        "at least vmin",
        "sum(O) == 0 or M(S) >= vmin",
        ("somebody", "nothing to procure", "affordable", "range"),
    ),
)
RATIO = Proof(
    """
    Everybody bids the cost. Split an optimal set: inside the prefix S it is worth at most M(S) = ALG; outside it costs at least the next ratio per unit of
    score, and the budget that the next prefix exceeds buys less than ALG + v_next of it. So OPT <= ALG or OPT < 2 ALG + v_next, whatever was assumed so far about
    costs. Since somebody is hired, ALG >= v_min, and the closed form follows.
    """,
    THEORY,
    CLOSED_FORM,
    (
        *RATIO_STEPS,
        Step("closed form", CLOSED_FORM, ("bound", "score", "at least vmin", "range", "worth")),
    ),
    {**BIDS_COST, **FEASIBLE, **AFFORDABLE, **RANGE},
)

EQUAL_CLAIM = "sum(O) <= 2*sum(H)"
EQUAL = Proof(
    "OPT < 2 ALG + v with all three whole multiples of v: OPT <= 2 ALG.",
    THEORY
    | Theory(
        Vocabulary(""),
        {"sums of equals": "implies(every(k, v(k) == u), every(S, sum(S) == u*count(S) and count(S) >= 0))"},
    ),
    EQUAL_CLAIM,
    (
        *RATIO_STEPS[:-1],
        Step(
            "multiples", "sum(O) == u*count(O) and sum(H) == u*count(H) and count(H) >= 0", ("equal", "sums of equals")
        ),
        Step(
            "fewer than one more",
            "count(O) <= count(H) or count(O) < 2*count(H) + 1",
            ("bound", "score", "multiples", "equal", "positive"),
        ),
        Step("twice", EQUAL_CLAIM, ("fewer than one more", "multiples", "equal", "positive")),
    ),
    {**BIDS_COST, **FEASIBLE, "equal": "u > 0 and every(k, v(k) == u)"},
)

SMALL_CLAIM = "sum(O) == sum(H) or sum(O) < sum(H) or (1 - beta)*sum(O) < (2 - beta)*sum(H)"
SMALL_COSTS = Proof(
    """
    The next worker is cheap and its prefix fails, so it is worth little beside it: r_next v_next <= beta B < beta r_next (ALG + v_next), that is
    (1 - beta) v_next < beta ALG. With OPT < 2 ALG + v_next: (1 - beta) OPT < (2 - beta) ALG. Scores do not appear.
    """,
    THEORY,
    SMALL_CLAIM,
    (
        *BOUND_STEPS,
        Step("score", "sum(H) == M(S)", ("hired", "best")),
        Step(
            "cheap beside the prefix",
            f"implies({BEYOND}, r(next)*(beta*M(S) - (1 - beta)*v(next)) > 0)",
            ("small", "fails", "one worker longer", "truthful", "ratios"),
        ),
        Step(
            "little",
            f"implies({BEYOND}, (1 - beta)*v(next) < beta*M(S))",
            ("cheap beside the prefix", "ratios"),
        ),
        Step("small costs", SMALL_CLAIM, ("bound", "score", "little", "small")),
    ),
    {**BIDS_COST, **FEASIBLE, "small": "0 < beta < 1 and every(k, cost(k) <= beta*B)"},
)

# ------------------------------------------------------------------ estimated scores

NOISE = {"noise": "0 <= e < 1 and every(k, (1 - e)*t(k) <= v(k) <= (1 + e)*t(k))"}
"""The rule sees ``v``; the true scores are ``t``."""

TRUE_SUMS = Theory(
    Vocabulary("tmin tmax: Real"),
    {
        "true sums": "every(S, sumt(S) >= 0) and every(S, k, implies(inside(k, S), sumt(S) >= t(k)))",
        "sums of estimates": "implies(every(k, (1 - e)*t(k) <= v(k) <= (1 + e)*t(k)),"
        " every(S, (1 - e)*sumt(S) <= sum(S) <= (1 + e)*sumt(S)))",
        "true scores": "every(k, t(k) > 0)",
    },
)
TRUE_RANGE = {"true range": "0 < tmin and every(k, tmin <= t(k) <= tmax)"}

NOISE_OPT_CLAIM = "tmin*(1 - e)*sumt(O) <= (1 + e)*(2*tmin + tmax)*sumt(H)"
NOISE_OPT = Proof(
    """
    The mechanism sees v within e of t and hires H, of true score ALG. The bound of Theorem 6.2 holds for what it sees: v(O) <= v(H) or v(O) < 2 v(H) + v_next.
    Turned into true scores: (1 - e) OPT <= (1 + e) (2 ALG + t_next); and somebody is hired.
    """,
    THEORY | TRUE_SUMS,
    NOISE_OPT_CLAIM,
    (
        *RATIO_STEPS[:-1],
        Step("both", "every(S, (1 - e)*sumt(S) <= sum(S) <= (1 + e)*sumt(S))", ("noise", "sums of estimates")),
        Step(
            "hired truly",
            "sum(O) == 0 or sumt(H) >= tmin",
            (
                "somebody",
                "nothing to procure",
                "affordable",
                "positive",
                "score",
                "empty sum",
                "true sums",
                "true range",
            ),
        ),
        Step(
            "in true scores",
            f"(1 - e)*sumt(O) <= (1 + e)*sumt(H) or ({BEYOND} and (1 - e)*sumt(O) < (1 + e)*(2*sumt(H) + t(next)))",
            ("bound", "both", "score", "noise"),
        ),
        Step(
            "at most tmax",
            "(1 - e)*sumt(O) <= (1 + e)*sumt(H) or (1 - e)*sumt(O) < (1 + e)*(2*sumt(H) + tmax)",
            ("in true scores", "true range", "noise"),
        ),
        Step(
            "nothing seen",
            "implies(sum(O) == 0, sumt(O) == 0)",
            ("both", "true sums", "noise"),
        ),
        Step(
            "with noise",
            NOISE_OPT_CLAIM,
            ("at most tmax", "hired truly", "nothing seen", "true sums", "noise", "true range"),
        ),
    ),
    {**BIDS_COST, **FEASIBLE, **AFFORDABLE, **NOISE, **TRUE_RANGE},
)

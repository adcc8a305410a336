"""DriftPay-CO run twice: on estimates and on true scores, with less and with more budget, under tight and under looser caps.

The second run has the suffix 2, and symbols of its own for what differs.
"""

from __future__ import annotations

from .auction import FEASIBLE_SETS, MATROID, SETS, outcome, profile, renamed, renamed_steps
from .chain import Proof, Step, Theory
from .formula import Vocabulary
from .ratios import (
    BEYOND,
    BIDS_COST,
    COSTS,
    NOISE,
    RANGE,
    SOMEBODY_STEPS,
    THEORY,
    TRUE_RANGE,
    TRUE_SUMS,
)

__all__ = ["BUDGET", "CAPS", "NOISE_ALG"]

FAILS = Step("fails", f"implies({BEYOND}, r(next)*M(P(next)) > B)", ("outside", "passes"))
LONGER = Step(
    "one worker longer",
    f"implies({BEYOND}, M(P(next)) <= M(S) + v(next))",
    ("one more", "prefix", "next", "drop", "fits", "total"),
)

# ------------------------------------------------------------------ estimates

CLEAN = renamed(profile("2"), v="t", W="X", M="N") | Theory(
    Vocabulary("X: Set -> Set; N: Set -> Real"),
    {
        "part clean": "every(k, S, implies(inside(k, X(S)), inside(k, S) and t(k) <= N(S)))",
        "worth clean": "every(S, N(S) >= 0)",
        "best clean": "every(S, placeable(X(S)) and N(S) == sumt(X(S)))",
    },
)
CLEAN_STEPS = renamed_steps(outcome("2"), {"part": "part clean", "worth": "worth clean"}, v="t", W="X", M="N")

LOSS = "(1 - e)*sumt(H2) < (1 + e)*(sumt(H) + tmax)"
LOSS_CLOSED = "(1 - e)*tmin*sumt(H2) <= (1 + e)*(tmin + tmax)*sumt(H)"
NOISE_CLAIM = f"{LOSS} and implies(implies(takes(h) and usable(h), cost(h) <= B), {LOSS_CLOSED})"

NOISE_ALG = Proof(
    """
    The mechanism sees v within e of t and hires H; seeing t it would hire H2. If H2 lies inside the prefix chosen under v, it is worth at most what is hired there,
    in v, so at most (1 + e) / (1 - e) of it in t. Otherwise one of H2 comes after the prefix: its ratio under v is at least the next one, and at most 1 / (1 - e) of
    its ratio under t, at which H2 passes the test. The next prefix fails under v. So (1 - e) t(H2) is less than v(H) + v_next. No assumption on costs is
    used; with somebody hired the closed form follows.
    """,
    THEORY
    | CLEAN
    | TRUE_SUMS
    | Theory(Vocabulary("k0: Worker"), {"one outside": "fits(H2, S) or (inside(k0, H2) and not inside(k0, S))"}),
    NOISE_CLAIM,
    (
        *outcome("")[:-1],
        *CLEAN_STEPS[:-1],
        *MATROID,
        FAILS,
        LONGER,
        Step("both", "every(S, (1 - e)*sumt(S) <= sum(S) <= (1 + e)*sumt(S))", ("noise", "sums of estimates")),
        Step("score", "sum(H) == M(S)", ("hired", "best")),
        Step("clean score", "sumt(H2) == N(S2)", ("hired2", "best clean")),
        Step(
            "inside",
            "implies(fits(H2, S), (1 - e)*sumt(H2) <= (1 + e)*sumt(H))",
            ("both", "score", "best", "hired2", "best clean"),
        ),
        Step(
            "beyond",
            f"fits(H2, S) or ({BEYOND} and r(next) <= r(k0) and r2(k0)*sumt(H2) <= B)",
            ("one outside", "next", "all", "order", "afford2", "within2", "clean score"),
        ),
        Step(
            "ratios of both",
            "(1 - e)*r(k0) <= r2(k0)",
            ("truthful", "truthful clean", "noise", "true scores", "all", "all2", "ratios"),
        ),
        Step(
            "at the next ratio",
            f"fits(H2, S) or ({BEYOND} and (1 - e)*r(next)*sumt(H2) <= B and r(next) >= 0)",
            ("beyond", "ratios of both", "true sums", "noise", "ratios"),
        ),
        Step(
            "reach",
            f"fits(H2, S) or ({BEYOND} and (1 - e)*sumt(H2) < M(S) + v(next))",
            ("at the next ratio", "fails", "one worker longer", "costs"),
        ),
        Step(
            "outside in true scores",
            f"fits(H2, S) or ({BEYOND} and (1 - e)*sumt(H2) < (1 + e)*(sumt(H) + t(next)))",
            ("reach", "both", "score", "noise"),
        ),
        Step("loss", LOSS, ("inside", "outside in true scores", "noise", "true range")),
        *SOMEBODY_STEPS[:-1],
        Step(
            "nobody at all",
            "implies(not (takes(h) and usable(h)), sumt(H2) == 0)",
            (
                "first",
                "all",
                "hired2",
                "best clean",
                "closed",
                "usable",
                "one",
                "fits",
                "empty sum",
                "both",
                "true sums",
                "noise",
            ),
        ),
        Step(
            "hired truly",
            "implies(implies(takes(h) and usable(h), cost(h) <= B), sumt(H2) == 0 or sumt(H) >= tmin)",
            ("somebody", "nobody at all", "positive", "score", "empty sum", "true sums", "true range"),
        ),
        Step("closed form", NOISE_CLAIM, ("loss", "hired truly", "true sums", "noise", "true range")),
    ),
    {
        **BIDS_COST,
        "truthful clean": "every(k, implies(takes2(k), cost(k) == r2(k)*t(k)))",
        **NOISE,
        **TRUE_RANGE,
    },
)

# ------------------------------------------------------------------ budgets

RICHER = renamed(profile("2"), B="C") | Theory(Vocabulary("C: Real"))
BUDGET_CLAIM = "sum(H) <= sum(H2) and implies(M(S) > 0, p <= p2)"
BUDGET = Proof(
    """
    The order does not depend on the budget. A prefix that passes at B passes at C >= B, so the chosen prefix does not shrink and, M being monotone, neither does the
    score. If the prefix stays, both terms of the price weakly rise. If it grows, both terms of the new price are at least the ratio of a worker beyond the
    old prefix, and that is at least the old price.
    """,
    SETS | FEASIBLE_SETS | profile("") | RICHER,
    BUDGET_CLAIM,
    (
        *outcome("")[:-2],
        *renamed_steps(outcome("2")[:-2], {}, B="C"),
        MATROID[0],
        Step("same order", "every(j, k, iff(before(j, k), before2(j, k))) and every(k, P(k) == P2(k))",
             ("same bids", "order", "order2", "prefix", "prefix2", "all", "all2", "members")),
        Step("passes too", "every(k, implies(passes(k), passes2(k)))", ("same order", "same bids", "passes", "passes2", "richer", "all2")),
        Step("not shorter", "fits(S, S2)", ("passes too", "same order", "chosen", "chosen2", "fits")),
        Step("not less", "sum(H) <= sum(H2)", ("not shorter", "monotone", "hired", "hired2", "best")),
        Step(
            "same prefix",
            "implies(S == S2 and M(S) > 0, p <= p2)",
            ("price", "price2", "richer", "same bids", "all", "all2"),
        ),
        Step(
            "worth more",
            "implies(M(S) > 0, M(S2) > 0)",
            ("not shorter", "monotone"),
        ),
        Step(
            "someone more",
            "S == S2 or some(j, inside(j, S2) and not inside(j, S))",
            ("not shorter", "fits", "members"),
        ),
        Step(
            "longer prefix",
            "every(j, implies(M(S) > 0 and inside(j, S2) and not inside(j, S), p <= r(j) and r(j) <= p2))",
            ("price", "price2", "worth more", "afford2", "segment2", "order2", "same bids", "all"),
        ),
        Step("dearer", BUDGET_CLAIM, ("not less", "same prefix", "someone more", "longer prefix")),
    ),
    {"same bids": "every(k, r(k) == r2(k))", "richer": "B <= C"},
)  # fmt: skip

# ------------------------------------------------------------------ caps

LOOSER = renamed(profile("2"), W="X", M="N") | Theory(
    Vocabulary("X: Set -> Set; N: Set -> Real; loose: Set -> Bool; next2 h2: Worker; usable2: Worker -> Bool"),
    {
        "part loose": "every(k, S, implies(inside(k, X(S)), inside(k, S) and v(k) <= N(S)))",
        "worth loose": "every(S, N(S) >= 0)",
        "closed loose": "every(S, T, implies(loose(T) and fits(S, T), loose(S)))",
        "best loose": "every(S, loose(X(S)) and fits(X(S), S) and N(S) == sum(X(S)))"
        " and every(S, T, implies(loose(T) and fits(T, S), sum(T) <= N(S)))",
        "usable loose": "every(k, iff(usable2(k), loose(one(k))))",
        "next2": COSTS.axioms["next"]
        .replace("next", "next2")
        .replace("takes", "takes2")
        .replace("S)", "S2)")
        .replace("before", "before2"),
        "first loose": "every(k, implies(takes2(k) and usable2(k), takes2(h2) and usable2(h2) and (k == h2 or before2(h2, k))))",
        "costs": "B >= 0",
    },
)
RELAXED = {"part": "part loose", "worth": "worth loose", "closed": "closed loose", "best": "best loose", "next": "next2",
           "usable": "usable loose", "first": "first loose", "truthful": "bids"}  # fmt: skip


def _second(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Say of the relaxed run what steps without a suffix say of the tight one."""
    names = dict.fromkeys(("r", "p", "before", "takes", "passes", "P", "S", "Q", "H", "last", "next", "h", "usable"))
    known = {*profile("").definitions, *(step.name for step in (*outcome(""), *steps))}
    premises = {name: RELAXED.get(name, f"{name}2") for name in {*known, *RELAXED}}
    swapped = renamed_steps(steps, premises, **{name: f"{name}2" for name in names}, W="X", M="N", placeable="loose")
    return tuple(Step(f"{step.name}2", step.claim, step.given, step.because, step.says) for step in swapped)


TIGHTER = "sum(H2) > sum(H) - vmax"
CAPS_CLOSED = "vmin*sum(H) <= (vmin + vmax)*sum(H2)"
CAPS_CLAIM = f"{TIGHTER} and implies(implies(takes2(h2) and usable2(h2), r2(h2)*v(h2) <= B), {CAPS_CLOSED})"
CAPS = Proof(
    """
    The order does not depend on caps. Under the relaxed ones ORP is worth N >= M. If the relaxed prefix S2 holds the tight one S, N(S2) >= N(S) >= M(S). Otherwise
    a worker of S comes after S2, so the next ratio of the relaxed run is at most a ratio at which S passes; the relaxed prefix one worker longer fails at it, so is
    worth more than M(S), and at most N(S2) and the score of that worker.
    """,
    SETS | FEASIBLE_SETS | profile("") | LOOSER | Theory(Vocabulary("cost: Worker -> Real; vmin vmax: Real")),
    CAPS_CLAIM,
    (
        *outcome("")[:-2],
        *renamed_steps(outcome("2")[:-2], RELAXED, W="X", M="N"),
        *_second((*MATROID, FAILS, LONGER)),
        Step("worth no less", "every(S, M(S) <= N(S))", ("looser", "best", "best loose")),
        Step("holds", "implies(fits(S, S2), M(S) <= N(S2))", ("worth no less", "monotone2")),
        Step(
            "otherwise",
            "fits(S, S2) or (takes2(next2) and not inside(next2, S2) and r(next2)*M(S) <= B)",
            ("fits", "next2", "all2", "order2", "same bids", "afford", "worth"),
        ),
        Step(
            "less",
            "fits(S, S2) or (takes2(next2) and not inside(next2, S2) and M(S) < N(P2(next2)))",
            ("otherwise", "fails2", "same bids", "ratios", "all", "costs"),
        ),
        Step(
            "by one worker",
            "M(S) <= N(S2) or M(S) < N(S2) + v(next2)",
            ("holds", "less", "one worker longer2"),
        ),
        Step("both scores", "sum(H) == M(S) and sum(H2) == N(S2)", ("hired", "hired2", "best", "best loose")),
        Step("loss", TIGHTER, ("by one worker", "both scores", "range")),
        *_second(SOMEBODY_STEPS[:-1]),
        Step(
            "nobody at all",
            "implies(not (takes2(h2) and usable2(h2)), sum(H) == 0)",
            (
                "first loose",
                "all2",
                "hired",
                "best",
                "looser",
                "closed loose",
                "usable loose",
                "one",
                "fits",
                "empty sum",
            ),
        ),
        Step(
            "at least vmin",
            "implies(implies(takes2(h2) and usable2(h2), r2(h2)*v(h2) <= B), sum(H) == 0 or sum(H2) >= vmin)",
            ("somebody2", "nobody at all", "both scores", "range", "bids", "all2"),
        ),
        Step("closed form", CAPS_CLAIM, ("loss", "at least vmin", "range", "sums grow")),
    ),
    {
        "same bids": "every(k, r(k) == r2(k))",
        "bids": "every(k, implies(takes2(k), cost(k) == r2(k)*v(k)))",
        "looser": "every(S, implies(placeable(S), loose(S)))",
        **RANGE,
    },
)

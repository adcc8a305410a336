"""Problem 1 of SWAN: its constraints (5), (10) and (11), its equivalence to problem 2, and how its optimum moves with costs, requirement and population."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary
from .states import ALONE, SERVED, STABLE

__all__ = ["AWAY", "EQUIVALENT", "EXCLUDED", "EXISTS", "LEAST_COST", "MONOTONE", "POPULATION", "SCALED"]

# ------------------------------------------------------------------ low types beside high ones

EXCLUDED_CLAIM = "every(i, implies(takes(i, k0), theta > q(i)))"
EXCLUDED = Proof(
    """
    A client of a high type participates alone or not at all. If low types participate in an optimal state nobody else does, so the mean of 1/D is at least theta and so is the error: the
    state is worth at most N U(theta) - c_i. A client of h alone has the error 1/D_h < theta, meets the requirement and is worth more by assumption.
    """,
    ALONE.theory
    | Theory(
        Vocabulary("h j: Type"),
        {"one is of one type": "every(k, i, j, implies(takes(i, k) and takes(j, k) and K(k) == 1, i == j))"},
    ),
    EXCLUDED_CLAIM,
    (
        *ALONE.steps,
        Step(
            "no mixture",
            "every(i, j, implies(takes(i, k0) and takes(j, k0) and theta > q(i), theta > q(j)))",
            ("alone", "one is of one type"),
        ),
        Step(
            "low mean",
            "every(i, implies(takes(i, k0) and theta <= q(i), mean(k0) >= theta and K(k0) >= 1))",
            ("no mixture", "most data", "mean"),
        ),
        Step(
            "low error",
            "every(i, implies(takes(i, k0) and theta <= q(i), eps(k0) >= theta))",
            ("low mean", "error"),
        ),
        Step(
            "worth at most",
            "every(i, implies(takes(i, k0) and theta <= q(i), W(k0) <= N*U(theta) - c(i)))",
            ("low error", "low mean", "decreasing", "welfare", "costs"),
        ),
        Step("worth alone", "W(only(h)) == N*U(q(h)) - c(h)", ("error alone", "one client", "welfare")),
        Step(
            "may be alone",
            "every(i, implies(takes(i, k0) and theta <= q(i), allowed(only(h))))",
            ("low error", "error alone", "a lower error will do", "optimal", "large"),
        ),
        Step("excluded", EXCLUDED_CLAIM, ("worth at most", "worth alone", "may be alone", "optimal", "large")),
    ),
    {
        **ALONE.assumptions,
        "large": "theta > q(h) and every(i, implies(theta <= q(i), c(h) - c(i) < N*(U(q(h)) - U(theta))))",
    },
)

# ------------------------------------------------------------------ constraint (11), existence

EXISTS_CLAIM = f"{STABLE.replace('(S', '(top')} and model(top) and share(top) >= 0"
EXISTS = Proof(
    """
    Everybody's payoff is one nondecreasing function of the potential, and there are finitely many states: in one where the share is greatest, everybody having the model, nobody gains by another role. It is not
    negative, the potential being an average of values of the Lagrangian, none below the least: nobody gains by abstaining.
    """,
    Theory(
        Vocabulary(
            """S top: State; i: Type; p: Pattern; x: Real; at absent: State Type -> Int; n: Type -> Int; model: State -> Bool; share f: State -> Real
            join leave: State Type -> State; L: Pattern -> Real; alpha N least: Real"""
        ),
        {
            "counts": "every(i, absent(top, i) == 0)",
            "average": "every(S, x, implies(model(S) and every(p, x <= L(p)), x <= f(S)))",
            "ratio": "alpha >= 0 and N > 0 and every(p, least <= L(p))",
            "finite": "model(top) and every(S, implies(model(S), f(S) <= f(top)))",
        },
        {"payoff": "every(S, share(S)*N == (alpha*(f(S) - least) if model(S) else 0))"},
    ),
    EXISTS_CLAIM,
    (
        Step("at least", "every(S, implies(model(S), f(S) >= least))", ("average", "ratio")),
        Step("not negative", "alpha*(f(top) - least) >= 0", ("at least", "ratio", "finite")),
        Step(
            "below",
            "every(S, implies(model(S), alpha*(f(S) - least) <= alpha*(f(top) - least)))",
            ("ratio", "finite"),
        ),
        Step(
            "greatest",
            "every(S, share(S) <= share(top)) and share(top) >= 0",
            ("below", "not negative", "payoff", "ratio", "finite"),
        ),
        Step("exists", EXISTS_CLAIM, ("greatest", "counts", "finite")),
    ),
)

# ------------------------------------------------------------------ constraints (10) and (5)

LEAST_COST_CLAIM = (
    "every(y, implies(voluntary(y) and cost(y) >= 0, cost(announced) - extra <= cost(y)))"
    " and voluntary(announced) and implies(W > 0, extra == 0 and cost(announced) == 0) and implies(W <= 0, cost(announced) == extra - W)"
)
LEAST_COST = Proof(
    """
    Payoffs add up to W and what the platform adds, whatever is announced. So a platform whose clients would all rather keep their roles than abstain adds at least -W, and with (5) at least
    max(0, -W). SWAN adds alpha (L* - L_min) - W*, which is 0 where W* > 0, and else -W* and the little that it shares.
    """,
    Theory(
        Vocabulary(
            "y announced: Payments; voluntary: Payments -> Bool; cost total: Payments -> Real; N U C W f0 L least alpha extra: Real"
        ),
        {
            "voluntary": "every(y, implies(voluntary(y), total(y) >= 0)) and implies(total(announced) >= 0, voluntary(announced))",
            "ratio": "alpha >= 0 and L >= least",
        },
        {
            "welfare": "W == N*U - C",
            "payoffs": "every(y, total(y) == N*U - C + cost(y))",
            "SWAN": "total(announced) == alpha*(f0 - least)",
            "incentive ratio": "implies(W > 0, alpha*(L - least) == W and extra == 0) and implies(W <= 0, alpha*(L - least) == extra)",
        },
    ),
    LEAST_COST_CLAIM,
    (
        Step("bound", "every(y, implies(voluntary(y), cost(y) >= 0 - W))", ("voluntary", "payoffs", "welfare")),
        Step(
            "shared", "total(announced) == alpha*(L - least) and total(announced) >= 0", ("SWAN", "supported", "ratio")
        ),
        Step(
            "SWAN's cost",
            "implies(W > 0, extra == 0 and cost(announced) == 0) and implies(W <= 0, cost(announced) == extra - W)",
            ("shared", "incentive ratio", "payoffs", "welfare"),
        ),
        Step("least", LEAST_COST_CLAIM, ("bound", "shared", "SWAN's cost", "voluntary")),
    ),
    {"supported": "f0 == L"},
)

AWAY_CLAIM = "every(k, implies(W(k) <= f(k), cost(k) >= 0)) and every(k, implies(W(k) == f(k), cost(k)*(W0 - least) == (0 - least)*(W0 - W(k))))"
AWAY = Proof(
    """
    Where f is the welfare, as on the patterns that it is made of, the platform adds alpha (W - L_min) - W = -L_min (W* - W) / (W* - L_min): nothing at W*, and no less than nothing below it if L_min <= 0.
    Where f is more, it adds more.
    """,
    Theory(
        Vocabulary("k: State; f W cost: State -> Real; alpha W0 least: Real"),
        {"best": "every(k, W(k) <= W0)"},
        {"ratio": "alpha*(W0 - least) == W0", "cost": "every(k, cost(k) == alpha*(f(k) - least) - W(k))"},
    ),
    AWAY_CLAIM,
    (
        Step("share", "alpha > 0 and alpha <= 1", ("ratio", "welfare")),
        Step(
            "on patterns",
            "every(k, implies(W(k) == f(k), cost(k)*(W0 - least) == (0 - least)*(W0 - W(k))))",
            ("ratio", "cost"),
        ),
        Step("slack", "every(k, (1 - alpha)*(W0 - W(k)) >= 0)", ("share", "best")),
        Step("balance", "every(k, alpha*(W(k) - least) - W(k) == (1 - alpha)*(W0 - W(k)))", ("ratio",)),
        Step(
            "more",
            "every(k, implies(W(k) <= f(k), alpha*(f(k) - least) >= alpha*(W(k) - least)))",
            ("share",),
        ),
        Step("not negative", "every(k, implies(W(k) <= f(k), cost(k) >= 0))", ("more", "balance", "slack", "cost")),
        Step("away", AWAY_CLAIM, ("not negative", "on patterns")),
    ),
    {"welfare": "W0 > 0 and least <= 0"},
)

# ------------------------------------------------------------------ problems 1 and 2

FIRST = (
    "allowed(k0) and made(k0, b0) and 0 <= b0 and b0 <= N - K(k0)"
    " and every(k, b, implies(allowed(k) and made(k, b) and 0 <= b and b <= N - K(k), W(k, b) <= W(k0, b0)))"
)
EQUIVALENT_CLAIM = f"iff({FIRST}, allowed(k0) and b0 == N - K(k0) and every(k, implies(allowed(k), V(k) <= V(k0))))"
EQUIVALENT = Proof(
    """
    With a positive utility one more buyer raises the welfare (7), and some payments make every state in which everybody has the model the only equilibrium (F-T3-UNIQUE), at the least
    cost: so the best of problem 1 serves everybody, its welfare is the objective of problem 2, and no best state of problem 2 is lost.
    """,
    SERVED
    | Theory(
        Vocabulary("made: State Real -> Bool; V: State -> Real"),
        {"payments": "every(k, implies(allowed(k), made(k, N - K(k)) and K(k) <= N))"},
        {"problem 2": "every(k, V(k) == N*u(k) - C(k))"},
    ),
    EQUIVALENT_CLAIM,
    (
        Step("everybody", "every(k, W(k, N - K(k)) == V(k))", ("welfare", "problem 2")),
        Step(
            "more buyers",
            "every(k, b, implies(allowed(k) and b <= N - K(k), W(k, b) <= V(k) and (b == N - K(k) or W(k, b) < V(k))))",
            ("welfare", "problem 2", "positive"),
        ),
        Step("first to second", f"implies({FIRST}, b0 == N - K(k0) and every(k, implies(allowed(k), V(k) <= V(k0))))", ("everybody", "more buyers", "payments")),
        Step(
            "second to first",
            f"implies(allowed(k0) and b0 == N - K(k0) and every(k, implies(allowed(k), V(k) <= V(k0))), {FIRST})",
            ("everybody", "more buyers", "payments"),
        ),
        Step("equivalent", EQUIVALENT_CLAIM, ("first to second", "second to first")),
    ),
    {"positive": "every(k, implies(allowed(k), u(k) > 0))"},
)  # fmt: skip

# ------------------------------------------------------------------ more clients, higher costs, a stricter requirement

POPULATION_CLAIM = (
    "every(k, j, implies(u(j) > u(k) and N*(u(j) - u(k)) >= C(j) - C(k), M*(u(j) - u(k)) >= C(j) - C(k)))"
    " and implies(every(k, W(N, k) <= W(N, e)), every(k, W(M, k) <= W(M, e)))"
    " and implies(M*gap > most, every(k, implies(u(k) < u(e), W(M, k) < W(M, e))))"
)
POPULATION = Proof(
    """
    A better model is worth N times what it is to one: conditions (16) and (17) hold for M >= N if they do for N; where the state e of least error is best at N it is at M; and as soon as M times the least gap
    in utility exceeds what e costs more, no state of a larger error is best.
    """,
    Theory(
        Vocabulary("k j e: State; u C: State -> Real; x N M gap most: Real; W: Real State -> Real"),
        {
            "more": "0 < N and N <= M",
            "least error": "every(k, u(k) <= u(e))",
            "gap": "gap > 0 and every(k, u(k) == u(e) or u(e) - u(k) >= gap) and every(k, C(e) - C(k) <= most)",
        },
        {"welfare": "every(x, k, W(x, k) == x*u(k) - C(k))"},
    ),
    POPULATION_CLAIM,
    (
        Step(
            "externality",
            "every(k, j, implies(u(j) >= u(k), M*(u(j) - u(k)) >= N*(u(j) - u(k))))",
            ("more",),
        ),
        Step(
            "stays",
            "implies(every(k, W(N, k) <= W(N, e)), every(k, W(M, k) <= W(M, e)))",
            ("externality", "welfare", "least error"),
        ),
        Step("gap at M", "every(k, implies(u(k) < u(e), M*(u(e) - u(k)) >= M*gap))", ("gap", "more")),
        Step(
            "in the end",
            "implies(M*gap > most, every(k, implies(u(k) < u(e), W(M, k) < W(M, e))))",
            ("gap at M", "gap", "welfare"),
        ),
        Step("population", POPULATION_CLAIM, ("externality", "stays", "in the end")),
    ),
)

SCALED_CLAIM = (
    "every(k, implies(z(k) > 0 and z(e) >= z(k) and N*V(z(k)) - C(k) <= N*V(z(e)) - C(e),"
    " m*N*V(zm(k)) - m*C(k) <= m*N*V(zm(e)) - m*C(e) and zm(e) >= zm(k)))"
)
SCALED = Proof(
    """
    With m times the participants of each type 1/(eps - s) = K/(mean - s) is m times as large. A utility convex in it, which is increasing marginal utility, then sets a better state apart
    by at least m times as much, the clients served are m times as many, and costs are no more than that: what was worth it for the state of least error stays so.
    """,
    Theory(
        Vocabulary(
            """k e: State; w x y t m N: Real; V: Real -> Real; z zm C error errorm ahead once after: State -> Real; s: Real"""
        ),
        {"more": "m >= 1 and N > 0"},
        {
            "error": "every(k, implies(z(k) > 0, (error(k) - s)*z(k) == 1 and (errorm(k) - s)*zm(k) == 1))",
            "m times": "every(k, errorm(k) - s == (error(k) - s)/m)",
            "apart": "every(k, ahead(k) == z(e) - z(k) and once(k) == V(z(e)) - V(z(k)) and after(k) == V(zm(e)) - V(zm(k)))",
        },
    ),
    SCALED_CLAIM,
    (
        Step("inverse", "every(k, implies(z(k) > 0, zm(k) == m*z(k)))", ("error", "m times", "more")),
        Step(
            "slopes",
            "every(k, implies(z(k) > 0 and ahead(k) > 0, once(k)*(zm(e) - zm(k)) <= after(k)*ahead(k)))",
            ("increasing marginal utility", "more", "inverse", "apart"),
        ),
        Step(
            "times ahead",
            "every(k, implies(z(k) > 0 and ahead(k) > 0, (after(k) - m*once(k))*ahead(k) >= 0))",
            ("slopes", "inverse", "apart"),
        ),
        Step("divided", "every(k, implies(z(k) > 0 and ahead(k) > 0, after(k) >= m*once(k)))", ("times ahead",)),
        Step(
            "none ahead",
            "every(k, implies(z(k) > 0 and ahead(k) == 0, after(k) == 0 and once(k) == 0))",
            ("apart", "inverse"),
        ),
        Step(
            "states apart",
            "every(k, implies(z(k) > 0 and z(e) >= z(k), after(k) >= m*once(k)))",
            ("divided", "none ahead", "apart"),
        ),
        Step("better", "every(k, implies(z(e) >= z(k) and z(k) > 0, once(k) >= 0))", ("rising", "apart")),
        Step(
            "at least as much",
            "every(k, implies(z(k) > 0 and z(e) >= z(k), after(k) >= once(k)))",
            ("states apart", "better", "more"),
        ),
        Step(
            "worth it",
            "every(k, implies(z(k) > 0 and z(e) >= z(k) and N*V(z(k)) - C(k) <= N*V(z(e)) - C(e), N*after(k) - C(e) + C(k) >= 0))",
            ("at least as much", "more", "apart"),
        ),
        Step(
            "m times as much",
            "every(k, implies(N*after(k) - C(e) + C(k) >= 0, m*N*V(zm(k)) - m*C(k) <= m*N*V(zm(e)) - m*C(e)))",
            ("more", "apart"),
        ),
        Step("scaled", SCALED_CLAIM, ("worth it", "m times as much", "inverse", "more")),
    ),
    {
        "increasing marginal utility": "every(w, x, y, t, implies(0 < w and w < x and w <= y and y < t and x <= t,"
        " (V(x) - V(w))*(t - y) <= (V(t) - V(y))*(x - w)))",
        "rising": "every(x, y, implies(0 < y and y <= x, V(y) <= V(x)))",
    },
)

MONOTONE_CLAIM = "W2(k2) <= W1(k1) and cost2 >= cost1"
MONOTONE = Proof(
    "No state is worth more at higher costs, and a stricter requirement allows no new ones; SWAN's cost, 0 where W* > 0 and else -W* and a little, rises as W* falls.",
    Theory(
        Vocabulary("k k1 k2: State; W1 W2: State -> Real; allowed1 allowed2: State -> Bool; cost1 cost2 small: Real"),
        {
            "dearer": "every(k, W2(k) <= W1(k))",
            "stricter": "every(k, implies(allowed2(k), allowed1(k)))",
            "small": "small >= 0",
        },
        {
            "best": "allowed1(k1) and every(k, implies(allowed1(k), W1(k) <= W1(k1)))"
            " and allowed2(k2) and every(k, implies(allowed2(k), W2(k) <= W2(k2)))",
            "costs": "cost1 == (0 if W1(k1) > 0 else small - W1(k1)) and cost2 == (0 if W2(k2) > 0 else small - W2(k2))",
        },
    ),
    MONOTONE_CLAIM,
    (
        Step("welfare", "W2(k2) <= W1(k1)", ("dearer", "stricter", "best")),
        Step("cost", MONOTONE_CLAIM, ("welfare", "costs", "small")),
    ),
)

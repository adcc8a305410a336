"""Social states of a MoTS market: who obtains the model, who participates, and payments under which clients do what is best.

States are a sort; ``W`` is welfare, ``allowed`` what meets the requirement. Errors are in units of the noise.
"""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = [
    "ALONE",
    "BALANCE",
    "CONVERGE",
    "DOMINANT",
    "EVERYBODY",
    "LOSS",
    "MORE_WELFARE",
    "NO_WORSE",
    "SINGLE_PEAKED",
    "SUPPORTED",
    "UNLIKE",
]

# ------------------------------------------------------------------ Lemma 1, Proposition 3

SERVED = Theory(
    Vocabulary(
        "k k0: State; b b0 N: Real; K C u: State -> Real; W: State Real -> Real; allowed: State -> Bool; W_FL: State -> Real"
    ),
    {},
    {"welfare": "every(k, b, W(k, b) == (K(k) + b)*u(k) - C(k))"},
)
EVERYBODY = Proof(
    "One more buyer changes the welfare (7) by U(eps), the error unchanged: where that is positive nobody is left without the model.",
    SERVED,
    "K(k0) + b0 == N",
    (
        Step("all the rest buy", "W(k0, N - K(k0)) - W(k0, b0) == (N - K(k0) - b0)*u(k0)", ("welfare",)),
        Step("everybody", "K(k0) + b0 == N", ("all the rest buy", "optimal", "positive")),
    ),
    {
        "optimal": "allowed(k0) and 0 <= b0 and b0 <= N - K(k0)"
        " and every(k, b, implies(allowed(k) and 0 <= b and b <= N - K(k), W(k, b) <= W(k0, b0)))",
        "positive": "u(k0) > 0",
    },
)

MORE_WELFARE = Proof(
    "(23) is (7) with nobody buying, and every state without buyers is a state of MoTS with the same error.",
    SERVED
    | Theory(
        Vocabulary(""),
        {"counts": "every(k, K(k) <= N)"},
        {"only participants": "every(k, W_FL(k) == K(k)*u(k) - C(k))"},
    ),
    "every(k, implies(allowed(k), W_FL(k) <= W(k0, b0)))",
    (
        Step("no buyers", "every(k, W_FL(k) == W(k, 0))", ("welfare", "only participants")),
        Step("at least", "every(k, implies(allowed(k), W_FL(k) <= W(k0, b0)))", ("no buyers", "optimal", "counts")),
    ),
    {"optimal": "every(k, b, implies(allowed(k) and 0 <= b and b <= N - K(k), W(k, b) <= W(k0, b0)))"},
)

# ------------------------------------------------------------------ high types

ALONE_CLAIM = "every(i, implies(takes(i, k0) and theta > q(i), K(k0) == 1))"
ALONE = Proof(
    """
    Let a client of a high type participate, and let i have the most data among the participants. The mean of 1/D over the participants is at least that of i, so if there are
    several the error exceeds i's own by (mean - q_i)/K + (theta - q_i)(K - 1)/K > 0: i alone has a smaller error at no more cost, meets the requirement, and is worth more.
    """,
    Theory(
        Vocabulary(
            """k k0: State; i: Type; x y: Real; theta N: Real; takes: Type State -> Bool; q c: Type -> Real; K mean eps cost: State -> Real
            U: Real -> Real; W: State -> Real; allowed: State -> Bool; most: State -> Type; only: Type -> State"""
        ),
        {
            "costs": "every(k, i, implies(takes(i, k), cost(k) >= c(i)))",
            "most data": "every(k, i, implies(takes(i, k), takes(most(k), k) and q(most(k)) <= q(i)))",
            "mean": "every(k, i, implies(takes(i, k), mean(k) >= q(most(k)) and K(k) >= 1))",
            "one client": "every(i, K(only(i)) == 1 and mean(only(i)) == q(i) and cost(only(i)) == c(i))",
            "a lower error will do": "every(k, i, implies(allowed(k) and eps(only(i)) <= eps(k), allowed(only(i))))",
        },
        {
            "error": "every(k, implies(K(k) >= 1, eps(k)*K(k) == mean(k) + theta*(K(k) - 1)))",
            "welfare": "N > 0 and every(k, implies(K(k) >= 1, W(k) == N*U(eps(k)) - cost(k)))",
        },
    ),
    ALONE_CLAIM,
    (
        Step("error alone", "every(i, eps(only(i)) == q(i))", ("one client", "error")),
        Step(
            "error of several",
            "every(i, implies(takes(i, k0) and theta > q(i) and K(k0) > 1, eps(k0) > q(most(k0))))",
            ("error", "mean", "most data"),
        ),
        Step(
            "smaller alone",
            "every(i, implies(takes(i, k0) and theta > q(i) and K(k0) > 1, eps(only(most(k0))) < eps(k0)))",
            ("error alone", "error of several"),
        ),
        Step(
            "worth more alone",
            "every(i, implies(takes(i, k0) and theta > q(i) and K(k0) > 1, W(only(most(k0))) > W(k0)))",
            ("smaller alone", "welfare", "decreasing", "costs", "one client", "most data"),
        ),
        Step("alone", ALONE_CLAIM, ("worth more alone", "smaller alone", "optimal", "a lower error will do", "mean")),
    ),
    {
        "decreasing": "every(x, y, implies(x < y, U(x) > U(y)))",
        "optimal": "allowed(k0) and every(k, implies(allowed(k), W(k) <= W(k0)))",
    },
)

# ------------------------------------------------------------------ SWAN

SUPPORTED_CLAIM = "every(k, f(k) <= f(k0)) and every(k, share(k) <= share(k0)) and share(k0) >= 0"
SUPPORTED = Proof(
    """
    The multilinear f is an average of the Lagrangian over the corners of the patterns, so it is nowhere above the greatest of them, which is f(k*). Everybody's payoff is one
    nondecreasing function of f and not negative at k*: nobody gains by going to another state, nor by leaving.
    """,
    Theory(
        Vocabulary("k k0: State; p p0 p1: Pattern; L: Pattern -> Real; f share: State -> Real; alpha N least: Real"),
        {
            "average": "every(k, p1, implies(every(p, L(p) <= L(p1)), f(k) <= L(p1)))",
            "ratio": "alpha >= 0 and N > 0 and every(p, least <= L(p))",
        },
        {"payoff": "every(k, share(k)*N == alpha*(f(k) - least))"},
    ),
    SUPPORTED_CLAIM,
    (
        Step("greatest corner", "every(k, f(k) <= L(p0))", ("average", "supported")),
        Step("nowhere above", "every(k, f(k) <= f(k0))", ("greatest corner", "supported")),
        Step("payoffs", "every(k, N*(share(k0) - share(k)) == alpha*(f(k0) - f(k)))", ("payoff",)),
        Step("nobody gains", "every(k, share(k) <= share(k0))", ("payoffs", "nowhere above", "ratio")),
        Step("not negative", "share(k0) >= 0", ("payoff", "supported", "ratio")),
        Step("equilibrium", SUPPORTED_CLAIM, ("nowhere above", "nobody gains", "not negative")),
    ),
    {"supported": "f(k0) == L(p0) and every(p, L(p) <= L(p0))"},
)

BALANCE = Proof(
    "The platform's cost at k* is alpha (L* - L_min) - W*, which (20a) makes zero.",
    Theory(
        Vocabulary("N U C P W L least alpha cost: Real"),
        {"clients": "N > 0"},
        {
            "welfare": "W == N*U - C",
            "price": "N*(U - P) == alpha*(L - least)",
            "cost": "cost == C - N*P",
            "ratio": "alpha*(L - least) == W",
        },
    ),
    "cost == 0",
    (
        Step("platform", "cost == alpha*(L - least) - W", ("welfare", "price", "cost")),
        Step("zero", "cost == 0", ("platform", "ratio")),
    ),
    {"positive": "W > 0 and L > least"},
)

# ------------------------------------------------------------------ payments that repair it

PEAKED = Theory(
    Vocabulary(
        """S: State; i i0: Type; at: State Type -> Int; t n: Type -> Int; absent: State Type -> Int; dist: State -> Int; model: State -> Bool
        share: State -> Real; level: Int -> Real; a b: Int; join leave: State Type -> State; s: Real"""
    ),
    {
        "counts": "every(S, i, 0 <= at(S, i) and at(S, i) + absent(S, i) <= n(i) and absent(S, i) >= 0 and 0 <= t(i) and t(i) <= n(i))",
        "distance": "every(S, dist(S) >= 0 and iff(dist(S) == 0, every(i, at(S, i) == t(i))))",
        "joining": "every(S, i, implies(at(S, i) < n(i), at(join(S, i), i) == at(S, i) + 1"
        " and dist(join(S, i)) == (dist(S) - 1 if at(S, i) < t(i) else dist(S) + 1)))",
        "leaving": "every(S, i, implies(at(S, i) > 0, at(leave(S, i), i) == at(S, i) - 1"
        " and dist(leave(S, i)) == (dist(S) - 1 if at(S, i) > t(i) else dist(S) + 1)))",
        "others stay": "every(S, i, i0, i == i0 or (at(join(S, i), i0) == at(S, i0) and at(leave(S, i), i0) == at(S, i0)))",
        "model": "every(S, iff(model(S), some(i, at(S, i) > 0)))",
        "target": "some(i, t(i) > 0)",
    },
    {
        "level": "s > 0 and every(a, b, implies(0 <= a and a < b, level(a) > level(b) and level(b) > 0))",
        "share": "every(S, share(S) == (level(dist(S)) if model(S) else 0))",
    },
)
STABLE = (
    "every(i, implies(at(S, i) + absent(S, i) < n(i), share(join(S, i)) <= share(S)))"
    " and every(i, implies(absent(S, i) > 0, share(join(S, i)) <= 0 and share(S) <= 0))"
    " and every(i, implies(at(S, i) > 0, share(leave(S, i)) <= share(S)))"
)
"""Nobody gains: buyers by participating, the absent by participating or buying, participants by buying."""
ONLY = f"iff({STABLE}, every(i, at(S, i) == t(i) and absent(S, i) == 0))"

PEAKED_STEPS = (
    Step(
        "positive share",
        "every(S, implies(model(S), share(S) > 0)) and every(S, share(S) >= 0)",
        ("level", "share", "distance"),
    ),
    Step("joined", "every(S, i, implies(at(S, i) < n(i), model(join(S, i))))", ("model", "joining", "counts")),
    Step(
        "too few",
        "every(S, i, implies(at(S, i) < t(i), share(join(S, i)) > share(S) and share(join(S, i)) > 0))",
        ("joined", "joining", "level", "share", "distance", "counts"),
        says="where a type has too few participants one more gains by joining",
    ),
    Step(
        "model stays",
        "every(S, i, implies(every(i0, at(S, i0) >= t(i0)) and at(S, i) > t(i), model(leave(S, i)) and model(S)))",
        ("model", "leaving", "others stay", "target", "counts"),
    ),
    Step(
        "too many",
        "every(S, i, implies(every(i0, at(S, i0) >= t(i0)) and at(S, i) > t(i), share(leave(S, i)) > share(S)))",
        ("model stays", "leaving", "level", "share", "distance", "counts"),
        says="where none has too few and one too many a participant gains by leaving",
    ),
)

SINGLE_PEAKED = Proof(
    """
    The share falls strictly with the distance from k* and is positive with a model. Away from k* some type has too few participants, and one more gains by joining whatever its role; or none has
    too few and some type too many, and one gains by leaving, since k* has a participant and so a model stays. At k* the absent would gain by buying; and nobody else gains by
    moving away. The cost of the platform at k* is s - W*.
    """,
    PEAKED
    | Theory(
        Vocabulary("N U C P W cost: Real"),
        {},
        {"welfare": "W == N*U - C", "price": "N*(U - P) == s", "cost": "cost == C - N*P"},
    ),
    f"{ONLY} and cost == s - W",
    (
        *PEAKED_STEPS,
        Step(
            "not elsewhere",
            f"implies({STABLE}, every(i, at(S, i) == t(i)))",
            ("too few", "too many", "counts"),
        ),
        Step(
            "with a model",
            "implies(every(i, at(S, i) == t(i)), model(S))",
            ("model", "target"),
        ),
        Step(
            "nobody absent",
            f"implies({STABLE}, every(i, absent(S, i) == 0))",
            ("not elsewhere", "with a model", "positive share", "counts"),
        ),
        Step(
            "nobody joins",
            "implies(every(i, at(S, i) == t(i)), every(i, implies(at(S, i) < n(i), share(join(S, i)) <= share(S))))",
            ("with a model", "joined", "joining", "distance", "share", "level", "counts"),
        ),
        Step(
            "nobody leaves",
            "implies(every(i, at(S, i) == t(i)), every(i, implies(at(S, i) > 0, share(leave(S, i)) <= share(S))))",
            ("with a model", "leaving", "distance", "share", "level", "counts"),
        ),
        Step(
            "stable there",
            f"implies(every(i, at(S, i) == t(i) and absent(S, i) == 0), {STABLE})",
            ("nobody joins", "nobody leaves", "counts"),
        ),
        Step("balance", "cost == s - W", ("welfare", "price", "cost")),
        Step("only there", f"{ONLY} and cost == s - W", ("not elsewhere", "nobody absent", "stable there", "balance")),
    ),
)

CONVERGE_CLAIM = "implies(stuck(end), end == dist(path(0))) and every(a, implies(0 <= a and a <= end, model(path(a))))"
CONVERGE = Proof(
    """
    One client's move changes |k - k*| by exactly one, and among states with a model raises the share exactly if it lowers the distance. So a path of improvements loses one of the distance with each move and
    keeps a model; it cannot stop before k*, as there somebody would gain. Hence it stops after exactly |k - k*| moves.
    """,
    PEAKED
    | Theory(
        Vocabulary("path: Int -> State; end: Int; stuck: Int -> Bool; better: State State -> Bool; T: State"),
        {
            "induction": "implies(model(path(0)) and dist(path(0)) == dist(path(0)) - 0"
            " and every(a, implies(0 <= a and a < end and model(path(a)) and dist(path(a)) == dist(path(0)) - a,"
            " model(path(a + 1)) and dist(path(a + 1)) == dist(path(0)) - (a + 1))),"
            " every(a, implies(0 <= a and a <= end, model(path(a)) and dist(path(a)) == dist(path(0)) - a)))",
        },
        {
            "better": "every(S, T, iff(better(S, T), share(T) > share(S)"
            " and some(i, (at(S, i) < n(i) and T == join(S, i)) or (at(S, i) > 0 and T == leave(S, i)))))",
            "path": "end >= 0 and every(a, implies(0 <= a and a < end, better(path(a), path(a + 1))))",
            "stuck": "every(a, iff(stuck(a), every(T, not better(path(a), T))))",
        },
    ),
    CONVERGE_CLAIM,
    (
        *PEAKED_STEPS,
        Step(
            "one nearer",
            "every(S, T, implies(better(S, T) and model(S), model(T) and dist(T) == dist(S) - 1))",
            ("better", "share", "level", "positive share", "joining", "leaving", "distance"),
        ),
        Step(
            "all the way",
            "every(a, implies(0 <= a and a <= end, model(path(a)) and dist(path(a)) == dist(path(0)) - a))",
            ("one nearer", "path", "induction", "everybody has it"),
        ),
        Step(
            "somebody gains",
            "every(S, implies(dist(S) > 0, some(T, better(S, T))))",
            ("too few", "too many", "better", "distance", "counts"),
        ),
        Step("stops at k*", "implies(stuck(end), dist(path(end)) == 0)", ("somebody gains", "stuck", "distance")),
        Step("converge", CONVERGE_CLAIM, ("stops at k*", "all the way", "path")),
    ),
    {"everybody has it": "model(path(0))"},
)

DOMINANT_CLAIM = "payoff(role, others) >= payoff(other, others) and payoff(role, others) >= 0 and total == s - W"
DOMINANT = Proof(
    """
    With a model, keeping the role one is given pays s/N > 0 and leaving it 0 whatever the others do; without one everything pays 0. If a participant that was asked leaves, there may be no model: 0 again.
    The payments at k* add up to s - W*.
    """,
    Theory(
        Vocabulary(
            """role other: Bool; others: Bool; payoff: Bool Bool -> Real; exists: Bool Bool -> Bool; asked: Bool; N s U C W total: Real; x: Bool"""
        ),
        {"roles": "iff(other, not role) and iff(role, asked)", "share": "s > 0 and N > 0"},
        {
            "model": "every(x, iff(exists(x, others), x or others))",
            "payoff": "every(x, payoff(x, others) == (s/N if exists(x, others) and iff(x, asked) else 0))",
            "payments": "W == N*U - C and total == C - (N*U - s)",
        },
    ),
    DOMINANT_CLAIM,
    (
        Step("positive", "s/N > 0", ("share",)),
        Step(
            "kept",
            "payoff(role, others) >= payoff(other, others) and payoff(role, others) >= 0",
            ("roles", "payoff", "positive"),
        ),
        Step("balance", "total == s - W", ("payments",)),
        Step("dominant", DOMINANT_CLAIM, ("kept", "balance")),
    ),
)

LOSS_CLAIM = "W1 == e and W2 == 17/10 and W12 < W1 and W1 < W2 and W1 > 0"
LOSS = Proof(
    """
    The client with more data alone is worth e, the other alone 17/10, both together less than e; all states are patterns, so the potential is the welfare, and the first alone is a strict equilibrium.
    """,
    Theory(
        Vocabulary("e W1 W2 W12 u1 u2 u12 cheap dear: Real"),
        {},
        {
            "utilities": "u1 == 1 - (1/2)/10 and u2 == 1 - 1/10 and u12 == 1 - (3/8)/10",
            "costs": "dear == 19/10 - e and cheap == 1/10",
            "welfare": "W1 == 2*u1 - dear and W2 == 2*u2 - cheap and W12 == 2*u12 - dear - cheap",
        },
    ),
    LOSS_CLAIM,
    (
        Step("alone", "W1 == e and W2 == 17/10", ("utilities", "costs", "welfare")),
        Step("together", "W12 < W1", ("utilities", "costs", "welfare")),
        Step("loss", LOSS_CLAIM, ("alone", "together", "small")),
    ),
    {"small": "0 < e < 1"},
)

# ------------------------------------------------------------------ observations 3 to 5

NO_WORSE = Proof(
    "Wherever a benchmark ends is a state, worth at most what everybody's having the model makes of it, and k* is the best of those that meet the requirement.",
    Theory(
        Vocabulary("k k0 end: State; W had: State -> Real; allowed: State -> Bool"),
        {"everybody having it": "every(k, had(k) <= W(k))"},
        {"optimal": "allowed(k0) and every(k, implies(allowed(k), W(k) <= W(k0)))"},
    ),
    "implies(allowed(end), had(end) <= W(k0)) and allowed(k0)",
    (Step("no worse", "implies(allowed(end), had(end) <= W(k0)) and allowed(k0)", ("everybody having it", "optimal")),),
)

UNLIKE_CLAIM = "rival_lead(t) >= rival_lead(s) and margin(t) >= margin(s)"
UNLIKE = Proof(
    """
    From variance s to t >= s the lead of a fixed state k over the end r of a benchmark grows by (t - s)(1/K(k) - 1/K(r)), not negative for K(k) <= K(r); and what is best at t
    does no worse than what is best at s. With a utility linear in the error the same holds of welfare.
    """,
    Theory(
        Vocabulary(
            """k r ke kw: State; s t x a slope: Real; K T cost: State -> Real; err: State Real -> Real; least best rival_lead margin: Real -> Real
            W: State Real -> Real"""
        ),
        {"counts": "every(k, K(k) >= 1) and 0 <= s and s <= t and slope >= 0"},
        {
            "errors": "every(k, x, err(k, x)*K(k)*K(k) == T(k) + x*K(k)*(K(k) - 1))",
            "welfare": "every(k, x, W(k, x) == a - slope*err(k, x) - cost(k))",
            "least": "every(k, x, least(x) <= err(k, x)) and least(s) == err(ke, s)",
            "best": "every(k, x, best(x) >= W(k, x)) and best(s) == W(kw, s)",
            "leads": "every(x, rival_lead(x) == err(r, x) - least(x) and margin(x) == best(x) - W(r, x))",
        },
    ),
    UNLIKE_CLAIM,
    (
        Step("growth", "every(k, (err(k, t) - err(k, s))*K(k) == (t - s)*(K(k) - 1))", ("errors", "counts")),
        Step(
            "multiplied",
            "every(k, implies(K(k) <= K(r), ((err(r, t) - err(r, s)) - (err(k, t) - err(k, s)))*K(k)*K(r) == (t - s)*(K(r) - K(k))))",
            ("growth", "counts"),
        ),
        Step(
            "larger grow more",
            "every(k, implies(K(k) <= K(r), err(r, t) - err(r, s) >= err(k, t) - err(k, s)))",
            ("multiplied", "counts"),
        ),
        Step("lead", "rival_lead(t) >= rival_lead(s)", ("larger grow more", "least", "leads", "no larger")),
        Step(
            "welfare moves",
            "slope*((err(r, t) - err(r, s)) - (err(kw, t) - err(kw, s))) >= 0",
            ("larger grow more", "no larger", "counts"),
        ),
        Step("margins", "margin(t) >= margin(s)", ("welfare moves", "best", "welfare", "leads")),
        Step("leads grow", UNLIKE_CLAIM, ("lead", "margins")),
    ),
    {"no larger": "K(ke) <= K(r) and K(kw) <= K(r)"},
)

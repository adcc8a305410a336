"""Clients who claim costs and sizes: what SWAN leaves them to gain, payments under which they gain nothing, and the least that those cost."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["LEAST_PRIVATE", "MEASURED", "OVERSTATED", "PIVOTAL"]

OVERSTATED_CLAIM = "after - before == x*(1 - 1/N) and implies(x > 0, after > before)"
OVERSTATED = Proof(
    "A participant that claims x more, k* staying what it is, is paid x more, and everybody shares x less: it gains x (1 - 1/N).",
    Theory(
        Vocabulary("N W V x before after: Real"),
        {"clients": "N >= 2"},
        {
            "welfare": "V == W - x",
            "payoffs": "before*N == W and (after - x)*N == V",
        },
    ),
    OVERSTATED_CLAIM,
    (
        Step("gain", "(after - before)*N == x*(N - 1)", ("welfare", "payoffs")),
        Step("a share", "x*(1 - 1/N)*N == x*(N - 1)", ("clients",)),
        Step("equal", "after - before == x*(1 - 1/N)", ("gain", "a share", "clients")),
        Step("overstated", OVERSTATED_CLAIM, ("gain", "equal", "clients")),
    ),
)

PIVOTAL_CLAIM = (
    "every(x, y, payoff(y, y) >= payoff(y, x)) and every(y, payoff(y, y) >= 0) and every(x, implies(takes(x), payoff(x, x) == A - x - B))"
    " and every(x, implies(not takes(x), payoff(x, x) == 0)) and cost == pivots - Wstar"
)
PIVOTAL = Proof(
    """
    A is the best welfare if the client participates, its cost left out, B that if it only buys: neither depends on what it claims. Participating it ends with A - B less its true cost, whatever it claimed,
    and buying with nothing; and it is asked to participate where, by its claim, the first is not negative.
    """,
    Theory(
        Vocabulary(
            """x y A B pivots Wstar cost total U C N: Real; takes: Real -> Bool; best reward price u: Real -> Real; payoff: Real Real -> Real"""
        ),
        {},
        {
            "best state": "every(x, implies(takes(x), A - x >= B) and implies(not takes(x), B >= A - x))",
            "welfare": "every(x, best(x) == (A - x if takes(x) else B))",
            "payments": "every(x, implies(takes(x), reward(x) == x - u(x) + best(x) - B) and implies(not takes(x), price(x) == u(x)))",
            "payoff": "every(x, y, payoff(y, x) == (u(x) + reward(x) - y if takes(x) else u(x) - price(x)))",
            "balance": "Wstar == N*U - C and total == N*U - C + cost and total == pivots",
        },
    ),
    PIVOTAL_CLAIM,
    (
        Step("asked", "every(x, y, implies(takes(x), payoff(y, x) == A - y - B))", ("welfare", "payments", "payoff")),
        Step("not asked", "every(x, y, implies(not takes(x), payoff(y, x) == 0))", ("payments", "payoff")),
        Step("truthful", "every(x, y, payoff(y, y) >= payoff(y, x))", ("asked", "not asked", "best state")),
        Step("voluntary", "every(y, payoff(y, y) >= 0)", ("asked", "not asked", "best state")),
        Step("platform", "cost == pivots - Wstar", ("balance",)),
        Step("pivotal", PIVOTAL_CLAIM, ("asked", "not asked", "truthful", "voluntary", "platform")),
    ),
)

LEAST_PRIVATE_CLAIM = "total >= pivots and cost >= pivots - Wstar"
LEAST_PRIVATE = Proof(
    """
    Claims of participants that are told apart by payment would be chosen by payment: all are paid alike, g. A participant whose true cost is anything below A - B is willing, so g is no less than that
    cost; costs as near A - B as one likes being possible, g >= A - B, and a participant of cost x ends with at least A - B - x. The others end with at least nothing.
    """,
    Theory(
        Vocabulary(
            """m: Client; x y: Real; takes: Client Real -> Bool; g h middle: Client Real -> Real; A B true pivot: Client -> Real
            payoff: Client Real Real -> Real; total pivots cost Wstar: Real"""
        ),
        {
            "costs": "every(m, true(m) >= 0)",
            "sums": "implies(every(m, payoff(m, true(m), true(m)) >= pivot(m)), total >= pivots)",
        },
        {
            "roles": "every(m, x, y, payoff(m, y, x) == (g(m, x) - y if takes(m, x) else h(m, x)))",
            "pivot": "every(m, pivot(m) == (A(m) - B(m) - true(m) if takes(m, true(m)) else 0))",
            "middle": "every(m, x, middle(m, x) == (g(m, x) + A(m) - B(m))/2)",
            "balance": "total == Wstar + cost",
        },
    ),
    LEAST_PRIVATE_CLAIM,
    (
        Step("alike", "every(m, x, y, implies(x >= 0 and y >= 0 and takes(m, x) and takes(m, y), g(m, x) == g(m, y)))", ("truthful", "roles")),
        Step("willing", "every(m, x, implies(x >= 0 and takes(m, x), g(m, x) >= x))", ("voluntary", "roles")),
        Step(
            "no less",
            "every(m, x, y, implies(x >= 0 and takes(m, x) and 0 <= y and y < A(m) - B(m), g(m, x) >= y))",
            ("alike", "willing", "efficient"),
        ),
        Step(
            "between",
            "every(m, x, implies(x >= 0 and takes(m, x) and g(m, x) < A(m) - B(m),"
            " 0 <= middle(m, x) and middle(m, x) < A(m) - B(m) and g(m, x) < middle(m, x)))",
            ("willing", "middle"),
        ),
        Step("paid", "every(m, x, implies(x >= 0 and takes(m, x), g(m, x) >= A(m) - B(m)))", ("no less", "between")),
        Step("each", "every(m, payoff(m, true(m), true(m)) >= pivot(m))", ("paid", "roles", "pivot", "voluntary", "costs")),
        Step("private", LEAST_PRIVATE_CLAIM, ("each", "sums", "balance")),
    ),
    {
        "truthful": "every(m, x, y, implies(x >= 0 and y >= 0, payoff(m, y, y) >= payoff(m, y, x)))",
        "voluntary": "every(m, y, implies(y >= 0, payoff(m, y, y) >= 0))",
        "efficient": "every(m, x, implies(x >= 0 and x < A(m) - B(m), takes(m, x)))",
    },
)  # fmt: skip

MEASURED_CLAIM = "every(r, payoff(r) <= payoff(truth)) and payoff(truth) >= 0"
MEASURED = Proof(
    "Paid from the utility measured, a client ends with the true welfare of the state that its claim leads to, less what does not depend on its claim; and the truth leads to the state of greatest welfare.",
    Theory(
        Vocabulary(
            "r truth: Report; k: State; leads: Report -> State; W: State -> Real; payoff: Report -> Real; without: Real"
        ),
        {"only buying": "without <= W(leads(truth))"},
        {
            "best": "every(k, W(k) <= W(leads(truth)))",
            "payoff": "every(r, payoff(r) == W(leads(r)) - without)",
        },
    ),
    MEASURED_CLAIM,
    (Step("measured", MEASURED_CLAIM, ("best", "payoff", "only buying")),),
)

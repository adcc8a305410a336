"""Proportional share on weights dealt out in levels: the constant of a large market (Anari, Goel and Nikzad, FOCS 2014), for any number of levels."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["LARGE"]

LEFT = "(1 - x(a) if x(a) < 1 else 0)"
"""What of a worker's score is left when its cost is taken off at the rate: `x` is its cost over its score times the rate."""

RECURSION = "K*s(i + 1) == K + A(i) - c*i"
LARGE_CLAIM = "(1 - beta)*opt < ((1 - beta)*c + beta)*H"
LARGE = Proof(
    """
    Workers come in kinds, and each kind has as many twins on every one of K levels; on level i a score counts s(i) fold, s(i) = c - (c - 1) (1 + 1/K)^(i - 1), with c such that s(K + 1) = 0.
    Let `rate` be the ratio of bid to weight of the first worker that is not hired. By duality the fractional optimum is at most B / rate and what is left of all scores when
    costs are taken off at the rate. The budget is less than the rate times the weight W of the hired and the weight of that first worker, which costs at most beta B. Kind by
    kind the weight of the hired and what is left is at most c times their score: a kind of which k levels are hired has x >= s(k + 1), and K s(k + 1) = K + s(1) + ... + s(k) - c k is just what
    that takes. So OPT < W / (1 - beta) + (c score - W), and weights are at most scores.
    """,
    Theory(
        Vocabulary(
            """a: Kind; K i: Int; c B beta rate w opt W G H: Real; k: Kind -> Int; x y: Kind -> Real
            s d A: Int -> Real"""
        ),
        {
            "numbers": "K >= 1 and B >= 0 and W >= 0 and H >= 0 and every(a, x(a) >= 0 and y(a) >= 0)",
                        "totals": "A(0) == 0 and every(i, implies(i >= 0, A(i + 1) == A(i) + s(i + 1)))",
            "totals grow": "implies(every(i, implies(1 <= i <= K, s(i) <= 1)), every(i, implies(0 <= i <= K, A(i) <= i)))",
            "induction": f"implies(K*s(1) == K + A(0) and every(i, implies(i >= 0 and {RECURSION}, K*s(i + 2) == K + A(i + 1) - c*(i + 1))), every(i, implies(i >= 0, {RECURSION})))",
            "duality": "implies(rate > 0, rate*opt <= B + rate*G)",
            "sums keep": f"implies(every(a, A(k(a)) + K*{LEFT} <= c*k(a) and implies(y(a) > 0, s(k(a) + 1) <= c)), W + G <= c*H)",
            "sums keep weights": "implies(every(a, A(k(a)) <= k(a) and implies(y(a) > 0, s(k(a) + 1) <= 1)), W <= H)",
        },
        {
            "weights": "c > 1 and d(1) == c - 1 and every(i, implies(i >= 1, s(i) == c - d(i) and d(i) >= c - 1)) and s(K + 1) == 0",
            "geometric": "every(i, implies(i >= 1, K*d(i + 1) == (K + 1)*d(i)))",
            "levels hired": "every(a, 0 <= k(a) <= K and implies(k(a) == K, y(a) == 0))",
            "hired": "every(a, implies(k(a) >= 1, x(a) <= s(k(a))) and implies(y(a) > 0, x(a) <= s(k(a) + 1)))",
            "not hired": "every(a, implies(k(a) < K, x(a) >= s(k(a) + 1)))",
        },
    ),
    LARGE_CLAIM,
    (
        Step("first level", "K*s(1) == K + A(0)", ("totals", "weights")),
        Step("at least one", "K >= 1", ("numbers",)),
        Step("none", "A(0) == 0", ("totals",)),
        Step("level", "every(i, implies(i >= 1, s(i) == c - d(i)))", ("weights",)),
        Step("falls", "every(i, implies(i >= 1, K*s(i + 1) == (K + 1)*s(i) - c))", ("level", "geometric")),
        Step(
            "next level",
            f"every(i, implies(i >= 0 and {RECURSION}, K*s(i + 2) == K + A(i + 1) - c*(i + 1)))",
            ("totals", "falls"),
        ),
        Step("levels", f"every(i, implies(i >= 0, {RECURSION}))", ("first level", "next level", "induction")),
        Step("at most one", "every(i, implies(i >= 1, s(i) <= 1))", ("weights",)),
        Step("totals at most", "every(i, implies(0 <= i <= K, A(i) <= i))", ("at most one", "totals grow")),
        Step(
            "dear kinds",
            "every(a, implies(x(a) > 1, k(a) == 0))",
            ("hired", "levels hired", "at most one"),
            says="of a kind whose cost is above the rate nobody is hired",
        ),
        Step("not below", "every(a, x(a) >= s(k(a) + 1) and k(a) >= 0)", ("not hired", "levels hired", "weights", "numbers")),
        Step("times levels", "every(a, K*x(a) >= K*s(k(a) + 1))", ("not below", "at least one")),
        Step("on level", "every(a, K*x(a) >= K + A(k(a)) - c*k(a))", ("times levels", "not below", "levels")),
        Step("cheap kinds", "every(a, implies(x(a) < 1, A(k(a)) + K*(1 - x(a)) <= c*k(a)))", ("on level",)),
        Step("at the rate", "every(a, implies(x(a) >= 1, A(k(a)) <= c*k(a)))", ("on level", "dear kinds", "none")),
        Step("kind by kind", f"every(a, A(k(a)) + K*{LEFT} <= c*k(a))", ("cheap kinds", "at the rate")),
        Step("at most c", "every(a, s(k(a) + 1) <= c)", ("at most one", "not below", "weights")),
        Step("covered", "W + G <= c*H", ("kind by kind", "at most c", "sums keep")),
        Step("weights at most", "W <= H", ("sums keep weights", "totals at most", "at most one", "levels hired")),
        Step("buys", "(1 - beta)*B < rate*W", ("fails", "small")),
        Step("bound", "(1 - beta)*opt < W + (1 - beta)*G", ("buys", "duality", "fails", "small", "numbers")),
        Step("large", LARGE_CLAIM, ("bound", "covered", "weights at most", "small")),
    ),
    {"fails": "rate > 0 and w > 0 and rate*(W + w) > B", "small": "0 < beta < 1 and rate*w <= beta*B"},
)  # fmt: skip

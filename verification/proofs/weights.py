"""The weights of an average of local models that leave the least error, and the network effects under them, for any number of clients.

Clients come in the order 0, 1, ...; ``b(j)`` is what the square of j's share is multiplied by: ``a_j + s`` on the distribution of a buyer or of a participant drawn
with equal chances, ``a_j - s`` on that of a participant drawn by its share, ``a_j`` the error of its own model and ``s`` the client variance. ``Q(p, n)`` is the sum of the terms
and ``T(p, n)`` that of the shares over the first n clients, so the error is ``Q`` plus what no weights change.
"""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["ALONE_IS_LEAST", "MEMBERS", "WEIGHTS"]

SHARES = Theory(
    Vocabulary(
        "p: Weighting; j n m: Int; share: Weighting Int -> Real; b w V least: Int -> Real; best: Int -> Weighting; T Q term gap pull: Weighting Int -> Real"
    ),
    {},
    {
        "sums": "every(p, T(p, 0) == 0 and Q(p, 0) == 0) and every(p, j, implies(j >= 0,"
        " T(p, j + 1) == T(p, j) + share(p, j) and Q(p, j + 1) == Q(p, j) + term(p, j)))",
        "terms": "every(p, j, term(p, j) == share(p, j)*share(p, j)*b(j))",
    },
)
CAUCHY = "Q(p, {0})*V({0}) >= T(p, {0})*T(p, {0}) and V({0}) >= 0 and ({0} == 0 or V({0}) > 0) and Q(p, {0}) >= 0"
PARTS = "T(best(n), {0})*V(n) == V({0}) and Q(best(n), {0})*V(n)*V(n) == V({0})"
WEIGHTS_CLAIM = (
    "every(n, implies(n >= 1, T(best(n), n) == 1 and every(p, implies(T(p, n) == 1, least(n) <= Q(p, n)))"
    " and least(n) == Q(best(n), n) and least(n + 1) < least(n) and (least(n) - least(n + 1))*(least(n) + b(n)) == least(n)*least(n)))"
)
WEIGHTS = Proof(
    """
    Q V >= T^2 for all weights, V the sum of 1/b (Cauchy and Schwarz, by induction over the clients), with equality at shares in proportion to 1/b. So the least
    sum of terms is 1/V, and each newcomer adds 1/b to V: the error falls, by x^2 / (x + b) where it was x (beside what no weights change).
    """,
    SHARES
    | Theory(
        Vocabulary(""),
        {
            "positive": "every(j, implies(j >= 0, b(j) > 0))",
            "induction": f"implies(every(p, {CAUCHY.format(0)}) and every(p, j, implies(j >= 0 and {CAUCHY.format('j')}, {CAUCHY.format('(j + 1)')})),"
            f" every(p, j, implies(j >= 0, {CAUCHY.format('j')})))",
            "induction at best": f"implies(every(n, implies(n >= 1, {PARTS.format(0)}))"
            f" and every(n, j, implies(n >= 1 and 0 <= j and j < n and {PARTS.format('j')}, {PARTS.format('(j + 1)')})),"
            f" every(n, j, implies(n >= 1 and 0 <= j and j <= n, {PARTS.format('j')})))",
        },
        {
            "precision": "every(j, implies(j >= 0, w(j)*b(j) == 1))",
            "sum of precisions": "V(0) == 0 and every(j, implies(j >= 0, V(j + 1) == V(j) + w(j)))",
            "best weights": "every(n, j, implies(n >= 1 and 0 <= j and j < n, share(best(n), j)*V(n) == w(j)))",
            "least": "every(n, implies(n >= 1, least(n) == Q(best(n), n)))",
            "pull": "every(p, j, pull(p, j) == share(p, j)*b(j)*V(j))",
            "gap": "every(p, j, gap(p, j) == Q(p, j)*V(j) - T(p, j)*T(p, j))",
        },
    ),
    WEIGHTS_CLAIM,
    (
        Step("worth", "every(j, implies(j >= 0, w(j) > 0))", ("positive", "precision")),
        Step("not negative", "every(p, j, implies(j >= 0, term(p, j) >= 0))", ("terms", "positive")),
        Step(
            "gap after",
            "every(p, j, implies(j >= 0, gap(p, j + 1) == gap(p, j) + Q(p, j)*w(j) + term(p, j)*V(j) + term(p, j)*w(j)"
            " - 2*T(p, j)*share(p, j) - share(p, j)*share(p, j)))",
            ("gap", "sums", "sum of precisions"),
        ),
        Step(
            "own term",
            "every(p, j, implies(j >= 0, term(p, j)*w(j) == share(p, j)*share(p, j)))",
            ("terms", "precision"),
        ),
        Step("inverse", "every(p, j, implies(j >= 0, b(j)*V(j)*(Q(p, j)*w(j)) == Q(p, j)*V(j)))", ("precision",)),
        Step("own square", "every(p, j, b(j)*V(j)*(term(p, j)*V(j)) == pull(p, j)*pull(p, j))", ("terms", "pull")),
        Step(
            "times b V",
            "every(p, j, implies(j >= 0, b(j)*V(j)*gap(p, j + 1) == b(j)*V(j)*gap(p, j) + b(j)*V(j)*(Q(p, j)*w(j)) + b(j)*V(j)*(term(p, j)*V(j))"
            " - 2*T(p, j)*pull(p, j)))",
            ("gap after", "own term", "pull"),
        ),
        Step(
            "square",
            "every(p, j, implies(j >= 0, b(j)*V(j)*gap(p, j + 1) == (b(j)*V(j) + 1)*gap(p, j)"
            " + (T(p, j) - pull(p, j))*(T(p, j) - pull(p, j))))",
            ("times b V", "inverse", "own square", "gap"),
        ),
        Step(
            "more gap",
            "every(p, j, implies(j >= 0 and V(j) > 0 and gap(p, j) >= 0, gap(p, j + 1) >= 0))",
            ("square", "positive"),
        ),
        Step(
            "first gap",
            "every(p, implies(V(0) == 0, gap(p, 0) == 0 and gap(p, 1) == 0))",
            ("gap", "gap after", "sums", "own term"),
        ),
        Step(
            "one more",
            f"every(p, j, implies(j >= 0 and {CAUCHY.format('j')}, {CAUCHY.format('(j + 1)')}))",
            ("sums", "sum of precisions", "worth", "gap", "more gap", "first gap", "not negative"),
        ),
        Step(
            "cauchy",
            f"every(p, j, implies(j >= 0, {CAUCHY.format('j')}))",
            ("one more", "sums", "sum of precisions", "induction"),
        ),
        Step("once", "every(j, implies(j >= 0, w(j)*w(j)*b(j) == w(j)))", ("precision",)),
        Step(
            "part",
            "every(n, j, implies(n >= 1 and 0 <= j and j < n, (share(best(n), j)*V(n))*(share(best(n), j)*V(n))*b(j) == w(j)*w(j)*b(j)))",
            ("best weights",),
        ),
        Step(
            "part of terms",
            "every(n, j, implies(n >= 1 and 0 <= j and j < n, term(best(n), j)*V(n)*V(n) == w(j)))",
            ("part", "terms", "once"),
        ),
        Step("gain", "every(j, implies(j >= 0, w(j) == V(j + 1) - V(j)))", ("sum of precisions",)),
        Step(
            "one share more",
            "every(n, j, implies(n >= 1 and 0 <= j and j < n, T(best(n), j + 1)*V(n) == T(best(n), j)*V(n) + w(j)))",
            ("sums", "best weights"),
        ),
        Step(
            "one term more",
            "every(n, j, implies(n >= 1 and 0 <= j and j < n, Q(best(n), j + 1)*V(n)*V(n) == Q(best(n), j)*V(n)*V(n) + w(j)))",
            ("sums", "part of terms"),
        ),
        Step(
            "one part more",
            f"every(n, j, implies(n >= 1 and 0 <= j and j < n and {PARTS.format('j')}, {PARTS.format('(j + 1)')}))",
            ("one share more", "one term more", "gain"),
        ),
        Step(
            "parts",
            f"every(n, j, implies(n >= 1 and 0 <= j and j <= n, {PARTS.format('j')}))",
            ("one part more", "sums", "sum of precisions", "induction at best"),
        ),
        Step(
            "attained",
            "every(n, implies(n >= 1, T(best(n), n) == 1 and least(n)*V(n) == 1))",
            ("parts", "cauchy", "least"),
        ),
        Step(
            "least of all", "every(n, p, implies(n >= 1 and T(p, n) == 1, least(n) <= Q(p, n)))", ("attained", "cauchy")
        ),
        Step(
            "newcomer",
            "every(n, implies(n >= 1, least(n + 1)*(V(n) + w(n)) == 1 and V(n) > 0))",
            ("attained", "sum of precisions", "cauchy"),
        ),
        Step("falls", "every(n, implies(n >= 1, least(n + 1) < least(n)))", ("newcomer", "attained", "worth")),
        Step(
            "by how much",
            "every(n, implies(n >= 1, (least(n) - least(n + 1))*(least(n) + b(n)) == least(n)*least(n)))",
            ("newcomer", "attained", "precision", "positive"),
        ),
        Step("weights", WEIGHTS_CLAIM, ("attained", "least of all", "falls", "by how much", "least")),
    ),
)

LOWEST = "Q(p, {0}) >= b(i0)*T(p, {0})"
ALONE_CLAIM = (
    "every(p, n, implies(n >= 1 and convex(p) and T(p, n) == 1, Q(p, n) >= b(i0))) and Q(best(1), 1) == b(0)"
    " and implies(i0 == 0, every(p, n, implies(n >= 1 and convex(p) and T(p, n) == 1, Q(best(1), 1) <= Q(p, n))))"
)
ALONE_IS_LEAST = Proof(
    """
    Where the least b is not positive a square weighs it no more than the share itself: p^2 b >= p^2 b_0 >= p b_0, and the shares add up to 1. So nothing is below b_0,
    the model of that client alone (put first).
    """,
    SHARES
    | Theory(
        Vocabulary("i0: Int; convex: Weighting -> Bool"),
        {
            "lowest": "i0 >= 0 and b(i0) <= 0 and every(j, implies(j >= 0, b(j) >= b(i0)))",
            "induction": f"implies(every(p, {LOWEST.format(0)}) and every(p, j, implies(j >= 0 and convex(p) and {LOWEST.format('j')}, {LOWEST.format('(j + 1)')})),"
            f" every(p, j, implies(j >= 0 and convex(p), {LOWEST.format('j')})))",
        },
        {
            "convex": "every(p, j, implies(convex(p) and j >= 0, 0 <= share(p, j) and share(p, j) <= 1))",
            "the first alone": "share(best(1), 0) == 1",
        },
    ),
    ALONE_CLAIM,
    (
        Step(
            "a square",
            "every(p, j, implies(convex(p) and j >= 0, share(p, j)*share(p, j) <= share(p, j)))",
            ("convex",),
        ),
        Step(
            "a term",
            "every(p, j, implies(convex(p) and j >= 0, term(p, j) >= b(i0)*share(p, j)))",
            ("a square", "terms", "lowest", "convex"),
        ),
        Step(
            "one more",
            f"every(p, j, implies(j >= 0 and convex(p) and {LOWEST.format('j')}, {LOWEST.format('(j + 1)')}))",
            ("a term", "sums"),
        ),
        Step(
            "all",
            f"every(p, j, implies(j >= 0 and convex(p), {LOWEST.format('j')}))",
            ("one more", "sums", "induction"),
        ),
        Step("alone", "Q(best(1), 1) == b(0)", ("sums", "terms", "the first alone")),
        Step("least", ALONE_CLAIM, ("all", "alone")),
    ),
)

MEMBERS_CLAIM = (
    "iff(a <= x, w*K*(K + 1) >= 2*theta*V*(V + w)) and implies(V == K*w, iff(a <= x, theta <= q))"
    " and implies(theta == 0, a < x)"
)
MEMBERS = Proof(
    """
    On the distribution of a participant drawn with equal chances the least error is theta (1 - 2/K) + 1/V: the spread grows by 2 theta / (K (K + 1)), the rest falls by
    w / (V (V + w)). Among equals w = V / K = 1 / (q + theta), and that is theta <= q.
    """,
    Theory(
        Vocabulary("K V w q theta x a: Real"),
        {"sizes": "K >= 1 and V > 0 and q > 0 and theta >= 0"},
        {
            "precision": "w*(q + theta) == 1",
            "before": "x*K*V == theta*(K - 2)*V + K",
            "after": "a*(K + 1)*(V + w) == theta*(K - 1)*(V + w) + (K + 1)",
        },
    ),
    MEMBERS_CLAIM,
    (
        Step("worth", "w > 0", ("precision", "sizes")),
        Step(
            "gap",
            "(x - a)*(K*(K + 1)*V*(V + w)) == w*K*(K + 1) - 2*theta*V*(V + w)",
            ("before", "after"),
        ),
        Step("factor", "K*(K + 1)*V*(V + w) > 0", ("sizes", "worth")),
        Step("helps", "iff(a <= x, w*K*(K + 1) >= 2*theta*V*(V + w))", ("gap", "factor")),
        Step(
            "equals", "implies(V == K*w, w*K*(K + 1) - 2*theta*V*(V + w) == w*w*K*(K + 1)*(q - theta))", ("precision",)
        ),
        Step("positive", "w*w*K*(K + 1) > 0", ("sizes", "worth")),
        Step("among equals", "implies(V == K*w, iff(a <= x, theta <= q))", ("helps", "equals", "positive")),
        Step("iid", "implies(theta == 0, a < x)", ("gap", "factor", "sizes", "worth")),
        Step("members", MEMBERS_CLAIM, ("helps", "among equals", "iid")),
    ),
)

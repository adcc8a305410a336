"""Written proofs about DriftPay-CO for every number of workers, their algebra checked step by step.

Conventions in all of them. ``N`` is the set of workers, ``rho_i = b_i / v_i``, the order is by ``rho`` and then by index, ``S_k`` its
first ``k``. ``W(S)`` is the set ORP hires from ``S`` (ties settled without looking at bids), ``M(S) = v(W(S))``. About ORP the proofs use two
facts only: ``M(S) <= M(T)`` for ``S`` inside ``T`` (what is placeable in ``S`` is placeable in ``T``), and ``M(S + i) <= M(S) + v_i`` (take ``i`` out
of the best set; what is left is placeable and inside ``S``). Both hold with caps, with seats and for every downward closed family.
"""

from __future__ import annotations

from .algebra import Proof, Step

__all__ = [
    "BUDGET",
    "CAPS",
    "DSIC",
    "FEASIBLE",
    "NOISE_ALG",
    "NOISE_OPT",
    "ORACLE",
    "RATIO",
    "RATIONAL",
    "SMALL_COSTS",
    "SOMEBODY",
]

MONOTONE_TEST = Step(
    says="once a prefix fails the test, every longer one fails",
    given={
        "later": "r2 - r1 >= 0",
        "larger": "M2 - M1 >= 0",
        "ratio": "r1 >= 0",
        "value": "M2 >= 0",
        "fails": "r1*M1 - B > 0",
    },
    claim="r2*M2 - B > 0",
    because=[("later", "value"), ("ratio", "larger"), ("fails",)],
)

DSIC = Proof(
    text="""
    Fix the others' bids and let i win at some bid, with prefix S = S_k*, price p = min(rho_next, B / M(S)).
    (1) Move i's ratio to any r with r < p, or r = rho_next with i before that worker in the order. S stays a prefix: its members
    other than i keep their ratios, and i still comes before the next worker. Its last ratio is the larger of r and an old
    ratio of S; with both, the test of S holds [stays affordable]. The prefix after S is the same set with the same last ratio, so
    it fails as before, and all longer ones fail [once failed]. So the chosen prefix is S again, W(S) does not look at bids, i wins,
    and the price is p again.
    (2) Move it to r > p. The prefix that ends at i, call it P, contains S. If p = B / M(S), its test fails [above the budget price].
    If p = rho_next, then P contains S and the next worker, and its test fails [above the next ratio]. So i is outside the chosen
    prefix and loses.
    Hence from any winning bid upwards i wins exactly up to the threshold v_i p and is paid v_i p. Lowering i's bid from a winning
    one keeps S a prefix that passes and the one after it failing, as in (1), so i wins at every lower bid, at the same price.
    So there is one threshold, allocation is monotone, and a winner is paid the threshold: bidding the cost wins exactly when
    the threshold is at least the cost (at equality both outcomes are worth 0) [truth is best].
    """,
    steps=(
        MONOTONE_TEST,
        Step(
            says="stays affordable: below B / M(S) the test of S holds for the new ratio",
            given={"price": "B/M - r >= 0", "value": "M > 0"},
            claim="B - r*M >= 0",
            because=[("price", "value")],
        ),
        Step(
            says="above the budget price: the prefix that ends at i fails",
            given={"above": "r*M - B > 0", "larger": "MP - M >= 0", "ratio": "r > 0"},
            claim="r*MP - B > 0",
            because=[("ratio", "larger"), ("above",)],
        ),
        Step(
            says="above the next ratio: the prefix that ends at i fails",
            given={
                "above": "r - next > 0",
                "ratio": "next >= 0",
                "larger": "MP - Mnext >= 0",
                "value": "MP >= 0",
                "fails": "next*Mnext - B > 0",
            },
            claim="r*MP - B > 0",
            because=[("above", "value"), ("ratio", "larger"), ("fails",)],
        ),
        Step(
            says="truth is best: a lie that wins at the threshold t when the truth loses (t <= c) gains nothing",
            given={"loses": "c - t >= 0"},
            claim="0 - (t - c) >= 0",
            because=[("loses",)],
        ),
        Step(
            says="truth is best: a lie that loses when the truth wins (c <= t) gains nothing",
            given={"wins": "t - c >= 0"},
            claim="(t - c) - 0 >= 0",
            because=[("wins",)],
        ),
    ),
)

ORACLE = Proof(
    text="""
    Let W(S), inside S, be any rule that does not look at bids, M(S) = v(W(S)), monotone or not, and k* the *largest* index whose prefix passes. Let i win
    with prefix S and price p = min(rho_next, B / M(S)). Moved to a ratio up to p (before the next worker), S still passes [below], and the longer
    prefixes keep their sets and last ratios and fail as before: same prefix, same price. Moved above p, let P be the prefix that ends at i, or a
    longer one. If P = S, it fails [above]. If P is larger than S, the same set was a prefix before the move, with a last ratio that was not
    higher, and failed, since k* was the largest to pass: it fails now [worse]. So i is outside the chosen prefix and loses. Rational: S passes,
    so B / M(S) >= rho_k*; budget: p M(S) <= B.
    """,
    steps=(
        Step("below", {"price": "B/M - r >= 0", "value": "M > 0"}, "B - r*M >= 0", [("price", "value")]),
        Step("above", {"price": "r - B/M > 0", "value": "M > 0"}, "r*M - B > 0", [("price", "value")]),
        Step(
            "worse: what failed at a ratio fails at a higher one",
            {"failed": "q*M - B > 0", "higher": "r - q >= 0", "value": "M >= 0"},
            "r*M - B > 0",
            [("failed",), ("higher", "value")],
        ),
    ),
)

RATIONAL = Proof(
    text="""
    A winner i lies in S = S_k*, so rho_i <= rho_k*. The price is one of two numbers. rho_{k*+1} >= rho_k* by the order; and
    B / M(S) >= rho_k* because S passes the test. Either way v_i p >= v_i rho_k* >= v_i rho_i = b_i.
    """,
    steps=(
        Step(
            says="paid at the next ratio",
            given={"order": "next - last >= 0", "inside": "last - b/v >= 0", "score": "v > 0"},
            claim="v*next - b >= 0",
            because=[("score", "order"), ("score", "inside")],
        ),
        Step(
            says="paid at the budget price: passing the test is B / M >= rho_k*",
            given={"passes": "B/M - last >= 0", "inside": "last - b/v >= 0", "score": "v > 0"},
            claim="v*B/M - b >= 0",
            because=[("score", "passes"), ("score", "inside")],
        ),
    ),
)

FEASIBLE = Proof(
    text="""
    The winners' scores add up to M(S), payments to p M(S), and p <= B / M(S).
    """,
    steps=(
        Step(
            says="p M <= B",
            given={"price": "B/M - p >= 0", "value": "M > 0"},
            claim="B - p*M >= 0",
            because=[("price", "value")],
        ),
    ),
)

SOMEBODY = Proof(
    text="""
    Let h be the first worker of the order that can be placed at all, and let c_h <= B. Workers before h are worth nothing to ORP, so
    M of the prefix that ends at h is v_h, and rho_h v_h = c_h <= B: the prefix passes, k* reaches it, and M(S_k*) >= v_h > 0. If
    c_h > B instead, that prefix fails, all longer ones fail, and nobody is hired. So the mechanism hires somebody if and only if
    the first placeable worker of the order costs at most B.
    """,
    steps=(
        Step(
            says="the prefix that ends at h passes",
            given={"cost": "B - c >= 0", "score": "v > 0"},
            claim="B - (c/v)*v >= 0",
            because=[("cost",)],
        ),
        MONOTONE_TEST,
    ),
)

OUTSIDE = Step(
    says="the optimum's part outside the prefix is worth less than ALG + v_next",
    given={
        "spends": "B - next*out >= 0",
        "fails": "next*Mnext - B > 0",
        "step": "ALG + vnext - Mnext >= 0",
        "ratio": "next > 0",
    },
    claim="next*(ALG + vnext - out) > 0",
    because=[("ratio", "step"), ("fails",), ("spends",)],
)

RATIO = Proof(
    text="""
    Everybody bids the cost, every cost is at most B. If k* = n, OPT <= M(N) = ALG. Otherwise let "next" be the worker after S = S_k*; its
    ratio is positive, or it would have passed. Split an optimal set: inside S it is worth at most M(S) = ALG; its outside part costs at
    least rho_next per unit of score, so is worth less than ALG + v_next [outside]. So OPT < 2 ALG + v_next, whatever was assumed
    so far about costs. Since somebody is hired (every cost is at most B; if nobody can be placed OPT = 0), ALG >= v_min, and the claim
    follows [closed form].
    """,
    steps=(
        OUTSIDE,
        Step(
            says="OPT < 2 ALG + v_next",
            given={"split": "ALG + out - OPT >= 0", "outside": "ALG + vnext - out > 0"},
            claim="2*ALG + vnext - OPT > 0",
            because=[("split",), ("outside",)],
        ),
        Step(
            says="closed form",
            given={
                "bound": "2*ALG + vnext - OPT > 0",
                "top": "vmax - vnext >= 0",
                "some": "ALG - vmin >= 0",
                "low": "vmin > 0",
                "high": "vmax > 0",
            },
            claim="vmin*(2*ALG + ALG*vmax/vmin - OPT) > 0",
            because=[("low", "bound"), ("low", "top"), ("high", "some")],
        ),
    ),
)

SMALL_COSTS = Proof(
    text="""
    Let every cost be at most beta B with beta < 1. As in Theorem 6.2, OPT <= ALG if k* = n, and OPT < 2 ALG + v_next otherwise. But
    the next worker is cheap and its prefix fails, so it is worth little beside it: rho_next v_next <= beta B < beta rho_next M(S + next)
    <= beta rho_next (ALG + v_next), that is (1 - beta) v_next < beta ALG [small]. Together: (1 - beta) OPT < (2 - beta) ALG. Scores do
    not appear.
    """,
    steps=(
        OUTSIDE,
        Step(
            says="small: the next worker is worth less than beta / (1 - beta) times ALG",
            given={
                "cheap": "beta*B - next*vnext >= 0",
                "fails": "next*Mnext - B > 0",
                "step": "ALG + vnext - Mnext >= 0",
                "ratio": "next > 0",
                "beta": "beta > 0",
            },
            claim="next*(beta*ALG - (1 - beta)*vnext) > 0",
            because=[("beta", "ratio", "step"), ("beta", "fails"), ("cheap",)],
        ),
        Step(
            says="(1 - beta) OPT < (2 - beta) ALG",
            given={
                "bound": "2*ALG + vnext - OPT > 0",
                "small": "beta*ALG - (1 - beta)*vnext > 0",
                "rest": "1 - beta > 0",
            },
            claim="(2 - beta)*ALG - (1 - beta)*OPT > 0",
            because=[("rest", "bound"), ("small",)],
        ),
    ),
)

NOISE_OPT = Proof(
    text="""
    Everybody bids the cost, every cost is at most B, and the mechanism sees u with (1 - e) v <= u <= (1 + e) v, e < 1. Write W for its winners,
    ALG = v(W) their true score, u(W) what it sees. Split a set that is optimal for the true scores. Inside the prefix, u(W) is at
    least the part's u, so the part's true score is at most (1 + e) / (1 - e) ALG [inside]. Outside, u is less than u(W) + u_next as in
    Theorem 6.2, and turning both sides into true scores [outside] gives (1 - e) out < (1 + e) (ALG + v_next). Somebody is hired, so
    v_next <= (vmax / vmin) ALG, and the sum is the claim, with the true scores' vmax / vmin.
    """,
    steps=(
        Step(
            says="inside the prefix",
            given={
                "best": "uW - uin >= 0",
                "over": "(1 + e)*ALG - uW >= 0",
                "under": "uin - (1 - e)*inn >= 0",
            },
            claim="(1 + e)*ALG - (1 - e)*inn >= 0",
            because=[("over",), ("best",), ("under",)],
        ),
        Step(
            says="outside the prefix",
            given={
                "bound": "uW + unext - uout > 0",
                "over": "(1 + e)*ALG - uW >= 0",
                "next": "(1 + e)*vnext - unext >= 0",
                "under": "uout - (1 - e)*out >= 0",
            },
            claim="(1 + e)*(ALG + vnext) - (1 - e)*out > 0",
            because=[("bound",), ("over",), ("next",), ("under",)],
        ),
        Step(
            says="(1 - e) OPT < (1 + e) (2 + vmax / vmin) ALG",
            given={
                "inside": "(1 + e)*ALG - (1 - e)*inn >= 0",
                "outside": "(1 + e)*(ALG + vnext) - (1 - e)*out > 0",
                "split": "inn + out - OPT >= 0",
                "rest": "1 - e > 0",
                "some": "ALG - vmin >= 0",
                "top": "vmax - vnext >= 0",
                "low": "vmin > 0",
                "high": "vmax > 0",
                "noise": "1 + e > 0",
            },
            claim="vmin*((1 + e)*(2*ALG + ALG*vmax/vmin) - (1 - e)*OPT) > 0",
            because=[
                ("low", "inside"),
                ("low", "outside"),
                ("low", "rest", "split"),
                ("noise", "low", "top"),
                ("noise", "high", "some"),
            ],
        ),
    ),
)

NOISE_ALG = Proof(
    text="""
    The mechanism sees u with (1 - e) v <= u <= (1 + e) v, e < 1, and hires W; let V be what it would procure seeing v, with prefix ratio rho_k.
    If the set hired under v lies inside the prefix chosen under u, then V <= (1 + e) / (1 - e) v(W) [inside]. Otherwise some worker i of that set
    lies outside, so rho_k >= c_i / v_i >= (1 - e) c_i / u_i >= (1 - e) h, h the ratio under u of the first worker left out; V passes the
    test under v, the next prefix fails it under u [reach], and turning estimates into true scores gives
    (1 - e) V < (1 + e) (v(W) + v_next) [outside]. No assumption on costs is used.
    """,
    steps=(
        Step(
            says="inside",
            given={"best": "uW - uV >= 0", "over": "(1 + e)*ALG - uW >= 0", "under": "uV - (1 - e)*V >= 0"},
            claim="(1 + e)*ALG - (1 - e)*V >= 0",
            because=[("over",), ("best",), ("under",)],
        ),
        Step(
            says="reach: (1 - e) V < u(W) + u_next",
            given={
                "order": "rk - (1 - e)*h >= 0",
                "passes": "B - rk*V >= 0",
                "fails": "h*Mnext - B > 0",
                "step": "uW + unext - Mnext >= 0",
                "ratio": "h > 0",
                "value": "V >= 0",
            },
            claim="h*(uW + unext - (1 - e)*V) > 0",
            because=[("ratio", "step"), ("fails",), ("passes",), ("value", "order")],
        ),
        Step(
            says="outside",
            given={
                "reach": "uW + unext - (1 - e)*V > 0",
                "over": "(1 + e)*ALG - uW >= 0",
                "next": "(1 + e)*vnext - unext >= 0",
            },
            claim="(1 + e)*(ALG + vnext) - (1 - e)*V > 0",
            because=[("reach",), ("over",), ("next",)],
        ),
        Step(
            says="with every cost at most B, (1 - e) V < (1 + e) (1 + vmax / vmin) ALG",
            given={
                "bound": "(1 + e)*(ALG + vnext) - (1 - e)*V > 0",
                "some": "ALG - vmin >= 0",
                "top": "vmax - vnext >= 0",
                "low": "vmin > 0",
                "high": "vmax > 0",
                "noise": "1 + e > 0",
            },
            claim="vmin*((1 + e)*(ALG + ALG*vmax/vmin) - (1 - e)*V) > 0",
            because=[("low", "bound"), ("noise", "low", "top"), ("noise", "high", "some")],
        ),
    ),
)

BUDGET = Proof(
    text="""
    The order does not depend on B. Let B < B'. A prefix that passes at B passes at B' [passes], so k* does not fall and, M being
    monotone, neither does the score. If k* stays, both terms of the price weakly rise. If it grows to k' > k*, both terms of the new
    price are at least rho_k' (the next ratio by the order, B' / M(S_k') because S_k' passes), rho_k' >= rho_{k*+1}, and that is at least
    the old price.
    """,
    steps=(
        Step(
            says="passes",
            given={"more": "B2 - B1 > 0", "passes": "B1 - r*M >= 0"},
            claim="B2 - r*M >= 0",
            because=[("more",), ("passes",)],
        ),
        Step(
            says="same prefix: the budget price rises",
            given={"more": "B2 - B1 > 0", "value": "1/M > 0"},
            claim="B2/M - B1/M >= 0",
            because=[("more", "value")],
        ),
        Step(
            says="longer prefix: the price is at least the old next ratio, so at least the old price",
            given={"new": "p2 - rk >= 0", "order": "rk - next >= 0", "old": "next - p1 >= 0"},
            claim="p2 - p1 >= 0",
            because=[("new",), ("order",), ("old",)],
        ),
    ),
)

CAPS = Proof(
    text="""
    The order does not depend on caps. Write M for ORP under the tight caps, R >= M for ORP under the relaxed ones, k for k* under the tight
    and h for k* under the relaxed caps. If h >= k, the relaxed score R(S_h) >= R(S_k) >= M(S_k). If h < k, then S_{h+1} fails under the
    relaxed caps and S_k passes under the tight ones, with rho_k >= rho_{h+1}: so M(S_k) < R(S_{h+1}) [less], and R(S_{h+1}) <= R(S_h) + v of
    worker h + 1. So the relaxed score is more than the tight score minus one worker's score.
    """,
    steps=(
        Step(
            says="less",
            given={
                "passes": "B - rk*M >= 0",
                "fails": "rh*R - B > 0",
                "order": "rk - rh >= 0",
                "value": "M >= 0",
            },
            claim="rh*(R - M) > 0",
            because=[("fails",), ("passes",), ("order", "value")],
        ),
        Step(
            says="more than the tight score minus one worker's score",
            given={"less": "Rnext - M > 0", "step": "R + v - Rnext >= 0"},
            claim="R - (M - v) > 0",
            because=[("less",), ("step",)],
        ),
    ),
)

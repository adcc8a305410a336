"""Network effects under eq. (3), in units of the noise ``d * data_variance``: who helps whom, for all real parameters.

``g`` and ``q`` stand for ``1/H`` and ``1/D``: a coalition of ``K`` clients of harmonic mean size ``H`` has the error ``x`` with
``x K = g + theta (K - 1)``; eq. (3) is used multiplied out, so that no step divides.
"""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["BUYER", "BY_SIZE", "EXAMPLE", "IID", "JOIN", "MERGE", "REGIONS", "THIRD", "TURNING"]

# ------------------------------------------------------------------ Corollary 1

MERGE_CLAIM = "iff(e < e_A and e < e_B, theta < phi_AB and theta < phi_BA)"
MERGE = Proof(
    "The difference of the errors of both and of A alone is phi(A, B) - theta times a positive factor; and the same with A and B exchanged.",
    Theory(
        Vocabulary("N_A N_B g_A g_B H_A H_B theta e e_A e_B phi_AB phi_BA: Real"),
        {"sizes": "N_A > 0 and N_B > 0 and g_A*H_A == 1 and g_B*H_B == 1 and H_A > 0 and H_B > 0 and theta >= 0"},
        {
            "error of A": "e_A*N_A == g_A + theta*(N_A - 1)",
            "error of B": "e_B*N_B == g_B + theta*(N_B - 1)",
            "error of both": "e*(N_A + N_B)*(N_A + N_B) == N_A*g_A + N_B*g_B + theta*(N_A + N_B)*(N_A + N_B - 1)",
            "phi": "phi_AB*(N_A + N_B) == (2*N_A + N_B)*g_A - N_A*g_B and phi_BA*(N_A + N_B) == (2*N_B + N_A)*g_B - N_B*g_A",
        },
    ),
    MERGE_CLAIM,
    (
        Step(
            "gap to A",
            "N_A*(N_A + N_B)*(N_A + N_B)*(e_A - e) == N_B*(N_A + N_B)*(phi_AB - theta)",
            ("error of A", "error of both", "phi"),
        ),
        Step(
            "gap to B",
            "N_B*(N_A + N_B)*(N_A + N_B)*(e_B - e) == N_A*(N_A + N_B)*(phi_BA - theta)",
            ("error of B", "error of both", "phi"),
        ),
        Step("below A", "iff(e < e_A, theta < phi_AB)", ("gap to A", "sizes")),
        Step("below B", "iff(e < e_B, theta < phi_BA)", ("gap to B", "sizes")),
        Step("below both", MERGE_CLAIM, ("below A", "below B")),
    ),
)

# ------------------------------------------------------------------ Theorem 1

JOINING = Theory(
    Vocabulary("K g H q D theta x a Phi: Real"),
    {"sizes": "K >= 1 and g*H == 1 and H > 0 and q*D == 1 and D > 0 and theta >= 0"},
    {
        "error before": "x*K == g + theta*(K - 1)",
        "error after": "a*(K + 1)*(K + 1) == K*g + q + theta*(K + 1)*K",
        "Phi": "Phi*(K + 1) == (2*K + 1)*g - K*q",
    },
)
JOIN_STEPS = (
    Step("gap", "K*(K + 1)*(K + 1)*(x - a) == (K + 1)*(Phi - theta)", ("error before", "error after", "Phi")),
    Step("join", "iff(a <= x, theta <= Phi)", ("gap", "sizes")),
)
JOIN = Proof(
    "The error before less the error after is Phi - theta times a positive factor.",
    JOINING,
    "iff(a <= x, theta <= Phi)",
    JOIN_STEPS,
)

BUYER_CLAIM = "iff(a <= x, Phi + theta >= 0) and implies(theta >= q, a <= x)"
BUYER = Proof(
    """
    On the distribution of a client that takes no part the spread counts (K + 1) / K times instead of (K - 1) / K times, which falls as K grows: the error before less the error after is
    Phi + theta times a positive factor.
    """,
    Theory(
        JOINING.vocabulary,
        JOINING.axioms,
        {
            "buyer before": "x*K == g + theta*(K + 1)",
            "buyer after": "a*(K + 1)*(K + 1) == K*g + q + theta*(K + 1)*(K + 2)",
            "Phi": JOINING.definitions["Phi"],
        },
    ),
    BUYER_CLAIM,
    (
        Step("gap", "K*(K + 1)*(K + 1)*(x - a) == (K + 1)*(Phi + theta)", ("buyer before", "buyer after", "Phi")),
        Step("join", "iff(a <= x, Phi + theta >= 0)", ("gap", "sizes")),
        Step("least", "Phi >= -q", ("Phi", "sizes")),
        Step("buyers", BUYER_CLAIM, ("join", "least")),
    ),
)

BY_SIZE_CLAIM = "b < y and (y - b)*(S + D) == y*D"
BY_SIZE = Proof(
    "Averaged by data size the models are worth one trained on all data together: the error is the noise over the sum of the sizes.",
    Theory(
        Vocabulary("S D y b: Real"),
        {"data": "S > 0 and D > 0"},
        {"error before": "y*S == 1", "error after": "b*(S + D) == 1"},
    ),
    BY_SIZE_CLAIM,
    (
        Step("gap", "(y - b)*(S + D) == y*D", ("error before", "error after")),
        Step("positive", "y*D > 0", ("error before", "data")),
        Step("less", BY_SIZE_CLAIM, ("gap", "positive", "data")),
    ),
)

THIRD_CLAIM = (
    "implies(a <= x, (2*K + 1)*D >= K*H and 3*D >= H) and implies(theta == 0, iff(a <= x, (2*K + 1)*D >= K*H))"
)
THIRD = Proof(
    "Phi >= 0 if and only if D >= H K / (2 K + 1), and that share of H is 1/3 at K = 1 and rises.",
    JOINING,
    THIRD_CLAIM,
    (
        *JOIN_STEPS,
        Step("sign of Phi", "iff(Phi >= 0, (2*K + 1)*g >= K*q)", ("Phi", "sizes")),
        Step("in sizes", "iff((2*K + 1)*g >= K*q, (2*K + 1)*D >= K*H)", ("sizes",)),
        Step("a third", "implies((2*K + 1)*D >= K*H, 3*D >= H)", ("sizes",)),
        Step("share", THIRD_CLAIM, ("join", "sign of Phi", "in sizes", "a third", "sizes")),
    ),
)

# ------------------------------------------------------------------ Theorem 2

FOLLOWED = Theory(
    Vocabulary("K g H q D theta Phi j l m far: Real; eps: Real -> Real; helps distant: Real -> Bool"),
    {"sizes": "K >= 1 and g*H == 1 and H > 0 and q*D == 1 and D > 0 and theta >= 0"},
    {
        "errors": "every(j, implies(j >= 0, eps(j)*(K + j)*(K + j) == K*g + j*q + theta*(K + j)*(K + j - 1)))",
        "helps": "every(j, iff(helps(j), eps(j + 1) <= eps(j)))",
        "far": "theta == q or far*(theta - q) == 2*K*(g - q)",
        "distant": "every(j, iff(distant(j), j >= 0 and j > far))",
    },
)
EFFECT = "(q - theta)*(K + {0})*(K + {0} + 1) >= K*(q - g)*(2*(K + {0}) + 1)"
FALLS = "every(j, l, implies(0 <= j and j <= l and helps(l), helps(j)))"
RISES = "every(j, l, implies(0 <= j and j <= l and helps(j), helps(l)))"

FOLLOWED_STEPS = (
    Step(
        "gap",
        "every(j, implies(j >= 0, (K + j)*(K + j)*(K + j + 1)*(K + j + 1)*(eps(j) - eps(j + 1))"
        " == (q - theta)*(K + j)*(K + j + 1) - K*(q - g)*(2*(K + j) + 1)))",
        ("errors",),
        says="the effect of the next client, times a positive factor",
    ),
    Step(
        "sign",
        f"every(j, implies(j >= 0, iff(helps(j), {EFFECT.format('j')})))",
        ("gap", "helps", "sizes"),
    ),
    Step(
        "grows",
        "every(j, l, implies(0 <= j and j <= l, (K + j)*(K + j + 1)*(2*(K + l) + 1) <= (K + l)*(K + l + 1)*(2*(K + j) + 1)))",
        ("sizes",),
        says="x (x + 1) / (2 x + 1) grows",
    ),
)
ONCE_UP = Step(
    "once more data than the spread",
    f"implies(theta <= q, {RISES})",
    ("sign", "grows", "sizes"),
    says="where theta <= 1/D, who helps at j helps at every later l",
)
ONCE_DOWN = Step(
    "once less data than the spread",
    f"implies(theta >= q, {FALLS})",
    ("sign", "grows", "sizes"),
)
AT_LAST = (
    Step(
        "helps far out",
        "implies(theta < q, every(j, implies(distant(j), helps(j))))",
        ("sign", "sizes", "distant", "far"),
    ),
    Step(
        "harms far out",
        "implies(theta > q, every(j, implies(distant(j), not helps(j))))",
        ("sign", "sizes", "distant", "far"),
    ),
    Step("far out", "some(j, distant(j))", ("distant",)),
    Step("helps at last", "implies(theta < q, some(j, j >= 0 and helps(j)))", ("helps far out", "far out", "distant")),
    Step(
        "harms at last", "implies(theta > q, some(j, j >= 0 and not helps(j)))", ("harms far out", "far out", "distant")
    ),
)

REGIONS_CLAIM = (
    f"implies(q < theta and theta <= Phi, helps(0) and {FALLS} and some(j, j >= 0 and not helps(j)))"
    " and implies(theta <= q and theta <= Phi, every(j, implies(j >= 0, helps(j))))"
    " and implies(theta >= q and theta > Phi, every(j, implies(j >= 0, not helps(j))))"
    f" and implies(Phi < theta and theta < q, not helps(0) and {RISES} and some(j, j >= 0 and helps(j)))"
)
REGIONS = Proof(
    """
    The next client's effect has the sign of (1/D - theta) G(K + j) - K (1/D - 1/H), G(x) = x (x + 1) / (2 x + 1), which grows without bound: it changes sign
    at most once, towards that of 1/D - theta; at j = 0 it is that of Phi - theta.
    """,
    FOLLOWED | Theory(Vocabulary(""), {}, {"Phi": JOINING.definitions["Phi"]}),
    REGIONS_CLAIM,
    (
        *FOLLOWED_STEPS,
        Step("first", "iff(helps(0), theta <= Phi)", ("sign", "Phi", "sizes")),
        ONCE_UP,
        ONCE_DOWN,
        *AT_LAST,
        Step(
            "I",
            f"implies(q < theta and theta <= Phi, helps(0) and {FALLS} and some(j, j >= 0 and not helps(j)))",
            ("first", "once less data than the spread", "harms at last"),
        ),
        Step(
            "II",
            "implies(theta <= q and theta <= Phi, every(j, implies(j >= 0, helps(j))))",
            ("first", "once more data than the spread"),
        ),
        Step(
            "III",
            "implies(theta >= q and theta > Phi, every(j, implies(j >= 0, not helps(j))))",
            ("first", "once less data than the spread"),
        ),
        Step(
            "IV",
            f"implies(Phi < theta and theta < q, not helps(0) and {RISES} and some(j, j >= 0 and helps(j)))",
            ("first", "once more data than the spread", "helps at last"),
        ),
        Step("regions", REGIONS_CLAIM, ("I", "II", "III", "IV")),
    ),
)

II_CLAIM = "theta <= q and theta <= Phi"
IV_CLAIM = "Phi < theta and theta < q"
IID_CLAIM = (
    f"(({II_CLAIM}) or ({IV_CLAIM})) and not (q < theta and theta <= Phi) and not (theta >= q and theta > Phi)"
    f" and implies({II_CLAIM}, every(j, implies(j >= 0, helps(j))))"
    f" and implies({IV_CLAIM}, not helps(0) and {RISES} and some(j, j >= 0 and helps(j)))"
)
IID = Proof(
    "At theta = 0 < 1/D the boundary theta = 1/D lies above: Regions I and III are out of reach, and II and IV share what is left.",
    REGIONS.theory,
    IID_CLAIM,
    (
        *REGIONS.steps,
        Step("below the spread", "theta < q", ("sizes", "no variance")),
        Step("two regions", IID_CLAIM, ("below the spread", "II", "IV")),
    ),
    {"no variance": "theta == 0"},
)

EXAMPLE_CLAIM = (
    f"implies(K*H > (2*K + 1)*D, not helps(0) and {RISES} and some(j, j >= 0 and helps(j))) and implies(H > D, b2 < b1)"
)
EXAMPLE = Proof(
    """
    Two types at theta = 0, K clients of the larger size H, to which j of the smaller size D come: region IV if K H > (2 K + 1) D, so the error rises, then falls.
    One more client of the larger size beside m of them and l of the smaller always lowers it, from b1 to b2.
    """,
    FOLLOWED
    | Theory(
        Vocabulary("n A b1 b2: Real"),
        {},
        {
            "larger beside smaller": "l >= 0 and m > 0 and n == l + m and A == l*q + m*g and b1*n*n == A and b2*(n + 1)*(n + 1) == A + g"
        },
    ),
    EXAMPLE_CLAIM,
    (
        *FOLLOWED_STEPS,
        Step("first", "implies(theta == 0, iff(helps(0), (K + 1)*q >= (q - g)*(2*K + 1)))", ("sign", "sizes")),
        Step("first in sizes", "implies(theta == 0, iff(helps(0), (2*K + 1)*D >= K*H))", ("first", "sizes")),
        ONCE_UP,
        *AT_LAST,
        Step("smaller is dearer", "q > 0 and g > 0 and implies(H > D, g < q)", ("sizes",)),
        Step("much of it", "implies(H > D, A >= n*g)", ("larger beside smaller", "smaller is dearer")),
        Step(
            "more than one more",
            "implies(H > D, (A + g)*n*n < A*(n + 1)*(n + 1))",
            ("much of it", "larger beside smaller", "smaller is dearer"),
        ),
        Step(
            "multiplied out",
            "implies(H > D, b2*((n + 1)*(n + 1)*n*n) < b1*((n + 1)*(n + 1)*n*n))",
            ("more than one more", "larger beside smaller"),
        ),
        Step("always lower", "implies(H > D, b2 < b1)", ("multiplied out", "larger beside smaller")),
        Step(
            "example",
            EXAMPLE_CLAIM,
            (
                "first in sizes",
                "once more data than the spread",
                "helps at last",
                "always lower",
                "no variance",
                "smaller is dearer",
            ),
        ),
    ),
    {"no variance": "theta == 0"},
)

TURNING_CLAIM = "x < y and (y - x)*D2 < 2*n*c and implies(2*n*c <= D2, y - x < 1)"
TURNING = Proof(
    """
    The real turning point of (3) for theta = 0, small clients joining n large ones, is n (1 - 2 D1 / D2); that of the linear model has D - c in the place of D,
    c = d + 1. The second lies beyond the first, by less than 2 n c / D2.
    """,
    Theory(
        Vocabulary("n c D1 D2 x y: Real"),
        {"sizes": "n > 0 and 0 < c and c < D1 and D1 < D2"},
        {"stated peak": "x*D2 == n*(D2 - 2*D1)", "linear peak": "y*(D2 - c) == n*(D2 - c - 2*(D1 - c))"},
    ),
    TURNING_CLAIM,
    (
        Step("shift", "(y - x)*D2*(D2 - c) == 2*n*c*(D2 - D1)", ("stated peak", "linear peak")),
        Step("beyond", "x < y", ("shift", "sizes")),
        Step("by less", "(y - x)*D2 < 2*n*c", ("shift", "sizes")),
        Step("turning", TURNING_CLAIM, ("beyond", "by less", "sizes")),
    ),
)

"""Label distributions drawn from a symmetric Dirichlet: how far clients are apart, and a signal that does not follow."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["CONCENTRATED", "LABEL_SKEW"]

SKEW_CLAIM = "K*K*(K*a + 1)*var_a == K - 1 and implies(a < b, var_a > var_b)"
LABEL_SKEW = Proof(
    """
    A class has the share 1 / K on average, and its square (b + 1) / (K (K b + 1)); so the variance is (K - 1) / (K^2 (K b + 1)), which falls with b. Two clients' shares are independent: the expected
    square of their distance, over all classes, is 2 K times that.
    """,
    Theory(
        Vocabulary("K a b mean square_a square_b var_a var_b: Real"),
        {"sizes": "K >= 2 and a > 0 and b > 0"},
        {
            "mean": "K*mean == 1",
            "squares": "square_a*K*(K*a + 1) == a + 1 and square_b*K*(K*b + 1) == b + 1",
            "variances": "var_a == square_a - mean*mean and var_b == square_b - mean*mean",
        },
    ),
    SKEW_CLAIM,
    (
        Step("of a", "K*K*(K*a + 1)*var_a == K - 1", ("mean", "squares", "variances", "sizes")),
        Step("of b", "K*K*(K*b + 1)*var_b == K - 1", ("mean", "squares", "variances", "sizes")),
        Step("positive", "var_a > 0 and var_b > 0 and K*K*K > 0", ("of a", "of b", "sizes")),
        Step("the same", "K*K*K*a*var_a + K*K*var_a == K*K*K*b*var_b + K*K*var_b", ("of a", "of b")),
        Step(
            "less",
            "implies(a < b and var_a <= var_b, K*K*K*a*var_a < K*K*K*b*var_b and K*K*var_a <= K*K*var_b)",
            ("positive", "sizes"),
        ),
        Step("skew", SKEW_CLAIM, ("of a", "the same", "less")),
    ),
)

CONCENTRATED_CLAIM = "var_a*(2*a + 1)*(2*a + 1)*(2*a + 3) == a and implies(a < b and 3*b <= 1, var_a < var_b)"
CONCENTRATED = Proof(
    """
    With two classes and shares x and 1 - x the sum of their squares is 1 - 2 x (1 - x). Of x (1 - x) the mean is b / (2 (2 b + 1)) and the mean square b (b + 1) / (4 (2 b + 1) (2 b + 3)), so the
    variance of the sum of squares is b / ((2 b + 1)^2 (2 b + 3)). That rises up to a third and beyond: the fewer classes each client holds, the more alike they are in how few.
    """,
    Theory(
        Vocabulary("a b mean_a mean_b square_a square_b var_a var_b: Real"),
        {"sizes": "a > 0 and b > 0"},
        {
            "means": "2*(2*a + 1)*mean_a == a and 2*(2*b + 1)*mean_b == b",
            "squares": "4*(2*a + 1)*(2*a + 3)*square_a == a*(a + 1) and 4*(2*b + 1)*(2*b + 3)*square_b == b*(b + 1)",
            "variances": "var_a == 4*(square_a - mean_a*mean_a) and var_b == 4*(square_b - mean_b*mean_b)",
        },
    ),
    CONCENTRATED_CLAIM,
    (
        Step("of a", "var_a*(2*a + 1)*(2*a + 1)*(2*a + 3) == a", ("means", "squares", "variances", "sizes")),
        Step("of b", "var_b*(2*b + 1)*(2*b + 1)*(2*b + 3) == b", ("means", "squares", "variances", "sizes")),
        Step(
            "rises",
            "implies(a < b and 3*b <= 1, a*(2*b + 1)*(2*b + 1)*(2*b + 3) < b*(2*a + 1)*(2*a + 1)*(2*a + 3))",
            ("sizes",),
        ),
        Step("weights", "(2*a + 1)*(2*a + 1)*(2*a + 3) > 0 and (2*b + 1)*(2*b + 1)*(2*b + 3) > 0", ("sizes",)),
        Step("less", "implies(a < b and 3*b <= 1, var_a < var_b)", ("of a", "of b", "rises", "weights")),
        Step("concentrated", CONCENTRATED_CLAIM, ("of a", "less")),
    ),
)

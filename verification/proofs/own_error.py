"""SWAN where a buyer's error is that on its own distribution, not a participant's."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["OWN_ERROR"]

OWN_ERROR_CLAIM = (
    "cost(k0) == 0 and every(k, cost(k) == N*share(k) - W(k)) and every(k, share(k) <= share(k0)) and share(k0) >= 0"
    " and every(k, implies(s > 0, left(k) < announced(k)))"
)
OWN_ERROR = Proof(
    """
    A buyer's error exceeds a participant's by 2 s / K, so SWAN, which prices the model by the participants' error, leaves a buyer less than a participant. With each role's own utility in price and rewards all
    end with the share again: it is greatest where welfare is, and the platform adds N share - W, which the ratio makes zero at k*.
    """,
    Theory(
        Vocabulary(
            """k k0: State; x y s N alpha least: Real; U: Real -> Real; K C W share announced left price paid cost ep eb: State -> Real"""
        ),
        {
            "counts": "N > 0 and every(k, K(k) >= 1 and K(k) <= N) and s >= 0",
            "least": "alpha >= 0 and every(k, least <= W(k))",
        },
        {
            "errors": "every(k, eb(k)*K(k) == ep(k)*K(k) + 2*s)",
            "welfare": "every(k, W(k) == K(k)*U(ep(k)) + (N - K(k))*U(eb(k)) - C(k))",
            "payments": "every(k, price(k) == U(eb(k)) - share(k) and paid(k) == C(k) + K(k)*(share(k) - U(ep(k))))",
            "balance": "every(k, cost(k) == paid(k) - (N - K(k))*price(k))",
            "share": "every(k, share(k)*N == alpha*(W(k) - least)) and alpha*(W(k0) - least) == W(k0)",
            "as announced": "every(k, left(k) == U(eb(k)) - (U(ep(k)) - announced(k)))",
        },
    ),
    OWN_ERROR_CLAIM,
    (
        Step("larger", "every(k, implies(s > 0, eb(k) > ep(k)))", ("errors", "counts")),
        Step("less", "every(k, implies(s > 0, left(k) < announced(k)))", ("larger", "as announced", "decreasing")),
        Step("platform", "every(k, cost(k) == N*share(k) - W(k))", ("welfare", "payments", "balance")),
        Step("balanced", "cost(k0) == 0", ("platform", "share")),
        Step(
            "ordered",
            "every(k, alpha*(W(k) - least) <= alpha*(W(k0) - least) and alpha*(W(k) - least) >= 0)",
            ("least", "optimal"),
        ),
        Step("shares", "every(k, share(k) <= share(k0)) and share(k0) >= 0", ("ordered", "share", "counts")),
        Step("own error", OWN_ERROR_CLAIM, ("less", "platform", "balanced", "shares")),
    ),
    {
        "decreasing": "every(x, y, implies(x < y, U(x) > U(y)))",
        "optimal": "every(k, W(k) <= W(k0))",
    },
)

"""What no truthful rule can do: two of three workers of scores 1, 1 and r, six profiles of bids."""

from __future__ import annotations

from .chain import Proof, Step, Theory
from .formula import Vocabulary

__all__ = ["THREE_WORKERS"]

PROFILES = {"0, 2, 4": "1 + r", "1, 2, 0": "2 + r", "1, 2, 3": "1 + r", "3, 0, 4": "1 + r", "3, 1, 0": "2 + r", "3, 1, 2": "1 + r"}  # fmt: skip
"""Bids in quarters of the budget, and the score of some set of workers who bid no more than it in all."""

ONE_UP = {
    "w1": ("a", "d", "w1(d, b, c)"),
    "w2": ("b", "e", "w2(a, e, c)"),
    "w3": ("c", "f", "w3(a, b, f)"),
}
"""Each worker's bid, another one, and whether it wins with that."""


def _pair(one: str, other: str) -> str:
    (_, mine, wins), (_, theirs, win) = ONE_UP[one], ONE_UP[other]
    return f"every(a, b, c, {mine}, {theirs}, implies({one}(a, b, c) and {other}(a, b, c) and {wins} and {win}, {mine} + {theirs} <= 4))"


THREE_CLAIM = "not (" + " and ".join(f"R*got({bids}) >= {best}" for bids, best in PROFILES.items()) + ")"
THREE_WORKERS = Proof(
    """
    B = 4. A truthful rule pays who is hired at least every bid with which it would be. At (0, 2, 4) and (3, 0, 4) a cheap worker alone is not enough, so worker 3 is hired, or both others are, whom the
    other profiles keep apart; at (1, 2, 0) and (3, 1, 0) worker 3 alone is not enough. Whoever is hired beside another at low bids is still hired at the high bids of another profile, and the two
    high bids are more than the budget. The six profiles are what is left of all profiles on the grid when an exact search over all rules finds that there is none.
    """,
    Theory(
        Vocabulary("a b c d e f r R: Real; w1 w2 w3: Real Real Real -> Bool; got: Real Real Real -> Real"),
        {
            "monotone": "every(a, b, c, d, implies(w1(a, b, c) and d <= a, w1(d, b, c)))"
            " and every(a, b, c, e, implies(w2(a, b, c) and e <= b, w2(a, e, c)))"
            " and every(a, b, c, f, implies(w3(a, b, c) and f <= c, w3(a, b, f)))",
            "payments": f"{_pair('w1', 'w2')} and {_pair('w1', 'w3')} and {_pair('w2', 'w3')}",
        },
        {"got": "every(a, b, c, got(a, b, c) == (1 if w1(a, b, c) else 0) + (1 if w2(a, b, c) else 0) + (r if w3(a, b, c) else 0))"},
    ),
    THREE_CLAIM,
    (
        Step("one is not enough", "R < 1 + r and R*r < 2 + r and R > 0 and r >= 1", ("below",)),
        Step("three", THREE_CLAIM, ("one is not enough", "monotone", "payments", "got")),
    ),
    {"below": "r >= 1 and R > 0 and R < 1 + r and R*r < 2 + r"},
)  # fmt: skip

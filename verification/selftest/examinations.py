"""What takes more than a pair of optima: all methods on one market, the oracle, limits of time, the ways of large markets."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from .asking import Reply, ask, method_names
from .case import SOCIAL, Case
from .oracle import TooLarge, optimum
from .states import social_optimum

__all__ = ["EXAMINATIONS", "Statement"]


@dataclass(frozen=True)
class Statement:
    """``low <= high`` must hold, where both are known; or a reply that is faulty by itself.

    `kind` is the same for equal failures, `says` has the details.
    """

    kind: str
    says: str = ""
    low: Fraction | None = None
    high: Fraction | None = None
    faulty: Reply | None = None

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.faulty is None and (self.low is None or self.high is None or self.low <= self.high)


Examination = Callable[[Case, Reply, random.Random, float], Iterator[Statement]]


def agreement(first: Reply, second: Reply, slack: Fraction = Fraction(0)) -> Iterator[Statement]:
    """What one has reached the other must not exclude, and the reverse."""
    for a, b in ((first, second), (second, first)):
        high = None if b.high is None else b.high + slack * max(1, abs(b.high))
        yield Statement("disagreement", f"value by {a.method}, bound by {b.method}", a.low, high)


def by_all_methods(case: Case, base: Reply, draw: random.Random, limit: float) -> Iterator[Statement]:
    """Every pair of methods agrees; brute force and the literal formulations are among them."""
    seen = [base]
    for name in method_names(case):
        if name == base.method or not _quick(case, name, draw):
            continue
        reply = ask(case, name, limit / 3)
        if reply.status == "refused":
            continue
        if reply.fault is not None:
            yield Statement(f"{name}: {reply.fault}", faulty=reply)
            continue
        # The linearised model is right up to HiGHS's tolerances, and says so.
        slack = (
            Fraction(1, 10**5) if case.problem == SOCIAL and not reply.proved and name == "pyomo-highs" else Fraction(0)
        )
        for other in seen:
            yield from agreement(reply, other, slack)
        if slack == 0:
            seen.append(reply)


def _quick(case: Case, name: str, draw: random.Random) -> bool:
    """Whether a method is worth its time here: the literal formulations are slow, and enumerations explode."""
    if case.problem == SOCIAL:
        states = 1
        for row in case.document["types"]:
            states *= row["count"] + 1
        return draw.random() < 0.1 if name == "pyomo-highs" else name == "frontier" or states <= 400
    n, m = len(case.document["workers"]), len(case.document["requesters"])
    if name == "brute-force":
        return (m + 1) ** n <= 20_000 if case.problem in ("opt-sep", "cover") else n <= 9
    if name == "pyomo-highs":
        return n <= 40 and draw.random() < 0.06
    if name == "highs-arrays":
        return n <= 60 and draw.random() < 0.3
    return n <= 400


def by_oracle(case: Case, base: Reply, draw: random.Random, limit: float) -> Iterator[Statement]:
    """The optimum by counting kinds, or by enumerating states in fractions."""
    try:
        if case.problem == SOCIAL:
            low, high = social_optimum(case.literal_mots)
        else:
            low = high = optimum(case.literal, case.problem)
    except TooLarge:
        return
    right = Reply("the oracle", "optimal", proved=True, low=low, high=high)
    if low is None:
        if base.status != "infeasible":
            yield Statement("a state where none meets the requirement", faulty=base)
        return
    if base.status in ("infeasible", "none") and case.problem == SOCIAL:
        yield Statement("no state where there is one", faulty=base)
    yield from agreement(right, base)


def in_no_time(case: Case, base: Reply, draw: random.Random, limit: float) -> Iterator[Statement]:
    """Stopped early, the point is feasible, the bound valid, and the clock kept."""
    short = draw.choice([0.0, 0.0, 0.001, 0.01, 0.1])
    reply = ask(case, "auto", short)
    if reply.fault is not None:
        yield Statement(f"stopped early: {reply.fault}", faulty=reply)
        return
    yield from agreement(reply, base)
    yield Statement(
        "stopped too late",
        f"{reply.seconds:.2f} s with a limit of {short} s",
        Fraction(str(round(reply.seconds, 3))),
        Fraction(str(short)) * Fraction(21, 20) + Fraction(1, 2),
    )


EXAMINATIONS: dict[str, Examination] = {
    "all methods": by_all_methods,
    "the oracle": by_oracle,
    "stopped early": in_no_time,
}
"""By name."""

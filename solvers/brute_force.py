"""Every feasible assignment, one worker after the other: slow, literal, and independent of every other method.

The states reached after each worker are kept in a dictionary (slots and seats used, money spent, and for COVER what is covered
so far), so that equal situations are continued once. Nothing is pruned by a bound.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..models.procurement.market import Market
from .control import Control
from .registry import register
from .solution import Enumerated, Found

__all__ = ["enumerate_best"]

MAX_WORKERS = 16

LOOKS = 256
"""States between two looks at the clock."""


def enumerate_best(market: Market, problem: str, control: Control | None = None) -> tuple[Fraction, np.ndarray]:
    """Find the best assignment by exhaustion.

    Parameters
    ----------
    market : Market
        At most a few dozen reachable states per worker; meant for n <= 16.
    problem : {'orp', 'opt', 'opt-sep', 'cover'}
    control : Control, optional
        Deadline.

    Returns
    -------
    (Fraction, ndarray of int64, shape (n,))
        Optimal value and an assignment that attains it.

    Raises
    ------
    Stopped
        At the deadline.
    """
    control = control or Control()
    caps, seats = market.caps.tolist(), market.seats.tolist()
    budgets = [int(b) for b in market.scaled.budgets]
    costs = [0] * market.n if problem == "orp" else [int(c) for c in market.scaled.needed_costs]
    if problem == "opt-sep":
        purses = tuple(budgets)
    else:
        purses = (sum(budgets),)
    covered = () if market.scaled.coverage is None or problem != "cover" else (0,) * market.scaled.coverage.shape[1]
    start = (tuple(map(tuple, caps)), tuple(seats), purses, covered)
    reached: dict[tuple, tuple[int, tuple[int, ...]]] = {start: (0, ())}
    for i in range(market.n):
        l, after = int(market.group_of[i]), {}
        for looked, ((slots, free, money, seen), (value, chosen)) in enumerate(reached.items()):
            if looked % LOOKS == 0:
                control.check()
            options = [((slots, free, money, seen), (value, (*chosen, -1)))]
            for j in range(market.m):
                purse = j if problem == "opt-sep" else 0
                if slots[l][j] == 0 or free[j] == 0 or (problem != "orp" and money[purse] < costs[i]):
                    continue
                row = (*slots[l][:j], slots[l][j] - 1, *slots[l][j + 1 :])
                state = (
                    (*slots[:l], row, *slots[l + 1 :]),
                    (*free[:j], free[j] - 1, *free[j + 1 :]),
                    (*money[:purse], money[purse] - costs[i], *money[purse + 1 :]),
                    tuple(map(max, seen, (int(z) for z in market.scaled.coverage[i]))) if covered else seen,  # type: ignore[index]
                )
                gained = sum(state[3]) if problem == "cover" else value + int(market.scaled.scores[i])
                options.append((state, (gained, (*chosen, j))))
            for state, candidate in options:
                if state not in after or candidate[0] > after[state][0]:
                    after[state] = candidate
        reached = after
    best, assignment = max(reached.values(), key=lambda found: found[0])
    unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
    return Fraction(best, unit), np.array(assignment, dtype=np.int64)


def _register(problem: str) -> None:
    @register(
        problem,
        "brute-force",
        summary=f"every feasible assignment, up to {MAX_WORKERS} workers",
        exactness="enumerated",
        max_workers=MAX_WORKERS,
        reference=True,
    )
    def solve_by_enumeration(market: Market, control: Control) -> Found:
        value, assignment = enumerate_best(market, problem, control)
        return Found(assignment, value, Enumerated())


for _problem in ("orp", "opt", "opt-sep", "cover"):
    _register(_problem)

"""One round's market, its budgets, and the exact optimum beside what the mechanism buys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ...models.exact import scale_to_integers
from ...models.procurement.market import Market
from ...solvers.solution import Solution
from ...solvers.solve import solve
from ..mechanisms.interface import Outcome
from .bids import CENTS
from .environment import Environment
from .settings import ProcurementSettings
from .tasks import split_budget

__all__ = ["budgets_of", "market_of", "optimum", "rescored", "unspent_after"]

OPTIMUM_SECONDS = 30.0
"""After so long an optimum is reported as the best point found, not proved; only such a row can depend on the machine's speed."""


def market_of(
    environment: Environment,
    settings: ProcurementSettings,
    scores: Sequence[Fraction],
    costs: Sequence[Fraction],
    bids: Sequence[Fraction],
    budgets: Sequence[Fraction],
) -> Market:
    """Make one round's market of exact scores, costs and bids, shape (n,) each, and budgets, shape (m,)."""
    return Market.build(
        scores=scores,
        costs=costs,
        bids=bids,
        groups=environment.groups,
        budgets=budgets,
        seats=[task.seats for task in environment.tasks],
        requester_ids=[task.id for task in environment.tasks],
        default_cap=settings.cap,
    )


def rescored(market: Market, scores: Sequence[Fraction]) -> Market:
    """Return the same market with other scores, shape (n,), all positive."""
    integers, denominator = scale_to_integers(scores)
    return market.with_scaled(scores=integers, score_denominator=denominator)


def budgets_of(
    environment: Environment, settings: ProcurementSettings, unspent: np.ndarray, number: int
) -> list[Fraction]:
    """Every requester's budget in a round, with its share of what earlier rounds left, as `pacing` says; whole cents.

    A mechanism that promises no budget may leave debts, which later budgets pay off; none is below 0.
    """
    own = [task.budget for task in environment.tasks]
    if settings.pacing == "none":
        return own
    sharing = settings.rounds - number + 1 if settings.pacing == "spread" else 1
    pairs = zip(own, unspent.tolist(), strict=True)
    return [max(Fraction(0), budget + Fraction(left // sharing, CENTS)) for budget, left in pairs]


def unspent_after(
    environment: Environment, settings: ProcurementSettings, unspent: np.ndarray, outcome: Outcome, separate: bool
) -> np.ndarray:
    """What is left after a round, in whole cents, rounded down.

    Parameters
    ----------
    environment : Environment
    settings : ProcurementSettings
    unspent : ndarray of int64, shape (m,)
        Before the round.
    outcome : Outcome
    separate : bool
        Whether each requester pays its own workers; otherwise what is left is split as the budget was.
    """
    own = [task.budget + Fraction(left, CENTS) for task, left in zip(environment.tasks, unspent.tolist(), strict=True)]
    if separate:
        for i in outcome.winner_indices.tolist():
            own[outcome.assignment[i]] -= outcome.payment(i)
        left = own
    else:
        total = sum(own, Fraction(0)) - outcome.total_payment
        left = split_budget(Fraction(math.floor(total * CENTS), CENTS), len(own), settings.budget_split)
    return np.array([math.floor(amount * CENTS) for amount in left], dtype=np.int64)


def optimum(market: Market, problem: str) -> Solution:
    """Solve ``opt`` or ``opt-sep`` beside the mechanism.

    Raises
    ------
    KeyboardInterrupt
        A solver keeps its best point on Ctrl-C and returns; here the round that is under way is given up.
    """
    solution = solve(market, problem, time_limit=OPTIMUM_SECONDS, allow_suboptimal=True)
    if solution.stopped == "interrupted":
        raise KeyboardInterrupt
    return solution

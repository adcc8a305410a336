"""The pooled relaxation of OPT-SEP: one purse for all requesters (DriftPay, section 7a: pooling never loses)."""

from __future__ import annotations

import numpy as np

from ...models.exact import exact_sum
from ..control import Control
from ..pooled import PooledProblem, solve_pooled
from ..seated.duals import SeatMarket
from ..seated.method import best_affordable_set
from ..solution import StopReason
from .instance import SeparateInstance

SEAT_SECONDS = 3.0
"""How long the pooled optimum under seat limits may be looked for; whatever comes of it is a valid bound."""


def pooled_optimum(instance: SeparateInstance, control: Control) -> tuple[np.ndarray | None, int, StopReason]:
    """Solve the pooled relaxation, workers who fit nowhere left out.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    control : Control
        Deadline.

    Returns
    -------
    chosen : ndarray of bool, shape (n,), or None
        Workers of the best set found.
    bound : int
        Exact upper bound on the pooled optimum, and so on OPT-SEP.
    stopped : str
        Why the search ended.
    """
    able = np.flatnonzero(instance.eligible.any(axis=1))
    scores, costs, groups = instance.scores[able], instance.costs[able], instance.groups[able]
    budget = sum(instance.budgets)
    chosen = np.zeros(instance.n, dtype=bool)
    if not instance.seats_bind:
        limits = instance.caps.sum(axis=1).tolist()
        result = solve_pooled(PooledProblem.of(scores, costs, groups, limits, budget), control)
        chosen[able[result.chosen]] = True
        bound = result.value if result.proved else result.bound.numerator // result.bound.denominator
        return chosen, bound, result.stopped
    market = SeatMarket(scores, costs, groups, budget, instance.caps, instance.seats)
    found = best_affordable_set(market, control.capped(SEAT_SECONDS))
    chosen[able[found.chosen]] = True
    if found.duals is None:
        return chosen, exact_sum(scores), found.stopped
    bound = found.upper(instance.unit)
    return chosen, bound, "proved" if bound == found.value else found.stopped

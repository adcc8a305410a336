"""Feasible starting points for OPT-SEP: drop what overspends, then fill by score per cost."""

from __future__ import annotations

import numpy as np

from ...models.exact import rounded
from ..control import Control
from .instance import SeparateInstance

LOOKS = 1024
"""Workers between two looks at the clock."""


def repair_and_fill(instance: SeparateInstance, assignment: np.ndarray, control: Control) -> np.ndarray:
    """Turn an allocation that keeps caps and seats into a feasible one that no free worker can be added to.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    assignment : ndarray of int64, shape (n,)
        Keeps caps and seats; may overspend budgets.
    control : Control
        At its deadline nobody more is filled in, the first :data:`LOOKS` aside.

    Returns
    -------
    ndarray of int64, shape (n,)
        Feasible. Of each overspent requester the workers of least score per cost are dropped.
    """
    result = assignment.copy()
    costs = instance.costs.tolist()
    group = instance.groups.tolist()
    room = list(instance.budgets)
    slots, seats = instance.caps.tolist(), instance.seats.tolist()
    for i in np.flatnonzero(result >= 0).tolist():
        j = int(result[i])
        room[j] -= costs[i]
        slots[group[i]][j] -= 1
        seats[j] -= 1
    (score, _), (cost, _) = rounded(instance.scores), rounded(instance.costs)
    # Costs are whole numbers: half of one puts those who cost nothing before all others of their score.
    order = np.argsort(-score / np.maximum(cost, 0.5), kind="stable").tolist()
    for i in reversed(order):
        j = int(result[i])
        if j >= 0 and room[j] < 0 and costs[i] > 0:
            room[j] += costs[i]
            slots[group[i]][j] += 1
            seats[j] += 1
            result[i] = -1
    # What a worker of each group may cost at most; room only shrinks, so this is found anew where somebody does not fit.
    most = [max(room, default=-1)] * len(slots)
    for position, i in enumerate(order):
        if position and position % LOOKS == 0 and control.expired():
            break
        cost_i, own = costs[i], group[i]
        if result[i] >= 0 or cost_i > most[own]:
            continue
        open_to = [j for j, free in enumerate(slots[own]) if free > 0 and seats[j] > 0]
        fitting = [j for j in open_to if room[j] >= cost_i]
        if not fitting:
            most[own] = max((room[j] for j in open_to), default=-1)
            continue
        # Best fit: the others keep their money for dearer workers.
        best = min(fitting, key=room.__getitem__)
        result[i] = best
        room[best] -= cost_i
        slots[own][best] -= 1
        seats[best] -= 1
    return result

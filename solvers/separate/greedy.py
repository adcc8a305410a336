"""Feasible starting points for OPT-SEP: drop what overspends, then fill by score per cost."""

from __future__ import annotations

import numpy as np

from ...models.exact import rounded
from .instance import SeparateInstance


def repair_and_fill(instance: SeparateInstance, assignment: np.ndarray) -> np.ndarray:
    """Turn an allocation that keeps caps and seats into a feasible one that no free worker can be added to.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    assignment : ndarray of int64, shape (n,)
        Keeps caps and seats; may overspend budgets.

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
    order = np.argsort(-score / np.maximum(cost, 0.5), kind="stable").tolist()
    for i in reversed(order):
        j = int(result[i])
        if j >= 0 and room[j] < 0 and costs[i] > 0:
            room[j] += costs[i]
            slots[group[i]][j] += 1
            seats[j] += 1
            result[i] = -1
    for i in order:
        if result[i] >= 0:
            continue
        best = -1
        for j in range(instance.m):
            fits = room[j] >= costs[i] and slots[group[i]][j] > 0 and seats[j] > 0
            if fits and (best < 0 or room[j] < room[best]):
                best = j
        if best >= 0:
            result[i] = best
            room[best] -= costs[i]
            slots[group[i]][best] -= 1
            seats[best] -= 1
    return result

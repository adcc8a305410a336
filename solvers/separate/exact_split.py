"""Whether a given set of workers can be split over the requesters, decided exactly.

All of them have to be hired, so what the requesters leave unspent adds up to a known sum. Each requester's possible sets are
those that leave at most that sum, fill every slot of a group that needs all its slots, and contain the workers no one else can
take; the packing search covers the workers with one set each.
"""

from __future__ import annotations

import numpy as np

from ...models.exact import exact_sum
from ..control import Control
from .columns import TooManyColumnsError, list_columns
from .instance import SeparateInstance
from .multipliers import PurseMultipliers
from .packing import pack, workers_in


class UndecidedError(Exception):
    """The search was cut off before it could tell."""


def split_exactly(
    instance: SeparateInstance, members: np.ndarray, control: Control, list_limit: int, node_limit: int
) -> np.ndarray | None:
    """Split the workers `members`, all of them, over the requesters.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    members : ndarray of int64
        Workers to be hired.
    control : Control
        Deadline.
    list_limit, node_limit : int
        Most sets of a requester, most nodes.

    Returns
    -------
    ndarray of int64, shape (n,), or None
        A feasible allocation that hires exactly these workers; None if there is none.

    Raises
    ------
    UndecidedError
        If lists or search exceed their limits.
    Stopped
        At the deadline.
    """
    groups, m = instance.caps.shape
    unspent = sum(instance.budgets) - exact_sum(instance.costs[members])
    needed = np.bincount(instance.groups[members], minlength=groups)
    room = instance.caps.sum(axis=1)
    if unspent < 0 or (needed > room).any() or not instance.eligible[members].any(axis=1).all():
        return None
    part = SeparateInstance(
        instance.scores[members],
        instance.costs[members],
        instance.groups[members],
        np.minimum(instance.caps, needed[:, None]),
        np.minimum(instance.seats, members.size),
        instance.budgets,
    )
    if not members.size:
        return np.full(instance.n, -1, dtype=np.int64)
    dtype = np.int64 if unspent < 2**40 and part.costs.dtype != object else object
    # A loss above the limit forbids: to leave a worker out, and to leave a slot empty where all are needed.
    forbidden = unspent + 1
    full = np.array([forbidden if needed[l] == part.caps[l].sum() else 0 for l in range(groups)], dtype=dtype)
    everyone = np.full(members.size, forbidden, dtype=dtype)
    rules = PurseMultipliers(
        denominator=1,
        budget=np.full(m, 1, dtype=dtype),
        slot=np.repeat(full[:, None], m, axis=1),
        seat=np.zeros(m, dtype=dtype),
        reduced=np.repeat(everyone[:, None], m, axis=1),
        best=everyone,
        total=0,
    )
    first: dict[tuple, int] = {}
    alike = [
        first.setdefault((budget, int(part.seats[j]), *part.caps[:, j].tolist()), j)
        for j, budget in enumerate(part.budgets)
    ]
    pairs, core = part.eligible, np.arange(members.size)
    columns = []
    for j, twin in enumerate(alike):
        if twin != j:
            columns.append(columns[twin])
            continue
        try:
            columns.append(list_columns(part, rules, j, pairs, core, unspent, list_limit, control))
        except TooManyColumnsError:
            raise UndecidedError from None
        if not columns[-1].loss.size:
            return None
    choices = pairs.sum(axis=1)
    left_out = np.where(choices > 1, everyone, 0 * everyone)
    found = pack(columns, left_out, unspent, alike, node_limit, control, enough=unspent)
    if found.chosen is None:
        if not found.complete:
            raise UndecidedError
        return None
    assignment = np.full(instance.n, -1, dtype=np.int64)
    for j, position in enumerate(found.chosen):
        assignment[members[workers_in(columns[j].mask[position], core)]] = j
    return assignment

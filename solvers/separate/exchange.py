"""Improve an allocation a few requesters at a time, each such exchange searched exactly within a core of workers.

With multipliers at hand every allocation has an additive loss against their bound. For two to four requesters the
workers they hold, and the free workers that cost least to bring in, form a small OPT-SEP whose better solutions are
those of smaller loss: `columns` and `packing` find them.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from ..control import Control, Stopped
from .columns import TooManyColumnsError, list_columns
from .instance import SeparateInstance
from .multipliers import PurseMultipliers
from .packing import pack, workers_in


def losses(instance: SeparateInstance, multipliers: PurseMultipliers, assignment: np.ndarray) -> list[int]:
    """Loss of each requester's own set: reduced scores given up, and the price of what it leaves unused."""
    used = np.zeros_like(instance.caps)
    placed = np.flatnonzero(assignment >= 0)
    np.add.at(used, (instance.groups[placed], assignment[placed]), 1)
    result: list[int] = []
    for j, budget in enumerate(instance.budgets):
        held = placed[assignment[placed] == j]
        loss = int(multipliers.budget[j]) * (budget - sum(instance.costs[held].tolist()))
        loss += int(multipliers.seat[j]) * (int(instance.seats[j]) - held.size)
        loss += sum((multipliers.slot[:, j] * (instance.caps[:, j] - used[:, j])).tolist())
        loss += sum((multipliers.best[held] - multipliers.reduced[held, j]).tolist())
        result.append(loss)
    return result


def improve(
    instance: SeparateInstance,
    multipliers: PurseMultipliers,
    assignment: np.ndarray,
    enough: Callable[[np.ndarray], bool],
    rounds: int,
    control: Control,
    core_sizes: tuple[int, int] = (20, 46),
    limit: int = 60_000,
    seed: int = 0,
) -> np.ndarray:
    """Improve a feasible allocation by exact exchanges between a few requesters at a time.

    Parameters
    ----------
    instance, multipliers
        The market and its multipliers.
    assignment : ndarray of int64, shape (n,)
        A feasible allocation.
    enough : callable
        Called with every better allocation; true ends the search.
    rounds : int
        Most exchanges in a row without an improvement.
    control : Control
        Deadline.
    core_sizes : (int, int)
        Fewest and most workers in the core of one exchange.
    limit : int
        Most sets listed for one requester.
    seed : int
        Seed of the choice of requesters and cores.

    Returns
    -------
    ndarray of int64, shape (n,)
        Feasible and at least as good.
    """
    choose = random.Random(seed)
    current = assignment.copy()
    failures = 0
    while failures < rounds and not control.expired():
        loss = losses(instance, multipliers, current)
        # Who loses much has much to gain; who loses nothing may still have the workers that the others lack.
        weights = [x / max(1, *loss) + 0.05 for x in loss]
        partners = [choose.choices(range(instance.m), weights)[0]]
        rest = [j for j in range(instance.m) if j != partners[0]]
        partners += choose.sample(rest, min(len(rest), choose.choice((1, 1, 2, 2, 3))))
        size = choose.randint(*core_sizes)
        try:
            better = _exchange(instance, multipliers, current, partners, loss, size, limit, choose, control)
        except Stopped:
            break
        if better is None:
            failures += 1
            continue
        current, failures = better, 0
        if enough(current):
            break
    return current


def _exchange(
    instance: SeparateInstance,
    multipliers: PurseMultipliers,
    current: np.ndarray,
    pair: list[int],
    loss: list[int],
    core_size: int,
    limit: int,
    choose: random.Random,
    control: Control,
) -> np.ndarray | None:
    """Look for a better allocation of the workers that `pair` holds and of free ones near the margin."""
    held = np.flatnonzero(np.isin(current, pair))
    if held.size > core_size:
        held = np.array(sorted(choose.sample(held.tolist(), core_size - 6)), dtype=np.int64)
    price = (multipliers.best[:, None] - multipliers.reduced)[:, pair]
    open_to = instance.eligible[:, pair]
    free = np.flatnonzero((current < 0) & open_to.any(axis=1))
    entry = np.where(open_to[free], price[free], price.max() if price.size else 0).min(axis=1)
    ranked = free[np.argsort(entry, kind="stable")].tolist()
    spare = max(0, core_size - held.size)
    near = ranked[: 2 * spare]
    outside = choose.sample(near, min(spare, len(near)))
    core = np.concatenate([held, np.array(outside, dtype=np.int64)])
    # What the pair holds outside the core stays: its money, slots and seats are taken off.
    kept = np.flatnonzero(np.isin(current, pair))
    kept = kept[~np.isin(kept, held)]
    caps, seats, budgets = instance.caps.copy(), instance.seats.copy(), list(instance.budgets)
    for i in kept.tolist():
        j = int(current[i])
        caps[instance.groups[i], j] -= 1
        seats[j] -= 1
        budgets[j] -= int(instance.costs[i])
    reduced = SeparateInstance(instance.scores, instance.costs, instance.groups, caps, seats, tuple(budgets))
    pairs = np.zeros((instance.n, instance.m), dtype=bool)
    for j in pair:
        pairs[core, j] = (caps[instance.groups[core], j] > 0) & np.asarray(
            instance.costs[core] <= budgets[j], dtype=bool
        )
    # What the pair and the core lose as it stands, less what those lose who stay where they are: a better choice loses a unit less.
    now = sum(loss[j] for j in pair) + sum(multipliers.best[outside].tolist() if outside else [])
    now -= sum(int(multipliers.best[i] - multipliers.reduced[i, current[i]]) for i in kept.tolist())
    most = now - multipliers.denominator * instance.unit
    gamma = most
    while gamma >= 0:
        live = pairs & np.asarray(multipliers.best[:, None] - multipliers.reduced <= gamma, dtype=bool)
        try:
            columns = [list_columns(reduced, multipliers, j, live, core, gamma, limit, control) for j in pair]
        except TooManyColumnsError:
            # A smaller loss leaves fewer sets; what is not found then may still exist.
            gamma = gamma // 8 if gamma else -1
            continue
        choices = live[core].sum(axis=1)
        left_out = np.where(choices > 1, multipliers.best[core], 0 * multipliers.best[core])
        # Whom nobody can have within the limit is lost already.
        unplaced = sum(multipliers.best[core[choices == 0]].tolist())
        found = pack(columns, left_out, gamma - unplaced, list(range(len(pair))), 400, control)
        if found.chosen is None:
            return None
        better = current.copy()
        better[core] = -1
        for j, column, position in zip(pair, columns, found.chosen, strict=True):
            better[workers_in(column.mask[position], core)] = j
        return better
    return None

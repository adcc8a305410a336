"""COVER by branch and bound in exact integers, on the bound of `level_bound`.

At a node some workers are chosen and some are dropped. What is chosen raises the levels; workers whose margin alone
puts them beyond the best known set are fixed; the free worker of largest margin is tried in, then out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...models.exact import INT64_SAFE, exact_sum, linear_combination
from ..control import Control
from ..solution import StopReason
from .instance import CoverInstance, Router
from .lazy_greedy import best_start, exchange
from .level_bound import LevelBound, level_bound

ROUNDING_SECONDS = 0.1
"""Most time for exchanges on a rounded relaxation."""


@dataclass
class Levels:
    """What a bound starts from, all times the denominator.

    Attributes
    ----------
    levels : ndarray, shape (R,)
        Nonnegative level of each kind.
    price : int
        Nonnegative price of money.
    denominator : int
        Positive.
    places, seats : list of int, optional
        Nonnegative price of a worker of each group (L,), and of a seat at each requester (m,).
    """

    levels: np.ndarray
    price: int
    denominator: int
    places: list[int] | None = None
    seats: list[int] | None = None

    def worth(self, instance: CoverInstance) -> int:
        """Most that the places of any set that can be routed are worth: linear programming duality on the routing."""
        assert self.places is not None
        assert self.seats is not None
        total = sum(price * seats for price, seats in zip(self.seats, instance.seats.tolist(), strict=True))
        for place, caps in zip(self.places, instance.caps.tolist(), strict=True):
            total += sum(cap * max(0, place - seat) for cap, seat in zip(caps, self.seats, strict=True))
        return total


@dataclass
class CoverAnswer:
    """Result of a COVER method.

    Attributes
    ----------
    chosen : ndarray of int64
        A feasible set of workers, increasing.
    value : int
        Its coverage.
    bound : int
        Exact upper bound on the optimum.
    claimed : bool
        Whether HiGHS claims that nothing is better; the bound itself always rests on integer arithmetic alone.
    stopped : str
        Why it ended.
    nodes : int
        Nodes of the branch and bound.
    """

    chosen: np.ndarray
    value: int
    bound: int
    claimed: bool = False
    stopped: StopReason = "proved"
    nodes: int = 0

    @property
    def proved(self) -> bool:
        """Whether the value meets the exact bound."""
        return self.value >= self.bound


# Given the chosen and the free workers: levels for the bound, and how much of each free worker the relaxation takes.
Relaxation = Callable[[list[int], np.ndarray], tuple[Levels, np.ndarray] | None]


@dataclass
class _CoverNode:
    chosen: list[int]
    free: np.ndarray
    covered: np.ndarray
    bound: int


def branch_and_bound(
    instance: CoverInstance,
    start: np.ndarray | None = None,
    levels: Levels | None = None,
    control: Control | None = None,
    node_limit: int | None = None,
    relax: Relaxation | None = None,
) -> CoverAnswer:
    """Solve COVER by branch and bound.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    start : ndarray of int64, optional
        A feasible set; by default lazy greedy with exchanges.
    levels : Levels, optional
        Levels and price for the bound; zeros by default, which is the plain submodular bound.
    control : Control, optional
        Deadline and progress.
    node_limit : int, optional
        Most nodes.
    relax : callable, optional
        Suggests levels at every node and a worker to branch on; the bounds stay exact whatever it returns.

    Returns
    -------
    CoverAnswer
        Proved, or the best set and the largest bound of the open nodes.
    """
    control = control or Control()
    first = best_start(instance, control) if start is None else start
    best = CoverAnswer(first, instance.value(first), 0)
    kinds = instance.coverage.shape[1]
    hints = [Levels(np.zeros(kinds, dtype=np.int64), 0, 1)]
    if levels is not None:
        hints.insert(0, levels)
    seats = int(min(instance.n, instance.seats.sum()))
    zero = np.zeros(kinds, dtype=instance.coverage.dtype)
    trivial = exact_sum(instance.coverage.max(axis=0)) if instance.n else 0
    stack = [_CoverNode([], np.flatnonzero(instance.able), zero, trivial)]
    try:
        while stack:
            if node_limit is not None and best.nodes >= node_limit:
                best.stopped = "node-limit"
                break
            if control.expired():
                best.stopped = "time-limit"
                break
            node = stack[-1]
            if node.bound <= best.value:
                stack.pop()
                continue
            best.nodes += 1
            children = _expand(instance, node, best, hints, seats, relax, control)
            stack.pop()
            stack.extend(children)
    except KeyboardInterrupt:
        best.stopped = "interrupted"
    best.bound = max([best.value, *(node.bound for node in stack)])
    return best


def _expand(
    instance: CoverInstance,
    node: _CoverNode,
    best: CoverAnswer,
    hints: list[Levels],
    seats: int,
    relax: Relaxation | None,
    control: Control,
) -> list[_CoverNode]:
    worth = exact_sum(node.covered)
    chosen = node.chosen
    if worth > best.value:
        best.chosen, best.value = np.array(sorted(chosen), dtype=np.int64), worth
    room = instance.budget - instance.cost(np.array(chosen, dtype=np.int64))
    router = Router(instance)
    for i in chosen:
        router.add(int(instance.groups[i]))
    free = node.free
    open_groups = np.array([router.fits(g) for g in range(instance.caps.shape[0])], dtype=bool)
    # Who no longer fits the caps, the seats or the money left, or would raise no level, is in no better set below this node.
    free = free[open_groups[instance.groups[free]] & np.asarray(instance.costs[free] <= room, dtype=bool)]
    gains = np.maximum(instance.coverage[free] - node.covered, 0).sum(axis=1)
    free = free[np.asarray(gains > 0, dtype=bool)]
    if not free.size:
        return []
    held = np.bincount(instance.groups[np.array(chosen, dtype=np.int64)], minlength=instance.caps.shape[0])
    totals = instance.group_totals - held
    # Multipliers that are known come first; the relaxation, which costs a call of HiGHS, only where none of them ends the node.
    bound, drop, need = node.bound, np.zeros(free.size, dtype=bool), np.zeros(free.size, dtype=bool)
    margin: np.ndarray | None = None
    share: np.ndarray | None = None
    for hint in [*hints, None]:
        if hint is None:
            suggestion = relax(chosen, free) if relax is not None else None
            if suggestion is None:
                break
            hint, share = suggestion
            _round(instance, best, chosen, free, share, control)
        found = _bound_at(instance, node, free, totals, seats - len(chosen), room, hint)
        value = found.total // found.denominator
        beyond = found.total - found.denominator * (best.value + 1)
        if beyond < 0:
            return []
        # `beyond` is the room between the bound and the least better value: a worker whose margin is larger settles itself.
        drop |= np.asarray(-found.margin > beyond, dtype=bool)
        need |= np.asarray(found.margin > beyond, dtype=bool)
        # Branching follows the margins of the strongest bound.
        if value < bound or margin is None:
            margin = found.margin
        bound = min(bound, value)
    assert margin is not None
    # Two bounds say the opposite of one worker: nothing here is better than what is known.
    if (drop & need).any():
        return []
    if need.any():
        taken = chosen + free[need].tolist()
        if not instance.is_feasible(np.array(taken, dtype=np.int64)):
            return []
        covered = np.maximum(node.covered, instance.coverage[free[need]].max(axis=0))
        return [_CoverNode(taken, free[~need & ~drop], covered, bound)]
    kept = free[~drop]
    if not kept.size:
        return []
    # Branch on a worker whom the relaxation hires in part: both children lose by it.
    if share is not None:
        at = int(np.argmin(np.abs(share[~drop] - 0.6)))
    else:
        at = int(np.argmax(margin[~drop]))
    pick = int(kept[at])
    rest = np.delete(kept, at)
    outside = _CoverNode(chosen, rest, node.covered, bound)
    inside = _CoverNode([*chosen, pick], rest, np.maximum(node.covered, instance.coverage[pick]), bound)
    return [outside, inside]


def _round(
    instance: CoverInstance, best: CoverAnswer, chosen: list[int], free: np.ndarray, share: np.ndarray, control: Control
) -> None:
    """Try the set that takes free workers by decreasing share while they fit."""
    router = Router(instance)
    for i in chosen:
        router.add(int(instance.groups[i]))
    taken = list(chosen)
    room = instance.budget - instance.cost(np.array(chosen, dtype=np.int64))
    for at in np.argsort(-share, kind="stable").tolist():
        i = int(free[at])
        if share[at] < 0.01:
            break
        if int(instance.costs[i]) <= room and router.add(int(instance.groups[i])):
            taken.append(i)
            room -= int(instance.costs[i])
    found = np.array(sorted(taken), dtype=np.int64)
    if best.nodes <= 3:
        found = exchange(instance, found, control.capped(ROUNDING_SECONDS))
    worth = instance.value(found)
    if worth > best.value:
        best.chosen, best.value = found, worth


def _bound_at(
    instance: CoverInstance, node: _CoverNode, free: np.ndarray, totals: np.ndarray, seats: int, room: int, hint: Levels
) -> LevelBound:
    """Bound of a node at the hint's levels, the price of money moved up or down as it is over- or underspent."""
    unit = hint.denominator
    levels = np.maximum(linear_combination((unit, node.covered)), hint.levels)
    coverage, costs, groups = instance.coverage[free], instance.costs[free], instance.groups[free]
    places: tuple[np.ndarray, int] | None = None
    if hint.places is not None:
        taken = sum(hint.places[group] for group in instance.groups[np.array(node.chosen, dtype=np.int64)].tolist())
        places = _array(hint.places), hint.worth(instance) - taken

    def at(price: int) -> LevelBound:
        return level_bound(coverage, costs, groups, levels, price, unit, room, places, totals, seats)

    best = at(hint.price)
    total_cost = exact_sum(costs)
    if not total_cost or places is not None:
        return best
    price = hint.price or max(1, exact_sum(coverage) * unit // total_cost)
    for up, down in ((1, 1), (2, 1), (2, 1), (3, 2), (3, 2), (5, 4)):
        spent = exact_sum(costs[np.asarray(best.margin > 0, dtype=bool)])
        found = at(price * up // down if spent > room else price * down // up)
        if found.total < best.total:
            best, price = found, price * up // down if spent > room else price * down // up
    return best


def _array(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64 if max(values, default=0) < INT64_SAFE else object)

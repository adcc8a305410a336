"""What multipliers rule out in a node: the bound, the gap, and the choices that lose more than the gap.

Symbols are those of the reference: margin ``q_ik``, best ``max(0, max_k q_ik)``, gap ``bound - D * goal``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....models.exact import exact_sum, python_integers
from ..nodes import Multipliers, Node
from ..walk import Narrowed
from .instance import Instance, divisor
from .limbs import WORD, Numbers, combine

__all__ = ["Flips", "narrow", "stages"]


@dataclass(frozen=True)
class Flips:
    """Decisions of one purse that can be made otherwise: workers, whether hired now, and what changing it loses."""

    workers: np.ndarray
    inside: np.ndarray
    losses: np.ndarray


def narrow(instance: Instance, node: Node) -> Narrowed:
    """Rule out what loses more than the gap, until nothing changes."""
    if node.multipliers is None:
        return Narrowed(0, node, [])
    before = -1
    found = Narrowed(0, node, [])
    while found.gap >= 0 and found.node.size != before:
        before = found.node.size
        found = _once(instance, found.node, node.multipliers)
    return found


def stages(instance: Instance, node: Node, k: int, places: tuple[int, ...]) -> list[tuple[list[int], int, int]]:
    """Return (groups that are added, price, room) of each limit on the places of purse `k`, dearest first.

    Where no seat limit can matter, each group has a limit of its own; else each limit is on all groups so far.
    """
    mine, held = instance.purses[k], node.held[k]
    if not instance.nested[k]:
        totals = [sum(row[j] for j in mine) for row in instance.caps]
        return [([g], places[g], total - held[g]) for g, total in enumerate(totals)]
    order = sorted(range(len(places)), key=lambda g: -places[g])
    filled, taken, found = [0] * len(mine), 0, []
    for at, g in enumerate(order):
        following = places[order[at + 1]] if at + 1 < len(order) else 0
        filled = [x + instance.caps[g][j] for x, j in zip(filled, mine, strict=True)]
        taken += held[g]
        room = sum(min(x, instance.seats[j]) for x, j in zip(filled, mine, strict=True)) - taken
        found.append(([g], places[g] - following, room))
    return found


def _once(instance: Instance, node: Node, m: Multipliers) -> Narrowed:
    hired, size, money = node.hired, node.size, list(node.money)
    nothing = Narrowed(-1, node, [])
    if min(money) < 0 or max(hired, node.low) > min(node.high, hired + size):
        return nothing
    # What the workers hired cover already is theirs for nothing: a level below it would only weaken the bound.
    levels = [max(x, m.scale * z) for x, z in zip(m.levels, node.covered, strict=True)]
    bound = m.scale * node.score + sum(levels) + max(m.count * (node.high - hired), m.count * (node.low - hired))
    columns: list[tuple[np.ndarray, Numbers]] = []
    for k, workers in enumerate(node.open):
        limits = stages(instance, node, k, m.places[k])
        if any(room < 0 for _, _, room in limits):
            return nothing
        costs = instance.of(instance.costs, workers)
        if len(workers) and int(costs.max()) > money[k]:
            workers = workers[costs <= money[k]]
            costs = instance.of(instance.costs, workers)
        # All costs are multiples of `step`, so the rest of the money beyond the last multiple can buy nothing.
        step = divisor(costs)
        money[k] = money[k] // step * step if step else 0
        bound += m.money[k] * money[k] + sum(price * room for _, price, room in limits)
        columns.append((workers, _margins(instance, workers, costs, k, m, levels)))
    # Nobody is left to decide: the node is one set, and its worth is known exactly.
    if not any(len(workers) for workers, _ in columns):
        value = node.score + sum(node.covered)
        gap = m.scale * (value - instance.goal)
        flips = [Flips(workers, np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64)) for workers, _ in columns]
        return Narrowed(gap, replace(node, money=money, open=[workers for workers, _ in columns]), flips)
    node = replace(node, money=money)
    # With one purse a worker is in or out; with several it has to be seen in which of them it is worth most.
    if len(columns) == 1:
        return _alone(instance, node, *columns[0], bound - m.scale * instance.goal)
    return _together(instance, node, columns, bound - m.scale * instance.goal)


def _margins(
    instance: Instance, workers: np.ndarray, costs: np.ndarray, k: int, m: Multipliers, levels: list[int]
) -> Numbers:
    """Return ``q_ik`` of some workers."""
    groups, offsets = instance.of(instance.groups, workers), [mu + m.count for mu in m.places[k]]
    if instance.offers is None:
        return combine(instance.of(instance.scores, workers), costs, groups, m.scale, m.money[k], offsets)
    offers = instance.of(instance.offers, workers)
    most = [m.scale * int(offers.max(initial=0)), *levels]
    bills = m.money[k] * int(costs.max(initial=0)) + max(map(abs, offsets), default=0)
    shift, floor = np.empty(len(offsets), dtype=object), np.empty(len(levels), dtype=object)
    shift[:], floor[:] = offsets, levels
    # The factors too: what they are multiplied with may be 0 throughout.
    largest = max(m.scale, m.money[k], max(most) * len(levels) + bills)
    if largest < WORD and object not in (offers.dtype, costs.dtype):
        shift, floor = shift.astype(np.int64), floor.astype(np.int64)
    else:
        offers, costs = python_integers(offers), python_integers(costs)
    worth = (
        np.maximum(offers * m.scale - floor, 0).sum(axis=1) if len(levels) else np.zeros(len(workers), dtype=np.int64)
    )
    return Numbers([np.asarray(worth - costs * m.money[k] - shift[groups])])


def _alone(instance: Instance, node: Node, workers: np.ndarray, margins: Numbers, gap: int) -> Narrowed:
    """Narrow a node with one purse: an open worker is hired or not."""
    # The bound hires whoever has a positive margin. Above the gap nobody can be left out, below minus the gap nobody taken in.
    gap += margins.positive_total()
    if gap < 0:
        return Narrowed(gap, node, [])
    sure = margins.above(gap)
    kept = np.flatnonzero(margins.above(-gap - 1) & ~sure)
    losses, rest = margins.take(kept), workers[kept]
    node = instance.hire(replace(node, open=[rest]), 0, workers[np.flatnonzero(sure)])
    inside = np.asarray(losses > 0, dtype=bool)
    return Narrowed(gap, node, [Flips(rest, inside, np.abs(losses))])


def _together(instance: Instance, node: Node, columns: list[tuple[np.ndarray, Numbers]], gap: int) -> Narrowed:
    """Narrow a node with a purse for each requester: an open worker is hired by one of some purses, or by none."""
    margins = [numbers.take(np.arange(len(workers))) for workers, numbers in columns]
    if any(column.dtype == object for column in margins):
        margins = [python_integers(column) for column in margins]
    # `places` are positions among all who are open to some purse; most often each is open to every purse, and nothing is sorted.
    people = columns[0][0]
    if any(workers is not people for workers, _ in columns):
        people = np.unique(np.concatenate([workers for workers, _ in columns]))
    places = [np.searchsorted(people, workers) for workers, _ in columns]
    # A worker's best choice is the purse where its margin is largest, or none of them at 0; the bound counts that.
    best = np.zeros(len(people), dtype=margins[0].dtype)
    for at, column in zip(places, margins, strict=True):
        best[at] = np.maximum(best[at], column)
    gap += exact_sum(best)
    if gap < 0:
        return Narrowed(gap, node, [])
    kept = [np.flatnonzero(best[at] - column <= gap) for at, column in zip(places, margins, strict=True)]
    places = [at[index] for at, index in zip(places, kept, strict=True)]
    margins = [column[index] for column, index in zip(margins, kept, strict=True)]
    choices = np.zeros(len(people), dtype=np.int64)
    for at in places:
        choices[at] += 1
    sure = np.asarray(best > gap, dtype=bool) & (choices == 1)
    # A worker whom only one purse may hire, at a gain, is taken to be hired by it; all others not to be.
    sole = np.asarray(best > 0, dtype=bool) & (choices == 1)
    node = replace(node, open=[people[at[~sure[at]]] for at in places])
    flips = []
    for k, (at, column) in enumerate(zip(places, margins, strict=True)):
        node = instance.hire(node, k, people[at[sure[at]]])
        still = ~sure[at]
        inside = sole[at][still]
        losses = np.where(inside, column[still], (best[at] - column)[still])
        flips.append(Flips(node.open[k], inside, losses))
    return Narrowed(gap, node, flips)

"""What multipliers rule out in a node. Steps go on from `bound`.

7. *Gap.* A better point is worth at least ``goal``, so it loses at most ``gap = bound - D goal``. If that is negative there is none.
8. *Ruled out.* Where ``best_i - q_ik > gap``, no better point hires ``i`` from purse ``k``. Where ``best_i > gap``, every better
   point hires ``i``; if one purse is left that may, it does. Neither may a worker be hired who costs more than the money left.
9. *Again.* With more decided the bound may fall, so this is repeated until no choice goes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from ..nodes import Multipliers, Node
from ..walk import Narrowed
from .bound import bests, bound_of, holds_nothing, margins, money_left
from .instance import Instance

__all__ = ["Flip", "narrow"]


@dataclass(frozen=True)
class Flip:
    """A decision of a purse about a worker that may be made otherwise: hired in the base or not, and what changing it loses."""

    worker: int
    hired: bool
    loss: int


def narrow(instance: Instance, node: Node) -> Narrowed:
    """Step 9: rule out choices until none goes; without multipliers none can."""
    found, before = Narrowed(0, node, []), -1
    while node.multipliers is not None and found.gap >= 0 and found.node.size != before:
        before = found.node.size
        found = narrow_once(instance, found.node, node.multipliers)
    return found


def narrow_once(instance: Instance, node: Node, m: Multipliers) -> Narrowed:
    """Steps 7 and 8."""
    if holds_nothing(instance, node, m):
        return Narrowed(-1, node, [])
    purses = range(len(instance.purses))
    node = replace(node, open=[[i for i in node.open[k] if instance.costs[i] <= node.money[k]] for k in purses])
    node = replace(node, money=[money_left(instance, node, k) for k in purses])
    columns = [margins(instance, node, k, m) for k in purses]
    best = bests(columns)
    gap = bound_of(instance, node, m, best) - m.scale * instance.goal
    if gap < 0:
        return Narrowed(gap, node, [])
    # A choice that loses more than the gap is in nothing better; what a worker may lose is counted from its best choice.
    columns = [{i: q for i, q in column.items() if best[i] - q <= gap} for column in columns]
    choices = Counter(i for column in columns for i in column)
    # Staying out loses all of `best`: who cannot afford that, and has one purse left, is hired there.
    sure = {i for i in best if best[i] > gap and choices[i] == 1}
    node = replace(node, open=[[i for i in column if i not in sure] for column in columns])
    for k, column in enumerate(columns):
        node = instance.hire(node, k, [i for i in column if i in sure])
    flips = [[flip_of(i, q, best[i], choices[i]) for i, q in column.items() if i not in sure] for column in columns]
    return Narrowed(gap, node, flips)


def flip_of(worker: int, margin: int, best: int, choices: int) -> Flip:
    """Return what deciding otherwise about an open worker loses.

    The base hires a worker at a gain if one purse alone may. If several may, it hires it from none, and what any of them would lose
    against the best is counted, not what is lost if none does: the search may count too little, never too much.
    """
    if margin > 0 and choices == 1:
        return Flip(worker, True, margin)
    return Flip(worker, False, best - margin)

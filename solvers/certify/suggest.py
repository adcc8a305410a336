"""Where the multipliers of a certificate's nodes come from, and which worker to branch on.

Nothing here has to be right: the checker computes from any multipliers what they prove. Without binding seats the exact
dual of the pooled problem is asked, else the linear relaxation of the node, solved by HiGHS and rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from ..control import Control
from ..highs.interface import HighsRefused
from ..highs.run import MipArrays, can_build, load_model, run_lp
from ..highs.watch import is_busy
from ..placement.polymatroid import SeatFlow
from ..pooled.dual import Grouped
from ..pooled.leaf import Incumbent, open_leaf
from ..pooled.problem import PooledProblem
from ..proofs.arrays.instance import Instance, divisor
from ..proofs.nodes import Multipliers, Node
from .leaves import node_multipliers

__all__ = ["Suggestion", "suggester"]

MOST_CHOICES = 300_000
"""Nodes with more open than this get no relaxation: it would not be solved in time."""

PRECISION_BITS = 24
"""Multipliers are rounded to so many bits beyond what one unit of the value needs."""


@dataclass(frozen=True)
class Suggestion:
    """Multipliers of a node, and how undecided its relaxation is about open workers (larger is more; 0 where none is given)."""

    multipliers: Multipliers
    doubt: dict[int, float] = field(default_factory=dict)


Suggest = Callable[[Node], Suggestion]


def suggester(instance: Instance, control: Control) -> Suggest:
    """Return what suggests multipliers for the nodes of a proof."""
    exact = len(instance.purses) == 1 and instance.problem != "cover" and not instance.nested[0]
    purses, relaxation = len(instance.purses), None if exact else _Relaxation(instance, control)
    no_places = (0,) * len(instance.caps)
    nothing = Multipliers(1, 0, (0,) * purses, (0,) * instance.kinds, (no_places,) * purses)

    def suggest(node: Node) -> Suggestion:
        crowded = [_crowded(instance, node, k) for k in range(purses)] if any(instance.nested) else []
        if any(map(any, crowded)):
            return Suggestion(replace(nothing, places=tuple(crowded)))
        found = None
        if node.size:
            found = _pooled(instance, node) if relaxation is None else relaxation(node)
        return found or Suggestion(nothing)

    return suggest


def _crowded(instance: Instance, node: Node, k: int) -> tuple[int, ...]:
    """Mark groups of which more are held than can be placed together; with 1 for their price the checker sees it."""
    mine, size = instance.purses[k], len(instance.caps)
    caps = np.array([[row[j] for j in mine] for row in instance.caps], dtype=np.int64).reshape(size, len(mine))
    flow = SeatFlow(caps, [instance.seats[j] for j in mine])
    placed = flow.push(np.arange(size), node.held[k])
    return tuple(flow.blocked.astype(int).tolist()) if placed.tolist() != node.held[k] else (0,) * size


def _pooled(instance: Instance, node: Node) -> Suggestion | None:
    """Multipliers by the exact dual of the pooled problem; None if the node is empty."""
    workers = node.open[0]
    room = [sum(row) - held for row, held in zip(instance.caps, node.held[0], strict=True)]
    low, high = max(0, node.low - node.hired), node.high - node.hired
    if min(room) < 0 or high < 0:
        return None
    problem = PooledProblem.of(
        instance.scores[workers], instance.costs[workers], instance.groups[workers], room, node.money[0]
    )
    items = Grouped.of(problem)
    step = divisor(instance.scores) or 1
    nothing = Incumbent(np.zeros(len(workers), dtype=bool), instance.goal - step - node.score, step)
    leaf = open_leaf(problem, items, low, high, nothing)
    doubt: dict[int, float] = {}
    if leaf.dual.over is not None and leaf.dual.under is not None:
        doubt = dict.fromkeys(workers[items.order[leaf.dual.over.mark ^ leaf.dual.under.mark]].tolist(), 1.0)
    return Suggestion(node_multipliers(leaf.multipliers), doubt)


class _Relaxation:
    """The linear relaxation of a node: a share of every open worker for every purse, scores and costs at most 1."""

    def __init__(self, instance: Instance, control: Control) -> None:
        self.instance, self.control = instance, control
        gains = instance.scores if instance.offers is None else instance.offers
        self.worth, self.money = int(gains.max(initial=0)) or 1, int(instance.costs.max(initial=0)) or 1
        self.bits = PRECISION_BITS + sum(instance.budgets).bit_length()
        self.lost = False

    def __call__(self, node: Node) -> Suggestion | None:
        if self.lost:
            return None
        kinds = 1 + self.instance.kinds
        if node.size > MOST_CHOICES or not can_build(kinds * node.size, 4 * kinds * node.size, self.control):
            return None
        purse = np.repeat(np.arange(len(node.open)), [len(workers) for workers in node.open])
        worker = np.concatenate(node.open)
        try:
            model, levels = self._model(node, purse, worker)
            highs = load_model(model)
        except (HighsRefused, OverflowError):
            # Numbers beyond what a double holds: no prices of HiGHS then.
            self.lost = True
            return None
        run = run_lp(highs, self.control)
        self.lost = is_busy(highs)
        return None if run is None else self._read(node, worker, run.prices.tolist(), run.point, levels)

    def _model(self, node: Node, purse: np.ndarray, worker: np.ndarray) -> tuple[MipArrays, int]:
        """Rows: money and groups of each purse, then seats or workers, the count, at last the kinds and levels."""
        instance, (groups, m) = self.instance, (len(self.instance.caps), len(self.instance.seats))
        choices, group = len(worker), instance.groups[worker]
        # Everything in doubles of about 1: what comes out is rounded to multipliers, any of which are valid.
        costs = (instance.costs[worker] / self.money).astype(np.float64)
        flows = len(instance.purses) == 1 and instance.nested[0]
        caps = np.array(instance.caps, dtype=float).reshape(groups, m)
        # COVER has no scores, and its unit may be beyond every double.
        value = np.zeros(choices)
        if instance.offers is None:
            value = (instance.scores[worker] / self.worth).astype(np.float64)
        offers: dict[tuple[int, int], np.ndarray] = {}
        if instance.offers is not None:
            rows = instance.offers[worker]
            for r, covered in enumerate(node.covered):
                levels, which = np.unique(rows[:, r], return_inverse=True)
                those = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which, minlength=levels.size)))
                offers |= {(r, z): cell for z, cell in zip(levels.tolist(), those, strict=False) if z > covered}
        extra = [(z - node.covered[r]) / self.worth for r, z in offers]
        first = choices + caps.size * flows
        model = MipArrays(
            objective=np.concatenate([value, np.zeros(caps.size * flows), extra]),
            upper=np.concatenate([np.ones(choices), caps.ravel()[: caps.size * flows], np.full(len(extra), np.inf)]),
            integer=np.zeros(first + len(extra), dtype=bool),
        )
        for k, mine in enumerate(instance.purses):
            own = np.flatnonzero(purse == k)
            model.at_most(own, costs[own], node.money[k] / self.money)
            for g in range(groups):
                cell, taken = own[group[own] == g], float(node.held[k][g])
                if flows:
                    into = choices + g * m + np.arange(m)
                    signs = np.concatenate([np.ones(len(cell)), -np.ones(m)])
                    model.at_most(np.concatenate([cell, into]), signs, -taken)
                else:
                    model.at_most(cell, 1.0, sum(caps[g, j] for j in mine) - taken)
        if flows:
            for j in range(m):
                model.at_most(choices + np.arange(groups) * m + j, 1.0, float(instance.seats[j]))
        elif len(instance.purses) > 1:
            for k, seats in enumerate(instance.seats):
                model.at_most(np.flatnonzero(purse == k), 1.0, float(seats - sum(node.held[k])))
            by_worker = np.argsort(worker, kind="stable")
            for cell in np.split(by_worker, np.flatnonzero(np.diff(worker[by_worker])) + 1):
                model.at_most(cell, 1.0, 1.0)
        model.at_most(np.arange(choices), 1.0, float(node.high - node.hired))
        model.at_least(np.arange(choices), 1.0, float(node.low - node.hired))
        kinds = np.array([r for r, _ in offers], dtype=np.int64)
        for r in range(instance.kinds):
            model.at_most(first + np.flatnonzero(kinds == r), 1.0, 1.0)
        for t, those in enumerate(offers.values()):
            signs = np.concatenate([[1.0], -np.ones(len(those))])
            model.at_most(np.concatenate([[first + t], those]), signs, 0.0)
        return model, len(offers)

    def _read(self, node: Node, worker: np.ndarray, dual: list[float], point: np.ndarray, levels: int) -> Suggestion:
        instance, groups, purses = self.instance, len(self.instance.caps), len(self.instance.purses)
        unit = 1 << self.bits

        def rounded(value: float, scale: Fraction) -> int:
            return round(Fraction(value) * scale * unit)

        worth = Fraction(self.worth)
        price = [rounded(dual[k * (groups + 1)], worth / self.money) for k in range(purses)]
        places = [
            [rounded(x, worth) for x in dual[k * (groups + 1) + 1 : (k + 1) * (groups + 1)]] for k in range(purses)
        ]
        if purses > 1:
            # Multipliers have no seats where purses are separate: the price of one is added to all places of its requester.
            for k, row in enumerate(places):
                seat = rounded(dual[purses * (groups + 1) + k], worth)
                places[k] = [x + seat for x in row]
        end = len(dual) - levels - instance.kinds
        # The number hired has a row from above and one from below: its multiplier is of either sign.
        count = rounded(dual[end - 2] - dual[end - 1], worth)
        raised = [rounded(x, worth) for x in dual[end : end + instance.kinds]]
        covered = [unit * z + x for z, x in zip(node.covered, raised, strict=True)]
        doubt: dict[int, float] = {}
        for i, share in zip(worker.tolist(), point.tolist(), strict=False):
            # Where the relaxation is farthest from 0 and 1 a branch decides most.
            doubt[i] = max(doubt.get(i, 0.0), min(share, 1.0 - share))
        multipliers = Multipliers(unit, count, tuple(price), tuple(covered), tuple(map(tuple, places)))
        return Suggestion(multipliers, {i: x for i, x in doubt.items() if x > 0})

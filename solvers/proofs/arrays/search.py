"""The least that a purse loses in a node, over all ways to make its open decisions otherwise.

The base of a node hires whoever is hired for sure or at a gain. A *flip* takes one more worker in or one out, at a loss; money left
over, empty places and a count away from its end lose too (see the reference for the formula). Equal flips are bundled by powers of
two, the bundles cut into two halves, and for each half the combinations that lose at most the gap are listed as arrays, those that
a cheaper one makes needless left out. Each of the first half then finds its best partner in the second by its cost.

A combination is a row (key, cost, loss); the key packs where it started (`tag`), the places taken up in the limit that is being
filled (`count`) and the change of the number hired (`total`). Since money left over loses ``price`` a unit, a combination gains
``price * cost - loss``: of two with one key the cheaper makes the other needless unless that gains more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nodes import Multipliers, Node
from ..proof import Pulse
from ..walk import Work
from .instance import Instance
from .limbs import WORD
from .narrow import Flips, stages

__all__ = ["Search", "TooLarge"]

PLENTY = 16
"""So many equal workers that cost nothing to flip are taken to be any number of them, which only allows more."""


class TooLarge(Exception):
    """The numbers do not fit in 64 bits."""


@dataclass(frozen=True)
class _Bundle:
    """Flip so many equal workers at once, or not."""

    loss: int
    cost: int
    count: int
    total: int


@dataclass(frozen=True)
class _Closing:
    """Close a limit: no more than `room` places, each empty one at `loss`."""

    loss: int
    room: int


@dataclass(frozen=True)
class _Plan:
    """What is combined: the steps, and what base and plentiful workers cost and hire before any."""

    steps: list[_Bundle | _Closing]
    cut: int
    money: int
    hired: int
    tracked: bool
    nested: bool
    relaxed: bool

    @property
    def bundles(self) -> list[_Bundle]:
        """The steps that flip."""
        return [step for step in self.steps if isinstance(step, _Bundle)]

    @property
    def spread(self) -> int:
        """More than the costs of combinations differ by, or are away from 0."""
        return 1 + sum(abs(bundle.cost) for bundle in self.bundles)


class Search:
    """Finds least losses, as far as there is work to spare."""

    def __init__(self, instance: Instance, work: Work):
        self.instance, self.work = instance, work

    def least_loss(self, node: Node, k: int, flips: Flips, gap: int) -> int:
        """Return what purse `k` loses at least, gap + 1 if it is more.

        Raises
        ------
        TooLarge
            If it has to be done in Python integers.
        """
        m = node.multipliers
        assert m is not None
        for plenty in (True, False):
            plan = _plan(self.instance, node, k, flips, gap, m, self.work.pulse, plenty=plenty)
            least = self._least_of(plan, node, gap, m.money[k], m.count)
            if least > gap or not plan.relaxed:
                break
        return least

    def _least_of(self, plan: _Plan, node: Node, gap: int, price: int, count_price: int) -> int:
        spread = plan.spread
        if max(price, 1) * spread + gap >= WORD >> 2:
            raise TooLarge
        run = _Run(plan, price, gap, self.work)
        first = run.through(plan.steps[: plan.cut], _Table.start(run.pack(*np.zeros((3, 1), dtype=np.int64))))
        keys, homes = np.unique(first.key, return_inverse=True)
        second = run.through(plan.steps[plan.cut :], _Table.start(run.retagged(keys)))
        second = run.ended(second, count_price, node.low, node.high)
        starts = np.searchsorted(homes, np.arange(len(keys) + 1))
        tags = np.searchsorted(second.key, np.arange(len(keys) + 1))
        gains, more = price * first.cost - first.loss, price * second.cost - second.loss
        money = max(-spread, min(plan.money, spread))
        best: list[int] = []
        for tag in range(len(keys)):
            here, there = slice(starts[tag], starts[tag + 1]), slice(tags[tag], tags[tag + 1])
            if tags[tag] == tags[tag + 1]:
                continue
            dearest = np.searchsorted(second.cost[there], money - first.cost[here], side="right") - 1
            fits = dearest >= 0
            if fits.any():
                best.append(int((gains[here][fits] + more[there][dearest[fits]]).max()))
        return min(gap + 1, price * plan.money - max(best)) if best else gap + 1


def _plan(
    instance: Instance, node: Node, k: int, flips: Flips, gap: int, m: Multipliers, pulse: Pulse, *, plenty: bool
) -> _Plan:
    """Bundle the flips, limit by limit, and cut the steps in two."""
    base = instance.hire(node, k, flips.workers[flips.inside])
    nested, single = instance.nested[k], len(instance.purses) == 1
    money, hired = base.money[k], sum(base.held[k])
    falls = int(flips.inside.sum())
    rises = len(flips.workers) - falls
    pulse()
    kinds = _kinds(instance, flips)
    pulse()
    limits = stages(instance, base, k, m.places[k])
    by_group: dict[int, list[tuple[int, int, int, int, int]]] = {}
    for kind in kinds:
        by_group.setdefault(kind[0], []).append(kind)
    groups = [[kind for group in members for kind in by_group.get(group, ())] for members, _, _ in limits]
    adds = [rises if nested else sum(copies for _, sign, _, _, copies in own if sign == 1) for own in groups]
    closing = [price > 0 or room < most for (_, price, room), most in zip(limits, adds, strict=True)]
    # The limits alone keep the number from rising further than this; of nested ones the last is on all groups.
    most = [min(most, room) for (_, _, room), most in zip(limits, adds, strict=True)]
    rises = most[-1] if nested else sum(most)
    tracked = single and (m.count != 0 or hired - falls < node.low or hired + rises > node.high)
    steps: list[_Bundle | _Closing] = []
    ends, relaxed = [0], False
    for at, ((_, price, room), own) in enumerate(zip(limits, groups, strict=True)):
        pulse()
        counted = any(closing[at:]) if nested else closing[at]
        pivot = None
        if plenty and price > 0 and not nested:
            pivot = next((cost for _, _, cost, loss, copies in own if not loss and copies >= PLENTY), None)
        if pivot is None:
            for _, sign, cost, loss, copies in own:
                steps += _bundles(copies, gap, loss, sign * cost, sign * counted, sign * tracked)
            if closing[at]:
                steps.append(_Closing(price, room))
        else:
            relaxed = True
            # So many alike fill all places; others replace one of them, or a place is given up at its price.
            for _, sign, cost, loss, copies in own:
                steps += _bundles(copies, gap, loss, sign * (cost - pivot), 0, 0)
            # No more than are empty in the base, or fall empty.
            empty = room + sum(copies for _, sign, _, _, copies in own if sign == -1)
            steps += _bundles(empty, gap, price, -pivot, 0, -int(tracked))
            money, hired = money - pivot * room, hired + room
        ends.append(len(steps))
    middle = len(steps) // 2
    cut = min(ends, key=lambda at: abs(at - middle))
    return _Plan(steps, cut if abs(cut - middle) <= middle // 2 else middle, money, hired, tracked, nested, relaxed)


def _kinds(instance: Instance, flips: Flips) -> list[tuple[int, int, int, int, int]]:
    """Return (group, sign, cost, loss, copies) of the flips, equal ones once, those that lose most first: few combine with them."""
    groups = instance.of(instance.groups, flips.workers)
    costs = instance.of(instance.costs, flips.workers)
    rows: dict[tuple[int, int, int, int], int] = {}
    columns = (groups.tolist(), flips.inside.tolist(), costs.tolist(), flips.losses.tolist())
    for group, inside, cost, loss in zip(*columns, strict=True):
        kind = (group, -1 if inside else 1, cost, loss)
        rows[kind] = rows.get(kind, 0) + 1
    return [(*kind, copies) for kind, copies in sorted(rows.items(), key=lambda row: -row[0][3])]


def _bundles(copies: int, gap: int, loss: int, cost: int, count: int, total: int) -> list[_Bundle]:
    """Return steps that together flip any number of equal workers, but for what would lose more than the gap."""
    most = min(copies, gap // loss) if loss else copies
    found: list[_Bundle] = []
    size = 1
    while most > 0:
        size = min(size, most)
        found.append(_Bundle(loss * size, cost * size, count * size, total * size))
        most, size = most - size, 2 * size
    return found


@dataclass(frozen=True)
class _Table:
    """Combinations: rows in ascending order of key and cost."""

    key: np.ndarray
    cost: np.ndarray
    loss: np.ndarray

    @classmethod
    def start(cls, keys: np.ndarray) -> _Table:
        """One combination of nothing for each key."""
        return cls(keys, np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=np.int64))

    def take(self, rows: np.ndarray) -> _Table:
        """Return some of the rows, in the order given."""
        return _Table(self.key[rows], self.cost[rows], self.loss[rows])

    def __len__(self) -> int:
        return len(self.key)


class _Run:
    """Goes through steps; counts what it lists."""

    def __init__(self, plan: _Plan, price: int, gap: int, work: Work):
        self.plan, self.price, self.gap, self.work = plan, price, gap, work
        self.counts = 1 + 2 * sum(abs(bundle.count) for bundle in plan.bundles)
        self.totals = 1 + 2 * sum(abs(bundle.total) for bundle in plan.bundles)
        if self.counts * self.totals * (self.counts * self.totals + 1) >= WORD:
            raise TooLarge

    def pack(self, tag: np.ndarray, count: np.ndarray, total: np.ndarray) -> np.ndarray:
        """Put tag, count and total into one number that orders them."""
        return (tag * self.counts + count + self.counts // 2) * self.totals + total + self.totals // 2

    def unpack(self, key: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return tag, count and total."""
        rest, total = np.divmod(key, self.totals)
        tag, count = np.divmod(rest, self.counts)
        return tag, count - self.counts // 2, total - self.totals // 2

    def retagged(self, keys: np.ndarray) -> np.ndarray:
        """Number the keys: what starts from each is told apart by its tag."""
        _, count, total = self.unpack(keys)
        return self.pack(np.arange(len(keys)), count, total)

    def through(self, steps: list[_Bundle | _Closing], table: _Table) -> _Table:
        """Return all combinations of steps from those in the table."""
        for step in steps:
            table = self._closed(table, step) if isinstance(step, _Closing) else self._flipped(table, step)
            self.work.list(len(table))
        return table

    def _flipped(self, table: _Table, step: _Bundle) -> _Table:
        may = np.flatnonzero(table.loss <= self.gap - step.loss)
        key = np.concatenate([table.key, table.key[may] + step.count * self.totals + step.total])
        cost = np.concatenate([table.cost, table.cost[may] + step.cost])
        loss = np.concatenate([table.loss, table.loss[may] + step.loss])
        return self.pruned(_Table(key, cost, loss))

    def _closed(self, table: _Table, step: _Closing) -> _Table:
        tag, count, total = self.unpack(table.key)
        # Prices of places beyond what the gap allows are as good as infinite.
        empty = np.minimum(step.room - count, self.gap // step.loss + 1 if step.loss else 0)
        loss = table.loss + min(step.loss, self.gap + 1) * empty
        key = table.key if self.plan.nested else self.pack(tag, np.zeros_like(count), total)
        return self.pruned(_Table(key, table.cost, loss).take((count <= step.room) & (loss <= self.gap)))

    def ended(self, table: _Table, price: int, low: int, high: int) -> _Table:
        """Return by tag and cost what can be the second half, and its loss with that of the number then hired."""
        tag, _, total = self.unpack(table.key)
        lost, keep = table.loss, np.ones(len(table), dtype=bool)
        if self.plan.tracked:
            hired = total + self.plan.hired
            keep = (hired >= low) & (hired <= high)
            far = np.where(keep, high - hired if price > 0 else hired - low, 0)
            # Prices beyond what the gap allows are as good as infinite.
            lost = lost + np.minimum(far, self.gap // abs(price) + 1 if price else 0) * min(abs(price), self.gap + 1)
        table = _Table(tag[keep], table.cost[keep], lost[keep])
        return self.pruned(table)

    def pruned(self, table: _Table) -> _Table:
        """Sort by key and cost, and leave out what a cheaper combination makes needless."""
        if not len(table):
            return table
        key, gain = table.key, self.price * table.cost - table.loss
        first, last = int(key.min()), int(key.max())
        if first == last:
            order = np.argsort(table.cost, kind="stable")
            lifted = gain[order]
        else:
            if (last - first + 1) * self.plan.spread < WORD:
                # Two ascending runs follow each other, which a stable sort of one number merges.
                order = np.argsort((key - first) * self.plan.spread + table.cost, kind="stable")
            else:
                order = np.lexsort((table.cost, key))
            lifted = self._lifted(key[order], gain[order])
        best = np.maximum.accumulate(lifted)
        return table.take(order[np.concatenate([[True], lifted[1:] > best[:-1]])])

    @staticmethod
    def _lifted(key: np.ndarray, gain: np.ndarray) -> np.ndarray:
        """Lift each key's gains above all of those before: one running maximum serves them all."""
        part = np.concatenate([[0], np.cumsum(key[1:] != key[:-1])])
        least = int(gain.min())
        span = int(gain.max()) - least + 1
        if span * (int(part[-1]) + 1) >= WORD:
            # Their ranks do as well.
            gain = np.unique(gain, return_inverse=True)[1].astype(np.int64)
            least, span = 0, int(gain.max()) + 1
        return gain - least + part * span

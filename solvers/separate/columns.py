"""All worker sets of one requester that an allocation within a given loss of the bound can use.

Against the multipliers' bound every allocation loses, exactly: for each worker hired by ``j``, ``best_i - p_ij``; for
each worker left out, ``best_i``; for each requester, ``lam_j`` times the money left, ``mu_lj`` times the free slots
and ``sigma_j`` times the free seats. A set of workers for requester ``j`` therefore has a loss of its own, and only sets of
loss at most ``gamma`` matter. They are found from two lists of partial sets, sorted by cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..control import Control
from .instance import SeparateInstance
from .multipliers import PurseMultipliers

MASK_WORDS = 2**25
"""Words of masks held at once: a quarter of a gigabyte."""

PAIRS_AT_ONCE = 1_000_000
"""Pairs of partial sets joined between two looks at the clock."""


class TooManyColumnsError(Exception):
    """More sets than allowed; nothing is known about those not listed."""


@dataclass(frozen=True)
class Columns:
    """Sets of one requester, by increasing loss: ``loss`` (K,), ``mask`` (K, W) of 64-bit words over the core."""

    loss: np.ndarray
    mask: np.ndarray


def core_of(multipliers: PurseMultipliers, instance: SeparateInstance, gamma: int) -> np.ndarray:
    """Pairs (n, m) that an allocation of loss at most `gamma` can use."""
    loss = multipliers.best[:, None] - multipliers.reduced
    return instance.eligible & np.asarray(loss <= gamma, dtype=bool)


def list_columns(
    instance: SeparateInstance,
    multipliers: PurseMultipliers,
    requester: int,
    pairs: np.ndarray,
    core: np.ndarray,
    gamma: int,
    limit: int,
    control: Control,
) -> Columns:
    """List every set of workers that requester `requester` can have in an allocation of loss at most `gamma`.

    Parameters
    ----------
    instance, multipliers
        The market and its multipliers.
    requester : int
        Which requester.
    pairs : ndarray of bool, shape (n, m)
        Pairs to consider.
    core : ndarray of int64
        Workers that have a bit in the masks; contains every worker that occurs in `pairs`.
    gamma : int
        Largest loss, in units of the multipliers' denominator.
    limit : int
        Most sets, partial sets and joined pairs to keep.
    control : Control
        Deadline.

    Raises
    ------
    TooManyColumnsError
        If there are more.
    Stopped
        At the deadline.
    """
    task = _Half(instance, multipliers, requester, pairs, core, gamma, limit, control)
    local = np.flatnonzero(pairs[core, requester])
    groups = instance.groups[core[local]]
    order = np.argsort(groups, kind="stable")
    local, groups = local[order], groups[order]
    # The halves are cut between groups, as evenly as the number of subsets within the caps allows.
    weights: list[float] = []
    starts: list[int] = []
    for group in np.unique(groups).tolist():
        size = int((groups == group).sum())
        cap = min(int(instance.caps[group, requester]), size)
        starts.append(int(np.searchsorted(groups, group)))
        weights.append(_log_subsets(size, cap))
    total, running, cut = sum(weights), 0.0, local.size
    for start, weight in zip(starts, weights, strict=True):
        if running + weight >= total / 2:
            inside = max(0.0, min(1.0, (total / 2 - running) / weight)) if weight else 0.0
            size = int((groups == groups[start]).sum())
            cut = start + round(inside * size)
            break
        running += weight
    first = task.run(local[:cut], groups[:cut], open_group=_shared(groups, cut))
    second = task.run(local[cut:], groups[cut:], open_group=_shared(groups, cut))
    return task.join(first, second, _shared(groups, cut))


def _log_subsets(size: int, most: int) -> float:
    """Logarithm of how many subsets of `size` have at most `most` members; it only decides where lists are cut."""
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])
    return float(np.logaddexp.reduce(factorials[size] - factorials[: most + 1] - factorials[size - most :][::-1]))


def _shared(groups: np.ndarray, cut: int) -> int:
    """Group that lies on both sides of the cut, or -1."""
    return int(groups[cut]) if 0 < cut < groups.size and groups[cut - 1] == groups[cut] else -1


@dataclass
class _PartialSets:
    """Partial sets: cost, loss, workers of the group being listed, of the group both halves share, of all; masks."""

    cost: np.ndarray
    loss: np.ndarray
    count: np.ndarray
    shared: np.ndarray
    seats: np.ndarray
    mask: np.ndarray

    def keep(self, which: np.ndarray) -> _PartialSets:
        return _PartialSets(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    def extend(self, other: _PartialSets) -> _PartialSets:
        return _PartialSets(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__dataclass_fields__)
        )


class _Half:
    """Lists partial sets of one requester and joins two lists of them."""

    def __init__(
        self,
        instance: SeparateInstance,
        multipliers: PurseMultipliers,
        requester: int,
        pairs: np.ndarray,
        core: np.ndarray,
        gamma: int,
        limit: int,
        control: Control,
    ) -> None:
        self.instance, self.multipliers, self.requester = instance, multipliers, requester
        self.core, self.gamma, self.control = core, gamma, control
        self.budget = instance.budgets[requester]
        self.cap = instance.caps[:, requester]
        self.rate = int(multipliers.budget[requester])
        self.words = (core.size + 63) // 64
        self.limit = min(limit, MASK_WORDS // max(1, self.words))
        self.entry = multipliers.best[core] - multipliers.reduced[core, requester]
        # Who is open to this requester alone is lost by a set that leaves it out: charged here, it need not be counted in the packing.
        only = pairs[core, requester] & (pairs[core].sum(axis=1) == 1)
        self.skip = np.where(only, multipliers.best[core], 0 * multipliers.best[core])
        self.dtype = object if self.entry.dtype == object or instance.costs.dtype == object else np.int64
        # Slots of groups that nobody in reach belongs to stay empty whatever the set.
        self.idle = 0
        self.absent = [
            group
            for group in range(self.cap.size)
            if self.cap[group] > 0 and not pairs[core[instance.groups[core] == group], requester].any()
        ]
        for group in self.absent:
            self.idle += int(multipliers.slot[group, requester]) * int(self.cap[group])

    def run(self, local: np.ndarray, groups: np.ndarray, open_group: int) -> _PartialSets:
        """List the subsets of `local` (positions in the core, sorted by group) that can be part of a set."""
        one = np.zeros(1, dtype=self.dtype)
        none = np.zeros(1, dtype=np.int64)
        part = _PartialSets(one, one.copy(), none, none.copy(), none.copy(), np.zeros((1, self.words), dtype=np.uint64))
        cost = self.instance.costs[self.core]
        for at, (item, group) in enumerate(zip(local.tolist(), groups.tolist(), strict=True)):
            price = int(cost[item])
            fits = (part.count < self.cap[group]) & np.asarray(part.cost <= self.budget - price, dtype=bool)
            fits &= np.asarray(part.loss <= self.gamma - int(self.entry[item]), dtype=bool)
            fits &= part.seats < self.instance.seats[self.requester]
            taken = part.keep(fits)
            taken.cost = taken.cost + price
            taken.loss = taken.loss + int(self.entry[item])
            taken.count = taken.count + 1
            taken.seats = taken.seats + 1
            taken.mask = taken.mask.copy()
            taken.mask[:, item >> 6] |= np.uint64(1 << (item & 63))
            # Those who have just been taken are apart in `taken`: what is left in `part` leaves the worker out.
            if self.skip[item]:
                part.loss = part.loss + int(self.skip[item])
                part = part.keep(np.asarray(part.loss <= self.gamma, dtype=bool))
            part = part.extend(taken)
            last = at + 1 == local.size or groups[at + 1] != group
            if last:
                rate = int(self.multipliers.slot[group, self.requester])
                # The other half has workers of this group too: its empty slots are charged when the halves are joined.
                if group == open_group:
                    part.shared = part.count
                elif rate:
                    part.loss = part.loss + rate * (int(self.cap[group]) - part.count).astype(self.dtype)
                    part = part.keep(np.asarray(part.loss <= self.gamma, dtype=bool))
                part.count = np.zeros_like(part.count)
            if part.cost.size > self.limit:
                raise TooManyColumnsError
            self.control.check()
        return part

    def join(self, first: _PartialSets, second: _PartialSets, open_group: int) -> Columns:
        """Join two lists into the sets within budget, caps, seats and loss."""
        rate, gamma = self.rate, self.gamma - self.idle
        order = np.argsort(second.cost, kind="stable")
        second = second.keep(order)
        high = np.searchsorted(second.cost, self.budget - first.cost, side="right")
        if rate:
            # Money left is lost at `rate` a unit: sets that leave more of it than the rest of the limit pays for need not be joined.
            least = self.budget - first.cost - (gamma - first.loss) // rate
            low = np.searchsorted(second.cost, least, side="left")
        else:
            low = np.zeros_like(high)
        width = np.maximum(high - low, 0)
        ends = np.cumsum(width)
        if ends[-1:].sum() > 8 * self.limit:
            raise TooManyColumnsError
        blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        start = found = 0
        while start < width.size:
            self.control.check()
            done = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, done + PAIRS_AT_ONCE, side="right")))
            rows = np.repeat(np.arange(start, stop), width[start:stop])
            cells = np.arange(done, done + rows.size) - np.repeat(
                ends[start:stop] - width[start:stop], width[start:stop]
            )
            blocks.append(self._pairs(first, second, rows, cells + low[rows], open_group))
            found += blocks[-1][0].size
            if found > self.limit:
                raise TooManyColumnsError
            start = stop
        if not blocks:
            return Columns(np.zeros(0, dtype=self.dtype), np.zeros((0, self.words), dtype=np.uint64))
        rows, cells, loss = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        by_loss = np.argsort(loss, kind="stable")
        rows, cells, loss = rows[by_loss], cells[by_loss], loss[by_loss]
        return Columns(loss, first.mask[rows] | second.mask[cells])

    def _pairs(
        self, first: _PartialSets, second: _PartialSets, rows: np.ndarray, cells: np.ndarray, open_group: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of these pairs of partial sets, those within caps, seats and loss: first, second, loss."""
        seats = first.seats[rows] + second.seats[cells]
        loss = first.loss[rows] + second.loss[cells] + self.idle
        if self.rate:
            loss = loss + self.rate * (self.budget - first.cost[rows] - second.cost[cells])
        good = seats <= self.instance.seats[self.requester]
        if open_group >= 0:
            count = first.shared[rows] + second.shared[cells]
            cap = int(self.cap[open_group])
            good &= count <= cap
            loss = loss + int(self.multipliers.slot[open_group, self.requester]) * (cap - count).astype(self.dtype)
        if sigma := int(self.multipliers.seat[self.requester]):
            loss = loss + sigma * (int(self.instance.seats[self.requester]) - seats).astype(self.dtype)
        good &= np.asarray(loss <= self.gamma, dtype=bool)
        return rows[good], cells[good], loss[good]

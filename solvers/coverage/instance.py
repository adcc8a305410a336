"""COVER as plain integer arrays, with the routing that says which numbers of workers per group can be placed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...models.exact import INT64_SAFE, exact_sum, integer_columns, python_integers
from ..separate.instance import as_integers


@dataclass(frozen=True)
class CoverInstance:
    """One COVER instance in integers.

    Parameters
    ----------
    coverage : ndarray, shape (n, R)
        ``z_ir >= 0``, what worker ``i`` offers of kind ``r``.
    costs : ndarray, shape (n,)
        Nonnegative costs.
    groups : ndarray of int64, shape (n,)
        Group of each worker.
    caps : ndarray of int64, shape (L, m)
        Workers of group ``l`` that requester ``j`` may have.
    seats : ndarray of int64, shape (m,)
        Workers that requester ``j`` may have in all.
    budget : int
        The pooled budget.

    Notes
    -----
    DriftPay, section 7b: maximise ``sum_r max_{i in S} z_ir`` over the sets that can be placed and paid. Coverage and costs are
    both ``int64``, with the budget below 2**62, or both Python integers.
    """

    coverage: np.ndarray
    costs: np.ndarray
    groups: np.ndarray
    caps: np.ndarray
    seats: np.ndarray
    budget: int

    def __post_init__(self) -> None:
        coverage, costs = integer_columns(self.coverage, self.costs)
        if self.budget >= INT64_SAFE:
            coverage, costs = python_integers(coverage), python_integers(costs)
        object.__setattr__(self, "coverage", coverage)
        object.__setattr__(self, "costs", costs)

    @staticmethod
    def of(coverage: object, costs: object, groups: object, caps: object, seats: object, budget: int) -> CoverInstance:
        """Build an instance; caps, seats and a budget above what all workers need are clipped.

        Raises
        ------
        ValueError
            If a number is negative or the shapes do not agree.
        """
        z, cost = as_integers(coverage), as_integers(costs).ravel()
        group = np.asarray(groups, dtype=np.int64).reshape(-1)
        cap, seat = np.asarray(caps, dtype=np.int64), np.asarray(seats, dtype=np.int64).reshape(-1)
        n = cost.size
        if z.ndim != 2 or z.shape[0] != n or group.size != n or cap.ndim != 2 or cap.shape[1] != seat.size:
            raise ValueError("the shapes of coverage, costs, groups, caps and seats do not agree")
        if min(z.ravel().tolist(), default=0) < 0 or min(cost.tolist(), default=0) < 0 or budget < 0:
            raise ValueError("coverage, costs and the budget must be nonnegative")
        if n and (int(group.min()) < 0 or int(group.max()) >= cap.shape[0]):
            raise ValueError("a group is out of range")
        if (cap.size and int(cap.min()) < 0) or (seat.size and int(seat.min()) < 0):
            raise ValueError("caps and seats must be nonnegative")
        sizes = np.bincount(group, minlength=cap.shape[0]).astype(np.int64)
        money = min(int(budget), exact_sum(cost))
        return CoverInstance(z, cost, group, np.minimum(cap, sizes[:, None]), np.minimum(seat, n), money)

    @property
    def n(self) -> int:
        """Number of workers."""
        return int(self.costs.size)

    @cached_property
    def group_totals(self) -> np.ndarray:
        """Most workers of each group that can be placed, the other groups aside, shape (L,)."""
        sizes = np.bincount(self.groups, minlength=self.caps.shape[0])
        return np.minimum(sizes, np.minimum(self.caps, self.seats[None, :]).sum(axis=1)).astype(np.int64)

    @cached_property
    def seats_bind(self) -> bool:
        """Whether a seat limit can matter."""
        return bool((self.caps.sum(axis=0) > self.seats).any())

    @cached_property
    def able(self) -> np.ndarray:
        """Workers that fit on their own, bool, shape (n,)."""
        return (self.group_totals[self.groups] > 0) & np.asarray(self.costs <= self.budget, dtype=bool)

    def value(self, chosen: np.ndarray) -> int:
        """Coverage of the workers `chosen` (bool or positions), exactly."""
        part = self.coverage[chosen]
        return exact_sum(part.max(axis=0)) if part.shape[0] else 0

    def cost(self, chosen: np.ndarray) -> int:
        """Cost of the workers `chosen`, exactly."""
        return exact_sum(self.costs[chosen])

    def is_feasible(self, chosen: np.ndarray) -> bool:
        """Whether the workers `chosen` (positions) can be placed and paid."""
        router = Router(self)
        return self.cost(chosen) <= self.budget and all(router.add(g) for g in self.groups[chosen].tolist())

    def assign(self, chosen: np.ndarray) -> np.ndarray:
        """Place the workers `chosen` (positions): requester of each worker or -1, shape (n,).

        Raises
        ------
        ValueError
            If they cannot be placed.
        """
        router = Router(self)
        if not all(router.add(g) for g in self.groups[chosen].tolist()):
            raise ValueError("these workers cannot be placed")
        result = np.full(self.n, -1, dtype=np.int64)
        for group in range(self.caps.shape[0]):
            members = chosen[self.groups[chosen] == group]
            result[members] = np.repeat(np.arange(self.seats.size), router.flow[group])
        return result


class Router:
    """Group counts that can be placed, kept as a flow from groups to requesters and grown by one worker at a time.

    Attributes
    ----------
    flow : list of list of int
        Workers of each group at each requester.
    """

    def __init__(self, instance: CoverInstance) -> None:
        self.caps = instance.caps.tolist()
        self.free = instance.seats.tolist()
        self.flow = [[0] * len(self.free) for _ in self.caps]

    def add(self, group: int) -> bool:
        """Place one more worker of `group`, moving others along a shortest chain; false, unchanged, if none can."""
        return self._augment(group, apply=True)

    def fits(self, group: int) -> bool:
        """Whether one more worker of `group` could be placed."""
        return self._augment(group, apply=False)

    def remove(self, group: int) -> None:
        """Take back one worker of `group`."""
        j = next(j for j, used in enumerate(self.flow[group]) if used)
        self.flow[group][j] -= 1
        self.free[j] += 1

    def _augment(self, group: int, apply: bool) -> bool:
        # Breadth-first over requesters: `came` says from which requester, and by moving whose worker on, each was reached.
        came: dict[int, tuple[int, int]] = {}
        queue: list[int] = []
        for j, cap in enumerate(self.caps[group]):
            if self.flow[group][j] < cap:
                came[j] = (-1, group)
                queue.append(j)
        for j in queue:
            if self.free[j] > 0:
                # Back along the path everybody moves one on, and the new worker takes the place that this leaves.
                if apply:
                    self.free[j] -= 1
                    while j >= 0:
                        source, mover = came[j]
                        self.flow[mover][j] += 1
                        if source >= 0:
                            self.flow[mover][source] -= 1
                        j = source
                return True
            for other, row in enumerate(self.flow):
                if row[j]:
                    for k, cap in enumerate(self.caps[other]):
                        if k not in came and row[k] < cap:
                            came[k] = (j, other)
                            queue.append(k)
        return False

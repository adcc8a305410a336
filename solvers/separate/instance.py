"""OPT-SEP as plain integer arrays, and the exact tests of a point and of a bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ...models.exact import INT64_SAFE, common_divisor, exact_sum, integer_array, integer_columns, python_integers


def as_integers(values: object) -> np.ndarray:
    """Return nested sequences of integers as an array; numpy would turn some that are too large into floats."""
    return integer_array(values if isinstance(values, np.ndarray) else np.array(values, dtype=object))


@dataclass(frozen=True)
class SeparateInstance:
    """One OPT-SEP instance in integers.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Positive scores in integer units.
    costs : ndarray, shape (n,)
        Nonnegative costs in integer units.
    groups : ndarray of int64, shape (n,)
        Group of each worker.
    caps : ndarray of int64, shape (L, m)
        Workers of group ``l`` that requester ``j`` may have.
    seats : ndarray of int64, shape (m,)
        Workers that requester ``j`` may have in all.
    budgets : tuple of int, length m
        Budget of each requester, in the units of `costs`; no more than all workers cost together.

    Notes
    -----
    Scores and costs are both ``int64``, with budgets below 2**62, or both Python integers; whoever makes an instance of a part of
    a market's workers, or with other scores, need not think of it.
    DriftPay, section 4, with a budget for every requester: maximise ``sum v_i x_ij`` where each worker
    has at most one requester, ``(l, j)`` holds at most ``caps[l, j]`` workers, requester ``j`` at most ``seats[j]``
    and ``sum_i c_i x_ij <= B_j``.
    """

    scores: np.ndarray
    costs: np.ndarray
    groups: np.ndarray
    caps: np.ndarray
    seats: np.ndarray
    budgets: tuple[int, ...]

    def __post_init__(self) -> None:
        scores, costs = integer_columns(self.scores, self.costs)
        if max(self.budgets, default=0) >= INT64_SAFE:
            scores, costs = python_integers(scores), python_integers(costs)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "costs", costs)

    @staticmethod
    def of(
        scores: object, costs: object, groups: object, caps: object, seats: object, budgets: object
    ) -> SeparateInstance:
        """Build an instance from sequences: caps, seats and budgets above what all workers need are clipped.

        Raises
        ------
        ValueError
            If a cost, cap, seat limit or budget is negative, a score is not positive, or the shapes do not agree.
        """
        score, cost = as_integers(scores).ravel(), as_integers(costs).ravel()
        group = np.asarray(groups, dtype=np.int64).reshape(-1)
        cap = np.asarray(caps, dtype=np.int64)
        seat = np.asarray(seats, dtype=np.int64).reshape(-1)
        money = tuple(int(b) for b in np.asarray(budgets, dtype=object).ravel().tolist())
        n = score.size
        if cap.ndim != 2 or cost.size != n or group.size != n or cap.shape[1] != len(money) or seat.size != len(money):
            raise ValueError("the shapes of scores, costs, groups, caps, seats and budgets do not agree")
        if n and (score.min() <= 0 or cost.min() < 0):
            raise ValueError("scores must be positive and costs nonnegative")
        if n and (int(group.min()) < 0 or int(group.max()) >= cap.shape[0]):
            raise ValueError("a group is out of range")
        if (cap.size and int(cap.min()) < 0) or (seat.size and int(seat.min()) < 0) or any(b < 0 for b in money):
            raise ValueError("caps, seats and budgets must be nonnegative")
        sizes, bill = np.bincount(group, minlength=cap.shape[0]).astype(np.int64), exact_sum(cost)
        within = tuple(min(b, bill) for b in money)
        return SeparateInstance(score, cost, group, np.minimum(cap, sizes[:, None]), np.minimum(seat, n), within)

    @property
    def n(self) -> int:
        """Number of workers."""
        return int(self.scores.size)

    @property
    def m(self) -> int:
        """Number of requesters."""
        return len(self.budgets)

    @cached_property
    def seats_bind(self) -> bool:
        """Whether a seat limit can matter."""
        return bool((self.caps.sum(axis=0) > self.seats).any())

    @cached_property
    def group_totals(self) -> np.ndarray:
        """Most workers of each group that all requesters together can have, seats aside, shape (L,)."""
        sizes = np.bincount(self.groups, minlength=self.caps.shape[0])
        return np.minimum(sizes, self.caps.sum(axis=1)).astype(np.int64)

    @cached_property
    def eligible(self) -> np.ndarray:
        """Pairs that fit on their own, bool, shape (n, m): a slot, a seat, and a cost within the budget."""
        fits = np.zeros((self.n, self.m), dtype=bool)
        for j, budget in enumerate(self.budgets):
            if self.seats[j] > 0 and self.n:
                fits[:, j] = (self.caps[self.groups, j] > 0) & np.asarray(self.costs <= budget, dtype=bool)
        return fits

    @cached_property
    def unit(self) -> int:
        """Greatest common divisor of the scores: every value is a multiple of it."""
        return common_divisor(self.scores) or 1

    def merged(self, classes: list[int]) -> SeparateInstance:
        """Relax the caps: group l is counted in class ``classes[l]``, and the groups of a class share their places."""
        caps = np.zeros((max(classes, default=-1) + 1, self.m), dtype=np.int64)
        np.add.at(caps, classes, self.caps)
        return replace(self, groups=np.asarray(classes, dtype=np.int64)[self.groups], caps=caps)

    def value(self, assignment: np.ndarray) -> int:
        """Score of an allocation, exactly (``assignment[i]`` is a requester or -1)."""
        return exact_sum(self.scores[assignment >= 0])

    def is_feasible(self, assignment: np.ndarray) -> bool:
        """Whether an allocation keeps every cap, seat limit and budget, exactly."""
        placed = np.flatnonzero(assignment >= 0)
        target = assignment[placed]
        if placed.size and int(target.max()) >= self.m:
            return False
        used = np.zeros_like(self.caps)
        np.add.at(used, (self.groups[placed], target), 1)
        if (used > self.caps).any() or (used.sum(axis=0) > self.seats).any():
            return False
        return all(exact_sum(self.costs[placed[target == j]]) <= budget for j, budget in enumerate(self.budgets))

    def floor(self, numerator: int, denominator: int = 1) -> int:
        """Round a bound on the optimum down to a value that a set of workers can have."""
        return numerator // (denominator * self.unit) * self.unit

"""The best set of workers that one requester can have by itself, whatever the workers are worth.

A requester of few slots or seats has few sets: they are listed once, and every question after that is a look at the list.
"""

from __future__ import annotations

import numpy as np

from ...models.exact import INT64_SAFE, exact_sum, python_integers
from ..control import Control, Stopped
from ..pooled import PooledProblem, solve_pooled
from ..seated.duals import SeatMarket
from ..seated.method import best_affordable_set
from .columns import TooManyColumnsError
from .instance import SeparateInstance
from .near_sets import FEW_SLOTS, Choice, best_choice, list_near

__all__ = ["OneRequester", "search_best"]

LISTED_SETS = 20_000
"""So many sets of one requester are kept in a list."""

NEAR_SETS = 200_000
"""So many parts of sets are kept while the best set of one requester is looked for."""


def search_best(
    instance: SeparateInstance, requester: int, worth: np.ndarray, able: np.ndarray, control: Control
) -> tuple[int, np.ndarray]:
    """Search for the best set of one requester.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    requester : int
    worth : ndarray, shape (n,)
        What each worker is worth, positive.
    able : ndarray of int64
        Workers to choose from, each of which fits the requester on its own.
    control : Control
        Deadline; what was found by then counts.

    Returns
    -------
    bound : int
        No set is worth more.
    members : ndarray of int64
        A set that is worth as much, if the search came to its end.

    Raises
    ------
    KeyboardInterrupt
        If the search was interrupted.
    """
    scores, costs, groups = worth[able], instance.costs[able], instance.groups[able]
    caps, seats, budget = instance.caps[:, requester], int(instance.seats[requester]), instance.budgets[requester]
    # Seats that cannot bind leave a pooled problem, which is faster.
    if int(caps.sum()) <= seats:
        pooled = solve_pooled(PooledProblem.of(scores, costs, groups, caps.tolist(), budget), control)
        bound = pooled.value if pooled.proved else pooled.bound.numerator // pooled.bound.denominator
        members, stopped = able[pooled.chosen], pooled.stopped
    else:
        market = SeatMarket(scores, costs, groups, budget, instance.caps[:, [requester]], instance.seats[[requester]])
        # Its progress is that of a small part; nobody wants to read it.
        found = best_affordable_set(market, Control(control.deadline))
        bound = exact_sum(scores) if found.duals is None else found.upper(1)
        members, stopped = able[found.chosen], found.stopped
    if stopped == "interrupted":
        raise KeyboardInterrupt
    return bound, members


class OneRequester:
    """Answers which of its sets is best for one requester.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    requester : int
    control : Control
        Deadline of the listing.
    """

    def __init__(self, instance: SeparateInstance, requester: int, control: Control) -> None:
        self.instance, self.requester = instance, requester
        self.able = np.flatnonzero(instance.eligible[:, requester])
        self.slots = min(int(instance.caps[:, requester].sum()), int(instance.seats[requester]), self.able.size)
        # What was best at other prices may be nearly so again.
        self.seen: list[np.ndarray] = []
        self.sets = _every_set(instance, requester, self.able, control)

    def best(self, worth: np.ndarray, free: np.ndarray | None, control: Control) -> tuple[int, np.ndarray, bool]:
        """Return a bound on what a set of the workers `free` (flags; None for all) is worth, a good set, and if it is the best."""
        if self.sets is None:
            able = self.able if free is None else self.able[free[self.able]]
            if self.slots <= FEW_SLOTS:
                # A floor near the best keeps the search from listing what is far below it.
                known = [exact_sum(worth[one]) for one in self.seen if free is None or free[one].all()]
                try:
                    value, at = best_choice(self._choice(worth, able), max(known, default=0), NEAR_SETS, control)
                except (TooManyColumnsError, Stopped):
                    pass
                else:
                    self.seen.append(able[at])
                    return value, able[at], True
            bound, members = search_best(self.instance, self.requester, worth, able, control)
            return bound, members, exact_sum(worth[members]) == bound
        if free is not None:
            # A set with one of the others is worth less than the empty one.
            worth = np.where(free, worth, -int(worth.max(initial=0)) * self.sets.shape[1] - 1)
        total = self._totals(self.sets, worth)
        at = int(np.argmax(total))
        members = self.sets[at]
        return int(total[at]), np.sort(members[members < self.instance.n]).astype(np.int64), True

    def _choice(self, worth: np.ndarray, able: np.ndarray) -> Choice:
        instance, j = self.instance, self.requester
        caps = instance.caps[:, j].tolist()
        return Choice(worth[able], instance.costs[able], instance.groups[able], caps, self.slots, instance.budgets[j])

    def near(self, worth: np.ndarray, least: int, limit: int, control: Control) -> tuple[np.ndarray, np.ndarray] | None:
        """List all sets worth at least so much: a row of workers each, filled up with n, and what each is worth.

        None if this requester has neither few sets nor few slots.
        """
        if self.sets is None:
            if self.slots > FEW_SLOTS:
                return None
            rows, total = list_near(self._choice(worth, self.able), least, limit, control)
            return np.append(self.able, self.instance.n)[rows], total
        total = self._totals(self.sets, worth)
        good = np.asarray(total >= least, dtype=bool)
        return self.sets[good], total[good]

    @staticmethod
    def _totals(sets: np.ndarray, worth: np.ndarray) -> np.ndarray:
        largest = max(int(worth.max(initial=0)), -int(worth.min(initial=0)))
        if largest * (sets.shape[1] + 1) >= INT64_SAFE:
            worth = python_integers(worth)
        return np.append(worth, 0)[sets].sum(axis=1) if sets.shape[1] else np.zeros(len(sets), dtype=worth.dtype)


def _every_set(instance: SeparateInstance, requester: int, able: np.ndarray, control: Control) -> np.ndarray | None:
    """List all sets that fit a requester, a row of workers each, filled up with n; None if they are too many."""
    budget, seats = instance.budgets[requester], int(instance.seats[requester])
    caps = instance.caps[:, requester].tolist()
    order = able[np.argsort(instance.groups[able], kind="stable")]
    cost, count, size = (np.zeros(1, dtype=kind) for kind in (instance.costs.dtype, np.int64, np.int64))
    member, group = np.full((1, 0), instance.n, dtype=np.int32), -1
    for i, own, price in zip(
        order.tolist(), instance.groups[order].tolist(), instance.costs[order].tolist(), strict=True
    ):
        control.check()
        if own != group:
            count, group = np.zeros_like(count), own
        fits = (count < caps[own]) & (size < seats) & np.asarray(cost <= budget - price, dtype=bool)
        into = np.flatnonzero(fits)
        if cost.size + into.size > LISTED_SETS:
            return None
        grown = member[into]
        if into.size and int(size[into].max()) == member.shape[1]:
            member, grown = (np.pad(rows, ((0, 0), (0, 1)), constant_values=instance.n) for rows in (member, grown))
        grown[np.arange(into.size), size[into]] = i
        member = np.concatenate([member, grown])
        cost, count, size = (
            np.concatenate([cost, cost[into] + price]),
            np.concatenate([count, count[into] + 1]),
            np.concatenate([size, size[into] + 1]),
        )
    return member

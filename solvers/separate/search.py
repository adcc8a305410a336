"""The exact method for OPT-SEP: pooled optimum and split, then a search by loss against a dual bound.

1. The pooled optimum bounds the separate one. If its workers can be split over the requesters, both are equal.
2. Otherwise rational multipliers give a bound against which every allocation has an exact, additive loss. For a growing
   limit on the loss, all worker sets each requester can have are listed and packed (`columns`, `packing`). A pass
   without a packing lowers the bound by its limit; a pass with one ends with the optimum.
3. Where the lists grow too long, HiGHS takes what is left of the pairs, and the answer is marked as the solver's.

Whatever stops the search, the best allocation and a valid exact bound are returned.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .columns import Columns, TooManyColumnsError, core_of, list_columns
from .exchange import improve
from .greedy import repair_and_fill
from .instance import SeparateInstance
from .literal import solve_literal
from .multipliers import Multipliers, find_multipliers
from .packing import pack, workers_in
from .split import Splitter

PooledOptimum = Callable[[SeparateInstance, float | None], tuple[np.ndarray | None, int]]


@dataclass
class SeparateAnswer:
    """Result of an OPT-SEP method.

    Attributes
    ----------
    assignment : ndarray of int64, shape (n,)
        Requester of each worker or -1; feasible.
    value : int
        Its score.
    bound : int
        Exact upper bound on the optimum.
    exact : bool
        Whether the bound rests on integer arithmetic alone, not on HiGHS.
    stopped : str
        ``proved``, ``time-limit``, ``node-limit`` or ``interrupted``.
    step : str
        The step that ended it: ``split``, ``search`` or ``highs``.
    """

    assignment: np.ndarray
    value: int
    bound: int
    exact: bool = True
    stopped: str = "proved"
    step: str = "split"

    @property
    def proved(self) -> bool:
        """Whether the value meets the bound."""
        return self.value >= self.bound


def pooled_by_highs(instance: SeparateInstance, deadline: float | None) -> tuple[np.ndarray | None, int]:
    """Pooled relaxation (one budget, group totals) by HiGHS: its workers and a bound on its value."""
    money = sum(instance.budgets)
    reach = instance.eligible.any(axis=1)
    single = SeparateInstance(
        instance.scores, instance.costs, instance.groups, instance.group_totals[:, None], np.array([instance.n]), (money,)
    )
    answer = solve_literal(single, deadline, allowed=reach[:, None])
    return (None if answer.assignment is None else answer.assignment >= 0), answer.bound


class _Search:
    def __init__(self, instance: SeparateInstance, deadline: float | None, progress: Callable[[str], None]) -> None:
        self.instance, self.deadline, self.progress = instance, deadline, progress
        start = repair_and_fill(instance, np.full(instance.n, -1, dtype=np.int64))
        reach = instance.eligible.any(axis=1)
        self.answer = SeparateAnswer(start, instance.value(start), sum(instance.scores[reach].tolist()))

    def offer(self, assignment: np.ndarray) -> None:
        value = self.instance.value(assignment)
        if value > self.answer.value:
            if not self.instance.is_feasible(assignment):
                raise AssertionError("an infeasible allocation was offered")
            self.answer.assignment, self.answer.value = assignment, value
            self.progress(f"value {value}, bound {self.answer.bound}")

    def lower(self, bound: int) -> None:
        self.answer.bound = min(self.answer.bound, max(bound, self.answer.value))

    def expired(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def _enough(self, assignment: np.ndarray) -> bool:
        self.offer(assignment)
        return self.answer.proved

    def split(self, members: np.ndarray, attempts: int, seed: int = 0) -> None:
        splitter = Splitter(self.instance, members, seed)
        done = splitter.balance(attempts, self.deadline)
        assignment = splitter.assignment()
        self.offer(assignment if done else repair_and_fill(self.instance, assignment))

    def by_loss(self, limit: int, nodes: int) -> bool:
        """Search by loss with growing limits; whether the optimum was proved."""
        instance, answer = self.instance, self.answer
        seconds = None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
        multipliers = find_multipliers(instance, seconds)
        total, unit = multipliers.total, multipliers.denominator
        self.lower(instance.floor(total, unit))
        gamma = max(total - unit * answer.bound, 0)
        improve(instance, multipliers, answer.assignment, self._enough, 3 * instance.m * instance.m, self.deadline)
        alike = _interchangeable(instance, multipliers)
        while not answer.proved:
            most = total - unit * (answer.value + instance.unit)
            gamma = min(gamma, most)
            if self.expired():
                answer.stopped = "time-limit"
                return False
            try:
                pairs = core_of(multipliers, instance, gamma)
                core = np.flatnonzero(pairs.any(axis=1))
                columns: list[Columns] = []
                for j in range(instance.m):
                    twin = alike[j]
                    fresh = twin == j
                    columns.append(
                        list_columns(instance, multipliers, j, pairs, core, gamma, limit) if fresh else columns[twin]
                    )
            except TooManyColumnsError:
                answer.stopped = "node-limit"
                return False
            left_out = np.where(pairs[core].sum(axis=1) > 1, multipliers.best[core], 0 * multipliers.best[core])
            found = pack(columns, left_out, gamma, alike, nodes, self.deadline)
            self.progress(f"loss limit {gamma / unit:.6g}: {[c.loss.size for c in columns]} sets, {found.nodes} nodes")
            if found.chosen is not None:
                assignment = np.full(instance.n, -1, dtype=np.int64)
                for j, position in enumerate(found.chosen):
                    assignment[workers_in(columns[j].mask[position], core)] = j
                self.offer(assignment)
            if not found.complete:
                answer.stopped = "time-limit" if self.expired() else "node-limit"
                return False
            if found.chosen is not None:
                self.lower(answer.value)
                break
            self.lower(instance.floor(total - gamma - 1, unit))
            gamma = max(gamma + unit, 2 * gamma)
        return True


def _interchangeable(instance: SeparateInstance, multipliers: Multipliers) -> list[int]:
    """For each requester, the first one with the same budget, caps, seats and multipliers."""
    first: dict[tuple, int] = {}
    labels: list[int] = []
    for j in range(instance.m):
        key = (
            instance.budgets[j],
            int(instance.seats[j]),
            *instance.caps[:, j].tolist(),
            int(multipliers.budget[j]),
            int(multipliers.seat[j]),
            *multipliers.slot[:, j].tolist(),
        )
        labels.append(first.setdefault(key, j))
    return labels


def solve_separate(
    instance: SeparateInstance,
    deadline: float | None = None,
    pooled: PooledOptimum = pooled_by_highs,
    progress: Callable[[str], None] = lambda message: None,
    list_limit: int = 1_000_000,
    node_limit: int = 50_000,
) -> SeparateAnswer:
    """Solve OPT-SEP.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    deadline : float, optional
        Value of ``time.monotonic()`` at which to stop.
    pooled : callable
        Returns the workers of a pooled optimum (bool, shape (n,), or None) and a bound on its value.
    progress : callable
        Receives messages.
    list_limit, node_limit : int
        Most sets of a requester, most nodes of a packing search.

    Returns
    -------
    SeparateAnswer
        Proved, or the best allocation and a valid bound at the time it stopped.
    """
    search = _Search(instance, deadline, progress)
    answer = search.answer
    try:
        if answer.proved:
            return answer
        chosen, bound = pooled(instance, deadline if deadline is None else min(deadline, time.monotonic() + 2))
        search.lower(instance.floor(bound))
        if chosen is not None:
            for seed in range(4):
                search.split(np.flatnonzero(chosen), 60, seed)
                if answer.proved or search.expired():
                    break
        if answer.proved:
            return answer
        answer.step = "search"
        if search.by_loss(list_limit, node_limit) or search.expired():
            return answer
        answer.step = "highs"
        found = solve_literal(instance, deadline, floor=answer.value)
        if found.assignment is not None:
            search.offer(found.assignment)
        if found.bound < answer.bound:
            search.lower(found.bound)
            answer.exact = False
        answer.stopped = "proved" if answer.proved else "time-limit"
    except KeyboardInterrupt:
        answer.stopped = "interrupted"
    return answer

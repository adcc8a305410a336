"""OPT-SEP through HiGHS arrays: the linear relaxation for its duals, and the integer model on classes of workers.

A class is the set of workers alike in score, cost, group and open requesters; one integer variable for each (class, requester)
stands for all of them. HiGHS works to a tolerance: a point that overspends a budget in exact arithmetic is cut off and the
model solved again, and "optimal" is only ever passed on as the solver's claim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.exact import exact_sum
from ..control import Control
from ..highs.interface import HighsRefused
from ..highs.run import MipArrays, can_build, load_model, run_highs, run_lp
from ..highs.tolerances import EXACT_IN_DOUBLE
from ..solution import StopReason
from .instance import SeparateInstance


@dataclass(frozen=True)
class ClassAnswer:
    """What HiGHS found: a better allocation or None, whether it claims that none is better still, why it ended."""

    assignment: np.ndarray | None
    claimed: bool
    stopped: StopReason


@dataclass(frozen=True)
class _Scale:
    """What one unit of the model's objective and of its money stands for; 1 if the integers are exact in double."""

    score: int
    money: int

    @staticmethod
    def of(instance: SeparateInstance) -> _Scale:
        money = exact_sum(instance.costs) + sum(instance.budgets)
        return _Scale(1 + exact_sum(instance.scores) // EXACT_IN_DOUBLE, 1 + money // EXACT_IN_DOUBLE)

    @property
    def exact(self) -> bool:
        return self.score == self.money == 1


def in_units(values: np.ndarray, unit: int) -> np.ndarray:
    """Return integers of any size as floats in a unit that makes them small."""
    if values.dtype != object:
        return values / unit
    return np.array([value / unit for value in values.ravel().tolist()], dtype=float).reshape(values.shape)


def pair_model(
    instance: SeparateInstance, workers: np.ndarray, requesters: np.ndarray, supply: np.ndarray, *, integral: bool
) -> MipArrays:
    """Build the model on the pairs ``(workers[k], requesters[k])``, worker ``i`` being there ``supply[i]`` times.

    The rows, in this order: one for each worker, each budget, each seat limit, each slot ``(l, j)``.
    """
    scale, m = _Scale.of(instance), instance.m
    costs = in_units(instance.costs, scale.money)[workers]
    slots = instance.groups[workers] * m + requesters
    model = MipArrays(
        objective=in_units(instance.scores, scale.score)[workers],
        upper=supply[workers].astype(float),
        integer=np.full(workers.size, integral),
    )
    for cells, limit in zip(_cells(workers, instance.n), supply.tolist(), strict=True):
        model.at_most(cells, 1.0, float(limit))
    of_requester = _cells(requesters, m)
    for cells, budget in zip(of_requester, instance.budgets, strict=True):
        if integral and scale.money == 1:
            model.pay(cells, instance.costs[workers[cells]], budget)
        else:
            model.at_most(cells, costs[cells], budget / scale.money)
    for cells, limit in zip(of_requester, instance.seats.tolist(), strict=True):
        model.at_most(cells, 1.0, float(limit))
    for cells, limit in zip(_cells(slots, instance.caps.size), instance.caps.ravel().tolist(), strict=True):
        model.at_most(cells, 1.0, float(limit))
    return model


def _cells(labels: np.ndarray, count: int) -> list[np.ndarray]:
    """Positions of each label ``0..count-1``."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=count))[:-1]) if count else []


@dataclass(frozen=True)
class Duals:
    """Duals of the linear relaxation in floating point: of budgets (m,), slots (L, m) and seats (m,), and what 1.0 stands for.

    A budget's dual is in units of ``score / money``, the others are in units of ``score``.
    """

    budget: np.ndarray
    slot: np.ndarray
    seat: np.ndarray
    score: int
    money: int


def relaxation_duals(instance: SeparateInstance, control: Control) -> Duals | None:
    """Solve the linear relaxation for its duals; None if there are none in time."""
    workers, requesters = np.nonzero(instance.eligible)
    if not workers.size or not can_build(instance.n + instance.caps.size, 4 * workers.size, control):
        return None
    model = pair_model(instance, workers, requesters, np.ones(instance.n, dtype=np.int64), integral=False)
    try:
        run = run_lp(load_model(model), control)
    except HighsRefused:
        return None
    if run is None:
        return None
    dual = run.prices
    scale, n, m = _Scale.of(instance), instance.n, instance.m
    slot = dual[n + 2 * m :].reshape(instance.caps.shape)
    return Duals(dual[n : n + m], slot, dual[n + m : n + 2 * m], scale.score, scale.money)


def improve_by_highs(instance: SeparateInstance, control: Control, floor: int, allowed: np.ndarray) -> ClassAnswer:
    """Look for an allocation worth more than `floor` that uses the pairs `allowed` alone.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    control : Control
        Deadline and progress.
    floor : int
        A value attained already.
    allowed : ndarray of bool, shape (n, m)
        Pairs to consider.

    Returns
    -------
    ClassAnswer
        `claimed` if HiGHS, with both gaps 0 and integers that are exact in double, finds nothing better.
    """
    pairs = instance.eligible & allowed
    answer = _search(instance, control, floor, pairs, _classes(instance, pairs))
    if answer is None:
        answer = _search(instance, control, floor, pairs, [[i] for i in range(instance.n)])
    assert answer is not None
    return answer


def _search(
    instance: SeparateInstance, control: Control, floor: int, pairs: np.ndarray, members: list[list[int]]
) -> ClassAnswer | None:
    """Search on these classes; None if a point on a class of several workers breaks a budget."""
    first = np.array([group[0] for group in members], dtype=np.int64)
    supply = np.array([len(group) for group in members], dtype=np.int64)
    scores, costs = instance.scores[first], instance.costs[first]
    reduced = SeparateInstance(scores, costs, instance.groups[first], instance.caps, instance.seats, instance.budgets)
    workers, requesters = np.nonzero(pairs[first])
    best: np.ndarray | None = None
    if not workers.size:
        return ClassAnswer(None, True, "proved")
    if not can_build(first.size + instance.caps.size, 4 * workers.size, control):
        return ClassAnswer(None, False, "time-limit")
    model = pair_model(reduced, workers, requesters, supply, integral=True)
    exact, fixed = _Scale.of(instance).exact, len(model.rows)
    cuts: list[np.ndarray] = []
    while not control.expired():
        del model.rows[fixed:]
        for cut in cuts:
            model.at_most(cut, 1.0, float(cut.size - 1))
        model.at_least(np.arange(workers.size), model.objective, (floor + instance.unit) / _Scale.of(reduced).score)
        run = run_highs(model, control)
        if run.outcome == "infeasible":
            return ClassAnswer(best, exact, "proved")
        if run.point is None:
            return ClassAnswer(best, False, run.stopped)
        counts = np.rint(run.point).astype(np.int64)
        assignment = _expand(instance, members, workers, requesters, counts)
        if not instance.is_feasible(assignment):
            # The cut below forbids one choice of binaries; of counts it would forbid others too. So workers go in one by one.
            if (supply > 1).any():
                return None
            cuts.append(np.flatnonzero(counts))
        elif (value := instance.value(assignment)) > floor:
            best, floor = assignment, value
        elif run.outcome == "optimal":
            # Asked for more than the floor, it calls something no better optimal: floating point ends here.
            return ClassAnswer(best, False, "node-limit")
        if run.outcome == "stopped":
            return ClassAnswer(best, False, run.stopped)
    return ClassAnswer(best, False, "time-limit")


def _classes(instance: SeparateInstance, pairs: np.ndarray) -> list[list[int]]:
    """Workers alike in score, cost, group and open requesters."""
    found: dict[tuple, list[int]] = {}
    keys = zip(instance.scores.tolist(), instance.costs.tolist(), instance.groups.tolist(), strict=True)
    for i, key in enumerate(keys):
        found.setdefault((*key, pairs[i].tobytes()), []).append(i)
    return list(found.values())


def _expand(
    instance: SeparateInstance,
    members: list[list[int]],
    workers: np.ndarray,
    requesters: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """Allocation that gives each requester its count of every class, the first workers first."""
    assignment = np.full(instance.n, -1, dtype=np.int64)
    used = [0] * len(members)
    for k in np.flatnonzero(counts > 0).tolist():
        group = members[workers[k]]
        start = used[workers[k]]
        used[workers[k]] = start + int(counts[k])
        assignment[group[start : used[workers[k]]]] = requesters[k]
    return assignment

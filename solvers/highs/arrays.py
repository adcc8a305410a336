"""HiGHS on arrays: the collapsed model for ORP and OPT, one variable a pair for OPT-SEP, facility location for COVER.

Data are scaled to integers and both MIP gaps are 0; what is claimed of the result is decided in
:mod:`fedmech.solvers.highs.claims`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.procurement.market import Market
from ..control import Control
from ..placement.matroid import route
from ..registry import register
from ..solution import Found
from .claims import Proposal, beyond_doubles, prove
from .run import MipArrays, need_time, run_highs
from .tolerances import INTEGRAL

__all__ = ["Formulation", "collapsed_model", "facility_model", "pair_model"]


@dataclass(frozen=True)
class Formulation:
    """A model in arrays and how to read it.

    Attributes
    ----------
    model : MipArrays
    binaries : ndarray of int
        The columns that decide; everything else follows from them.
    read : callable
        From the 0/1 values of `binaries` to an assignment, or None if the set cannot be placed.
    write : callable
        From an assignment to a point of the model.
    """

    model: MipArrays
    binaries: np.ndarray
    read: Callable[[np.ndarray], np.ndarray | None]
    write: Callable[[np.ndarray], np.ndarray]


def _floats(values: np.ndarray) -> np.ndarray:
    return np.array([float(value) for value in values]) if values.dtype == object else values.astype(np.float64)


def collapsed_model(market: Market, control: Control, *, budget: bool) -> Formulation:
    """Formulate ORP or OPT with one binary a worker.

    Without binding seats the groups' totals ``K_l`` are the only caps; with them, an L x m flow of group counts stands in
    for the pairs (worker, requester).
    """
    n, l_count, m = market.n, market.L, market.m
    need_time(l_count + m + 1, 2 * n + l_count * m, control)
    flows = l_count * m if market.seats_bind else 0
    model = MipArrays(
        objective=np.concatenate([_floats(market.scaled.scores), np.zeros(flows)]),
        upper=np.concatenate([np.ones(n), market.caps.ravel().astype(np.float64)[:flows]]),
        integer=np.concatenate([np.ones(n, dtype=bool), np.zeros(flows, dtype=bool)]),
    )
    _add_groups(market, model, n)
    if budget:
        model.pay(np.arange(n), market.scaled.needed_costs, market.scaled.total_budget)
    return Formulation(model, np.arange(n), _reader(market), _writer(market, n + flows))


def _add_groups(market: Market, model: MipArrays, first_flow: int) -> None:
    order = np.argsort(market.group_of, kind="stable")
    members = np.split(order, np.cumsum(market.group_sizes)[:-1])
    for l, workers in enumerate(members):
        if not market.seats_bind:
            if market.group_totals[l] < len(workers):
                model.at_most(workers, 1.0, float(market.group_totals[l]))
            continue
        cells = first_flow + l * market.m + np.arange(market.m)
        signs = np.concatenate([np.ones(len(workers)), -np.ones(market.m)])
        model.equal(np.concatenate([workers, cells]), signs, 0.0)
    if market.seats_bind:
        for j in range(market.m):
            model.at_most(first_flow + np.arange(market.L) * market.m + j, 1.0, float(market.seats[j]))


def _reader(market: Market) -> Callable[[np.ndarray], np.ndarray | None]:
    def read(values: np.ndarray) -> np.ndarray | None:
        try:
            return route(market, np.flatnonzero(values))
        except ValueError:
            return None

    return read


def _writer(market: Market, columns: int) -> Callable[[np.ndarray], np.ndarray]:
    def write(assignment: np.ndarray) -> np.ndarray:
        point = np.zeros(columns)
        placed = np.flatnonzero(assignment >= 0)
        point[placed] = 1.0
        if market.seats_bind:
            cells = market.n + market.group_of[placed] * market.m + assignment[placed]
            np.add.at(point, cells, 1.0)
        return point

    return write


def pair_model(market: Market, control: Control) -> Formulation:
    """Formulate OPT-SEP with a binary for every pair that caps, seats and budget admit on its own."""
    costs = market.scaled.needed_costs
    need_time(market.n + market.L * market.m, 4 * market.n * market.m, control)
    fits = np.zeros((market.n, market.m), dtype=bool)
    for j in range(market.m):
        fits[:, j] = np.asarray(costs <= market.scaled.budgets[j], dtype=bool)
    fits &= (market.caps[market.group_of] > 0) & (market.seats > 0)
    workers, requesters = np.nonzero(fits)
    model = MipArrays(
        objective=_floats(market.scaled.scores[workers]),
        upper=np.ones(len(workers)),
        integer=np.ones(len(workers), dtype=bool),
    )
    # Pairs come sorted by worker, so the pairs of one worker stand together.
    ends = np.cumsum(fits.sum(axis=1))
    for first, end in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        if end - first > 1:
            model.at_most(np.arange(first, end), 1.0, 1.0)
    for j in range(market.m):
        mine = np.flatnonzero(requesters == j)
        model.pay(mine, costs[workers[mine]], int(market.scaled.budgets[j]))
        if len(mine) > market.seats[j]:
            model.at_most(mine, 1.0, float(market.seats[j]))
        groups = market.group_of[workers[mine]]
        for l in range(market.L):
            cell = mine[groups == l]
            if len(cell) > market.caps[l, j]:
                model.at_most(cell, 1.0, float(market.caps[l, j]))

    def read(values: np.ndarray) -> np.ndarray:
        assignment = np.full(market.n, -1, dtype=np.int64)
        chosen = np.flatnonzero(values)
        assignment[workers[chosen]] = requesters[chosen]
        return assignment

    def write(assignment: np.ndarray) -> np.ndarray:
        return (assignment[workers] == requesters).astype(np.float64)

    return Formulation(model, np.arange(len(workers)), read, write)


def facility_model(market: Market, control: Control) -> Formulation:
    """Formulate COVER as facility location: probe ``r`` is served by one chosen worker, for ``z_ir``."""
    assert market.scaled.coverage is not None
    base = collapsed_model(market, control, budget=True)
    workers, probes = np.nonzero(market.scaled.coverage)
    need_time(len(workers), 3 * len(workers), control)
    first = len(base.model.objective)
    served = first + np.arange(len(workers))
    weights = _floats(market.scaled.coverage[workers, probes])
    model = MipArrays(
        objective=np.concatenate([np.zeros(first), weights]),
        upper=np.concatenate([base.model.upper, np.ones(len(workers))]),
        integer=np.concatenate([base.model.integer, np.zeros(len(workers), dtype=bool)]),
        rows=list(base.model.rows),
    )
    for r in range(market.scaled.coverage.shape[1]):
        model.at_most(served[probes == r], 1.0, 1.0)
    for column, i in zip(served, workers, strict=True):
        model.at_most(np.array([column, i]), np.array([1.0, -1.0]), 0.0)

    def write(assignment: np.ndarray) -> np.ndarray:
        point = np.concatenate([base.write(assignment), np.zeros(len(workers))])
        assert market.scaled.coverage is not None
        chosen = np.flatnonzero(assignment >= 0)
        if len(chosen):
            best = chosen[np.argmax(market.scaled.coverage[chosen], axis=0)]
            point[served[best[probes] == workers]] = 1.0
        return point

    return Formulation(model, base.binaries, base.read, write)


def solve_by_arrays(market: Market, problem: str, control: Control, formulation: Formulation) -> Found:
    """Solve a formulation and prove what can be proved, see :mod:`fedmech.solvers.highs.claims`."""
    model, binaries = formulation.model, formulation.binaries
    scored = np.flatnonzero(model.objective)
    if not len(scored):
        return Found(np.full(market.n, -1, dtype=np.int64), Fraction(0))
    fixed_rows = len(model.rows)

    def propose(cuts: list[np.ndarray], floor: int | None, best: np.ndarray) -> Proposal:
        del model.rows[fixed_rows:]
        for bought in cuts:
            model.at_most(bought, 1.0, float(len(bought) - 1))
        if floor is not None:
            model.at_least(scored, model.objective[scored], float(floor))
        run = run_highs(model, control, formulation.write(best) if floor is None else None)
        if run.point is None:
            return Proposal(run.outcome, run.stopped, None, None)
        values = run.point[binaries] > INTEGRAL
        return Proposal(run.outcome, run.stopped, formulation.read(values), binaries[values])

    return prove(market, problem, control, propose)


def _register(problem: str, build: Callable[[Market, Control], Formulation], summary: str) -> None:
    @register(problem, "highs-arrays", summary=summary, exactness="solver")
    def solve_highs_arrays(market: Market, control: Control) -> Found:
        try:
            return solve_by_arrays(market, problem, control, build(market, control))
        except OverflowError:
            return beyond_doubles(market, problem)


_register("orp", lambda market, control: collapsed_model(market, control, budget=False), "HiGHS, one binary a worker")
_register("opt", lambda market, control: collapsed_model(market, control, budget=True), "HiGHS, one binary a worker")
_register("opt-sep", pair_model, "HiGHS, one binary for every pair that fits")
_register("cover", facility_model, "HiGHS, facility location on the collapsed model")

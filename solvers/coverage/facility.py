"""COVER in facility-location form through HiGHS arrays, re-checked exactly.

One binary per worker, and for each kind one variable per distinct level of coverage, at most 1 in all and at most the
number of chosen workers who offer that level. Workers that another one of their group matches at no more cost are left out:
there is an optimum without them. The routing is one flow variable per slot, only where seats can matter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ..separate.literal import configure
from .branch import CoverAnswer, Levels, branch_and_bound
from .instance import CoverInstance
from .lazy_greedy import best_start


def undominated(instance: CoverInstance, most: int = 4000) -> np.ndarray:
    """Workers worth considering: able, of some use, and not matched by another one of the group at no more cost.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    most : int
        Groups larger than this are not compared.

    Returns
    -------
    ndarray of int64
        Positions, increasing. Some optimum uses these alone; of workers alike the first is kept.
    """
    z, costs = instance.coverage, instance.costs
    keep = instance.able & np.asarray((z > 0).any(axis=1), dtype=bool)
    for group in np.unique(instance.groups[keep]).tolist():
        members = np.flatnonzero(keep & (instance.groups == group))
        if members.size > most:
            continue
        order = sorted(members.tolist(), key=lambda i: (costs[i], -sum(z[i].tolist()), i))
        kept: list[int] = []
        for i in order:
            if kept and bool((z[kept] >= z[i]).all(axis=1).any()):
                keep[i] = False
            else:
                kept.append(i)
    return np.flatnonzero(keep)


@dataclass
class _Model:
    highs: Any
    kinds: int
    exact: bool
    coverage_scale: float
    cost_scale: float


def _build(instance: CoverInstance, *, integral: bool) -> _Model:
    import highspy

    z = instance.coverage
    n, kinds = z.shape
    groups, m = instance.caps.shape
    top, dear = max(z.ravel().tolist(), default=1), max([1, *instance.costs.tolist()])
    coverage_scale = 1.0 if top < 2**40 else top / 2**40
    cost_scale = 1.0 if dear < 2**40 else dear / 2**40
    columns: list[np.ndarray] = []
    rows_of: list[np.ndarray] = []
    values: list[float] = []
    level_workers: list[np.ndarray] = []
    flow = groups * m if instance.seats_bind else 0
    for r in range(kinds):
        offering = np.flatnonzero(np.asarray(z[:, r] > 0, dtype=bool))
        if not offering.size:
            continue
        levels, which = np.unique(z[offering, r], return_inverse=True)
        for t, level in enumerate(levels.tolist()):
            values.append(float(level) / coverage_scale)
            level_workers.append(offering[which == t])
            columns.append(np.array([r]))
    count = len(values)
    # Rows: kinds | budget | groups | levels | seats (with flow).
    budget_row, group_row, level_row = kinds, kinds + 1, kinds + 1 + groups
    seat_row = level_row + count
    upper = np.zeros(seat_row + (m if flow else 0))
    upper[:kinds] = 1.0
    upper[budget_row] = min(float(instance.budget), 1e9 * dear) / cost_scale
    upper[group_row:level_row] = 0.0 if flow else instance.group_totals
    if flow:
        upper[seat_row:] = instance.seats
    entries: list[list[tuple[int, float]]] = [[] for _ in range(n)]
    cost = (instance.costs.astype(float) / cost_scale).tolist()
    group = instance.groups.tolist()
    for i in range(n):
        entries[i] = [(budget_row, cost[i]), (group_row + group[i], 1.0)]
    for t, offering in enumerate(level_workers):
        for i in offering.tolist():
            entries[i].append((level_row + t, -1.0))
    for t, kind in enumerate(columns):
        entries.append([(int(kind[0]), 1.0), (level_row + t, 1.0)])
    for index in range(flow):
        entries.append([(group_row + index // m, -1.0), (seat_row + index % m, 1.0)])
    rows_of = [np.array([row for row, _ in entry], dtype=np.int32) for entry in entries]
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(entries), upper.size
    lp.col_cost_ = np.concatenate([np.zeros(n), -np.array(values), np.zeros(flow)])
    lp.col_lower_ = np.zeros(len(entries))
    lp.col_upper_ = np.concatenate([np.ones(n + count), instance.caps.ravel().astype(float) if flow else np.zeros(0)])
    lp.row_lower_, lp.row_upper_ = np.full(upper.size, -highspy.kHighsInf), upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum([rows.size for rows in rows_of])]).astype(np.int32)
    lp.a_matrix_.index_ = np.concatenate(rows_of) if rows_of else np.zeros(0, dtype=np.int32)
    lp.a_matrix_.value_ = np.array([value for entry in entries for _, value in entry])
    if integral:
        kind = highspy.HighsVarType
        lp.integrality_ = [kind.kInteger] * n + [kind.kContinuous] * (len(entries) - n)
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    if model.passModel(lp) == highspy.HighsStatus.kError:
        raise RuntimeError("HiGHS refused the model")
    exact = coverage_scale == 1.0 and cost_scale == 1.0
    return _Model(model, kinds, exact, coverage_scale, cost_scale)


class NodeRelaxation:
    """The facility-location relaxation with some workers chosen and some dropped, warm-started from node to node."""

    def __init__(self, instance: CoverInstance, deadline: float | None = None) -> None:
        self.instance, self.deadline = instance, deadline
        self.model = _build(instance, integral=False)
        total = sum(instance.coverage.ravel().tolist()) + 1
        self.denominator = 1 << max(4, min(30, 58 - total.bit_length()))

    def __call__(self, chosen: list[int], free: np.ndarray) -> tuple[Levels, np.ndarray] | None:
        """Duals as levels and a price, rounded, and the shares of the free workers; None without duals in time."""
        n, model = self.instance.n, self.model
        upper = np.zeros(n)
        upper[free] = 1.0
        lower = np.zeros(n)
        lower[chosen] = upper[chosen] = 1.0
        configure(model.highs, _left(self.deadline))
        model.highs.changeColsBounds(n, np.arange(n, dtype=np.int32), lower, upper)
        model.highs.run()
        solution = model.highs.getSolution()
        if not solution.dual_valid:
            return None
        dual = np.abs(np.array(solution.row_dual))
        if not np.isfinite(dual).all():
            return None
        groups, m = self.instance.caps.shape
        kinds = model.kinds

        def rounded(values: np.ndarray, scale: float) -> list[int]:
            return [round(Fraction(float(value) * scale) * self.denominator) for value in values]

        levels = rounded(dual[:kinds], model.coverage_scale)
        price = rounded(dual[kinds : kinds + 1], model.coverage_scale / model.cost_scale)[0]
        places = rounded(dual[kinds + 1 : kinds + 1 + groups], model.coverage_scale)
        seats = rounded(dual[dual.size - m :], model.coverage_scale) if self.instance.seats_bind else [0] * m
        array = np.array(levels, dtype=np.int64 if sum(levels) < 2**61 else object)
        return Levels(array, price, self.denominator, places, seats), np.array(solution.col_value)[free]


def solve_facility(
    instance: CoverInstance,
    deadline: float | None = None,
    certify_nodes: int = 300,
) -> CoverAnswer:
    """Solve COVER: greedy and exchanges, the relaxation's exact bound, a short exact search, then HiGHS.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    deadline : float, optional
        Value of ``time.monotonic()`` at which to stop.
    certify_nodes : int
        Nodes of the exact branch and bound tried before HiGHS searches; the answer is exact if they suffice.

    Returns
    -------
    CoverAnswer
        `exact` tells whether integer arithmetic proved the bound, or HiGHS with gaps zero.
    """
    workers = undominated(instance)
    core = CoverInstance(
        instance.coverage[workers],
        instance.costs[workers],
        instance.groups[workers],
        instance.caps,
        instance.seats,
        instance.budget,
    )
    start = best_start(core, deadline, 0.2)
    trivial = sum(core.coverage.max(axis=0).tolist()) if core.n else 0
    answer = CoverAnswer(start, core.value(start), trivial)
    try:
        if not answer.proved:
            answer = branch_and_bound(core, start, None, deadline, certify_nodes, NodeRelaxation(core, deadline))
        if answer.stopped == "node-limit":
            _by_highs(core, answer, deadline)
        if answer.stopped == "node-limit":
            answer = branch_and_bound(core, answer.chosen, None, deadline, None, NodeRelaxation(core, deadline))
    except KeyboardInterrupt:
        answer.stopped = "interrupted"
    answer.chosen = workers[answer.chosen]
    return answer


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _by_highs(instance: CoverInstance, answer: CoverAnswer, deadline: float | None) -> None:
    """Improve `answer` by HiGHS; a point that overspends is cut off and the model solved again."""
    import highspy

    model = _build(instance, integral=True)
    if not model.exact:
        return
    answer.stopped = "time-limit"
    while not answer.proved:
        seconds = _left(deadline)
        if seconds is not None and seconds <= 0:
            return
        configure(model.highs, seconds)
        hint = np.zeros(instance.n)
        hint[answer.chosen] = 1.0
        model.highs.setSolution(instance.n, np.arange(instance.n, dtype=np.int32), hint)
        model.highs.run()
        status, solution = model.highs.getModelStatus(), model.highs.getSolution()
        reported = model.highs.getInfo().mip_dual_bound
        if abs(reported) < 2**50 and (bound := int(np.floor(-reported + 1e-3))) < answer.bound:
            answer.bound, answer.exact = max(bound, answer.value), False
        if not solution.value_valid:
            return
        chosen = np.flatnonzero(np.array(solution.col_value)[: instance.n] > 0.5)
        feasible = instance.is_feasible(chosen)
        if feasible and (worth := instance.value(chosen)) > answer.value:
            answer.chosen, answer.value, answer.bound = chosen, worth, max(answer.bound, worth)
        if status != highspy.HighsModelStatus.kOptimal or feasible:
            break
        index = chosen.astype(np.int32)
        model.highs.addRow(-highspy.kHighsInf, float(index.size - 1), index.size, index, np.ones(index.size))
    answer.stopped = "proved" if answer.proved else "time-limit"

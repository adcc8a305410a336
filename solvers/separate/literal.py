"""OPT-SEP as a mixed-integer program through HiGHS arrays, with every answer re-checked exactly.

One variable for each (class, requester), a class being the workers alike in score, cost and group; a class of one is
the literal ``x_ij``. HiGHS works to a tolerance, so a point it calls optimal may break a budget by a hair: such a point
is cut off and the model solved again, and the status it reports is ``solver``, never ``certified``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from .instance import SeparateInstance


@dataclass(frozen=True)
class LiteralAnswer:
    """What HiGHS found: an exactly feasible allocation or None, a bound, and whether HiGHS proved them equal."""

    assignment: np.ndarray | None
    bound: int
    proved: bool


def configure(model: Any, seconds: float | None) -> None:
    """Set the options every run needs: silent, one thread, both MIP gaps zero, a time limit.

    Raises
    ------
    RuntimeError
        If HiGHS refuses an option (it reports a bad name only in its return code).
    """
    import highspy

    options: dict[str, object] = {"output_flag": False, "threads": 1, "mip_rel_gap": 0.0, "mip_abs_gap": 0.0}
    options |= {"mip_feasibility_tolerance": 1e-9, "primal_feasibility_tolerance": 1e-9}
    if seconds is not None:
        options["time_limit"] = max(float(seconds), 0.01)
    for name, value in options.items():
        if model.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise RuntimeError(f"HiGHS refused the option {name} = {value}")


def build(
    instance: SeparateInstance,
    workers: np.ndarray,
    requesters: np.ndarray,
    *,
    integral: bool,
    supply: np.ndarray | None = None,
) -> tuple[Any, tuple[float, float]]:
    """Build the model on the pairs ``(workers[k], requesters[k])``.

    Rows, in this order: one per worker (at most `supply`, 1 by default), one per budget, one per seat limit, one per
    slot ``(l, j)``.

    Returns
    -------
    model : highspy.Highs
        Not yet run; it minimises minus the score.
    scale : tuple of float
        What one unit of the model's objective and one unit of its money rows stand for: 1.0 unless the integers are
        too large for floating point, in which case the answer is only a suggestion.
    """
    import highspy

    n, m = instance.n, instance.m
    groups = instance.caps.shape[0]
    top_score, top_cost = max(instance.scores.tolist()), max([1, *instance.costs.tolist()])
    score_scale = 1.0 if top_score < 2**40 else float(top_score) / 2**40
    cost_scale = 1.0 if top_cost < 2**40 else float(top_cost) / 2**40
    scores = instance.scores[workers].astype(float) / score_scale
    costs = instance.costs[workers].astype(float) / cost_scale
    count = workers.size
    rows = np.stack([workers, n + requesters, n + m + requesters, n + 2 * m + instance.groups[workers] * m + requesters])
    values = np.stack([np.ones(count), costs, np.ones(count), np.ones(count)])
    budgets = [min(float(b), top_cost * 1e9) / cost_scale for b in instance.budgets]
    ones = np.ones(n) if supply is None else supply.astype(float)
    upper = np.concatenate([ones, budgets, instance.seats.astype(float), instance.caps.ravel().astype(float)])
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = count, n + 2 * m + groups * m
    lp.col_cost_ = -scores
    lp.col_lower_, lp.col_upper_ = np.zeros(count), ones[workers]
    lp.row_lower_, lp.row_upper_ = np.full(upper.size, -highspy.kHighsInf), upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = np.arange(0, 4 * count + 1, 4, dtype=np.int32)
    lp.a_matrix_.index_ = rows.T.ravel().astype(np.int32)
    lp.a_matrix_.value_ = values.T.ravel()
    if integral:
        lp.integrality_ = [highspy.HighsVarType.kInteger] * count
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    if model.passModel(lp) == highspy.HighsStatus.kError:
        raise RuntimeError("HiGHS refused the model")
    return model, (score_scale, cost_scale)


def solve_literal(
    instance: SeparateInstance,
    deadline: float | None = None,
    allowed: np.ndarray | None = None,
    floor: int = 0,
    use_classes: bool = True,
) -> LiteralAnswer:
    """Solve OPT-SEP by HiGHS on class variables, re-checking each point exactly.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    deadline : float, optional
        Value of ``time.monotonic()`` at which to stop.
    allowed : ndarray of bool, shape (n, m), optional
        Pairs to consider; the others must be known to be of no use.
    floor : int
        A value already attained: only a higher one is looked for.
    use_classes : bool
        Whether workers alike share one integer variable.

    Returns
    -------
    LiteralAnswer
        `bound` is a bound on the optimum over the allowed pairs, or `floor` if that is larger.
    """
    import highspy

    pairs = instance.eligible if allowed is None else instance.eligible & allowed
    first, member, supply = _classes(instance, pairs, use_classes)
    reduced = SeparateInstance(
        instance.scores[first],
        instance.costs[first],
        instance.groups[first],
        instance.caps,
        instance.seats,
        instance.budgets,
    )
    workers, requesters = np.nonzero(pairs[first])
    trivial = sum(instance.scores.tolist())
    if not workers.size:
        return LiteralAnswer(np.full(instance.n, -1, dtype=np.int64) if floor <= 0 else None, floor, True)
    model, (score_scale, cost_scale) = build(reduced, workers, requesters, integral=True, supply=supply)
    exact_data = score_scale == 1.0 and cost_scale == 1.0
    inf = highspy.kHighsInf
    values = reduced.scores[workers].astype(float) / score_scale
    if floor > 0:
        index = np.arange(workers.size, dtype=np.int32)
        model.addRow(float(floor + instance.unit) / score_scale - (0.5 if exact_data else 1.0), inf, index.size, index, values)
    while True:
        seconds = None if deadline is None else deadline - time.monotonic()
        if seconds is not None and seconds <= 0:
            return LiteralAnswer(None, trivial, False)
        configure(model, seconds)
        model.run()
        status = model.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible and exact_data:
            return LiteralAnswer(None, floor, True)
        info = model.getInfo()
        bound = trivial
        if exact_data and abs(info.mip_dual_bound) < 2**50:
            bound = min(trivial, instance.floor(int(np.floor(-info.mip_dual_bound + 1e-3))))
        solution = model.getSolution()
        if not solution.value_valid:
            return LiteralAnswer(None, max(bound, floor), False)
        counts = np.rint(np.array(solution.col_value)).astype(np.int64)
        assignment = _expand(instance, member, workers, requesters, counts)
        feasible = instance.is_feasible(assignment)
        optimal = status == highspy.HighsModelStatus.kOptimal and exact_data
        if not optimal:
            return LiteralAnswer(assignment if feasible else None, max(bound, floor), False)
        if feasible:
            worth = instance.value(assignment)
            return LiteralAnswer(assignment, max(worth, floor), bound <= worth)
        if (supply > 1).any():
            return solve_literal(instance, deadline, allowed, floor, use_classes=False)
        _cut_off(model, instance, reduced, workers, requesters, counts)


def _classes(
    instance: SeparateInstance, pairs: np.ndarray, merge: bool
) -> tuple[np.ndarray, list[list[int]], np.ndarray]:
    """First worker, workers, and size of each class of workers alike in score, cost, group and allowed requesters."""
    if not merge:
        return np.arange(instance.n), [[i] for i in range(instance.n)], np.ones(instance.n, dtype=np.int64)
    found: dict[tuple, list[int]] = {}
    keys = zip(instance.scores.tolist(), instance.costs.tolist(), instance.groups.tolist(), strict=True)
    for i, key in enumerate(keys):
        found.setdefault((*key, pairs[i].tobytes()), []).append(i)
    members = list(found.values())
    first = np.array([group[0] for group in members], dtype=np.int64)
    return first, members, np.array([len(group) for group in members], dtype=np.int64)


def _expand(
    instance: SeparateInstance, members: list[list[int]], workers: np.ndarray, requesters: np.ndarray, counts: np.ndarray
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


def _cut_off(
    model: Any,
    instance: SeparateInstance,
    reduced: SeparateInstance,
    workers: np.ndarray,
    requesters: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Forbid a selection that overspends a budget: it, and every selection that contains it, is infeasible."""
    import highspy

    costs = reduced.costs.tolist()
    for j, budget in enumerate(instance.budgets):
        chosen = np.flatnonzero((requesters == j) & (counts > 0))
        if sum(costs[workers[k]] * int(counts[k]) for k in chosen.tolist()) <= budget:
            continue
        index = chosen.astype(np.int32)
        model.addRow(-highspy.kHighsInf, float(index.size - 1), index.size, index, np.ones(index.size))
        return
    raise RuntimeError("HiGHS returned a point that breaks a cap or seat limit")

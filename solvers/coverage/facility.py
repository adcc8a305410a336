"""COVER in facility-location form through HiGHS arrays, re-checked exactly.

One binary per worker, and for each kind one variable per distinct level of coverage, at most 1 in all and at most the
number of chosen workers who offer that level. Workers that another one of their group matches at no more cost are left out:
there is an optimum without them. The routing is one flow variable per slot, only where seats can matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum, integer_array
from ..control import STEP_SECONDS, Control
from ..highs.interface import HighsRefused, checked
from ..highs.run import MipArrays, can_build, load_model, run_highs, run_lp
from ..highs.tolerances import EXACT_IN_DOUBLE, INTEGRAL
from ..highs.watch import is_busy
from ..separate.class_model import in_units
from .branch import CoverAnswer, Levels, branch_and_bound
from .instance import CoverInstance
from .lazy_greedy import best_start


def undominated(instance: CoverInstance, control: Control, most: int = 4000) -> np.ndarray:
    """Workers worth considering: able, of some use, and not matched by another one of the group at no more cost.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    control : Control
        At its deadline whoever was not compared is kept.
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
            if control.expired():
                break
            if kept and bool((z[kept] >= z[i]).all(axis=1).any()):
                keep[i] = False
            else:
                kept.append(i)
    return np.flatnonzero(keep)


@dataclass(frozen=True)
class _Facility:
    """The model: columns are workers, then levels, then slots; rows are kinds, budget, groups, then the others.

    ``coverage_unit`` and ``money_unit`` say what 1.0 in the model stands for; both are 1 if all sums are exact in double.
    """

    model: MipArrays
    level_kind: np.ndarray
    level_value: np.ndarray
    coverage_unit: int
    money_unit: int

    @property
    def exact(self) -> bool:
        return self.coverage_unit == self.money_unit == 1


def facility(instance: CoverInstance, *, integral: bool) -> _Facility:
    """Build the facility-location form of a COVER instance."""
    z, n, (groups, m) = instance.coverage, instance.n, instance.caps.shape
    kinds = z.shape[1]
    coverage_unit = 1 + (exact_sum(z.max(axis=0)) if n else 0) // EXACT_IN_DOUBLE
    money_unit = 1 + (exact_sum(instance.costs) + instance.budget) // EXACT_IN_DOUBLE
    level_kind: list[int] = []
    level_value: list[int] = []
    offering: list[np.ndarray] = []
    for r in range(kinds):
        those = np.flatnonzero(np.asarray(z[:, r] > 0, dtype=bool))
        levels, which = np.unique(z[those, r], return_inverse=True)
        order = np.argsort(which, kind="stable")
        offering += (
            np.split(those[order], np.cumsum(np.bincount(which, minlength=levels.size))[:-1]) if levels.size else []
        )
        level_kind += [r] * levels.size
        level_value += levels.tolist()
    count, flows = len(level_value), groups * m if instance.seats_bind else 0
    model = MipArrays(
        objective=np.concatenate(
            [np.zeros(n), np.array([level / coverage_unit for level in level_value], dtype=float), np.zeros(flows)]
        ),
        # A level has no bound of its own: its kind's row must carry the whole dual.
        upper=np.concatenate([np.ones(n), np.full(count, np.inf), instance.caps.ravel().astype(float)[:flows]]),
        integer=np.concatenate([np.full(n, integral), np.zeros(count + flows, dtype=bool)]),
    )
    kind = np.array(level_kind, dtype=np.int64)
    for r in range(kinds):
        model.at_most(n + np.flatnonzero(kind == r), 1.0, 1.0)
    if integral and money_unit == 1:
        model.pay(np.arange(n), instance.costs, instance.budget)
    else:
        model.at_most(np.arange(n), in_units(instance.costs, money_unit), instance.budget / money_unit)
    for group in range(groups):
        members = np.flatnonzero(instance.groups == group)
        if not flows:
            model.at_most(members, 1.0, float(instance.group_totals[group]))
            continue
        cells = n + count + group * m + np.arange(m)
        signs = np.concatenate([np.ones(members.size), -np.ones(m)])
        model.at_most(np.concatenate([members, cells]), signs, 0.0)
    for t, those in enumerate(offering):
        signs = np.concatenate([[1.0], -np.ones(those.size)])
        model.at_most(np.concatenate([[n + t], those]), signs, 0.0)
    for j in range(m if flows else 0):
        model.at_most(n + count + np.arange(groups) * m + j, 1.0, float(instance.seats[j]))
    return _Facility(model, kind, np.array(level_value, dtype=z.dtype), coverage_unit, money_unit)


def _can_build(instance: CoverInstance, control: Control) -> bool:
    """Whether there is time to build the model: a row for each level at most, and for each slot."""
    return can_build(instance.coverage.size + instance.caps.size, instance.n + 2 * instance.coverage.size, control)


class NodeRelaxation:
    """The facility-location relaxation with some workers chosen and some dropped, warm-started from node to node."""

    def __init__(self, instance: CoverInstance, control: Control) -> None:
        self.instance, self.control = instance, control
        self.form = facility(instance, integral=False)
        try:
            self.highs = load_model(self.form.model)
        except HighsRefused:
            self.highs = None
        total = exact_sum(instance.coverage) + 1
        self.denominator = 1 << max(4, min(30, 58 - total.bit_length()))

    def __call__(self, chosen: list[int], free: np.ndarray) -> tuple[Levels, np.ndarray] | None:
        """Duals as levels and prices, rounded, and the shares of the free workers; None without duals in time."""
        if self.highs is None or is_busy(self.highs):
            return None
        n, form = self.instance.n, self.form
        upper = np.zeros(n)
        upper[free] = 1.0
        lower = np.zeros(n)
        lower[chosen] = upper[chosen] = 1.0
        checked(self.highs.changeColsBounds(n, np.arange(n, dtype=np.int32), lower, upper), "bounds")
        run = run_lp(self.highs, self.control)
        if run is None:
            return None
        dual = run.prices
        groups, m = self.instance.caps.shape
        kinds = self.instance.coverage.shape[1]

        worth = Fraction(form.coverage_unit * self.denominator)

        def rounded(values: np.ndarray, unit: Fraction) -> list[int]:
            return [round(Fraction(value) * unit) for value in values.tolist()]

        levels = rounded(dual[:kinds], worth)
        (price,) = rounded(dual[kinds : kinds + 1], worth / form.money_unit)
        places = rounded(dual[kinds + 1 : kinds + 1 + groups], worth)
        seats = rounded(dual[dual.size - m :], worth) if self.instance.seats_bind else [0] * m
        array = integer_array(levels)
        return Levels(array, price, self.denominator, places, seats), run.point[free]


def solve_cover(instance: CoverInstance, control: Control | None = None, certify_nodes: int = 1000) -> CoverAnswer:
    """Solve COVER: greedy and exchanges, branch and bound on exact bounds, then HiGHS on what that leaves open.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    control : Control, optional
        Deadline and progress.
    certify_nodes : int
        Nodes of the exact branch and bound before HiGHS takes over; the proof is exact if they suffice.

    Returns
    -------
    CoverAnswer
        Proved by its exact bound, claimed by HiGHS, or the best set and a valid bound at the time it stopped.
    """
    control = control or Control()
    workers = undominated(instance, control)
    core = CoverInstance(
        instance.coverage[workers],
        instance.costs[workers],
        instance.groups[workers],
        instance.caps,
        instance.seats,
        instance.budget,
    )
    start = best_start(core, control, 0.2)
    trivial = exact_sum(core.coverage.max(axis=0)) if core.n else 0
    answer = CoverAnswer(start, core.value(start), trivial)
    try:
        if not answer.proved:
            relax = NodeRelaxation(core, control) if _can_build(core, control) else None
            answer = branch_and_bound(core, start, None, control, certify_nodes, relax)
            if answer.stopped == "node-limit":
                _by_highs(core, answer, control.capped(STEP_SECONDS))
            if answer.stopped in ("node-limit", "time-limit") and not control.expired():
                before = answer
                answer = branch_and_bound(core, before.chosen, None, control.capped(STEP_SECONDS), None, relax)
                answer.nodes, answer.bound = answer.nodes + before.nodes, min(answer.bound, before.bound)
            if answer.stopped == "time-limit" and not control.expired():
                answer.stopped = "node-limit"
    except KeyboardInterrupt:
        answer.stopped = "interrupted"
    answer.chosen = workers[answer.chosen]
    return answer


def _point(form: _Facility, instance: CoverInstance, chosen: np.ndarray) -> np.ndarray:
    """The point of the model that chooses these workers."""
    n = instance.n
    point = np.zeros(form.model.objective.size)
    point[chosen] = 1.0
    if chosen.size:
        best = instance.coverage[chosen].max(axis=0)
        hit = np.asarray(form.level_value == best[form.level_kind], dtype=bool)
        point[n + np.flatnonzero(hit)] = 1.0
    if instance.seats_bind:
        placed = instance.assign(chosen)[chosen]
        cells = n + form.level_kind.size + instance.groups[chosen] * instance.seats.size + placed
        np.add.at(point, cells, 1.0)
    return point


def _by_highs(instance: CoverInstance, answer: CoverAnswer, control: Control) -> None:
    """Improve `answer` by HiGHS; a point that overspends is cut off, a better one has to be beaten in turn."""
    if not _can_build(instance, control):
        return
    form = facility(instance, integral=True)
    if not form.exact:
        return
    model, fixed, n = form.model, len(form.model.rows), instance.n
    scored = np.arange(n, n + form.level_kind.size)
    cuts: list[np.ndarray] = []
    asked = False
    while not control.expired():
        del model.rows[fixed:]
        for cut in cuts:
            model.at_most(cut, 1.0, float(cut.size - 1))
        if asked:
            model.at_least(scored, model.objective[scored], float(answer.value + 1))
        run = run_highs(model, control, None if asked else _point(form, instance, answer.chosen))
        if run.outcome == "infeasible":
            answer.claimed, answer.stopped = True, "proved"
            return
        if run.point is None:
            answer.stopped = run.stopped
            return
        chosen = np.flatnonzero(run.point[:n] > INTEGRAL)
        if not instance.is_feasible(chosen):
            cuts.append(chosen)
        elif (worth := instance.value(chosen)) > answer.value:
            answer.chosen, answer.value, asked = chosen, worth, True
        elif asked:
            # Asked for more than the best value, it calls something no better optimal: floating point ends here.
            return
        else:
            asked = True
        if run.outcome == "stopped":
            answer.stopped = run.stopped
            return
    answer.stopped = "time-limit"

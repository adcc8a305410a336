"""Scores along a curve: against counting by kinds, on both sides of every constant, with proofs that are forged."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from drawing import Numbers, generators, made_by, reached, seeded
from fedmech import Market, solve
from fedmech.models.exact import common_divisor
from fedmech.solvers.control import Control
from fedmech.solvers.pooled import PooledProblem, solve_pooled
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.pooled.residues import break_item, close_by_residues, function
from fedmech.solvers.pooled.residues import solve as residues
from fedmech.solvers.pooled.slopes.single import SlopeOptimum
from fedmech.solvers.pooled.solve import _clean
from fedmech.solvers.proofs import subadditive
from fedmech.solvers.proofs.proof import Proof, ProofError
from hypothesis import given, settings

Case = tuple[list[int], list[int], list[int], list[int], int]


def curved(rng: Numbers, n: int = 40, top: int = 400) -> Case:
    """Scores that rise with costs, bent this way or that, in rounded numbers; a common divisor, caps that bind or not."""
    costs = [rng.randint(1, top) for _ in range(n)]
    shape = rng.randrange(4)
    if shape == 0:
        scores = [round(10 * cost**0.7) for cost in costs]
    elif shape == 1:
        scores = [1 + cost * cost // top + cost // 3 for cost in costs]
    elif shape == 2:
        scores = [round(2 / 3 * (4 * top**2 - (cost - 2 * top) ** 2) ** 0.5) for cost in costs]
    else:
        scores = [3 * cost + rng.randrange(3) + 7 for cost in costs]
    groups = rng.choice([1, 1, 2])
    limits = [rng.choice([n, n, n // 2]) for _ in range(groups)]
    times = rng.choice([1, 1, 5])
    own = [rng.randrange(groups) for _ in range(n)]
    return [times * max(1, v) for v in scores], costs, own, limits, rng.randint(top, sum(costs))


def optimum(case: Case) -> int:
    """By a dynamic program over money, in each group by how many are taken."""
    scores, costs, groups, limits, budget = case
    best = np.zeros(budget + 1, dtype=np.int64)
    for group, limit in enumerate(limits):
        own = [(v, c) for v, c, g in zip(scores, costs, groups, strict=True) if g == group]
        table = np.full((min(limit, len(own)) + 1, budget + 1), -(10**12))
        table[0] = 0
        for score, cost in own:
            if cost <= budget:
                table[1:, cost:] = np.maximum(table[1:, cost:], table[:-1, : budget + 1 - cost] + score)
        most = table.max(axis=0)
        best = most if not group else np.array([int((best[: m + 1] + most[m::-1]).max()) for m in range(budget + 1)])
    return int(best[budget])


def unlimited(case: Case) -> int:
    """The same without limits."""
    scores, costs, _, _, budget = case
    best = np.zeros(budget + 1, dtype=np.int64)
    for score, cost in zip(scores, costs, strict=True):
        if cost <= budget:
            best[cost:] = np.maximum(best[cost:], best[: budget + 1 - cost] + score)
    return int(best[budget])


def closed(case: Case) -> tuple[PooledProblem, SlopeOptimum | None]:
    _, problem = _clean(PooledProblem.of(*case))
    found = close_by_residues(problem, common_divisor(problem.scores) or 1, Control())
    if found is not None:
        assert problem.feasible(found.chosen)
        assert problem.value(found.chosen) == found.value
    return problem, found


@settings(max_examples=45)
@given(case=made_by(curved), rng=generators)
def test_optima_and_proofs(case: Case, rng: Numbers) -> None:
    """Both checkers take the proof, none of one step less, and no other function proves that either."""
    problem, found = closed(case)
    if found is None or found.proof is None:
        return
    best = unlimited(case)
    assert found.value == best
    market = Market.build(scores=case[0], costs=case[1], budgets=[case[4]])
    body = dict(found.proof.body)
    step = common_divisor(problem.scores)
    for checker in ("reference", "arrays"):
        subadditive.check_bound(found.proof, market, lambda: None, checker)
        for _ in range(3):
            values = list(body["values"])
            values[rng.randrange(1, len(values))] += rng.choice([-5, 3, 10**6])
            other = body | rng.choice([{}, {"values": values}, {"scale": body["scale"] + 1}])
            with pytest.raises(ProofError):
                subadditive.check_bound(Proof("opt", "subadditive", best - step, other), market, lambda: None, checker)


def test_some_are_proved_by_a_function() -> None:
    reached(made_by(curved), lambda case: (found := closed(case)[1]) and found.proof)


@settings(max_examples=40)
@given(case=made_by(curved, 34, 60))
def test_whatever_is_left_is_solved(case: Case) -> None:
    found = solve_pooled(PooledProblem.of(*case))
    assert found.proved
    assert found.value == optimum(case)


def test_half_of_the_time_is_left_for_a_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing went on until the time was up, and nobody had looked for a set at all."""
    asked: list[float | None] = []
    monkeypatch.setattr(pooled_solve, "close_by_slope", lambda *_: None)
    monkeypatch.setattr(pooled_solve, "close_by_residues", lambda *given: asked.append(given[2].remaining()))
    problem = PooledProblem.of(*curved(seeded(2)))
    for seconds in (None, 1000.0):
        assert solve_pooled(problem, Control.for_seconds(seconds)).proved
    assert asked[0] is None
    assert asked[1] is not None
    assert asked[1] <= 500


EFFORTS: list[tuple[ModuleType, str, tuple]] = [
    (residues, "LEAST_RESIDUES", (39, 40, 41)),
    (residues, "CURVE_SAMPLE", (4, 39, 40, 41)),
    (residues, "MOST_FLIPS", (0, 1, 5, 40)),
    (residues, "MOST_HELD", (0, 1, 30)),
    (residues, "MOST_LISTED", (0, 30, 1000)),
    (residues, "PRODUCTS", (1, 10**6, 10**9, 2**61)),
    (residues, "WIDER", (2, 100)),
    (break_item, "ORDERED_ITEMS", (0, 39, 40, 41)),
    (break_item, "BREAK_SAMPLE", (1, 4, 100)),
    (break_item, "BREAK_WIDTH", (0, 1)),
    (function, "MOST_PLACES", (2, 3, 8)),
    (function, "CLOSE", (0.0, 0.5)),
    (function, "FITS", (0, 1)),
    (function, "FEWEST_HALVES", (0, 11)),
    (function, "MOST_HALVES", (3, 30)),
]
NOTHING = {
    ("LEAST_RESIDUES", 41), ("MOST_FLIPS", 0), ("MOST_HELD", 0), ("MOST_HELD", 1), ("PRODUCTS", 1), ("PRODUCTS", 10**6),
    ("PRODUCTS", 10**9), ("MOST_FLIPS", 1), ("MOST_LISTED", 0),
}  # fmt: skip
"""Too little for anything to be found."""


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(module, name, value) for module, name, values in EFFORTS for value in values],
    ids=[f"{module.__name__.rsplit('.', 1)[-1]}.{name}={v}" for module, name, values in EFFORTS for v in values],
)
def test_constants(module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty items: below, at and above; whatever is returned is the optimum."""
    assert hasattr(module, name)
    if module is break_item:
        monkeypatch.setattr(break_item, "ORDERED_ITEMS", 0)
    monkeypatch.setattr(module, name, value)

    @settings(max_examples=5)
    @given(case=made_by(curved))
    def holds(case: Case) -> None:
        _, found = closed(case)
        assert found is None or found.value == unlimited(case)

    holds()
    if (name, value) not in NOTHING:
        reached(made_by(curved), lambda case: closed(case)[1])


@pytest.mark.parametrize(
    "size", [break_item.ORDERED_ITEMS - 1, break_item.ORDERED_ITEMS, break_item.ORDERED_ITEMS + 1, 10**5]
)
def test_the_break_that_a_sample_finds(size: int) -> None:
    """It is the one of all items in order, ties and all."""
    rng = np.random.default_rng(size)
    for top in (5, 10**6):
        costs, scores = rng.integers(1, top, size), rng.integers(1, top, size)
        ratios = scores / costs
        order = np.argsort(-ratios, kind="stable")
        for budget in (1, int(costs.sum()) // 3, int(costs.sum()) - 1):
            problem = PooledProblem.of(scores, costs, np.zeros(size, dtype=int), [size], budget)
            found = break_item.break_item(problem, ratios)
            at = order[int(np.searchsorted(np.cumsum(costs[order]), budget, side="right"))]
            assert found is not None
            assert ratios[found] == ratios[at]
        assert (
            break_item.break_item(PooledProblem.of(scores, costs, problem.groups, [size], int(costs.sum())), ratios)
            is None
        )


def test_a_closure_is_the_largest_subadditive_function_below() -> None:
    rng = np.random.default_rng(4)
    for size in (2, 3, 7, 20):
        values = rng.integers(0, 50, size).astype(float)
        found = function.closure(values)
        sums = found[:, None] + found[None, :]
        assert np.all(found[(np.arange(size)[:, None] + np.arange(size)) % size] <= sums)
        assert np.all(found <= np.append(0, values[1:]))
        # By hand: the cheapest walk around the circle to each place.
        walk = np.append(0, np.full(size - 1, np.inf))
        for _ in range(size):
            for j in range(size):
                for k in range(1, size):
                    walk[(j + k) % size] = min(walk[(j + k) % size], walk[j] + values[k])
        assert np.array_equal(found, walk)


@pytest.mark.parametrize("n", [50, 1000, 40_000])
def test_circles_are_closed_at_once(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what the other methods do, limits of groups that do not bind included."""
    monkeypatch.setattr(pooled_solve, "_branch", None)
    costs = np.random.default_rng(n).integers(1, 10**6, n)
    scores = np.rint(2 / 3 * np.sqrt(4e12 - (costs - 2e6) ** 2)).astype(int)
    market = Market.build(
        scores=scores,
        costs=costs,
        groups=np.arange(n) % 3,
        group_ids=range(3),
        budgets=[int(costs.sum()) // 2],
        caps=[[n // 3]] * 3,
    )
    found = solve(market, "opt")
    assert (found.status, found.exactness) == ("optimal", "checked")
    assert found.proof is not None
    assert found.proof.kind == "subadditive"


def test_what_is_no_curve_is_left_alone() -> None:
    rng = np.random.default_rng(5)
    n = 5000
    costs = rng.integers(1, 10**6, n)
    for scores, limit in (
        (rng.integers(1, 10**6, n), n),
        (costs + 5000, n),
        (np.sqrt(costs).astype(int) + 1, 10),
        (costs + rng.integers(0, 10**5, n), n),
    ):
        assert (
            close_by_residues(
                PooledProblem.of(scores, costs, np.zeros(n, int), [limit], int(costs.sum()) // 2), 1, Control()
            )
            is None
        )
    free = PooledProblem.of(np.sqrt(costs).astype(int) + 1, np.maximum(0, costs - 10**5), np.zeros(n, int), [n], 10**9)
    assert close_by_residues(free, 1, Control()) is None
    few = PooledProblem.of([2**70 + c for c in range(40)], range(1, 41), [0] * 40, [40], 300)
    assert close_by_residues(few, 1, Control()) is None


def test_a_search_without_time_says_nothing() -> None:
    _, problem = _clean(PooledProblem.of(*curved(seeded(2))))
    assert close_by_residues(problem, common_divisor(problem.scores), Control()) is not None
    assert close_by_residues(problem, common_divisor(problem.scores), Control.for_seconds(0.0)) is None


@pytest.mark.parametrize("equal", [True, False])
@settings(max_examples=6)
@given(case=made_by(curved, 36, 60), rng=generators)
def test_limits_that_a_sample_does_not_show_to_bind(equal: bool, case: Case, rng: Numbers) -> None:
    """One place less than the best set without limits takes: within the slack of the sample, so that set is proposed."""
    scores, costs, _, _, budget = case
    scores = [1] * 36 if equal else scores
    groups, budget = [rng.randrange(3) for _ in costs], min(budget, sum(costs) // 2)
    free = solve_pooled(PooledProblem.of(scores, costs, groups, [36] * 3, budget)).chosen
    limits = [max(0, int(np.count_nonzero(np.array(groups)[free] == g)) - (g == rng.randrange(3))) for g in range(3)]
    case = (scores, costs, groups, limits, budget)
    result, best = solve_pooled(PooledProblem.of(*case)), optimum(case)
    alone = closed(case)[1]
    assert alone is None or alone.value == best
    assert (result.proved, result.value) == (True, best)
    assert PooledProblem.of(*case).feasible(result.chosen)
    market = Market.build(
        scores=scores, costs=costs, groups=groups, group_ids=range(3), caps=[[k] for k in limits], budgets=[budget]
    )
    assert solve(market, "opt").value == best

"""Markets of few kinds of workers, each many times over: every method of OPT against counting by kind.

From 16 equal workers on the search leaves a group's count to them (``core.PIVOT_COPIES``): below, at and above that.
"""

from __future__ import annotations

import kinds
import numpy as np
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, made_by, reached
from fedmech import solve
from fedmech.solvers.control import Control
from fedmech.solvers.pooled import PooledProblem, core, leaf, solve_pooled
from fedmech.solvers.pooled.dual import Grouped
from hypothesis import given, settings
from kinds import Kinds

NO_SEATS = 10**6


def equal_workers(rng: Numbers) -> Kinds:
    """Groups of one or two kinds of some 4 to 40 equal workers, and a few others; caps and budget bind or not."""
    rows, caps = [], []
    # In half of the markets most workers are equally good value: then many reduced values are zero.
    slopes = rng.choice([[1, 2, 3, 3], [rng.randint(1, 3)]])
    for group in range(rng.choice([1, 1, 2, 3])):
        size = 0
        for _ in range(rng.choice([1, 1, 1, 2])):
            copies = rng.choice([rng.randint(4, 13), 14, 15, 16, 17, 18, rng.randint(19, 40)])
            cost = rng.randint(1, 5)
            rows.append((cost * rng.choice(slopes) + rng.choice([0, 0, 0, 1]), cost, group, copies))
            size += copies
        for _ in range(rng.choice([0, 1, 1, 2])):
            cost, copies = rng.randint(0, 14), rng.choice([1, 1, 2, 3])
            rows.append((max(1, cost * rng.choice(slopes) + rng.choice([0, 0, 0, 1, -1])), cost, group, copies))
            size += copies
        caps.append([rng.randint(min(5, size), size) if rng.random() < 0.8 else size])
    most = sum(cost * min(copies, caps[group][0]) for _, cost, group, copies in rows)
    return Kinds(rows, [rng.randint(0, most + 3)], caps, [NO_SEATS])


def problem_of(case: Kinds) -> PooledProblem:
    market = case.market()
    return PooledProblem.of(
        market.scaled.scores,
        market.scaled.costs,
        market.group_of,
        market.group_totals.tolist(),
        market.scaled.total_budget,
    )


@pytest.mark.parametrize(
    ("problem", "method", "seats"),
    [
        ("opt", "pooled", NO_SEATS),
        ("opt", "polymatroid", NO_SEATS),
        ("opt", "polymatroid", 9),
        ("opt-sep", "loss-search", NO_SEATS),
        ("opt-sep", "loss-search", 9),
    ],
)
def test_a_place_of_a_full_group_without_a_price_may_stay_empty(problem: str, method: str, seats: int) -> None:
    # Seven at (6, 2) and the one at (27, 9) leave one of nine places empty: 63; nine that fill all places: 54.
    market = Kinds([(6, 2, 0, 17), (27, 9, 0, 1)], [22], [[9]], [seats]).market()
    solution = solve(market, problem, method)
    assert (solution.objective, solution.bound, solution.status) == (63, 63, "optimal")


@pytest.mark.parametrize("copies", thorough([2, 4, 8], (4).__eq__))
def test_equal_workers_agree_with_counting(copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "PIVOT_COPIES", copies)
    pivoted: list[object] = []
    honest = core.build_core

    def counted(*arguments, **more):
        built = honest(*arguments, **more)
        pivoted.extend(built.pivots)
        return built

    monkeypatch.setattr(leaf, "build_core", counted)

    @settings(max_examples=some(200))
    @given(case=made_by(equal_workers))
    def holds(case: Kinds) -> None:
        problem, best = problem_of(case), kinds.opt(case)
        found = solve_pooled(problem)
        assert problem.feasible(found.chosen)
        assert (found.value, found.bound, found.proved) == (best, best, True)

    holds()
    pivoted.clear()
    reached(made_by(equal_workers), lambda case: solve_pooled(problem_of(case)) and pivoted)


@pytest.mark.parametrize("pivots", thorough([True, False], (False).__eq__))
def test_a_closed_leaf_holds_nothing_better(pivots: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves of some interval of counts, searched from an incumbent just below their best, so that they must find it."""
    if not pivots:
        monkeypatch.setattr(core, "PIVOT_COPIES", 10**6)
    # Neither what the dual meets nor filling up may find the best set first.
    monkeypatch.setattr(leaf, "filled", lambda part, _: part.reduced > 0)

    @settings(max_examples=some(120))
    @given(case=made_by(equal_workers), rng=generators)
    def holds(case: Kinds, rng: Numbers) -> None:
        problem, by_count = problem_of(case), kinds.opt_by_count(case)
        items = Grouped.of(problem)
        for _ in range(3):
            low = rng.randint(0, len(by_count) - 1)
            high = rng.choice([low, rng.randint(low, len(by_count) - 1)])
            best = max((value for value in by_count[low : high + 1] if value is not None), default=0)
            if best == 0:
                continue
            deaf = leaf.Incumbent(np.zeros(problem.n, dtype=bool), 10**9, 1)
            opened = leaf.open_leaf(problem, items, low, high, deaf)
            incumbent = leaf.Incumbent(np.zeros(problem.n, dtype=bool), best - 1, 1)
            leaf.search_leaf(opened, items, incumbent, 300_000, 0, Control())
            assert incumbent.value >= best or not opened.closed, (low, high)

    holds()


@pytest.mark.slow
@settings(max_examples=some(20000))
@given(case=made_by(equal_workers))
def test_equal_workers_agree_with_counting_for_long(case: Kinds) -> None:
    best = kinds.opt(case)
    found = solve_pooled(problem_of(case))
    assert (found.value, found.bound, found.proved) == (best, best, True)

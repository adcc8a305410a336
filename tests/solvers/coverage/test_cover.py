"""COVER: every part against enumeration, exact and greedy side by side, with and without HiGHS."""

from __future__ import annotations

import functools
from fractions import Fraction

import campaign
import numpy as np
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, made_by
from fedmech import Market, solve
from fedmech.solvers.control import Control
from fedmech.solvers.coverage.branch import CoverAnswer, Levels, branch_and_bound
from fedmech.solvers.coverage.facility import NodeRelaxation, solve_cover, undominated
from fedmech.solvers.coverage.instance import CoverInstance, Router
from fedmech.solvers.coverage.lazy_greedy import best_start, exchange, lazy_greedy
from fedmech.solvers.coverage.level_bound import level_bound
from hypothesis import given, settings


def random_instance(rng: Numbers, workers: int = 9) -> CoverInstance:
    """Small markets of every sort: sparse and dense, tiny and huge integers, free workers, seats, no kinds."""
    n, m, groups = int(rng.integers(0, workers + 1)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kinds = int(rng.integers(0, 5))
    top = rng.choice([2, 5, 30, 10**6, 10**15, 10**25])
    factor = int(rng.integers(1, 2**62))

    def draw(count: int) -> list[int]:
        return [int(x) * factor % top for x in rng.integers(0, 2**62, count).tolist()]

    offered = np.array(draw(n * kinds), dtype=object).reshape(n, kinds)
    offered = offered * (rng.random((n, kinds)) < rng.choice([0.3, 0.7, 1.0])).astype(int)
    costs = [0] * n if rng.random() < 0.1 else draw(n)
    seats = np.full(m, n) if rng.random() < 0.5 else rng.integers(0, 4, m)
    budget = int(rng.integers(0, 101)) * sum(costs) // 100
    return CoverInstance.of(offered, costs, rng.integers(0, groups, n), rng.integers(0, 4, (groups, m)), seats, budget)


def can_be_placed(instance: CoverInstance, counts: list[int]) -> bool:
    """Whether these group counts can be routed, by trying every split of them over the requesters."""
    groups, m = instance.caps.shape

    @functools.cache
    def place(left: tuple[int, ...], j: int) -> bool:
        if j == m:
            return not any(left)

        def fill(group: int, seats: int, after: tuple[int, ...]) -> bool:
            if group == groups:
                return place(after, j + 1)
            most = min(left[group], int(instance.caps[group, j]), seats)
            return any(fill(group + 1, seats - x, (*after, left[group] - x)) for x in range(most + 1))

        return fill(0, int(instance.seats[j]), ())

    return place(tuple(counts), 0)


def enumerate_optimum(instance: CoverInstance) -> int:
    best, costs, groups = 0, instance.costs.tolist(), instance.groups.tolist()
    rows = instance.coverage.tolist()
    for bits in range(1 << instance.n):
        chosen = [i for i in range(instance.n) if bits >> i & 1]
        if not chosen or sum(costs[i] for i in chosen) > instance.budget:
            continue
        value = sum(max(rows[i][r] for i in chosen) for r in range(instance.coverage.shape[1]))
        counts = [sum(groups[i] == group for i in chosen) for group in range(instance.caps.shape[0])]
        if value > best and can_be_placed(instance, counts):
            best = value
    return best


def structured_instance(kind: str, n: int, kinds: int, seed: int = 0) -> CoverInstance:
    """Sparse, 0/1, geographic and clustered coverage, with a budget for a few per cent of the workers."""
    rng = np.random.default_rng(seed)
    if kind == "sparse":
        offered = rng.integers(1, 10**6 + 1, (n, kinds)) * (rng.random((n, kinds)) < 0.1)
    elif kind == "binary":
        offered = (rng.random((n, kinds)) < 0.1).astype(np.int64)
    elif kind == "places":
        here, there = rng.random((n, 1, 2)), rng.random((1, kinds, 2))
        distance = np.sqrt(((here - there) ** 2).sum(axis=2))
        offered = np.maximum(0, (1 - 4 * distance) * 10**6).astype(np.int64)
    else:
        centres = rng.integers(0, 10**6, (10, kinds)) * (rng.random((10, kinds)) < 0.3)
        offered = (centres[rng.integers(0, 10, n)] * rng.uniform(0.5, 1, (n, kinds))).astype(np.int64)
    costs, groups = rng.integers(1, 10**6, n), rng.integers(0, 5, n)
    return CoverInstance.of(offered, costs, groups, np.full((5, 3), n // 20), np.full(3, n), int(0.03 * costs.sum()))


def check(instance: CoverInstance, answer: CoverAnswer, optimum: int) -> None:
    assert instance.is_feasible(answer.chosen)
    assert instance.value(answer.chosen) == answer.value == optimum
    assert answer.bound >= optimum
    assert answer.proved or answer.claimed
    assert answer.stopped == "proved"


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_optimum_is_the_enumerated_one(instance: CoverInstance) -> None:
    optimum = enumerate_optimum(instance)
    check(instance, solve_cover(instance), optimum)
    check(instance, branch_and_bound(instance), optimum)


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_highs_takes_over_after_the_nodes(instance: CoverInstance) -> None:
    answer = solve_cover(instance, certify_nodes=0)
    check(instance, answer, enumerate_optimum(instance))


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_exchange_and_greedy_are_feasible_and_no_better_than_the_optimum(instance: CoverInstance) -> None:
    optimum = enumerate_optimum(instance)
    for density in (False, True):
        greedy = lazy_greedy(instance, density, Control())
        better = exchange(instance, greedy, Control())
        assert instance.is_feasible(greedy)
        assert instance.is_feasible(better)
        assert instance.value(greedy) <= instance.value(better) <= optimum
    # The best of both greedy orders and the best single worker is worth (1 - 1/e) / 2 of a budgeted optimum.
    if (instance.group_totals >= np.bincount(instance.groups, minlength=len(instance.group_totals))).all():
        singles = [instance.value(np.array([i])) for i in np.flatnonzero(instance.able)]
        if not instance.seats_bind:
            assert max([instance.value(best_start(instance, Control())), *singles]) * 100 >= 31 * optimum


@pytest.mark.parametrize("density", [False, True])
@settings(max_examples=some(200))
@given(instance=made_by(random_instance))
def test_lazy_greedy_is_greedy(density: bool, instance: CoverInstance) -> None:
    assert lazy_greedy(instance, density, Control()).tolist() == plain_greedy(instance, density)


def plain_greedy(instance: CoverInstance, density: bool) -> list[int]:
    """Greedy that recomputes every marginal value at every step."""
    chosen: list[int] = []
    while True:
        best, choice = None, -1
        covered = instance.value(np.array(chosen, dtype=np.int64))
        for i in range(instance.n):
            more = np.array([*chosen, i], dtype=np.int64)
            if i in chosen or not instance.is_feasible(more):
                continue
            gain, cost = instance.value(more) - covered, int(instance.costs[i])
            key = (cost == 0, Fraction(gain, cost) if cost else Fraction(gain)) if density else (True, Fraction(gain))
            if gain and (best is None or key > best):
                best, choice = key, i
        if choice < 0:
            return sorted(chosen)
        chosen.append(choice)


@settings(max_examples=some(300))
@given(instance=made_by(random_instance), rng=generators)
def test_any_levels_and_prices_bound_the_optimum(instance: CoverInstance, rng: Numbers) -> None:
    optimum, unit = enumerate_optimum(instance), int(rng.integers(1, 9))
    top = max(instance.coverage.ravel().tolist(), default=1) * unit + 1

    def draw(count: int, most: int) -> list[int]:
        return [int(x) % most for x in rng.integers(0, 2**62, count).tolist()]

    groups, m = instance.caps.shape
    levels = np.array(draw(instance.coverage.shape[1], top), dtype=object)
    price = draw(1, 3)[0]
    hint = Levels(levels, price, unit, draw(groups, top), draw(m, top))
    seats = int(instance.seats.sum())
    for places in (None, (np.array(hint.places, dtype=object), hint.worth(instance))):
        found = level_bound(
            instance.coverage, instance.costs, instance.groups, levels, price, unit, instance.budget, places,
            instance.group_totals, seats,
        )  # fmt: skip
        assert found.total >= unit * optimum


@settings(max_examples=some(300))
@given(instance=made_by(random_instance))
def test_dominated_workers_are_not_needed(instance: CoverInstance) -> None:
    kept = undominated(instance, Control())
    part = CoverInstance(
        instance.coverage[kept], instance.costs[kept], instance.groups[kept], instance.caps, instance.seats,
        instance.budget,
    )  # fmt: skip
    assert enumerate_optimum(part) == enumerate_optimum(instance)
    for i in set(np.flatnonzero(instance.able & (instance.coverage > 0).any(axis=1)).tolist()) - set(kept.tolist()):
        assert any(
            instance.groups[k] == instance.groups[i]
            and instance.costs[k] <= instance.costs[i]
            and (instance.coverage[k] >= instance.coverage[i]).all()
            for k in kept
        )


@settings(max_examples=some(200))
@given(instance=made_by(random_instance), rng=generators)
def test_router_places_what_can_be_placed(instance: CoverInstance, rng: Numbers) -> None:
    groups = instance.caps.shape[0]
    router, counts = Router(instance), [0] * groups
    for group in rng.integers(0, groups, 10).tolist():
        more = [count + (g == group) for g, count in enumerate(counts)]
        fits = router.fits(group)
        assert fits == can_be_placed(instance, more)
        assert router.add(group) == fits
        counts = more if fits else counts
        assert [sum(row) for row in router.flow] == counts
        assert (np.array(router.flow) <= instance.caps).all()
        assert (np.array(router.flow).sum(axis=0) <= instance.seats).all()


@pytest.mark.parametrize("kind", thorough(["sparse", "binary", "places", "clusters"], "sparse".__eq__))
def test_structured_markets_are_proved_exactly(kind: str) -> None:
    # In clusters as many take HiGHS many seconds, the search of the nodes none.
    instance = structured_instance(kind, *((120, 20) if kind == "clusters" and not campaign.whole else (200, 30)))
    answer = solve_cover(instance)
    assert answer.proved
    by_highs = solve_cover(instance, certify_nodes=0)
    assert by_highs.value == answer.value
    assert instance.value(lazy_greedy(instance, True, Control())) <= answer.value


@pytest.mark.parametrize("seats", [False, True])
@pytest.mark.parametrize("kind", ["sparse", "binary", "places", "clusters"])
def test_exact_bound_at_the_duals_is_the_relaxation(kind: str, seats: bool) -> None:
    free = structured_instance(kind, 100, 20)
    limits = np.full(3, 2 if seats else free.n)
    instance = CoverInstance(free.coverage, free.costs, free.groups, free.caps, limits, 2 * free.budget)
    relax = NodeRelaxation(instance, Control())
    suggestion = relax([], np.arange(instance.n))
    assert suggestion is not None
    hint, _ = suggestion
    assert hint.places is not None
    found = level_bound(
        instance.coverage, instance.costs, instance.groups, hint.levels, hint.price, hint.denominator, instance.budget,
        (np.array(hint.places), hint.worth(instance)), instance.group_totals, instance.n,
    )  # fmt: skip
    assert relax.highs is not None
    relaxed = relax.highs.getInfo().objective_function_value
    assert abs(found.total / found.denominator - relaxed) <= 1e-6 * relaxed
    assert found.total >= found.denominator * solve_cover(instance).value


def test_a_deadline_keeps_the_set_and_the_bound() -> None:
    instance = structured_instance("sparse", 400, 60)
    answer = solve_cover(instance, Control.for_seconds(0.0))
    assert answer.stopped == "time-limit"
    assert instance.is_feasible(answer.chosen)
    best = solve_cover(instance)
    assert best.proved
    assert 0 < answer.value <= best.value <= answer.bound


def test_an_interrupt_keeps_the_set_and_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = structured_instance("sparse", 200, 30)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    best = solve_cover(instance).value
    monkeypatch.setattr(NodeRelaxation, "__call__", interrupt)
    answer = solve_cover(instance)
    assert answer.stopped == "interrupted"
    assert instance.is_feasible(answer.chosen)
    assert 0 < answer.value <= best <= answer.bound


def test_greedy_answer_has_a_valid_bound() -> None:
    market = Market.build(
        scores=[1] * 5, costs=["0.5", "0.5", "1", "0.25", "0"], budgets=["0.6", "0.4"], caps=[[1, 2]],
        coverage=[["0.9", 0], [0, "0.8"], ["0.9", "0.8"], ["1/3", "1/3"], ["0.1", 0]],
    )  # fmt: skip
    greedy = solve(market, "cover", "lazy-greedy", allow_suboptimal=True)
    exact = solve(market, "cover", "facility")
    assert exact.objective is not None
    assert exact.objective == Fraction(17, 10)
    assert exact.exactness == "checked"
    assert greedy.objective is not None
    assert greedy.bound is not None
    assert greedy.objective <= exact.objective <= greedy.bound


@pytest.mark.slow
@settings(max_examples=10_000)
@given(instance=made_by(random_instance, 11))
def test_campaign_against_enumeration(instance: CoverInstance) -> None:
    optimum = enumerate_optimum(instance)
    check(instance, solve_cover(instance), optimum)
    check(instance, solve_cover(instance, certify_nodes=0), optimum)
    check(instance, branch_and_bound(instance), optimum)

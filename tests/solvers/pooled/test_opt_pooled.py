"""OPT without seats: agreement with enumeration and HiGHS, exactness, huge numbers, time limits, the reduction."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pooled_families
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, made_by, reached
from fedmech import Market, solve
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.control import Control
from fedmech.solvers.pooled import PooledProblem, branching, dust, reduction, solve_pooled
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.pooled.dual import Grouped
from fedmech.solvers.pooled.enumeration import best_flips
from fedmech.solvers.pooled.flips import FlipProblem
from fedmech.solvers.pooled.leaf import (
    Incumbent,
    Leaf,
    base_set,
    open_leaf,
)
from fedmech.solvers.pooled.leaf_multipliers import LeafMultipliers
from fedmech.solvers.pooled.passes import classify, suspects
from fedmech.solvers.pooled.reduction import sampled_guess
from fedmech.solvers.pooled.relaxation import Taken, audit
from fedmech.solvers.proofs import walk
from hypothesis import given, settings
from pooled_families import FAMILIES, market_of

# Known to stay open within a minute: scores on a circle.
OPEN_WHEN_LARGE = {"circle"}


def enumerate_all(problem: PooledProblem) -> int:
    n = problem.n
    picks = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
    picks = picks.astype(object if problem.scores.dtype == object or problem.costs.dtype == object else np.int64)
    fits = (picks @ problem.costs if n else np.zeros(1)) <= problem.budget
    for group, limit in enumerate(problem.limits):
        fits &= picks[:, problem.groups == group].sum(axis=1) <= limit
    return int(max((picks @ problem.scores)[fits.astype(bool)])) if n else 0


def random_problem(rng: Numbers, most: int = 12) -> PooledProblem:
    """Small problems of all kinds: ties, zeros, empty groups, limits and budgets of zero, huge numbers."""
    n, level = int(rng.integers(0, most + 1)), int(rng.integers(1, 5))
    top = int(rng.choice([2, 3, 10, 100, 10**4, 10**6]))
    costs, scores = rng.integers(0, top + 1, n), rng.integers(1, top + 1, n)
    kind = int(rng.integers(0, 9))
    if kind == 1:
        scores = costs + top // 3 + 1
    elif kind == 2:
        scores = np.maximum(1, costs)
    elif kind == 3:
        scores = np.maximum(1, costs + rng.integers(-2, 3, n))
    elif kind == 4:
        costs, scores = costs * 2, costs * 2 + 1
    elif kind == 5:
        scores = np.maximum(1, np.rint(np.exp(rng.uniform(-5, 9, n)))).astype(np.int64)
        costs = np.rint(np.exp(rng.uniform(-5, 9, n))).astype(np.int64)
    elif kind == 6:
        costs = np.where(rng.random(n) < 0.3, 0, costs)
    elif kind == 7:
        scores, costs = scores.astype(object) * 2**70 + costs, costs.astype(object) * 3**50
    elif kind == 8:
        costs = np.maximum(0, scores - 1)
    groups = rng.integers(0, level, n)
    sizes = np.bincount(groups, minlength=level)
    limits = [int(rng.integers(0, s + 1)) if rng.random() < 0.7 else int(s) for s in sizes]
    share = Fraction(int(rng.integers(0, 21)), 20)
    return PooledProblem.of(scores, costs, groups, limits, int(sum(int(c) for c in costs) * share))


def check(problem: PooledProblem, result, optimum: int) -> None:
    assert problem.feasible(result.chosen)
    assert problem.value(result.chosen) == result.value
    assert result.bound >= optimum
    assert result.proved
    assert result.value == optimum == result.bound


@settings(max_examples=some(800))
@given(problem=made_by(random_problem))
def test_agrees_with_enumeration(problem: PooledProblem) -> None:
    check(problem, solve_pooled(problem), enumerate_all(problem))


@pytest.mark.slow
@settings(max_examples=50_000)
@given(problem=made_by(random_problem, 15))
def test_agrees_with_enumeration_for_long(problem: PooledProblem) -> None:
    check(problem, solve_pooled(problem), enumerate_all(problem))


def scaled_problem(rng: Numbers) -> PooledProblem:
    """Small problems whose numbers are of many magnitudes."""
    n, level = int(rng.integers(1, 13)), int(rng.integers(1, 5))
    base, powers = int(rng.choice([2, 10, 1000])), int(rng.choice([2, 5, 13]))
    top = int(rng.choice([3, 10, 1000, 10**6]))
    one = np.array([base ** int(x) for x in rng.integers(0, powers, n)], dtype=object)
    two = one if rng.random() < 0.5 else rng.permutation(one)
    scores = rng.integers(1, top + 1, n) * one + rng.integers(0, 2, n)
    costs = rng.integers(int(rng.random() < 0.7), top + 1, n) * two
    groups = rng.integers(0, level, n)
    limits = [int(rng.integers(0, s + 1)) for s in np.bincount(groups, minlength=level)]
    return PooledProblem.of(scores, costs, groups, limits, sum(costs.tolist()) * int(rng.integers(0, 21)) // 20)


@pytest.mark.parametrize("cores", [(), (3, 6)])
@pytest.mark.parametrize("enumerated", [0, 4])
def test_branching_alone_agrees_with_enumeration(
    enumerated: int, cores: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsearched(leaf: Leaf, items: Grouped, *_: object) -> None:
        leaf.base = base_set(leaf, items)

    monkeypatch.setattr(pooled_solve, "search_leaf", unsearched)
    monkeypatch.setattr(pooled_solve, "close_by_money", lambda *_: None)
    monkeypatch.setattr(pooled_solve, "many_ties", lambda _: False)
    monkeypatch.setattr(branching, "NODE_CORE", enumerated)
    monkeypatch.setattr(branching, "CORES", cores)

    @settings(max_examples=some(400))
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        for problem in (scaled_problem(rng), random_problem(rng)):
            check(problem, solve_pooled(problem), enumerate_all(problem))

    holds()


def two_scales(rng: Numbers, most: int) -> PooledProblem:
    """Few dear items among many cheap ones; scores and costs may be of different scales, or all ties."""
    n, level, top = int(rng.integers(2, most + 1)), int(rng.integers(1, 4)), int(rng.choice([2, 5, 30, 1000]))
    factor = int(rng.choice([20, 1000, 10**9, 2**60]))
    one = np.where(rng.random(n) < rng.uniform(0.1, 0.7), factor, 1).astype(object)
    two = one if rng.random() < 0.5 else np.where(rng.random(n) < 0.5, factor, 1).astype(object)
    scores, costs = rng.integers(1, top + 1, n) * one, rng.integers(int(rng.random() < 0.8), top + 1, n) * two
    groups = rng.integers(0, level, n)
    limits = [int(rng.integers(0, s + 1)) for s in np.bincount(groups, minlength=level)]
    return PooledProblem.of(scores, costs, groups, limits, sum(costs.tolist()) * int(rng.integers(1, 20)) // 20)


@pytest.mark.parametrize("begins", [False, True])
@pytest.mark.parametrize(
    ("share", "jump"), thorough([(4, 2.0), (0.25, 1.001), (0.01, 1.001), (1, 16.0)], lambda case: case[0] < 1)
)
def test_dear_items_first_agrees_with_enumeration(
    share: float, jump: float, begins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided: list[Leaf] = []

    def counted(leaf: Leaf, *arguments) -> None:
        before = leaf.closed
        dust.decide_dear(leaf, *arguments)
        if leaf.closed and not before:
            decided.append(leaf)

    def unsearched(leaf: Leaf, items: Grouped, *_: object) -> None:
        leaf.base = base_set(leaf, items)

    monkeypatch.setattr(pooled_solve, "decide_dear", counted)
    monkeypatch.setattr(pooled_solve, "many_small", lambda *_: True)
    # Not few amounts of money, no ties, and no help of the count: otherwise the dear items are not asked.
    monkeypatch.setattr(pooled_solve, "amounts", lambda *_: pooled_solve.MOST_BY_MONEY + 1)
    monkeypatch.setattr(pooled_solve, "many_ties", lambda *_: False)
    monkeypatch.setattr(pooled_solve, "_helps", lambda *_: False)
    monkeypatch.setattr(pooled_solve, "search_leaf", unsearched)
    monkeypatch.setattr(pooled_solve, "close_by_money", lambda *_: None)
    monkeypatch.setattr(dust, "LEAST_DUST", 1)
    monkeypatch.setattr(dust, "DUST_SHARE", share)
    monkeypatch.setattr(dust, "COST_JUMP", jump)
    if not begins:
        monkeypatch.setattr(dust, "_begin", lambda *_: None)

    @settings(max_examples=some(250))
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        for problem in (two_scales(rng, 11), scaled_problem(rng), random_problem(rng)):
            check(problem, solve_pooled(problem), enumerate_all(problem))

    holds()
    decided.clear()
    reached(made_by(two_scales, 11), lambda problem: solve_pooled(problem) and decided)


def dear_alone(problem: PooledProblem) -> tuple[bool, int]:
    """Whether the leaf is closed, and what is found, where of the cheap items nothing is known."""
    items, incumbent = Grouped.of(problem), Incumbent(np.zeros(problem.n, dtype=bool), 0, 1)
    leaf = open_leaf(problem, items, 0, problem.n, incumbent)
    dust.decide_dear(leaf, incumbent, lambda part: (np.zeros(part.n, dtype=bool), False), Control())
    return leaf.closed, incumbent.value


def test_dear_items_are_not_called_decided_where_the_cheap_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dust, "LEAST_DUST", 1)
    monkeypatch.setattr(dust, "_begin", lambda *_: None)

    @settings(max_examples=some(400))
    @given(problem=made_by(two_scales, 11))
    def holds(problem: PooledProblem) -> None:
        closed, value = dear_alone(problem)
        assert not closed or value == enumerate_all(problem)

    holds()
    reached(made_by(two_scales, 11), lambda problem: dear_alone(problem)[0])
    reached(made_by(two_scales, 11), lambda problem: dear_alone(problem)[1] < enumerate_all(problem))


@pytest.mark.thorough
def test_branching_stops_at_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = FAMILIES["thirteen scales"](400, 0)
    optimum = solve_pooled(problem).value
    for name, most in (("NODE_STATES", 1), ("MOST_WAITING", 10)):
        monkeypatch.setattr(branching, name, most)
    result = solve_pooled(problem, most_states=1000)
    assert result.value <= optimum <= result.bound
    assert not result.proved
    assert result.stopped == "node-limit"


def agree_with_highs(problem: PooledProblem, seconds: float) -> bool:
    market = market_of(problem)
    ours = solve(market, "opt", "pooled")
    peer = solve(market, "opt", "highs-arrays", time_limit=seconds, allow_suboptimal=True)
    assert ours.status == "optimal"
    assert ours.objective is not None
    assert peer.objective is not None
    assert ours.objective >= peer.objective
    if peer.status == "optimal":
        assert ours.objective == peer.objective
    return peer.status == "optimal"


@pytest.mark.parametrize("letter", "abcd")
def test_agrees_with_highs(letter: str) -> None:
    rng = np.random.default_rng(ord(letter))
    agreed = 0
    for seed in range(8):
        n = int(rng.integers(20, 90))
        groups = int(rng.integers(1, 6))
        money = float(rng.choice([0.1, 0.5, 0.9]))
        share = float(rng.choice([0.3, 1.0]))
        problem = pooled_families.kind(
            letter, n, seed, top=int(rng.choice([30, 1000])), groups=groups, share=share, money=money
        )
        agreed += agree_with_highs(problem, 3)
    assert agreed >= 6


@pytest.mark.slow
def test_agrees_with_highs_up_to_500_workers() -> None:
    rng = np.random.default_rng(5)
    agreed = 0
    for seed in range(200):
        letter = str(rng.choice(list("abcdi")))
        n = int(rng.integers(20, 500))
        problem = pooled_families.kind(
            letter,
            n,
            seed,
            top=int(rng.choice([10, 1000, 10**6])),
            groups=int(rng.integers(1, 12)),
            share=float(rng.choice([0.2, 0.5, 1.0])),
            money=float(rng.choice([0.05, 0.3, 0.7])),
        )
        agreed += agree_with_highs(problem, 10)
    print(f"HiGHS proved {agreed} of 200, all in agreement")
    assert agreed >= 100


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_families_are_proved(family: str) -> None:
    problem = FAMILIES[family](600, 1)
    result = solve_pooled(problem, Control.for_seconds(60))
    assert problem.feasible(result.chosen)
    assert problem.value(result.chosen) == result.value == result.bound
    assert result.proved


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(set(FAMILIES) - OPEN_WHEN_LARGE))
@pytest.mark.parametrize("n", [10_000, 100_000])
def test_families_are_proved_when_large(family: str, n: int) -> None:
    result = solve_pooled(FAMILIES[family](n, 0), Control.for_seconds(60))
    assert result.proved


def test_exactness_cases() -> None:
    unaffordable = Market.build(scores=[1], costs=[1 + Fraction(1, 2**20)], budgets=[1])
    assert solve(unaffordable, "opt", "pooled").objective == 0
    close = Market.build(scores=[1 + Fraction(1, 2**30), 1 + Fraction(1, 2**29)], costs=[2, 4], budgets=[4])
    assert solve(close, "opt", "pooled").objective == 1 + Fraction(1, 2**29)
    decimals = Market.build(scores=[1, 1], costs=["0.1", "0.2"], budgets=["0.3"])
    assert solve(decimals, "opt", "pooled").objective == 2


def test_degenerate_problems() -> None:
    nobody = PooledProblem.of([], [], [], [], 0)
    assert solve_pooled(nobody).proved
    no_places = PooledProblem.of([3, 4], [1, 1], [0, 1], [0, 0], 5)
    assert (solve_pooled(no_places).value, solve_pooled(no_places).proved) == (0, True)
    free = PooledProblem.of([3, 4, 5], [0, 0, 0], [0, 0, 0], [2], 0)
    assert (solve_pooled(free).value, solve_pooled(free).proved) == (9, True)


@pytest.mark.parametrize("exponent", thorough([20, 41, 100, 1000], (20, 1000).__contains__))
def test_huge_numbers_change_nothing(exponent: int) -> None:
    scale = 2**exponent
    for letter in "abcd":
        small = pooled_families.kind(letter, 32, 3, top=10**6, groups=3)
        odd = small.scores.astype(object) * scale + 1
        huge = PooledProblem.of(
            odd, small.costs.astype(object) * scale, small.groups, small.limits, small.budget * scale
        )
        # Far more than 32 units: the extra ones only decide between equals.
        one, two = solve_pooled(small), solve_pooled(huge)
        assert one.proved
        assert two.proved
        assert two.value // scale == one.value


def test_scores_near_the_end_of_64_bits() -> None:
    scores = np.array([2**61 - 1, 2**61 - 3, 2**60 + 1, 2**59])
    problem = PooledProblem.of(scores, [2**61, 2**61 - 1, 2**60, 2**59], [0, 0, 1, 1], [1, 2], 2**61 + 2**60)
    check(problem, solve_pooled(problem), enumerate_all(problem))


@pytest.mark.parametrize(
    "family",
    thorough(
        ["a", "b", "c", "d", "lognormal", "pareto", "50 kinds", "100-bit numbers", "two scales", "thirteen scales"],
        ("50 kinds", "thirteen scales").__contains__,
    ),
)
def test_reduction_finds_the_same(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        problem = FAMILIES[family](1500, seed)
        direct = solve_pooled(problem)
        monkeypatch.setattr(pooled_solve, "DIRECT", 100)
        reduced = solve_pooled(problem)
        monkeypatch.undo()
        assert direct.proved
        assert reduced.proved
        assert direct.value == reduced.value


def test_a_wrong_margin_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Guesses that are far off: what they fix is wrong, and nothing may be called optimal because of it.
    problem = FAMILIES["b"](400, 2)
    optimum = solve_pooled(problem).value
    honest = sampled_guess
    for factor in (0.8, 0.95, 1.02, 1.3):

        def wrong(p: PooledProblem, width: float, factor: float = factor):
            guess = honest(p, width)
            return replace(guess, price=guess.price * factor, halves=guess.halves / 8)

        monkeypatch.setattr(pooled_solve, "DIRECT", 50)
        monkeypatch.setattr(pooled_solve, "sampled_guess", wrong)
        result = solve_pooled(problem)
        assert result.proved
        assert result.value == optimum


def test_a_margin_is_as_wide_as_each_group_needs() -> None:
    rng = np.random.default_rng(3)
    # Of one group so few are sampled that all of it is kept, of the next one more.
    few = int(reduction.SPREAD**2)
    groups = np.repeat([0, 1, 2], [few, few + 1, 4000])
    scores, costs = rng.integers(1, 10**6, (2, len(groups)))
    sample = PooledProblem.of(scores, costs, groups, (few * 3, few * 3, 12_000), int(costs.sum()))
    guess = reduction.guess_from_sample(sample, np.arange(len(groups)), 10 * len(groups), None, 1.0)
    assert np.isinf(guess.halves).tolist() == [True, False, False]
    assert guess.halves[1] > 3 * guess.halves[2]
    inside = np.abs(scores - guess.price * costs - guess.offsets[groups]) <= guess.halves[groups]
    assert 0.01 < inside[groups == 2].mean() < 0.1


def test_noise_of_ties_repeats_late() -> None:
    period = 1 << reduction.NOISE_BITS
    noise = reduction.scatter_noise(np.arange(1000))
    assert len(np.unique(noise)) == 1000
    assert 0 < noise.min() < 0.01
    assert 0.99 < noise.max() <= 1
    assert (reduction.scatter_noise(np.arange(1000) + period) == noise).all()


@settings(max_examples=60)
@given(problem=made_by(random_problem), rng=generators)
def test_audit_agrees_with_the_definition(problem: PooledProblem, rng: Numbers) -> None:
    if not problem.n:
        return
    level = len(problem.limits)
    m = LeafMultipliers(
        0,
        sum(problem.limits),
        int(rng.integers(1, 2**40)),
        int(rng.integers(0, 2**40)),
        int(rng.integers(0, 9)),
        tuple(int(x) for x in rng.integers(0, 2**20, level)),
    )
    q = [
        m.scale * int(v) - m.price * int(c) - m.count - m.limits[g]
        for v, c, g in zip(problem.scores, problem.costs, problem.groups, strict=True)
    ]
    mark = rng.random(problem.n) < 0.5
    counts = np.bincount(problem.groups[mark], minlength=level).tolist()
    base = Taken(mark, problem.value(mark), problem.cost(mark), counts)
    width = int(rng.choice([-1, 0, 10**9, 2**45]))
    bound, found = audit(problem, m, base, width)
    assert bound == m.constant(problem.budget, problem.limits) + sum(max(0, x) for x in q)
    wanted = [i for i, x in enumerate(q) if abs(x) <= width or (x < 0 if mark[i] else x > 0)]
    assert found.tolist() == wanted


def test_compiled_passes_match_the_chunked_ones() -> None:
    # The same functions, run as plain Python: numba is not needed to test what it would compile.
    problem = FAMILIES["a"](3000, 4)
    counts = np.zeros(10, dtype=np.int64)
    mark, band = np.zeros(3000, dtype=bool), np.zeros(3000, dtype=np.int64)
    offsets, halves = np.linspace(0, 3e5, 10), np.linspace(2e4, 8e4, 10)
    arrays = (problem.scores, problem.costs, problem.groups)
    found, score, cost = classify(*arrays, 0.9, offsets, 0.0, halves, mark, band, counts)
    worth = problem.scores - 0.9 * problem.costs - offsets[problem.groups]
    half = halves[problem.groups]
    assert (mark == (worth > half)).all()
    assert band[:found].tolist() == np.flatnonzero(np.abs(worth) <= half).tolist()
    assert (score, cost) == (problem.value(mark), problem.cost(mark))
    assert counts.tolist() == np.bincount(problem.groups[mark], minlength=10).tolist()
    shifts = offsets.astype(np.int64)
    found = suspects(*arrays, 10, 9, shifts, mark, 1000, band)
    q = problem.scores * 10 - problem.costs * 9 - shifts[problem.groups]
    assert band[:found].tolist() == np.flatnonzero((np.abs(q) <= 1000) | ((q > 0) != mark) & (q != 0)).tolist()


def test_both_enumerations_find_the_best_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=some(300))
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        k = int(rng.integers(1, 11))
        sign = rng.choice([-1, 1], k)
        money = rng.integers(0, 50, k) * sign
        score = rng.integers(1, 50, k) * sign
        groups = rng.integers(0, 3, k)
        room = {g: int(rng.integers(0, 3)) for g in range(3) if rng.random() < 0.7}
        span = (int(rng.integers(-2, 1)), int(rng.integers(0, 3))) if rng.random() < 0.5 else None
        flips = FlipProblem(
            groups, money, score, sign, np.zeros(k), room, dict.fromkeys(room, 0.0), int(rng.integers(-20, 60)), span
        )
        best = None
        for pick in range(1 << k):
            taken = [i for i in range(k) if pick >> i & 1]
            fits = money[taken].sum() <= flips.money_room
            fits &= all(sign[[i for i in taken if groups[i] == g]].sum() <= r for g, r in room.items())
            fits &= span is None or span[0] <= sign[taken].sum() <= span[1]
            if fits and (best is None or score[taken].sum() > best):
                best = score[taken].sum()
        for small in (60_000, -1):
            monkeypatch.setattr("fedmech.solvers.pooled.enumeration.LEAST", small)
            monkeypatch.setattr("fedmech.solvers.pooled.enumeration.START_UP", small)
            found = best_flips(flips, 1.0)
            assert (found and found[0]) == best
            if found is not None:
                assert score[found[1]].sum() == found[0]

    holds()


def test_time_limit_leaves_the_best_point_and_a_bound() -> None:
    problem = FAMILIES["circle"](20_000, 0)
    # A deadline that has passed, so that the outcome does not depend on the machine: no search, but a point and a bound.
    result = solve_pooled(problem, Control(deadline=time.monotonic() - 1))
    assert not result.proved
    assert result.stopped == "time-limit"
    assert problem.feasible(result.chosen)
    assert result.value < result.bound < 2 * result.value
    whole = solve_pooled(problem)
    assert whole.proved
    assert result.value <= whole.value <= result.bound
    market = generate_market("a", 2000, seed=1)
    stopped = solve(market, "opt", "pooled", time_limit=0, allow_suboptimal=True)
    assert stopped.status in ("feasible", "optimal")
    assert stopped.objective is not None
    assert stopped.bound is not None
    optimum = solve(market, "opt", "pooled").objective
    assert optimum is not None
    assert stopped.objective <= optimum <= stopped.bound


@pytest.mark.parametrize("place", ["search_leaf", "_audited", "common_divisor"])
def test_interrupt_keeps_the_best_point(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    problem = FAMILIES["a"](500, 0)
    optimum = solve_pooled(problem).value
    monkeypatch.setattr(pooled_solve, place, interrupted)
    result = solve_pooled(problem)
    assert result.stopped == "interrupted"
    assert not result.proved
    assert result.value <= optimum <= result.bound
    assert problem.feasible(result.chosen)
    if place == "search_leaf":
        assert result.value > 0


def test_interrupt_while_a_leaf_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled_solve, "close_by_slope", lambda *_: None)
    problem = FAMILIES["c, loose caps"](300, 0)
    optimum = solve_pooled(problem).value
    honest, calls = open_leaf, 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return honest(*arguments)

    monkeypatch.setattr(pooled_solve, "open_leaf", interrupted)
    result = solve_pooled(problem)
    assert calls == 3
    assert result.stopped == "interrupted"
    assert result.value <= optimum <= result.bound
    assert result.bound < 2 * optimum


FLOATS_TIE = (
    {
        "scores": [2**54 - 1, 2**54 - 1, 2**54, 4],
        "costs": [1, 0, 0, 1],
        "groups": list("aaab"),
        "budgets": [1, 0],
        "caps": {("a", "r1"): 1, ("a", "r2"): 1},
    },
    {
        "scores": [2**54 - 1, 2**54 - 1, 2**54],
        "costs": [1, 2, 0],
        "groups": list("aaa"),
        "budgets": [2, 0],
        "seats": [0, 2],
    },
)
"""Scores that are one float: a dearer set is taken for as good as a cheaper one that is better."""


@pytest.mark.parametrize("given", FLOATS_TIE)
def test_no_price_of_money_is_negative_where_floats_tie(given: dict[str, Any]) -> None:
    found = solve(Market.build(**given), "opt")
    assert (found.status, found.exactness, found.refused) == ("optimal", "checked", None)
    assert found.value == solve(Market.build(**given), "opt", "brute-force").value


def market_at_the_ends_of_floats(rng: Numbers) -> Market:
    top, n = rng.choice([2**53, 2**54, 2**55]), rng.randint(3, 5)
    return Market.build(
        scores=[top - rng.randint(0, 1) for _ in range(n)],
        costs=[rng.randint(0, 2) for _ in range(n)],
        groups=["a"] * n,
        budgets=[rng.randint(1, 2), 0],
        default_cap=1,
    )


@given(market=made_by(market_at_the_ends_of_floats))
def test_scores_about_the_ends_of_floats(market: Market) -> None:
    found = solve(market, "opt")
    assert (found.status, found.refused) == ("optimal", None)
    assert found.value == solve(market, "opt", "brute-force").value


def test_dear_workers_among_many_magnitudes_are_decided_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long program over money comes before a short tree on the dear ones, and its proof needs no search of all."""
    rng = np.random.default_rng(0)
    n, groups = 200, 5
    costs = [int(2**x) for x in rng.uniform(0, 40, n)]
    group = rng.integers(0, groups, n)
    market = Market.build(
        scores=[max(1, int(cost * x)) for cost, x in zip(costs, rng.uniform(0.9, 1.1, n), strict=True)],
        costs=costs,
        groups=group.tolist(),
        group_ids=range(groups),
        budgets=[sum(costs) // 10],
        caps=[[int(size * 0.3)] for size in np.bincount(group, minlength=groups).tolist()],
    )

    def not_needed(leaf: Leaf, *_: object) -> None:
        assert leaf.closed

    monkeypatch.setattr(pooled_solve, "close_by_money", not_needed)
    monkeypatch.setattr(walk.Work, "list", functools.partialmethod(few_states, walk.Work.list))
    solution = solve(market, "opt")
    assert solution.exactness == "checked"
    assert solution.proof is not None
    assert solution.proof.kind == "tree"
    assert len(solution.proof.body["nodes"]) > 1


def few_states(work: walk.Work, listed: Callable[[walk.Work, int], None], states: int) -> None:
    assert work.states < 200_000
    listed(work, states)

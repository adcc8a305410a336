"""OPT with seats against enumeration of all placeable sets, against HiGHS, and where it is cut short."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from campaign import some, thorough
from drawing import Numbers, generators, made_by, reached
from fedmech.models.procurement.market import Market
from fedmech.solvers.control import Control
from fedmech.solvers.placement.orp_seats import best_placeable_set
from fedmech.solvers.placement.polymatroid import rank
from fedmech.solvers.registry import find_method
from fedmech.solvers.seated import method as opt_seats
from fedmech.solvers.seated.core import enumerate_within
from fedmech.solvers.seated.duals import SeatMarket, lagrangian, most_workers
from fedmech.solvers.seated.method import best_affordable_set
from fedmech.solvers.seated.swaps import improve_by_swaps
from fedmech.solvers.solve import solve
from hypothesis import given, settings


def all_sets(n):
    """Membership of all subsets of n workers, shape (2^n, n)."""
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int64)


def placeable_rows(sets, market):
    """Hall's condition, k(A) <= f(A) for every set of groups: no flow is computed."""
    n_groups = len(market.caps)
    counts = np.stack([sets[:, market.groups == g].sum(axis=1) for g in range(n_groups)], axis=1)
    fits = np.ones(len(sets), dtype=bool)
    for size in range(1, n_groups + 1):
        for members in combinations(range(n_groups), size):
            inside = np.isin(np.arange(n_groups), members)
            fits &= counts[:, inside].sum(axis=1) <= rank(market.caps, market.seats, inside)
    return sets[fits]


def true_optimum(market):
    sets = placeable_rows(all_sets(len(market.scores)), market)
    affordable = sets[(sets @ market.costs) <= market.budget]
    return int((affordable @ market.scores).max())


def small_market(rng, n, least_groups=1):
    n_groups, n_requesters = int(rng.integers(least_groups, 5)), int(rng.integers(1, 4))
    top = int(rng.choice([2, 5, 30, 10**6]))
    scores, costs = rng.integers(1, top + 1, n), rng.integers(0, top + 1, n)
    kind = rng.integers(6)
    if kind == 0:
        costs = scores.copy()
    elif kind == 1:
        scores = costs + top
    elif kind == 2:
        costs = scores + top
    elif kind == 3:
        costs *= rng.integers(0, 2, n)
    return SeatMarket(
        scores,
        costs,
        rng.integers(0, n_groups, n),
        int(rng.integers(0, costs.sum() + 2)),
        rng.integers(0, 4, (n_groups, n_requesters)),
        rng.integers(0, 5, n_requesters),
    )


def as_market(market: SeatMarket, score_denominator=1, money_denominator=1) -> Market:
    n_groups, n_requesters = market.caps.shape
    names = [f"g{g}" for g in range(n_groups)]
    budgets = [Fraction(market.budget, money_denominator)] + [0] * (n_requesters - 1)
    return Market.build(
        scores=[Fraction(int(v), score_denominator) for v in market.scores],
        costs=[Fraction(int(c), money_denominator) for c in market.costs],
        groups=[names[g] for g in market.groups],
        group_ids=names,
        budgets=budgets,
        caps=market.caps,
        seats=market.seats.tolist(),
    )


def check_against_enumeration(market):
    best = true_optimum(market)
    found = best_affordable_set(market, Control())
    assert found.value == best == market.value(found.chosen)
    assert market.cost(found.chosen) <= market.budget
    picked = np.zeros((1, len(market.scores)), dtype=np.int64)
    picked[0, found.chosen] = 1
    assert len(placeable_rows(picked, market))
    assert found.duals is not None
    assert found.duals.bound >= found.duals.denominator * best
    assert found.covered >= found.gap_to(1) or not found.by_solver


@settings(max_examples=some(240))
@given(rng=generators)
def test_optimum_is_the_best_of_all_sets(rng: Numbers) -> None:
    check_against_enumeration(small_market(rng, int(rng.integers(0, 11))))


@pytest.mark.slow
@settings(max_examples=5000)
@given(rng=generators)
def test_optimum_is_the_best_of_all_sets_campaign(rng: Numbers) -> None:
    check_against_enumeration(small_market(rng, int(rng.integers(0, 13))))


@given(rng=generators)
def test_bound_and_loss_add_up_for_every_placeable_set(rng: Numbers) -> None:
    """D v(S) = bound - loss(S) term by term, and the bound survives every set: the certificate behind the optimum."""
    market = small_market(rng, int(rng.integers(1, 9)))
    _, duals = lagrangian(market, Control())
    inside = np.zeros(len(market.caps), dtype=bool)
    tight = []
    for members, y in zip(duals.chain, duals.prices, strict=True):
        inside[members] = True
        assert y >= 0
        tight.append((inside.copy(), y))
    wrong_side = np.abs(duals.reduced)
    for row in placeable_rows(all_sets(len(market.scores)), market):
        loss = duals.multiplier * (market.budget - int(row @ market.costs))
        for members, y in tight:
            room = rank(market.caps, market.seats, members) - int(row[members[market.groups]].sum())
            assert room >= 0
            loss += y * room
        loss += int(wrong_side[(row == 1) != (duals.reduced > 0)].sum())
        assert duals.denominator * int(row @ market.scores) == duals.bound - loss


@given(rng=generators)
def test_enumeration_returns_the_least_loss_within_the_limit_and_nothing_beyond(rng: Numbers) -> None:
    market = small_market(rng, 8)
    _, duals = lagrangian(market, Control())
    least = duals.bound - duals.denominator * true_optimum(market)
    found = enumerate_within(market, duals, least, 10**6, Control())
    assert found.complete
    assert found.best is not None
    assert duals.bound - duals.denominator * market.value(found.best) == least
    if least > 0:
        below = enumerate_within(market, duals, least - 1, 10**6, Control())
        assert below.complete
        assert below.best is None


@given(rng=generators)
def test_size_cut_is_the_largest_affordable_set(rng: Numbers) -> None:
    market = small_market(rng, 8)
    sets = placeable_rows(all_sets(8), market)
    affordable = sets[(sets @ market.costs) <= market.budget]
    assert most_workers(market) == affordable.sum(axis=1).max()


@settings(max_examples=60)
@given(rng=generators)
def test_swaps_keep_the_set_placeable_and_affordable(rng: Numbers) -> None:
    market = small_market(rng, 10)
    best, duals = lagrangian(market, Control())
    better = improve_by_swaps(market, duals, best, Control())
    assert market.value(better) >= market.value(best)
    assert market.cost(better) <= market.budget
    picked = np.isin(np.arange(10), better).astype(np.int64)[None, :]
    assert len(placeable_rows(picked, market))


def medium_market(rng, n, kind, spread=10**6):
    n_groups, n_requesters = 6, 3
    costs = rng.integers(1, spread, n)
    scores = {
        "uncorrelated": lambda: rng.integers(1, spread, n),
        "weakly correlated": lambda: np.maximum(1, costs + rng.integers(-spread // 10, spread // 10, n)),
        "strongly correlated": lambda: costs + spread // 10,
        "subset sum": lambda: costs.copy(),
        "small integers": lambda: rng.integers(1, 8, n),
    }[kind]()
    if kind == "small integers":
        costs = rng.integers(0, 8, n)
    groups = rng.integers(0, n_groups, n)
    sizes = np.bincount(groups, minlength=n_groups)
    caps = np.stack([rng.multinomial(int(0.4 * size), [1 / n_requesters] * n_requesters) for size in sizes])
    seats = (0.6 * caps.sum(axis=0)).astype(np.int64)
    all_in = best_placeable_set(scores, groups, caps, seats).chosen
    return SeatMarket(scores, costs, groups, int(costs[all_in].sum() * rng.choice([0.2, 0.5, 0.8])), caps, seats)


KINDS = ["uncorrelated", "weakly correlated", "strongly correlated", "subset sum", "small integers"]


@pytest.mark.parametrize("kind", thorough(KINDS, "weakly correlated".__eq__))
def test_optimum_is_that_of_highs(kind):
    rng = np.random.default_rng(35)
    for _ in range(3):
        market = as_market(medium_market(rng, 60, kind, spread=1000), 7, 3)
        ours = solve(market, "opt", "polymatroid")
        theirs = solve(market, "opt", "highs-arrays", time_limit=5, allow_suboptimal=True)
        assert ours.status == "optimal"
        assert ours.objective is not None
        assert theirs.objective is not None
        assert theirs.bound is not None
        assert theirs.objective <= ours.objective <= theirs.bound
        if theirs.status == "optimal":
            assert ours.objective == theirs.objective


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_optimum_is_that_of_highs_campaign(kind):
    rng = np.random.default_rng(36)
    for _ in range(30):
        market = as_market(
            medium_market(rng, int(rng.integers(20, 500)), kind, spread=int(rng.choice([100, 10**6]))), 7, 3
        )
        ours = solve(market, "opt", "polymatroid", time_limit=5, allow_suboptimal=True)
        theirs = solve(market, "opt", "highs-arrays", time_limit=5, allow_suboptimal=True)
        assert ours.objective is not None
        assert theirs.objective is not None
        assert theirs.bound is not None
        assert ours.bound is not None
        assert theirs.objective <= ours.bound
        assert ours.objective <= theirs.bound
        if ours.status == theirs.status == "optimal":
            assert ours.objective == theirs.objective


@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_workers_are_certified(kind):
    solution = solve(
        as_market(medium_market(np.random.default_rng(37), 3000, kind)), "opt", "polymatroid", time_limit=60
    )
    assert solution.status == "optimal"
    assert solution.exactness == "checked"


@settings(max_examples=60)
@given(rng=generators)
def test_numbers_beyond_int64(rng: Numbers) -> None:
    """Scores and costs near 2^70: the same market in Python integers, and its optimum scaled."""
    market = small_market(rng, 8)
    huge = 2**70
    wide = SeatMarket(
        np.array([int(v) * huge for v in market.scores], dtype=object),
        np.array([int(c) * huge for c in market.costs], dtype=object),
        market.groups,
        market.budget * huge,
        market.caps,
        market.seats,
    )
    assert best_affordable_set(wide, Control()).value == true_optimum(market) * huge


@settings(max_examples=some(150))
@given(rng=generators)
def test_numbers_of_very_different_size(rng: Numbers) -> None:
    """Scores and costs from 1 to beyond 2^50, in int64 throughout and through the front."""
    market = small_market(rng, 8)
    powers = 2 ** rng.integers(0, 34, (2, 8))
    market = replace(market, scores=market.scores * powers[0] + 1, costs=market.costs * powers[1])
    market = replace(market, budget=int(rng.integers(0, int(market.costs.sum()) + 2)))
    check_against_enumeration(market)
    solution = solve(as_market(market), "opt", "polymatroid")
    assert solution.objective == true_optimum(market)


def test_differences_that_floats_cannot_see():
    caps, seats, groups = np.array([[2]]), np.array([2]), np.zeros(2, dtype=np.int64)
    tight = SeatMarket(np.array([1]), np.array([2**20 + 1]), groups[:1], 2**20, caps, seats)
    assert best_affordable_set(tight, Control()).value == 0
    scores = np.array([2**30 + 1, 2**30 + 2])
    near = SeatMarket(scores, np.array([2, 4]), groups, 4, caps, seats)
    assert best_affordable_set(near, Control()).chosen.tolist() == [1]


def test_an_expired_deadline_leaves_a_point_and_a_bound():
    market = as_market(medium_market(np.random.default_rng(39), 400, "uncorrelated"))
    optimum = solve(market, "opt", "polymatroid").objective
    assert optimum is not None
    cut = solve(market, "opt", "polymatroid", time_limit=0, allow_suboptimal=True)
    assert cut.stopped == "time-limit"
    assert cut.objective is not None
    assert cut.bound is not None
    assert cut.objective <= optimum <= cut.bound


@pytest.mark.parametrize(
    "stage", thorough(["lagrangian", "enumerate_within", "improve_by_swaps", "search_core"], "search_core".__eq__)
)
def test_ctrl_c_leaves_a_point_and_a_bound(monkeypatch, stage):
    plain = medium_market(np.random.default_rng(40), 400, "uncorrelated")
    market = as_market(plain)
    optimum = solve(market, "opt", "polymatroid").objective
    assert optimum is not None

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(opt_seats.best_affordable_set, "__defaults__", (4,))
    # Without seats it is solved at once.
    monkeypatch.setattr(opt_seats, "_forget_seats", lambda *_, **__: None)
    monkeypatch.setattr(opt_seats, stage, interrupt)
    cut = solve(market, "opt", "polymatroid", allow_suboptimal=True)
    assert cut.stopped == "interrupted"
    assert cut.objective is not None
    assert cut.bound is not None
    assert cut.objective <= optimum <= cut.bound


def test_highs_takes_over_where_the_enumeration_gives_up(monkeypatch):
    monkeypatch.setattr(opt_seats, "_forget_seats", lambda *_, **__: None)

    @settings(max_examples=25)
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        market = small_market(rng, 10)
        found = best_affordable_set(market, Control(), most_states=2)
        assert found.value == true_optimum(market)
        assert found.by_solver or found.covered >= found.gap_to(1)

    holds()


def without_seats(market):
    """What the problem without seats says, beside the optimum."""
    optimum = true_optimum(market)
    state = opt_seats.SeatOptimum(np.zeros(0, dtype=np.intp))
    market = replace(market, most=most_workers(market))
    state.chosen, state.duals = lagrangian(market, Control())
    state.value = market.value(state.chosen)
    opt_seats._forget_seats(market, state, Control())
    return optimum, state


@settings(max_examples=some(500))
@given(market=made_by(small_market, 10) | made_by(small_market, 10, 3))
def test_the_problem_without_seats_bounds_and_sometimes_settles_it(market: SeatMarket):
    optimum, state = without_seats(market)
    assert state.pooled is not None
    assert state.value <= optimum <= state.pooled
    assert market.value(state.chosen) == state.value
    assert optimum <= state.upper(1)
    # With two groups there is no set of groups but each alone and all together.
    assert len(market.caps) > 2 or state.pooled == optimum == state.value


@settings(max_examples=some(300))
@given(market=made_by(small_market, 10))
def test_an_optimum_is_only_claimed_where_it_is_one(market: SeatMarket):
    """Whatever the enumeration may hold."""
    found = best_affordable_set(market, Control(), most_states=2)
    assert found.value == true_optimum(market)
    assert found.upper(1) >= found.value


def test_seats_bind_in_some_markets_and_in_some_do_not():
    markets = made_by(small_market, 10, 3)
    reached(markets, lambda market: (found := without_seats(market))[1].upper(1) == found[1].value > 0)
    reached(markets, lambda market: (found := without_seats(market))[0] < (found[1].pooled or 0))


def test_the_method_is_registered():
    assert find_method("opt", "polymatroid").seats

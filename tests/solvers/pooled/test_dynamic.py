"""The dynamic program over money: against counting by kinds, on both sides of every constant at which it branches."""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
from pathlib import Path

import kinds as oracle
import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by
from fedmech import Market, solve
from fedmech.models.exact import common_divisor
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.pooled import PooledProblem, solve_pooled
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.pooled.dual import Grouped
from fedmech.solvers.pooled.dynamic import boxes, close_by_money, lists, program, states
from fedmech.solvers.pooled.dynamic import solve as search
from fedmech.solvers.pooled.leaf import Incumbent, Leaf, open_leaf
from fedmech.solvers.pooled.solve import _clean
from hypothesis import given, settings
from hypothesis import strategies as st
from jooken import clustered, read_knapsacks

NEVER_MIND = 10**9


Case = tuple[list[int], list[int], list[int], list[int], int]


def drawn(rng: Numbers) -> Case:
    """Scores, costs, groups, limits, budget: ties, zeros, clusters, few kinds, common divisors, budgets that fit exactly."""
    n, groups, top = rng.randint(1, 14), rng.randint(1, 3), rng.choice([2, 5, 30, 1000])
    costs = [rng.randint(0, top) for _ in range(n)]
    scores = [rng.randint(1, top) for _ in range(n)]
    shape = rng.randrange(6)
    if shape == 0:
        scores = [c + 1 + top // 10 for c in costs]
    elif shape == 1:
        scores = [max(1, c) for c in costs]
    elif shape == 2:
        scores, costs = [v * 3 for v in scores], [c * 6 for c in costs]
    elif shape == 3:
        costs = [rng.choice([10, 100, 205]) * 5 + rng.randrange(5) for _ in range(n)]
        scores = [max(1, c + rng.randint(-4, 4)) for c in costs]
    elif shape == 4:
        own = [(rng.randint(1, top), rng.randint(0, top)) for _ in range(3)]
        scores, costs = map(list, zip(*(rng.choice(own) for _ in range(n)), strict=True))
    total = sum(costs)
    budget = rng.choice([0, 1, total // 4, total // 2, total, 2 * total + 1, rng.randint(0, total + 1)])
    return scores, costs, [rng.randrange(groups) for _ in range(n)], [rng.randint(0, 6) for _ in range(groups)], budget


def optimum(scores: list[int], costs: list[int], groups: list[int], limits: list[int], budget: int) -> int:
    rows = [(*row, 1) for row in zip(scores, costs, groups, strict=True)]
    return oracle.opt(oracle.Kinds(rows, [budget], [[k] for k in limits], [len(rows)]))


def whole_leaf(problem: PooledProblem) -> tuple[Leaf, Incumbent]:
    """The leaf of all sets, and the incumbent that its dual leaves behind."""
    items = Grouped.of(problem)
    incumbent = Incumbent(np.zeros(problem.n, dtype=bool), 0, common_divisor(problem.scores) or 1)
    sizes = np.bincount(problem.groups, minlength=len(problem.limits)).tolist()
    return open_leaf(problem, items, 0, sum(map(min, zip(sizes, problem.limits, strict=True))), incumbent), incumbent


def closed(case: tuple, forget: bool = False) -> tuple[Leaf, Incumbent]:
    _, problem = _clean(PooledProblem.of(*case))
    leaf, incumbent = whole_leaf(problem)
    if forget:
        incumbent.chosen, incumbent.value = np.zeros(problem.n, dtype=bool), 0
    close_by_money(leaf, incumbent, NEVER_MIND, Control())
    assert problem.feasible(incumbent.chosen)
    assert problem.value(incumbent.chosen) == incumbent.value
    return leaf, incumbent


@pytest.mark.parametrize(
    ("widths", "coarse", "intervals", "work"),
    [
        (search.WIDTHS, search.COARSENESS, program.MOST_INTERVALS, boxes.MOST_BOX_WORK),
        ((1, 3, 1 << 20), 4, 1, boxes.MOST_BOX_WORK),
        ((1, 2, 1 << 20), 1, 3, boxes.MOST_BOX_WORK),
        ((2, 1 << 20), 64, 1 << 12, boxes.MOST_BOX_WORK),
        ((1, 2, 1 << 20), 4, 2, 1),
    ],
)
def test_optimum_of_any_small_problem(
    widths: tuple[int, ...], coarse: int, intervals: int, work: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WIDTHS", widths)
    monkeypatch.setattr(search, "COARSENESS", coarse)
    monkeypatch.setattr(program, "MOST_INTERVALS", intervals)
    monkeypatch.setattr(boxes, "MOST_BOX_WORK", work)

    @settings(max_examples=some(150))
    @given(case=made_by(drawn), forget=st.booleans())
    def holds(case: Case, forget: bool) -> None:
        leaf, incumbent = closed(case, forget=forget)
        assert leaf.closed
        assert incumbent.value == optimum(*case)

    holds()


@pytest.mark.parametrize("factor", [1, 2**31, 2**53, 2**62, 10**30])
@pytest.mark.parametrize("column", ["scores", "costs", "both"])
@settings(max_examples=60)
@given(case=made_by(drawn))
def test_columns_of_any_size(factor: int, column: str, case: Case) -> None:
    """Costs lose a common divisor; scores that are too large are left alone, and never wrong."""
    scores, costs, groups, limits, budget = case
    best = optimum(scores, costs, groups, limits, budget)
    up, dear = factor if column != "costs" else 1, factor if column != "scores" else 1
    case = ([v * up for v in scores], [c * dear for c in costs], groups, limits, budget * dear)
    leaf, incumbent = closed(case)
    assert incumbent.value <= best * up
    assert not leaf.closed or incumbent.value == best * up
    if column == "costs" or factor == 1:
        assert leaf.closed


def by_money(scores: list[int], costs: list[int], budget: int) -> int:
    """The best of one group without a limit: a table over all amounts of money."""
    table = np.zeros(budget + 1, dtype=np.int64)
    for score, cost in zip(scores, costs, strict=True):
        table[cost:] = np.maximum(table[cost:], table[: budget + 1 - cost] + score)
    return int(table[-1])


@pytest.mark.parametrize("n", [61, 62, 63, 123, 124, 125, 187])
def test_the_way_back_over_bit_sets(n: int) -> None:
    """Decisions are kept in sets of :data:`SPAN`."""
    assert lists.SPAN == 62
    rng = random.Random(n)
    costs = rng.sample(range(200, 600), n)
    scores = [c + rng.randint(0, 30) for c in costs]
    budget = sum(costs) // 3
    prepared = program.MoneyProgram.of(*_arguments(PooledProblem.of(scores, costs, [0] * n, [n], budget)))
    assert prepared is not None
    assert prepared.size == n
    leaf, incumbent = closed((scores, costs, [0] * n, [n], budget), forget=True)
    assert leaf.closed
    assert incumbent.value == by_money(scores, costs, budget)


def _arguments(problem: PooledProblem) -> tuple:
    leaf, _ = whole_leaf(problem)
    return problem, leaf.multipliers, leaf.reduced, leaf.bound, 1, program.MOST_STEPS


@pytest.mark.parametrize(("steps", "fits"), [(11, False), (12, True), (13, True)])
def test_most_steps(steps: int, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_STEPS", steps)
    costs = [101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157]
    case = ([2 * c + 1 for c in costs], costs, [0] * 12, [12], 600)
    leaf, incumbent = closed(case, forget=True)
    assert (leaf.closed and incumbent.value == optimum(*case)) == fits


@pytest.mark.parametrize(("states", "fits"), [(12 * states.STEP_STATES - 1, False), (12 * states.STEP_STATES, True)])
def test_no_more_steps_than_states_allow(states: int, fits: bool) -> None:
    costs = [101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157]
    leaf, incumbent = whole_leaf(PooledProblem.of([2 * c + 1 for c in costs], costs, [0] * 12, [12], 600))
    incumbent.chosen, incumbent.value = np.zeros(12, dtype=bool), 0
    close_by_money(leaf, incumbent, states, Control())
    assert (incumbent.value > 0) == fits


@pytest.mark.parametrize(("gap", "held", "left"), [(9, 2, 3), (11, 2, 3), (12, 1, 4), (15, 0, 5), (16, 0, 5)])
def test_equal_items_are_decided_but_for_a_few(gap: int, held: int, left: int) -> None:
    """So many go against their reduced value as the gap pays for: with 3 each, 3 at a gap of 9 to 11."""
    items = {(0, 7, 9): [0, 1, 2, 3, 4]}
    assert program._among_equals(items, np.full(5, 3), gap) == ([4, 3][:held][::-1], {(0, 7, 9): list(range(left))})
    assert program._among_equals(items, np.full(5, -3), gap) == ([], {(0, 7, 9): list(range(left))})
    assert program._among_equals(items, np.zeros(5, dtype=np.int64), gap) == ([], items)


@pytest.mark.parametrize(("room", "debts"), [(21, {}), (22, {0: 2}), (23, {0: 2})])
def test_a_limit_that_money_keeps_makes_no_debt(room: int, debts: dict[int, int]) -> None:
    """Two places: the three cheapest cost 5 + 5 + 12; the other group has places enough."""
    items = {(0, 5, 9): [0, 1], (0, 12, 9): [2], (0, 13, 9): [3], (1, 1, 1): [4]}
    assert program._debts(items, [4, 1], [2, 1], room) == debts
    assert program._debts({}, [0, 0], [0, 0], room) == {}


@pytest.mark.parametrize(("most", "enough"), [(2, False), (3, True), (4, True)])
def test_kinds_are_counted_before_they_are_listed(most: int, enough: bool) -> None:
    problem = PooledProblem.of([1, 2, 1, 2, 1, 2, 3], [1] * 7, [0] * 7, [7], 5)
    found = program._kinds(problem, np.arange(7), most)
    assert found == ({(0, 1, 1): [0, 2, 4], (0, 1, 2): [1, 3, 5], (0, 1, 3): [6]} if enough else None)


def test_open_items_times_amounts_of_money() -> None:
    leaf, incumbent = whole_leaf(PooledProblem.of([5, 4, 3], [30, 20, 20], [0, 0, 0], [3], 50))
    incumbent.value = 0
    assert search.amounts(leaf, incumbent) == 3 * 6
    incumbent.value = 10**6
    assert search.amounts(leaf, incumbent) == 0


def test_thousands_of_workers_of_few_kinds() -> None:
    """Eight kinds in ten groups: the tree over flips did not end where nearly all workers are equal to others."""
    rng = np.random.default_rng(0)
    n, kinds = 20_000, [(int(v), int(c)) for v, c in zip(rng.integers(1, 100, 8), rng.integers(1, 100, 8), strict=True)]
    of, groups = rng.integers(0, 8, n), rng.integers(0, 10, n)
    scores, costs = ([kinds[i][side] for i in of] for side in (0, 1))
    caps = [[int(0.3 * (groups == g).sum())] for g in range(10)]
    for share in (0.15, 0.006):
        found = solve(
            Market.build(
                scores=scores, costs=costs, groups=groups.tolist(), group_ids=range(10), caps=caps,
                budgets=[int(sum(costs) * share)],
            )
        )  # fmt: skip
        assert (found.status, found.exactness) == ("optimal", "checked")


def test_scores_equal_to_costs_and_little_money() -> None:
    """Each item fits by itself and few fit together: neither exchanges nor counts decide it, all amounts of money do."""
    rng = np.random.default_rng(3)
    costs = rng.integers(1, 10**5 + 1, 100).tolist()
    found = solve(Market.build(scores=costs, costs=costs, budgets=[60_000]))
    assert (found.status, found.exactness) == ("optimal", "checked")
    table = 1
    for cost in costs:
        table |= table << cost
    assert found.value == (table & ((1 << 60_001) - 1)).bit_length() - 1


@pytest.mark.parametrize(("more", "fits"), [(-1, True), (0, False), (1, False)])
def test_rooms_for_numbers(more: int, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A total of costs that reaches the room is too much; the same for scores and the goal together."""
    costs = [7, 11, 13]
    case = ([8, 12, 14], costs, [0] * 3, [3], 24)
    monkeypatch.setattr(program, "MONEY_ROOM", sum(costs) - more)
    assert closed(case, forget=True)[0].closed == fits
    monkeypatch.undo()
    arguments = _arguments(PooledProblem.of(*case))
    prepared = program.MoneyProgram.of(*arguments)
    assert prepared is not None
    assert prepared.scale == 1
    monkeypatch.setattr(program, "WORTH_ROOM", int(prepared.score.sum()) + 1 - more)
    assert (program.MoneyProgram.of(*arguments) is not None) == fits


@pytest.mark.parametrize(("scale", "rounds"), [(program.FINEST - 1, False), (program.FINEST + 1, True)])
def test_prices_of_places_are_rounded_up(scale: int, rounds: bool) -> None:
    reduced, prices = program._rounded(3 * scale, [3 * 7, 0, 3 * 10**9])
    assert reduced == min(scale, program.FINEST)
    assert (prices == [7, 0, 10**9]) != rounds
    assert all(price * scale >= exact * reduced for price, exact in zip(prices, [7, 0, 10**9], strict=True))
    assert program._rounded(12, [0, 0]) == (1, [0, 0])


def test_shares_are_exact_up_to_the_rooms() -> None:
    rng = random.Random(5)
    rest, worth, cost = [], [], []
    for bits, high in itertools.product([1, 20, 31, 33, 47, 52], [1, 20, 31, 52, 59, 60]):
        for _ in range(50):
            cost.append(rng.randint(1, 2**bits - 1))
            rest.append(rng.choice([0, cost[-1] - 1, rng.randrange(cost[-1])]))
            worth.append(rng.choice([0, 2**high - 1, rng.randrange(2**high)]))
    found = states.share(*(np.array(column, dtype=np.int64) for column in (rest, worth, cost)))
    assert found.tolist() == [r * w // c for r, w, c in zip(rest, worth, cost, strict=True)]


def random_states(rng: Numbers, size: int) -> states.States:
    cost = np.cumsum(rng.integers(0, 3, size)) + 1
    score = np.cumsum(rng.integers(1, 4, size))
    keep = np.append(cost[1:] > cost[:-1], True) if size else np.zeros(0, dtype=bool)
    return states.States(cost[keep], score[keep], rng.integers(0, 2**40, size)[keep])


def test_merging_compiled_and_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop that numba compiles and the arrays do the same; they change over at :data:`START_UP`."""

    @settings(max_examples=some(400))
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        one, two = random_states(rng, int(rng.integers(0, 40))), random_states(rng, int(rng.integers(0, 40)))
        ahead = int(rng.integers(0, 6))
        cost = rng.integers(1, 9, ahead)
        worth = np.sort(rng.integers(1, 9, ahead))[::-1] * cost
        low = np.array([0, 7, 20])
        outlook = states.Outlook(
            low, np.array([3, 11, 90]), np.arange(ahead), np.append(0, np.cumsum(cost)), np.append(0, np.cumsum(worth)),
            np.append(cost, 1), np.append(worth, 0),
        )  # fmt: skip
        room = int(rng.integers(0, 60))
        one = one.where(one.cost <= room)
        gate = states.Gate.open(room, 10**6)
        if rng.randrange(2):
            gate = states.Gate(np.array([0, 12, 30]), np.array([9, 25, 44]), rng.integers(-5, 50, 3))
        arguments = (
            one,
            two,
            (3, 4, 1 << 50),
            room,
            outlook,
            2,
            int(rng.integers(0, 120)),
            gate,
            int(rng.integers(0, 60)),
        )
        monkeypatch.setattr(states, "compiled_merge", lambda made: None)
        expected, best = states.extended(*arguments)
        monkeypatch.setattr(states, "compiled_merge", lambda made: states.merge)
        found, again = states.extended(*arguments)
        assert best == again
        for name in ("cost", "score", "taken"):
            assert getattr(found, name).tolist() == getattr(expected, name).tolist()

    holds()


def test_numba_is_taken_after_its_start_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "compiled", lambda kernel: kernel)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setattr(states, "_made", 0)
    assert states.compiled_merge(states.START_UP - 1) is None
    assert states.compiled_merge(1) is states.merge


@pytest.mark.parametrize(("capacity", "groups", "eps"), [(10**6, 2, 0.01), (10**8, 6, 1e-4), (10**10, 6, 0.0)])
def test_clustered_costs(capacity: int, groups: int, eps: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the linear relaxation is off by far; exact lists, and boxes, agree."""
    monkeypatch.setattr(pooled_solve, "QUICK_STATES", 1)
    scores, costs, budget = clustered(120, capacity, groups, 0.2, eps, 60, seed=capacity % 7)
    market = Market.build(scores=scores, costs=costs, budgets=[budget])
    found = solve(market, "opt")
    assert found.proof is not None
    assert (found.exactness, found.proof.kind) == ("checked", "dynamic")
    leaf, incumbent = whole_leaf(_clean(PooledProblem.of(scores, costs, [0] * 120, [120], budget))[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "WIDTHS", (1, 1, 1 << 20))
        close_by_money(leaf, incumbent, NEVER_MIND, Control())
    assert leaf.closed
    assert incumbent.value == found.value


class Polled(Control):
    """Time is up after so many looks at the clock."""

    def __init__(self, polls: int) -> None:
        super().__init__()
        self.polls = polls

    def expired(self) -> bool:
        self.polls -= 1
        return self.polls < 0


def test_a_search_cut_short_claims_nothing() -> None:
    """Whatever the states allowed and the time left, a leaf is only closed at its optimum."""
    scores, costs, budget = clustered(80, 10**6, 6, 0.2, 1e-4, 60, seed=3)
    _, problem = _clean(PooledProblem.of(scores, costs, [0] * 80, [80], budget))
    best = solve_pooled(problem).value
    for most in [0, 1, 1000, 10_000, 50_000, 200_000]:
        for polls in [0, 5, 100, 10**9]:
            leaf, incumbent = whole_leaf(problem)
            with contextlib.suppress(Stopped):
                close_by_money(leaf, incumbent, most, Polled(polls))
            assert problem.feasible(incumbent.chosen)
            assert not leaf.closed or incumbent.value == best


def test_most_states_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are at most, and one less."""
    costs = [101, 103, 107, 109, 113, 127, 131, 137]
    case = ([2 * c for c in costs], [2 * c for c in costs], [0] * 8, [8], 2 * 463 + 1)
    best, found = optimum(*case), []
    monkeypatch.setattr(search, "WIDTHS", (1 << 20,))
    for most in range(1, 257):
        monkeypatch.setattr(lists, "MOST_BEHIND", most)
        leaf, incumbent = closed(case, forget=True)
        assert incumbent.value <= best
        assert not leaf.closed or incumbent.value == best
        found.append(leaf.closed)
    assert found == sorted(found)
    assert 1 < sum(found) < 255


def test_leaves_of_counts_are_left_alone() -> None:
    """The program does not look at how many are chosen."""
    problem = PooledProblem.of([5, 4, 3], [3, 2, 2], [0, 0, 0], [3], 5)
    items = Grouped.of(problem)
    incumbent = Incumbent(np.zeros(3, dtype=bool), 0, 1)
    leaf = open_leaf(problem, items, 1, 2, incumbent)
    close_by_money(leaf, incumbent, NEVER_MIND, Control())
    assert leaf.cells == ()


@settings(max_examples=some(300))
@given(case=made_by(drawn), rng=generators)
def test_a_limit_on_all_items_together(case: Case, rng: Numbers) -> None:
    """Where it has no price the program goes without it, and what it finds has to keep it all the same."""
    scores, costs, groups, limits, budget = case
    most = rng.randint(0, len(scores))
    rows = [(*row, 1) for row in zip(scores, costs, groups, strict=True)]
    best = oracle.opt(oracle.Kinds(rows, [budget], [[k] for k in limits], [most]))
    _, problem = _clean(PooledProblem.of(scores, costs, groups, limits, budget, most))
    items = Grouped.of(problem)
    incumbent = Incumbent(np.zeros(problem.n, dtype=bool), 0, common_divisor(problem.scores) or 1)
    sizes = np.bincount(problem.groups, minlength=len(limits)).tolist()
    whole = min(problem.places, sum(map(min, sizes, limits)))
    leaf = open_leaf(problem, items, 0, whole, incumbent)
    incumbent.chosen, incumbent.value = np.zeros(problem.n, dtype=bool), 0
    close_by_money(leaf, incumbent, NEVER_MIND, Control())
    assert problem.feasible(incumbent.chosen)
    assert incumbent.value == problem.value(incumbent.chosen) <= best
    assert not leaf.closed or incumbent.value == best


def test_seats_that_have_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """OPT with seats is closed by the program too, where money and not the seats limits how many are hired."""
    monkeypatch.setattr(pooled_solve, "QUICK_STATES", 1)
    scores, costs, budget = clustered(120, 10**6, 2, 0.2, 0.01, 60, seed=1)
    market = Market.build(scores=scores, costs=costs, budgets=[budget // 3, budget - budget // 3], seats=[20, 65])
    found = solve(market, "opt")
    assert market.seats_bind
    assert found.proof is not None
    assert (found.method, found.exactness, found.proof.kind) == ("polymatroid", "checked", "dynamic")
    assert found.value == solve(Market.build(scores=scores, costs=costs, budgets=[budget])).value


def many_equal(rng: Numbers) -> oracle.Kinds:
    rows = [
        (rng.randint(1, 9), rng.randint(0, 9), rng.randrange(2), rng.choice([1, 3, 15, 16, 17, 200])) for _ in range(4)
    ]
    return oracle.Kinds(
        list({r[:3]: r for r in rows}.values()), [rng.randint(0, 400)], [[rng.randint(0, 60)], [400]], [1000]
    )


@settings(max_examples=15)
@given(case=made_by(many_equal))
def test_hundreds_of_equal_workers(case: oracle.Kinds) -> None:
    """Bundles of 1, 2, 4, ... copies are all numbers of copies."""
    market = case.market()
    leaf, incumbent = closed(
        (
            market.scaled.scores,
            market.scaled.needed_costs,
            market.group_of,
            market.group_totals.tolist(),
            market.scaled.total_budget,
        ),
        True,
    )
    assert leaf.closed
    assert incumbent.value == oracle.opt(case)


def test_published_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "optima.csv").write_text("name,workers,budget,optimum,combo_seconds_published\none,3,10,12,0.1\n")
    (tmp_path / "one.csv").write_text("score,cost\n5,5\n7,5\n6,6\n")
    ((name, market, best),) = read_knapsacks(tmp_path)
    assert (name, best) == ("one", 12)
    assert solve(market, "opt").value == best

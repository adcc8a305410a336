"""Scores that follow costs: against counting by kinds, on both sides of every constant, and with proofs that are forged."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from types import ModuleType

import kinds as oracle
import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by, reached
from fedmech import Market, solve
from fedmech.models.exact import common_divisor
from fedmech.solvers.certify.leaves import proof_of_leaves
from fedmech.solvers.control import Control
from fedmech.solvers.pooled import PooledProblem, solve_pooled
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.pooled.slopes import SlopeOptimum, border, change, close_by_slope, detect, single, stairs
from fedmech.solvers.pooled.solve import _clean
from fedmech.solvers.proofs import staircase
from fedmech.solvers.proofs.proof import Proof, ProofError
from hypothesis import given, settings
from proof_markets import accepted

Case = tuple[list[int], list[int], list[int], list[int], int]
"""Scores, costs, groups, limits, budget."""


def drawn(rng: Numbers, classes: int = 1, most: int = 14, top: int = 30) -> Case:
    """Scores on as many lines, of any slope; ties, limits that bind or not, budgets that can be met or not."""
    n, groups = rng.randint(8, most), rng.choice([1, 1, 2])
    price, scale, times = rng.randint(1, 3), rng.randint(1, 3), rng.choice([1, 1, 4])
    costs = [scale * rng.randint(1, top) for _ in range(n)]
    least = price * min(costs) // scale
    offsets = [rng.choice([0, rng.randint(0, top), rng.randint(1 - least, 0)]) for _ in range(classes)]
    scores = [max(1, price * cost // scale + rng.choice(offsets)) for cost in costs]
    limits = [rng.choice([n, n, rng.randint(0, n)]) for _ in range(groups)]
    budget = rng.choice([sum(costs) // 2, sum(costs) // 3, rng.randint(0, sum(costs) + 1)])
    own = [rng.randrange(groups) for _ in range(n)]
    return [times * v for v in scores], costs, own, limits, budget


def optimum(case: Case) -> int:
    scores, costs, groups, limits, budget = case
    rows = [(*row, 1) for row in zip(scores, costs, groups, strict=True)]
    return oracle.opt(oracle.Kinds(rows, [budget], [[k] for k in limits], [len(rows)]))


def closed(case: Case) -> tuple[PooledProblem, SlopeOptimum | None]:
    kept, problem = _clean(PooledProblem.of(*case))
    found = close_by_slope(problem, common_divisor(problem.scores) or 1, Control())
    if found is not None:
        assert problem.feasible(found.chosen)
        assert problem.value(found.chosen) == found.value
        assert kept is None or len(kept) == problem.n
    return problem, found


def market_of(case: Case) -> Market:
    scores, costs, groups, limits, budget = case
    return Market.build(
        scores=scores,
        costs=costs,
        groups=groups,
        group_ids=range(len(limits)),
        budgets=[budget],
        caps=[[k] for k in limits],
    )


def times(case: Case, scores: int, costs: int) -> Case:
    return [v * scores for v in case[0]], [c * costs for c in case[1]], case[2], case[3], case[4] * costs


@pytest.mark.parametrize(("dear", "fine"), [(1, 1), (2**62, 1), (1, 2**62), (2**70, 10**30)])
@settings(max_examples=60)
@given(rng=generators)
def test_optima_and_proofs(dear: int, fine: int, rng: Numbers) -> None:
    """Of columns of 64 bits and of Python integers, each for itself; both checkers take the proof, and none of one step less."""
    case = times(drawn(rng), fine, dear)
    problem, found = closed(case)
    if found is None:
        return
    best = optimum(case)
    assert found.value == best
    if problem.n < len(case[0]):
        return
    proof = proof_of_leaves("opt", best, found.leaves)
    market = market_of(case)
    assert accepted(proof, market)
    assert not accepted(replace(proof, bound=best - 1), market)


@pytest.mark.parametrize(("dear", "fine"), [(1, 1), (2**62, 1), (1, 2**62), (2**70, 10**30)])
def test_some_are_closed_in_columns_of_either_type(dear: int, fine: int) -> None:
    reached(generators, lambda rng: closed(times(drawn(rng), fine, dear))[1] is not None)
    reached(generators, lambda rng: by_corners(times(tall(rng), fine, dear)))


@settings(max_examples=some(150))
@given(case=made_by(drawn, most=12))
def test_whatever_is_left_is_solved(case: Case) -> None:
    found = solve_pooled(PooledProblem.of(*case))
    assert found.proved
    assert found.value == optimum(case)


@pytest.mark.parametrize("sign", [1, -1])
def test_every_way_to_fill_the_budget(sign: int) -> None:
    """All budgets of one set of costs: the number of items, the border and what is left change at each."""
    costs = [11, 12, 14, 17, 21, 22, 26, 30]
    scores = [cost + 5 if sign > 0 else 2 * cost - 9 for cost in costs]
    met = 0
    for budget in range(sum(costs) + 2):
        case = scores, costs, [0] * 8, [8], budget
        best = optimum(case)
        _, found = closed(case)
        assert found is None or found.value == best
        met += found is not None
        assert solve(market_of(case), "opt").value == best
    assert met > 60


@settings(max_examples=40)
@given(case=made_by(drawn), rng=generators)
def test_the_same_leaves_with_another_number_prove_nothing_better(case: Case, rng: Numbers) -> None:
    """Forged: a price, a count, an interval changed; both checkers say the same, and accept nothing below the optimum."""
    problem, found = closed(case)
    if found is None or problem.n < len(case[0]):
        return
    market, best = market_of(case), found.value
    for _ in range(7):
        leaves = list(found.leaves)
        at = rng.randrange(len(leaves))
        name = rng.choice(["scale", "price", "count", "high", "limits"])
        old = getattr(leaves[at], name)
        new = (1,) * len(old) if name == "limits" else old + rng.choice([-2, -1, 1, 2])
        leaves[at] = replace(leaves[at], **{name: new})
        for bound in (best, best - 1):
            taken = accepted(proof_of_leaves("opt", bound, leaves), market)
            assert not taken or bound >= best


def tall(rng: Numbers) -> Case:
    """Scores on two or three lines, one of them the slope itself or below it."""
    price, scale, n = rng.choice([1, 1, 2]), rng.choice([1, 1, 3]), rng.randint(10, 24)
    offsets = rng.sample([rng.randint(1, 20), rng.randint(1, 20), rng.choice([0, 0, -1])], rng.choice([2, 2, 3]))
    costs = [scale * rng.randint(2, 25) for _ in range(n)]
    scores = [price * cost // scale + rng.choice(offsets) for cost in costs]
    groups = rng.choice([1, 2])
    limits = [rng.choice([n, n, n // 2]) for _ in range(groups)]
    return scores, costs, [rng.randrange(groups) for _ in range(n)], limits, rng.randint(max(costs), sum(costs))


def by_corners(case: Case) -> bool:
    """Whether the corners of a staircase close a case."""
    found = closed(case)[1]
    return found is not None and found.proof is not None


@pytest.mark.parametrize(("dear", "fine"), [(1, 1), (2**62, 1), (1, 2**62), (2**70, 10**30)])
@settings(max_examples=60)
@given(rng=generators)
def test_corners_of_a_staircase(dear: int, fine: int, rng: Numbers) -> None:
    """Optima and proofs, in columns of either type; both checkers refuse one step less, and another slope proves nothing better."""
    case = times(tall(rng), fine, dear)
    problem, found = closed(case)
    if found is None or found.proof is None:
        return
    best = optimum(case)
    assert found.value == best
    assert problem.n == len(case[0])
    market, step = market_of(case), common_divisor(problem.scores)
    for checker in ("reference", "arrays"):
        staircase.check_bound(found.proof, market, lambda: None, checker)
        body = {name: max(1, number + rng.choice([-1, 0, 1])) for name, number in found.proof.body.items()}
        for forged in (found.proof.body, body):
            with pytest.raises(ProofError):
                staircase.check_bound(Proof("opt", "staircase", best - step, forged), market, lambda: None, checker)


@pytest.mark.parametrize(
    ("name", "value"), [("MOST_CORNERS", 0), ("MOST_CORNERS", 1), ("EXCHANGED_ITEMS", 3), ("EXCHANGED_ITEMS", 15)]
)
def test_constants_of_stairs(name: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stairs, name, value)

    @settings(max_examples=40)
    @given(case=made_by(tall))
    def holds(case: Case) -> None:
        _, found = closed(case)
        assert found is None or found.value == optimum(case)

    holds()
    if (name, value) != ("MOST_CORNERS", 0):
        reached(made_by(tall), by_corners)


def test_three_lines_above_the_slope_are_left_alone() -> None:
    rng = np.random.default_rng(1)
    costs = rng.integers(100, 10**4, 3000)
    for offsets, closes in (
        ([5, 9], True),
        ([0, 5, 9], True),
        ([-3, 5, 9], True),
        ([2, 5, 9], False),
        ([0, 2, 5, 9], False),
    ):
        scores = costs + np.array(offsets)[rng.integers(0, len(offsets), 3000)]
        _, found = closed((scores.tolist(), costs.tolist(), [0] * 3000, [3000], int(costs.sum()) // 2))
        assert (found is not None) == closes
        assert found is None or found.proof is not None


@settings(max_examples=60)
@given(rng=generators)
def test_workers_that_cost_nothing_are_counted(rng: Numbers) -> None:
    """A class whose cheapest are free of charge is a class like any other."""
    costs = [rng.choice([0, rng.randint(1, 9)]) for _ in range(16)]
    scores = [cost + rng.choice([3, 7]) for cost in costs]
    case = scores, costs, [0] * 16, [16], rng.randint(0, 30)
    _, found = closed(case)
    assert found is None or found.value == optimum(case)


@pytest.mark.parametrize("family", ["multiple strongly correlated", "profit ceiling"])
@pytest.mark.parametrize("n", [1000, 100_000])
def test_large_families_of_two_classes(family: str, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Pisinger has them, closed without what the other methods do."""
    monkeypatch.setattr(pooled_solve, "_branch", None)
    costs = np.random.default_rng(n).integers(1, 10**6, n)
    scores = 3 * ((costs + 2) // 3) if family == "profit ceiling" else costs + 10**5 * (2 + (costs % 6 == 0))
    found = solve(Market.build(scores=scores, costs=costs, budgets=[int(costs.sum()) // 2]), "opt")
    assert found.status == "optimal"
    assert found.proof is not None
    assert found.proof.kind == "staircase"


@pytest.mark.parametrize("groups", [1, 2, 3])
@pytest.mark.parametrize("offsets", [(500, 500), (500, 900), (-50, -50)])
def test_seats_that_a_set_keeps(groups: int, offsets: tuple[int, int]) -> None:
    """The problem without seats is asked by the method for seats; its proofs hold there too."""
    rng = np.random.default_rng(groups)
    costs = rng.integers(100, 5000, 900)
    market = Market.build(
        scores=costs + np.array(offsets)[rng.integers(0, 2, 900)],
        costs=costs,
        groups=rng.integers(0, groups, 900),
        group_ids=range(groups),
        budgets=[int(costs.sum()) // 4] * 2,
        caps=[[900, 700]] * groups,
        seats=[700, 650],
    )
    found = solve(market, "opt", "polymatroid")
    plain = solve_pooled(
        PooledProblem.of(market.scaled.scores, costs, market.group_of, [900] * groups, int(costs.sum()) // 4 * 2)
    )
    assert (found.status, found.exactness) == ("optimal", "checked")
    assert found.value == plain.value


# ------------------------------------------------------------------ constants

EFFORTS: list[tuple[ModuleType, str, tuple[float, ...]]] = [
    (detect, "LIMIT_SLACK", (0, 1, 1.1, 10)),
    (detect, "LEAST_ITEMS", (2, 9, 10, 11, 10**6)),
    (detect, "SLOPE_ITEMS", (2, 3, 9, 10, 11, 16)),
    (detect, "SLOPE_SHARE", (0, 1, 8)),
    (detect, "MOST_CLASSES", (0, 1, 3)),
    (detect, "SLOPE_SAMPLE", (1, 9, 10, 11)),
    (detect, "CHUNK_ITEMS", (1, 9, 10, 11)),
    (border, "CHUNK_ITEMS", (1, 9, 10, 11)),
    (border, "SORTED_ITEMS", (0, 9, 10, 11)),
    (border, "BORDER_SAMPLE", (1, 2, 5, 100)),
    (border, "BORDER_WIDTH", (0, 1, 2)),
    (border, "NEAR_BORDER", (0, 1, 3)),
    (single, "EXCHANGED_ITEMS", (1, 5, 9, 10, 11)),
    (detect, "SIDE_ITEMS", (1, 9, 10, 11)),
    (change, "SIDE_ITEMS", (1, 2, 9)),
    (change, "TWO_EXCHANGES", (1, 2, 8, 1 << 13)),
    (change, "FOUR_EXCHANGES", (1, 2, 8, 1 << 8)),
]


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(module, name, value) for module, name, values in EFFORTS for value in values],
    ids=[f"{module.__name__.rsplit('.', 1)[-1]}.{name}={v}" for module, name, values in EFFORTS for v in values],
)
@pytest.mark.parametrize("dear", [1, 2**70])
def test_constants(module: ModuleType, name: str, value: float, dear: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """About ten items: below, at and above; whatever is returned is the optimum."""
    assert hasattr(module, name)
    if module is border and name != "SORTED_ITEMS":
        monkeypatch.setattr(border, "SORTED_ITEMS", 0)
    if name in ("TWO_EXCHANGES", "FOUR_EXCHANGES"):
        monkeypatch.setattr(change, "_one", lambda *_: None)
        if name == "FOUR_EXCHANGES":
            monkeypatch.setattr(change, "TWO_EXCHANGES", 0)
    monkeypatch.setattr(module, name, value)

    @settings(max_examples=12)
    @given(rng=generators)
    def holds(rng: Numbers) -> None:
        case = times(drawn(rng, most=11), 1, dear)
        _, found = closed(case)
        assert found is None or found.value == optimum(case)

    holds()
    if (name, value) not in {
        ("LEAST_ITEMS", 10**6),
        ("SLOPE_SHARE", 0),
        ("MOST_CLASSES", 0),
        ("TWO_EXCHANGES", 1),
        ("FOUR_EXCHANGES", 1),
        ("FOUR_EXCHANGES", 2),
    }:
        reached(generators, lambda rng: closed(times(drawn(rng, most=11), 1, dear))[1] is not None)


@pytest.mark.parametrize(
    "size", [border.SORTED_ITEMS - 1, border.SORTED_ITEMS, border.SORTED_ITEMS + 1, 3 * border.SORTED_ITEMS]
)
@pytest.mark.parametrize("top", [3, 1000, 10**9])
@pytest.mark.parametrize("dear", [False, True])
def test_the_border_that_a_sample_finds(size: int, top: int, dear: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the one of all items sorted, with as many equal costs as there may be."""
    rng = np.random.default_rng(size + top)
    costs = rng.integers(1, top + 1, size)
    for budget in (int(costs.sum()) // 2, int(costs.sum()) // 50, int(costs.sum()) - 1, 1):
        for most in (size, size // 3):
            monkeypatch.undo()
            found = border.find_border(costs, budget, most, dear=dear)
            monkeypatch.setattr(border, "SORTED_ITEMS", 10**9)
            whole = border.find_border(costs, budget, most, dear=dear)
            assert replace(found, near=whole.near) == whole
            order = np.sort(costs)[::-1] if dear else np.sort(costs)
            count = min(int(np.searchsorted(np.cumsum(order), budget, side="right")), most)
            assert (found.count, found.cost) == (count, int(order[:count].sum()))
            if count:
                chosen = border.first_items(costs, count, int(order[count - 1]), dear=dear)
                assert int(chosen.sum()) == count
                assert int(costs[chosen].sum()) == found.cost


@given(rng=generators)
def test_changes_are_exact(rng: Numbers) -> None:
    """What is returned changes the cost as asked, flips each item once, and exchanges within classes; all single ones are found."""
    costs = rng.integers(1, 60, 24)
    inside = rng.random(24) < 0.5
    part = rng.integers(0, 3, 24)
    free = bool(rng.random() < 0.5)
    classes = [
        change.Alike(np.flatnonzero((part == k) & inside), np.flatnonzero((part == k) & ~inside), free and k == 2)
        for k in range(3)
    ]
    low = int(rng.integers(-90, 90))
    high = low + int(rng.integers(0, 2))
    flips = change.exact_change(costs, classes, low, high, np.random.default_rng(rng.randrange(100)))
    singles = [int(costs[j] - costs[i]) for one in classes for i in one.inside for j in one.outside]
    singles += [int(costs[j]) for one in classes if one.free for j in one.outside]
    assert flips is not None or not any(low <= single <= high for single in singles)
    if flips is None:
        return
    assert len(set(flips)) == len(flips)
    assert low <= sum(int(-costs[i] if inside[i] else costs[i]) for i in flips) <= high
    for k in range(3):
        own = [inside[i] for i in flips if part[i] == k]
        assert sum(own) == len(own) - sum(own) or (free and k == 2)


def test_what_is_not_on_a_line_is_left_alone() -> None:
    rng = np.random.default_rng(5)
    for n in (detect.LEAST_ITEMS, detect.SLOPE_SAMPLE - 1, detect.SLOPE_SAMPLE, detect.SLOPE_SAMPLE + 1, 5000):
        costs = rng.integers(1, 10**6, n)
        flat = PooledProblem.of(costs + 7, costs, np.zeros(n, dtype=int), [n], int(costs.sum()) // 2)
        assert detect.find_slope(flat) is not None
        for wrong in range(0, n, max(1, n // 9)):
            scores = costs + 7
            scores[wrong] += 1
            found = detect.find_slope(replace(flat, scores=scores))
            assert found is None or found[2] is not None
        assert detect.find_slope(replace(flat, scores=rng.integers(1, 10**6, n))) is None
        # A slope that falls is no slope.
        assert detect.find_slope(replace(flat, scores=2 * 10**6 - costs)) is None


def test_a_search_without_time_says_nothing() -> None:
    case = [c + 5 for c in range(10, 30)], list(range(10, 30)), [0] * 20, [20], 200
    _, problem = _clean(PooledProblem.of(*case))
    assert close_by_slope(problem, 1, Control()) is not None
    assert close_by_slope(problem, 1, Control.for_seconds(0.0)) is None
    found = solve_pooled(PooledProblem.of(*case), Control.for_seconds(0.0))
    assert found.value <= optimum(case) <= found.bound


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n", [1000, 30_000, 100_000])
def test_large_ones_are_closed_at_once(n: int, sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what the other methods do; loose caps and a common divisor of scores do not matter."""
    monkeypatch.setattr(pooled_solve, "_branch", None)
    rng = np.random.default_rng(n)
    costs = rng.integers(1, 10**6, n) + (10**5 if sign < 0 else 0)
    groups = rng.integers(0, 5, n)
    market = Market.build(
        scores=6 * (costs + sign * 10**5 // 2),
        costs=costs,
        groups=groups,
        group_ids=range(5),
        budgets=[int(costs.sum()) // 2],
        caps=[[int(n // 5 * 0.95)]] * 5,
    )
    found = solve(market, "opt")
    assert found.status == "optimal"
    assert found.exactness == "checked"
    assert found.proof is not None
    assert found.proof.kind == "tree"
    assert len(found.proof.body["nodes"]) == 3


def test_multipliers_of_both_leaves() -> None:
    """By hand: five of 10, 11, 12, ... fit into 60, and cost 60; a sixth does not fit."""
    case = [c + 4 for c in range(10, 20)], list(range(10, 20)), [0] * 10, [10], 60
    _, found = closed(case)
    assert found is not None
    assert found.value == 60 + 5 * 4
    assert found.leaves[0].price == found.leaves[0].scale == 1
    assert (found.leaves[0].low, found.leaves[0].high, found.leaves[0].count) == (0, 5, 4)
    assert (found.leaves[1].low, found.leaves[1].high) == (6, 10)
    assert all(sum(six) > 60 for six in combinations(range(10, 20), 6))

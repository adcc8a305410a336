"""Multiples of two items, and two lines of scores under limits: against counting by kinds, with proofs that both checkers take."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from types import ModuleType

import kinds as oracle
import numpy as np
import pytest
from fedmech import Market
from fedmech.models.exact import common_divisor
from fedmech.solvers.control import Control
from fedmech.solvers.pooled import PooledProblem, solve_pooled
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.pooled.lattice import bases, cells, close_by_lattice, cuts
from fedmech.solvers.pooled.lattice import solve as lattice_solve
from fedmech.solvers.pooled.slopes import limited
from fedmech.solvers.pooled.slopes.single import SlopeOptimum
from fedmech.solvers.pooled.solve import _clean
from fedmech.solvers.proofs import lattice
from fedmech.solvers.proofs.proof import Proof, ProofError
from fedmech.solvers.seated import method as seated_method
from fedmech.solvers.seated.method import solve_opt_seats

Case = tuple[list[int], list[int], list[int], list[int], int]
"""Scores, costs, groups, limits, budget."""


def spans(seed: int, n: int = 0, groups: int = 0) -> Case:
    """Multiples of two items under limits that bind or not."""
    rng = random.Random(seed)
    n, groups = n or rng.randint(8, 22), groups or rng.choice([1, 2, 3])
    pairs = [(rng.randint(20, 90), rng.randint(20, 90)) for _ in range(2)]
    drawn = [(*rng.choice(pairs), rng.randint(1, rng.choice([3, 10]))) for _ in range(n)]
    own = [rng.randrange(groups) for _ in range(n)]
    limits = [rng.choice([n, own.count(group) // 2, own.count(group) // 3]) for group in range(groups)]
    costs = [cost * times for _, cost, times in drawn]
    budget = int(sum(costs) * rng.choice([0.1, 0.2, 0.3, 0.5])) + rng.randint(0, 9)
    return [score * times for score, _, times in drawn], costs, own, limits, budget


def lines(seed: int, n: int = 0, groups: int = 0) -> Case:
    """Scores on two lines, or three, under limits that bind or not."""
    rng = random.Random(seed)
    n, groups = n or rng.randint(12, 24), groups or rng.choice([1, 2, 3])
    price, scale = rng.choice([(1, 1), (2, 1), (2, 3)])
    costs = [scale * rng.randint(1, 20) for _ in range(n)]
    offsets = rng.sample([0, rng.randint(1, 9), rng.randint(10, 30)], rng.choice([2, 3]))
    own = [rng.randrange(groups) for _ in range(n)]
    limits = [rng.choice([n, own.count(group) // 2, own.count(group) // 3]) for group in range(groups)]
    scores = [max(1, price * cost // scale + rng.choice(offsets)) for cost in costs]
    return scores, costs, own, limits, sum(costs) * rng.choice([1, 2, 3]) // 6


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


def closed(case: Case) -> SlopeOptimum | None:
    """What is found at once; its proof is taken by both checkers, and none of a value less."""
    _, problem = _clean(PooledProblem.of(*case))
    step = common_divisor(problem.scores) or 1
    found = pooled_solve._by_slope(problem, step, Control())
    if found is None or found.evidence is None or found.evidence.kind != "lattice":
        return None
    assert problem.feasible(found.chosen)
    assert problem.value(found.chosen) == found.value == found.evidence.bound
    for checker in ("reference", "arrays"):
        lattice.check_bound(found.evidence, market_of(case), lambda: None, checker)
        less = Proof("opt", "lattice", found.value - 1, found.evidence.body)
        with pytest.raises(ProofError):
            lattice.check_bound(less, market_of(case), lambda: None, checker)
    return SlopeOptimum(found.chosen, found.value, proof=found.evidence)


@cache
def optimum(drawn: Callable[[int], Case], seed: int) -> int:
    """By counting kinds."""
    return oracle.opt(oracle.Kinds.of(market_of(drawn(seed))))


@pytest.mark.parametrize(("drawn", "least"), [(spans, 12), (lines, 4)])
def test_small_markets_agree_with_counting(drawn: Callable[[int], Case], least: int) -> None:
    met = 0
    for seed in range(25):
        found = closed(drawn(seed))
        met += found is not None
        assert found is None or found.value == optimum(drawn, seed), seed
        result = solve_pooled(PooledProblem.of(*drawn(seed)))
        assert result.proved
        assert result.value == optimum(drawn, seed), seed
    assert met >= least


def found_at_once(case: Case) -> int | None:
    """The value of what is found, without its proof."""
    _, problem = _clean(PooledProblem.of(*case))
    found = pooled_solve._by_slope(problem, common_divisor(problem.scores) or 1, Control())
    return None if found is None or found.evidence is None or found.evidence.kind != "lattice" else found.value


def unmet(seed: int) -> Case:
    """A market whose best whole numbers within the polygon no set has, as a rule: few multiples, two places in three."""
    rng = random.Random(seed)
    n = 60
    pairs = [(rng.randint(200, 900), rng.randint(200, 900)) for _ in range(2)]
    drawn = [(*pairs[i % 2], rng.choice([2, 3, 5])) for i in range(n)]
    costs = [cost * times for _, cost, times in drawn]
    own = [i % 3 for i in range(n)]
    return [v * times for v, _, times in drawn], costs, own, [7, 6, 8], sum(costs) * 2 // 5 + seed


def test_counts_that_no_set_has_are_excluded() -> None:
    """By cuts for so many of the first base, each of which has a proof of its own; counting by kinds agrees."""
    cut = 0
    for seed in range(8):
        found = closed(unmet(seed))
        if found is None:
            continue
        assert found.proof is not None
        assert found.value == optimum(unmet, seed)
        cut += any(one["within"] is not None for one in found.proof.body["cuts"])
    assert cut >= 2


def test_large_ones_are_closed_at_once() -> None:
    """Of all sorts, by the proof of two whole numbers; the polygon counts where the money is about what its places cost."""
    edges = 0
    for seed, part in ((0, 0.2), (1, 0.4), (2, 0.5), (3, 0.5)):
        scores, costs, own, limits, _ = spans(seed, 1000, 10)
        limits = [own.count(group) * 3 // 10 for group in range(10)]
        found = closed((scores, costs, own, limits, int(sum(costs) * part)))
        assert found is not None
        assert found.proof is not None
        edges += len(found.proof.body["cuts"]) > 1
    assert edges
    met = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        costs = rng.integers(1, 10**6, 2000)
        own = rng.integers(0, 10, 2000)
        limits = (np.bincount(own) * 3 // 10).tolist()
        scores = costs + np.where(costs % 6 == 0, 3, 2) * 10**5
        case = scores.tolist(), costs.tolist(), own.tolist(), limits, int(costs.sum()) * 15 // 100
        met += closed(case) is not None
    assert met >= 2


def test_under_seats(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: before anything is enumerated."""
    monkeypatch.setattr(seated_method, "enumerate_within", None)
    rng = np.random.default_rng(4)
    pairs, which, times = ((700, 400), (300, 250)), rng.integers(0, 2, 900), rng.integers(1, 11, 900)
    scores, costs = ([pairs[w][at] * int(f) for w, f in zip(which, times, strict=True)] for at in (0, 1))
    own = rng.integers(0, 6, 900).tolist()
    caps = [[own.count(group) // 6] * 2 for group in range(6)]
    seats = [sum(row[j] for row in caps) * 9 // 10 for j in range(2)]
    market = Market.build(
        scores=scores,
        costs=costs,
        groups=own,
        group_ids=range(6),
        budgets=[sum(costs) // 8] * 2,
        caps=caps,
        seats=seats,
    )
    found = solve_opt_seats(market, Control())
    assert isinstance(found.evidence, Proof)
    assert found.evidence.kind == "lattice"
    for checker in ("reference", "arrays"):
        lattice.check_bound(found.evidence, market, lambda: None, checker)


def test_one_item_of_neither_base_is_left_to_others() -> None:
    for seed in range(4):
        scores, costs, own, limits, budget = spans(seed, 40, 2)
        for wrong in (0, 13, 39):
            other = [*scores[:wrong], scores[wrong] + 1, *scores[wrong + 1 :]]
            assert bases.find_bases(PooledProblem.of(other, costs, own, limits, budget)) is None
        assert bases.find_bases(PooledProblem.of(scores, costs, own, limits, budget)) is not None


def test_where_bases_end() -> None:
    """At how many items, at which multiple, and at numbers of which length."""
    rng = np.random.default_rng(1)
    for n, met in (
        (bases.LEAST_ITEMS - 1, False),
        (bases.LEAST_ITEMS, True),
        (bases.BASE_SAMPLE, True),
        (bases.BASE_SAMPLE + 1, True),
    ):
        which = np.arange(n) % 2
        scores, costs = (np.where(which, *pair) * (1 + np.arange(n) // 2) for pair in ((7, 5), (3, 4)))
        found = bases.find_bases(PooledProblem.of(scores, costs, np.zeros(n, dtype=int), [n], 9))
        assert (found is not None) == met
        if found is not None:
            assert {*zip(found.gains, found.costs, strict=True)} == {(7, 3), (5, 4)}
    which = np.arange(40) % 2
    for most, met in ((bases.MOST_MULTIPLE, True), (bases.MOST_MULTIPLE + 1, False)):
        times = np.append(np.ones(39, dtype=np.int64), most)
        scores, costs = (np.where(which, *pair) * times for pair in ((7, 5), (3, 4)))
        assert (bases.find_bases(PooledProblem.of(scores, costs, which, [9, 9], 9)) is not None) == met
    times = rng.integers(1, 4, 40)
    for long, met in ((2**40, True), (2**50, False), (2**61, False)):
        scores, costs = (
            [pair[w] * int(f) for w, f in zip(which, times, strict=True)]
            for pair in ((7 * long + 1, 3 * long + 1), (5 << 10, 4 << 10))
        )
        assert (bases.find_bases(PooledProblem.of(scores, costs, which, [9, 9], 9)) is not None) == met, long


@pytest.mark.parametrize(
    ("module", "name", "values"),
    [
        (cells, "SHOWN_ITEMS", (1, 8)),
        (cells, "ATTEMPTS", (1, 3)),
        (cuts, "MOST_COUNTS", (1, 3, 30)),
        (cuts, "WIDER", (2, 9)),
        (cuts, "PRODUCTS", (1, 1 << 20, 1 << 61)),
        (lattice_solve, "MOST_CELLS", (3, 20)),
        (lattice_solve, "MOST_SLOPES", (2, 9)),
        (lattice_solve, "MOST_CUTS", (1, 2, 3)),
        (lattice_solve, "MOST_POINTS", (1, 2)),
        (lattice_solve, "MOST_EDGES", (1, 5)),
        (bases, "MOST_MULTIPLE", (1, 3)),
        (bases, "BASE_SAMPLE", (3, 30)),
        (limited, "SPARE_PLACES", (0, 1, 9)),
        (limited, "ATTEMPTS", (1, 2)),
    ],
)
def test_on_both_sides_of_every_constant(
    module: ModuleType, name: str, values: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found is right, with smaller effort and with larger; with more of it no less is found."""
    made = lines if module is limited else spans
    met = []
    for value in values:
        monkeypatch.setattr(module, name, value)
        worth = {seed: found_at_once(made(seed)) for seed in range(12)}
        for seed, one in worth.items():
            assert one in (None, optimum(made, seed))
        met.append(sum(one is not None for one in worth.values()))
    assert max(met)
    if name in ("MOST_COUNTS", "PRODUCTS", "MOST_CELLS", "MOST_SLOPES", "MOST_MULTIPLE", "MOST_CUTS"):
        assert met[0] < met[-1]


def test_best_points_are_those_of_going_through_all() -> None:
    rng = random.Random(7)
    for _ in range(150):
        gains, most = (rng.randint(1, 30), rng.randint(1, 30)), (rng.randint(0, 12), rng.randint(0, 12))
        some = [
            cuts.Cut(
                rng.randint(0, 9), rng.randint(0, 9), rng.randint(0, 90), rng.choice([None, None, rng.randint(0, 9)])
            )
            for _ in range(rng.randint(0, 4))
        ]
        worth = {
            (one, two): gains[0] * one + gains[1] * two
            for one in range(most[0] + 1)
            for two in range(most[1] + 1)
            if all((c.within is not None and one > c.within) or c.first * one + c.second * two <= c.bound for c in some)
        }
        found = cuts.best_points(gains, most, some)
        assert (found is None) == (not worth)
        if found is not None:
            assert found[0] == max(worth.values())
            assert sorted(found[1]) == sorted(point for point, value in worth.items() if value == found[0])


def test_without_time_nothing_is_said() -> None:
    _, problem = _clean(PooledProblem.of(*spans(1, 60, 2)))
    assert close_by_lattice(problem, 1, Control.for_seconds(0.0), lambda _: None) is None


def test_an_interrupt_of_the_problem_inside_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_):
        raise KeyboardInterrupt

    case = lines(3, 30, 3)
    monkeypatch.setattr(pooled_solve, "_branch", interrupted)
    assert solve_pooled(PooledProblem.of(*case)).stopped == "interrupted"

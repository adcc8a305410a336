"""Every constant at which the searches of OPT branch, below, at and above the size of the markets it sees.

The optimum is that of counting by kind. A limit on effort may leave a market open, never give a wrong value or bound.
"""

from __future__ import annotations

import random
from functools import cache
from types import ModuleType

import kinds
import pytest
from campaign import seeds, thorough
from fedmech import Market
from fedmech.models import exact
from fedmech.solvers.control import Control
from fedmech.solvers.placement import polymatroid
from fedmech.solvers.pooled import (
    PooledProblem,
    branching,
    core,
    dual,
    dust,
    enumeration,
    four_lists,
    leaf,
    merging,
    passes,
    problem,
    reduction,
    relaxation,
    solve_pooled,
    swaps,
)
from fedmech.solvers.pooled import solve as pooled_solve
from fedmech.solvers.pooled.dynamic import boxes, lists, program, states
from fedmech.solvers.pooled.dynamic import solve as by_money
from fedmech.solvers.seated import core as seated_core
from fedmech.solvers.seated import core_highs as seated_highs
from fedmech.solvers.seated import duals as seated_duals
from fedmech.solvers.seated import method as seated_method
from fedmech.solvers.seated import parametric as seated_parametric
from fedmech.solvers.seated import swaps as seated_swaps
from fedmech.solvers.seated.duals import SeatMarket
from fedmech.solvers.seated.method import best_affordable_set
from kinds import Kinds
from named_values import named, patched

SIZES: list[tuple[ModuleType, str]] = [
    (pooled_solve, "DIRECT"),
    (branching, "NODE_CORE"),
    (core, "MANY_TIES"),
    (leaf, "FILL_ITEMS"),
    (leaf, "EXCHANGE_FROM"),
    (dual, "MANY_GROUPS"),
    (dust, "LEAST_DUST"),
    (dust, "MOST_DEAR"),
    (passes, "COMPILE_FROM"),
    (problem, "CHUNK_ITEMS"),
    (reduction, "CHUNK_ITEMS"),
    (relaxation, "CHUNK_ITEMS"),
    (reduction, "RUNNERS_UP"),
    (polymatroid, "COMPILE_FROM"),
    (seated_method, "FEW"),
    (seated_core, "PRUNE_FROM"),
    (seated_core, "PAIRS_AT_ONCE"),
    (seated_parametric, "PAIRS_AT_ONCE"),
]
"""Compared with the number of workers, or with numbers like it."""

EFFORTS: list[tuple[ModuleType, str, tuple]] = [
    (core, "PIVOT_COPIES", (1, 2, 7, 8, 9, 10**6)),
    (enumeration, "LEAST", (-1, 40, 1000)),
    (enumeration, "LOSS_STEEPNESS", (0.0, 6.0, 1e6)),
    (merging, "START_UP", (1, 60, 1_500_000)),
    (merging, "ROUNDED_DOWN", (0.0, 0.5, 1 - 1e-12)),
    (leaf, "STAGES", ((1, 2, 3, 10**6), (12, 10**6))),
    (leaf, "CORE_ITEMS", ((1, 3), (4, 10**6))),
    (leaf, "SWAP_ITEMS", ((2, 4), (400, 3000))),
    (swaps, "MOST_EXCHANGES", (1, 9, 200_000)),
    (four_lists, "LIST_ITEMS", (1, 3, 40)),
    (four_lists, "FEWEST_CHOICES", (0, 3, 10)),
    (four_lists, "MOST_CHOICES", (0, 3, 17)),
    (four_lists, "MORE_BITS", (0, 2)),
    (four_lists, "TRIES", (0, 1, 4)),
    (four_lists, "NEIGHBOURS", (1, 4)),
    (four_lists, "STEEPEST", (0.0, 1.0, 64.0)),
    (four_lists, "TILTS", (0, 1, 8)),
    (branching, "MOST_BRANCH_NODES", (1, 5, 200_000)),
    (branching, "MOST_WAITING", (1, 30, 3_000_000)),
    (branching, "NODE_STATES", (1, 30, 20_000)),
    (branching, "CORES", ((1, 3), ())),
    (dust, "MOST_DEAR_STATES", (1, 8, 1_000_000)),
    (dust, "MOST_DEAR_CHOICES", (1, 8, 1000)),
    (dust, "MOST_DEAR_PAIRS", (1, 8, 20_000_000)),
    (dust, "LARGEST_BITS", (1, 12, 900)),
    (dust, "FIRST_STATES", (1, 300_000)),
    (dust, "FIRST_ROUNDS", (0, 3)),
    (dust, "SHARES", ((), (1,), (16, 8, 4, 2, 1))),
    (dust, "ROUNDING_SLACK", (1e-9, 1e-3, 1.0)),
    (pooled_solve, "QUICK_STATES", (1, 30, 120_000)),
    (pooled_solve, "FIRST_STATES", (1, 30, 300_000)),
    (pooled_solve, "FIRST_ROUNDS", (0, 1, 3)),
    (pooled_solve, "MOST_ROUNDS", (0, 1, 45)),
    (pooled_solve, "FIRST_BY_MONEY", (0, 3000, 5_000_000)),
    (pooled_solve, "MOST_BY_MONEY", (0, 3000, 100_000_000)),
    (by_money, "WIDTHS", ((1, 2), (1, 2, 1 << 20), (3, 1 << 20))),
    (by_money, "NEAR", (1, 2, 16)),
    (by_money, "COARSENESS", (1, 4, 1000)),
    (by_money, "MOST_STEPS", (0, 3, 6, 20_000)),
    (program, "MOST_INTERVALS", (1, 2, 4, 1 << 12)),
    (program, "INTERVALS_KEPT", (1, 2, 8)),
    (program, "FINEST", (1, 2, 1 << 20)),
    (program, "FINENESS", (1, 16, 1000)),
    (program, "MONEY_ROOM", (1, 30, 60, 1 << 52)),
    (program, "WORTH_ROOM", (1, 60, 300, 1 << 60)),
    (boxes, "MOST_BOX_WORK", (0, 2000, 1 << 25)),
    (boxes, "BOX_STATES", (1, 8)),
    (lists, "SPAN", (1, 2, 5, 62)),
    (lists, "MOST_BEHIND", (1, 3, 1 << 21)),
    (states, "STEP_STATES", (1, 500)),
    (states, "START_UP", (0, 30, 1_000_000)),
    (pooled_solve, "FIRST_NODES", (1, 300)),
    (pooled_solve, "WIDEST", (0, 1, 64)),
    (passes, "WARM_UP", (0, 3_000_000)),
    (exact, "FLOAT_BITS", (4, 10, 400)),
    (seated_method, "STATES", ((1, 1, 1), (1, 1, 2_000_000), (5, 40, 400))),
    (seated_method, "STATES_EACH", (0, 20)),
    (seated_core, "MOST_WIDE_STATES", (1, 100_000)),
    (seated_duals, "_ROUNDED_BELOW", (0, 8, 2**36)),
    (seated_duals, "_WEIGHT_BITS", (1, 6, 52)),
    (seated_duals, "_SAMPLE", (1, 4, 2**14)),
    (seated_swaps, "_PAIRS", (0, 1, 9, 200_000)),
    (seated_swaps, "_ROUNDS", (0, 1, 40)),
    (seated_highs, "EXACT_IN_DOUBLE", (1, 60, 2**40)),
]
"""Limits on effort and on numbers, from where nothing is left of them to where they are."""


def market_of_kinds(seed: int) -> Kinds:
    """Few kinds of workers, some of one ratio; caps, seats and budgets that bind or not."""
    rng = random.Random(seed)
    groups, ratio = rng.choice([1, 2, 3]), rng.choice([None, 1, 3])
    rows = []
    for _ in range(rng.randint(2, 5)):
        cost = rng.randint(0, 9)
        score = rng.randint(1, 20) if ratio is None else max(1, ratio * cost + rng.choice([0, 0, 0, 1]))
        rows.append((score, cost, rng.randrange(groups), rng.choice([1, 2, 5, 15, 16, 17])))
    sizes = [sum(row[3] for row in rows if row[2] == group) for group in range(groups)]
    n, money = sum(sizes), sum(cost * copies for _, cost, _, copies in rows)
    caps = [[rng.randint(0, size), rng.randint(0, size)] for size in sizes]
    return Kinds(rows, [rng.randint(0, money // 2 + 1), rng.randint(0, 9)], caps, [rng.randint(0, n) for _ in "ab"])


def both_ways(case: Kinds) -> list[tuple[Market, int]]:
    """The market without seats, and with them: each with its optimum."""
    seatless = Kinds(case.kinds, case.budgets, case.caps, [case.n] * 2)
    return [(one.market(), kinds.opt(one)) for one in (seatless, case)]


@cache
def counted(seed: int) -> list[tuple[Market, int]]:
    """Every constant is tried on the same markets: they are built and counted once."""
    return both_ways(market_of_kinds(seed))


def compare(cases: list[tuple[Market, int]], *, effort: bool) -> int:
    """Compare both searches with counting; return how many were proved."""
    proved = 0
    for seats, (market, best) in enumerate(cases):
        if not seats:
            whole = PooledProblem.of(
                market.scaled.scores,
                market.scaled.costs,
                market.group_of,
                market.group_totals.tolist(),
                market.scaled.total_budget,
            )
            found = solve_pooled(whole)
            assert whole.feasible(found.chosen)
            assert found.value <= best <= found.bound
            assert (found.value == best == found.bound) or not found.proved
            done = found.proved
        else:
            plain = SeatMarket.of(market)
            state = best_affordable_set(plain, Control())
            step = seated_method._unit(plain)
            assert state.value <= best <= state.upper(step)
            done = state.proved(step)
            assert not done or state.value == best
            assert not state.by_solver or state.value == best
            done = done or state.by_solver
        assert done or effort
        proved += done
    return proved


def unsearched(one: leaf.Leaf, items: dual.Grouped, *_: object) -> None:
    one.base = leaf.base_set(one, items)


@pytest.mark.parametrize("offset", [-1, 0, 1], ids=["below", "at", "above"])
@pytest.mark.parametrize(
    ("module", "name", "reduced"),
    thorough(
        [
            (module, name, reduced)
            for module, name in SIZES
            for reduced in (False, True)
            if not (reduced and name == "DIRECT")
        ],
        lambda case: case[2],
    ),
    ids=lambda part: part.__name__.split(".", 2)[-1] if isinstance(part, ModuleType) else str(part),
)
def test_sizes(module: ModuleType, name: str, offset: int, reduced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where scores follow costs, and for the program over money, little would be left to the other ways.
    monkeypatch.setattr(pooled_solve, "close_by_slope", lambda *_: None)
    monkeypatch.setattr(pooled_solve, "close_by_money", lambda *_: None)
    if module is dust:
        monkeypatch.setattr(pooled_solve, "amounts", lambda *_: pooled_solve.MOST_BY_MONEY + 1)
    if reduced:
        # Many of these are looked at only where a large problem is reduced to its margin.
        monkeypatch.setattr(pooled_solve, "DIRECT", 8)
    for seed in seeds(32):
        cases = counted(seed)
        patched(monkeypatch, module, name, max(1, len(cases[0][0].scores) + offset))
        compare(cases, effort=False)


@named(EFFORTS)
def test_efforts(module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    patched(monkeypatch, module, name, value)
    monkeypatch.setattr(pooled_solve, "close_by_slope", lambda *_: None)
    if module in (boxes, by_money, lists, program, states):
        monkeypatch.setattr(pooled_solve, "search_leaf", unsearched)
    elif not name.endswith("_BY_MONEY"):
        monkeypatch.setattr(pooled_solve, "close_by_money", lambda *_: None)
    if module is dust:
        monkeypatch.setattr(pooled_solve, "amounts", lambda *_: pooled_solve.MOST_BY_MONEY + 1)
        monkeypatch.setattr(dust, "LEAST_DUST", 1)
        monkeypatch.setattr(dust, "COST_JUMP", 1.001)
        monkeypatch.setattr(pooled_solve, "many_small", lambda *_: True)
    if module is seated_highs:
        monkeypatch.setattr(seated_method, "STATES", (1, 1, 1))
    if module is branching:
        monkeypatch.setattr(pooled_solve, "many_small", lambda *_: True)
    proved = sum(compare(counted(seed), effort=True) for seed in seeds(100, 132))
    assert proved > 0


@pytest.mark.parametrize("states", [1, 10, 100, 10**4, 10**6])
def test_states_of_one_enumeration(states: int) -> None:
    proved = []
    for seed in range(40):
        case = market_of_kinds(seed)
        market = case.market(seats=[case.n] * 2)
        best = kinds.opt(Kinds.of(market))
        found = solve_pooled(
            PooledProblem.of(
                market.scaled.scores,
                market.scaled.costs,
                market.group_of,
                market.group_totals.tolist(),
                market.scaled.total_budget,
            ),
            most_states=states,
        )
        assert found.value <= best <= found.bound
        assert not found.proved or found.value == best
        proved.append(found.proved)
    assert all(proved) or states < 10**4


@pytest.mark.parametrize("copies", thorough([7, 8, 15, 16, 17, 31, 32, 33, 150, 300], lambda copies: copies == 300))
def test_hundreds_of_equal_workers(copies: int) -> None:
    """At their real size: the constants as they are."""
    rng = random.Random(copies)
    for _ in range(6):
        unit = rng.randint(1, 3)
        rows = [(3 * unit, unit, 0, copies), (rng.randint(20, 40), rng.randint(7, 12), 0, rng.randint(1, 3))]
        rows += [(rng.randint(1, 9), rng.randint(1, 9), 1, copies)]
        caps = [[rng.randint(1, copies), 3], [rng.randint(1, copies), 0]]
        seats = [rng.randint(1, 2 * copies), rng.randint(0, 9)]
        cases = both_ways(Kinds(rows, [rng.randint(1, 4 * copies), 5], caps, seats))
        assert compare(cases, effort=False) == 2

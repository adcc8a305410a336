"""Constants at which OPT-SEP, COVER, placement, proofs and social states branch: below, at and above what the markets have.

The optimum is that of enumeration or of counting by kind. A limit on effort may leave a market open, never give a wrong value, a
bound below the optimum, or a proof that is refused. :mod:`test_thresholds` does the same for the searches of OPT.
"""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import kinds
import numpy as np
import pytest
from fedmech import Market, MotsMarket, solve, solve_social_state
from fedmech.solvers import solve as facade
from fedmech.solvers.brute_force import enumerate_best
from fedmech.solvers.certify import fallback, suggest, tree
from fedmech.solvers.certify.fallback import root_proof
from fedmech.solvers.certify.tree import NoCertificateError, prove
from fedmech.solvers.control import Control
from fedmech.solvers.coverage import branch, facility, lazy_greedy
from fedmech.solvers.placement import polymatroid, price_guess
from fedmech.solvers.proofs import disjoint_sets, packing, purse_sets
from fedmech.solvers.proofs import kinds as kinds_proofs
from fedmech.solvers.proofs import tree as tree_proofs
from fedmech.solvers.proofs.proof import check_bound
from fedmech.solvers.separate import (
    columns,
    greedy,
    method,
    multipliers,
    near_sets,
    one_requester,
    packing_kernel,
    pooled_relaxation,
    refill,
    search,
    steps,
    worker_prices,
)
from fedmech.solvers.separate import packing as separate_packing
from fedmech.solvers.sharing import cover as sharing_cover
from fedmech.solvers.sharing import incumbent, relaxation, worth
from fedmech.solvers.sharing import solve as sharing_facade
from kinds import Kinds
from named_values import Constant, named, patched

# ------------------------------------------------------------------ OPT-SEP

SEPARATE: list[Constant] = [
    (search, "FEW_KINDS", ((0, 0), (1, 10**6), (60, 10**6), (10**6, 10), (10**6, 1000), (2**14, 2**27))),
    (search, "MORE_KINDS", ((0, 0), (60, 10**6), (2**18, 2**33))),
    (search, "RESTARTS", (0, 1, 8)),
    (search, "SHORT_SECONDS", (0.0, 2.0)),
    (steps, "COARSE", (0, 1, 32, 10**9)),
    (steps, "SHORT_LISTS", (0, 1, 8, 100, 10**9)),
    (columns, "MASK_WORDS", (1, 8, 64, 2**25)),
    (columns, "PAIRS_AT_ONCE", (1, 7, 8, 9, 1_000_000)),
    (greedy, "LOOKS", (1, 9, 10, 11)),
    (multipliers, "_LIMIT", (0, 2**20, 2**40, 2**61)),
    (near_sets, "FEW_SLOTS", (0, 1, 2, 3, 20)),
    (near_sets, "PRICE_BITS", (1, 12, 40)),
    (near_sets, "STEEPNESS", ((0.0,), (1.0,), (0.0, 0.3, 2.5))),
    (one_requester, "LISTED_SETS", (0, 1, 8, 20_000)),
    (one_requester, "NEAR_SETS", (0, 1, 8, 200_000)),
    (separate_packing, "PLAIN_NODES", (0, 1, 9, 500_000)),
    (separate_packing, "COMPILE_FROM", (1, 4000)),
    (separate_packing, "KERNEL_WORK", (1, 7, 30_000_000)),
    (separate_packing, "COMPILE_SECONDS", (0.0, 1e6)),
    (pooled_relaxation, "SEAT_SECONDS", (0.0, 3.0)),
    (packing_kernel, "WORTH_COUNTING", (0, 1, 8, 10**6)),
    (refill, "FREE_WORKERS", (1, 3, 60)),
    (refill, "ATTEMPTS", (1, 4)),
    (refill, "SECONDS", (0.0, 0.5)),
    (worker_prices, "BITS", (1, 10, 30)),
    (worker_prices, "ROUNDS", (0, 1, 400)),
    (worker_prices, "FEW_SETS", (0, 1, 8, 300_000)),
    (worker_prices, "SET_SECONDS", (0.0, 0.2)),
    (method, "ALWAYS", (0, 10**6)),
    (purse_sets, "MOST_SETS", (1, 4, 2**20)),
    (purse_sets, "MOST_PAIRS", (0, 4, 2**26)),
    (purse_sets, "PAIRS_AT_ONCE", (1, 7, 2**20)),
    (purse_sets, "INT64_SUM", (1, 2**20, 2**62)),
    (disjoint_sets, "MOST_NODES", (0, 1, 2**20)),
    (disjoint_sets, "WORTH_COUNTING", (0, 1, 16)),
    (disjoint_sets, "INT64_SUM", (1, 2**62)),
    (packing, "MOST_SPLITS", (0, 1, 2**12)),
    (kinds_proofs, "MOST_CELLS", (0, 1, 60, 2**17)),
    (kinds_proofs, "MOST_WORK", (0, 60, 2**32)),
]
"""From where nothing of a limit is left to where it is."""

NEVER_OPEN = {
    (search, "FEW_KINDS"), (search, "MORE_KINDS"), (columns, "PAIRS_AT_ONCE"), (greedy, "LOOKS"), (near_sets, "FEW_SLOTS"),
    (multipliers, "_LIMIT"), (packing_kernel, "WORTH_COUNTING"), (separate_packing, "COMPILE_FROM"),
    (separate_packing, "KERNEL_WORK"), (purse_sets, "PAIRS_AT_ONCE"), (purse_sets, "INT64_SUM"),
    (disjoint_sets, "WORTH_COUNTING"), (disjoint_sets, "INT64_SUM"), (method, "ALWAYS"),
}  # fmt: skip
"""Those that choose between two ways to the same end."""


@cache
def separate_case(seed: int) -> tuple[Market, Fraction]:
    """About ten workers of different kinds, two or three requesters whose purses and seats bind, and the optimum."""
    rng = random.Random(seed)
    groups, m = rng.choice([1, 2, 3]), rng.choice([2, 3])
    rows = [(rng.randint(20, 60), rng.randint(5, 30), rng.randrange(groups), rng.choice([1, 1, 2])) for _ in range(6)]
    rows.append((rng.randint(5, 30), rng.randint(1, 9), 0, 3))
    n = sum(row[3] for row in rows)
    budgets = [rng.randint(20, 70) for _ in range(m)]
    caps = [[rng.randint(1, 4) for _ in range(m)] for _ in range(groups)]
    case = Kinds(rows, budgets, caps, [rng.choice([2, 3, n]) for _ in range(m)])
    return case.market(), Fraction(kinds.opt_sep(case))


def compare(market: Market, problem: str, optimum: Fraction) -> bool:
    """Whether the optimum is proved; whatever happens, value and bound enclose it, and no proof is refused."""
    found = solve(market, problem, allow_suboptimal=True)
    assert found.refused is None
    assert found.value is not None
    assert found.bound is not None
    assert found.value <= optimum <= found.bound
    assert found.status != "optimal" or found.value == optimum
    return found.status == "optimal"


@named(SEPARATE)
def test_opt_sep(module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    if module is not kinds_proofs:
        # Counting by kind would be the end of everything.
        for few in ("FEW_KINDS", "MORE_KINDS"):
            monkeypatch.setattr(search, few, (0, 0))
    patched(monkeypatch, module, name, value)
    # What the checker does not take is not to be looked for in other ways for long.
    monkeypatch.setattr(facade, "PROOF_PATIENCE", 20.0 if (module, name) in NEVER_OPEN else 0.2)
    proved = [compare(*separate_case(seed)[:1], "opt-sep", separate_case(seed)[1]) for seed in range(6)]
    assert all(proved) or (module, name) not in NEVER_OPEN


@pytest.mark.parametrize("copies", [19, 20, 21, 63, 64, 65, 150])
def test_opt_sep_with_many_equal_workers(copies: int) -> None:
    """At their real size: the constants as they are."""
    rng = random.Random(copies)
    for _ in range(3):
        rows = [(30, 10, 0, copies), (rng.randint(20, 40), rng.randint(7, 12), 0, 3), (9, 4, 1, copies)]
        caps = [[rng.randint(1, copies), 3, 5], [rng.randint(1, copies), 0, 4]]
        case = Kinds(rows, [rng.randint(1, 10 * copies), 55, 78], caps, [rng.randint(1, 2 * copies), 9, 5])
        assert compare(case.market(), "opt-sep", Fraction(kinds.opt_sep(case)))


# ------------------------------------------------------------------ COVER, ORP, and bounds at hand

COVER: list[Constant] = [
    (facility, "STEP_SECONDS", (0.0, 120.0)),
    (facility, "EXACT_IN_DOUBLE", (1, 20, 2**40)),
    (branch, "ROUNDING_SECONDS", (0.0, 0.1)),
    (lazy_greedy, "LOOKS", (1, 9, 10, 11)),
    (suggest, "MOST_CHOICES", (0, 8, 9, 10, 300_000)),
    (suggest, "PRECISION_BITS", (0, 2, 24)),
    (tree, "MOST_NODES", (1, 3, 50_000)),
    (tree, "ROOT_STATES", (1, 2_000_000)),
    (tree, "NODE_STATES", (1, 5_000)),
    (tree, "NODE_CORE", (0, 8, 9, 10, 60)),
    (tree_proofs, "FEW", (0, 8, 9, 10, 400)),
]


@cache
def covering_case(seed: int) -> tuple[Market, Fraction]:
    rng = np.random.default_rng(seed)
    n = 9
    market = Market.build(
        scores=rng.integers(1, 30, n),
        costs=rng.integers(0, 20, n),
        groups=rng.integers(0, 2, n),
        group_ids=[0, 1],
        budgets=[int(rng.integers(10, 40)), 9],
        caps=[[2, 2], [3, 1]],
        seats=[int(rng.integers(1, 4)), 2],
        coverage=rng.integers(1, 50, (n, 4)) * (rng.random((n, 4)) < 0.5),
    )
    return market, enumerate_best(market, "cover")[0]


@named(COVER)
def test_cover(module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    patched(monkeypatch, module, name, value)
    monkeypatch.setattr(facade, "PROOF_PATIENCE", 1.0)
    assert sum(compare(*covering_case(seed)[:1], "cover", covering_case(seed)[1]) for seed in range(5))


@named([(module, name, values) for module, name, values in COVER if module in (suggest, tree, tree_proofs)])
@pytest.mark.parametrize("problem", ["orp", "opt", "opt-sep", "cover"])
def test_a_proof_that_is_looked_for(
    problem: str, module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is accepted, or there is none; of one unit less there is never one."""
    patched(monkeypatch, module, name, value)
    for seed in range(3):
        market = covering_case(seed)[0]
        optimum = int(enumerate_best(market, problem)[0])
        for bound in (optimum, optimum - 1):
            try:
                proof = prove(market, problem, bound, control=Control.for_seconds(2))
            except NoCertificateError:
                continue
            assert bound == optimum
            check_bound(proof, market)


@pytest.mark.parametrize("offset", [-1, 0, 1], ids=["below", "at", "above"])
@pytest.mark.parametrize("name", ["COMPILE_FROM", "AT_ONCE"])
def test_orp_with_seats(name: str, offset: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(12):
        case = Kinds.of(covering_case(seed)[0])
        patched(monkeypatch, polymatroid, name, max(1, case.n + offset))
        assert compare(case.market(), "orp", Fraction(kinds.orp(case)))


@named(
    [
        (polymatroid, "AT_ONCE", (1, 2, 3, 7, 30_000)),
        (price_guess, "SAMPLE", (1, 2, 8, 9, 10, 4096)),
        (price_guess, "HALVINGS", (0, 1, 24)),
        (fallback, "SCALE_BITS", (0, 4, 30)),
    ]
)
def test_the_bound_at_hand(module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    patched(monkeypatch, module, name, value)
    for seed in range(12):
        market = covering_case(seed)[0]
        for problem in ("orp", "opt", "opt-sep", "cover"):
            proof = root_proof(market, problem)
            check_bound(proof, market)
            assert proof.bound >= enumerate_best(market, problem)[0]
        proof = root_proof(market, "opt-frac")
        check_bound(proof, market)
        relaxed = solve(market, "opt-frac").value
        assert relaxed is not None
        assert proof.bound >= relaxed


# ------------------------------------------------------------------ social states

SHARING: list[Constant] = [
    (sharing_cover, "DIGITS", ((30,), (50,), (50, 200, 800))),
    (sharing_cover, "GUARD", (12, 20, 45)),
    (sharing_cover, "FIRST_LIST", (0, 1, 200)),
    (sharing_cover, "LAST_LIST", (0, 1, 20_000)),
    (sharing_cover, "LEAST_WIDTH", (1, 4, 10**6)),
    (sharing_cover, "MOST_DIGITS", (60, 6_000)),
    (sharing_cover, "MOST_CELLS", (0, 1, 9, 200_000)),
    (incumbent, "MOST_TIES_TOLD_APART", (0, 1, 10_000)),
    (relaxation, "SHAPE_DIGITS", (20, 50)),
    (relaxation, "WIDER", (Decimal("1e-35"), Decimal("1e-3"))),
    (relaxation, "LEAST_DROP", (Decimal(1), Decimal("1e-9"))),
    (relaxation, "MOST_LOOKS", (0, 1, 1_000)),
    (worth, "PRECISIONS", ((20,), (96, 256, 1024))),
    (sharing_facade, "TOLD_APART", (Fraction(1, 10**20), Fraction(1, 10**30))),
]

UTILITIES: list[dict[str, Any]] = [
    {"family": "inverse-gap", "a": 30, "p": 2},
    {"family": "inverse", "a": 30},
    {"family": "linear", "a": 30, "s": 7},
    {"family": "exponential", "a": 30, "s": 7},
]


@cache
def sharing_case(seed: int) -> tuple[MotsMarket, Any]:
    rng = random.Random(seed)
    market = MotsMarket.build(
        sizes=rng.sample(range(2, 30), 3),
        counts=[rng.randint(1, 4) for _ in range(3)],
        costs=[rng.choice([1, "3/2", 2, 5]) for _ in range(3)],
        client_variance="1/50",
        utility=UTILITIES[seed % len(UTILITIES)],
        max_error=rng.choice([None, "1/4", "1/10"]),
    )
    return market, solve_social_state(market, "enumeration")


@named(SHARING)
def test_social_states(module: ModuleType, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [sharing_case(seed) for seed in range(8)]
    patched(monkeypatch, module, name, value)
    proved = 0
    for market, best in expected:
        found = solve_social_state(market)
        assert found.refused is None
        if best.status == "infeasible":
            assert found.status == "infeasible"
            continue
        assert found.welfare is not None
        assert found.bound is not None
        assert found.welfare.low <= best.welfare.high
        assert best.welfare.low <= found.bound
        if found.status == "optimal":
            assert found.welfare.high >= best.welfare.low
            proved += 1
    assert proved or name == "MOST_CELLS"

"""OPT-SEP by prices of single workers, and refilling single requesters: against enumeration."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by
from fedmech import Market, generate_market, solve
from fedmech.solvers.certify.fallback import root_proof
from fedmech.solvers.control import Control
from fedmech.solvers.proofs import disjoint_sets
from fedmech.solvers.separate import one_requester, search
from fedmech.solvers.separate.greedy import repair_and_fill
from fedmech.solvers.separate.instance import SeparateInstance
from fedmech.solvers.separate.one_requester import OneRequester
from fedmech.solvers.separate.packing import workers_in
from fedmech.solvers.separate.refill import refill
from fedmech.solvers.separate.steps import SeparateAnswer, Steps
from fedmech.solvers.separate.worker_prices import (
    find_worker_prices,
    list_priced,
    price_purses,
)
from hypothesis import given, settings
from separate_instances import enumerate_optimum, random_instance

WAYS = {"listed": {}, "grown": {"LISTED_SETS": 0}, "searched": {"LISTED_SETS": 0, "FEW_SLOTS": -1}}
"""The three ways to find best sets of a requester: from a list of all, grown worker by worker, or by another search."""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in WAYS[request.param].items():
        monkeypatch.setattr(one_requester, name, value)
    return request.param


@pytest.mark.usefixtures("way")
@settings(max_examples=some(200))
@given(instance=made_by(random_instance))
def test_worker_prices_and_packing_alone_find_the_optimum(instance: SeparateInstance) -> None:
    optimum = enumerate_optimum(instance)
    alone = Steps(instance, Control())
    alone.prepare()
    alone.find_prices()
    assert alone.answer.value <= optimum <= alone.answer.bound
    alone.answer = SeparateAnswer(np.full(instance.n, -1, dtype=np.int64), 0, alone.answer.bound)
    assert alone.by_prices(10**6, 10**6)
    assert alone.answer.value == optimum


@pytest.mark.usefixtures("way")
@settings(max_examples=some(80))
@given(instance=made_by(random_instance, workers=6), rng=generators)
def test_any_worker_prices_bound_the_optimum_and_list_what_is_near(instance: SeparateInstance, rng: Numbers) -> None:
    if not instance.n:
        return
    start = [Fraction(int(rng.integers(0, 101)) * v, 100) for v in instance.scores.tolist()]
    nobody = np.full(instance.n, -1, dtype=np.int64)
    requesters = list(range(instance.m))
    ones = {j: OneRequester(instance, j, Control()) for j in requesters}
    prices = find_worker_prices(instance, start, nobody, requesters, Control(), 0, ones)
    assert prices is not None
    assert prices.total >= enumerate_optimum(instance) * prices.denominator
    gamma = int(rng.integers(0, 101)) * prices.total // 100
    purses = price_purses(instance, prices, requesters, Control())
    columns, core = list_priced(instance, prices, purses, ones, requesters, gamma, 10**6, Control())
    for j in range(instance.m):
        expected: set[tuple[int, tuple[int, ...]]] = set()
        for flags in itertools.product((False, True), repeat=instance.n):
            members = np.flatnonzero(flags)
            one = np.full(instance.n, -1, dtype=np.int64)
            one[members] = j
            made = prices.denominator * instance.value(one) - sum(prices.price[members].tolist())
            if instance.is_feasible(one):
                assert made <= prices.best[j]
                if prices.best[j] - made <= gamma:
                    expected.add((prices.best[j] - made, tuple(members.tolist())))
        masks = zip(columns[j].loss.tolist(), columns[j].mask, strict=True)
        assert {(loss, tuple(workers_in(mask, core).tolist())) for loss, mask in masks} == expected


@settings(max_examples=some(40))
@given(instance=made_by(random_instance, workers=6))
def test_prices_alone_give_a_feasible_allocation_and_a_bound(instance: SeparateInstance) -> None:
    alone = Steps(instance, Control())
    alone.prepare()
    alone.find_prices()
    assert instance.is_feasible(alone.answer.assignment)
    assert alone.answer.value <= enumerate_optimum(instance) <= alone.answer.bound


def sets_of(rows: np.ndarray, total: np.ndarray, n: int) -> set[tuple[int, tuple[int, ...]]]:
    return {
        (worth, tuple(sorted(i for i in row if i < n)))
        for row, worth in zip(rows.tolist(), total.tolist(), strict=True)
    }


@pytest.mark.parametrize("name", ["LISTED_SETS", "NEAR_SETS", "FEW_SLOTS"])
@pytest.mark.parametrize("size", [0, 3, 10, 10**6])
def test_one_requester_answers_alike_however_it_is_asked(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a list, by growing or by a search: the same best set's worth, and the same sets near it."""
    grown = False

    @settings(max_examples=some(100))
    @given(instance=made_by(random_instance), rng=generators)
    def holds(instance: SeparateInstance, rng: Numbers) -> None:
        for j in range(instance.m):
            monkeypatch.undo()
            listed = OneRequester(instance, j, Control())
            assert listed.sets is not None
            best, members, is_best = listed.best(instance.scores, None, Control())
            assert is_best
            assert sum(instance.scores[members].tolist()) == best
            least = int(rng.integers(0, 101)) * best // 100
            near = listed.near(instance.scores, least, 10**6, Control())
            assert near is not None
            free = rng.random(instance.n) < 0.6
            if name != "LISTED_SETS":
                monkeypatch.setattr(one_requester, "LISTED_SETS", 0)
            monkeypatch.setattr(one_requester, name, size)
            other = OneRequester(instance, j, Control())
            for open_to in (None, free):
                expected, _, _ = listed.best(instance.scores, open_to, Control())
                bound, chosen, sure = other.best(instance.scores, open_to, Control())
                worth = sum(instance.scores[chosen].tolist())
                assert worth <= expected <= bound
                assert sure == (worth == bound)
                assert open_to is None or open_to[chosen].all()
            again = other.near(instance.scores, least, 10**6, Control())
            if again is not None:
                assert sets_of(*again, instance.n) == sets_of(*near, instance.n)
                nonlocal grown
                grown = grown or other.sets is None

    holds()
    assert grown or (name, size) in {("LISTED_SETS", 10**6), ("FEW_SLOTS", 0)}


@settings(max_examples=some(200))
@given(instance=made_by(random_instance, workers=7))
def test_refilling_finds_the_best_set_of_one_requester(instance: SeparateInstance) -> None:
    if instance.seats_bind:
        return
    start = repair_and_fill(instance, np.full(instance.n, -1, dtype=np.int64), Control())
    for j in range(instance.m):
        free = np.flatnonzero(start < 0)
        open_to = np.flatnonzero((start < 0) | (start == j))
        best = instance.value(start)
        for flags in itertools.product((False, True), repeat=open_to.size):
            other = np.where(start == j, -1, start)
            other[open_to[np.array(flags, dtype=bool)]] = j
            if instance.is_feasible(other):
                best = max(best, instance.value(other))
        better = refill(instance, start, j, free, Control())
        assert best == instance.value(start if better is None else better)
        assert better is None or instance.is_feasible(better)


@pytest.mark.parametrize("seed", range(3))
def test_workers_that_one_requester_alone_can_pay_are_no_burden_to_the_proof(seed: int) -> None:
    """What such a worker is worth stays with its requester, which loses it without the worker: few sets are left to list."""
    rng = np.random.default_rng(seed)
    n = 108
    workers: dict[str, Any] = {
        "scores": rng.integers(1, 101, n),
        "costs": rng.integers(4, 101, n),
        "groups": rng.integers(0, 7, n),
    }
    found = solve(Market.build(**workers, budgets=[502, 0, 0], seats=[38, 6, 54]), "opt-sep")
    pooled = solve(Market.build(**workers, budgets=[502], seats=[38]), "opt")
    assert (found.status, found.exactness, found.refused, found.value) == ("optimal", "checked", None, pooled.value)


def test_a_proof_that_is_too_large_for_the_checker_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A larger bound that takes no search is proved in its place; the answer says that the optimum was not."""
    market = generate_market("a", 40, requesters=8, groups=4, seed=3)
    for few in ("FEW_KINDS", "MORE_KINDS"):
        monkeypatch.setattr(search, few, (0, 0))
    best = solve(market, "opt-sep")
    assert best.proof is not None
    assert best.proof.kind == "packing"
    monkeypatch.setattr(disjoint_sets, "MOST_NODES", 0)
    found = solve(market, "opt-sep", allow_suboptimal=True)
    assert (found.status, found.stopped, found.exactness, found.refused) == ("feasible", "unproved", "checked", None)
    assert found.value == best.value
    assert found.value is not None
    assert found.bound is not None
    assert found.value < found.bound <= root_proof(market, "opt-sep").bound

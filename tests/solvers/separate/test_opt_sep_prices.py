"""OPT-SEP by prices of single workers, and refilling single requesters: against enumeration."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from fedmech.solvers.control import Control
from fedmech.solvers.separate import search
from fedmech.solvers.separate.greedy import repair_and_fill
from fedmech.solvers.separate.packing import workers_in
from fedmech.solvers.separate.refill import refill
from fedmech.solvers.separate.search import SeparateAnswer
from fedmech.solvers.separate.worker_prices import find_worker_prices, list_priced, price_purses
from separate_instances import enumerate_optimum, random_instance


@pytest.mark.parametrize("part", range(2))
def test_worker_prices_and_packing_alone_find_the_optimum(part: int) -> None:
    searched = 0
    for seed in range(part * 300, part * 300 + 300):
        instance = random_instance(seed)
        if instance.seats_bind:
            continue
        optimum = enumerate_optimum(instance)
        alone = search._Search(instance, Control())
        alone.prepare()
        alone.find_prices()
        assert alone.answer.value <= optimum <= alone.answer.bound
        alone.answer = SeparateAnswer(np.full(instance.n, -1, dtype=np.int64), 0, alone.answer.bound)
        searched += optimum > 0
        assert alone.by_prices(10**6, 10**6)
        assert alone.answer.value == optimum
    assert searched > 50


def test_any_worker_prices_bound_the_optimum_and_list_what_is_near() -> None:
    for seed in range(150):
        instance = random_instance(seed, workers=6)
        if instance.seats_bind or not instance.n:
            continue
        rng = np.random.default_rng(seed)
        start = [Fraction(int(rng.integers(0, 101)) * v, 100) for v in instance.scores.tolist()]
        nobody = np.full(instance.n, -1, dtype=np.int64)
        prices = find_worker_prices(instance, start, nobody, list(range(instance.m)), Control(), 0)
        assert prices is not None
        assert prices.total >= enumerate_optimum(instance) * prices.denominator
        gamma = int(rng.integers(0, 101)) * prices.total // 100
        requesters = list(range(instance.m))
        purses = price_purses(instance, prices, requesters, Control())
        columns, core = list_priced(instance, prices, purses, requesters, gamma, 10**6, Control())
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


def test_refilling_finds_the_best_set_of_one_requester() -> None:
    improved = 0
    for seed in range(200):
        instance = random_instance(seed, workers=7)
        if instance.seats_bind:
            continue
        start = repair_and_fill(instance, np.full(instance.n, -1, dtype=np.int64))
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
            improved += better is not None
    assert improved > 5

"""Proofs by a staircase of counts: the least bound each checker accepts is the one that listing all counts gives."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import gcd
from typing import Any

import kinds as oracle
import numpy as np
import pytest
from campaign import some
from drawing import Numbers, generators, made_by, reached
from fedmech import Market
from fedmech.solvers.proofs import staircase
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound
from hypothesis import given, settings

CHECKERS = ("reference", "arrays")


def accepted(market: Market, bound: Any, scale: Any = 1, price: Any = 1, problem: str = "opt") -> bool:
    """Whether both checkers accept; they say the same."""
    said = [refusal(market, bound, {"scale": scale, "price": price}, checker, problem) for checker in CHECKERS]
    assert said[0] == said[1]
    return said[0] is None


def refusal(market: Market, bound: Any, body: Any, checker: str | None = None, problem: str = "opt") -> str | None:
    try:
        staircase.check_bound(Proof(problem, "staircase", bound, body), market, lambda: None, checker)
    except ProofError as error:
        return str(error)
    return None


def drawn(rng: Numbers) -> tuple[Market, int, int]:
    """Scores on one to three lines, some worth less than the slope; zeros, ties, dear workers; columns of both types, each for itself."""
    n, scale, price, top = rng.randint(0, 9), rng.randint(1, 3), rng.randint(0, 3), rng.choice([2, 6, 40])
    costs = [scale * rng.randint(0, top) for _ in range(n)]
    offsets = [rng.randint(-2, top) for _ in range(rng.randint(1, 3))]
    scores = [max(1, price * cost // scale + rng.choice(offsets)) for cost in costs]
    up, dear = rng.choice([1, 1, 6, 2**62]), rng.choice([1, 1, 4, 2**62])
    money = rng.choice([0, sum(costs) // 2, rng.randint(0, sum(costs) + 5), max(costs, default=0)]) * dear
    m = rng.randint(1, 3)
    budgets = [money // m + (j < money % m) for j in range(m)]
    if rng.random() < 0.3:
        budgets[0] += rng.randrange(dear)
    return (
        Market.build(
            scores=[v * up for v in scores],
            costs=[c * dear for c in costs],
            groups=[rng.randrange(2) for _ in range(n)],
            group_ids=range(2),
            budgets=budgets,
            caps=[[rng.choice([None, 1, 2])] * m] * 2,
        ),
        scale * dear,
        price * up,
    )


def least_bound(market: Market, scale: int, price: int) -> int | None:
    """The bound by all pairs of counts; None where there are three classes."""
    money = sum(market.scaled.budgets.tolist())
    rows = zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), strict=True)
    rows = [(v, c) for v, c in rows if c <= money]
    if not rows:
        return 0
    unit = gcd(*(c for _, c in rows))
    money = min(money // unit * unit, sum(c for _, c in rows)) if unit else 0
    gains = sorted({scale * v - price * c for v, c in rows if scale * v > price * c})
    if len(gains) > 2:
        return None
    costs = [sorted(c for v, c in rows if scale * v - price * c == gain) for gain in gains] + [[], []]
    gains += [0, 0]
    best = 0
    for one in range(len(costs[0]) + 1):
        for two in range(len(costs[1]) + 1):
            if sum(costs[0][:one]) + sum(costs[1][:two]) <= money:
                best = max(best, one * gains[0] + two * gains[1])
    step = gcd(*(v for v, _ in rows))
    return (price * money + best) // scale // step * step


@settings(max_examples=some(220))
@given(case=made_by(drawn))
def test_the_least_bound_that_is_accepted(case: tuple[Market, int, int]) -> None:
    market, scale, price = case
    for q, p in ((scale, price), (scale, price + 1), (scale + 1, price), (1, 0)):
        least = least_bound(market, q, p)
        if least is None:
            assert not accepted(market, 10**60, q, p)
            continue
        assert accepted(market, least, q, p), (q, p)
        assert accepted(market, least + 1, q, p)
        assert accepted(market, least, q, p, "opt-sep")
        assert not accepted(market, least - 1, q, p), (q, p)


@settings(max_examples=30)
@given(case=made_by(drawn), rng=generators)
def test_nothing_below_the_optimum_is_accepted(case: tuple[Market, int, int], rng: Numbers) -> None:
    market, scale, price = case
    best = oracle.opt(oracle.Kinds.of(market))
    for _ in range(6):
        forged = max(1, scale + rng.randint(-1, 1) * scale // 2), max(0, price + rng.randint(-1, 1))
        for bound in (best - 1, best // 2, -1):
            assert bound == best or not accepted(market, bound, *forged), forged


def test_columns_of_either_type_and_three_classes_are_drawn() -> None:
    cases = made_by(drawn)
    for scores, costs in itertools.product((np.int64, object), repeat=2):
        reached(cases, lambda c: (c[0].scaled.scores.dtype, c[0].scaled.needed_costs.dtype) == (scores, costs))  # noqa: B023
    reached(cases, lambda case: least_bound(*case) is None)


@pytest.mark.parametrize("size", [399, 400, 401])
def test_at_the_number_from_which_arrays_check(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = [1 + i * i % 997 for i in range(size)]
    market = Market.build(scores=[c + 50 + 25 * (c % 2) for c in costs], costs=costs, budgets=[sum(costs) // 2])
    least = least_bound(market, 1, 1)
    assert least is not None
    used = []
    for name in ("by_lists", "by_arrays"):
        honest = getattr(staircase, name)
        monkeypatch.setattr(staircase, name, lambda *given, n=name, f=honest: (used.append(n), f(*given)))
    assert accepted(market, least)
    assert not accepted(market, least - 1)
    used.clear()
    check_bound(Proof("opt", "staircase", least, {"scale": 1, "price": 1}), market)
    assert used == ["by_lists" if size <= 400 else "by_arrays"]


@pytest.mark.parametrize(
    ("bound", "body", "said"),
    [
        (Fraction(9), {"scale": 1, "price": 1}, "integer bound"),
        (99, {"scale": 1}, "and nothing else"),
        (99, {"scale": 1, "price": 1, "cells": []}, "and nothing else"),
        (99, {"scale": True, "price": 1}, "and nothing else"),
        (99, {"scale": 1, "price": 1.0}, "and nothing else"),
        (99, {"scale": 0, "price": 1}, "scale has to be positive"),
        (99, {"scale": -1, "price": 1}, "scale has to be positive"),
        (99, {"scale": 1, "price": -1}, "price not negative"),
        (5, {"scale": 1, "price": 1}, "worth more than the bound"),
        (99, {"scale": 1, "price": 0}, "more than two amounts"),
    ],
)
def test_what_is_no_staircase(bound: Any, body: Any, said: str) -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    assert refusal(market, 10, {"scale": 1, "price": 1}) is None
    for checker in (None, *CHECKERS):
        assert said in (refusal(market, bound, body, checker) or "")


def test_of_which_problems() -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    for problem in ("orp", "cover", "opt-frac"):
        assert "opt or opt-sep" in (refusal(market, 99, {"scale": 1, "price": 1}, None, problem) or "")
    unpaid = Market.build(scores=[3, 4, 6], bids=[2, 3, 4], budgets=[7])
    assert "with costs" in (refusal(unpaid, 99, {"scale": 1, "price": 1}) or "")


def test_the_clock_is_looked_at() -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    for checker, times in zip(CHECKERS, (1, 4), strict=True):
        looks: list[int] = []
        proof = Proof("opt", "staircase", 10, {"scale": 1, "price": 1})
        staircase.check_bound(proof, market, lambda looks=looks: looks.append(1), checker)
        assert len(looks) == times


def test_many_amounts_are_refused_at_the_third() -> None:
    market = Market.build(scores=[2 * c + c * c for c in range(1, 40)], costs=range(1, 40), budgets=[99])
    looks: list[int] = []
    with pytest.raises(ProofError, match="two amounts"):
        staircase.by_arrays(market, 10**9, 1, 1, lambda: looks.append(1))
    assert len(looks) == 1 + 3

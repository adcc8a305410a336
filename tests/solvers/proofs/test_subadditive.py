"""Proofs by a subadditive function: whatever function it is, a bound is accepted if and only if no set is worth more."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil, floor, gcd
from typing import Any

import kinds as oracle
import numpy as np
import pytest
from campaign import some
from drawing import Numbers, made_by
from fedmech import Market
from fedmech.solvers.proofs import subadditive
from fedmech.solvers.proofs.proof import Proof, ProofError, ProofTooLarge, check_bound
from hypothesis import given, settings

CHECKERS = ("reference", "arrays")
Body = dict[str, Any]


def refusal(market: Market, bound: Any, body: Any, checker: str | None = None, problem: str = "opt") -> str | None:
    try:
        subadditive.check_bound(Proof(problem, "subadditive", bound, body), market, lambda: None, checker)
    except ProofError as error:
        return str(error)
    return None


def accepted(market: Market, bound: Any, body: Body, problem: str = "opt") -> bool:
    """Whether both checkers accept; they say the same."""
    said = [refusal(market, bound, body, checker, problem) for checker in CHECKERS]
    assert said[0] == said[1]
    return said[0] is None


def closed(values: list[int]) -> list[int]:
    """The largest subadditive function on a circle below the values."""
    size, values = len(values), [0, *values[1:]]
    for _ in range(size):
        values = [min(values[k] + values[(j - k) % size] for k in range(size)) for j in range(size)]
    return values


def drawn(rng: Numbers) -> tuple[Market, Body, int]:
    """A market, a body with a function that is above many losses or below them, and what the scores are multiples of."""
    n, top = rng.randint(0, 9), rng.choice([3, 9, 60])
    costs, scores = ([rng.randint(low, top) for _ in range(n)] for low in (0, 1))
    up, dear = rng.choice([1, 1, 6, 2**62]), rng.choice([1, 1, 4, 2**62])
    money = rng.choice([0, sum(costs) // 2, rng.randint(0, sum(costs) + 5)]) * dear
    m = rng.randint(1, 2)
    market = Market.build(
        scores=[v * up for v in scores],
        costs=[c * dear for c in costs],
        groups=[rng.randrange(2) for _ in range(n)],
        group_ids=range(2),
        budgets=[money // m + (j < money % m) for j in range(m)],
        caps=[[None] * m] * 2,
    )
    scale, price = (
        (costs[0] * dear, scores[0] * up) if n and costs[0] else (rng.randint(1, 3) * dear, rng.randint(0, 3) * up)
    )
    modulus = rng.choice([scale, rng.randint(2, 9) * dear, rng.randint(2, 9)])
    size = rng.randint(2, 6)
    if modulus < 2:
        modulus = 2
    size = min(size, modulus)
    most = rng.choice([1, price * modulus // size, 3 * price * modulus])
    values = closed([rng.randint(0, max(1, most)) for _ in range(size)])
    if values[1] * size > price * modulus:
        values = closed([min(v, k * (price * modulus // size)) for k, v in enumerate(values)])
    return market, {"scale": scale, "price": price, "modulus": modulus, "values": values}, up


@settings(max_examples=some(220))
@given(case=made_by(drawn))
def test_accepted_if_and_only_if_nothing_is_better(case: tuple[Market, Body, int]) -> None:
    market, body, up = case
    best = oracle.opt(oracle.Kinds.of(market))
    for bound in (best, best + 1, best + up):
        assert accepted(market, bound, body), bound - best
        assert accepted(market, bound, body, "opt-sep")
    for bound in (best - up, best - 1, best // 2 - 1, -1):
        assert not accepted(market, bound, body), bound - best


def drawn_through(body: Body, money: int) -> Fraction:
    values, size = body["values"], len(body["values"])
    at = Fraction(money % body["modulus"] * size, body["modulus"])
    k = floor(at)
    return values[k] + (at - k) * (values[(k + 1) % size] - values[k])


def test_what_is_fixed_is_what_the_formulas_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gap, excess, money left, and who is listed, against the formulas in fractions."""
    seen: list[tuple] = []
    monkeypatch.setattr(subadditive, "refuse_reached", lambda *given: seen.append(given[:-1]))

    @settings(max_examples=some(250))
    @given(case=made_by(drawn))
    def holds(case: tuple[Market, Body, int]) -> None:
        market, body, _ = case
        scale, price = body["scale"], body["price"]
        money = sum(market.scaled.budgets.tolist())
        rows = list(zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), strict=True))
        rows = [(v, c) for v, c in rows if c <= money]
        base = [scale * v > price * c for v, c in rows]
        taken = [-c if inside else c for (_, c), inside in zip(rows, base, strict=True)]
        loss = [abs(scale * v - price * c) for v, c in rows]
        left = money - sum(c for (_, c), inside in zip(rows, base, strict=True) if inside)
        unit = oracle.opt(oracle.Kinds.of(market)) if not rows else 0
        assert unit == 0
        bound = sum(v for v, _ in rows) // 2
        goal = bound + 1
        while rows and goal % gcd(*(v for v, _ in rows)):
            goal += 1
            if goal > bound + 10**4:
                goal = (bound // rows[0][0] + 1) * rows[0][0]
        if len({v for v, _ in rows}) > 1 and max(v for v, _ in rows) > 10**6:
            return
        gap = scale * (sum(v for (v, _), inside in zip(rows, base, strict=True) if inside) - goal) + price * left
        excess = sum(max(0, ceil(drawn_through(body, t)) - l) for t, l in zip(taken, loss, strict=True))
        flips = [
            (t, l) for t, l in zip(taken, loss, strict=True) if l + floor(drawn_through(body, left - t)) - excess <= gap
        ]
        for checker in CHECKERS:
            seen.clear()
            assert refusal(market, bound, body, checker) is None
            own, *rest = seen[0]
            assert sorted(own) == sorted(flips)
            assert (rest[0], rest[1], rest[2], rest[4]) == (left, gap, price, excess)

    holds()


def test_a_list_of_flips() -> None:
    """States that take more and lose no less go; of two that take the same, the one that loses less stays."""
    assert subadditive.needed([(3, 9), (0, 0), (1, 2), (3, 5), (2, 1)], 1) == [(0, 0), (2, 1)]
    assert subadditive.needed([(3, 9), (0, 0), (1, 2), (3, 5)], 2) == [(0, 0), (3, 5)]
    assert subadditive.needed([(1, 2), (0, 0)], 2) == [(0, 0)]
    assert subadditive.needed([(1, 1), (0, 0)], 2) == [(0, 0), (1, 1)]


GOOD: Body = {"scale": 2, "price": 3, "modulus": 4, "values": [0, 3, 2]}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"values": [0, 3, 2], "cells": []}, "a list of values"),
        ({"values": (0, 3, 2)}, "a list of values"),
        ({"values": [0, 3, 2.0]}, "not the right integer"),
        ({"values": [0, 3, True]}, "not the right integer"),
        ({"values": [0, 3, -1]}, "not the right integer"),
        ({"scale": 0}, "not the right integer"),
        ({"scale": -1}, "not the right integer"),
        ({"price": -1}, "not the right integer"),
        ({"modulus": 4.0}, "not the right integer"),
        ({"values": [0]}, "from 2 to as many"),
        ({"values": [0, 1, 1, 1, 1]}, "from 2 to as many"),
        ({"values": [1, 3, 2]}, "begin with 0"),
        ({"values": [0, 5, 3]}, "rise no faster"),
        ({"values": [0, 1, 3]}, "not subadditive"),
        ({"values": [0, 4, 1]}, "not subadditive"),
    ],
)
def test_what_is_no_such_function(changed: Body, said: str) -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    assert accepted(market, 10, GOOD)
    assert accepted(market, 10, GOOD | {"values": [0, 4, 2]})
    assert not accepted(market, 9, GOOD)
    for checker in (None, *CHECKERS):
        assert said in (refusal(market, 10, GOOD | changed, checker) or "")


def test_of_which_problems() -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    for problem in ("orp", "cover", "opt-frac"):
        assert "opt or opt-sep" in (refusal(market, 99, GOOD, None, problem) or "")
    assert "integer bound" in (refusal(market, Fraction(99), GOOD) or "")
    unpaid = Market.build(scores=[3, 4, 6], bids=[2, 3, 4], budgets=[7])
    assert "with costs" in (refusal(unpaid, 99, GOOD) or "")


@pytest.mark.parametrize(("size", "takes"), [(4095, True), (4096, True), (4097, False)])
def test_how_many_values(size: int, takes: bool) -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    said = refusal(market, 10, GOOD | {"modulus": 5000, "values": [0] * size}, "arrays")
    assert said is None if takes else "from 2 to as many" in (said or "")


@pytest.mark.parametrize("size", [399, 400, 401])
def test_from_where_on_arrays_check(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = [5 + i if i < 9 else 41 + i * i % 97 for i in range(size)]
    scores = [c * c // 7 + 1 for c in costs]
    market = Market.build(scores=scores, costs=costs, budgets=[40])
    # The others cost more than there is.
    best = oracle.opt(oracle.Kinds.of(Market.build(scores=scores[:9], costs=costs[:9], budgets=[40])))
    used = []
    for name in ("by_lists", "by_arrays"):
        honest = getattr(subadditive, name)
        monkeypatch.setattr(subadditive, name, lambda *given, n=name, f=honest: (used.append(n), f(*given)))
    body = {"scale": 36, "price": 186, "modulus": 36, "values": [0, 1, 1]}
    assert accepted(market, best, body)
    assert not accepted(market, best - 1, body)
    used.clear()
    check_bound(Proof("opt", "subadditive", best, body), market)
    assert used == ["by_lists" if size <= 400 else "by_arrays"]


def test_a_list_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long list is refused, and nothing is said about the bound."""
    market = Market.build(scores=[c + 1 for c in range(20, 32)], costs=range(20, 32), budgets=[120])
    body = {"scale": 1, "price": 1, "modulus": 2, "values": [0, 0]}
    best = oracle.opt(oracle.Kinds.of(market))
    assert accepted(market, best, body)
    listed: list[int] = []
    honest = subadditive.needed
    monkeypatch.setattr(subadditive, "needed", lambda *given: listed.append(0) or honest(*given))
    assert accepted(market, best, body)
    assert listed
    for most, fails in ((0, True), (10, True), (10**6, False)):
        monkeypatch.setattr(subadditive, "MOST_LISTED", most)
        for checker in CHECKERS:
            proof = Proof("opt", "subadditive", best, body)
            if fails:
                with pytest.raises(ProofTooLarge):
                    subadditive.check_bound(proof, market, lambda: None, checker)
            else:
                subadditive.check_bound(proof, market, lambda: None, checker)


def test_states_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: one worker at the price of money, hired or not, which makes two states."""
    market = Market.build(scores=[4], costs=[3], budgets=[3])
    body = {"scale": 3, "price": 4, "modulus": 3, "values": [0, 0]}
    for most, said in ((1, "too long"), (2, "worth more")):
        monkeypatch.setattr(subadditive, "MOST_LISTED", most)
        for checker in CHECKERS:
            assert said in (refusal(market, 3, body, checker) or "")


@pytest.mark.parametrize("modulus", [2**61, 2**62 - 1, 2**62, 2**63, 2**70])
def test_a_modulus_beyond_the_columns(modulus: int) -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    for values in ([0, 3, 2], [0, modulus // 3, modulus // 5]):
        assert accepted(market, 10, GOOD | {"modulus": modulus, "values": values})
        assert not accepted(market, 9, GOOD | {"modulus": modulus, "values": values})


@pytest.mark.parametrize("word", [1, 60, 10**4, 2**62])
def test_products_of_any_size(word: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subadditive, "WORD", word)

    @settings(max_examples=60)
    @given(case=made_by(drawn))
    def holds(case: tuple[Market, Body, int]) -> None:
        market, body, up = case
        best = oracle.opt(oracle.Kinds.of(market))
        assert accepted(market, best, body)
        assert not accepted(market, best - up, body)

    holds()


def test_the_clock_is_looked_at() -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[7])
    looks: Counter[str] = Counter()
    for checker in CHECKERS:
        proof = Proof("opt", "subadditive", 10, GOOD)
        subadditive.check_bound(proof, market, lambda checker=checker: looks.update([checker]), checker)
    listed = looks["reference"] - 3 - 1
    assert listed >= 0
    assert looks["arrays"] == 3 + 3 + listed
    # For each value, some along the way, and for who is listed: by hand, one.
    one = Market.build(scores=[4], costs=[3], budgets=[3])
    body = {"scale": 3, "price": 4, "modulus": 3, "values": [0, 0]}
    for checker, times in zip(CHECKERS, (2 + 1 + 1, 2 + 3 + 1), strict=True):
        looks.clear()
        with pytest.raises(ProofError):
            subadditive.check_bound(Proof("opt", "subadditive", 3, body), one, lambda: looks.update("x"), checker)
        assert looks["x"] == times


@pytest.mark.parametrize("modulus", [2**61, 2**62, 2**63, 2**71])
@pytest.mark.parametrize("budget", [9, 2**61, 2**62, 2**63, 2**70])
def test_more_money_than_the_columns_hold(budget: int, modulus: int) -> None:
    market = Market.build(scores=[3, 4, 6], costs=[2, 3, 4], budgets=[budget])
    body = {"scale": 1, "price": 0, "modulus": modulus, "values": [0, 0]}
    assert accepted(market, 13, body)
    assert not accepted(market, 12, body)


@pytest.mark.parametrize("modulus", [7, 2**31, 2**40, 2**59, 2**60, 2**61, 2**62, 2**63, 2**70])
@pytest.mark.parametrize("top", [1, 2**22, 2**31, 2**40, 2**61, 2**62, 2**70])
def test_the_function_of_many_amounts_is_that_of_each(modulus: int, top: int) -> None:
    """Values and modulus short and long, each by itself; amounts below 0, at what is drawn through, and beyond."""
    function = subadditive.Residues(modulus, [0, top, top // 2])
    amounts = [-(2**61), -3, 0, 1, modulus // 3, modulus // 3 + 1, modulus - 1, 2**61]
    for column in (np.array([x for x in amounts if x < 2**62]), np.array(amounts, dtype=object)):
        right = [function.times_modulus(int(x)) for x in column]
        assert function.all_times_modulus(column).tolist() == right

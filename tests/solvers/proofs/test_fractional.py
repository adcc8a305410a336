"""Proofs of OPT-FRAC: every optimum has one, over arrays and one by one alike, and what is changed proves no less than is true."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fedmech import Market, Proof, ProofError, check, solve
from fedmech.solvers.proofs.fractional import dearest_first, margins
from fedmech.solvers.proofs.proof import check_bound
from hypothesis import given
from hypothesis import strategies as st
from strategies import markets


@given(markets(), st.randoms(use_true_random=False))
def test_optima_are_proved_and_forgeries_are_not(market: Market, draw: random.Random) -> None:
    best = solve(market, "opt-frac")
    assert best.exactness == "checked"
    proof = best.proof
    assert proof is not None
    assert check(proof, market) == best.value
    with pytest.raises(ProofError):
        check(replace(proof, bound=proof.bound - Fraction(1, 10**9)), market)
    body: dict[str, Any] = dict(proof.body)
    body |= {
        "scale": draw.randint(1, 5),
        "money": draw.randint(0, 5),
        "places": [draw.randint(0, 9) for _ in body["places"]],
    }
    for bound in (proof.bound, proof.bound - Fraction(1, 7)):
        try:
            check(replace(proof, bound=bound, body=body), market)
        except ProofError:
            continue
        # Other multipliers may prove the same; none proves what is false.
        assert bound >= proof.bound


@pytest.mark.parametrize("top", [1, 2**20, 2**31, 2**53, 2**61, 2**62, 2**80])
@pytest.mark.parametrize("kind", ["both", "scores", "costs"])
def test_margins_over_arrays_and_one_by_one(top: int, kind: str) -> None:
    draw = random.Random(top)
    n, scale, money = 40, draw.randint(1, 4), draw.randint(0, 4)
    scores = [draw.randint(max(1, top - 3), top) if kind != "costs" else draw.randint(1, 9) for _ in range(n)]
    costs = [draw.randint(max(0, top - 3), top) if kind != "scores" else draw.randint(0, 9) for _ in range(n)]
    groups = [draw.randrange(3) for _ in range(n)]
    market = Market.build(scores=scores, costs=costs, groups=groups, group_ids=[0, 1, 2], budgets=[1])
    places = [draw.randint(0, top) for _ in range(3)]
    one_by_one = sum(max(0, scale * v - money * c - places[g]) for v, c, g in zip(scores, costs, groups, strict=True))
    assert margins(market, scale, money, places) == one_by_one


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scale": 0, "money": 1, "places": [1]},
        {"scale": -1, "money": 1, "places": [1]},
        {"scale": 1.0, "money": 1, "places": [1]},
        {"scale": True, "money": 1, "places": [1]},
        {"scale": np.int64(1), "money": 1, "places": [1]},
        {"scale": 1, "money": -1, "places": [1]},
        {"scale": 1, "money": 1, "places": [-1]},
        {"scale": 1, "money": 1, "places": []},
        {"scale": 1, "money": 1, "places": (1,)},
        {"scale": 1, "money": 1, "places": [1], "more": 1},
    ],
)
def test_what_is_no_proof(body: dict[str, Any]) -> None:
    market = Market.build(scores=[1], costs=[1], budgets=[1])
    with pytest.raises(ProofError):
        check(Proof("opt-frac", "fractional", Fraction(100), body), market)
    with pytest.raises(ProofError):
        check(Proof("opt", "fractional", Fraction(100), {"scale": 1, "money": 1, "places": [1]}), market)


@pytest.mark.parametrize("scale", [1, 2**20, 2**58, 2**60, 2**61, 2**62, 2**63, 2**70])
def test_margins_of_every_size(scale: int) -> None:
    """Sums of margins in Python integers and over arrays, whatever of scores, costs and places is the largest."""
    market = Market.build(scores=[1, 5, 7, 2], costs=[3, 0, 9, 1], groups=[0, 1, 1, 0], group_ids=[0, 1], budgets=[9])
    rows = list(zip([1, 5, 7, 2], [3, 0, 9, 1], [0, 1, 1, 0], strict=True))
    for money in (0, 1, scale, 2 * scale):
        for places in ([0, 0], [0, 3], [scale, 0], [3 * scale, 2 * scale]):
            right = sum(max(0, scale * v - money * c - places[g]) for v, c, g in rows)
            assert margins(market, scale, money, places) == right


def test_margins_are_the_same_in_words_and_in_integers() -> None:
    """Below and beyond 62 bits by score, money or place alone, with sums far beyond a word."""
    rng = random.Random(4)
    for bits, which in itertools.product((1, 40, 52, 54, 57, 60, 62, 63, 80), range(3)):
        n, groups = 24, [rng.randrange(2) for _ in range(24)]
        scores, costs = [rng.randint(1, 999) for _ in range(n)], [rng.randint(0, 999) for _ in range(n)]
        market = Market.build(scores=scores, costs=costs, budgets=[5], groups=groups, group_ids=range(2))
        for low in (0, 1):
            numbers = [rng.getrandbits(bits - 1) | 1 << (bits - 1) if at == which else low for at in range(4)]
            scale, money, *places = (numbers[0], numbers[1], numbers[2], numbers[3])
            literal = sum(
                max(0, scale * v - money * c - places[g]) for v, c, g in zip(scores, costs, groups, strict=True)
            )
            assert margins(market, scale, money, places) == literal
    full = Market.build(scores=[1] * 24, costs=[0] * 24, budgets=[5])
    for scale in (2**62 - 1, 2**62, 2**63 - 1):
        assert margins(full, scale, 0, [0]) == 24 * scale
    nobody = Market.build(scores=[], costs=[], budgets=[5])
    assert margins(nobody, 3, 4, [0] * nobody.L) == 0


def test_a_requester_is_filled_with_its_dearest_groups() -> None:
    assert dearest_first([1, 5, 3], [4, 1, 2], 2) == 8
    assert dearest_first([1, 5, 3], [4, 1, 2], 5) == 13
    assert dearest_first([1, 5, 3], [4, 1, 2], 9) == 15
    assert dearest_first([1, 5], [4, 1], 0) == dearest_first([], [], 3) == 0


def test_what_multipliers_prove_and_no_less() -> None:
    market = Market.build(
        scores=[3, 2], costs=[2, 2], budgets=[2, 1], groups=["a", "b"], seats=[1, 2], caps=[[1, 1], [1, 1]]
    )
    for body, right in (
        ({"scale": 1, "money": 1, "places": [0, 0]}, Fraction(3 + 1 + 0)),
        ({"scale": 2, "money": 2, "places": [0, 0]}, Fraction(6 + 2 + 0, 2)),
        ({"scale": 2, "money": 3, "places": [0, 0]}, Fraction(9, 2)),
        ({"scale": 3, "money": 0, "places": [1, 2]}, Fraction(sum((2, 2 + 1, 8, 4)), 3)),
        ({"scale": 1, "money": 0, "places": [0, 0]}, Fraction(5)),
    ):
        check_bound(Proof("opt-frac", "fractional", right, body), market)
        with pytest.raises(ProofError, match="prove less"):
            check_bound(Proof("opt-frac", "fractional", right - Fraction(1, 10**9), body), market)
    best = {"scale": 1, "money": 1, "places": [0, 0]}
    for change, why in (
        ({"scale": 0}, "scale has to be"),
        ({"scale": True}, "scale has to be"),
        ({"money": -1}, "scale has to be"),
        ({"money": None}, "scale has to be"),
        ({"places": [0]}, "places has to be"),
        ({"places": (0, 0)}, "places has to be"),
        ({"places": [0, -1]}, "places has to be"),
        ({"places": [0, False]}, "places has to be"),
        ({"more": 1}, "is for opt-frac"),
    ):
        with pytest.raises(ProofError, match=why):
            check_bound(Proof("opt-frac", "fractional", 9, {**best, **change}), market)
    for problem, other in (("opt", market), ("opt-frac", Market.build(scores=[3], bids=[2], budgets=[2]))):
        with pytest.raises(ProofError, match="is for opt-frac"):
            check_bound(Proof(problem, "fractional", 9, best), other)


@pytest.mark.parametrize("money", [2**61, 2**62, 2**63 - 1, 2**63, 2**64, 2**200])
def test_prices_beyond_a_word_of_workers_who_cost_nothing(money: int) -> None:
    market = Market.build(scores=[3, 2], costs=[0, 0], budgets=[0])
    proof = Proof("opt-frac", "fractional", Fraction(5), {"scale": 1, "money": money, "places": [0]})
    assert check(proof, market) == 5
    with pytest.raises(ProofError, match="prove less"):
        check(replace(proof, bound=Fraction(49, 10)), market)

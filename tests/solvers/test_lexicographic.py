"""Of the best the cheapest: against every assignment there is, and with integers beyond the machine's."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from fractions import Fraction

import fedmech as fm
import numpy as np
import pytest
from fedmech.cli import app
from fedmech.solvers import lexicographic
from fedmech.solvers.feasibility import objective_value, violation
from fedmech.solvers.lexicographic import solve_cheapest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import markets
from typer.testing import CliRunner


def by_hand(market: fm.Market, problem: str) -> tuple[Fraction, Fraction]:
    """Greatest score, and least cost of it, by looking at everything."""
    found = []
    for places in itertools.product(range(-1, market.m), repeat=market.n):
        assignment = np.array(places, dtype=np.int64)
        if violation(market, problem, assignment) is None:
            cost = sum((market.cost(i) for i in range(market.n) if places[i] >= 0), Fraction(0))
            found.append((objective_value(market, problem, assignment), -cost))
    score, cost = max(found)
    return score, -cost


@settings(max_examples=40)
@given(markets(max_workers=5, max_requesters=2), st.sampled_from(["opt", "orp", "opt-sep"]))
def test_the_cheapest_of_the_best(market: fm.Market, problem: str) -> None:
    found = solve_cheapest(market, problem)
    assert (found.solution.value, found.cost) == by_hand(market, problem)
    assert found.proved
    assert found.least == found.cost
    assert found.solution.assignment is not None
    assert violation(market, problem, found.solution.assignment) is None
    assert "costs less" in str(found)


@pytest.mark.parametrize("unit", [1, 10**6, 10**15, 10**40])
def test_ties_are_broken_by_cost_at_every_size_of_number(unit: int) -> None:
    market = fm.Market.build(
        scores=[2 * unit, 2 * unit, unit], costs=[3 * unit, 2 * unit, unit], groups=[*"aab"], budgets=[4 * unit]
    )
    found = solve_cheapest(market)
    # a third of the score each: the cheap one of the two, and the third beside it.
    assert (found.solution.value, found.cost, found.least) == (3 * unit, 3 * unit, 3 * unit)
    assert found.solution.hired == ["w2", "w3"]


def test_what_is_not_proved_is_not_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    market = fm.Market.build(scores=[1, 1], costs=[2, 1], budgets=[2])
    late = solve_cheapest(market, time_limit=0)
    assert late.proved == (late.cost == 1 and late.least == 1 and late.second.status == "optimal")
    unchecked = solve_cheapest(market, check=False)
    assert unchecked.cost == 1
    assert unchecked.complete
    assert not unchecked.proved
    monkeypatch.setattr(
        lexicographic, "solve", lambda *args, **rest: replace(fm.solve(*args, **rest), exactness="solver")
    )
    claimed = solve_cheapest(market)
    assert (claimed.complete, claimed.proved) == (True, False)
    for problem in ("cover", "opt-frac"):
        with pytest.raises(fm.InputError, match="cheapest"):
            solve_cheapest(market, problem)
    with pytest.raises(fm.InputError, match="cost"):
        solve_cheapest(fm.Market.build(scores=[1], bids=[1], budgets=[2]))


def test_the_command() -> None:
    done = CliRunner().invoke(app, ["solve", "--then", "cheapest", "--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["objective"] == pytest.approx(35.175223)
    assert document["then"]["cost"] == document["then"]["least"] <= 65
    assert document["then"]["proved"] is True
    assert "then cheapest" in CliRunner().invoke(app, ["solve", "--then", "cheapest"]).stdout
    for words in (
        ["--then", "dearest"],
        ["--then", "cheapest", "--explain"],
        ["--then", "cheapest", "--problem", "cover"],
    ):
        refused = CliRunner().invoke(app, ["solve", *words])
        assert refused.exit_code == 2
        assert refused.output.count("\n") == 1

"""Registered mechanisms of sharing markets: what they lead to, told a second time client by client."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction as F
from typing import Any, cast

import fedmech as fm
import pytest
from fedmech.cli import app
from fedmech.fl.sharing.swan import NoTarget
from fedmech.models.sharing.market import MotsMarket
from hypothesis import given, settings
from mots_strategies import sharing_markets
from typer.testing import CliRunner

NAMES = {"dynamic", "fl-only", "modified-fl", "pivotal", "single-peaked", "swan"}
LINEAR = {"family": "linear", "a": 1, "s": 1}
BUILD = {"sizes": [10, 20], "counts": [2, 1], "costs": ["1/20", "1/4"], "utility": LINEAR}
MARKET = fm.SharingMarket.build(**BUILD)


def fedmech(*words: str):
    return CliRunner().invoke(app, list(words))


pytestmark = pytest.mark.usefixtures("nothing_stays_registered")


def test_every_registered_mechanism_is_compared() -> None:
    assert {entry.name for entry in fm.mechanisms("sharing")} == NAMES
    both = {entry.name for wing in ("procurement", "sharing") for entry in fm.mechanisms(wing)}
    assert both == {entry.name for entry in fm.mechanisms()}


@pytest.mark.parametrize("name", sorted(NAMES))
@settings(max_examples=8)
@given(market=sharing_markets({"family": "inverse", "a": "7/3"}))
def test_money_and_welfare_client_by_client(name: str, market: MotsMarket) -> None:
    try:
        found = fm.run(market, name)
    except NoTarget:
        return
    everybody, paid, welfare = name != "fl-only", F(0), F(0)
    value = market.utility.exact(found.error) if found.error is not None else F(0)
    for entry, k, reward in zip(market.types, found.state, found.rewards, strict=True):
        for client in range(entry.count):
            trains = client < k
            if trains:
                paid += reward
                welfare += value - entry.cost
            elif found.price is not None:
                paid -= found.price
            if not trains and everybody and found.error is not None:
                welfare += value
    assert found.incentive_cost == paid
    assert found.welfare == welfare
    assert (found.mechanism, sum(found.participants.values())) == (name, sum(found.state))
    if name in ("swan", "single-peaked"):
        states = itertools.product(*(range(n + 1) for n in market.counts))
        assert found.welfare == max(market.welfare(k) for k in states if market.meets_requirement(k))
        ends = {value - entry.cost + reward for entry, reward in zip(market.types, found.rewards, strict=True)}
        assert ends == {value - (found.price or 0)}


def test_a_mechanism_of_ones_own() -> None:
    @fm.mechanism("everybody", market="sharing")
    def everybody(market, most=3):
        return fm.extend.sharing_outcome(
            market, [min(n, int(most)) for n in market.counts], rewards=[1] * market.type_count
        )

    found = fm.run(MARKET, "everybody", most="1")
    assert (found.state, found.incentive_cost, found.price) == ((1, 1), 2, None)
    assert fm.run(MARKET, everybody).participants == {"t1": 2, "t2": 1}
    assert fm.run(MARKET, lambda market: fm.extend.sharing_outcome(market, (0, 0))).error is None
    assert found.frame().participants.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda market: 3, "returned int"),
        (lambda market: fm.extend.sharing_outcome(market, (3, 0)), r"state \(3, 0\)"),
        (lambda market: fm.extend.sharing_outcome(market, (1,)), r"state \(1,\)"),
        (lambda market: fm.extend.sharing_outcome(market, (True, 0)), r"state \(True, 0\)"),
        (lambda market: fm.extend.sharing_outcome(market, (1, 0), cast(Any, 0.5)), "0.5"),
        (lambda market: fm.extend.sharing_outcome(market, (1, 0), 1, [1]), "a Fraction for each type"),
        (lambda market: 1 / 0, "failed: ZeroDivisionError"),
    ],
)
def test_what_it_must_not_return_is_said(wrong, says: str) -> None:
    with pytest.raises(fm.InputError, match=says):
        fm.run(MARKET, wrong)


def test_the_wings_are_told_apart() -> None:
    market = fm.Market.build(bids=[1], scores=[1], budgets=[1])
    with pytest.raises(fm.InputError, match="mechanism of sharing markets"):
        fm.run(market, "swan")
    with pytest.raises(fm.InputError, match="mechanism of procurement markets"):
        fm.run(MARKET, "vcg")
    with pytest.raises(fm.InputError, match="one for each of 2 types, got 3"):
        fm.run(MARKET, "modified-fl", rewards="1,2,3")
    assert fm.run(MARKET, "modified-fl", rewards="1").rewards == (1, 1)


def test_the_command(tmp_path) -> None:
    file = tmp_path / "m.mots.json"
    fm.write_mots(MARKET, file)
    done = fedmech("run", str(file), "--json")
    assert done.exit_code == 0
    shown, found = json.loads(done.stdout), fm.run(MARKET)
    assert shown["mechanism"] == "swan"
    assert shown["state"] == found.participants
    assert shown["welfare_exact"] == fm.extend.format_exact(found.welfare)
    assert fedmech("run", str(file), "--mechanism", "vcg").exit_code == 2
    assert "incentive cost" in fedmech("run", str(file), "--mechanism", "dynamic").stdout
    fm.write_mots(fm.SharingMarket.build(**BUILD, max_error="1/1000000"), file)
    assert fedmech("run", str(file)).exit_code == 3

"""SWAN's observations: witnesses re-check and are minimal, the figures agree with literal code, broken rules are caught."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from fedmech.fl.sharing import comparators as rivals
from fedmech.fl.sharing import figures, market_sweeps
from fedmech.fl.sharing.interface import SharingOutcome
from fedmech.fl.sharing.swan import Swan, swan
from fedmech.models.sharing.error_model import DerivationError
from fedmech.models.sharing.market import FORMAT, MotsMarket
from fedmech.verification.claims.swan import observations
from fedmech.verification.claims.swan import observations_frameworks as frameworks
from fedmech.verification.ledger import claims
from fedmech.verification.literal.sharing import LiteralMots, LiteralRivals
from fedmech.verification.search import observation_markets as markets
from fedmech.verification.search.sharing_box import states

LINEAR = {"family": "linear", "a": 4, "s": 1}


def written(rows: list[tuple[int, int, Any]], utility: dict, **rest: Any) -> dict[str, Any]:
    types = [{"id": f"t{i}", "size": D, "count": n, "cost": c} for i, (D, n, c) in enumerate(rows)]
    return {"format": FORMAT, "data_variance": 1, "client_variance": 0, "types": types, "utility": utility, **rest}


WITNESSES = {
    "S-O2": written([(3, 1, 0), (6, 1, 0)], LINEAR),
    "S-O3": written([(1, 1, 1), (2, 1, 5)], LINEAR),
    "S-O4": written([(1, 1, 0), (2, 1, 9)], {"family": "linear", "a": 12, "s": 10}, client_variance="1/8"),
    "S-O5": written([(1, 2, "1/4")], LINEAR),
    "S-O6": written([(1, 2, 3), (2, 1, 3)], {"expression": "1 + 1/eps"}, max_error="3/8"),
}
FALLS = written([(1, 1, 0), (2, 2, 1)], LINEAR)


def recheck(name: str) -> Callable[[dict], bool]:
    check = claims()[name].recheck
    assert check is not None
    return lambda document: bool(check(json.loads(json.dumps(document))))


def test_all_six_are_judged() -> None:
    expected = {"S-O1": "verified", "S-O2": "proved", "S-O5": "argued", **{f"S-O{i}": "conditional" for i in (3, 4, 6)}}
    assert {name: claims()[name].expected for name in expected} == expected
    assert "[R]" in claims()["S-O6"].statement


@pytest.mark.parametrize("name", WITNESSES)
def test_witnesses_hold_and_lose_no_client(name: str) -> None:
    document = WITNESSES[name]
    MotsMarket.from_document(document)
    assert recheck(name)(document)
    for i in range(len(document["types"])):
        types = [{**row, "count": row["count"] - (j == i)} for j, row in enumerate(document["types"])]
        smaller = {**document, "types": [row for row in types if row["count"]]}
        try:
            assert not recheck(name)(smaller), smaller
        except (IndexError, ValueError):
            # No second type, or nobody meets the requirement any more.
            continue


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("S-O2", {"dimension": 0}),
        ("S-O3", {"max_error": 1}),
        ("S-O4", {"client_variance": 0}),
        ("S-O5", {"utility": {"family": "linear", "a": 4, "s": "1/8"}}),
        ("S-O6", {"max_error": None}),
        ("S-O6", {"max_error": "1/2"}),
    ],
)
def test_rechecks_reject_near_misses(name: str, change: dict) -> None:
    assert not recheck(name)({**WITNESSES[name], **change})


def test_alignment_condition_does_not_make_welfare_constant() -> None:
    assert frameworks.drops_literally(FALLS)
    cheap = [{**row, "cost": 0} for row in FALLS["types"]]
    assert not frameworks.drops_literally({**FALLS, "types": cheap})
    market = MotsMarket.from_document(FALLS)
    assert market.error((1, 2)) < market.error((1, 1))
    assert market.welfare((1, 2)) < market.welfare((1, 1))


def test_the_ratio_of_the_potential_balances_the_witness() -> None:
    mechanism = swan(MotsMarket.from_document(WITNESSES["S-O6"]))
    repaired = frameworks._repaired(mechanism)
    assert repaired is not None
    target = mechanism.target
    for each, cost in ((mechanism, Fraction(13, 67)), (repaired, Fraction(0))):
        paid = sum(k * r for k, r in zip(target, each.rewards(target), strict=True))
        assert paid - (each.market.population - sum(target)) * each.price(target) == cost


@pytest.mark.thorough
def test_rivals_agree_with_their_definitions() -> None:
    for number, market in enumerate(markets.random_markets(25, seed=3)):
        for cost in (Fraction(1, 50), Fraction(1, 9), Fraction(number, 40)):
            each = market_sweeps.with_cost_per_sample(market, cost)
            literal = LiteralRivals(each.to_document())
            for found, state in (
                (rivals.dynamic(each), literal.dynamic()),
                (rivals.modified_fl(each), literal.modified()),
            ):
                assert found.welfare == literal.market.W(state)
                assert found.cycles or found.state == state
            existing = rivals.fl_only(each)
            assert (existing.welfare, existing.incentive_cost) in literal.fl_only()


def test_sweeps_agree_with_every_state() -> None:
    market = next(markets.prototypes())
    for parameter, row in markets.sweep(market, market_sweeps.framework_row, 4):
        if parameter == "cost_per_sample":
            each = market_sweeps.with_cost_per_sample(market, row[parameter])
        else:
            each = markets.priced(market, 4).with_max_error(row[parameter])
        literal = LiteralMots(each.to_document())
        most = max(map(literal.W, literal.allowed()))
        alone, paid = zip(*LiteralRivals(each.to_document()).fl_only(), strict=True)
        if parameter == "cost_per_sample" and most < 0:
            most = Fraction(0)
        assert row["mots"] == most
        if parameter == "cost_per_sample" and alone[0] < 0:
            assert (row["fl"], row["fl_cost"]) == (0, 0)
        else:
            assert row["fl"] == alone[0]
            assert row["fl_cost"] in paid


def broken_error_rows(market: MotsMarket, type: int, present: dict) -> list[dict]:
    rows = error_rows(market, type, present)
    return [*rows[:-1], {**rows[-1], "error": rows[-1]["error"] + 1}]


def broken_linear_model(market: MotsMarket) -> MotsMarket:
    return replace(market, types=tuple(replace(t, size=t.size + market.dimension + 1) for t in market.types))


def broken_modified(market: MotsMarket) -> SharingOutcome:
    found = rivals.modified_fl(market)
    return replace(found, welfare=found.welfare + 100, meets_requirement=True)


def broken_fl_only(market: MotsMarket) -> SharingOutcome:
    return replace(rivals.fl_only(market), incentive_cost=Fraction(-1))


def broken_optima(market: MotsMarket) -> list[tuple[int, ...]]:
    return sorted(states(market), key=market.welfare)[-2:]


error_rows, price = figures.error_rows, Swan.price


@pytest.mark.parametrize(
    ("target", "name", "rule", "judge"),
    [
        (figures, "error_rows", broken_error_rows, observations.judge_network_effects),
        (observations, "linear_model", broken_linear_model, observations.judge_alignment),
        (market_sweeps, "modified_fl", broken_modified, observations.judge_robustness),
        (observations, "optima", broken_optima, observations.judge_heterogeneity),
        (market_sweeps, "fl_only", broken_fl_only, frameworks.judge_efficiency),
        (
            Swan,
            "price",
            lambda self, state: price(self, state) - Fraction(1, 100),
            frameworks.judge_balance_and_alignment,
        ),
    ],
)
def test_broken_rules_are_caught(
    monkeypatch: pytest.MonkeyPatch, target: object, name: str, rule: object, judge: Callable[[], object]
) -> None:
    monkeypatch.setattr(target, name, rule)
    with pytest.raises(DerivationError):
        judge()

"""MoTS markets: files exactly as written, refusals with row and field, and the definitions against a literal reading."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawing import Numbers, generators
from fedmech.models.data import prototype_market_path
from fedmech.models.input_error import InputError
from fedmech.models.sharing.market import (
    FORMAT,
    MotsMarket,
    read_mots,
    write_mots,
)
from fedmech.models.sharing.utility import conditions
from fedmech.verification.literal.sharing import LiteralMots
from hypothesis import given, settings
from mots_strategies import random_market

GOOD = {
    "format": FORMAT,
    "dimension": 10,
    "data_variance": 1,
    "client_variance": "1/3",
    "types": [{"id": "t1", "size": 50, "count": 10, "cost": 0.1}],
    "utility": {"family": "linear", "a": 1, "s": 1},
    "max_error": 0.05,
}


def changed(**fields: object) -> dict:
    return {key: value for key, value in {**GOOD, **fields}.items() if value is not ...}


def with_type(**fields: object) -> dict:
    row = {key: value for key, value in {**GOOD["types"][0], **fields}.items() if value is not ...}
    return changed(types=[row])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed(format="fedmech-market/1"), "format"),
        (changed(dimension=0), "dimension"),
        (changed(dimension=1.5), "dimension"),
        (changed(data_variance=-1), "data_variance"),
        (changed(data_variance=...), "data_variance"),
        (changed(client_variance="nan"), "client_variance"),
        (changed(max_error="inf"), "max_error"),
        (changed(max_error=-1), "max_error"),
        (changed(types=[]), "types"),
        (changed(types=...), "types"),
        (changed(types="t"), "types"),
        (changed(surprise=1), "surprise"),
        (changed(types=[GOOD["types"][0], GOOD["types"][0]]), "duplicate"),
        (with_type(size=0), "size"),
        (with_type(size="1/2"), "size"),
        (with_type(size=...), "size"),
        (with_type(count=-1), "count"),
        (with_type(count=0), "at least one client"),
        (with_type(count=2**60), "count"),
        (with_type(cost=-0.5), "cost"),
        (with_type(cost="a lot"), "cost"),
        (with_type(cost=True), "cost"),
        (with_type(colour="red"), "colour"),
        (with_type(id=""), "id"),
        (changed(utility=...), "utility"),
        (changed(utility="linear"), "utility"),
        (changed(utility={"family": "cubic"}), "utility"),
        (changed(utility={"family": "linear", "a": 1}), "utility"),
        (changed(utility={"family": "linear", "a": 1, "s": 0}), "positive"),
        (changed(utility={"family": "linear", "a": 1, "s": 1, "p": 1}), "no parameter"),
        (changed(utility={"family": "inverse", "a": "x"}), "utility.a"),
        (changed(utility={"expression": "1/eps", "a": 1}), "parameters"),
        (changed(utility={"expression": "__import__('os')"}), "utility"),
        (changed(utility={"expression": "1/0"}), "zero"),
        ([], "object"),
    ],
)
def test_what_cannot_be_accepted_is_named(document: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mots.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message) as caught:
        read_mots(path)
    assert "x.mots.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000, '{"format": "fedmech-mots/1", "dimension": NaN}', "\0"])
def test_broken_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mots.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.mots\.json"):
        read_mots(path)
    with pytest.raises(InputError):
        read_mots(tmp_path)
    with pytest.raises(InputError):
        read_mots(tmp_path / "absent.mots.json")


@settings(max_examples=50)
@given(draw=generators)
def test_numbers_are_exact_and_files_come_back(tmp_path: Path, draw: Numbers) -> None:
    path = tmp_path / "x.mots.json"
    path.write_text(json.dumps(GOOD))
    market = read_mots(path)
    assert market.types[0].cost == Fraction(1, 10)
    assert market.max_error == Fraction(1, 20)
    assert market.client_variance == Fraction(1, 3)
    market = random_market(draw)
    write_mots(market, path)
    again = read_mots(path)
    assert again.to_document() == market.to_document()
    assert again == market


@settings(max_examples=60)
@given(draw=generators)
def test_error_cost_and_welfare_are_the_definitions(draw: Numbers) -> None:
    market = random_market(draw, {"family": "inverse", "a": "7/3", "e0": "1/9"})
    literal = LiteralMots(market.to_document())
    for k in literal.states()[:50]:
        assert market.error(k) == literal.error(k)
        assert market.cost(k) == literal.cost(k)
        assert market.welfare(k) == literal.W(k)
        assert market.welfare(k, buyers=0) == literal.W(k, 0)
    assert [market.is_low(i) for i in range(market.type_count)] == [literal.is_low(i) for i in range(market.type_count)]
    assert market.welfare((0,) * market.type_count) == 0


def test_states_are_checked() -> None:
    market = MotsMarket.build(sizes=[1, 2], counts=[1, 2], costs=[0, 0], utility={"family": "linear", "a": 1, "s": 1})
    for state in [(1,), (2, 0), (-1, 0)]:
        with pytest.raises(ValueError, match="not a state"):
            market.error(state)
    with pytest.raises(ValueError, match="no model"):
        market.error((0, 0))
    assert not market.meets_requirement((0, 0))


@pytest.mark.parametrize(
    ("utility", "variance", "falls", "convex", "marginal"),
    [
        ({"family": "inverse-gap", "a": 1, "p": 1}, 0, True, True, True),
        ({"family": "inverse-gap", "a": 2, "p": 3}, "1/1000", True, True, True),
        ({"family": "inverse-gap", "a": 1, "p": "1/2"}, 0, True, True, False),
        ({"family": "inverse", "a": 1, "e0": 1}, 0, True, True, False),
        ({"family": "exponential", "a": 1, "s": 1}, 0, True, True, False),
        ({"family": "exponential", "a": 1, "s": 1000}, "1/100", True, True, None),
        ({"family": "linear", "a": 1, "s": 1}, 0, True, True, False),
        ({"expression": "1 - eps**2"}, 0, True, False, False),
        ({"expression": "eps"}, 0, False, True, True),
    ],
)
def test_derivative_conditions(
    utility: dict, variance: object, falls: bool, convex: bool, marginal: bool | None
) -> None:
    market = MotsMarket.build(sizes=[50, 120], counts=[10, 5], costs=[0, 0], utility=utility, client_variance=variance)
    found = conditions(market.utility, *market.error_range, market.client_variance)
    assert found.decreasing.holds is falls
    assert found.convex.holds is convex
    if marginal is not None:
        assert found.increasing_marginal.holds is marginal
    # A certified failure is a failure: finite differences agree in sign at the point named.
    if found.convex.fails_at is not None and market.utility.rational:
        h, at = Fraction(1, 10**6), found.convex.fails_at
        U = market.utility.exact
        assert U(at - h) + U(at + h) < 2 * U(at)


def test_the_shipped_market_is_the_prototype() -> None:
    market = read_mots(prototype_market_path())
    assert market.counts == (10, 5, 5)
    assert [entry.size for entry in market.types] == [50, 120, 300]


LINEAR = {"family": "linear", "a": 2, "s": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": ["a", "a "]}, "differ only by blanks"),
        ({"ids": ["é", "e\u0301"]}, "differ only by blanks, Unicode normal form"),
        ({"ids": ["a", ""]}, "missing"),
        ({"ids": ["a", None]}, "missing"),
        ({"ids": ["a", float("nan")]}, "missing"),
        ({"ids": ["a", "\ud800"]}, "lone surrogate"),
        ({"ids": ["a", "\x1b[31m"]}, "control character"),
        ({"ids": ["a", "a"]}, "duplicate id 'a'"),
        ({"ids": ["a", True]}, "expected a name, got bool"),
        ({"ids": ["a", b"b"]}, "expected a name, got bytes"),
        ({"ids": ["a"]}, "one entry a type each"),
        ({"ids": "ab"}, "expected one value per row, got str"),
        ({"sizes": "12"}, "expected one value per row, got str"),
        ({"sizes": 12}, "expected one value per row, got int"),
        ({"sizes": pd.Series([1, 2], index=[1, 0])}, "labels of this Series"),
        ({"counts": np.ma.array([1, 2], mask=[False, True])}, "masked"),
        ({"counts": [1, True]}, "expected a number, got True"),
        ({"counts": [1, 0.5]}, "expected a whole number"),
        ({"costs": [1, None]}, "missing"),
        ({"costs": [1, float("nan")]}, "finite"),
        ({"utility": {"expression": "eps/0"}}, "divides by zero"),
    ],
)
def test_types_pass_the_gate_that_workers_pass(change: dict, message: str) -> None:
    given = {"sizes": [1, 2], "counts": [1, 1], "costs": [1, 1], "utility": LINEAR, "ids": ["a", "b"]}
    with pytest.raises(InputError, match=message):
        MotsMarket.build(**given | change)


def test_types_in_columns_of_any_kind() -> None:
    lists = MotsMarket.build(sizes=[1, 2], counts=[3, 4], costs=["0.1", "0.2"], utility=LINEAR, ids=["7", "b"])
    arrays = MotsMarket.build(
        sizes=np.array([1, 2]),
        counts=pd.Series([3, 4]),
        costs=np.array([0.1, 0.2]),
        utility=LINEAR,
        ids=[7, np.str_("b")],
    )
    assert arrays == lists
    assert all(type(entry.id) is str for entry in arrays.types)


def test_fields_of_a_document_are_known_or_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'dimension'"):
        MotsMarket.from_document({"format": "fedmech-mots/1", "dimensions": 3})
    with pytest.raises(InputError, match="did you mean 'size'"):
        MotsMarket.from_document(
            {"format": "fedmech-mots/1", "data_variance": 1, "client_variance": 1, "types": [{"sizes": 3}]}
        )

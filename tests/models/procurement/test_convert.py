"""Between formats: what is written reads back the same, and what a format cannot say is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from campaign import some
from fedmech import InputError, Market, read
from fedmech.cli import app
from fedmech.models.procurement.convert import WRITTEN_ENDINGS, convert
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import amounts, markets
from typer.testing import CliRunner

FOREIGN = [ending for ending in WRITTEN_ENDINGS if ending != ".json"]


def knapsack(**more: Any) -> Market:
    given: dict[str, Any] = {"scores": [3, "0.25", 10**30], "costs": ["1.5", 0, 2], "budgets": ["3.75"]}
    return Market.build(**given | more)


@pytest.mark.parametrize("ending", FOREIGN)
def test_what_is_written_reads_back(ending: str, tmp_path: Path) -> None:
    market, path = knapsack(groups=["a"] * 3), tmp_path / f"k{ending}"
    with pytest.raises(InputError, match="names would be lost; --rename lets it go"):
        convert(market, path)
    assert not path.exists()
    convert(market, path, rename=True)
    again = read(path)
    assert [*again.scores] == [*market.scores]
    assert [*(again.costs or ())] == [*(market.costs or ())]
    assert again.total_budget == market.total_budget
    # What came out of a format goes back into it as it is.
    convert(again, tmp_path / f"again{ending}")
    assert read(tmp_path / f"again{ending}") == again


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    market=markets(max_workers=4, max_requesters=2, max_groups=2), ending=st.sampled_from(FOREIGN), rename=st.booleans()
)
def test_a_market_is_written_whole_or_refused(market: Market, ending: str, rename: bool, tmp_path: Path) -> None:
    path = tmp_path / f"m{ending}"
    path.unlink(missing_ok=True)
    try:
        convert(market, path, rename=rename)
    except InputError:
        assert not path.exists()
        return
    again = read(path)
    assert [*again.scores] == [*market.scores]
    assert [*(again.costs or ())] == [*market.bids] == [*(market.costs or ())]
    assert [*again.budgets] == [*market.budgets]
    assert rename or again == market


@pytest.mark.parametrize("ending", FOREIGN)
@settings(max_examples=some(100))
@given(scores=st.lists(amounts(1), min_size=1, max_size=4), budget=amounts())
def test_numbers_that_a_format_cannot_hold_are_refused(
    ending: str, scores: list[Any], budget: Any, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.mktemp("numbers") / f"m{ending}"
    market = Market.build(scores=scores, costs=scores, budgets=[budget])
    decimal = all((10**40 * value).denominator == 1 for value in [*market.scores, *market.budgets])
    if decimal or ending == ".pb":
        convert(market, path, rename=True)
        assert [*read(path).scores] == [*market.scores]
    else:
        with pytest.raises(InputError, match="does not take"):
            convert(market, path, rename=True)


@pytest.mark.parametrize(
    ("more", "lost"),
    [
        ({"bids": [1, 2, 3]}, "bids other than costs"),
        ({"caps": [[1]]}, "caps"),
        ({"seats": [2]}, "seats"),
        ({"groups": [*"aab"]}, "groups"),
        ({"coverage": [[1], [2], [3]]}, "coverage"),
        ({"budgets": [1, 2]}, "2 requesters"),
        ({"costs": None, "bids": [1, 2, 3]}, "costs are not known"),
        ({"scores": ["1/3", 1, 1]}, "does not take"),
    ],
)
def test_what_would_be_lost_is_named(more: dict[str, Any], lost: str, tmp_path: Path) -> None:
    for ending in FOREIGN:
        if (lost, ending) in (("does not take", ".pb"), ("seats", ".lp"), ("seats", ".mps")):
            continue
        with pytest.raises(InputError, match=lost):
            convert(knapsack(**more), tmp_path / f"k{ending}", rename=True)
    convert(knapsack(**more), tmp_path / "k.market.json")
    assert read(tmp_path / "k.market.json") == knapsack(**more)
    assert [path.name for path in tmp_path.iterdir()] == ["k.market.json"]


def test_the_command(tmp_path: Path) -> None:
    def run(*words: object):
        return CliRunner().invoke(app, ["convert", *map(str, words)])

    source, plain = tmp_path / "m.market.json", tmp_path / "m.kp"
    convert(knapsack(), source)
    assert run(source, plain).exit_code == 2
    done = run(source, plain, "--rename", "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["workers"] == 3
    assert run(source, plain, "--rename").exit_code == 2
    assert run(source, plain, "--rename", "--force").exit_code == 0
    table = run(plain, tmp_path / "b.market.json", "--workers-file", "b.csv")
    assert table.exit_code == 0
    assert read(tmp_path / "b.market.json") == read(plain)
    for words in (
        (source, source, "--force"),
        (source, tmp_path / "m.xyz"),
        (source, tmp_path / "c.kp", "--workers-file", "d.csv"),
    ):
        assert run(*words).exit_code == 2
    assert {path.name for path in tmp_path.iterdir()} == {"m.market.json", "m.kp", "b.market.json", "b.csv"}

"""Mechanisms on the command line: options, what does not apply, and the comparison table."""

import json
from fractions import Fraction as F
from typing import Any

import pytest
from fedmech.cli import app
from fedmech.fl.mechanisms.interface import mechanisms, run_mechanism
from fedmech.models.input_error import InputError
from fedmech.models.procurement.file import write_market
from fedmech.models.procurement.market import Market
from fedmech.solvers.solve import solve
from typer.testing import CliRunner


@pytest.fixture
def market():
    return Market.build(
        scores=[3, 2, "5/2", 1],
        costs=[2, 1, 3, "1/2"],
        budgets=[4, 3],
        groups=["a", "a", "b", "b"],
        caps=[[1, 1], [1, 0]],
        coverage=[[1, 0], [0, 1], [1, 1], [0, 1]],
    )


@pytest.fixture
def file(market, tmp_path):
    path = tmp_path / "small.market.json"
    write_market(market, path)
    return str(path)


def call(*words):
    return CliRunner().invoke(app, list(words))


def test_run_passes_exact_options_on(file, market):
    got = call("run", file, "--mechanism", "reputation", "--option", "reputations=1,1/3,0.5,-2", "--json")
    assert got.exit_code == 0, got.output
    expected = run_mechanism(market, "reputation", reputations=[1, F(1, 3), F(1, 2), -2])
    document = json.loads(got.stdout)
    assert document["total_payment_exact"] == str(expected.total_payment)
    assert [winner["worker"] for winner in document["winners"]] == [f"w{i + 1}" for i in expected.winner_indices]


def test_a_seed_is_an_option(file):
    by_seed = call("run", file, "--mechanism", "random-price", "--seed", "4", "--json", "--summary")
    by_option = call("run", file, "--mechanism", "random-price", "--option", "seed=4", "--json", "--summary")
    documents = [json.loads(got.stdout) for got in (by_seed, by_option)]
    for document in documents:
        del document["seconds"]
    assert documents[0] == documents[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reputation"], "needs the option reputations"),
        (["reputation", "--option", "reputations=1,2"], "one for each of 4 workers, got 2"),
        (["vcg", "--option", "value=nan"], "option value"),
        (["vcg", "--option", "value=-1"], "must be >= 0"),
        (["vcg", "--option", "price=1"], "no option 'price'"),
        (["vcg", "--option", "value"], "NAME=VALUE"),
        (["random-price", "--seed", "1", "--option", "seed=2"], "given twice"),
        (["random-price", "--option", "seed=1.5"], "whole number"),
        (["care-no", "--option", "base=1"], "must be > 1"),
        (["coverage-greedy", "--option", "share=0"], "must be > 0"),
        (["driftpay-stipend", "--option", "stipends=-1"], "must be >= 0"),
        (["driftpay-stipend", "--option", "stipends=1", "--option", "largest=1/2"], "must be at least the stipends"),
        (["driftpay-bonus", "--option", "bonuses=-1"], "must be >= 0"),
        (["driftpay-noisy", "--option", "eta=1"], "must lie in [0, 1)"),
        (["rrafl", "--option", "reputations=0"], "must be > 0"),
        (["random-price", "--option", "price=-1/2"], "must be >= 0"),
        (["singer"], "caps or seats admit 3 of 4 workers"),
    ],
)
def test_bad_options_are_refused(file, words, message):
    got = call("run", file, "--mechanism", *words)
    assert got.exit_code == 2
    assert message in got.output.replace("\n", " ")


def test_a_mechanism_without_its_data_is_refused():
    market = Market.build(scores=[1], costs=[1], budgets=[1])
    with pytest.raises(InputError, match="coverage"):
        run_mechanism(market, "coverage-greedy")


def test_compare_tabulates_every_mechanism(file, market):
    got = call("compare", file, "--json")
    assert got.exit_code == 0, got.output
    rows = {row["name"]: row for row in json.loads(got.stdout)["rows"]}
    assert set(rows) == {"OPT-FRAC", "OPT", "OPT-SEP"} | {entry.name for entry in mechanisms("procurement")}
    best = {"OPT": solve(market, "opt").objective or F(0), "OPT-SEP": solve(market, "opt-sep").objective or F(0)}
    for entry in mechanisms("procurement"):
        row = rows[entry.name]
        assert (row["refused"] is None) == (entry.refusal(market, {}) is None)
        if row["refused"] is None:
            outcome = run_mechanism(market, entry.name)
            assert row["score_exact"] == str(outcome.score)
            assert row["spend_exact"] == str(outcome.total_payment)
            assert row["ratio_exact"] == str(outcome.score / best["OPT"])
            if row["separate_budgets"]:
                assert row["ratio_opt_sep_exact"] == str(outcome.score / best["OPT-SEP"])
    # Caps (a, r1), (a, r2) and (b, r1) are 1 and met by OPT, which hires three; (b, r2) admits nobody and does not count.
    assert (rows["OPT"]["workers"], rows["OPT"]["caps_met"]) == (3, 3)


def test_compare_of_a_market_with_bids_only_names_the_optimum_of_the_bids(tmp_path):
    known: dict[str, Any] = {"scores": [3, 2], "budgets": [2]}
    path = tmp_path / "bids.market.json"
    write_market(Market.build(bids=["3/2", 1], **known), path)
    got = call("compare", str(path), "--mechanism", "driftpay-co", "--json")
    assert got.exit_code == 0, got.output
    rows = {row["name"]: row for row in json.loads(got.stdout)["rows"]}
    assert set(rows) == {"OPT-FRAC at bids", "OPT at bids", "driftpay-co"}
    assert rows["OPT at bids"]["score_exact"] == str(solve(Market.build(costs=["3/2", 1], **known), "opt").objective)


def test_compare_can_be_limited_and_seeded(file):
    got = call("compare", file, "--mechanism", "random-price", "--mechanism", "singer", "--seed", "3")
    assert got.exit_code == 0, got.output
    assert "random-price" in got.stdout
    assert "needs one pool" in got.stdout
    assert "driftpay-co" not in got.stdout
    assert call("compare", file, "--mechanism", "nonesuch").exit_code == 2


def test_compare_passes_options_to_the_mechanism_they_name(file, market):
    words = [
        "--mechanism",
        "reputation",
        "--mechanism",
        "vcg",
        "--option",
        "reputation.reputations=1,2,3,1/7",
        "--json",
    ]
    rows = {row["name"]: row for row in json.loads(call("compare", file, *words).stdout)["rows"]}
    expected = run_mechanism(market, "reputation", reputations=[1, 2, 3, F(1, 7)])
    assert rows["reputation"]["spend_exact"] == str(expected.total_payment)
    assert rows["vcg"]["score_exact"] == str(run_mechanism(market, "vcg").score)
    for wrong in ("reputations=1", "nonesuch.value=1", "vcg.nonesuch=1"):
        assert call("compare", file, "--mechanism", "vcg", "--option", wrong).exit_code == 2


def test_large_markets_run():
    """Sizes at which anything quadratic would show."""
    from fedmech.models.procurement.generate import generate_market

    market = generate_market("a", 20_000, seed=1)
    for name in ("driftpay-co", "drop-top", "pea", "care-no", "driftpay-stipend", "vcg", "rrafl", "lowest-bid"):
        assert run_mechanism(market, name).score > 0

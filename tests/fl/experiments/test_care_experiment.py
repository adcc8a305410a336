"""CARE's setting: the drawn market is the stated one, hiring keeps its limits, the accuracies are those of plain training."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedmech import (
    InputError,
    Market,
    run_mechanism,
    solve,
)
from fedmech.fl.experiments.engine.registry import find_experiment
from fedmech.fl.experiments.papers.care import (
    COLUMNS,
    Care,
    care_findings,
    read_published,
)
from fedmech.fl.experiments.papers.care_market import (
    BIDS,
    RULES,
    draw_market,
    hire,
    one_buyer,
    share_out,
)
from fedmech.fl.settings import read_settings
from hypothesis import given, settings
from hypothesis import strategies as st

SMALL: dict[str, Any] = {"workers": 20, "groups": 4, "requesters": 3, "samples": 6, "rounds": 2, "steps": 2}
HEAD = "dataset,vary,value," + ",".join(COLUMNS.values())


@given(st.integers(0, 2**32), st.integers(2, 12))
@settings(max_examples=25, deadline=None)
def test_the_market_is_the_stated_one(seed: int, requesters: int) -> None:
    drawn = draw_market(120, 10, requesters, 2, seed)
    market = drawn.market
    assert (market.n, market.L, market.m) == (120, 10, requesters)
    assert set(np.bincount(market.group_of)) == {12}
    assert (market.caps == 2).all()
    assert all(40 <= market.budget(j) <= 80 for j in range(requesters))
    for i, accuracy in enumerate(drawn.accuracies):
        low, high = BIDS[0 if accuracy < 0.6 else 1 if accuracy < 0.8 else 2]
        assert low <= market.bid(i) <= high
        assert float(market.score(i)) == pytest.approx(accuracy, abs=5e-7)
    fewer = draw_market(120, 10, 2, 2, seed).market
    assert [fewer.bid(i) for i in range(120)] == [market.bid(i) for i in range(120)]
    assert [fewer.budget(j) for j in range(2)] == [market.budget(j) for j in range(2)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("requesters", "cap"), [(2, 1), (6, 2), (12, 3)])
def test_hiring_keeps_caps_and_budgets(rule: str, requesters: int, cap: int) -> None:
    market = draw_market(60, 7, requesters, cap, seed=5).market
    hired = hire(market, rule, 5)
    winners = np.flatnonzero(hired.assignment >= 0)
    for j in range(requesters):
        team = np.flatnonzero(hired.assignment == j)
        assert np.bincount(market.group_of[team], minlength=7).max(initial=0) <= cap
    assert hired.spent <= sum(market.budget(j) for j in range(requesters))
    assert hired.reputation == sum((market.score(i) for i in winners.tolist()), Fraction(0))
    optimum = solve(market, "opt").objective
    assert optimum is not None
    assert hired.reputation <= optimum
    if rule == "care-co":
        outcome = run_mechanism(market, "driftpay-co")
        assert outcome.winner_indices.tolist() == winners.tolist()
        assert outcome.total_payment == hired.spent


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_sharing_out_places_whom_the_caps_can_place(data: st.DataObject) -> None:
    n, m, cap = data.draw(st.integers(1, 14)), data.draw(st.integers(1, 4)), data.draw(st.integers(0, 3))
    groups = data.draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n))
    scores = data.draw(st.lists(st.sampled_from(["0.5", "1/3", "2"]), min_size=n, max_size=n))
    market = Market.build(scores=scores, costs=[1] * n, groups=groups, budgets=[1] * m, default_cap=cap)
    # Some of the workers, no more of a group than there are places.
    room = dict.fromkeys(market.group_ids, cap * m)
    winners = []
    for i in data.draw(st.permutations(range(n))):
        if room[groups[i]] and data.draw(st.booleans()):
            room[groups[i]] -= 1
            winners.append(i)
    assignment = share_out(market, np.array(sorted(winners), dtype=np.int64))
    assert sorted(np.flatnonzero(assignment >= 0).tolist()) == sorted(winners)
    for j in range(m):
        team = [groups[i] for i in np.flatnonzero(assignment == j)]
        assert all(team.count(group) <= cap for group in team)
    if cap >= n:
        # Without caps: nobody could take a worker off another and be the poorer of the two after.
        held = [sum((market.score(i) for i in np.flatnonzero(assignment == j).tolist()), Fraction(0)) for j in range(m)]
        assert max(held) - min(held) <= 2
    assert one_buyer(market).group_totals.tolist() == market.group_totals.tolist()


def test_accuracies_are_those_of_plain_federated_averaging() -> None:
    import torch
    from fedmech.fl.data.label_noise import noisy_labels
    from fedmech.fl.data.load import load_dataset
    from fedmech.fl.data.partitions import given_sizes
    from fedmech.fl.training.architectures import architecture
    from fedmech.fl.training.recipe import Recipe
    from one_by_one import train_clients_one_by_one

    entry = find_experiment("care")
    chosen = entry.read({**SMALL, "rules": ["care-co", "care-no"], "seed": 3})
    rows = {row["mechanism"]: row for row in entry.run(chosen)}
    data = load_dataset("digits", None, 3)
    holdings = given_sizes(data.train_labels, [6] * 20, np.random.default_rng([3, 3]))
    drawn = draw_market(20, 4, 3, 1, 3)
    labels = noisy_labels(data.train_labels, holdings, drawn.accuracies, 10, np.random.default_rng([3, 4]))
    model = architecture("softmax", data.input_shape, 10)
    for rule, row in rows.items():
        hired = hire(drawn.market, rule, 3)
        reached = []
        for j in range(3):
            team = np.flatnonzero(hired.assignment == j)
            params = model.initial(3)
            for number in range(2 if len(team) else 0):
                recipe = Recipe(steps=2, learning_rate=0.5, seed=3 + number)
                stacked = train_clients_one_by_one(
                    model, params, data.train_inputs, labels, [holdings[i] for i in team], recipe
                )
                params = {name: torch.stack(list(tensor)).mean(0) for name, tensor in stacked.items()}
            weight, bias = params["output.weight"].numpy(), params["output.bias"].numpy()
            logits = data.test_inputs.reshape(len(data.test_labels), -1) @ weight.T + bias
            reached.append((logits.argmax(1) == data.test_labels).mean())
        assert row["accuracy"] == pytest.approx(np.mean(reached), abs=1e-9)
        assert row["least_accuracy"] == pytest.approx(min(reached), abs=1e-9)
        assert row["idle_requesters"] == sum((hired.assignment == j).sum() == 0 for j in range(3))
        assert row["hired"] == (hired.assignment >= 0).sum()


def test_a_requester_without_workers_keeps_its_initial_model() -> None:
    entry = find_experiment("care")
    rows = entry.run(entry.read({**SMALL, "cap": 0}))
    assert {row["hired"] for row in rows} == {0}
    assert {row["idle_requesters"] for row in rows} == {3}
    assert len({row["accuracy"] for row in rows}) == 1
    assert all(row["data_accuracy"] is None for row in rows)


def test_published_figures_stand_beside_ours(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        f"{HEAD}\nA,requesters,3,.1,.2,.3,.4,.5,.6\nA,groups,4,.9,.9,.9,.9,.9,.9\nB,requesters,4,0,0,0,0,0,0\n"
    )
    entry = find_experiment("care")
    rows = entry.run(entry.read({**SMALL, "published": str(path)}))
    assert [row["published_a"] for row in rows] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, None]
    assert all("published_b" not in row for row in rows)
    rows = entry.run(entry.read({**SMALL, "published": str(path), "vary": "groups"}))
    assert [row["published_a"] for row in rows] == [0.9] * 6 + [None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read"),
        ("a,b\n1,2\n", "unknown column 'dataset'"),
        (HEAD + "\nA,requesters,two,1,1,1,1,1,1\n", "invalid literal"),
        (HEAD + "\nA,requesters,2,1,x,1,1,1,1\n", "row 1"),
        (HEAD + "\nA,requesters,2,1\n", "row 1"),
    ],
)
def test_a_wrong_table_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_published(str(path))
    assert caught.value.file == str(path)


@pytest.mark.parametrize(
    ("given", "field"), [({"rules": []}, "rules"), ({"rules": ["care-co"] * 2}, "rules"), ({"groups": 121}, "groups")]
)
def test_settings_that_do_not_go_together(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        read_settings(Care, given)
    assert caught.value.field == field


def table_of(accuracy: dict[str, list[float]], published: dict[str, float]) -> list[dict[str, Any]]:
    return [
        {
            "mechanism": rule,
            "requesters": 2 * (k + 1),
            "groups": 10,
            "seed": 0,
            "accuracy": value,
            "published_x": published.get(rule, float("nan")),
        }
        for rule, values in accuracy.items()
        for k, value in enumerate(values)
    ]


def test_findings() -> None:
    falling = {
        "care-co": [0.9, 0.8, 0.7],
        "care-no": [0.85, 0.75, 0.66],
        "rrafl-pooled": [0.5, 0.6, 0.5],
        "rrafl-separate": [0.5, 0.5, 0.5],
        "random-price-pooled": [0.1, 0.2, 0.3],
        "random-price-separate": [0.3, 0.2, 0.2],
        "driftpay-no": [0.9, 0.9, 0.9],
    }
    published = dict(zip(COLUMNS, [0.8, 0.5, 0.3, 0.7, 0.6, 0.2], strict=True))
    found = care_findings(table_of(falling, published))
    assert found["order_holds"]
    assert found["slope"]["mean"] == pytest.approx(-0.05)
    assert found["slope"]["error"] == pytest.approx(0, abs=1e-9)
    first = found["pairs"][0]
    assert (first["upper"], first["lower"], first["markets"]) == ("care-co", "care-no", 3)
    assert first["mean"] == pytest.approx((0.05 + 0.05 + 0.04) / 3)
    assert first["error"] == pytest.approx(np.std([0.05, 0.05, 0.04], ddof=1) / 3**0.5)
    # Ranks of ours: co 6, no 5, pooled 4, separate 3, random .2 and .2333: 1 and 2; theirs: 6, 5, 3, 4, 2, 1.
    assert found["agreement"] == {"x": pytest.approx(1 - 6 * (0 + 0 + 1 + 1 + 1 + 1) / (6 * 35))}
    worse = care_findings(table_of({**falling, "care-no": [0.4, 0.4, 0.4]}, {}))
    assert not worse["order_holds"]
    assert worse["agreement"] == {"x": None}
    equal = care_findings(table_of({**falling, "care-no": falling["care-co"]}, published))
    assert equal["order_holds"]

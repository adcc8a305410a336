"""Coalitions trained at once: the same as one coalition after the other, one client after the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from fedmech.fl.data.load import load_dataset
from fedmech.fl.experiments.engine.registry import find_experiment
from fedmech.fl.experiments.papers import coalition_losses as coalition_module
from fedmech.fl.experiments.papers.coalition_losses import (
    CoalitionSettings,
    FewerRuns,
    coalition_losses,
    coalition_rounds,
    deal,
)
from fedmech.fl.experiments.papers.swan_error import SwanError, curve_states
from fedmech.fl.training.aggregate import average
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.coalitions import train_coalitions
from fedmech.fl.training.recipe import Recipe
from fedmech.models.input_error import InputError
from one_by_one import train_clients_one_by_one

COALITIONS = [[0], [1, 3], [0, 1, 2, 3], [2], [3, 1]]
SMALL = {"sizes": (5, 9, 20), "counts": (2, 1, 1), "rounds": 2, "steps": 2, "runs": 2}


def market(seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    inputs, labels = rng.normal(size=(40, 1, 6, 6)).astype(np.float32), rng.integers(0, 3, 40)
    return inputs, labels, [rng.choice(40, size, replace=False) for size in (1, 4, 11, 7)]


@pytest.mark.parametrize("name", ["softmax", "cnn"])
@pytest.mark.parametrize("weights", [None, [1.0, 4.0, 11.0, 7.5]])
def test_coalitions_agree_with_one_at_a_time(name: str, weights: list[float] | None) -> None:
    import torch

    inputs, labels, holdings = market(3)
    model = architecture(name, (1, 6, 6), 3)
    recipe = Recipe(steps=3, batch_size=4, learning_rate=0.2, momentum=0.5, seed=17)
    together = train_coalitions(
        model, COALITIONS, inputs, labels, holdings, recipe, rounds=3, decay=0.9, weights=weights
    )
    for index, members in enumerate(COALITIONS):
        current = model.initial(17)
        for number in range(3):
            rule = replace(recipe, seed=17 + number, learning_rate=0.2 * 0.9**number)
            own = [holdings[client] for client in members]
            local = train_clients_one_by_one(model, current, inputs, labels, own, rule, clients=members)
            current = average(local, None if weights is None else [weights[client] for client in members])
        for key, tensor in current.items():
            torch.testing.assert_close(together[key][index], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coalitions": []}, "no members"),
        ({"coalitions": [[0], []]}, "no members"),
        ({"coalitions": [[4]]}, "not among"),
        ({"coalitions": [[-1]]}, "not among"),
        ({"weights": [1.0, 0.0, 1.0, 1.0]}, "weights"),
        ({"weights": [1.0]}, "weights"),
        ({"rounds": 0}, "rounds"),
    ],
)
def test_bad_coalitions_are_refused(change: dict, message: str) -> None:
    inputs, labels, holdings = market(0)
    given = {"coalitions": COALITIONS, "rounds": 1, "weights": None, **change}
    with pytest.raises(InputError, match=message):
        train_coalitions(
            architecture("softmax", (1, 6, 6), 3),
            given["coalitions"],
            inputs,
            labels,
            holdings,
            Recipe(),
            rounds=given["rounds"],
            weights=given["weights"],
        )


def test_clients_are_dealt_as_the_settings_say() -> None:
    labels = load_dataset("digits", None, 0).train_labels
    rng = np.random.default_rng
    plain = CoalitionSettings()
    held = deal(plain, labels, rng(0))
    assert [len(part) for part in held] == plain.size_of_each == [20] * 10 + [50] * 5 + [120] * 5
    assert len(np.unique(np.concatenate(held))) == 1050
    classes = deal(replace(plain, distribution="classes"), labels, rng(0))
    assert [len(np.unique(labels[part])) for part in classes] == [1] * 10 + [5] * 5 + [10] * 5
    # The paper's sizes ask for more than there is, unless clients may share.
    full = replace(plain, sizes=(50, 120, 300))
    with pytest.raises(InputError, match="2600"):
        deal(full, labels, rng(0))
    assert sum(len(part) for part in deal(replace(full, overlap=True), labels, rng(0))) == 2600
    assert plain.members((2, 0, 1)) == [0, 1, 15]
    assert plain.members((0, 0, 0)) == []


def test_losses_are_those_of_each_state_alone_and_are_kept(tmp_path: Path) -> None:
    settings = CoalitionSettings(**SMALL)
    states = [(1, 0, 0), (2, 1, 1), (0, 0, 1)]
    losses, accuracies = coalition_losses(settings, states, checkpoint=tmp_path)
    assert losses.shape == accuracies.shape == (2, 3)
    for index, state in enumerate(states):
        alone, hits = coalition_losses(settings, [state])
        np.testing.assert_allclose(alone[:, 0], losses[:, index], rtol=1e-4)
        np.testing.assert_allclose(hits[:, 0], accuracies[:, index], atol=0.005)
    assert not np.array_equal(losses[0], losses[1])
    # Kept runs are taken as they are, for these settings only; more runs add to them.
    (first,) = (path for path in tmp_path.iterdir() if path.stem.endswith("-0"))
    np.save(first, np.full((2, 2, 3), 7.0))
    with pytest.raises(InputError, match="not a finished run: numbers of shape"):
        coalition_losses(settings, states, checkpoint=tmp_path)
    np.save(first, np.full((2, 1, 3), 7.0))
    again, _ = coalition_losses(replace(settings, runs=3), states, checkpoint=tmp_path)
    assert (again[0] == 7).all()
    assert np.array_equal(again[1], losses[1])
    other, _ = coalition_losses(replace(settings, steps=1), states, checkpoint=tmp_path)
    assert (other[0] != 7).all()
    first.write_bytes(b"nothing that numpy wrote")
    with pytest.raises(InputError, match="not a finished run"):
        coalition_losses(settings, states, checkpoint=tmp_path)
    with pytest.raises(InputError, match="cannot make the folder"):
        coalition_losses(settings, states, checkpoint=first)


def test_curves_are_read() -> None:
    assert curve_states("k/0/2", (2, 1, 2)) == [(0, 0, 2), (1, 0, 2), (2, 0, 2)]
    assert curve_states(" 0 / k / 0 ", (2, 1, 2)) == [(0, 1, 0)]
    for wrong in ("k/0", "k/k/0", "1/0/2", "k/0/3", "k/-1/0", "k/0/x", ""):
        with pytest.raises(InputError, match="curves"):
            curve_states(wrong, (2, 1, 2))


def test_rows_of_swan_error_hold_together() -> None:
    import pandas as pd

    settings = SwanError(**SMALL, curves=("k/0/1", "1/k/1"), distribution="classes", classes_of_each=(1, 2, 10))
    entry = find_experiment("swan-error")
    rows = entry.run(settings)
    assert rows == entry.run(settings)
    table = cast(Any, pd.DataFrame(rows))
    assert len(table) == 2 * (3 + 2)
    # One state stands on both curves, with the same losses.
    twice = table[table["state"] == "1/0/1"]
    assert twice.groupby("run")["loss"].nunique().eq(1).all()
    predicted = table["fit_offset"] + table["theory"]
    np.testing.assert_allclose(predicted, table["fitted"])
    terms = table["fit_noise"] * table["data_term"] + table["fit_client_variance"] * table["client_term"]
    np.testing.assert_allclose(terms, table["theory"])
    mean = table.drop_duplicates(["run", "state"]).groupby("state")[["loss", "fitted"]].mean()
    assert mean["loss"].corr(mean["fitted"], "spearman") == pytest.approx(rows[0]["fit_rank_correlation"])
    assert entry.plot is not None
    drawn = entry.plot(table)
    assert [axis.get_xlabel() for axis in drawn.axes if axis.get_xlabel()] == [
        "participants k of type 1",
        "participants k of type 2",
    ]


def test_every_reported_round_is_that_of_a_shorter_run() -> None:
    settings = replace(CoalitionSettings(**SMALL), rounds=5, report_every=2, runs=1)
    states = [(1, 0, 0), (2, 1, 1)]
    assert settings.reported == [2, 4, 5]
    assert replace(settings, report_every=0).reported == [5]
    assert replace(settings, report_every=1).reported == [1, 2, 3, 4, 5]
    assert replace(settings, report_every=9).reported == [5]
    losses, accuracies = coalition_rounds(settings, states)
    assert losses.shape == accuracies.shape == (1, 3, 2)
    last, hits = coalition_losses(settings, states)
    assert np.array_equal(last, losses[:, -1])
    assert np.array_equal(hits, accuracies[:, -1])
    # Seed 0, run 0: the batches of a round do not depend on how many follow.
    for place, rounds in enumerate((2, 4)):
        alone, _ = coalition_losses(replace(settings, rounds=rounds, report_every=0), states)
        assert np.array_equal(alone[0], losses[0, place])
    rows = find_experiment("swan-error").run(
        find_experiment("swan-error").read({**SMALL, "rounds": 5, "report_every": 2, "runs": 1, "curves": ("k/0/1",)})
    )
    assert sorted({row["round"] for row in rows}) == [2, 4, 5]


def test_fewer_test_samples_change_what_is_measured_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(CoalitionSettings(**SMALL), runs=1)
    states = [(1, 0, 0), (2, 1, 1)]
    few, _ = coalition_losses(replace(settings, test_size=9), states)
    whole, _ = coalition_losses(settings, states)
    assert not np.array_equal(few, whole)
    monkeypatch.setattr(coalition_module, "load_dataset", lambda *given: load_dataset(*given).tested_on(9))
    assert np.array_equal(coalition_losses(settings, states)[0], few)


@pytest.mark.parametrize("decaying", ["geometric", "inverse"])
def test_the_rate_decays_as_it_is_told(decaying: str) -> None:
    """With full batches two rounds at halved rates are a round each, by hand."""
    labels = np.random.default_rng(0).integers(0, 3, 12)
    x = np.random.default_rng(1).standard_normal((12, 4))
    model = architecture("softmax", (4,), 3)
    start = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in model.shapes.items()}
    held = [np.arange(12)]
    found = train_coalitions(
        model, [[0]], x, labels, held, Recipe(steps=1, learning_rate=0.5), rounds=3, decay=0.5, decaying=decaying,
        start=start,
    )  # fmt: skip
    weight, bias = np.zeros((3, 4)), np.zeros(3)
    for rate in (0.5, 0.25, 0.125) if decaying == "geometric" else (0.5, 0.5 / 1.5, 0.25):
        logits = x @ weight.T + bias
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        p[np.arange(12), labels] -= 1
        weight, bias = weight - rate * p.T @ x / 12, bias - rate * p.mean(axis=0)
    np.testing.assert_allclose(found["output.weight"][0].numpy(), weight, atol=1e-12)
    np.testing.assert_allclose(found["output.bias"][0].numpy(), bias, atol=1e-12)


def test_softmax_may_start_from_zeros_and_networks_may_not() -> None:
    settings = replace(CoalitionSettings(**SMALL), runs=1, learning_rate=1e-9, zero_start=True)
    losses, _ = coalition_losses(settings, [(1, 0, 0)])
    # Nothing learnt yet, and every class alike.
    assert losses[0, 0] == pytest.approx(np.log(10), abs=1e-5)
    drawn, _ = coalition_losses(replace(settings, zero_start=False), [(1, 0, 0)])
    assert abs(drawn[0, 0] - np.log(10)) > 1e-3
    with pytest.raises(InputError, match="no gradient"):
        replace(settings, model="mlp")


@pytest.mark.parametrize("name", ["swan-error", "swan-welfare"])
def test_an_interrupt_hands_over_the_finished_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = find_experiment(name)
    options = {"curves": ("k/0/1",)} if name == "swan-error" else {"points": 2}
    settings = entry.read({**SMALL, **options})
    whole = entry.run(replace(settings, runs=1))
    one_run = coalition_module._one_run

    def interrupted(settings: CoalitionSettings, states: list, run: int) -> object:
        if run == stop_at:
            raise KeyboardInterrupt
        return one_run(settings, states, run)

    monkeypatch.setattr(coalition_module, "_one_run", interrupted)
    stop_at = 1
    with pytest.raises(FewerRuns) as stopped:
        entry.run(settings)
    assert len(stopped.value.rows) == len(whole)
    assert all(
        float(row[key]) == whole[i][key] for i, row in enumerate(stopped.value.rows) for key in ("fit_r_squared",)
    )
    stop_at = 0
    with pytest.raises(KeyboardInterrupt) as at_once:
        entry.run(settings)
    assert not isinstance(at_once.value, FewerRuns)

"""The experiment on contributions: what its rows say, again by other means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fedmech.fl.experiments.engine.configuration import read_configuration, shipped_configurations
from fedmech.fl.experiments.engine.registry import find_experiment
from fedmech.fl.experiments.papers import contribution as module
from fedmech.fl.experiments.papers.contribution_regimes import (
    axis_effects,
    is_over_regimes,
    regime_means,
)
from fedmech.fl.scoring.rank_correlation import rank_correlation
from fedmech.models.input_error import InputError

torch.set_num_threads(1)
SMALL = {
    "architecture": "softmax",
    "workers": 4,
    "samples": 12,
    "probe_size": 15,
    "warmup": 2,
    "steps": 3,
    "batch_size": 4,
    "test_size": 60,
    "markets": 2,
}


@pytest.fixture(scope="module")
def entry():
    return find_experiment("contribution")


@pytest.fixture(scope="module")
def rows(entry):
    return entry.run(entry.read(SMALL))


def column(rows, name, **wanted):
    return [row[name] for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_rows(entry, rows):
    rules = {*module.RULES, "update-size", "samples"}
    assert len(rows) == 2 * len(rules) * 2
    assert set(column(rows, "rule")) == rules
    assert set(column(rows, "measure")) == {"shapley", "leave-one-out"}
    assert all(value is None or abs(value) <= 1 for value in column(rows, "spearman"))
    assert set(column(rows, "with_update_size", rule="update-size")) == {1.0}
    assert set(column(rows, "idle_rank")) == {None}
    assert entry.run(entry.read(SMALL)) == rows


def test_a_market_depends_on_its_number_alone(entry, rows):
    first = entry.run(entry.read({**SMALL, "markets": 1}))
    assert first == [row for row in rows if row["market"] == 0]
    other = entry.run(entry.read({**SMALL, "markets": 1, "seed": 1}))
    assert other != first


@pytest.mark.parametrize("rounds", [1, 2])
def test_correlations_are_those_of_the_market(entry, rounds):
    settings = entry.read({**SMALL, "markets": 1, "value_rounds": rounds})
    scores, contributions, facts = module._market(settings, 0)
    assert contributions["shapley"].sum() == pytest.approx(facts["gain"], abs=1e-9)
    for row in entry.run(settings):
        found = rank_correlation(scores[row["rule"]], contributions[row["measure"]])
        assert (row["spearman"], row["kendall_p"]) == (found.spearman, found.kendall_p)


def test_moon_looks_back_at_the_rounds_before(entry):
    """Without earlier rounds it scores as FedAvg does; after them only what asks no local model is as before."""
    for warmup, same in ((0, True), (3, False)):
        settings = {**SMALL, "architecture": "mlp", "markets": 1, "warmup": warmup}
        plain, moon = (module._market(entry.read({**settings, "loss": loss}), 0)[0] for loss in ("fedavg", "moon"))
        assert np.array_equal(plain["samples"], moon["samples"])
        assert np.allclose(plain["drift"], moon["drift"], atol=1e-6) == same


def test_an_idle_worker_is_ranked_first_by_drift_and_last_by_movement(entry):
    found = entry.run(entry.read({**SMALL, "idle": 1, "markets": 4}))
    assert set(column(found, "idle_rank", rule="drift")) == {1}
    assert set(column(found, "idle_rank", rule="drift-l2")) == {1}
    assert set(column(found, "idle_rank", rule="update-size")) == {4}
    assert all(1 <= rank <= 4 for rank in column(found, "idle_contribution_rank"))


def test_ranks_share_ties():
    assert module._rank_of_last(np.array([3.0, 1.0, 2.0])) == 2
    assert module._rank_of_last(np.array([2.0, 2.0, 2.0])) == 2
    assert module._rank_of_last(np.array([5.0, 2.0, 2.0])) == 2.5


def test_without_history_there_is_no_reputation(entry):
    found = entry.run(entry.read({**SMALL, "warmup": 0, "markets": 1}))
    assert column(found, "spearman", rule="reputation") == [None, None]
    assert column(found, "spearman", rule="participation") == [None, None]
    assert None not in column(found, "spearman", rule="drift")


def test_the_first_round_from_nothing_earns_a_reputation(entry):
    settings = entry.read({**SMALL, "warmup": 1, "label_noise": 0.0, "samples": 40, "memory": 0.25, "beta": 100.0})
    for market in range(2):
        scores, _, _ = module._market(settings, market)
        hired = scores["participation"] > 0
        assert hired.sum() == 2
        assert (scores["participation"][hired] == 0.75).all()
        assert (scores["reputation"][hired] > 0).all()
        assert len(set(scores["reputation"][hired])) == 1
        assert not scores["reputation"][~hired].any()


def test_figures(rows):
    table = pd.DataFrame(rows)
    assert len(module.figure(table).axes) == 2
    both = pd.concat(
        [table.assign(beta=0.1, warmup=0), table.assign(beta=5.0, warmup=1), table.assign(beta=5.0, warmup=2)]
    )
    axes = module.figure(both).axes
    assert [axis.get_xlabel() for axis in axes] == ["warmup", "warmup"]
    assert [text.get_text() for text in axes[0].get_xticklabels()] == ["0", "1", "2"]


def regimes(rows, **swept):
    """The rows once for every combination of the swept values, correlations moved by a known step for every value."""
    tables = []
    for places in np.ndindex(*(len(values) for values in swept.values())):
        chosen = {name: values[place] for (name, values), place in zip(swept.items(), places, strict=True)}
        moved = [None if r["spearman"] is None else r["spearman"] / 10 + 0.1 * sum(places) for r in rows]
        tables.append(pd.DataFrame(rows).assign(**{**REGIME, **chosen}, spearman=moved))
    return pd.concat(tables)


REGIME = {"architecture": "mlp", "loss": "fedavg", "batch_size": 8, "beta": 0.1, "steps": 5, "momentum": 0.0, "seed": 0}


def test_regimes_are_compared_market_by_market(rows):
    # The stubs of pandas take a selection of rows for many things.
    table: Any = regimes(rows, beta=[0.1, 1.0], steps=[5, 20], architecture=["mlp", "softmax"])
    own = [row["spearman"] for row in rows if (row["rule"], row["measure"]) == ("drift", "shapley")]
    means = regime_means(table, "drift", "shapley")
    assert len(means) == 8
    assert means.loc[("mlp", "fedavg", 8, 0.1, 5, 0.0), "mean"] == pytest.approx(np.mean(own) / 10)
    assert means.loc[("softmax", "fedavg", 8, 1.0, 20, 0.0), "mean"] == pytest.approx(np.mean(own) / 10 + 0.3)
    assert means["sem"].to_numpy() == pytest.approx(np.std(own, ddof=1) / 10 / np.sqrt(2))
    loss = [row["spearman"] for row in rows if (row["rule"], row["measure"]) == ("loss-delta", "shapley")]
    less = regime_means(table, "drift", "shapley", less="loss-delta")["mean"].to_numpy()
    assert less == pytest.approx((np.mean(own) - np.mean(loss)) / 10)
    # However different the markets are, the paired change is what was put in, and without error; a hole takes its partners out.
    table = table[~((table["beta"] == 1.0) & (table["steps"] == 20))]
    effects = axis_effects(table, "drift", "shapley")
    assert set(effects) == {"beta", "steps", "architecture"}
    assert effects["beta"] == (0.1, 1.0, pytest.approx(0.1), pytest.approx(0, abs=1e-12))
    assert effects["architecture"][:2] == ("mlp", "softmax")
    assert axis_effects(table[table["market"] == 0], "drift", "shapley") == {}


def test_the_figure_over_regimes(rows):
    two = regimes(rows, beta=[0.1, 1.0], steps=[5, 20])
    assert not is_over_regimes(two)
    assert [axis.get_xlabel() for axis in module.figure(two).axes] == ["beta", "beta"]
    three = regimes(rows, beta=[0.1, 1.0], steps=[5, 20], loss=["fedavg", "moon"])
    assert is_over_regimes(three)
    axes = module.figure(three).axes
    assert len(axes) == 4
    cells = [text.get_text() for text in axes[0].texts]
    assert cells == [f"{value:.2f}" for value in regime_means(three, "drift", "shapley")["mean"]]
    assert [text.get_text() for text in axes[3].get_yticklabels()] == [
        "loss\nfedavg to moon",
        "beta\n0.1 to 1.0",
        "steps\n5 to 20",
    ]


def test_momentum_is_an_axis(entry):
    plain, moved = (entry.run(entry.read({**SMALL, "markets": 1, "momentum": value})) for value in (0.0, 0.9))
    assert column(plain, "gain") != column(moved, "gain")


@pytest.mark.parametrize(
    "name",
    ["contribution", "contribution-rounds", "contribution-stage", "contribution-regimes", "contribution-architectures"],
)
def test_shipped_configurations_are_read(name):
    assert name in shipped_configurations()
    configuration = read_configuration(name)
    assert configuration.experiment.name == "contribution"
    assert len(configuration.points()) == configuration.size > 1


def test_refused_settings(entry):
    for bad in ({"idle": 4}, {"idle": 1, "value_rounds": 2}, {"workers": 13}, {"metric": "f1"}):
        with pytest.raises(InputError):
            entry.read({**SMALL, **bad})

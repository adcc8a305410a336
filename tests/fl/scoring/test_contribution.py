"""Coalitions of workers, trained as one batch and one by one; contributions to the models they make."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fedmech.fl.data.dirichlet import dirichlet
from fedmech.fl.data.load import load_dataset
from fedmech.fl.scoring import contribution
from fedmech.fl.scoring.contribution import (
    Objective,
    contributions,
    one_round_value,
    several_rounds_value,
)
from fedmech.fl.scoring.drift_score import drift_scores, scoring_update
from fedmech.fl.scoring.probe import draw_probe
from fedmech.fl.scoring.shapley import all_coalitions, leave_one_out, sampled_shapley
from fedmech.fl.training.aggregate import average
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.evaluate import evaluate
from fedmech.fl.training.parameters import clients_of, stack
from fedmech.fl.training.recipe import Recipe
from fedmech.models.input_error import InputError
from one_by_one import train_clients_one_by_one

torch.set_num_threads(1)
N = 5
RECIPE = Recipe(steps=3, batch_size=6, learning_rate=0.3, momentum=0.3, seed=4)


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("digits", seed=2)


@pytest.fixture(scope="module")
def holdings(dataset):
    parts = dirichlet(dataset.train_labels, N, 0.5, np.random.default_rng(6), least=4)
    return [part[: 5 + 9 * i] for i, part in enumerate(parts)]


@pytest.fixture(scope="module")
def sizes(holdings):
    return [len(held) for held in holdings]


@pytest.fixture(scope="module")
def arch(dataset):
    return architecture("mlp", dataset.input_shape, 10, hidden=12, head=8, representation=6)


@pytest.fixture(scope="module")
def start(arch):
    return arch.initial(3)


@pytest.fixture(scope="module")
def local(arch, start, dataset, holdings):
    return scoring_update(arch, start, dataset.train_inputs, dataset.train_labels, holdings, RECIPE)


def on_test(dataset, metric, weights=None):
    return Objective(dataset.test_inputs[:120], dataset.test_labels[:120], metric, weights)


@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, 10)])
@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_one_round_coalition_by_coalition(arch, start, local, dataset, sizes, metric, weights, monkeypatch):
    test = on_test(dataset, metric, weights)
    monkeypatch.setattr(contribution, "_NUMBERS", 3 * arch.size)
    found = one_round_value(arch, start, local, sizes, test)(all_coalitions(N))

    def worth(model):
        loss, accuracy = evaluate(arch, model, test.inputs, test.labels, weights)
        return accuracy if metric == "accuracy" else -loss

    for row, members in enumerate(all_coalitions(N)):
        chosen = np.flatnonzero(members).tolist()
        expected = 0.0
        if chosen:
            averaged = average(clients_of(local, chosen), [sizes[i] for i in chosen])
            expected = worth(averaged) - worth(start)
        assert found[row] == pytest.approx(expected, abs=1e-6)
    assert found[0] == 0


@pytest.mark.parametrize("loss", ["fedavg", "fedprox", "moon"])
def test_several_rounds_coalition_by_coalition(arch, start, dataset, holdings, sizes, loss):
    """Federated averaging written out: each coalition by itself, its members one by one."""
    recipe = replace(RECIPE, loss=loss, proximal=0.3, contrast=0.7)
    test = on_test(dataset, "loss")
    given = (dataset.train_inputs, dataset.train_labels)
    coalitions = all_coalitions(N)[[0, 1, 6, 21, 31]]
    found = several_rounds_value(arch, start, *given, holdings, recipe, 3, test)(coalitions)
    before = evaluate(arch, start, test.inputs, test.labels)[0]
    for row, members in enumerate(coalitions):
        chosen = np.flatnonzero(members).tolist()
        model, previous = start, None
        for number in range(3 if chosen else 0):
            trained = train_clients_one_by_one(
                arch,
                model,
                *given,
                [holdings[i] for i in chosen],
                replace(recipe, seed=recipe.seed + number),
                previous=previous,
                clients=chosen,
            )
            model = average(trained, [sizes[i] for i in chosen])
            previous = trained if loss == "moon" else None
        assert found[row] == pytest.approx(before - evaluate(arch, model, test.inputs, test.labels)[0], abs=2e-5)


def test_one_round_of_moon_looks_back_in_both_games(arch, start, local, dataset, holdings, sizes):
    test, recipe = on_test(dataset, "loss"), replace(RECIPE, loss="moon", contrast=3.0)
    given = (dataset.train_inputs, dataset.train_labels, holdings, recipe)
    updates = scoring_update(arch, arch.initial(8), *given, previous=local)
    one = one_round_value(arch, arch.initial(8), updates, sizes, test)(all_coalitions(N))
    value = several_rounds_value(arch, arch.initial(8), *given, 1, test, previous=local)
    assert np.allclose(value(all_coalitions(N)), one, atol=1e-6)
    blind = several_rounds_value(arch, arch.initial(8), *given, 1, test)
    assert np.abs(blind(all_coalitions(N)) - one).max() > 1e-4


def test_one_round_is_several_rounds_at_one(arch, start, local, dataset, holdings, sizes, monkeypatch):
    test = on_test(dataset, "loss")
    given = (arch, start, dataset.train_inputs, dataset.train_labels, holdings, RECIPE)
    one = one_round_value(arch, start, local, sizes, test)(all_coalitions(N))
    assert np.allclose(several_rounds_value(*given, 1, test)(all_coalitions(N)), one, atol=1e-6)
    whole = several_rounds_value(*given, 2, test)(all_coalitions(N))
    monkeypatch.setattr(contribution, "_NUMBERS", 7 * N * arch.size)
    parts = several_rounds_value(*given, 2, test)(all_coalitions(N))
    assert np.allclose(parts, whole, atol=1e-6)
    assert not np.allclose(whole, one, atol=1e-3)


def test_contributions_exact_and_sampled(arch, start, local, dataset, sizes):
    value = one_round_value(arch, start, local, sizes, on_test(dataset, "loss"))
    exact = contributions(value, N)
    assert exact.exact
    assert np.allclose(exact.leave_one_out, leave_one_out(value, N), atol=1e-9)
    assert exact.shapley.sum() == pytest.approx(exact.everybody, abs=1e-9)
    assert np.allclose(exact.alone, value(np.eye(N, dtype=bool)), atol=1e-9)
    sampled = contributions(value, N, exact_limit=4, permutations=150, seed=2)
    assert not sampled.exact
    assert np.allclose(sampled.leave_one_out, exact.leave_one_out, atol=1e-9)
    assert sampled.everybody == pytest.approx(exact.everybody)
    assert (np.abs(sampled.shapley - exact.shapley) < 4.5 * sampled.errors).all()
    assert np.array_equal(sampled.shapley, sampled_shapley(value, N, permutations=150, seed=2).values)


def test_a_worker_that_does_nothing(arch, start, local, dataset, sizes):
    """It hands back the global model: the best drift score there is, and no gain by itself."""
    idle = stack([*(clients_of(local, i) for i in range(N)), start])
    probe = draw_probe(dataset, 40, 1)
    assert drift_scores(arch, start, idle, probe).argmax() == N
    found = contributions(one_round_value(arch, start, idle, [*sizes, 20], on_test(dataset, "loss")), N + 1)
    # Single-precision logits of one model and of a stack are rounded differently.
    assert abs(found.alone[N]) < 1e-7


def test_refusals(arch, start, local, dataset, holdings, sizes):
    test = on_test(dataset, "accuracy")
    with pytest.raises(InputError, match="metric"):
        on_test(dataset, "f1")
    with pytest.raises(InputError, match="stacked"):
        one_round_value(arch, start, start, sizes, test)
    for bad in (sizes[:-1], [0, *sizes[1:]], [np.nan, *sizes[1:]]):
        with pytest.raises(InputError, match="as many finite weights > 0"):
            one_round_value(arch, start, local, bad, test)
    with pytest.raises(InputError, match="columns"):
        one_round_value(arch, start, local, sizes, test)(np.ones((2, N + 1), dtype=bool))
    with pytest.raises(InputError, match="rounds"):
        several_rounds_value(arch, start, dataset.train_inputs, dataset.train_labels, holdings, RECIPE, 0, test)
    with pytest.raises(InputError, match="at least one worker"):
        contributions(lambda c: c.sum(axis=1), 0)

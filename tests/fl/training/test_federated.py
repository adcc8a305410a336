"""Rounds of federated averaging against a server written out with the client-by-client loop, and against coalitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.coalitions import train_coalitions
from fedmech.fl.training.evaluate import evaluate
from fedmech.fl.training.federated import federated_rounds, round_recipe, train_federated
from fedmech.fl.training.parameters import Params, stack
from fedmech.fl.training.recipe import LOSSES, Recipe
from fedmech.models.input_error import InputError
from one_by_one import train_clients_one_by_one

torch.set_num_threads(1)

THETA = 0.125
MODEL = architecture("mlp", (6,), 3, hidden=7, head=5, representation=4)


def setting(seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    sizes = [1, 9, 4, 17, 4, 2]
    held = [rng.choice(40, size, replace=False) for size in sizes]
    return rng.standard_normal((40, 6)), rng.integers(0, 3, 40), held


def written_out(
    start: Params,
    x: np.ndarray,
    y: np.ndarray,
    held: list[np.ndarray],
    recipe: Recipe,
    who: list[list[int]],
    weighting: str,
) -> list[Params]:
    """The server's loop with one client at a time, every client's last local model kept in a dictionary."""
    model, last, models = start, {}, []
    for number, participants in enumerate(who):
        now = replace(recipe, seed=recipe.seed + number, learning_rate=recipe.learning_rate / (1 + 0.5 * number))
        locals_ = []
        for client in participants:
            # Who has not taken part has the first global model for its last local one.
            before = last.get(client, start)
            one = train_clients_one_by_one(MODEL, model, x, y, [held[client]], now, previous=before, clients=[client])
            locals_.append({name: tensor[0] for name, tensor in one.items()})
        own = {"plain": lambda D: 1.0, "samples": float, "least-error": lambda D: 1 / (1 / D + THETA)}[weighting]
        weights = [own(len(held[client])) for client in participants]
        last |= dict(zip(participants, locals_, strict=True))
        shares = torch.tensor(weights, dtype=torch.float64) / sum(weights)
        model = {name: torch.einsum("k,k...->...", shares, tensor) for name, tensor in stack(locals_).items()}
        models.append(model)
    return models


@pytest.mark.parametrize("weighting", ["samples", "plain", "least-error"])
@pytest.mark.parametrize("loss", LOSSES)
def test_rounds_are_those_of_a_server_written_out(loss: str, weighting: str) -> None:
    x, y, held = setting(3)
    recipe = Recipe(loss, steps=3, batch_size=3, learning_rate=0.3, momentum=0.6, proximal=0.5, contrast=2.0, seed=11)
    who = [[0, 1, 3], [1, 2, 4], [3], [0, 1, 2, 3, 4, 5]]
    start = MODEL.initial(4, torch.float64)
    expected = written_out(start, x, y, held, recipe, who, weighting)
    found = train_federated(
        MODEL,
        x,
        y,
        held,
        recipe,
        rounds=4,
        participants=who.__getitem__,
        weighting=weighting,
        heterogeneity=THETA if weighting == "least-error" else 0.0,
        start=start,
        decay=0.5,
        decaying="inverse",
        test=(x, y),
        class_weights=[1, 0, 2.5],
    )
    for one, other, participants in zip(found, expected, who, strict=True):
        assert max(float((one.params[name] - other[name]).abs().max()) for name in other) < 1e-12
        assert one.participants.tolist() == participants
        loss_there, accuracy_there = evaluate(MODEL, other, x, y, [1, 0, 2.5])
        assert one.loss == pytest.approx(loss_there, rel=1e-9)
        assert one.accuracy == accuracy_there
    assert [one.learning_rate for one in found] == pytest.approx([0.3, 0.2, 0.15, 0.12])


def test_one_coalition_is_federated_averaging() -> None:
    x, y, held = setting(5)
    recipe = Recipe(steps=4, batch_size=3, learning_rate=0.2, seed=6)
    members = [0, 2, 3, 5]
    apart = train_coalitions(MODEL, [members, [1]], x, y, held, recipe, rounds=3, decay=0.7)
    rounds = train_federated(MODEL, x, y, held, recipe, rounds=3, participants=members, weighting="plain", decay=0.7)
    for name, tensor in rounds[-1].params.items():
        assert float((tensor - apart[name][0]).abs().max()) < 1e-6


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    x, y, held = setting(7)
    runs = [train_federated(MODEL, x, y, held, Recipe(batch_size=2, seed=seed), rounds=2) for seed in (1, 1, 2)]
    models = stack([run[-1].params for run in runs])["output.weight"]
    assert torch.equal(models[0], models[1])
    assert not torch.equal(models[0], models[2])


def test_a_caller_may_stop_after_any_round() -> None:
    x, y, held = setting(8)
    first = next(federated_rounds(MODEL, x, y, held, Recipe(), rounds=10**9))
    assert (first.number, first.loss, first.accuracy) == (0, None, None)
    assert train_federated(MODEL, x, y, held, Recipe(), rounds=0) == []


def test_learning_improves_a_separable_problem() -> None:
    rng = np.random.default_rng(1)
    centres = 3 * rng.standard_normal((3, 6))
    y = rng.integers(0, 3, 90)
    x = centres[y] + 0.3 * rng.standard_normal((90, 6))
    held = np.array_split(np.arange(60), 5)
    done = train_federated(MODEL, x, y, held, Recipe(learning_rate=0.2), rounds=15, test=(x[60:], y[60:]))
    assert done[-1].accuracy == 1
    assert done[-1].loss is not None
    assert done[0].loss is not None
    assert done[-1].loss < done[0].loss / 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"participants": []}, "at least one participant"),
        ({"participants": [1, 1]}, "each named once"),
        ({"participants": [6]}, "not among the clients 0 to 5"),
        ({"weighting": "median"}, "field 'weighting'"),
        ({"weighting": "least-error", "heterogeneity": -1.0}, "field 'heterogeneity'"),
        ({"weighting": "least-error", "heterogeneity": float("inf")}, "field 'heterogeneity'"),
        ({"heterogeneity": 0.5}, "field 'heterogeneity'"),
        ({"decaying": "cosine"}, "field 'decaying'"),
        ({"decay": 0.0}, "field 'decay'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    x, y, held = setting(9)
    with pytest.raises(InputError, match=message):
        train_federated(MODEL, x, y, held, Recipe(), rounds=1, **options)


def test_only_participants_need_samples() -> None:
    x, y, held = setting(10)
    held[2] = held[2][:0]
    assert len(train_federated(MODEL, x, y, held, Recipe(), rounds=1, participants=[0, 1])) == 1
    with pytest.raises(InputError, match="holds no samples"):
        train_federated(MODEL, x, y, held, Recipe(), rounds=1)
    with pytest.raises(InputError, match="field 'rounds'"):
        train_federated(MODEL, x, y, held, Recipe(), rounds=-1)


def test_the_rate_decays_in_both_forms() -> None:
    recipe = Recipe(learning_rate=0.8, seed=3)
    assert round_recipe(recipe, 3, 0.5).learning_rate == pytest.approx(0.1)
    assert round_recipe(recipe, 3, 1.0, "inverse").learning_rate == pytest.approx(0.2)
    assert round_recipe(recipe, 3).seed == 6

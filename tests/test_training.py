"""Training of many clients at once gives the numbers of training them one by one, whatever the clients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fedmech.fl.training.architectures import Architecture, architecture
from fedmech.fl.training.batched import train_clients
from fedmech.fl.training.loop import train_clients_one_by_one
from fedmech.fl.training.parameters import Params, stack
from fedmech.fl.training.recipe import LOSSES, Recipe

SHAPES = {"softmax": (7,), "mlp": (2, 3, 3), "cnn": (2, 9, 7)}
SIZES = {"softmax": {}, "mlp": {"hidden": 9, "head": 6, "representation": 5}, "cnn": {"first": 3, "second": 4}}


def small(name: str) -> Architecture:
    return architecture(name, SHAPES[name], 4, **SIZES[name])


def samples(name: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, *SHAPES[name])), rng.integers(0, 4, count)


def furthest(one: Params, other: Params) -> float:
    assert set(one) == set(other)
    return max([float((one[name] - other[name]).abs().max()) for name in one if one[name].numel()], default=0.0)


def deal(sizes: list[int], total: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(total, size, replace=False)) for size in sizes]


RECIPES = {
    "full": {"batch_size": None, "momentum": 0.9, "weight_decay": 0.01},
    "wrapping": {"batch_size": 4, "momentum": 0.5, "weight_decay": 1e-3},
    "single": {"batch_size": 1},
    "large": {"batch_size": 100, "weight_decay": 0.1},
}


@pytest.mark.parametrize("batches", RECIPES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", SHAPES)
def test_the_batch_gives_the_numbers_of_the_loop(name: str, loss: str, batches: str) -> None:
    model = small(name)
    x, y = samples(name, 60, 1)
    held = deal([1, 23, 4, 5, 4, 1, 17, 3, 60, 2], 60, 2)
    recipe = Recipe(loss, steps=7, learning_rate=0.2, proximal=0.7, contrast=1.3, seed=5, **RECIPES[batches])
    previous = stack([model.initial(seed, torch.float64) for seed in range(100, 110)])
    starts = stack([model.initial(seed, torch.float64) for seed in range(10)])
    for start, before in ((model.initial(0, torch.float64), previous), (starts, None), (starts, previous)):
        one = train_clients(model, start, x, y, held, recipe, previous=before)
        other = train_clients_one_by_one(model, start, x, y, held, recipe, previous=before)
        assert furthest(one, other) < 1e-12
        assert all(bool(torch.isfinite(tensor).all()) for tensor in one.values())
    single = train_clients(model, model.initial(0), x, y, held, recipe)
    other = train_clients_one_by_one(model, model.initial(0), x, y, held, recipe)
    assert single["output.weight"].dtype == torch.float32
    assert furthest(single, other) < 1e-5

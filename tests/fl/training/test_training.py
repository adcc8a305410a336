"""Training of many clients at once gives the numbers of training them one by one, whatever the clients."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch
from campaign import thorough
from fedmech.fl.training import batched
from fedmech.fl.training.aggregate import average
from fedmech.fl.training.architectures import Architecture, architecture
from fedmech.fl.training.batch_order import batch_positions
from fedmech.fl.training.batched import train_clients
from fedmech.fl.training.evaluate import evaluate
from fedmech.fl.training.parameters import Params, clients_of, stack
from fedmech.fl.training.recipe import LOSSES, Recipe
from fedmech.models.input_error import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
from one_by_one import PlainModel, train_clients_one_by_one

torch.set_num_threads(1)

SHAPES = {"softmax": (7,), "mlp": (2, 3, 3), "cnn": (2, 9, 7), "swan-cnn": (2, 9, 7), "moon-cnn": (1, 5, 8)}
SIZES = {
    "softmax": {},
    "mlp": {"hidden": 9, "head": 6, "representation": 5},
    "cnn": {"first": 3, "second": 4},
    "swan-cnn": {"first": 3, "second": 4},
    "moon-cnn": {"first": 2, "second": 3, "hidden": 7, "encoder": 6, "head": 5, "representation": 8},
}
# What differs between the convolutional networks is how one forward pass ends.
CORE = ("softmax", "mlp", "cnn")


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


@pytest.mark.parametrize(
    ("name", "loss", "batches"),
    thorough(
        [*itertools.product(CORE, LOSSES, RECIPES), ("swan-cnn", "moon", "wrapping"), ("moon-cnn", "moon", "full")],
        lambda case: case[0] != "softmax" and case[2] in ("full", "large"),
    ),
)
def test_the_batch_gives_the_numbers_of_the_loop(name: str, loss: str, batches: str) -> None:
    model = small(name)
    x, y = samples(name, 60, 1)
    held = deal([1, 9, 4, 5, 4, 60], 60, 2)
    recipe = Recipe(loss, steps=4, learning_rate=0.2, proximal=0.7, contrast=1.3, seed=5, **RECIPES[batches])
    previous = stack([model.initial(seed, torch.float64) for seed in range(100, 106)])
    starts = stack([model.initial(seed, torch.float64) for seed in range(6)])
    for start, before in ((model.initial(0, torch.float64), previous), (starts, None), (starts, previous)):
        one = train_clients(model, start, x, y, held, recipe, previous=before)
        other = train_clients_one_by_one(model, start, x, y, held, recipe, previous=before)
        assert furthest(one, other) < 1e-12
        assert all(bool(torch.isfinite(tensor).all()) for tensor in one.values())
    single = train_clients(model, model.initial(0), x, y, held, recipe)
    other = train_clients_one_by_one(model, model.initial(0), x, y, held, recipe)
    assert single["output.weight"].dtype == torch.float32
    assert furthest(single, other) < 1e-5


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=7),
    batch_size=st.none() | st.integers(1, 9),
    loss=st.sampled_from(LOSSES),
    name=st.sampled_from(sorted(SHAPES)),
    seed=st.integers(0, 2**70),
    numbers=st.sampled_from([1, 5_000, 1 << 22]),
)
def test_any_clients_in_any_chunks(
    sizes: list[int], batch_size: int | None, loss: str, name: str, seed: int, numbers: int
) -> None:
    model = small(name)
    x, y = samples(name, 12, seed % 1000)
    x[3] = x[4] = 0  # windows that tie
    held = deal(sizes, 12, seed % 999)
    recipe = Recipe(loss, 3, batch_size, 0.1, momentum=0.8, weight_decay=0.01, seed=seed)
    start = model.initial(seed % 998, torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batched, "chunk_numbers", lambda device, dtype: numbers)
        patch.setattr(batched, "WASTE", numbers // 100)
        one = train_clients(model, start, x, y, held, recipe)
    assert furthest(one, train_clients_one_by_one(model, start, x, y, held, recipe)) < 1e-12


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("name", CORE)
def test_who_else_trains_does_not_matter(name: str, batch_size: int | None) -> None:
    model = small(name)
    x, y = samples(name, 50, 3)
    held = deal([1, 9, 30, 4, 12, 50, 2, 4], 50, 4)
    recipe = Recipe("moon", 6, batch_size, 0.2, momentum=0.9, seed=8)
    start, previous = model.initial(1), stack([model.initial(seed) for seed in range(8)])
    everybody = train_clients(model, start, x, y, held, recipe, previous=previous)
    for some in ([5], [6, 0, 2], [7, 3]):
        before = clients_of(previous, some)
        apart = train_clients(model, start, x, y, [held[i] for i in some], recipe, previous=before, clients=some)
        assert furthest(apart, clients_of(everybody, some)) < 1e-6
    # ... but which batches a client draws does depend on its number.
    if batch_size:
        other = train_clients(model, start, x, y, [held[5]], recipe, clients=[4])
        same = train_clients(model, start, x, y, [held[5]], recipe, clients=[5])
        assert furthest(other, same) > 1e-4


def written_out_order(samples: int, client: int, batch_size: int, steps: int, seed: int) -> list[list[int]]:
    """The batch order in plain integers."""

    def mixed(word: int) -> int:
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
        return word ^ (word >> 31)

    def key(*words: int) -> int:
        state = seed % 2**64
        for word in words:
            state = mixed(((state + 0x9E3779B97F4A7C15) % 2**64) ^ word)
        return mixed((state + 0x9E3779B97F4A7C15) % 2**64)

    stream: list[int] = []
    epoch = 0
    while len(stream) < steps * batch_size:
        stream += sorted(range(samples), key=lambda position: key(client, samples, epoch, position))
        epoch += 1
    return [stream[step * batch_size : (step + 1) * batch_size] for step in range(steps)]


@given(
    st.integers(1, 20),
    st.lists(st.integers(0, 2**40), min_size=1, max_size=3),
    st.integers(1, 9),
    st.integers(0, 2**66),
)
def test_the_batch_order_is_the_one_written_down(size: int, clients: list[int], batch_size: int, seed: int) -> None:
    found = batch_positions(size, clients, batch_size, 7, seed)
    for client, positions in zip(clients, found.tolist(), strict=True):
        if batch_size < size:
            assert positions == written_out_order(size, client, batch_size, 7, seed)
        else:
            assert positions == [list(range(size))] * 7


def test_batch_orders_are_spread_evenly() -> None:
    first = batch_positions(5, range(4000), 1, 5, 9)[:, :, 0]
    assert (np.sort(first, axis=1) == np.arange(5)).all()
    for step in range(5):
        counts = np.bincount(first[:, step], minlength=5)
        # Five standard deviations of a binomial count.
        assert np.abs(counts - 800).max() < 5 * np.sqrt(4000 * 0.2 * 0.8)


@pytest.mark.parametrize("name", SHAPES)
def test_one_forward_pass_in_three_ways(name: str) -> None:
    model = small(name)
    models = [model.initial(seed, torch.float64) for seed in range(3)]
    x = torch.randn(3, 5, *SHAPES[name], dtype=torch.float64)
    mapped = torch.func.vmap(model.forward)(stack(models), x)
    for found, vmapped in zip(model.forward(stack(models), x), mapped, strict=True):
        assert torch.allclose(found, vmapped, atol=1e-13)
    for found, number in zip(model.forward(stack(models), x[0]), range(2), strict=True):
        alone = torch.stack([model.forward(one, x[0])[number] for one in models])
        assert torch.allclose(found, alone, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "inputs"), [("swan-cnn", (3, 32, 32)), ("moon-cnn", (3, 32, 32)), ("moon-cnn", (1, 8, 8))]
)
def test_convolutional_networks_layer_by_layer(name: str, inputs: tuple[int, int, int]) -> None:
    """SWAN's and MOON's networks as `torch.nn.Sequential` states them."""
    model = architecture(name, inputs, 10)
    kernel, flat = (3, 64) if inputs[1] == 8 else (5, 32 * 64 if name == "swan-cnn" else 16 * 64)
    first, second = (16, 32) if name == "swan-cnn" else (6, 16)
    widths = [flat, 120, 84] if name == "swan-cnn" else [flat, 120, 84, 84, 256]
    layers: list[torch.nn.Module] = []
    for inward, outward in ((inputs[0], first), (first, second)):
        layers += [
            torch.nn.Conv2d(inward, outward, kernel, padding=kernel // 2),
            torch.nn.MaxPool2d(2),
            torch.nn.ReLU(),
        ]
    layers.append(torch.nn.Flatten())
    for inward, outward in itertools.pairwise(widths):
        layers += [torch.nn.Linear(inward, outward), torch.nn.ReLU()]
    if name == "moon-cnn":
        layers.pop()
    body, last = torch.nn.Sequential(*layers), torch.nn.Linear(widths[-1], 10)
    params = model.initial(3)
    whole = torch.nn.Sequential(body, last)
    whole.load_state_dict(dict(zip(whole.state_dict(), params.values(), strict=True)))
    x = torch.randn(7, *inputs)
    logits, representation = model.forward(params, x)
    assert torch.allclose(representation, body(x), atol=1e-5)
    assert torch.allclose(logits, whole(x), atol=1e-5)


def train_by_vmap(
    model: Architecture,
    start: Params,
    x: np.ndarray,
    y: np.ndarray,
    held: list[np.ndarray],
    recipe: Recipe,
    before: Params,
) -> Params:
    """A third way: `torch.func` maps the gradient of a plain module over the clients; momentum, decay and losses by their formulas."""
    plain = PlainModel(model).double()
    images, classes = torch.from_numpy(x), torch.from_numpy(y)
    clients = len(held)
    weights = torch.zeros(recipe.steps, clients, len(x), dtype=torch.float64)
    for client, indices in enumerate(held):
        size = len(indices)
        orders = [list(range(size))] * recipe.steps
        if recipe.batch_size is not None and recipe.batch_size < size:
            orders = written_out_order(size, client, recipe.batch_size, recipe.steps, recipe.seed)
        for step, order in enumerate(orders):
            for position in order:
                # A batch may hold a sample twice: it ends in one epoch and begins in the next.
                weights[step, client, indices[position]] += 1 / len(order)

    def objective(params: Params, previous: Params, weight: torch.Tensor) -> torch.Tensor:
        logits, z = torch.func.functional_call(plain, params, (images,))
        chosen = torch.nn.functional.one_hot(classes, model.classes)
        losses = torch.logsumexp(logits, 1) - (chosen * logits).sum(1)
        if recipe.loss == "moon":
            globally, formerly = (
                torch.func.functional_call(plain, given, (images,))[1].detach() for given in (start, previous)
            )
            alike = [(z * other).sum(1) / (z.norm(dim=1) * other.norm(dim=1)) for other in (globally, formerly)]
            near, far = (torch.exp(similarity / recipe.temperature) for similarity in alike)
            losses = losses - recipe.contrast * torch.log(near / (near + far))
        loss = (weight * losses).sum()
        if recipe.loss == "fedprox":
            loss = loss + recipe.proximal / 2 * sum(((params[name] - start[name]) ** 2).sum() for name in start)
        return loss

    gradient = torch.func.vmap(torch.func.grad(objective))
    params = {name: tensor.expand(clients, *tensor.shape).clone() for name, tensor in start.items()}
    velocity = {name: torch.zeros_like(tensor) for name, tensor in params.items()}
    for step in range(recipe.steps):
        slopes = gradient(params, before, weights[step])
        for name in params:
            velocity[name] = recipe.momentum * velocity[name] + slopes[name] + recipe.weight_decay * params[name]
            params[name] = params[name] - recipe.learning_rate * velocity[name]
    return params


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize(
    ("name", "loss"), [*itertools.product(CORE, LOSSES), ("swan-cnn", "moon"), ("moon-cnn", "moon")]
)
def test_a_third_way_by_torch_func(name: str, loss: str, batch_size: int | None) -> None:
    model = small(name)
    x, y = samples(name, 20, 11)
    held = deal([1, 7, 20, 4, 5], 20, 12)
    recipe = Recipe(loss, 5, batch_size, 0.2, 0.9, 0.02, proximal=0.7, contrast=1.3, temperature=0.4, seed=13)
    start = model.initial(14, torch.float64)
    before = stack([model.initial(seed, torch.float64) for seed in range(15, 20)])
    third = train_by_vmap(model, start, x, y, held, recipe, before)
    assert furthest(third, train_clients(model, start, x, y, held, recipe, previous=before)) < 1e-12
    assert furthest(third, train_clients_one_by_one(model, start, x, y, held, recipe, previous=before)) < 1e-12


def test_evaluation_written_out() -> None:
    model = small("mlp")
    x, y = samples("mlp", 37, 6)
    models = [model.initial(seed, torch.float64) for seed in range(4)]
    weights = np.array([1.0, 0.0, 2.5, 0.25])
    losses, accuracies = [], []
    for params in models:
        logits = model.forward(params, torch.from_numpy(x))[0].numpy()
        log_probabilities = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        of_sample = weights[y] / weights[y].sum()
        losses.append(-(of_sample * log_probabilities[np.arange(37), y]).sum())
        accuracies.append((of_sample * (logits.argmax(1) == y)).sum())
    for numbers in (1, 3 * model.activations, 1 << 23):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("fedmech.fl.training.evaluate.chunk_numbers", lambda device, dtype, n=numbers: n)
            loss, accuracy = evaluate(model, stack(models), x, y, weights)
            assert evaluate(model, models[2], x, y, weights) == pytest.approx((losses[2], accuracies[2]), rel=1e-12)
        assert loss == pytest.approx(losses, rel=1e-12)
        assert accuracy == pytest.approx(accuracies, rel=1e-12)
    assert isinstance(evaluate(model, models[0], x, y)[0], float)


def test_averages() -> None:
    models = stack([small("softmax").initial(seed) for seed in range(3)])
    found = average(models, [1, 0, 3])["output.bias"].double()
    expected = (models["output.bias"][0].double() + 3 * models["output.bias"][2].double()) / 4
    assert torch.allclose(found, expected, atol=1e-7)
    assert torch.allclose(average(models)["output.bias"], models["output.bias"].mean(0), atol=1e-7)
    for weights in ([1, 2], [0, 0, 0], [1, -1, 1], [1, float("nan"), 1]):
        with pytest.raises(InputError, match="weights"):
            average(models, weights)


def test_initial_models_follow_from_the_seed() -> None:
    model = architecture("cnn", (1, 8, 8), 10)
    one, other = model.initial(3), model.initial(3, torch.float64)
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name].float())
        fan_in = int(np.prod(model.shapes[name.replace("bias", "weight")][1:]))
        assert float(tensor.abs().max()) <= 1 / np.sqrt(fan_in)
    assert not torch.equal(model.initial(4)["output.bias"], one["output.bias"])
    assert model.size == sum(tensor.numel() for tensor in one.values())


def test_nobody_and_no_steps() -> None:
    model = small("cnn")
    x, y = samples("cnn", 5, 0)
    start = model.initial(0)
    for train in (train_clients, train_clients_one_by_one):
        assert train(model, start, x, y, [], Recipe())["output.weight"].shape == (0, *model.shapes["output.weight"])
        still = train(model, start, x, y, deal([2, 5], 5, 1), Recipe(steps=0))
        assert furthest(still, stack([start, start])) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holdings": [[0], []]}, "client 1: holds no samples"),
        ({"holdings": [[0, 7]]}, "client 0, field 'holdings': names a sample outside 0 to 5"),
        # Plain arrays are looked at together, and the one that is wrong is named all the same.
        (
            {"holdings": [np.array([0]), np.array([1, 6])]},
            "client 1, field 'holdings': names a sample outside 0 to 5",
        ),
        ({"holdings": [np.array([5]), np.array([-1])]}, "client 1, field 'holdings': names a sample outside 0 to 5"),
        ({"holdings": [np.array([0]), np.array([], dtype=np.int64)]}, "client 1: holds no samples"),
        ({"holdings": [[-1]]}, "client 0, field 'holdings'"),
        ({"holdings": [[0.5]]}, "not a list of sample indices"),
        ({"labels": [0, 1, 2, 3, 4, 0]}, "labels lie between 0 and 4"),
        ({"labels": [0, 1]}, "do not go together"),
        ({"inputs": np.zeros((6, 8))}, "do not suit softmax"),
        ({"clients": [1]}, "field 'clients'"),
        ({"start": {"w": torch.zeros(2)}}, "are not the architecture's"),
        ({"previous": small("softmax").initial(0) | {"output.bias": torch.zeros(3)}}, "of shapes"),
        ({"previous": stack([small("softmax").initial(0)] * 3)}, "field 'previous': 3 models for 2 clients"),
    ],
)
@pytest.mark.parametrize("train", [train_clients, train_clients_one_by_one])
def test_data_that_do_not_fit_are_refused(train, change: dict, message: str) -> None:
    model = small("softmax")
    x, y = samples("softmax", 6, 0)
    given_ = {
        "start": model.initial(0),
        "inputs": x,
        "labels": y,
        "holdings": [[0, 1], [2]],
        "recipe": Recipe(),
    } | change
    with pytest.raises(InputError, match=message):
        train(model, **given_)


@pytest.mark.parametrize(
    ("field", "values"),
    {
        "loss": ["sgd"],
        "steps": [-1, 1.5, True],
        "batch_size": [0, 2.0],
        "learning_rate": [0, -1, float("nan")],
        "temperature": [0],
        "momentum": [-0.1],
        "weight_decay": [float("inf")],
        "contrast": [-1],
        "proximal": [-1],
        "seed": [-1],
    }.items(),
)
def test_recipes_out_of_range_are_refused(field: str, values: list) -> None:
    for value in values:
        with pytest.raises(InputError, match=f"field '{field}'"):
            dataclasses.replace(Recipe(), **{field: value})


@pytest.mark.parametrize(
    ("name", "shape", "sizes"),
    [
        ("resnet", (1, 8, 8), {}),
        ("cnn", (64,), {}),
        ("cnn", (1, 3, 8), {}),
        ("cnn", (1, 8, 8), {"kernel": 4}),
        ("mlp", (8,), {"depth": 3}),
        ("mlp", (8,), {"hidden": 0}),
        ("softmax", (), {}),
    ],
)
def test_architectures_that_cannot_be_built_are_refused(name: str, shape: tuple, sizes: dict) -> None:
    with pytest.raises(InputError):
        architecture(name, shape, 10, **sizes)


def test_without_torch_there_is_one_message() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from fedmech.models.input_error import InputError\n"
        "try:\n    import fedmech.fl.training.recipe\nexcept InputError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "training needs torch: pip install 'fedmech[fl]'"

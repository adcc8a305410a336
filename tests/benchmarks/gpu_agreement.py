"""Whether training on a device gives the numbers of a processor: every model, objective and batch, and all that is built on training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from fedmech.fl.data.load import load_dataset
from fedmech.fl.rounds.procurement import run_rounds
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.fl.scoring.contribution import Objective, contributions, several_rounds_value
from fedmech.fl.scoring.drift_score import probe_drifts, scoring_update
from fedmech.fl.scoring.probe import draw_probe
from fedmech.fl.training.architectures import ARCHITECTURES, architecture
from fedmech.fl.training.batched import train_clients
from fedmech.fl.training.coalitions import train_coalitions
from fedmech.fl.training.evaluate import evaluate
from fedmech.fl.training.federated import train_federated
from fedmech.fl.training.parameters import Params, stack
from fedmech.fl.training.recipe import LOSSES, Recipe

__all__ = ["agreement", "apart", "draw_job"]

DOUBLE, SINGLE, KINK = 1e-10, 5e-5, 1e-4
"""How far a GPU's numbers may be from a processor's. In single precision a client whose unit has an input of 0 up to rounding may take the other
side of ReLU's kink, and is counted apart."""


def draw_job(
    rng: np.random.Generator, side: int, clients: int, samples: int
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Images with dark borders, whose windows tie, their classes, and 8 to 40 of them for each client."""
    x = rng.standard_normal((samples, 1, side, side), dtype=np.float32)
    x[:, :, : side // 7] = x[:, :, :, -(side // 7) :] = 0
    held = [np.sort(rng.choice(samples, size, replace=False)) for size in rng.integers(8, 41, clients)]
    return x, rng.integers(0, 10, samples), held


def apart(one: Params, other: Params) -> tuple[float, int]:
    """How far stacked models are apart where no client took another side of a kink, and how many clients did."""
    furthest = torch.stack([(one[key].cpu() - other[key].cpu()).abs().flatten(1).amax(1) for key in one]).amax(0)
    # A number that is none is not near.
    near = furthest < KINK
    return float(furthest[near].max()) if bool(near.any()) else float("nan"), int((~near).sum())


def agreement_of_training(where: str, small: bool) -> dict[str, Any]:
    """Every model, objective, batch and start, in both precisions."""
    x, y, held = draw_job(np.random.default_rng(5), 8, 6 if small else 40, 600)
    worst: dict[str, dict[str, float]] = {"float64": {}, "float32": {}}
    kinks = trained = 0
    for dtype, limit in ((torch.float64, DOUBLE), (torch.float32, SINGLE)):
        word = str(dtype).removeprefix("torch.")
        for name in ARCHITECTURES:
            model = architecture(name, (1, 8, 8), 10)
            common = model.initial(1, dtype)
            own = stack([model.initial(seed, dtype) for seed in range(len(held))])
            for loss in LOSSES:
                for batch_size in (None, 8):
                    for start in (common, own):
                        recipe = Recipe(loss, 5, batch_size, 0.05, momentum=0.9, weight_decay=1e-5)
                        options: dict[str, Any] = {"previous": model.initial(2, dtype)}
                        wanted = train_clients(model, start, x, y, held, recipe, **options)
                        found = train_clients(model, start, x, y, held, recipe, device=where, **options)
                        difference, many = apart(found, wanted)
                        trained += len(held)
                        kinks += many
                        worst[word][name] = max(worst[word].get(name, 0.0), difference)
        assert max(worst[word].values()) < limit, worst
        assert kinks == 0 if dtype == torch.float64 else kinks <= max(2, trained // 1000), kinks
    return {"furthest": worst, "kinks": kinks, "clients": trained}


def agreement_of_the_rest(where: str) -> dict[str, Any]:
    """Rounds, coalitions, evaluation, drift, contributions, a simulation: on a processor and here."""
    data = load_dataset("digits")
    x, y, test = data.train_inputs, data.train_labels, (data.test_inputs, data.test_labels)
    order = np.random.default_rng(3).permutation(len(x))
    held = [np.sort(part) for part in np.split(order[:600], 30)]
    furthest: dict[str, float] = {}

    def both(what: str, work: Callable[[str], Any], limit: float) -> None:
        there, here = (np.concatenate([np.ravel(np.asarray(part)) for part in work(at)]) for at in ("cpu", where))
        furthest[what] = float(np.abs(there - here).max())
        assert furthest[what] < limit, furthest

    def values(params: Params) -> list[np.ndarray]:
        return [tensor.cpu().numpy() for tensor in params.values()]

    probe = draw_probe(data, 40, 1)
    for name in ("mlp", "cnn"):
        model = architecture(name, data.input_shape, data.classes)
        start, recipe = model.initial(1, torch.float64), Recipe("moon", 4, 8, 0.05, momentum=0.9)
        local = scoring_update(model, start, x, y, held, recipe)

        def federated(at: str, model: Any = model, start: Params = start, recipe: Recipe = recipe) -> list[Any]:
            rounds = train_federated(
                model,
                x,
                y,
                held,
                recipe,
                rounds=4,
                participants=lambda r: range(r, 30, 3),
                start=start,
                test=test,
                device=at,
            )
            return [*values(rounds[-1].params), [each.loss for each in rounds], [each.accuracy for each in rounds]]

        def coalitions(at: str, model: Any = model, start: Params = start, recipe: Recipe = recipe) -> list[Any]:
            some = [[0], [1, 2, 3], list(range(30)), [5, 7]]
            return values(train_coalitions(model, some, x, y, held, recipe, rounds=3, start=start, device=at))

        def tested(at: str, model: Any = model, local: Params = local) -> list[Any]:
            return list(evaluate(model, {key: tensor.to(at) for key, tensor in local.items()}, *test))

        def drift(at: str, model: Any = model, start: Params = start, recipe: Recipe = recipe) -> list[Any]:
            return probe_drifts(
                model, start, scoring_update(model, start, x, y, held, recipe, device=at), probe, device=at
            )

        def shares(at: str, model: Any = model, start: Params = start, recipe: Recipe = recipe) -> list[Any]:
            game = several_rounds_value(model, start, x, y, held[:5], recipe, 2, Objective(*test), device=at)
            found = contributions(game, 5)
            return [found.leave_one_out, found.shapley]

        for what, work in (
            ("rounds", federated),
            ("coalitions", coalitions),
            ("evaluation", tested),
            ("drift", drift),
            ("contributions", shares),
        ):
            both(f"{what}, {name}", work, DOUBLE)

    def simulation(at: str) -> list[Any]:
        settings = ProcurementSettings(
            rounds=3, workers=12, train_samples=240, public_samples=20, public_steps=10, probe_size=40, architecture="cnn", optimum="none",
            perturbations=0, device=at,
        )  # fmt: skip
        rows = run_rounds(settings)
        return [
            [float(row[key]) for key in ("loss", "payment") if isinstance(row.get(key), int | float)] for row in rows
        ]

    both("procurement rounds in single precision", simulation, 1e-2)
    return furthest


def agreement(where: str, small: bool) -> dict[str, Any]:
    """Both."""
    return {"training": agreement_of_training(where, small), "the rest": agreement_of_the_rest(where)}

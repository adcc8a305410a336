"""What the requesters' models learn in a round: local training of the winners, averages, losses."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from ...models.input_error import InputError
from ..training.aggregate import average
from ..training.architectures import Architecture, architecture
from ..training.batched import train_clients
from ..training.evaluate import evaluate
from ..training.parameters import Params, clients_of, stack
from ..training.recipe import Recipe
from .environment import Environment, Purpose, generator
from .settings import ProcurementSettings
from .state import State
from .tasks import task_samples

__all__ = ["Learning"]


class Learning:
    """The learning side of a simulation.

    Parameters
    ----------
    settings : ProcurementSettings
    environment : Environment
    architecture : Architecture
    dtype : torch.dtype
        Number type of the models, and so of all training.
    """

    def __init__(
        self,
        settings: ProcurementSettings,
        environment: Environment,
        architecture: Architecture,
        dtype: torch.dtype = torch.float32,
    ):
        self.settings, self.environment, self.architecture, self.dtype = settings, environment, architecture, dtype
        data = environment.dataset
        # Copies, once and where torch computes: torch has no read-only tensors.
        self.inputs, self.labels = (
            torch.tensor(array, device=settings.device) for array in (data.train_inputs, data.train_labels)
        )

    def first_model(self) -> Params:
        """Train the common first model on the public samples."""
        settings, public, data = self.settings, self.environment.public, self.environment.dataset
        number = int(generator(settings.seed, Purpose.INITIAL).integers(2**31))
        model, device = self.architecture, str(settings.device)
        if not len(public) or not settings.public_steps:
            return model.initial(number, self.dtype)
        recipe = Recipe(steps=settings.public_steps, learning_rate=settings.learning_rate)
        images, labels = data.train_inputs[public], data.train_labels[public]
        kind = (model.name, model.input_shape, model.classes)
        parts = tuple((str(array.dtype), array.tobytes()) for array in (images, labels))
        found = _first_model(kind, number, self.dtype, parts, recipe, device)
        return {name: tensor.clone() for name, tensor in found.items()}

    def recipe(self, steps: int, purpose: Purpose, number: int) -> Recipe:
        """Make the recipe of a round's training, or of its scoring updates."""
        settings = self.settings
        return Recipe(
            loss=settings.objective,
            steps=steps,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
            proximal=settings.proximal,
            contrast=settings.contrast,
            temperature=settings.temperature,
            seed=int(generator(settings.seed, purpose, number).integers(2**31)),
        )

    def _train(
        self,
        start: Params,
        holdings: Sequence[np.ndarray],
        recipe: Recipe,
        clients: np.ndarray,
        previous: Params | None = None,
    ) -> Params:
        return train_clients(
            self.architecture,
            start,
            self.inputs,
            self.labels,
            holdings,
            recipe,
            previous=previous,
            clients=clients,
            device=self.settings.device,
        )

    def learn(self, state: State, assignment: np.ndarray, number: int) -> tuple[Params, Params | None, list[int]]:
        """Train every requester's model on its winners; one without winners that have samples for it keeps its model.

        Returns the models, the workers' latest models, and the number of samples each requester's winners trained on.
        """
        data, tasks = self.environment.dataset, self.environment.tasks
        held = {
            int(i): task_samples(tasks[assignment[i]], data.train_labels, self.environment.holdings[i])
            for i in np.flatnonzero(assignment >= 0)
        }
        clients = np.array([i for i, samples in held.items() if len(samples)], dtype=np.int64)
        used = [int(sum(len(held[i]) for i in clients if assignment[i] == j)) for j in range(len(tasks))]
        if not len(clients):
            return state.models, state.local, used
        requester = assignment[clients]
        trained = self._train(
            clients_of(state.models, torch.from_numpy(requester)),
            [held[i] for i in clients],
            self.recipe(self.settings.steps, Purpose.TRAINING, number),
            clients,
            None if state.local is None else clients_of(state.local, torch.from_numpy(clients)),
        )
        if self.settings.game != "overfit":
            # The idle and the copiers hand back what they were given.
            idle = torch.from_numpy(self.environment.games[clients])
            for name, tensor in trained.items():
                tensor[idle] = state.models[name][torch.from_numpy(requester)[idle]]
        models = []
        for j in range(len(tasks)):
            mine = np.flatnonzero(requester == j)
            if len(mine):
                weights = [len(held[i]) for i in clients[mine]]
                models.append(average(clients_of(trained, torch.from_numpy(mine)), weights))
            else:
                models.append(clients_of(state.models, j))
        local = None
        if state.local is not None:
            local = {name: tensor.clone() for name, tensor in state.local.items()}
            for name, tensor in trained.items():
                local[name][torch.from_numpy(clients)] = tensor
        return stack(models), local, used

    def evaluate(self, models: Params) -> list[tuple[float, float]]:
        """Test loss and accuracy of every requester's model on its own task."""
        data = self.environment.dataset
        found = []
        for j, task in enumerate(self.environment.tasks):
            model = clients_of(models, j)
            loss, accuracy = evaluate(self.architecture, model, data.test_inputs, data.test_labels, task.class_weights)
            if not np.isfinite(loss):
                raise InputError(
                    "its test loss is not finite: training diverged", row=f"task {task.id!r}", field="learning_rate"
                )
            found.append((float(loss), float(accuracy)))
        return found

    def probe_losses(self, models: Params) -> np.ndarray:
        """Loss of every requester's model on the probe images of its task, 0 where there are none: reputations see no test image."""
        probe, found = self.environment.probe, np.zeros(len(self.environment.tasks))
        images, labels = torch.tensor(probe.inputs), torch.tensor(probe.labels)
        for j, task in enumerate(self.environment.tasks):
            if np.isin(probe.labels, task.labels).any():
                found[j] = evaluate(self.architecture, clients_of(models, j), images, labels, task.class_weights)[0]
        return found


@lru_cache(maxsize=8)
def _first_model(
    kind: tuple[str, tuple[int, ...], int],
    number: int,
    dtype: torch.dtype,
    public: tuple[tuple[str, bytes], ...],
    recipe: Recipe,
    device: str,
) -> Params:
    """Train a first model on public images and labels: once for the points of a sweep that differ in mechanism or budget alone."""
    model = architecture(*kind)
    images, labels = (torch.tensor(np.frombuffer(data, dtype=of), device=device) for of, data in public)
    images = images.unflatten(0, (len(labels), *model.input_shape))
    holdings = [np.arange(len(labels))]
    first = model.initial(number, dtype)
    return clients_of(train_clients(model, first, images, labels, holdings, recipe, device=device), 0)

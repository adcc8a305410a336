"""Training client by client: ``torch.nn`` modules, ``torch.optim.SGD`` and autograd, one client after another.

The reference that `batched` has to agree with, and the speed it is measured against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from fedmech.fl.training.architectures import Architecture
from fedmech.fl.training.batch_order import batch_positions
from fedmech.fl.training.holdings import (
    check_clients,
    check_holdings,
    check_models,
    check_samples,
)
from fedmech.fl.training.parameters import (
    Params,
    clients_of,
    place,
    stack,
)
from fedmech.fl.training.recipe import Recipe
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["PlainModel", "train_clients_one_by_one"]


class PlainModel(nn.Module):
    """An architecture as an ordinary PyTorch module, with the same parameter names.

    Parameters
    ----------
    architecture : Architecture
        Which.
    """

    def __init__(self, architecture: Architecture):
        super().__init__()
        self.kind = architecture.name
        for name, shape in architecture.shapes.items():
            layer, _, part = name.rpartition(".")
            if part == "weight" and len(shape) == 4:
                self.add_module(layer, nn.Conv2d(shape[1], shape[0], shape[2], padding="same"))
            elif part == "weight":
                self.add_module(layer, nn.Linear(shape[1], shape[0]))
        self.pool = nn.MaxPool2d(2)
        self.rectify = nn.ReLU()
        self.flatten = nn.Flatten()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and representation of a batch.

        Parameters
        ----------
        x : Tensor, shape (b, \\*input_shape)
            A batch.

        Returns
        -------
        tuple of Tensor, shapes (b, classes) and (b, r)
        """
        layers = dict(self.named_children())
        if self.kind == "softmax":
            logits = layers["output"](self.flatten(x))
            log_probabilities = torch.log_softmax(logits, dim=1)
            return logits, log_probabilities - log_probabilities.mean(dim=1, keepdim=True)
        if self.kind == "mlp":
            x = self.rectify(layers["hidden"](self.flatten(x)))
        else:
            x = self.pool(self.rectify(layers["first"](x)))
            x = self.flatten(self.pool(self.rectify(layers["second"](x))))
        if self.kind == "moon-cnn":
            x = self.rectify(layers["encoder"](self.rectify(layers["hidden"](x))))
        representation = layers["projection"](self.rectify(layers["head"](x)))
        if self.kind == "swan-cnn":
            representation = self.rectify(representation)
        return layers["output"](representation), representation


def _loaded(architecture: Architecture, params: Mapping[str, Tensor]) -> PlainModel:
    example = next(iter(params.values()))
    model = PlainModel(architecture).to(device=example.device, dtype=example.dtype)
    model.load_state_dict(dict(params))
    return model


def train_clients_one_by_one(
    architecture: Architecture,
    start: Mapping[str, Tensor],
    inputs: Any,
    labels: Any,
    holdings: Sequence[Any],
    recipe: Recipe,
    *,
    previous: Mapping[str, Tensor] | None = None,
    clients: Sequence[int] | NDArray[np.int64] | None = None,
    device: str | torch.device = "cpu",
) -> Params:
    """Train clients, one after another.

    Parameters
    ----------
    architecture, start, inputs, labels, holdings, recipe, previous, clients, device
        As in `batched.train_clients`.

    Returns
    -------
    Params
        Stacked, as `batched.train_clients` returns them.

    Raises
    ------
    InputError
        As `batched.train_clients`.
    """
    start = place(start, device)
    x, y = check_samples(architecture, inputs, labels, device, next(iter(start.values())).dtype)
    held = check_holdings(holdings, len(y))
    identities = check_clients(clients, len(held))
    stacked = check_models(architecture, start, len(held), "start")
    before = start if previous is None else place(previous, device)
    before_stacked = check_models(architecture, before, len(held), "previous")
    cross_entropy, cosine = nn.CrossEntropyLoss(), nn.CosineSimilarity(dim=-1)
    trained = []
    for client, indices in enumerate(held):
        given = clients_of(start, client) if stacked else start
        model, reference = _loaded(architecture, given), _loaded(architecture, given)
        old = _loaded(architecture, clients_of(before, client) if before_stacked else before)
        optimiser = torch.optim.SGD(
            model.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
        order = batch_positions(
            len(indices), identities[client : client + 1], recipe.batch_size, recipe.steps, recipe.seed
        )
        for positions in order[0]:
            batch = torch.from_numpy(indices[positions]).to(x.device)
            images, classes = x[batch], y[batch]
            optimiser.zero_grad()
            logits, representation = model(images)
            loss = cross_entropy(logits, classes)
            if recipe.loss == "fedprox":
                for mine, theirs in zip(model.parameters(), reference.parameters(), strict=True):
                    loss = loss + recipe.proximal / 2 * (mine - theirs.detach()).square().sum()
            elif recipe.loss == "moon":
                with torch.no_grad():
                    positive, negative = reference(images)[1], old(images)[1]
                similarities = torch.stack([cosine(representation, positive), cosine(representation, negative)], dim=1)
                first = torch.zeros(len(images), dtype=torch.int64, device=x.device)
                loss = loss + recipe.contrast * cross_entropy(similarities / recipe.temperature, first)
            loss.backward()
            optimiser.step()
        trained.append({name: tensor.detach() for name, tensor in model.named_parameters()})
    return stack(trained) if trained else {name: x.new_zeros(0, *shape) for name, shape in architecture.shapes.items()}

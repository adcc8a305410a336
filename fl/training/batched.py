"""Training many clients as one computation: one batched gradient step moves every client's own model.

Clients whose batches are all of their samples are padded to equal length and masked, in buckets of similar size; the
others draw mini-batches of equal size and need no mask. The gradient of the sum of the clients' losses with respect to the
stacked parameters is each client's own gradient. Buckets are cut so that memory stays bounded however many clients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .architectures import Architecture
from .batch_order import batch_positions, batch_width
from .device import chunk_numbers, full_precision, on_device, threads_for
from .holdings import (
    check_clients,
    check_holdings,
    check_models,
    check_samples,
)
from .parameters import (
    Params,
    clients_of,
    models_in,
    place,
)
from .recipe import Recipe

__all__ = ["train_clients"]

PADDING = 0.25
"""Padded samples per real sample that a chunk of unequal clients may always have."""

WASTE = 1 << 18
"""Numbers in padded samples that cost less than another chunk would, whatever their share."""


@dataclass(frozen=True)
class _Chunk:
    """Clients that train together: their rows, and the sample indices of their batches."""

    rows: NDArray[np.int64]
    batches: NDArray[np.int64]  # (steps or 1, n, b); a single step stands for all
    weights: NDArray[np.float64] | None  # (n, b), rows sum to 1; None: 1 / b
    held: NDArray[np.int64] | None = None  # (n, most), all samples of each client, where MOON draws batches from them
    places: NDArray[np.int64] | None = None  # (steps, n, b), where in `held` each sample of a batch stands


def _chunks(
    architecture: Architecture,
    held: Sequence[NDArray[np.int64]],
    identities: NDArray[np.int64],
    recipe: Recipe,
    numbers: int,
) -> Iterator[_Chunk]:
    """Cut the clients into chunks of bounded memory, alike in size."""
    if not held:
        return
    sizes = np.fromiter(map(len, held), dtype=np.int64, count=len(held))
    samples, firsts = np.concatenate(held), np.cumsum(sizes) - sizes
    widths = batch_width(sizes, recipe.batch_size)
    whole = widths == sizes
    model = 6 * architecture.size

    drawing = np.flatnonzero(~whole)
    drawing = drawing[np.argsort(sizes[drawing], kind="stable")]
    if len(drawing):
        width = int(widths[drawing[0]])
        most = max(1, numbers // (model + width * architecture.activations))
        for begin in range(0, len(drawing), most):
            rows = drawing[begin : begin + most]
            first, many = firsts[rows][:, None], sizes[rows]
            places = np.empty((recipe.steps, len(rows), width), dtype=np.int64)
            for size in np.unique(many):
                alike = np.flatnonzero(many == size)
                positions = batch_positions(int(size), identities[rows[alike]], width, recipe.steps, recipe.seed)
                places[:, alike] = positions.transpose(1, 0, 2)
            batches = samples[first + places]
            if recipe.loss != "moon":
                yield _Chunk(rows, batches, None)
                continue
            # Repeated to equal length; no batch draws a repetition.
            everything = samples[first + np.arange(many[-1]) % many[:, None]]
            yield _Chunk(rows, batches, None, everything, places)

    complete = np.flatnonzero(whole)
    complete = complete[np.argsort(-sizes[complete], kind="stable")]
    begin = 0
    while begin < len(complete):
        width = int(sizes[complete[begin]])
        most = max(1, numbers // (model + width * architecture.activations))
        real = np.cumsum(sizes[complete[begin : begin + most]])
        padded = width * np.arange(1, len(real) + 1) - real
        tight = np.flatnonzero(padded <= PADDING * real + WASTE // architecture.activations)
        rows = complete[begin : begin + int(tight[-1]) + 1]
        many = sizes[rows][:, None]
        own = np.arange(width) < many
        # Padding repeats the client's first sample, with weight 0.
        batches = samples[firsts[rows][:, None] + np.where(own, np.arange(width), 0)]
        yield _Chunk(rows, batches[None], None if many[-1] == width else np.where(own, 1 / many, 0.0))
        begin += len(rows)


def _frozen(
    architecture: Architecture, params: Mapping[str, Tensor], x: Tensor, batches: Tensor, chunk: _Chunk
) -> Callable[[int], Tensor]:
    """Return the representations of a step's batches under a fixed model, or one of each client's: once a sample, not once a batch."""
    clients, width = batches.shape[1:]
    with torch.no_grad():
        if models_in(params, architecture.shapes) is None:
            used, where = torch.unique(batches, return_inverse=True)
            table = torch.cat([architecture.forward(params, x[part])[1] for part in used.split(clients * width)])
            return lambda step: table[where[step]]
        if chunk.held is None or chunk.places is None or chunk.held.shape[1] > len(batches) * width:

            def of_batch(step: int) -> Tensor:
                images = x.index_select(0, batches[step].reshape(-1)).unflatten(0, (clients, width))
                with torch.no_grad():
                    return architecture.forward(params, images)[1]

            return of_batch
        everything = on_device(chunk.held, x.device)
        own = torch.cat([architecture.forward(params, x[part])[1] for part in everything.split(width, dim=1)], dim=1)
        places, rows = on_device(chunk.places, x.device), torch.arange(clients, device=x.device)[:, None]
        return lambda step: own[rows, places[step]]


def _descend(values: list[Tensor], gradients: Sequence[Tensor], momenta: list[Tensor], recipe: Recipe) -> None:
    """Take a step of stochastic gradient descent, one pass over parameters, gradients and momentum; stacked, it is each client's own.

    It is the step of ``torch.optim.SGD(..., fused=True)``: to make one of those loads torch's compiler, which takes as long as torch.
    """
    first = not momenta and recipe.momentum != 0
    # The fused step lays its momentum out like the gradient, and takes it for contiguous.
    gradients = [gradient.contiguous() for gradient in gradients]
    if first:
        momenta += [torch.empty_like(gradient) for gradient in gradients]
    with torch.no_grad():
        torch._fused_sgd_(  # pyright: ignore[reportPrivateImportUsage]
            values,
            gradients,
            momenta,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            lr=recipe.learning_rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=first,
        )


def _train_chunk(
    architecture: Architecture,
    start: Mapping[str, Tensor],
    previous: Mapping[str, Tensor],
    x: Tensor,
    y: Tensor,
    chunk: _Chunk,
    recipe: Recipe,
) -> list[Tensor]:
    """Train the clients of one chunk; `start` and `previous` are one model or the chunk's own, stacked."""
    clients, width = chunk.batches.shape[1:]
    stacked = models_in(start, architecture.shapes) is not None
    origin = [tensor if stacked else tensor.expand(clients, *tensor.shape) for tensor in start.values()]
    params = {name: tensor.clone().requires_grad_() for name, tensor in zip(start, origin, strict=True)}
    values = list(params.values())
    momenta: list[Tensor] = []
    batches = on_device(chunk.batches, x.device)
    weights = None if chunk.weights is None else on_device(chunk.weights, x.device).to(x.dtype)
    frozen = None
    if recipe.loss == "moon":
        frozen = [_frozen(architecture, params, x, batches, chunk) for params in (start, previous)]
    prepared = classes = positive = negative = None
    for step in range(recipe.steps):
        if step < len(batches):
            images = x.index_select(0, batches[step].reshape(-1)).unflatten(0, (clients, width))
            classes = y[batches[step].reshape(-1)]
            prepared = architecture.prepare(images)
            if frozen is not None:
                positive, negative = (representation(step) for representation in frozen)
        assert prepared is not None
        assert classes is not None
        logits, representation = architecture.forward_prepared(params, prepared)
        losses = F.cross_entropy(logits.flatten(0, 1), classes, reduction="none").view(clients, width)
        if positive is not None and negative is not None:
            away = F.cosine_similarity(representation, negative, dim=-1)
            toward = F.cosine_similarity(representation, positive, dim=-1)
            # -log(e^p / (e^p + e^n)) = log(1 + e^(n - p))
            losses = losses + recipe.contrast * F.softplus((away - toward) / recipe.temperature)
        loss = losses.sum() / width if weights is None else (losses * weights).sum()
        gradients = torch.autograd.grad(loss, values)
        if recipe.loss == "fedprox":
            gradients = [
                torch.add(gradient, value.detach() - first, alpha=recipe.proximal)
                for value, gradient, first in zip(values, gradients, origin, strict=True)
            ]
        _descend(values, gradients, momenta, recipe)
    return [value.detach() for value in values]


def train_clients(
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
    """Train every client from its start on its own samples, all clients at once.

    Parameters
    ----------
    architecture : Architecture
        The model.
    start : Params
        The global model, from which all start, or one start each, stacked; its number type is computed in.
    inputs : array or Tensor, shape (N, \\*input_shape)
        All samples.
    labels : array or Tensor of integers, shape (N,)
        Their classes.
    holdings : sequence of arrays of integers
        Which samples each of the ``n`` clients holds; clients may share samples.
    recipe : Recipe
        How they train.
    previous : Params, optional
        Each client's model of the round before, stacked, or one for all, for MOON; the start when missing, as before
        any round.
    clients : sequence of int, optional
        Numbers of the clients, ``0`` to ``n - 1`` when missing. A client's batch order depends on its number, so some
        clients of many train as they would among all if they keep their numbers.
    device : str or torch.device
        Where to train.

    Returns
    -------
    Params
        The trained models, stacked: every tensor has a leading axis of length ``n``. On `device`.

    Raises
    ------
    InputError
        If a client holds nothing, or shapes, labels or indices do not fit.

    Notes
    -----
    The numbers are those of training client by client with ``torch.optim`` up to rounding, and do not depend on who else trains beyond
    rounding. Where a unit's input is 0 up to rounding, the two may take different sides of ReLU's kink, and that client's
    models differ by more: in single precision for one client in some hundred thousand steps, in double for practically none.
    On CUDA two runs may differ in the last bits: averages (``index_add_``) and gradients through max pooling add up in no fixed order.
    ``torch.use_deterministic_algorithms(True)`` fixes it, for time.
    """
    stacked = check_models(architecture, start, len(holdings), "start")
    before_stacked = check_models(architecture, start if previous is None else previous, len(holdings), "previous")
    start = place({name: start[name] for name in architecture.shapes}, device)
    before = start if previous is None else place(previous, device)
    x, y = check_samples(architecture, inputs, labels, device, next(iter(start.values())).dtype)
    held = check_holdings(holdings, len(y))
    identities = check_clients(clients, len(held))
    trained = {name: x.new_empty(len(held), *shape) for name, shape in architecture.shapes.items()}
    for chunk in _chunks(architecture, held, identities, recipe, chunk_numbers(x.device, x.dtype)):
        rows = on_device(chunk.rows, x.device)
        mine = clients_of(start, rows) if stacked else start
        old = clients_of(before, rows) if before_stacked else before
        with full_precision(x.device), threads_for(x.device, chunk.batches[0].size * architecture.size):
            values = _train_chunk(architecture, mine, old, x, y, chunk, recipe)
        for name, value in zip(mine, values, strict=True):
            trained[name][rows] = value
    return trained

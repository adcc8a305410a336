"""Loss and accuracy of one model, or of many stacked models, on a set of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.input_error import InputError
from .architectures import Architecture
from .device import chunk_numbers, full_precision
from .holdings import check_samples
from .parameters import clients_of, models_in

__all__ = ["evaluate"]


def evaluate(
    architecture: Architecture,
    params: Mapping[str, Tensor],
    inputs: Any,
    labels: Any,
    class_weights: Sequence[float] | Any | None = None,
) -> tuple[Any, Any]:
    """Evaluate a model, or each of stacked models, where its parameters are.

    Parameters
    ----------
    architecture : Architecture
        The model.
    params : Params
        One model, or ``n`` stacked.
    inputs : array or Tensor, shape (N, \\*input_shape)
        Samples, N >= 1.
    labels : array or Tensor of integers, shape (N,)
        Their classes.
    class_weights : sequence of float, shape (classes,), optional
        Weight of each class, >= 0, the task of a requester: both figures are averages over the samples, weighted by
        their true class. All equal when missing.

    Returns
    -------
    loss : float, or ndarray of float64 of shape (n,)
        Mean cross-entropy, in nats.
    accuracy : float, or ndarray of float64 of shape (n,)
        Share of samples whose true class has the largest logit.

    Raises
    ------
    InputError
        If shapes do not fit, there are no samples, or the weights of all samples are 0.
    """
    example = next(iter(params.values()))
    count = models_in(params, architecture.shapes)
    x, y = check_samples(architecture, inputs, labels, example.device, example.dtype)
    if class_weights is None:
        weights = torch.ones(len(y), dtype=torch.float64, device=y.device)
    else:
        of_class = torch.as_tensor(class_weights, dtype=torch.float64, device=y.device)
        if of_class.shape != (architecture.classes,) or not bool(
            (of_class >= 0).all() and torch.isfinite(of_class).all()
        ):
            raise InputError(f"{architecture.classes} classes need as many finite weights >= 0", field="class_weights")
        weights = of_class[y]
    total = weights.sum()
    if not bool(total > 0):
        raise InputError("no sample to evaluate on has a positive weight")

    losses, hits = [], []
    models = 1 if count is None else count
    rows = max(1, chunk_numbers(x.device, x.dtype) // architecture.activations)
    for first in range(0, models, max(1, rows // len(y))):
        many = slice(first, first + max(1, rows // len(y)))
        some = params if count is None else clients_of(params, many)
        loss = torch.zeros(1 if count is None else len(next(iter(some.values()))), dtype=torch.float64, device=y.device)
        hit = torch.zeros_like(loss)
        for begin in range(0, len(y), rows):
            part = slice(begin, begin + rows)
            with torch.no_grad(), full_precision(x.device):
                logits = architecture.forward(some, x[part])[0].double()
            if count is None:
                logits = logits.unsqueeze(0)
            truth = y[part].expand(len(logits), -1)
            loss += (F.cross_entropy(logits.mT, truth, reduction="none") * weights[part]).sum(1)
            hit += ((logits.argmax(-1) == truth) * weights[part]).sum(1)
        losses.append(loss / total)
        hits.append(hit / total)
    if count is None:
        return float(losses[0]), float(hits[0])
    empty = torch.zeros(0, dtype=torch.float64)
    return torch.cat(losses or [empty]).cpu().numpy(), torch.cat(hits or [empty]).cpu().numpy()

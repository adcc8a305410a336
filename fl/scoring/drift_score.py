"""Drift scores: how far a standardised local update moves the representations of a probe set.

``R_w(x)`` is the architecture's representation: MOON's projection-head output (centred log-probabilities for softmax regression).
Per probe image, larger is better:

- ``cosine``: ``cos(R_{w_i}(x), R_w(x))``, in [-1, 1];
- ``l2``: ``-|R_{w_i}(x) - R_w(x)|``, at most 0.

Edge cases. A local model whose parameters equal the global ones has cosine exactly 1 and distance exactly 0. Two zero vectors have
cosine 1 (they are the same), a zero vector and any other 0 (no direction to share). Representations are computed in double
precision whatever the models were trained in. A model that is not finite (training diverged) is refused.

What this rewards: staying where the global model is. A worker that does not train at all has the best score there is,
and one whose data the global model has never seen a low one, however useful. The mean over the probe set is a measure
of drift, and of contribution only as far as drift harms.

Source: DriftPay, section 3, "Scoring interface" (both scores stated; edge cases and precision are choices made here).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.input_error import InputError
from ..training.architectures import Architecture
from ..training.batched import train_clients
from ..training.device import chunk_numbers
from ..training.parameters import (
    Params,
    clients_of,
    models_in,
    place,
)
from ..training.recipe import Recipe
from .probe import ProbeSet

__all__ = ["KINDS", "drift_scores", "probe_drifts", "probe_scores", "scoring_update"]

KINDS = ("cosine", "l2")
_CELLS = 20_000_000


def scoring_update(
    architecture: Architecture,
    global_params: Params,
    inputs: NDArray[np.float32] | Tensor,
    labels: NDArray[np.int64] | Tensor,
    holdings: Sequence[NDArray[np.int64]],
    recipe: Recipe,
    *,
    previous: Params | None = None,
    device: str = "cpu",
) -> Params:
    """Train every worker's local model ``w_i`` from the global one by the announced recipe.

    The number of steps, the batch order and the optimiser are the recipe's, so they are the same for all workers and follow
    from its seed. There is no argument that a bid or a cost could come in by.

    Parameters
    ----------
    architecture : Architecture
    global_params : Params
        One model ``w``, the start of every worker.
    inputs : ndarray or Tensor of float32, shape (N, ...)
    labels : ndarray or Tensor of int64, shape (N,)
    holdings : sequence of ndarray of int64
        Each worker's samples, as indices into `inputs`.
    recipe : Recipe
    previous : Params, optional
        Each worker's latest model of its own, stacked, for MOON's contrastive term to push away from. Without it, as before
        any round, that term is the constant log 2 and MOON's update is FedAvg's.
    device : str

    Returns
    -------
    Params
        Stacked, one model per worker.

    Notes
    -----
    Source: DriftPay, section 3 (stated: "a prescribed number of local steps, optimizer, and (optionally) regularization strength").
    """
    if models_in(global_params, architecture.shapes) is not None:
        raise InputError("every worker starts from one global model, these are stacked ones", field="global_params")
    return train_clients(
        architecture, global_params, inputs, labels, holdings, recipe, previous=previous, device=device
    )


def probe_scores(
    architecture: Architecture,
    global_params: Mapping[str, Tensor],
    local_params: Mapping[str, Tensor],
    probe: ProbeSet,
    kind: str = "cosine",
    *,
    device: str = "cpu",
) -> NDArray[np.float64]:
    """Measure the drift of every worker on every probe image.

    Parameters
    ----------
    architecture : Architecture
    global_params : Params
        One model.
    local_params : Params
        ``n`` models, stacked.
    probe : ProbeSet
        ``P`` images; their labels are not looked at.
    kind : {"cosine", "l2"}
    device : str

    Returns
    -------
    ndarray of float64, shape (n, P)

    Raises
    ------
    InputError
        For an unknown kind, parameters of another architecture, or a model that is not finite on the probe set.
    """
    return probe_drifts(architecture, global_params, local_params, probe, (kind,), device=device)[0]


def probe_drifts(
    architecture: Architecture,
    global_params: Mapping[str, Tensor],
    local_params: Mapping[str, Tensor],
    probe: ProbeSet,
    kinds: Sequence[str] = KINDS,
    *,
    device: str = "cpu",
) -> list[NDArray[np.float64]]:
    """Return what :func:`probe_scores` does for each of several kinds; every model passes over the images once for all of them."""
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"must be one of {', '.join(KINDS)}; got {kind!r}", field="kind")
    n = models_in(local_params, architecture.shapes)
    if n is None or models_in(global_params, architecture.shapes) is not None:
        raise InputError("needs one global model and stacked local ones", field="local_params")
    inputs = torch.tensor(probe.inputs, dtype=torch.float64, device=device)
    start = place(global_params, device, torch.float64)
    drifts = [np.empty((n, len(probe))) for _ in kinds]
    cells = _CELLS if inputs.device.type == "cpu" else chunk_numbers(inputs.device, inputs.dtype)
    models = max(1, cells // max(1, architecture.activations * len(probe)))
    with torch.no_grad():
        origin = architecture.forward(start, inputs)[1]
        _require_finite(origin[None], None)
        for first in range(0, n, models):
            block = place(clients_of(local_params, slice(first, first + models)), device, torch.float64)
            moved = architecture.forward(block, inputs)[1]
            _require_finite(moved, first)
            # Not up to rounding, which may differ between one model's kernel and a stack's.
            unmoved = torch.stack([(block[name] == start[name]).flatten(1).all(1) for name in start]).all(0)
            for kind, drift in zip(kinds, drifts, strict=True):
                measured = _cosine(moved, origin) if kind == "cosine" else -(moved - origin).norm(dim=-1)
                measured[unmoved] = 1.0 if kind == "cosine" else 0.0
                drift[first : first + len(measured)] = measured.cpu().numpy()
    return drifts


def _cosine(moved: Tensor, origin: Tensor) -> Tensor:
    lengths, length = moved.norm(dim=-1), origin.norm(dim=-1)
    # Unit vectors first: the product of two tiny lengths would underflow.
    unit = moved / lengths.where(lengths > 0, 1.0)[..., None]
    reference = origin / length.where(length > 0, 1.0)[..., None]
    cosine = (unit * reference).sum(-1).clamp(-1.0, 1.0)
    return torch.where((lengths == 0) & (length == 0), 1.0, cosine)


def _require_finite(representations: Tensor, first: int | None) -> None:
    finite = representations.isfinite().flatten(1).all(1)
    if not finite.all():
        who = "the global model" if first is None else f"worker {first + int((~finite).int().argmax())}"
        raise InputError("its representations are not finite: training diverged", row=who, field="score")


def drift_scores(
    architecture: Architecture,
    global_params: Mapping[str, Tensor],
    local_params: Mapping[str, Tensor],
    probe: ProbeSet,
    kind: str = "cosine",
) -> NDArray[np.float64]:
    """Raw drift score of every worker: the mean of :func:`probe_scores` over the probe set, shape (n,).

    It can be negative; :func:`~fedmech.fl.scoring.score_map.fit_map` makes scores in ``[v_min, v_max]`` of it.
    """
    return probe_scores(architecture, global_params, local_params, probe, kind).mean(axis=1)

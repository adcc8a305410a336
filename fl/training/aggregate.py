"""The server's step: the weighted average of the clients' models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.input_error import InputError
from .parameters import Params

__all__ = ["average", "positive_weights"]


def positive_weights(weights: Sequence[float] | Any, clients: int) -> NDArray[np.float64]:
    """Check one finite weight > 0 for each client, so that every coalition of them has an average.

    Raises
    ------
    InputError
        If there are more or fewer, or one is not.
    """
    checked = np.asarray(weights, dtype=np.float64)
    if checked.shape != (clients,) or not (np.isfinite(checked).all() and (checked > 0).all()):
        raise InputError(f"{clients} clients need as many finite weights > 0", field="weights")
    return checked


def average(stacked: Mapping[str, Tensor], weights: Sequence[float] | Any | None = None) -> Params:
    """Average stacked models.

    Parameters
    ----------
    stacked : Params
        ``n`` models, stacked.
    weights : sequence of float, shape (n,), optional
        Weights >= 0, not all 0; they are divided by their sum. FedAvg's are the clients' numbers of samples. All
        equal when missing, the average that SWAN's eq. (3) is the error of (reconstructed: its eq. (2) weights losses by samples).

    Returns
    -------
    Params
        One model, in the number type of the stacked ones; sums are in double precision.

    Raises
    ------
    InputError
        If there is no model, or the weights do not fit.
    """
    example = next(iter(stacked.values()))
    count = len(example)
    if weights is None:
        weights = [1.0] * count
    shares = torch.as_tensor(weights, dtype=torch.float64, device=example.device)
    if count == 0:
        raise InputError("there is no model to average")
    if shares.shape != (count,) or not bool(torch.isfinite(shares).all()) or bool((shares < 0).any()):
        raise InputError(f"{count} models need as many finite weights >= 0", field="weights")
    total = shares.sum()
    if not bool(total > 0):
        raise InputError("weights sum to 0", field="weights")
    shares = shares / total
    return {name: torch.tensordot(shares, tensor.double(), dims=1).to(tensor.dtype) for name, tensor in stacked.items()}

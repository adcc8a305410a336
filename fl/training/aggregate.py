"""The server's step: the weighted average of the clients' models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.input_error import InputError
from .parameters import Params

__all__ = ["WEIGHTINGS", "average", "client_weights", "positive_weights"]

WEIGHTINGS = ("samples", "plain", "least-error")
"""Averages of the participants' models: weighted by their numbers of samples (FedAvg), all alike (SWAN's eq. (3)), or so that the expected error is least."""


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


def client_weights(weighting: str, samples: Sequence[int], heterogeneity: float = 0.0) -> list[float] | None:
    """Return the weights with which clients' models are averaged; ``None`` for all alike.

    Parameters
    ----------
    weighting : {"samples", "plain", "least-error"}
    samples : sequence of int
        Samples of each client.
    heterogeneity : float
        ``theta`` of ``least-error``, >= 0.

    Raises
    ------
    InputError
        If there is no such weighting, or `heterogeneity` is no number of its own range, or given to another weighting.

    Notes
    -----
    ``D / (1 + theta D)`` leaves a client that takes no part, and a participant drawn with equal chances, the least expected error in
    the linear market (claim F-3-WEIGHTS): weights by samples at ``theta = 0``, all alike as it grows. Under them a newcomer never harms a client that takes no part.
    """
    if weighting not in WEIGHTINGS:
        raise InputError(f"'{weighting}' is not one of {', '.join(WEIGHTINGS)}", field="weighting")
    if not (math.isfinite(heterogeneity) and heterogeneity >= 0):
        raise InputError(f"has to be a finite number >= 0, not {heterogeneity!r}", field="heterogeneity")
    if heterogeneity and weighting != "least-error":
        raise InputError(f"is for 'least-error', not for '{weighting}'", field="heterogeneity")
    if weighting == "plain":
        return None
    return [count / (1 + heterogeneity * count) for count in samples]


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

"""Who holds which samples, and the samples themselves, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.arrays import plain_array, whole_numbers
from ...models.input_error import InputError
from .architectures import Architecture
from .parameters import models_in

__all__ = ["check_clients", "check_holdings", "check_models", "check_samples"]


def check_samples(
    architecture: Architecture, inputs: Any, labels: Any, device: str | torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Put samples on the device in the number type of the model.

    Parameters
    ----------
    architecture : Architecture
        What they are for.
    inputs : array or Tensor, shape (N, \\*input_shape)
        Inputs; images and flat inputs are taken for one another where their sizes agree.
    labels : array or Tensor of integers, shape (N,)
        Classes, 0 to ``classes - 1``.
    device : str or torch.device
        Where to.
    dtype : torch.dtype
        Number type of the inputs.

    Returns
    -------
    inputs : Tensor, shape (N, \\*input_shape)
        Of ``dtype``.
    labels : Tensor of int64, shape (N,)
        Classes.

    Raises
    ------
    InputError
        If shapes disagree, an input is not finite, or a label is not whole or not a class of the architecture.
    """
    x, y = (
        given if isinstance(given, Tensor) else torch.as_tensor(plain_array(given, field))
        for given, field in ((inputs, "inputs"), (labels, "labels"))
    )
    if y.numel() and (y.is_floating_point() or y.is_complex() or y.dtype == torch.bool):
        raise InputError(f"whole numbers are needed, not {y.dtype}", field="labels")
    x, y = x.to(device=device, dtype=dtype), y.to(device=device, dtype=torch.int64)
    # Every round asks this of all samples. A sum is finite only if its terms are, and costs one pass; it may overflow where they are.
    if not bool(torch.isfinite(x.sum())) and not bool(torch.isfinite(x).all()):
        raise InputError("not all finite", field="inputs")
    if y.dim() != 1 or x.dim() < 1 or len(x) != len(y):
        raise InputError(f"inputs of shape {tuple(x.shape)} and labels of shape {tuple(y.shape)} do not go together")
    if tuple(x.shape[1:]) != architecture.input_shape:
        if x[:1].numel() != min(len(x), 1) * int(np.prod(architecture.input_shape)):
            raise InputError(
                f"inputs of shape {tuple(x.shape[1:])} do not suit {architecture.name}, which takes {architecture.input_shape}"
            )
        x = x.reshape(len(x), *architecture.input_shape)
    if len(y) and (int(y.min()) < 0 or int(y.max()) >= architecture.classes):
        raise InputError(
            f"labels lie between {int(y.min())} and {int(y.max())}, classes are 0 to {architecture.classes - 1}"
        )
    return x, y


def check_holdings(holdings: Sequence[Any], samples: int) -> list[NDArray[np.int64]]:
    """Check which samples each client holds.

    Parameters
    ----------
    holdings : sequence of arrays of integers
        Indices of each client's samples; clients may share samples.
    samples : int
        Number of samples there are.

    Returns
    -------
    list of ndarray of int64

    Raises
    ------
    InputError
        If a client holds nothing, or an index is not a sample's.
    """
    # Looking at each of very many takes longer than a GPU trains them.
    if len(holdings) and all(
        type(held) is np.ndarray and held.dtype == np.int64 and held.ndim == 1 and held.size for held in holdings
    ):
        together = np.concatenate(holdings)
        if together.min() >= 0 and together.max() < samples:
            return list(holdings)
    checked = []
    for client, held in enumerate(holdings):
        indices = plain_array(held, "holdings", f"client {client}")
        if indices.size == 0:
            raise InputError("holds no samples, so there is nothing to train on", row=f"client {client}")
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise InputError("is not a list of sample indices", row=f"client {client}", field="holdings")
        if indices.min() < 0 or indices.max() >= samples:
            raise InputError(f"names a sample outside 0 to {samples - 1}", row=f"client {client}", field="holdings")
        checked.append(indices.astype(np.int64))
    return checked


def check_clients(clients: Sequence[int] | NDArray[np.int64] | None, count: int) -> NDArray[np.int64]:
    """Check the clients' identities, on which their batch order depends.

    Parameters
    ----------
    clients : sequence of int or None
        One identity per holding; ``None`` numbers them from 0.
    count : int
        Number of holdings.

    Returns
    -------
    ndarray of int64, shape (count,)

    Raises
    ------
    InputError
        If there are not as many identities as holdings, or one is negative.
    """
    identities = np.arange(count) if clients is None else whole_numbers(clients, "clients")
    if identities.shape != (count,) or (count and identities.min() < 0):
        raise InputError(
            f"{count} holdings need as many client numbers >= 0, not {identities.tolist()}", field="clients"
        )
    return identities


def check_models(architecture: Architecture, params: Mapping[str, Tensor], clients: int, field: str) -> bool:
    """Check that parameters are one model for all clients, or one for each.

    Parameters
    ----------
    architecture : Architecture
        Whose.
    params : Params
        One model or stacked ones.
    clients : int
        Number of clients.
    field : str
        What they are, for the message.

    Returns
    -------
    bool
        Whether there is one for each.

    Raises
    ------
    InputError
        If there are more or fewer, or they are not the architecture's.
    """
    count = models_in(params, architecture.shapes)
    if count not in (None, clients):
        raise InputError(f"{count} models for {clients} clients", field=field)
    return count is not None

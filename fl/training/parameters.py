"""A model's parameters as tensors by name, of one model or of many models stacked along a leading client axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ...models.input_error import InputError

__all__ = ["Params", "clients_of", "models_in", "place", "stack"]

Params = dict[str, Tensor]
"""Tensors by name. Stacked parameters carry one leading axis, the clients, on every tensor."""


def models_in(params: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """Tell one model from stacked ones, and check them against an architecture.

    Parameters
    ----------
    params : mapping of str to Tensor
        One model or stacked models.
    shapes : mapping of str to tuple of int
        The architecture's shapes of one model.

    Returns
    -------
    int or None
        How many models are stacked; ``None`` for one model without a leading axis.

    Raises
    ------
    InputError
        If names or shapes are not the architecture's.
    """
    if set(params) != set(shapes):
        raise InputError(f"parameters {sorted(params)} are not the architecture's {sorted(shapes)}")
    leading = {tuple(tensor.shape[: tensor.dim() - len(shapes[name])]) for name, tensor in params.items()}
    fits = all(
        tuple(tensor.shape[tensor.dim() - len(shapes[name]) :]) == shapes[name] for name, tensor in params.items()
    )
    if not fits or len(leading) != 1 or len(next(iter(leading))) > 1:
        found = {name: tuple(tensor.shape) for name, tensor in params.items()}
        raise InputError(
            f"parameters of shapes {found} are not the architecture's {dict(shapes)}, one model or stacked"
        )
    return next(iter(next(iter(leading))), None)


def stack(models: Sequence[Mapping[str, Tensor]]) -> Params:
    """Stack models along a new leading client axis.

    Parameters
    ----------
    models : sequence of Params
        At least one, all of one architecture.

    Returns
    -------
    Params
    """
    return {name: torch.stack([model[name] for model in models]) for name in models[0]}


def clients_of(stacked: Mapping[str, Tensor], which: int | slice | Sequence[int] | Tensor) -> Params:
    """Take one client's model (an integer: no client axis left) or some clients' models out of stacked ones.

    Parameters
    ----------
    stacked : Params
        Stacked models.
    which : int, slice, sequence of int or Tensor
        Which clients.

    Returns
    -------
    Params
    """
    return {name: tensor[which] for name, tensor in stacked.items()}


def place(params: Mapping[str, Tensor], device: str | torch.device, dtype: torch.dtype | None = None) -> Params:
    """Move parameters to a device and, if given, a number type; they are detached from any graph.

    Parameters
    ----------
    params : Params
        One model or stacked ones.
    device : str or torch.device
        Where to.
    dtype : torch.dtype, optional
        Number type.

    Returns
    -------
    Params
    """
    return {name: tensor.detach().to(device=device, dtype=dtype or tensor.dtype) for name, tensor in params.items()}

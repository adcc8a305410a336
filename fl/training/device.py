"""Where torch computes: a device that does not exist is refused by name before anything is trained."""

from __future__ import annotations

import torch

from ...models.input_error import InputError

__all__ = ["check_device"]


def check_device(device: str) -> None:
    """Compute something on a device.

    Parameters
    ----------
    device : str
        As torch takes it: ``cpu``, ``cuda``, ``cuda:1``, ...

    Raises
    ------
    InputError
        If torch knows no such device, or this machine does not have it.
    """
    try:
        torch.ones(1, device=device).add(1).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"torch cannot compute on {device!r}: {reason}", field="device") from None

"""Where torch computes: whether it can, how much it is given at once, with how many threads and how exactly.

Sizes follow the device and not the problem. On a processor a chunk of clients fills about the last cache, and a block of a convolution an
eighth of it; on a GPU a chunk takes an eighth of the memory, the rest being for the samples and for what torch keeps uncounted. Results do not depend on either beyond rounding. On CUDA they are not the same bit for bit from run to run
either: gradients of max-pooling and sums by index are added up in no fixed order there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.input_error import InputError

__all__ = ["block_numbers", "check_device", "chunk_numbers", "full_precision", "on_device", "threads_for"]

LEAST_CACHE, USUAL_CACHE = 16 << 20, 32 << 20
"""Bytes: no chunk is made for less, and what is assumed where the system does not tell."""

SHARE_OF_MEMORY = 8
MOST_NUMBERS = 1 << 31
"""Of one chunk: 8 GiB in single precision, the fastest that was tried on 79 GiB. No array of it is so long that positions need 64 bits."""

BLOCKS = 8
"""Of a convolution in a chunk that fills a processor's cache."""

SINGLE_THREAD = 1 << 24
"""Multiplications in a step below which a second thread costs more than it computes."""


@cache
def _cache_bytes() -> int:
    """Return the size of the processor's last cache."""
    try:
        found = max(os.sysconf(f"SC_LEVEL{level}_CACHE_SIZE") for level in (2, 3))
    except (AttributeError, ValueError, OSError):
        found = 0
    return max(LEAST_CACHE, found if found > 0 else USUAL_CACHE)


def chunk_numbers(device: torch.device, dtype: torch.dtype) -> int:
    """Return about how many numbers one chunk may hold at once: activations, parameters, gradients, momentum."""
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        return min(MOST_NUMBERS, memory // (SHARE_OF_MEMORY * dtype.itemsize))
    return _cache_bytes() // dtype.itemsize


def block_numbers(dtype: torch.dtype) -> int:
    """Return about how many numbers of a chunk a convolution on a processor works on at once, in patches and maps."""
    return chunk_numbers(torch.device("cpu"), dtype) // BLOCKS


def on_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """Bring an array to a device; from page-locked memory, so that a GPU goes on computing meanwhile and is not waited for."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


@contextmanager
def threads_for(device: torch.device, multiplications: int) -> Iterator[None]:
    """Compute with one thread what is too small for more; as many as before afterwards.

    Parameters
    ----------
    device : torch.device
    multiplications : int
        In one step.
    """
    before = torch.get_num_threads()
    if device.type != "cpu" or before == 1 or multiplications >= SINGLE_THREAD:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Keep a GPU from rounding single precision to ten bits (TF32), so that it agrees with a processor."""
    if device.type != "cuda":
        yield
        return
    backends: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [backend.allow_tf32 for backend in backends]
    try:
        for backend in backends:
            backend.allow_tf32 = False
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.allow_tf32 = value


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

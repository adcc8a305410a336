"""Which samples a client's mini-batches hold: fixed by the recipe's seed, the client and its number of samples alone.

A client of ``s`` samples reads them in epochs. In epoch ``e`` they stand in ascending order of the keys
``key(seed, client, s, e, position)``, so the order is the same on every machine, device and library version, whoever else
trains. The epochs follow one another without a gap: step ``t`` takes ``batch_size`` samples from where step ``t - 1``
stopped, and a batch may begin in one epoch and end in the next. At most ``batch_size`` samples: all of them in every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["batch_positions", "batch_width"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def batch_width(samples: Any, batch_size: int | None) -> Any:
    """Return how many samples each batch of a client, or of each of some clients, holds.

    Parameters
    ----------
    samples : int or ndarray of int64
        Samples of the client, or of each.
    batch_size : int or None
        The recipe's.

    Returns
    -------
    int or ndarray of int64
    """
    return samples if batch_size is None else np.minimum(samples, batch_size)


def _mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's output function, a bijection on 64-bit words."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _keys(seed: int, *words: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One key for each tuple of words (they broadcast): SplitMix64 applied after each word is added."""
    state = np.full(1, seed % 2**64, dtype=np.uint64)
    for word in words:
        state = _mixed((state + _GOLDEN) ^ word.astype(np.uint64))
    return _mixed(state + _GOLDEN)


def batch_positions(
    samples: int, clients: Sequence[int] | NDArray[np.int64], batch_size: int | None, steps: int, seed: int
) -> NDArray[np.int64]:
    """Return the mini-batches of clients that hold equally many samples.

    Parameters
    ----------
    samples : int
        Samples of each of the clients, >= 1.
    clients : sequence of int
        The clients' indices, >= 0; they identify the clients, whatever the order in which they stand here.
    batch_size : int or None
        Samples in a batch.
    steps : int
        Batches.
    seed : int
        The recipe's seed.

    Returns
    -------
    ndarray of int64, shape (n, steps, b)
        Positions among a client's own samples, 0 to ``samples - 1``.
    """
    identities = np.asarray(clients, dtype=np.int64)
    width = int(batch_width(samples, batch_size))
    if width == samples:
        return np.broadcast_to(np.arange(samples), (len(identities), steps, samples))
    epochs = -(-steps * width // samples)
    size = np.array([samples])
    keys = _keys(
        seed, identities[:, None, None], size, np.arange(epochs)[None, :, None], np.arange(samples)[None, None, :]
    )
    order = np.argsort(keys, axis=-1, kind="stable").astype(np.int64)
    return order.reshape(len(identities), epochs * samples)[:, : steps * width].reshape(-1, steps, width)

"""The linear market behind eq. (3), simulated: local least squares on Gaussian features, plain averaging.

Client ``m`` has ``D_m`` samples ``y = X w_m + noise`` with unit-covariance features, ``w_m ~ N(0, (s/d) I)`` and label noise of
variance ``v``.  The error is the expected excess risk of the averaged model on a participant's own distribution, averaged
over the participants (SWAN section III-A2 and III-A4).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def simulate(
    dimension: int,
    sizes: Sequence[int],
    data_variance: float,
    client_variance: float,
    *,
    repetitions: int,
    seed: int,
) -> tuple[float, float]:
    """Mean error and its standard error over independent markets.

    Parameters
    ----------
    dimension : int
        ``d``.
    sizes : sequence of int
        Samples of each participant; each more than ``d + 3``, or the error has no finite variance.
    data_variance, client_variance : float
        ``v`` and ``s``.
    repetitions : int
        Independent draws.
    seed : int
        Of numpy's default generator.
    """
    generator = np.random.default_rng(seed)
    errors = np.empty(repetitions)
    for repetition in range(repetitions):
        truths = generator.normal(0.0, np.sqrt(client_variance / dimension), (len(sizes), dimension))
        fitted = []
        for truth, size in zip(truths, sizes, strict=True):
            X = generator.normal(size=(size, dimension))
            y = X @ truth + generator.normal(0.0, np.sqrt(data_variance), size)
            fitted.append(np.linalg.lstsq(X, y, rcond=None)[0])
        average = np.mean(fitted, axis=0)
        errors[repetition] = ((average - truths) ** 2).sum(axis=1).mean()
    return float(errors.mean()), float(errors.std(ddof=1) / np.sqrt(repetitions))


def stated_error(dimension: int, sizes: Sequence[int], data_variance: float, client_variance: float) -> float:
    """Eq. (3) for participants of the given sizes."""
    K = len(sizes)
    return dimension * data_variance / K**2 * sum(1 / D for D in sizes) + client_variance * (K - 1) / K


def corrected_error(dimension: int, sizes: Sequence[int], data_variance: float, client_variance: float) -> float:
    """Eq. (3) with ``D - d - 1`` in the place of ``D``: exact for Gaussian features, as ``E tr (X'X)^-1 = d / (D - d - 1)``.

    Raises
    ------
    ValueError
        If a client has no more than ``d + 1`` samples: its expected error is infinite.
    """
    if min(sizes) <= dimension + 1:
        raise ValueError("a client with at most d + 1 samples has an infinite expected error")
    return stated_error(dimension, [D - dimension - 1 for D in sizes], data_variance, client_variance)

"""The linear market behind eq. (3), simulated: local least squares on Gaussian features, plain averaging.

Client ``m`` has ``D_m`` samples ``y = X w_m + noise`` with unit-covariance features, ``w_m ~ N(0, (s/d) I)`` and label noise of
variance ``v``.  The error is the expected excess risk of the averaged model on a participant's own distribution, averaged
over the participants (SWAN section III-A2 and III-A4).

`draw_clients`, `least_squares` and `excess_risk` do that literally.  `simulate_averages` draws the outcome of local least
squares from its distribution instead, which is exact and needs no samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.sharing.averages import AVERAGES, WHOSE, Average, Whose, shares

__all__ = [
    "LinearClients",
    "corrected_error",
    "draw_clients",
    "excess_risk",
    "least_squares",
    "simulate",
    "simulate_averages",
    "stated_error",
]


@dataclass(frozen=True, eq=False)
class LinearClients:
    """The clients of one drawn market.

    Parameters
    ----------
    truths : ndarray of float64, shape (clients, d)
        Each client's true model ``w_m``.
    features : list of ndarray of float64, shape (D_m, d)
        ``X`` of each client.
    targets : list of ndarray of float64, shape (D_m,)
        ``y`` of each client.
    """

    truths: NDArray[np.float64]
    features: list[NDArray[np.float64]]
    targets: list[NDArray[np.float64]]


def draw_clients(
    dimension: int,
    sizes: Sequence[int],
    data_variance: float,
    client_variance: float,
    generator: np.random.Generator,
) -> LinearClients:
    """Draw the clients of one market and their samples.

    Parameters
    ----------
    dimension : int
        ``d``.
    sizes : sequence of int
        Samples of each client.
    data_variance, client_variance : float
        ``v`` and ``s``.
    generator : numpy.random.Generator
        Source of randomness.
    """
    truths = generator.normal(0.0, np.sqrt(client_variance / dimension), (len(sizes), dimension))
    features, targets = [], []
    for truth, size in zip(truths, sizes, strict=True):
        X = generator.normal(size=(size, dimension))
        features.append(X)
        targets.append(X @ truth + generator.normal(0.0, np.sqrt(data_variance), size))
    return LinearClients(truths, features, targets)


def least_squares(clients: LinearClients) -> NDArray[np.float64]:
    """Each client's least-squares model, shape (clients, d); the shortest one where samples are too few."""
    fitted = np.empty_like(clients.truths)
    for m, (X, y) in enumerate(zip(clients.features, clients.targets, strict=True)):
        fitted[m] = np.linalg.lstsq(X, y, rcond=None)[0]
    return fitted


def excess_risk(model: NDArray[np.float64], truths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Risk of a model beyond the noise on each client's own distribution, ``|model - w_m|^2``.

    Parameters
    ----------
    model : ndarray, shape (d,) or (..., d)
        The averaged model, or one for each client.
    truths : ndarray, shape (clients, d)
        True models.

    Returns
    -------
    ndarray of float64, shape (clients,)
    """
    return ((model - truths) ** 2).sum(axis=-1)


def simulate(
    dimension: int,
    sizes: Sequence[int],
    data_variance: float,
    client_variance: float,
    *,
    repetitions: int,
    seed: int,
) -> tuple[float, float]:
    """Mean error and its standard error over independent markets, each drawn with all its samples.

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
        clients = draw_clients(dimension, sizes, data_variance, client_variance, generator)
        average = np.mean(least_squares(clients), axis=0)
        errors[repetition] = excess_risk(average, clients.truths).mean()
    return float(errors.mean()), float(errors.std(ddof=1) / np.sqrt(repetitions))


def simulate_averages(
    dimension: int,
    sizes: Sequence[int],
    data_variance: float,
    client_variance: float,
    *,
    repetitions: int,
    seed: int,
) -> dict[tuple[Average, Whose], tuple[float, float]]:
    """Mean error and its standard error by average and by whose distribution it is measured on, over the same drawn markets.

    Parameters
    ----------
    dimension, sizes, data_variance, client_variance, repetitions, seed
        As in :func:`simulate`; the errors of least squares are drawn from their distribution.

    Notes
    -----
    Given ``X`` the error of least squares is ``N(0, v (X'X)^-1)``.  For Gaussian features ``X'X`` is a Wishart matrix of
    ``D`` degrees of freedom, so the error is ``sqrt(v / q) z`` with ``z ~ N(0, I)`` and an independent chi-squared ``q`` of
    ``D - d + 1`` degrees of freedom: a multivariate t distribution, whose second moment is that of `corrected_error`.
    """
    generator = np.random.default_rng(seed)
    counts = np.asarray(sizes)
    shape = (repetitions, len(counts), dimension)
    deviation = np.sqrt(client_variance / dimension)
    truths = generator.normal(0.0, deviation, shape)
    buyers = generator.normal(0.0, deviation, (repetitions, 1, dimension))
    spread = np.sqrt(data_variance / generator.chisquare(counts - dimension + 1, shape[:2]))
    fitted = truths + spread[..., None] * generator.normal(size=shape)
    found: dict[tuple[Average, Whose], tuple[float, float]] = {}
    for average in AVERAGES:
        weights = np.array([float(share) for share in shares(sizes, average)])
        model = np.einsum("m,rmd->rd", weights, fitted)[:, None, :]
        for whose in WHOSE:
            risks = excess_risk(model, buyers if whose == "buyer" else truths)
            own = risks @ weights if whose == "participant" else risks.mean(axis=1)
            found[average, whose] = float(own.mean()), float(own.std(ddof=1) / np.sqrt(repetitions))
    return found


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

"""Eq. (3) fitted to measured losses: how much of them its two terms explain, and with which variances.

A trained model's test loss is not the error of eq. (3): it has an offset (what no amount of data removes) and units of its
own. Fitted is ``loss = offset + noise * sum_i (k_i / D_i) / K^2 + client_variance * (K - 1) / K`` by least squares, ``offset``,
``noise`` (the paper's ``d gamma^2``) and ``client_variance`` not negative. It is a fit to the measurements, not a prediction from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.input_error import InputError
from ...models.sharing.market import State

__all__ = ["ErrorFit", "error_terms", "fit_error", "r_squared", "rank_correlation"]


def error_terms(states: Sequence[State], sizes: Sequence[int]) -> NDArray[np.float64]:
    """The two terms of eq. (3) without their variances.

    Parameters
    ----------
    states : sequence of tuple of int
        Participants of each type, at least one participant in each.
    sizes : sequence of int
        Samples of a client of each type.

    Returns
    -------
    ndarray of float64, shape (states, 2)
        ``sum_i (k_i / D_i) / K^2`` and ``(K - 1) / K``.
    """
    counts = np.asarray(states, dtype=np.float64)
    everybody = counts.sum(axis=1)
    inverse = counts @ (1 / np.asarray(sizes, dtype=np.float64))
    return np.column_stack([inverse / everybody**2, 1 - 1 / everybody])


def r_squared(measured: ArrayLike, predicted: ArrayLike) -> float:
    """Share of the measurements' variance that the predictions explain; NaN where they do not vary."""
    measured, predicted = np.asarray(measured, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    spread = ((measured - measured.mean()) ** 2).sum()
    return float(1 - ((measured - predicted) ** 2).sum() / spread) if spread else float("nan")


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation; NaN where one of the two does not vary."""
    from scipy.stats import rankdata

    x, y = rankdata(a), rankdata(b)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y / scale) if scale else float("nan")


@dataclass(frozen=True)
class ErrorFit:
    """Eq. (3) with an offset, fitted.

    Attributes
    ----------
    offset, noise, client_variance : float
        See the module's text; nats where losses are.
    sizes : tuple of int
        Samples of a client of each type.
    r_squared, rank_correlation : float
        Of the fitted losses with the measured ones.
    """

    offset: float
    noise: float
    client_variance: float
    sizes: tuple[int, ...]
    r_squared: float
    rank_correlation: float

    def losses(self, states: Sequence[State]) -> NDArray[np.float64]:
        """Fitted losses of states."""
        return self.offset + error_terms(states, self.sizes) @ np.array([self.noise, self.client_variance])


def fit_error(
    states: Sequence[State], sizes: Sequence[int], losses: ArrayLike, *, client_variance: bool = True
) -> ErrorFit:
    """Fit eq. (3) with an offset to measured losses.

    Parameters
    ----------
    states : sequence of tuple of int
        Participants of each type.
    sizes : sequence of int
        Samples of a client of each type.
    losses : array_like, shape (states,)
        Measured losses.
    client_variance : bool
        Whether to fit the client variance; it is zero otherwise, as where data are i.i.d.

    Raises
    ------
    InputError
        If there are fewer states than parameters.
    """
    from scipy.optimize import nnls

    terms, measured = error_terms(states, sizes), np.asarray(losses, dtype=np.float64)
    used = np.column_stack([np.ones(len(terms)), terms if client_variance else terms[:, :1]])
    if len(measured) < used.shape[1]:
        raise InputError(f"{len(measured)} states are too few to fit {used.shape[1]} parameters", field="states")
    scale = np.abs(used).max(axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    found = nnls(used / scale, measured)[0] / scale
    offset, noise, spread = float(found[0]), float(found[1]), float(found[2]) if client_variance else 0.0
    fitted = offset + terms @ np.array([noise, spread])
    return ErrorFit(
        offset, noise, spread, tuple(sizes), r_squared(measured, fitted), rank_correlation(measured, fitted)
    )

"""Label noise: workers whose labels are partly wrong, in CARE's bands of data accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.input_error import InputError

__all__ = ["ACCURACY_BANDS", "draw_accuracies", "noisy_labels"]

# CARE, its experiments: lower end included, upper end too in the last band only.
ACCURACY_BANDS = ((0.4, 0.6), (0.6, 0.8), (0.8, 1.0))


def draw_accuracies(
    workers: int, rng: np.random.Generator, bands: Sequence[tuple[float, float]] = ACCURACY_BANDS
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Assign each worker a band of data accuracy and an accuracy uniform in it.

    Parameters
    ----------
    workers : int
        Number of workers.
    rng : numpy.random.Generator
        Source of randomness.
    bands : sequence of pairs of float
        Least and greatest accuracy of each band, in [0, 1].

    Returns
    -------
    bands : ndarray of int64, shape (workers,)
        Band of each worker; as many in one band as in another, or one more, at random.
    accuracies : ndarray of float64, shape (workers,)
        Accuracies.

    Raises
    ------
    InputError
        If there are no workers or a band is none.

    Notes
    -----
    Source: CARE (arXiv 2504.15847), experiments (the bands are stated; even numbers in them and uniform draws are
    choices made here).
    """
    if workers < 1:
        raise InputError(f"must be positive, not {workers}", field="workers")
    limits = np.asarray(bands, dtype=float)
    if limits.ndim != 2 or limits.shape[1] != 2 or not ((limits >= 0) & (limits <= 1)).all():
        raise InputError("must be pairs of numbers from 0 to 1", field="bands")
    if (limits[:, 0] > limits[:, 1]).any():
        raise InputError("the least accuracy of a band exceeds its greatest", field="bands")
    band = rng.permutation((np.arange(workers) + rng.integers(len(limits))) % len(limits))
    low, high = limits[band].T
    return band, low + (high - low) * rng.random(workers)


def noisy_labels(
    labels: ArrayLike,
    holdings: Sequence[NDArray[np.int64]],
    accuracies: ArrayLike,
    classes: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Replace a share of each worker's labels by other classes.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        True labels, from 0 to ``classes - 1``.
    holdings : sequence of ndarray of int64
        Indices each worker holds, disjoint.
    accuracies : array_like of float, shape (workers,)
        Share of right labels, in [0, 1].  Of ``s`` samples, ``s - round(accuracy * s)`` get a wrong label (halves are
        rounded to even), chosen at random and each equally likely to be any other class.
    classes : int
        Number of classes.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int64, shape (n,)
        A copy of the labels; nobody's samples keep theirs.

    Raises
    ------
    InputError
        If holdings overlap, an accuracy is out of range or there is no other class to take.
    """
    noisy, shares = np.array(labels, dtype=np.int64), np.asarray(accuracies, dtype=float)
    if shares.shape != (len(holdings),) or not ((shares >= 0) & (shares <= 1)).all():
        raise InputError("must be a number from 0 to 1 for each worker", field="accuracies")
    held = np.concatenate([np.zeros(0, dtype=np.int64), *holdings])
    if len(np.unique(held)) < len(held):
        raise InputError("a sample belongs to two workers", field="holdings")
    if held.size and not (held.min() >= 0 and held.max() < len(noisy)):
        raise InputError(f"an index is not in 0..{len(noisy) - 1}", field="holdings")
    if noisy.size and not (noisy.min() >= 0 and noisy.max() < classes):
        raise InputError(f"not all in 0..{classes - 1}", field="labels")
    for mine, share in zip(holdings, shares, strict=True):
        wrong = len(mine) - int(np.rint(share * len(mine)))
        if wrong and classes < 2:
            raise InputError("no label can be wrong where there is one class", field="classes")
        chosen = rng.permutation(mine)[:wrong]
        noisy[chosen] = (noisy[chosen] + rng.integers(1, max(classes, 2), wrong)) % classes
    return noisy

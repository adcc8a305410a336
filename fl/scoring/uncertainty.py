"""How sure a drift score is: bootstrap error bars, lower confidence bounds, effective eta.

A drift score is a mean over probe images, so its sampling error is that of a mean: all functions take the per-image drifts of
:func:`~fedmech.fl.scoring.drift_score.probe_scores`, shape ``(n, P)``. All workers are resampled with the same images, as they are
measured with the same images, which keeps the comparison between workers paired.

Source: DriftPay, section 7d (stated): "lower confidence bounds v~_i = v^_i - eps_i ... concentration inequalities"; the error
model ``|v^_i - v_i| <= eta v_i`` and the benchmark ``(1 - eta) / (1 + eta)``. The choice of bounds is made here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...models.exact import format_exact
from ...models.input_error import InputError

__all__ = [
    "BOUND_METHODS",
    "LowerBounds",
    "bootstrap_errors",
    "effective_eta",
    "lower_bounds",
    "noise_benchmark",
    "subsample_etas",
]

Array = NDArray[np.float64]
Map = Callable[[Array], Array]

BOUND_METHODS = ("student", "bernstein", "hoeffding")
_CELLS = 2_000_000


def _identity(raw: Array) -> Array:
    return raw


def _checked(samples: Array, least: int) -> Array:
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] < least:
        raise InputError(f"needs at least {least} probe images, got shape {samples.shape}", field="probe")
    if not np.isfinite(samples).all():
        raise InputError("a per-image drift is not finite", field="score")
    return samples


def _resampled_moments(samples: Array, replicates: int, seed: int) -> tuple[Array, Array]:
    """Return mean and standard deviation (n, replicates) of each worker's drifts on resampled probe sets."""
    n, size = samples.shape
    rng = np.random.Generator(np.random.PCG64(seed))
    centre = samples.mean(axis=1, keepdims=True)
    # Centred before squaring: means near 1 with small spread lose no digits.
    centred = samples - centre
    squares = centred**2
    means, spreads = np.empty((n, replicates)), np.empty((n, replicates))
    block = max(1, _CELLS // size)
    for start in range(0, replicates, block):
        count = min(block, replicates - start)
        drawn = (rng.random((count, size)) * size).astype(np.int64) + np.arange(count)[:, None] * size
        weights = np.bincount(drawn.ravel(), minlength=count * size).reshape(count, size) / size
        first, second = centred @ weights.T, squares @ weights.T
        means[:, start : start + count] = first
        spreads[:, start : start + count] = np.sqrt(np.maximum(second - first**2, 0) * size / max(size - 1, 1))
    return means + centre, spreads


def bootstrap_errors(samples: Array, *, replicates: int = 1000, seed: int = 0, score_map: Map | None = None) -> Array:
    """Bootstrap standard error of each worker's score over probe images.

    Parameters
    ----------
    samples : ndarray of float64, shape (n, P)
        Per-image drifts.
    replicates : int
        Resampled probe sets, at least 2.
    seed : int
    score_map : callable, optional
        Applied to each resampled mean drift, e.g. a :class:`~fedmech.fl.scoring.score_map.ScoreMap`; none by default.

    Returns
    -------
    ndarray of float64, shape (n,)
        In units of the score. 0 for a probe set of one image, which cannot tell.
    """
    samples = _checked(samples, 1)
    if replicates < 2:
        raise InputError(f"must be at least 2, got {replicates}", field="replicates")
    means, _ = _resampled_moments(samples, replicates, seed)
    errors = (score_map or _identity)(means).std(axis=1, ddof=1)
    # Rounding alone makes resampled means of equal drifts differ.
    errors[np.ptp(samples, axis=1) == 0] = 0.0
    return errors


@dataclass(frozen=True)
class LowerBounds:
    """Lower confidence bounds of scores.

    Attributes
    ----------
    estimates, bounds : ndarray of float64, shape (n,)
        ``v^`` and ``v~``, in units of the score; ``bounds <= estimates``.
    confidence : float
        With at least this probability the bound lies below the true score: of each worker, or of all at once if `joint`.
        Guaranteed for ``hoeffding`` and ``bernstein``, approximate for ``student``.
    method : str
    joint : bool
    """

    estimates: Array
    bounds: Array
    confidence: float
    method: str
    joint: bool

    @property
    def radius(self) -> Array:
        """``eps_i = v^_i - v~_i``, shape (n,)."""
        return self.estimates - self.bounds

    def as_options(self) -> dict[str, list[str]]:
        """Return the options ``estimates`` and ``radius`` of the mechanism ``driftpay-lcb``, exact decimal texts.

        Both have six decimals; estimates are rounded as the scores of a market are, bounds are rounded down.
        """
        unit = 10**6
        estimates = [f"{value:.6f}" for value in self.estimates.tolist()]
        floors = [Fraction(math.floor(value * unit), unit) for value in self.bounds.tolist()]
        radii = [Fraction(estimate) - floor for estimate, floor in zip(estimates, floors, strict=True)]
        return {"estimates": estimates, "radius": [format_exact(radius) for radius in radii]}


def lower_bounds(
    samples: Array,
    *,
    confidence: float = 0.95,
    method: str = "student",
    joint: bool = False,
    score_map: Map | None = None,
    limits: tuple[float, float] | None = (-1.0, 1.0),
    replicates: int = 1000,
    seed: int = 0,
) -> LowerBounds:
    """Lower confidence bounds ``v~_i = v^_i - eps_i`` of the scores.

    Parameters
    ----------
    samples : ndarray of float64, shape (n, P)
        Per-image drifts, independent draws from the probe distribution along the second axis.
    confidence : float
        ``1 - delta``, in (0, 1).
    method : {"student", "bernstein", "hoeffding"}
        ``student``: the bootstrap-t bound ``mean - q sd / sqrt(P)``, ``q`` the ``1 - delta`` quantile of the resampled
        ``(mean* - mean) / (sd* / sqrt(P))``; follows the skew of drifts, whose tail points down, and is right asymptotically.
        Minus infinity where too many resamples have no spread at all.
        ``bernstein``: ``sd sqrt(2 ln(2/delta) / P) + 7 (b - a) ln(2/delta) / (3 (P - 1))`` below the mean (Maurer and Pontil, 2009,
        Theorem 4); ``hoeffding``: ``(b - a) sqrt(ln(1/delta) / (2 P))``; both hold for every P and every distribution on [a, b].
    joint : bool
        All bounds hold at once with the given confidence: the quantile of the largest of the workers' statistics for
        ``student``, ``delta / n`` for the others.
    score_map : callable, optional
        Nondecreasing; applied to the mean and to its bound.
    limits : (float, float), optional
        ``[a, b]``, what a drift can be: [-1, 1] for cosines. L2 drifts have no lower limit and only ``student``, which needs none.
    replicates, seed : int
        Of ``student``.

    Returns
    -------
    LowerBounds

    Raises
    ------
    InputError
        For fewer than two probe images (one is enough for ``hoeffding``), drifts outside the limits, or unknown words.
    """
    if not 0 < confidence < 1:
        raise InputError(f"must lie strictly between 0 and 1, got {confidence}", field="confidence")
    if method not in BOUND_METHODS:
        raise InputError(f"must be one of {', '.join(BOUND_METHODS)}; got {method!r}", field="bound method")
    samples = _checked(samples, 1 if method == "hoeffding" else 2)
    n, size = samples.shape
    means = samples.mean(axis=1)
    if method == "student":
        radius = _student_radius(samples, confidence, joint, replicates, seed)
    else:
        if limits is None or (samples.size and not (limits[0] <= samples.min() and samples.max() <= limits[1])):
            raise InputError(f"{method} needs limits that all drifts keep; got {limits}", field="limits")
        width, delta = limits[1] - limits[0], (1 - confidence) / (max(n, 1) if joint else 1)
        if method == "hoeffding":
            radius = np.full(n, width * math.sqrt(math.log(1 / delta) / (2 * size)))
        else:
            tail = math.log(2 / delta)
            spread = samples.std(axis=1, ddof=1)
            radius = spread * math.sqrt(2 * tail / size) + 7 * width * tail / (3 * (size - 1))
    mapped = score_map or _identity
    return LowerBounds(mapped(means), mapped(means - radius), confidence, method, joint)


def _student_radius(samples: Array, confidence: float, joint: bool, replicates: int, seed: int) -> Array:
    if replicates * (1 - confidence) < 5:
        raise InputError(f"{replicates} are too few for a confidence of {confidence}", field="replicates")
    size = samples.shape[1]
    spread = np.where(np.ptp(samples, axis=1) == 0, 0.0, samples.std(axis=1, ddof=1))
    means, spreads = _resampled_moments(samples, replicates, seed)
    shifts = means - samples.mean(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = shifts / (spreads / math.sqrt(size))
    # A worker whose drifts are all equal has no sampling error to see; a resample without spread says nothing of its own.
    statistics[spread == 0] = 0.0
    statistics[np.isnan(statistics)] = 0.0
    if joint and len(samples):
        statistics = np.broadcast_to(statistics.max(axis=0), statistics.shape)
    # "higher" keeps infinities whole: interpolating towards one would give NaN.
    quantiles = np.quantile(statistics, confidence, axis=1, method="higher")
    radius = np.zeros(len(samples))
    moving = spread > 0
    radius[moving] = np.maximum(quantiles[moving], 0) * spread[moving] / math.sqrt(size)
    return radius


def effective_eta(estimates: Array, reference: Array) -> float:
    """Return ``eta = max_i |v^_i - v_i| / v_i``, 0 without workers.

    Parameters
    ----------
    estimates, reference : ndarray of float64, shape (n,)
        ``v^`` and ``v``: scores on part of a probe set and on all of it, or at two audits.

    Raises
    ------
    InputError
        If the shapes differ or a reference score is not positive.
    """
    estimates, reference = np.asarray(estimates, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if estimates.shape != reference.shape:
        raise InputError(f"{estimates.shape} estimates for {reference.shape} scores", field="eta")
    if not (reference > 0).all():
        raise InputError("scores must be positive", field="eta")
    return float((np.abs(estimates - reference) / reference).max(initial=0.0))


def subsample_etas(
    samples: Array, size: int, *, score_map: Map | None = None, trials: int = 200, seed: int = 0
) -> NDArray[np.float64]:
    """Effective eta of random probe subsets of one size against the full probe set.

    Parameters
    ----------
    samples : ndarray of float64, shape (n, P)
    size : int
        Images in each subset, 1 to P, drawn without replacement.
    score_map : callable, optional
        Its scores must be positive.
    trials, seed : int

    Returns
    -------
    ndarray of float64, shape (trials,)
        The same at `size` = P: zeros, up to the rounding of a sum in another order.
    """
    samples = _checked(samples, 1)
    if not 1 <= size <= samples.shape[1]:
        raise InputError(f"must lie between 1 and {samples.shape[1]}, got {size}", field="probe size")
    mapped = score_map or _identity
    reference = mapped(samples.mean(axis=1))
    order = np.argsort(np.random.Generator(np.random.PCG64(seed)).random((trials, samples.shape[1])), axis=1)
    return np.array([effective_eta(mapped(samples[:, row[:size]].mean(axis=1)), reference) for row in order])


def noise_benchmark(eta: float) -> float:
    """Return DriftPay's benchmark ``(1 - eta) / (1 + eta)`` for the share of the score kept under noise; 0 from eta = 1 on.

    Notes
    -----
    Source: DriftPay, sections 6 and 7d (stated). It is a benchmark and no guarantee: the ledger refutes it as a bound on
    DriftPay-CO (claim D-6-NOISE) and proves what holds in its place.
    """
    if not eta >= 0:
        raise InputError(f"must not be negative, got {eta}", field="eta")
    return max(0.0, (1 - eta) / (1 + eta)) if eta < math.inf else 0.0

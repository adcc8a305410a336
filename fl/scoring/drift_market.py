"""From data to a procurement market: standardised updates, drift scores on a committed probe set, an exact Market.

Two steps that share nothing but the scores. :func:`measure_drift` trains and scores and has no parameter that a bid or a cost
could come in by; :func:`drift_market` then puts the scores, rounded to six decimals and exact from there on, beside the
costs, bids, groups and requesters.

Source: DriftPay, section 3 (scoring interface, timing; stated) and the conclusion's "diagnostic tooling that reports v_min, v_max,
and effective eta" (stated). Rounding and groups by dominant label are choices made here, the same as in the shipped market.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError
from ...models.procurement.market import Market
from ..data.dataset import Dataset
from ..training.architectures import Architecture
from ..training.parameters import Params
from ..training.recipe import Recipe
from .digits_market import dominant_label
from .drift_score import probe_scores, scoring_update
from .probe import ProbeSet
from .score_map import ScoreMap, fit_map
from .uncertainty import (
    LowerBounds,
    bootstrap_errors,
    lower_bounds,
    noise_benchmark,
    subsample_etas,
)

__all__ = ["SCORE_DECIMALS", "DriftMeasurement", "drift_market", "groups_by_label", "measure_drift", "measure_market"]

SCORE_DECIMALS = 6
"""Scores are rounded to so many decimals before they become exact: beyond the reach of floating-point noise."""


@dataclass(frozen=True, eq=False)
class DriftMeasurement:
    """What was measured, and all that is needed to judge it.

    Attributes
    ----------
    samples : ndarray of float64, shape (n, P)
        Per-image drifts.
    raw : ndarray of float64, shape (n,)
        Their means.
    scores : ndarray of float64, shape (n,)
        Mapped and clipped, before rounding.
    errors : ndarray of float64, shape (n,)
        Bootstrap standard errors of `scores`.
    bounds : LowerBounds
        Lower confidence bounds; their :meth:`~.uncertainty.LowerBounds.as_options` go to the mechanism ``driftpay-lcb``.
    score_map : ScoreMap
        The map used, with its `v_min` and `v_max`; ``score_map.formula`` says it.
    clipped : (int, int)
        Scores raised to `v_min` and lowered to `v_max`.
    eta : float
        Largest effective eta of `eta_trials` random halves of the probe set against all of it.
    kind : str
        ``cosine`` or ``l2``.
    commitment : str
        Of the probe set.
    """

    samples: NDArray[np.float64]
    raw: NDArray[np.float64]
    scores: NDArray[np.float64]
    errors: NDArray[np.float64]
    bounds: LowerBounds
    score_map: ScoreMap
    clipped: tuple[int, int]
    eta: float
    kind: str
    commitment: str

    @property
    def n(self) -> int:
        """Number of workers."""
        return len(self.scores)

    @property
    def texts(self) -> list[str]:
        """Scores as decimal literals with six places, exact from here on."""
        return [f"{value:.{SCORE_DECIMALS}f}" for value in self.scores.tolist()]

    @property
    def rounding_margin(self) -> float:
        """Distance of the nearest score to a rounding boundary; far above 1e-9 in single precision, or another machine may round otherwise."""
        scaled = self.scores * 10**SCORE_DECIMALS
        return float(np.abs(scaled - np.floor(scaled) - 0.5).min(initial=0.5) / 10**SCORE_DECIMALS)

    @property
    def spread(self) -> float:
        """``vmax / vmin`` over the workers, on which DriftPay's bound ``1 / (2 + vmax / vmin)`` depends; 1 without workers."""
        return float(self.scores.max() / self.scores.min()) if self.n else 1.0

    def report(self) -> dict[str, Any]:
        """Return the diagnostics as a document that JSON can hold, without the per-worker columns."""
        return {
            "workers": self.n,
            "probe_images": self.samples.shape[1],
            "commitment": self.commitment,
            "kind": self.kind,
            "map": self.score_map.formula,
            "v_min": self.score_map.v_min,
            "v_max": self.score_map.v_max,
            "clipped_low": self.clipped[0],
            "clipped_high": self.clipped[1],
            "least_score": float(self.scores.min(initial=np.inf)) if self.n else None,
            "largest_score": float(self.scores.max(initial=-np.inf)) if self.n else None,
            "spread": self.spread,
            "largest_error": float(self.errors.max(initial=0.0)),
            "confidence": self.bounds.confidence,
            "largest_radius": float(self.bounds.radius.max(initial=0.0)),
            "eta": self.eta,
            "noise_benchmark": noise_benchmark(self.eta),
            "rounding_margin": self.rounding_margin,
        }


def measure_drift(
    dataset: Dataset,
    holdings: Sequence[NDArray[np.int64]],
    *,
    architecture: Architecture,
    global_params: Params,
    recipe: Recipe,
    probe: ProbeSet,
    previous: Params | None = None,
    kind: str = "cosine",
    how: str | None = None,
    v_min: float = 0.01,
    v_max: float = 1.0,
    confidence: float = 0.95,
    bound_method: str = "student",
    joint: bool = False,
    replicates: int = 1000,
    eta_trials: int = 200,
    seed: int = 0,
    device: str = "cpu",
) -> DriftMeasurement:
    """Train every worker by the standardised update and score it on the probe set. No bid or cost can come in.

    Parameters
    ----------
    dataset : Dataset
    holdings : sequence of ndarray of int64
        Each worker's images in the training part; none of them may be in the probe set.
    architecture : Architecture
    global_params : Params
        The model ``w^t`` that all start from.
    recipe : Recipe
        The announced rule: same steps, batch order, optimiser for all.
    probe : ProbeSet
    previous : Params, optional
        Each worker's latest model of its own, stacked, for MOON; see :func:`.drift_score.scoring_update`.
    kind : {"cosine", "l2"}
    how : {"clip", "half", "exponential", "min-max"}, optional
        Map to ``[v_min, v_max]``; ``half`` for cosines and ``exponential`` for distances if left out.
    v_min, v_max : float
        With at most six decimals, so that rounding keeps scores between them.
    confidence, bound_method, joint, replicates
        Of the lower bounds, see :func:`~.uncertainty.lower_bounds`.
    eta_trials : int
        Random halves of the probe set for the effective eta; with a single probe image it is 0.
    seed : int
        Of the resampling; the scores do not depend on it.
    device : str

    Returns
    -------
    DriftMeasurement

    Raises
    ------
    InputError
        If a worker holds a probe image or nothing, training diverged, or `v_min` and `v_max` do not have at most six decimals.
    """
    held_out = set(probe.indices.tolist())
    for worker, held in enumerate(holdings):
        if not held_out.isdisjoint(np.asarray(held).tolist()):
            raise InputError("holds an image of the probe set", row=f"worker {worker}", field="holdings")
    for name, value in (("v_min", v_min), ("v_max", v_max)):
        if round(value, SCORE_DECIMALS) != value:
            raise InputError(f"must have at most {SCORE_DECIMALS} decimals, got {value}", field=name)
    images, labels = dataset.train_inputs, dataset.train_labels
    local = scoring_update(
        architecture, global_params, images, labels, holdings, recipe, previous=previous, device=device
    )
    samples = probe_scores(architecture, global_params, local, probe, kind, device=device)
    raw = samples.mean(axis=1)
    score_map = fit_map(raw, how or ("half" if kind == "cosine" else "exponential"), v_min, v_max)
    size = samples.shape[1]
    etas = subsample_etas(samples, max(1, size // 2), score_map=score_map, trials=eta_trials, seed=seed)
    return DriftMeasurement(
        samples=samples,
        raw=raw,
        scores=score_map(raw),
        errors=bootstrap_errors(samples, replicates=replicates, seed=seed, score_map=score_map),
        bounds=lower_bounds(
            samples,
            confidence=confidence,
            method=bound_method,
            joint=joint,
            score_map=score_map,
            limits=(-1.0, 1.0) if kind == "cosine" else None,
            replicates=replicates,
            seed=seed,
        ),
        score_map=score_map,
        clipped=score_map.clipped(raw),
        eta=float(etas.max(initial=0.0)),
        kind=kind,
        commitment=probe.commitment,
    )


def groups_by_label(labels: NDArray[np.int64], holdings: Sequence[NDArray[np.int64]]) -> list[str]:
    """Group workers by their dominant label, the smaller one on a tie, as the shipped market does: ``label-0``, ``label-1``, ...

    Parameters
    ----------
    labels : ndarray of int64, shape (N,)
    holdings : sequence of ndarray of int64
    """
    return [f"label-{dominant_label(labels[held])}" for held in holdings]


def drift_market(
    measurement: DriftMeasurement,
    *,
    budgets: Iterable[Any],
    costs: Iterable[Any] | None = None,
    bids: Iterable[Any] | None = None,
    groups: Iterable[str] | None = None,
    seats: Iterable[Any] | None = None,
    caps: Any = None,
    default_cap: int | None = None,
    worker_ids: Iterable[str] | None = None,
    requester_ids: Iterable[str] | None = None,
) -> Market:
    """Put measured scores into an exact market.

    Parameters
    ----------
    measurement : DriftMeasurement
    budgets, costs, bids, groups, seats, caps, default_cap, worker_ids, requester_ids
        As :meth:`Market.build` takes them.

    Returns
    -------
    Market
        Its scores are those of the measurement with six decimals, whatever the other columns are.
    """
    return Market.build(
        scores=measurement.texts,
        budgets=budgets,
        costs=costs,
        bids=bids,
        groups=groups,
        seats=seats,
        caps=caps,
        default_cap=default_cap,
        worker_ids=worker_ids,
        requester_ids=requester_ids,
    )


def measure_market(
    dataset: Dataset,
    holdings: Sequence[NDArray[np.int64]],
    *,
    budgets: Iterable[Any],
    costs: Iterable[Any] | None = None,
    bids: Iterable[Any] | None = None,
    groups: Iterable[str] | None = None,
    seats: Iterable[Any] | None = None,
    caps: Any = None,
    default_cap: int | None = None,
    **measuring: Any,
) -> tuple[Market, DriftMeasurement]:
    """Measure drift and build the market in one call: :func:`measure_drift`, then :func:`drift_market`.

    Parameters
    ----------
    dataset, holdings, **measuring
        As :func:`measure_drift` takes them; costs, bids and budgets are not passed on to it.
    groups : iterable of str, optional
        Dominant labels (:func:`groups_by_label`) if left out.
    budgets, costs, bids, seats, caps, default_cap
        As :func:`drift_market` takes them.

    Returns
    -------
    market : Market
    measurement : DriftMeasurement
        What is reported beside it: commitment, `v_min`, `v_max`, map, error bars, lower bounds, effective eta.
    """
    measurement = measure_drift(dataset, holdings, **measuring)
    market = drift_market(
        measurement,
        budgets=budgets,
        costs=costs,
        bids=bids,
        groups=groups_by_label(dataset.train_labels, holdings) if groups is None else groups,
        seats=seats,
        caps=caps,
        default_cap=default_cap,
    )
    return market, measurement

"""The registry of scoring rules: what stands in the place of ``v_i`` in a round.

A rule turns what was measured before the bids into one number a worker, higher is better; it is never shown a bid. The number then
becomes a positive score in ``[v_min, v_max]`` by a map of :mod:`~fedmech.fl.scoring.score_map`: ``min-max`` takes the least and the greatest
of the round to the ends, ``natural`` is the map that suits the rule's scale (reconstructed). Under ``min-max`` a rule and its delta
agree (accuracy and accuracy gain differ by the same number for all workers); clipped, they do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError
from ..scoring.drift_market import SCORE_DECIMALS
from ..scoring.score_map import fit_map
from ..scoring.uncertainty import lower_bounds

__all__ = ["UNIT", "Measurement", "ScoringRule", "find_scoring_rule", "scoring_rule", "scoring_rules"]

FloatArray = NDArray[np.float64]

UNIT = 10**SCORE_DECIMALS
"""Scores are whole multiples of one over it."""


@dataclass(frozen=True)
class Measurement:
    """What is known of the workers before they bid, from their standardised updates and from earlier rounds.

    Attributes
    ----------
    cosines, distances : ndarray of float, shape (n, P)
        Cosine similarity, and minus the L2 distance, between the representations of each probe image under each worker's scoring update
        and under the model it started from.
    accuracy, loss : ndarray of float, shape (n,)
        Of each worker's scoring update on the probe set.
    base_accuracy, base_loss : float
        Of the model that the updates started from, on the probe set.
    reputation : ndarray of float, shape (n,)
        Moving average of past improvement when selected, on the probe set; 0 for those never selected.
    participation : ndarray of float, shape (n,)
        Moving average of past selection, in [0, 1].
    draws, fixed : ndarray of float, shape (n,)
        Uniform on [0, 1), the round's and the simulation's.
    """

    cosines: FloatArray
    distances: FloatArray
    accuracy: FloatArray
    loss: FloatArray
    base_accuracy: float
    base_loss: float
    reputation: FloatArray
    participation: FloatArray
    draws: FloatArray
    fixed: FloatArray

    @property
    def cosine(self) -> FloatArray:
        """Mean cosine similarity over the probe set, shape (n,)."""
        return self.cosines.mean(axis=1)

    @property
    def l2(self) -> FloatArray:
        """Minus the mean L2 distance over the probe set, shape (n,)."""
        return self.distances.mean(axis=1)


Rule = Callable[[Measurement], FloatArray]


@dataclass(frozen=True)
class ScoringRule:
    """One entry of the registry.

    Attributes
    ----------
    name : str
    raw : callable
        ``Measurement -> ndarray of float, shape (n,)``; higher is better.
    natural : str
        The map of :func:`~fedmech.fl.scoring.score_map.fit_map` that suits the rule's scale.
    summary, source : str
        One line each.
    images : callable, optional
        ``Measurement -> ndarray of float, shape (n, P)``: what `raw` is the mean of over the probe images, where it is one.
    """

    name: str
    raw: Rule
    natural: str
    summary: str
    source: str
    images: Rule | None = None

    def scores(self, measurement: Measurement, mapping: str, v_min: float, v_max: float) -> list[Fraction]:
        """Score the workers: within ``[v_min, v_max]``, with six decimals, exact.

        Parameters
        ----------
        measurement : Measurement
        mapping : {'min-max', 'natural'}
        v_min, v_max : float

        Returns
        -------
        list of Fraction, length n
            Positive, however small `v_min` is.

        Raises
        ------
        InputError
            If a raw score is not a number.
        """
        raw = np.asarray(self.raw(measurement), dtype=np.float64)
        values = fit_map(raw, self.natural if mapping == "natural" else mapping, v_min, v_max)(raw)
        return [Fraction(max(1, round(value * UNIT)), UNIT) for value in values.tolist()]

    def radii(
        self, measurement: Measurement, mapping: str, v_min: float, v_max: float, confidence: float, seed: int
    ) -> list[Fraction] | None:
        """How far below each score its lower confidence bound lies; None for a rule that is no mean over images.

        Parameters
        ----------
        measurement, mapping, v_min, v_max
            As for :meth:`scores`, from which the bounds go down.
        confidence : float
            Of each worker's bound, by the bootstrap-t of :func:`~fedmech.fl.scoring.uncertainty.lower_bounds`.
        seed : int
            Of its resamples.

        Returns
        -------
        list of Fraction, length n, or None
            Six decimals, rounded up.
        """
        if self.images is None:
            return None
        score_map = fit_map(self.raw(measurement), self.natural if mapping == "natural" else mapping, v_min, v_max)
        found = lower_bounds(self.images(measurement), confidence=confidence, score_map=score_map, seed=seed)
        scores = self.scores(measurement, mapping, v_min, v_max)
        floors = [Fraction(math.floor(bound * UNIT), UNIT) for bound in found.bounds.tolist()]
        return [score - min(floor, score) for score, floor in zip(scores, floors, strict=True)]


_RULES: dict[str, ScoringRule] = {}


def scoring_rule(
    name: str, *, summary: str, source: str, natural: str = "clip", images: Rule | None = None
) -> Callable[[Rule], Rule]:
    """Register a scoring rule; used as a decorator. The parameters are the attributes of :class:`ScoringRule`."""

    def add(raw: Rule) -> Rule:
        if name in _RULES:
            raise ValueError(f"scoring rule {name!r} is registered twice")
        _RULES[name] = ScoringRule(name, raw, natural, summary, source, images)
        return raw

    return add


def scoring_rules() -> list[ScoringRule]:
    """List the registered rules by name."""
    return [_RULES[name] for name in sorted(_RULES)]


def find_scoring_rule(name: str) -> ScoringRule:
    """Look a rule up by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in _RULES:
        raise InputError(f"unknown scoring rule {name!r}; there are {', '.join(sorted(_RULES))}", field="scoring")
    return _RULES[name]


# ------------------------------------------------------------------ the rules


@scoring_rule(
    "drift",
    summary="mean cosine between representations before and after the scoring update",
    source="DriftPay, section 3 (stated)",
    natural="half",
    images=lambda measurement: measurement.cosines,
)
def _drift(measurement: Measurement) -> FloatArray:
    return measurement.cosine


@scoring_rule(
    "drift-l2",
    summary="minus the mean L2 distance between those representations",
    source="DriftPay, section 3 (stated)",
    natural="exponential",
    images=lambda measurement: measurement.distances,
)
def _drift_l2(measurement: Measurement) -> FloatArray:
    return measurement.l2


@scoring_rule(
    "accuracy",
    summary="accuracy of the scoring update on the probe set",
    source="DriftPay, section 7e, accuracy-based scoring (stated)",
)
def _accuracy(measurement: Measurement) -> FloatArray:
    return measurement.accuracy


@scoring_rule(
    "accuracy-delta",
    summary="gain in accuracy on the probe set by the scoring update",
    source="DriftPay, sections 4 (benchmark 3) and 7e (stated)",
)
def _accuracy_delta(measurement: Measurement) -> FloatArray:
    return measurement.accuracy - measurement.base_accuracy


@scoring_rule(
    "loss",
    summary="minus the loss of the scoring update on the probe set",
    source="DriftPay, section 7e, accuracy-based scoring (stated)",
    natural="exponential",
)
def _loss(measurement: Measurement) -> FloatArray:
    return -measurement.loss


@scoring_rule(
    "loss-delta",
    summary="fall of the loss on the probe set by the scoring update",
    source="DriftPay, section 4 (benchmark 3, its loss analogue; stated)",
)
def _loss_delta(measurement: Measurement) -> FloatArray:
    return measurement.base_loss - measurement.loss


@scoring_rule(
    "reputation",
    summary="moving average of past improvement on the probe set when selected",
    source="DriftPay, sections 4 (benchmark 2) and 7e (stated; the probe set, and equal shares among winners, reconstructed)",
)
def _reputation(measurement: Measurement) -> FloatArray:
    return measurement.reputation


@scoring_rule(
    "participation",
    summary="moving average of past participation",
    source="DriftPay, section 7e, CARE with reputation weights (stated)",
)
def _participation(measurement: Measurement) -> FloatArray:
    return measurement.participation


@scoring_rule(
    "bid-only",
    summary="all scores equal: bids alone decide",
    source="DriftPay, sections 4 (benchmark 1) and 7e (stated)",
)
def _bid_only(measurement: Measurement) -> FloatArray:
    return np.ones_like(measurement.draws)


@scoring_rule(
    "random",
    summary="scores drawn at random each round",
    source="DriftPay, section 7e, random selection under budgets (stated; as a score reconstructed)",
)
def _random(measurement: Measurement) -> FloatArray:
    return measurement.draws


@scoring_rule(
    "random-fixed",
    summary="scores drawn at random once, so that the same workers stay ahead",
    source="ours: what a rule that hires one team every round has to be compared with",
)
def _random_fixed(measurement: Measurement) -> FloatArray:
    return measurement.fixed

"""From a raw drift to a score within ``[v_min, v_max]``: normalisation, then clipping.

DriftPay (section 3, stated) assumes ``0 < v_min <= v_i <= v_max``, "enforced by score normalization or clipping", and its bound
``1 / (2 + v_max / v_min)`` depends on both. Which map is used is the platform's choice and is therefore reported:
:attr:`ScoreMap.formula`. Every map is nondecreasing, so a lower bound of the raw drift stays a lower bound of the score.
The maps themselves are choices made here; ``half`` is the one of the shipped market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError

__all__ = ["MAPS", "ScoreMap", "fit_map"]

MAPS = {
    "clip": "raw",
    "half": "(1 + raw) / 2",
    "exponential": "exp(raw / {scale:g})",
    "linear": "{v_min:g} + (raw - {low:g}) / ({high:g} - {low:g}) * ({v_max:g} - {v_min:g})",
}
"""Formulas before clipping. `linear` takes ``[low, high]`` to ``[v_min, v_max]``."""


@dataclass(frozen=True)
class ScoreMap:
    """A nondecreasing map from raw drifts to scores.

    Attributes
    ----------
    how : {"clip", "half", "exponential", "linear"}
    v_min, v_max : float
        ``0 < v_min <= v_max``; every score lies between them.
    scale : float
        Of ``exponential``: the raw drift ``-scale`` becomes ``1/e``.
    low, high : float
        Of ``linear``.
    """

    how: str = "half"
    v_min: float = 0.01
    v_max: float = 1.0
    scale: float = 1.0
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.how not in MAPS:
            raise InputError(f"must be one of {', '.join(MAPS)}; got {self.how!r}", field="score map")
        if not 0 < self.v_min <= self.v_max < np.inf:
            raise InputError(f"needs 0 < v_min <= v_max, got {self.v_min} and {self.v_max}", field="v_min")
        if not 0 < self.scale < np.inf:
            raise InputError(f"must be positive, got {self.scale}", field="scale")
        if not -np.inf < self.low <= self.high < np.inf:
            raise InputError(f"needs low <= high, got {self.low} and {self.high}", field="low")

    @property
    def formula(self) -> str:
        """The map in words, e.g. ``clip((1 + raw) / 2, 0.01, 1)``."""
        inner = MAPS[self.how].format(**vars(self))
        return f"clip({inner}, {self.v_min:g}, {self.v_max:g})"

    def before_clipping(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply the map without its clipping."""
        raw = np.asarray(raw, dtype=np.float64)
        if self.how == "half":
            return (1 + raw) / 2
        if self.how == "exponential":
            with np.errstate(over="ignore"):
                return np.exp(raw / self.scale)
        if self.how == "linear":
            if self.low == self.high:
                # Nothing to spread: at or above the one value is best.
                return np.where(raw >= self.low, self.v_max, self.v_min)
            return self.v_min + (raw - self.low) / (self.high - self.low) * (self.v_max - self.v_min)
        return raw

    def __call__(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map raw drifts of any shape to scores.

        Raises
        ------
        InputError
            For a raw drift that is NaN. Infinite ones are clipped.
        """
        if np.isnan(raw).any():
            raise InputError("a raw drift is not a number", field="score")
        return np.clip(self.before_clipping(raw), self.v_min, self.v_max)

    def clipped(self, raw: NDArray[np.float64]) -> tuple[int, int]:
        """Count the raw drifts that the clipping raises to `v_min` and lowers to `v_max`."""
        inner = self.before_clipping(raw)
        return int((inner < self.v_min).sum()), int((inner > self.v_max).sum())


def fit_map(raw: NDArray[np.float64], how: str, v_min: float = 0.01, v_max: float = 1.0) -> ScoreMap:
    """Make a map, with what it needs to know of the drifts taken from the workers scored.

    Parameters
    ----------
    raw : ndarray of float64, shape (n,)
        Raw drifts of all workers.
    how : {"clip", "half", "exponential", "min-max"}
        ``exponential`` takes the median of ``|raw|`` as its scale, ``min-max`` is ``linear`` between the least and the largest.
    v_min, v_max : float

    Returns
    -------
    ScoreMap
        Fixed from here on: error bars and audits use the same one.

    Notes
    -----
    A fitted map makes one worker's score depend on the other workers' updates (never on bids).
    """
    raw = np.asarray(raw, dtype=np.float64)
    if how == "min-max":
        low, high = (float(raw.min()), float(raw.max())) if raw.size else (0.0, 1.0)
        return ScoreMap("linear", v_min, v_max, low=low, high=high)
    if how == "exponential":
        typical = float(np.median(np.abs(raw))) if raw.size else 1.0
        return ScoreMap("exponential", v_min, v_max, scale=typical or 1.0)
    return ScoreMap(how, v_min, v_max)

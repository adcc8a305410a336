"""What workers ask for: costs from a cost model, bids that tell them truly, noisily, or with a deviation.

Source: DriftPay, section 7e (stated: bids "generated from a cost model plus noise, with the option to introduce strategic
deviations"). The model itself, a fixed part and a part per sample times a factor of the worker's own, is the one of the digits market
that ships with the package (reconstructed). Money has two decimals: costs and bids are whole numbers of cents, hence exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.input_error import InputError

__all__ = ["CENTS", "MOST_CENTS", "BidModel", "CostModel", "drawn_share", "money"]

CENTS = 100
MOST_CENTS = 10**15
"""Below it a float tells every whole number of cents."""


def money(cents: np.ndarray) -> list[Fraction]:
    """Whole cents as exact amounts of money."""
    return [Fraction(int(value), CENTS) for value in cents]


def _cents(amounts: np.ndarray, field: str) -> np.ndarray:
    if not (amounts <= MOST_CENTS).all():
        raise InputError(f"amounts of money above {MOST_CENTS // CENTS:,} are not exact", field=field)
    return np.maximum(np.rint(amounts), 1).astype(np.int64)


def drawn_share(share: float, workers: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``round(share * n)`` workers, boolean of shape (n,)."""
    chosen = np.zeros(workers, dtype=bool)
    chosen[np.argsort(rng.random(workers), kind="stable")[: round(share * workers)]] = True
    return chosen


@dataclass(frozen=True)
class CostModel:
    """Cost ``factor_i * (fixed + per_sample * samples_i) * (1 + noise * u)``, at least one cent.

    Attributes
    ----------
    fixed, per_sample : float
        Money.
    spread : float
        Own factors are uniform on ``1 - spread`` to ``1 + spread``, drawn once; in [0, 1].
    noise : float
        ``u`` is uniform on [-1, 1], drawn anew each round; in [0, 1].
    """

    fixed: float = 0.5
    per_sample: float = 0.25
    spread: float = 0.5
    noise: float = 0.0

    def __post_init__(self) -> None:
        for field, low, high in (("fixed", 0, None), ("per_sample", 0, None), ("spread", 0, 1), ("noise", 0, 1)):
            _require(getattr(self, field), low, high, f"cost_{field}")

    def factors(self, workers: int, rng: np.random.Generator) -> np.ndarray:
        """Draw every worker's own factor, shape (n,)."""
        return 1 + self.spread * (2 * rng.random(workers) - 1)

    def costs(self, samples: np.ndarray, factors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw one round's true costs in cents.

        Parameters
        ----------
        samples : ndarray of int, shape (n,)
            Samples of each worker.
        factors : ndarray of float, shape (n,)
            As :meth:`factors` drew them.
        rng : Generator
            The round's.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        InputError
            If a cost is too large to be exact.
        """
        wobble = 1 + self.noise * (2 * rng.random(len(samples)) - 1)
        return _cents(CENTS * factors * (self.fixed + self.per_sample * samples) * wobble, "fixed_cost")


@dataclass(frozen=True)
class BidModel:
    """Bid ``cost * (1 + noise * u)``, times `deviation` for those who deviate.

    Attributes
    ----------
    noise : float
        ``u`` is uniform on [-1, 1], drawn anew each round; in [0, 1]. 0 is truthful.
    deviators : float
        Share of the workers that deviate, the same ones in every round; in [0, 1].
    deviation : float
        Their factor: above 1 they overbid, below 1 they underbid; at least 0.
    """

    noise: float = 0.0
    deviators: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        _require(self.noise, 0, 1, "bid_noise")
        _require(self.deviators, 0, 1, "deviators")
        _require(self.deviation, 0, None, "deviation")

    def who_deviates(self, workers: int, rng: np.random.Generator) -> np.ndarray:
        """Draw who deviates: ``round(deviators * n)`` workers, boolean of shape (n,)."""
        return drawn_share(self.deviators, workers, rng)

    def bids(self, costs: np.ndarray, deviates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw one round's bids in cents; equal to the costs without noise and deviation.

        Parameters
        ----------
        costs : ndarray of int64, shape (n,)
            In cents.
        deviates : ndarray of bool, shape (n,)
        rng : Generator
            The round's; the draw is the same whoever deviates.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        InputError
            If a bid is too large to be exact.
        """
        wobble = 1 + self.noise * (2 * rng.random(len(costs)) - 1)
        return _cents(costs * wobble * np.where(deviates, self.deviation, 1.0), "deviation")


def _require(value: float, low: float, high: float | None, field: str) -> None:
    if not (value >= low and (high is None or value <= high) and np.isfinite(value)):
        wanted = f">= {low}" if high is None else f"in [{low}, {high}]"
        raise InputError(f"must be a number {wanted}, got {value}", field=field)

"""Rational multipliers for OPT-SEP and the exact bound they give, whatever their quality.

For any nonnegative multipliers of budgets, slots and seats the optimum is at most

    ``sum_j lam_j B_j + sum_lj mu_lj caps_lj + sum_j sigma_j seats_j + sum_i max(0, max_j p_ij)``

with ``p_ij = v_i - lam_j c_i - mu_{g(i) j} - sigma_j`` (Lagrangian duality). Everything here is an integer over one
common denominator; a linear program only suggests the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ..control import Control
from .class_model import relaxation_duals
from .instance import SeparateInstance

_LIMIT = 2**61


@dataclass(frozen=True)
class PurseMultipliers:
    """Multipliers over a common denominator, and what follows from them for one instance.

    Attributes
    ----------
    denominator : int
        All other numbers are multiples of ``1 / denominator``.
    budget, slot, seat : ndarray
        Multipliers of budgets (m,), slots (L, m) and seats (m,), integers.
    reduced : ndarray, shape (n, m)
        ``p_ij``; meaningless where a pair is not eligible.
    best : ndarray, shape (n,)
        ``max(0, max_j p_ij)`` over the eligible requesters.
    total : int
        The bound, times the denominator.
    """

    denominator: int
    budget: np.ndarray
    slot: np.ndarray
    seat: np.ndarray
    reduced: np.ndarray
    best: np.ndarray
    total: int

    @property
    def bound(self) -> Fraction:
        """The bound on the optimum."""
        return Fraction(self.total, self.denominator)


def price_out(
    instance: SeparateInstance, budget: list[int], slot: list[list[int]], seat: list[int], denominator: int
) -> PurseMultipliers:
    """Compute the bound of given multipliers exactly.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    budget, slot, seat : lists of int
        Nonnegative multipliers times `denominator`, shapes (m,), (L, m), (m,).
    denominator : int
        Positive common denominator.

    Returns
    -------
    PurseMultipliers
        With ``int64`` arrays where all sums fit, with Python integers otherwise.

    Raises
    ------
    ValueError
        If a multiplier is negative.
    """
    flat = [*budget, *seat, *(value for row in slot for value in row)]
    if denominator <= 0 or min(flat, default=0) < 0:
        raise ValueError("multipliers must be nonnegative, over a positive denominator")
    largest = int(instance.scores.max(initial=0)) * denominator
    largest += int(instance.costs.max(initial=0)) * max(budget, default=0) + max(flat, default=0) * 2
    constant = sum(p * b for p, b in zip(budget, instance.budgets, strict=True))
    constant += sum(p * s for p, s in zip(seat, instance.seats.tolist(), strict=True))
    caps = instance.caps.tolist()
    constant += sum(p * k for prices, row in zip(slot, caps, strict=True) for p, k in zip(prices, row, strict=True))
    small = denominator + constant + largest * (instance.n + 1) < _LIMIT and instance.scores.dtype != object
    dtype = np.int64 if small and instance.costs.dtype != object else object
    lam, sigma = np.array(budget, dtype=dtype), np.array(seat, dtype=dtype)
    mu = np.array(slot, dtype=dtype).reshape(instance.caps.shape)
    scores, cost = instance.scores.astype(dtype), instance.costs.astype(dtype)
    reduced = (scores * denominator)[:, None] - cost[:, None] * lam[None, :] - mu[instance.groups] - sigma[None, :]
    best = np.zeros(instance.n, dtype=dtype)
    for j in range(instance.m):
        best = np.where(instance.eligible[:, j], np.maximum(best, reduced[:, j]), best)
    return PurseMultipliers(denominator, lam, mu, sigma, reduced, best, constant + exact_sum(best))


def find_multipliers(instance: SeparateInstance, control: Control) -> PurseMultipliers:
    """Multipliers near the best ones: duals of the linear relaxation, rounded, made alike for like requesters.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    control : Control
        Deadline; without duals in time the multipliers are zero.

    Returns
    -------
    PurseMultipliers
        A valid bound in every case.
    """
    groups, m = instance.caps.shape
    duals = relaxation_duals(instance, control)
    if duals is None:
        return price_out(instance, [0] * m, [[0] * m for _ in range(groups)], [0] * m, 1)
    budget, slot, seat = duals.budget, duals.slot, duals.seat
    # As fine as sums of reduced scores that fit 64 bits allow.
    bits = max(8, min(40, 57 - exact_sum(instance.scores).bit_length()))
    denominator = 1 << bits

    def rounded(values: np.ndarray, unit: Fraction) -> list[int]:
        return [max(0, round(Fraction(value) * unit)) for value in values.tolist()]

    alike: dict[tuple, list[int]] = {}
    for j in range(m):
        key = (instance.budgets[j], int(instance.seats[j]), *instance.caps[:, j].tolist())
        alike.setdefault(key, []).append(j)
    # Duals of like requesters may differ where the program is degenerate; averaged they are as good, and one list of sets serves all.
    for members in alike.values():
        budget[members] = budget[members].mean()
        seat[members] = seat[members].mean()
        slot[:, members] = slot[:, members].mean(axis=1, keepdims=True)
    worth = Fraction(duals.score * denominator)
    return price_out(
        instance,
        rounded(budget, worth / duals.money),
        [rounded(row, worth) for row in slot],
        rounded(seat, worth),
        denominator,
    )

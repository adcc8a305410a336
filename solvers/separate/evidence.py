"""What the search's bounds rest on, written as proofs of kind ``packing`` (see :mod:`fedmech.solvers.proofs.packing`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...models.exact import exact_sum
from .instance import SeparateInstance
from .multipliers import PurseMultipliers
from .worker_prices import WorkerPrices

__all__ = ["Evidence", "everybody_hired", "pooled_sets", "priced_purses", "priced_workers"]

Evidence = tuple[str, dict[str, Any]]
"""Kind and body of a proof."""


def everybody_hired(instance: SeparateInstance) -> Evidence:
    """Prove what all who fit somewhere are worth together."""
    worth = np.where(instance.eligible.any(axis=1), instance.scores, 0 * instance.scores)
    nothing = _purse(1, 0, 0, [0] * len(instance.caps), 0)
    return _packing(1, worth, False, [nothing] * instance.m)


def priced_purses(instance: SeparateInstance, multipliers: PurseMultipliers, bound: int) -> Evidence:
    """Prove a bound by multipliers of budgets, slots and seats: a worker's price is its best reduced score, or less.

    Of a worker that everybody but one requester loses more by than a better allocation may, that requester keeps part of the price:
    so much that the others lose too much by it still. What it keeps, it loses by the worker's absence, and has fewer sets.
    """
    # What an allocation that is better than the bound may lose.
    gap = multipliers.total - multipliers.denominator * (bound + instance.unit)
    best, rows = multipliers.best, np.arange(instance.n)
    price, kept = best, [0] * instance.m
    if gap >= 0:
        reduced = np.where(instance.eligible, multipliers.reduced, -gap - 1)
        dearest = reduced.argmax(axis=1)
        reduced[rows, dearest] = -gap - 1
        price = np.minimum(best, np.maximum(reduced.max(axis=1) + (gap + 1), 0))
        kept = [exact_sum((best - price)[dearest == j]) for j in range(instance.m)]
    purses = [
        {**purse, "scale": 1, "best": purse["best"] + more}
        for purse, more in zip(_linear(instance, multipliers), kept, strict=True)
    ]
    return _packing(multipliers.denominator, price, False, purses)


def pooled_sets(single: SeparateInstance, multipliers: PurseMultipliers, workers: int) -> Evidence:
    """Prove a bound by pooled sets, `single` being the market of one requester with all budgets, caps and seats."""
    (purse,) = _linear(single, multipliers)
    nothing = np.zeros(workers, dtype=np.int64)
    return _packing(1, nothing, True, [{**purse, "best": multipliers.total // multipliers.denominator}])


def priced_workers(
    instance: SeparateInstance,
    prices: WorkerPrices,
    purses: Mapping[int, tuple[SeparateInstance, PurseMultipliers]],
    alike: Sequence[int],
) -> Evidence:
    """Prove a bound by worker prices, `purses` being the requesters alone at these prices."""
    inner = {j: {**_linear(*pair)[0], "best": prices.best[j]} for j, pair in purses.items()}
    worth = np.where(instance.eligible.any(axis=1), prices.price, 0 * prices.price)
    return _packing(prices.denominator, worth, False, [inner[twin] for twin in alike])


def _linear(instance: SeparateInstance, multipliers: PurseMultipliers) -> list[dict[str, Any]]:
    """Write multipliers by requester; each claims as its best what its money, slots and seats are worth together."""
    purses: list[dict[str, Any]] = []
    for j, budget in enumerate(instance.budgets):
        money, seat = int(multipliers.budget[j]), int(multipliers.seat[j])
        slots, caps = multipliers.slot[:, j].tolist(), instance.caps[:, j].tolist()
        best = money * budget + seat * int(instance.seats[j]) + sum(p * k for p, k in zip(slots, caps, strict=True))
        purses.append(_purse(multipliers.denominator, money, seat, slots, best))
    return purses


def _purse(scale: int, money: int, seats: int, places: list[int], best: int) -> dict[str, Any]:
    return {"scale": scale, "money": money, "seats": seats, "places": places, "best": best}


def _packing(scale: int, workers: np.ndarray, pooled: bool, purses: list[dict[str, Any]]) -> Evidence:
    return "packing", {"scale": scale, "workers": workers, "pooled": pooled, "purses": purses}

"""Lazy greedy for COVER, and exchanges of one worker for another.

Coverage is monotone and submodular, so a marginal value computed earlier bounds the one now (Minoux 1978): only the
front of a heap is ever recomputed. All comparisons are exact.
"""

from __future__ import annotations

import heapq

import numpy as np

from ..control import Control
from .instance import CoverInstance, Router

LOOKS = 64
"""Workers between two looks at the clock: at a deadline that has passed some are chosen still."""


def lazy_greedy(instance: CoverInstance, by_density: bool, control: Control) -> np.ndarray:
    """Add the worker of largest marginal value (per cost, if `by_density`) while one fits.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    by_density : bool
        Whether marginal values are divided by costs. Free workers come first then.
    control : Control
        At its deadline nobody more is added, the first few aside.

    Returns
    -------
    ndarray of int64
        The chosen workers, increasing. Ties go to the lower index.
    """
    router = Router(instance)
    covered = np.zeros(instance.coverage.shape[1], dtype=instance.coverage.dtype)
    costs, groups = instance.costs.tolist(), instance.groups.tolist()
    money = instance.budget

    # Two ratios with denominators up to the dearest cost differ by more than one part in its square: so scaled, their whole
    # parts have the same order.
    scale = 2 * int(instance.costs.max(initial=1)).bit_length()

    def rank(gain: int, i: int) -> tuple[bool, int]:
        if not by_density:
            return False, -gain
        return costs[i] > 0, (-((gain << scale) // costs[i]) if costs[i] else -gain)

    able = np.flatnonzero(instance.able)
    gains = instance.coverage[able].sum(axis=1).tolist()
    heap = [(rank(gain, i), i, 0) for i, gain in zip(able.tolist(), gains, strict=True) if gain]
    heapq.heapify(heap)
    chosen: list[int] = []
    looked = 0
    while heap:
        looked += 1
        if looked % LOOKS == 0 and control.expired():
            break
        _, i, fresh = heapq.heappop(heap)
        if costs[i] > money:
            continue
        if fresh < len(chosen):
            gain = sum(np.maximum(instance.coverage[i] - covered, 0).tolist())
            if gain:
                heapq.heappush(heap, (rank(gain, i), i, len(chosen)))
            continue
        if router.add(groups[i]):
            chosen.append(i)
            money -= costs[i]
            covered = np.maximum(covered, instance.coverage[i])
    return np.array(sorted(chosen), dtype=np.int64)


def best_start(instance: CoverInstance, control: Control, seconds: float = 0.5) -> np.ndarray:
    """Best of both greedy orders, improved by exchanges.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    control : Control
        Deadline.
    seconds : float
        Most time for exchanges.

    Returns
    -------
    ndarray of int64
        A feasible set of workers, increasing.
    """
    candidates = [lazy_greedy(instance, True, control)]
    if not control.expired():
        candidates.append(lazy_greedy(instance, False, control))
    best = max(candidates, key=instance.value)
    return exchange(instance, best, control.capped(seconds))


def exchange(instance: CoverInstance, chosen: np.ndarray, control: Control) -> np.ndarray:
    """Swap one chosen worker for one other (or add one) as long as the coverage grows.

    Parameters
    ----------
    instance : CoverInstance
        The market in integers.
    chosen : ndarray of int64
        A feasible set.
    control : Control
        Deadline.

    Returns
    -------
    ndarray of int64
        A feasible set, increasing, at least as good.
    """
    current = chosen.tolist()
    groups = instance.groups
    zero = np.zeros(instance.coverage.shape[1], dtype=instance.coverage.dtype)
    improved = True
    while improved:
        improved = False
        worth = instance.value(np.array(current, dtype=np.int64))
        for out in [-1, *current]:
            if control.expired():
                return np.array(sorted(current), dtype=np.int64)
            rest = [i for i in current if i != out]
            covered = instance.coverage[rest].max(axis=0) if rest else zero
            room = instance.budget - instance.cost(np.array(rest, dtype=np.int64))
            router = Router(instance)
            for i in rest:
                router.add(int(groups[i]))
            open_groups = np.array([router.fits(g) for g in range(instance.caps.shape[0])])
            fits = instance.able & open_groups[groups] & np.asarray(instance.costs <= room, dtype=bool)
            fits[rest] = False
            options = np.flatnonzero(fits)
            if not options.size:
                continue
            totals = np.maximum(instance.coverage[options], covered).sum(axis=1)
            at = int(np.argmax(totals))
            if int(totals[at]) > worth:
                current = [*rest, int(options[at])]
                improved = True
                break
    return np.array(sorted(current), dtype=np.int64)

"""The item at which the money runs out when those of most score for their cost are taken first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..problem import PooledProblem

ORDERED_ITEMS = 1 << 15
"""So many items are ordered; of more only those near the break that a sample shows."""

BREAK_SAMPLE = 1 << 13
"""Items of that sample."""

BREAK_WIDTH = 2
"""Half the width of what is ordered, in square roots of the sample."""


def break_item(problem: PooledProblem, ratios: NDArray[np.float64]) -> int | None:
    """Return the first item that does not fit, by falling ratio; None if all fit."""
    n, costs = problem.n, problem.costs
    near, spent = np.arange(n), 0
    if n > ORDERED_ITEMS:
        sample = np.random.default_rng(n).integers(0, n, BREAK_SAMPLE)
        sample = sample[np.argsort(-ratios[sample], kind="stable")]
        taken = np.cumsum(costs[sample].astype(np.float64)) * (n / BREAK_SAMPLE)
        at, off = int(np.searchsorted(taken, float(problem.budget))), int(BREAK_WIDTH * BREAK_SAMPLE**0.5)
        first = ratios[sample[at - off]] if at >= off else np.inf
        last = ratios[sample[at + off]] if at + off < BREAK_SAMPLE else -np.inf
        within = np.flatnonzero((ratios <= first) & (ratios >= last))
        before = int(costs @ (ratios > first))
        if before <= problem.budget < before + int(costs[within].sum()):
            near, spent = within, before
    order = near[np.argsort(-ratios[near], kind="stable")]
    fits = int(np.searchsorted(np.cumsum(costs[order]), problem.budget - spent, side="right"))
    return int(order[fits]) if fits < len(order) else None

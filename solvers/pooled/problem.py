"""The pooled problem as plain integer arrays.

``max sum v_i x_i`` subject to ``sum c_i x_i <= B`` and, for every group ``l``, at most ``K_l`` chosen: OPT without
binding seats, after requesters have been collapsed into group totals (section 5 of DriftPay; see
``Market.group_totals``).  Everything below works on this form alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum, integer_columns, python_integers

CHUNK_ITEMS = 1 << 16
"""Items handled at a time in passes over everything: small enough to stay in the processor's cache."""


@dataclass(frozen=True)
class PooledProblem:
    """A knapsack over a partition matroid, in exact integers.

    Attributes
    ----------
    scores, costs : ndarray, shape (n,)
        Both int64, or both Python integers (see :func:`~fedmech.models.exact.integer_columns`).  ``scores > 0``,
        ``costs >= 0``.
    groups : ndarray of int, shape (n,)
        Group of each item, ``0 <= g < L``.
    limits : tuple of int, length L
        At most so many items of each group.
    budget : int
        ``B >= 0``.
    most : int or None
        At most so many items of all groups together; None: the limits alone say how many.
    """

    scores: NDArray
    costs: NDArray
    groups: NDArray
    limits: tuple[int, ...]
    budget: int
    most: int | None = None

    def __post_init__(self) -> None:
        if self.scores.dtype != self.costs.dtype:
            for name in ("scores", "costs"):
                object.__setattr__(self, name, python_integers(getattr(self, name)))

    @property
    def n(self) -> int:
        """Number of items."""
        return len(self.scores)

    @property
    def places(self) -> int:
        """How many items there is place for."""
        return min(sum(self.limits), sum(self.limits) if self.most is None else self.most)

    @staticmethod
    def of(scores, costs, groups, limits, budget, most: int | None = None) -> PooledProblem:
        """Build a problem from array-likes of integers, in the narrowest type that cannot overflow."""
        scores, costs = integer_columns(scores, costs)
        return PooledProblem(
            scores,
            costs,
            np.asarray(groups, dtype=None if len(groups) else np.int64),
            tuple(int(k) for k in limits),
            int(budget),
            most,
        )

    def take(self, index: NDArray, limits: tuple[int, ...], budget: int, taken: int = 0) -> PooledProblem:
        """Return the problem on the items `index`, with other limits and budget, when so many others are `taken`."""
        most = None if self.most is None else self.most - taken
        return PooledProblem(self.scores[index], self.costs[index], self.groups[index], limits, budget, most)

    def value(self, chosen: NDArray[np.bool_]) -> int:
        """Total score of a set of items."""
        return exact_sum(self.scores * chosen)

    def cost(self, chosen: NDArray[np.bool_]) -> int:
        """Total cost of a set of items."""
        return exact_sum(self.costs * chosen)

    def feasible(self, chosen: NDArray[np.bool_]) -> bool:
        """Whether a set of items respects the budget and every limit."""
        return self.placeable(chosen) and self.cost(chosen) <= self.budget

    def placeable(self, chosen: NDArray[np.bool_]) -> bool:
        """Whether a set of items respects every limit."""
        # One group is common and counting marks is several times as fast as gathering their groups.
        if len(self.limits) == 1:
            counts = [int(np.count_nonzero(chosen))]
        else:
            counts = np.bincount(self.groups[chosen], minlength=len(self.limits)).tolist()
        return all(c <= k for c, k in zip(counts, self.limits, strict=True)) and sum(counts) <= self.places

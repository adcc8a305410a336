"""The bound that is at hand whatever stops a search: the best workers of each group, money and seats aside."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum
from ...models.procurement.market import Market
from ..proofs.nodes import Multipliers
from ..proofs.proof import Proof

__all__ = ["root_proof"]


def root_proof(market: Market, problem: str) -> Proof:
    """Return a proof of a weak bound that costs one sort.

    For COVER it is the sum of what the best worker covers of each kind; else the price of a place in a group is the score of
    the best worker who finds none.
    """
    if problem == "cover":
        assert market.coverage is not None
        levels = (
            [int(x) for x in market.coverage.max(axis=0, initial=0)] if market.n else [0] * market.coverage.shape[1]
        )
        multipliers = Multipliers(1, 0, (0,), tuple(levels), ((0,) * market.L,))
        return Proof(problem, "tree", sum(levels), {"purses": 1, "nodes": [{"multipliers": multipliers.written()}]})
    prices, bound = [0] * market.L, 0
    order = np.lexsort((market.scores, market.group_of)) if market.scores.dtype != object else _sorted_objects(market)
    ends = np.cumsum(market.group_sizes)
    for group, (size, end) in enumerate(zip(market.group_sizes.tolist(), ends.tolist(), strict=True)):
        places = int(market.group_totals[group])
        mine = order[end - size : end]
        bound += exact_sum(market.scores[mine[size - places :]])
        if places < size:
            prices[group] = int(market.scores[mine[size - places - 1]])
    if problem == "opt-frac":
        return Proof(problem, "fractional", Fraction(bound), {"scale": 1, "money": 0, "places": prices})
    multipliers = Multipliers(1, 0, (0,), (), (tuple(prices),))
    return Proof(problem, "tree", bound, {"purses": 1, "nodes": [{"multipliers": multipliers.written()}]})


def _sorted_objects(market: Market) -> np.ndarray:
    """Order by group, then score, where scores are Python integers."""
    keys = sorted(range(market.n), key=lambda i: (int(market.group_of[i]), int(market.scores[i])))
    return np.array(keys, dtype=np.int64)

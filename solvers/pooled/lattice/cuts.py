"""A bound on two counts together: what it is, where two whole numbers get within all of them, and how a proof holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...proofs.nodes import Multipliers
from ...proofs.proof import Proof
from ..leaf_multipliers import LeafMultipliers
from ..problem import PooledProblem

Inner = Callable[[PooledProblem], tuple[NDArray[np.bool_], int, list[LeafMultipliers], Proof | None] | None]
"""Solves a problem by multipliers, or by these and a program over money: a best set, its value, the leaves, the other proof if there is one."""

MOST_COUNTS = 1 << 22
"""So many first counts are looked at, at most."""

WIDER = 4
"""Factor by which it is looked further below the best of fractions until whole numbers are found."""

PRODUCTS = 1 << 60
"""Numbers below this are worked on in 64 bits; with larger ones nothing is tried."""


@dataclass(frozen=True)
class Cut:
    """``first F_1 + second F_2 <= bound``, where ``F_1 <= within`` if that is a number."""

    first: int
    second: int
    bound: int
    within: int | None = None

    def proved_by(self, kind: str, body: Any) -> dict[str, Any]:
        """Return the cut as the body of a proof holds it."""
        return {**vars(self), "kind": kind, "body": body}


def written(problem: PooledProblem, leaves: Sequence[LeafMultipliers]) -> dict[str, Any]:
    """Return leaves as the body of a tree; the price of all places together becomes one of each, of which there are as many."""
    nodes: list[dict[str, Any]] = []
    for at, leaf in enumerate(leaves):
        last = at == len(leaves) - 1
        if not last:
            nodes.append({"count": int(leaf.high)})
        joint = last and leaf.count > 0 and leaf.high == problem.places
        count, places = (0, tuple(mu + leaf.count for mu in leaf.limits)) if joint else (leaf.count, leaf.limits)
        nodes.append({"multipliers": Multipliers(leaf.scale, count, (leaf.price,), (), (places,)).written()})
    return {"purses": 1, "nodes": nodes}


def lattice_proof(
    value: int, slope: tuple[int, int], kinds: Iterable[tuple[int, int | None]], cuts: list[dict[str, Any]]
) -> Proof:
    """Return the proof that OPT is at most `value`, of a scale and a price, two kinds of gain and cost, and cuts."""
    body = {"scale": slope[0], "price": slope[1], "kinds": [list(kind) for kind in kinds], "cuts": cuts}
    return Proof("opt", "lattice", value, body)


def best_points(
    gains: tuple[int, int], most: tuple[int, int], cuts: Sequence[Cut]
) -> tuple[int, list[tuple[int, int]]] | None:
    """Return the largest ``d_1 F_1 + d_2 F_2`` of whole numbers within `most` and all cuts, and where it is reached.

    None if numbers are too long, or too many would have to be gone through.
    """
    one, two = gains
    numbers = [one * most[0], two * most[1]]
    numbers += [
        x for cut in cuts for x in (cut.bound, cut.first * most[0], cut.second, cut.second * one, two * cut.first)
    ]
    if max(numbers) >= PRODUCTS:
        return None
    # The best of fractions, by bisection; then whole numbers so much below it that some are found.
    low, high = 0, one * most[0] + two * most[1] + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(_range(one, two, middle, most, cuts)) else (low, middle)
    best, below = low, 1
    while True:
        some = _range(one, two, best - below, most, cuts)
        if len(some) > MOST_COUNTS:
            return None
        counts, seconds = _seconds(np.arange(some.start, some.stop), most, cuts)
        worth = one * counts + two * seconds
        top = int(worth.max(initial=-1))
        if top >= max(0, best - below):
            at = np.flatnonzero(worth == top)
            return top, list(zip(counts[at].tolist(), seconds[at].tolist(), strict=True))
        if below > best:
            return None
        below *= WIDER


def _seconds(counts: NDArray, most: tuple[int, int], cuts: Sequence[Cut]) -> tuple[NDArray, NDArray]:
    """Return the first counts that can be had, and the largest second one with each."""
    seconds = np.full(len(counts), most[1], dtype=np.int64)
    for cut in cuts:
        left = cut.bound - cut.first * counts
        allowed = np.minimum(seconds, left // cut.second if cut.second else np.where(left < 0, -1, most[1]))
        seconds = allowed if cut.within is None else np.where(counts <= cut.within, allowed, seconds)
    can = (seconds >= 0) & (counts <= most[0])
    return counts[can], seconds[can]


def _range(one: int, two: int, need: int, most: tuple[int, int], cuts: Sequence[Cut]) -> range:
    """Return the first counts for which fractions of second ones can be worth what is needed."""
    low, high = 0, most[0]
    conditions = [(one, need - two * most[1])]
    cuts = [cut for cut in cuts if cut.within is None]
    conditions += [(one * cut.second - two * cut.first, need * cut.second - two * cut.bound) for cut in cuts]
    conditions += [(-cut.first, -cut.bound) for cut in cuts]
    for slope, least in conditions:
        if slope > 0:
            low = max(low, -(-least // slope))
        elif slope < 0:
            high = min(high, least // slope)
        elif least > 0:
            return range(0)
    return range(low, max(low, high + 1))

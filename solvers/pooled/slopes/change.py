"""Exchanges that change what a set costs by an exact amount, and not how many of each class it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE_ITEMS = 1 << 13
"""Items of a class that are tried for one exchange, inside and outside each."""

TWO_EXCHANGES, FOUR_EXCHANGES = 1 << 13, 1 << 8
"""Exchanges that are listed on each side of a search for two, and for each of four."""


@dataclass(frozen=True)
class Alike:
    """Items that can take each other's place.

    Attributes
    ----------
    inside, outside : ndarray of int
        Positions of items that the set holds, and of some that it does not.
    free : bool
        Its items may also come alone.
    """

    inside: NDArray
    outside: NDArray
    free: bool = False


def exact_change(
    costs: NDArray, classes: Sequence[Alike], low: int, high: int, rng: np.random.Generator
) -> list[int] | None:
    """Return items to flip so that the set costs from `low` to `high` more; None if no few exchanges do.

    Parameters
    ----------
    costs : ndarray
    classes : sequence of Alike
        Disjoint.
    low, high : int
        Both may be negative.
    rng : Generator
        Chooses among items where there are many.
    """
    if low <= 0 <= high:
        return []
    if not len(costs):
        return None
    whole = [
        Alike(_some(one.inside, SIDE_ITEMS, rng), _some(one.outside, SIDE_ITEMS, rng), one.free) for one in classes
    ]
    flips = _one(costs, whole, low, high)
    if flips is None:
        a, b = (_listed(costs, classes, part, 2, TWO_EXCHANGES, rng) for part in range(2))
        flips = _joined(a, b, low, high)
    if flips is None:
        a, b, c, d = (_listed(costs, classes, part, 4, FOUR_EXCHANGES, rng) for part in range(4))
        flips = _joined(_sums(a, b), _sums(c, d), low, high)
    return flips


def _some(items: NDArray, most: int, rng: np.random.Generator) -> NDArray:
    return items if len(items) <= most else items[np.sort(rng.permutation(len(items))[:most])]


def _one(costs: NDArray, classes: Sequence[Alike], low: int, high: int) -> list[int] | None:
    """One exchange, or one item that comes alone."""
    for one in classes:
        outside = one.outside[np.argsort(costs[one.outside], kind="stable")]
        dear = costs[outside]
        if one.free:
            at = int(np.searchsorted(dear, low))
            if at < len(dear) and dear[at] <= high:
                return [int(outside[at])]
        if len(outside) and len(one.inside):
            inner = costs[one.inside]
            at = np.searchsorted(dear, inner + low)
            hit = np.flatnonzero(at < len(dear))
            hit = hit[dear[at[hit]] <= inner[hit] + high]
            if len(hit):
                return [int(one.inside[hit[0]]), int(outside[at[hit[0]]])]
    return None


@dataclass(frozen=True)
class _Changes:
    """Changes of cost, ascending, with what each is made of: a pair of positions of two parts, or of items (-1 for none)."""

    change: NDArray
    order: NDArray
    first: NDArray
    second: NDArray
    parts: tuple[_Changes, _Changes] | None = None

    @classmethod
    def of(
        cls, change: NDArray, first: NDArray, second: NDArray, parts: tuple[_Changes, _Changes] | None = None
    ) -> _Changes:
        """Order moves by their change."""
        order = np.argsort(change, kind="stable")
        return cls(change[order], order, first, second, parts)

    def flips(self, at: int) -> list[int]:
        """Return the items that a move flips."""
        one, two = int(self.first[self.order[at]]), int(self.second[self.order[at]])
        if self.parts is None:
            return [item for item in (one, two) if item >= 0]
        return self.parts[0].flips(one) + self.parts[1].flips(two)


def _listed(
    costs: NDArray, classes: Sequence[Alike], part: int, parts: int, most: int, rng: np.random.Generator
) -> _Changes:
    """List about `most` exchanges among every so many items of each class, and to change nothing."""
    share = most // len(classes)
    width = max(2, int(share**0.5))
    first, second = [np.array([-1])], [np.array([-1])]
    for one in classes:
        inside, outside = one.inside[part::parts], one.outside[part::parts]
        if one.free:
            alone = _some(outside, share, rng)
            first.append(np.full(len(alone), -1))
            second.append(alone)
        if not (len(inside) and len(outside)):
            continue
        inside = _some(inside, max(width, share // len(outside)), rng)
        outside = _some(outside, max(width, share // len(inside)), rng)
        first.append(np.repeat(inside, len(outside)))
        second.append(np.tile(outside, len(inside)))
    one, two = np.concatenate(first), np.concatenate(second)
    return _Changes.of(np.where(two >= 0, costs[two], 0) - np.where(one >= 0, costs[one], 0), one, two)


def _sums(one: _Changes, two: _Changes) -> _Changes:
    first, second = np.divmod(np.arange(len(one.change) * len(two.change)), len(two.change))
    return _Changes.of(one.change[first] + two.change[second], first, second, (one, two))


def _joined(one: _Changes, two: _Changes, low: int, high: int) -> list[int] | None:
    """Find one of each that together change the cost by the right amount."""
    at = np.searchsorted(two.change, low - one.change)
    hit = np.flatnonzero(at < len(two.change))
    hit = hit[one.change[hit] + two.change[at[hit]] <= high]
    return one.flips(int(hit[0])) + two.flips(int(at[hit[0]])) if len(hit) else None

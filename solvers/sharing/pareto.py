"""All states that are not dominated in error and cost, by adding one type after the other; exact for any utility.

For each number ``K`` of participants only the sum ``T`` of inverse sizes and the cost ``C`` matter, and a state with
no less of either than another of the same ``K`` can be forgotten.  This shares nothing with the frontier search but
the model itself.
"""

from __future__ import annotations

import math

from ...models.input_error import InputError
from ...models.sharing.market import MotsMarket, State
from .incumbent import IncumbentState

MOST_POINTS = 2_000_000

LOOKS = 64
"""Numbers of participants of one type between two looks at the clock."""

_Point = tuple[int, int, State]


def undominated(market: MotsMarket, incumbent: IncumbentState | None = None) -> dict[int, list[_Point]]:
    """For each ``K``, the undominated pairs ``(T, C)`` with a state each, by rising ``T``; both over their common denominators.

    Raises
    ------
    InputError
        If more than ``MOST_POINTS`` pairs have to be kept at once.
    """
    sizes = math.lcm(*(entry.size for entry in market.types))
    cents = math.lcm(*(entry.cost.denominator for entry in market.types))
    layers: dict[int, list[_Point]] = {0: [(0, 0, ())]}
    for entry in market.types:
        q, c = sizes // entry.size, int(entry.cost * cents)
        grown: dict[int, list[_Point]] = {}
        for K, points in layers.items():
            for j in range(entry.count + 1):
                if incumbent is not None and j % LOOKS == 0:
                    incumbent.control.check()
                grown.setdefault(K + j, []).extend((T + j * q, C + j * c, (*state, j)) for T, C, state in points)
        layers = {K: _prune(points) for K, points in grown.items()}
        if sum(map(len, layers.values())) > MOST_POINTS:
            raise InputError(f"more than {MOST_POINTS} undominated pairs; this method is for small markets")
    return layers


def _prune(points: list[_Point]) -> list[_Point]:
    points.sort()
    kept: list[_Point] = []
    for point in points:
        if not kept or point[1] < kept[-1][1]:
            kept.append(point)
    return kept


def offer_undominated(market: MotsMarket, incumbent: IncumbentState) -> None:
    """Offer every undominated state with participants to the incumbent."""
    for K, points in undominated(market, incumbent).items():
        if K:
            for _, _, state in points:
                incumbent.offer(state)
            incumbent.control.check()

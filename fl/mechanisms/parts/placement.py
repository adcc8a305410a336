"""Which workers can still be placed beside those already taken: the routing kept feasible one worker at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ....models.procurement.market import Market
from ....solvers.placement.polymatroid import SeatFlow

__all__ = ["Placement"]


class Placement:
    """A set of workers that grows while caps and seats can place it.

    Parameters
    ----------
    market : Market
        Only groups, caps and seats are read.
    """

    def __init__(self, market: Market) -> None:
        self._group_of = market.group_of
        self._flow = SeatFlow(market.caps, market.seats) if market.seats_bind else None
        self._left: list[int] = market.group_totals.tolist()
        self.taken: list[int] = []

    def fits(self, worker: int) -> bool:
        """Whether the set stays placeable with this worker added."""
        group = int(self._group_of[worker])
        if self._left[group] > 0 and self._flow is not None and self._flow.copy().push([group])[0] == 0:
            # A group that cannot grow now never can again.
            self._left[group] = 0
        return self._left[group] > 0

    def add(self, worker: int) -> bool:
        """Add the worker if it fits; return whether it did."""
        if not self.fits(worker):
            return False
        group = int(self._group_of[worker])
        self._left[group] -= 1
        if self._flow is not None:
            self._flow.push([group])
        self.taken.append(worker)
        return True

    def fill(self, order: Iterable[int]) -> list[int]:
        """Add workers in this order as far as they fit; return those added."""
        return [i for i in order if self.add(i)]

    @property
    def chosen(self) -> np.ndarray:
        """The workers taken, ascending."""
        return np.array(sorted(self.taken), dtype=np.intp)

"""What a search of OPT rests its bound on, leaf by leaf; ``solvers/certify/tree.py`` makes certificates of it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LeafMultipliers"]


@dataclass(frozen=True)
class LeafMultipliers:
    """Multipliers of one leaf, all scaled by the common denominator ``scale``; a tuple of leaves is a proof.

    Attributes
    ----------
    low, high : int
        The leaf holds the sets of ``low`` to ``high`` workers.
    scale : int
        ``D > 0``.
    price : int
        ``N >= 0``, of the budget.
    count : int
        ``nu``, of the upper end of the count interval if positive, of the lower end if negative.
    limits : tuple of int, length L
        ``mu_l >= 0``, of a group's places.
    branched : bool
        It took decisions on single workers to close the leaf: a search of it as it stands is too long for a checker.
    """

    low: int
    high: int
    scale: int
    price: int
    count: int
    limits: tuple[int, ...]
    branched: bool = False

    def constant(self, budget: int, limits: tuple[int, ...]) -> int:
        """Return the part of the bound that no worker enters (without seats)."""
        total = self.price * budget + self.count * (self.high if self.count > 0 else self.low)
        return total + sum(m * k for m, k in zip(self.limits, limits, strict=True))

"""What an enumeration is given: flips that may be combined, and the conditions on them together."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

from ...models.exact import exact_sum


class EnumerationTooLarge(Exception):
    """The enumeration would need more states than it was allowed."""


@dataclass(frozen=True)
class FlipProblem:
    """Flips that may be combined, and what they must satisfy together.

    Attributes
    ----------
    groups : ndarray of int, shape (k,)
    money, score : ndarray of integer, shape (k,)
        Change of cost and of score: negative where a chosen item is dropped.
    count : ndarray of int, shape (k,)
        +1 or -1.
    loss : ndarray of float, shape (k,)
        Loss of each flip, >= 0.
    room : dict of int to int
        For every group with flips in which a limit matters: how far its count may rise.
    unused : dict of int to float
        Loss per place left unused below that.
    money_room : int
        The total change of cost is at most this (negative: must fall); no more than all rises, one less than all falls at least.
    count_room : tuple of int, optional
        The total count changes by at least and at most this; None: free.
    """

    groups: NDArray
    money: NDArray
    score: NDArray
    count: NDArray
    loss: NDArray
    room: dict[int, int]
    unused: dict[int, float]
    money_room: int
    count_room: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Bring `money_room` into what the flips can change together: then it fits in 64 bits wherever they do."""
        rises, falls = (exact_sum(self.money[signs]) for signs in (self.money > 0, self.money < 0))
        object.__setattr__(self, "money_room", min(max(self.money_room, falls - 1), rises))

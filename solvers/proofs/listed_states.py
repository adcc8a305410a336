"""Leaves of a social proof that list states: all of one number of participants that lose little against a plane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .proof import Pulse
    from .social import Types

__all__ = ["Listing"]


class Listing:
    """The states of one ``K`` and a range of ``T`` that lose at most ``reach`` against a plane.

    A client of type ``i`` loses its reduced cost by taking part, or minus that by not doing so, whichever is positive. Types are
    decided in the order of what a client loses, the dearest first; the last two share the clients that are left.
    """

    def __init__(
        self, types: Types, reduced: list[int], reach: int, K: int, low: int, high: int, pulse: Pulse = lambda: None
    ):
        self.types, self.reach, self.K, self.low, self.high, self.pulse = types, reach, K, low, high, pulse
        self.loss = [abs(r) for r in reduced]
        self.taken = [n if r < 0 else 0 for n, r in zip(types.counts, reduced, strict=True)]
        self.way = [-1 if r < 0 else 1 for r in reduced]
        movable = sorted((i for i, loss in enumerate(self.loss) if loss <= reach), key=lambda i: -self.loss[i])
        self.dear, self.pair = movable[:-2], movable[-2:]
        # How many clients the types have that are decided after each of the dear ones.
        self.after = [sum(types.counts[i] for i in movable[at + 1 :]) for at in range(len(self.dear))]
        moving = set(movable)
        rest = [(n, i) for i, n in enumerate(self.taken) if i not in moving and n]
        self.base = (
            K - sum(n for n, _ in rest),
            sum(n * types.q[i] for n, i in rest),
            sum(n * types.c[i] for n, i in rest),
        )

    def states(self, *, ends_only: bool) -> Iterator[tuple[int, int]]:
        """``T`` (over ``Q``) and cost (over ``unit``) of the states; for a convex utility only of those at the ends of a line."""
        if self.reach >= 0:
            yield from self._decide(0, *self.base, self.reach, ends_only)

    def _decide(self, at: int, K: int, T: int, C: int, room: int, ends_only: bool) -> Iterator[tuple[int, int]]:
        """Go through the numbers of clients of one type after the other; ``K`` are still wanted."""
        if at == len(self.dear):
            yield from self._share(K, T, C, room, ends_only)
            return
        i = self.dear[at]
        n, loss, q, c = self.types.counts[i], self.loss[i], self.types.q[i], self.types.c[i]
        # The others take part with nobody at least, and with all they have at most.
        fewest, most = max(0, K - self.after[at]), min(n, K)
        first, last = (fewest, most) if self.way[i] > 0 else (n - most, n - fewest)
        for moved in range(first, min(last, room // loss if loss else n) + 1):
            self.pulse()
            k = self.taken[i] + self.way[i] * moved
            yield from self._decide(at + 1, K - k, T + k * q, C + k * c, room - moved * loss, ends_only)

    def _share(self, K: int, T: int, C: int, room: int, ends_only: bool) -> Iterator[tuple[int, int]]:
        """Share ``K`` clients among the last two types, ``u`` of the first; what they lose is linear in ``u``."""
        types = self.types
        if not self.pair:
            if K == 0 and self.low <= T <= self.high:
                yield T, C
            return
        s, t = self.pair[0], self.pair[-1]
        if s == t:
            first, last = (K, K) if 0 <= K <= types.counts[s] else (1, 0)
        else:
            first, last = max(0, K - types.counts[t]), min(types.counts[s], K)
            first, last = _within(first, last, types.q[s] - types.q[t], T + K * types.q[t], self.low, self.high)
            # (u - taken_s) way_s loss_s + (K - u - taken_t) way_t loss_t <= room
            slope = self.way[s] * self.loss[s] - self.way[t] * self.loss[t]
            fixed = (K - self.taken[t]) * self.way[t] * self.loss[t] - self.taken[s] * self.way[s] * self.loss[s]
            first, last = _within(first, last, slope, fixed, None, room)
        for u in sorted({first, last}) if ends_only and first <= last else range(first, last + 1):
            T_u = T + u * types.q[s] + (0 if s == t else (K - u) * types.q[t])
            if self.low <= T_u <= self.high:
                yield T_u, C + u * types.c[s] + (0 if s == t else (K - u) * types.c[t])


def _within(first: int, last: int, slope: int, fixed: int, low: int | None, high: int) -> tuple[int, int]:
    """The part of ``first .. last`` on which ``low <= fixed + slope u <= high``."""
    if slope == 0:
        return (first, last) if fixed <= high and (low is None or fixed >= low) else (1, 0)
    if slope < 0:
        # fixed + slope u <= high where u is large enough.
        first = max(first, -((high - fixed) // -slope))
        return first, last if low is None else min(last, (fixed - low) // -slope)
    last = min(last, (high - fixed) // slope)
    return first if low is None else max(first, -((fixed - low) // slope)), last

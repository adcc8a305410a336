"""A small procurement market once more, read from its document: every assignment tried, every rule in Fractions, nothing of the package."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction as F
from typing import Any


class Brute:
    """A small market read from its document, and all its assignments."""

    def __init__(self, document: dict[str, Any]):
        rows, owners = document["workers"], document["requesters"]
        self.ids = [row["id"] for row in rows]
        self.groups = [row["group"] for row in rows]
        self.v = [F(row["score"]) for row in rows]
        self.c = [F(row["cost"]) for row in rows]
        self.b = [F(row.get("bid", row["cost"])) for row in rows]
        self.names = [row["id"] for row in owners]
        self.budgets = [F(row["budget"]) for row in owners]
        self.seats = [row.get("seats") for row in owners]
        self.caps = {(row["group"], row["requester"]): row["cap"] for row in document["caps"]}
        self.n, self.m, self.B = len(rows), len(owners), sum(self.budgets, F(0))
        # Sets of workers that have a place, with every way to place them.
        self.places: dict[frozenset[int], list[tuple[int, ...]]] = {}
        for placed in itertools.product(range(-1, self.m), repeat=self.n):
            if self.fits(placed):
                self.places.setdefault(frozenset(i for i in range(self.n) if placed[i] >= 0), []).append(placed)

    def fits(self, placed: tuple[int, ...], limits: list[int] | None = None) -> bool:
        at = Counter(j for j in placed if j >= 0)
        pairs = Counter((self.groups[i], self.names[j]) for i, j in enumerate(placed) if j >= 0)
        return (
            all(s is None or at[j] <= s for j, s in enumerate(self.seats))
            and all(number <= self.caps.get(pair, number) for pair, number in pairs.items())
            and (limits is None or all(at[j] <= limits[j] for j in range(self.m)))
        )

    def worth(self, chosen: Any, weights: list[F] | None = None) -> F:
        return sum(((weights or self.v)[i] for i in chosen), F(0))

    def opt(self) -> F:
        return max(self.worth(s) for s in self.places if sum((self.c[i] for i in s), F(0)) <= self.B)

    def opt_sep(self) -> F:
        def paid(placed: tuple[int, ...]) -> bool:
            return all(
                sum((self.c[i] for i in range(self.n) if placed[i] == j), F(0)) <= self.budgets[j]
                for j in range(self.m)
            )

        return max(self.worth(s) for s, ways in self.places.items() if any(map(paid, ways)))

    def best(self, pool: list[int], weights: list[F]) -> F:
        return max(self.worth(s, weights) for s in self.places if s <= set(pool))

    def hires(self, pool: list[int], weights: list[F]) -> frozenset[int]:
        """ORP's optimum: among the best sets the one that comes first by score, then index."""
        best = self.best(pool, weights)
        rank = {i: r for r, i in enumerate(sorted(pool, key=lambda i: (-weights[i], i)))}
        sets = [s for s in self.places if s <= set(pool) and self.worth(s, weights) == best]
        return min(sets, key=lambda s: sorted(rank[i] for i in s))

    def driftpay(self, weights: list[F], pool: list[int] | None = None) -> frozenset[int]:
        order = sorted(
            (i for i in (range(self.n) if pool is None else pool) if weights[i] > 0),
            key=lambda i: (self.b[i] / weights[i], i),
        )
        chosen: list[int] = []
        for k in range(1, len(order) + 1):
            last = order[k - 1]
            if self.b[last] / weights[last] * self.best(order[:k], weights) <= self.B:
                chosen = order[:k]
        return self.hires(chosen, weights)

    def drop_top(self) -> F:
        pool = [i for i in range(self.n) if frozenset({i}) in self.places and self.b[i] <= self.B]
        if not pool:
            return F(0)
        top = min(pool, key=lambda i: (-self.v[i], i))
        rest = self.worth(self.driftpay(self.v, [i for i in pool if i != top]))
        return max(rest, self.v[top])

    def pea(self, pool: list[int]) -> F | None:
        """What PEA procures; None where no virtual price fills every place."""
        for price in sorted({budget / t for budget in self.budgets for t in range(1, len(pool) + 1) if budget}):
            limits = [budget // price for budget in self.budgets]
            cheap = sorted((i for i in pool if self.b[i] <= price), key=lambda i: (self.b[i], i))
            able = {s for s, ways in self.places.items() if any(self.fits(way, limits) for way in ways)}
            if max(len(s) for s in able if s <= set(cheap)) == sum(limits):
                taken: frozenset[int] = frozenset()
                for i in cheap:
                    taken = taken | {i} if taken | {i} in able else taken
                return self.worth(taken)
        return None

    def buckets(self) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for i in range(self.n):
            h = 1
            while self.v[i] / min(self.v) > 10**h:
                h += 1
            found.setdefault(h, []).append(i)
        return list(found.values())

    def theta(self) -> int:
        shares = [1]
        for group, size in Counter(self.groups).items():
            for name in self.names:
                cap = self.caps.get((group, name), size)
                shares.append(self.m if cap == 0 else -(-size // cap))
        return min(self.m, max(shares))

    def seats_open(self) -> bool:
        """Whether no requester's seats are fewer than its caps, clipped to groups, admit of all workers."""
        sizes = Counter(self.groups)
        admitted = [sum(min(n, self.caps.get((g, name), n)) for g, n in sizes.items()) for name in self.names]
        return all(s is None or s >= min(a, self.n) for s, a in zip(self.seats, admitted, strict=True))

    def first_affordable(self) -> bool:
        order = sorted(range(self.n), key=lambda i: (self.c[i] / self.v[i], i))
        placeable = [i for i in order if frozenset({i}) in self.places]
        return not placeable or self.c[placeable[0]] <= self.B or self.opt() == 0

"""A small sharing market once more, read from its document: every state tried, every formula in Fractions, nothing of the package."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction as F
from typing import Any

State = tuple[int, ...]


class Brute:
    """A small market read from its document, and all its states."""

    def __init__(self, document: dict[str, Any], U: Callable[[Any, Any], Any]):
        rows = document["types"]
        self.D = [row["size"] for row in rows]
        self.N = [row["count"] for row in rows]
        self.c = [F(row["cost"]) for row in rows]
        self.s2 = F(document["client_variance"])
        self.noise = document["dimension"] * F(document["data_variance"])
        self.U, self.limit = U, document.get("max_error")
        self.states = [k for k in itertools.product(*(range(n + 1) for n in self.N)) if any(k)]
        self.eps = {k: self.error(k) for k in self.states}
        self.least = min(self.eps.values())

    def error(self, k: State) -> F:
        K = sum(k)
        return self.noise * sum((F(n, D) for n, D in zip(k, self.D, strict=True)), F(0)) / K**2 + self.s2 * (
            1 - F(1, K)
        )

    def cost(self, k: State) -> F:
        return sum((n * c for n, c in zip(k, self.c, strict=True)), F(0))

    def W(self, k: State) -> F:
        return sum(self.N) * self.U(self.eps[k], self.s2) - self.cost(k)

    def allowed(self, limit: F | None) -> list[State]:
        return [k for k in self.states if limit is None or self.eps[k] <= limit]

    def best(self, limit: F | None) -> F:
        return max(self.W(k) for k in self.allowed(limit))

    def aligned(self, limit: F | None) -> bool:
        return any(self.eps[k] == self.least for k in self.allowed(limit) if self.W(k) == self.best(limit))

    def defined(self) -> bool:
        try:
            values = [self.U(e, self.s2) for e in self.eps.values()]
        except ZeroDivisionError:
            return False
        return all(isinstance(value, F) for value in values)

    def worth_while(self, joins: list[tuple[State, State]]) -> bool:
        return all(self.W(after) >= self.W(before) for before, after in joins if self.eps[after] < self.eps[before])

    def condition_16(self) -> bool:
        joins = []
        for chosen in itertools.product((0, 1), repeat=len(self.N)):
            before = tuple(n * taken for n, taken in zip(self.N, chosen, strict=True))
            for i, taken in enumerate(chosen):
                if not taken and self.N[i] and any(before) and self.s2 * self.D[i] <= self.noise:
                    joins.append((before, tuple(self.N[i] if j == i else n for j, n in enumerate(before))))
        return self.worth_while(joins)

    def condition_17(self) -> bool:
        one = [tuple(int(i == j) for j in range(len(self.N))) for i in range(len(self.N))]
        joins = [(k, tuple(a + b for a, b in zip(k, step, strict=True))) for k in self.states for step in one]
        return self.worth_while([(k, after) for k, after in joins if after in self.eps])

    def effects(self, k: State, i: int, number: int) -> list[bool]:
        """Whether each of so many further clients of a type, one after the other, does no harm."""
        path = [self.error((*k[:i], k[i] + j, *k[i + 1 :])) for j in range(number + 1)]
        return [after <= before for before, after in itertools.pairwise(path)]

    def threshold(self, k: State, i: int) -> F:
        """The heterogeneity ratio at which one more client of the type leaves the error as it is, all errors being linear in it."""
        K, T = sum(k), sum((F(n, D) for n, D in zip(k, self.D, strict=True)), F(0))
        return (T / K**2 - (T + F(1, self.D[i])) / (K + 1) ** 2) / (F(1, K) - F(1, K + 1))

    def interval(self, kept: State, limit: F | None, load: Callable[[State], F], start: F) -> tuple[F, F | None] | None:
        """The changes of one cost with which a state is best."""
        low, high = -start, None
        for k in self.allowed(limit):
            more, less = self.W(k) - self.W(kept), load(k) - load(kept)
            if less == 0:
                if more > 0:
                    return None
            elif less > 0:
                low = max(low, more / less)
            else:
                high = more / less if high is None else min(high, more / less)
        return None if high is not None and high < low else (low, high)

"""The MoTS market once more, word for word from the definitions, to re-check witnesses.

This module reads a ``*.mots.json`` document by itself and computes with plain ``Fraction``; it shares no code with the
market class, the parser of utilities, the solvers or the mechanism.  Only rational utilities are understood.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

State = tuple[int, ...]


class LiteralMots:
    """A market read literally from its document."""

    def __init__(self, document: Mapping[str, Any]):
        self.d = Fraction(document.get("dimension", 1))
        self.data_variance = Fraction(document["data_variance"])
        self.client_variance = Fraction(document["client_variance"])
        self.D = [Fraction(row["size"]) for row in document["types"]]
        self.N = [int(row["count"]) for row in document["types"]]
        self.c = [Fraction(row["cost"]) for row in document["types"]]
        self.utility = dict(document["utility"])
        self.max_error = None if document.get("max_error") is None else Fraction(document["max_error"])

    def states(self) -> list[State]:
        """All states with a participant."""
        return [k for k in itertools.product(*(range(n + 1) for n in self.N)) if sum(k) > 0]

    def allowed(self) -> list[State]:
        """The states that meet the requirement."""
        return [k for k in self.states() if self.max_error is None or self.error(k) <= self.max_error]

    def error(self, k: State) -> Fraction:
        """Eq. (3)."""
        K = sum(k)
        total = sum((Fraction(n) / size for n, size in zip(k, self.D, strict=True)), Fraction(0))
        return self.d * self.data_variance / K / K * total + self.client_variance * (K - 1) / K

    def U(self, eps: Fraction) -> Fraction:
        """The utility."""
        given = {name: Fraction(value) for name, value in self.utility.items() if name not in ("family", "expression")}
        family = self.utility.get("family")
        if family == "inverse":
            return given["a"] / (eps + given.get("e0", Fraction(0)))
        if family == "linear":
            return given["a"] - given["s"] * eps
        if family == "inverse-gap":
            p = given.get("p", Fraction(1))
            if p.denominator != 1:
                raise ValueError("not a rational utility")
            return given["a"] / (eps - self.client_variance) ** int(p)
        return self._expression(ast.parse(self.utility["expression"], mode="eval").body, eps)

    def _expression(self, node: ast.AST, eps: Fraction) -> Fraction:
        if isinstance(node, ast.Constant):
            return Fraction(str(node.value))
        if isinstance(node, ast.Name):
            return {"eps": eps, "client_variance": self.client_variance, "data_variance": self.data_variance}[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._expression(node.operand, eps)
        if isinstance(node, ast.BinOp):
            a, b = self._expression(node.left, eps), self._expression(node.right, eps)
            if isinstance(node.op, ast.Add):
                return a + b
            if isinstance(node.op, ast.Sub):
                return a - b
            if isinstance(node.op, ast.Mult):
                return a * b
            if isinstance(node.op, ast.Div):
                return a / b
            if isinstance(node.op, ast.Pow) and b.denominator == 1:
                return a ** int(b)
        raise ValueError("not a rational utility")

    def cost(self, k: State) -> Fraction:
        """Participation cost of a state."""
        return sum((n * c for n, c in zip(k, self.c, strict=True)), Fraction(0))

    def W(self, k: State, buyers: int | None = None) -> Fraction:
        """Eq. (7); everybody who does not participate buys, unless the number of buyers is given."""
        if sum(k) == 0:
            return Fraction(0)
        served = sum(self.N) if buyers is None else sum(k) + buyers
        return served * self.U(self.error(k)) - self.cost(k)

    def is_low(self, i: int) -> bool:
        """Whether ``client_variance / (d data_variance) <= 1 / D_i``."""
        return self.client_variance * self.D[i] <= self.d * self.data_variance

    def best(self) -> list[State]:
        """All optimal states of problem 2."""
        allowed = self.allowed()
        most = max(self.W(k) for k in allowed)
        return [k for k in allowed if self.W(k) == most]

    def least_error(self) -> list[State]:
        """All states of least error."""
        least = min(self.error(k) for k in self.states())
        return [k for k in self.states() if self.error(k) == least]


class LiteralSwan:
    """The mechanism literally, for a market of low heterogeneity, as functions that are linear in the multiplier."""

    def __init__(self, document: Mapping[str, Any]):
        self.market = LiteralMots(document)
        if not all(self.market.is_low(i) for i in range(len(self.market.D))):
            raise ValueError("for markets of low heterogeneity only")
        self.greatest = max(self.market.error(k) for k in self.market.states())

    def line(self, k: State) -> tuple[Fraction, Fraction]:
        """``L(k)`` as ``(welfare, slack)``: its value is ``welfare + lambda slack``."""
        R = self.market.max_error or Fraction(0)
        return self.market.W(k), R - (self.market.error(k) if sum(k) else self.greatest)

    def f(self, k: State) -> tuple[Fraction, Fraction]:
        """The multilinear interpolation between all-or-none states, one type after the other."""
        for i, n in enumerate(self.market.N):
            if 0 < k[i] < n:
                part = Fraction(k[i], n)
                full, none = self.f((*k[:i], n, *k[i + 1 :])), self.f((*k[:i], 0, *k[i + 1 :]))
                return (
                    part * full[0] + (1 - part) * none[0],
                    part * full[1] + (1 - part) * none[1],
                )
        return self.line(k)

    def neighbours(self, k: State) -> list[State]:
        """States one client away that have a model."""
        moved = [(*k[:i], k[i] + step, *k[i + 1 :]) for i in range(len(k)) for step in (-1, 1)]
        return [m for m in moved if sum(m) > 0 and all(0 <= a <= n for a, n in zip(m, self.market.N, strict=True))]

    def multipliers(self, k: State) -> tuple[Fraction, Fraction | None] | None:
        """The multipliers under which no single client raises ``f``: an interval, or ``None`` if there are none."""
        low, high = Fraction(0), None
        for other in self.neighbours(k):
            (w0, s0), (w1, s1) = self.f(k), self.f(other)
            gain, slack = w1 - w0, s1 - s0
            # gain + lambda slack <= 0
            if slack > 0:
                limit = -gain / slack
                high = limit if high is None else min(high, limit)
            elif slack < 0:
                low = max(low, -gain / slack)
            elif gain > 0:
                return None
        if high is not None and high < low:
            return None
        return low, high


class LiteralRivals:
    """What SWAN is compared with, literally: rounds of best responses, and FL without a market."""

    def __init__(self, document: Mapping[str, Any]):
        self.market = LiteralMots(document)

    def dynamic(self) -> State:
        """Each round everybody compares its cost with the utility of the last round's error; first: all participate."""
        market = self.market

        def respond(k: State) -> State:
            if sum(k) == 0:
                return k
            worth = market.U(market.error(k))
            return tuple(0 if cost > worth else n for cost, n in zip(market.c, market.N, strict=True))

        return self._settled(tuple(market.N), respond)

    def modified(self) -> State:
        """The mean participation cost is paid to every participant; first: nobody participates, the worst is expected."""
        market = self.market
        reward = market.cost(tuple(market.N)) / sum(market.N)
        inverse = [1 / D for D, n in zip(market.D, market.N, strict=True) if n]
        data, s = market.d * market.data_variance, market.client_variance
        # Expected before anybody participates: the larger of the error of one client and of all, were each of the smallest.
        worst = max(data * q / K + s * (1 - Fraction(1, K)) for q in inverse for K in (1, sum(market.N)))

        def respond(k: State) -> State:
            worth = market.U(market.error(k) if sum(k) else worst)
            return tuple(0 if cost > worth + reward else n for cost, n in zip(market.c, market.N, strict=True))

        return self._settled((0,) * len(market.N), respond)

    def _settled(self, start: State, respond: Callable[[State], State]) -> State:
        """The state at which the rounds stay, or the best of those that they repeat."""
        state = start
        for _ in range(2 ** len(start) + 1):
            state = respond(state)
        repeated = [state]
        while (state := respond(state)) != repeated[0]:
            repeated.append(state)
        return max(repeated, key=self.market.W)

    def fl_only(self) -> list[tuple[Fraction, Fraction]]:
        """Welfare and least incentive cost at every optimum of (23); only costs above the utility are made up for."""
        market = self.market
        value = {k: sum(k) * market.U(market.error(k)) - market.cost(k) for k in market.allowed()}
        most = max(value.values())
        paid = []
        for k in (k for k in value if value[k] == most):
            worth = market.U(market.error(k))
            missing = [n * (cost - worth) for n, cost in zip(k, market.c, strict=True) if n and cost > worth]
            paid.append((most, sum(missing, Fraction(0))))
        return paid

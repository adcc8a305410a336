"""The least cost of so many participants with so much data: the lower envelope of cost over ``K`` and ``T``, price by price.

A state has ``K`` participants whose inverse data sizes add up to ``T``. For a price ``mu`` of ``T``, the states that minimise ``C + mu T``
take the types in the order of ``c_i + mu / D_i`` until ``K`` is reached: the *vertices* of the envelope at ``K``. As ``K`` grows by
clients of the type that takes part in part, the vertex moves along a *segment*, a straight line in ``K``. Two prices whose
vertices are neighbours at ``K`` have an *edge* between them, at the price at which its two types swap.
Everything here is in integers: ``t = T`` times ``q_unit``, ``w = C`` times ``c_unit``, and a price is a quotient ``a / b`` of integers.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import NamedTuple

from ...models.exact import scale_to_integers
from ...models.sharing.market import MotsMarket, State

__all__ = ["CellLine", "Edge", "Envelope", "Order", "Price", "ScaledTypes", "TouchingPlane", "Vertex"]

Price = tuple[int, int]
"""``mu = a / b`` in scaled cost for scaled inverse size, ``b > 0``."""
Number = int | Fraction


class CellLine(NamedTuple):
    """``t = alpha + beta K``."""

    alpha: Number
    beta: Number

    def at(self, K: int) -> Number:
        """The line's ``t`` at a ``K``."""
        return self.alpha + self.beta * K


@dataclass(frozen=True)
class ScaledTypes:
    """A market's types as integers, types of equal size and cost merged, empty types dropped.

    Attributes
    ----------
    members : list of list of int
        The market's types behind each merged type.
    counts : list of int
        Clients of each merged type.
    q : list of int
        Inverse data sizes times ``q_unit``.
    c : list of int
        Costs times ``c_unit``.
    """

    market: MotsMarket
    members: list[list[int]]
    counts: list[int]
    q: list[int]
    c: list[int]
    q_unit: int
    c_unit: int

    @classmethod
    def of(cls, market: MotsMarket) -> ScaledTypes:
        """Scale a market."""
        groups: dict[tuple[int, Fraction], list[int]] = {}
        for index, entry in enumerate(market.types):
            if entry.count:
                groups.setdefault((entry.size, entry.cost), []).append(index)
        q_unit = math.lcm(*(size for size, _ in groups))
        costs, c_unit = scale_to_integers([cost for _, cost in groups])
        return cls(
            market,
            list(groups.values()),
            [sum(market.counts[index] for index in members) for members in groups.values()],
            [q_unit // size for size, _ in groups],
            [int(cost) for cost in costs],
            q_unit,
            int(c_unit),
        )

    def state(self, merged: list[int]) -> State:
        """A state of the market from the numbers of participants of the merged types."""
        state = [0] * self.market.type_count
        for k, members in zip(merged, self.members, strict=True):
            for index in members:
                state[index] = min(k, self.market.counts[index])
                k -= state[index]
        return tuple(state)


class Vertex(NamedTuple):
    """The cheapest state of ``K`` participants at a price: the types before the partial one, ``start`` clients, in full."""

    K: int
    t: int
    w: int
    type: int
    start: int


class TouchingPlane(NamedTuple):
    """No state costs less than ``(worth + nu (K - K0) - a t) / b``, all scaled; ``nu`` is the price of a participant times ``b``."""

    price: Price
    nu: int
    K0: int
    worth: int


class Order:
    """The types in the order of their cost at a price, and the states that take them in it."""

    def __init__(self, scaled: ScaledTypes, price: Price):
        a, b = price
        self.scaled, self.price = scaled, price
        cost = [b * c + a * q for c, q in zip(scaled.c, scaled.q, strict=True)]
        self.order = sorted(range(len(cost)), key=lambda i: (cost[i], scaled.q[i]))
        counts = [scaled.counts[i] for i in self.order]
        self.K = list(accumulate(counts, initial=0))
        self.t = list(accumulate((n * scaled.q[i] for n, i in zip(counts, self.order, strict=True)), initial=0))
        self.w = list(accumulate((n * scaled.c[i] for n, i in zip(counts, self.order, strict=True)), initial=0))

    def vertex(self, K: int) -> Vertex:
        """The state of ``K >= 1`` participants."""
        at = bisect_left(self.K, K) - 1
        i, more = self.order[at], K - self.K[at]
        return Vertex(K, self.t[at] + more * self.scaled.q[i], self.w[at] + more * self.scaled.c[i], i, self.K[at])

    def plane(self, K: int) -> TouchingPlane:
        """The plane that touches the envelope at the vertex of ``K``, and all along its segment."""
        a, b = self.price
        vertex = self.vertex(K)
        nu = b * self.scaled.c[vertex.type] + a * self.scaled.q[vertex.type]
        return TouchingPlane(self.price, nu, K, b * vertex.w + a * vertex.t)

    def counts(self, K: int) -> list[int]:
        """The participants of each merged type at the vertex of ``K``."""
        taken = [0] * len(self.order)
        for at, i in enumerate(self.order):
            taken[i] = min(self.scaled.counts[i], max(0, K - self.K[at]))
        return taken


class Edge(NamedTuple):
    """Two neighbouring vertices at one ``K``: prices at which the one with more ``t``, and that with less, is the cheapest."""

    upper: Order
    lower: Order
    price: Price


class Envelope:
    """The orders at all prices asked for so far."""

    def __init__(self, scaled: ScaledTypes):
        self.scaled = scaled
        self._orders: dict[Price, Order] = {}
        sizes = sorted(set(scaled.q))
        closest = min((high - low for low, high in pairwise(sizes)), default=1)
        self.lowest: Price = (0, 1)
        self.highest: Price = (max(scaled.c) - min(scaled.c) + 1, closest)
        """Above this price no two types swap: the order is that of the sizes."""

    def order(self, price: Price) -> Order:
        """The order at a price."""
        common = math.gcd(*price)
        price = (price[0] // common, price[1] // common)
        if price not in self._orders:
            self._orders[price] = Order(self.scaled, price)
        return self._orders[price]

    def edge_at(self, K: int, t: Number, prices: tuple[Price, Price]) -> Order:
        """The order at the price of the edge that reaches from ``t`` or more to less than ``t``.

        Parameters
        ----------
        K, t : number
            Where to look.
        prices : tuple of Price
            The vertex at the first has no less than ``t``, that at the second less.
        """
        upper, lower = (self.order(price) for price in prices)
        while True:
            one, two = upper.vertex(K), lower.vertex(K)
            order = self.order((two.w - one.w, one.t - two.t))
            vertex = order.vertex(K)
            a, b = order.price
            if b * vertex.w + a * vertex.t == b * one.w + a * one.t:
                return order
            if vertex.t >= t:
                upper = order
            else:
                lower = order

    def between(self, K: int, low: Number, high: Number, prices: tuple[Price, Price]) -> Order | Edge:
        """An order whose vertex at ``K`` has ``low < t < high``, or the edge that has all of this range.

        Parameters
        ----------
        K, low, high : number
            Where to look.
        prices : tuple of Price
            The vertex at the first has ``t >= high`` or is the last one there is; at the second ``t <= low``, or the first.
        """
        upper, lower = (self.order(price) for price in prices)
        while True:
            one, two = upper.vertex(K), lower.vertex(K)
            if one.t <= two.t:
                return Edge(upper, lower, upper.price)
            price = (two.w - one.w, one.t - two.t)
            order = self.order(price)
            vertex = order.vertex(K)
            a, b = price
            if b * vertex.w + a * vertex.t == b * one.w + a * one.t:
                return Edge(upper, lower, order.price)
            if low < vertex.t < high:
                return order
            if vertex.t >= high:
                upper = order
            else:
                lower = order

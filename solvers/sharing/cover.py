"""The search: cells of participants and data, cut until none can hold a state that is worth more than the best one found.

1. A cell is bounded by the relaxed welfare under one plane below the cost (:mod:`.relaxation`, :mod:`.envelope`). Its price is the
   slope of the utility across the cell, held within the prices that the envelope has there; where it has a range of prices at the side that
   the plane touches, the one that is dearest on the other side.
2. The cell with the greatest bound comes first. It is cut where the bound loses most: in ``K``, at the end of a segment if one is
   near the middle, or in ``T``, along the segment through a vertex of the envelope (halfway, if an edge has all of the cell).
3. Vertices met on the way, and the states on an edge next to the requirement, are offered as incumbents.
4. A cell with one ``K`` and one edge whose bound is still too great is closed by listing the states that lose little enough
   against its plane (:mod:`.listing`).

The cuts, and the plane of every cell left, are the proof: :mod:`fedmech.solvers.proofs.social` says what it means.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

from ..control import Stopped
from ..proofs.proof import Proof
from .envelope import CellLine, Edge, Envelope, Number, Order, Price, ScaledTypes, TouchingPlane
from .incumbent import IncumbentState
from .jets import decimal
from .listing import TooMany, list_states
from .relaxation import CellRelaxation, Limits, SearchCell, UtilityShape, precision
from .requirement import relevant_errors
from .worth import worth

__all__ = ["CoverSearch"]

DIGITS = (50, 200, 800)
"""Precisions at which a bound is compared with the incumbent in turn; measured: 50 decide all but ties and vast numbers."""
GUARD = 12
"""Last digits that are not trusted in a comparison."""
FIRST_LIST, LAST_LIST = 200, 20_000
"""States listed in one cell at first, and when nothing else is left to do."""
LEAST_WIDTH = 4
"""An edge cell of one ``K`` so many swaps wide is listed, not cut."""
ROUGH = Context(12)
"""Digits of a price that is the slope of the utility: enough for a guess, and short numbers in the proof."""
MOST_DIGITS = 6_000
"""Of numbers that are written as fractions."""
MOST_CELLS = 200_000
"""Cells after which the search gives up."""


@dataclass
class CellNode:
    """A cell: a leaf with a plane, or cut in two.

    Attributes
    ----------
    cell : SearchCell
        As the cuts leave it.
    prices : tuple of Price
        Between them lie the prices that the envelope has in the cell, as far as is known.
    K : int
        Where in the cell its plane touches the envelope.
    bound : Decimal or None
        No state in it is worth more; None if none in it is feasible.
    way : Order, Edge or None
        A vertex inside the cell at ``K``, or the edge that has all of it there, or neither.
    parts : tuple of CellNode or None
        The parts, if it was cut, and how.
    """

    cell: SearchCell
    prices: tuple[Price, Price]
    K: int = 0
    plane: TouchingPlane | None = None
    bound: Decimal | None = None
    way: Order | Edge | None = None
    listed: bool = False
    cut: list[Any] | None = None
    parts: tuple[CellNode, CellNode] | None = None


class CoverSearch:
    """The method for markets of any size.

    Parameters
    ----------
    incumbent : IncumbentState
        With the market, the audience, the clock, and a feasible state.
    """

    def __init__(self, incumbent: IncumbentState):
        market = incumbent.market
        self.incumbent, self.control = incumbent, incumbent.control
        self.scaled = scaled = ScaledTypes.of(market)
        self.envelope, self.limits = Envelope(scaled), Limits(scaled)
        self.shape = UtilityShape.of(market.utility, *relevant_errors(market))
        self.levels = [CellRelaxation(scaled, incumbent.audience, self.shape, digits) for digits in DIGITS]
        self.relaxed = self.levels[0]
        self.finest = 0
        """The finest precision at which a bound had to be compared."""
        self.open: list[tuple[Decimal, int, CellNode]] = []
        self.pushed = 0
        self.stuck: list[CellNode] = []
        self.made = 0
        self._value_incumbent()
        with localcontext(precision(DIGITS[0])):
            all_ = range(len(scaled.q))
            # An error is rounded like any number: where the utility is steep, as beside a pole, its value is off by far more.
            most = max(
                max(abs(self.relaxed.utility_at(end)), abs(end * self.relaxed.slope_at(end)))
                for end in (self.relaxed.low, self.relaxed.high)
            )
            self.magnitude = most * market.population + decimal(
                sum(scaled.counts[i] * scaled.c[i] for i in all_), scaled.c_unit
            )
            cell = SearchCell(1, market.population, CellLine(0, min(scaled.q)), CellLine(0, max(scaled.q)))
            self.root = self._node(cell, (self.envelope.lowest, self.envelope.highest))

    def run(self) -> None:
        """Raise the incumbent to the optimum.

        Raises
        ------
        Stopped
            At the deadline, or when there are too many cells; the proof is then one of a greater bound.
        """
        with localcontext(precision(DIGITS[0])):
            self._push(self.root)
            while self.open:
                self.control.check()
                node = heapq.heappop(self.open)[2]
                if self._closed(node):
                    continue
                if self.made > MOST_CELLS:
                    # Still open: what is stuck is a cell of one K, whose states can be listed.
                    self._push(node)
                    break
                self._expand(node)
            # With the best state known, fewer states are left to be listed.
            waiting, self.stuck = self.stuck, []
            for node in waiting:
                self.control.check()
                if not self._closed(node) and not self._list(node, LAST_LIST):
                    self.stuck.append(node)
            if self.stuck or self.open:
                raise Stopped("node-limit")

    # ---- comparing with the incumbent

    def _value_incumbent(self) -> None:
        best, scaled = self.incumbent.best, self.scaled
        assert best is not None
        merged = [sum(best.state[index] for index in members) for members in scaled.members]
        t = sum(k * q for k, q in zip(merged, scaled.q, strict=True))
        self.best = (sum(merged), t, sum(k * c for k, c in zip(merged, scaled.c, strict=True)))
        self._floors: list[Decimal] = []

    def floor(self, level: int = 0) -> Decimal:
        """The welfare of the incumbent at one of the precisions."""
        while len(self._floors) <= level:
            relaxed = self.levels[len(self._floors)]
            K, t, w = self.best
            with localcontext(precision(relaxed.digits)):
                self._floors.append(relaxed.value(K, t, decimal(w, self.scaled.c_unit)))
        return self._floors[level]

    def _exceeds(self, value: Decimal | None, again: Callable[[CellRelaxation], Decimal | None]) -> bool:
        """Whether a value is greater than the incumbent's, evaluated with more digits while the two cannot be told apart."""
        for level, relaxed in enumerate(self.levels):
            with localcontext(precision(relaxed.digits)):
                if level:
                    value = again(relaxed)
                if value is None:
                    return False
                excess = value - self.floor(level)
                if abs(excess) > self.magnitude.scaleb(GUARD - relaxed.digits):
                    self.finest = max(self.finest, level)
                    return excess > 0
        return False

    def _closed(self, node: CellNode) -> bool:
        """Whether nothing in a cell is worth more than the incumbent."""
        plane, cell = node.plane, self.limits.narrowed(node.cell)
        assert plane is not None
        return node.listed or not self._exceeds(node.bound, lambda relaxed: relaxed.over(cell, plane))

    def _offer(self, counts: list[int]) -> None:
        """Take the state with these participants of the merged types if it is better."""
        scaled, K = self.scaled, sum(counts)
        t = sum(k * q for k, q in zip(counts, scaled.q, strict=True))
        most = self.limits.most(K)
        if not K or (most is not None and t > most):
            return
        w = sum(k * c for k, c in zip(counts, scaled.c, strict=True))
        value = self.relaxed.value(K, t, decimal(w, scaled.c_unit))
        if value < self.floor() - self.magnitude.scaleb(GUARD - DIGITS[0]):
            return
        if self.incumbent.offer(scaled.state(counts)):
            self._value_incumbent()

    # ---- cells

    def _node(self, cell: SearchCell, prices: tuple[Price, Price]) -> CellNode:
        """Bound a cell, and offer the state at which its plane touches the envelope."""
        self.made += 1
        node = CellNode(cell, prices)
        small = self.limits.narrowed(cell)
        K1, K2, lower, upper = small
        middle = math.isqrt(K1 * K2) if K2 > 4 * K1 else (K1 + K2) // 2
        node.K = next((K for K in (middle, K1, K2) if lower.at(K) <= upper.at(K)), K1)
        low, high = lower.at(node.K), upper.at(node.K)
        orders = self._orders(node, low, high)
        planes = [order.plane(node.K) for order in orders]
        bounds = [self.relaxed.over(small, plane) for plane in planes]
        if None in bounds:
            node.plane = planes[0]
            return node
        node.bound, node.plane, order = min(zip(bounds, planes, orders, strict=True), key=lambda entry: entry[0])  # pyright: ignore[reportCallIssue, reportArgumentType]
        vertex = order.vertex(node.K)
        if low <= vertex.t <= high:
            self._offer(order.counts(node.K))
        if isinstance(node.way, Edge):
            self._offer_on_edge(node.way, node.K, low, high)
        return node

    def _orders(self, node: CellNode, low: Number, high: Number) -> list[Order]:
        """The orders whose planes to try in a cell, best guess first; notes a vertex or the edge to cut the cell at."""
        envelope, K = self.envelope, node.K
        upper, lower = (envelope.order(price) for price in node.prices)
        if upper.vertex(K).t < high:
            upper = envelope.order(envelope.lowest)
        if lower.vertex(K).t > low:
            lower = envelope.order(envelope.highest)
        node.prices = (upper.price, lower.price)
        if high <= low:
            return [upper]
        if upper.vertex(K).t <= low:
            return [upper]
        slope = self._slope(K, low, high)
        if lower.vertex(K).t >= high:
            return [envelope.order(max(lower.price, _double(slope), key=_ratio))]
        price = max(slope, upper.price, key=_ratio)
        if lower.vertex(K).t <= low:
            price = min(price, lower.price, key=_ratio)
        chosen = envelope.order(price)
        if low < chosen.vertex(K).t < high:
            node.way = chosen
            return [chosen]
        # The chosen vertex lies on one side of the cell. Of all prices at which it does, the last one has the plane that is dearest on the
        # other side, where there is room to be gained, and no cheaper on this one.
        above = math.floor(low) + 1
        if chosen.vertex(K).t >= high > lower.vertex(K).t:
            chosen = envelope.edge_at(K, high, (chosen.price, lower.price))
        elif upper.vertex(K).t >= above > chosen.vertex(K).t:
            chosen = envelope.edge_at(K, above, (upper.price, chosen.price))
        for order in (upper, lower):
            if low < order.vertex(K).t < high:
                node.way = order
                return [chosen, order]
        node.way = envelope.between(K, low, high, node.prices)
        if isinstance(node.way, Edge):
            return [envelope.order(node.way.price)]
        return [chosen, node.way]

    def _slope(self, K: int, low: Number, high: Number) -> Price:
        """How fast the utility of all falls with ``t`` between two values, in scaled cost."""
        relaxed = self.relaxed
        fall = relaxed.served(K) * (
            relaxed.utility_at(relaxed.error(K, low)) - relaxed.utility_at(relaxed.error(K, high))
        )
        rate = max(fall * self.scaled.c_unit / decimal(high - low), Decimal(0))
        if abs(rate.adjusted()) > MOST_DIGITS:
            return (0, 1) if rate < 1 else (10**MOST_DIGITS, 1)
        return Fraction(ROUGH.plus(rate)).as_integer_ratio()

    def _push(self, node: CellNode) -> None:
        if node.bound is not None and not self._closed(node):
            self.pushed += 1
            heapq.heappush(self.open, (-node.bound, self.pushed, node))

    def _expand(self, node: CellNode) -> None:
        """Cut a cell, in the way that promises fewer cuts to come (one too great by ``e`` takes about ``sqrt(e)``), or list its states."""
        ways = [way for way in (self._cut_in_T(node), self._cut_in_K(node)) if way is not None]
        if not ways:
            if not self._list(node, FIRST_LIST):
                self.stuck.append(node)
            return
        floor = self.floor()

        def left(way: tuple[list[Any], tuple[CellNode, CellNode]]) -> Decimal:
            bounds = [floor if part.bound is None else max(part.bound, floor) for part in way[1]]
            return sum(((bound - floor).sqrt() for bound in bounds), Decimal(0))

        node.cut, node.parts = min(ways, key=left)
        for part in node.parts:
            self._push(part)

    def _cut_in_K(self, node: CellNode) -> tuple[list[Any], tuple[CellNode, CellNode]] | None:
        K1, K2, *sides = node.cell
        if K1 == K2:
            return None
        at = self._size(node)
        parts = (
            self._node(SearchCell(K1, at, *sides), node.prices),
            self._node(SearchCell(at + 1, K2, *sides), node.prices),
        )
        return ["K", at], parts

    def _cut_in_T(self, node: CellNode) -> tuple[list[Any], tuple[CellNode, CellNode]] | None:
        found = self._line(node)
        if found is None:
            return None
        line, price = found
        K1, K2, lower, upper = node.cell
        top, bottom = node.prices
        return ["T", *line], (
            self._node(SearchCell(K1, K2, lower, line), (price or top, bottom)),
            self._node(SearchCell(K1, K2, line, upper), (top, price or bottom)),
        )

    def _size(self, node: CellNode) -> int:
        """Where to cut in ``K``: at the end of a segment near the middle, else in the middle."""
        K1, K2, *_ = node.cell
        middle = math.isqrt(K1 * K2) if K2 > 4 * K1 else (K1 + K2) // 2
        assert node.plane is not None
        ends = self.envelope.order(node.plane.price).K
        at = bisect_left(ends, middle)
        near = [end for end in ends[max(0, at - 1) : at + 1] if K1 <= end < K2 and abs(end - middle) * 4 <= K2 - K1]
        return min(near, key=lambda end: abs(end - middle), default=middle)

    def _line(self, node: CellNode) -> tuple[CellLine, Price | None] | None:
        """Where to cut in ``T``: along the segment of a vertex inside, or halfway where the utility is not convex on an edge."""
        if isinstance(node.way, Order):
            vertex = node.way.vertex(node.K)
            beta = self.scaled.q[vertex.type]
            return CellLine(vertex.t - beta * vertex.K, beta), node.way.price
        if node.way is None:
            return None
        K1, K2, lower, upper = self.limits.narrowed(node.cell)
        low, high = lower.at(node.K), upper.at(node.K)
        relaxed, K = self.relaxed, node.K
        if relaxed.convex(relaxed.error(K, low), relaxed.error(K, high)):
            return None
        s, t, _ = self._swap(node.way, K)
        if high - low <= LEAST_WIDTH * (self.scaled.q[s] - self.scaled.q[t]):
            return None
        alpha, beta = (lower.alpha + upper.alpha) / Fraction(2), (lower.beta + upper.beta) / Fraction(2)
        return CellLine(alpha if K1 == K2 else math.floor(alpha), beta if K1 == K2 else math.floor(beta)), None

    def _swap(self, edge: Edge, K: int) -> tuple[int, int, int]:
        """The two types that swap along an edge, and how many clients do."""
        change = [a - b for a, b in zip(edge.upper.counts(K), edge.lower.counts(K), strict=True)]
        more, less = max(change), min(change)
        return change.index(more), change.index(less), min(more, -less)

    def _offer_on_edge(self, edge: Edge, K: int, low: Number, high: Number) -> None:
        """Offer the states on an edge next to the requirement, or in the middle of a cell."""
        s, t, most = self._swap(edge, K)
        step = self.scaled.q[s] - self.scaled.q[t]
        if most <= 0 or step <= 0:
            return
        start = edge.lower.vertex(K).t
        for target in (high, (low + high) / Fraction(2)):
            moved = math.floor((target - start) / Fraction(step))
            for u in (moved, moved + 1):
                if 0 < u < most:
                    counts = edge.lower.counts(K)
                    counts[s] += u
                    counts[t] -= u
                    self._offer(counts)

    def _list(self, node: CellNode, most: int) -> bool:
        """Offer all states of a cell that can be worth more than the incumbent; say whether there were few enough."""
        assert node.bound is not None
        assert node.plane is not None
        K, _, lower, upper = self.limits.narrowed(node.cell)
        low, high = lower.at(K), upper.at(K)
        relaxed = self.relaxed
        convex = relaxed.convex(relaxed.error(K, low), relaxed.error(K, high))
        unit = self.scaled.c_unit * node.plane.price[1]
        while True:
            floor, share = self.floor(), 1
            room = (node.bound - floor + self.magnitude.scaleb(GUARD - DIGITS[0])) * unit
            if room.adjusted() > MOST_DIGITS:
                return False
            reach = math.floor(room)
            while True:
                try:
                    found = list_states(
                        self.scaled,
                        node.plane,
                        K,
                        (low, high),
                        reach // share,
                        ends_only=convex,
                        most=most,
                        check=self.control.check,
                    )
                    break
                except TooMany:
                    if reach // share == 0:
                        return False
                    share *= 4
            for state in found:
                self._offer(state.counts)
            if share == 1:
                node.listed = True
            if share == 1 or self._closed(node):
                return True
            if self.floor() == floor:
                return False

    # ---- the proof

    def proof(self) -> Proof:
        """The cover as a proof: of the incumbent's welfare if every cell is closed, else of the greatest bound of those that are not."""
        incumbent, finest = self.incumbent, self.levels[self.finest]
        assert incumbent.best is not None
        if not incumbent.market.utility.rational:
            # As many digits as the bounds were compared with.
            bits = math.ceil(finest.digits / math.log10(2))
            incumbent.best = worth(incumbent.market, incumbent.best.state, bits, incumbent.audience)
        bound = incumbent.best.high + self._margin()
        with localcontext(precision(DIGITS[0])):
            for node in self._leaves():
                if node.bound is not None and not self._closed(node):
                    bound = max(bound, self._bounded(node))
            return self._written(bound)

    def root_proof(self) -> Proof:
        """A proof without cuts."""
        assert self.incumbent.best is not None
        with localcontext(precision(DIGITS[0])):
            return self._written(max(self._bounded(self.root), self.incumbent.best.high + self._margin()))

    def _margin(self) -> Fraction:
        """What to add to a welfare that is known in an interval only, so that a checker with other roundings accepts it."""
        if self.incumbent.market.utility.rational:
            return Fraction(0)
        return fraction_above(self.magnitude.scaleb(GUARD - DIGITS[self.finest]))

    def _bounded(self, node: CellNode) -> Fraction:
        """A node's bound, a little raised for the same reason."""
        assert node.bound is not None
        return fraction_above(node.bound + self.magnitude.scaleb(GUARD - DIGITS[0]))

    def _leaves(self) -> Iterator[CellNode]:
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.parts is None:
                yield node
            else:
                waiting += node.parts

    def _written(self, bound: Fraction) -> Proof:
        """The cells, those that need not be cut for this bound in one piece."""
        scaled = self.scaled
        enough = decimal(bound) - self.magnitude.scaleb(GUARD - DIGITS[0])
        cells: list[list[Any]] = []
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.parts is not None and node.cut is not None and not (node.bound is None or node.bound < enough):
                kind, *at = node.cut
                cells.append([kind, *(at if kind == "K" else (Fraction(part) / scaled.q_unit for part in at))])
                waiting += reversed(node.parts)
                continue
            assert node.plane is not None
            (a, b), nu = node.plane.price, node.plane.nu
            prices = [Fraction(a * scaled.q_unit, b * scaled.c_unit), Fraction(nu, b * scaled.c_unit)]
            cells.append(["list" if node.listed else "plane", *prices])
        body = {
            "audience": self.incumbent.audience,
            "bends": self.shape.bends[1:-1],
            "curvature": self.shape.curvature,
            "cells": cells,
        }
        return Proof("social-state", "social", bound, body)


def _ratio(price: Price) -> Fraction:
    return Fraction(*price)


def _double(price: Price) -> Price:
    return 2 * price[0], price[1]


def fraction_above(value: Decimal) -> Fraction:
    """A fraction no smaller than a number, and equal to it unless it is extremely close to zero."""
    if value.adjusted() >= -MOST_DIGITS:
        return Fraction(value)
    return Fraction(0) if value <= 0 else Fraction(1, 10**MOST_DIGITS)

"""The relaxed welfare ``F(K, T)``: the utility of all who have the model, minus a plane below the cost of every state.

``F`` is bounded over a *cell*: ``K1 <= K <= K2`` participants, ``T`` between two lines in ``K``. Its slopes decide: where ``F`` falls in ``T``
the lower line holds its maximum, where it rises the upper one, where it is convex one of the two; otherwise its slope times
the width is added. Along a line the same is done in ``K``, so that the error of a bound falls with the square of a cell's size.
Numbers are `Decimal` in the current context; nothing is rounded outwards here, for whoever closes a cell hands it to the checker.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    getcontext,
    localcontext,
)
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ...models.sharing.expression import Node, OutsideDomain, evaluate
from ...models.sharing.utility import Utility
from .envelope import CellLine, Number, ScaledTypes, TouchingPlane
from .jets import Range, decimal, jet, single
from .worth import Audience

__all__ = ["CellRelaxation", "Limits", "SearchCell", "UtilityShape", "precision"]

SHAPE_DIGITS = 50
WIDER = Decimal("1e-35")
LEAST_DROP = Decimal("1e-9")
"""Where the utility falls by less than this part of its whole fall, the sign of ``U''`` is left unknown."""
MOST_LOOKS = 1_000
"""Ranges of errors looked at for the sign of ``U''``, some 100 microseconds each."""


class SearchCell(NamedTuple):
    """``K1 <= K <= K2`` participants with scaled ``t`` between two lines."""

    K1: int
    K2: int
    lower: CellLine
    upper: CellLine


def precision(digits: int) -> Context:
    """The decimal context of so many digits; numbers beyond all measure raise."""
    return Context(digits, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[InvalidOperation, DivisionByZero, Overflow])


class DecimalArithmetic:
    """Evaluation of formulas in decimal numbers of the current precision."""

    @staticmethod
    @lru_cache(maxsize=1024)
    def _number(value: Fraction, digits: int) -> Decimal:
        return decimal(value)

    @classmethod
    def number(cls, value: Fraction) -> Decimal:
        return cls._number(value, getcontext().prec)

    @staticmethod
    def divide(a: Decimal, b: Decimal) -> Decimal:
        if not b:
            raise OutsideDomain("division by zero")
        return a / b

    @staticmethod
    def power(x: Decimal, n: int) -> Decimal:
        if not x and n <= 0:
            raise OutsideDomain("division by zero")
        return x**n

    @staticmethod
    def exp(x: Decimal) -> Decimal:
        return x.exp()

    @staticmethod
    def log(x: Decimal) -> Decimal:
        if x <= 0:
            raise OutsideDomain("logarithm of a number that is not positive")
        return x.ln()

    @staticmethod
    def sqrt(x: Decimal) -> Decimal:
        if x < 0:
            raise OutsideDomain("square root of a negative number")
        return x.sqrt()


def value_at(tree: Node, error: Decimal) -> Decimal:
    """A formula in ``eps`` at one error.

    Raises
    ------
    OutsideDomain
        Where it has no value.
    """
    try:
        return evaluate(tree, {"eps": error}, DecimalArithmetic)
    except (InvalidOperation, DivisionByZero, Overflow) as error_:
        raise OutsideDomain(f"beyond all numbers: {type(error_).__name__}") from None


class UtilityShape(NamedTuple):
    """Where ``U''`` keeps its sign: the least error, cuts, the greatest, and the sign on each piece, 0 if not known."""

    bends: list[Fraction]
    curvature: list[int]

    @classmethod
    def of(cls, utility: Utility, least: Fraction, greatest: Fraction) -> UtilityShape:
        """Find the pieces by bisection, first where the utility falls most."""
        with localcontext(precision(SHAPE_DIGITS)):
            sign, drop = cls._looks(utility)
            known: list[tuple[Fraction, Fraction, int]] = []
            waiting = [(-drop(least, greatest), least, greatest)]
            enough = waiting[0][0] * LEAST_DROP
            for _ in range(MOST_LOOKS):
                if not waiting or waiting[0][0] > enough:
                    break
                _, a, b = heapq.heappop(waiting)
                found = sign(a, b)
                if found or a == b:
                    known.append((a, b, found))
                else:
                    for part in ((a, (a + b) / 2), ((a + b) / 2, b)):
                        heapq.heappush(waiting, (-drop(*part), *part))
        pieces = sorted([*known, *((a, b, 0) for _, a, b in waiting)])
        bends, curvature = [pieces[0][0]], [pieces[0][2]]
        for a, _, found in pieces[1:]:
            if found != curvature[-1]:
                bends.append(a)
                curvature.append(found)
        return cls([*bends, pieces[-1][1]], curvature)

    @staticmethod
    def _looks(utility: Utility) -> tuple[Callable[[Fraction, Fraction], int], Callable[[Fraction, Fraction], Decimal]]:
        """The sign of ``U''`` between two errors, 0 if it does not show, and how far ``U`` falls."""

        def sign(a: Fraction, b: Fraction) -> int:
            try:
                # A little wider, since the checker rounds the ends outwards; an error is never negative.
                second = jet(utility.tree, Range(decimal(a) * (1 - WIDER), decimal(b) * (1 + WIDER))).second
            except OutsideDomain:
                return 0
            return 1 if second.low >= 0 else -1 if second.high <= 0 else 0

        def drop(a: Fraction, b: Fraction) -> Decimal:
            return value_at(utility.tree, decimal(a)) - value_at(utility.tree, decimal(b))

        return sign, drop


class CellRelaxation:
    """``F`` for one market at one precision.

    Parameters
    ----------
    scaled : ScaledTypes
        The types.
    audience : str
        Who has the model.
    shape : UtilityShape
        Of the utility on the errors that matter.
    digits : int
        Precision; every method is to be called in the context :func:`precision` of so many.
    """

    def __init__(self, scaled: ScaledTypes, audience: Audience, shape: UtilityShape, digits: int):
        self.scaled, self.shape, self.digits = scaled, shape, digits
        self.everyone = audience == "everyone"
        market = scaled.market
        self.utility = market.utility
        with localcontext(precision(digits)):
            self.noise, self.client = decimal(market.noise), decimal(market.client_variance)
            self.population = Decimal(market.population)
            self.bends = [decimal(bend) for bend in shape.bends]
        self.low, self.high = self.bends[0], self.bends[-1]
        self._slopes: dict[Decimal, Decimal] = {}

    def served(self, K: int) -> Decimal:
        """How many have the model."""
        return self.population if self.everyone else Decimal(K)

    def error(self, K: int, t: Number) -> Decimal:
        """Eq. (3)."""
        return self.client + (self.noise * decimal(t, self.scaled.q_unit * K) - self.client) / K

    def utility_at(self, error: Decimal) -> Decimal:
        """``U``, going on as a straight line beyond the errors of all states."""
        inside = min(max(error, self.low), self.high)
        value = value_at(self.utility.tree, inside)
        return value if inside == error else value + self.slope_at(inside) * (error - inside)

    def slope_at(self, error: Decimal) -> Decimal:
        """``U'``."""
        inside = min(max(error, self.low), self.high)
        if inside not in self._slopes:
            self._slopes[inside] = value_at(self.utility.slope, inside)
        return self._slopes[inside]

    def slopes(self, first: Decimal, last: Decimal) -> Range:
        """All values of ``U'`` between two errors."""
        found = [self.slope_at(first), self.slope_at(last)]
        if len(self.bends) > 2 or not self.shape.curvature[0]:
            for (a, b), sign in zip(pairwise(self.bends), self.shape.curvature, strict=True):
                if b < first or a > last:
                    continue
                found += [self.slope_at(end) for end in (a, b) if first < end < last]
                if not sign:
                    found += self._enclosed(max(a, first), min(b, last))
        return Range(min(found), max(found))

    def _enclosed(self, first: Decimal, last: Decimal) -> list[Decimal]:
        """The ends of an enclosure of ``U'`` where it need not be monotone."""
        first, last = min(max(first, self.low), self.high), min(max(last, self.low), self.high)
        slopes = jet(self.utility.tree, Range(first, last)).first
        return [slopes.low, slopes.high]

    def convex(self, first: Decimal, last: Decimal) -> bool:
        """Whether ``U`` is known to be convex between two errors."""
        return all(
            sign > 0 or b < min(first, self.high) or a > max(last, self.low)
            for (a, b), sign in zip(pairwise(self.bends), self.shape.curvature, strict=True)
        )

    def cost(self, K: int, t: Number, plane: TouchingPlane) -> Decimal:
        """The plane's cost."""
        a, b = plane.price
        return decimal(plane.worth + plane.nu * (K - plane.K0) - a * t, b * self.scaled.c_unit)

    def value(self, K: int, t: Number, cost: Decimal) -> Decimal:
        """The utility of all who have the model, minus a cost."""
        return self.served(K) * self.utility_at(self.error(K, t)) - cost

    def corner(self, K: int, line: CellLine, plane: TouchingPlane) -> Decimal:
        """``F`` at one end of a line."""
        t = line.at(K)
        return self.value(K, t, self.cost(K, t, plane))

    def along(self, K1: int, K2: int, line: CellLine, plane: TouchingPlane) -> Decimal:
        """An upper bound on ``F`` along a line."""
        if K1 == K2:
            return self.corner(K1, line, plane)
        unit, (a, b) = self.scaled.q_unit, plane.price
        alpha, beta = decimal(line.alpha, unit), decimal(line.beta, unit)
        ratio = (alpha / K1, alpha / K2)
        means = [beta + x for x in ratio]
        factors = [(self.noise * z - self.client) / K for z in (min(means), max(means)) for K in (K1, K2)]
        low, high = self.client + min(factors), self.client + max(factors)
        rate = self.slopes(low, high)
        turns = [self.client - self.noise * beta - 2 * self.noise * x for x in (min(ratio), max(ratio))]
        turn = Range(min(turns), max(turns)) * _inverse_squares(K1, K2)
        served = Range(self.served(K1), self.served(K2))
        drift = decimal(a * line.beta - plane.nu, b * self.scaled.c_unit)
        slope = served * rate * turn + single(drift)
        if not self.everyone:
            slope = slope + single(self.utility_at(low)) + rate * Range(Decimal(0), high - low)
        length = K2 - K1
        if slope.high <= 0:
            return self.corner(K1, line, plane)
        if slope.low >= 0:
            return self.corner(K2, line, plane)
        return min(
            self.corner(K1, line, plane) + slope.high * length, self.corner(K2, line, plane) - slope.low * length
        )

    def over(self, cell: SearchCell, plane: TouchingPlane) -> Decimal | None:
        """An upper bound on ``F`` over a cell, as :func:`narrowed` leaves it; None if it is empty."""
        K1, K2, lower, upper = cell
        ends = [(K, lower.at(K), upper.at(K)) for K in (K1, K2)]
        if all(high < low for _, low, high in ends):
            return None
        if K1 == K2 and ends[0][1] == ends[0][2]:
            return self.corner(K1, lower, plane)
        unit, (a, b) = self.scaled.q_unit, plane.price
        # t/K is monotone along every edge of the cell, so its least and greatest values lie at corners.
        means = [decimal(t, unit * K) for K, *both in ends for t in both]
        factors = [(self.noise * z - self.client) / K for z in (min(means), max(means)) for K in (K1, K2)]
        low, high = self.client + min(factors), self.client + max(factors)
        slope = single(decimal(a * unit, b * self.scaled.c_unit))
        if self.noise:
            served = Range(self.served(K1), self.served(K2))
            slope = slope + served * self.slopes(low, high) * _inverse_squares(K1, K2) * single(self.noise)
        # F rises or falls in t all over the cell: then its best lies on one of the two edges.
        if slope.high <= 0:
            return self.along(K1, K2, lower, plane)
        if slope.low >= 0:
            return self.along(K1, K2, upper, plane)
        at_lower, at_upper = self.along(K1, K2, lower, plane), self.along(K1, K2, upper, plane)
        # Convex in t: the best of a K is at an end again.
        if self.convex(low, high):
            return max(at_lower, at_upper)
        # Else from either edge, F rises no faster than the largest slope for as long as the cell is wide.
        width = decimal(max(0, *(high - low for _, low, high in ends)), unit)
        return min(at_lower + slope.high * width, at_upper - slope.low * width)


def _inverse_squares(K1: int, K2: int) -> Range:
    return Range(1 / Decimal(K2) ** 2, 1 / Decimal(K1) ** 2)


class Limits:
    """What the requirement, and the values that sums of inverse sizes can have, leave of a cell."""

    def __init__(self, scaled: ScaledTypes):
        market = scaled.market
        self.scaled, self.limit = scaled, market.max_error
        self.steps = math.gcd(*(q - scaled.q[0] for q in scaled.q))
        if market.max_error is not None and market.noise:
            self.r2 = (market.max_error - market.client_variance) / market.noise * scaled.q_unit
            self.r1 = market.client_variance / market.noise * scaled.q_unit

    def most(self, K: int) -> Number | None:
        """The largest ``t`` of ``K`` participants that meets the requirement; None if none is too large."""
        market = self.scaled.market
        if self.limit is None:
            return None
        if not market.noise:
            return None if market.client_variance * (K - 1) <= self.limit * K else Fraction(-1)
        return (self.r2 * K + self.r1) * K

    def narrowed(self, cell: SearchCell) -> SearchCell:
        """A smaller cell with the same feasible states."""
        K1, K2, lower, upper = cell
        if self.limit is not None:
            if not self.scaled.market.noise:
                # The error rises with K, and with nothing else.
                if self.most(K1) is not None:
                    upper = CellLine(Fraction(-1), 0)
            else:
                square = K1 * K2 if self.r2 >= 0 else Fraction((K1 + K2) ** 2, 4)
                limit = CellLine(-self.r2 * square, self.r2 * (K1 + K2) + self.r1)
                if limit.at(K1) <= upper.at(K1) and limit.at(K2) <= upper.at(K2):
                    upper = limit
        if K1 == K2 and self.steps:
            first, step = K1 * self.scaled.q[0], self.steps
            lower = CellLine(first + step * math.ceil(Fraction(lower.at(K1) - first) / step), 0)
            upper = CellLine(first + step * math.floor(Fraction(upper.at(K1) - first) / step), 0)
        return SearchCell(K1, K2, lower, upper)

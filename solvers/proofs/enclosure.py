"""Intervals that contain the truth, and the values and derivatives of a utility on them.

The ends are decimal numbers (the module `decimal` rounds its four operations in the direction asked for, and `exp`, `ln` and
`sqrt` correctly, so that one unit in the last place to either side is safe), or fractions without any rounding. Utilities are
evaluated as Taylor series of order 0, 1 or 2 over such intervals, by the recurrences of automatic differentiation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction
from typing import Any

from ...models.sharing.expression import Call, Node, Num, Op, Pow, Var

__all__ = ["EXACT", "Interval", "Rounding", "Unbounded", "series"]


class Unbounded(ArithmeticError):
    """A value cannot be enclosed: a division by an interval around zero, a logarithm of what may be negative, ..."""


class _NoRounding:
    """Fractions take the place of decimal numbers: nothing is rounded."""

    add = staticmethod(operator.add)
    subtract = staticmethod(operator.sub)
    multiply = staticmethod(operator.mul)
    divide = staticmethod(operator.truediv)


class Rounding:
    """How the ends of intervals are rounded: downwards and upwards, to so many digits or not at all.

    Parameters
    ----------
    digits : int or None
        Significant decimal digits of the ends; None for fractions.
    """

    def __init__(self, digits: int | None):
        self.digits = digits
        self.down: Any = _NoRounding
        self.up: Any = _NoRounding
        if digits is not None:
            traps = [InvalidOperation, DivisionByZero, Overflow]
            self.down = Context(digits, ROUND_FLOOR, MIN_EMIN, MAX_EMAX, traps=traps)
            self.up = Context(digits, ROUND_CEILING, MIN_EMIN, MAX_EMAX, traps=traps)

    def number(self, value: Fraction | int) -> Interval:
        """The narrowest interval around an exact number."""
        if self.digits is None:
            return Interval(self, Fraction(value), Fraction(value))
        p, q = Decimal(value.numerator), Decimal(value.denominator)
        return Interval(self, self.down.divide(p, q), self.up.divide(p, q))


class Interval:
    """A closed interval; every operation gives an interval that contains the results for all numbers inside.

    Attributes
    ----------
    low, high : Decimal or Fraction
        The ends.
    """

    __slots__ = ("high", "low", "rounding")

    def __init__(self, rounding: Rounding, low: Any, high: Any):
        self.rounding, self.low, self.high = rounding, low, high

    def __add__(self, other: Interval) -> Interval:
        r = self.rounding
        return Interval(r, r.down.add(self.low, other.low), r.up.add(self.high, other.high))

    def __sub__(self, other: Interval) -> Interval:
        r = self.rounding
        return Interval(r, r.down.subtract(self.low, other.high), r.up.subtract(self.high, other.low))

    def __mul__(self, other: Interval) -> Interval:
        r = self.rounding
        if self.low >= 0 and other.low >= 0:
            return Interval(r, r.down.multiply(self.low, other.low), r.up.multiply(self.high, other.high))
        pairs = [(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(r, min(r.down.multiply(a, b) for a, b in pairs), max(r.up.multiply(a, b) for a, b in pairs))

    def __truediv__(self, other: Interval) -> Interval:
        if other.low <= 0 <= other.high:
            raise Unbounded("division by what may be zero")
        r = self.rounding
        pairs = [(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(r, min(r.down.divide(a, b) for a, b in pairs), max(r.up.divide(a, b) for a, b in pairs))

    def hull(self, other: Interval) -> Interval:
        """The smallest interval around two."""
        return Interval(self.rounding, min(self.low, other.low), max(self.high, other.high))

    def power(self, n: int) -> Interval:
        """An integer power."""
        if n < 0:
            return self.rounding.number(1) / self.power(-n)
        r = self.rounding
        if self.low >= 0:
            return Interval(r, _power(self.low, n, r.down), _power(self.high, n, r.up))
        if n % 2:
            low = _negative(_power(_negative(self.low), n, r.up))
            high = _power(self.high, n, r.up) if self.high >= 0 else _negative(_power(_negative(self.high), n, r.down))
            return Interval(r, low, high)
        if self.high <= 0:
            return Interval(r, _power(_negative(self.high), n, r.down), _power(_negative(self.low), n, r.up))
        return Interval(r, r.number(0 if n else 1).low, _power(max(_negative(self.low), self.high), n, r.up))

    def exp(self) -> Interval:
        """The exponential."""
        return self._monotone("exp")

    def ln(self) -> Interval:
        """The natural logarithm."""
        if self.low <= 0:
            raise Unbounded("logarithm of what may not be positive")
        return self._monotone("ln")

    def sqrt(self) -> Interval:
        """The square root."""
        if self.low < 0:
            raise Unbounded("square root of what may be negative")
        return self._monotone("sqrt")

    def _monotone(self, name: str) -> Interval:
        """A rising function that `decimal` rounds correctly: its ends, one unit in the last place further out."""
        r = self.rounding
        if r.digits is None:
            raise Unbounded(f"{name} has no exact value")
        # To the nearest number in either context: a point has one value.
        low = getattr(r.down, name)(self.low)
        high = low if self.high == self.low else getattr(r.up, name)(self.high)
        return Interval(r, r.down.next_minus(low), r.up.next_plus(high))


def _negative(x: Any) -> Any:
    """The number with the other sign; the operator of a decimal number would round it."""
    return x.copy_negate() if isinstance(x, Decimal) else -x


def _power(x: Any, n: int, context: Any) -> Any:
    """A power of a number that is not negative, by squaring, each product rounded in the context's direction."""
    result = x - x + 1
    while n:
        if n & 1:
            result = context.multiply(result, x)
        n >>= 1
        if n:
            x = context.multiply(x, x)
    return result


EXACT = Rounding(None)

Series = list[Interval]
"""Taylor coefficients: the value, the first derivative, half the second derivative, as far as they are wanted."""


def series(tree: Node, at: Interval, order: int) -> Series:
    """The Taylor coefficients of a formula in one variable, each enclosed for every number of an interval.

    Parameters
    ----------
    tree : Node
        A formula in ``eps`` alone.
    at : Interval
        Where.
    order : int
        0, 1 or 2: how many derivatives.

    Raises
    ------
    Unbounded
        If a coefficient cannot be enclosed.
    """
    number = at.rounding.number
    zeros = [number(0)] * order

    def of(node: Node) -> Series:
        match node:
            case Num(value):
                return [number(value), *zeros]
            case Var():
                return [at, number(1), *zeros[1:]][: order + 1]
            case Op(sign, left, right):
                return _OPERATIONS[sign](of(left), of(right))
            case Pow(base, Num(p)):
                return _raised(of(base), p)
            case Pow(base, exponent):
                return _exp(_times(of(exponent), _ln(of(base))))
            case Call("exp", argument):
                return _exp(of(argument))
            case Call("log", argument):
                return _ln(of(argument))
            case Call("sqrt", argument):
                return _raised(of(argument), Fraction(1, 2))
        raise Unbounded(f"no rule for {node}")

    try:
        return of(tree)
    except (InvalidOperation, DivisionByZero, Overflow, ZeroDivisionError) as error:
        raise Unbounded(f"beyond all numbers: {type(error).__name__}") from None


def _total(terms: list[Interval]) -> Interval:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _times(a: Series, b: Series) -> Series:
    return [_total([a[j] * b[k - j] for j in range(k + 1)]) for k in range(len(a))]


def _over(a: Series, b: Series) -> Series:
    """``q_k = (a_k - sum_{j < k} q_j b_{k-j}) / b_0``."""
    quotient: Series = []
    for k in range(len(a)):
        rest = a[k]
        for j in range(k):
            rest = rest - quotient[j] * b[k - j]
        quotient.append(rest / b[0])
    return quotient


def _exp(a: Series) -> Series:
    """``e_k = (1/k) sum_{j=1..k} j a_j e_{k-j}``."""
    number = a[0].rounding.number
    result = [a[0].exp()]
    for k in range(1, len(a)):
        result.append(_total([number(Fraction(j, k)) * a[j] * result[k - j] for j in range(1, k + 1)]))
    return result


def _ln(a: Series) -> Series:
    """``l_k = (a_k - (1/k) sum_{j=1..k-1} j l_j a_{k-j}) / a_0``."""
    number = a[0].rounding.number
    result = [a[0].ln()]
    for k in range(1, len(a)):
        rest = a[k]
        for j in range(1, k):
            rest = rest - number(Fraction(j, k)) * result[j] * a[k - j]
        result.append(rest / a[0])
    return result


def _raised(a: Series, p: Fraction) -> Series:
    """``x^p``, ``p x^(p-1) a_1`` and ``p x^(p-1) a_2 + p (p-1)/2 x^(p-2) a_1^2``."""
    number, x = a[0].rounding.number, a[0]
    result = [_scalar_power(x, p)]
    if len(a) > 1:
        slope = number(p) * _scalar_power(x, p - 1)
        result.append(slope * a[1])
        if len(a) > 2:
            bend = number(p * (p - 1) / 2) * _scalar_power(x, p - 2) if p != 1 else number(0)
            result.append(slope * a[2] + bend * a[1].power(2))
    return result


def _scalar_power(x: Interval, p: Fraction) -> Interval:
    if p.denominator == 1:
        return x.power(int(p))
    if p.denominator == 2:
        return x.sqrt().power(p.numerator)
    return (x.rounding.number(p) * x.ln()).exp()


_OPERATIONS: dict[str, Callable[[Series, Series], Series]] = {
    "+": lambda a, b: [x + y for x, y in zip(a, b, strict=True)],
    "-": lambda a, b: [x - y for x, y in zip(a, b, strict=True)],
    "*": _times,
    "/": _over,
}

"""Ranges of a utility and of its first two derivatives over a range of errors.

A jet is a range of values with ranges of the first and second derivative, carried through a formula by the rules of calculus.
Nothing is rounded outwards: a search that is led by these ranges may err in the last digit, and its proof is then refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation, Overflow
from fractions import Fraction

from ...models.sharing.expression import Node, OutsideDomain, evaluate

__all__ = ["Range", "decimal", "jet", "single"]


def decimal(p: int | Fraction, q: int = 1) -> Decimal:
    """A quotient, rounded to the current precision."""
    return Decimal(p.numerator) / Decimal(p.denominator * q)


@dataclass(slots=True)
class Range:
    """All numbers from ``low`` to ``high``."""

    low: Decimal
    high: Decimal

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Range) -> Range:
        products = [x * y for x in (self.low, self.high) for y in (other.low, other.high)]
        return Range(min(products), max(products))

    def __truediv__(self, other: Range) -> Range:
        if other.low <= 0 <= other.high:
            raise OutsideDomain("division by what may be zero")
        return self * Range(1 / other.high, 1 / other.low)

    def power(self, p: Fraction) -> Range:
        """A power; its exponent is an integer, a half-integer, or the base is positive."""
        if p.denominator == 2:
            return self.sqrt().power(Fraction(p.numerator))
        if p.denominator > 1:
            return (self.log() * single(decimal(p))).exp()
        n = int(p)
        if n <= 0:
            return ONE / self.power(Fraction(-n)) if n else ONE
        ends = sorted((self.low**n, self.high**n))
        return Range(Decimal(0) if n % 2 == 0 and self.low < 0 < self.high else ends[0], ends[1])

    def exp(self) -> Range:
        """The exponential."""
        return Range(self.low.exp(), self.high.exp())

    def log(self) -> Range:
        """The natural logarithm."""
        if self.low <= 0:
            raise OutsideDomain("logarithm of what may not be positive")
        return Range(self.low.ln(), self.high.ln())

    def sqrt(self) -> Range:
        """The square root."""
        if self.low < 0:
            raise OutsideDomain("square root of what may be negative")
        return Range(self.low.sqrt(), self.high.sqrt())


def single(x: Decimal) -> Range:
    """One number as a range."""
    return Range(x, x)


ZERO, ONE, TWO = (single(Decimal(n)) for n in range(3))


@dataclass(slots=True)
class Jet:
    """Values, first and second derivatives."""

    value: Range
    first: Range
    second: Range

    def __add__(self, other: Jet) -> Jet:
        return Jet(self.value + other.value, self.first + other.first, self.second + other.second)

    def __sub__(self, other: Jet) -> Jet:
        return Jet(self.value - other.value, self.first - other.first, self.second - other.second)

    def __mul__(self, other: Jet) -> Jet:
        a, b = self, other
        return Jet(
            a.value * b.value,
            a.value * b.first + a.first * b.value,
            a.value * b.second + a.first * b.first * TWO + a.second * b.value,
        )

    def through(self, value: Range, first: Range, second: Range) -> Jet:
        """The chain rule for a function with these values and derivatives."""
        return Jet(value, first * self.first, first * self.second + second * self.first.power(Fraction(2)))


class _JetArithmetic:
    """What :func:`~fedmech.models.sharing.expression.evaluate` needs to carry jets through a formula."""

    @staticmethod
    def number(value: Fraction) -> Jet:
        x = decimal(value)
        return Jet(single(x), ZERO, ZERO)

    @staticmethod
    def divide(a: Jet, b: Jet) -> Jet:
        q = a.value / b.value
        q1 = (a.first - q * b.first) / b.value
        q2 = (a.second - q1 * b.first * TWO - q * b.second) / b.value
        return Jet(q, q1, q2)

    @staticmethod
    def real_power(x: Jet, p: Fraction) -> Jet:
        if not p:
            return Jet(ONE, ZERO, ZERO)
        first = x.value.power(p - 1) * single(decimal(p))
        second = ZERO if p == 1 else x.value.power(p - 2) * single(decimal(p * (p - 1)))
        return x.through(x.value.power(p), first, second)

    @classmethod
    def power(cls, x: Jet, n: int) -> Jet:
        return cls.real_power(x, Fraction(n))

    @classmethod
    def sqrt(cls, x: Jet) -> Jet:
        return cls.real_power(x, Fraction(1, 2))

    @staticmethod
    def exp(x: Jet) -> Jet:
        value = x.value.exp()
        return x.through(value, value, value)

    @staticmethod
    def log(x: Jet) -> Jet:
        inverse = ONE / x.value
        return x.through(x.value.log(), inverse, ZERO - inverse.power(Fraction(2)))


def jet(tree: Node, errors: Range) -> Jet:
    """The ranges of a formula in ``eps`` and of its first two derivatives over a range of errors.

    Raises
    ------
    OutsideDomain
        If one of them has no bounds.
    """
    try:
        return evaluate(tree, {"eps": Jet(errors, ONE, ZERO)}, _JetArithmetic)
    except (InvalidOperation, DivisionByZero, Overflow) as error:
        raise OutsideDomain(f"beyond all numbers: {type(error).__name__}") from None

"""Arrays of closed intervals whose operations round outwards, so that every true value stays inside."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LIBRARY_ULPS = 8
"""By how many units in the last place numpy's exp and log are taken to be off at most (it documents at most 4)."""


def _down(x: NDArray[np.float64], times: int = 1) -> NDArray[np.float64]:
    for _ in range(times):
        x = np.nextafter(x, -np.inf)
    return x


def _up(x: NDArray[np.float64], times: int = 1) -> NDArray[np.float64]:
    for _ in range(times):
        x = np.nextafter(x, np.inf)
    return x


def nearest(numerator: int, denominator: int = 1) -> float:
    """The double nearest to a quotient of integers; an infinity where it is beyond the largest double."""
    try:
        return numerator / denominator
    except OverflowError:
        return float("inf") if (numerator < 0) == (denominator < 0) else float("-inf")


class IntervalArray:
    """Intervals ``[low, high]``, elementwise.

    A result that cannot be bounded (a division by an interval around zero, a logarithm of something that may be
    negative) becomes the whole real line: safe for a bound, and useless, which is what it should be.

    Parameters
    ----------
    low, high : array of float
        Ends, in the same shape.
    """

    __slots__ = ("high", "low")

    def __init__(self, low: Any, high: Any):
        low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        lost = np.isnan(low) | np.isnan(high)
        if lost.any():
            low, high = np.where(lost, -np.inf, low), np.where(lost, np.inf, high)
        self.low, self.high = low, high

    @classmethod
    def around(cls, x: Any) -> IntervalArray:
        """Intervals around numbers that are correctly rounded, one unit in the last place to either side."""
        x = np.asarray(x, dtype=np.float64)
        return cls(_down(x), _up(x))

    @classmethod
    def exactly(cls, x: Any) -> IntervalArray:
        """Intervals of width zero, for integers below 2**53."""
        x = np.asarray(x, dtype=np.float64)
        return cls(x, x)

    def __add__(self, other: IntervalArray) -> IntervalArray:
        with np.errstate(invalid="ignore", over="ignore"):
            return IntervalArray(_down(self.low + other.low), _up(self.high + other.high))

    def __sub__(self, other: IntervalArray) -> IntervalArray:
        with np.errstate(invalid="ignore", over="ignore"):
            return IntervalArray(_down(self.low - other.high), _up(self.high - other.low))

    def __mul__(self, other: IntervalArray) -> IntervalArray:
        with np.errstate(invalid="ignore", over="ignore"):
            ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
        return IntervalArray(_down(low), _up(high))

    def __truediv__(self, other: IntervalArray) -> IntervalArray:
        return IntervalArrayArithmetic.divide(self, other)


class IntervalArrayArithmetic:
    """What :func:`fedmech.models.sharing.expression.evaluate` needs to work on interval arrays."""

    @staticmethod
    def number(value: Fraction) -> IntervalArray:
        """An interval around an exact number."""
        x = nearest(value.numerator, value.denominator)
        return IntervalArray.exactly(x) if np.isfinite(x) and Fraction(x) == value else IntervalArray.around(x)

    @staticmethod
    def divide(a: IntervalArray, b: IntervalArray) -> IntervalArray:
        """A quotient."""
        around_zero = (b.low <= 0) & (b.high >= 0)
        with np.errstate(all="ignore"):
            inverse = IntervalArray(_down(1 / b.high), _up(1 / b.low))
        product = a * inverse
        return IntervalArray(np.where(around_zero, -np.inf, product.low), np.where(around_zero, np.inf, product.high))

    @staticmethod
    def power(x: IntervalArray, n: int) -> IntervalArray:
        """An integer power."""
        if n < 0:
            one = IntervalArray.exactly(1.0)
            return IntervalArrayArithmetic.divide(one, IntervalArrayArithmetic.power(x, -n))
        result = IntervalArray.exactly(1.0)
        for _ in range(n):
            result = result * x
        if n % 2 == 0:
            result = IntervalArray(np.maximum(result.low, 0.0), result.high)
        return result

    @staticmethod
    def exp(x: IntervalArray) -> IntervalArray:
        """The exponential."""
        with np.errstate(over="ignore"):
            low, high = np.exp(x.low), np.exp(x.high)
        return IntervalArray(np.maximum(_down(low, _LIBRARY_ULPS), 0.0), _up(high, _LIBRARY_ULPS))

    @staticmethod
    def log(x: IntervalArray) -> IntervalArray:
        """The logarithm."""
        with np.errstate(all="ignore"):
            low, high = _down(np.log(x.low), _LIBRARY_ULPS), _up(np.log(x.high), _LIBRARY_ULPS)
        bad = ~(x.low > 0)
        return IntervalArray(np.where(bad, -np.inf, low), np.where(bad, np.inf, high))

    @staticmethod
    def sqrt(x: IntervalArray) -> IntervalArray:
        """The square root."""
        with np.errstate(invalid="ignore"):
            low, high = np.maximum(_down(np.sqrt(x.low)), 0.0), _up(np.sqrt(x.high))
        bad = ~(x.low >= 0)
        return IntervalArray(np.where(bad, -np.inf, low), np.where(bad, np.inf, high))

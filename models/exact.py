"""Exact numbers: from a literal in a file to integers over a common denominator.

Every quantity of an instance is a rational number. It is read exactly (``0.1`` is one tenth) and kept as integers over one
common denominator, in ``int64`` where every value and every sum fits with room to spare, in Python integers otherwise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral, Rational
from typing import Any

import numpy as np

from .input_error import InputError

__all__ = [
    "INT64_SAFE",
    "IntArray",
    "exact_sum",
    "format_exact",
    "integer_array",
    "parse_integer",
    "parse_number",
    "rescale",
    "scale_to_integers",
]

IntArray = np.ndarray
"""An integer array: dtype ``int64`` or, where that could overflow, ``object`` holding Python integers."""

INT64_SAFE = 2**62
"""Arrays are ``int64`` only while the sum of the absolute values stays below this."""

_LITERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_RATIO = re.compile(r"[+-]?\d+/\d+\Z", re.ASCII)
_MAX_DIGITS = 1000
_MAX_EXPONENT = 400
_MAX_DENOMINATOR_BITS = 8192


def parse_number(value: Any) -> Fraction:
    """Read one number exactly.

    Parameters
    ----------
    value : int, Fraction, Decimal, str, float or numpy number
        Strings are decimal literals (``"0.1"``, ``"2.5e-3"``) or ratios (``"p/q"``). A binary float stands for the
        shortest decimal literal that reads back as it, so ``0.1`` is one tenth.

    Returns
    -------
    Fraction

    Raises
    ------
    InputError
        For anything that is not a finite number, and for literals with more than 1000 digits or an exponent beyond 400.
    """
    if isinstance(value, bool | np.bool_):
        raise InputError(f"expected a number, got {value}")
    if isinstance(value, Integral):
        return Fraction(int(value))
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, float | np.floating):
        # repr of the value in its own precision: np.float32(0.1) is one tenth too.
        text = repr(float(value)) if isinstance(value, float) else str(value)
        if not math.isfinite(value):
            raise InputError(f"expected a finite number, got {text}")
        return Fraction(text)
    if isinstance(value, Decimal):
        value = str(value)
    if not isinstance(value, str):
        raise InputError(f"expected a number, got {_brief(value)}")
    text = value.strip()
    if len(text) > _MAX_DIGITS:
        raise InputError(f"number with more than {_MAX_DIGITS} characters")
    if _RATIO.match(text):
        numerator, denominator = text.split("/")
        if int(denominator) == 0:
            raise InputError(f"division by zero in {text!r}")
        return Fraction(int(numerator), int(denominator))
    if not (literal := _LITERAL.match(text)):
        kind = "a finite number" if text.lower().lstrip("+-") in {"nan", "inf", "infinity"} else "a number"
        raise InputError(f"expected {kind}, got {_brief(value)}")
    if literal[2] and abs(int(literal[2][1:])) > _MAX_EXPONENT:
        raise InputError(f"exponent beyond {_MAX_EXPONENT} in {text!r}")
    return Fraction(text)


def parse_integer(value: Any) -> int:
    """Read one integer exactly; ``3`` and ``3.0`` are integers, ``2.5`` is refused.

    Raises
    ------
    InputError
        For anything that is not a whole number.
    """
    number = parse_number(value)
    if number.denominator != 1:
        raise InputError(f"expected a whole number, got {_brief(value)}")
    return int(number)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def format_exact(value: Fraction | int) -> str:
    """Write a number as ``"p"`` or ``"p/q"``."""
    value = Fraction(value)
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def exact_sum(values: IntArray) -> int:
    """Sum an integer array as a Python integer, without overflow whatever its length."""
    if values.dtype == object:
        return int(sum(values.tolist()))
    if len(values) and max(abs(int(values.max())), abs(int(values.min()))) >= INT64_SAFE // max(len(values), 1):
        high = values >> 32
        return (int(high.sum()) << 32) + int((values - (high << 32)).sum())
    return int(values.sum())


def integer_array(values: Sequence[int] | np.ndarray) -> IntArray:
    """Pack integers: ``int64`` if the sum of absolute values is below 2**62, else Python integers.

    Parameters
    ----------
    values : sequence of int, or integer ndarray

    Returns
    -------
    ndarray of int64 or object
    """
    if isinstance(values, np.ndarray) and values.dtype != object and values.dtype.kind in "iu":
        if values.dtype.kind == "u" and values.dtype.itemsize == 8 and len(values) and int(values.max()) >= 2**63:
            return _object_array(values.tolist())
        array = values.astype(np.int64)
        # float64 carries the sum to a relative 1e-9, far inside the factor 2 that is kept free below int64's limit.
        fits = float(np.abs(array.astype(np.float64)).sum()) < INT64_SAFE
        return array if fits else _object_array(array.tolist())
    items = [int(value) for value in values]
    if sum(abs(item) for item in items) < INT64_SAFE:
        return np.array(items, dtype=np.int64)
    return _object_array(items)


def _object_array(items: Sequence[int]) -> np.ndarray:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def scale_to_integers(values: Iterable[Any] | np.ndarray) -> tuple[IntArray, int]:
    """Bring numbers to integers over their least common denominator.

    Parameters
    ----------
    values : iterable of numbers, or ndarray
        Anything :func:`parse_number` reads. Integer arrays, float arrays and columns of short decimal literals take a
        vectorised path that gives the same result.

    Returns
    -------
    (ndarray, int)
        Integers (``int64`` or object) and the common denominator: ``values[i] == integers[i] / denominator``.

    Raises
    ------
    InputError
        As :func:`parse_number`; ``row`` holds the position. Also if the common denominator has more than 8192 bits.
    """
    if isinstance(values, np.ndarray) and values.dtype != object and values.dtype.kind in "iu":
        return integer_array(values), 1
    if not isinstance(values, np.ndarray | Sequence):
        values = list(values)
    if len(values) >= 256 and (fast := _scale_decimals(values)) is not None:
        return fast
    fractions: list[Fraction] = []
    for position, value in enumerate(values):
        try:
            fractions.append(parse_number(value))
        except InputError as error:
            raise InputError(error.message, row=str(position)) from None
    denominator = 1
    for fraction in fractions:
        denominator = math.lcm(denominator, fraction.denominator)
        if denominator.bit_length() > _MAX_DENOMINATOR_BITS:
            raise InputError(f"the numbers have no common denominator below 2**{_MAX_DENOMINATOR_BITS}")
    return integer_array([f.numerator * (denominator // f.denominator) for f in fractions]), denominator


def _scale_decimals(values: Sequence[Any] | np.ndarray) -> tuple[IntArray, int] | None:
    """Scale short decimals at array speed, or return None where the exact path has to do it.

    A decimal of at most 15 significant digits and ``d`` places is ``k / 10**d`` with ``k < 2**50``: its double is within
    a relative 2**-53, so rounding ``x * 10**d`` recovers ``k``; dividing back confirms it. No other decimal of at most
    15 digits shares that double, so this is also the shortest literal that reads back as it.
    """
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        floats = values
    elif all(type(value) is float for value in values):
        floats = np.array(values, dtype=np.float64)
    elif all(isinstance(value, str) for value in values):
        # An array of texts ends them at a NUL; the exact path refuses it.
        if "\0" in "".join(values):
            return None
        texts = np.array(values, dtype=str)
        if texts.dtype.itemsize > 4 * 17:
            return None
        # Digits and a point only: signs, exponents, ratios and non-numbers are left to the exact path.
        codes = texts.view(np.uint32).reshape(len(texts), -1)
        if not np.all(((codes >= 48) & (codes <= 57)) | (codes == 46) | (codes == 0)) or not np.all(codes[:, 0]):
            return None
        points = (codes == 46).sum(axis=1)
        if points.max() > 1 or np.any(points == np.char.str_len(texts)):
            return None
        floats = texts.astype(np.float64)
    else:
        return None
    if not len(floats) or not np.all(np.isfinite(floats)):
        return None
    for places in range(10):
        scale = 10**places
        scaled = np.rint(floats * scale)
        if np.abs(scaled).max() >= 1e15:
            return None
        if np.array_equal(scaled / scale, floats):
            integers = scaled.astype(np.int64)
            common = math.gcd(scale, int(np.gcd.reduce(integers)))
            return integer_array(integers // common), scale // common
    return None


def rescale(values: IntArray, denominator: int, target: int) -> IntArray:
    """Re-express integers over ``denominator`` as integers over ``target``, a multiple of it."""
    factor = target // denominator
    if factor == 1:
        return values
    if values.dtype != object and factor < INT64_SAFE:
        total = float(np.abs(values.astype(np.float64)).sum())
        if total * factor < INT64_SAFE:
            return values * factor
    return integer_array([int(value) * factor for value in values])

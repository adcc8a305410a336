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
from numbers import Rational
from typing import Any

import numpy as np

from .input_error import InputError
from .text_columns import TextColumn

__all__ = [
    "FLOAT_BITS",
    "INT64_SAFE",
    "IntArray",
    "common_divisor",
    "exact_sum",
    "format_exact",
    "integer_array",
    "integer_columns",
    "linear_combination",
    "parse_integer",
    "parse_number",
    "python_integers",
    "rescale",
    "rounded",
    "scale_to_integers",
]

IntArray = np.ndarray
"""An integer array: dtype ``int64`` or, where that could overflow, ``object`` holding Python integers."""

INT64_SAFE = 2**62
"""Arrays are ``int64`` only while the sum of the absolute values stays below this."""

FLOAT_BITS = 400
"""Integers with more bits are scaled down for floating point, far below where a product of two would overflow."""

_LITERAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_RATIO = re.compile(r"[+-]?\d+/\d+\Z", re.ASCII)
_MAX_DIGITS = 1000
_MAX_EXPONENT = 400
_MAX_DENOMINATOR_BITS = 8192
_MOST_DIGITS = 4000
"""Python turns no longer integers into text at once."""


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
        For anything that is not a finite number, for literals with more than 1000 digits or an exponent beyond 400, and for integers
        and fractions of more than 8192 bits.
    """
    if isinstance(value, bool | np.bool_):
        raise InputError(f"expected a number, got {value}")
    if isinstance(value, Rational):
        numerator, denominator = int(value.numerator), int(value.denominator)
        if max(numerator.bit_length(), denominator.bit_length()) > _MAX_DENOMINATOR_BITS:
            raise InputError(f"numerator and denominator have to stay below 2**{_MAX_DENOMINATOR_BITS}")
        return Fraction(numerator, denominator)
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
    return _digits(value.numerator) + ("" if value.denominator == 1 else f"/{_digits(value.denominator)}")


def _digits(number: int) -> str:
    """Write an integer of any length in decimal digits."""
    if number < 0:
        return f"-{_digits(-number)}"
    if number.bit_length() < 3 * _MOST_DIGITS:
        return str(number)
    high, low = divmod(number, 10**_MOST_DIGITS)
    return _digits(high) + str(low).rjust(_MOST_DIGITS, "0") if high else str(low)


def exact_sum(values: IntArray) -> int:
    """Sum integers as one Python integer: nothing overflows, whatever their number, size and shape."""
    if values.dtype == object:
        return int(sum(values.ravel().tolist()))
    if values.size and _largest(values) >= INT64_SAFE // values.size:
        high = values >> 32
        return (int(high.sum()) << 32) + int((values - (high << 32)).sum())
    return int(values.sum())


def common_divisor(values: IntArray) -> int:
    """Return the greatest common divisor of the entries: 0 if all are 0 or there are none. Once it is 1, nothing more is read."""
    divisor = 0
    for start in range(0, len(values), 1024):
        divisor = math.gcd(divisor, int(np.gcd.reduce(values[start : start + 1024])))
        if divisor == 1:
            break
    return divisor


def integer_array(values: Sequence[int] | np.ndarray) -> IntArray:
    """Pack integers: ``int64`` if the sum of absolute values is below 2**62, else Python integers.

    This is the one rule for a column. Whatever its entries are, the sum of any of them is then exact.

    Parameters
    ----------
    values : sequence of int, or ndarray of integers or Python integers, of any shape

    Returns
    -------
    ndarray of int64 or object
        `values` itself if it is packed already.
    """
    if not isinstance(values, np.ndarray):
        items = [int(value) for value in values]
        small = sum(abs(item) for item in items) < INT64_SAFE
        return np.array(items, dtype=np.int64) if small else _object_array(items)
    if not values.size:
        return np.zeros(values.shape, dtype=np.int64)
    if values.dtype == object:
        small = sum(abs(int(item)) for item in values.ravel().tolist()) < INT64_SAFE
        return values.astype(np.int64) if small else values
    if values.dtype.kind not in "iub":
        raise TypeError(f"integers expected, got an array of {values.dtype}")
    # float64 carries the sum to a relative 1e-9, far inside the factor 2 that is kept free below int64's limit.
    if _largest(values) * values.size < INT64_SAFE or float(np.abs(values.astype(np.float64)).sum()) < INT64_SAFE:
        return values.astype(np.int64, copy=False)
    return python_integers(values)


def python_integers(values: IntArray) -> np.ndarray:
    """Return an integer array with Python integers as entries, on which arithmetic cannot overflow."""
    return values if values.dtype == object else _object_array(values.ravel().tolist()).reshape(values.shape)


def integer_columns(*columns: Sequence[int] | np.ndarray) -> tuple[IntArray, ...]:
    """Pack columns that meet in one expression: all of them ``int64``, or all Python integers.

    numpy computes ``int64 * int`` in 64 bits and ``object * int`` exactly: code that asks one column for its type and then
    multiplies another one wraps silently. An instance's constructor calls this once, so that its columns are of one type.

    Parameters
    ----------
    *columns : sequence of int, or integer ndarray
        Each as for :func:`integer_array`.

    Returns
    -------
    tuple of ndarray
        ``int64`` if every column fits, else all of Python integers.
    """
    packed = [integer_array(column) for column in columns]
    if any(column.dtype == object for column in packed):
        packed = [python_integers(column) for column in packed]
    return tuple(packed)


def linear_combination(*terms: tuple[int, IntArray]) -> IntArray:
    """Add up integer arrays of one shape, each times an integer, exactly.

    Parameters
    ----------
    *terms : (int, integer ndarray)

    Returns
    -------
    ndarray of int64 or object
        ``int64`` only where every entry is certain to be below 2**60: four of them may be added or subtracted. A sum over many
        of them needs :func:`exact_sum`.
    """
    reaches = [abs(factor) * _largest(column) if column.size else 0 for factor, column in terms]
    fits = 4 * sum(reaches) < INT64_SAFE and all(column.dtype != object for _, column in terms)
    total = np.zeros(terms[0][1].shape, dtype=np.int64 if fits else object)
    for (factor, column), reach in zip(terms, reaches, strict=True):
        # A factor of any size may stand at zeros.
        if reach:
            total += (column if fits else python_integers(column)) * factor
    return total


def rounded(values: IntArray) -> tuple[np.ndarray, int]:
    """Return integers of any size in floating point.

    Parameters
    ----------
    values : integer ndarray

    Returns
    -------
    floats : ndarray of float64
        ``values / 2**shift``, rounded: products of two are finite, and zero may stand for what is far below the largest.
    shift : int
        0 unless the values have more than 400 bits.
    """
    bits = _largest(values).bit_length() if values.dtype == object and values.size else 0
    shift = max(0, bits - FLOAT_BITS)
    return (values >> shift if shift else values).astype(np.float64), shift


def _largest(values: np.ndarray) -> int:
    """Return the largest absolute value; there is at least one."""
    return max(int(values.max()), -int(values.min()))


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
        # A copy: the caller's array stays the caller's.
        return integer_array(values.copy()), 1
    if not isinstance(values, np.ndarray | Sequence):
        values = list(values)
    if len(values) >= 256 and (fast := _scale_decimals(values)) is not None:
        return fast
    if isinstance(values, TextColumn):
        values = values.tolist()
    if not isinstance(values, np.ndarray) and set(map(type, values)) == {int}:
        # Whole numbers are what they are scaled to; one that is too long is named below.
        whole = list(values)
        if max(max(whole), -min(whole)).bit_length() <= _MAX_DENOMINATOR_BITS:
            return integer_array(whole), 1
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

    Texts are read digit by digit. A float stands for the shortest literal that reads back as it: a decimal of at most 15 significant
    digits and ``d`` places is ``k / 10**d`` with ``k < 2**50``, its double is within a relative 2**-53, so rounding ``x * 10**d``
    recovers ``k``, and dividing back confirms it. No other decimal of at most 15 digits shares that double.
    """
    if not len(values):
        return None
    if not isinstance(values, np.ndarray) and (texts := _texts(values)) is not None:
        found = texts.decimals()
        return None if found is None else _cancelled(*found)
    if isinstance(values, np.ndarray) and values.dtype == np.float64:
        floats = values
    elif not isinstance(values, np.ndarray) and set(map(type, values)) == {float}:
        floats = np.array(values, dtype=np.float64)
    else:
        return None
    for places in range(10):
        scale = 10**places
        scaled = np.rint(floats * scale)
        if np.abs(scaled).max() >= 1e15:
            return None
        if np.array_equal(scaled / scale, floats):
            return _cancelled(scaled.astype(np.int64), scale)
    return None


def _cancelled(integers: np.ndarray, denominator: int) -> tuple[IntArray, int]:
    """Cancel what divides the integers and their denominator."""
    divisor = math.gcd(denominator, common_divisor(integers))
    return integer_array(integers // divisor), denominator // divisor


def _texts(values: Sequence[Any]) -> TextColumn | None:
    """Return a column of texts side by side; None if it is not all texts."""
    if isinstance(values, TextColumn):
        return values
    return TextColumn.of(values) if all(issubclass(kind, str) for kind in set(map(type, values))) else None


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

"""Every function of the certified arithmetic against mpmath's plain numbers at 60 digits or more: the value is inside, and little else."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import pytest
from campaign import some
from fedmech.models.sharing.expression import CertifiedArithmetic, OutsideDomain
from mpmath.libmp import to_rational

BITS = (53, 96, 256)

SPECIAL = [
    Fraction(0),
    Fraction(1),
    Fraction(1, 3),
    Fraction(3, 2),
    Fraction(355, 113),
    1 + Fraction(1, 2**60),
    1 - Fraction(1, 10**40),
    Fraction(2**53 + 1),
    Fraction(10**300 + 7, 3),
    Fraction(1, 10**300),
    Fraction(7, 10**4000),
    Fraction(10**4000),
    Fraction(3, 2 * 134217727),
]

OPERATIONS: dict[str, Callable[[CertifiedArithmetic, Any, Any], Any]] = {
    "+": lambda arithmetic, a, b: a + b,
    "-": lambda arithmetic, a, b: a - b,
    "*": lambda arithmetic, a, b: a * b,
    "/": lambda arithmetic, a, b: arithmetic.divide(a, b),
}


def numbers(seed: int, count: int) -> list[Fraction]:
    """Special numbers of both signs, and random ones of every size."""
    draw = random.Random(seed)
    found = [sign * x for x in SPECIAL for sign in (1, -1)]
    for _ in range(count):
        size = 2 ** draw.randint(1, 130)
        found.append(Fraction(draw.randint(-size, size), draw.randint(1, 2 ** draw.randint(1, 130))))
    return found


def digits(bits: int) -> int:
    """At least 60, and twice what an interval has."""
    return max(60, bits * 2 // 3)


def plain(x: Fraction) -> Any:
    return mpmath.mpf(x.numerator) / x.denominator


def ends(x: Any) -> tuple[Any, Any]:
    low, high = (mpmath.make_mpf(end) for end in x._mpi_)
    return low, high


def exact_ends(x: Any) -> tuple[Fraction, Fraction]:
    low, high = (Fraction(*map(int, to_rational(end))) for end in x._mpi_)
    return low, high


def close(interval: Any, value: Any, places: int) -> bool:
    """Whether the interval holds the value and reaches no further than so many of its last places."""
    low, high = ends(interval)
    return low <= value <= high and high - low <= abs(value) * mpmath.mpf(2) ** -places


@pytest.mark.parametrize("bits", BITS)
def test_numbers(bits: int) -> None:
    arithmetic = CertifiedArithmetic(bits)
    for x in numbers(bits, 500):
        low, high = exact_ends(arithmetic.number(x))
        assert low <= x <= high
        assert high - low <= abs(x) / 2 ** (bits - 3)
        # What a mantissa of so many bits can hold is not widened.
        if x.denominator & (x.denominator - 1) == 0 and abs(x.numerator).bit_length() <= bits:
            assert low == high


@pytest.mark.parametrize("bits", BITS)
def test_sums_differences_products_and_quotients(bits: int) -> None:
    arithmetic = CertifiedArithmetic(bits)
    pairs = list(product(numbers(0, 0), repeat=2))
    pairs += zip(numbers(1, 800), numbers(2, 800), strict=True)
    exact = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}
    for x, y in pairs:
        a, b = arithmetic.number(x), arithmetic.number(y)
        for sign, operation in OPERATIONS.items():
            if sign == "/" and y == 0:
                continue
            low, high = exact_ends(operation(arithmetic, a, b))
            value = exact[sign](x, y)
            assert low <= value <= high, (sign, x, y)
            size = abs(x) + abs(y) if sign in "+-" else abs(value)
            assert high - low <= size / 2 ** (bits - 5), (sign, x, y)


@pytest.mark.parametrize("bits", BITS)
def test_operations_on_wide_intervals(bits: int) -> None:
    """Of all pairs inside, the extreme results are those of ends; they are enclosed, and hardly exceeded."""
    arithmetic, draw = CertifiedArithmetic(bits), random.Random(bits)
    exact = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}
    points = [x for x in numbers(5, 60) if x.denominator < 10**60 and abs(x) < 10**60]
    for _ in range(600):
        (p, q), (r, s) = (sorted(draw.choices(points, k=2)) for _ in range(2))
        a = arithmetic.context.mpf([arithmetic.number(p).a, arithmetic.number(q).b])
        b = arithmetic.context.mpf([arithmetic.number(r).a, arithmetic.number(s).b])
        for sign, operation in OPERATIONS.items():
            if sign == "/" and r <= 0 <= s:
                with pytest.raises(OutsideDomain):
                    operation(arithmetic, a, b)
                continue
            corners = [exact[sign](x, y) for x in (p, q) for y in (r, s)]
            low, high = exact_ends(operation(arithmetic, a, b))
            slack = max(map(abs, (p, q, r, s, *corners))) / 2 ** (bits - 4)
            assert min(corners) - slack <= low <= min(corners), (sign, p, q, r, s)
            assert max(corners) <= high <= max(corners) + slack, (sign, p, q, r, s)


@pytest.mark.parametrize("bits", BITS)
def test_integer_powers(bits: int) -> None:
    arithmetic = CertifiedArithmetic(bits)
    for x in numbers(bits + 1, some(48)):
        for n in (-64, -3, -2, -1, 0, 1, 2, 3, 5, 7, 16, 63, 64):
            if x == 0 and n < 0:
                with pytest.raises(OutsideDomain):
                    arithmetic.power(arithmetic.number(x), n)
                continue
            low, high = exact_ends(arithmetic.power(arithmetic.number(x), n))
            assert low <= x**n <= high, (x, n)
            assert high - low <= abs(x**n) * (abs(n) + 2) / 2 ** (bits - 3), (x, n)


@pytest.mark.parametrize("bits", BITS)
def test_powers_of_intervals_around_zero(bits: int) -> None:
    arithmetic = CertifiedArithmetic(bits)
    for low, high in ((-3, 2), (-2, 3), (-3, 0), (0, 3), (-5, -2)):
        x = arithmetic.context.mpf([low, high])
        for n in (1, 2, 3, 4, 64):
            values = [low**n, high**n, *([0] if low <= 0 <= high else [])]
            # Powers as small as these are exact.
            assert n == 64 or exact_ends(arithmetic.power(x, n)) == (min(values), max(values))
            enclosed = exact_ends(arithmetic.power(x, n))
            assert enclosed[0] <= min(values) <= max(values) <= enclosed[1]
            assert enclosed[0] >= 0 or n % 2


@pytest.mark.parametrize("bits", BITS)
def test_roots(bits: int) -> None:
    arithmetic = CertifiedArithmetic(bits)
    for x in numbers(bits + 2, 800):
        if x < 0:
            with pytest.raises(OutsideDomain):
                arithmetic.sqrt(arithmetic.number(x))
            continue
        low, high = exact_ends(arithmetic.sqrt(arithmetic.number(x)))
        assert low >= 0
        assert low**2 <= x <= high**2
        assert high - low <= high / 2 ** (bits - 3)
    assert exact_ends(arithmetic.sqrt(arithmetic.number(Fraction(49, 4)))) == (Fraction(7, 2), Fraction(7, 2))
    with pytest.raises(OutsideDomain):
        arithmetic.sqrt(arithmetic.context.mpf([-1, 4]))


@pytest.mark.parametrize("bits", BITS)
def test_exponentials(bits: int) -> None:
    arithmetic = CertifiedArithmetic(bits)
    with mpmath.workdps(digits(bits) + 30):
        for x in numbers(bits + 3, 500):
            if abs(x) > 10**6:
                continue
            value = mpmath.exp(plain(x))
            # The error of the argument is multiplied by the argument.
            assert close(arithmetic.exp(arithmetic.number(x)), value, bits - 6 - int(abs(x) + 1).bit_length()), x
        for low, high in ((-3, 2), (0, 1), (-1000, -999)):
            below, above = ends(arithmetic.exp(arithmetic.context.mpf([low, high])))
            assert 0 < below <= mpmath.exp(low) < below * (1 + mpmath.mpf(2) ** (6 - bits))
            assert above * (1 - mpmath.mpf(2) ** (6 - bits)) < mpmath.exp(high) <= above


@pytest.mark.parametrize("bits", BITS)
def test_logarithms(bits: int) -> None:
    arithmetic = CertifiedArithmetic(bits)
    with mpmath.workdps(digits(bits) + 30):
        for x in numbers(bits + 4, 500):
            if x <= 0:
                with pytest.raises(OutsideDomain):
                    arithmetic.log(arithmetic.number(x))
                continue
            value = mpmath.log(plain(x))
            low, high = ends(arithmetic.log(arithmetic.number(x)))
            assert low <= value <= high, x
            # The error of the argument is divided by the argument, however small the logarithm is.
            assert high - low <= (abs(value) + 1) * mpmath.mpf(2) ** (6 - bits), x
        below, above = ends(arithmetic.log(arithmetic.context.mpf([2, 3])))
        assert below <= mpmath.log(2) < below * (1 + mpmath.mpf(2) ** (6 - bits))
        assert above * (1 - mpmath.mpf(2) ** (6 - bits)) < mpmath.log(3) <= above
    assert exact_ends(arithmetic.log(arithmetic.number(Fraction(1)))) == (0, 0)
    with pytest.raises(OutsideDomain):
        arithmetic.log(arithmetic.context.mpf([0, 1]))


def test_results_with_a_long_run_of_equal_bits_are_enclosed() -> None:
    """Close to 1 the exponential and the logarithm nearly fit in the mantissa: where mpmath rounds what was rounded before."""
    for bits in (53, 64, 96, 128):
        arithmetic = CertifiedArithmetic(bits)
        with mpmath.workprec(6 * bits + 100):
            for k in range(bits // 3, 2 * bits, 3):
                for sign in (1, -1):
                    x = Fraction(sign, 2**k)
                    low, high = ends(arithmetic.exp(arithmetic.number(x)))
                    assert low <= mpmath.exp(plain(x)) <= high
                    low, high = ends(arithmetic.log(arithmetic.number(1 + x)))
                    assert low <= mpmath.log(1 + plain(x)) <= high
                    for n in (3, 5, 64):
                        below, above = exact_ends(arithmetic.power(arithmetic.number(1 + x), n))
                        assert below <= (1 + x) ** n <= above

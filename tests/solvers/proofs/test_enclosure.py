"""Intervals of the checker: the truth is always inside, and every rounding outwards is needed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from fedmech.models.sharing.expression import Num, Pow, Var, parse
from fedmech.solvers.proofs.enclosure import EXACT, Interval, Rounding, Unbounded, series
from hypothesis import given, settings
from hypothesis import strategies as st

FEW, MANY = Rounding(3), Rounding(40)
"""With three digits nearly every result is rounded, so that a rounding in the wrong direction shows at once."""

numbers = st.builds(
    lambda sign, digits, exponent: sign * Decimal(digits).scaleb(exponent),
    st.sampled_from([-1, 1]),
    st.integers(0, 999),
    st.sampled_from([-400, -20, -3, -2, -1, 0, 1, 2, 20, 400]),
)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Intervals whose ends have three digits."""
    low, high = sorted((draw(numbers), draw(numbers)))
    if draw(st.booleans()):
        high = low
    return Interval(FEW, low, high)


def inside(value: Fraction, interval: Interval) -> bool:
    return Fraction(interval.low) <= value <= Fraction(interval.high)


def corners(a: Interval, b: Interval) -> list[tuple[Fraction, Fraction]]:
    middle = (Fraction(a.low) + Fraction(a.high)) / 2, (Fraction(b.low) + Fraction(b.high)) / 2
    return [middle, *((Fraction(x), Fraction(y)) for x in (a.low, a.high) for y in (b.low, b.high))]


@settings(max_examples=400, deadline=None)
@given(intervals(), intervals())
def test_the_four_operations_enclose(a: Interval, b: Interval) -> None:
    total, difference, product = a + b, a - b, a * b
    for x, y in corners(a, b):
        assert inside(x + y, total)
        assert inside(x - y, difference)
        assert inside(x * y, product)
    if b.low <= 0 <= b.high:
        with pytest.raises(Unbounded):
            _ = a / b
    else:
        quotient = a / b
        assert all(inside(x / y, quotient) for x, y in corners(a, b))


@settings(max_examples=200, deadline=None)
@given(numbers, numbers)
def test_the_ends_of_a_single_result_are_neighbours(x: Decimal, y: Decimal) -> None:
    a, b = Interval(FEW, x, x), Interval(FEW, y, y)
    for result, exact in (
        (a + b, Fraction(x) + Fraction(y)),
        (a - b, Fraction(x) - Fraction(y)),
        (a * b, Fraction(x) * Fraction(y)),
    ):
        assert inside(exact, result)
        assert (
            result.low == result.high if Fraction(result.low) == exact else FEW.up.next_plus(result.low) == result.high
        )


@settings(max_examples=300, deadline=None)
@given(intervals(), st.integers(-5, 6))
def test_integer_powers_enclose(a: Interval, n: int) -> None:
    if n < 0 and a.low <= 0 <= a.high:
        with pytest.raises(Unbounded):
            a.power(n)
        return
    result = a.power(n)
    points = [Fraction(a.low), Fraction(a.high), (Fraction(a.low) + Fraction(a.high)) / 2]
    if a.low <= 0 <= a.high:
        points.append(Fraction(0))
    for x in points:
        assert inside(x**n, result)
    if n > 0 and n % 2 == 0:
        assert result.low >= 0


@settings(max_examples=300, deadline=None)
@given(st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=10**9))
def test_numbers_are_enclosed(value: Fraction) -> None:
    assert inside(value, FEW.number(value))
    assert inside(value, MANY.number(value))
    assert EXACT.number(value).low == EXACT.number(value).high == value


def mp(x: Decimal) -> Any:
    return mpmath.mpf(str(x))


@pytest.mark.parametrize("name", ["exp", "ln", "sqrt"])
@pytest.mark.parametrize("rounding", [FEW, MANY], ids=["3 digits", "40 digits"])
def test_functions_enclose_what_mpmath_says(name: str, rounding: Rounding) -> None:
    arguments = [Decimal(m).scaleb(e) for m in range(1, 200) for e in (-300, -40, -5, -2, -1, 0, 1)]
    arguments += [Decimal(1) + Decimal(m).scaleb(-30) for m in range(-5, 6)]
    if name == "exp":
        arguments += [-x for x in arguments] + [Decimal(0), Decimal("-1e6"), Decimal("-12345.678")]
    if name == "sqrt":
        arguments += [Decimal(0), Decimal("0.25"), Decimal(49)]
    functions = {"exp": mpmath.exp, "ln": mpmath.log, "sqrt": mpmath.sqrt}
    with mpmath.workdps(400):
        for x in arguments:
            argument = rounding.down.plus(x)
            result = getattr(Interval(rounding, argument, argument), name)()
            truth = functions[name](mp(argument))
            assert mp(result.low) <= truth <= mp(result.high), x
            if truth:
                assert mp(result.high) - mp(result.low) <= abs(truth) * mpmath.mpf(10) ** (
                    2 - (rounding.digits or 0)
                ), x


def test_a_function_rounded_to_nearest_would_not_enclose() -> None:
    """The results of `decimal` themselves lie on both sides of the truth: without a further step they enclose nothing."""
    sides = set()
    with mpmath.workdps(60):
        for m in range(1, 100):
            x = Decimal(m) / 10
            sides.add(mp(FEW.down.exp(x)) < mpmath.exp(mp(x)))
    assert sides == {True, False}


def test_what_has_no_bounds_is_refused() -> None:
    with pytest.raises(Unbounded):
        Interval(FEW, Decimal(0), Decimal(1)).ln()
    with pytest.raises(Unbounded):
        Interval(FEW, Decimal(-1), Decimal(1)).sqrt()
    with pytest.raises(Unbounded):
        EXACT.number(2).exp()
    for text in ("exp(exp(exp(eps*100)))", "1/eps", "log(eps - 1)", "eps**eps"):
        with pytest.raises(Unbounded):
            series(parse(text, ("eps",)), Interval(MANY, Decimal(0), Decimal(1)), 2)
    # No file can say this; the checker does not rely on it.
    with pytest.raises(Unbounded):
        series(Pow(Num(Fraction(0)), Var("eps")), Interval(MANY, Decimal(0), Decimal(1)), 2)


FORMULAS = [
    "3/(eps + 1/10)",
    "(eps - 1/50)**(-2)",
    "(eps - 1/50)**(-1/2)",
    "(eps + 1)**(1/3)",
    "2*exp(-3/2*eps)",
    "2 - 3*eps**2",
    "(eps - 1/2)**3",
    "1/(1 + eps**4)",
    "log(1 + 1/eps)",
    "3 - sqrt(eps)",
    "1/(1 + exp(8*(eps - 1/2)))",
    "2**(-eps)",
    "(1 + eps)**(-eps)",
    "eps**(-64)",
    "(2*eps + 1)**3",
    "(eps**2/3 + 1)**(1/3)",
    "sqrt(1 + 3*eps**2)",
    "(1 - eps/4)**(-2)",
    "log(eps**2 + 1/3)**2",
    "exp(eps**2)**3",
]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("digits", [3, 40])
def test_values_and_derivatives_are_enclosed(text: str, digits: int) -> None:
    tree, rounding = parse(text, ("eps",)), Rounding(digits)
    truth = eval_with_mpmath(text)
    with mpmath.workdps(60):
        for low, high in (("0.1", "0.1"), ("0.3", "0.31"), ("0.2", "0.45"), ("0.45", "0.55"), ("0.9", "0.9")):
            at = Interval(rounding, Decimal(low), Decimal(high))
            coefficients = series(tree, at, 2)
            for point in (low, high, str((Decimal(low) + Decimal(high)) / 2)):
                taylor = mpmath.taylor(truth, mpmath.mpf(point), 2)
                for found, exact in zip(coefficients, taylor, strict=True):
                    # mpmath differentiates numerically, to half its digits.
                    slack = abs(exact) * mpmath.mpf(10) ** -25 + mpmath.mpf(10) ** -25
                    assert mp(found.low) - slack <= exact <= mp(found.high) + slack
            for order in (0, 1):
                shorter = series(tree, at, order)
                assert len(shorter) == order + 1
                assert (shorter[0].low, shorter[0].high) == (coefficients[0].low, coefficients[0].high)


def eval_with_mpmath(text: str):  # type: ignore[no-untyped-def]
    """The formula as a function of an mpmath number, by Python's own grammar."""
    names = {"exp": mpmath.exp, "log": mpmath.log, "sqrt": mpmath.sqrt, "mpf": mpmath.mpf}
    import re

    code = compile(re.sub(r"(?<![\w.])(\d+)", r"mpf(\1)", text), "formula", "eval")
    return lambda x: eval(code, {"__builtins__": {}}, {**names, "eps": x})


def test_rational_formulas_are_exact_without_rounding() -> None:
    for text, exact in (("3/(eps + 1/10)", Fraction(3)), ("eps**3 - eps/7", Fraction(729, 1000) - Fraction(9, 70))):
        value = series(parse(text, ("eps",)), EXACT.number(Fraction(9, 10)), 2)[0]
        assert value.low == value.high == exact


@pytest.mark.parametrize("rounding", [MANY, EXACT], ids=["40 digits", "exact"])
def test_powers_of_numbers_with_more_digits_than_python_keeps_by_itself(rounding: Rounding) -> None:
    """The sign of a decimal number is changed without rounding it to the 28 digits of the module's own context."""
    third = rounding.number(Fraction(1, 3))
    zero, one, two = (rounding.number(n) for n in range(3))
    for a in (
        zero - third,
        zero - (one + third),
        Interval(rounding, (zero - two).low, (zero - third).high),
        Interval(rounding, (zero - third).low, one.high),
        Interval(rounding, (zero - two).low, third.high),
        Interval(rounding, (zero - third).low, zero.high),
        Interval(rounding, zero.low, third.high),
    ):
        low, high = Fraction(a.low), Fraction(a.high)
        for n in range(7):
            result = a.power(n)
            ends = [low**n, high**n] + ([Fraction(0) ** n] if low <= 0 <= high else [])
            least, greatest = min(ends), max(ends)
            assert Fraction(result.low) <= least <= greatest <= Fraction(result.high)
            slack = 0 if rounding is EXACT else Fraction(1, 10**35)
            assert least - slack <= Fraction(result.low)
            assert Fraction(result.high) <= greatest + slack


def test_square_roots_are_defined_at_zero_and_closer_than_by_logarithms() -> None:
    at = Interval(MANY, Decimal(0), Decimal(4))
    for text in ("sqrt(eps)", "eps**(1/2)", "eps**(3/2)"):
        value = series(parse(text, ("eps",)), at, 0)[0]
        most = 8 if "3" in text else 2
        assert value.low <= 0
        assert most <= Fraction(value.high) <= most + Fraction(1, 10**30)
    for text in ("sqrt(eps)", "eps**(-1/2)", "log(eps)"):
        with pytest.raises(Unbounded):
            series(parse(text, ("eps",)), at, 1)


@settings(max_examples=200, deadline=None)
@given(intervals(), intervals())
def test_the_hull_of_two_intervals_is_the_least_around_both(a: Interval, b: Interval) -> None:
    found = a.hull(b)
    ends = [a.low, a.high, b.low, b.high]
    assert (found.low, found.high) == (min(ends), max(ends))


def test_the_first_power_is_its_base_even_around_zero() -> None:
    """``x^(p-2)`` has no bounds there, and is not asked for."""
    for low in (-1, 0):
        at = Interval(MANY, Decimal(low), Decimal(1))
        for text in ("eps", "eps**2", "3*eps - 1"):
            tree = parse(text, ("eps",))
            found, base = (series(each, at, 2) for each in (Pow(tree, Num(Fraction(1))), tree))
            assert [(x.low, x.high) for x in found] == [(x.low, x.high) for x in base]

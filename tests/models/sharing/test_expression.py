"""Formulas: what is read means what Python means, what is not read is refused, enclosures enclose."""

from __future__ import annotations

import random
import re
from fractions import Fraction

import mpmath
import pytest
import sympy
from drawing import Numbers, generators
from fedmech.models.input_error import InputError
from fedmech.models.sharing.expression import (
    LARGEST_POWER,
    CertifiedArithmetic,
    ExactArithmetic,
    ExpressionError,
    OutsideDomain,
    derivative,
    evaluate,
    is_rational,
    parse,
    size,
    to_sympy,
)
from fedmech.models.sharing.utility import Utility
from hypothesis import given, settings

RATIONAL = [
    "2 - 3*eps",
    "1/(eps + 1)**2",
    "-eps**2",
    "2**3**1 - -eps",
    "(1 + eps)/(2*eps + 1/3) - 0.1",
    "eps**-2",
    "+1e-2*eps",
]
REAL = ["exp(-2*eps)", "log(1 + 1/eps)", "sqrt(eps) - eps**(1/2)", "eps**0.3", "2**eps", "exp(-eps)/(1 + sqrt(eps))"]


@pytest.mark.parametrize("text", RATIONAL)
def test_rational_formulas_mean_what_python_means(text: str) -> None:
    tree = parse(text, ("eps",))
    assert is_rational(tree)
    for value in (Fraction(1, 3), Fraction(7), Fraction(-5, 2)):
        python = (
            text.replace("0.1", "Fraction(1, 10)").replace("1e-2", "Fraction(1, 100)").replace("1/3", "Fraction(1, 3)")
        )
        expected = eval(python, {"eps": value, "Fraction": Fraction})
        assert evaluate(tree, {"eps": value}, ExactArithmetic) == expected


@pytest.mark.parametrize("text", RATIONAL + REAL)
def test_derivatives_are_sympys(text: str) -> None:
    eps = sympy.Symbol("eps", positive=True)
    tree = parse(text, ("eps",))
    ours, theirs = to_sympy(derivative(tree, "eps"), {"eps": eps}), sympy.diff(to_sympy(tree, {"eps": eps}), eps)
    assert sympy.simplify(ours - theirs) == 0


@pytest.mark.parametrize("text", RATIONAL + REAL)
@settings(max_examples=50)
@given(draw=generators)
def test_enclosures_enclose(text: str, draw: Numbers) -> None:
    tree = parse(text, ("eps",))
    arithmetic, fine = CertifiedArithmetic(53), CertifiedArithmetic(200)
    point = Fraction(draw.randint(1, 10**6), draw.randint(1, 10**6))
    ends = [arithmetic.number(point * share) for share in (Fraction(999, 1000), Fraction(1001, 1000))]
    wide = evaluate(tree, {"eps": arithmetic.context.mpf([ends[0].a, ends[1].b])}, arithmetic)
    sharp = evaluate(tree, {"eps": fine.number(point)}, fine)
    assert wide.a <= sharp.b
    assert sharp.a <= wide.b
    if is_rational(tree):
        exact = fine.number(evaluate(tree, {"eps": point}, ExactArithmetic))
        assert wide.a <= exact.b
        assert exact.a <= wide.b


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "eps eps", "2 +", "(eps", "eps)", "exp eps", "exp()", "sin(eps)", "x", "eps.real", "eps[0]", "1 if eps else 2",
        "lambda: 1", "__import__('os').system('true')", "eps ** 1000", "2**-65", "eps**eps**", "1//2", "eps % 2", "'a'", "1e9999",
        "(" * 200 + "eps" + ")" * 200, "1+" * 600 + "1", "9" * 100, "1/0", "0.5.5", "1_000", "eps**1.00001", "\u00b2",
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text, ("eps",))


def test_powers_cannot_explode() -> None:
    for text in (
        "((((eps**64)**64)**64)**64)",
        "(((9**64)**64)**8)*eps",
        "((eps**64 + 1)**-64)",
        "*".join(["eps**60"] * 20),
    ):
        with pytest.raises(ExpressionError, match="multiply up"):
            parse(text, ("eps",))
    assert evaluate(parse("(eps**8)**8", ("eps",)), {"eps": Fraction(3, 2)}, ExactArithmetic) == Fraction(3, 2) ** 64


@pytest.mark.parametrize("function", ["exp", "log"])
@pytest.mark.parametrize("bits", [64, 96, 256])
def test_enclosures_enclose_to_the_last_place(function: str, bits: int) -> None:
    """mpmath's own intervals do not: at 96 bits, that of exp(-3/2 / 134217727) ends below the value."""
    draw, arithmetic = random.Random(bits), CertifiedArithmetic(bits)
    points = [Fraction(-3, 2 * 134217727), Fraction(1, 3), Fraction(1), Fraction(1 + 2**60, 2**60)]
    points += [draw.choice([-1, 1]) * Fraction(draw.randint(1, 10**9), 2 ** draw.randint(1, 120)) for _ in range(2000)]
    with mpmath.workprec(3 * bits + 200):
        for point in points:
            if function == "log" and point <= 0:
                continue
            value = getattr(mpmath, function)(mpmath.mpf(point.numerator) / point.denominator)
            ends = getattr(arithmetic, function)(arithmetic.number(point))
            low, high = (mpmath.make_mpf(end) for end in ends._mpi_)
            assert low <= value <= high, point
            assert high - low <= abs(value) * mpmath.mpf(2) ** (6 - bits) * (1 + abs(point)), point


def test_outside_the_domain_is_said_so() -> None:
    arithmetic = CertifiedArithmetic(64)
    for text in ("log(eps)", "sqrt(eps)", "1/(1 + eps)", "eps**0.5"):
        with pytest.raises(OutsideDomain):
            evaluate(parse(text, ("eps",)), {"eps": arithmetic.number(Fraction(-1))}, arithmetic)
    with pytest.raises(OutsideDomain):
        evaluate(parse("1/eps", ("eps",)), {"eps": Fraction(0)}, ExactArithmetic)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0**eps - eps", "a power that varies needs a base above 0"),
        ("(0-1)**eps", "a power that varies needs a base above 0"),
        ("log(0) - eps", "divides by zero"),
        ("*".join(["eps"] * 250), "its derivatives have more than 5,000 operations"),
        ("exp(" * 59 + "eps" + ")" * 59, "its derivatives have more than 5,000 operations"),
        ("٣ - eps", "unexpected '٣'"),
        ("1 - εps", "unexpected 'ε'"),
    ],
)
def test_formulas_that_are_refused_when_they_are_read(text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        Utility.read({"expression": text}, Fraction(1, 7), Fraction(1))


@pytest.mark.parametrize("exponent", [-64, -63, 63, 64, "63.5"])
def test_powers_at_the_limit_have_derivatives(exponent: object) -> None:
    utility = Utility.read({"expression": f"eps**({exponent})"}, Fraction(1, 7), Fraction(1))
    number = Fraction(str(exponent))
    wide = CertifiedArithmetic(96)
    found = evaluate(utility.curvature, {"eps": wide.number(Fraction(1))}, wide)
    wanted = wide.number(number * (number - 1))
    assert found.a <= wanted.b
    assert found.b >= wanted.a


def test_exponentials_beyond_all_memory() -> None:
    wide = CertifiedArithmetic(96)
    limit = Fraction(LARGEST_POWER)
    assert wide.exp(wide.number(limit)).a > 0
    with pytest.raises(OutsideDomain):
        wide.exp(wide.number(2 * limit))
    least = wide.exp(wide.number(-2 * limit))
    assert 0 == least.a < least.b < wide.exp(wide.number(1 - limit)).b
    tower = parse("exp(exp(exp(exp(exp(eps)))))", ("eps",))
    with pytest.raises(OutsideDomain):
        evaluate(tower, {"eps": wide.number(Fraction(1))}, wide)


def test_size_counts_what_is_evaluated() -> None:
    assert size(parse("eps", ("eps",))) == 1
    assert size(parse("eps*eps + exp(eps)", ("eps",))) == 6
    tree = parse("eps*eps*eps", ("eps",))
    assert size(derivative(tree, "eps")) == 9

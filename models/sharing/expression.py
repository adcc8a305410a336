"""Formulas a user writes, parsed into a small tree and never executed.

The grammar knows numbers, the variables it is told about, ``+ - * / **``, parentheses and ``exp``, ``log``, ``sqrt``.
A formula can be evaluated over any numbers that have these operations: ``Fraction`` (exact), mpmath's intervals
(certified to any precision), or what a search or a checker brings along.  Text, nesting, exponents and literals are limited, so no formula can exhaust time or memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

MAX_TEXT = 1_000
MAX_DEPTH = 60
MAX_DIGITS = 60
MAX_EXPONENT = 64
MAX_WEIGHT = 500
MAX_SIZE = 5_000
"""Operations of the longest formula that is evaluated, second derivatives included: a product of 250 factors has millions."""
LARGEST_POWER = 2**40
"""Exponentials of numbers beyond this are not computed: the exponents of theirs would fill the memory."""
FUNCTIONS = ("exp", "log", "sqrt")

_TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/()]))", re.ASCII
)


class ExpressionError(ValueError):
    """The formula cannot be read, or a limit is exceeded; the message says where."""


class OutsideDomain(ArithmeticError):
    """The formula has no real value at this point."""


@dataclass(frozen=True)
class Num:
    """An exact number."""

    value: Fraction


@dataclass(frozen=True)
class Var:
    """A variable."""

    name: str


@dataclass(frozen=True)
class Op:
    """A binary operation, one of ``+ - * /``."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Pow:
    """A power."""

    base: Node
    exponent: Node


@dataclass(frozen=True)
class Call:
    """One of the known functions."""

    name: str
    argument: Node


Node = Num | Var | Op | Pow | Call
ZERO, ONE = Num(Fraction(0)), Num(Fraction(1))


def parse(text: str, variables: tuple[str, ...]) -> Node:
    """Read a formula.

    Parameters
    ----------
    text : str
        For example ``"2 - 3*eps"``.  Numbers are exact: ``0.1`` is one tenth.
    variables : tuple of str
        The names the formula may use.

    Raises
    ------
    ExpressionError
        For anything outside the grammar or over a limit.
    """
    if not isinstance(text, str) or not text.strip():
        raise ExpressionError("an expression must be a non-empty text")
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"the expression is longer than {MAX_TEXT} characters")
    tree = _Parser(text, variables).read()
    if weight(tree) > MAX_WEIGHT:
        raise ExpressionError(f"the powers in {text!r} multiply up to more than {MAX_WEIGHT}")
    return tree


def weight(tree: Node) -> float:
    """How many times longer than a number put in the value can get, roughly: what powers of powers multiply up to."""
    match tree:
        case Num(value):
            return 1 + value.numerator.bit_length() / 64 + value.denominator.bit_length() / 64
        case Var():
            return 1
        case Op(_, left, right):
            return weight(left) + weight(right)
        case Pow(base, Num(p)):
            return weight(base) * max(1, abs(float(p)))
        case Pow(base, exponent):
            return weight(base) + weight(exponent)
        case Call(_, argument):
            return weight(argument)
    raise AssertionError(tree)


class _Parser:
    def __init__(self, text: str, variables: tuple[str, ...]):
        self.text, self.variables = text, variables
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                where = len(text) - len(text[position:].lstrip())
                raise ExpressionError(f"unexpected {text[where]!r} at position {where + 1} of {text!r}")
            kind = ("number", "name", "sign")[(match.lastindex or 1) - 1]
            self.tokens.append((kind, match.group(match.lastindex or 1)))
            position = match.end()
        self.at = 0
        self.depth = 0

    def read(self) -> Node:
        tree = self.sum()
        if self.at < len(self.tokens):
            raise ExpressionError(f"unexpected {self.tokens[self.at][1]!r} in {self.text!r}")
        return tree

    def peek(self) -> str | None:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else None

    def take(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise ExpressionError(f"{self.text!r} ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH}")
        tree = self.product()
        while (sign := self.peek()) in ("+", "-"):
            self.take()
            tree = operate(str(sign), tree, self.product())
        self.depth -= 1
        return tree

    def product(self) -> Node:
        tree = self.signed()
        while (sign := self.peek()) in ("*", "/"):
            self.take()
            tree = operate(str(sign), tree, self.signed())
        return tree

    def signed(self) -> Node:
        negative = False
        while (sign := self.peek()) in ("+", "-"):
            self.take()
            negative ^= sign == "-"
        tree = self.power()
        return operate("*", Num(Fraction(-1)), tree) if negative else tree

    def power(self) -> Node:
        base = self.atom()
        if self.peek() != "**":
            return base
        self.take()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH}")
        exponent = self.signed()
        self.depth -= 1
        return raise_to(base, exponent)

    def atom(self) -> Node:
        kind, text = self.take()
        if kind == "number":
            return Num(_literal(text))
        if kind == "name":
            if text in FUNCTIONS:
                if self.peek() != "(":
                    raise ExpressionError(f"{text} needs an argument in parentheses")
                return Call(text, self.parenthesis())
            if text not in self.variables:
                raise ExpressionError(f"unknown name {text!r}; known are {', '.join((*self.variables, *FUNCTIONS))}")
            return Var(text)
        if text == "(":
            self.at -= 1
            return self.parenthesis()
        raise ExpressionError(f"unexpected {text!r} in {self.text!r}")

    def parenthesis(self) -> Node:
        self.take()
        tree = self.sum()
        if self.take()[1] != ")":
            raise ExpressionError(f"a parenthesis is not closed in {self.text!r}")
        return tree


def _literal(text: str) -> Fraction:
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 4 or abs(int(exponent or 0)) > MAX_DIGITS:
        raise ExpressionError(f"the number {text[:20]}... has too many digits")
    return Fraction(text if text[-1] != "." else text + "0")


def operate(sign: str, left: Node, right: Node) -> Node:
    """Join two trees by ``+ - * /``, folding numbers and the neutral elements."""
    if isinstance(left, Num) and isinstance(right, Num) and not (sign == "/" and right.value == 0):
        a, b = left.value, right.value
        value = a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b
        if max(value.numerator.bit_length(), value.denominator.bit_length()) <= 4_096:
            return Num(value)
    if sign == "+" and left == ZERO:
        return right
    if sign in "+-" and right == ZERO:
        return left
    if sign in "*/" and right == ONE:
        return left
    if sign == "*" and left == ONE:
        return right
    if sign == "*" and ZERO in (left, right):
        return ZERO
    if sign == "/" and right == ZERO:
        raise ExpressionError("the expression divides by zero")
    return Op(sign, left, right)


def raise_to(base: Node, exponent: Node, *, most: int = MAX_EXPONENT) -> Node:
    """A power; constant exponents are at most `most` in size, and a number that is raised to a varying power is positive."""
    if isinstance(exponent, Num):
        if abs(exponent.value) > most or exponent.value.denominator > 10_000:
            raise ExpressionError(f"the exponent {exponent.value} is out of range (at most {most})")
        if exponent.value == 0:
            return ONE
        if exponent.value == 1:
            return base
        if isinstance(base, Num) and exponent.value.denominator == 1 and (base.value or exponent.value > 0):
            value = base.value ** int(exponent.value)
            if max(value.numerator.bit_length(), value.denominator.bit_length()) <= 4_096:
                return Num(value)
    elif isinstance(base, Num) and base.value <= 0:
        raise ExpressionError("a power that varies needs a base above 0")
    return Pow(base, exponent)


def size(tree: Node) -> int:
    """How many operations evaluate the tree, parts that stand in it twice counted twice."""
    known: dict[int, int] = {}

    def count(node: Node) -> int:
        if id(node) not in known:
            match node:
                case Op(_, left, right) | Pow(left, right):
                    known[id(node)] = 1 + count(left) + count(right)
                case Call(_, argument):
                    known[id(node)] = 1 + count(argument)
                case _:
                    known[id(node)] = 1
        return known[id(node)]

    return count(tree)


def is_rational(tree: Node) -> bool:
    """Whether rational variables always give a rational value."""
    match tree:
        case Num() | Var():
            return True
        case Op(_, left, right):
            return is_rational(left) and is_rational(right)
        case Pow(base, exponent):
            return is_rational(base) and isinstance(exponent, Num) and exponent.value.denominator == 1
        case Call():
            return False


def derivative(tree: Node, name: str) -> Node:
    """The derivative with respect to the variable ``name``, as another tree; exponents may pass their limit by some steps."""
    match tree:
        case Num():
            return ZERO
        case Var(other):
            return ONE if other == name else ZERO
        case Op("*", left, right):
            return operate(
                "+",
                operate("*", derivative(left, name), right),
                operate("*", left, derivative(right, name)),
            )
        case Op("/", left, right):
            first = operate("/", derivative(left, name), right)
            inner = derivative(right, name)
            if inner == ZERO:
                return first
            squared = raise_to(right, Num(Fraction(2)))
            return operate("-", first, operate("/", operate("*", left, inner), squared))
        case Op(sign, left, right):
            return operate(sign, derivative(left, name), derivative(right, name))
        case Pow(base, Num(p)):
            lower = raise_to(base, Num(p - 1), most=MAX_EXPONENT + 8)
            return operate("*", operate("*", Num(p), lower), derivative(base, name))
        case Pow(base, exponent):
            inner = operate("*", exponent, Call("log", base))
            return operate("*", tree, derivative(inner, name))
        case Call("exp", argument):
            return operate("*", tree, derivative(argument, name))
        case Call("log", argument):
            return operate("/", derivative(argument, name), argument)
        case Call(_, argument):
            return operate("/", derivative(argument, name), operate("*", Num(Fraction(2)), tree))
    raise AssertionError(tree)


def evaluate(tree: Node, values: Mapping[str, Any], arithmetic: Any) -> Any:
    """The value of the formula.

    Parameters
    ----------
    tree : Node
        A parsed formula.
    values : mapping of str to number
        One value per variable, all of the arithmetic's own kind.
    arithmetic : object
        Supplies ``number(Fraction)``, ``power(x, n)`` for integer ``n``, ``exp``, ``log`` and ``sqrt``; the four basic
        operations are the numbers' own.

    Raises
    ------
    OutsideDomain
        Where the formula has no real value (a division by zero, a logarithm of a negative number).
    """
    match tree:
        case Num(value):
            return arithmetic.number(value)
        case Var(name):
            return values[name]
        case Op(sign, left, right):
            a, b = evaluate(left, values, arithmetic), evaluate(right, values, arithmetic)
            if sign == "+":
                return a + b
            if sign == "-":
                return a - b
            if sign == "*":
                return a * b
            return arithmetic.divide(a, b)
        case Pow(base, Num(p)):
            value = evaluate(base, values, arithmetic)
            if p.denominator == 1:
                return arithmetic.power(value, int(p))
            if p.denominator == 2:
                return arithmetic.power(arithmetic.sqrt(value), int(p.numerator))
            return arithmetic.exp(arithmetic.number(p) * arithmetic.log(value))
        case Pow(base, exponent):
            logarithm = arithmetic.log(evaluate(base, values, arithmetic))
            return arithmetic.exp(evaluate(exponent, values, arithmetic) * logarithm)
        case Call(name, argument):
            return getattr(arithmetic, name)(evaluate(argument, values, arithmetic))
    raise AssertionError(tree)


class ExactArithmetic:
    """Evaluation in ``Fraction``; only for formulas that :func:`is_rational` accepts."""

    @staticmethod
    def number(value: Fraction) -> Fraction:
        """The number itself."""
        return value

    @staticmethod
    def divide(a: Fraction, b: Fraction) -> Fraction:
        """The exact quotient."""
        if b == 0:
            raise OutsideDomain("division by zero")
        return a / b

    @staticmethod
    def power(x: Fraction, n: int) -> Fraction:
        """An exact integer power."""
        if x == 0 and n < 0:
            raise OutsideDomain("division by zero")
        return x**n


class CertifiedArithmetic:
    """Evaluation in mpmath's intervals at a chosen precision: the true value lies inside the result.

    Parameters
    ----------
    bits : int
        Working precision.
    """

    def __init__(self, bits: int):
        from mpmath.ctx_iv import MPIntervalContext

        self.context: Any = MPIntervalContext()
        self.context.prec = bits
        # mpmath rounds an exponential outward that it computed with a few bits more, so that an end can fall short of the value by
        # a small part of its last place; four places more enclose it.
        self.around: Any = 1 + self.context.mpf([-1, 1]) * self.context.mpf(2) ** (2 - bits)

    def number(self, value: Fraction) -> Any:
        """An interval around an exact number."""
        if value.denominator == 1:
            return self.context.mpf(value.numerator)
        return self.context.mpf(value.numerator) / self.context.mpf(value.denominator)

    def divide(self, a: Any, b: Any) -> Any:
        """A quotient; a divisor that may be zero is refused."""
        if b.a <= 0 <= b.b:
            raise OutsideDomain("division by a number that may be zero")
        return a / b

    def power(self, x: Any, n: int) -> Any:
        """An integer power."""
        if n < 0:
            return self.divide(self.context.mpf(1), self.power(x, -n))
        return x**n

    def exp(self, x: Any) -> Any:
        """The exponential, of numbers whose exponential can be written down."""
        if not (x.b <= LARGEST_POWER and x.a >= -LARGEST_POWER):
            if not x.b <= LARGEST_POWER:
                raise OutsideDomain("exponential of a number that may be too large")
            # Between 0 and the exponential of the upper end, which is no less than that of the limit.
            upper = self.context.exp(max(x.b, self.context.mpf(-LARGEST_POWER))) * self.around
            return self.context.mpf([0, upper.b])
        return self.context.exp(x) * self.around

    def log(self, x: Any) -> Any:
        """The logarithm of a positive number."""
        if not x.a > 0:
            raise OutsideDomain("logarithm of a number that may not be positive")
        return self.context.log(x) * self.around

    def sqrt(self, x: Any) -> Any:
        """The square root of a non-negative number."""
        if x.a < 0:
            raise OutsideDomain("square root of a number that may be negative")
        return self.context.sqrt(x)


def to_sympy(tree: Node, symbols: Mapping[str, Any]) -> Any:
    """The formula as a sympy expression in the given symbols."""
    import sympy

    class SympyArithmetic:
        @staticmethod
        def number(value: Fraction) -> Any:
            return sympy.Rational(value.numerator, value.denominator)

        @staticmethod
        def divide(a: Any, b: Any) -> Any:
            return a / b

        @staticmethod
        def power(x: Any, n: int) -> Any:
            return x**n

        exp = staticmethod(sympy.exp)
        log = staticmethod(sympy.log)
        sqrt = staticmethod(sympy.sqrt)

    return evaluate(tree, symbols, SympyArithmetic)

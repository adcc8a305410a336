"""How much a model of a given generalisation error is worth to a client, and which conditions that worth fulfils.

SWAN section III-A3: ``U`` falls with the error, and its marginal utility increases as the error falls to the client
variance.  The second condition is reconstructed (its formula is lost in the public text): for errors above the client
variance ``s2``, ``(eps - s2) U'' + 2 U' >= 0``, that is, ``U`` is convex as a function of ``1/(eps - s2)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from ..exact import format_exact, parse_number
from ..input_error import InputError
from .expression import (
    MAX_SIZE,
    CertifiedArithmetic,
    ExactArithmetic,
    ExpressionError,
    Node,
    Num,
    Op,
    OutsideDomain,
    Pow,
    Var,
    derivative,
    evaluate,
    is_rational,
    operate,
    parse,
    size,
    to_sympy,
    weight,
)

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "inverse-gap": ("a", "p"),
    "inverse": ("a", "e0"),
    "exponential": ("a", "s"),
    "linear": ("a", "s"),
}
_TEXT = {
    "inverse-gap": "a*(eps - client_variance)**(-p)",
    "inverse": "a/(eps + e0)",
    "exponential": "a*exp(-s*eps)",
    "linear": "a - s*eps",
}
_POSITIVE = {"inverse-gap": ("a", "p"), "inverse": ("a",), "exponential": ("a", "s"), "linear": ("s",)}
_DEFAULTS = {"p": Fraction(1), "e0": Fraction(0)}
MOST_WEIGHT = 60
"""Degree, roughly, up to which a rational function is factored; beyond it, its sign may stay undecided."""


@dataclass(frozen=True)
class Utility:
    """A utility function of the generalisation error.

    Attributes
    ----------
    tree : Node
        The function as a tree in the one variable ``eps``; variances and parameters are filled in.
    specification : mapping
        What stands in the file.

    See Also
    --------
    Utility.read : makes one from a specification.
    """

    tree: Node
    specification: Mapping[str, Any]

    @classmethod
    def read(cls, specification: Any, client_variance: Fraction, data_variance: Fraction) -> Utility:
        """Build a utility from ``{"family": ..., parameters}`` or ``{"expression": text}``.

        Raises
        ------
        InputError
            For an unknown family, missing, surplus or non-positive parameters, or an expression that cannot be read.
        """
        if not isinstance(specification, Mapping):
            raise InputError("expected an object with 'family' or 'expression'", field="utility")
        given = dict(specification)
        known: dict[str, Fraction] = {"client_variance": client_variance, "data_variance": data_variance}
        if "expression" in given:
            if set(given) != {"expression"}:
                raise InputError("an expression takes no parameters", field="utility")
            text = given["expression"]
        else:
            family = given.pop("family", None)
            if not isinstance(family, str) or family not in FAMILIES:
                raise InputError(f"unknown family {family!r}; one of {', '.join(FAMILIES)}", field="utility")
            for name in FAMILIES[family]:
                if name not in given and name not in _DEFAULTS:
                    raise InputError(f"family {family} needs the parameter {name!r}", field="utility")
                try:
                    known[name] = parse_number(given.pop(name, _DEFAULTS.get(name)))
                except InputError as error:
                    raise InputError(error.message, field=f"utility.{name}") from None
                if name in _POSITIVE[family] and known[name] <= 0:
                    raise InputError(f"must be positive, got {format_exact(known[name])}", field=f"utility.{name}")
            if given:
                raise InputError(f"family {family} has no parameter {min(given)!r}", field="utility")
            text = _TEXT[family]
        try:
            utility = cls(_fill(parse(text, ("eps", *known)), known), dict(specification))
            # What has no derivatives that can be written down is said now, not halfway through a search.
            if size(utility.slope) > MAX_SIZE or size(utility.curvature) > MAX_SIZE:
                raise ExpressionError(f"its derivatives have more than {MAX_SIZE:,} operations")
        except ExpressionError as error:
            raise InputError(str(error), field="utility") from None
        return utility

    @cached_property
    def rational(self) -> bool:
        """Whether every rational error has a rational utility, so that everything is exact."""
        return is_rational(self.tree)

    @cached_property
    def slope(self) -> Node:
        """``U'``, derived symbolically."""
        return derivative(self.tree, "eps")

    @cached_property
    def curvature(self) -> Node:
        """``U''``, derived symbolically."""
        return derivative(self.slope, "eps")

    def exact(self, error: Fraction) -> Fraction:
        """``U(error)`` for a rational utility.

        Raises
        ------
        OutsideDomain
            If the utility is undefined there.
        """
        return evaluate(self.tree, {"eps": error}, ExactArithmetic)

    def certified(self, error: Fraction, bits: int) -> Any:
        """An mpmath interval that contains ``U(error)``, computed with ``bits`` bits."""
        arithmetic = _certified_arithmetic(bits)
        return evaluate(self.tree, {"eps": arithmetic.number(error)}, arithmetic)


@lru_cache(maxsize=64)
def _certified_arithmetic(bits: int) -> CertifiedArithmetic:
    """One for each precision: making it takes longer than most formulas."""
    return CertifiedArithmetic(bits)


def _fill(tree: Node, known: Mapping[str, Fraction]) -> Node:
    from .expression import Call, raise_to

    match tree:
        case Var(name) if name in known:
            return Num(known[name])
        case Op(sign, left, right):
            return operate(sign, _fill(left, known), _fill(right, known))
        case Pow(base, exponent):
            return raise_to(_fill(base, known), _fill(exponent, known))
        case Call(name, argument):
            return Call(name, _fill(argument, known))
    return tree


@dataclass(frozen=True)
class Sign:
    """What is known of a function's sign on a range of errors.

    Attributes
    ----------
    holds : bool or None
        Whether the condition holds everywhere on the range; ``None`` if the search ended without an answer.
    fails_at : Fraction or None
        An error at which it certainly fails.
    """

    holds: bool | None
    fails_at: Fraction | None = None


@lru_cache(maxsize=1024)
def never_positive(tree: Node, low: Fraction, high: Fraction, *, pieces: int = 2_000) -> Sign:
    """Decide whether a function of ``eps`` is nowhere positive on ``[low, high]``, by certified bisection.

    Parameters
    ----------
    tree : Node
        The function.
    low, high : Fraction
        The range, ``low <= high``.
    pieces : int
        How many intervals to look at before giving up.
    """
    arithmetic = _certified_arithmetic(96)

    def bound(a: Fraction, b: Fraction) -> Any:
        x = arithmetic.context.mpf([arithmetic.number(a).a, arithmetic.number(b).b])
        try:
            return evaluate(tree, {"eps": x}, arithmetic)
        except (OutsideDomain, ZeroDivisionError, ValueError):
            return None

    pending = [(low, high)]
    for _ in range(pieces):
        if not pending:
            return Sign(True)
        a, b = pending.pop()
        value = bound(a, b)
        if value is not None and value.b <= 0:
            continue
        middle = (a + b) / 2
        at = bound(middle, middle)
        if at is not None and at.a > 0:
            return Sign(False, middle)
        if a == b:
            return Sign(None)
        pending += [(a, middle), (middle, b)]
    return Sign(None if pending else True)


@dataclass(frozen=True)
class Conditions:
    """Which of the paper's assumptions a utility fulfils on ``[low, high]``, with the ground for each answer.

    Attributes
    ----------
    low, high : Fraction
        The range of errors that a market's states can have.
    decreasing, convex, increasing_marginal : Sign
        ``U' <= 0``; ``U'' >= 0``; ``(eps - s2) U'' + 2 U' >= 0`` on the part of the range above the client variance.
    """

    low: Fraction
    high: Fraction
    decreasing: Sign
    convex: Sign
    increasing_marginal: Sign


def conditions(utility: Utility, low: Fraction, high: Fraction, client_variance: Fraction) -> Conditions:
    """Check the derivative conditions of section III-A3 on a range of errors.

    Derivatives are symbolic; certified interval bisection decides their sign. Where it cannot, and the derivative is a rational
    function of low degree, sympy removes what cancels identically first (the borderline ``U = a/(eps - s2)`` has a zero there).
    """
    minus = Num(Fraction(-1))

    def decide(tree: Node, start: Fraction) -> Sign:
        if start > high:
            return Sign(True)
        quick = never_positive(tree, start, high, pieces=200)
        if quick.holds is not None or not is_rational(tree) or weight(tree) > MOST_WEIGHT:
            return quick
        back = _factored(tree)
        return quick if back is None else never_positive(back, start, high)

    first, second = utility.slope, utility.curvature
    gap = operate("-", Var("eps"), Num(client_variance))
    marginal = operate("+", operate("*", gap, second), operate("*", Num(Fraction(2)), first))
    above = max(low, client_variance)
    return Conditions(
        low,
        high,
        decide(first, low),
        decide(operate("*", minus, second), low),
        decide(operate("*", minus, marginal), above),
    )


@lru_cache(maxsize=128)
def _factored(tree: Node) -> Node | None:
    """A rational function as a product of its factors; None if it is beyond the limits on formulas."""
    import sympy

    factored = sympy.factor(to_sympy(tree, {"eps": sympy.Symbol("eps", real=True)}))
    try:
        return parse(str(factored), ("eps",))
    except ExpressionError:
        return None

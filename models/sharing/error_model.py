"""The error model of SWAN, eq. (3), in symbols, and what follows from it: derived by sympy each time, never typed again.

Every statement is an equivalence for all positive parameters.  The pattern is the same throughout: the difference of two
errors is linear in the heterogeneity ratio ``theta = client_variance / (d * data_variance)``; its root is the threshold,
and the difference divided by ``theta - root`` is a quotient of polynomials with positive coefficients, so that the sign
of the difference is the sign of ``theta - root``.  Numeric thresholds are evaluated from the derived expressions.

Eq. (3) is reconstructed: the public text lost it; the form here agrees with the authors' earlier paper and with every
sentence of the text.  (14), (15) and the boundaries of theorem 2 are lost as well, and derived here from (3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import sympy
from sympy import Expr, Symbol

K = Symbol("K", positive=True)
H = Symbol("H", positive=True)
D = Symbol("D", positive=True)
theta = Symbol("theta", nonnegative=True)
j = Symbol("j", nonnegative=True)
N_A, N_B = Symbol("N_A", positive=True), Symbol("N_B", positive=True)
H_A, H_B = Symbol("H_A", positive=True), Symbol("H_B", positive=True)
k_1, k_2 = Symbol("k_1", positive=True), Symbol("k_2", positive=True)
D_1, D_2 = Symbol("D_1", positive=True), Symbol("D_2", positive=True)


class DerivationError(AssertionError):
    """A step of a derivation did not come out as it must; nothing that rests on it holds."""


LATEX_NAMES = {
    "Phi": r"\Phi",
    "phi(A, B)": r"\varphi(A, B)",
    "phi(B, A)": r"\varphi(B, A)",
    "effect of client j + 1": r"\Delta_{j + 1}",
    "x* in I": r"x^{*}_{\mathrm{I}}",
    "x* in IV": r"x^{*}_{\mathrm{IV}}",
    "k_1*": r"k_{1}^{*}",
    "D_2 threshold": r"D_{2}^{\mathrm{threshold}}",
}
"""How formulas write what is derived; for each of `Derivation.results`."""


@dataclass(frozen=True)
class Derivation:
    """A statement with the steps that prove it.

    Attributes
    ----------
    name : str
        What is derived.
    source : str
        Where the paper has it.
    statement : str
        The equivalence, in words and plain formulas.
    results : mapping of str to sympy expression
        The derived expressions by name.
    steps : tuple of str
        What was checked, one identity or sign at a time.
    """

    name: str
    source: str
    statement: str
    results: Mapping[str, Any]
    steps: tuple[str, ...]

    def latex(self) -> str:
        """The derived expressions as a display of LaTeX (package amsmath), one a line."""
        lines = [f"  {LATEX_NAMES[name]} &= {sympy.latex(value)}" for name, value in self.results.items()]
        body = " \\\\\n".join(lines)
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"

    def plain(self) -> str:
        """The statement, the expressions and the steps as plain text."""
        formulas = [f"  {name} = {expression}" for name, expression in self.results.items()]
        return "\n".join(
            [f"{self.name}  [{self.source}]", self.statement, *formulas, *(f"  - {s}" for s in self.steps)]
        )


def error(size: Any, inverse: Any) -> Any:
    """Eq. (3) divided by ``v = d * data_variance``, for ``size`` participants whose ``1/D`` add up to ``inverse``."""
    return inverse / size**2 + theta * (1 - 1 / size)


def _positive(expression: Any, why: str) -> str:
    """Check that a quotient of polynomials in positive symbols has positive coefficients throughout."""
    top, bottom = sympy.fraction(sympy.together(expression))
    for part in (top, bottom):
        polynomial = sympy.Poly(sympy.expand(part), *sorted(part.free_symbols, key=str)) if part.free_symbols else None
        values = [part] if polynomial is None else polynomial.coeffs()
        if not all(value > 0 for value in values):
            raise DerivationError(f"{why}: {expression} is not a quotient of polynomials with positive coefficients")
    return f"{why}: {sympy.factor(expression)} > 0, all coefficients being positive"


def _threshold(difference: Any, why: str) -> tuple[Any, str]:
    """The root in ``theta`` of a difference of errors that rises with it, and the step that proves both."""
    linear = sympy.Poly(sympy.together(difference), theta)
    if linear.degree() != 1:
        raise DerivationError(f"{why}: the difference is not linear in theta")
    (root,) = sympy.solve(difference, theta)
    factor = sympy.simplify(difference / (theta - root))
    if sympy.simplify(factor * (theta - root) - difference) != 0:
        raise DerivationError(f"{why}: the difference does not split")
    return sympy.simplify(root), _positive(factor, f"{why} = (theta - threshold) * factor")


@cache
def join_threshold() -> Derivation:
    """Theorem 1, (15): when a client of size ``D`` that joins ``K`` clients of harmonic mean size ``H`` does no harm."""
    after, before = error(K + 1, K / H + 1 / D), error(K, K / H)
    root, step = _threshold(after - before, "error after joining minus error before")
    expected = sympy.together(root)
    return Derivation(
        "join threshold",
        "SWAN, theorem 1, eq. (15), reconstructed",
        "A client of size D that joins K >= 1 clients of harmonic mean size H does not raise the error"
        " if and only if theta <= Phi; it leaves the error as it is if and only if theta = Phi.",
        {"Phi": expected},
        (step,),
    )


@cache
def merge_condition() -> Derivation:
    """Corollary 1, (14): when two coalitions together have a smaller error than either alone."""
    together = error(N_A + N_B, N_A / H_A + N_B / H_B)
    first, step_a = _threshold(together - error(N_A, N_A / H_A), "error of both minus error of A")
    second, step_b = _threshold(together - error(N_B, N_B / H_B), "error of both minus error of B")
    swapped = first.subs({N_A: N_B, N_B: N_A, H_A: H_B, H_B: H_A}, simultaneous=True)
    if sympy.simplify(second - swapped) != 0:
        raise DerivationError("the two conditions are not each other's mirror image")
    return Derivation(
        "merge condition",
        "SWAN, corollary 1, eq. (14), reconstructed",
        "The coalitions A and B together have a smaller error than each alone if and only if"
        " theta < min(phi(A, B), phi(B, A)).",
        {"phi(A, B)": sympy.together(first), "phi(B, A)": sympy.together(second)},
        (step_a, step_b, "phi(B, A) is phi(A, B) with A and B exchanged"),
    )


@cache
def regions() -> Derivation:
    """Theorem 2: how the effect of one type's participation changes as more of its clients join, with switching counts.

    After ``j`` clients of size ``D`` have joined, the next one leaves the error no larger if and only if
    ``a g(K + j) >= B`` with ``a = 1/D - theta``, ``B = K/D - K/H`` and ``g(x) = x (x + 1) / (2 x + 1)``, which grows without bound.
    """
    x = K + j
    inverse = K / H + j / D
    difference = sympy.together(error(x + 1, inverse + 1 / D) - error(x, inverse))
    a, B, g = 1 / D - theta, K / D - K / H, x * (x + 1) / (2 * x + 1)
    factor = sympy.simplify(difference / (B - a * g))
    if sympy.simplify(factor * (B - a * g) - difference) != 0:
        raise DerivationError("the effect of the next client is not a multiple of B - a g")
    steps = [_positive(factor, "effect of the next client = (B - a g) * factor")]
    steps.append(_positive(sympy.together(g.subs(j, j + 1) - g), "g(K + j + 1) - g(K + j)"))
    if sympy.limit(g.subs(j, j - K), j, sympy.oo) != sympy.oo:
        raise DerivationError("g is bounded")
    steps.append(
        "g grows without bound, so for a != 0 the sign of B - a g changes at most once and at last is that of -a"
    )
    start = sympy.simplify(
        sympy.sympify(B - a * g).subs(j, 0) * (2 * K + 1) / (K * (K + 1)) / (theta - join_threshold().results["Phi"])
    )
    if start != 1:
        raise DerivationError("at j = 0 the sign is not that of theta - Phi")
    steps.append("at j = 0 the sign of B - a g is that of theta - Phi, with Phi of theorem 1")
    size = Symbol("x", positive=True)
    roots = sympy.solve(sympy.Eq(a * size * (size + 1), B * (2 * size + 1)), size, check=False)
    product = sympy.simplify(roots[0] * roots[1] + B / a)
    if product != 0:
        raise DerivationError("the roots of the switching condition do not multiply to -B/a")
    steps.append(
        "switching size: a x (x + 1) = B (2 x + 1); its roots multiply to -B/a < 0 where a and B have one sign"
    )
    # Which root is the positive one depends on the sign of a: one sample of each sign tells, as neither crosses zero.
    in_four = max(roots, key=lambda root: root.subs({D: 2, H: 4, K: 3, theta: 0}).evalf())
    in_one = max(roots, key=lambda root: root.subs({D: 4, H: 1, K: 3, theta: 1}).evalf())
    return Derivation(
        "regions",
        "SWAN, theorem 2 and figure 3, boundaries reconstructed",
        "For clients of size D that join a coalition of K >= 1 clients with harmonic mean size H:\n"
        "  I    if 1/D < theta <= Phi: no client raises the error while K + j <= x*, every later one does;\n"
        "  II   if theta <= 1/D and theta <= Phi: no client raises the error;\n"
        "  III  if theta >= 1/D and theta > Phi: every client raises the error;\n"
        "  IV   if Phi < theta < 1/D: every client raises the error while K + j < x*, no later one does.\n"
        "At theta = 1/D the effect keeps one sign for ever: region II if D >= H, region III if D < H.",
        {
            "effect of client j + 1": sympy.factor(difference),
            "Phi": join_threshold().results["Phi"],
            "x* in I": sympy.simplify(in_one),
            "x* in IV": sympy.simplify(in_four),
        },
        tuple(steps),
    )


@cache
def peak() -> Derivation:
    """Example 1: two types, no client variance; where small-data clients stop raising the error."""
    inverse = k_1 / D_1 + k_2 / D_2
    slope = sympy.together(sympy.diff(error(k_1 + k_2, inverse).subs(theta, 0), k_1))
    (root,) = sympy.solve(slope, k_1)
    factor = sympy.simplify(slope / (root - k_1))
    steps = [_positive(factor, "d error / d k_1 = (k_1* - k_1) * factor")]
    first = sympy.together((error(k_2 + 1, k_2 / D_2 + 1 / D_1) - error(k_2, k_2 / D_2)).subs(theta, 0))
    (size,) = sympy.solve(first, D_2)
    gap = sympy.simplify(first / (D_2 - size))
    steps.append(_positive(gap, "effect of the first client of type 1 = (D_2 - threshold) * factor"))
    large: Any = sympy.together((error(k_1 + k_2 + 1, inverse + 1 / D_2) - error(k_1 + k_2, inverse)).subs(theta, 0))
    more = Symbol("e", nonnegative=True)
    falling = sympy.simplify(-large.subs(D_2, D_1 + more))
    steps.append(_positive(falling, "minus the effect of one more client of type 2, with D_2 = D_1 + e"))
    return Derivation(
        "peak",
        "SWAN, example 1 and figure 5",
        "With theta = 0, D_1 < D_2 and k_2 >= 1 clients of type 2, the error as a function of real k_1 >= 0 rises to its"
        " peak at k_1* and falls beyond it; k_1* > 0 if and only if D_2 > 2 D_1. The first client of type 1 raises the"
        " error if and only if D_2 > (2 + 1/k_2) D_1. Clients of type 2 always lower it.",
        {"k_1*": sympy.factor(root), "D_2 threshold": sympy.factor(size)},
        tuple(steps),
    )


TOPICS = {"threshold": join_threshold, "merge": merge_condition, "regions": regions, "peak": peak}


def derive(topic: str) -> Derivation:
    """Run one of the derivations: ``threshold``, ``merge``, ``regions`` or ``peak``.

    Raises
    ------
    KeyError
        For an unknown topic.
    """
    return TOPICS[topic]()


def evaluate(expression: Expr, **values: Fraction | int) -> Fraction:
    """An exact value of a derived rational expression; parameters are given by the names of their symbols."""
    symbols = {str(symbol): symbol for symbol in expression.free_symbols}
    missing = set(symbols) - set(values)
    if missing:
        raise ValueError(f"missing values for {', '.join(sorted(missing))}")
    numerator, denominator = _compiled(expression, tuple(sorted(symbols)))
    given = [Fraction(values[name]) for name in sorted(symbols)]
    return Fraction(numerator(*given)) / Fraction(denominator(*given))


@cache
def _compiled(expression: Expr, names: tuple[str, ...]) -> tuple[Any, Any]:
    """Numerator and denominator as Python functions; polynomials with integer coefficients, so exact in Fractions."""
    top, bottom = sympy.fraction(sympy.together(expression))
    symbols = {str(symbol): symbol for symbol in expression.free_symbols}
    arguments = [symbols[name] for name in names]
    for part in (top, bottom):
        if part.free_symbols and not all(value.is_Integer for value in sympy.Poly(part, *arguments).coeffs()):
            raise ValueError(f"{expression} is not rational with integer coefficients")
    return tuple(sympy.lambdify(arguments, sympy.expand(part), modules=[]) for part in (top, bottom))  # type: ignore[return-value]


def join_limit(size: int, harmonic: Fraction, data: int) -> Fraction:
    """The value of ``Phi`` (15): the largest ``theta`` at which a client of size ``data`` does no harm to a coalition."""
    return evaluate(join_threshold().results["Phi"], K=size, H=harmonic, D=data)


Region = Literal["I", "II", "III", "IV"]


def region(ratio: Fraction, size: int, harmonic: Fraction, data: int) -> Region:
    """The region of theorem 2 for clients of size ``data`` that join ``size`` clients of harmonic mean ``harmonic``.

    Parameters
    ----------
    ratio : Fraction
        The heterogeneity ratio ``theta``.
    """
    helpful = ratio <= join_limit(size, harmonic, data)
    if helpful:
        return "I" if ratio * data > 1 else "II"
    return "III" if ratio * data >= 1 else "IV"


def switching_count(ratio: Fraction, size: int, harmonic: Fraction, data: int) -> int | None:
    """After how many joined clients of size ``data`` the effect of the next one changes sign; ``None`` if never.

    In region I it is the least ``j`` at which the next client raises the error, in region IV the least ``j`` at which
    it does not.  The sign changes once, as :func:`regions` derives, so doubling and halving find where.
    """
    kind = region(ratio, size, harmonic, data)
    if kind in ("II", "III"):
        return None
    effect = regions().results["effect of client j + 1"]

    def switched(j: int) -> bool:
        helps = evaluate(effect, D=data, H=harmonic, K=size, j=j, theta=ratio) <= 0
        return helps if kind == "IV" else not helps

    before, after = -1, 0
    while not switched(after):
        before, after = after, 2 * after + 1
    while after - before > 1:
        middle = (before + after) // 2
        if switched(middle):
            after = middle
        else:
            before = middle
    return after

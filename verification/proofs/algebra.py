"""The algebra of a written proof, checked one step at a time.

A step says: from these quantities being nonnegative (or positive), that quantity is. It carries its own reason, a sum of products
of the given quantities with nonnegative coefficients that is *identically* the claimed one; sympy expands the difference, and it
has to vanish. So a step is an identity together with signs: nothing is sampled, nothing is rounded, and it holds for all real
values. The words around the steps, which turn sets and orders into inequalities, are read by people and not by the program.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

__all__ = ["Proof", "ProofError", "Step"]


class ProofError(AssertionError):
    """A step of a written proof does not hold."""


@dataclass(frozen=True)
class Step:
    """One step: expressions are texts that sympy reads, over the proof's symbols.

    Parameters
    ----------
    says : str
        The sentence that the step supports.
    given : mapping name -> text
        ``"expression >= 0"`` or ``"expression > 0"``.
    claim : str
        ``"expression >= 0"`` or ``"expression > 0"``.
    because : sequence of products
        Each a sequence of names of `given` (repeat one for its square), optionally led by a positive number. Their sum is
        identically the claimed expression. A strict claim needs one product whose factors are all strict.
    """

    says: str
    given: dict[str, str]
    claim: str
    because: Sequence[Sequence[str | int | Fraction]]

    def check(self) -> None:
        """Check the step.

        Raises
        ------
        ProofError
            If the identity fails, a coefficient is not positive, or strictness is claimed without a strict product.
        """
        import sympy

        given = {name: _relation(text) for name, text in self.given.items()}
        wanted, strict = _relation(self.claim)
        total: Any = sympy.Integer(0)
        strictly = False
        for product in self.because:
            value: Any = sympy.Integer(1)
            all_strict = True
            for factor in product:
                if isinstance(factor, str):
                    expression, positive = given[factor]
                    value *= expression
                    all_strict &= positive
                else:
                    if not factor > 0:
                        raise ProofError(f"{self.says}: coefficient {factor} is not positive")
                    value *= sympy.Rational(Fraction(factor).numerator, Fraction(factor).denominator)
            total += value
            strictly |= all_strict
        if sympy.expand(wanted - total) != 0:
            raise ProofError(f"{self.says}: {sympy.expand(wanted - total)} is left over")
        if strict and not strictly:
            raise ProofError(f"{self.says}: no product is strictly positive")


@dataclass(frozen=True)
class Proof:
    """A written proof: its text, and the steps the program checks.

    Parameters
    ----------
    text : str
        The argument in words, naming the steps.
    steps : sequence of Step
    """

    text: str
    steps: Sequence[Step] = field(default_factory=tuple)

    def check(self) -> int:
        """Check every step and return how many there are.

        Raises
        ------
        ProofError
            At the first step that fails.
        """
        for step in self.steps:
            step.check()
        return len(self.steps)


def _relation(text: str) -> tuple[Any, bool]:
    """Read ``"expression > 0"`` or ``"expression >= 0"``."""
    from sympy import Symbol, sympify

    for sign, strict in ((">=", False), (">", True)):
        left, found, right = text.partition(sign)
        if found:
            if right.strip() != "0":
                raise ProofError(f"expected a comparison with 0: {text}")
            names: dict[str, Any] = {name: Symbol(name, real=True) for name in re.findall(r"[A-Za-z_]\w*", left)}
            read: Any = sympify
            return read(left, locals=names), strict
    raise ProofError(f"neither '>' nor '>=': {text}")

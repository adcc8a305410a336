"""A proof is a chain of steps, each held by a machine; a chain that is not one is refused when it is made.

Every step names what it rests on: axioms of the model, definitions of the rule, assumptions of the theorem, or claims of earlier
steps. The last claim is the statement, the same text from which the printed sentence is made. A step is held in one of two ways.
By *algebra*: its claim, brought to one side, is identically a sum of products of the given quantities with nonnegative coefficients (sympy
expands the difference). By *SMT*: z3 finds no way to have what is given and not the claim, workers being things of a sort that nobody
counted and sets of them whatever sets are, so that the step holds for every number of workers. Words beside the steps are read by people only.

z3 is an extra (``smt``). Where it is missing, :attr:`Held.missing` says so, and what rests on such a chain is argued, not proved.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from .formula import BadFormula, Vocabulary, parse, plain, refutable, symbols

__all__ = ["Held", "Proof", "ProofError", "Step", "Theory", "ask_z3", "have_z3"]

SECONDS = 60
"""For one step; the steps here take hundredths of one."""


class ProofError(AssertionError):
    """A chain that is none, or a step of one that no machine holds."""


def have_z3() -> bool:
    """Whether z3 is installed."""
    return find_spec("z3") is not None


@dataclass(frozen=True)
class Step:
    """One step.

    Parameters
    ----------
    name : str
        By which later steps name its claim.
    claim : str
        A formula.
    given : sequence of str
        Names of axioms, definitions, assumptions and earlier steps.
    because : sequence of products, optional
        Makes it a step of algebra: each product a sequence of names of `given` (repeat one for its square), optionally led by a positive
        number. Their sum is identically the claimed difference; a strict claim needs one product whose factors are all strict.
    says : str
        In words.
    """

    name: str
    claim: str
    given: tuple[str, ...] = ()
    because: tuple[tuple[str | int | Fraction, ...], ...] | None = None
    says: str = ""


@dataclass(frozen=True)
class Theory:
    """What proofs start from.

    Attributes
    ----------
    vocabulary : Vocabulary
    axioms : mapping name -> formula
        Of the model: what is true of workers, sets and sums whatever the rule does.
    definitions : mapping name -> formula
        Of the rule. They are held against the shipped code on small markets.
    """

    vocabulary: Vocabulary
    axioms: Mapping[str, str] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)

    def __or__(self, other: Theory) -> Theory:
        """Both together.

        Raises
        ------
        ProofError
            If they mean two things by one name.
        """
        for kind, more in ((self.axioms, other.axioms), (self.definitions, other.definitions)):
            clash = [name for name in kind.keys() & more.keys() if kind[name] != more[name]]
            if clash:
                raise ProofError(f"{sorted(clash)[0]!r} stands for two premises")
        return Theory(
            self.vocabulary + other.vocabulary.text,
            {**self.axioms, **other.axioms},
            {**self.definitions, **other.definitions},
        )


@dataclass(frozen=True)
class Held:
    """Who held the steps of a proof.

    Attributes
    ----------
    algebra, smt : int
        Steps held by sympy and by z3.
    missing : str or None
        The solver that would have been needed and is not installed; its steps are held by nobody here.
    """

    algebra: int
    smt: int
    missing: str | None = None

    def __str__(self) -> str:
        parts = [f"{count} by {who}" for count, who in ((self.smt, "SMT"), (self.algebra, "algebra")) if count]
        said = f"{self.algebra + self.smt} steps held: {', '.join(parts)}" if parts else "no step held"
        return said + (
            f"; {self.missing} is not installed, so the others are held by nobody here" if self.missing else ""
        )


@dataclass(frozen=True)
class Proof:
    """A chain of steps that ends in its statement.

    Parameters
    ----------
    text : str
        The argument in words.
    theory : Theory
    assumptions : mapping name -> formula
        What the statement assumes.
    statement : str
        The formula proved under the assumptions.
    steps : sequence of Step

    Raises
    ------
    ProofError
        If there are no steps, a step rests on something that is neither given nor claimed before it, a name stands for two things, a symbol
        is not in the vocabulary, or the last claim is not the statement.
    """

    text: str
    theory: Theory
    statement: str
    steps: Sequence[Step] = ()
    assumptions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.steps:
            raise ProofError("no step, no proof")
        known = self.premises()
        if len(known) != len(self.theory.axioms) + len(self.theory.definitions) + len(self.assumptions):
            raise ProofError("a name stands for two premises")
        vocabulary = self.theory.vocabulary.signatures.keys()
        for step in self.steps:
            missing = [name for name in step.given if name not in known]
            if missing:
                raise ProofError(f"{step.name}: {missing[0]!r} is neither a premise nor the claim of an earlier step")
            if step.name in known:
                raise ProofError(f"{step.name} stands for two things")
            known[step.name] = step.claim
        for name, text in known.items():
            try:
                strange = symbols(text) - vocabulary
            except BadFormula as error:
                raise ProofError(f"{name}: {error}") from error
            if strange:
                raise ProofError(f"{name}: {sorted(strange)[0]!r} is not in the vocabulary")
        if not _same(self.steps[-1].claim, self.statement):
            raise ProofError(f"the last claim is not the statement: {self.steps[-1].claim!r} for {self.statement!r}")

    def premises(self) -> dict[str, str]:
        """Axioms, definitions and assumptions by name."""
        return {**self.theory.axioms, **self.theory.definitions, **self.assumptions}

    def sentence(self) -> str:
        """The theorem as a sentence, made from the formulas that are proved."""
        assumed = "; ".join(plain(text) for text in self.assumptions.values())
        return (f"if {assumed}, then " if assumed else "") + plain(self.statement)

    def pages(self) -> list[tuple[str, str, str]]:
        """Return every step as (name, what it rests on, claim), for a page."""
        return [(step.name, ", ".join(step.given), plain(step.claim)) for step in self.steps]

    def check(self) -> Held:
        """Have every step held.

        Raises
        ------
        ProofError
            At the first step that does not hold.
        """
        known = self.premises()
        algebra = smt = open_steps = 0
        for step in self.steps:
            if step.because is not None:
                _hold_by_algebra(step, {name: known[name] for name in step.given})
                algebra += 1
            elif have_z3():
                answer = ask_z3(step, known, self.theory.vocabulary)
                if answer != "unsat":
                    raise ProofError(f"{step.name}: z3 says {answer}")
                smt += 1
            else:
                open_steps += 1
            known[step.name] = step.claim
        return Held(algebra, smt, "z3 (extra smt)" if open_steps else None)


def _same(one: str, other: str) -> bool:
    return ast.dump(parse(one)) == ast.dump(parse(other))


@lru_cache(maxsize=4096)
def _ask_z3(vocabulary: str, given: tuple[str, ...], claim: str) -> str:
    return refutable(given, claim, Vocabulary(vocabulary), SECONDS)


def ask_z3(step: Step, known: Mapping[str, str], vocabulary: Vocabulary) -> str:
    """Return what z3 says to a step: ``unsat`` if it holds. What the step does not mention is not shown to it."""
    given = tuple(known[name] for name in step.given)
    used = set().union(*map(symbols, (*given, step.claim)))
    declared = "\n".join(
        f"{name}: {' '.join(sorts)}" for name, sorts in sorted(vocabulary.signatures.items()) if name in used
    )
    return _ask_z3(declared, given, step.claim)


def _hold_by_algebra(step: Step, given: Mapping[str, str]) -> None:
    """Check that the claim is a sum of products of what is given."""
    import sympy

    relations = {name: _relation(text) for name, text in given.items()}
    wanted, strict = _relation(step.claim)
    total: Any = sympy.Integer(0)
    strictly = False
    for product in step.because or ():
        value: Any = sympy.Integer(1)
        all_strict = True
        for factor in product:
            if isinstance(factor, str):
                if factor not in relations:
                    raise ProofError(f"{step.name}: {factor!r} is not among what is given")
                expression, positive = relations[factor]
                value *= expression
                all_strict &= positive
            elif not factor > 0:
                raise ProofError(f"{step.name}: coefficient {factor} is not positive")
            else:
                value *= sympy.Rational(Fraction(factor).numerator, Fraction(factor).denominator)
        total += value
        strictly |= all_strict
    # Terms are fractions: together() before expand() leaves no quotient that hides a zero.
    left = sympy.expand(sympy.fraction(sympy.together(wanted - total))[0])
    if left != 0:
        raise ProofError(f"{step.name}: {left} is left over")
    if strict and not strictly:
        raise ProofError(f"{step.name}: no product is strictly positive")


def _relation(text: str) -> tuple[Any, bool]:
    """Read a comparison as an expression that is nonnegative, or positive."""
    node = parse(text)
    if not (isinstance(node, ast.Compare) and len(node.ops) == 1):
        raise ProofError(f"algebra needs one comparison: {text}")
    left, right = _term(node.left), _term(node.comparators[0])
    match node.ops[0]:
        case ast.GtE():
            return left - right, False
        case ast.Gt():
            return left - right, True
        case ast.LtE():
            return right - left, False
        case ast.Lt():
            return right - left, True
    raise ProofError(f"algebra needs an inequality: {text}")


def _term(node: ast.expr) -> Any:
    """Build a sympy term; whatever is not arithmetic is a symbol."""
    import sympy

    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return sympy.Integer(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_term(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _term(node.left), _term(node.right)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
            case ast.Pow():
                return left**right
    return sympy.Symbol(ast.unparse(node), real=True)

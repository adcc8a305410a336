"""The language of proofs: first-order formulas as texts, printed for people, handed to z3, evaluated in finite models.

A formula is a Python expression that is read and never run: ``every(k, ...)`` and ``some(k, ...)`` quantify, ``implies(a, b)`` and
``iff(a, b)`` connect beside ``and``, ``or`` and ``not``; the rest are comparisons and arithmetic over the symbols of a
:class:`Vocabulary`. One text serves three readers: the page that prints a statement, the solver that holds a step of a proof about
every number of workers, and the evaluator that asks whether a definition is true of what the shipped code does on a small market.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from typing import Any

__all__ = ["BadFormula", "Vocabulary", "evaluate", "parse", "plain", "refutable", "symbols"]

QUANTIFIERS = ("every", "some")
CONNECTIVES = ("implies", "iff")


class BadFormula(ValueError):
    """A text that is no formula of its vocabulary."""


@dataclass(frozen=True)
class Vocabulary:
    """The symbols of a theory.

    Parameters
    ----------
    text : str
        Declarations, one a line or separated by ``;``: ``names: Sort`` for constants and variables, ``names: Sort Sort -> Sort`` for
        functions. ``Bool``, ``Int`` and ``Real`` are what they are; every other sort is a non-empty set of things, whatever it is.
    """

    text: str

    @property
    def signatures(self) -> dict[str, tuple[str, ...]]:
        """Symbol to the sorts of its arguments and, last, of its value."""
        return dict(_signatures(self.text))

    def __add__(self, more: str) -> Vocabulary:
        return Vocabulary(f"{self.text}\n{more}")


@lru_cache(maxsize=256)
def _signatures(text: str) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in text.replace(";", "\n").splitlines():
        names, _, sorts = line.partition(":")
        for name in names.split():
            found[name] = tuple(sorts.replace("->", " ").split())
    return found


@lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """Read a formula or term.

    Raises
    ------
    BadFormula
        If it is none.
    """
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise BadFormula(f"no formula: {text!r}") from error


def _called(node: ast.AST) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _bound(node: ast.Call) -> list[str]:
    names = [arg.id for arg in node.args[:-1] if isinstance(arg, ast.Name)]
    if not names or len(names) != len(node.args) - 1:
        raise BadFormula(f"a quantifier needs variables and a formula: {ast.unparse(node)}")
    return names


def symbols(text: str) -> set[str]:
    """Return the symbols of a formula, bound variables included."""
    found = {node.id for node in ast.walk(parse(text)) if isinstance(node, ast.Name)}
    return found - {*QUANTIFIERS, *CONNECTIVES}


# ------------------------------------------------------------------ for people

_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
_COMPARE = {ast.Eq: "=", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def plain(text: str) -> str:
    """Print a formula the way a page has it."""
    return _plain(parse(text), 0)


def _plain(node: ast.expr, outer: int) -> str:
    """Print a node; `outer` is how tightly the surroundings bind."""

    def wrap(inner: int, said: str) -> str:
        return f"({said})" if inner < outer else said

    name = _called(node)
    if isinstance(node, ast.Call) and name in QUANTIFIERS:
        word = "for every" if name == "every" else "for some"
        return wrap(1, f"{word} {', '.join(_bound(node))}: {_plain(node.args[-1], 1)}")
    if isinstance(node, ast.Call) and name in CONNECTIVES:
        sign = "=>" if name == "implies" else "<=>"
        return wrap(2, f"{_plain(node.args[0], 3)} {sign} {_plain(node.args[1], 2 if name == 'implies' else 3)}")
    if isinstance(node, ast.Call):
        return f"{name}({', '.join(_plain(arg, 0) for arg in node.args)})"
    if isinstance(node, ast.BoolOp):
        word, level = (" or ", 3) if isinstance(node.op, ast.Or) else (" and ", 4)
        return wrap(level, word.join(_plain(part, level + 1) for part in node.values))
    if isinstance(node, ast.UnaryOp):
        sign = "not " if isinstance(node.op, ast.Not) else "-"
        return wrap(5 if sign == "not " else 8, sign + _plain(node.operand, 5 if sign == "not " else 9))
    if isinstance(node, ast.Compare):
        said = _plain(node.left, 7)
        for op, right in zip(node.ops, node.comparators, strict=True):
            said += f" {_COMPARE[type(op)]} {_plain(right, 7)}"
        return wrap(6, said)
    if isinstance(node, ast.BinOp):
        level = 7 if isinstance(node.op, ast.Add | ast.Sub) else 8 if isinstance(node.op, ast.Mult | ast.Div) else 10
        right = level + (not isinstance(node.op, ast.Add | ast.Mult))
        spaced = f" {_BINARY[type(node.op)]} " if level < 10 else "^"
        return wrap(level, f"{_plain(node.left, level)}{spaced}{_plain(node.right, right)}")
    if isinstance(node, ast.IfExp):
        said = f"{_plain(node.body, 3)} if {_plain(node.test, 3)} else {_plain(node.orelse, 3)}"
        return wrap(1, said)
    return ast.unparse(node)


# ------------------------------------------------------------------ for z3


class _Reader:
    """Builds z3 expressions over one vocabulary, in a context of its own: what z3 answers does not depend on what it was asked before."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.z3: Any = import_module("z3")
        self.context: Any = self.z3.Context()
        self.signatures = vocabulary.signatures
        self.sorts: dict[str, Any] = {
            "Bool": self.z3.BoolSort(self.context),
            "Int": self.z3.IntSort(self.context),
            "Real": self.z3.RealSort(self.context),
        }
        self.symbols: dict[str, Any] = {}

    def _sort(self, name: str) -> Any:
        if name not in self.sorts:
            self.sorts[name] = self.z3.DeclareSort(name, self.context)
        return self.sorts[name]

    def _symbol(self, name: str) -> Any:
        if name not in self.symbols:
            if name not in self.signatures:
                raise BadFormula(f"{name!r} is not in the vocabulary")
            sorts = [self._sort(sort) for sort in self.signatures[name]]
            self.symbols[name] = self.z3.Const(name, sorts[0]) if len(sorts) == 1 else self.z3.Function(name, *sorts)
        return self.symbols[name]

    def read(self, node: ast.expr) -> Any:
        z3, name = self.z3, _called(node)
        match node:
            case ast.Call() if name in QUANTIFIERS:
                bound = [self._symbol(n) for n in _bound(node)]
                body = self.read(node.args[-1])
                return z3.ForAll(bound, body) if name == "every" else z3.Exists(bound, body)
            case ast.Call() if name in CONNECTIVES:
                left, right = map(self.read, node.args)
                return z3.Implies(left, right) if name == "implies" else left == right
            case ast.Call() if name is not None:
                return self._symbol(name)(*map(self.read, node.args))
            case ast.BoolOp():
                parts = list(map(self.read, node.values))
                return z3.Or(*parts) if isinstance(node.op, ast.Or) else z3.And(*parts)
            case ast.UnaryOp(op=ast.Not()):
                return z3.Not(self.read(node.operand))
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand)
            case ast.Compare():
                sides = [self.read(side) for side in (node.left, *node.comparators)]
                parts = [_OPERATE[type(op)](a, b) for op, a, b in zip(node.ops, sides, sides[1:], strict=False)]
                return z3.And(*parts) if len(parts) > 1 else parts[0]
            case ast.BinOp():
                sides = map(self.read, (node.left, node.right))
                if isinstance(node.op, ast.Div):
                    # Whole numbers divide to fractions here.
                    sides = (z3.ToReal(side) if side.is_int() else side for side in sides)
                return _OPERATE[type(node.op)](*sides)
            case ast.IfExp():
                return z3.If(self.read(node.test), self.read(node.body), self.read(node.orelse))
            case ast.Name():
                return self._symbol(node.id)
            case ast.Constant(value=bool()):
                return z3.BoolVal(node.value, self.context)
            case ast.Constant(value=int()):
                return z3.IntVal(node.value, self.context)
        raise BadFormula(f"not in the vocabulary: {ast.unparse(node)}")


def _divide(a: Any, b: Any) -> Any:
    return Fraction(a) / Fraction(b) if isinstance(a, int | Fraction) else a / b


_OPERATE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: _divide,
    ast.Pow: lambda a, b: a**b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}


def refutable(given: Sequence[str], claim: str, vocabulary: Vocabulary, seconds: float) -> str:
    """Ask z3 for a model of what is given in which the claim fails.

    Returns
    -------
    str
        ``unsat`` if there is none: then the claim follows. ``sat`` or ``unknown`` otherwise.

    Raises
    ------
    BadFormula
        If a symbol is not in the vocabulary, or used with other arguments than it has.
    """
    reader = _Reader(vocabulary)
    solver = reader.z3.Solver(ctx=reader.context)
    solver.set("timeout", int(1000 * seconds))
    try:
        solver.add(*(reader.read(parse(text)) for text in given), reader.z3.Not(reader.read(parse(claim))))
    except reader.z3.Z3Exception as error:
        raise BadFormula(f"{claim}: {error}") from error
    return str(solver.check())


# ------------------------------------------------------------------ in a finite model


def evaluate(text: str, vocabulary: Vocabulary, domains: Mapping[str, Iterable[Any]], values: Mapping[str, Any]) -> Any:
    """Evaluate a formula or term in a finite model, in exact numbers.

    Parameters
    ----------
    text : str
    vocabulary : Vocabulary
    domains : mapping sort -> things
        What quantifiers run over. For ``Real`` and ``Int`` this is a sample: a formula found true may still be false of other numbers.
    values : mapping symbol -> value
        Constants, and functions as callables.
    """
    return _compiled(text, vocabulary)({**values, **{f"{sort} ": tuple(things) for sort, things in domains.items()}})


Evaluated = Callable[[dict[str, Any]], Any]


@lru_cache(maxsize=4096)
def _compiled(text: str, vocabulary: Vocabulary) -> Evaluated:
    signatures = vocabulary.signatures

    def quantifier(node: ast.Call, decide: Callable[[Iterable[bool]], bool]) -> Evaluated:
        names, body = _bound(node), build(node.args[-1])
        sorts = [f"{signatures[name][0]} " for name in names]

        def run(given: dict[str, Any]) -> bool:
            inner = dict(given)

            def cases() -> Iterable[bool]:
                for things in itertools.product(*(given[sort] for sort in sorts)):
                    inner.update(zip(names, things, strict=True))
                    yield body(inner)

            return decide(cases())

        return run

    def build(node: ast.expr) -> Evaluated:
        name = _called(node)
        match node:
            case ast.Call() if name in QUANTIFIERS:
                return quantifier(node, all if name == "every" else any)
            case ast.Call(args=[left, right]) if name == "implies":
                first, second = build(left), build(right)
                return lambda given: not first(given) or second(given)
            case ast.Call(args=[left, right]) if name == "iff":
                first, second = build(left), build(right)
                return lambda given: bool(first(given)) == bool(second(given))
            case ast.Call() if name is not None:
                parts = [build(arg) for arg in node.args]
                return lambda given: given[name](*(part(given) for part in parts))
            case ast.BoolOp():
                parts = [build(part) for part in node.values]
                decide = any if isinstance(node.op, ast.Or) else all
                return lambda given: decide(part(given) for part in parts)
            case ast.UnaryOp():
                inner = build(node.operand)
                return (lambda given: not inner(given)) if isinstance(node.op, ast.Not) else lambda given: -inner(given)
            case ast.Compare():
                sides = [build(side) for side in (node.left, *node.comparators)]
                operators = [_OPERATE[type(op)] for op in node.ops]
                return lambda given: all(
                    compare(a(given), b(given)) for compare, a, b in zip(operators, sides, sides[1:], strict=False)
                )
            case ast.BinOp():
                first, second, operate = build(node.left), build(node.right), _OPERATE[type(node.op)]
                return lambda given: operate(first(given), second(given))
            case ast.IfExp():
                test, yes, no = map(build, (node.test, node.body, node.orelse))
                return lambda given: yes(given) if test(given) else no(given)
            case ast.Name(id=symbol):
                return lambda given: given[symbol]
            case ast.Constant(value=value):
                return lambda given: value
        raise BadFormula(f"not a formula: {ast.unparse(node)}")

    return build(parse(text))

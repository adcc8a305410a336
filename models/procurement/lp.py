"""LP files (as CPLEX, Gurobi, HiGHS and Pyomo write them) as linear models, numbers kept as they are written.

Sections: the objective, ``subject to``, ``bounds``, ``binary``, ``general``, ``end``; a section begins a line. Rows have their variables
on the left and one number on the right. Anything else is refused, also what readers of this format are known to pass over
without a word, as a constant among the terms of a row.
"""

from __future__ import annotations

import re
from fractions import Fraction

from ..input_error import InputError
from .linear_model import LinearModel, Row, model_number

__all__ = ["parse_lp"]

_SECTIONS = {
    "other": r"semi(?:s|-continuous)?|sos[12]?|lazy\s+constraints|user\s+cuts|general\s+constraints|pwlobj|multi-objectives",
    "max": r"max(?:imi[sz]e|imum)?",
    "min": r"min(?:imi[sz]e|imum)?",
    "rows": r"subject\s+to|such\s+that|s\.t\.|st\.?",
    "bounds": r"bounds?",
    "binary": r"bin(?:ary|aries)?",
    "general": r"gen(?:erals?)?|int(?:egers?)?",
    "end": r"end",
}
_ANY_SECTION = "|".join(f"(?P<{name}>{words})" for name, words in _SECTIONS.items())
_KEYWORD = re.compile(rf"\s*(?:{_ANY_SECTION})(?=\s|\Z)(?!\s*:)", re.IGNORECASE)
"""A section at the beginning of a line; before a colon the same word is the name of a row."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z!"\#$%&(),;?@_'`{}~|/][^\s+\-*^<>=:\[\]\\]*)
    |(?P<sign>[+-])|(?P<sense><=|=<|>=|=>|<|>|=)|(?P<colon>:))""",
    re.VERBOSE | re.ASCII,
)

_INFINITE = ("inf", "infinity")
_TURNED = {"<": ">", ">": "<", "=": "="}

Token = tuple[str, str, int]
"""Its kind, its text, the number of its line."""


def parse_lp(text: str) -> LinearModel:
    """Read the text of an LP file.

    Raises
    ------
    InputError
        With the line.
    """
    model = LinearModel()
    parts: dict[str, list[list[Token]]] = {name: [] for name in _SECTIONS}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("\\")[0]
        if keyword := _KEYWORD.match(line):
            before, section = section, str(keyword.lastgroup)
            _check_order(before, section, parts, f"line {number}")
            line = line[keyword.end() :]
            parts[section].append([])
        tokens = _tokens(line, number)
        if tokens and section in ("", "end"):
            raise InputError(f"expected {'max or min' if not section else 'nothing after End'}", row=f"line {number}")
        if tokens:
            parts[section].append(tokens)
    if section != "end":
        raise InputError("ends before End")
    for tokens in filter(None, parts["other"]):
        what = "semi-continuous variables, sets, cuts and general constraints are not of a market"
        raise InputError(what, row=f"line {tokens[0][2]}")
    model.maximise = bool(parts["max"])
    _read_objective(model, [token for line in parts["max"] + parts["min"] for token in line])
    _read_rows(model, [token for line in parts["rows"] for token in line])
    for tokens in filter(None, parts["bounds"]):
        _read_bound(model, tokens)
    for kind in ("binary", "general"):
        for token in (token for line in parts[kind] for token in line):
            column = model.column(_expect(token, "name", "a variable"))
            column.integer = True
            if kind == "binary" and column.upper is None:
                column.upper = Fraction(1)
    return model


def _check_order(before: str, section: str, parts: dict[str, list[list[Token]]], where: str) -> None:
    if before == "end":
        raise InputError("expected nothing after End", row=where)
    first = section in ("max", "min")
    if first != (before == "") or (section == "rows" and parts["rows"]):
        raise InputError("the objective comes first, and rows and objective come once", row=where)


def _tokens(line: str, number: int) -> list[Token]:
    found: list[Token] = []
    at = 0
    while line[at:].strip():
        token = _TOKEN.match(line, at)
        if token is None:
            raise InputError(f"what is {line[at:].strip()[:20]!a}? Markets are linear", row=f"line {number}")
        kind = str(token.lastgroup)
        found.append((kind, token[kind], number))
        at = token.end()
    return found


def _expect(token: Token | None, kind: str, what: str) -> str:
    if token is None:
        raise InputError(f"expected {what}, and a section ends")
    if token[0] != kind:
        raise InputError(f"expected {what}, got {ascii(token[1])[:60]}", row=f"line {token[2]}")
    return token[1]


class _Tokens:
    """Tokens of a section, read one after the other."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self, ahead: int = 0) -> Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def kind(self, ahead: int = 0) -> str:
        token = self.peek(ahead)
        return token[0] if token else ""

    def take(self, kind: str, what: str) -> str:
        text = _expect(self.peek(), kind, what)
        self.at += 1
        return text

    def label(self) -> str | None:
        """Take the name before a colon, if there is one."""
        if self.kind(1) != "colon":
            return None
        name = self.take("name", "a name")
        self.at += 1
        return name

    def sign(self) -> int:
        value = 1
        while self.kind() == "sign":
            value *= -1 if self.take("sign", "a sign") == "-" else 1
        return value

    def number(self, what: str) -> Fraction:
        where = self.peek()
        sign = self.sign()
        text = self.take("number", what)
        try:
            return sign * model_number(text)
        except InputError as error:
            raise InputError(error.message, row=f"line {where[2]}" if where else None) from None

    def sense(self) -> str:
        """Take the sense of a row or a bound, without what strict and other ones have in common here."""
        return self.take("sense", "<=, >= or =").strip("=") or "="

    def word(self) -> str:
        token = self.peek()
        return token[1].lower() if token else ""

    def bound(self) -> Fraction | None:
        """Take a number, or infinity as None."""
        before = self.at
        self.sign()
        if self.word() in _INFINITE:
            self.at += 1
            return None
        self.at = before
        return self.number("the value of a bound")

    def terms(self, row: Row, model: LinearModel) -> Fraction:
        """Take terms into a row; return the sum of the constants among them."""
        constant = Fraction(0)
        first = True
        while self.kind() == "sign" or (first and self.kind() in ("number", "name")):
            sign = self.sign()
            value = self.number("a term") if self.kind() == "number" else Fraction(1)
            if self.kind() == "name" and self.kind(1) != "colon":
                name = self.take("name", "a variable")
                model.column(name)
                row.add(name, sign * value)
            elif self.tokens[self.at - 1][0] == "number":
                constant += sign * value
            else:
                _expect(self.peek(), "name", "a variable")
            first = False
        return constant


def _read_objective(model: LinearModel, tokens: list[Token]) -> None:
    read = _Tokens(tokens)
    model.objective.name = read.label() or model.objective.name
    model.constant = read.terms(model.objective, model)
    if (rest := read.peek()) is not None:
        _expect(rest, "sign", "a sign")


def _read_rows(model: LinearModel, tokens: list[Token]) -> None:
    read = _Tokens(tokens)
    names: set[str] = set()
    while (start := read.peek()) is not None:
        name = read.label() or f"R{len(model.rows) + 1}"
        row = Row(name)
        where = f"line {start[2]}, {row.where}"
        if name in names:
            raise InputError("is there twice", row=where)
        names.add(name)
        before = read.at
        constant = read.terms(row, model)
        # A row may be empty; where it begins with a number, what follows is not its right-hand side.
        if not row.terms and read.at > before:
            raise InputError("expected variables before the sense of a row", row=where)
        if constant:
            raise InputError("has a constant among its terms; readers differ on what it means", row=where)
        sense = read.sense()
        limit = read.number("a number on the right of a row")
        if read.kind() == "sense":
            raise InputError("has two limits; the variables come first, then one number", row=where)
        row.lower = None if sense == "<" else limit
        row.upper = None if sense == ">" else limit
        model.rows.append(row)


def _read_bound(model: LinearModel, tokens: list[Token]) -> None:
    """Read one line: ``x <= 1``, ``0 <= x``, ``0 <= x <= 1``, ``x = 1`` or ``x free``."""
    read = _Tokens(tokens)
    limits: list[tuple[str, Fraction | None]] = []
    if read.kind() != "name" or read.word() in _INFINITE:
        value = read.bound()
        limits.append((_TURNED[read.sense()], value))
    column = model.column(read.take("name", "a variable"))
    if read.word() == "free" and not limits:
        read.at += 1
        limits = [("<", None), (">", None)]
    elif read.kind() == "sense":
        limits.append((read.sense(), read.bound()))
    if not limits or read.peek() is not None:
        raise InputError("expected bounds of one variable", row=f"line {tokens[0][2]}")
    for sense, value in limits:
        if sense != ">":
            column.upper = value
        if sense != "<":
            column.lower = value

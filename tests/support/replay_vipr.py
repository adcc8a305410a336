"""VIPR certificates replayed in fractions, line by line as the format's specification (version 1.1) says; nothing is taken from the writer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

__all__ = ["NotVerified", "replay_vipr"]

Form = dict[int, Fraction]


class NotVerified(Exception):
    """The certificate proves nothing; says where."""


@dataclass(frozen=True)
class Constraint:
    form: Form
    sense: int
    """1 for >=, 0 for =, -1 for <=."""
    side: Fraction
    assumed: frozenset[int] = frozenset()

    def implies(self, other: Constraint) -> bool:
        if not self.form and (
            self.side > 0 if self.sense == 1 else self.side < 0 if self.sense == -1 else self.side != 0
        ):
            return True
        if self.form != other.form or (self.sense != other.sense and self.sense != 0):
            return False
        difference = self.side - other.side
        return difference >= 0 if other.sense == 1 else difference <= 0 if other.sense == -1 else difference == 0


def need(condition: bool, what: str) -> None:
    if not condition:
        raise NotVerified(what)


def replay_vipr(text: str) -> tuple[Fraction, Fraction]:
    """Return the range that a certificate proves the optimum to be in, or raise."""
    try:
        return _Reader(text).replay()
    except (ValueError, IndexError, KeyError, StopIteration, ZeroDivisionError) as error:
        raise NotVerified(f"cannot be read: {error!r}") from None


class _Reader:
    def __init__(self, text: str):
        self.words: Iterator[str] = iter(text.split())
        self.objective: Form = {}

    def take(self) -> str:
        return next(self.words)

    def count(self) -> int:
        return int(self.take())

    def pairs(self) -> Form:
        found: Form = {}
        for _ in range(self.count()):
            at = self.count()
            need(at not in found, "an index twice")
            found[at] = Fraction(self.take())
        return {at: value for at, value in found.items() if value}

    def form(self) -> Form:
        size = self.take()
        if size == "OBJ":
            return self.objective
        found: Form = {}
        for _ in range(int(size)):
            at = self.count()
            need(0 <= at < self.columns, "no such variable")
            found[at] = found.get(at, Fraction(0)) + Fraction(self.take())
        return {at: value for at, value in found.items() if value}

    def constraint(self) -> Constraint:
        self.take()
        sense = {"G": 1, "E": 0, "L": -1}[self.take()]
        side = Fraction(self.take())
        return Constraint(self.form(), sense, side)

    def replay(self) -> tuple[Fraction, Fraction]:
        need(self.take() == "VER" and self.take() == "1.1", "version")
        need(self.take() == "VAR", "VAR")
        self.columns = self.count()
        names = [self.take() for _ in range(self.columns)]
        need(len(set(names)) == len(names), "a name twice")
        need(self.take() == "INT", "INT")
        self.whole = {self.count() for _ in range(self.count())}
        need(self.take() == "OBJ" and self.take() == "max", "OBJ max")
        self.objective = self.form()
        need(self.take() == "CON", "CON")
        rows, _ = self.count(), self.count()
        self.known = [self.constraint() for _ in range(rows)]
        need(self.take() == "RTP" and self.take() == "range", "RTP range")
        low, high = Fraction(self.take()), Fraction(self.take())
        need(self.take() == "SOL" and self.count() == 1, "one solution")
        self.take()
        self.solution(self.pairs(), low)
        need(self.take() == "DER", "DER")
        for _ in range(self.count()):
            self.known.append(self.derived())
        need(next(self.words, None) is None, "more than there should be")
        last = self.known[-1]
        need(not last.assumed and last.implies(Constraint(self.objective, -1, high)), "the bound is not derived")
        return low, high

    def solution(self, point: Form, least: Fraction) -> None:
        def value(form: Form) -> Fraction:
            return sum((a * point.get(j, Fraction(0)) for j, a in form.items()), Fraction(0))

        need(all(point.get(j, Fraction(0)).denominator == 1 for j in self.whole), "the solution is not whole")
        for row in self.known:
            left = value(row.form)
            good = left >= row.side if row.sense == 1 else left <= row.side if row.sense == -1 else left == row.side
            need(good, "the solution breaks a constraint")
        need(value(self.objective) >= least, "the solution is worth less")

    def derived(self) -> Constraint:
        wanted = self.constraint()
        need(self.take() == "{", "{")
        reason = self.take()
        here = len(self.known)
        if reason == "asm":
            assumed = frozenset({here})
        elif reason in ("lin", "rnd"):
            made = self.combined(self.pairs())
            if reason == "rnd":
                made = self.rounded(made)
            need(made.implies(wanted), "a combination does not give what it should")
            assumed = made.assumed
        else:
            need(reason == "uns", "an unknown reason")
            first, left, second, right = (self.known[number] for number in self.unsplit())
            a, b = self.numbers[1], self.numbers[3]
            need(first.implies(wanted) and second.implies(wanted), "a side does not give what it should")
            lower, upper = (left, right) if left.sense == -1 else (right, left)
            need(lower.sense == -1 and upper.sense == 1 and lower.form == upper.form, "the sides are not opposite")
            whole = all(j in self.whole and x.denominator == 1 for j, x in lower.form.items())
            need(whole and lower.side.denominator == 1 and upper.side == lower.side + 1, "the sides leave a gap")
            assumed = (first.assumed - {a}) | (second.assumed - {b})
        need(self.take() == "}", "}")
        self.take()
        return Constraint(wanted.form, wanted.sense, wanted.side, assumed)

    def unsplit(self) -> list[int]:
        self.numbers = [self.count() for _ in range(4)]
        need(all(0 <= number < len(self.known) for number in self.numbers), "a constraint that comes later")
        return self.numbers

    def combined(self, multipliers: Form) -> Constraint:
        form: Form = {}
        side, sense, assumed = Fraction(0), 0, frozenset[int]()
        for number, times in multipliers.items():
            need(0 <= number < len(self.known), "a constraint that comes later")
            part = self.known[number]
            direction = part.sense * (1 if times > 0 else -1)
            need(not direction or not sense or direction == sense, "senses are mixed")
            sense = sense or direction
            side += times * part.side
            assumed |= part.assumed
            for j, a in part.form.items():
                form[j] = form.get(j, Fraction(0)) + times * a
        return Constraint({j: a for j, a in form.items() if a}, sense, side, assumed)

    def rounded(self, made: Constraint) -> Constraint:
        whole = all(j in self.whole and a.denominator == 1 for j, a in made.form.items())
        need(whole and made.sense != 0, "cannot be rounded")
        side = Fraction(floor(made.side) if made.sense == -1 else ceil(made.side))
        return Constraint(made.form, made.sense, side, made.assumed)

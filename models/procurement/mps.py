"""MPS files as linear models, numbers kept as they are written.

Fields are separated by blanks (free MPS; fixed MPS too, where no name has a blank in it). Sections: ``NAME``, ``OBJSENSE``, ``ROWS``,
``COLUMNS`` with integer markers, ``RHS``, ``RANGES``, ``BOUNDS``, ``ENDATA``. Anything else is refused: quadratic terms, cones, sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from ..input_error import InputError
from .linear_model import LinearModel, Row, model_number

__all__ = ["parse_mps"]

_SENSES = {"max": True, "maximize": True, "maximise": True, "min": False, "minimize": False, "minimise": False}


def parse_mps(text: str) -> LinearModel:
    """Read the text of an MPS file.

    Raises
    ------
    InputError
        With the line.
    """
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields or line.startswith("*"):
            continue
        try:
            if line[0].isspace():
                reader.data(fields)
            else:
                reader.header(fields)
        except InputError as error:
            place = f"line {number}" + (f", {error.row}" if error.row else "")
            raise InputError(error.message, row=place, field=error.field) from None
    if reader.section != "ENDATA":
        raise InputError("ends before ENDATA")
    return reader.model


class _Reader:
    """The model so far, and the section that is being read."""

    def __init__(self) -> None:
        self.model = LinearModel()
        self.section = ""
        self.kinds: dict[str, str] = {}
        self.rows: dict[str, Row] = {}
        self.objective: str | None = None
        self.integers = False
        self.sets: dict[str, str] = {}
        self.sections: dict[str, Callable[[list[str]], None]] = {
            "OBJSENSE": self.sense,
            "ROWS": self.row,
            "COLUMNS": self.columns,
            "RHS": self.right_hand_side,
            "RANGES": self.range,
            "BOUNDS": self.bound,
        }

    def header(self, fields: list[str]) -> None:
        name = fields[0].upper()
        if self.section == "ENDATA":
            raise InputError("stands after ENDATA")
        if name not in (*self.sections, "NAME", "ENDATA"):
            raise InputError(f"the section {ascii(name)[:40]} is not one of a market's")
        self.section = name
        if name == "OBJSENSE" and len(fields) == 2:
            self.sense(fields[1:])
        elif name != "NAME" and len(fields) > 1:
            raise InputError(f"{name} stands alone on its line")

    def data(self, fields: list[str]) -> None:
        if self.section not in self.sections:
            raise InputError(f"data {'after' if self.section == 'ENDATA' else 'before'} a section")
        self.sections[self.section](fields)

    def sense(self, fields: list[str]) -> None:
        if len(fields) != 1 or fields[0].lower() not in _SENSES:
            raise InputError("expected MAX or MIN", field="OBJSENSE")
        self.model.maximise = _SENSES[fields[0].lower()]

    def row(self, fields: list[str]) -> None:
        if len(fields) != 2 or fields[0].upper() not in ("N", "L", "G", "E"):
            raise InputError("expected N, L, G or E, and a name without blanks")
        kind, name = fields[0].upper(), fields[1]
        if name in self.kinds:
            raise InputError(f"{ascii(name)[:80]} is there twice", field="ROWS")
        self.kinds[name] = kind
        zero = Fraction(0)
        if kind == "N":
            row = Row(name)
            if self.objective is None:
                self.objective, self.model.objective = name, row
        else:
            row = Row(name, lower=None if kind == "L" else zero, upper=None if kind == "G" else zero)
            self.model.rows.append(row)
        self.rows[name] = row

    def columns(self, fields: list[str]) -> None:
        if len(fields) == 3 and fields[1].strip("'\"").upper() == "MARKER":
            marker = fields[2].strip("'\"").upper()
            if marker not in ("INTORG", "INTEND"):
                raise InputError("expected the marker INTORG or INTEND")
            self.integers = marker == "INTORG"
            return
        if len(fields) not in (3, 5):
            raise InputError("expected a column, and once or twice a row and a number")
        if fields[0] not in self.model.columns:
            self.model.column(fields[0]).integer = self.integers
        for row, value in _pairs(fields[1:]):
            self.known(row).add(fields[0], value)

    def right_hand_side(self, fields: list[str]) -> None:
        for name, value in self.of_a_set(fields):
            row = self.known(name)
            if name == self.objective:
                self.model.constant = -value
            # Before any range: the limit that the row has is its right-hand side.
            row.lower, row.upper = (None if limit is None else value for limit in (row.lower, row.upper))

    def range(self, fields: list[str]) -> None:
        for name, value in self.of_a_set(fields):
            row, kind = self.known(name), self.kinds[name]
            if kind == "L" and row.upper is not None:
                row.lower = row.upper - abs(value)
            elif kind == "G" and row.lower is not None:
                row.upper = row.lower + abs(value)
            elif row.lower is not None and row.upper is not None:
                row.lower, row.upper = row.lower + min(value, 0), row.upper + max(value, 0)

    def bound(self, fields: list[str]) -> None:
        kind, *rest = fields
        kind = kind.upper()
        alone = kind in ("BV", "FR", "MI", "PL")
        if kind not in ("UP", "LO", "FX", "UI", "LI") and not alone:
            raise InputError(f"a bound of the kind {ascii(kind)[:40]} is not one of a market's")
        most = 1 if alone else 2
        # The name of the set may be left out, and a number may stand where none is needed.
        if len(rest) > most and rest[1] in self.model.columns:
            self.one_set(rest.pop(0))
        if not most <= len(rest) <= 2 or rest[0] not in self.model.columns:
            raise InputError("expected a kind of bound, the name of the bounds, a column and a number")
        column = self.model.columns[rest[0]]
        value = Fraction(0) if alone else model_number(rest[1])
        if kind in ("UI", "LI", "BV"):
            column.integer = True
        if kind == "BV":
            column.lower, column.upper = Fraction(0), Fraction(1)
        elif kind in ("UP", "UI"):
            column.upper = value
        elif kind in ("LO", "LI"):
            column.lower = value
        elif kind == "FX":
            column.lower = column.upper = value
        elif kind == "PL":
            column.upper = None
        else:
            column.lower, column.upper = None, None if kind == "FR" else column.upper

    def of_a_set(self, fields: list[str]) -> Iterator[tuple[str, Fraction]]:
        """Yield rows and numbers of a line that begins with the name of a set, or leaves it out."""
        if len(fields) % 2:
            self.one_set(fields[0])
        if not 2 <= len(fields) <= 5:
            raise InputError("expected the name of the set, and once or twice a row and a number")
        yield from _pairs(fields[len(fields) % 2 :])

    def one_set(self, name: str) -> None:
        if self.sets.setdefault(self.section, name) != name:
            raise InputError(f"a second set, {ascii(name)[:80]}", field=self.section)

    def known(self, row: str) -> Row:
        if row not in self.rows:
            raise InputError(f"unknown row {ascii(row)[:80]}", field=self.section)
        return self.rows[row]


def _pairs(fields: list[str]) -> Iterator[tuple[str, Fraction]]:
    for at in range(0, len(fields), 2):
        yield fields[at], model_number(fields[at + 1])

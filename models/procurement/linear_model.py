"""Linear models as they stand in LP and MPS files: columns, rows, and numbers as they are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from ..exact import parse_number
from ..input_error import InputError

__all__ = ["Column", "LinearModel", "Row", "brief", "model_number"]


@dataclass
class Row:
    """``lower <= sum of terms <= upper``; None is no limit."""

    name: str
    terms: dict[str, Fraction] = field(default_factory=dict)
    lower: Fraction | None = None
    upper: Fraction | None = None

    def add(self, column: str, value: Fraction) -> None:
        """Add a term.

        Raises
        ------
        InputError
            If the column has one already: readers differ on what two of them mean.
        """
        if column in self.terms:
            raise InputError(f"{brief(column)} is there twice", row=self.where)
        self.terms[column] = value

    @property
    def where(self) -> str:
        """The row in a message."""
        return f"row {brief(self.name)}"


@dataclass
class Column:
    """Whether a variable is an integer, and its bounds; None is no bound."""

    integer: bool = False
    lower: Fraction | None = Fraction(0)
    upper: Fraction | None = None


@dataclass
class LinearModel:
    """What stands in an LP or an MPS file. The columns are in the order in which they are first named."""

    maximise: bool = False
    objective: Row = field(default_factory=lambda: Row("objective"))
    constant: Fraction = Fraction(0)
    rows: list[Row] = field(default_factory=list)
    columns: dict[str, Column] = field(default_factory=dict)

    def column(self, name: str) -> Column:
        """Return a column, a new one if it is named for the first time."""
        return self.columns.setdefault(name, Column())


def model_number(text: str) -> Fraction:
    """Read a decimal number as it is written; ratios are none of these formats.

    Raises
    ------
    InputError
    """
    if "/" in text:
        raise InputError(f"expected a number, got {brief(text)}")
    return parse_number(text)


def brief(name: str) -> str:
    """Quote a name for a message, and not too much of it."""
    return ascii(name)[:80]

"""The one error that bad input raises: it names the file, the row and the field."""

from __future__ import annotations

from typing import Any

__all__ = ["InputError"]


class InputError(ValueError):
    """Input that cannot be accepted.

    Parameters
    ----------
    message : str
        What is wrong, in one line, naming the offending value.
    row : str, optional
        Where in the file, e.g. ``"workers[3] (id 'w4')"``.
    field : str, optional
        The offending field or column.
    file : str, optional
        The file; filled in by the reader through :meth:`in_file`.
    """

    def __init__(self, message: str, *, row: str | None = None, field: str | None = None, file: str | None = None):
        self.message = message
        self.row = row
        self.field = field
        self.file = file
        super().__init__(message)

    def in_file(self, file: Any) -> InputError:
        """Return the same error with the file's name on it."""
        return InputError(self.message, row=self.row, field=self.field, file=self.file or str(file))

    def __str__(self) -> str:
        where = [self.file, self.row, f"field '{self.field}'" if self.field else None]
        text = ": ".join([", ".join(part for part in where if part), self.message]) if any(where) else self.message
        # One error is one line, whatever the input contained.
        return " ".join(text.split())[:600]

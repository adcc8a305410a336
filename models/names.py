"""What a name is: the one rule for ids of workers, groups, requesters and types, whatever way they come in.

A name is a text (or a whole number, written as one) that people can tell from every other name beside it. Names are not
repaired: a cap for ``phone`` next to workers of ``phone `` is a mistake, and a mistake is said.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from .files import NumberText
from .input_error import InputError
from .text_columns import TextColumn

__all__ = [
    "LONGEST_NAME",
    "name_key",
    "nearest_name",
    "none_if_missing",
    "position_of",
    "read_name",
    "read_names",
    "refuse_alike",
    "refuse_unknown",
]

LONGEST_NAME = 1_000_000
"""Characters of the longest name that is read."""

_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters move a terminal's cursor, end lines and rows; lone surrogates cannot be written to any file."""

_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that show nothing and are neither blanks nor of the format category."""


def read_name(value: Any, row: str | None = None, field: str | None = None) -> str:
    """Read one name.

    Parameters
    ----------
    value : str or int
        numpy's texts and integers count as such.
    row, field : str, optional
        Where it stands, for the message.

    Raises
    ------
    InputError
        For what is missing (None, NaN, nothing but blanks), for anything but a text or a whole number, and for names with control
        characters or lone surrogates.
    """
    if isinstance(value, NumberText):
        raise InputError(f"expected a name, got the number {value[:60]}", row=row, field=field)
    if isinstance(value, str):
        name = str(value)
    elif isinstance(value, Integral) and not isinstance(value, bool | np.bool_):
        name = str(int(value))
    elif value is None or _is_missing(value):
        raise InputError("missing", row=row, field=field)
    else:
        raise InputError(f"expected a name, got {type(value).__name__}", row=row, field=field)
    if len(name) > LONGEST_NAME:
        raise InputError(f"name of more than {LONGEST_NAME:,} characters", row=row, field=field)
    if not name_key(name):
        raise InputError("missing: the name is empty or blank", row=row, field=field)
    if name.isprintable():
        return name
    if found := _UNWANTED.search(name):
        what = "a lone surrogate" if found[0] >= "\ud800" else "a control character"
        raise InputError(f"name {ascii(name)[:60]} has {what} (U+{ord(found[0]):04X})", row=row, field=field)
    return name


def none_if_missing(value: Any) -> Any:
    """Return None for what a table leaves out (NaN, NaT, pandas's NA), everything else as it is."""
    return None if value is None or _is_missing(value) else value


def _is_missing(value: Any) -> bool:
    """Whether a value is NaN, NaT or pandas's NA, which equal not even themselves or will not say."""
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def name_key(name: str) -> str:
    """What is left of a name for the eye: composed, blanks folded into one and cut off at the ends, invisible characters gone."""
    # Printable leaves out control, format and surrogate characters, and all blanks but the plain one.
    plain = name.isprintable() and "  " not in name and name == name.strip() and unicodedata.is_normalized("NFC", name)
    if plain and (name.isascii() or not _INVISIBLE.search(name)):
        return name
    composed = unicodedata.normalize("NFC", name)
    seen = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    # Once more: a character that was taken out may have kept its neighbours from composing.
    return unicodedata.normalize("NFC", " ".join(_INVISIBLE.sub("", seen).split()))


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Say which known name may have been meant, as the end of a message; empty if none comes near."""
    known = list(known)
    alike = [other for other in known if name_key(other) == name_key(name)]
    if alike:
        return f"; {ascii(alike[0])[:80]} differs only by blanks, Unicode normal form or invisible characters"
    close = difflib.get_close_matches(name[:200], known[:10_000], n=1)
    return f"; did you mean '{close[0][:80]}'?" if close else ""


def position_of(who: Any, count: int, places: Mapping[str, int]) -> int | None:
    """Say where one of `count` things stands that is meant by its name or by its position; None if there is no such thing."""
    if isinstance(who, str):
        return places.get(who)
    return int(who) if isinstance(who, Integral) and not isinstance(who, bool) and 0 <= int(who) < count else None


def refuse_unknown(fields: Iterable[str], known: Iterable[str], row: str | None) -> None:
    """Refuse a field nobody reads: a misspelt ``seat`` would silently drop a constraint."""
    known = set(known)
    for name in fields:
        if name not in known:
            close = difflib.get_close_matches(str(name)[:200], known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else f"; known are {', '.join(sorted(known))}"
            raise InputError(f"unknown field{hint}", row=row, field=str(name)[:60])


def read_names(values: Iterable[Any], kind: str, field: str, *, distinct: bool = False) -> list[str]:
    """Read a column of names, one a row; repeated names are allowed.

    Parameters
    ----------
    values : iterable
    kind : str
        What the rows are, for messages: ``workers`` makes ``workers[3]``.
    field : str
    distinct : bool
        Refuse names that differ only by what nobody sees.

    Raises
    ------
    InputError
        As :func:`read_name`, naming the row, and as :func:`refuse_alike`.
    """
    column: list[Any] = values.tolist() if isinstance(values, np.ndarray | TextColumn) else list(values)
    # Ids of a million workers: the whole column is looked at once, and name by name only if something in it is unusual.
    if _plain(column):
        return column
    known: dict[tuple[type, Any], str] = {}
    names = []
    for position, value in enumerate(column):
        key = (type(value), value) if isinstance(value, str | int) else None
        name = known.get(key) if key is not None else None
        if name is None:
            name = read_name(value, f"{kind}[{position}]", field)
            if key is not None:
                known[key] = name
        names.append(name)
    if distinct:
        refuse_alike(names, kind, field)
    return names


def _plain(column: list[Any]) -> bool:
    """Whether a column is of texts, each a name that differs from all others for the eye too if it differs."""
    return set(map(type, column)) <= {str} and _as_they_look(column)


def _as_they_look(names: Sequence[str]) -> bool:
    """Whether every name of a column is what :func:`name_key` makes of it: such names look alike only if they are the same."""
    joined = "\n".join(["", *names, ""])
    lines = joined.replace("\n", "")
    return (
        len(joined) - len(lines) == len(names) + 1
        and lines.isprintable()
        and not any(pair in joined for pair in ("  ", " \n", "\n ", "\n\n"))
        and (joined.isascii() or (unicodedata.is_normalized("NFC", joined) and not _INVISIBLE.search(joined)))
    )


def refuse_alike(names: Iterable[str], kind: str, field: str) -> None:
    """Refuse names that differ, and only by what nobody sees: blanks, Unicode normal form, invisible characters.

    Raises
    ------
    InputError
        Naming both.
    """
    names = list(names)
    if _as_they_look(names):
        return
    first: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = first.setdefault(name_key(name), name)
        if other != name:
            raise InputError(
                f"names {ascii(other)[:80]} and {ascii(name)[:80]} differ only by blanks, Unicode normal form or "
                "invisible characters",
                row=kind,
                field=field,
            )

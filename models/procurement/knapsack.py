"""Knapsack files of the literature as markets: items are the workers, their profit the score, their weight the cost.

Three formats, told apart by what stands in the file:

- Pisinger (``knapPI_*.csv``): a name, ``n``, ``c``, ``z``, ``time``, then ``item,profit,weight,taken`` for each item; any number of
  instances, each ended by a line of hyphens. ``FILE#NAME`` picks one.
- Jooken, Leyman, De Causmaecker (``test.in``): the number of items, ``item profit weight`` for each, the capacity.
- plain: ``items capacity`` on the first line, ``profit weight`` for each item.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..exact import parse_integer
from ..files import PathLike, read_text
from ..input_error import InputError
from .market import Market

__all__ = ["read_knapsack"]

Line = tuple[int, list[str]]
"""A line's number in the file, and its fields."""


def read_knapsack(path: PathLike, *, drop_zero: bool = False) -> Market:
    """Read a knapsack.

    Parameters
    ----------
    path : path
        The file, or ``FILE#NAME`` for one of several instances in it.
    drop_zero : bool
        Leave out items without profit instead of refusing them.

    Returns
    -------
    Market
        One requester, named ``knapsack``; workers are named as the items are numbered.

    Raises
    ------
    InputError
        With the file, the row and the field.
    """
    file, _, wanted = str(path).partition("#") if not Path(path).exists() else (str(path), "", "")
    try:
        lines = [
            (number, fields)
            for number, text in enumerate(read_text(file).splitlines(), 1)
            if (fields := re.split(r"[\s,;]+", text.strip().strip(",;"))) != [""]
        ]
        if not lines:
            raise InputError("is empty")
        first = lines[0][1]
        if {"score", "cost"} <= {field.lower() for field in first}:
            raise InputError('is a table of workers without budgets: name it as "workers" in a *.market.json beside it')
        if not all(_is_number(field) for field in first):
            return _pisinger(lines, wanted, drop_zero)
        if wanted:
            raise InputError(f"the file holds one knapsack, without a name: {wanted!r} cannot be picked")
        if len(first) == 1:
            return _jooken(lines, drop_zero)
        if len(first) == 2:
            return _market(first[1], lines[0][0], lines[1:], first[0], None, drop_zero)
        raise InputError("expected a name, the number of items, or items and capacity", row=f"line {lines[0][0]}")
    except InputError as error:
        raise error.in_file(file) from None


def _pisinger(lines: list[Line], wanted: str, drop_zero: bool) -> Market:
    instances: list[list[Line]] = [[]]
    for line in lines:
        if set("".join(line[1])) == {"-"}:
            instances.append([])
        else:
            instances[-1].append(line)
    named = {" ".join(instance[0][1]): instance for instance in instances if instance}
    if not wanted and len(named) > 1:
        raise InputError(f"holds {len(named)} knapsacks; pick one as FILE#NAME, for example FILE#{next(iter(named))}")
    if wanted and wanted not in named:
        raise InputError(f"holds no knapsack named {wanted!r}; the first is {next(iter(named))!r}")
    chosen = named[wanted] if wanted else next(iter(named.values()))
    head: dict[str, Line] = {}
    body = 1
    while body < len(chosen) and not _is_number(chosen[body][1][0]):
        head[chosen[body][1][0].lower()] = chosen[body]
        body += 1
    for field in ("n", "c"):
        if field not in head or len(head[field][1]) != 2:
            raise InputError("missing", row=f"line {chosen[0][0]}", field=field)
    return _market(head["c"][1][1], head["c"][0], chosen[body:], head["n"][1][1], 0, drop_zero)


def _jooken(lines: list[Line], drop_zero: bool) -> Market:
    number, last = lines[-1]
    if len(lines) < 2 or len(last) != 1:
        raise InputError("expected the capacity alone on the last line", row=f"line {number}")
    return _market(last[0], number, lines[1:-1], lines[0][1][0], 0, drop_zero)


def _market(
    capacity: str, capacity_line: int, items: Sequence[Line], count: str, named_by: int | None, drop_zero: bool
) -> Market:
    """Make the market of items whose name, if they have one, stands before profit and weight."""
    skipped = 0 if named_by is None else 1
    try:
        expected = parse_integer(count)
    except InputError as error:
        raise InputError(error.message, field="number of items") from None
    if len(items) != expected:
        raise InputError(f"{expected} items are announced and {len(items)} are there", field="number of items")
    for number, fields in items:
        if len(fields) < skipped + 2 or not all(_is_number(field) for field in fields[: skipped + 2]):
            form = "item, profit and weight" if skipped else "profit and weight"
            raise InputError(f"expected {form}", row=f"line {number}")
    if not _is_number(capacity):
        raise InputError(f"expected a number, got {capacity[:40]!r}", row=f"line {capacity_line}", field="capacity")
    return Market.build(
        worker_ids=[fields[0] for _, fields in items] if skipped else None,
        scores=[fields[skipped] for _, fields in items],
        costs=[fields[skipped + 1] for _, fields in items],
        budgets=[capacity],
        requester_ids=["knapsack"],
        drop_zero=drop_zero,
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text) is not None

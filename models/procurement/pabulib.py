"""Participatory budgeting elections (``*.pb`` files of Pabulib) as markets: projects are the workers, the city is the requester.

A project's score is its ``score`` if the file has that column, else its ``votes``, else what the ballots say: approvals counted,
points of cumulative and scoring ballots added. OPT then is the welfare-maximal set of projects within the budget.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ..exact import parse_number
from ..files import PathLike, read_text
from ..input_error import InputError
from ..names import read_name
from .market import Market

__all__ = ["read_pabulib"]

_SECTIONS = ("META", "PROJECTS", "VOTES")


def read_pabulib(path: PathLike, *, drop_zero: bool = False) -> Market:
    """Read a participatory budgeting election.

    Parameters
    ----------
    path : path
        A ``*.pb`` file: sections ``META``, ``PROJECTS`` and ``VOTES`` of columns separated by semicolons.
    drop_zero : bool
        Leave out projects that nobody voted for instead of refusing them.

    Returns
    -------
    Market
        One requester, named ``budget``, and one worker for each project.

    Raises
    ------
    InputError
        With the file, the row and the field.
    """
    try:
        sections = _sections(read_text(path))
        meta = {row.get("key", ""): row.get("value", "") for _, row in sections["META"]}
        if "budget" not in meta:
            raise InputError("missing", row="META", field="budget")
        projects = sections["PROJECTS"]
        for line, row in projects:
            for field in ("project_id", "cost"):
                if not row.get(field):
                    raise InputError("missing", row=f"line {line}", field=field)
        ids = [read_name(row["project_id"], f"line {line}", "project_id") for line, row in projects]
        return Market.build(
            worker_ids=ids,
            scores=_scores(meta, ids, projects, sections["VOTES"]),
            costs=[_number(row["cost"], line, "cost") for line, row in projects],
            budgets=[_number(meta["budget"], "META", "budget")],
            requester_ids=["budget"],
            drop_zero=drop_zero,
        )
    except InputError as error:
        raise error.in_file(path) from None


Row = tuple[int, dict[str, str]]
"""A line's number in the file, and its fields by column."""


def _sections(text: str) -> dict[str, list[Row]]:
    """Read the rows of every section, each under the columns of its own header."""
    found: dict[str, list[Row]] = {}
    rows: list[Row] | None = None
    header: list[str] | None = None
    for line, fields in _lines(text):
        if len(fields) == 1 and fields[0].upper() in _SECTIONS:
            name = fields[0].upper()
            if name in found:
                raise InputError(f"the section {name} is there twice", row=f"line {line}")
            rows, header = found.setdefault(name, []), None
        elif rows is None:
            raise InputError(f"expected one of the sections {', '.join(_SECTIONS)}", row=f"line {line}")
        elif header is None:
            header = fields
            if len(set(header)) < len(header):
                raise InputError("a column is there twice", row=f"line {line}")
        elif len(fields) > len(header):
            raise InputError(f"{len(fields)} fields, where the header has {len(header)}", row=f"line {line}")
        else:
            rows.append((line, dict(zip(header, fields, strict=False))))
    for name in ("META", "PROJECTS"):
        if name not in found:
            raise InputError(f"the section {name} is missing")
    found.setdefault("VOTES", [])
    return found


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(), delimiter=";")
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise InputError(str(error), row=f"line {reader.line_num}") from None


def _scores(meta: dict[str, str], ids: list[str], projects: list[Row], votes: list[Row]) -> list[Any]:
    for column in ("score", "votes"):
        if projects and all(row.get(column) for _, row in projects):
            return [_number(row[column], line, column) for line, row in projects]
    kind = meta.get("vote_type", "approval").lower()
    if kind == "ordinal":
        raise InputError(
            "rankings have no score: the file needs a column score or votes", row="PROJECTS", field="score"
        )
    totals: Counter[str] = Counter()
    known = set(ids)
    for line, row in votes:
        chosen = [name.strip() for name in row.get("vote", "").split(",") if name.strip()]
        if (unknown := next((name for name in chosen if name not in known), None)) is not None:
            raise InputError(f"a vote for {unknown!r}, which is no project", row=f"line {line}", field="vote")
        points = [part.strip() for part in row.get("points", "").split(",") if part.strip()]
        if not points and kind == "approval":
            points = ["1"] * len(chosen)
        if len(points) != len(chosen):
            raise InputError(f"{len(points)} points for {len(chosen)} projects", row=f"line {line}", field="points")
        for name, point in zip(chosen, points, strict=True):
            totals[name] += _number(point, line, "points")  # type: ignore[assignment]
    return [totals[name] for name in ids]


def _number(text: str, line: int | str, field: str) -> Fraction:
    """Read a number as written; files made by hand have decimal commas."""
    try:
        return parse_number(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except InputError as error:
        raise InputError(error.message, row=line if isinstance(line, str) else f"line {line}", field=field) from None

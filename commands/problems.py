"""``fedmech problems``: what is solved, as formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import JsonOption, guarded, print_json, table, text_width, write

if TYPE_CHECKING:
    from ..models.display import Page
    from ..models.problems import Problem

__all__ = ["problem_page", "problems_command"]


@guarded
def problems_command(
    name: Annotated[str | None, typer.Argument(metavar="PROBLEM", help="all about this one")] = None,
    json: JsonOption = False,
) -> None:
    """List the problems, or show one: its formula, its source, what solves it, a command that runs it."""
    from ..models.problems import find_problem, problems

    found = problems() if name is None else (find_problem(name),)
    if json:
        fields = ("name", "title", "asks", "formula", "latex", "source", "remark", "example")
        listed = [
            {field: getattr(entry, field) for field in fields} | {"methods": [row[0] for row in _methods(entry.name)]}
            for entry in found
        ]
        print_json({"problems": listed})
    elif name is not None:
        write(problem_page(found[0]).text(text_width()) + "\n")
    else:
        table(None, ["problem", "", "source"], [[entry.name, entry.asks, entry.source] for entry in found])


def problem_page(entry: Problem) -> Page:
    """Return all about one problem."""
    from ..models.display import Page, Table

    facts = [
        ("problem", f"{entry.name}: {entry.asks}"),
        ("source", entry.source),
        ("known", entry.remark),
        ("try", entry.example),
    ]
    letters = [[*pair] for pair in entry.symbols.items()]
    tables = [
        Table(["", ""], [[*line] for line in entry.formula], title=entry.title),
        Table(["", ""], letters, title="Letters"),
        Table(["--method", "exactness", ""], _methods(entry.name), title="What solves it"),
    ]
    return Page("", facts, tables)


def _methods(problem: str) -> list[list[str]]:
    """Name, what an answer rests on at most, and a word about each method of a problem."""
    from ..solvers.registry import methods

    return [[entry.name, entry.exactness, entry.summary] for entry in methods(problem)]

"""``fedmech methods`` and ``fedmech mechanisms``: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import (
    JsonOption,
    guarded,
    print_json,
    table,
    text_width,
    write,
)

if TYPE_CHECKING:
    from ..fl.registry import Mechanism
    from ..models.display import Page

__all__ = ["mechanism_page", "mechanisms_command", "methods_command"]

EXAMPLES = {"number": "1/2", "integer": "2", "seed": "7", "vector": "1"}
"""A value of every kind of option, for the example on a mechanism's page."""

PROMISES = {
    "truthful": "bidding the true cost is a dominant strategy",
    "rational": "no winner is paid less than its bid",
    "budget": "payments stay within the pooled budget",
    "separate-budgets": "every requester's payments stay within its own budget",
}


@guarded
def methods_command(
    problem: Annotated[str | None, typer.Argument(metavar="PROBLEM", help="only the methods of this problem")] = None,
    json: JsonOption = False,
) -> None:
    """List the solution methods of every problem."""
    from ..solvers.registry import PREFERENCES, check_problem, methods

    if problem is not None:
        check_problem(problem, PREFERENCES)
    found = methods(problem)
    if json:
        fields = ("problem", "name", "summary", "seats", "exactness", "max_workers", "reference", "available")
        known = [{field: getattr(method, field) for field in fields} for method in found]
        print_json({"methods": known})
        return
    rows = [
        [
            method.problem,
            method.name,
            method.exactness,
            "any" if method.max_workers is None else f"<= {method.max_workers}",
            "yes" if method.available else f"needs {', '.join(method.requires)}",
            method.summary,
        ]
        for method in found
    ]
    table(None, ["problem", "method", "exactness", "workers", "installed", ""], rows)


@guarded
def mechanisms_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="all about this one")] = None,
    json: JsonOption = False,
) -> None:
    """List the mechanisms, or show one: what it does and promises, its options, its source, a command that runs it."""
    from ..fl.registry import find_mechanism, mechanisms

    found = mechanisms() if name is None else [find_mechanism(name)]
    if json:
        fields = ("name", "market", "summary", "source")
        print_json(
            {
                "mechanisms": [
                    {field: getattr(entry, field) for field in fields}
                    | {
                        "claims": sorted(entry.claims),
                        "options": [vars(option) for option in entry.options],
                    }
                    for entry in found
                ]
            }
        )
        return
    if name is not None:
        write(mechanism_page(found[0]).text(text_width()) + "\n")
        return
    rows = [
        [entry.name, entry.market, entry.summary, ", ".join(option.name for option in entry.options), entry.source]
        for entry in found
    ]
    table(None, ["mechanism", "market", "", "options", "source"], rows)


def mechanism_page(entry: Mechanism) -> Page:
    """Return all about one mechanism, with a command that runs it on the shipped market."""
    from ..models.display import Page, Table

    needed = " ".join(f"--option {option.name}={EXAMPLES[option.kind]}" for option in entry.options if option.required)
    facts = [
        ("mechanism", entry.name),
        ("does", entry.summary),
        ("market", str(entry.market)),
        ("source", entry.source),
        *(("promises", PROMISES[claim]) for claim in PROMISES if claim in entry.claims),
        ("try", f"fedmech run --mechanism {entry.name} {needed}".rstrip()),
    ]
    options = [
        [option.name, option.kind, "needed" if option.required else "may be left out", option.help]
        for option in entry.options
    ]
    return Page("", facts, [Table(["option", "takes", "", ""], options, title="Options")])

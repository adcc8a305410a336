"""``fedmech methods`` and ``fedmech mechanisms``: what there is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .console import (
    JsonOption,
    guarded,
    print_json,
    table,
)

__all__ = ["mechanisms_command", "methods_command"]


@guarded
def methods_command(
    problem: Annotated[str | None, typer.Argument(metavar="PROBLEM", help="only the methods of this problem")] = None,
    json: JsonOption = False,
) -> None:
    """List the solution methods of every problem."""
    from ..solvers.registry import check_problem, methods

    social = social_methods() if problem in (None, "social-state") else []
    if problem not in (None, "social-state"):
        check_problem(problem)
    found = [] if problem == "social-state" else methods(problem)
    if json:
        fields = ("problem", "name", "summary", "seats", "exactness", "max_workers", "reference", "available")
        known = [{field: getattr(method, field) for field in fields} for method in found]
        print_json({"methods": known + social})
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
    rows += [[row["problem"], row["name"], row["exactness"], "-", "yes", row["summary"]] for row in social]
    table(None, ["problem", "method", "exactness", "workers", "installed", ""], rows)


def social_methods() -> list[dict[str, Any]]:
    """The methods for social states, which solve another kind of market than the registry's."""
    from ..solvers.sharing.solve import METHODS

    return [
        {
            "problem": "social-state",
            "name": name,
            "summary": summary,
            "seats": False,
            "exactness": "solver" if name == "pyomo-highs" else "checked",
            "max_workers": None,
            "reference": name == "pyomo-highs",
            "available": True,
        }
        for name, summary in METHODS.items()
    ]


@guarded
def mechanisms_command(json: JsonOption = False) -> None:
    """List the mechanisms."""
    from ..fl.mechanisms.interface import mechanisms

    found = mechanisms()
    if json:
        fields = ("name", "summary", "source")
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
    rows = [
        [entry.name, entry.summary, ", ".join(option.name for option in entry.options), entry.source] for entry in found
    ]
    table(None, ["mechanism", "", "options", "source"], rows)

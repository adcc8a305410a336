"""``fedmech simulate``: one point of an experiment; ``fedmech experiments``: which there are."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    STOPPED,
    ForceOption,
    JsonOption,
    guarded,
    print_json,
    progress_reporter,
    say,
    table,
    text_width,
    write,
)

if TYPE_CHECKING:
    from ..fl.experiments.engine.registry import Experiment
    from ..models.display import Page

__all__ = ["ConfigArgument", "SetOption", "experiments_command", "show_rows", "simulate_command"]

ConfigArgument = Annotated[
    str, typer.Argument(metavar="CONFIG", help="a .toml or .json file, or a name from 'fedmech experiments'")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="change a setting; lists as 1,2,3 (repeat for several settings)"),
]
SHOWN = 20
ACROSS = 10
"""Rows with more columns than this do not fit beside one another: their columns are summed up instead."""


@guarded
def simulate_command(
    config: ConfigArgument,
    changes: SetOption = None,
    out: Annotated[Path | None, typer.Option(help="write the rows as a .csv or .parquet file")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="a folder to go on from after an interrupt, where the experiment can")
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
    summary: Annotated[bool, typer.Option("--summary", help="leave the rows out")] = False,
) -> None:
    """Run one point of an experiment: the settings of a configuration, without its grid."""
    from ..fl.experiments.engine.configuration import read_configuration
    from ..fl.experiments.engine.results import check_table_path, rows_with_settings, write_rows
    from ..fl.settings import settings_document
    from ..models.files import refuse_overwriting
    from ..solvers.control import Control

    if out is not None:
        check_table_path(out)
        refuse_overwriting(out, force, [config])
    configuration = read_configuration(config).with_changes(changes or [])
    settings, entry = configuration.point(), configuration.experiment
    if configuration.sweep and not json:
        say(f"one point; the grid of {configuration.size:,} points is for 'fedmech sweep'")
    started = time.perf_counter()
    interrupted = False
    try:
        rows = entry.run(settings, Control(report=progress_reporter()), checkpoint)
    except KeyboardInterrupt as stop:
        # An experiment that can hands over what it found until then.
        rows, interrupted = getattr(stop, "rows", []), True
        if not rows and checkpoint is None:
            raise
        kept = f"interrupted with {len(rows):,} rows"
        say(kept if checkpoint is None else f"{kept}; the same command goes on from {checkpoint}")
    seconds = time.perf_counter() - started
    if out is not None:
        write_rows(entry, rows_with_settings(entry, settings, rows), out)
    document = settings_document(settings)
    if json:
        answer: dict[str, Any] = {"experiment": entry.name, "version": entry.version, "point": entry.digest(settings)}
        answer |= {"settings": document, "seconds": seconds, "row_count": len(rows)}
        answer["stopped"] = "interrupted" if interrupted else "done"
        if not summary:
            answer["rows"] = [{key: _finite(value) for key, value in row.items()} for row in rows]
        print_json(answer)
    else:
        show_rows(entry, document, rows, seconds, summary)
    if interrupted:
        raise typer.Exit(STOPPED)


def show_rows(
    entry: Experiment, document: dict[str, Any], rows: Sequence[Mapping[str, Any]], seconds: float, summary: bool
) -> None:
    """Show settings and rows; rows too wide for a screen as one line a column."""
    head = [["experiment", entry.name], ["source", entry.source], *([name, _show(v)] for name, v in document.items())]
    table(None, ["", ""], [*head, ["rows", f"{len(rows):,} in {seconds:.1f} s"]])
    if not rows or summary:
        return
    # Rows need not have the same columns: in the order in which they first turn up.
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if len(columns) > ACROSS:
        _show_columns(columns, rows)
        return
    left = len(rows) - SHOWN
    title = f"First {SHOWN} rows ({left:,} more with --json or --out)" if left > 0 else None
    right = tuple(i for i, key in enumerate(columns) if all(not isinstance(row.get(key), str) for row in rows))
    table(title, columns, [[_show(row.get(key)) for key in columns] for row in rows[:SHOWN]], right)


def _show_columns(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Show mean, range, first and last value of every number, for each value of the first column of texts."""
    kind = next((key for key in columns if all(isinstance(row.get(key), str) for row in rows)), None)
    for value in dict.fromkeys(row[kind] for row in rows) if kind else [None]:
        mine = [row for row in rows if kind is None or row[kind] == value]
        shown = []
        for key in columns:
            numbers = [float(row[key]) for row in mine if isinstance(row.get(key), int | float)]
            if numbers:
                figures = [math.fsum(numbers) / len(numbers), min(numbers), max(numbers), numbers[0], numbers[-1]]
                shown.append([key, *map(_show, figures), f"{len(numbers):,}"])
        title = (
            f"{len(mine):,} rows"
            + ("" if kind is None else f", {kind} {value}")
            + " (all of them with --json or --out)"
        )
        table(title, ["", "mean", "least", "largest", "first", "last", "values"], shown, (1, 2, 3, 4, 5, 6))


def _finite(value: Any) -> Any:
    """Leave out what JSON has no number for."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _show(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(_show, value))
    return f"{value:.5g}" if isinstance(value, float) else str(value)


@guarded
def experiments_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="all about this one")] = None,
    json: JsonOption = False,
) -> None:
    """List the experiments, or show one: its source, configurations, and every setting with its default."""
    from ..fl.experiments.engine.registry import experiments, find_experiment
    from ..fl.settings import field_rules

    sizes = shipped_sizes()
    found = experiments() if name is None else [find_experiment(name)]
    if json:
        known = [
            {
                "name": entry.name,
                "summary": entry.summary,
                "source": entry.source,
                "version": entry.version,
                "requires": list(entry.requires),
                "configurations": sizes.get(entry.name, {}),
                "settings": {
                    rule.name: {
                        "takes": rule.wanted,
                        "default": rule.default,
                        "min": rule.min,
                        "max": rule.max,
                        "choices": list(rule.choices),
                        "help": rule.help,
                    }
                    for rule in field_rules(entry.settings).values()
                },
            }
            for entry in found
        ]
        print_json({"experiments": known})
        return
    if name is not None:
        write(experiment_page(found[0], sizes.get(name, {})).text(text_width()) + "\n")
        return
    rows = [
        [
            entry.name,
            entry.summary,
            ", ".join(f"{name} ({size:,})" for name, size in sizes.get(entry.name, {}).items()) or "-",
            ", ".join(field_rules(entry.settings)),
            entry.source,
        ]
        for entry in found
    ]
    table(None, ["experiment", "", "configurations (points)", "settings", "source"], rows)


def shipped_sizes() -> dict[str, dict[str, int]]:
    """Return how many points each shipped configuration has, by experiment."""
    from ..fl.experiments.engine.configuration import read_configuration, shipped_configurations

    sizes: dict[str, dict[str, int]] = {}
    for shipped in shipped_configurations():
        configuration = read_configuration(shipped)
        sizes.setdefault(configuration.experiment.name, {})[shipped] = configuration.size
    return sizes


def experiment_page(entry: Experiment, sizes: dict[str, int]) -> Page:
    """Return all about one experiment, with a command that runs a point of it."""
    from ..fl.settings import field_rules
    from ..models.display import Page, Table

    facts = [
        ("experiment", entry.name),
        ("does", entry.summary),
        ("source", entry.source),
        *(("needs", package) for package in entry.requires),
        *(("configuration", f"{name}: {size:,} points") for name, size in sizes.items()),
        ("try", f"fedmech simulate {next(iter(sizes), entry.name)} --set seed=1"),
    ]
    settings = []
    for rule in field_rules(entry.settings).values():
        takes = rule.wanted if not rule.choices else " or ".join(map(str, rule.choices))
        settings.append([rule.name, takes, str(rule.default), rule.help])
    return Page("", facts, [Table(["setting", "takes", "default", ""], settings, title="Settings")])

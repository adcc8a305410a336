"""``fedmech selftest``: the solvers against each other, against oracles, and against themselves on changed markets."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import CHECK_FAILED, JsonOption, echo, guarded, print_json, progress_reporter, table

if TYPE_CHECKING:
    from ..verification.selftest.campaign import Finding, Report

__all__ = ["selftest_command"]


@guarded
def selftest_command(
    findings: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FINDING]...", help="*.finding.json files of an earlier run: put these to their test again"
        ),
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="how long to draw cases; 1 if nothing is said")] = None,
    cases: Annotated[int | None, typer.Option(min=0, help="how many cases to draw")] = None,
    seed: Annotated[int, typer.Option(help="case i depends on the seed and i alone")] = 0,
    problem: Annotated[list[str] | None, typer.Option(help="only this problem; may be repeated")] = None,
    limit: Annotated[float, typer.Option(min=0.1, help="seconds for one search on a small market")] = 5.0,
    out: Annotated[
        Path | None, typer.Option(help="folder for what is found; selftest-SEED, made when something is found")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Random markets of every kind: all methods against each other, against oracles, and against the same market told otherwise.

    A failure is made small and written as a market and as a finding that this command puts to its test again. Exit code 1 if
    anything was found. Ctrl-C ends the run with what was done so far.
    """
    from ..models.input_error import InputError
    from ..models.seeds import read_seed
    from ..verification.selftest.campaign import campaign

    if findings:
        _again(findings, limit, json)
        return
    seed = read_seed(seed)
    if minutes is None and cases is None:
        minutes = 1.0
    if minutes is not None and not minutes < float("inf"):
        raise InputError(f"expected a number of minutes, got {minutes}", field="minutes")
    seconds = None if minutes is None else 60 * minutes
    report = campaign(
        seed, cases=cases, seconds=seconds, problems=problem or (), limit=limit, progress=progress_reporter()
    )
    folder = out or Path(f"selftest-{seed}")
    commands = [_write(finding, folder) for finding in report.findings]
    if json:
        document = report.to_json()
        for finding, command in zip(document["findings"], commands, strict=True):
            finding["command"] = command
        print_json(document)
    else:
        _print(report, commands)
    if report.failed:
        raise typer.Exit(CHECK_FAILED)


def _write(finding: Finding, folder: Path) -> str:
    """Write a finding and its market beside those of earlier runs; return the command that shows it."""
    from ..models.files import make_folder, write_whole
    from ..verification.selftest.case import SOCIAL

    make_folder(folder)
    number = 1
    while any(folder.glob(f"{number}.*.json")):
        number += 1
    suffix = "mots" if finding.case.problem == SOCIAL else "market"
    prose = {"description": f"{finding.kind}: {finding.says}"[:500]}
    write_whole(folder / f"{number}.{suffix}.json", json_module.dumps(finding.case.document | prose, indent=1) + "\n")
    path = folder / f"{number}.finding.json"
    write_whole(path, json_module.dumps(finding.to_json(), indent=1) + "\n")
    return f"fedmech selftest {path}"


def _again(paths: list[Path], limit: float, as_json: bool) -> None:
    from ..models.files import read_json
    from ..models.input_error import InputError
    from ..verification.selftest.campaign import replay

    shown: list[dict[str, Any]] = []
    for path in paths:
        try:
            found = replay(read_json(path), limit)
        except InputError as error:
            raise error.in_file(path) from None
        shown.append({"file": str(path), "finding": None if found is None else found.to_json()})
        if not as_json:
            echo(f"{path}: " + ("holds" if found is None else f"{found.kind}: {found.says}"))
    if as_json:
        print_json({"findings": shown})
    if any(row["finding"] for row in shown):
        raise typer.Exit(CHECK_FAILED)


def _print(report: Report, commands: list[str]) -> None:
    document = report.to_json()
    by_test: dict[str, list[int]] = {}
    by_family: dict[str, list[int]] = {}
    for row in document["counts"]:
        for key, counts in ((row["test"], by_test), (row["family"], by_family)):
            line = counts.setdefault(key, [0, 0, 0])
            for place, column in enumerate(("held", "failed", "not_applicable")):
                line[place] += row[column]
    for title, counts in (("Tests", by_test), ("Families", by_family)):
        rows = [[name, *(f"{count:,}" for count in line)] for name, line in sorted(counts.items())]
        table(title, ["", "held", "failed", "not applicable"], rows, (1, 2, 3))
    echo(
        f"{report.cases:,} cases, {document['tests']:,} tests in {report.seconds:.0f} s (seed {report.seed}, ended by "
        f"{report.stopped}): {document['failures']} failures"
    )
    for finding, command in zip(report.findings, commands, strict=True):
        echo(f"\n{finding.kind}, on {finding.case.size} workers or clients: {finding.says}\n  {command}")

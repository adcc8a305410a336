"""``fedmech doctor``: what is installed, what must not be used, and a few seconds of the self-test."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Annotated, Any

import typer

from .console import CHECK_FAILED, JsonOption, guarded, print_json, progress_reporter, text_width, write

__all__ = ["doctor_command"]

NOT_FOR_USERS = ("dev", "peers", "test")
"""Extras that nobody misses who only uses the package."""


@guarded
def doctor_command(
    cases: Annotated[int, typer.Option(min=0, help="cases of the self-test")] = 20,
    json: JsonOption = False,
) -> None:
    """Say what is installed, what is missing or must not be used, and try a few cases of the self-test; exit code 1 if anything is wrong."""
    from .. import __version__
    from ..models.display import Page, Table
    from ..models.input_error import InputError
    from ..verification.selftest.campaign import campaign

    packages = installed_packages()
    report, failure = None, None
    try:
        report = campaign(0, cases=cases, shrink_seconds=5, progress=progress_reporter())
    except (InputError, ImportError) as error:
        failure = str(error)
    wrong = [row for row in packages if row["fault"]]
    failures = 0 if report is None else sum(report.failed.values())
    healthy = not wrong and failure is None and not failures
    tried = {
        "cases": 0 if report is None else report.cases,
        "tests": 0 if report is None else sum(report.held.values()) + failures,
        "failures": failures,
        "seconds": 0.0 if report is None else round(report.seconds, 2),
        "fault": failure,
    }
    machine = {
        "fedmech": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "gpu": _gpu(packages),
    }
    if json:
        print_json({**machine, "healthy": healthy, "packages": packages, "selftest": tried})
    else:
        said = f"{tried['cases']} cases, {tried['tests']} tests, {failures} failures in {tried['seconds']:.1f} s"
        facts = [
            *((name, str(value) if value is not None else "none") for name, value in machine.items()),
            ("self-test", failure or said),
            ("verdict", "nothing is wrong" if healthy else "something is wrong"),
        ]
        rows = [[row["name"], row["version"] or "not installed", row["for"], row["fault"] or ""] for row in packages]
        write(Page("", facts, [Table(["package", "version", "for", ""], rows)]).text(text_width()) + "\n")
    if not healthy:
        raise typer.Exit(CHECK_FAILED)


def installed_packages() -> list[dict[str, str | None]]:
    """List what the package asks for: name, version that is there or None, what it is for, and what is wrong with it or None."""
    wanted: dict[str, str] = {}
    try:
        asked_for = requires("fedmech") or []
    except PackageNotFoundError:
        return [
            {
                "name": "fedmech",
                "version": None,
                "for": "always",
                "fault": "runs from its folder without being installed",
            }
        ]
    for line in asked_for:
        asked, _, condition = line.partition(";")
        name = re.match(r"[A-Za-z0-9._-]+", asked.strip())
        extra = re.search(r"""extra\s*==\s*["']([^"']+)""", condition)
        purpose = "always" if extra is None else f"fedmech[{extra.group(1)}]"
        if name is None or name.group() == "fedmech" or (extra is not None and extra.group(1) in NOT_FOR_USERS):
            continue
        wanted.setdefault(name.group(), purpose)
    rows: list[dict[str, str | None]] = []
    for name, purpose in wanted.items():
        try:
            found, fault = version(name), None
        except PackageNotFoundError:
            found, fault = None, "is needed and is not there" if purpose == "always" else None
        rows.append({"name": name, "version": found, "for": purpose, "fault": fault})
    for row in rows:
        if row["name"] == "highspy" and row["fault"] is None:
            row["fault"] = _highs_fault()
    return rows


def _highs_fault() -> str | None:
    from ..models.input_error import InputError
    from ..solvers.highs.interface import load_highs

    try:
        load_highs()
    except (InputError, ImportError) as error:
        return str(error)
    return None


def _gpu(packages: list[dict[str, Any]]) -> str | None:
    """Name the GPU that torch would use, if torch is there and finds one."""
    if not any(row["name"] == "torch" and row["version"] for row in packages):
        return None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None

"""``fedmech report``: a market, a result or the ledger as one HTML page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .compare import MechanismOptionsOption, MechanismsOption, SeedOption, options_by_mechanism
from .console import (
    CHECK_FAILED,
    STOPPED,
    DropZeroOption,
    ForceOption,
    JsonOption,
    guarded,
    import_from_here,
    print_json,
    say,
    whole_limit,
)
from .run import parse_options
from .verify import chosen_claims, judged

if TYPE_CHECKING:
    from ..reports.document import Report

__all__ = ["report_command"]

LEDGER = "ledger"
PAGES, TEXTS = (".html", ".htm"), (".md", ".tex")
"""Suffixes of files that are written: pages; and, of the ledger, Markdown and LaTeX."""


@guarded
def report_command(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|RESULT|ledger",
            help="a market of either kind, a result of simulate or sweep, or the word ledger; the shipped measured market if left out",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="the .html file to write; of the ledger .md or .tex too")
    ] = Path("report.html"),
    mechanism: MechanismsOption = None,
    option: MechanismOptionsOption = None,
    seed: SeedOption = None,
    claim: Annotated[
        list[str] | None, typer.Option(help="of the ledger: only these claims, or prefixes such as 'S-*'")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="of the ledger: claims judged at a time")] = 1,
    title: Annotated[str, typer.Option(help="the page's heading")] = "",
    time_limit: Annotated[
        float | None,
        typer.Option(help="seconds for a market; if left out, OPT-SEP and what only explains have 20 each"),
    ] = None,
    drop_zero: DropZeroOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write a page that reads on a phone, by a screen reader and without a network: optimum and proof, mechanisms, who wins and why.

    Exit codes: 0 done; 1 a verdict of the ledger is not the one on record; 4 something was not reached in time, and the page says so.
    """
    from ..models.data import digits_market_path
    from ..models.files import refuse_overwriting, write_whole
    from ..models.input_error import InputError
    from ..reports.ledger import ledger_report
    from ..reports.ledger_export import ledger_latex, ledger_markdown

    # A file of that name is what its owner means.
    ledger = subject == LEDGER and not Path(LEDGER).exists()
    read = None if ledger else digits_market_path() if subject is None else Path(subject)
    if out.suffix not in ((*PAGES, *TEXTS) if ledger else PAGES):
        raise InputError(f"reports are written as .html{', .md or .tex' if ledger else ''}", file=str(out))
    if out.is_dir() or not out.parent.is_dir():
        raise InputError("cannot write a file here", file=str(out))
    if claim and not ledger:
        raise InputError("claims are for the report of the ledger", field="claim")
    if ledger and (mechanism or option or seed is not None or time_limit is not None or drop_zero):
        raise InputError("the ledger takes --claim and --jobs, and no options of markets", field="ledger")
    refuse_overwriting(out, force, [read])
    stopped, text = False, None
    if read is None:
        chosen = chosen_claims(claim)
        entries = judged(chosen, jobs)
        page, stopped = ledger_report(entries, title=title), len(entries) < len(chosen)
        if out.suffix in TEXTS:
            text = (ledger_markdown if out.suffix == ".md" else ledger_latex)(entries, title)
    else:
        page = _page(read, mechanism, option, seed, time_limit, drop_zero=drop_zero, title=title or read.name)
    if text is None:
        page.save(out, force=force)
    else:
        refuse_overwriting(out, force)
        write_whole(out, text)
    if json:
        print_json(
            {
                "file": str(out),
                "title": page.title,
                "parts": [part.title for part in page.sections],
                "proved": page.proved,
            }
        )
    else:
        say(f"{out}: {page.title}")
    if not page.complete or stopped:
        raise typer.Exit(CHECK_FAILED if ledger and not page.complete else STOPPED)


def _page(
    read: Path,
    mechanism: list[str] | None,
    option: list[str] | None,
    seed: int | None,
    time_limit: float | None,
    *,
    drop_zero: bool,
    title: str,
) -> Report:
    """Report on a market or a result; mechanisms are those named, options by name."""
    from ..fl.comparison.compare import chosen_mechanisms, compare, usual_problems
    from ..fl.mechanisms.interface import as_mechanism
    from ..models.procurement.market import Market
    from ..reports.procurement import compared_report
    from ..reports.report import opened, report

    for name in mechanism or ():
        import_from_here(name)
    given = options_by_mechanism(parse_options(option), [as_mechanism(name) for name in mechanism or ()])
    found = opened(read, drop_zero=drop_zero)
    if not isinstance(found, Market):
        with whole_limit(time_limit):
            return report(found, mechanism, title=title, options=given, seed=seed, time_limit=time_limit)
    rules = chosen_mechanisms(mechanism)
    problems = usual_problems(found, rules)
    with whole_limit(time_limit):
        compared = compare(found, rules, problems, options=given, seed=seed, time_limit=time_limit, keep=True)
    return compared_report(found, compared, title=title)

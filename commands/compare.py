"""``fedmech compare``: what mechanisms achieve beside the exact optimum."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    STOPPED,
    DropZeroOption,
    JsonOption,
    guarded,
    import_from_here,
    load_market,
    number,
    print_json,
    text_width,
    whole_limit,
    write,
)
from .run import parse_options

if TYPE_CHECKING:
    from ..fl.mechanisms.interface import Mechanism

__all__ = [
    "LimitOption",
    "MechanismOptionsOption",
    "MechanismsOption",
    "SeedOption",
    "compare_command",
    "options_by_mechanism",
]

EXACT = ("score", "bound", "ratio", "spend", "price", "mean_", "worst_low", "worst_high")
"""How the names of exact numbers begin: they have a text beside them in JSON, also where there is none."""

MechanismsOption = Annotated[
    list[str] | None,
    typer.Option(help="only these mechanisms, your own as pkg.module:callable or mine.py:callable; all if left out"),
]
MechanismOptionsOption = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="MECHANISM.NAME=VALUE", help="an option of one mechanism, as for 'fedmech run'"),
]
SeedOption = Annotated[int | None, typer.Option(help="for the mechanisms that draw")]
LimitOption = Annotated[
    float | None, typer.Option(help="seconds for everything; if left out, OPT-SEP alone has a limit, of 20")
]


@guarded
def compare_command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", help="*.market.json; the shipped measured market if left out"),
    ] = None,
    mechanism: MechanismsOption = None,
    problem: Annotated[
        list[str] | None,
        typer.Option(
            help="optima to set beside them: opt, opt-sep, opt-frac, orp; ratios are to the first. By default opt and opt-frac, and opt-sep "
            "where a mechanism promises separate budgets"
        ),
    ] = None,
    option: MechanismOptionsOption = None,
    seed: SeedOption = None,
    time_limit: LimitOption = None,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
    csv: Annotated[bool, typer.Option("--csv", help="the rows as CSV")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="the table as a LaTeX tabular (booktabs)")] = False,
) -> None:
    """Tabulate mechanisms beside the exact optima: score over optimum, spend, price, promises kept.

    Several files give mean, spread and worst. In a market that knows bids only, the optima are those of the bids, and are
    named so.
    """
    from ..fl.comparison.compare import compare, usual_problems
    from ..fl.mechanisms.interface import as_mechanism, mechanisms
    from ..models.input_error import InputError

    if json + csv + latex > 1:
        raise InputError("only one of --json, --csv and --latex goes to standard output")
    for name in mechanism or ():
        import_from_here(name)
    chosen = mechanisms("procurement") if mechanism is None else [as_mechanism(name) for name in mechanism]
    given = options_by_mechanism(parse_options(option), chosen)
    # Names of files are names of markets in the table: a mapping would silently lose one that is named twice.
    markets: Any = {str(file): load_market(file, drop_zero) for file in files or ()}
    if len(markets) < len(files or ()):
        raise InputError("the same file is given twice", field="FILE")
    # A single market is shown row by row, several as mean, spread and worst.
    if len(markets) <= 1:
        markets = load_market(files[0] if files else None, drop_zero)
    problems = problem or usual_problems(None if isinstance(markets, dict) else markets, chosen)
    with whole_limit(time_limit):
        table = compare(markets, chosen, problems, options=given, seed=seed, time_limit=time_limit)
    if json:
        print_json(_with_texts(table.to_document()))
    elif csv:
        write(table.to_csv(), utf8=True)
    elif latex:
        write(table.to_latex(), utf8=True)
    else:
        write(table.page().text(text_width()) + "\n")
    if not table.complete:
        raise typer.Exit(STOPPED)


def _with_texts(value: Any) -> Any:
    """Return a document with every exact number as a JSON number, and beside it as a text under ``name_exact``."""
    from ..models.exact import format_exact

    if isinstance(value, list):
        return [_with_texts(item) for item in value]
    if not isinstance(value, dict):
        return value
    shown: dict[str, Any] = {}
    for name, item in value.items():
        shown[name] = number(item) if isinstance(item, Fraction) else _with_texts(item)
        if isinstance(item, Fraction):
            shown[f"{name}_exact"] = format_exact(item)
        elif item is None and name.startswith(EXACT):
            shown[f"{name}_exact"] = None
    return shown


def options_by_mechanism(options: dict[str, Any], chosen: Iterable[Mechanism] = ()) -> dict[str, dict[str, Any]]:
    """Sort ``mechanism.name`` options by mechanism.

    Raises
    ------
    InputError
        If an option names no mechanism, or none that exists.
    """
    from ..fl.mechanisms.interface import as_mechanism
    from ..models.input_error import InputError

    known = {entry.name for entry in chosen}
    found: dict[str, dict[str, Any]] = {}
    for key, value in options.items():
        # Names of files have a dot of their own.
        name, dot, option = key.rpartition(".")
        if not dot:
            raise InputError(f"expected MECHANISM.NAME=VALUE, got {key!r}", field="option")
        found.setdefault(name if name in known else as_mechanism(name).name, {})[option] = value
    return found

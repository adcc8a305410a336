"""What every command shares: JSON on stdout, messages on stderr, exact numbers shown readably, errors as exit codes."""

from __future__ import annotations

import functools
import json
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..models.display import Table, show, visible, wrapped
from .output import OutputError, at_terminal, say, standard_output_kept, write

if TYPE_CHECKING:
    from ..models.procurement.market import Market

__all__ = [
    "BAD_INPUT",
    "CHECK_FAILED",
    "DONE",
    "INFEASIBLE",
    "STOPPED",
    "DropZeroOption",
    "ForceOption",
    "JsonOption",
    "MarketArgument",
    "MotsArgument",
    "SummaryOption",
    "certificate_document",
    "echo",
    "exact_pair",
    "guarded",
    "import_from_here",
    "load_market",
    "number",
    "print_json",
    "progress_reporter",
    "report_output",
    "say",
    "show",
    "table",
    "text_width",
    "whole_limit",
    "write",
]

SLACK, SLACK_SHARE = 0.35, 0.04
"""Seconds, and share of a time limit, after which a command is interrupted that has not ended by itself."""
LONGEST_NUMBER = 13_000
"""Bits of the longest integer that stands in JSON as a number."""

DONE, CHECK_FAILED, BAD_INPUT, INFEASIBLE, STOPPED = 0, 1, 2, 3, 4
"""Exit codes: done, a check failed, bad input, infeasible, stopped before a proof."""

MarketArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="a *.market.json, a *.pb election, a knapsack file, or an *.lp or *.mps of a knapsack; "
        "the shipped measured market if left out",
    ),
]
MotsArgument = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="a *.mots.json; the shipped prototype market if left out")
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on stdout and nothing else")]
DropZeroOption = Annotated[bool, typer.Option("--drop-zero", help="leave out workers whose score is 0")]
ForceOption = Annotated[bool, typer.Option("--force", help="replace files that are there already")]
SummaryOption = Annotated[bool, typer.Option("--summary", help="leave assignments out")]


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turn bad input into one line on stderr and exit code 2, an interrupt into exit code 4."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from ..models.input_error import InputError

        try:
            with standard_output_kept():
                command(*args, **kwargs)
        except InputError as error:
            say(f"error: {error}")
            raise typer.Exit(BAD_INPUT) from None
        except OutputError as error:
            raise typer.Exit(report_output(error)) from None
        except MemoryError:
            say("error: this takes more memory than there is")
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt as stop:
            from ..solvers.control import why_interrupted

            by = "the time limit came" if why_interrupted(stop) == "time-limit" else "interrupted"
            say(f"{by} before there was anything to report")
            raise typer.Exit(STOPPED) from None

    return run


@contextmanager
def whole_limit(seconds: float | None) -> Iterator[None]:
    """Interrupt whatever runs inside, as Ctrl-C would, a little after a time limit: for what does not look at the clock itself.

    Raises
    ------
    InputError
        If the limit is no number of seconds.
    """
    from ..models.input_error import InputError

    if seconds is None:
        yield
        return
    if not 0 <= seconds < float("inf"):
        raise InputError(f"must be >= 0 seconds, got {seconds}", field="time-limit")
    # Signals reach the main thread alone; elsewhere what looks at the clock has to do.
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def time_up(number: int, frame: Any) -> None:
        from ..solvers.control import TimeUp

        raise TimeUp

    before = signal.signal(signal.SIGALRM, time_up)
    # What looks at the clock ends by itself with more to show, so it gets a little longer first.
    signal.setitimer(signal.ITIMER_REAL, seconds + SLACK + SLACK_SHARE * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def report_output(error: OutputError) -> int:
    """Say why standard output takes nothing more, and return the exit code: a reader that has gone away had what it wanted."""
    if not str(error):
        return DONE
    say(f"error: {error}")
    return BAD_INPUT


def load_market(path: Path | None, drop_zero: bool = False) -> Market:
    """Read a market, or the shipped one if no file is named."""
    from ..models.data import digits_market_path
    from ..models.procurement.formats import read_any_market

    return read_any_market(digits_market_path() if path is None else path, drop_zero=drop_zero)


def import_from_here(mechanism: str) -> None:
    """Let ``pkg.module:callable`` be found in the current folder too, as Python itself would."""
    # A command that is installed does not have the current folder on its path, as `python -m` has.
    if ":" in mechanism and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def exact_pair(name: str, value: Fraction | int | None) -> dict[str, float | int | str | None]:
    """Show an exact number in JSON twice: as a number under its name, and as a text under ``name_exact``."""
    from ..models.exact import format_exact

    return {name: number(value), f"{name}_exact": None if value is None else format_exact(value)}


def number(value: Fraction | int | None) -> float | int | None:
    """Show an exact number as a JSON number (a float where it is no integer); the exact one goes beside it."""
    if value is None:
        return None
    value = Fraction(value)
    if value.denominator == 1 or abs(value) > sys.float_info.max:
        whole = round(value)
        # Nobody's reader of JSON takes longer ones; the exact number beside it is a text.
        return whole if whole.bit_length() < LONGEST_NUMBER else None
    return float(value)


def certificate_document(certificate: Path, missing: str | None) -> dict[str, str | None]:
    """Return where a certificate is, or why there is none, for JSON."""
    return {"file": None if missing else str(certificate), "missing": missing}


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", utf8=True)


def echo(text: str) -> None:
    """Print lines for people on stdout, broken at blanks where the terminal ends."""
    write("\n".join(wrapped(visible(text), text_width())) + "\n")


def progress_reporter() -> Callable[[str], None] | None:
    """Return a function that shows progress on stderr, or None if stderr is not a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None

    def report(message: str) -> None:
        say(f"  {message}")

    return report


def table(title: str | None, columns: list[str], rows: list[list[str]], right: tuple[int, ...] = ()) -> None:
    """Print a table, under a blank line if it has a title; columns listed in `right` are right-aligned."""
    drawn = Table(columns, rows, right, title or "").text(text_width())
    write(("\n" if title else "") + drawn + "\n")


def text_width() -> int | None:
    """Columns there are for text; None in a pipe, which has no width of its own: a file or a pager holds what a screen cannot."""
    return shutil.get_terminal_size().columns if at_terminal() else None

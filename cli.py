"""The command line: ``fedmech COMMAND ...``; each command lives in a file of its own in ``commands/``.

Exit codes: 0 done; 1 a claim or check failed that was expected to hold; 2 bad input; 3 infeasible; 4 stopped before a proof.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Annotated, get_args, get_origin, get_type_hints

import typer

from .commands.audit import audit_command
from .commands.catalogue import mechanisms_command, methods_command
from .commands.check import check_command
from .commands.check_allocation import check_allocation_command
from .commands.compare import compare_command
from .commands.completion import completion_command
from .commands.console import BAD_INPUT, DONE, STOPPED, echo, report_output
from .commands.convert import convert_command
from .commands.derive import derive_command
from .commands.doctor import doctor_command
from .commands.examples import epilog
from .commands.generate import generate_command
from .commands.judge import judge_command
from .commands.output import OutputError, flushed, output_error, say
from .commands.plot import plot_command
from .commands.problems import problems_command
from .commands.report import report_command
from .commands.run import run_command
from .commands.selftest import selftest_command
from .commands.simulate import experiments_command, simulate_command
from .commands.solve import solve_command
from .commands.swan import swan_command
from .commands.sweep import sweep_command
from .commands.tradeoff import tradeoff_command
from .commands.verify import claims_command, verify_command
from .models.input_error import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    name="fedmech",
    help="Exact optima, mechanisms and machine-judged theorems for federated-learning markets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="fedmech COMMAND --help shows the options of a command, and examples.",
)

GROUPS: dict[str, dict[str, tuple[Callable[..., None], str]]] = {
    "Solve and explain": {
        "solve": (solve_command, "the provably best assignment, or social state"),
        "check": (check_command, "whether a certificate proves its answer optimal"),
        "check-allocation": (check_allocation_command, "an allocation of yours beside the optimum"),
        "tradeoff": (tradeoff_command, "sharing: welfare against error, or a parameter"),
        "problems": (problems_command, "what is solved: formulas and sources"),
        "methods": (methods_command, "what solves each problem"),
    },
    "Mechanisms": {
        "run": (run_command, "winners, payments and price of one mechanism"),
        "compare": (compare_command, "mechanisms beside the exact optimum, as a table"),
        "audit": (audit_command, "whether a mechanism keeps its promises"),
        "swan": (swan_command, "SWAN: social state, price, rewards, equilibria"),
        "mechanisms": (mechanisms_command, "what there is, and what each promises"),
    },
    "Theorems": {
        "claims": (claims_command, "the papers' statements, and the verdict on each"),
        "verify": (verify_command, "judge claims again"),
        "judge": (judge_command, "which theorems apply to your market"),
        "derive": (derive_command, "a statement on network effects, step by step"),
    },
    "Learning": {
        "simulate": (simulate_command, "one point of an experiment"),
        "sweep": (sweep_command, "a grid of points, stopped and resumed at will"),
        "experiments": (experiments_command, "what there is, and every setting"),
    },
    "Files and help": {
        "report": (report_command, "one HTML page on a market, a result, the ledger"),
        "plot": (plot_command, "a figure of a market, a result or the SWAN paper"),
        "generate": (generate_command, "a random market, or a measured one"),
        "convert": (convert_command, "a market in another format"),
        "doctor": (doctor_command, "what is installed, missing or broken"),
        "selftest": (selftest_command, "random markets through every method"),
        "completion": (completion_command, "what a shell needs to complete commands"),
    },
}
"""The commands by what one comes for, each with what the list of commands says of it."""

COMMANDS = {name: command for group in GROUPS.values() for name, (command, _) in group.items()}
for _panel, _group in GROUPS.items():
    for _name, (_command, _short) in _group.items():
        app.command(_name, epilog=epilog(_name), short_help=_short, rich_help_panel=_panel)(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        echo(f"fedmech {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="show the version and exit")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    _listen_to_ctrl_c()
    try:
        code = _run()
        sys.exit(code if flushed() else code or BAD_INPUT)
    finally:
        _leave_behind_unfinished_runs(sys.exc_info()[1])


def _listen_to_ctrl_c() -> None:
    """Stop on an interrupt even where whoever started the process had it ignored, as scripts do for what they run in the background.

    An interrupt asks for what was found so far; a process that ignored it could only be killed, and that would be lost.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _run() -> int:
    """Run one command; what is wrong with its arguments is said in one line."""
    try:
        refuse_odd_numbers(sys.argv[1:])
        return app(standalone_mode=False) or 0
    except typer.Exit as leaving:
        return leaving.exit_code
    except (typer.Abort, KeyboardInterrupt):
        say("interrupted before there was anything to report")
        return STOPPED
    except SystemExit:
        # Only the help's writer ends the process so, when its reader has gone away.
        return DONE
    except InputError as error:
        say(f"error: {error}")
        return BAD_INPUT
    except OutputError as error:
        return report_output(error)
    except OSError as error:
        return report_output(output_error(error))
    except Exception as error:
        # Typer brings its own click, or uses the one that is installed; both mark what is wrong with the arguments like this.
        explain, context = getattr(error, "format_message", None), getattr(error, "ctx", None)
        if explain is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
            context.get_help()
        else:
            say(f"error: {' '.join(explain().split())}")
        return BAD_INPUT


def refuse_odd_numbers(arguments: Sequence[str]) -> None:
    """Refuse numbers that Python takes and no file: other digits than ASCII's, underscores between them.

    Raises
    ------
    InputError
        Naming the option.
    """
    for before, argument in pairwise(["", *arguments]):
        name, equals, value = argument.partition("=") if argument.startswith("--") else (before, "=", argument)
        if equals and name.startswith("-") and ("_" in value or not value.isascii()) and name in _number_options():
            raise InputError(f"expected a number, got {value[:60]!r}", field=name.lstrip("-"))


@cache
def _number_options() -> set[str]:
    """The options of all commands that take a number, as they are written."""
    found = set()
    for command in app.registered_commands:
        hints = get_type_hints(command.callback, include_extras=True)
        for name, hint in hints.items():
            kinds, *about = get_args(hint) if get_origin(hint) is Annotated else (hint,)
            if {int, float} & {kinds, *get_args(kinds)}:
                # Inside Annotated, the first of several spellings is where a default used to stand.
                written = [flag for info in about for flag in (info.default, *(info.param_decls or ()))]
                flags = {flag for flag in written if isinstance(flag, str)}
                found |= flags or {f"--{name.replace('_', '-')}"}
    return found


def _leave_behind_unfinished_runs(leaving: BaseException | None) -> None:
    """End the process at once if a HiGHS thread is still busy: unwinding it would abort the process."""
    watch = sys.modules.get(f"{__package__}.solvers.highs.watch")
    if watch is not None and watch.unfinished_runs and isinstance(leaving, SystemExit):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else 0)

"""The command line: ``fedmech COMMAND ...``; each command lives in a file of its own in ``commands/``.

Exit codes: 0 done; 1 a claim or check failed that was expected to hold; 2 bad input; 3 infeasible; 4 stopped before a proof.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
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
)

COMMANDS = {
    "solve": solve_command,
    "check": check_command,
    "check-allocation": check_allocation_command,
    "run": run_command,
    "compare": compare_command,
    "audit": audit_command,
    "judge": judge_command,
    "swan": swan_command,
    "tradeoff": tradeoff_command,
    "verify": verify_command,
    "claims": claims_command,
    "derive": derive_command,
    "selftest": selftest_command,
    "doctor": doctor_command,
    "simulate": simulate_command,
    "sweep": sweep_command,
    "plot": plot_command,
    "report": report_command,
    "generate": generate_command,
    "convert": convert_command,
    "problems": problems_command,
    "methods": methods_command,
    "mechanisms": mechanisms_command,
    "experiments": experiments_command,
    "completion": completion_command,
}
for _name, _command in COMMANDS.items():
    app.command(_name, epilog=epilog(_name))(_command)


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

"""A time limit holds for the whole command, also where something does not look at the clock; what was found is kept."""

from __future__ import annotations

import json
import subprocess

import pytest
from command_line import fedmech
from fedmech.cli import app
from typer.testing import CliRunner

PLANTED = """
import sys, time
from fedmech.solvers import registry
from fedmech.fl.mechanisms.interface import mechanism, mechanisms
registry.methods(), mechanisms()

def busy(*args, **kwargs):
    end = time.monotonic() + 600
    while time.monotonic() < end:
        sum(range(1000))

registry.register("opt", "busy", summary="does not look at the clock")(busy)
mechanism("zz-busy", summary="does not look at the clock", source="a test")(busy)
from fedmech.cli import main
main()
"""


def planted(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that takes ten minutes if nothing breaks off what is busy; half of that is enough for any machine."""
    return fedmech(*arguments, code=PLANTED)


def test_a_method_that_does_not_look_at_the_clock() -> None:
    done = planted("solve", "--method", "busy", "--time-limit", "1", "--json", "--summary")
    assert done.returncode == 4, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["stopped"], answer["exactness"]) == ("feasible", "time-limit", "checked")
    assert answer["bound"] > 35.175223


def test_a_mechanism_that_does_not_look_at_the_clock() -> None:
    done = planted(
        "compare",
        "--mechanism",
        "driftpay-co",
        "--mechanism",
        "zz-busy",
        "--mechanism",
        "singer",
        "--time-limit",
        "4",
        "--json",
    )
    assert done.returncode == 4, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    assert rows["driftpay-co"]["score"] > 28
    assert [rows[name]["refused"] for name in ("zz-busy", "singer")] == ["time is up", "time is up"]


SLOW = """
import signal, sys
from fedmech.fl.sharing import comparators
from fedmech.models.sharing import utility
from fedmech.solvers.sharing import tradeoff

def busy(*args, **kwargs):
    # Here the time is up, as the alarm of a whole limit says it, however fast the machine is.
    signal.raise_signal(signal.SIGALRM)

comparators.modified_fl = busy
plain, calls = tradeoff.solve_social_state, []
tradeoff.solve_social_state = lambda *args, **kwargs: (calls.append(1), busy() if len(calls) > 1 else plain(*args))[1]
from fedmech.cli import main
main()
"""


@pytest.mark.parametrize("command", ["swan", "tradeoff"])
def test_what_the_sharing_commands_had_found_is_kept(command: str) -> None:
    done = fedmech(command, "--time-limit", "600", "--json", code=SLOW)
    assert done.returncode == 4, done.stderr
    answer = json.loads(done.stdout)
    if command == "swan":
        assert done.stderr == "the time limit came before all comparisons were made\n"
        assert answer["price"] is not None
        assert [row["name"] for row in answer["comparators"]] == ["dynamic"]
    else:
        assert len(answer["points"]) == 1


@pytest.mark.parametrize(
    ("command", "limit"),
    [
        *((command, limit) for command in ("solve", "compare", "audit", "judge") for limit in ("-1", "nan", "inf")),
        ("swan", "nan"),
        ("tradeoff", "-1"),
    ],
)
def test_limits_that_are_none(command: str, limit: str) -> None:
    done = CliRunner().invoke(app, [command, "--time-limit", limit])
    assert done.exit_code == 2
    assert done.stderr.startswith("error: field 'time-limit'")

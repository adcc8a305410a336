"""Standard output, read through a real process, of every command that meets HiGHS; and Ctrl-C while HiGHS is at work."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import command_line
import pytest
from campaign import thorough
from fedmech import Market, generate_market, write_market
from fedmech.models.sharing.market import MotsMarket, write_mots

LOUD = """
import ctypes, os, sys
import highspy
C, plain, made = ctypes.CDLL(None), highspy.Highs, []
class Highs(plain):
    def __init__(self):
        C.printf(b"Running HiGHS 9.9.9\\n") if not made else None
        os.write(1, b"Includes third-party software components\\n") if not made else None
        made.append(1)
        super().__init__()
        if "running" in os.environ:
            start = self.run
            self.run = lambda: (open(os.environ["running"], "w").close(), start())[1]
highspy.Highs = Highs
from fedmech.cli import main
try:
    main()
finally:
    if "met" in os.environ:
        assert made
"""
"""The command line over a HiGHS that prints its banner as 1.16 does, whichever is installed."""


def fedmech(*arguments: str | Path, code: int = 0, met: bool = False) -> dict:
    """Run the command line; return the one document on its standard output."""
    done = command_line.fedmech(*arguments, code=LOUD, env=os.environ | ({"met": "1"} if met else {}))
    assert done.returncode == code, done.stderr
    assert done.stdout.count("\n") == 1
    return json.loads(done.stdout)


def lognormal_market(n: int = 80) -> Market:
    """A market of few places and small budgets: the search for OPT-SEP asks HiGHS for prices."""
    draw = random.Random(21)

    def numbers() -> list[int]:
        return [max(1, round(draw.lognormvariate(0, 1.5))) for _ in range(n)]

    return Market.build(
        scores=numbers(),
        costs=numbers(),
        groups=[str(draw.randint(1, 5)) for _ in range(n)],
        budgets=[9] * 4,
        default_cap=1,
        caps={("1", "r4"): 0, ("2", "r4"): 0, ("3", "r1"): 2, ("4", "r1"): 2, ("5", "r1"): 2},
    )


def covering_market() -> Market:
    draw = random.Random(3)
    return Market.build(
        scores=[1] * 30,
        costs=[draw.randint(1, 99) for _ in range(30)],
        budgets=[200, 150],
        groups=[str(i % 3) for i in range(30)],
        coverage=[[draw.randint(1, 99) * (draw.random() < 0.3) for _ in range(6)] for _ in range(30)],
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("markets")
    small = Market.build(scores=[3, 5, 4, 6], costs=[2, 3, 2, 4], budgets=[3, 3], groups=["a", "a", "b", "b"])
    found = {name: folder / f"{name}.market.json" for name in ("lognormal", "covering", "small")}
    write_market(lognormal_market(), found["lognormal"])
    write_market(covering_market(), found["covering"])
    write_market(small, found["small"])
    found["shared"] = folder / "x.mots.json"
    linear = {"family": "linear", "a": 2, "s": 3}
    write_mots(MotsMarket.build(sizes=[50, 9], counts=[3, 2], costs=["0.1", "0.2"], utility=linear), found["shared"])
    return found


@pytest.mark.parametrize("problem", ["opt-sep", "opt"])
def test_a_market_of_few_places(problem: str, files: dict[str, Path]) -> None:
    answer = fedmech("solve", files["lognormal"], "--problem", problem, "--json")
    assert (answer["status"], answer["gap"]) == ("optimal", 0)
    assert answer["objective"] == 218


def test_coverage(files: dict[str, Path]) -> None:
    answer = fedmech("solve", files["covering"], "--problem", "cover", "--json", met=True)
    assert (answer["status"], answer["gap"]) == ("optimal", 0)


def test_compare(files: dict[str, Path]) -> None:
    assert fedmech("compare", files["lognormal"], "--mechanism", "driftpay-co", "--json")["status"] == "optimal"


@pytest.mark.parametrize("problem", ["opt-sep", "cover"])
def test_certificates(problem: str, files: dict[str, Path], tmp_path: Path) -> None:
    market, proof = files["covering"], tmp_path / "proof.json"
    answer = fedmech("solve", market, "--problem", problem, "--certificate", proof, "--json", met=problem == "cover")
    assert answer["status"] == "optimal"
    assert json.loads(proof.read_text(encoding="utf-8"))


@pytest.mark.parametrize("problem", ["opt", "opt-sep", "cover"])
def test_explanations(problem: str, files: dict[str, Path]) -> None:
    assert fedmech("solve", files["covering"], "--problem", problem, "--explain", "--json", met=True)["lp_prices"]


@pytest.mark.parametrize("method", ["highs-arrays", "pyomo-highs"])
@pytest.mark.parametrize(("problem", "optimum"), [("opt", 10), ("opt-sep", 9)])
def test_the_methods_that_are_highs(method: str, problem: str, optimum: int, files: dict[str, Path]) -> None:
    answer = fedmech("solve", files["small"], "--problem", problem, "--method", method, "--json", met=True)
    assert (answer["status"], answer["objective"], answer["method"]) == ("optimal", optimum, method)


def test_a_market_of_types(files: dict[str, Path]) -> None:
    exact = fedmech("solve", files["shared"], "--json")
    answer = fedmech("solve", files["shared"], "--method", "pyomo-highs", "--json", met=True)
    assert (answer["status"], answer["state"]) == ("optimal", exact["state"])
    assert fedmech("swan", files["shared"], "--json")["state"] == exact["state"]


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN], ids=["default", "ignored"])
@pytest.mark.parametrize("method", thorough(["highs-arrays", "pyomo-highs"], "pyomo-highs".__eq__))
def test_interrupt_keeps_what_was_found(method: str, handler: signal.Handlers, tmp_path: Path) -> None:
    """Also where whoever started the process has it ignore Ctrl-C, as shells do for what they run in the background."""
    path, running = tmp_path / "hard.market.json", tmp_path / "running"
    write_market(generate_market("c", 1500 if method == "highs-arrays" else 60, seed=1), path)
    command = [sys.executable, "-c", LOUD, "solve", str(path), "--method", method, "--json", "--summary"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"running": str(running)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, handler),
    ) as process:
        while not running.exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 4, err
    answer = json.loads(out)
    assert (answer["status"], answer["stopped"]) == ("feasible", "interrupted")
    assert answer["bound"] >= answer["objective"] >= 0

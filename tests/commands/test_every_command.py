"""Every command in real processes: one JSON document on file descriptor 1, and the same bytes whatever process, hash seed, number of
threads or order of keys; only times differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fedmech.cli import app
from fedmech.models.data import prototype_market_path

COMMANDS = {
    "solve": "solve m.market.json --certificate cert.json --export x.lp --explain --json",
    "solve opt-sep": "solve m.market.json --problem opt-sep --json",
    "solve opt-frac": "solve m.market.json --problem opt-frac --json",
    "solve cover": "solve m.market.json --problem cover --json",
    "solve social-state": "solve x.mots.json --json",
    "solve at-least": "solve m.market.json --at-least 1000 --json",
    "check": "check cert.json m.market.json --json",
    "check-allocation": "check-allocation m.market.json --hired né0=r2 --json",
    "run": "run m.market.json --json",
    "run a mechanism that draws": "run m.market.json --mechanism random-feasible --seed 3 --json",
    "compare": "compare m.market.json --seed 1 --json",
    "judge": "judge m.market.json --seed 1 --json",
    "judge a sharing market": "judge few.mots.json --json",
    "audit": "audit few.market.json --property ir --json",
    "swan": "swan x.mots.json --json",
    "tradeoff": "tradeoff x.mots.json --most 3 --json",
    "verify": "verify S-P2-HIGH --json",
    "claims": "claims --json",
    "derive": "derive threshold --json",
    "doctor": "doctor --cases 2 --json",
    "selftest": "selftest --cases 1 --seed 2 --problem opt --json",
    "simulate": "simulate network-effects --set repetitions=2 --set sizes=50,60 --set counts=2,2 --out rows.csv --json",
    "sweep": "sweep c.toml --out result --jobs 1 --export all.csv --json",
    "plot": "plot swan-regions --out f.png --json",
    "report": "report m.market.json --out r.html --seed 1 --mechanism driftpay-co --json",
    "generate": "generate g.market.json -n 30 --seed 5 --json",
    "convert": "convert g.market.json c.market.json --json",
    "solve then": "solve m.market.json --then cheapest --json",
    "methods": "methods --json",
    "problems": "problems --json",
    "mechanisms": "mechanisms --json",
    "experiments": "experiments --json",
}
FILES = ["cert.json", "x.lp", "rows.csv", "all.csv", "f.png", "g.market.json"]
CODES = {"solve at-least": 3, "check-allocation": 1}

DRIVER = """
import json, os, sys
from fedmech.cli import main
from fedmech.commands import console

plain = console.json.dumps
class Noisy:
    # Whatever prints while a command is at work: libraries do, from Python and from C.
    @staticmethod
    def dumps(*args, **kwargs):
        print("from python", flush=True)
        os.write(1, b"from C")
        return plain(*args, **kwargs)
console.json = Noisy
for number, (name, line) in enumerate(json.load(open("commands")).items()):
    out = os.open(f"out{number}", os.O_WRONLY | os.O_CREAT)
    os.dup2(out, 1)
    sys.argv = ["fedmech", *line.split()]
    try:
        main()
    except SystemExit as leaving:
        open(f"code{number}", "w").write(str(leaving.code))
"""


def _reversed(value: Any) -> Any:
    """The same document with the keys of every object in the opposite order."""
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(part) for part in value] if isinstance(value, list) else value


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(part) for key, part in value.items() if not key.endswith("seconds")}
    return [_without_times(part) for part in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    workers = [
        {
            "id": f"né{i}",
            "group": f"g{i % 3}",
            "score": 3 + i * 7 % 11,
            "cost": 1 + i * 5 % 7,
            "coverage": [i % 2, (i + 1) % 3],
        }
        for i in range(9)
    ]
    market = {
        "format": "fedmech-market/1",
        "workers": workers,
        "requesters": [{"id": "r1", "budget": 7, "seats": 2}, {"id": "r2", "budget": "19/3"}],
        "caps": [{"group": "g1", "requester": "r1", "cap": 1}],
    }
    types = json.loads(prototype_market_path().read_text())
    # What looks at every deviation is given few who could deviate.
    few = {**market, "workers": workers[:4]}
    few_types = {**types, "types": types["types"][:2]}
    documents = {"m.market.json": market, "few.market.json": few, "x.mots.json": types, "few.mots.json": few_types}
    grid = 'format = "fedmech-experiment/1"\nexperiment = "network-effects"\n'
    grid += "[settings]\nrepetitions = 2\nsizes = [50, 60]\ncounts = [2, 2]\n[sweep]\nseed = [0, 1]\n"
    folders = []
    for number, (hash_seed, threads) in enumerate((("0", "1"), ("4242", "3"))):
        folder = tmp_path_factory.mktemp("run")
        for name, document in documents.items():
            (folder / name).write_text(json.dumps(_reversed(document) if number else document))
        (folder / "commands").write_text(json.dumps(COMMANDS))
        (folder / "c.toml").write_text(grid)
        threading = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), threads)
        done = subprocess.run(
            [sys.executable, "-c", DRIVER],
            cwd=folder,
            env=os.environ | threading | {"PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout == b""
        assert done.stderr.count(b"from C") == len(COMMANDS)
        folders.append(folder)
    return folders


@pytest.mark.parametrize("name", list(COMMANDS))
def test_one_document_and_the_same_one(name: str, runs: list[Path]) -> None:
    number = list(COMMANDS).index(name)
    answers = []
    for folder in runs:
        assert int((folder / f"code{number}").read_text()) == CODES.get(name, 0)
        data = (folder / f"out{number}").read_bytes()
        assert data.count(b"\n") == 1
        answers.append(json.dumps(_without_times(json.loads(data))))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("name", FILES)
def test_files_are_the_same_byte_by_byte(name: str, runs: list[Path]) -> None:
    first, second = ((folder / name).read_bytes() for folder in runs)
    assert first
    assert first == second


def test_every_command_is_here() -> None:
    # A shell's completion is a script, and no document.
    told = {command.name for command in app.registered_commands} - {"completion"}
    assert {line.split()[0] for line in COMMANDS.values()} == told

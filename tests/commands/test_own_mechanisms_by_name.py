"""Mechanisms of somebody's own on the command line, in real processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import command_line
import fedmech as fm
import pytest

FILE = '''
import fedmech as fm

@fm.mechanism("by-hand", claims=("rational", "budget"))
def mine(market, share=1):
    """The first worker, for its bid."""
    return fm.extend.outcome(market, ["anna"], {"anna": market.bid(0) * share})

def wrong(market):
    return fm.extend.outcome(market, ["anna"], {"anna": 0.5})

def broken(market):
    return market.nonesuch
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    market = fm.Market.build(scores=[3, 2], costs=["0.5", 1], budgets=[2], worker_ids=["anna", "ben"])
    fm.write_market(market, tmp_path / "m.market.json")
    (tmp_path / "mine.py").write_text(FILE)
    return tmp_path


def fedmech(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # As the installed command starts: the current folder is not among the places of modules.
    return command_line.fedmech(*words, folder=folder, code="import sys\ndel sys.path[0]\n" + command_line.MAIN)


@pytest.mark.parametrize("name", ["mine.py:mine", "mine.py:by-hand", "mine.py", "mine:mine"])
def test_run_compare_and_audit_take_a_file_or_a_module(folder: Path, name: str) -> None:
    done = fedmech(folder, "run", "m.market.json", "--mechanism", name, "--option", "share=3/2", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["mechanism"] == "by-hand"
    assert document["winners"] == [{"worker": "anna", "requester": "r1", "payment": 0.75, "payment_exact": "3/4"}]
    if name == "mine.py:mine":
        audited = fedmech(folder, "audit", "m.market.json", "--mechanism", name, "--json")
        assert audited.returncode == 1, audited.stderr
        assert json.loads(audited.stdout)["properties"]["dsic"] == "violated"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mine.py:wrong", "wrong returned 0.5, which is not exact"),
        ("mine.py:broken", "AttributeError: 'Market' object has no attribute 'nonesuch' (mine.py, line 13)"),
        ("mine.py:nine", "there is no 'nine' in it; did you mean 'mine'"),
        ("yours.py:mine", "cannot read: No such file"),
        ("driftpay-c", "unknown mechanism 'driftpay-c'"),
    ],
)
def test_what_is_wrong_is_one_line(folder: Path, name: str, says: str) -> None:
    for verb in ("run", "audit"):
        done = fedmech(folder, verb, "m.market.json", "--mechanism", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert says in done.stderr


def test_run_says_what_is_broken(folder: Path) -> None:
    done = fedmech(folder, "run", "m.market.json", "--mechanism", "mine.py", "--option", "share=1/2")
    assert "NOT RATIONAL" in done.stdout
    done = fedmech(folder, "run", "m.market.json", "--mechanism", "mine.py", "--option", "share=5")
    assert "OVER BUDGET by 0.5" in done.stdout
    assert all(line == line.rstrip() and len(line) <= 80 for line in done.stdout.split("\n"))

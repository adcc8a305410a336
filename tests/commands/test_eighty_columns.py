"""At a terminal of 80 columns no word and no number is split; in a pipe nothing is padded."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import fedmech as fm
import pytest
from fedmech.models.display import cell_width

COMMANDS = {
    "solve": ["solve", "m.market.json"],
    "opt-frac": ["solve", "m.market.json", "--problem", "opt-frac", "--explain"],
    "run": ["run", "m.market.json"],
    "compare": ["compare", "m.market.json", "--seed", "1"],
    "judge": ["judge", "m.market.json", "--seed", "1"],
    "judge a sharing market": ["judge", "x.mots.json", "--state", "宽宽=1"],
    "check-allocation": ["check-allocation", "m.market.json", "--hired", "宽宽-2"],
    "audit": ["audit", "m.market.json", "--mechanism", "lowest-bid", "--worker", "宽宽-2"],
    "mechanisms": ["mechanisms"],
    "methods": ["methods"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = [f"a-worker-with-a-long-name-of-its-own-{i}" if i % 2 else f"宽宽-{i}" for i in range(1, 9)]
    market = fm.Market.build(
        scores=["3.14159265", 2, "7/3", 5, 4, 1, "1/7", 2],
        costs=["1.25", "1/3", 1, 2, 3, 1, 1, 4],
        budgets=["12.345", 7],
        groups=["a group of words", "b"] * 4,
        worker_ids=names,
        requester_ids=["hospital in the north of the town", "s"],
        default_cap=3,
    )
    fm.write_market(market, tmp_path / "m.market.json")
    types = [("宽宽", 5, "1/3"), ("a type of many words", 7, "0.123456789"), ("c" * 50, 11, "1/7")]
    sharing = fm.SharingMarket.build(
        sizes=[size for _, size, _ in types],
        counts=[2, 3, 1],
        costs=[cost for _, _, cost in types],
        ids=[name for name, _, _ in types],
        utility={"family": "linear", "a": "22/7", "s": 1},
        max_error="1/6",
    )
    fm.write_mots(sharing, tmp_path / "x.mots.json")
    return tmp_path


def fedmech(folder: Path, words: list[str], terminal: bool) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(fm.__file__).parents[1]), "COLUMNS": "80", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "fedmech", *words]
    if not terminal:
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False).stdout
    master, slave = pty.openpty()
    process = subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, cwd=folder, env=environment)
    os.close(slave)
    parts = []
    try:
        while part := os.read(master, 1 << 16):
            parts.append(part)
    except OSError:
        # The end of a terminal is an error on Linux.
        pass
    process.wait(timeout=120)
    os.close(master)
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_words_and_numbers_stay_whole(folder: Path, words: list[str]) -> None:
    narrow, wide = fedmech(folder, words, True), fedmech(folder, words, False)
    assert wide.strip()
    assert all(line == line.rstrip() for line in wide.split("\n"))
    for line in narrow.split("\n"):
        assert cell_width(line) <= 80, line
        assert line == line.rstrip()
    known = {*wide.split()} | {"─" * 80}
    # Times differ from run to run; ids too long for any column lose their middle, and say so.
    strange = {
        word
        for word in narrow.split()
        if word not in known
        and set(word) != {"─"}
        and "…" not in word
        and not word.rstrip(",;").replace(".", "").isdigit()
    }
    assert strange == set()

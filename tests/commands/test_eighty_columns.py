"""At a terminal of 80 columns no word and no number is split; in a pipe nothing is padded."""

from __future__ import annotations

import contextlib
import os
import pty
import threading
from collections.abc import Iterator
from pathlib import Path

import command_line
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
    environment = {**os.environ, "COLUMNS": "80"}
    if not terminal:
        return command_line.fedmech(*words, folder=folder, env=environment).stdout
    master, slave = pty.openpty()
    parts: list[bytes] = []
    # A terminal holds only so much that nobody has read.
    reader = threading.Thread(target=lambda: parts.extend(_read(master)))
    reader.start()
    command_line.fedmech(*words, folder=folder, env=environment, stdout=slave)
    os.close(slave)
    reader.join()
    os.close(master)
    return b"".join(parts).decode().replace("\r\n", "\n")


def _read(terminal: int) -> Iterator[bytes]:
    # The end of a terminal is an error on Linux.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 1 << 16):
            yield part


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

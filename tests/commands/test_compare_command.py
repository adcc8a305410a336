"""``fedmech compare`` in real processes: one object behind the table, JSON, CSV and LaTeX; several files; progress for terminals only."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
from pathlib import Path

import command_line
import fedmech as fm
import pytest


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for seed in range(3):
        fm.write_market(fm.generate_market("a", 40, seed=seed), tmp_path / f"s{seed}.market.json")
    (tmp_path / "mine.py").write_text(
        "import fedmech as fm\n\ndef mine(market, most=3):\n    first = fm.extend.Placement(market).fill(range(market.n))[: int(most)]\n"
        "    return fm.extend.outcome(market, first, {i: market.bid(i) for i in first})\n"
    )
    return [str(tmp_path / f"s{seed}.market.json") for seed in range(3)]


def fedmech(*words: str, folder: str, stderr: int | None = None) -> subprocess.CompletedProcess[str]:
    return command_line.fedmech("compare", *words, folder=folder, env={**os.environ, "COLUMNS": "80"}, stderr=stderr)


def test_json_csv_and_latex_say_what_the_table_says(files: list[str]) -> None:
    folder = str(Path(files[0]).parent)
    words = [files[0], "--mechanism", "driftpay-co", "--mechanism", "mine.py:mine", "--option", "mine.py:mine.most=1"]
    market = fm.read(files[0])
    assert isinstance(market, fm.Market)
    expected = fm.run(market, "driftpay-co").score / (fm.solve(market).value or 1)
    document = json.loads(fedmech(*words, "--json", folder=folder).stdout)
    row = document["rows"][2]
    assert (row["name"], row["ratio_exact"]) == ("driftpay-co", str(expected))
    assert row["ratio"] == float(expected) <= 1
    assert row["budget"] is True
    assert (document["rows"][3]["name"], document["rows"][3]["workers"]) == ("mine.py:mine", 1)
    listed = [*csv.DictReader(io.StringIO(fedmech(*words, "--csv", folder=folder).stdout))]
    assert [line["name"] for line in listed] == [line["name"] for line in document["rows"]]
    latex = fedmech(*words, "--latex", folder=folder).stdout
    assert latex.startswith("\\begin{tabular}")
    assert "driftpay-co & " in latex
    text = fedmech(*words, folder=folder)
    assert text.returncode == 0
    assert "score / OPT" in text.stdout
    assert all(len(line) <= 80 and line == line.rstrip() for line in text.stdout.split("\n"))
    both = fedmech(*words, "--csv", "--latex", folder=folder)
    assert (both.returncode, both.stdout) == (2, "")


def test_several_files_give_means_and_progress_goes_to_terminals_only(files: list[str]) -> None:
    folder = str(Path(files[0]).parent)
    words = [*files, "--mechanism", "driftpay-co", "--mechanism", "vcg"]
    quiet = fedmech(*words, folder=folder)
    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert "3 markets" in quiet.stdout
    assert "mean score / OPT" in quiet.stdout
    master, slave = pty.openpty()
    shown = fedmech(*words, "--json", folder=folder, stderr=slave)
    os.close(slave)
    said = os.read(master, 1 << 16).decode()
    os.close(master)
    assert "market 1 of 3" in said
    document = json.loads(shown.stdout)
    assert [entry["count"] for entry in document["summary"]] == [3, 3]
    assert len(document["rows"]) == 3 * 4


def test_what_is_not_proved_ends_with_4_and_bounds(files: list[str]) -> None:
    done = fedmech(
        files[0], "--mechanism", "driftpay-co", "--time-limit", "0", "--json", folder=str(Path(files[0]).parent)
    )
    assert done.returncode == 4, done.stderr
    document = json.loads(done.stdout)
    assert document["cut_short"] == "time is up"
    assert all(row["refused"] == "time is up" for row in document["rows"] if row["kind"] == "mechanism")
    assert any(row["bound"] is not None for row in document["rows"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["s0.market.json", "s0.market.json"], "given twice"),
        (["--problem", "cover"], "compared by score"),
        (["--problem", "nonesuch"], "nonesuch"),
        (["--mechanism", "mine.py:mime"], "did you mean 'mine'"),
        (["--mechanism", "mine.py:mine", "--option", "mine.py:mine.least=1"], "least"),
    ],
)
def test_what_is_wrong_is_one_line(files: list[str], words: list[str], says: str) -> None:
    done = fedmech(*words, folder=str(Path(files[0]).parent))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr

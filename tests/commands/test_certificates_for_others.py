"""``fedmech solve --certificate`` and ``--proof`` in the formats of other people's checkers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fedmech import Market, write_market
from fedmech.cli import app
from fedmech.models.data import digits_market_path
from fedmech.solvers.interchange import branching
from replay_opb import replay_opb
from replay_vipr import replay_vipr
from typer.testing import CliRunner, Result

MARKET = Market.build(
    scores=[7, 9, 8, 6, 5],
    costs=[4, 6, 5, 4, 3],
    groups=[0, 0, 1, 1, 1],
    group_ids=[0, 1],
    budgets=[6, 7],
    caps=[[1, 1]] * 2,
)


@pytest.fixture
def market(tmp_path: Path) -> Path:
    write_market(MARKET, tmp_path / "m.market.json")
    return tmp_path / "m.market.json"


def invoke(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["solve", *map(str, words)])


def test_the_ending_or_the_option_says_which_format(market: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "c.vipr"
    done = invoke(market, "--certificate", certificate, "--json")
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert answer["certificate"] == {"file": str(certificate), "missing": None}
    assert replay_vipr(certificate.read_text())[1] == answer["objective"]
    for name in ("c.opb", "c.pbp"):
        assert invoke(market, "--certificate", tmp_path / name, "--force").exit_code == 0
        assert replay_opb((tmp_path / "c.opb").read_text(), (tmp_path / "c.pbp").read_text()) == -answer["objective"]
    assert invoke(market, "--certificate", tmp_path / "plain", "--proof", "vipr").exit_code == 0
    assert (tmp_path / "plain").read_text() == certificate.read_text()
    assert invoke(market, "--certificate", tmp_path / "own.vipr", "--proof", "fedmech").exit_code == 0
    assert json.loads((tmp_path / "own.vipr").read_text())["kind"] == "tree"


def test_what_cannot_be_written_is_said_in_one_line(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, said in (
        (("--proof", "vipr"), "there is none"),
        (("--proof", "lean", "--certificate", tmp_path / "x"), "must be fedmech, vipr or opb"),
        (("--problem", "opt-frac", "--certificate", tmp_path / "x.vipr"), "no problem of whole numbers"),
    ):
        done = invoke(market, *words)
        assert done.exit_code == 2
        assert said in " ".join(done.stderr.split())
    monkeypatch.setattr(branching, "MOST_NODES", 0)
    done = invoke(market, "--certificate", tmp_path / "x.vipr")
    assert done.exit_code == 4
    assert "no vipr certificate: a derivation would need more than 0 nodes; --proof fedmech writes our own" in " ".join(
        done.stderr.split()
    )
    assert not (tmp_path / "x.vipr").exists()


def test_both_files_of_a_proof_are_kept_from_being_written_over(market: Path, tmp_path: Path) -> None:
    (tmp_path / "c.pbp").write_text("mine")
    assert invoke(market, "--certificate", tmp_path / "c.opb").exit_code == 2
    assert (tmp_path / "c.pbp").read_text() == "mine"
    assert not (tmp_path / "c.opb").exists()


def test_social_states_have_no_such_certificate(tmp_path: Path) -> None:
    state = digits_market_path().parent / "prototype.mots.json"
    done = invoke(state, "--certificate", tmp_path / "s.vipr")
    assert done.exit_code == 2
    assert "not for social states" in " ".join(done.stderr.split())

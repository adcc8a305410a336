"""Commands on a folder of Parquet files: generate, solve, check, winners."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fedmech.cli import app
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.models.procurement.file import read_market
from fedmech.models.procurement.folder import Folder
from fedmech.solvers import streamed
from fedmech.solvers.control import Stopped
from fedmech.solvers.proofs import folder_outcome
from fedmech.solvers.proofs.document import sealed
from fedmech.solvers.proofs.proof import ProofError
from fedmech.solvers.solve import solve
from typer.testing import CliRunner


def call(*words: Any, code: int = 0) -> Any:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def market(tmp_path: Path) -> Path:
    path = tmp_path / "one" / "m.market.json"
    path.parent.mkdir()
    call("generate", path, "-n", 400, "--workers-file", "workers", "--top", 1000, "-L", 4)
    return path


def test_solve_writes_winners_and_a_certificate_that_is_checked(market: Path, tmp_path: Path) -> None:
    proof, winners = tmp_path / "proof.json", tmp_path / "winners"
    for file in (market, market.parent):
        answer = json.loads(
            call("solve", file, "--json", "--certificate", proof, "--winners", winners, "--force").stdout
        )
        assert (answer["status"], answer["exactness"], answer["method"]) == ("optimal", "checked", "streamed")
        assert answer["objective_exact"] == answer["bound_exact"] == str(solve(read_market(market), "opt").value)
        assert pq.read_table(winners).num_rows == answer["hired"] > 0
        found = json.loads(call("check", proof, file, "--json").stdout)
        assert found["valid"]
        assert found["optimal"]
        assert found["objective_exact"] == answer["objective_exact"]
        (winners / "workers-0.parquet").unlink()
        winners.rmdir()
    assert "optimal, proved" in call("solve", market).stdout
    assert "the assignment is optimal" in call("check", proof, market).stdout


def test_certificates_that_were_changed_are_refused(market: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof.json"
    call("solve", market, "--certificate", proof)
    honest = json.loads(proof.read_text())
    for changes, reason in (
        ({"value": honest["value"] + 1, "bound": honest["bound"] + 1}, "not worth"),
        ({"bound": honest["bound"] - 1}, "no bound below"),
        ({"bound": float(honest["bound"])}, "no bound below"),
        ({"point": ["!"]}, "base 64"),
        ({"point": [7]}, "texts"),
        ({"rows": [399]}, "other files"),
        ({"format": "fedmech-folder-proof/1", "leaves": []}, "none holds"),
        ({"more": 1}, "other fields"),
    ):
        proof.write_text(json.dumps(sealed({**honest, **changes})))
        answer = json.loads(call("check", proof, market, "--json", code=1).stdout)
        assert not answer["valid"]
        assert reason in answer["reason"]
    proof.write_text(json.dumps({**honest, "value": 1}))
    assert "seal" in call("check", proof, market, code=1).stdout
    # What is larger than the optimum is a bound too.
    proof.write_text(json.dumps(sealed({**honest, "bound": honest["bound"] + 1})))
    assert not json.loads(call("check", proof, market, "--json").stdout)["optimal"]
    # A market in memory has other certificates.
    whole = tmp_path / "whole.market.json"
    call("generate", whole, "-n", 20)
    assert "other fields" in call("check", proof, whole, code=1).stdout


def test_what_is_no_certificate_is_bad_input(market: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    for text in ("{}", "[]", "7", '{"rows": []}'):
        other.write_text(text)
        assert "neither a certificate" in call("check", other, market, code=2).output


def test_what_asks_for_all_rows_reads_them(market: Path) -> None:
    for options in (["--problem", "orp"], ["--method", "pooled"], ["--explain"], ["--at-least", "1"]):
        assert json.loads(call("solve", market, "--json", "--summary", *options).stdout)["method"] != "streamed"
    assert json.loads(call("run", market, "--mechanism", "lowest-bid", "--json").stdout)["winners"]


def test_run_writes_winners_and_an_outcome_that_is_checked(market: Path, tmp_path: Path) -> None:
    outcome, winners = tmp_path / "outcome.json", tmp_path / "winners"
    expected = run_mechanism(read_market(market), "driftpay-co")
    text = call("run", market.parent, "--json", "--winners", winners).stdout
    outcome.write_text(text)
    answer = json.loads(text)
    assert answer["total_payment_exact"] == str(expected.total_payment)
    assert answer["critical_price_exact"] == str(expected.price)
    rows = pq.read_table(winners).to_pylist()
    ids = expected.market.worker_ids
    paid = {ids[i]: str(expected.payment(i)) for i in expected.winner_indices.tolist()}
    assert {row["worker"]: row["payment_exact"] for row in rows} == paid
    assert all(row["payment"] == float(Fraction(row["payment_exact"])) for row in rows)
    found = json.loads(call("check", outcome, market, "--json").stdout)
    assert (found["valid"], found["k"], found["winners"]) == (True, answer["k"], len(rows))
    assert "outcome checked" in call("run", market).stdout
    assert "valid" in call("check", outcome, market).stdout
    outcome.write_text(json.dumps({**answer, "k": answer["k"] + 1}))
    assert "not a proof: k: should be" in call("check", outcome, market, code=1).stdout
    # Neither a market in memory nor another mechanism writes winners as files.
    assert "winners" in call("run", market, "--mechanism", "lowest-bid", "--winners", tmp_path / "w", code=2).output
    assert "there already" in call("run", market, "--winners", winners, code=2).output


def test_a_critical_prefix_that_is_not_found_ends_with_4(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*given: Any) -> Any:
        raise Stopped("unproved")

    monkeypatch.setattr(streamed, "find_witness", lost)
    assert "not found" in call("run", market, code=4).output


def test_what_a_checker_refuses_is_a_defect_that_is_said(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*given: Any) -> Any:
        raise ProofError("for a reason")

    monkeypatch.setattr(streamed.solve, "check_folder", refused)
    monkeypatch.setattr(folder_outcome, "check_witness", refused)
    solved, ran = call("solve", market, "--json", code=4), call("run", market, code=4)
    answer = json.loads(solved.stdout)
    assert (answer["status"], answer["objective"], answer["proof"]) == ("none", None, None)
    assert answer["refused"] == "proof refused: for a reason"
    for said, what in ((solved, "proof"), (ran, "outcome")):
        assert f"a defect of fedmech, please report it: {what} refused: for a reason" in said.stderr


def test_a_gap_ends_with_4_and_a_bound(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = streamed.solve_folder

    def hurried(folder: Folder, control: Any) -> Any:
        found = honest(folder, control)
        assert found.bound is not None
        return streamed.StreamedSolution(
            folder, "feasible", "unproved", found.value, found.bound + 1, found.cost, found.chosen
        )

    monkeypatch.setattr(streamed, "solve_folder", hurried)
    answer = json.loads(call("solve", market, "--json", code=4).stdout)
    assert (answer["status"], answer["gap"]) == ("feasible", 1)
    monkeypatch.undo()

    def no_time(*given: Any) -> Any:
        raise Stopped("time-limit")

    proof = tmp_path / "proof.json"
    monkeypatch.setattr(streamed.solve, "check_folder", no_time)
    answer = json.loads(call("solve", market, "--json", "--certificate", proof, code=4).stdout)
    assert (answer["status"], answer["exactness"], answer["stopped"]) == ("feasible", "unchecked", "time-limit")
    best = solve(read_market(market), "opt").value
    assert best is not None
    assert Fraction(answer["objective_exact"]) <= best <= Fraction(answer["bound_exact"])
    assert answer["certificate"] is None
    assert answer["proof"] is None
    assert not proof.exists()
    assert "before point and bound were checked" in call("solve", market, code=4).stdout
    monkeypatch.undo()
    answer = json.loads(call("solve", market, "--time-limit", 0, "--json", code=4).stdout)
    assert (answer["status"], answer["stopped"], answer["objective"]) == ("none", "time-limit", None)


def test_bad_requests(market: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.market.json"
    call("generate", plain, "-n", 10)
    assert "winners" in call("solve", plain, "--winners", tmp_path / "w", code=2).output
    assert "there already" in call("solve", market, "--winners", tmp_path, code=2).output
    assert (
        "seats"
        in call("generate", tmp_path / "x.market.json", "--workers-file", "x", "--seat-share", ".5", code=2).output
    )
    assert "numbered" in call("generate", tmp_path / "x.market.json", "--numbered", code=2).output
    call("generate", tmp_path / "y.market.json", "--numbered", "--workers-file", "bare")
    assert pq.read_schema(tmp_path / "bare" / "workers-0.parquet").names == ["group", "score", "cost"]
    assert "not empty" in call("generate", market, "--workers-file", "workers", "--force", code=2).output
    file = market.parent / "workers" / "workers-0.parquet"
    table = pq.read_table(file)
    pq.write_table(table.set_column(2, "score", [[0] * 400]), file)
    answer = call("solve", market, code=2).output
    assert "workers-0.parquet, workers[0], field 'score': must be > 0" in answer

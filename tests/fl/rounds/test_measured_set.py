"""The set of measured markets: its smallest ones are committed, made again, and their optima proved again."""

from __future__ import annotations

import json
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import pytest
from fedmech import read_market, solve
from fedmech.fl.rounds import measured_set as module
from fedmech.fl.rounds.measured import measure_workers
from fedmech.fl.rounds.measured_set import MARKETS, PROBLEMS, main, write_measured_set
from fedmech.fl.rounds.settings import ProcurementSettings
from fedmech.fl.settings import settings_document
from fedmech.models.input_error import InputError
from fedmech.models.procurement.file import market_text
from fedmech.solvers.proofs.document import check_document, read_document

KEPT = Path(__file__).parent / "measured_markets"
SMALLEST = "digits-100"


@pytest.mark.parametrize(
    # With seats, separate budgets take minutes: the bound and the best point are in the manifest.
    ("name", "problems"),
    [(SMALLEST, PROBLEMS), (f"{SMALLEST}-seats", ("orp", "opt"))],
)
def test_committed_optima_are_certified(name: str, problems: tuple[str, ...]) -> None:
    market = read_market(KEPT / f"{name}.market.json")
    assert (market.n, market.m, market.L) == (100, 5, 10)
    worth = []
    for problem in problems:
        checked = check_document(read_document(KEPT / f"{name}.{problem}.json"), market)
        assert checked.problem == problem
        best = solve(market, problem)
        assert (best.status, best.exactness, best.value) == ("optimal", "checked", checked.value)
        if problem != "opt-sep":
            assert solve(market, problem, "highs-arrays").value == best.value
        worth.append(checked.value)
    # Money decides, and who brought it.
    assert sorted(set(worth), reverse=True) == worth


def test_the_smallest_is_made_again(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--only", SMALLEST]) == 0
    (entry,) = json.loads((tmp_path / "manifest.json").read_text())["markets"]
    market = read_market(tmp_path / f"{SMALLEST}.market.json")
    text = market_text(market)
    assert text == (KEPT / f"{SMALLEST}.market.json").read_text()
    assert entry["content_sha256"] == sha256(text.encode()).hexdigest()
    wanted = {"market", "workers", *PROBLEMS}
    assert {name.split(".")[1] for name in entry["files"]} == wanted
    for name, digest in entry["files"].items():
        assert sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    assert (entry["workers"], entry["requesters"], entry["groups"]) == (market.n, market.m, market.L)
    assert entry["seats"] is False
    for optimum in entry["optima"]:
        checked = check_document(read_document(tmp_path / f"{SMALLEST}.{optimum['problem']}.json"), market)
        assert Fraction(optimum["value"]) == Fraction(optimum["bound"]) == checked.value
        assert (optimum["status"], optimum["exactness"], optimum["proof"]) == ("optimal", "checked", checked.kind)


def test_a_limit_of_time_leaves_a_bound_and_no_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"train_samples": 60, "public_steps": 5, "probe_size": 20, "architecture": "softmax", "scoring_steps": 2}
    of = [market for workers in (10, 20) for market in module._of("digits", workers, {**small, "requesters": 2})]
    measured = []

    def counted(settings: ProcurementSettings):
        measured.append(settings.workers)
        return measure_workers(settings)

    monkeypatch.setattr(module, "MARKETS", tuple(of))
    monkeypatch.setattr(module, "measure_workers", counted)
    told: list[str] = []
    manifest = write_measured_set(tmp_path, time_limit=0.0, progress=told.append)
    assert told == [market.name for market in of]
    assert measured == [10, 20], "workers of several markets are measured once"
    assert [entry["seats"] for entry in manifest["markets"]] == [False, True, False, True]
    texts = [(tmp_path / f"{market.name}.market.json").read_text() for market in of]
    assert ['"seats"' in text for text in texts] == [False, True, False, True]
    for entry, market in zip(manifest["markets"], of, strict=True):
        assert entry["settings"] == settings_document(market.settings)
        for optimum in entry["optima"]:
            if optimum["status"] != "optimal":
                assert optimum["proof"] is None
                assert Fraction(optimum["bound"]) >= Fraction(optimum["value"] or 0)
                assert f"{entry['name']}.{optimum['problem']}.json" not in entry["files"]


def test_only_markets_of_the_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="digits-100"):
        write_measured_set(tmp_path, ["digits-10"])
    assert main([str(tmp_path), "--only", "nothing"]) == 2
    assert "unknown market" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    names = [market.name for market in MARKETS]
    assert len(set(names)) == len(names)
    assert {market.settings.workers for market in MARKETS} == {100, 300, 1000, 3000, 10000}
    assert {market.settings.dataset for market in MARKETS} == {"digits", "fashion-mnist"}

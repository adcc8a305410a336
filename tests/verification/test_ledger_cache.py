"""Verdicts of earlier runs: found again only where nothing has changed, labelled as such, and as good as none once damaged."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fedmech.cli import app
from fedmech.verification import ledger, ledger_cache
from fedmech.verification.claim import Claim, Judgement, Reading
from fedmech.verification.ledger import Entry, judge
from fedmech.verification.ledger_cache import (
    VARIABLE,
    cache_folder,
    digest_of,
    fingerprint,
    judge_or_recall,
    keep,
    recall,
)
from fedmech.verification.proofs.chain import Held
from typer.testing import CliRunner

READ = Reading("as stated", "markets of the model", "as stated", "supported")
RICH = Judgement(
    "refuted", "m", "s", {"workers": [{"score": "1/3"}]}, corrected="c", corrected_verdict="proved", reading=READ,
    evidence={"counts": (1, 2), "share": 0.5},
)  # fmt: skip


def claim(id: str, judgement: Judgement, judged: list[str] | None = None, **more: Any) -> Claim:
    def say() -> Judgement:
        if judged is not None:
            judged.append(id)
        return judgement

    return Claim(id, "a paper", "a sentence", judgement.verdict, say, lambda witness: True, **more)


REFUTED = claim("X-1", RICH, amended="proved")
ENTRY = Entry(REFUTED, RICH, True, 1.5, Held(2, 3))


def test_what_was_kept_is_found_again_and_says_so(tmp_path: Path) -> None:
    assert keep(ENTRY, tmp_path / "deep" / "verdicts", "k")
    found = recall(REFUTED, tmp_path / "deep" / "verdicts", "k")
    assert found is not None
    assert found.earlier is not None
    assert ENTRY.earlier is None
    same = json.loads(json.dumps(replace(found, earlier=None).to_dict()))
    assert same == json.loads(json.dumps(ENTRY.to_dict()))
    assert found.judgement.reading == READ
    assert found.to_dict()["earlier_run"] == found.earlier
    # An old verdict does not grow young by being looked at.
    assert not keep(found, tmp_path, "k")


def test_another_key_or_claim_finds_nothing(tmp_path: Path) -> None:
    assert keep(ENTRY, tmp_path, "k")
    assert recall(REFUTED, tmp_path, "other") is None
    assert recall(replace(REFUTED, id="X-2"), tmp_path, "k") is None
    (tmp_path / "X-2.json").write_bytes((tmp_path / "X-1.json").read_bytes())
    assert recall(replace(REFUTED, id="X-2"), tmp_path, "k") is None
    # A verdict that is no longer the one on record is of no use.
    assert recall(replace(REFUTED, expected="supported"), tmp_path, "k") is None


def damaged(text: str) -> Iterator[str]:
    yield ""
    yield text[: len(text) // 2]
    yield text.replace('"rechecked": true', '"rechecked": null')
    yield text.replace('"score": "1/3"', '"score": "2/3"')
    yield text.replace("refuted", "verified")
    yield "[1, 2]"
    yield "null"
    yield "{}"
    yield '{"seal": 1}'
    yield "[" * 100_000
    yield text + "x"


def test_a_damaged_entry_is_none(tmp_path: Path) -> None:
    assert keep(ENTRY, tmp_path, "k")
    file = tmp_path / "X-1.json"
    text = file.read_text()
    for broken in damaged(text):
        assert broken != text
        file.write_text(broken)
        assert recall(REFUTED, tmp_path, "k") is None, broken[:60]
    file.write_bytes(b"\xff\xfe\x00")
    assert recall(REFUTED, tmp_path, "k") is None
    file.unlink()
    file.mkdir()
    assert recall(REFUTED, tmp_path, "k") is None
    # A sealed body that is no judgement: written by hand.
    body = {**json.loads(text), "judgement": {"verdict": "refuted"}}
    body.pop("seal")
    file.rmdir()
    file.write_text(json.dumps({**body, "seal": ledger_cache._seal(body)}))
    assert recall(REFUTED, tmp_path, "k") is None


def test_what_is_not_on_record_or_cannot_be_written_is_not_kept(tmp_path: Path) -> None:
    assert not keep(Entry(REFUTED, RICH, False, 1.5), tmp_path, "k")
    assert not keep(Entry(REFUTED, Judgement("supported", "m", "s"), None, 1.5), tmp_path, "k")
    for odd in (float("nan"), object(), {1, 2}):
        assert not keep(replace(ENTRY, judgement=replace(RICH, evidence={"odd": odd})), tmp_path, "k")
    assert [*tmp_path.iterdir()] == []
    (tmp_path / "file").write_text("")
    assert not keep(ENTRY, tmp_path / "file", "k")


def test_every_source_that_a_judge_can_reach_is_in_the_key(tmp_path: Path) -> None:
    files = ["a.py", "models/a.py", "models/data/m.json", "solvers/x/b.py", "fl/c.toml", "verification/formal/T.v"]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    seen = {digest_of(tmp_path)}
    for name in files:
        (tmp_path / name).write_text("2")
        seen.add(digest_of(tmp_path))
    (tmp_path / "solvers/x/b.py").rename(tmp_path / "solvers/x/c.py")
    seen.add(digest_of(tmp_path))
    (tmp_path / "models/new.py").write_text("")
    seen.add(digest_of(tmp_path))
    assert len(seen) == len(files) + 3
    for name in ("README.md", "commands/verify.py", "models/__pycache__/a.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("3")
    assert digest_of(tmp_path) in seen


def test_versions_are_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint.cache_clear()
    plain = fingerprint()
    asked: list[str] = []

    def version(name: str) -> str:
        asked.append(name)
        return "99"

    monkeypatch.setattr(ledger_cache, "version", version)
    fingerprint.cache_clear()
    assert fingerprint() != plain
    assert {"numpy", "sympy", "z3-solver"} <= {*asked}
    monkeypatch.undo()
    monkeypatch.setattr(platform, "python_version", lambda: "9.9")
    fingerprint.cache_clear()
    assert fingerprint() != plain
    monkeypatch.undo()
    fingerprint.cache_clear()
    assert fingerprint() == plain


def test_the_folder_is_the_platforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() is None  # what tests/conftest.py says
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "fedmech" / "verdicts"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        assert cache_folder() == tmp_path / ".cache" / "fedmech" / "verdicts"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "fedmech" / "verdicts"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "fedmech" / "verdicts"

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder() is None


def test_only_what_is_not_known_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    chosen = [claim(f"X-{k}", Judgement("verified", "m", str(k)), judged) for k in range(4)]
    assert [entry.claim.id for entry in judge_or_recall(chosen)] == ["X-0", "X-1", "X-2", "X-3"]
    assert [*map(bool, [entry.earlier for entry in judge_or_recall(chosen)])] == [False] * 4
    judged.clear()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert len([*judge_or_recall([chosen[1], chosen[3]])]) == 2
    found = [*judge_or_recall(chosen)]
    assert judged == ["X-1", "X-3", "X-0", "X-2"]
    assert [entry.earlier is not None for entry in found] == [False, True, False, True]
    assert [entry.judgement.scope for entry in found] == ["0", "1", "2", "3"]
    assert all(entry.earlier is None for entry in judge_or_recall(chosen, fresh=True))
    assert len(judged) == 8
    # The first run is cut off: what it has judged by then is kept.
    (tmp_path / "X-0.json").unlink()
    next(judge_or_recall(chosen))
    assert (tmp_path / "X-0.json").exists()


def test_the_command_labels_and_judges_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    monkeypatch.setattr(
        ledger, "judge", lambda claim: judge(replace(claim, proofs=(), judge=lambda: Judgement("verified", "m", "s")))
    )
    monkeypatch.setattr(ledger, "_CLAIMS", {"S-T1": replace(ledger.claims()["S-T1"], expected="verified")})

    def verify(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["verify", "S-T1", *arguments])

    def runs(*arguments: str) -> Any:
        return json.loads(verify("--json", *arguments).stdout)["claims"][0]["earlier_run"]

    assert verify().exit_code == 0
    again = verify()
    assert "earlier" in again.stdout
    assert "by an earlier run of the same sources and versions" in again.stdout
    assert "1 of 1 verdicts are of an earlier run" in again.stderr
    assert runs().startswith("20")
    assert runs("--fresh") is None
    assert "earlier" not in verify("--fresh").stdout
    (tmp_path / "kept" / "S-T1.json").write_text("{")
    assert runs() is None
    assert runs() is not None

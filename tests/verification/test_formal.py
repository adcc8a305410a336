"""Theorems in Coq, as far as they can be told without Coq: which claims they are about, and what becomes of an answer. A program that answers stands in for coqc."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from fedmech.cli import app
from fedmech.verification import ledger
from fedmech.verification.claim import Judgement
from fedmech.verification.formal import coq
from fedmech.verification.formal.coq import CLOSED, Refused, check, sources, theorems, theorems_of
from fedmech.verification.ledger import Entry, claims
from fedmech.verification.proofs.chain import Held
from typer.testing import CliRunner

PRETENDER = """#!{python}
import sys, time
if sys.argv[1:] == ["--print-version"]:
    print("8.99 4.0")
    sys.exit()
text = open(sys.argv[-1]).read()
if "sleep" in {modes!r}:
    time.sleep(60)
if "refuse" in {modes!r} and "Rule.v" in sys.argv[-1]:
    sys.exit("Error: no.")
for line in text.splitlines():
    if line.startswith("Print Assumptions"):
        print({answer!r})
        print('     = "mark"%string\\n     : string')
"""


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str = CLOSED, modes: str = "") -> None:
    program = folder / "coqc"
    program.write_text(PRETENDER.format(python=sys.executable, answer=answer, modes=modes))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    coq.version.cache_clear()


@pytest.fixture(autouse=True)
def other_version_forgotten():
    yield
    coq.version.cache_clear()


def test_every_theorem_of_the_files_is_known() -> None:
    names = [theorem.name for theorem in theorems()]
    written = [name for text in sources().values() for name in re.findall(r"^ *Theorem (\w+) :", text, re.MULTILINE)]
    assert names == written
    assert len(names) == len(set(names)) > 15
    assert all(theorem.says and theorem.statement for theorem in theorems())
    for word in ("Admitted", "Axiom", "Parameter ", "Conjecture", "bypass", "Unset "):
        assert not any(word in text for text in sources().values()), word


def test_theorems_are_about_claims_that_are_proved() -> None:
    ledger = claims()
    about = {id for theorem in theorems() for id in theorem.claims}
    assert all("proved" in (ledger[id].expected, ledger[id].amended) for id in about)
    assert {
        "D-6.1-DSIC",
        "D-6.1-IR",
        "D-6.1-BF",
        "D-6.2",
        "F-6.1-ORACLE",
        "F-6.2-SMALL",
        "D-DROPTOP",
        "F-T3-UNIQUE",
    } <= about
    assert {"D-6-NOISE", "D-8-NOISE-OPT", "D-7e-BUDGET", "F-7e-CAPS"} <= about
    assert not theorems_of("S-T1")


def test_files_come_after_those_they_import() -> None:
    seen: set[str] = set()
    for name, text in sources().items():
        assert {*coq.imports(text)} <= seen
        seen.add(name)


def test_only_what_a_theorem_needs_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch)
    (wanted,) = theorems_of("D-6.1-IR")
    said: list[str] = []
    checked = check([wanted], report=said.append)
    assert [*checked.seconds] == ["Basics", "Rule"]
    assert said == ["Coq reads Basics.v (1 of 2)", "Coq reads Rule.v (2 of 2)"]
    assert checked.version == "8.99"
    assert check().seconds.keys() == sources().keys()


def test_axioms_refusals_and_endless_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(tmp_path, monkeypatch, "Axioms:\nwish : forall x : Q, x <= 0")
    with pytest.raises(Refused, match=r"Rule\.truthful rests on more than what is proved: Axioms: wish"):
        check()
    pretend(tmp_path, monkeypatch, modes="refuse")
    with pytest.raises(Refused, match=r"Rule\.v: Error: no\."):
        check()
    pretend(tmp_path, monkeypatch, modes="sleep")
    monkeypatch.setattr(coq, "SECONDS", 0.5)
    with pytest.raises(Refused, match=r"Basics\.v: not done after 0\.5 s"):
        check()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError):
        check()


def verify(*arguments: str):
    return CliRunner().invoke(app, ["verify", *arguments])


def coq_of(stdout: str) -> dict:
    return json.loads(stdout)["claims"][0]["coq"]


def test_the_command_says_what_rests_on_coq(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ledger, "judge", lambda claim: Entry(claim, Judgement("proved", "m", "s"), None, 0.1, Held(0, 11))
    )
    pretend(tmp_path, monkeypatch)
    plain = verify("D-6.1-BF", "--json")
    assert plain.exit_code == 0
    assert coq_of(plain.stdout) == {"theorems": ["Rule.budget_feasible"], "checked": None}
    held = verify("D-6.1-BF", "--json", "--formal")
    assert held.exit_code == 0
    assert coq_of(held.stdout)["checked"] is True
    assert "Coq 8.99: 1 theorem about 1 claim, no axioms; 2 files" in held.stderr
    assert "Rule.budget_feasible: checked, no axioms" in verify("D-6.1-BF", "--formal").stdout
    assert "Coq: no theorem about these claims" in verify("S-T1", "--formal").stderr
    pretend(tmp_path, monkeypatch, "Axioms:\nwish : False")
    refused = verify("D-6.1-BF", "--json", "--formal")
    assert refused.exit_code == 1
    assert coq_of(refused.stdout)["checked"] is False
    assert "Coq refuses Rule.budget_feasible rests on more" in refused.stderr
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    missing = verify("D-6.1-BF", "D-6.1-IR", "--json", "--formal")
    assert missing.exit_code == 4
    assert "coqc is not installed: 2 theorems are not checked here" in missing.stderr
    assert coq_of(missing.stdout)["checked"] is None


def test_the_list_of_claims_names_their_theorems() -> None:
    listed = json.loads(CliRunner().invoke(app, ["claims", "D-6.1-IR", "S-T1", "--json"]).stdout)["claims"]
    assert [claim["coq"] for claim in listed] == [["Rule.individually_rational"], []]


def test_an_interrupt_leaves_the_claims_unchecked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(
        ledger, "judge", lambda claim: Entry(claim, Judgement("proved", "m", "s"), None, 0.1, Held(0, 11))
    )
    pretend(tmp_path, monkeypatch)
    monkeypatch.setattr(coq, "check", interrupt)
    stopped = verify("D-6.1-BF", "--json", "--formal")
    assert stopped.exit_code == 4
    assert coq_of(stopped.stdout)["checked"] is None

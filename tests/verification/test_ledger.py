"""The ledger: it judges again, compares with the record, re-checks witnesses, and every SWAN claim agrees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from campaign import thorough
from documents import leave_verdict
from fedmech.models.sharing.market import MotsMarket
from fedmech.solvers.sharing.solve import solve_social_state
from fedmech.verification import ledger
from fedmech.verification.claim import Claim, Judgement, Reading, Verdict
from fedmech.verification.ledger import (
    UnknownClaim,
    claims,
    judge,
    judge_all,
    select,
)
from fedmech.verification.proofs import chain, truthful
from fedmech.verification.proofs.chain import have_z3

WITNESS = {"format": "x"}
READ = Reading("as stated", "markets of the model", "as stated", "refuted")


def claim(expected: str, judgement: Judgement, recheck: object = None) -> Claim:
    return Claim("X", "a paper", "a sentence", expected, lambda: judgement, recheck)  # type: ignore[arg-type]


def test_agreement_needs_verdict_and_witness() -> None:
    verified = Judgement("verified", "m", "s")
    refuted = Judgement("refuted", "m", "s", witness=WITNESS, reading=READ)
    assert judge(claim("verified", verified)).agrees
    assert not judge(claim("supported", verified)).agrees
    assert judge(claim("refuted", refuted, lambda witness: witness == WITNESS)).agrees
    assert not judge(claim("refuted", refuted, lambda witness: False)).agrees
    # A surprise refutation of a claim without a re-check does not agree either.
    entry = judge(claim("verified", refuted))
    assert entry.rechecked is False
    assert not entry.agrees


def test_nothing_is_proved_without_a_chain() -> None:
    """A judge that says so is not enough; a witness is, for what exists."""
    said = Judgement("proved", "m", "s", witness=WITNESS)
    assert judge(claim("verified", Judgement("proved", "m", "s"))).judgement.verdict == "argued"
    assert judge(claim("proved", said, lambda witness: True)).judgement.verdict == "proved"
    assert not judge(claim("proved", said, lambda witness: False)).agrees
    assert judge(claim("proved", said, lambda witness: False)).judgement.verdict == "argued"
    amended = Judgement("refuted", "m", "s", witness=WITNESS, corrected="c", corrected_verdict="proved", reading=READ)
    assert judge(claim("refuted", amended, lambda witness: True)).judgement.amended == "argued"


def test_what_goes_wrong_in_a_judge_leaves_the_claim_argued() -> None:
    def broken() -> Judgement:
        raise AssertionError("the shipped rule is not the literal one")

    entry = judge(Claim("X", "a paper", "a sentence", "verified", broken))
    assert (entry.judgement.verdict, entry.agrees) == ("argued", False)
    assert "the shipped rule" in entry.judgement.method


def test_the_amended_verdict_is_on_record_too() -> None:
    witness = {"witness": WITNESS, "corrected": "c", "corrected_verdict": "supported", "reading": READ}
    refuted = Judgement("refuted", "m", "s", **witness)  # type: ignore[arg-type]
    cases: list[tuple[Verdict | None, bool]] = [("supported", True), ("verified", False), (None, False)]
    for amended, agrees in cases:
        found = Claim("X", "p", "s", "refuted", lambda: refuted, lambda witness: True, (), amended)
        assert judge(found).agrees is agrees


@pytest.mark.skipif(not have_z3(), reason="z3 is not installed")
def test_a_proof_that_fails_turns_the_verdict() -> None:
    good = truthful.RATIONAL
    bad = replace(good, steps=(*good.steps[:-1], replace(good.steps[-1], given=())))
    for proof, verdict in ((good, "proved"), (bad, "argued")):
        found = Claim("X", "p", "s", "proved", lambda: Judgement("proved", "m", "s"), None, (proof,))
        entry = judge(found)
        assert entry.judgement.verdict == verdict
        assert entry.agrees is (verdict == "proved")


def test_without_z3_proved_claims_are_argued_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "have_z3", lambda: False)
    found = Claim("X", "p", "s", "proved", lambda: Judgement("proved", "m", "s"), None, (truthful.RATIONAL,))
    entry = judge(found)
    assert (entry.judgement.verdict, entry.agrees, entry.missing) == ("argued", False, "z3 (extra smt)")


def test_several_at_a_time_judge_alike() -> None:
    chosen = select(["S-T1-THIRD", "D-2-VCG", "S-P2-HIGH"])
    alone, together = list(judge_all(chosen)), list(judge_all(chosen, 2))
    assert [entry.claim.id for entry in together] == [entry.claim.id for entry in alone]
    assert [(entry.judgement, entry.rechecked, entry.held) for entry in together] == [
        (entry.judgement, entry.rechecked, entry.held) for entry in alone
    ]


def test_the_witness_is_checked_as_a_file_would_hold_it() -> None:
    seen = []
    refuted = Judgement("refuted", "m", "s", witness={"sizes": (1, 2)}, reading=READ)
    judge(claim("refuted", refuted, lambda witness: bool(seen.append(witness["sizes"])) or True))
    assert seen == [[1, 2]]
    with pytest.raises(TypeError):
        judge(
            claim(
                "refuted", Judgement("refuted", "m", "s", witness={"a": object()}, reading=READ), lambda witness: True
            )
        )


@pytest.mark.parametrize(
    "parts",
    [
        {"verdict": "true"},
        {"verdict": "refuted"},
        {"verdict": "refuted", "witness": WITNESS},
        {"verdict": "conditional", "witness": WITNESS, "assumption": "a", "assumption_verdict": "argued"},
        {"verdict": "conditional", "witness": WITNESS, "reading": READ},
        {"verdict": "conditional", "witness": WITNESS, "assumption": "a", "reading": READ},
        {
            "verdict": "conditional",
            "witness": WITNESS,
            "assumption": "a",
            "assumption_verdict": "refuted",
            "reading": READ,
        },
        {"verdict": "refuted", "witness": WITNESS, "corrected": "c", "reading": READ},
    ],
)
def test_judgements_must_be_complete(parts: dict) -> None:
    with pytest.raises(ValueError, match=r"verdict|witness|assumption|reading"):
        Judgement(method="m", scope="s", **parts)


def test_claims_that_expect_a_witness_need_a_recheck() -> None:
    with pytest.raises(ValueError, match="re-check"):
        claim("refuted", Judgement("refuted", "m", "s", witness=WITNESS, reading=READ))
    with pytest.raises(ValueError, match="unknown expected verdict"):
        claim("maybe", Judgement("verified", "m", "s"))
    with pytest.raises(ValueError, match="no proof"):
        claim("proved", Judgement("proved", "m", "s"))


def test_ids_are_unique_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_CLAIMS", dict(claims()))
    with pytest.raises(ValueError, match="two claims"):
        ledger.claim("S-T1", source="p", statement="s", expected="verified")(lambda: Judgement("verified", "m", "s"))
    assert [entry.id for entry in select(["S-T1"])] == ["S-T1"]
    assert {entry.id for entry in select(["S-T1*"])} == {"S-T1", "S-T1-THIRD"}
    assert [entry.id for entry in select()] == sorted(claims())
    for wrong in ("S-T9", "Z*"):
        with pytest.raises(UnknownClaim, match="S-T1"):
            select([wrong])


SWAN_CLAIMS = [
    name
    for name in claims()
    if name.startswith(("S-", "F-T1-W", "F-T3", "F-3-W", "F-10", "F-BUYER", "F-HIGH", "F-IC", "F-UTILITY"))
]


def test_every_swan_claim_is_there() -> None:
    assert {
        "S-3", "S-C1", "S-T1", "S-T1-THIRD", "S-E1", "S-T2", "S-L1", "S-P1-LOW", "S-P1-LOW-REQ", "S-P1-HIGH", "S-P1-HIGH-REQ",
        "S-P2-LOW", "S-P2-LOW-REQ", "S-P2-HIGH", "S-P2-HIGH-REQ", "S-T3-STATE", "S-T3-STATE-REQ", "S-T3-UNIQUE", "S-T3-BALANCE",
        "S-O1", "S-O2", "S-O3", "S-O4", "S-O5", "S-O6", "S-P3", "F-T3-UNIQUE", "F-T3-CONVERGE", "F-T3-DOMINANT", "F-T3-LOSS", "F-HIGH-ALONE", "F-UTILITY", "F-3-WEIGHTS", "F-T1-WEIGHTS",
        "S-P1-EXCLUDE", "S-11-EXIST", "S-10-MIN", "S-5", "S-P12-EQUIV", "S-P2-N", "S-V-MONO", "S-IC", "F-IC-PIVOT", "F-IC-SIZE", "F-10-PRIVATE",
        "F-BUYER-SWAN", "F-BUYER-LEAVE", "F-BUYER-MANY",
    } <= set(SWAN_CLAIMS)  # fmt: skip


LONG = {
    "S-3", "S-10-MIN", "S-11-EXIST", "S-C1", "S-E1", "S-O1", "S-P1-LOW", "S-P12-EQUIV", "S-P2-N", "F-3-WEIGHTS", "F-BUYER-SWAN", "F-IC-PIVOT", "F-T3-CONVERGE",
    "S-O3", "S-O4", "S-O5", "S-O6", "S-P1-HIGH-REQ", "S-P3", "S-T3-BALANCE", "S-T3-STATE", "S-T3-STATE-REQ", "S-T3-UNIQUE", "S-V-MONO",
    "F-10-PRIVATE", "F-HIGH-ALONE", "F-IC-SIZE", "F-T3-UNIQUE",
}  # fmt: skip
"""Those that take seconds to judge."""


@pytest.mark.parametrize("name", thorough(SWAN_CLAIMS, LONG.__contains__))
def test_swan_claims_agree(name: str, tmp_path: Path) -> None:
    (found,) = select([name])
    entry = judge(found)
    leave_verdict(entry)
    assert entry.agrees, (entry.judgement.verdict, entry.rechecked)
    document = json.loads(json.dumps(entry.to_dict()))
    assert {
        "id", "source", "statement", "verdict", "method", "scope", "witness", "assumption", "corrected", "seconds"
    } <= document.keys()  # fmt: skip
    witness = entry.judgement.witness
    if witness is None:
        return
    # A witness is a complete market that the solver opens, and the re-check is not a rubber stamp.
    market = MotsMarket.from_document(witness)
    assert solve_social_state(market).status == "optimal"
    harmless = {**document["witness"], "types": [{"id": "t", "size": 5, "count": 1, "cost": 0}], "client_variance": 0}
    harmless["utility"] = {"family": "linear", "a": 4, "s": 1}
    harmless.pop("max_error", None)
    assert found.recheck is not None
    try:
        verdict = found.recheck(harmless)
    except (IndexError, KeyError):
        verdict = False
    assert name == "S-3" or not verdict
    if name.startswith("S-P") and name.endswith("-REQ"):
        check_minimal(found, witness)


def check_minimal(found: Claim, witness: Mapping[str, Any]) -> None:
    """No client fewer will do."""
    assert found.recheck is not None
    for i, row in enumerate(witness["types"]):
        if sum(entry["count"] for entry in witness["types"]) == 1:
            continue
        types = [{**entry, "count": entry["count"] - (j == i)} for j, entry in enumerate(witness["types"])]
        smaller = {**witness, "types": [entry for entry in types if entry["count"]]}
        try:
            assert not found.recheck(json.loads(json.dumps(smaller))), row
        except ValueError:
            # Nobody meets the requirement any more.
            continue

"""Claims and verdicts read well, and are judged when they are first looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import fedmech as fm
import pytest
from fedmech.verification import ledger
from fedmech.verification.claim import Claim, Judgement
from fedmech.verification.ledger import Verdicts
from fedmech.verification.ledger_text import SHOWN_CLAIMS


def made(id: str, calls: list[str], statement: str = "x <= y") -> Claim:
    def judge() -> Judgement:
        calls.append(id)
        return Judgement("verified", "looked", "all of them")

    return Claim(id, "a paper", statement, "verified", judge)


def test_claims_are_a_mapping_that_reads_well() -> None:
    claims = fm.claims()
    assert isinstance(claims, dict)
    assert [*claims] == sorted(claims)
    text = str(claims)
    assert f"{len(claims)} claims, by the verdict on record" in text
    assert len(text.split("\n")) < 45
    frame = claims.frame()
    assert [*frame["id"]] == [*claims]
    assert [*frame["statement"]] == [claim.says for claim in claims.values()]
    first = next(iter(claims.values()))
    assert first.source.split()[0] in str(first)
    for shown in (claims, first):
        assert all(len(line) <= 80 for line in str(shown).split("\n"))


def test_verdicts_come_when_they_are_looked_at_and_once() -> None:
    calls: list[str] = []
    found = Verdicts([made(name, calls) for name in "abc"])
    assert (len(found), calls) == (3, [])
    assert repr(found) == "Verdicts(3 claims, 0 of them judged)"
    assert next(iter(found)).claim.id == "a"
    assert calls == ["a"]
    assert [entry.claim.id for entry in found] == ["a", "b", "c"]
    assert found[-1].claim.id == "c"
    assert [entry.claim.id for entry in found[1:]] == ["b", "c"]
    assert [*found.frame()["verdict"]] == ["verified"] * 3
    assert "3 claims judged; 3 verdicts as on record" in str(found)
    assert calls == ["a", "b", "c"]
    with pytest.raises(IndexError):
        _ = found[3]


def test_verify_takes_one_id_or_many_and_refuses_unknown_ones_at_once() -> None:
    one = fm.verify("S-T1")
    assert [entry.claim.id for entry in one] == ["S-T1"]
    assert one[0].judgement.verdict in str(one)
    assert "verdict" in str(one[0])
    with pytest.raises(ledger.UnknownClaim, match="no claim is called nope"):
        fm.verify(["nope"])


@pytest.mark.parametrize("count", [SHOWN_CLAIMS, SHOWN_CLAIMS + 1])
def test_more_than_a_screen_is_counted(count: int) -> None:
    found = Verdicts([made(f"c{k:03}", []) for k in range(count)])
    assert ("1 more: .frame()" in str(found)) == (count > SHOWN_CLAIMS)
    assert len(found.frame()) == count


def test_a_verdict_that_is_not_on_record_says_so_and_everything_is_escaped() -> None:
    claim = made("x", [], "<script>a</script> of many more words than one line of a table could ever hold")
    entry: Any = ledger.judge(claim)
    other = replace(entry, claim=replace(claim, expected="supported"), rechecked=False)
    assert "verified (on record: supported)" in str(other)
    assert "FAILS THE RE-CHECK" in str(other)
    page = Verdicts([claim, claim])._repr_html_() + other._repr_html_() + claim._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page

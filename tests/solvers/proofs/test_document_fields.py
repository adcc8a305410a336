"""What each field of a document may say and may not, and how proofs, fractions and digests are written and read."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawing import seeded
from fedmech import InputError, Market, solve
from fedmech.solvers.certify.tree import certify
from fedmech.solvers.proofs import document as document_module
from fedmech.solvers.proofs.document import (
    MOST_DIGITS,
    check_document,
    digest,
    fraction,
    instance_digest,
    read_document,
    sealed,
)
from fedmech.solvers.proofs.proof import Proof, ProofError, proof_document
from proof_markets import random_market


def certified(market: Market, problem: str) -> dict[str, Any]:
    return json.loads(json.dumps(certify(market, solve(market, problem))))


def test_what_is_written_of_a_proof() -> None:
    body = {
        "column": np.array([2**62, 1]),
        "rows": (1, [Fraction(1, 2), None]),
        "inner": {"number": np.int64(3), "word": "as it is"},
    }
    assert proof_document(Proof("opt-frac", "tree", Fraction(6, 4), body)) == {
        "problem": "opt-frac",
        "kind": "tree",
        "bound": "3/2",
        "body": {"column": [2**62, 1], "rows": [1, ["1/2", None]], "inner": {"number": 3, "word": "as it is"}},
    }
    written = proof_document(Proof("opt", "tree", 3, body))
    assert type(written["bound"]) is int
    assert type(written["body"]["inner"]["number"]) is int


def test_each_thing_that_a_document_may_not_say() -> None:
    market = Market.build(scores=[3, 5], costs=[2, 2], budgets=[2], coverage=[[1, 0], [1, 1]])
    fractional = certified(market, "opt-frac")
    for problem in ("opt", "cover"):
        document = certified(market, problem)
        assert document["point"] == [[1]]
        for change, why in (
            ({"format": "fedmech-proof/2"}, "not a fedmech-proof/1 file"),
            ({"problem": "knapsack"}, "'knapsack' is unknown"),
            ({"point": None}, "must be a list of lists"),
            ({"point": {"0": [1]}}, "must be a list of lists"),
            ({"point": [[1], 0]}, "must be a list of lists"),
            ({"point": [[1], (0,)]}, "must be a list of lists"),
            ({"body": None}, "body an object"),
            ({"body": []}, "body an object"),
            ({"value": None}, "whole numbers"),
            ({"bound": float(document["bound"])}, "whole numbers"),
            ({"value": document["value"] + 1, "bound": document["bound"] + 1}, "not worth that"),
            ({"value": document["value"] - 1}, "not worth that"),
        ):
            with pytest.raises(ProofError, match=why):
                check_document(sealed({**document, **change}), market)
        with pytest.raises(ProofError):
            check_document(sealed({**document, "bound": document["bound"] - 1}), market)
        with pytest.raises(ProofError, match="the seal does not match"):
            check_document({**document, "bound": document["bound"] + 1}, market)
    for given in ("5/0", "1/00", "5/", "/5", "5.0", "1_0", "٥", " 5", "5/-1", "5\n", 5, None):
        with pytest.raises(ProofError, match=r"division by zero|must be a fraction"):
            check_document(sealed({**fractional, "value": given}), market)
    for given in ("5", "10/2", "5/1"):
        assert check_document(sealed({**fractional, "value": given}), market).value == 5
    for point in ([[[], 0, "1/1"]], [[1, [], "1/1"]], [[1, 0, "1/1"], [1, 0, "1/1"]], [[1, 0]], [[1, 0, "1/1", 0]]):
        with pytest.raises(ProofError, match="each pair once"):
            check_document(sealed({**fractional, "point": point}), market)


def test_digests_are_of_the_fields_in_any_order() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1}) != digest({"a": 1})
    document = certified(random_market(seeded(0)), "opt")
    for nothing in ({1, 2}, {"a": object()}):
        with pytest.raises(ProofError, match="cannot be written as JSON"):
            check_document({**document, "body": nothing, "seal": None}, random_market(seeded(0)))


def test_coverage_is_part_of_cover_alone() -> None:
    one, other = (
        Market.build(scores=[3, 5], costs=[2, 2], budgets=[2], coverage=[[1, 0], [1, last]]) for last in (1, 2)
    )
    assert instance_digest(one, "opt") == instance_digest(other, "opt")
    assert instance_digest(one, "cover") != instance_digest(other, "cover")
    with pytest.raises(ProofError, match="another market"):
        check_document(certified(one, "cover"), other)


def test_how_long_files_and_fractions_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fraction("1" * MOST_DIGITS, "value") == int("1" * MOST_DIGITS)
    with pytest.raises(ProofError, match="must be a fraction"):
        fraction("1" * (MOST_DIGITS + 1), "value")
    file = tmp_path / "proof.json"
    file.write_text('{"a": 1}')
    assert read_document(file) == {"a": 1}
    monkeypatch.setattr(document_module, "MOST_BYTES", 8)
    assert read_document(file) == {"a": 1}
    monkeypatch.setattr(document_module, "MOST_BYTES", 7)
    with pytest.raises(InputError, match="larger than 7 bytes"):
        read_document(file)

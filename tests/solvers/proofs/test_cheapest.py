"""The proof of a cheapest optimum: accepted where it is true, refused by the reason where any part of it is not."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fedmech import InputError, Market, solve
from fedmech.cli import app
from fedmech.solvers.certify.tree import certify
from fedmech.solvers.lexicographic import certify_cheapest, solve_cheapest
from fedmech.solvers.proofs.cheapest import _both_objectives, check_cheapest_document, write_cheapest_document
from fedmech.solvers.proofs.document import digest
from fedmech.solvers.proofs.proof import ProofError
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import markets
from typer.testing import CliRunner

PROBLEMS = ["opt", "orp", "opt-sep"]


def two_ways() -> Market:
    """w1 and w2 score the same; w2 costs less, and w4 is beyond all the money."""
    return Market.build(scores=[2, 2, 1, 9], costs=[3, 2, 1, 5], budgets=["2.5", "1.5"], groups=[*"aabb"])


def proof_of(market: Market, problem: str = "opt") -> dict[str, Any]:
    return json.loads(json.dumps(certify_cheapest(solve_cheapest(market, problem))))


def changed(document: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The document with other fields, sealed again."""
    document = {**copy.deepcopy(document), **fields}
    return {**document, "seal": digest({**document, "seal": None})}


@settings(max_examples=25, deadline=None)
@given(markets(max_workers=5, max_requesters=2), st.sampled_from(PROBLEMS))
def test_what_is_found_is_proved(market: Market, problem: str) -> None:
    found = solve_cheapest(market, problem)
    checked = check_cheapest_document(json.loads(json.dumps(certify_cheapest(found))), market)
    assert (checked.problem, checked.score, checked.cost) == (problem, found.solution.value, found.cost)


@pytest.mark.parametrize("unit", [1, 10**9, 2**62, 10**30])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_at_every_size_of_number(unit: int, problem: str) -> None:
    market = Market.build(
        scores=[2 * unit, 2 * unit, unit],
        costs=[3 * unit, 2 * unit, unit],
        groups=[*"aab"],
        budgets=[4 * unit],
        seats=[2],
    )
    checked = check_cheapest_document(proof_of(market, problem), market)
    best = {"opt": (3, 3), "opt-sep": (3, 3), "orp": (4, 5)}[problem]
    assert (checked.score, checked.cost) == (best[0] * unit, best[1] * unit)


def test_both_objectives_in_one_score() -> None:
    """M is one more than the money, 4, or than all costs, 13; who costs more than all the money still has a score above 0."""
    market = Market.build(scores=[2, 1], costs=[3, 10], budgets=[4])
    for problem, scores in (("opt", [5 * 2 - 3, 1]), ("opt-sep", [5 * 2 - 3, 1]), ("orp", [14 * 2 - 3, 14 - 10])):
        assert _both_objectives(market, problem).scaled.scores.tolist() == scores


def test_money_in_parts() -> None:
    market = two_ways()
    checked = check_cheapest_document(proof_of(market), market)
    assert (checked.score, checked.cost) == (Fraction(3), Fraction(3))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"format": "fedmech-proof/1"}, "not a fedmech-cheapest/1 file"),
        ({"more": 1}, "not a fedmech-cheapest/1 file"),
        ({"problem": "cover"}, "'cover' has no cheapest optimum"),
        ({"problem": ["opt"]}, "has no cheapest optimum"),
        ({"problem": "orp"}, "the document is for another market|different problems"),
        ({"score": None}, "the document has other fields"),
        ({"cost": None}, "the document has other fields"),
    ],
)
def test_fields(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ProofError, match=reason):
        check_cheapest_document(changed(proof_of(two_ways()), **fields), two_ways())


def test_what_is_not_a_document_at_all() -> None:
    whole = proof_of(two_ways())
    for document in (None, [], "x", {}, {**whole, "seal": "0"}):
        with pytest.raises(ProofError, match=r"not a|seal"):
            check_cheapest_document(document, two_ways())
    with pytest.raises(ProofError, match="no costs"):
        check_cheapest_document(whole, Market.build(scores=[2, 2, 1, 9], bids=[3, 2, 1, 5], budgets=[2, 2]))


def test_exchanged_and_foreign_parts_are_refused() -> None:
    market, whole = two_ways(), proof_of(two_ways())
    other = proof_of(Market.build(scores=[2, 2, 1, 9], costs=[3, 1, 1, 5], budgets=["2.5", "1.5"], groups=[*"aabb"]))
    for fields in (
        {"score": whole["cost"]},
        {"cost": whole["score"]},
        {"score": other["score"]},
        {"cost": other["cost"]},
    ):
        with pytest.raises(ProofError, match="the document is for another market"):
            check_cheapest_document(changed(whole, **fields), market)
    with pytest.raises(ProofError, match="another market"):
        check_cheapest_document(
            whole, Market.build(scores=[2, 2, 1, 9], costs=[3, 2, 1, 5], budgets=[3, 1], groups=[*"aabb"])
        )
    sep = proof_of(market, "opt-sep")
    for name in ("score", "cost"):
        with pytest.raises(ProofError, match=r"another market|different problems"):
            check_cheapest_document(changed(whole, **{name: sep[name]}), market)


def test_a_dearer_point_and_a_bound_that_is_not_reached() -> None:
    market, whole = two_ways(), proof_of(two_ways())
    # Another best assignment, which costs one more: a proof of its score, and the proof that another one costs least.
    dearer = np.array([0, -1, 0, -1])
    score = json.loads(json.dumps(certify(market, solve(market, "opt"))))
    score = {**score, "point": [[0, 2], []]}
    score["seal"] = digest({**score, "seal": None})
    assert solve(market, "opt").value == 3 == sum(market.score(i) for i in np.flatnonzero(dearer >= 0).tolist())
    with pytest.raises(ProofError, match="score and cost are of different points"):
        check_cheapest_document(changed(whole, score=score), market)
    second = _both_objectives(market, "opt")
    cost = copy.deepcopy(whole["cost"])
    cost["point"] = [[0, 2], []]
    cost["value"] = int(second.scaled.scores[0] + second.scaled.scores[2])
    cost["seal"] = digest({**cost, "seal": None})
    with pytest.raises(ProofError, match="not shown to be optimal"):
        check_cheapest_document(changed(whole, score=score, cost=cost), market)
    less = {**whole["score"], "point": [[1], []], "value": 2}
    less["seal"] = digest({**less, "seal": None})
    with pytest.raises(ProofError, match="not shown to be optimal"):
        check_cheapest_document(changed(whole, score=less), market)


def test_only_what_is_complete_has_a_certificate() -> None:
    found = solve_cheapest(two_ways())
    for less in (replace(found, least=Fraction(0)), replace(found, second=replace(found.second, status="feasible"))):
        with pytest.raises(InputError, match="only a proved optimum"):
            certify_cheapest(less)
    whole = write_cheapest_document("opt", {"a": 1}, {"b": 2})
    assert {*whole} == {"format", "problem", "score", "cost", "seal"}


def test_on_the_command_line(tmp_path: Any) -> None:
    proof = tmp_path / "proof.json"
    run = CliRunner().invoke
    done = run(app, ["solve", "--then", "cheapest", "--certificate", str(proof), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["certificate"] == {"file": str(proof), "missing": None}
    checked = run(app, ["check", str(proof), "--json"])
    assert checked.exit_code == 0, checked.output
    answer = json.loads(checked.stdout)
    assert (answer["cost_exact"], answer["objective_exact"]) == (
        document["then"]["cost_exact"],
        document["objective_exact"],
    )
    assert "none of its score costs less" in run(app, ["check", str(proof)]).stdout
    proof.write_text(proof.read_text().replace('"problem":"opt"', '"problem":"orp"', 1))
    assert run(app, ["check", str(proof)]).exit_code == 1
    for words, why in (
        (["--certificate", "x.vipr"], "vipr files have one objective"),
        (["--certificate", "x.json", "--proof", "opb"], "opb files have one objective"),
        (["--explain"], "leave --then out"),
        (["--at-least", "3"], "leave --then out"),
        (["--export", "x.lp"], "leave --then out"),
    ):
        refused = run(app, ["solve", "--then", "cheapest", *words])
        assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
        assert why in refused.output

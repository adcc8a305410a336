"""Documents: true ones are accepted, changed ones are not, whether sealed again or not; and nothing in a file does any harm."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import campaign
import numpy as np
import pytest
from command_line import fedmech
from drawing import Numbers, generators, made_by, seeded
from fedmech import InputError, Market, solve
from fedmech.models.procurement.file import write_market
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.certify.tree import certify, prove
from fedmech.solvers.feasibility import objective_value, violation
from fedmech.solvers.proofs.document import (
    FORMAT,
    check_document,
    digest,
    instance_digest,
    read_document,
    write_document,
)
from fedmech.solvers.proofs.proof import ProofError
from hypothesis import given, settings
from proof_markets import random_market, tiny_market

ALL = ("orp", "opt", "opt-frac", "opt-sep", "cover")
KINDS = [(problem, seats) for problem in ALL for seats in (False, True)]


def certified(market: Market, problem: str) -> dict[str, Any]:
    """Return the document of the optimum, as read back from a file and accepted."""
    solution = solve(market, problem)
    document = json.loads(json.dumps(certify(market, solution)))
    found = check_document(document, market)
    assert found.optimal
    assert found.value == found.bound == solution.value
    return document


def grown(market: Market, problem: str) -> dict[str, Any]:
    """Return a document of the optimum with a tree for its proof."""
    solution = solve(market, problem)
    assert solution.value is not None
    unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
    value = int(solution.value * unit)
    assert solution.assignment is not None
    return write_document(market, solution.assignment, value, prove(market, problem, value))


def resealed(document: dict[str, Any], **changed: Any) -> dict[str, Any]:
    document = {**document, **changed, "seal": None}
    return {**document, "seal": digest(document)}


@pytest.mark.parametrize(("problem", "seats"), KINDS)
@settings(max_examples=25)
@given(rng=generators)
def test_every_optimum_has_a_document(problem: str, seats: bool, rng: Numbers) -> None:
    certified(random_market(rng, seats), problem)


@pytest.mark.parametrize(("problem", "seats"), [pair for pair in KINDS if pair[0] != "opt-frac"])
@settings(max_examples=30)
@given(rng=generators)
def test_a_worse_point_is_no_optimum(problem: str, seats: bool, rng: Numbers) -> None:
    """A point below the optimum passes with the optimum's bound alone, and then it is not called optimal."""
    market = random_market(rng, seats)
    document = certified(market, problem)
    for i in [i for part in document["point"] for i in part]:
        point = [[x for x in part if x != i] for part in document["point"]]
        everyone = [x for part in point for x in part]
        value = int(market.scaled.scores[everyone].sum())
        if problem == "cover":
            assert market.scaled.coverage is not None
            value = int(market.scaled.coverage[everyone].max(axis=0, initial=0).sum())
        if value == document["value"]:
            continue
        assert not check_document(resealed(document, point=point, value=value), market).optimal
        with pytest.raises(ProofError):
            check_document(resealed(document, point=point, value=value, bound=value), market)
        with pytest.raises(ProofError, match="not worth that"):
            check_document(resealed(document, point=point), market)


@pytest.mark.parametrize("problem", [problem for problem in ALL if problem != "opt-frac"])
@settings(max_examples=40)
@given(market=made_by(tiny_market), rng=generators)
def test_a_point_is_accepted_exactly_where_it_is_feasible(problem: str, market: Market, rng: Numbers) -> None:
    """Every assignment of small markets, feasible or not, against the check that every answer of a search passes."""
    document = certified(market, problem)
    for _ in range(25):
        assignment = rng.integers(-1, market.m, market.n)
        point = [np.flatnonzero(assignment == j).tolist() for j in range(market.m)]
        worth = objective_value(market, problem, assignment)
        changed = resealed(document, point=point, value=int(worth))
        if violation(market, problem, assignment) is None:
            assert check_document(changed, market).value == worth
            continue
        with pytest.raises(ProofError, match="point: "):
            check_document(changed, market)


def test_limits_of_a_point_are_kept_to_the_unit() -> None:
    """At each limit, and one beyond it."""
    market = Market.build(
        scores=[1, 1, 1, 1],
        costs=[2, 2, 2, 2],
        budgets=[4, 2],
        groups=["a", "a", "b", "b"],
        caps={("a", "r1"): 1},
        seats=[2, 3],
    )
    document = {problem: certified(market, problem) for problem in ("orp", "opt", "opt-sep")}
    for point, right in (
        ([[0, 2], [1]], ("orp", "opt", "opt-sep")),
        ([[0, 2], [1, 3]], ("orp",)),
        ([[0], [1, 3]], ("orp", "opt")),
        ([[0, 1], []], ()),
        ([[0, 2, 3], []], ()),
        ([[0, 0], []], ()),
        ([[0], [0]], ()),
        ([[4], []], ()),
        ([[-1], []], ()),
        ([[False], []], ()),
        ([[0]], ()),
        ([[0], [], []], ()),
    ):
        for problem, true in document.items():
            value = sum(map(len, point))
            changed = resealed(true, point=point, value=value, bound=max(value, true["bound"]))
            if problem in right:
                assert check_document(changed, market).value == value
                continue
            with pytest.raises(ProofError, match="point: "):
                check_document(changed, market)


def changes(value: Any) -> list[Any]:
    """Return other values for one field."""
    if isinstance(value, bool) or value is None:
        return [0]
    if isinstance(value, int):
        return [
            value + 1,
            value - 1,
            -value - 7,
            value * 2 + 1,
            str(value),
            None,
            float(value),
            value == 1,
            1 << 14_000,
        ]
    if isinstance(value, str):
        return [value + "x", "", None, 0, [value], "1/0", "-1/2"]
    if isinstance(value, list):
        return [[*value, 1], [*value, {}], value[:-1], value[::-1] if value != value[::-1] else [[]], None, {}]
    return [None, {}, {**value, "note": 1}, *({k: x for k, x in value.items() if k != name} for name in value)]


def paths(document: Any, path: tuple = ()) -> list[tuple]:
    """Return the path of every field, however deep."""
    found = [path] if path else []
    children = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else []
    )
    for key, child in children:
        found += paths(child, (*path, key))
    return found


def with_change(document: Any, path: tuple, value: Any) -> Any:
    changed = copy.deepcopy(document)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(("problem", "seats"), campaign.thorough(KINDS, ("opt-sep", False).__eq__))
def test_any_changed_field_is_rejected(problem: str, seats: bool) -> None:
    """The seal rejects every change; with a forged one a change breaks the proof, or leaves one of no more than is true.

    That is harmless: the multipliers of a true proof may be others, so may the workers of an optimum, and a bound may be larger.
    """
    documents = []
    for seed in campaign.seeds(40):
        market = random_market(seeded(seed), seats)
        document = certified(market, problem) if problem == "opt-frac" else grown(market, problem)
        if document["value"] not in (0, "0/1"):
            documents.append((market, document))
    documents.sort(key=lambda pair: -len(pair[1]["body"].get("nodes", ())))
    tried = forged = 0
    for market, document in documents[:2] + documents[-1:]:
        for path in paths(document):
            value = document
            for key in path:
                value = value[key]
            for other in changes(value):
                if json.dumps(other) == json.dumps(value):
                    continue
                changed = with_change(document, path, other)
                with pytest.raises(ProofError):
                    check_document(changed, market)
                tried += 1
                if path == ("seal",):
                    continue
                try:
                    found = check_document(resealed(changed), market)
                except ProofError:
                    continue
                forged += 1
                assert changed["value"] == document["value"]
                assert path[0] in ("body", "point", "bound")
                assert path[0] != "bound" or not found.optimal
        for name in document:
            with pytest.raises(ProofError):
                check_document({key: field for key, field in document.items() if key != name}, market)
        with pytest.raises(ProofError):
            check_document({**document, "note": ""}, market)
    assert tried > 100
    assert forged < tried / 2


@pytest.mark.thorough
def test_a_node_left_out_is_noticed() -> None:
    """What follows may happen to be a proof without it, where it splits by workers that are decided; what is cut off never is."""
    left_out = noticed = 0
    # Trees of 40 and of 51 nodes for OPT-SEP, of 5 and of 7 for COVER; most markets need a leaf alone.
    for seed in (44, 68, 46, 228):
        market = random_market(seeded(seed), seed % 2 == 1, least=10, most=20)
        for problem in ("opt-sep", "cover"):
            document = grown(market, problem)
            nodes = document["body"]["nodes"]
            for at in range(0, len(nodes), max(1, len(nodes) // 10)):
                with pytest.raises(ProofError, match="a branch has no node"):
                    check_document(resealed(document, body={**document["body"], "nodes": nodes[:at]}), market)
                if len(nodes) > 1:
                    left_out += 1
                    rest = nodes[:at] + nodes[at + 1 :]
                    try:
                        check_document(resealed(document, body={**document["body"], "nodes": rest}), market)
                    except ProofError:
                        noticed += 1
                if "worker" not in nodes[at]:
                    again = nodes[: at + 1] + nodes[at:]
                    with pytest.raises(ProofError):
                        check_document(resealed(document, body={**document["body"], "nodes": again}), market)
    assert left_out > 10
    assert noticed >= 0.95 * left_out


def test_a_claim_about_another_problem_is_rejected() -> None:
    market = random_market(seeded(8))
    for problem in ALL:
        document = certified(market, problem)
        for other in (*ALL, "social-state", "nonsense", None, 3):
            if other == problem or (other in ALL and solve(market, other).value == solve(market, problem).value):
                continue
            with pytest.raises(ProofError):
                check_document(resealed(document, problem=other), market)
            if other in ALL:
                with pytest.raises(ProofError):
                    check_document(resealed(document, problem=other, instance=instance_digest(market, other)), market)


@settings(max_examples=40)
@given(market=made_by(random_market))
def test_purses_cannot_be_confused(market: Market) -> None:
    """One purse proves as much for OPT-SEP as for OPT; purses of its own prove nothing for OPT."""
    document = grown(market, "opt-sep")
    for purses in (0, -1, 2, 3, 7, True, 1.0, None, "1"):
        if purses == document["body"]["purses"]:
            continue
        with pytest.raises(ProofError):
            check_document(resealed(document, body={**document["body"], "purses": purses}), market)
    best = solve(market, "opt").value
    assert best is not None
    if market.m > 1 and document["body"]["purses"] == market.m and best > document["value"]:
        with pytest.raises(ProofError):
            check_document(resealed(grown(market, "opt"), body=document["body"]), market)


def test_another_market_is_rejected() -> None:
    market = generate_market("a", 40, seed=1)
    document = certified(market, "opt")
    for other in (
        generate_market("a", 40, seed=2),
        market.with_budgets([int(b) + 1 for b in market.scaled.budgets]),
        market.subset(range(39)),
        market.subset(list(range(39, -1, -1))),
    ):
        assert instance_digest(other, "opt") != instance_digest(market, "opt")
        with pytest.raises(ProofError, match="another market"):
            check_document(document, other)
    one, two = random_market(seeded(3)), random_market(seeded(3))
    assert instance_digest(one, "cover") == instance_digest(two, "cover") != instance_digest(one, "opt")


def test_a_market_that_lacks_what_the_problem_needs() -> None:
    plain = Market.build(scores=[1], bids=[1], budgets=[1])
    document = certified(plain, "orp")
    for problem in ("opt", "opt-frac", "opt-sep", "cover"):
        with pytest.raises(ProofError, match="lacks"):
            check_document(resealed(document, problem=problem), plain)


def test_a_bound_that_is_not_tight_is_worth_saying() -> None:
    """A stopped search leaves a point and a larger bound: the document says just that."""
    market = generate_market("a", 60, seed=2)
    solution = solve(market, "opt", time_limit=0, allow_suboptimal=True)
    assert solution.proof is not None
    assert solution.assignment is not None
    assert solution.value is not None
    document = write_document(market, solution.assignment, int(solution.value), solution.proof)
    found = check_document(document, market)
    assert (found.value, found.bound) == (solution.value, solution.bound)
    assert found.optimal == (solution.status == "optimal")


def test_documents_that_are_none() -> None:
    market = random_market(seeded(0))
    document = certified(market, "opt")
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for other in (
        None,
        3,
        [],
        {},
        "document",
        {"format": FORMAT},
        {**document, "body": deep},
        {**document, "body": {1, 2}},
    ):
        with pytest.raises(ProofError):
            check_document(other, market)


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "",
        "[" * 1_000_000,
        '{"value": ' + "9" * 100_000 + "}",
        '{"a": "\\ud800',
        "\x00\x01",
    ],
)
def test_files_that_are_no_json_are_refused_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "proof.json"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_document(file)
    assert "\n" not in str(caught.value)


def test_json_that_python_alone_reads_proves_nothing(tmp_path: Path) -> None:
    market = random_market(seeded(0))
    document = certified(market, "opt")
    text = json.dumps(document)
    for other in ("NaN", "Infinity", "1e400", "true", "1.0", '"1"', "null"):
        file = tmp_path / "proof.json"
        file.write_text(text.replace(f'"value": {document["value"]}', f'"value": {other}'))
        with pytest.raises(ProofError):
            check_document(resealed(read_document(file)), market)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_document(tmp_path / "none.json")
    with pytest.raises(InputError):
        read_document(tmp_path)


@pytest.mark.parametrize("problem", ["opt", "opt-frac", "cover"])
def test_command_line(tmp_path: Path, problem: str) -> None:
    market_file, file = tmp_path / "m.market.json", tmp_path / "proof.json"
    write_market(random_market(seeded(11), least=15, most=26), market_file)
    arguments = ("solve", str(market_file), "--problem", problem, "--certificate", str(file), "--json", "--summary")
    solved = fedmech(*arguments)
    assert solved.returncode == 0, solved.stderr
    checked = fedmech("check", str(file), str(market_file), "--json")
    assert checked.returncode == 0, checked.stderr
    answer = json.loads(checked.stdout)
    assert answer["valid"] is True
    assert answer["optimal"] is True
    assert answer["objective_exact"] == json.loads(solved.stdout)["objective_exact"]
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "value": 1}))
    assert fedmech("check", str(file), str(market_file)).returncode == 1
    file.write_text("not json")
    refused = fedmech("check", str(file), str(market_file))
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1


def test_shares_of_opt_frac_are_held_to_every_limit() -> None:
    market = Market.build(scores=[3, 2], costs=[2, 2], budgets=[3], groups=["a", "b"], caps={("a", "r1"): 1}, seats=[2])
    document = certified(market, "opt-frac")
    assert document["value"] == "4/1"
    for point, value, right in (
        ([[0, 0, "1/1"], [1, 0, "1/2"]], "4/1", True),
        ([[0, 0, "1/2"], [1, 0, "1/1"]], "7/2", True),
        ([[0, 0, "1/1"], [1, 0, "51/100"]], "402/100", False),
        ([[0, 0, "-1/2"], [1, 0, "1/1"]], "1/2", False),
        ([[0, 0, "3/2"]], "9/2", False),
        ([[2, 0, "1/1"]], "0/1", False),
        ([[0, 1, "1/1"]], "3/1", False),
        ([[0, 0, "1/2"], [0, 0, "1/2"]], "3/1", False),
        ([[0, 0, 1]], "3/1", False),
        ([[0, 0, 0.5]], "3/2", False),
        ([[0, 0]], "0/1", False),
        ([[True, 0, "1/1"]], "2/1", False),
    ):
        changed = resealed(document, point=point, value=value)
        if right:
            assert check_document(changed, market).value == Fraction(value)
            continue
        with pytest.raises(ProofError):
            check_document(changed, market)
    crowded = Market.build(scores=[3, 2], costs=[0, 0], budgets=[3], groups=["a", "a"], caps={("a", "r1"): 1})
    few = Market.build(scores=[3, 2], costs=[0, 0], budgets=[3], seats=[1])
    for market in (crowded, few):
        document = certified(market, "opt-frac")
        with pytest.raises(ProofError, match="exceeded"):
            check_document(resealed(document, point=[[0, 0, "1/1"], [1, 0, "1/9"]], value="29/9"), market)
    two = Market.build(scores=[3], costs=[0], budgets=[3, 3])
    with pytest.raises(ProofError, match="more than once"):
        check_document(
            resealed(certified(two, "opt-frac"), point=[[0, 0, "1/1"], [0, 1, "1/9"]], value="10/3", bound="4/1"), two
        )

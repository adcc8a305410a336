"""Certificates: every kind of optimum has one, true ones are accepted, changed ones are not."""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedmech import InputError, Market, solve
from fedmech.models.procurement.file import write_market
from fedmech.models.procurement.generate import generate_market
from fedmech.solvers.certify import tree as certify_module
from fedmech.solvers.certify.tree import NoCertificateError, certify, prove
from fedmech.solvers.control import Control
from fedmech.solvers.proofs.checker import (
    CertificateError,
    check_certificate,
    digest,
    instance_digest,
)

ROOT = Path(__file__).parents[3]
_SPEC = importlib.util.spec_from_file_location("pooled_families_here", ROOT / "tests/benchmarks/pooled_families.py")
assert _SPEC is not None
assert _SPEC.loader is not None
families = importlib.util.module_from_spec(_SPEC)
sys.modules["pooled_families_here"] = families
_SPEC.loader.exec_module(families)

KINDS = [(problem, seats) for problem in ("orp", "opt", "opt-sep", "cover") for seats in (False, True)]


def random_market(seed: int, seats: bool = False, least: int = 1, most: int = 11) -> Market:
    """Markets with non-integers, ties, zero costs, empty groups and limits, with coverage."""
    rng = np.random.default_rng(seed)
    n, m, level = int(rng.integers(least, most)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    unit, more = int(rng.choice([1, 3, 100])), max(1, most // 11)
    costs = [Fraction(int(x), unit) for x in rng.integers(0, 30, n)]
    scores = [Fraction(int(x), 7) for x in rng.integers(1, 30, n)]
    if seed % 3 == 1:
        scores = [c + 2 for c in costs]
    return Market.build(
        scores=scores,
        costs=costs,
        groups=rng.integers(0, level, n).tolist(),
        group_ids=range(level),
        budgets=[Fraction(int(x), unit) for x in rng.integers(0, 60 * more, m)],
        caps=rng.integers(0, 4 * more, (level, m)).tolist(),
        seats=rng.integers(0, 4 * more, m).tolist() if seats else None,
        coverage=[
            [Fraction(int(z), 3) for z in row] for row in rng.integers(0, 8, (n, 4)) * (rng.random((n, 4)) < 0.6)
        ],
    )


def as_market(problem: Any) -> Market:
    return Market.build(
        scores=problem.scores,
        costs=problem.costs,
        groups=problem.groups.tolist(),
        group_ids=range(len(problem.limits)),
        budgets=[problem.budget // 3, problem.budget - problem.budget // 3],
        caps=[[k // 2, k - k // 2] for k in problem.limits],
    )


def certified(market: Market, problem: str) -> dict[str, Any]:
    """Return the certificate of the optimum, as read back from a file and accepted."""
    solution = solve(market, problem)
    document = json.loads(json.dumps(certify(market, solution)))
    proof = check_certificate(document, market)
    unit = market.coverage_denominator if problem == "cover" else market.score_denominator
    assert Fraction(proof.value, unit) == solution.objective
    return document


@pytest.mark.parametrize(("problem", "seats"), KINDS)
def test_every_optimum_has_a_certificate(problem: str, seats: bool) -> None:
    for seed in range(150):
        certified(random_market(seed, seats), problem)


@pytest.mark.parametrize(("problem", "seats"), KINDS)
def test_larger_markets_have_certificates(problem: str, seats: bool) -> None:
    for seed in range(5):
        certified(random_market(seed, seats, least=15, most=26), problem)


@pytest.mark.slow
@pytest.mark.parametrize(("problem", "seats"), KINDS)
def test_share_of_optima_with_a_certificate(problem: str, seats: bool) -> None:
    """Hundreds of markets of 12 to 39 workers; what `solve` calls certified has a certificate, or it says why not."""
    found = tried = 0
    for seed in range(400):
        market = random_market(seed, seats, least=12, most=40)
        solution = solve(market, problem, time_limit=30, allow_suboptimal=True)
        if solution.exactness != "checked" or solution.status != "optimal":
            continue
        tried += 1
        try:
            certify(market, solution, 60)
            found += 1
        except NoCertificateError as error:
            print(f"{problem}, seats {seats}, seed {seed}: {error}")
    print(f"{problem}, seats {seats}: {found} of {tried}")
    assert found >= 0.98 * tried


@pytest.mark.parametrize("kind", ["a", "b", "c", "d", "lognormal"])
@pytest.mark.parametrize("seat_share", [None, 0.6])
@pytest.mark.parametrize("n", [60, 3000])
def test_generated_markets(kind: str, seat_share: float | None, n: int) -> None:
    certified(generate_market(kind, n, seat_share=seat_share, seed=2), "opt")


@pytest.mark.parametrize("family", sorted(families.FAMILIES))
def test_hard_families(family: str) -> None:
    """Those that enumeration alone cannot close among them: numbers of many magnitudes take a tree."""
    document = certified(as_market(families.FAMILIES[family](400, 1)), "opt")
    assert len(document["nodes"]) < 2000


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(families.FAMILIES))
def test_hard_families_when_large(family: str) -> None:
    market = as_market(families.FAMILIES[family](10_000, 1))
    solution = solve(market, "opt", time_limit=60, allow_suboptimal=True)
    if solution.status == "optimal":
        check_certificate(certify(market, solution, 120), market)


def test_what_trees_are_made_of() -> None:
    """Some of these proofs branch on workers, some on the number hired; some have a purse for every requester."""
    seen: set[str] = set()
    for seed in range(150):
        for problem in ("opt", "opt-sep", "cover"):
            document = certify(market := random_market(seed, seed % 2 == 1), solve(market, problem))
            seen |= {f"{problem} {field}" for entry in document["nodes"] for field in entry}
            seen |= {f"{problem} purses"} if document["purses"] > 1 else set()
    for family in ("c, loose caps", "thirteen scales"):
        document = certify(market := as_market(families.FAMILIES[family](400, 1)), solve(market, "opt"))
        seen |= {f"opt {field}" for entry in document["nodes"] for field in entry}
    assert seen >= {"opt worker", "opt count", "opt-sep worker", "opt-sep purses", "cover worker", "opt duals"}


def test_a_proof_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    market = generate_market("b", 30, requesters=3, groups=3, top=1000, seed=3)
    solution = solve(market, "opt-sep")
    assert solution.value is not None
    value = int(solution.value * market.score_denominator)
    with pytest.raises(NoCertificateError, match="time is up"):
        prove(market, "opt-sep", value, control=Control.for_seconds(0))
    monkeypatch.setattr(certify_module, "MOST_NODES", 3)
    with pytest.raises(NoCertificateError, match="more than 3 nodes"):
        prove(market, "opt-sep", value)
    with pytest.raises(InputError, match="opt-frac"):
        certify(market, solve(market, "opt-frac"))


def resealed(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "seal": digest({**document, "seal": None})}


@pytest.mark.parametrize(("problem", "seats"), KINDS)
def test_a_worse_assignment_is_never_accepted(problem: str, seats: bool) -> None:
    """With the tree that proves the optimum, and resealed: a value below the optimum does not pass."""
    tried = 0
    for seed in range(60):
        market = random_market(seed, seats)
        document = certified(market, problem)
        for j, gaps in enumerate(document["hired"]):
            for at in range(len(gaps)):
                worse = copy.deepcopy(document)
                rest = gaps[:at] + ([gaps[at] + gaps[at + 1]] if at + 1 < len(gaps) else []) + gaps[at + 2 :]
                worse["hired"][j] = rest
                workers = [i for list_ in worse["hired"] for i in (np.cumsum(list_) - 1).astype(int).tolist()]
                worse["value"] = int(market.scores[workers].sum())
                if problem == "cover":
                    assert market.coverage is not None
                    worse["value"] = int(market.coverage[workers].max(axis=0, initial=0).sum())
                if worse["value"] < document["value"]:
                    tried += 1
                    with pytest.raises(CertificateError):
                        check_certificate(resealed(worse), market)
    assert tried > 20


def changes(value: Any) -> list[Any]:
    """Return other values for one field."""
    if isinstance(value, bool) or value is None:
        return [0]
    if isinstance(value, int):
        return [value + 1, value - 1, -value - 7, value * 2 + 1, str(value), None, float(value) + 0.5, value == 1]
    if isinstance(value, str):
        return [value + "x", "", None, 0, [value]]
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


@pytest.mark.parametrize(("problem", "seats"), KINDS)
def test_any_changed_field_is_rejected(problem: str, seats: bool) -> None:
    """The seal rejects every change; with a forged one a change breaks the proof, or leaves one of the same claim.

    That is harmless: the multipliers of a true proof may be others, and so may the workers of an optimum.
    """
    documents = []
    for seed in range(150):
        document = certified(market := random_market(seed, seats), problem)
        if len(document["nodes"]) > (1 if problem != "orp" else 0) and document["value"]:
            documents.append((market, document))
    if not documents:
        # Branching on workers is rare where searches close the root.
        documents = [(market := random_market(s, seats), certified(market, problem)) for s in (0, 4, 8)]
    tried = forged = 0
    for market, document in sorted(documents, key=lambda pair: len(pair[1]["nodes"]))[:3]:
        for path in paths(document):
            value = document
            for key in path:
                value = value[key]
            for other in changes(value):
                if json.dumps(other) == json.dumps(value):
                    continue
                changed = with_change(document, path, other)
                with pytest.raises(CertificateError):
                    check_certificate(changed, market)
                tried += 1
                if path == ("seal",):
                    continue
                try:
                    proof = check_certificate(resealed(changed), market)
                except CertificateError:
                    continue
                forged += 1
                assert proof.value == document["value"]
                assert path[0] in ("nodes", "hired")
        for name in document:
            with pytest.raises(CertificateError):
                check_certificate({key: field for key, field in document.items() if key != name}, market)
        with pytest.raises(CertificateError):
            check_certificate({**document, "note": ""}, market)
    assert tried > 100
    assert forged < tried / 2


def test_a_claim_about_another_problem_is_rejected() -> None:
    market = random_market(8)
    for problem in ("orp", "opt", "opt-sep", "cover"):
        document = certified(market, problem)
        for other in ("orp", "opt", "opt-sep", "cover", "opt-frac"):
            if (
                other == problem
                or solve(market, "opt" if other == "opt-frac" else other).objective == document["value"]
            ):
                continue
            with pytest.raises(CertificateError):
                check_certificate(resealed({**document, "problem": other}), market)


def test_another_market_is_rejected() -> None:
    market = generate_market("a", 40, seed=1)
    document = certified(market, "opt")
    for other in (
        generate_market("a", 40, seed=2),
        market.with_budgets([int(b) + 1 for b in market.budgets]),
        market.subset(range(39)),
        market.subset(list(range(39, -1, -1))),
    ):
        assert instance_digest(other, "opt") != instance_digest(market, "opt")
        with pytest.raises(CertificateError, match="another market"):
            check_certificate(document, other)
    one, two = random_market(3), random_market(3)
    assert instance_digest(one, "cover") == instance_digest(two, "cover") != instance_digest(one, "opt")


def test_documents_that_are_no_certificates() -> None:
    market = random_market(0)
    for document in (None, 3, [], {}, "certificate", {"format": "fedmech-certificate/2"}):
        with pytest.raises(CertificateError):
            check_certificate(document, market)


def test_the_checker_imports_nothing_from_the_solvers() -> None:
    source = (ROOT / "solvers" / "proofs" / "checker.py").read_text()
    modules = {
        node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.level > 0
    }
    assert modules == {"models.procurement.market"}
    assert "numpy" not in source


def fedmech(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fedmech", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)


@pytest.mark.parametrize("problem", ["opt", "cover"])
def test_command_line(tmp_path: Path, problem: str) -> None:
    market_file, file = tmp_path / "m.market.json", tmp_path / "proof.json"
    write_market(random_market(11, least=15, most=26), market_file)
    arguments = ("solve", str(market_file), "--problem", problem, "--certificate", str(file), "--json", "--summary")
    solved = fedmech(tmp_path, *arguments)
    assert solved.returncode == 0, solved.stderr
    checked = fedmech(tmp_path, "check", str(file), str(market_file), "--json")
    assert checked.returncode == 0, checked.stderr
    answer = json.loads(checked.stdout)
    assert answer["valid"] is True
    assert answer["objective_exact"] == json.loads(solved.stdout)["objective_exact"]
    document = json.loads(file.read_text())
    document["value"] += 1
    file.write_text(json.dumps(document))
    assert fedmech(tmp_path, "check", str(file), str(market_file)).returncode == 1
    file.write_text("not json")
    assert fedmech(tmp_path, "check", str(file), str(market_file)).returncode == 2


def test_command_line_says_why_there_is_no_certificate(tmp_path: Path) -> None:
    market_file, file = tmp_path / "m.market.json", tmp_path / "proof.json"
    write_market(random_market(40, least=12, most=40), market_file)
    arguments = ("solve", str(market_file), "--certificate", str(file), "--json", "--summary")
    refused = fedmech(tmp_path, *arguments, "--problem", "opt-frac")
    assert refused.returncode == 2
    assert "opt-frac" in refused.stderr
    solved = fedmech(tmp_path, *arguments, "--problem", "opt-sep", "--time-limit", "0")
    assert solved.returncode == 4, solved.stderr
    answer = json.loads(solved.stdout)["certificate"]
    assert answer["file"] is None
    assert "not proved" in answer["missing"]
    assert not file.exists()


def test_proof_counts_what_was_searched() -> None:
    market = generate_market("a", 1000, seed=3)
    document = certified(market, "opt")
    proof = check_certificate(document, market)
    assert proof.states < 100_000
    assert len(json.dumps(document)) < 20 * market.n

"""Certificates: true ones are accepted, changed ones are not, and the checker stands on its own."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fedmech import Market, solve
from fedmech.models.generate import generate_market
from fedmech.models.market_file import write_market
from fedmech.solvers.certificate import Multipliers, certificate_document
from fedmech.solvers.certify import certificates
from fedmech.verification.check_certificate import (
    CertificateError,
    Verdict,
    check_certificate,
    instance_digest,
    seal,
)

ROOT = Path(__file__).parent.parent


def random_market(seed: int, seats: bool = False, most: int = 11) -> Market:
    rng = np.random.default_rng(seed)
    n, m, level = int(rng.integers(1, most)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    unit = int(rng.choice([1, 3, 100]))
    costs = [Fraction(int(x), unit) for x in rng.integers(0, 30, n)]
    scores = [Fraction(int(x), 7) for x in rng.integers(1, 30, n)]
    if seed % 3 == 1:
        scores = [c + 2 for c in costs]
    return Market.build(
        scores=scores,
        costs=costs,
        groups=rng.integers(0, level, n).tolist(),
        group_ids=range(level),
        budgets=[Fraction(int(x), unit) for x in rng.integers(0, 60, m)],
        caps=rng.integers(0, 4, (level, m)).tolist(),
        seats=rng.integers(0, 4, m).tolist() if seats else None,
    )


def accepted(market: Market, problem: str) -> dict[str, Any] | None:
    """Return the first certificate of the optimum that the checker accepts, as read back from a file."""
    solution = solve(market, problem)
    for document in certificates(market, solution):
        document = json.loads(json.dumps(document))
        try:
            verdict = check_certificate(document, market)
        except CertificateError:
            continue
        assert Fraction(verdict.value, market.score_denominator) == solution.objective
        return document
    return None


@pytest.mark.parametrize("problem", ["orp", "opt"])
def test_every_optimum_without_seats_has_a_certificate(problem: str) -> None:
    for seed in range(250):
        assert accepted(random_market(seed), problem) is not None, seed


def test_orp_with_seats_has_a_certificate() -> None:
    for seed in range(150):
        assert accepted(random_market(seed, seats=True), "orp") is not None, seed


def test_most_optima_with_seats_or_separate_budgets_have_one() -> None:
    opt = sum(accepted(random_market(seed, seats=True), "opt") is not None for seed in range(120))
    separate = sum(accepted(random_market(seed), "opt-sep") is not None for seed in range(60))
    assert opt >= 60
    assert separate >= 5


@pytest.mark.parametrize("kind", ["a", "b", "c", "d", "lognormal"])
@pytest.mark.parametrize("n", [60, 3000])
def test_generated_markets(kind: str, n: int) -> None:
    assert accepted(generate_market(kind, n, seed=2), "opt") is not None


def test_a_worse_assignment_is_never_accepted() -> None:
    """With the best multipliers there are, and resealed: a value below the optimum does not pass."""
    for seed in range(200):
        market = random_market(seed)
        solution = solve(market, "opt")
        assert solution.assignment is not None
        if not (solution.assignment >= 0).any():
            continue
        worse = solution.assignment.copy()
        worse[np.flatnonzero(worse >= 0)[0]] = -1
        document = certificate_document(market, "opt", worse, solution.certificate)
        with pytest.raises(CertificateError):
            check_certificate(document, market)


def test_random_multipliers_prove_nothing_false() -> None:
    rng = np.random.default_rng(3)
    refused = 0
    for seed in range(300):
        market = random_market(seed, seats=bool(seed % 2))
        best = solve(market, "opt", "brute-force")
        solution = best if seed % 4 == 0 else solve(market.subset(range(market.n // 2)), "opt", "brute-force")
        assert solution.assignment is not None
        assignment = np.full(market.n, -1, dtype=np.int64)
        assignment[: len(solution.assignment)] = solution.assignment
        leaves = [
            Multipliers(
                0,
                market.n,
                int(rng.integers(1, 50)),
                int(rng.integers(0, 200)),
                int(rng.integers(-20, 20)) * int(rng.integers(0, 2)),
                tuple(int(x) for x in rng.integers(0, 60, market.L)),
            )
        ]
        document = certificate_document(market, "opt", assignment, leaves)
        try:
            check_certificate(document, market)
        except CertificateError:
            refused += 1
        else:
            assert solution.objective == best.objective
    assert refused > 50


def changes(value: Any) -> list[Any]:
    """Return other values for one field."""
    if isinstance(value, bool) or value is None:
        return [0]
    if isinstance(value, int):
        return [value + 1, value - 1, -value - 7, value * 2 + 1, str(value), None, float(value) + 0.5]
    if isinstance(value, str):
        return [value + "x", "", None, 0]
    if isinstance(value, list):
        return [[*value, 1], value[:-1], value[::-1] if value != value[::-1] else [[]], None]
    return [None, {}]


def paths(document: Any, path: tuple = ()) -> list[tuple]:
    """Return the path of every field, however deep."""
    found = [path] if path else []
    children = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else []
    )
    for key, child in children:
        found += paths(child, (*path, key))
    return found


def test_any_changed_field_is_rejected() -> None:
    tried = 0
    for seed, problem in [(0, "opt"), (4, "opt"), (7, "orp"), (8, "opt")]:
        market = random_market(seed)
        document = accepted(market, problem)
        assert document is not None
        for path in paths(document):
            holder: Any = document
            for key in path[:-1]:
                holder = holder[key]
            for other in changes(holder[path[-1]]):
                if other == holder[path[-1]] and type(other) is type(holder[path[-1]]):
                    continue
                tampered = copy.deepcopy(document)
                place: Any = tampered
                for key in path[:-1]:
                    place = place[key]
                place[path[-1]] = other
                with pytest.raises(CertificateError):
                    check_certificate(tampered, market)
                tried += 1
                # With a forged seal a change either breaks the proof or leaves a true one, of the same optimum.
                tampered["seal"] = document["seal"]
                if isinstance(tampered, dict) and path != ("seal",):
                    tampered["seal"] = seal(tampered)
                    try:
                        verdict = check_certificate(tampered, market)
                    except CertificateError:
                        continue
                    assert verdict.value == document["value"]
                    assert path[0] in ("leaves", "hired", "problem")
        for name in document:
            with pytest.raises(CertificateError):
                check_certificate({key: field for key, field in document.items() if key != name}, market)
        with pytest.raises(CertificateError):
            check_certificate({**document, "note": ""}, market)
    assert tried > 300


def test_another_market_is_rejected() -> None:
    market = generate_market("a", 40, seed=1)
    document = accepted(market, "opt")
    assert document is not None
    for other in (
        generate_market("a", 40, seed=2),
        market.with_budgets([int(b) + 1 for b in market.budgets]),
        market.subset(range(39)),
        market.subset(list(range(39, -1, -1))),
    ):
        assert instance_digest(other) != instance_digest(market)
        with pytest.raises(CertificateError, match="another market"):
            check_certificate(document, other)


def test_documents_that_are_no_certificates() -> None:
    market = random_market(0)
    for document in (None, 3, [], {}, "certificate", {"format": "fedmech-certificate/1"}):
        with pytest.raises(CertificateError):
            check_certificate(document, market)


def test_the_checker_imports_nothing_from_the_solvers() -> None:
    for name in ("check_certificate", "core_search"):
        source = (ROOT / "verification" / f"{name}.py").read_text()
        assert len(source.splitlines()) < 300
        modules = {
            node.module or ""
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ImportFrom) and node.level > 0
        }
        assert modules <= {"models.market", "core_search"}
        assert "numpy" not in source


def test_command_line(tmp_path: Path) -> None:
    market_file, proof = tmp_path / "m.market.json", tmp_path / "proof.json"
    write_market(generate_market("b", 80, seed=5), market_file)

    def fedmech(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "fedmech", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)

    solved = fedmech("solve", str(market_file), "--certificate", str(proof), "--json", "--summary")
    assert solved.returncode == 0, solved.stderr
    checked = fedmech("check", str(proof), str(market_file), "--json")
    assert checked.returncode == 0, checked.stderr
    answer = json.loads(checked.stdout)
    assert answer["valid"] is True
    assert answer["objective_exact"] == json.loads(solved.stdout)["objective_exact"]
    document = json.loads(proof.read_text())
    document["value"] += 1
    proof.write_text(json.dumps(document))
    assert fedmech("check", str(proof), str(market_file)).returncode == 1
    proof.write_text("not json")
    assert fedmech("check", str(proof), str(market_file)).returncode == 2


def test_verdict_counts_what_was_searched() -> None:
    market = generate_market("a", 1000, seed=3)
    document = accepted(market, "opt")
    assert document is not None
    verdict = check_certificate(document, market)
    assert isinstance(verdict, Verdict)
    assert verdict.core < 200
    assert len(json.dumps(document)) < 20 * market.n

"""The checker of certificates against enumeration: whatever is written in a certificate, nothing false is accepted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fedmech import Market, solve
from fedmech.solvers.certify.tree import write_document
from fedmech.solvers.feasibility import objective_value, violation
from fedmech.solvers.pooled import solve_pooled
from fedmech.solvers.pooled.method import pooled_problem
from fedmech.solvers.proofs.checker import (
    CertificateError,
    Node,
    Tree,
    check_certificate,
)

PROBLEMS = ("orp", "opt", "opt-sep", "cover")


def tiny_market(seed: int) -> Market:
    rng = np.random.default_rng(seed)
    n, m, level = int(rng.integers(1, 6)), int(rng.integers(1, 3)), int(rng.integers(1, 4))
    costs = rng.integers(0, 7, n) * int(rng.choice([1, 1, 2, 3]))
    scores = rng.integers(1, 9, n) if seed % 3 else costs + 1
    return Market.build(
        scores=scores.tolist(),
        costs=costs.tolist(),
        groups=rng.integers(0, level, n).tolist(),
        group_ids=range(level),
        budgets=rng.integers(0, 14, m).tolist(),
        caps=rng.integers(0, 3, (level, m)).tolist(),
        seats=rng.integers(0, 4, m).tolist() if seed % 2 else None,
        coverage=(rng.integers(0, 5, (n, 3)) * (rng.random((n, 3)) < 0.7)).tolist(),
    )


def twin_market(seed: int) -> Market:
    """Many workers alike, so that equal ones are bundled and some are plenty."""
    rng = np.random.default_rng(seed)
    n, kinds = int(rng.integers(17, 40)), int(rng.integers(1, 4))
    one, two = rng.integers(1, 6, kinds), rng.integers(1, 6, kinds)
    kind = rng.choice(kinds, n, p=rng.dirichlet(np.ones(kinds)))
    level = int(rng.integers(1, 3))
    return Market.build(
        scores=two[kind].tolist(),
        costs=one[kind].tolist(),
        groups=rng.integers(0, level, n).tolist(),
        group_ids=range(level),
        budgets=rng.integers(0, n, 2).tolist(),
        caps=rng.integers(0, n // 2, (level, 2)).tolist(),
    )


def feasible_assignments(market: Market, problem: str) -> Iterator[np.ndarray]:
    for choice in itertools.product(range(-1, market.m), repeat=market.n):
        assignment = np.array(choice, dtype=np.int64)
        if violation(market, problem, assignment) is None:
            yield assignment


def random_duals(rng: np.random.Generator, proof: Tree, top: int) -> list[list[int]]:
    def some(size: int) -> list[int]:
        return (rng.integers(0, top, size) * (rng.random(size) < 0.7)).tolist()

    scale = int(rng.integers(1, 12))
    count = int(rng.integers(-top, top)) * int(rng.random() < 0.4)
    purses = len(proof.purses)
    return [[scale], [count], some(purses), some(proof.kinds), *(some(len(proof.caps)) for _ in range(purses))]


def holds(proof: Tree, node: Node, assignment: np.ndarray) -> bool:
    """Whether a node still holds an assignment: its open workers may be hired as there, the others add up to the hired."""
    separate = len(proof.purses) > 1
    hired = {i: (j if separate else 0) for i, j in enumerate(assignment.tolist()) if j >= 0}
    still = {i for workers in node.open for i in workers}
    if not all(i in node.open[k] for i, k in hired.items() if i in still):
        return False
    decided = {i: k for i, k in hired.items() if i not in still}
    held = [[0] * len(proof.caps) for _ in proof.purses]
    for i, k in decided.items():
        held[k][proof.groups[i]] += 1
    score = sum(proof.scores[i] for i in decided)
    return held == node.held and score == node.score and node.low <= len(hired) <= node.high


@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_better_assignment_is_ever_ruled_out(problem: str) -> None:
    """For random multipliers, purses, count intervals and claimed values: narrowing keeps all that is better."""
    rng = np.random.default_rng(PROBLEMS.index(problem))
    closed = kept = 0
    for seed in range(250):
        market = tiny_market(seed)
        points = list(feasible_assignments(market, problem))
        unit = market.coverage_denominator if problem == "cover" else market.score_denominator
        values = [int(objective_value(market, problem, point) * unit) for point in points]
        for purses in {1, market.m if problem == "opt-sep" else 1}:
            claimed = int(rng.choice(values))
            proof = Tree(market, problem, claimed, purses)
            low = int(rng.integers(0, 3)) * int(rng.random() < 0.3)
            node = replace(proof.root(), low=low, high=proof.root().high - int(rng.random() < 0.3))
            better = [
                point
                for point, value in zip(points, values, strict=True)
                if value >= proof.goal and node.low <= (point >= 0).sum() <= node.high
            ]
            assert not any(claimed < value < proof.goal for value in values)
            gap, after, flips = proof.narrow(replace(node, duals=random_duals(rng, proof, 30)))
            if gap < 0:
                assert not better
                closed += 1
                continue
            assert all(holds(proof, after, point) for point in better)
            kept += len(better) > 0
            if better:
                with pytest.raises(CertificateError):
                    proof.search(after, flips, gap)
    assert closed > 20
    assert kept > 20


def random_tree(rng: np.random.Generator, proof: Tree, nodes: int) -> list[dict[str, Any]]:
    """A tree of random branches and multipliers; what it leaves open is for the checker to find."""
    found: list[dict[str, Any]] = []
    stack = [proof.root()]
    while stack and len(found) < nodes:
        gap, node, _ = proof.narrow(stack.pop())
        entry: dict[str, Any] = {}
        if gap >= 0 and rng.random() < 0.8:
            entry["duals"] = random_duals(rng, proof, int(rng.choice([3, 30, 300])))
            gap, node, _ = proof.narrow(replace(node, duals=entry["duals"]))
        if gap >= 0 and rng.random() < 0.7:
            if rng.random() < 0.2:
                at = int(rng.integers(0, 4))
                entry["count"] = at
                stack += [replace(node, low=max(node.low, at + 1)), replace(node, high=min(node.high, at))]
            else:
                entry["worker"] = int(rng.integers(0, len(proof.scores)))
                stack += reversed(proof.branch(node, entry["worker"]))
        found.append(entry)
    return found


@pytest.mark.parametrize("problem", PROBLEMS)
def test_random_trees_prove_nothing_false(problem: str) -> None:
    rng = np.random.default_rng(10 + PROBLEMS.index(problem))
    accepted = refused = 0
    for seed in range(500):
        market = tiny_market(seed)
        points = list(feasible_assignments(market, problem))
        values = [objective_value(market, problem, point) for point in points]
        best = max(values)
        at = values.index(best) if seed % 2 else int(rng.integers(0, len(points)))
        unit = market.coverage_denominator if problem == "cover" else market.score_denominator
        value = int(values[at] * unit)
        purses = market.m if problem == "opt-sep" and seed % 3 else 1
        try:
            nodes = random_tree(rng, Tree(market, problem, value, purses), 30)
            check_certificate(write_document(market, problem, value, points[at], nodes, purses), market)
            accepted += 1
            assert values[at] == best
        except CertificateError:
            refused += 1
    assert accepted > 20
    assert refused > 50


def test_searches_of_many_alike_prove_nothing_false() -> None:
    """Bundles, plentiful workers, priced counts: a value one unit below the optimum never passes, the optimum may."""
    rng = np.random.default_rng(5)
    accepted = refused = 0
    for seed in range(300):
        market = twin_market(seed)
        solution = solve(market, "opt")
        assert solution.objective is not None
        assert solution.assignment is not None
        value = int(solution.objective * market.score_denominator)
        leaves = solve_pooled(pooled_problem(market)).leaves
        for claimed in (value, 2 * value - Tree(market, "opt", value, 1).goal):
            proof = Tree(market, "opt", claimed, 1)
            # The multipliers of the proof, and others near them.
            for trial in range(4):
                leaf = leaves[int(rng.integers(0, len(leaves)))]
                nudge = rng.integers(-1, 2, 2 + market.L) if trial else np.zeros(2 + market.L, dtype=np.int64)
                limits = [max(0, mu + int(x)) for mu, x in zip(leaf.limits, nudge[2:].tolist(), strict=True)]
                duals = [[leaf.scale], [leaf.count + int(nudge[0])], [max(0, leaf.price + int(nudge[1]))], [], limits]
                proof.states = 0
                try:
                    gap, node, flips = proof.narrow(replace(proof.root(), duals=duals))
                    if gap >= 0:
                        proof.search(node, flips, gap)
                    accepted += 1
                    assert claimed == value
                except CertificateError:
                    refused += 1
    assert accepted > 200
    assert refused > 300


def test_nested_seats_with_a_priced_count() -> None:
    """A price on the count under seat limits is charged to its end, in bound and search alike."""
    for seed in range(120):
        market = tiny_market(2 * seed + 1)
        best = solve(market, "opt", "brute-force").objective
        assert best is not None
        value = int(best * market.score_denominator)
        for claimed, truth in ((value, True), (2 * value - Tree(market, "opt", value, 1).goal, False)):
            proof = Tree(market, "opt", claimed, 1)
            for low in range(proof.root().high + 1):
                node = replace(proof.root(), low=low, high=low)
                for nu in (-9, 0, 4, 25):
                    duals = [[2], [nu], [1], [], [1] * market.L]
                    try:
                        gap, after, flips = proof.narrow(replace(node, duals=duals))
                        if gap >= 0:
                            proof.search(after, flips, gap)
                    except CertificateError:
                        continue
                    assert truth or not any(
                        int(objective_value(market, "opt", point) * market.score_denominator) > claimed
                        for point in feasible_assignments(market, "opt")
                        if (point >= 0).sum() == low
                    )


def test_units_of_fractions() -> None:
    """What is better is so by the greatest common divisor of the data, not by one."""
    market = Market.build(scores=[Fraction(4, 3), Fraction(2, 3)], costs=[1, 1], budgets=[1])
    assert Tree(market, "opt", 4, 1).goal == 6 == 4 + 2


def test_places_given_up_by_many_alike() -> None:
    """Where equal workers fill all places at no loss, a set that leaves as many empty as the gap allows is found."""
    for places in range(17, 24):
        for money in range(places):
            market = Market.build(scores=[1] * 30, costs=[1] * 30, budgets=[money], caps=[[places]])
            for claimed in (money - 1, money):
                proof = Tree(market, "opt", claimed, 1)
                gap, node, flips = proof.narrow(replace(proof.root(), duals=[[1], [0], [0], [], [1]]))
                if claimed == money:
                    if gap >= 0:
                        proof.search(node, flips, gap)
                else:
                    with pytest.raises(CertificateError):
                        proof.search(node, flips, gap)

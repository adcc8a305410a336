"""Small markets for the checkers of proofs, all their points, and multipliers and trees of every kind, true or not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from drawing import Numbers
from fedmech import Market
from fedmech.solvers.feasibility import objective_value, violation
from fedmech.solvers.proofs.nodes import Multipliers
from fedmech.solvers.proofs.proof import Proof, ProofError
from fedmech.solvers.proofs.tree import check_bound

PROBLEMS = ("orp", "opt", "opt-sep", "cover")
CHECKERS = ("reference", "arrays")


def random_market(rng: Numbers, seats: bool = False, least: int = 1, most: int = 11) -> Market:
    """Markets with non-integers, ties, zero costs, empty groups and limits, with coverage."""
    n, m, level = int(rng.integers(least, most)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    unit, more = int(rng.choice([1, 3, 100])), max(1, most // 11)
    costs = [Fraction(int(x), unit) for x in rng.integers(0, 30, n)]
    scores = [Fraction(int(x), 7) for x in rng.integers(1, 30, n)]
    if rng.integers(3) == 0:
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


def tiny_market(rng: Numbers, scale: int = 1) -> Market:
    """At most five workers and two requesters; all numbers times `scale`, so that they leave 64 bits where it is large."""
    n, m, level = int(rng.integers(1, 6)), int(rng.integers(1, 3)), int(rng.integers(1, 4))
    costs = rng.integers(0, 7, n) * int(rng.choice([1, 1, 2, 3]))
    scores = rng.integers(1, 9, n) if rng.integers(3) else costs + 1
    coverage = rng.integers(0, 5, (n, 3)) * (rng.random((n, 3)) < 0.7)
    return Market.build(
        scores=[x * scale for x in scores.tolist()],
        costs=[x * scale for x in costs.tolist()],
        groups=rng.integers(0, level, n).tolist(),
        group_ids=range(level),
        budgets=[x * scale for x in rng.integers(0, 14, m).tolist()],
        caps=rng.integers(0, 3, (level, m)).tolist(),
        seats=rng.integers(0, 4, m).tolist() if rng.integers(2) else None,
        coverage=[[x * scale for x in row] for row in coverage.tolist()],
    )


def twin_market(rng: Numbers) -> Market:
    """Many workers alike, so that equal ones are bundled and some are plenty."""
    n, kinds = int(rng.integers(12, 40)), int(rng.integers(1, 4))
    one, two = rng.integers(1, 6, kinds), rng.integers(1, 6, kinds)
    kind = np.minimum(rng.integers(0, kinds, n), rng.integers(0, kinds, n))
    level = int(rng.integers(1, 3))
    return Market.build(
        scores=two[kind].tolist(),
        costs=one[kind].tolist(),
        groups=rng.integers(0, level, n).tolist(),
        group_ids=range(level),
        budgets=rng.integers(0, n, 2).tolist(),
        caps=rng.integers(0, n // 2, (level, 2)).tolist(),
    )


def points(market: Market, problem: str) -> Iterator[np.ndarray]:
    """All feasible assignments."""
    for choice in itertools.product(range(-1, market.m), repeat=market.n):
        assignment = np.array(choice, dtype=np.int64)
        if violation(market, problem, assignment) is None:
            yield assignment


def value_of(market: Market, problem: str, point: np.ndarray) -> int:
    """What an assignment is worth, in integer units."""
    unit = market.scaled.coverage_denominator if problem == "cover" else market.scaled.score_denominator
    return int(objective_value(market, problem, point) * unit)


def random_multipliers(rng: Numbers | np.random.Generator, shape: Any, top: int) -> Multipliers:
    def some(size: int) -> tuple[int, ...]:
        return tuple((rng.integers(0, top, size) * (rng.random(size) < 0.7)).tolist())

    count = int(rng.integers(-top, top)) * int(rng.random() < 0.4)
    places = tuple(some(shape.groups) for _ in range(shape.purses))
    return Multipliers(int(rng.integers(1, 12)), count, some(shape.purses), some(shape.kinds), places)


def random_tree(rng: Numbers | np.random.Generator, tree: Any, most: int) -> list[dict[str, Any]]:
    """A tree of random branches and multipliers, as far as one checker gets with it; what it leaves open is for them to find."""
    found: list[dict[str, Any]] = []
    waiting = [tree.instance.root()]
    while waiting and len(found) < most:
        at = tree.narrow(waiting.pop())
        entry: dict[str, Any] = {}
        if at.gap >= 0 and rng.random() < 0.8:
            multipliers = random_multipliers(rng, tree.instance.shape, int(rng.choice([3, 30, 300])))
            entry["multipliers"] = multipliers.written()
            at = tree.narrow(replace(at.node, multipliers=multipliers))
        if at.gap >= 0 and rng.random() < 0.7:
            if rng.random() < 0.2:
                entry["count"] = int(rng.integers(0, 4))
                waiting += reversed(at.node.split_by_count(entry["count"]))
            else:
                entry["worker"] = int(rng.integers(0, tree.instance.n))
                waiting += reversed(tree.instance.split_by_worker(at.node, entry["worker"]))
        found.append(entry)
    return found


def refusal(proof: Proof, market: Market, checker: str) -> str | None:
    """Why a checker refuses a proof; None if it accepts it."""
    try:
        check_bound(proof, market, lambda: None, checker)
    except ProofError as error:
        return str(error)
    return None


def accepted(proof: Proof, market: Market) -> bool:
    """Whether both checkers accept a proof; they have to agree, whatever it is."""
    one, two = (refusal(proof, market, checker) for checker in CHECKERS)
    assert one == two, (one, two)
    return one is None

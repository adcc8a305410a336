"""A campaign of proofs, genuine and forged: both checkers of trees say the same, and nothing false is accepted.

``python tests/support/proof_campaign.py --checks 1000000 --seed 1`` runs it at length; a short one is part of the tests.
"""

from __future__ import annotations

import argparse
import copy
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from drawing import seeded
from fedmech import Market
from fedmech.solvers.certify.tree import NoCertificateError, prove
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.proofs.proof import Proof
from fedmech.solvers.proofs.tree import open_tree
from proof_markets import CHECKERS, PROBLEMS, accepted, points, random_tree, tiny_market, value_of

SCALES = (1, 1, 1, 1, 10**9, 10**17, 10**40)
COPIES = (14, 15, 16, 17, 18, 24)


def alike_market(seed: int) -> tuple[Market, int]:
    """Kinds of equal workers on both sides of the number that is plenty, and the optimum of OPT by counting kinds."""
    rng = np.random.default_rng(seed)
    groups, kinds = int(rng.integers(1, 3)), []
    for _ in range(int(rng.integers(1, 4))):
        copies = int(rng.choice(COPIES)) if rng.random() < 0.7 else int(rng.integers(1, 4))
        kinds.append((int(rng.integers(1, 10)), int(rng.integers(0, 6)), int(rng.integers(0, groups)), copies))
    budget = int(rng.integers(0, 40))
    caps = rng.integers(0, 20, groups).tolist()
    rows = [(score, cost, group) for score, cost, group, copies in kinds for _ in range(copies)]
    market = Market.build(
        scores=[row[0] for row in rows],
        costs=[row[1] for row in rows],
        groups=[row[2] for row in rows],
        group_ids=range(groups),
        budgets=[budget],
        caps=[[cap] for cap in caps],
    )
    best = 0
    for counts in itertools.product(*(range(min(copies, caps[group]) + 1) for _, _, group, copies in kinds)):
        used = Counter[int]()
        for number, (_, _, group, _) in zip(counts, kinds, strict=True):
            used[group] += number
        cost = sum(number * kind[1] for number, kind in zip(counts, kinds, strict=True))
        if cost <= budget and all(used[group] <= cap for group, cap in enumerate(caps)):
            best = max(best, sum(number * kind[0] for number, kind in zip(counts, kinds, strict=True)))
    return market, best


def cases(seed: int) -> Iterator[tuple[Market, str, int]]:
    """Yield markets with a problem and its optimum, found by looking at all points."""
    market, best = alike_market(seed)
    yield market, "opt", best
    market = tiny_market(seeded(seed), SCALES[seed % len(SCALES)])
    for problem in PROBLEMS:
        yield market, problem, max(value_of(market, problem, point) for point in points(market, problem))


def numbers(body: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every number of a body."""
    children = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, child in children:
        if type(child) is int:
            yield (*path, key)
        yield from numbers(child, (*path, key))


def forged(rng: np.random.Generator, body: dict[str, Any], times: int) -> Iterator[dict[str, Any]]:
    """Yield copies of a body with a number changed, a node left out, repeated or exchanged."""
    places = list(numbers(body))
    for _ in range(times):
        changed = copy.deepcopy(body)
        nodes = changed["nodes"]
        way = rng.random()
        if way < 0.75 and places:
            for _ in range(int(rng.integers(1, 3))):
                path = places[int(rng.integers(0, len(places)))]
                inner: Any = changed
                for key in path[:-1]:
                    inner = inner[key]
                value = inner[path[-1]]
                others = (value + 1, value - 1, 0, 2 * value, value // 2, -value, value + int(rng.integers(-9, 10)))
                inner[path[-1]] = others[int(rng.integers(0, len(others)))]
        elif way < 0.85:
            del nodes[int(rng.integers(0, len(nodes)))]
        elif way < 0.95:
            at = int(rng.integers(0, len(nodes)))
            nodes.insert(at, copy.deepcopy(nodes[int(rng.integers(0, len(nodes)))]))
        else:
            rng.shuffle(nodes)
        yield changed


def run(checks: int, seed: int) -> Counter[str]:
    """Check so many proofs by both; return how many of each sort were accepted or not."""
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()

    def check(sort: str, proof: Proof, market: Market, best: int) -> bool:
        assert isinstance(proof.bound, int)
        right = accepted(proof, market)
        counts[f"{sort}, {'accepted' if right else 'refused'}"] += 1
        counts["checks"] += 1
        assert not right or proof.bound >= best, (proof, best)
        return right

    for at in itertools.count(seed * 100_003):
        for market, problem, best in cases(at):
            if counts["checks"] >= checks:
                return counts
            step = open_tree(market, problem, best, 1, lambda: None, "reference").instance.goal - best
            try:
                proof = prove(market, problem, best, control=Control.for_seconds(20))
            except (NoCertificateError, Stopped):
                counts["no proof grown"] += 1
                continue
            assert check("genuine", proof, market, best)
            if best:
                assert not check("bound below", replace(proof, bound=best - step), market, best)
            for body in forged(rng, dict(proof.body), 50):
                bound = best + step * int(rng.choice([-1, -1, 0, 0, 1]))
                check("forged", replace(proof, bound=max(0, bound), body=body), market, best)
            purses = market.m if problem == "opt-sep" and rng.random() < 0.5 else 1
            for trial in range(5):
                bound = max(0, best - step * int(rng.choice([0, 0, 1, 2])))
                tree = open_tree(market, problem, bound, purses, lambda: None, CHECKERS[trial % 2])
                body = {"purses": purses, "nodes": random_tree(rng, tree, 15)}
                for one in (body, *forged(rng, body, 6)):
                    check("random tree", Proof(problem, "tree", bound, one), market, best)
    raise AssertionError


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    total: Counter[str] = Counter()
    while total["checks"] < given.checks:
        # In pieces, so that what was done is known whatever ends it.
        total += run(min(5_000, given.checks - total["checks"]), given.seed)
        given.seed += 1
        print("; ".join(f"{sort}: {number:,}" for sort, number in sorted(total.items())), flush=True)

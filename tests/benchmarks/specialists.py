"""The knapsacks that specialists are measured on, one group and no caps, to a checked proof.

``python -m tests.benchmarks.specialists [--sizes 1e3 1e4 ...] [--families c i ...] [--seconds S]`` prints CPU seconds of search and
check, how many times `np.argsort` of as many numbers that is, and the bytes of the proof. Sources: Pisinger, Where are the hard
knapsack problems?, Computers & Operations Research 32 (2005), numbers to 1e6, budget half of all costs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from fedmech import Market
from fedmech.solvers.certify.leaves import proof_of_leaves
from fedmech.solvers.control import Control
from fedmech.solvers.pooled import solve_pooled
from fedmech.solvers.pooled.method import pooled_problem
from fedmech.solvers.proofs.proof import ProofError, check_bound, proof_document

RANGE = 10**6

SCORES: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "uncorrelated": lambda rng, c: rng.integers(1, RANGE + 1, len(c)),
    "weakly correlated": lambda rng, c: np.maximum(1, c + rng.integers(-RANGE // 10, RANGE // 10 + 1, len(c))),
    "strongly correlated": lambda _, c: c + RANGE // 10,
    "inverse strongly correlated": lambda _, c: c - RANGE // 10,
    "subset sum": lambda _, c: c.copy(),
    "multiple strongly correlated": lambda _, c: c + np.where(c % 6 == 0, 3, 2) * (RANGE // 10),
    "profit ceiling": lambda _, c: 3 * ((c + 2) // 3),
    "circle": lambda _, c: np.maximum(1, np.rint(2 / 3 * np.sqrt(4.0 * RANGE**2 - (c - 2.0 * RANGE) ** 2))).astype(int),
}


def drawn(family: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return scores, costs and budget."""
    rng = np.random.default_rng(seed)
    costs = rng.integers(1, RANGE + 1, n) + (RANGE // 10 if family.startswith("inverse") else 0)
    return SCORES[family](rng, costs), costs, int(costs.sum()) // 2


def seconds(work: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Return the least CPU time of a few runs, and the last result."""
    least, result = float("inf"), None
    for _ in range(times):
        begun = time.process_time()
        result = work()
        least = min(least, time.process_time() - begun)
        if least > 1:
            break
    return least, result


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", type=float, default=[1e3, 1e4, 1e5, 1e6])
    parser.add_argument("--families", nargs="*", choices=list(SCORES), default=list(SCORES))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    print(f"{'family':30}{'n':>10}{'search':>9}{'check':>9}{'x argsort':>10}{'bytes':>8}  proof")
    for family in chosen.families:
        for n in map(int, chosen.sizes):
            noise = np.random.default_rng(0).random(n)
            sorting, _ = seconds(lambda noise=noise: np.argsort(noise), 5)
            for seed in range(chosen.seeds):
                scores, costs, budget = drawn(family, n, seed)
                market = Market.build(scores=scores, costs=costs, budgets=[budget])
                problem = pooled_problem(market)
                search, found = seconds(lambda p=problem: solve_pooled(p, Control.for_seconds(chosen.seconds)), 3)
                word, check, size = "open", 0.0, 0
                if found.proved:
                    proof = found.proof() or proof_of_leaves("opt", found.value, found.leaves)
                    size = len(json.dumps(proof_document(proof)))
                    try:
                        check, _ = seconds(lambda p=proof, m=market: check_bound(p, m), 3)
                        word = f"{proof.kind}, checked"
                    except ProofError as error:
                        word = f"{proof.kind}: {error}"
                ratio = (search + check) / max(sorting, 1e-9)
                print(f"{family:30}{n:10}{search:9.4f}{check:9.4f}{ratio:10.1f}{size:8}  {word}", flush=True)


if __name__ == "__main__":
    main()

"""The knapsacks that specialists are measured on, to a checked proof: Pisinger's fifteen families, alone and under caps and seats.

``python -m fedmech.tests.benchmarks.specialists [--sizes 1e3 1e4 ...] [--families c i ...] [--markets free caps seats] [--seconds S]`` prints
CPU seconds of search and check, how many times `np.argsort` of as many numbers that is, and the bytes of the proof. A search is given
up after S seconds of processor time. Source of the families: Pisinger, Where are the hard knapsack problems?, Computers & Operations
Research 32 (2005), and his generator; numbers to 1e6, budget half of all costs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from fedmech import Market
from fedmech.solvers.certify.leaves import proof_of_leaves
from fedmech.solvers.certify.tree import NoCertificateError, prove
from fedmech.solvers.control import Control, Stopped
from fedmech.solvers.pooled.method import solve_opt_pooled
from fedmech.solvers.proofs.proof import Proof, ProofError, check_bound, proof_document
from fedmech.solvers.seated.method import solve_opt_seats
from fedmech.solvers.solution import Found

RANGE = 10**6

SCORES: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "uncorrelated": lambda rng, c: rng.integers(1, RANGE + 1, len(c)),
    "weakly correlated": lambda rng, c: np.maximum(1, c + rng.integers(-RANGE // 10, RANGE // 10 + 1, len(c))),
    "strongly correlated": lambda _, c: c + RANGE // 10,
    "inverse strongly correlated": lambda _, c: c - RANGE // 10,
    "almost strongly correlated": lambda rng, c: (
        c + RANGE // 10 + rng.integers(-RANGE // 500, RANGE // 500 + 1, len(c))
    ),
    "subset sum": lambda _, c: c.copy(),
    "even-odd subset sum": lambda _, c: c.copy(),
    "even-odd knapsack": lambda _, c: c + RANGE // 10,
    "similar weights": lambda rng, c: rng.integers(1, 1001, len(c)),
    "uncorrelated spanner": lambda rng, c: rng.integers(1, RANGE + 1, len(c)),
    "weakly correlated spanner": lambda rng, c: np.maximum(1, c + rng.integers(-RANGE // 10, RANGE // 10 + 1, len(c))),
    "strongly correlated spanner": lambda _, c: c + RANGE // 10,
    "multiple strongly correlated": lambda _, c: c + np.where(c % 6 == 0, 3, 2) * (RANGE // 10),
    "profit ceiling": lambda _, c: 3 * ((c + 2) // 3),
    "circle": lambda _, c: np.maximum(1, np.rint(2 / 3 * np.sqrt(4.0 * RANGE**2 - (c - 2.0 * RANGE) ** 2))).astype(int),
}

SPAN, MULTIPLES = 2, 10
"""A spanner market holds multiples, up to the tenth, of two workers, each a tenth of what was drawn."""

GROUPS, REQUESTERS = 10, 3
"""Under caps, three requesters; each group has places for .3 of its workers. Under seats, for nine tenths of these at most."""


def drawn(family: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return scores, costs and budget."""
    rng = np.random.default_rng(seed)
    kinds = SPAN if family.endswith("spanner") else n
    if family == "similar weights":
        costs = rng.integers(RANGE // 10, RANGE // 10 + 1001, n)
    else:
        costs = rng.integers(1, RANGE + 1, kinds) + (RANGE // 10 if family.startswith("inverse") else 0)
    if family.startswith("even-odd"):
        costs = (costs + 1) // 2 * 2
    scores = SCORES[family](rng, costs)
    if kinds < n:
        which, times = rng.integers(0, kinds, n), rng.integers(1, MULTIPLES + 1, n)
        scores, costs = ((x[which] + MULTIPLES - 1) // MULTIPLES * times for x in (scores, costs))
    # All costs of the even-odd families are even, the budget is odd.
    return scores, costs, int(costs.sum()) // 2 | int(family.startswith("even-odd"))


def market_of(family: str, n: int, seed: int, sort: str) -> Market:
    """Return the market of a family: `free` of groups, under `caps`, or under `seats` too."""
    scores, costs, budget = drawn(family, n, seed)
    if sort == "free":
        return Market.build(scores=scores, costs=costs, budgets=[budget])
    group = np.random.default_rng(seed + 1).integers(0, GROUPS, n)
    places = np.bincount(group, minlength=GROUPS) * 3 // 10
    caps = [[int(k + j) // REQUESTERS for j in range(REQUESTERS)] for k in places.tolist()]
    seats = [sum(row[j] for row in caps) * 9 // 10 for j in range(REQUESTERS)] if sort == "seats" else None
    return Market.build(
        scores=scores,
        costs=costs,
        groups=group.tolist(),
        group_ids=range(GROUPS),
        # Half of all is more than those cost who can be hired.
        budgets=[budget * 3 // 10 // REQUESTERS] * REQUESTERS,
        caps=caps,
        seats=seats,
    )


class ProcessorTime(Control):
    """A control that goes by processor time."""

    def __init__(self, least: float):
        super().__init__()
        self.until = time.process_time() + least

    def expired(self) -> bool:
        """Whether it is used up."""
        return time.process_time() >= self.until


def proof_of(market: Market, found: Found, control: Control) -> Proof | None:
    """Return the proof of what a search found optimal; None: it left a gap, or rests on a solver's word."""
    if found.bound is None or found.bound != exact_score(market, found):
        return None
    if isinstance(found.evidence, Proof):
        return found.evidence
    bound = int(found.bound * market.scaled.score_denominator)
    if not found.hints or any(leaf.branched for leaf in found.hints):
        return prove(market, "opt", bound, found.hints, control)
    return proof_of_leaves("opt", bound, found.hints)


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


def line(family: str, sort: str, n: int, seed: int, limit: float) -> str:
    """Search one market, check the proof; return a line of the table."""
    noise = np.random.default_rng(0).random(n)
    sorting, _ = seconds(lambda: np.argsort(noise), 5)
    market = market_of(family, n, seed, sort)
    method = solve_opt_seats if sort == "seats" else solve_opt_pooled
    search, found = seconds(lambda: method(market, ProcessorTime(limit)), 3)
    word, check, size = "open", 0.0, 0
    try:
        proof = proof_of(market, found, ProcessorTime(limit))
        if proof is not None:
            size = len(json.dumps(proof_document(proof)))
            word = f"{proof.kind}, checked"
            check, _ = seconds(lambda: check_bound(proof, market), 3)
        elif found.bound is not None and found.point is not None:
            chosen = exact_score(market, found)
            word = f"open: {float(100 * (found.bound - chosen) / found.bound):.2g} % ({found.stopped})"
    except (ProofError, NoCertificateError, Stopped) as error:
        word = f"no proof: {error}"
    ratio = (search + check) / max(sorting, 1e-9)
    return f"{family:30}{sort:7}{n:10}{search:9.4f}{check:9.4f}{ratio:10.1f}{size:8}  {word}"


def exact_score(market: Market, found: Found) -> Fraction:
    return sum((market.scores[i] for i in np.flatnonzero(np.asarray(found.point) >= 0).tolist()), Fraction(0))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", type=float, default=[1e3, 1e4, 1e5, 1e6])
    parser.add_argument("--families", nargs="*", choices=list(SCORES), default=list(SCORES))
    parser.add_argument("--markets", nargs="*", choices=["free", "caps", "seats"], default=["free"])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    print(f"{'family':30}{'market':7}{'n':>10}{'search':>9}{'check':>9}{'x argsort':>10}{'bytes':>8}  proof")
    for n in map(int, chosen.sizes):
        for sort in chosen.markets:
            for family in chosen.families:
                for seed in range(chosen.seeds):
                    print(line(family, sort, n, seed, chosen.seconds), flush=True)


if __name__ == "__main__":
    main()

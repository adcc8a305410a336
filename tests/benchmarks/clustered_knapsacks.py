"""Knapsacks with clustered costs, to a checked proof: the published files of a folder, and as many that nobody has seen.

``python -m tests.benchmarks.clustered_knapsacks FOLDER [SECONDS]`` prints seconds of search and check of each.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from fedmech import Market
from fedmech.solvers.solve import solve

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from jooken import clustered, read_knapsacks


def fresh(count: int) -> Iterator[tuple[str, Market, None]]:
    """Draw instances from the ranges of the published ones."""
    rng = random.Random(2022)
    for seed in range(count):
        n, capacity = rng.choice([400, 600, 800, 1000, 1200]), rng.choice([10**6, 10**8, 10**10])
        groups, share = rng.choice([2, 6, 10, 14]), rng.choice([0.1, 0.2, 0.3])
        eps, spread = rng.choice([0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]), rng.choice([100, 200, 300])
        scores, costs, budget = clustered(n, capacity, groups, share, eps, spread, seed)
        yield (
            f"n{n} c{capacity:.0e} g{groups} f{share} eps{eps} s{spread}",
            Market.build(scores=scores, costs=costs, budgets=[budget]),
            None,
        )


def main(folder: Path, limit: float, count: int = 45) -> None:
    """Solve all and print a table."""
    proved = total = 0
    for name, market, optimum in (*read_knapsacks(folder), *fresh(count)):
        found = solve(market, "opt", time_limit=limit, allow_suboptimal=True)
        right = found.status == "optimal" and found.exactness == "checked" and optimum in (None, found.value)
        proved, total = proved + right, total + 1
        print(
            f"{name:50} {'checked' if right else found.status:9} {found.search_seconds:7.2f} {found.check_seconds:7.2f}",
            flush=True,
        )
    print(f"{proved} of {total} proved and checked in {limit:g} s each")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 15.0)

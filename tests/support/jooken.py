"""Knapsacks whose costs come in clusters: Jooken, Leyman, De Causmaecker, "A new class of hard problem instances for the 0-1 knapsack
problem", EJOR 301 (2022). A reader of their files as CSV (columns score, cost; `optima.csv` with name, budget, optimum), and their generator.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from fedmech import Market


def read_knapsacks(folder: Path) -> Iterator[tuple[str, Market, int]]:
    """Yield name, market and published optimum of every instance that ``optima.csv`` lists."""
    with (folder / "optima.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    for row in listed:
        with (folder / f"{row['name']}.csv").open(newline="") as file:
            items = [(int(item["score"]), int(item["cost"])) for item in csv.DictReader(file)]
        scores, costs = zip(*items, strict=True)
        yield row["name"], Market.build(scores=scores, costs=costs, budgets=[int(row["budget"])]), int(row["optimum"])


def clustered(
    n: int, capacity: int, groups: int, share: float, eps: float, spread: int, seed: int
) -> tuple[list[int], list[int], int]:
    """Return scores, costs and budget: clusters near ``(1/2^i + eps) * capacity``, and a share of items no larger than the spread."""
    rng = np.random.default_rng(seed)
    small = int(n * share)
    bases = [0] * small
    for cluster in range(groups - 1):
        size = (n - small) // (groups - 1) + (cluster < (n - small) % (groups - 1))
        bases += [int((1 / 2 ** (cluster + 1) + eps) * capacity)] * size
    scores, costs = (
        [base + int(x) for base, x in zip(bases, rng.integers(1, spread + 1, n), strict=True)] for _ in range(2)
    )
    return scores, costs, capacity

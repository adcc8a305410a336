"""A problem's columns, and the nodes of a tree on it: what is decided, and what is still open."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import numpy as np

from ....models.exact import exact_sum
from ....models.procurement.market import Market
from ..nodes import Node, NodeShape
from .limbs import CHUNK

__all__ = ["Instance", "divisor"]


class Instance:
    """ORP, OPT, OPT-SEP or COVER with one purse or one of each requester."""

    def __init__(self, market: Market, problem: str, bound: int, purses: int):
        nothing = np.zeros(market.n, dtype=np.int64)
        self.problem, self.n, self.groups = problem, market.n, market.group_of
        self.offers = market.scaled.coverage if problem == "cover" else None
        self.scores = nothing if self.offers is not None else market.scaled.scores
        costs = None if problem == "orp" else market.scaled.needed_costs
        self.costs = nothing if costs is None else costs
        budgets = [0] * market.m if costs is None else market.scaled.budgets.tolist()
        self.sizes: list[int] = market.group_sizes.tolist()
        self.caps: list[list[int]] = market.caps.tolist()
        self.seats: list[int] = market.seats.tolist()
        self.purses = [list(range(market.m))] if purses == 1 else [[j] for j in range(market.m)]
        self.budgets = [sum(budgets[j] for j in mine) for mine in self.purses]
        # No requester alone can pay more than its budget, whoever keeps the purse.
        self.dearest = max(budgets, default=0) if problem == "opt-sep" else sum(budgets)
        self.kinds = 0 if self.offers is None else self.offers.shape[1]
        self.shape = NodeShape(market.n, len(self.purses), self.kinds, len(self.caps))
        worth = self.scores if self.offers is None else self.offers.ravel()
        self.goal = (bound // (step := divisor(worth) or 1) + 1) * step
        """The least value above the bound that a point can have: values are multiples of what divides the data."""
        self.nested = [any(sum(row[j] for row in self.caps) > self.seats[j] for j in mine) for mine in self.purses]
        """For each purse, whether a seat limit can matter."""

    def root(self) -> Node:
        """Return the node in which nothing is decided."""
        everybody = np.arange(self.n)
        if self.n and int(self.costs.max()) > self.dearest:
            everybody = np.flatnonzero(self.costs <= self.dearest)
        high = sum(min(size, sum(row)) for size, row in zip(self.sizes, self.caps, strict=True))
        held = [[0] * len(self.caps) for _ in self.purses]
        return Node([everybody] * len(self.purses), list(self.budgets), held, 0, [0] * self.kinds, 0, high)

    def of(self, column: np.ndarray, workers: np.ndarray) -> np.ndarray:
        """Return a column's entries for some workers, in their order."""
        return column if len(workers) == self.n else column[workers]

    def hire(self, node: Node, k: int, workers: np.ndarray) -> Node:
        """Return the node with these workers hired from purse `k`; they are open there or were before."""
        more = np.bincount(self.of(self.groups, workers), minlength=len(self.caps)).tolist()
        held, money = [list(row) for row in node.held], list(node.money)
        held[k] = [x + y for x, y in zip(held[k], more, strict=True)]
        money[k] -= exact_sum(self.of(self.costs, workers))
        score, covered = node.score + exact_sum(self.of(self.scores, workers)), node.covered
        if self.offers is not None and len(workers):
            best = self.offers[workers].max(axis=0).tolist()
            covered = [max(x, z) for x, z in zip(covered, best, strict=True)]
        return replace(node, money=money, held=held, score=score, covered=covered)

    def split_by_worker(self, node: Node, worker: int) -> list[Node]:
        """Return the node for each purse that may hire a worker, in their order, and the one where nobody does."""
        rest = replace(node, open=[workers[workers != worker] for workers in node.open])
        one = np.array([worker], dtype=np.int64)
        takes = [k for k, workers in enumerate(node.open) if len(workers) != len(rest.open[k])]
        return [*(self.hire(rest, k, one) for k in takes), rest]


def divisor(values: np.ndarray) -> int:
    """Return the greatest common divisor of whole numbers, 0 if all are 0."""
    common = 0
    for begin in range(0, len(values), CHUNK):
        part = values[begin : begin + CHUNK]
        if values.dtype == object:
            common = gcd(common, *part.tolist())
        elif not common or bool(np.any(part % common)):
            common = gcd(common, int(np.gcd.reduce(part)))
        if common == 1:
            break
    return common

"""The problem in Python integers, and a node: which workers are hired, which are not, which are open.

=================  =============================================================================
``v_i c_i g(i)``   score, cost and group of worker ``i``: `scores`, `costs`, `groups`
``z_ir``           what worker ``i`` covers of kind ``r``, for COVER alone: `offers`
``tau_lj s_j``     cap on group ``l`` at requester ``j``, seats of requester ``j``: `caps`, `seats`
``J_k B_k``        the requesters that hire from purse ``k``, and its money: `purses`, `budgets`
``H_k O_k``        who is hired from purse ``k`` in a node, and who may still be: `open`
``S_k = H_k + X_k``  a point of the node: ``X_k`` is a part of ``O_k``, nobody is hired twice
=================  =============================================================================

With one purse every requester hires from it, and a point says who is hired, not by whom: for OPT-SEP that allows more points than
there are, so what it proves holds all the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import gcd

from ....models.procurement.market import Market
from ..nodes import Node, NodeShape

__all__ = ["Instance"]


class Instance:
    """ORP, OPT, OPT-SEP or COVER with one purse or one of each requester, and the value that a better point has at least."""

    def __init__(self, market: Market, problem: str, bound: int, purses: int):
        cover, costs = problem == "cover", None if problem == "orp" else market.scaled.needed_costs
        self.problem, self.n = problem, market.n
        self.groups: list[int] = market.group_of.tolist()
        self.caps: list[list[int]] = market.caps.tolist()
        self.seats: list[int] = market.seats.tolist()
        # ORP asks for no money, COVER for no score.
        self.scores: list[int] = [0] * market.n if cover else market.scaled.scores.tolist()
        self.costs: list[int] = [0] * market.n if costs is None else costs.tolist()
        budgets: list[int] = [0] * market.m if costs is None else market.scaled.budgets.tolist()
        self.purses = [list(range(market.m))] if purses == 1 else [[j] for j in range(market.m)]
        self.budgets = [sum(budgets[j] for j in mine) for mine in self.purses]
        # A requester of OPT-SEP pays from its own budget, whoever is taken to keep the purse.
        self.dearest = max(budgets, default=0) if problem == "opt-sep" else sum(budgets)
        rows: list[list[int]] = market.scaled.coverage.tolist() if cover and market.scaled.coverage is not None else []
        self.kinds = len(rows[0]) if rows else 0
        self.offers = [[(r, z) for r, z in enumerate(row) if z] for row in rows]
        self.shape = NodeShape(market.n, len(self.purses), self.kinds, len(self.caps))
        step = gcd(*self.scores, *(z for row in rows for z in row)) or 1
        self.goal = (bound // step + 1) * step
        self.nested = [any(sum(row[j] for row in self.caps) > self.seats[j] for j in mine) for mine in self.purses]

    def root(self) -> Node:
        """Return the node in which nothing is decided, but for workers dearer than any budget."""
        everybody = [i for i, cost in enumerate(self.costs) if cost <= self.dearest]
        sizes, nobody = Counter(self.groups), [0] * len(self.caps)
        high = sum(min(sizes[l], sum(row)) for l, row in enumerate(self.caps))
        return Node(
            [everybody] * len(self.purses), self.budgets, [nobody] * len(self.purses), 0, [0] * self.kinds, 0, high
        )

    def hire(self, node: Node, k: int, workers: list[int]) -> Node:
        """Return the node with these workers, open before, hired from purse ``k``."""
        more = Counter(self.groups[i] for i in workers)
        held = [[x + more[l] if h == k else x for l, x in enumerate(row)] for h, row in enumerate(node.held)]
        bill = sum(self.costs[i] for i in workers)
        money = [x - bill if h == k else x for h, x in enumerate(node.money)]
        covered = list(node.covered)
        for i in workers if self.offers else ():
            for r, z in self.offers[i]:
                covered[r] = max(covered[r], z)
        score = node.score + sum(self.scores[i] for i in workers)
        return replace(node, held=held, money=money, covered=covered, score=score)

    def split_by_worker(self, node: Node, worker: int) -> list[Node]:
        """Return the node for each purse that may hire a worker, in their order, and the one where nobody does."""
        rest = replace(node, open=[[i for i in workers if i != worker] for workers in node.open])
        takers = [k for k, workers in enumerate(node.open) if worker in workers]
        return [*(self.hire(rest, k, [worker]) for k in takers), rest]

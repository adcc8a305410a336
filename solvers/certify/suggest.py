"""Where the multipliers of a certificate's nodes come from, and which worker to branch on.

Nothing here has to be right: the checker computes from any multipliers what they prove. Without binding seats the exact
dual of the pooled problem is asked, else the linear relaxation of the node, solved by HiGHS and rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..control import Control
from ..highs.run import MipArrays, load_model, run_lp
from ..highs.watch import is_busy
from ..placement.polymatroid import SeatFlow
from ..pooled.dual import Grouped
from ..pooled.leaf import Incumbent, open_leaf
from ..pooled.leaf_multipliers import Multipliers
from ..pooled.problem import PooledProblem
from ..proofs.checker import Node, Tree

__all__ = ["Suggestion", "suggester", "written"]

PRECISION_BITS = 24
"""Multipliers are rounded to so many bits beyond what one unit of the value needs."""


@dataclass(frozen=True)
class Suggestion:
    """Multipliers of a node, and how undecided its relaxation is about each open worker (larger is more)."""

    duals: list[list[int]]
    doubt: dict[int, float]


def written(leaf: Multipliers) -> list[list[int]]:
    """Return the multipliers of a leaf as a node of a certificate has them."""
    return [[leaf.scale], [leaf.count], [leaf.price], [], list(leaf.limits)]


Suggest = Callable[[Node], Suggestion]


def suggester(proof: Tree, control: Control) -> Suggest:
    """Return what suggests multipliers for the nodes of a proof."""
    exact = len(proof.purses) == 1 and proof.problem != "cover" and not proof.nested[0]
    purses, relaxation = len(proof.purses), None if exact else _Relaxation(proof, control)
    nothing = [[1], [0], [0] * purses, [0] * proof.kinds, *[[0] * len(proof.caps)] * purses]

    def suggest(node: Node) -> Suggestion:
        crowded = [_crowded(proof, node, k) for k in range(purses)] if any(proof.nested) else []
        if any(map(any, crowded)):
            return Suggestion([*nothing[:4], *crowded], {})
        found = None
        if any(node.open):
            found = _pooled(proof, node) if relaxation is None else relaxation(node)
        return found or Suggestion(nothing, {})

    return suggest


def _crowded(proof: Tree, node: Node, k: int) -> list[int]:
    """Mark groups of which more are held than can be placed together; with 1 for their price the checker sees it."""
    mine = proof.purses[k]
    caps = np.array([[row[j] for j in mine] for row in proof.caps], dtype=np.int64).reshape(len(proof.caps), len(mine))
    flow = SeatFlow(caps, [proof.seats[j] for j in mine])
    placed = flow.push(np.arange(len(caps)), node.held[k])
    return flow.blocked.astype(int).tolist() if placed.tolist() != node.held[k] else [0] * len(caps)


def _pooled(proof: Tree, node: Node) -> Suggestion | None:
    """Multipliers by the exact dual of the pooled problem; None if the node is empty."""
    workers = node.open[0]
    room = [sum(row) - held for row, held in zip(proof.caps, node.held[0], strict=True)]
    hired = sum(map(sum, node.held))
    low, high = max(0, node.low - hired), node.high - hired
    if min(room) < 0 or high < 0:
        return None
    scores, costs = ([column[i] for i in workers] for column in (proof.scores, proof.costs))
    groups = np.array([proof.groups[i] for i in workers], dtype=np.int64)
    problem = PooledProblem.of(
        np.array(scores, dtype=object), np.array(costs, dtype=object), groups, room, node.money[0]
    )
    items = Grouped.of(problem)
    nothing = Incumbent(np.zeros(len(workers), dtype=bool), proof.value - node.score, proof.goal - proof.value)
    leaf = open_leaf(problem, items, low, high, nothing)
    m, doubt = leaf.multipliers, dict.fromkeys(workers, 0.0)
    if leaf.dual.over is not None and leaf.dual.under is not None:
        for at in items.order[leaf.dual.over.mark ^ leaf.dual.under.mark].tolist():
            doubt[workers[at]] = 1.0
    return Suggestion(written(m), doubt)


class _Relaxation:
    """The linear relaxation of a node: a share of every open worker for every purse, scores and costs at most 1."""

    def __init__(self, proof: Tree, control: Control) -> None:
        self.proof, self.control = proof, control
        gains = [z for row in proof.offers for _, z in row] if proof.problem == "cover" else proof.scores
        self.worth, self.money = max(gains, default=1), max(proof.costs, default=0) or 1
        self.bits = PRECISION_BITS + sum(proof.budgets).bit_length()
        self.lost = False

    def __call__(self, node: Node) -> Suggestion | None:
        if self.lost:
            return None
        pairs = [(k, i) for k, workers in enumerate(node.open) for i in workers]
        model, levels = self._model(node, pairs)
        highs = load_model(model)
        run = run_lp(highs, self.control)
        self.lost = is_busy(highs)
        return None if run is None else self._read(node, pairs, run.prices.tolist(), run.point, levels)

    def _model(self, node: Node, pairs: list[tuple[int, int]]) -> tuple[MipArrays, int]:
        """Rows: money and groups of each purse, then seats or workers, the count, at last the kinds and levels."""
        proof, (groups, m) = self.proof, (len(self.proof.caps), len(self.proof.seats))
        purse = np.array([k for k, _ in pairs])
        worker = np.array([i for _, i in pairs])
        group = np.array([proof.groups[i] for _, i in pairs])
        costs = np.array([proof.costs[i] / self.money for _, i in pairs])
        flows = len(proof.purses) == 1 and proof.nested[0]
        caps = np.array(proof.caps, dtype=float).reshape(groups, m)
        value = (
            np.zeros(len(pairs))
            if proof.problem == "cover"
            else np.array([proof.scores[i] / self.worth for _, i in pairs])
        )
        offers: dict[tuple[int, int], list[int]] = {}
        for at, (_, i) in enumerate(pairs if proof.problem == "cover" else []):
            for r, z in proof.offers[i]:
                if z > node.covered[r]:
                    offers.setdefault((r, z), []).append(at)
        extra = [(z - node.covered[r]) / self.worth for r, z in offers]
        first = len(pairs) + caps.size * flows
        model = MipArrays(
            objective=np.concatenate([value, np.zeros(caps.size * flows), extra]),
            upper=np.concatenate([np.ones(len(pairs)), caps.ravel()[: caps.size * flows], np.full(len(extra), np.inf)]),
            integer=np.zeros(first + len(extra), dtype=bool),
        )
        for k, mine in enumerate(proof.purses):
            own = np.flatnonzero(purse == k)
            model.at_most(own, costs[own], node.money[k] / self.money)
            for g in range(groups):
                cell, taken = own[group[own] == g], float(node.held[k][g])
                if flows:
                    into = len(pairs) + g * m + np.arange(m)
                    signs = np.concatenate([np.ones(len(cell)), -np.ones(m)])
                    model.at_most(np.concatenate([cell, into]), signs, -taken)
                else:
                    model.at_most(cell, 1.0, sum(caps[g, j] for j in mine) - taken)
        if flows:
            for j in range(m):
                model.at_most(len(pairs) + np.arange(groups) * m + j, 1.0, float(proof.seats[j]))
        elif len(proof.purses) > 1:
            for k, seats in enumerate(proof.seats):
                model.at_most(np.flatnonzero(purse == k), 1.0, float(seats - sum(node.held[k])))
            by_worker = np.argsort(worker, kind="stable")
            for cell in np.split(by_worker, np.flatnonzero(np.diff(worker[by_worker])) + 1):
                model.at_most(cell, 1.0, 1.0)
        everybody, hired = np.arange(len(pairs)), sum(map(sum, node.held))
        model.at_most(everybody, 1.0, float(node.high - hired))
        model.at_least(everybody, 1.0, float(node.low - hired))
        kinds = np.array([r for r, _ in offers], dtype=np.int64)
        for r in range(proof.kinds):
            model.at_most(first + np.flatnonzero(kinds == r), 1.0, 1.0)
        for t, those in enumerate(offers.values()):
            signs = np.concatenate([[1.0], -np.ones(len(those))])
            model.at_most(np.concatenate([[first + t], those]), signs, 0.0)
        return model, len(offers)

    def _read(
        self, node: Node, pairs: list[tuple[int, int]], dual: list[float], point: np.ndarray, levels: int
    ) -> Suggestion:
        proof, groups, purses = self.proof, len(self.proof.caps), len(self.proof.purses)
        unit = 1 << self.bits

        def rounded(value: float, scale: Fraction) -> int:
            return round(Fraction(value) * scale * unit)

        worth = Fraction(self.worth)
        price = [rounded(dual[k * (groups + 1)], worth / self.money) for k in range(purses)]
        places = [
            [rounded(x, worth) for x in dual[k * (groups + 1) + 1 : (k + 1) * (groups + 1)]] for k in range(purses)
        ]
        if purses > 1:
            for k, row in enumerate(places):
                seat = rounded(dual[purses * (groups + 1) + k], worth)
                places[k] = [x + seat for x in row]
        end = len(dual) - levels - proof.kinds
        count = rounded(dual[end - 2] - dual[end - 1], worth)
        raised = [rounded(x, worth) for x in dual[end : end + proof.kinds]]
        covered = [unit * z + x for z, x in zip(node.covered, raised, strict=True)]
        shares = point[: len(pairs)].tolist()
        doubt: dict[int, float] = {}
        for (_, i), share in zip(pairs, shares, strict=True):
            doubt[i] = max(doubt.get(i, 0.0), min(share, 1.0 - share))
        return Suggestion([[unit], [count], price, covered, *places], doubt)

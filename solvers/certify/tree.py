"""Certificates for optima, whichever method found them.

What a search rests its bound on is taken over where it has that form; where not, or where the checker cannot follow, a tree is
grown: a node that its multipliers do not close branches on the worker its relaxation is least sure of.
Knowing the optimum, and using the checker's own arithmetic, such a tree ends with a proof that the checker accepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from ...models.exact import exact_sum
from ...models.input_error import InputError
from ...models.procurement.market import Market
from ..control import STEP_SECONDS, Control, Stopped
from ..placement.orp_seats import best_placeable_set
from ..pooled import solve_pooled
from ..pooled.leaf_multipliers import LeafMultipliers
from ..pooled.method import pooled_problem
from ..proofs.arrays.check import Tree
from ..proofs.document import check_document, write_document
from ..proofs.nodes import Node
from ..proofs.proof import Proof, ProofError
from ..proofs.walk import Narrowed
from ..seated.duals import (
    SeatDuals,
    SeatMarket,
    duals_at,
    lagrangian,
)
from ..separate.method import instance_of
from ..separate.pooled_relaxation import pooled_optimum
from ..solution import Solution
from .leaves import node_multipliers
from .suggest import Suggestion, suggester

__all__ = ["NoCertificateError", "certify", "prove"]

MOST_NODES = 50_000
"""A tree that needs more is given up."""

ROOT_STATES, NODE_STATES = 2_000_000, 5_000
"""Combinations a search may try in a node with multipliers of a solver, and in one the tree grew."""

NODE_CORE = 60
"""Grown nodes with no more open workers than this are searched."""


class NoCertificateError(RuntimeError):
    """No proof in the form of a certificate was found; the message says why. The optimum is none the worse for it."""


def prove(
    market: Market, problem: str, bound: int, hints: Sequence[LeafMultipliers] = (), control: Control | None = None
) -> Proof:
    """Find a proof that nothing is worth more than a bound, in the form that the checker reads.

    Parameters
    ----------
    market : Market
    problem : {'orp', 'opt', 'opt-sep', 'cover'}
    bound : int
        In integer units of the objective.
    hints : sequence of LeafMultipliers
        Leaves that a search rested this bound on, if it gave any.
    control : Control, optional
        Ends the search for a proof; after :data:`STEP_SECONDS` seconds it ends anyway.

    Raises
    ------
    NoCertificateError
        If no proof is found in that form: says why.
    Stopped
        If time is up before.
    """
    control = (control or Control()).capped(STEP_SECONDS)
    reason = ""
    for purses, leaves in _beginnings(market, problem, bound, hints, control):
        try:
            nodes = _Growing(Tree(market, problem, bound, purses, control.check), control).grow(leaves)
        except NoCertificateError as given_up:
            reason = str(given_up)
            continue
        return Proof(problem, "tree", bound, {"purses": purses, "nodes": nodes})
    raise NoCertificateError(f"no proof of this bound of {problem}: {reason}")


def certify(market: Market, solution: Solution, time_limit: float | None = None) -> dict[str, Any]:
    """Return a proved optimum and its proof as they are written to a file.

    Parameters
    ----------
    market : Market
    solution : Solution
        With status ``optimal``; where what it rests on is no proof, one is looked for.
    time_limit : float, optional
        Seconds for that, :data:`STEP_SECONDS` by default.

    Raises
    ------
    InputError
        If the solution is not optimal.
    NoCertificateError
        If no proof is found: says why.
    """
    point = solution.assignment if solution.shares is None else solution.shares
    if solution.status != "optimal" or point is None or solution.value is None:
        raise InputError("only a proved optimum has a certificate", field="certificate")
    value = solution.value * (
        market.scaled.coverage_denominator if solution.problem == "cover" else market.scaled.score_denominator
    )
    proof = solution.proof
    if proof is None:
        try:
            proof = prove(market, solution.problem, int(value), control=Control.for_seconds(time_limit))
        except Stopped:
            raise NoCertificateError("time is up before a proof was found") from None
    try:
        document = write_document(market, point, value, proof)
    except ProofError as error:
        raise NoCertificateError(f"{error}: its numbers are too long") from None
    check_document(document, market)
    return document


def _beginnings(
    market: Market, problem: str, value: int, hints: Sequence[LeafMultipliers], control: Control
) -> Iterator[tuple[int, Sequence[LeafMultipliers]]]:
    """Yield numbers of purses, and leaves of a proof that may only need to be written down."""
    own = tuple(hints)
    if problem == "opt-sep":
        # Where separate budgets cost nothing, a proof for one purse is the shorter one.
        _, bound, _ = pooled_optimum(instance_of(market), control)
        if bound <= value:
            yield 1, ()
        yield market.m, ()
        return
    if problem == "orp":
        plain = _seat_market(market, costs=np.zeros(market.n, dtype=np.int64), budget=0)
        basis = best_placeable_set(plain.scores, plain.groups, plain.caps, plain.seats)
        own = (_leaf(market, duals_at(plain, Fraction(0), basis, plain.scores)),)
    elif problem == "opt" and not own and market.seats_bind:
        _, duals = lagrangian(_seat_market(market, market.scaled.needed_costs, market.scaled.total_budget), control)
        own = (_leaf(market, duals),)
    elif problem == "opt" and not own:
        result = solve_pooled(pooled_problem(market), control)
        own = tuple(result.leaves) if result.proved and result.value == value else ()
    yield 1, own


def _seat_market(market: Market, costs: np.ndarray, budget: int) -> SeatMarket:
    return SeatMarket(market.scaled.scores, costs, market.group_of, budget, market.caps, market.seats)


def _leaf(market: Market, duals: SeatDuals) -> LeafMultipliers:
    """Write the prices of a chain of tight sets as one multiplier per group: what its sets cost together."""
    mu = [0] * market.L
    total = 0
    for members, price in zip(reversed(duals.chain), reversed(list(duals.prices)), strict=True):
        # Python integers: the prices of a market of large numbers do not add up in 64 bits.
        total += int(price)
        for group in members.tolist():
            mu[group] = total
    most = exact_sum(market.group_totals)
    return LeafMultipliers(0, most, duals.denominator, duals.multiplier, 0, tuple(mu))


class _Growing:
    """A tree of nodes while it grows, written parent first, as the checkers read it."""

    def __init__(self, tree: Tree, control: Control) -> None:
        self.tree, self.instance, self.control = tree, tree.instance, control
        self.suggest = suggester(self.instance, control)
        self.nodes: list[dict[str, Any]] = []

    def grow(self, leaves: Sequence[LeafMultipliers]) -> list[dict[str, Any]]:
        """Return the nodes of a proof that begins with these leaves."""
        stack: list[tuple[Node, Sequence[LeafMultipliers]]] = [(self.instance.root(), leaves)]
        while stack:
            self.control.check()
            if len(self.nodes) >= MOST_NODES:
                raise NoCertificateError(f"a proof would need more than {MOST_NODES:,} nodes")
            node, ahead = stack.pop()
            if len(ahead) > 1:
                self.nodes.append({"count": int(ahead[0].high)})
                below, above = node.split_by_count(int(ahead[0].high))
                stack += [(above, ahead[1:]), (below, ahead[:1])]
            else:
                stack += [(child, ()) for child in reversed(self._close(node, ahead))]
        return self.nodes

    def _close(self, node: Node, leaf: Sequence[LeafMultipliers]) -> list[Node]:
        """Write a node; return its children, none if nothing in it is better."""
        found = self.tree.narrow(node)
        if found.gap < 0:
            self.nodes.append({})
            return []
        decided = not found.node.size
        suggestion = Suggestion(node_multipliers(leaf[0])) if leaf else self.suggest(found.node)
        found = self.tree.narrow(replace(found.node, multipliers=suggestion.multipliers))
        entry: dict[str, Any] = {"multipliers": suggestion.multipliers.written()}
        self.nodes.append(entry)
        branched = any(ahead.branched for ahead in leaf)
        at_first = len(self.instance.purses) == 1 and not branched and (leaf or len(self.nodes) == 1)
        if found.gap < 0 or self._searched(found, ROOT_STATES if at_first else NODE_STATES):
            return []
        if decided:
            raise NoCertificateError("this relaxation has a better optimum")
        entry["worker"] = self._undecided(found.node, suggestion.doubt)
        return self.instance.split_by_worker(found.node, entry["worker"])

    def _searched(self, found: Narrowed, states: int) -> bool:
        """Whether a search shows that a node holds nothing better."""
        if found.node.size > NODE_CORE and states <= NODE_STATES:
            return False
        before = self.tree.work.states
        self.tree.work.most_states = before + states
        try:
            return self.tree.searched(found)
        except ProofError:
            self.tree.work.states = before
            return False

    def _undecided(self, node: Node, doubt: dict[int, float]) -> int:
        """Choose a worker to branch on: the most doubtful, of these the dearest."""
        workers = np.unique(np.concatenate(node.open))
        if not len(workers):
            # It does not matter: what is hired cannot be placed, and the next node's multipliers say so.
            return 0
        doubtful = [i for i in workers.tolist() if doubt.get(i)] if doubt else []
        if doubtful:
            return max(doubtful, key=lambda i: (doubt[i], int(self.instance.costs[i]), -i))
        return int(workers[np.argmax(self.instance.costs[workers])])

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
from ..control import Control
from ..placement.orp_seats import best_placeable_set
from ..pooled import solve_pooled
from ..pooled.leaf_multipliers import Multipliers
from ..pooled.method import pooled_problem
from ..proofs.checker import (
    FORMAT,
    CertificateError,
    Node,
    Tree,
    check_certificate,
    digest,
    instance_digest,
)
from ..proofs.proof import Proof as BoundProof
from ..seated.duals import (
    SeatDuals,
    SeatMarket,
    duals_at,
    lagrangian,
)
from ..separate.method import instance_of
from ..separate.pooled_relaxation import pooled_optimum
from ..solution import Solution
from .suggest import suggester, written

__all__ = ["NoCertificateError", "certify", "check_certifiable", "prove", "write_document"]

PATIENCE = 120.0
"""Seconds after which the search for a proof ends if no time limit is given."""

MOST_NODES = 50_000
"""A tree that needs more is given up."""

ROOT_STATES, NODE_STATES = 2_000_000, 5_000
"""Combinations a search may try in a node with multipliers of a solver, and in one the tree grew."""

NODE_CORE = 60
"""Grown nodes with no more open workers than this are searched."""


class NoCertificateError(RuntimeError):
    """No proof in the form of a certificate was found; the message says why. The optimum is none the worse for it."""


def check_certifiable(problem: str) -> None:
    """Refuse a problem that has no certificates.

    Raises
    ------
    InputError
    """
    if problem == "opt-frac":
        raise InputError(
            "there are certificates for orp, opt, opt-sep and cover, not for opt-frac", field="certificate"
        )


def prove(
    market: Market, problem: str, bound: int, hints: Sequence[Multipliers] = (), control: Control | None = None
) -> BoundProof:
    """Find a proof that nothing is worth more than a bound, in the form that the checker reads.

    Parameters
    ----------
    market : Market
    problem : {'orp', 'opt', 'opt-sep', 'cover'}
    bound : int
        In integer units of the objective.
    hints : sequence of Multipliers
        Leaves that a search rested this bound on, if it gave any.
    control : Control, optional
        Ends the search for a proof; after :data:`PATIENCE` seconds it ends anyway.

    Raises
    ------
    NoCertificateError
        If no proof is found in that form: says why.
    """
    control = (control or Control()).capped(PATIENCE)
    reason = ""
    for purses, leaves in _beginnings(market, problem, bound, hints, control):
        try:
            nodes = _Growing(Tree(market, problem, bound, purses), control).grow(leaves)
        except NoCertificateError as given_up:
            reason = str(given_up)
            continue
        return BoundProof(problem, "tree", bound, {"purses": purses, "nodes": nodes})
    raise NoCertificateError(f"no certificate for this optimum of {problem}: {reason}")


def certify(market: Market, solution: Solution, time_limit: float | None = None) -> dict[str, Any]:
    """Make a certificate of a proved optimum that the checker accepts.

    Parameters
    ----------
    market : Market
    solution : Solution
        Of ORP, OPT, OPT-SEP or COVER, status ``optimal``.
    time_limit : float, optional
        Seconds, :data:`PATIENCE` by default.

    Returns
    -------
    dict
        The document, to be written as JSON.

    Raises
    ------
    InputError
        If the solution is not proved, or its problem has no certificates.
    NoCertificateError
        If no proof is found in the form of a certificate: says why.
    """
    check_certifiable(solution.problem)
    if solution.status != "optimal" or solution.assignment is None or solution.value is None:
        raise InputError("only a proved optimum has a certificate", field="certificate")
    unit = market.coverage_denominator if solution.problem == "cover" else market.score_denominator
    value = int(solution.value * unit)
    proof = solution.proof
    if proof is None or proof.kind != "tree":
        proof = prove(market, solution.problem, value, control=Control.for_seconds(time_limit))
    body = proof.body
    document = write_document(market, solution.problem, value, solution.assignment, body["nodes"], body["purses"])
    check_certificate(document, market)
    return document


def write_document(
    market: Market, problem: str, value: int, assignment: np.ndarray, nodes: Sequence[dict[str, Any]], purses: int = 1
) -> dict[str, Any]:
    """Return a certificate as it is written to a file."""
    document = {
        "format": FORMAT,
        "problem": problem,
        "instance": instance_digest(market, problem),
        "value": value,
        "hired": [np.diff(np.flatnonzero(assignment == j), prepend=-1).tolist() for j in range(market.m)],
        "purses": purses,
        "nodes": list(nodes),
    }
    return {**document, "seal": digest({**document, "seal": None})}


def _beginnings(
    market: Market, problem: str, value: int, hints: Sequence[Multipliers], control: Control
) -> Iterator[tuple[int, Sequence[Multipliers]]]:
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
        _, duals = lagrangian(_seat_market(market, market.needed_costs, market.total_budget), control.expired)
        own = (_leaf(market, duals),)
    elif problem == "opt" and not own:
        result = solve_pooled(pooled_problem(market), control.deadline)
        own = tuple(result.leaves) if result.proved and result.value == value else ()
    yield 1, own


def _seat_market(market: Market, costs: np.ndarray, budget: int) -> SeatMarket:
    return SeatMarket(market.scores, costs, market.group_of, budget, market.caps, market.seats)


def _leaf(market: Market, duals: SeatDuals) -> Multipliers:
    """Write the prices of a chain of tight sets as one multiplier per group: what its sets cost together."""
    mu = [0] * market.L
    total = 0
    for members, price in zip(reversed(duals.chain), reversed(list(duals.prices)), strict=True):
        # Python integers: the prices of a market of large numbers do not add up in 64 bits.
        total += int(price)
        for group in members.tolist():
            mu[group] = total
    most = exact_sum(market.group_totals)
    return Multipliers(0, most, duals.denominator, duals.multiplier, 0, tuple(mu))


class _Growing:
    """A tree of nodes while it grows, written parent first, as the checker reads it."""

    def __init__(self, proof: Tree, control: Control) -> None:
        self.proof, self.control = proof, control
        self.suggest = suggester(proof, control)
        self.nodes: list[dict[str, Any]] = []

    def grow(self, leaves: Sequence[Multipliers]) -> list[dict[str, Any]]:
        """Return the nodes of a proof that begins with these leaves."""
        stack: list[tuple[Node, Sequence[Multipliers]]] = [(self.proof.root(), leaves)]
        while stack:
            if self.control.expired():
                raise NoCertificateError(f"time is up after {len(self.nodes):,} nodes of a proof")
            if len(self.nodes) >= MOST_NODES:
                raise NoCertificateError(f"a proof would need more than {MOST_NODES:,} nodes")
            node, ahead = stack.pop()
            if len(ahead) > 1:
                at = ahead[0].high
                self.nodes.append({"count": at})
                above, below = replace(node, low=max(node.low, at + 1)), replace(node, high=min(node.high, at))
                stack += [(above, ahead[1:]), (below, ahead[:1])]
            else:
                stack += [(child, ()) for child in reversed(self._close(node, ahead))]
        return self.nodes

    def _close(self, node: Node, leaf: Sequence[Multipliers]) -> list[Node]:
        """Write a node; return its children, none if nothing in it is better."""
        proof = self.proof
        gap, node, flips = self._narrowed(node)
        if gap < 0:
            self.nodes.append({})
            return []
        decided = not any(node.open)
        doubt: dict[int, float] = {}
        if leaf:
            duals = written(leaf[0])
        else:
            suggestion = self.suggest(node)
            duals, doubt = suggestion.duals, suggestion.doubt
        gap, node, flips = self._narrowed(replace(node, duals=duals))
        entry: dict[str, Any] = {"duals": duals}
        self.nodes.append(entry)
        at_first = len(proof.purses) == 1 and (leaf or len(self.nodes) == 1)
        if gap < 0 or self._searched(node, flips, gap, ROOT_STATES if at_first else NODE_STATES):
            return []
        if decided:
            raise NoCertificateError("this relaxation has a better optimum")
        worker = self._undecided(node, doubt)
        entry["worker"] = worker
        return proof.branch(node, worker)

    def _narrowed(self, node: Node) -> tuple[int, Node, list[list[tuple[int, int, int]]]]:
        try:
            return self.proof.narrow(node)
        except CertificateError as error:
            raise NoCertificateError(f"{error}: please report this") from None

    def _searched(self, node: Node, flips: list[list[tuple[int, int, int]]], gap: int, states: int) -> bool:
        """Whether a search shows that a node holds nothing better."""
        proof = self.proof
        if node.duals is None or (sum(map(len, flips)) > NODE_CORE and states <= NODE_STATES):
            return False
        before = proof.states
        proof.most_states = before + states
        try:
            proof.search(node, flips, gap)
        except CertificateError:
            proof.states = before
            return False
        return True

    def _undecided(self, node: Node, doubt: dict[int, float]) -> int:
        """Choose a worker to branch on."""
        # With nobody open the worker does not matter: what is hired cannot be placed, and the next node's multipliers say so.
        workers = {i for part in node.open for i in part} or {0}
        return max(workers, key=lambda i: (doubt.get(i, 0.0), self.proof.costs[i], -i))

"""Proofs of kind ``blocks`` for OPT-SEP: a price for each worker, and the pooled optimum of each block of requesters at these prices.

Symbols: workers i with score v_i and cost c_i; requesters j with budget B_j and caps. Body: ``scale`` D > 0, and ``nodes``, a tree in
pre-order. A node is a *branch* ``worker`` i, ``requesters`` J, or a *leaf* ``workers``, ``blocks``, and a block is ``requesters``, ``bound``
and ``proof``. All numbers are integers. Seats are left out of account: the bound holds with them too.

1. *Branch.* Either i is hired by a requester of J (the first subtree), or by none of them (the second). So a leaf stands for the allocations
   in which some workers are *surely* hired, and each worker only by the requesters it is *open* to.
2. *Prices.* ``workers`` u has a number for every worker, not negative unless the worker is surely hired. The blocks of a leaf part the
   requesters. For an allocation of the leaf, with S_b the workers of block b,

       D V = sum of u_i over hired i + sum_b sum_{i in S_b} (D v_i - u_i) <= sum_i u_i + sum_b W_b =: total,

   for every W_b that no set open to the block exceeds: the prices of those who are not hired are not negative.
3. *Block.* All money and places of its requesters together are what one purse could spend, so S_b is feasible for OPT on the *market of
   the block*: its requesters, the workers open to one of them that has a seat and a place for it and can pay it, each with the score
   ``D v_i - u_i``; who is worth nothing at that score is left out. ``proof`` (``kind`` and ``body``, see
   :data:`~fedmech.solvers.proofs.proof.KINDS`) shows that OPT on it is at most ``bound``, W_b. Where nobody is left both are 0 and None.
4. *Goal.* Scores are multiples of their greatest common divisor. What is worth more than the bound is worth at least ``goal``, the next
   multiple, and ``total < D * goal`` in every leaf excludes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Any

import numpy as np

from ...models.input_error import InputError
from ...models.procurement.market import Market
from .proof import Proof, ProofError, ProofTooLarge, Pulse, refuse
from .proof import check_bound as check_any

__all__ = ["check_bound", "market_of_block"]

MOST_LEAVES = 4_096
"""So many leaves are looked at."""

POOLED_KINDS = ("tree", "dynamic", "staircase", "subadditive", "lattice")
"""The kinds of proofs of OPT that may stand in a block."""


def check_bound(proof: Proof, market: Market, pulse: Pulse) -> None:
    """Accept a proof that no allocation is worth more than its bound, or raise.

    Raises
    ------
    ProofError
        If the tree is no partition, prices or blocks are not what they should be, or a block is worth more than it claims.
    """
    body: Any = proof.body
    if proof.problem != "opt-sep" or market.scaled.costs is None or type(proof.bound) is not int or proof.bound < 0:
        refuse("a proof by blocks is for opt-sep, with costs, and has an integer bound")
    if set(body) != {"scale", "nodes"} or type(body["nodes"]) is not list:
        refuse("a proof by blocks has scale and nodes")
    scale = integer(body["scale"], 1)
    unit = gcd(*market.scaled.scores.tolist()) or 1
    goal = (proof.bound // unit + 1) * unit
    # Nodes come in pre-order, so the parts still to be covered are a stack: each node takes the last, a branch puts two back.
    waiting = [(before_any_branch(market), np.zeros(market.n, dtype=bool))]
    leaves = 0
    for node in body["nodes"]:
        pulse()
        if not waiting:
            refuse("there are more nodes than the tree has")
        open_to, surely = waiting.pop()
        if not isinstance(node, Mapping):
            refuse("a node is a mapping")
        if set(node) == {"worker", "requesters"}:
            waiting += reversed(branch(node, open_to, surely))
            continue
        leaves += 1
        if leaves > MOST_LEAVES:
            raise ProofTooLarge("too many leaves")
        if set(node) != {"workers", "blocks"}:
            refuse("a node is a branch, of worker and requesters, or a leaf, of workers and blocks")
        if leaf_total(market, scale, node, open_to, surely, pulse) >= scale * goal:
            refuse("something in a leaf may be worth more than the bound")
    if waiting:
        refuse("a part of the tree is left out")


def before_any_branch(market: Market) -> np.ndarray:
    """Who is open to whom: workers to requesters that have a seat and a place for them, and can pay them."""
    budgets, costs = market.scaled.budgets.tolist(), market.scaled.needed_costs.tolist()
    can_pay = np.array([[cost <= budget for budget in budgets] for cost in costs], dtype=bool)
    return (market.caps > 0)[market.group_of] & can_pay.reshape(market.n, market.m) & (market.seats > 0)


def branch(node: Mapping[str, Any], open_to: np.ndarray, surely: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Step 1: the two parts of a node, each as who is open to whom, and who is surely hired."""
    worker, some = integer(node["worker"], 0), requesters_of(node["requesters"], open_to.shape[1])
    if worker >= len(open_to):
        refuse("there is no such worker")
    inside, outside, hired = open_to.copy(), open_to.copy(), surely.copy()
    others = np.ones(open_to.shape[1], dtype=bool)
    others[some] = False
    inside[worker, others] = False
    outside[worker, some] = False
    hired[worker] = True
    return [(inside, hired), (outside, surely)]


def leaf_total(
    market: Market, scale: int, node: Mapping[str, Any], open_to: np.ndarray, surely: np.ndarray, pulse: Pulse
) -> int:
    """Steps 2 and 3: what D times the score of an allocation of the leaf is at most."""
    prices = node["workers"]
    if isinstance(prices, np.ndarray) and prices.ndim == 1:
        prices = prices.tolist()
    if type(prices) is not list or len(prices) != market.n or not {*map(type, prices)} <= {int}:
        refuse("a leaf has an integer price for every worker")
    # A worker's price is paid whether or not it is hired; a negative one is sound only for those who surely are.
    if any(price < 0 and not hired for price, hired in zip(prices, surely.tolist(), strict=True)):
        refuse("the price of a worker who need not be hired is negative")
    if type(node["blocks"]) is not list:
        refuse("blocks are no list")
    total, seen = sum(prices), []
    for block in node["blocks"]:
        pulse()
        if not isinstance(block, Mapping) or set(block) != {"requesters", "bound", "proof"}:
            refuse("a block has requesters, bound and proof")
        some = requesters_of(block["requesters"], market.m)
        seen += some
        bound, inner = integer(block["bound"], 0), block["proof"]
        part = market_of_block(market, scale, prices, some, open_to)
        if part is None:
            # A block without anybody is worth nothing, which needs no proof; a proof given for it would never be looked at.
            if inner is not None:
                refuse("nobody is open to a block, and its proof is of somebody")
        elif not isinstance(inner, Mapping) or set(inner) != {"kind", "body"} or inner["kind"] not in POOLED_KINDS:
            refuse("the proof of a block is of a kind for opt")
        else:
            check_any(Proof("opt", inner["kind"], bound, inner["body"]), part, pulse)
        # The inner proof was checked against just this bound, in the units of the scores less the workers' prices.
        total += bound
    if sorted(seen) != list(range(market.m)):
        refuse("the blocks do not part the requesters")
    return total


def market_of_block(
    market: Market, scale: int, prices: list[int], requesters: list[int], open_to: np.ndarray
) -> Market | None:
    """Step 3: the market of a block, its numbers integers in units of the scaled market; None if nobody is open to it."""
    reach = np.asarray(open_to[:, requesters].any(axis=1)).tolist()
    rows = zip(market.scaled.scores.tolist(), prices, reach, strict=True)
    worth = [scale * score - price if within else 0 for score, price, within in rows]
    left = [i for i, value in enumerate(worth) if value > 0]
    if not left:
        return None
    costs, groups = market.scaled.needed_costs[left].tolist(), market.group_of[left].tolist()
    names = [str(group) for group in range(market.L)]
    try:
        return Market.build(
            scores=[worth[i] for i in left],
            costs=costs,
            budgets=[market.scaled.budgets.tolist()[j] for j in requesters],
            groups=[names[group] for group in groups],
            group_ids=names,
            caps=market.caps[:, requesters],
        )
    except InputError as error:
        raise ProofError(f"the market of a block is none: {error.message}") from None


def requesters_of(values: Any, m: int) -> list[int]:
    """Return a list of different requesters."""
    if type(values) is not list or not values or {*map(type, values)} != {int}:
        refuse("requesters are a list of integers")
    if len({*values}) != len(values) or min(values) < 0 or max(values) >= m:
        refuse("a requester is named twice, or there is none of that number")
    return values


def integer(value: Any, least: int) -> int:
    """Return an integer that is at least so much (no bool)."""
    if type(value) is not int or value < least:
        refuse("something is no integer, or too small")
    return value

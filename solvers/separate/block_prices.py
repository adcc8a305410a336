"""Prices of workers, and the bound they give, where some requesters buy together with one purse.

A node of the search (`block_tree`) says which workers are surely hired, and which requesters each worker is open to. The requesters are
parted in *blocks*. For any prices ``u_i`` of workers, not negative unless a worker is surely hired,

    ``optimum of the node <= sum_i u_i + sum_b W_b``,   ``W_b`` = most that block b makes above these prices with one purse.

``W_b`` is a pooled optimum, so it has an exact method that is fast (:mod:`fedmech.solvers.pooled`). A worker who is surely hired is
worth a *bonus* more to everybody, which is taken off the bound again; so all prices in the search are of one sign.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...models.exact import exact_sum, linear_combination
from ..control import Control
from ..pooled import PooledProblem, PooledResult, solve_pooled
from .instance import SeparateInstance
from .set_program import SetProgram
from .worker_prices import BITS, rounded_prices

__all__ = ["BlockBound", "Blocks", "Region", "price_blocks", "upper"]

Blocks = tuple[tuple[int, ...], ...]
"""A partition of the requesters."""

ROUNDS = 300
"""Most rounds of the linear program at a node."""

CLOSE_ENOUGH = 10
"""The prices of a node are good enough where what they can still gain is a tenth of what the bound is above the best allocation."""

BLOCK_SECONDS = 2.0
"""Most seconds for one pooled optimum; after that its bound counts."""

KNOWN_SETS = 400
"""So many sets of each block, the latest, are known to a node from the start."""


@dataclass(frozen=True)
class Region:
    """The allocations of a node.

    Attributes
    ----------
    open_to : ndarray of bool, shape (n, m)
        Which requesters may hire each worker.
    surely : ndarray of bool, shape (n,)
        Who has to be hired.
    """

    open_to: np.ndarray
    surely: np.ndarray

    def parts(self, worker: int, block: tuple[int, ...]) -> tuple[Region, Region]:
        """Return where a block hires a worker, and where it does not."""
        inside, outside, surely = self.open_to.copy(), self.open_to.copy(), self.surely.copy()
        others = np.ones(self.open_to.shape[1], dtype=bool)
        others[list(block)] = False
        inside[worker, others] = False
        outside[worker, list(block)] = False
        surely[worker] = True
        return Region(inside, surely), Region(outside, self.surely)


@dataclass
class BlockBound:
    """What prices prove of a region.

    Attributes
    ----------
    blocks : Blocks
    price : ndarray, shape (n,)
        Of each worker, times ``2**BITS``.
    total : int
        The bound, likewise.
    made : list of PooledResult or None
        What each block makes; None where nobody is open to it.
    share : ndarray of float64, shape (n, blocks), or None
        How much of each worker goes to each block in the linear program; None if the bound was low enough before.
    """

    blocks: Blocks
    price: np.ndarray
    total: int
    made: list[PooledResult | None]
    share: np.ndarray | None = None


def price_blocks(
    instance: SeparateInstance,
    region: Region,
    blocks: Blocks,
    start: np.ndarray,
    low_enough: int,
    known: dict[tuple[int, ...], list[np.ndarray]],
    control: Control,
    patient: bool = False,
) -> BlockBound | None:
    """Look for the prices with the least bound.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    region : Region
    blocks : Blocks
    start : ndarray, shape (n,)
        Prices to begin with, times ``2**BITS``.
    low_enough : int
        A bound below this, times ``2**BITS``, ends the search.
    known : dict
        Sets that blocks were found to want, which may be of use again; new ones are added.
    control : Control
        Deadline.
    patient : bool
        Whether to go on after the prices are good enough.

    Returns
    -------
    BlockBound or None
        None if there was no time for the first bound.
    """
    unit = 1 << BITS
    # As far below zero as the price of one who is surely hired may go: the bound holds whatever is allowed, this leaves room enough.
    bonus = 4 * int(instance.scores.max(initial=0))
    scores = linear_combination((1, instance.scores), (bonus, region.surely.astype(np.int64)))
    most = linear_combination((unit, scores))
    program = SetProgram(scores, [1] * len(blocks))
    for b, block in enumerate(blocks):
        reach = np.asarray(region.open_to[:, block].any(axis=1))
        for members in known.setdefault(block, [])[-KNOWN_SETS:]:
            if reach[members].all():
                program.add(b, members)
    extra = linear_combination((unit * bonus, region.surely.astype(np.int64)))
    off = exact_sum(extra)
    price = _within(linear_combination((1, start), (1, extra)), most)
    best: BlockBound | None = None
    for _ in range(ROUNDS):
        if control.expired():
            break
        worth = linear_combination((1, most), (-1, price))
        total, fresh, made = exact_sum(price) - off, False, []
        for b, block in enumerate(blocks):
            able, result = _pooled_best(instance, region, block, worth, control)
            made.append(result)
            if result is None:
                continue
            total += upper(result)
            members = able[result.chosen]
            if program.add(b, members):
                known[block].append(members)
                fresh = True
        if best is None or total < best.total:
            best = BlockBound(blocks, linear_combination((1, price), (-1, extra)), total, made)
        if best.total < low_enough:
            return best
        solved = program.solve(control)
        if solved is None:
            break
        value, dual = solved
        ideal = rounded_prices(dual, most)
        gain = best.total - unit * value + off
        enough = 0 if patient else best.total - low_enough
        if CLOSE_ENOUGH * gain <= enough or (not fresh and (price == ideal).all()):
            break
        price = ideal if not fresh else linear_combination((1, best.price), (1, extra), (1, ideal)) // 2
    if best is not None:
        best.share = _shares(program, instance.n, len(blocks))
    return best


def upper(result: PooledResult) -> int:
    """What no set of a block is worth more than."""
    return result.value if result.proved else result.bound.__floor__()


def _within(prices: np.ndarray, most: np.ndarray) -> np.ndarray:
    return np.minimum(np.maximum(prices, 0), most)


def _pooled_best(
    instance: SeparateInstance, region: Region, block: tuple[int, ...], worth: np.ndarray, control: Control
) -> tuple[np.ndarray, PooledResult | None]:
    """Return the workers open to a block and worth something, and the best set of these for one purse."""
    reach = region.open_to[:, block].any(axis=1)
    able = np.flatnonzero(reach & np.asarray(worth > 0, dtype=bool))
    if not able.size:
        return able, None
    limits = instance.caps[:, block].sum(axis=1).tolist()
    budget = sum(instance.budgets[j] for j in block)
    problem = PooledProblem.of(worth[able], instance.costs[able], instance.groups[able], limits, budget)
    result = solve_pooled(problem, control.capped(BLOCK_SECONDS))
    if result.stopped == "interrupted":
        raise KeyboardInterrupt
    return able, result


def _shares(program: SetProgram, workers: int, blocks: int) -> np.ndarray:
    share = np.zeros((workers, blocks))
    for (b, members), part in zip(program.sets, program.shares.tolist(), strict=False):
        share[members, b] += part
    return share

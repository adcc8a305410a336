"""Choose one set for each requester, no worker twice, of least total loss.

Depth first, the requester with the fewest sets left next. A branch ends where the losses so far, the least
losses still open and the workers no remaining set can place exceed the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..compilation import can_compile
from ..control import Control, Stopped
from .columns import Columns
from .packing_kernel import PackedChoices, advance, compiled_advance, descent

COMPILE_FROM = 4000
"""Searches that visit more nodes than this are worth the start-up of numba."""

PLAIN_NODES = 500_000
"""Most nodes of a search without numba."""

COMPILE_SECONDS = 5.0
"""Searches with less time than this left are not compiled: the first compilation on a machine takes that long."""

KERNEL_WORK = 30_000_000
"""Sets looked at between two looks at the clock."""


@dataclass
class PackedSets:
    """Outcome of a search: sets chosen for each requester (None if none), their loss, and whether it was exhaustive."""

    chosen: list[int] | None
    loss: int
    complete: bool
    nodes: int


class _TooManyNodes(Exception):
    pass


class _Enough(Exception):
    pass


def pack(
    columns: Sequence[Columns],
    left_out: np.ndarray,
    gamma: int,
    alike: Sequence[int],
    node_limit: int,
    control: Control,
    enough: int = -1,
) -> PackedSets:
    """Find the packing of least loss at most `gamma`.

    Parameters
    ----------
    columns : sequence of Columns
        Sets of each requester, by increasing loss.
    left_out : ndarray, shape (core,)
        Loss of leaving each worker of the core out.
    gamma : int
        Largest total loss of interest.
    alike : sequence of int
        Label of each requester; those with one label have the same sets and are interchangeable.
    node_limit : int
        Most nodes to visit.
    control : Control
        Deadline.
    enough : int
        A packing of at most this loss ends the search.

    Returns
    -------
    PackedSets
        With ``complete`` false, the best found so far, which proves nothing about better ones.
    """
    compiles = can_compile()
    if not compiles:
        node_limit = min(node_limit, PLAIN_NODES)
    remaining = control.remaining()
    in_a_hurry = remaining is not None and remaining < COMPILE_SECONDS
    compiles = compiles and not in_a_hurry and _fits(columns, left_out)
    first = min(node_limit, COMPILE_FROM) if compiles else node_limit
    search = _PackingSearch(columns, left_out, gamma, alike, first, control, enough)
    try:
        search.visit({j: np.arange(c.loss.size) for j, c in enumerate(columns)}, 0, search.empty)
        complete = True
    except _Enough:
        complete = True
    except (_TooManyNodes, Stopped):
        complete = False
    best, limit = search.best, search.gamma
    if not complete and first < node_limit and not control.expired():
        try:
            better, limit, complete, nodes = run_kernel(
                columns, left_out, limit, alike, node_limit, control, enough=enough
            )
        except Stopped:
            better, nodes = None, 0
        best = best if better is None else better
        search.nodes += nodes
    return PackedSets(best, limit + 1 if best is not None else gamma + 1, complete, search.nodes)


def _fits(columns: Sequence[Columns], left_out: np.ndarray) -> bool:
    """Whether all sums of losses fit in 62 bits and the search's tables in memory."""
    total = sum(left_out.tolist()) + sum(int(c.loss[-1]) for c in columns if c.loss.size)
    return total < 2**62 and sum(c.loss.size for c in columns) * (len(columns) + 1) < 2**25


def run_kernel(
    columns: Sequence[Columns],
    left_out: np.ndarray,
    gamma: int,
    alike: Sequence[int],
    node_limit: int,
    control: Control,
    compiled: bool = True,
    enough: int = -1,
) -> tuple[list[int] | None, int, bool, int]:
    """Search from the start in `packing_kernel`; parameters as of :func:`pack`.

    Returns
    -------
    chosen : list of int or None
        Sets of a packing of loss at most `gamma`.
    limit : int
        No packing has a smaller loss than this plus one, if `complete`.
    complete : bool
    nodes : int
    """
    step = compiled_advance() if compiled else advance
    start = np.concatenate([[0], np.cumsum([c.loss.size for c in columns])]).astype(np.int64)
    mask = np.concatenate([c.mask for c in columns])
    padded = np.zeros(max(1, mask.shape[1] * 64), dtype=np.int64)
    padded[: left_out.size] = left_out
    packing = PackedChoices(
        loss=np.concatenate([c.loss for c in columns]).astype(np.int64),
        mask=mask,
        member=_members(mask, control),
        start=start,
        alike=np.array(alike, dtype=np.int64),
        left_out=padded,
    )
    search = descent(packing, gamma, enough)
    while True:
        over = step(packing, search, KERNEL_WORK)
        if over or search.state[1] >= node_limit or control.expired():
            break
    best, state = search.best, search.state
    chosen = (best - start[:-1]).tolist() if not columns or best[0] >= 0 else None
    return chosen, int(state[0]), bool(over), int(state[1])


def _members(mask: np.ndarray, control: Control) -> np.ndarray:
    """Positions of the workers of each set, int32, shape (K, most workers of a set), filled up with -1."""
    rows, positions = [], []
    for position in range(mask.shape[1] * 64):
        control.check()
        held = np.flatnonzero(mask[:, position >> 6] >> np.uint64(position & 63) & np.uint64(1))
        rows.append(held)
        positions.append(np.full(held.size, position, dtype=np.int32))
    row, worker = (
        np.concatenate([np.zeros(0, dtype=np.int64), *rows]),
        np.concatenate([np.zeros(0, np.int32), *positions]),
    )
    order = np.argsort(row, kind="stable")
    row, worker = row[order], worker[order]
    count = np.bincount(row, minlength=mask.shape[0])
    member = np.full((mask.shape[0], int(count.max(initial=0))), -1, dtype=np.int32)
    member[row, np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)] = worker
    return member


class _PackingSearch:
    def __init__(
        self,
        columns: Sequence[Columns],
        left_out: np.ndarray,
        gamma: int,
        alike: Sequence[int],
        node_limit: int,
        control: Control,
        enough: int,
    ) -> None:
        self.enough = enough
        self.columns, self.left_out, self.gamma, self.alike = columns, left_out, gamma, alike
        self.node_limit, self.control = node_limit, control
        self.best: list[int] | None = None
        self.nodes = 0
        words = columns[0].mask.shape[1] if columns else 0
        self.empty = np.zeros(words, dtype=np.uint64)
        self.everyone = _bits(np.asarray(left_out != 0, dtype=bool), words)
        self.stack = [-1] * len(columns)

    def visit(self, open_sets: dict[int, np.ndarray], loss: int, used: np.ndarray) -> None:
        self.nodes += 1
        if self.nodes > self.node_limit:
            raise _TooManyNodes
        self.control.check()
        least: dict[int, int] = {}
        reach = used.copy()
        for j, sets in open_sets.items():
            if not sets.size:
                return
            least[j] = int(self.columns[j].loss[sets[0]])
            reach |= np.bitwise_or.reduce(self.columns[j].mask[sets], axis=0)
        missing = self.everyone & ~reach
        lost = self._missing(missing)
        if loss + lost + sum(least.values()) > self.gamma:
            return
        if not open_sets:
            self.gamma = loss + lost - 1
            self.best = self.stack.copy()
            if loss + lost <= self.enough:
                raise _Enough
            return
        # Fail first: the fewest branches, and whoever has none ends the search at once.
        j = min(open_sets, key=lambda k: (open_sets[k].size, k))
        mine = self.columns[j]
        others = {k: sets for k, sets in open_sets.items() if k != j}
        rest = sum(least.values()) - least[j]
        for position in open_sets[j].tolist():
            here = loss + int(mine.loss[position])
            if here + rest + lost > self.gamma:
                break
            self.control.check()
            mask = mine.mask[position]
            child: dict[int, np.ndarray] = {}
            for k, sets in others.items():
                if self.alike[k] == self.alike[j]:
                    # Those with the same sets choose in the order of their lists: of m! equal packings one is left. Only the empty set serves twice.
                    after = position if not mask.any() else position + 1
                    sets = sets[np.searchsorted(sets, after) :]
                theirs = self.columns[k]
                room = self.gamma - here - rest + least[k]
                sets = sets[: np.searchsorted(theirs.loss[sets], room, side="right")]
                sets = sets[~(theirs.mask[sets] & mask).any(axis=1)]
                child[k] = sets
                if not sets.size:
                    break
            else:
                self.stack[j] = position
                self.visit(child, here, used | mask)

    def _missing(self, words: np.ndarray) -> int:
        if not words.any():
            return 0
        return sum(self.left_out[_positions(words, self.left_out.size)].tolist())


def _bits(flags: np.ndarray, words: int) -> np.ndarray:
    """Pack booleans into 64-bit words, the first into the lowest bit."""
    packed = np.zeros(words, dtype=np.uint64)
    for position in np.flatnonzero(flags).tolist():
        packed[position >> 6] |= np.uint64(1 << (position & 63))
    return packed


def _positions(words: np.ndarray, size: int) -> np.ndarray:
    """Positions of the bits set, in order."""
    flags = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little")[:size]
    return np.flatnonzero(flags)


def workers_in(mask: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Workers of a set."""
    return core[_positions(mask, core.size)]

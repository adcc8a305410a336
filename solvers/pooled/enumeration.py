"""Exhaustive search over the core: every set of flips whose loss stays below a limit.

The flips are cut into two halves, the sets of each are listed as states (money, score, loss, count), and the halves are joined by a
binary search for the most money the other half may use. `plain` lists in plain Python, `merging` compiled: some six times as fast from
ten thousand states on, once numba is loaded, but for 64-bit integers and a free total count alone. Money and score are exact integers
in the units of the problem; the loss is a floating-point *lower* estimate, used only to discard what is above the limit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from .flips import EnumerationTooLarge, FlipProblem
from .merging import START_UP, MergeSearch, compiled_extend
from .plain import PlainSearch

ROUNDING_SLACK = 1e-9
"""Relative slack on the loss limit: far above what rounding can do to a sum of nonnegative floats, so nothing is lost."""

LOSS_STEEPNESS = 6.0
"""How much less a flip adds to the number of sets if it loses as much as the limit: a factor of ``exp(-LOSS_STEEPNESS)``."""

LEAST = 1000
"""Searches with no more states than this run in plain Python even where the compiled search is ready: a call of it takes as long."""


def best_flips(
    flips: FlipProblem,
    limit: float,
    most_states: int = 20_000_000,
    control: Control | None = None,
) -> tuple[int, NDArray] | None:
    """Find the flips of largest total score among those of loss at most `limit` that meet every condition.

    Parameters
    ----------
    flips : FlipProblem
    limit : float
        Sets of flips with a larger loss need not be found.
    most_states : int
        How many states may be made.
    control : Control, optional
        Looked at now and then.

    Returns
    -------
    (int, ndarray) or None
        The gain in score and the flips taken, or None if no set qualifies.

    Raises
    ------
    EnumerationTooLarge
        The search was cut short: nothing is proved.
    Stopped
        When time is up.
    """
    control = control or Control()
    halves, split = _halves(flips, limit)
    above = limit * (1 + ROUNDING_SLACK)
    compiles = flips.count_room is None and object not in (flips.money.dtype, flips.score.dtype)
    kernel = compiled_extend(0) if compiles else None
    # Where numba may yet be started, plain Python goes on for as long as that takes.
    first = min(most_states, LEAST if kernel is not None else START_UP if compiles else most_states)
    search = PlainSearch(flips, above, first, control)
    try:
        return search.run(halves, split)
    except EnumerationTooLarge:
        if most_states <= first:
            raise
    finally:
        # Small searches do not count: they stay in plain Python whatever is loaded.
        if compiles and kernel is None and (made := first - search.left) > LEAST:
            compiled_extend(made)
    kernel = kernel or compiled_extend(0)
    if kernel is None:
        return PlainSearch(flips, above, most_states, control).run(halves, split)
    return MergeSearch(flips, above, most_states, control, kernel).run(halves, split)


def _halves(flips: FlipProblem, limit: float) -> tuple[list[list[tuple[int | None, list[int]]]], int | None]:
    """Cut the flips into two halves of (group, items) blocks; one dominant group may lie in both.

    The halves should have as many flip sets of a loss within the limit: a flip that loses little is in more of them.
    """
    blocks: dict[int | None, list[int]] = {}
    order = np.argsort(flips.loss, kind="stable").tolist()
    weight = np.log1p(np.exp(-LOSS_STEEPNESS * flips.loss / (limit if limit > 0 else 1.0))).tolist()
    for item in order:
        group = int(flips.groups[item])
        blocks.setdefault(group if group in flips.room else None, []).append(item)
    halves: list[list[tuple[int | None, list[int]]]] = [[], []]
    sizes = [0.0, 0.0]

    def put(side: int, items: list[int]) -> None:
        sizes[side] += sum(weight[i] for i in items)

    free = blocks.pop(None, [])
    split = None
    ordered = sorted(blocks, key=lambda g: -sum(weight[i] for i in blocks[g]))
    if ordered and flips.count_room is None and 2 * len(blocks[ordered[0]]) > len(order):
        # Left whole, it would make one half as long as no halving at all; its count is a key in both, checked when they are joined.
        split = ordered.pop(0)
        for side in (0, 1):
            items = blocks[split][side::2]
            halves[side].append((split, items))
            put(side, items)
    for group in ordered:
        side = int(sizes[1] < sizes[0])
        halves[side].append((group, blocks[group]))
        put(side, blocks[group])
    sides: tuple[list[int], list[int]] = ([], [])
    for item in free:
        side = int(sizes[1] < sizes[0])
        sides[side].append(item)
        put(side, [item])
    for side in (0, 1):
        if sides[side]:
            halves[side].append((None, sides[side]))
    return halves, split

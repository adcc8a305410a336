"""The exact method for OPT-SEP: pooled optimum and split, then searches by loss against dual bounds.

0. Where workers are of few kinds, or few, counting them by kind gives the optimum at once, or a bound if groups have to be merged
   for that (`by_kind`).
1. The pooled optimum bounds the separate one. If its workers can be split over the requesters, both are equal.
2. Every allocation hires a set that one purse could pay for. Those sets are listed by falling value, and whether one can be
   split is decided exactly (`exact_split`): the first that can is optimal. Where few sets lie above the optimum this is all.
3. Rational multipliers give a bound against which every allocation has an exact, additive loss. For a growing limit on the
   loss, all worker sets each requester can have are listed and packed (`columns`, `packing`). A pass without a packing lowers
   the bound by its limit; a pass with one ends with the optimum.
4. The same with a price for every worker instead (`worker_prices`): this bound sees that a requester with few slots cannot
   spend its money to the last unit.
5. Branch and bound on who is hired by which block of requesters, a block sharing one purse (`block_tree`): where requesters have few
   slots each, and most of them about as many.
6. In between, exchanges among a few requesters (`exchange`), and refilling one at a time (`refill`), improve the best
   allocation, in the end from several starts. Last, HiGHS takes the pairs that are still of use, and the answer is marked as
   the solver's.

Steps 2 to 4 are tried with short lists first. No step may take more than half of the time left, nor more than `STEP_SECONDS`
seconds, so that a search without a time limit ends too: proved, or with ``node-limit``. Whatever stops the search, the best
allocation and a valid exact bound are returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..control import Control, Stopped
from ..solution import StopReason
from .class_model import improve_by_highs
from .instance import SeparateInstance
from .pooled_relaxation import pooled_optimum
from .steps import SeparateAnswer, Steps

PooledOptimum = Callable[[SeparateInstance, Control], tuple[np.ndarray | None, int, StopReason]]
"""Gives workers to split over the requesters (bool, shape (n,), or None), a bound on OPT-SEP, and why it ended."""

RESTARTS = 8
"""How often exchanges start again before HiGHS is asked."""

FEW_KINDS, MORE_KINDS = (2**14, 2**27), (2**17, 2**32)
"""Entries of a table, and entries looked at, of counting by kind before everything else and after the short lists: a tenth of a
second, and a few."""


MOST_LEAVES = 400
"""Leaves of a proof by blocks, at most: the checker looks at a few hundred blocks in a second."""

SHORT_SECONDS = 2.0
"""Most seconds for splitting pooled sets before anything else is tried."""


def solve_separate(
    instance: SeparateInstance,
    control: Control | None = None,
    pooled: PooledOptimum = pooled_optimum,
    list_limit: int = 1_000_000,
    node_limit: int = 20_000_000,
) -> SeparateAnswer:
    """Solve OPT-SEP.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    control : Control, optional
        Deadline and progress.
    pooled : callable
        See :data:`PooledOptimum`.
    list_limit, node_limit : int
        Most sets of a requester, most nodes of a packing search.

    Returns
    -------
    SeparateAnswer
        Proved, or the best allocation and a valid bound at the time it stopped.
    """
    control = control or Control()
    search = Steps(instance, control)
    answer = search.answer
    try:
        _run(search, pooled, list_limit, node_limit)
    except KeyboardInterrupt:
        answer.stopped = "interrupted"
    search.write_proofs()
    if answer.proved or answer.claimed:
        answer.stopped = "proved"
    elif answer.stopped == "node-limit" and control.expired():
        answer.stopped = "time-limit"
    return answer


def _run(search: Steps, pooled: PooledOptimum, list_limit: int, node_limit: int) -> None:
    instance, control, answer = search.instance, search.control, search.answer
    search.start()
    if answer.proved or _ends(lambda: search.by_kind(*FEW_KINDS)) or control.expired():
        return
    chosen, bound, stopped = pooled(instance, control)
    search.lower(instance.floor(bound), lambda _: None)
    if stopped == "interrupted":
        raise KeyboardInterrupt
    members = np.flatnonzero(chosen) if chosen is not None else None
    if members is not None:
        for seed in range(4):
            search.split(members, 60, seed)
            if answer.proved or control.expired():
                return
    for answer.step, step in _plan(search, members, list_limit, node_limit):
        if control.expired() or _ends(step):
            return
    if control.expired():
        return
    answer.step = "highs"
    # Nothing comes after it: all the time that is left.
    found = improve_by_highs(instance, search.share(1.0), answer.value, search.open_pairs())
    if found.assignment is not None:
        search.offer(found.assignment)
    answer.claimed = found.claimed
    if found.stopped == "interrupted":
        raise KeyboardInterrupt


def _plan(
    search: Steps, members: np.ndarray | None, list_limit: int, node_limit: int
) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield the steps in their order, each with its name."""
    instance = search.instance
    # What short lists do not close needs a better allocation before longer ones: they shrink with what is known.
    short, few = min(20_000, list_limit), min(300, node_limit)

    def by_loss_at_first() -> bool:
        search.prepare()
        return search.answer.proved or search.by_loss(short, few)

    def by_prices_at_first() -> bool:
        return search.find_prices() or search.by_prices(short, min(2000, node_limit))

    yield "pooled sets", lambda: search.by_pooled_sets(200, short, min(2000, node_limit), SHORT_SECONDS)
    yield "search", by_loss_at_first
    # Where the prices of purses say little, as against seat limits, those of the workers go first.
    coarse = instance.seats_bind
    if not coarse:
        yield "search", lambda: search.exchange(search.answer.assignment, 0, instance.m)
        coarse = search.gap_is_coarse()
    if coarse:
        yield "prices", by_prices_at_first
        yield "prices", lambda: search.by_prices(min(5 * short, list_limit), min(10**6, node_limit))
    yield "search", lambda: search.exchange(search.answer.assignment, 1)
    if not coarse:
        yield "prices", by_prices_at_first
    yield "prices", lambda: search.exchange(search.priced, 0, instance.m)
    yield "prices", lambda: search.by_prices(short, min(2000, node_limit))
    yield "kinds", lambda: search.by_kind(*MORE_KINDS)
    if not instance.seats_bind:
        yield "blocks", lambda: search.by_blocks(MOST_LEAVES)
    long: list[tuple[str, Callable[[], bool]]] = [
        ("pooled sets", lambda: search.by_pooled_sets(5000, list_limit, node_limit)),
        ("search", lambda: search.by_loss(list_limit, node_limit)),
        ("prices", lambda: search.by_prices(list_limit, node_limit)),
    ]
    yield from reversed(long) if coarse else long
    for seed in range(1, 1 + RESTARTS):
        yield "search", lambda seed=seed: _restart(search, members, seed)
        if not instance.seats_bind:
            # With a better allocation there is less to look at.
            yield "blocks", lambda: search.by_blocks(MOST_LEAVES)


def _ends(step: Callable[[], bool]) -> bool:
    """Whether a step ends the search; one that is stopped leaves what it found, and does not."""
    try:
        return step()
    except Stopped:
        return False


def _restart(search: Steps, members: np.ndarray | None, seed: int) -> bool:
    """Exchanges from the best allocation, or from a new split of the pooled optimum."""
    start = search.answer.assignment
    if members is not None and seed % 2 == 0:
        start = search.split(members, 60, 10 + seed)
    return search.answer.proved or search.exchange(start, seed)

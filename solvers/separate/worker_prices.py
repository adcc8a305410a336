"""A price for every worker, and the bound it gives: what the workers cost, and the best each requester makes at these prices.

For any prices ``u_i >= 0`` the optimum is at most

    ``sum_i u_i + sum_j max { sum_{i in S} (v_i - u_i) : S a set that requester j can have }``

(Lagrangian duality on the workers instead of the purses, after Dantzig and Wolfe). The maxima are knapsacks of one requester,
solved in integers; so the bound sees that a requester with few slots cannot spend its money to the last unit. An allocation loses,
exactly, what each requester's set falls short of its maximum, and the price of every worker left out. The prices come from
a linear program over sets that is extended by the best sets at its own prices; they are only suggestions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum, linear_combination
from ..control import Control, Stopped
from .columns import (
    Columns,
    TooManyColumnsError,
    core_of,
    list_columns,
)
from .instance import SeparateInstance
from .multipliers import PurseMultipliers, find_multipliers
from .one_requester import OneRequester
from .packing import workers_in
from .set_program import SetProgram

BITS = 10
"""Prices are multiples of ``2**-BITS``."""

ROUNDS = 400
"""Most rounds of the linear program."""

SET_SECONDS = 0.2
"""Most seconds for one requester's best set; after that its bound counts, unless few sets are better than the one found."""

FEW_SETS = 300_000
"""So many are listed."""


@dataclass(frozen=True)
class WorkerPrices:
    """Prices and what follows from them.

    Attributes
    ----------
    denominator : int
        All other numbers are multiples of ``1 / denominator``.
    price : ndarray, shape (n,)
        Of each worker; less than its score.
    best : list of int, length m
        At least what each requester can make at these prices.
    """

    denominator: int
    price: np.ndarray
    best: list[int]

    @property
    def total(self) -> int:
        """The bound on the optimum, times the denominator."""
        return exact_sum(self.price) + sum(self.best)


def alone(instance: SeparateInstance, requester: int, scores: np.ndarray) -> SeparateInstance:
    """Return the market of one requester alone, with other scores."""
    return SeparateInstance(
        scores,
        instance.costs,
        instance.groups,
        instance.caps[:, [requester]],
        instance.seats[[requester]],
        (instance.budgets[requester],),
    )


def find_worker_prices(
    instance: SeparateInstance,
    start: Sequence[Fraction],
    assignment: np.ndarray,
    alike: list[int],
    control: Control,
    floor: int,
    requesters: Mapping[int, OneRequester],
) -> WorkerPrices | None:
    """Look for the prices with the least bound.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    start : list of Fraction, length n
        Prices to begin with, in units of score.
    assignment : ndarray of int64, shape (n,)
        A feasible allocation.
    alike : list of int
        For each requester the first one with the same budget, caps and seats.
    control : Control
        Deadline.
    floor : int
        A value attained already: a bound below the next one ends the search.
    requesters : mapping
        One of like requesters each.

    Returns
    -------
    WorkerPrices or None
        None if there was not even time for the first bound.
    """
    # Requesters that are alike are one kind of buyer: what one of them can have, each can.
    kinds = {j: k for k, j in enumerate(sorted(set(alike)))}
    master = SetProgram(instance.scores, [alike.count(j) for j in kinds])
    for j in range(instance.m):
        master.add(kinds[alike[j]], np.flatnonzero(assignment == j))
    one = 1 << BITS
    most = above_price(instance, np.ones(instance.n, dtype=np.int64))
    prices = best = rounded_prices(start, most)
    found: WorkerPrices | None = None
    for _ in range(ROUNDS):
        made, fresh, worth = [0] * instance.m, False, above_price(instance, prices)
        for j, twin in enumerate(alike):
            if twin != j:
                made[j] = made[twin]
                continue
            try:
                control.check()
                made[j], members = _best_set(requesters[j], worth, control)
            except Stopped:
                return found
            fresh |= master.add(kinds[j], members)
        here = WorkerPrices(one, prices, made)
        if found is None or here.total < found.total:
            found, best = here, prices
        solved = master.solve(control)
        if solved is None:
            return found
        value, dual = solved
        ideal = rounded_prices(dual, most)
        if found.total < one * (floor + instance.unit) or found.total <= one * (value + Fraction(instance.unit, 2)):
            return found
        if not fresh and (prices == ideal).all():
            return found
        # Halfway to the best known: the program's own prices leap from corner to corner while sets are missing.
        prices = ideal if not fresh else np.minimum((best + ideal) // 2, most)
    return found


def rounded_prices(prices: Sequence[Fraction], most: np.ndarray) -> np.ndarray:
    """Prices as integers over ``2**BITS``, none negative and none above `most`."""
    whole = [min(max(0, round(price * (1 << BITS))), limit) for price, limit in zip(prices, most.tolist(), strict=True)]
    return np.array(whole, dtype=most.dtype)


def _best_set(one: OneRequester, worth: np.ndarray, control: Control) -> tuple[int, np.ndarray]:
    """What one requester can make at most, workers being worth what they are above their prices, and a set that makes as much or nearly."""
    bound, members, best = one.best(worth, None, control.capped(SET_SECONDS))
    if best:
        return bound, members
    # Few sets may be better than the one found: all of them can be listed.
    market = alone(one.instance, one.requester, worth)
    multipliers = find_multipliers(market, control.capped(SET_SECONDS))
    value = exact_sum(worth[members])
    gamma = multipliers.total - multipliers.denominator * (value + 1)
    pairs = core_of(multipliers, market, gamma)
    core = np.flatnonzero(pairs[:, 0])
    try:
        better = list_columns(market, multipliers, 0, pairs, core, gamma, FEW_SETS, control)
    except TooManyColumnsError:
        return bound, members
    if not better.loss.size:
        return value, members
    most = (multipliers.total - int(better.loss[0])) // multipliers.denominator
    return most, workers_in(better.mask[0], core)


def above_price(instance: SeparateInstance, prices: np.ndarray) -> np.ndarray:
    """What each worker is worth above its price."""
    return linear_combination((1 << BITS, instance.scores), (-1, prices))


def allocate_at(
    instance: SeparateInstance,
    prices: WorkerPrices,
    alike: list[int],
    requesters: Mapping[int, OneRequester],
    control: Control,
) -> np.ndarray:
    """Let one requester after the other, those with the fewest slots first, take the best free set at these prices.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    prices : WorkerPrices
    alike : list of int
        For each requester the first one with the same budget, caps and seats.
    requesters : mapping
        One of like requesters each.
    control : Control
        Deadline.

    Returns
    -------
    ndarray of int64, shape (n,)
        A feasible allocation.
    """
    assignment, worth = np.full(instance.n, -1, dtype=np.int64), above_price(instance, prices.price)
    slots = np.minimum(instance.caps.sum(axis=0), instance.seats)
    for j in np.argsort(slots, kind="stable").tolist():
        if not control.expired():
            _, members, _ = requesters[alike[j]].best(worth, assignment < 0, control.capped(SET_SECONDS))
            assignment[members] = j
    return assignment


def price_purses(
    instance: SeparateInstance, prices: WorkerPrices, alike: list[int], control: Control
) -> dict[int, tuple[SeparateInstance, PurseMultipliers]]:
    """Return the market of each requester alone at the workers' prices, one of like ones, and its own multipliers."""
    rest = above_price(instance, prices.price)
    markets = {j: alone(instance, j, rest) for j in sorted(set(alike))}
    return {j: (market, find_multipliers(market, control)) for j, market in markets.items()}


def list_priced(
    instance: SeparateInstance,
    prices: WorkerPrices,
    purses: Mapping[int, tuple[SeparateInstance, PurseMultipliers]],
    requesters: Mapping[int, OneRequester],
    alike: list[int],
    gamma: int,
    limit: int,
    control: Control,
) -> tuple[list[Columns], np.ndarray]:
    """List every set that a requester can have in an allocation of loss at most `gamma`.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers.
    prices : WorkerPrices
        What the loss is measured against.
    purses : mapping
        As of :func:`price_purses`.
    requesters : mapping
        One of like requesters each.
    alike : list of int
        For each requester the first one with the same budget, caps and seats.
    gamma : int
        Largest loss, over the prices' denominator.
    limit : int
        As of :func:`.columns.list_columns`.
    control : Control
        Deadline.

    Returns
    -------
    columns : list of Columns
        By requester, the losses over the prices' denominator.
    core : ndarray of int64
        Workers that have a bit in the masks; nobody else is in any set.

    Raises
    ------
    TooManyColumnsError
        If there are more than `limit`.
    Stopped
        At the deadline.
    """
    tasks: dict[int, tuple] = {}
    for j, (market, multipliers) in purses.items():
        listed = requesters[j].near(market.scores, max(0, prices.best[j] - gamma), limit, control)
        if listed is not None:
            tasks[j] = listed
            continue
        # The requester's own linear bound is above what it can make; a set may lose that much more against it.
        spare = multipliers.total - multipliers.denominator * prices.best[j]
        # No set loses more than all there is.
        most = min(multipliers.denominator * gamma + spare, multipliers.total)
        tasks[j] = market, multipliers, spare, most, core_of(multipliers, market, most)
    open_to = np.zeros(instance.n + 1, dtype=bool)
    for task in tasks.values():
        open_to[np.unique(task[0]) if len(task) == 2 else np.flatnonzero(task[4][:, 0])] = True
    core = np.flatnonzero(open_to[: instance.n])
    columns: list[Columns] = []
    for j, twin in enumerate(alike):
        if twin != j:
            columns.append(columns[twin])
        elif len(tasks[j]) == 2:
            columns.append(_columns_of(tasks[j][0], tasks[j][1], prices.best[j], core, limit))
        else:
            market, multipliers, spare, most, pairs = tasks[j]
            if most < 0:
                columns.append(
                    Columns(np.zeros(0, dtype=np.int64), np.zeros((0, (core.size + 63) // 64), dtype=np.uint64))
                )
                continue
            found = list_columns(market, multipliers, 0, pairs, core, most, limit, control)
            columns.append(Columns((found.loss - spare) // multipliers.denominator, found.mask))
    return columns, core


def _columns_of(sets: np.ndarray, total: np.ndarray, best: int, core: np.ndarray, limit: int) -> Columns:
    """Write sets by rows of workers as masks over the core."""
    if len(sets) > limit:
        raise TooManyColumnsError
    order = np.argsort(-total, kind="stable")
    mask = np.zeros((len(sets), (core.size + 63) // 64), dtype=np.uint64)
    for column in sets[order].T:
        held = np.flatnonzero(np.isin(column, core))
        at = np.searchsorted(core, column[held])
        mask[held, at >> 6] |= np.uint64(1) << (at & 63).astype(np.uint64)
    return Columns(best - total[order], mask)

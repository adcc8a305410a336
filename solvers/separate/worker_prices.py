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
from ..control import Control
from ..highs.interface import checked, load_highs, make_highs
from ..highs.run import run_lp
from ..pooled import PooledProblem, solve_pooled
from .columns import (
    Columns,
    TooManyColumnsError,
    core_of,
    list_columns,
)
from .instance import SeparateInstance
from .multipliers import Multipliers, find_multipliers
from .packing import workers_in

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
) -> WorkerPrices | None:
    """Look for the prices with the least bound.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers; no seat limit binds.
    start : list of Fraction, length n
        Prices to begin with, in units of score.
    assignment : ndarray of int64, shape (n,)
        A feasible allocation.
    alike : list of int
        For each requester the first one with the same budget and caps.
    control : Control
        Deadline.
    floor : int
        A value attained already: a bound below the next one ends the search.

    Returns
    -------
    WorkerPrices or None
        None if there was not even time for the first bound.
    """
    master = _Master(instance, alike)
    for j in range(instance.m):
        master.add(alike[j], np.flatnonzero(assignment == j))
    one = 1 << BITS
    most = above_price(instance, np.ones(instance.n, dtype=np.int64))
    prices = best = _rounded(start, most)
    found: WorkerPrices | None = None
    for _ in range(ROUNDS):
        made, fresh = [0] * instance.m, False
        for j, twin in enumerate(alike):
            if twin != j:
                made[j] = made[twin]
                continue
            if control.expired():
                return found
            made[j], members = _best_set(instance, j, prices, control)
            fresh |= master.add(j, members)
        here = WorkerPrices(one, prices, made)
        if found is None or here.total < found.total:
            found, best = here, prices
        solved = master.solve(control)
        if solved is None:
            return found
        worth, dual = solved
        ideal = _rounded(dual, most)
        if found.total < one * (floor + instance.unit) or found.total <= one * (worth + Fraction(instance.unit, 2)):
            return found
        if not fresh and (prices == ideal).all():
            return found
        prices = ideal if not fresh else np.minimum((best + ideal) // 2, most)
    return found


def _rounded(prices: Sequence[Fraction], most: np.ndarray) -> np.ndarray:
    """Prices as integers over ``2**BITS``, none negative and none above `most`."""
    whole = [min(max(0, round(price * (1 << BITS))), limit) for price, limit in zip(prices, most.tolist(), strict=True)]
    return np.array(whole, dtype=most.dtype)


def _best_set(
    instance: SeparateInstance, requester: int, prices: np.ndarray, control: Control, free: np.ndarray | None = None
) -> tuple[int, np.ndarray]:
    """What one requester can make at most of the free workers (all), and a set that makes as much or nearly."""
    eligible = instance.eligible[:, requester]
    able = np.flatnonzero(eligible if free is None else eligible & free)
    problem = PooledProblem.of(
        above_price(instance, prices)[able],
        instance.costs[able],
        instance.groups[able],
        instance.caps[:, requester].tolist(),
        instance.budgets[requester],
    )
    inner = control.capped(SET_SECONDS)
    found = solve_pooled(problem, inner.deadline)
    if found.stopped == "interrupted":
        raise KeyboardInterrupt
    if found.proved:
        return found.value, able[found.chosen]
    bound = found.bound.numerator // found.bound.denominator
    if free is not None:
        return bound, able[found.chosen]
    # A requester of few slots has few sets: all that are better can be listed.
    market = alone(instance, requester, above_price(instance, prices))
    multipliers = find_multipliers(market, inner)
    gamma = multipliers.total - multipliers.denominator * (found.value + 1)
    pairs = core_of(multipliers, market, gamma)
    core = np.flatnonzero(pairs[:, 0])
    try:
        better = list_columns(market, multipliers, 0, pairs, core, gamma, FEW_SETS, control)
    except TooManyColumnsError:
        return bound, able[found.chosen]
    if not better.loss.size:
        return found.value, able[found.chosen]
    best = (multipliers.total - int(better.loss[0])) // multipliers.denominator
    return best, workers_in(better.mask[0], core)


def above_price(instance: SeparateInstance, prices: np.ndarray) -> np.ndarray:
    """What each worker is worth above its price."""
    return linear_combination((1 << BITS, instance.scores), (-1, prices))


def allocate_at(instance: SeparateInstance, prices: WorkerPrices, control: Control) -> np.ndarray:
    """Let one requester after the other, those with the fewest slots first, take the best free set at these prices.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers; no seat limit binds.
    prices : WorkerPrices
    control : Control
        Deadline.

    Returns
    -------
    ndarray of int64, shape (n,)
        A feasible allocation.
    """
    assignment = np.full(instance.n, -1, dtype=np.int64)
    for j in np.argsort(instance.caps.sum(axis=0), kind="stable").tolist():
        if not control.expired():
            _, members = _best_set(instance, j, prices.price, control, assignment < 0)
            assignment[members] = j
    return assignment


class _Master:
    """The linear program over the sets found so far, by HiGHS: one row for each worker and each kind of requester."""

    def __init__(self, instance: SeparateInstance, alike: list[int]) -> None:
        highspy = load_highs()
        self.instance, self.known = instance, set()
        self.kinds = {j: k for k, j in enumerate(sorted(set(alike)))}
        self.unit = 1 + int(instance.scores.max(initial=0)) // 2**20
        self.highs = make_highs()
        checked(self.highs.changeObjectiveSense(highspy.ObjSense.kMaximize), "to maximise")
        for limit in [1.0] * instance.n + [float(alike.count(j)) for j in self.kinds]:
            checked(self.highs.addRow(-highspy.kHighsInf, limit, 0, [], []), "a row")

    def add(self, requester: int, members: np.ndarray) -> bool:
        """Add a set of workers; whether it is new."""
        key = (requester, members.tobytes())
        if key in self.known or not members.size:
            return False
        self.known.add(key)
        rows = np.append(members, self.instance.n + self.kinds[requester]).astype(np.int32)
        worth = exact_sum(self.instance.scores[members]) / self.unit
        checked(self.highs.addCol(worth, 0.0, float("inf"), rows.size, rows, np.ones(rows.size)), "a column")
        return True

    def solve(self, control: Control) -> tuple[Fraction, list[Fraction]] | None:
        """The optimum over these sets and the workers' duals; None if HiGHS did not get there."""
        run = run_lp(self.highs, control)
        if run is None or not run.optimal:
            return None
        prices = run.prices[: self.instance.n].tolist()
        return Fraction(run.value) * self.unit, [Fraction(price) * self.unit for price in prices]


def price_purses(
    instance: SeparateInstance, prices: WorkerPrices, alike: list[int], control: Control
) -> dict[int, tuple[SeparateInstance, Multipliers]]:
    """Return the market of each requester alone at the workers' prices, one of like ones, and its own multipliers."""
    rest = above_price(instance, prices.price)
    markets = {j: alone(instance, j, rest) for j in sorted(set(alike))}
    return {j: (market, find_multipliers(market, control)) for j, market in markets.items()}


def list_priced(
    instance: SeparateInstance,
    prices: WorkerPrices,
    purses: Mapping[int, tuple[SeparateInstance, Multipliers]],
    alike: list[int],
    gamma: int,
    limit: int,
    control: Control,
) -> tuple[list[Columns], np.ndarray]:
    """List every set that a requester can have in an allocation of loss at most `gamma`.

    Parameters
    ----------
    instance : SeparateInstance
        The market in integers; no seat limit binds.
    prices : WorkerPrices
        What the loss is measured against.
    purses : mapping
        As of :func:`price_purses`.
    alike : list of int
        For each requester the first one with the same budget and caps.
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
        # The requester's own linear bound is above what it can make; a set may lose that much more against it.
        spare = multipliers.total - multipliers.denominator * prices.best[j]
        # No set loses more than all there is.
        most = min(multipliers.denominator * gamma + spare, multipliers.total)
        tasks[j] = market, multipliers, spare, most, core_of(multipliers, market, most)
    core = np.flatnonzero(np.any([task[4][:, 0] for task in tasks.values()], axis=0)) if tasks else np.zeros(0, int)
    columns: list[Columns] = []
    for j, twin in enumerate(alike):
        if twin != j:
            columns.append(columns[twin])
            continue
        market, multipliers, spare, most, pairs = tasks[j]
        if most < 0:
            listed = np.zeros(0, dtype=np.int64), np.zeros((0, (core.size + 63) // 64), dtype=np.uint64)
            columns.append(Columns(*listed))
            continue
        found = list_columns(market, multipliers, 0, pairs, core, most, limit, control)
        columns.append(Columns((found.loss - spare) // multipliers.denominator, found.mask))
    return columns, core

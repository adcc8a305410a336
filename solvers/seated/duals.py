"""OPT's Lagrangian bound under seat limits, with exact multipliers that prove it.

Dualise the pooled budget with ``lambda = N / D >= 0``.  What is left is ORP with the integer weights
``w_i = D v_i - N c_i``, solved by the matroid greedy.  The greedy also gives the rest of the dual: the groups that
were blocked first, second, ... form a chain of tight sets ``A_1 < A_2 < ...``; with ``mu_l`` the weight of the worker
whose refusal blocked group ``l`` (0 if none did), the multipliers ``y_e = mu_e - mu_(e+1) >= 0`` of the chain satisfy

    D v(S) = bound - loss(S),    bound = N B + sum_e y_e f(A_e) + sum_i max(0, p_i),    p_i = w_i - mu_g(i),
    loss(S) = N (B - c(S)) + sum_e y_e (f(A_e) - |S in A_e|) + sum of |p_i| over workers on the wrong side of p_i = 0.

For a feasible ``S`` every term of the loss is nonnegative, so ``bound / D`` holds whatever ``lambda`` is, and a worker
with ``|p_i|`` above the loss of a known point is on its side of ``p_i = 0`` in every better one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum, integer_columns, linear_combination
from ...models.procurement.market import Market
from ..control import Control
from ..placement.orp_seats import Basis, best_placeable_set
from ..placement.polymatroid import rank
from ..pooled.leaf_multipliers import LeafMultipliers

_WEIGHT_BITS = 52
"""Losses of some hundred workers then still fit 64 bits."""

_ROUNDED_BELOW = 2**36
"""Scores or costs at least this large leave a rounded price too few bits: the weights may be Python integers then."""

_SAMPLE = 2**14


@dataclass(frozen=True)
class SeatMarket:
    """The plain integers of one pooled market with seats.

    Attributes
    ----------
    scores, costs : integer ndarray, shape (n,)
        ``v > 0`` and ``c >= 0``; both int64, or both Python integers.
    groups : ndarray of int64, shape (n,)
        Group of each worker.
    budget : int
        ``B``.
    caps, seats : ndarray of int64, shapes (L, m) and (m,)
        ``tau`` and ``s``.
    most : int or None
        A number of workers that no affordable placeable set exceeds; tightens every bound (see :func:`most_workers`).
    """

    scores: NDArray
    costs: NDArray
    groups: NDArray[np.int64]
    budget: int
    caps: NDArray[np.int64]
    seats: NDArray[np.int64]
    most: int | None = None

    def __post_init__(self) -> None:
        scores, costs = integer_columns(self.scores, self.costs)
        # More than everybody costs is never spent; a budget of any size then fits where the costs do.
        budget = min(self.budget, exact_sum(costs))
        for name, value in (("scores", scores), ("costs", costs), ("budget", budget)):
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, market: Market) -> SeatMarket:
        """Take what is needed of a market whose costs are known."""
        return cls(
            market.scaled.scores,
            market.scaled.needed_costs,
            market.group_of,
            market.scaled.total_budget,
            market.caps,
            market.seats,
        )

    def value(self, chosen: NDArray[np.intp]) -> int:
        """Total score of some workers."""
        return exact_sum(self.scores[chosen])

    def cost(self, chosen: NDArray[np.intp]) -> int:
        """Total cost of some workers."""
        return exact_sum(self.costs[chosen])


@dataclass(frozen=True)
class SeatDuals:
    """A bound on OPT with its multipliers, all in units of ``1 / denominator`` of a score unit.

    Attributes
    ----------
    multiplier : int
        ``N``: the price of budget is ``N / D``.
    denominator : int
        ``D``.
    chain : list of ndarray of intp
        The groups that join the tight set at each step: ``A_e`` is the union of the first ``e`` entries.
    prices : list of int
        ``y_e``, one per entry of the chain.
    reduced : integer ndarray, shape (n,)
        ``p_i``.
    bound : int
        No feasible set has ``D * value`` above it.
    reference : ndarray of intp
        A placeable set of loss ``N * (B - cost)``; its cost may exceed the budget.
    """

    multiplier: int
    denominator: int
    chain: list[NDArray[np.intp]]
    prices: list[int]
    reduced: NDArray
    bound: int
    reference: NDArray[np.intp]


def most_workers(market: SeatMarket) -> int:
    """Return the largest number of workers that can be placed within the budget.

    The cheapest placeable sets of every size are the prefixes of the matroid greedy by cost.  ``|S| <= most`` is thus a
    valid cut: it changes no optimum, and closes most of the gap where all workers are about equally good value and the
    budget, not caps or seats, limits their number.
    """
    if not len(market.costs):
        return 0
    basis = best_placeable_set(int(market.costs.max()) + 1 - market.costs, market.groups, market.caps, market.seats)
    spent = np.cumsum(np.sort(market.costs[basis.chosen]))
    return int((spent <= market.budget).sum())


def multipliers(market: SeatMarket, duals: SeatDuals) -> tuple[LeafMultipliers, ...]:
    """Write the bound as leaves of a certificate.

    The price of the size cut, if it has one, goes to the count of workers: one leaf holds the sets that the cut admits,
    a second one shows that nobody can afford more, with the cheapest set one larger.

    Parameters
    ----------
    market : SeatMarket
        With the ``most`` that `duals` were computed with.
    duals : SeatDuals

    Returns
    -------
    tuple of LeafMultipliers
    """
    n, everyone = len(market.scores), np.ones(len(market.caps), dtype=bool)
    limits = [0] * len(market.caps)
    for members, y in zip(reversed(duals.chain), accumulate(reversed(duals.prices)), strict=True):
        for group in members.tolist():
            limits[group] = y
    most = market.most
    cut = most is not None and most < rank(market.caps, market.seats, everyone)
    count = duals.prices[-1] if cut and duals.chain and sum(map(len, duals.chain)) == len(limits) else 0
    held = LeafMultipliers(
        0,
        n if most is None or not count else most,
        duals.denominator,
        duals.multiplier,
        count,
        tuple(limit - count for limit in limits),
    )
    if most is None or not count:
        return (held,)
    # The second leaf: `most` + 1 workers cost more than there is, and the greedy by cost proves it by its own multipliers.
    beyond = best_placeable_set(
        int(market.costs.max()) + 1 - market.costs, market.groups, market.caps, market.seats, most + 1
    )
    last = int(market.costs[beyond.chosen].max())
    # A margin of (last - cost) each worker: its best total over placeable sets is reached by the cheapest set of this size.
    margins = _ranked(replace(market, most=None), last - market.costs)
    stopped = margins.blocked_by >= 0
    mu = np.zeros(len(limits), dtype=object)
    mu[stopped] = [last - int(market.costs[i]) for i in margins.blocked_by[stopped]]
    # Times this, the money that set lacks outweighs all scores together.
    times = exact_sum(market.scores) + 1
    return held, LeafMultipliers(most + 1, n, 1, times, -times * last, tuple(times * int(y) for y in mu))


def _weights(market: SeatMarket, price: Fraction) -> NDArray:
    return linear_combination((price.denominator, market.scores), (-price.numerator, market.costs))


def _representable(market: SeatMarket, price: Fraction) -> Fraction:
    """Round ``lambda`` so that the weights are short, unless that leaves it too few bits; the bound is right either way."""
    top = max(int(market.scores.max()), int(market.costs.max()))
    if top >= _ROUNDED_BELOW:
        return price
    top = max(int(market.scores.max()), int(price * int(market.costs.max())) + 1)
    return price.limit_denominator(max(1, 2**_WEIGHT_BITS // top))


def _ranked(market: SeatMarket, weights: NDArray) -> Basis:
    return best_placeable_set(weights, market.groups, market.caps, market.seats, market.most)


def duals_at(market: SeatMarket, price: Fraction, basis: Basis, weights: NDArray) -> SeatDuals:
    """Read the multipliers off a greedy run at ``lambda = price``."""
    mu = np.zeros(len(market.caps), dtype=weights.dtype)
    stopped = basis.blocked_by >= 0
    mu[stopped] = weights[basis.blocked_by[stopped]]
    reduced = weights - mu[market.groups]
    # Groups blocked by the same refusal enter the chain together; later refusals have smaller weights.
    refusals = sorted(set(basis.blocked_by[stopped].tolist()), key=lambda i: -int(weights[i]))
    levels = [int(weights[i]) for i in refusals]
    chain: list[NDArray[np.intp]] = []
    prices: list[int] = []
    for refusal, level in zip(refusals, levels, strict=True):
        members = np.flatnonzero(basis.blocked_by == refusal)
        if chain and prices[-1] == level:
            chain[-1] = np.concatenate([chain[-1], members])
        else:
            chain.append(members)
            prices.append(level)
    prices = [level - below for level, below in zip(prices, [*prices[1:], 0], strict=False)]
    inside = np.zeros(len(market.caps), dtype=bool)
    bound = price.numerator * market.budget + exact_sum(np.maximum(reduced, 0))
    for members, y in zip(chain, prices, strict=True):
        inside[members] = True
        places = rank(market.caps, market.seats, inside)
        bound += y * (places if market.most is None else min(places, market.most))
    return SeatDuals(price.numerator, price.denominator, chain, prices, reduced, bound, basis.chosen)


def lagrangian(
    market: SeatMarket, control: Control, keep: Callable[[NDArray[np.intp]], None] = lambda _: None
) -> tuple[NDArray[np.intp], SeatDuals]:
    """Minimise the Lagrangian bound over ``lambda``.

    Parameters
    ----------
    market : SeatMarket
    control : Control
        Ends the search early; the bound is valid whenever that happens.
    keep : callable
        Given each affordable set that is better than those before it, for whoever has no time to wait for the end.

    Returns
    -------
    (ndarray of intp, SeatDuals)
        The best affordable set met on the way, and the multipliers.

    Notes
    -----
    Each trial ``lambda`` is where the lines of an unaffordable and an affordable set cross (discrete Newton steps
    from both sides), so the search ends at the exact minimiser unless ``lambda`` had to be rounded.
    """
    weights = _weights(market, Fraction(0))
    basis = _ranked(market, weights)
    dear = basis.chosen
    if market.cost(dear) <= market.budget or control.expired():
        free = np.flatnonzero(market.costs == 0)
        start = dear if market.cost(dear) <= market.budget else free[_subset_basis(market, free)]
        return start, duals_at(market, Fraction(0), basis, weights)
    free = np.flatnonzero(market.costs == 0)
    cheap = free[_subset_basis(market, free)]
    best = cheap
    price, seen = Fraction(0), {Fraction(0)}
    hints = _sampled_prices(market, control)
    while not control.expired():
        dear_line = market.value(dear), market.cost(dear)
        cheap_line = market.value(cheap), market.cost(cheap)
        crossing = Fraction(dear_line[0] - cheap_line[0], dear_line[1] - cheap_line[1])
        trial = _representable(market, hints.pop() if hints else max(crossing, Fraction(0)))
        if trial in seen:
            break
        seen.add(trial)
        price, weights = trial, _weights(market, trial)
        basis = _ranked(market, weights)
        value, cost = market.value(basis.chosen), market.cost(basis.chosen)
        if cost <= market.budget and value > market.value(best):
            best = basis.chosen
            keep(best)
        height = value * price.denominator - cost * price.numerator
        if height <= dear_line[0] * price.denominator - dear_line[1] * price.numerator and trial == crossing:
            break
        if cost > market.budget:
            dear = basis.chosen
        else:
            cheap = basis.chosen
    reference = _between(market, weights, cheap, dear, control)
    if market.cost(reference.chosen) <= market.budget and market.value(reference.chosen) > market.value(best):
        best = reference.chosen
    return best, duals_at(market, price, reference, weights)


def _sampled_prices(market: SeatMarket, control: Control) -> list[Fraction]:
    """Guess ``lambda`` from a sample with caps, seats and budget scaled down alike: trial prices around it."""
    n = len(market.scores)
    if n < 8 * _SAMPLE:
        return []
    sample = np.arange(0, n, n // _SAMPLE)
    share = len(sample) / n
    small = SeatMarket(
        market.scores[sample],
        market.costs[sample],
        market.groups[sample],
        market.budget * len(sample) // n,
        np.rint(market.caps * share).astype(np.int64),
        np.rint(market.seats * share).astype(np.int64),
        None if market.most is None else market.most * len(sample) // n,
    )
    _, duals = lagrangian(small, control)
    price = Fraction(duals.multiplier, duals.denominator)
    return [price * Fraction(101, 100), price * Fraction(99, 100)] if price else []


def _subset_basis(market: SeatMarket, workers: NDArray[np.intp]) -> NDArray[np.intp]:
    groups = market.groups[workers]
    return best_placeable_set(market.scores[workers], groups, market.caps, market.seats, market.most).chosen


def _between(
    market: SeatMarket, weights: NDArray, cheap: NDArray[np.intp], dear: NDArray[np.intp], control: Control
) -> Basis:
    """Return a heaviest set whose cost is close to the budget, walking from the cheap one to the dear one through ties.

    Ties in weight go to the first ``t`` workers that only the dear set has, then to the cheap set; ``t = 0`` gives the
    cheap set back and ``t`` large the dear one, so a bisection on ``t`` ends next to the budget.
    """
    only_dear = np.setdiff1d(dear, cheap, assume_unique=True)
    low, high = 0, len(only_dear)
    found = _tied(market, weights, cheap, only_dear[:0])
    while high - low > 1 and not control.expired():
        middle = (low + high) // 2
        basis = _tied(market, weights, cheap, only_dear[:middle])
        if market.cost(basis.chosen) <= market.budget:
            low, found = middle, basis
        else:
            high = middle
    return found


def _tied(market: SeatMarket, weights: NDArray, cheap: NDArray[np.intp], first: NDArray[np.intp]) -> Basis:
    """Greedy by weight, ties to ``first``, then ``cheap``, then the rest; weight 0 only for the preferred."""
    favour = np.zeros(len(weights), dtype=np.int64)
    favour[cheap] = 1
    favour[first] = 2
    # Weights differ by whole numbers: less than four of favour decides among equals and nothing else.
    keys = weights * 4
    keys += favour
    keys[(weights < 0) | ((weights == 0) & (favour == 0))] = 0
    return _ranked(market, keys)

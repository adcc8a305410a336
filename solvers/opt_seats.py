"""OPT with seat limits: dual bound, swaps, and an exact enumeration around the bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log

import numpy as np
from numpy.typing import NDArray

from .seat_core import enumerate_within, flips_within
from .seat_duals import SeatDuals, SeatMarket, lagrangian, most_workers
from .seat_swaps import improve_by_swaps

_FIRST_STATES = 50_000
_MOST_STATES = 2_000_000


@dataclass(frozen=True)
class SeatOptimum:
    """The end of a search.

    Attributes
    ----------
    chosen : ndarray of intp
        The best affordable placeable set found, ascending.
    value : int
        Its score.
    bound : int
        No affordable placeable set scores more.
    proved : bool
        Whether the two meet.
    duals : SeatDuals
        The multipliers behind the bound.
    core : int
        Workers left open by the last enumeration.
    states : int
        Largest number of partial sets held.
    """

    chosen: NDArray[np.intp]
    value: int
    bound: int
    proved: bool
    duals: SeatDuals
    core: int
    states: int


def best_affordable_set(
    market: SeatMarket,
    expired: Callable[[], bool] = lambda: False,
    most_states: int = _MOST_STATES,
) -> SeatOptimum:
    """Solve OPT with seats exactly: the placeable set of largest score within the pooled budget.

    Parameters
    ----------
    market : SeatMarket
    expired : callable
        Asked now and then; once true the search ends with the best point and a valid bound.
    most_states : int
        Partial sets the enumeration may hold before it gives up.

    Returns
    -------
    SeatOptimum

    Notes
    -----
    The Lagrangian bound leaves a gap of about one worker's score.  All sets of loss up to a growing limit are
    enumerated, until the limit meets the loss of the best point known.  Where too many sets are too close to the bound,
    swaps look for a point that meets it.  What was enumerated also sharpens the bound when the search is cut short.
    """
    market = replace(market, most=most_workers(market))
    best, duals = lagrangian(market, expired)
    value = market.value(best)
    covered = limit = -1
    core = states = 0
    step = _unit(market) * duals.denominator
    for allowed in (min(_FIRST_STATES, most_states), most_states):
        # A better set is worth one unit more, so its loss is at least this much smaller.
        while covered < (needed := duals.bound - duals.denominator * value - step) and not expired():
            trial = min(needed, _next_limit(duals, limit, states))
            found = enumerate_within(market, duals, trial, allowed, expired)
            states = max(states, found.states)
            if not found.complete:
                break
            covered = limit = trial
            core = len(flips_within(duals, limit))
            if found.best is not None and market.value(found.best) > value:
                best, value = found.best, market.value(found.best)
        else:
            break
        if allowed < most_states:
            best = improve_by_swaps(market, duals, best, expired)
            value = market.value(best)
    proved = duals.bound - duals.denominator * value - step <= covered
    unseen = (duals.bound - covered - 1) // duals.denominator
    bound = value if proved else max(value, unseen)
    return SeatOptimum(best, value, bound, proved, duals, core, states)


def _unit(market: SeatMarket) -> int:
    """Greatest common divisor of the scores: values of sets are multiples of it."""
    return int(np.gcd.reduce(market.scores)) if len(market.scores) else 1


def _next_limit(duals: SeatDuals, limit: int, states: int) -> int:
    """First limit: about twenty workers in play; then what should multiply the partial sets by about four.

    Their number grows like ``exp(a * sqrt(limit))``, as the number of partitions does.
    """
    if limit >= 0:
        factor = (1 + log(4) / log(max(states, 4))) ** 2
        return int(limit * Fraction(factor).limit_denominator(100)) + 1
    sizes = np.abs(duals.reduced)
    nth = min(20, len(sizes) - 1)
    return int(np.partition(sizes, nth)[nth]) if len(sizes) else 0

"""OPT with seat limits: dual bound, exact enumeration around it, swaps, and HiGHS for what is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import log

import numpy as np
from numpy.typing import NDArray

from ...models.exact import exact_sum
from ...models.procurement.market import Market
from ..control import Control, StopReason
from ..placement.matroid import route
from ..placement.polymatroid import counts_fit, rank
from ..pooled import PooledProblem, solve_pooled
from ..pooled.leaf_multipliers import Multipliers
from ..registry import register
from ..solution import Found, SolverClaim
from .core import enumerate_within, flips_within
from .core_highs import search_core
from .duals import (
    SeatDuals,
    SeatMarket,
    lagrangian,
    most_workers,
    multipliers,
)
from .swaps import improve_by_swaps

__all__ = ["SeatOptimum", "best_affordable_set"]

_POOLED_SECONDS = 10.0
"""How long the problem without seats is looked at."""

PATIENCE = 120.0
"""Most seconds for HiGHS, time limit or not: a search without one ends too, proved or with ``node-limit``."""

_FIRST_STATES = 300_000
_MOST_STATES = 2_000_000


@dataclass
class SeatOptimum:
    """The state of a search, and its end.

    Attributes
    ----------
    chosen : ndarray of intp
        The best affordable placeable set found, ascending.
    value : int
        Its score.
    duals : SeatDuals or None
        The multipliers behind the bound; None if the search was stopped before it had any.
    covered : int
        Every set with a loss up to this against ``duals.bound`` was looked at.
    core : int
        Workers left open by the last complete enumeration.
    states : int
        Largest number of partial sets held.
    by_solver : bool
        Whether HiGHS claims that nothing better exists.
    leaves : tuple of Multipliers
        The bound as a certificate.
    pooled : int or None
        Bound on the optimum if seats did not count beyond what a group alone can use.
    stopped : str
        Why the search ended, where it ended without a proof.
    """

    chosen: NDArray[np.intp]
    value: int = 0
    duals: SeatDuals | None = None
    covered: int = -1
    core: int = 0
    states: int = 0
    by_solver: bool = False
    leaves: tuple[Multipliers, ...] = ()
    pooled: int | None = None
    stopped: StopReason = "node-limit"

    def gap_to(self, step: int) -> int:
        """Loss that a set one unit better would have at most, in units of ``1 / D``; negative if there is none."""
        assert self.duals is not None
        return self.duals.bound - self.duals.denominator * (self.value + step)

    def upper(self, step: int) -> int:
        """Return the exact bound on the optimum; the value itself if that is proved, where sets differ by `step`."""
        assert self.duals is not None
        if self.covered >= self.gap_to(step):
            return self.value
        unseen = (self.duals.bound - self.covered - 1) // self.duals.denominator
        return max(self.value, unseen if self.pooled is None else min(unseen, self.pooled))


def best_affordable_set(market: SeatMarket, control: Control, most_states: int = _MOST_STATES) -> SeatOptimum:
    """Solve OPT with seats exactly: the placeable set of largest score within the pooled budget.

    Parameters
    ----------
    market : SeatMarket
        Its ``most`` is computed here.
    control : Control
        On expiry, or on Ctrl-C, the search ends with the best point so far.
    most_states : int
        Partial sets the enumeration may hold before HiGHS takes over.

    Returns
    -------
    SeatOptimum

    Notes
    -----
    The Lagrangian bound leaves a gap of about one worker's score.  All sets of loss up to a growing limit are
    enumerated, until the limit meets the loss of the best point known.  Where too many sets are too close to the bound,
    swaps look for a point that meets it, and HiGHS decides among the workers still open.  What was enumerated also
    sharpens the bound when the search is cut short.
    """
    state = SeatOptimum(np.zeros(0, dtype=np.intp))
    try:
        _search(replace(market, most=most_workers(market)), control, most_states, state)
    except KeyboardInterrupt:
        state.stopped = "interrupted"
    if state.stopped == "node-limit" and control.expired():
        state.stopped = "time-limit"
    return state


def _search(market: SeatMarket, control: Control, most_states: int, state: SeatOptimum) -> None:
    state.chosen, state.duals = lagrangian(market, control.expired)
    state.value = market.value(state.chosen)
    state.leaves = multipliers(market, state.duals)
    step = _unit(market)
    limit = -1
    for attempt, allowed in enumerate((min(_FIRST_STATES, most_states), most_states)):
        while state.covered < (needed := state.gap_to(step)) and not control.expired():
            trial = min(needed, _next_limit(state.duals, limit, state.states))
            found = enumerate_within(market, state.duals, trial, allowed, control.expired)
            state.states = max(state.states, found.states)
            if not found.complete:
                break
            state.covered = limit = trial
            state.core = len(flips_within(state.duals, limit))
            if found.best is not None and market.value(found.best) > state.value:
                state.chosen, state.value = found.best, market.value(found.best)
            control.progress(f"opt: value {state.value}, {state.core} workers open, {found.states} partial sets")
        else:
            break
        if attempt == 0:
            _forget_seats(market, state, control)
            if state.upper(step) == state.value:
                return
            state.chosen = improve_by_swaps(market, state.duals, state.chosen, control.expired)
            state.value = market.value(state.chosen)
    if state.covered < state.gap_to(step) and not control.expired():
        state.chosen, state.by_solver, stopped = search_core(
            market, state.duals, state.chosen, step, control.capped(PATIENCE)
        )
        state.value = market.value(state.chosen)
        if stopped == "interrupted":
            state.stopped = stopped


def _forget_seats(market: SeatMarket, state: SeatOptimum, control: Control) -> None:
    """Solve the problem with seats counted for each group alone, which is settled by branching on the number of workers too.

    Its optimum is a bound; if it can be placed, it is the optimum. That is common where the budget, not the seats, limits how
    many are hired.
    """
    alone = [rank(market.caps, market.seats, mask) for mask in np.eye(len(market.caps), dtype=bool)]
    remaining = control.remaining()
    patience = Control.for_seconds(_POOLED_SECONDS if remaining is None else min(_POOLED_SECONDS, remaining / 2))
    problem = PooledProblem.of(market.scores, market.costs, market.groups, alone, market.budget)
    found = solve_pooled(problem, patience.deadline)
    state.pooled = found.value if found.proved else found.bound.numerator // found.bound.denominator
    counts = np.bincount(market.groups[found.chosen], minlength=len(market.caps))
    if found.value > state.value and counts_fit(market.caps, market.seats, counts):
        state.chosen, state.value = np.flatnonzero(found.chosen), found.value
    if state.value == state.pooled and found.proved:
        state.leaves = tuple(found.leaves)
    control.progress(f"opt: at most {state.pooled} without seats, value {state.value}")
    if found.stopped == "interrupted":
        raise KeyboardInterrupt


@register("opt", "polymatroid", summary="exact multipliers over the seat polymatroid, enumeration around their bound")
def solve_opt_seats(market: Market, control: Control) -> Found:
    """Solve OPT with caps, seats and pooled budget; without binding seats the polymatroid is that of the caps alone."""
    plain = SeatMarket(
        market.scores, market.needed_costs, market.group_of, market.total_budget, market.caps, market.seats
    )
    found = best_affordable_set(plain, control)
    if found.duals is None:
        bound = exact_sum(market.scores)
        details = {}
    else:
        bound = found.upper(_unit(plain))
        price = Fraction(found.duals.multiplier, found.duals.denominator)
        details = {
            "price_of_budget": price * market.money_denominator / market.score_denominator,
            "lagrangian_bound": Fraction(found.duals.bound, found.duals.denominator * market.score_denominator),
            "core": found.core,
            "partial_sets": found.states,
        }
    return Found(
        route(market, found.chosen),
        Fraction(bound, market.score_denominator),
        SolverClaim() if found.by_solver else None,
        found.stopped,
        hints=found.leaves or (),
        details=details,
    )


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

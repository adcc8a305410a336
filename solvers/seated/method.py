"""OPT with seat limits: dual bound, exact enumeration around it, swaps, and HiGHS for what is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import log

import numpy as np
from numpy.typing import NDArray

from ...models.exact import common_divisor, exact_sum
from ...models.procurement.market import Market
from ..control import STEP_SECONDS, Control, Stopped, StopReason
from ..placement.matroid import route
from ..placement.polymatroid import counts_fit, rank
from ..pooled import PooledProblem, close_at_once, solve_pooled
from ..pooled.leaf_multipliers import LeafMultipliers
from ..proofs.proof import Proof
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

POOLED_SECONDS = 10.0
"""How long the problem without seats is looked at."""

STATES = (30_000, 300_000, 2_000_000)
"""States that enumerations may make before the problem without seats is looked at, then that one may before exchanges, and after."""

STATES_EACH = 20
"""The problem without seats takes about as long as it takes to make so many states for each worker."""

FEW = 20
"""So many workers are in play at first; with no more than these, all is listed whatever it loses."""


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
    leaves : tuple of LeafMultipliers
        The bound as a certificate.
    proof : Proof or None
        The proof of the value, where the problem without seats has one by a dynamic program.
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
    leaves: tuple[LeafMultipliers, ...] = ()
    proof: Proof | None = None
    pooled: int | None = None
    stopped: StopReason = "node-limit"

    def gap_to(self, step: int) -> int:
        """Loss that a set one unit better would have at most, in units of ``1 / D``; negative if there is none."""
        assert self.duals is not None
        return self.duals.bound - self.duals.denominator * (self.value + step)

    def proved(self, step: int) -> bool:
        """Whether nothing is better."""
        return self.upper(step) == self.value

    def upper(self, step: int) -> int:
        """Return the exact bound on the optimum; the value itself if that is proved, where sets differ by `step`."""
        assert self.duals is not None
        if self.covered >= self.gap_to(step):
            return self.value
        unseen = (self.duals.bound - self.covered - 1) // self.duals.denominator
        return max(self.value, unseen if self.pooled is None else min(unseen, self.pooled))


def best_affordable_set(market: SeatMarket, control: Control, most_states: int = STATES[-1]) -> SeatOptimum:
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
        control.check()
    except Stopped as stopped:
        state.stopped = stopped.reason
    except KeyboardInterrupt:
        state.stopped = "interrupted"
    return state


def _search(market: SeatMarket, control: Control, most_states: int, state: SeatOptimum) -> None:
    def keep(chosen: NDArray[np.intp]) -> None:
        state.chosen, state.value = chosen, market.value(chosen)

    chosen, state.duals = lagrangian(market, control, keep)
    keep(chosen)
    state.leaves = multipliers(market, state.duals)
    step = _unit(market)
    # Where scores follow costs the problem without seats is closed at once; nothing below would see that.
    _forget_seats(market, state, control, at_once=True)
    if len(market.caps) <= 2 and state.pooled is None:
        # No set of groups but each alone and all together: then seats are a limit on how many are hired in all.
        _forget_seats(market, state, control)
    if state.pooled is not None and state.proved(step):
        return
    limit = -1
    first = max(STATES[0], min(STATES[1], STATES_EACH * len(market.scores)))
    for attempt, allowed in enumerate((first, *STATES[1:])):
        made = 0
        while state.covered < (needed := state.gap_to(step)):
            trial = _next_limit(state.duals, limit, state.states, needed)
            found = enumerate_within(market, state.duals, trial, min(allowed, most_states), control, pruned=attempt > 0)
            state.states = max(state.states, found.states)
            made += found.made
            if not found.complete:
                break
            state.covered = limit = trial
            state.core = len(flips_within(state.duals, limit))
            if found.best is not None and market.value(found.best) > state.value:
                state.chosen, state.value = found.best, market.value(found.best)
            control.progress(
                f"opt: value {control.amount(state.value)}, {state.core} workers open, {found.states} partial sets"
            )
            if attempt == 0 and state.pooled is None and made > allowed:
                break
        else:
            break
        if attempt == 0 and state.pooled is None:
            _forget_seats(market, state, control)
            if state.proved(step):
                return
        elif attempt == 1:
            state.chosen = improve_by_swaps(market, state.duals, state.chosen, control)
            state.value = market.value(state.chosen)
    if state.covered < state.gap_to(step):
        control.check()
        state.chosen, state.by_solver, stopped = search_core(
            market, state.duals, state.chosen, step, control.capped(STEP_SECONDS)
        )
        state.value = market.value(state.chosen)
        if stopped == "interrupted":
            state.stopped = stopped


def _forget_seats(market: SeatMarket, state: SeatOptimum, control: Control, *, at_once: bool = False) -> None:
    """Solve the problem with seats counted for each group alone and for all together.

    Its optimum is a bound; if it can be placed, it is the optimum: always with up to two groups, and often where the budget,
    not the seats, limits how many are hired. With `at_once` only what closes it at once is tried, which else has been.
    """
    alone = [rank(market.caps, market.seats, mask) for mask in np.eye(len(market.caps), dtype=bool)]
    together = rank(market.caps, market.seats, np.ones(len(market.caps), dtype=bool))
    remaining = control.remaining()
    patience = POOLED_SECONDS if remaining is None else min(POOLED_SECONDS, remaining / 2)
    problem = PooledProblem(market.scores, market.costs, market.groups, tuple(alone), market.budget, together)
    if at_once:
        found = close_at_once(problem, control)
        if found is None:
            return
    else:
        found = solve_pooled(problem, control.capped(patience), by_slope=False)
    state.pooled = found.value if found.proved else found.bound.numerator // found.bound.denominator
    counts = np.bincount(market.groups[found.chosen], minlength=len(market.caps))
    if found.value > state.value and counts_fit(market.caps, market.seats, counts):
        state.chosen, state.value = np.flatnonzero(found.chosen), found.value
    if state.value == state.pooled and found.proved:
        state.leaves = _as_places(found.leaves, together, len(market.scores))
        state.proof = found.proof()
    control.progress(f"opt: at most {control.amount(state.pooled)} without seats, value {control.amount(state.value)}")
    if found.stopped == "interrupted":
        raise KeyboardInterrupt


def _as_places(leaves: list[LeafMultipliers], together: int, n: int) -> tuple[LeafMultipliers, ...]:
    """Write the price of the number that can be placed as one of every place, of which there are as many."""
    if not leaves:
        return ()
    *others, last = leaves
    if last.count > 0 and last.high == together:
        last = replace(last, high=n, count=0, limits=tuple(mu + last.count for mu in last.limits))
    return (*others, last)


@register("opt", "polymatroid", summary="exact multipliers over the seat polymatroid, enumeration around their bound")
def solve_opt_seats(market: Market, control: Control) -> Found:
    """Solve OPT with caps, seats and pooled budget; without binding seats the polymatroid is that of the caps alone."""
    plain = SeatMarket.of(market)
    found = best_affordable_set(plain, control)
    if found.duals is None:
        bound = exact_sum(market.scaled.scores)
        details = {}
    else:
        bound = found.upper(_unit(plain))
        price = Fraction(found.duals.multiplier, found.duals.denominator)
        details = {
            "price_of_budget": price * market.scaled.money_denominator / market.scaled.score_denominator,
            "lagrangian_bound": Fraction(found.duals.bound, found.duals.denominator * market.scaled.score_denominator),
            "core": found.core,
            "partial_sets": found.states,
        }
    return Found(
        route(market, found.chosen),
        Fraction(bound, market.scaled.score_denominator),
        SolverClaim() if found.by_solver else found.proof,
        found.stopped,
        hints=found.leaves or (),
        details=details,
    )


def _unit(market: SeatMarket) -> int:
    """Greatest common divisor of the scores: values of sets are multiples of it."""
    return common_divisor(market.scores) or 1


def _next_limit(duals: SeatDuals, limit: int, states: int, needed: int) -> int:
    """First limit: a few workers in play, or all it takes where there are no more; then what makes about four times the states.

    Their number grows like ``exp(a * sqrt(limit))``, as the number of partitions does.  Limits that exclude nothing which a
    smaller one did are passed over.
    """
    sizes = np.abs(duals.reduced)
    if len(sizes) <= FEW:
        return needed
    if limit < 0:
        return min(needed, int(np.partition(sizes, FEW)[FEW]))
    factor = (1 + log(4) / log(max(states, 4))) ** 2
    larger = int(limit * Fraction(factor).limit_denominator(100)) + 1
    beyond = sizes[sizes > limit]
    if exact_sum(sizes[sizes <= limit]) <= limit:
        # All who are in play may be flipped together as it is.
        larger = max(larger, int(beyond.min()) if len(beyond) else needed)
    return min(needed, larger)

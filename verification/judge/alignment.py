"""Whether maximising the welfare and minimising the error coincide on one sharing market, decided on the exact optima; and what would make them.

They coincide if some state of greatest welfare has the least error. Both welfares, of the best state and of the best among those of least
error, are bounded by proofs; the question is open only where these bounds overlap and are no single numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from ...models.sharing.market import MotsMarket, State
from ...solvers.control import Control
from ...solvers.sharing.answer import SocialAnswer
from ...solvers.sharing.requirement import ErrorRange, error_range
from ...solvers.sharing.solve import solve_social_state
from ...solvers.sharing.tradeoff import smallest_error_gap
from ...solvers.sharing.worth import compare, worth

__all__ = ["Alignment", "CostChange", "align", "changes", "cost_change", "least_error_answer", "requirement_limit"]

MOST_COMPARED = 5_000
"""Up to so many states each is compared with the best of least error, where the utility leaves intervals."""
MOST_LISTED = 300
"""Up to so many states they are all looked at for each optimum of a search, which is faster than a proof and as exact."""
MOST_CUTS = 60
"""Searches for one change, each of which rules out the changes before it."""
FINENESS = 10**12
"""In units of one over this are the changes for utilities that leave intervals."""


@dataclass(frozen=True)
class Alignment:
    """Whether some state of greatest welfare has the least error.

    Attributes
    ----------
    aligned : bool or None
        None where it is not decided.
    decided : str or None
        ``exact``: by the exact optima. ``certified``: the welfares are intervals, every state was compared. ``nearly``: they are
        intervals, and no state is known to be better, which the search says up to a part of 1e-20 of all there is to gain.
    best, least : SocialAnswer
        The best state, and the best among those of least error.
    """

    aligned: bool | None
    decided: str | None
    best: SocialAnswer
    least: SocialAnswer


def least_error_answer(market: MotsMarket, control: Control, method: str = "auto") -> SocialAnswer:
    """The best among the states of least error."""
    least = error_range(market).least
    return solve_social_state(market.with_max_error(least), method, time_limit=_half(control))


def align(market: MotsMarket, control: Control, least: SocialAnswer | None = None, method: str = "auto") -> Alignment:
    """Decide it for a market as it stands, its requirement included if it has one.

    Parameters
    ----------
    market : MotsMarket
    control : Control
    least : SocialAnswer, optional
        The best among the states of least error, where it is known.
    method : str
        How optima are found.

    Raises
    ------
    NotDecreasing
        If the utility does not certainly fall with the error.
    """
    reach = error_range(market)
    least = least or least_error_answer(market, control, method)
    best = solve_social_state(market, method, time_limit=_half(control))
    if best.status == "infeasible":
        return Alignment(None, None, best, least)
    if best.welfare is None or least.welfare is None:
        return Alignment(None, None, best, least)
    exact = market.utility.rational
    if least.bound is not None and best.welfare.low > least.bound:
        # Both ends are proved, whether or not the two optima are.
        return Alignment(False, "exact" if exact else "certified", best, least)
    if not exact:
        return _by_intervals(market, best, least, reach, control)
    met = best.bound is not None and best.bound <= least.welfare.low
    if met or (best.status == "optimal" and best.error == reach.least):
        return Alignment(True, "exact", best, least)
    return Alignment(None, None, best, least)


def _by_intervals(
    market: MotsMarket, best: SocialAnswer, least: SocialAnswer, reach: ErrorRange, control: Control
) -> Alignment:
    """Decide it where welfares are intervals: by comparisons that are never wrong, or not at all."""
    assert best.welfare is not None
    assert least.welfare is not None
    if least.status != "optimal" or best.status != "optimal":
        return Alignment(None, None, best, least)
    aside = least.welfare
    if best.error != reach.least and compare(market, best.welfare, aside) > 0:
        # A state of the same error can be worth more than the one found only by less than its search can tell.
        return Alignment(False, "certified", best, least)
    if _states(market) > MOST_COMPARED:
        return Alignment(*((True, "nearly") if best.error == reach.least else (None, None)), best, least)
    rivals = itertools.product(*(range(n + 1) for n in market.counts))
    open_ = False
    for state in rivals:
        if not any(state) or market.error(state) == reach.least or not market.meets_requirement(state):
            continue
        if control.expired():
            return Alignment(None, None, best, least)
        order = compare(market, worth(market, state), aside)
        if order > 0:
            return Alignment(False, "certified", best, least)
        open_ = open_ or order == 0
    return Alignment(None, None, best, least) if open_ else Alignment(True, "certified", best, least)


def _half(control: Control) -> float | None:
    left = control.remaining()
    return None if left is None else left / 2


def _states(market: MotsMarket) -> int:
    return math.prod(n + 1 for n in market.counts)


# What would have to change --------------------------------------------------------------------------------------------


def _method(market: MotsMarket) -> str:
    """How the many optima of a search are found: where states are few, by looking at all of them."""
    return "enumeration" if _states(market) <= MOST_LISTED else "auto"


def requirement_limit(market: MotsMarket, found: Alignment, control: Control) -> Fraction | None:
    """The least error of any state that is worth more than every state of least error: requirements below it, and only these, align.

    Found from above: the best state under a requirement just below the last such error either has a smaller error again, or is no better
    than those of least error. Halving what is left in between skips most of the frontier.

    Returns
    -------
    Fraction or None
        None where it was not found within the limits.
    """
    if found.aligned is not False or found.best.error is None or found.least.welfare is None:
        return None
    gap, floor = smallest_error_gap(market), error_range(market).least
    limit, aligned_at = found.best.error, floor
    # Three halvings in four turns; so many turns leave no two different errors in between.
    halvings = ((limit - floor) / gap).__ceil__().bit_length()
    for turn in range(4 * (halvings + 1)):
        tried = limit - gap if turn % 4 == 0 else (aligned_at + limit) / 2
        control.check()
        if tried < floor:
            return limit
        below = align(market.with_max_error(tried), control, found.least, _method(market))
        if below.aligned is None:
            return None
        if below.aligned:
            if tried == limit - gap:
                return limit
            aligned_at = max(aligned_at, tried)
        else:
            assert below.best.error is not None
            limit = below.best.error
    return None


@dataclass(frozen=True)
class CostChange:
    """The least change of one cost, or of all together, with which the states that are best and of least error coincide.

    Attributes
    ----------
    type : int or None
        Whose cost; None for all, multiplied by the same factor.
    value : Fraction or None
        The new cost, or the factor; None if no change of this one alone will do, or none was found.
    kept : tuple of int
        The state of least error that is best then. No smaller change makes *this* one best.
    searched : bool
        Whether the search came to an end.
    """

    type: int | None
    value: Fraction | None
    kept: State
    searched: bool


def cost_change(market: MotsMarket, found: Alignment, index: int | None, control: Control) -> CostChange:
    """The least change of a cost that aligns welfare and error, the other costs staying.

    Every state that beats the one of least error rules out an interval of changes, for the welfare of a state is linear in each cost.
    The smallest change that is not ruled out is tried next; the first that aligns is the answer.

    Parameters
    ----------
    market : MotsMarket
        Not aligned. Where its utility leaves intervals, changes may be larger than the least by ``1 / FINENESS``.
    found : Alignment
        Of this market.
    index : int or None
        The type; None multiplies all costs.
    control : Control
    """
    kept = found.least.state
    assert kept is not None
    load: Callable[[State], Fraction]
    load = market.cost if index is None else lambda state: Fraction(state[index])
    start = Fraction(1) if index is None else market.types[index].cost
    low, high = -start, None
    change, tried = Fraction(0), found
    for _ in range(MOST_CUTS):
        control.check()
        if tried.aligned:
            return CostChange(index, start + change, kept, True)
        rival = tried.best.state
        if tried.aligned is None or rival is None:
            return CostChange(index, None, kept, False)
        more, less = worth(market, rival).high - worth(market, kept).low, load(rival) - load(kept)
        if less == 0:
            # Both bear the changed cost alike: the rival stays ahead.
            return CostChange(index, None, kept, True)
        bound = more / less
        if not market.utility.rational:
            # What is known in an interval only is taken a little larger, so that the two welfares can be told apart again.
            bound = Fraction(math.ceil(bound * FINENESS) if less > 0 else math.floor(bound * FINENESS), FINENESS)
        if less > 0:
            low = max(low, bound)
        else:
            high = bound if high is None else min(high, bound)
        if high is not None and high < low:
            return CostChange(index, None, kept, True)
        # The rival rules out the change tried last, so zero is behind one of the two.
        change = low if low > 0 or high is None else high
        tried = align(_with_cost(market, index, start + change), control, method=_method(market))
    return CostChange(index, None, kept, False)


def _with_cost(market: MotsMarket, index: int | None, value: Fraction) -> MotsMarket:
    """The market with another cost of one type, or all costs times a factor."""
    return replace(
        market,
        types=tuple(
            replace(entry, cost=entry.cost * value)
            if index is None
            else replace(entry, cost=value)
            if at == index
            else entry
            for at, entry in enumerate(market.types)
        ),
    )


def changes(market: MotsMarket, found: Alignment, control: Control) -> Iterator[CostChange]:
    """The least change of each cost alone, of types that have clients, and of all costs together."""
    for index in [*(i for i, n in enumerate(market.counts) if n), None]:
        yield cost_change(market, found, index, control)

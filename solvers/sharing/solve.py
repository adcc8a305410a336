"""Solve for the best social state: the front door to the methods of this package."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction
from math import isfinite
from typing import Any, Protocol

from ...models.input_error import InputError
from ...models.interval_array import nearest
from ...models.sharing.expression import Num, OutsideDomain, operate
from ...models.sharing.market import MotsMarket
from ...models.sharing.measured_market import MeasuredMarket
from ...models.sharing.utility import never_positive
from ..solution import Status, StopReason
from .answer import SocialAnswer
from .boxes import BoxSearch
from .crossings import CrossingSearch
from .enumeration import enumerate_states
from .frontier import Scaled, sweep
from .pareto import offer_undominated
from .requirement import error_range
from .segments import Incumbent, SegmentSearch, Stop
from .worth import (
    Audience,
    Worth,
    utility_between,
    worth,
)


class NotDecreasing(InputError):
    """The utility is not certainly defined and falling on the errors that a market's states can have."""


def relevant_errors(market: MotsMarket) -> tuple[Fraction, Fraction]:
    """The least error of any state, and the greatest of any state that meets the requirement or more."""
    exact = error_range(market)
    high = exact.greatest if market.max_error is None else min(exact.greatest, market.max_error)
    return exact.least, max(exact.least, high)


def require_decreasing(market: MotsMarket) -> None:
    """Check that the utility falls with the error, by certified bisection of its symbolic derivative.

    Raises
    ------
    NotDecreasing
        If it does not, or is not defined, or this cannot be decided.
    """
    low, high = relevant_errors(market)
    falling = never_positive(market.utility.slope, low, high)
    where = f"[{_about(low)}, {_about(high)}]"
    if falling.fails_at is not None:
        raise NotDecreasing(
            f"must fall with the error on {where}, but rises at {_about(falling.fails_at)}", field="utility"
        )
    if not falling.holds:
        raise NotDecreasing(f"cannot be certified to be defined and fall with the error on {where}", field="utility")


def _about(x: Fraction) -> str:
    """A number for a message, to six digits."""
    return f"{nearest(*x.as_integer_ratio()):.6g}"


def is_convex(market: MotsMarket) -> bool:
    """Whether the utility is certainly convex on the errors that matter."""
    tree = operate("*", Num(Fraction(-1)), market.utility.curvature)
    return never_positive(tree, *relevant_errors(market)).holds is True


class _Method(Protocol):
    @property
    def bound(self) -> float: ...

    def run(self, incumbent: Incumbent) -> None: ...


class FrontierSearch:
    """The method for any size: extreme points of the cost-data frontier, then what lies between them if it can win."""

    def __init__(self, market: MotsMarket, audience: Audience = "everyone"):
        scaled = Scaled.of(market)
        segments, faces = sweep(scaled)
        self.parts: list[Any] = [SegmentSearch(scaled, segments, audience)]
        if not is_convex(market):
            self.parts.append(BoxSearch(scaled, faces, audience))
        elif market.max_error is not None and faces:
            self.parts.append(CrossingSearch(scaled, faces, audience))

    @property
    def bound(self) -> float:
        """No feasible state is worth more, unless it is below the incumbent."""
        return max(part.bound for part in self.parts)

    def run(self, incumbent: Incumbent) -> None:
        """Raise the incumbent to the optimum."""
        for part in self.parts:
            part.run(incumbent)


class _Complete:
    """A method without a bound before it has ended."""

    def __init__(self, visit: Any, market: MotsMarket):
        self.visit, self.market, self.bound = visit, market, float("inf")

    def run(self, incumbent: Incumbent) -> None:
        self.visit(self.market, incumbent)
        self.bound = incumbent.floor


METHODS = {
    "frontier": "extreme points of the cost-data frontier, branch and bound, listed near-ties; any size",
    "pareto": "all undominated states; small markets",
    "enumeration": "every state; very small markets",
    "pyomo-highs": "the linearised Pyomo model through HiGHS, chords added; small markets, convex utilities",
}
"""The methods by name, with a line on each."""


def solve_social_state(
    market: MotsMarket,
    method: str = "auto",
    *,
    audience: Audience = "everyone",
    time_limit: float | None = None,
) -> SocialAnswer:
    """The social state of greatest welfare that meets the market's error requirement (SWAN, Problem 2).

    Parameters
    ----------
    market : MotsMarket
        With or without ``max_error``.
    method : str
        ``auto`` (``frontier``; ``enumeration`` where errors are measured), ``frontier``, ``pareto`` and ``enumeration`` (small markets, exact), ``pyomo-highs``
        (the reference formulation; small markets and convex utilities, to the solver's tolerance, its state re-valued
        exactly).
    audience : str
        ``everyone`` has the model (MoTS), or the ``participants`` only: the existing FL framework's problem (23).
    time_limit : float, optional
        Seconds; at its end the best state and a valid bound are returned.

    Returns
    -------
    SocialAnswer
        The state is re-valued in exact or certified arithmetic whatever the method.

    Raises
    ------
    NotDecreasing
        If the utility does not certainly fall with the error.
    InputError
        For an unknown method, a market too large for the method asked for, or measured errors and a method that relies
        on eq. (3).
    """
    started = time.monotonic()
    measured = isinstance(market, MeasuredMarket)
    name = method if method != "auto" else "enumeration" if measured else "frontier"
    if name not in METHODS:
        raise InputError(f"unknown method {method!r} for social-state; one of auto, {', '.join(METHODS)}")
    if measured and name != "enumeration":
        raise InputError(f"method {name} relies on eq. (3); measured errors take enumeration")
    least = error_range(market)
    if market.max_error is not None and market.max_error < least.least:
        return SocialAnswer(
            market,
            "infeasible",
            "proved",
            least.least_state,
            least.least,
            _worth_or_none(market, least.least_state, audience),
            None,
            0,
            False,
            "certified",
            "error-range",
            time.monotonic() - started,
        )
    require_decreasing(market)
    if name == "pyomo-highs":
        from .highs import solve_with_highs

        found = solve_with_highs(market, audience, time_limit)
        return replace(found, seconds=time.monotonic() - started)
    deadline = None if time_limit is None else started + time_limit
    incumbent = Incumbent(market, deadline=deadline, audience=audience)
    # The state of least error meets every requirement that can be met.
    incumbent.offer(least.least_state)
    search: _Method
    if name == "frontier":
        search = FrontierSearch(market, audience)
    else:
        search = _Complete(offer_undominated if name == "pareto" else enumerate_states, market)
    stopped: StopReason = "proved"
    try:
        search.run(incumbent)
    except Stop:
        stopped = "time-limit"
    except KeyboardInterrupt:
        stopped = "interrupted"
    best = incumbent.best
    assert best is not None
    open_gap = stopped != "proved" or search.bound > incumbent.floor_above
    status: Status = "feasible" if open_gap else "optimal"
    # Nobody's utility exceeds that at the least error, and costs are not negative.
    most = utility_between(market, least.least)[1]
    ceiling = most * (market.population if audience == "everyone" or most > 0 else 1)
    bound = best.high if not open_gap else min(ceiling, Fraction(search.bound)) if isfinite(search.bound) else ceiling
    if open_gap and stopped == "proved":
        stopped = "node-limit"
    return SocialAnswer(
        market,
        status,
        stopped,
        best.state,
        market.error(best.state),
        best,
        max(bound, best.high),
        incumbent.tied,
        market.max_error is None and best.high < 0,
        "certified",
        name,
        time.monotonic() - started,
    )


def _worth_or_none(market: MotsMarket, state: tuple[int, ...], audience: Audience) -> Worth | None:
    try:
        return worth(market, state, audience=audience)
    except OutsideDomain:
        return None

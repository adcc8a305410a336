"""The SWAN mechanism: a price and rewards, as functions of the social state, under which everybody shares one interest.

Source: SWAN section IV-C, eqs. (18)-(22), reconstructed from the text, whose formulas are lost:

    L(k)   = W(k) + lambda (max_error - eps(k))                     the Lagrangian of problem 2, (19)
    f(k)   = the multilinear interpolation of L between the all-or-none states, (18), where every type is of low
             heterogeneity; L itself otherwise
    alpha  = W* / (L(k*) - L_min)   if W* > 0, else a positive number as small as wished, (20)
    P(k)   = U(eps(k)) - (alpha / N) (f(k) - L_min),   R_i(k) = c_i - P(k), (21), (22)

so each client that has the model ends with ``(alpha / N) (f(k) - L_min)``, whatever its role.  The text leaves three things
open, completed here: ``lambda`` is the multiplier that minimises the dual bound; ``L`` of the empty state is
``lambda (max_error - greatest error)``; without participants there is no model and every payoff is zero.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from ...models.display import Framed, Page, show
from ...models.sharing.expression import Num, Var, operate
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.market_text import type_columns, types_table
from ...models.sharing.utility import Utility
from ...solvers.control import Control, Stopped
from ...solvers.sharing.answer import SocialAnswer
from ...solvers.sharing.requirement import ErrorRange, error_range
from ...solvers.sharing.solve import solve_social_state
from ..registry import mechanism
from .interface import SharingOutcome, sharing_outcome, utility, welfare

MOST_PATTERNS = 200_000
"""Up to so many patterns the least Lagrangian is found by looking at all of them."""
SMALL_INCENTIVE = Fraction(1, 10**6)
"""What is shared among the clients, in units of utility, where the optimal welfare is not positive."""

Scenario = Literal["low", "high"]


class NoTarget(ValueError):
    """The market has no state that meets its requirement (``infeasible``), or the optimum was not found in time."""

    def __init__(self, message: str, *, infeasible: bool = False):
        self.infeasible = infeasible
        super().__init__(message)


class SharedSurplus:
    """Prices and rewards that leave every client with the same share, whatever its role.

    A mechanism of this kind only says what the share is; price, rewards and the platform's balance follow.
    """

    market: MotsMarket

    def share(self, state: State) -> Fraction:
        """What every client that has the model ends with in a state."""
        raise NotImplementedError

    def price(self, state: State) -> Fraction:
        """The price ``P(k)`` of the model.

        Raises
        ------
        ValueError
            Without participants there is no model to sell.
        """
        return utility(self.market, self.market.error(state)) - self.share(state)

    def rewards(self, state: State) -> tuple[Fraction, ...]:
        """The participation reward ``R_i(k)`` of each type; negative where participants pay."""
        price = self.price(state)
        return tuple(entry.cost - price for entry in self.market.types)

    def incentive_cost(self, state: State) -> Fraction:
        """What the platform adds from outside, eq. (5): rewards paid minus prices received, all others buying."""
        price, rewards = self.price(state), self.rewards(state)
        buyers = self.market.population - sum(state)
        return sum((k * r for k, r in zip(state, rewards, strict=True)), Fraction(0)) - buyers * price

    def outcome(self, state: State) -> SharingOutcome:
        """What becomes of a state with a model, as a registered mechanism hands it on."""
        return sharing_outcome(self.market, state, self.price(state), self.rewards(state))


@dataclass(frozen=True, repr=False)
class Swan(SharedSurplus, Framed):
    """The mechanism, set up for one market.

    Attributes
    ----------
    market : MotsMarket
        The market.
    answer : SocialAnswer
        The best social state, ``k*``.
    multiplier : Fraction
        ``lambda``; zero where the requirement does not bind.
    least : Fraction
        ``L_min``, or a lower bound on it where there are too many patterns to look at (``least_exact`` tells).
    """

    market: MotsMarket
    answer: SocialAnswer
    multiplier: Fraction
    least: Fraction
    least_exact: bool

    @cached_property
    def scenario(self) -> Scenario:
        """``low`` if every type with clients is of low heterogeneity, else ``high``."""
        return scenario(self.market)

    @cached_property
    def target(self) -> State:
        """``k*``."""
        assert self.answer.state is not None
        return self.answer.state

    @cached_property
    def welfare(self) -> Fraction:
        """``W*``; the middle of a 2**-200 wide interval where the utility is not rational."""
        return welfare(self.market, self.target)

    @cached_property
    def range(self) -> ErrorRange:
        """Least and greatest error of any state."""
        return error_range(self.market)

    @cached_property
    def ratio(self) -> Fraction | None:
        """The incentive ratio ``alpha`` of (20); ``None`` where ``W* > 0`` and the Lagrangian takes one value only."""
        spread = self.lagrangian(self.target) - self.least
        if self.welfare > 0:
            return self.welfare / spread if spread else None
        return SMALL_INCENTIVE / spread if spread else Fraction(0)

    def columns(self) -> dict[str, list[Any]]:
        """Return the types column by column.

        Returns
        -------
        dict of str to list
            ``id``, ``size``, ``count`` and ``cost`` as in the file, ``participants`` at the best state, and the ``reward`` of each of them
            there: negative where participants pay, None where the incentive ratio is undefined.
        """
        rewards = [None] * self.market.type_count if self.ratio is None else [*self.rewards(self.target)]
        return type_columns(self.market) | {"participants": [*self.target], "reward": rewards}

    def page(self) -> Page:
        """Return what is announced at the best state on one screen."""
        market, target = self.market, self.target
        undefined = "undefined: every pattern has the same Lagrangian"
        announced = self.ratio is not None
        facts = [
            ("mechanism", f"SWAN at the best social state ({self.scenario} heterogeneity)"),
            ("welfare", show(self.welfare)),
            ("error", show(market.error(target)) if any(target) else "-"),
            ("incentive ratio", undefined if self.ratio is None else show(self.ratio)),
            ("multiplier", show(self.multiplier)),
            ("price", show(self.price(target)) if announced else "-"),
            ("incentive cost", show(self.incentive_cost(target)) if announced else "-"),
        ]
        rewards = [show(reward) for reward in self.rewards(target)] if announced else ["-"] * market.type_count
        participants = [f"{k:,}" for k in target]
        return Page("", facts, [types_table(market, "Types", participants=participants, reward=rewards)])

    def __repr__(self) -> str:
        return f"Swan({self.market!r}, welfare {show(self.welfare)})"

    def lagrangian(self, state: State) -> Fraction:
        """``L(k)``, eq. (19).

        Parameters
        ----------
        state : tuple of int
            Participants of each type; without any, there is no model: see the module's text for what the error is then.
        """
        if not self.multiplier:
            return welfare(self.market, state)
        assert self.market.max_error is not None
        error = self.market.error(state) if any(state) else self.range.greatest
        return welfare(self.market, state) + self.multiplier * (self.market.max_error - error)

    def potential(self, state: State, control: Control | None = None) -> Fraction:
        """``f(k)``, eq. (18) in the low scenario, the Lagrangian itself in the high one.

        With ``p`` types that take part in part it has ``2**p`` terms; the clock is looked at before each.
        """
        if self.scenario == "high":
            return self.lagrangian(state)
        partial = [i for i, (k, n) in enumerate(zip(state, self.market.counts, strict=True)) if 0 < k < n]
        total = Fraction(0)
        for corner in itertools.product((False, True), repeat=len(partial)):
            if control is not None:
                control.check()
            vertex, weight = list(state), Fraction(1)
            for i, full in zip(partial, corner, strict=True):
                n = self.market.counts[i]
                weight *= Fraction(state[i] if full else n - state[i], n)
                vertex[i] = n if full else 0
            total += weight * self._vertex(tuple(vertex))
        return total

    def _vertex(self, state: State) -> Fraction:
        cache: dict[State, Fraction] = self.__dict__.setdefault("_vertices", {})
        if state not in cache:
            cache[state] = self.lagrangian(state)
        return cache[state]

    def share(self, state: State, control: Control | None = None) -> Fraction:
        """What every client that has the model ends with in a state: ``(alpha / N) (f(k) - L_min)``.

        Parameters
        ----------
        state : tuple of int
            Participants of each type.
        control : Control, optional
            Looked at before each of the terms of the potential, of which there may be many.

        Returns
        -------
        Fraction
            In the units of utility; 0 without participants.

        Raises
        ------
        ArithmeticError
            Where the incentive ratio is undefined.
        """
        if not any(state):
            return Fraction(0)
        if self.ratio is None:
            raise ArithmeticError("the incentive ratio is undefined: the Lagrangian takes one value only")
        return self.ratio / self.market.population * (self.potential(state, control) - self.least)


def scenario(market: MotsMarket) -> Scenario:
    """``low`` if every type with clients is of low heterogeneity, else ``high``."""
    return "low" if all(market.is_low(i) for i, n in enumerate(market.counts) if n) else "high"


def patterns(market: MotsMarket) -> Iterator[State]:
    """The participation patterns that (20) speaks of: all-or-none states in the low scenario, else all states; not empty."""
    choices: Iterable[Iterable[int]]
    if scenario(market) == "low":
        choices = [sorted({0, n}) for n in market.counts]
    else:
        choices = [range(n + 1) for n in market.counts]
    return (state for state in itertools.product(*choices) if any(state))


def checked(states: Iterable[State], control: Control) -> Iterator[State]:
    """The states one by one, as long as there is time."""
    for state in states:
        control.check()
        yield state


def count_patterns(market: MotsMarket) -> int:
    """How many participation patterns there are, the empty one included."""
    if scenario(market) == "low":
        return 2 ** sum(1 for n in market.counts if n)
    return math.prod(n + 1 for n in market.counts)


def swan(
    market: MotsMarket,
    *,
    time_limit: float | None = None,
    control: Control | None = None,
    answer: SocialAnswer | None = None,
) -> Swan:
    """Set up the mechanism for a market.

    Parameters
    ----------
    market : MotsMarket
        With or without ``max_error``.
    time_limit : float, optional
        Seconds for everything.
    control : Control, optional
        The clock, where the caller has one; in place of the limit.
    answer : SocialAnswer, optional
        What :func:`~fedmech.solvers.sharing.solve.solve_social_state` said of this market, where the caller has it.

    Raises
    ------
    NoTarget
        If no state meets the requirement, or the best one was not proved in time.
    """
    control = control or Control.for_seconds(time_limit)
    try:
        answer = answer or solve_social_state(market, time_limit=control.remaining())
        return _set_up(market, answer, control)
    except Stopped as stop:
        raise NoTarget(f"the mechanism was not set up in time: {stop.reason}") from None


@mechanism(
    "swan",
    market="sharing",
    summary="price and rewards at the best social state that leave everybody with one interest",
    source="SWAN section IV-C, eqs. (18)-(22), reconstructed",
    options=(),
)
def swan_at_the_best_state(market: MotsMarket) -> SharingOutcome:
    """Announce SWAN and go to the state it is made for."""
    made = swan(market)
    if made.ratio is None:
        raise NoTarget("the incentive ratio is undefined: every pattern has the same Lagrangian")
    return made.outcome(made.target)


def _set_up(market: MotsMarket, answer: SocialAnswer, control: Control) -> Swan:
    if answer.status != "optimal":
        infeasible = answer.status == "infeasible"
        reason = "no state meets max_error" if infeasible else f"the best state was not proved: {answer.stopped}"
        raise NoTarget(reason, infeasible=infeasible)
    listed = None
    if count_patterns(market) <= MOST_PATTERNS:
        listed = list(checked(patterns(market), control))
    multiplier = _multiplier(market, answer, listed, control)
    draft = Swan(market, answer, multiplier, Fraction(0), False)
    if listed is not None:
        values = [draft.lagrangian(state) for state in checked(listed, control)]
        if scenario(market) == "low":
            values.append(draft.lagrangian((0,) * market.type_count))
        return Swan(market, answer, multiplier, min(values), True)
    # No state can be worse than the greatest error at the cost of everybody's participation.
    greatest = error_range(market).greatest
    worst = market.population * utility(market, greatest) - market.cost(market.counts)
    if multiplier and market.max_error is not None:
        worst += multiplier * (market.max_error - greatest)
    return Swan(market, answer, multiplier, min(worst, Fraction(0)), False)


def _multiplier(market: MotsMarket, answer: SocialAnswer, listed: list[State] | None, control: Control) -> Fraction:
    """The multiplier that minimises ``max_k L(k)``, by secants between states on either side of the requirement."""
    if market.max_error is None:
        return Fraction(0)
    limit = market.max_error
    known: dict[State, tuple[Fraction, Fraction]] = {}

    def point(state: State) -> tuple[Fraction, Fraction]:
        """Slack and welfare."""
        if state not in known:
            known[state] = (limit - market.error(state), welfare(market, state))
        return known[state]

    def best(multiplier: Fraction) -> State:
        if listed is not None:
            return max(
                checked(listed, control),
                key=lambda state: (point(state)[1] + multiplier * point(state)[0], point(state)[0]),
            )
        penalty = operate("*", Num(-multiplier / market.population), Var("eps"))
        tilted = Utility(operate("+", market.utility.tree, penalty), market.utility.specification)
        relaxed = MotsMarket(market.dimension, market.data_variance, market.client_variance, market.types, tilted, None)
        found = solve_social_state(relaxed, time_limit=control.remaining())
        if found.state is None or found.status != "optimal":
            raise NoTarget("the multiplier was not found in time")
        return found.state

    outside = best(Fraction(0))
    if point(outside)[0] >= 0:
        return Fraction(0)
    inside = answer.state
    if listed is not None and inside not in listed:
        met = [state for state in listed if point(state)[0] >= 0]
        if not met:
            # No pattern of the low scenario meets the requirement: the dual is unbounded; the target's own slope serves.
            inside = answer.state
        else:
            inside = max(met, key=lambda state: point(state)[1])
    assert inside is not None
    while True:
        control.check()
        (slack_out, worth_out), (slack_in, worth_in) = point(outside), point(inside)
        multiplier = (worth_out - worth_in) / (slack_in - slack_out)
        state = best(multiplier)
        slack, value = point(state)
        if value + multiplier * slack <= worth_in + multiplier * slack_in:
            return multiplier
        if slack >= 0:
            inside = state
        else:
            outside = state


__all__ = ["NoTarget", "Swan", "count_patterns", "patterns", "scenario", "swan", "utility", "welfare"]

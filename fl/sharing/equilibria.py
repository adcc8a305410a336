"""Equilibria of the game that SWAN's announced price and rewards start, and the ways clients get there.

A client abstains (payoff 0), participates or buys; with the model it ends with the state's share, whatever its role.
So a state without abstainers is a pure equilibrium exactly if no single client's change of role raises the share.
Without participants there is no model and every payoff is zero.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from ...models.sharing.market import MotsMarket, State
from ...solvers.control import Control, Stopped
from .swan import Swan, checked, patterns

Share = Callable[[State], Fraction]
"""The payoff, in a state, of every client that has the model."""

MOST_STATES = 100_000
MOST_TYPES = 16


@dataclass(frozen=True)
class Equilibria:
    """Pure equilibria in which everybody has the model.

    Attributes
    ----------
    states : tuple of tuple of int
        Participants of each type.
    complete : bool
        Whether these are all of them.
    method : str
        How they were found.
    """

    states: tuple[State, ...]
    complete: bool
    method: str


def neighbours(market: MotsMarket, state: State) -> Iterator[State]:
    """The states one client away."""
    for i, (k, n) in enumerate(zip(state, market.counts, strict=True)):
        if k > 0:
            yield (*state[:i], k - 1, *state[i + 1 :])
        if k < n:
            yield (*state[:i], k + 1, *state[i + 1 :])


def is_equilibrium(market: MotsMarket, share: Share, state: State) -> bool:
    """Whether no single client gains by changing its role; abstaining gives zero."""
    here = share(state)
    return here >= 0 and all(share(other) <= here for other in neighbours(market, state))


def is_supported(mechanism: Swan, control: Control | None = None) -> bool:
    """Whether no pattern that the potential is made of, and not the missing model, has a greater Lagrangian than the target.

    Then the target is an equilibrium. In the low scenario it must be a pattern itself.
    """
    target = mechanism.target
    if mechanism.scenario == "low" and any(0 < k < n for k, n in zip(target, mechanism.market.counts, strict=True)):
        return False
    nobody = (0,) * len(target)
    corners = checked(itertools.chain(patterns(mechanism.market), [nobody]), control or Control())
    return all(mechanism.lagrangian(k) <= mechanism.lagrangian(target) for k in corners)


def equilibria(
    mechanism: Swan, *, starts: int = 20, seed: int = 0, seconds: float = 10.0, control: Control | None = None
) -> Equilibria:
    """The pure equilibria under SWAN.

    All states are looked at where they are few.  In the low scenario the potential is linear along each type, so states
    with a partial type can only be equilibria where the slope is exactly zero; then all corners are looked at, whatever
    the populations.  Otherwise best responses from several starts, for so many ``seconds``, find equilibria, each
    certified, not all. ``control`` is the caller's clock: at its end nothing, or what was found so far, is returned as incomplete.
    """
    market, control = mechanism.market, control or Control()

    def share(state: State) -> Fraction:
        control.check()
        return mechanism.share(state, control)

    try:
        listed = _listed(mechanism, share)
    except Stopped as stop:
        return Equilibria((), False, f"nothing within the limit ({stop.reason})")
    if listed is not None:
        return listed
    generator = random.Random(seed)
    beginnings = [mechanism.target, (0,) * market.type_count, market.counts]
    if mechanism.scenario == "low":
        # From corners: the interpolation doubles in cost with every type that is partial.
        beginnings += [tuple(generator.choice((0, n)) for n in market.counts) for _ in range(starts)]
    else:
        beginnings += [tuple(generator.randint(0, n) for n in market.counts) for _ in range(starts)]
    clock = control.capped(seconds)

    def timed(state: State) -> Fraction:
        clock.check()
        return mechanism.share(state, clock)

    ends = [climb(market, timed, start) for start in beginnings]
    reached = sorted({end for end in ends if end is not None})
    finished = sum(end is not None for end in ends)
    return Equilibria(tuple(reached), False, f"best responses from {finished} starts")


def _listed(mechanism: Swan, share: Share) -> Equilibria | None:
    """The equilibria among all states, or all corners, where they are few enough to be looked at."""
    market = mechanism.market
    if math.prod(n + 1 for n in market.counts) <= MOST_STATES:
        values = share_table(market, share)
        found = tuple(state for state in values if is_equilibrium(market, values.__getitem__, state))
        return Equilibria(found, True, "all states")
    if mechanism.scenario == "low" and market.type_count <= MOST_TYPES:
        corners = itertools.product(*(sorted({0, n}) for n in market.counts))
        found = tuple(state for state in corners if is_equilibrium(market, share, state))
        flat = any(share(other) == share(state) for state in found for other in neighbours(market, state))
        return Equilibria(found, not flat, "all corners")
    return None


def share_table(market: MotsMarket, share: Share) -> dict[State, Fraction]:
    """The share of every state."""
    return {state: share(state) for state in itertools.product(*(range(n + 1) for n in market.counts))}


def climb(market: MotsMarket, share: Share, start: State) -> State | None:
    """Where repeated best improvements lead, moving as many clients of a type at once as keep improving.

    Returns ``None`` if the share raises :class:`Stopped` first: the time is over.
    """
    try:
        return _climb(market, share, start)
    except Stopped:
        return None


def _climb(market: MotsMarket, share: Share, start: State) -> State:
    state, here = start, share(start)
    while True:
        step = max(neighbours(market, state), key=share, default=state)
        there = share(step)
        if there <= here:
            return state
        direction = tuple(b - a for a, b in zip(state, step, strict=True))
        stride = 1
        state, here = step, there
        while True:
            stride *= 2
            jump = tuple(k + stride * d for k, d in zip(state, direction, strict=True))
            if any(not 0 <= k <= n for k, n in zip(jump, market.counts, strict=True)):
                break
            if share(jump) <= here:
                break
            state, here = jump, share(jump)


@dataclass(frozen=True)
class Path:
    """A run of best-response dynamics.

    Attributes
    ----------
    states : tuple of tuple of int
        From the start to the end, one client's move a step.
    settled : bool
        Whether nobody wants to move any more.
    """

    states: tuple[State, ...]
    settled: bool


def best_responses(
    market: MotsMarket, share: Share, start: State, *, seed: int | None = None, most: int = 100_000
) -> Path:
    """Clients revise one at a time, in random order, to a role that gives them more.

    Parameters
    ----------
    start : tuple of int
        Participants of each type; everybody else buys.
    seed : int, optional
        Draws which client moves among those who want to; the one who gains most if not given.
    most : int
        Moves after which to give up.
    """
    generator = None if seed is None else random.Random(seed)
    states = [market.check_state(start)]
    here = share(states[0])
    for _ in range(most):
        better = [(share(other), other) for other in neighbours(market, states[-1])]
        better = [entry for entry in better if entry[0] > here]
        if not better:
            return Path(tuple(states), True)
        here, chosen = max(better) if generator is None else generator.choice(better)
        states.append(chosen)
    return Path(tuple(states), False)

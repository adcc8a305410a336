"""What a mechanism of a sharing market is: a market in; the state it leads to, price and rewards out.

It is a function ``(market, **options)`` that returns a :class:`SharingOutcome`, which :func:`sharing_outcome` makes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Rational
from typing import Any

from ...models.display import Framed, Page, show
from ...models.input_error import InputError
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.market_text import type_columns, types_table
from ...solvers.sharing.worth import Audience, utility_between, worth
from ..registry import NAMELESS, Mechanism, MechanismFunction, call, prepared

__all__ = ["SharingOutcome", "run_sharing_mechanism", "sharing_outcome", "utility", "welfare"]

BITS = 256


def utility(market: MotsMarket, error: Fraction) -> Fraction:
    """``U(error)``, exact for a rational utility, else to about 2**-200."""
    low, high = utility_between(market, error, BITS)
    return (low + high) / 2


def welfare(market: MotsMarket, state: State, audience: Audience = "everyone") -> Fraction:
    """``W(k)``, exact for a rational utility, else to about 2**-200; 0 for the empty state."""
    return worth(market, state, BITS, audience).middle


@dataclass(frozen=True, repr=False)
class SharingOutcome(Framed):
    """Where a mechanism of a sharing market leads.

    Attributes
    ----------
    mechanism : str
    market : MotsMarket
    state : tuple of int
        Participants of each type; all zeros if nobody trains.
    welfare : Fraction
        Social welfare of the state: of everybody, or of the participants only for FL without a market.
    meets_requirement : bool
        Whether the state meets the market's error requirement.
    incentive_cost : Fraction
        What the platform adds from outside; negative if it would keep money.
    price : Fraction or None
        What those who do not train pay for the model; None where nobody can buy it.
    rewards : tuple of Fraction
        What each participant of a type is paid; negative where participants pay.
    rounds : int
        Rounds until the state was reached again, for the dynamic ones.
    cycles : bool
        Whether the dynamics ended in a cycle; the state is then the best of the cycle.
    seconds : float
        Wall time of the run.
    """

    mechanism: str
    market: MotsMarket
    state: State
    welfare: Fraction
    meets_requirement: bool
    incentive_cost: Fraction
    price: Fraction | None
    rewards: tuple[Fraction, ...]
    rounds: int = 0
    cycles: bool = False
    seconds: float = 0.0

    @property
    def participants(self) -> dict[str, int]:
        """How many of each type train, by its id."""
        return {entry.id: k for entry, k in zip(self.market.types, self.state, strict=True)}

    @property
    def error(self) -> Fraction | None:
        """The generalisation error of the state; None where there is no model."""
        return self.market.error(self.state) if any(self.state) else None

    def columns(self) -> dict[str, list[Any]]:
        """Return the types column by column: id, size, count, cost, participants, reward."""
        return type_columns(self.market) | {"participants": [*self.state], "reward": [*self.rewards]}

    def page(self) -> Page:
        """Return the outcome on one screen."""
        facts = [
            ("mechanism", self.mechanism),
            ("welfare", show(self.welfare)),
            ("error", "-" if self.error is None else show(self.error)),
            ("meets the requirement", "yes" if self.meets_requirement else "no"),
            ("price", "-" if self.price is None else show(self.price)),
            ("incentive cost", show(self.incentive_cost)),
        ]
        if self.cycles:
            facts.append(("dynamics", f"a cycle after {self.rounds} rounds; this is the best of its states"))
        participants = [f"{k:,}" for k in self.state]
        rewards = [show(reward) for reward in self.rewards]
        return Page("", facts, [types_table(self.market, "Types", participants=participants, reward=rewards)])

    def __repr__(self) -> str:
        return f"SharingOutcome({self.mechanism}, welfare {show(self.welfare)})"


def sharing_outcome(
    market: MotsMarket,
    state: Sequence[int],
    price: Fraction | int | None = None,
    rewards: Sequence[Fraction | int] | None = None,
    *,
    audience: Audience = "everyone",
    mechanism: str = NAMELESS,
    rounds: int = 0,
    cycles: bool = False,
) -> SharingOutcome:
    """Make what a mechanism returns; welfare, requirement and incentive cost, eq. (5), follow from state, price and rewards.

    Parameters
    ----------
    market : MotsMarket
    state : sequence of int
        Participants of each type.
    price : number, optional
        What each client that does not train pays for the model; without one nobody buys.
    rewards : sequence of number, optional
        For each participant of a type; nothing if left out.
    audience : {'everyone', 'participants'}
        Whose welfare counts.
    mechanism : str
        For messages and pages.
    rounds, cycles
        As in :class:`SharingOutcome`.

    Raises
    ------
    InputError
        For a state that is none of the market's, or numbers that are not exact.
    """
    counts = market.counts
    if len(state) != len(counts) or not all(type(k) is int and 0 <= k <= n for k, n in zip(state, counts, strict=True)):
        raise InputError(f"{mechanism} returned the state {tuple(state)!r} of a market with {counts} clients")
    paid = [0] * len(counts) if rewards is None else list(rewards)
    money = [*paid, *([] if price is None else [price])]
    if len(paid) != len(counts) or not all(isinstance(x, Rational) for x in money):
        raise InputError(
            f"{mechanism} returned {money!r} where a Fraction for each type, and one for the price, is due"
        )
    chosen, exact = tuple(state), tuple(Fraction(reward) for reward in paid)
    asked = None if price is None or not any(chosen) else Fraction(price)
    buyers = 0 if asked is None else market.population - sum(chosen)
    spent = sum((k * reward for k, reward in zip(chosen, exact, strict=True)), Fraction(0))
    return SharingOutcome(
        mechanism,
        market,
        chosen,
        welfare(market, chosen, audience),
        market.meets_requirement(chosen),
        spent - buyers * (asked or Fraction(0)),
        asked,
        exact,
        rounds,
        cycles,
    )


def run_sharing_mechanism(
    market: MotsMarket, mechanism: str | MechanismFunction | Mechanism, **options: Any
) -> SharingOutcome:
    """Run a mechanism on a sharing market.

    Parameters
    ----------
    market : MotsMarket
    mechanism : str or callable
        A registered name, ``pkg.module:callable``, ``file.py:callable``, or a callable ``(market, **options) -> SharingOutcome``.
    **options
        Its options.

    Raises
    ------
    InputError
        For an unknown mechanism or option, a market it cannot run on, or a callable that fails or returns what it must not.
    NoTarget
        If a mechanism that aims at the best state has none to aim at.
    """
    entry, exact = prepared(market, mechanism, options)
    started = time.perf_counter()
    found = call(entry, market, exact)
    if not isinstance(found, SharingOutcome) or found.market != market:
        raise InputError(
            f"{entry.name} returned {type(found).__name__}, no SharingOutcome of this market", field="mechanism"
        )
    return replace(found, mechanism=entry.name, seconds=time.perf_counter() - started)

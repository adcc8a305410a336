"""Welfare as an exact number or a certified interval, and comparisons that are never wrong.

A rational utility makes every welfare a ``Fraction``.  Otherwise a welfare is enclosed in an interval of rational
ends, and two welfares are compared by raising the precision until the intervals part; if they never do, the two are
reported as tied, not ordered by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ...models.input_error import InputError
from ...models.sharing.expression import OutsideDomain
from ...models.sharing.market import MotsMarket, State

_MAX_BITS = 20_000
Audience = Literal["everyone", "participants"]
"""Who has the model: everyone, as in MoTS by Lemma 1, or the participants only, as in (23)."""

PRECISIONS = (96, 256, 1024)
"""Bits tried in turn for utilities that are not rational."""


@dataclass(frozen=True)
class Worth:
    """The welfare of a state.

    Attributes
    ----------
    low, high : Fraction
        The welfare lies between them; they are equal where it is known exactly.
    state : tuple of int
        Participants of each type; all zeros stands for no model, worth 0.
    audience : str
        Who has the model.
    """

    low: Fraction
    high: Fraction
    state: State
    audience: Audience = "everyone"

    @property
    def exact(self) -> bool:
        """Whether the welfare is known exactly."""
        return self.low == self.high

    @property
    def middle(self) -> Fraction:
        """The welfare itself where exact, else the middle of its interval."""
        return (self.low + self.high) / 2


def ends(interval: object) -> tuple[Fraction, Fraction]:
    """The two ends of an mpmath interval, as fractions."""
    low, high = interval._mpi_  # type: ignore[attr-defined]

    def fraction(raw: tuple[int, int, int, int], *, up: bool) -> Fraction:
        sign, mantissa, exponent, size = raw
        if exponent + size > _MAX_BITS or (mantissa == 0 and exponent):
            raise InputError(f"has values beyond 2**{_MAX_BITS}", field="utility")
        if exponent < -_MAX_BITS:
            # Rounded outwards: a number closer to zero than this is taken for zero or for this.
            away = up != bool(sign)
            tiny = Fraction(1, 2**_MAX_BITS) if away and mantissa else Fraction(0)
            return -tiny if sign else tiny
        value = Fraction(int(mantissa)) * Fraction(2) ** exponent
        return -value if sign else value

    return fraction(low, up=False), fraction(high, up=True)


def utility_between(market: MotsMarket, error: Fraction, bits: int = PRECISIONS[0]) -> tuple[Fraction, Fraction]:
    """Fractions that enclose ``U(error)``; equal where the utility is rational."""
    if market.utility.rational:
        value = market.utility.exact(error)
        return value, value
    return ends(market.utility.certified(error, bits))


def worth(market: MotsMarket, state: State, bits: int = PRECISIONS[0], audience: Audience = "everyone") -> Worth:
    """The welfare of a state: (7) if everybody else buys the model, (23) if only participants have it."""
    if not any(state):
        return Worth(Fraction(0), Fraction(0), state, audience)
    low, high = utility_between(market, market.error(state), bits)
    cost = market.cost(state)
    served = market.population if audience == "everyone" else sum(state)
    return Worth(served * low - cost, served * high - cost, state, audience)


def worth_or_none(market: MotsMarket, state: State, audience: Audience) -> Worth | None:
    """The welfare of a state; None where the utility is not defined at its error."""
    try:
        return worth(market, state, audience=audience)
    except OutsideDomain:
        return None


def compare(market: MotsMarket, a: Worth, b: Worth) -> int:
    """``1`` if ``a`` is certainly worth more, ``-1`` if less, ``0`` if equal or equal as far as can be told."""
    for bits in PRECISIONS:
        if a.low > b.high:
            return 1
        if a.high < b.low:
            return -1
        if (a.exact and b.exact) or (a.audience == b.audience and _same(market, a.state, b.state)):
            return 0
        a, b = worth(market, a.state, bits * 2, a.audience), worth(market, b.state, bits * 2, b.audience)
    return (a.low > b.high) - (a.high < b.low)


def _same(market: MotsMarket, a: State, b: State) -> bool:
    """Whether two states are equal in error and cost, so that their welfare is the same whatever the utility."""
    if a == b:
        return True
    if not (any(a) and any(b) and sum(a) == sum(b)):
        return False
    return market.cost(a) == market.cost(b) and market.error(a) == market.error(b)

"""Welfare against error, and how the best state moves with costs, heterogeneity and requirement; any market size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, get_args

from ...models.exact import parse_number
from ...models.sharing.market import MotsMarket
from ...models.sharing.utility import Utility
from ..control import Control, TimeUp
from .answer import SocialAnswer
from .requirement import error_range
from .solve import solve_social_state
from .worth import compare

Parameter = Literal["cost", "client-variance", "max-error"]
PARAMETERS: tuple[Parameter, ...] = get_args(Parameter)


def smallest_error_gap(market: MotsMarket) -> Fraction:
    """A positive number below the difference of any two different errors of the market's states."""
    sizes = math.lcm(*(entry.size for entry in market.types))
    unit = market.noise.denominator * market.client_variance.denominator * sizes
    return Fraction(1, 2 * unit**2 * market.population**4)


def walk_frontier(market: MotsMarket, *, most: int = 1_000, time_limit: float | None = None) -> Iterator[SocialAnswer]:
    """The Pareto frontier of welfare and error, from the greatest welfare down to the least error.

    Each answer is the best state under a requirement just below the previous answer's error, so no point is missed; the
    market's own requirement, if any, is where the walk starts.

    Parameters
    ----------
    market : MotsMarket
        Any size.
    most : int
        Stop after so many points.
    time_limit : float, optional
        Seconds for all points; where they end is where the walk stops.
    """
    control = Control.for_seconds(time_limit)
    gap, least = smallest_error_gap(market), error_range(market).least
    pending: SocialAnswer | None = None
    for _ in range(most + 1):
        try:
            answer = solve_social_state(market, time_limit=control.remaining())
        except TimeUp:
            break
        if answer.status != "optimal" or answer.welfare is None or answer.error is None:
            break
        if pending is not None and pending.welfare is not None and compare(market, answer.welfare, pending.welfare) < 0:
            yield pending
        pending = answer
        if answer.error == least:
            break
        market = market.with_max_error(answer.error - gap)
    if pending is not None:
        yield pending


@dataclass(frozen=True)
class Reaction:
    """The best state at one value of a parameter."""

    parameter: Parameter
    value: Fraction
    answer: SocialAnswer


def with_parameter(market: MotsMarket, parameter: Parameter, value: Fraction) -> MotsMarket:
    """The market with all costs multiplied by ``value``, or with another client variance or requirement."""
    if parameter == "cost":
        return replace(market, types=tuple(replace(entry, cost=entry.cost * value) for entry in market.types))
    if parameter == "client-variance":
        utility = Utility.read(market.utility.specification, value, market.data_variance)
        return replace(market, client_variance=value, utility=utility)
    if parameter == "max-error":
        return market.with_max_error(value)
    raise ValueError(f"unknown parameter {parameter!r}")


def sensitivity(
    market: MotsMarket, parameter: Parameter, values: Iterable[object], *, time_limit: float | None = None
) -> Iterator[Reaction]:
    """The best state at each value of a parameter.

    Parameters
    ----------
    market : MotsMarket
        The market to vary.
    parameter : str
        ``cost`` (a factor on all participation costs), ``client-variance`` or ``max-error``.
    values : iterable of number
        In any order; read exactly.
    time_limit : float, optional
        Seconds for all values; those for which none are left get what is known without a search.
    """
    control = Control.for_seconds(time_limit)
    for x in [parse_number(value) for value in values]:
        varied = with_parameter(market, parameter, x)
        yield Reaction(parameter, x, solve_social_state(varied, time_limit=control.remaining()))

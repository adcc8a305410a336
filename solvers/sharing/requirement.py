"""Which error requirements can be met: the least and the greatest error of any state, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ...models.sharing.market import MotsMarket, State
from ...models.sharing.measured_market import MeasuredMarket


@dataclass(frozen=True)
class ErrorRange:
    """The least and the greatest error that states of a market have, with a state that reaches each."""

    least: Fraction
    least_state: State
    greatest: Fraction
    greatest_state: State


def error_range(market: MotsMarket) -> ErrorRange:
    """The exact range of the error over all states with a participant.

    For a fixed number ``K`` of participants the error is least with the largest data sizes, so the minimum lies on a
    path that takes the types one after the other; along each type the error is quadratic in ``1/K``. Measured errors have no
    such shape: their table is looked through.
    """
    if isinstance(market, MeasuredMarket):
        listed = [(error, state) for state, error in market.table.items()]
        least = min(listed, key=lambda entry: (entry[0], sum(entry[1])))
        return ErrorRange(*least, *max(listed, key=lambda entry: (entry[0], -sum(entry[1]))))
    least = min(_path(market, largest=True), key=lambda entry: (entry[0], sum(entry[1])))
    greatest = max(_path(market, largest=False), key=lambda entry: (entry[0], -sum(entry[1])))
    return ErrorRange(*least, *greatest)


def relevant_errors(market: MotsMarket) -> tuple[Fraction, Fraction]:
    """The least error of any state, and the greatest of any state that meets the requirement or more."""
    exact = error_range(market)
    high = exact.greatest if market.max_error is None else min(exact.greatest, market.max_error)
    return exact.least, max(exact.least, high)


def _path(market: MotsMarket, *, largest: bool) -> Iterator[tuple[Fraction, State]]:
    """Errors and states that contain the extreme ones: ends of each type, and both sides of the vertex between them."""
    order = [index for index, entry in enumerate(market.types) if entry.count]
    order.sort(key=lambda index: market.types[index].size, reverse=largest)
    state = [0] * market.type_count
    K, T = 0, Fraction(0)
    for index in order:
        count, q = market.counts[index], Fraction(1, market.types[index].size)
        candidates = {1, count}
        a, b = market.noise * q - market.client_variance, market.noise * (q * K - T)
        if a and b and a * b > 0:
            turn = 2 * b / a - K
            floor = turn.numerator // turn.denominator
            candidates |= {j for j in (floor, floor + 1) if 1 <= j <= count}
        for j in candidates:
            size, inverse = K + j, T + j * q
            error = market.noise * inverse / size**2 + market.client_variance * Fraction(size - 1, size)
            yield error, (*state[:index], j, *state[index + 1 :])
        state[index] = count
        K, T = K + count, T + count * q

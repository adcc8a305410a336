"""Clients and whole types that join a coalition: which joins there are, and what one does to the error and to the welfare at the margin."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from ...models.sharing.expression import ExactArithmetic, evaluate
from ...models.sharing.market import MotsMarket, State

__all__ = ["Join", "error_slope", "joins_of_clients", "joins_of_types", "stationary"]

Join = tuple[State, State, int]
"""The coalition before, the coalition after, and the type that joins."""


def joins_of_types(counts: State) -> Iterator[Join]:
    """Types in full that join types in full, as (16) has it; from the largest coalitions down."""
    for before in itertools.product(*(sorted({n, 0}, reverse=True) for n in counts)):
        for i, n in enumerate(counts):
            if any(before) and before[i] == 0 and n:
                yield before, (*before[:i], n, *before[i + 1 :]), i


def joins_of_clients(counts: State) -> Iterator[Join]:
    """Single clients that join any coalition, as (17) has it; from the largest coalitions down."""
    for before in itertools.product(*(range(n, -1, -1) for n in counts)):
        for i, n in enumerate(counts):
            if any(before) and before[i] < n:
                yield before, (*before[:i], before[i] + 1, *before[i + 1 :]), i


def error_slope(market: MotsMarket, state: State, index: int) -> Fraction:
    """The derivative of eq. (3) in the participants of one type."""
    K = sum(state)
    T = sum((Fraction(k, entry.size) for k, entry in zip(state, market.types, strict=True)), Fraction(0))
    return market.noise * (Fraction(K, market.types[index].size) - 2 * T) / K**3 + market.client_variance / K**2


def stationary(market: MotsMarket, state: State, index: int) -> bool:
    """Whether the welfare under a rational utility is stationary in the participants of one type: an exact derivative."""
    falls = evaluate(market.utility.slope, {"eps": market.error(state)}, ExactArithmetic)
    return market.population * falls * error_slope(market, state, index) == market.types[index].cost

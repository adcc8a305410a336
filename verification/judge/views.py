"""Types of clients as seen from a state: high or low, who participates, and by theorem 2 what more of them would do to the error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ...fl.sharing.joining import stationary
from ...models.sharing.error_model import Region, join_limit, region, switching_count
from ...models.sharing.market import MotsMarket, State
from .ruling import Ruling

__all__ = ["Pattern", "TypeView", "high_stationary", "regions_hold", "view"]

Pattern = Literal["none", "all", "one", "part"]


@dataclass(frozen=True)
class TypeView:
    """One type as seen from a state.

    Attributes
    ----------
    index : int
    low : bool
        Whether it is of low heterogeneity, ``theta <= 1/D_i``.
    pattern : str
        Who of it participates: ``none``, ``all``, ``one`` of several, or ``part``.
    region : str
        Of theorem 2, for further clients of it that join the state's participants.
    limit : Fraction
        ``Phi``, (15): up to this heterogeneity ratio the next client does no harm.
    inverse : Fraction
        ``1/D_i``, the other boundary.
    switching : int or None
        After how many further clients the effect of the next one changes sign; None if it never does.
    remaining : int
        How many there are to join.
    """

    index: int
    low: bool
    pattern: Pattern
    region: Region
    limit: Fraction
    inverse: Fraction
    switching: int | None
    remaining: int


def view(market: MotsMarket, state: State) -> list[TypeView]:
    """Every type that has clients, as seen from a state with participants."""
    K = sum(state)
    harmonic = K / sum((Fraction(k, entry.size) for k, entry in zip(state, market.types, strict=True)), Fraction(0))
    found = []
    for i, (k, entry) in enumerate(zip(state, market.types, strict=True)):
        if entry.count:
            kind, switching = _region(market, K, harmonic, entry.size)
            limit = join_limit(K, harmonic, entry.size)
            low, inverse = market.is_low(i), Fraction(1, entry.size)
            found.append(TypeView(i, low, _pattern(k, entry.count), kind, limit, inverse, switching, entry.count - k))
    return found


def _region(market: MotsMarket, K: int, harmonic: Fraction, size: int) -> tuple[Region, int | None]:
    """The region and the switching count; without data variance the ratio is infinite, or nothing has any effect."""
    ratio = market.heterogeneity
    if ratio is None:
        return ("III" if market.client_variance else "II"), None
    return region(ratio, K, harmonic, size), switching_count(ratio, K, harmonic, size)


def _pattern(k: int, count: int) -> Pattern:
    return "none" if k == 0 else "all" if k == count else "one" if k == 1 else "part"


def high_stationary(market: MotsMarket, state: State, views: Sequence[TypeView]) -> bool | None:
    """Whether each high type has none, all, or a stationary number; None where the utility leaves that open."""
    partial = [each.index for each in views if not each.low and 0 < state[each.index] < market.counts[each.index]]
    if partial and not market.utility.rational:
        return None
    return all(stationary(market, state, i) for i in partial)


def regions_hold(market: MotsMarket, state: State, views: Iterable[TypeView]) -> Iterator[Ruling]:
    """Hold theorem 2 against eq. (3), at both ends of what is left of each type and around the switch."""
    for each in views:
        if not each.remaining:
            continue
        last = each.remaining - 1
        turn = each.switching if each.switching is not None else 0
        first_helps, right = each.region in ("I", "II"), True
        for j in {0, last, *(j for j in (turn - 1, turn) if 0 <= j <= last)}:
            here, after = (
                market.error((*state[: each.index], state[each.index] + n, *state[each.index + 1 :]))
                for n in (j, j + 1)
            )
            switched = each.switching is not None and j >= each.switching
            right = right and (after <= here) == (first_helps != switched)
        measure = f"region {each.region}"
        yield Ruling("S-T2", market.types[each.index].id, measure, [], None, None, right)

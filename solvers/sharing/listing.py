"""All states of one number of participants that lose little against a plane below the cost.

Against a plane of prices ``mu`` and ``nu`` a client of a type with ``c_i + mu / D_i > nu`` loses the difference by taking part, one of a
type with less by staying out. A state is worth its relaxed welfare minus all that its clients lose, so those that can
beat a given welfare lose at most the room there is. Few types are cheap enough to be moved; all combinations of the others'
moves are built type by type, and the two types that lose least (the two of an edge lose nothing) take up the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from .envelope import Number, ScaledTypes, TouchingPlane

__all__ = ["Listed", "TooMany", "list_states"]


class TooMany(Exception):
    """There are more states than are wanted."""


class Listed(NamedTuple):
    """A state: what it loses (scaled cost times the price's denominator), ``t``, ``w``, participants of each merged type."""

    loss: int
    t: int
    w: int
    counts: list[int]


class _PartialStates(NamedTuple):
    """Moves of some types: what they lose, and how many clients of which type."""

    loss: int
    moves: tuple[tuple[int, int], ...]


def list_states(
    scaled: ScaledTypes,
    plane: TouchingPlane,
    K: int,
    span: tuple[Number, Number],
    reach: int,
    *,
    ends_only: bool,
    most: int,
    check: Callable[[], None],
) -> list[Listed]:
    """States of ``K`` participants whose ``t`` lies in a span and that lose at most ``reach``.

    Parameters
    ----------
    ends_only : bool
        Of the states that differ in the last two types only, those at the ends: enough where the utility is convex.
    most : int
        How many combinations of moves, and states, to list.
    check : callable
        Raises when the time is over.

    Raises
    ------
    TooMany
        If there are more than ``most``.
    """
    (a, b), nu = plane.price, plane.nu
    reduced = [b * c + a * q - nu for c, q in zip(scaled.c, scaled.q, strict=True)]
    # A type's cheap side is where all its clients lose nothing: in where the reduced cost is negative, else out. To move one of them
    # costs the reduced cost, so a type dearer than the reach stays as it is.
    movable = sorted((abs(r), i) for i, r in enumerate(reduced) if abs(r) <= reach)
    base = [n if r < 0 else 0 for n, r in zip(scaled.counts, reduced, strict=True)]
    # The two that lose least are left out here: they have the most ways, and the number K and the span of t settle them.
    partials = [_PartialStates(0, ())]
    for loss, i in movable[2:]:
        grown = []
        for done in partials:
            # A type that loses nothing is moved by any number of clients.
            copies = scaled.counts[i] if not loss else min(scaled.counts[i], (reach - done.loss) // loss)
            if len(partials) + len(grown) + copies > most:
                raise TooMany
            grown += [_PartialStates(done.loss + loss * f, (*done.moves, (i, f))) for f in range(1, copies + 1)]
        partials += grown
        check()
    found: list[Listed] = []
    for at, partial in enumerate(sorted(partials)):
        counts = base.copy()
        for i, f in partial.moves:
            counts[i] += f if reduced[i] >= 0 else -f
        for state in _shared(
            scaled, reduced, counts, [i for _, i in movable[:2]], K, span, ends_only=ends_only, most=most
        ):
            loss = sum(
                r * k if r >= 0 else -r * (n - k) for r, k, n in zip(reduced, state, scaled.counts, strict=True) if r
            )
            # The two last were chosen by K and t alone; only now what they lose is counted.
            if loss > reach:
                continue
            t = sum(k * q for k, q in zip(state, scaled.q, strict=True))
            w = sum(k * c for k, c in zip(state, scaled.c, strict=True))
            found.append(Listed(loss, t, w, state))
            if len(found) > most:
                raise TooMany
        if at % 64 == 0:
            check()
    return found


def _shared(
    scaled: ScaledTypes,
    reduced: list[int],
    counts: list[int],
    pair: list[int],
    K: int,
    span: tuple[Number, Number],
    *,
    ends_only: bool,
    most: int,
) -> list[list[int]]:
    """Fill up to ``K`` clients with those of at most two types, in every way that has ``t`` within the span."""
    counts = counts.copy()
    for i in pair:
        counts[i] = 0
    rest = K - sum(counts)
    if rest < 0:
        return []
    # `t` of the others; a client of the first type in the place of one of the second changes it by `step`.
    t = sum(k * q for k, q in zip(counts, scaled.q, strict=True))
    if len(pair) < 2:
        if not pair:
            return [counts] if rest == 0 and span[0] <= t <= span[1] else []
        i = pair[0]
        counts[i] = rest
        return [counts] if rest <= scaled.counts[i] and span[0] <= t + rest * scaled.q[i] <= span[1] else []
    one, two = pair
    first, last = max(0, rest - scaled.counts[two]), min(scaled.counts[one], rest)
    t += rest * scaled.q[two]
    step = scaled.q[one] - scaled.q[two]
    # Solved for how many of the first type keep t within the span; the division is exact, the ends are rounded inwards.
    if step:
        ways = sorted(Fraction(end - t) / step for end in span)
        first, last = max(first, math.ceil(ways[0])), min(last, math.floor(ways[1]))
    elif not span[0] <= t <= span[1]:
        return []
    if first > last:
        return []
    if last - first >= most and not ends_only:
        raise TooMany
    shares = sorted({first, last}) if ends_only else range(first, last + 1)
    states = []
    for u in shares:
        state = counts.copy()
        state[one], state[two] = u, rest - u
        states.append(state)
    return states

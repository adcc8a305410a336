"""A subadditive function on the residues of money that lies below what items lose, proposed in floating point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

MOST_PLACES = 1 << 10
"""Values of a function, at most; their number is about the square root of that of the items."""

CLOSE = 0.125
"""So far from a place, items say what the value there is at first."""

FITS = 3
"""Times that values are moved to where the items between them say."""

FEWEST_HALVES, MOST_HALVES = 2, 12
"""The first part of the function is lowered by one part in powers of two, from these."""


def places_for(n: int, modulus: int) -> int:
    """Return the number of values for so many items."""
    return max(2, min(MOST_PLACES, modulus, 1 << (n.bit_length() // 2)))


def closure(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest subadditive function on a circle that is nowhere above the values; 0 at 0."""
    size = len(values)
    values = values.copy()
    values[0] = 0
    while True:
        turned = np.concatenate([values, values])[::-1]
        # Row i holds the value at i - j, for all j.
        rows = np.lib.stride_tricks.sliding_window_view(turned, size)[size - 1 :: -1][:size]
        least = np.minimum(values, (rows + values).min(axis=1))
        if np.array_equal(least, values):
            return values
        values = least


def functions(
    places: NDArray[np.float64], losses: NDArray[np.float64], steepest: float, size: int, unit: float
) -> Iterator[NDArray[np.float64]]:
    """Propose subadditive functions that lie below the losses, but for items near 0, which they exceed more or less.

    Parameters
    ----------
    places : ndarray of float
        Residues of the items, in places from 0 to `size`.
    losses : ndarray of float
        What each loses if it is flipped.
    steepest : float
        What money loses that is left, for one place of it.
    size : int
        Number of values.
    unit : float
        The loss of one unit of score.
    """
    line = steepest * np.arange(size)
    nearest = np.rint(places).astype(np.int64) % size
    close = (np.abs(places - np.rint(places)) < CLOSE) & (losses > 0)
    values = closure(np.minimum(line, _least(nearest, losses, close, size)))
    around = np.maximum(values[nearest], np.roll(values, -1)[nearest])
    low = np.flatnonzero((losses > 0) & (losses <= 1.05 * around + 3 * unit))
    places, losses, nearest = places[low], losses[low], nearest[low]
    off = places - np.rint(places)
    for _ in range(FITS):
        slope = (np.roll(values, -1) - np.roll(values, 1)) / 2
        slope[0] = 0
        moved = _least(nearest, losses - slope[nearest] * off, np.ones(len(off), dtype=bool), size)
        values = np.where(np.isfinite(moved), np.maximum(moved, 0), values)
        values = np.minimum(values, line)
        values[0] = 0
    values = closure(values)
    # Lowered between two places by the most that any item there is exceeded, the first and the last stretch aside.
    stretch = np.floor(places).astype(np.int64) % size
    part = places - np.floor(places)
    drawn = values[stretch] * (1 - part) + np.roll(values, -1)[stretch] * part
    exceeded = -_least(stretch, losses - drawn, (stretch > 0) & (stretch < size - 1), size)
    exceeded = np.where(np.isfinite(exceeded), np.maximum(exceeded, 0), 0)
    values = np.maximum(0, values - np.maximum(exceeded, np.roll(exceeded, 1)))
    values[0] = 0
    for halves in range(FEWEST_HALVES, MOST_HALVES):
        share = 1 - 0.5**halves
        rising = share * values[1] * np.arange(size)
        falling = share * values[-1] * (size - np.arange(size))
        yield closure(np.floor(np.minimum(values, np.minimum(rising, falling))))


def _least(at: NDArray, numbers: NDArray, allowed: NDArray[np.bool_], size: int) -> NDArray[np.float64]:
    """Return the least number at each place, infinity where there is none."""
    found = np.full(size, np.inf)
    at, numbers = at[allowed], numbers[allowed]
    if len(at):
        # Of 16 bits they are sorted by their digits.
        order = np.argsort(at.astype(np.int16), kind="stable")
        at = at[order]
        first = np.flatnonzero(np.append(True, at[1:] != at[:-1]))
        found[at[first]] = np.minimum.reduceat(numbers[order], first)
    return found

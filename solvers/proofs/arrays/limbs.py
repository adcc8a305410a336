"""Whole numbers ``scale * score - price * cost - offset_g`` for a million workers at once, exact whatever their size.

A number is held in *limbs*: ``limb_0 + 2**bits limb_1 + ...``, all but the highest in ``0 .. 2**bits - 1``. The multipliers are cut
into limbs, the columns are not, and ``bits`` is chosen by the largest entries of the columns so that no product, sum or carry can
leave 64 bits. Where one limb holds everything, and that is most often so, these are plain int64 numbers. Columns of Python integers,
and entries too large for this, are worked on as objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....models.exact import exact_sum, python_integers

__all__ = ["WORD", "Numbers", "combine"]

WORD = 1 << 62
"""Sums of absolute values below this fit in int64 with a bit to spare."""

FEWEST_BITS = 8
"""Columns that leave fewer bits to a limb are worked on as objects."""

CHUNK = 1 << 15
"""Workers taken at a time, so that what is computed about them stays in the processor's cache."""


@dataclass(frozen=True)
class Numbers:
    """Whole numbers, lowest limb first; one limb, of int64 or of objects, holds them as they are."""

    limbs: list[np.ndarray]
    bits: int = 0

    def above(self, threshold: int) -> np.ndarray:
        """Mark what is greater than a number."""
        if len(self.limbs) == 1:
            return self.limbs[0] > threshold
        found = np.zeros(len(self.limbs[0]), dtype=bool)
        for limb, part in zip(self.limbs, _cut(threshold, self.bits, len(self.limbs)), strict=True):
            # Higher limbs decide; where they are equal, the lower ones have.
            found = (limb > part) | ((limb == part) & found)
        return found

    def positive_total(self) -> int:
        """Add up what is positive."""
        if len(self.limbs) == 1:
            parts = [self.limbs[0][at : at + CHUNK] for at in range(0, len(self.limbs[0]), CHUNK)]
            return sum(exact_sum(np.maximum(part, 0)) for part in parts)
        positive = self.above(0)
        return sum(exact_sum(limb[positive]) << (self.bits * k) for k, limb in enumerate(self.limbs))

    def take(self, chosen: np.ndarray) -> np.ndarray:
        """Return some of the numbers in one array, of int64 where they fit."""
        if len(self.limbs) == 1:
            return self.limbs[0][chosen]
        whole = sum(python_integers(limb[chosen]) << (self.bits * k) for k, limb in enumerate(self.limbs))
        whole = np.asarray(whole, dtype=object)
        return whole.astype(np.int64) if all(abs(x) < WORD for x in whole.tolist()) else whole


def combine(
    scores: np.ndarray, costs: np.ndarray, groups: np.ndarray, scale: int, price: int, offsets: list[int]
) -> Numbers:
    """Return ``scale * scores - price * costs - offsets[groups]``; scores and costs are not negative."""
    size = len(scores)
    if not size:
        return Numbers([np.zeros(0, dtype=np.int64)])
    bits = 0
    if object not in (scores.dtype, costs.dtype):
        # A limb of so many bits times a score, less one times a cost, a shift and a carry stay below 2**62.
        bits = 61 - (int(scores.max()) + int(costs.max()) + 1).bit_length()
    # Limbs of few bits would be many: Python integers are as fast then, and need no bound.
    if bits < FEWEST_BITS:
        shift = np.empty(len(offsets), dtype=object)
        shift[:] = offsets
        return Numbers([python_integers(scores) * scale - python_integers(costs) * price - shift[groups]])
    most = max([scale, price, *(abs(x) for x in offsets)])
    count = 1 if most < 1 << bits else most.bit_length() // bits + 1
    limbs = [np.empty(size, dtype=np.int64) for _ in range(count)]
    cuts = list(zip(*(_cut(x, bits, count) for x in (scale, price, *offsets)), strict=True))
    shifts = [np.array(cut[2:], dtype=np.int64) for cut in cuts]
    for begin in range(0, size, CHUNK):
        part = slice(begin, begin + CHUNK)
        carry: np.ndarray | None = None
        for k, (limb, cut, shift) in enumerate(zip(limbs, cuts, shifts, strict=True)):
            here = np.multiply(scores[part], cut[0], out=limb[part])
            if cut[1]:
                here -= costs[part] * cut[1]
            here -= shift[groups[part]]
            if carry is not None:
                here += carry
            if k < count - 1:
                # The shift rounds down, so the rest is not negative, and what is below zero goes on in the carry alone.
                carry = here >> bits
                here &= (1 << bits) - 1
    return Numbers(limbs, bits)


def _cut(number: int, bits: int, count: int) -> list[int]:
    """Cut a number into limbs, lowest first; the highest keeps its sign."""
    parts = []
    for _ in range(count - 1):
        parts.append(number & ((1 << bits) - 1))
        number >>= bits
    return [*parts, number]

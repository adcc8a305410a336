"""How many rows of a folder are looked at, and how many are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Sizes"]

ROWS_PER_SAMPLED = 250
"""At least one row of so many is in a sample: what a guess leaves open is a share of all rows, the smaller the larger the sample."""


@dataclass(frozen=True)
class Sizes:
    """Limits of a search over files.

    Attributes
    ----------
    direct : int
        So many rows are all taken for the band.
    sample : int
        Rows of a sample, about.
    files : int
        So many files are read for the first one.
    band : int
        A band of more rows is not held.
    attempts : int
        Guesses before it ends with a gap.
    """

    direct: int = 1_000_000
    sample: int = 1_000_000
    files: int = 8
    band: int = 20_000_000
    attempts: int = 4

    def for_rows(self, n: int) -> Sizes:
        """Return the sizes for so many rows."""
        return replace(self, sample=max(self.sample, n // ROWS_PER_SAMPLED))

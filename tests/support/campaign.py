"""How much of a random comparison is tried: a quarter each time, all of it with ``--slow``."""

from __future__ import annotations

whole = False
"""Set by ``--slow``."""


def some(number: int) -> int:
    """Return how many of `number` instances to try, or how many findings to expect among them."""
    return number if whole else -(-number // 4)


def seeds(start: int, stop: int | None = None) -> range:
    """Return the seeds to try among ``range(start, stop)``; those that come first, so that none of a pattern is left out."""
    first, last = (0, start) if stop is None else (start, stop)
    return range(first, first + some(last - first))

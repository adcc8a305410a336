"""How much is tried: of a random comparison a quarter each time, all of it with ``--slow``; of many cases a few, the others where ``-m thorough`` asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

whole = False
"""Set by ``--slow``."""


def some(number: int) -> int:
    """Return how many of `number` instances to try, or how many findings to expect among them."""
    return number if whole else -(-number // 4)


def seeds(start: int, stop: int | None = None) -> range:
    """Return the seeds to try among ``range(start, stop)``; those that come first, so that none of a pattern is left out."""
    first, last = (0, start) if stop is None else (start, stop)
    return range(first, first + some(last - first))


def parts(number: int) -> list[Any]:
    """Return the parts of a comparison that is cut in `number`: a quarter each time, the others are left to the thorough tests."""
    return thorough(range(number), lambda part: part >= -(-number // 4))


def thorough(cases: Iterable[Any], are: Callable[[Any], bool]) -> list[Any]:
    """Return the cases of a test, a tuple for each with several parameters; those that `are` so are left to the thorough tests."""
    split = [(case, case if isinstance(case, tuple) else (case,)) for case in cases]
    return [pytest.param(*parts, marks=pytest.mark.thorough) if are(case) else case for case, parts in split]

"""What a function draws with a generator of random numbers, as a strategy: hypothesis chooses the numbers, so failures shrink.

A function that draws takes `Numbers`. ``made_by(function)`` is the strategy of what it returns, `generators` the one of generators
themselves, for what a test draws on its way; ``seeded(7)`` is a generator for what is wanted once and need not vary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

import numpy as np
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

T = TypeVar("T")


class Numbers:
    """Numbers from a ``random.Random``, by its own methods and by those of numpy that tests use."""

    def __init__(self, source: Random):
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def _filled(self, one: Callable[[], Any], size: int | tuple[int, ...] | None, kind: type) -> Any:
        if size is None:
            return one()
        return np.array([one() for _ in range(int(np.prod(size)))], dtype=kind).reshape(size)

    def integers(self, low: int, high: int | None = None, size: int | tuple[int, ...] | None = None) -> Any:
        """Integers from `low` up to, without, `high`; below `low` where that is all there is."""
        first, end = (0, int(low)) if high is None else (int(low), int(high))
        return self._filled(lambda: self._source.randrange(first, end), size, np.int64)

    def random(self, size: int | tuple[int, ...] | None = None) -> Any:
        """Multiples of 1/1024 from 0 up to, without, 1; large ones are the simplest, as what is rare is mostly ``if random() < 0.1``."""
        return self._filled(lambda: (1023 - self._source.randrange(1024)) / 1024, size, float)

    def uniform(self, low: float, high: float, size: int | tuple[int, ...] | None = None) -> Any:
        """Numbers of an interval."""
        return low + (high - low) * self.random(size)

    def choice(self, options: Sequence[Any] | np.ndarray, size: int | tuple[int, ...] | None = None) -> Any:
        """One of the options, or some of them with repetition."""
        picked = self._filled(lambda: self._source.randrange(len(options)), size, np.int64)
        return options[picked] if size is None else np.asarray(options)[picked]

    def permutation(self, column: Any) -> Any:
        """A column, or the numbers below one, in another order."""
        column = np.asarray(column) if np.ndim(column) else np.arange(column)
        return column[self._source.sample(range(len(column)), len(column))]

    def shuffle(self, rows: Any) -> None:
        """Put rows into another order."""
        rows[:] = self.permutation(rows) if isinstance(rows, np.ndarray) else self._source.sample(rows, len(rows))


generators = st.randoms(use_true_random=False).map(Numbers)
"""Generators whose numbers are hypothesis'."""


def seeded(seed: int | str) -> Numbers:
    """A generator of the numbers of a seed."""
    return Numbers(Random(seed))


def made_by(make: Callable[..., T], *arguments: Any, **named: Any) -> st.SearchStrategy[T]:
    """What `make` draws, given `Numbers` before its other arguments; a failure shows it."""

    @st.composite
    def one(draw: st.DrawFn) -> T:
        return make(draw(generators), *arguments, **named)

    return one()


def reached(strategy: st.SearchStrategy[T], condition: Callable[[T], Any]) -> None:
    """Find something drawn that meets a condition, the same in every run, so that what is tested of all is not tested of nothing."""
    find(
        strategy,
        condition,
        settings=settings(max_examples=2000, phases=[Phase.generate], derandomize=True, database=None),
    )

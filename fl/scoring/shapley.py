"""What a worker adds to a coalition: leave-one-out and the Shapley value of any value function.

A value function takes coalitions as a boolean array, shape ``(s, n)``, and returns their values, shape ``(s,)``: all
coalitions asked for come in one call, so that it can train or evaluate them as one batch.

Exact up to 12 workers by default (4,096 coalitions); above, permutations are sampled and standard errors reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational

import numpy as np
from numpy.typing import NDArray

from ...models.arrays import plain_array
from ...models.exact import parse_integer
from ...models.input_error import InputError
from ...models.seeds import read_seed
from ...solvers.control import Control

__all__ = [
    "EXACT_LIMIT",
    "SampledShapley",
    "Value",
    "all_coalitions",
    "exact_shapley",
    "leave_one_out",
    "sampled_shapley",
]

Value = Callable[[NDArray[np.bool_]], np.ndarray]

EXACT_LIMIT = 12
"""Workers up to which all coalitions are valued."""


def all_coalitions(n: int, limit: int = EXACT_LIMIT) -> NDArray[np.bool_]:
    """Return every subset of `n` workers, shape (2**n, n): row ``r`` holds worker ``i`` if bit ``i`` of ``r`` is set.

    Raises
    ------
    InputError
        If `n` exceeds `limit`.
    """
    if n > limit:
        raise InputError(f"{n} workers have 2**{n} coalitions; at most {limit} are valued exactly", field="workers")
    return (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(bool)


def leave_one_out(value: Value, n: int) -> np.ndarray:
    """Return ``v(N) - v(N without i)`` for every worker, shape (n,)."""
    coalitions = np.vstack([np.ones((1, n), dtype=bool), ~np.eye(n, dtype=bool)])
    values = _valued(value(coalitions), n + 1)
    return values[0] - values[1:]


def exact_shapley(values: np.ndarray) -> np.ndarray:
    """Shapley value from the values of all coalitions.

    Parameters
    ----------
    values : ndarray, shape (2**n,)
        In the order of :func:`all_coalitions`. Floats, or an object array of Fractions for an exact answer.

    Returns
    -------
    ndarray, shape (n,)
        ``phi_i = sum_S |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))`` over the coalitions without ``i``.

    Raises
    ------
    InputError
        If the number of values is not a power of two, or one of them is missing or not finite.
    """
    values = _valued(values)
    n = max(values.size.bit_length() - 1, 0)
    if values.ndim != 1 or len(values) != 2**n:
        raise InputError(f"needs the values of all 2**n coalitions, got shape {values.shape}", field="value")
    exact = values.dtype == object
    shares = [Fraction(math.factorial(s) * math.factorial(n - s - 1), math.factorial(n)) for s in range(n)]
    weights = np.array(shares, dtype=object) if exact else np.array([float(share) for share in shares])
    rows = np.arange(len(values))
    sizes = np.array([row.bit_count() for row in range(len(values))], dtype=np.int64)
    result = np.empty(n, dtype=object if exact else np.float64)
    for worker in range(n):
        without = rows[rows >> worker & 1 == 0]
        result[worker] = (weights[sizes[without]] * (values[without | 1 << worker] - values[without])).sum()
    return result


@dataclass(frozen=True)
class SampledShapley:
    """An estimate of the Shapley value.

    Attributes
    ----------
    values, errors : ndarray of float64, shape (n,)
        Unbiased estimates and their standard errors over permutations.
    permutations : int
        Orders sampled; fewer than asked for if a deadline passed.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    permutations: int


def sampled_shapley(
    value: Value, n: int, *, permutations: int = 200, seed: int = 0, block: int = 50, control: Control | None = None
) -> SampledShapley:
    """Estimate the Shapley value by the mean marginal contribution in random orders of the workers.

    Parameters
    ----------
    value : callable
    n : int
    permutations : int
        At least 2.
    seed : int
    block : int
        Orders valued in one call; equal coalitions of a block are valued once. The orders do not depend on it.
    control : Control, optional
        After its deadline, and on Ctrl-C, the blocks finished are returned, if they hold two orders.

    Returns
    -------
    SampledShapley
        The estimates add up to ``v(N) - v(empty)`` whatever the number of orders.
    """
    permutations = parse_integer(permutations)
    if permutations < 2:
        raise InputError(f"must be at least 2, got {permutations}", field="permutations")
    rng = np.random.Generator(np.random.PCG64(read_seed(seed)))
    marginals: list[NDArray[np.float64]] = []
    done = 0
    try:
        while done < permutations and not (control is not None and done >= 2 and control.expired()):
            count = min(max(block, 2), permutations - done)
            marginals.append(_marginals(value, np.argsort(rng.random((count, n)), axis=1)))
            done += count
            if control is not None:
                control.progress(f"{done} of {permutations} orders")
    except KeyboardInterrupt:
        if done < 2:
            raise
    table = np.vstack(marginals)
    return SampledShapley(table.mean(axis=0), table.std(axis=0, ddof=1) / math.sqrt(len(table)), len(table))


def _marginals(value: Value, orders: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what each worker adds to those before it, shape (orders, n)."""
    count, n = orders.shape
    ranks = np.argsort(orders, axis=1)
    prefixes = (ranks[:, None, :] < np.arange(n + 1)[:, None]).reshape(-1, n)
    distinct, place = np.unique(np.packbits(prefixes, axis=1), axis=0, return_inverse=True)
    coalitions = np.unpackbits(distinct, axis=1, count=n).astype(bool)
    values = _valued(value(coalitions), len(coalitions)).astype(np.float64)[place.reshape(count, n + 1)]
    return np.take_along_axis(np.diff(values, axis=1), ranks, axis=1)


def _valued(values: object, count: int | None = None) -> np.ndarray:
    """Check the values of coalitions: numbers, finite, and as many as coalitions were asked for.

    Raises
    ------
    InputError
        One missing value would make every worker's share NaN.
    """
    checked = plain_array(values, "value")
    if checked.dtype == object and not all(isinstance(one, Rational) for one in checked.ravel().tolist()):
        raise InputError("expected numbers, or Fractions", field="value")
    if checked.size and checked.dtype.kind not in "iufO":
        raise InputError(f"expected numbers, got {checked.dtype.name}", field="value")
    if checked.dtype.kind == "f" and not np.isfinite(checked).all():
        raise InputError(f"coalition {int(np.argmin(np.isfinite(checked)))} has no finite value", field="value")
    if count is not None and checked.shape != (count,):
        raise InputError(f"{count} coalitions need as many values, got shape {checked.shape}", field="value")
    return checked

"""ORP with seat limits: the matroid greedy on the group-by-requester flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.exact import integer_array
from .polymatroid import COMPILE_FROM, SeatFlow, descending


@dataclass(frozen=True)
class Basis:
    """A largest-weight set of placeable workers.

    Attributes
    ----------
    chosen : ndarray of intp, shape (k,)
        The workers, ascending.
    routing : ndarray of int64, shape (L, m)
        How many of each group go to each requester.
    blocked_by : ndarray of intp, shape (L,)
        The worker whose refusal showed that the group is in a tight set, or -1 if the group was never refused.
    """

    chosen: NDArray[np.intp]
    routing: NDArray[np.int64]
    blocked_by: NDArray[np.intp]


def best_placeable_set(
    weights: np.ndarray | Sequence[int], groups: ArrayLike, caps: ArrayLike, seats: ArrayLike, most: int | None = None
) -> Basis:
    """Solve ORP with seats exactly: ``max sum of weights`` over the sets of workers that can be placed.

    Parameters
    ----------
    weights : ndarray or sequence of int, shape (n,)
        Scores (any integers; workers of weight <= 0 are left out).
    groups : array_like of int, shape (n,)
        Group of each worker.
    caps : array_like of int, shape (L, m)
        ``tau``.
    seats : array_like of int, shape (m,)
        ``s``.
    most : int, optional
        Also choose at most so many workers (the truncated matroid: the first ``most`` accepted).

    Returns
    -------
    Basis
        Ties between equal weights go to the lower index, whatever the costs.

    Notes
    -----
    DriftPay section 5 solves the same problem by min-cost flow with a node per worker.
    """
    weights = weights if isinstance(weights, np.ndarray) else integer_array(weights)
    groups = np.asarray(groups, dtype=np.int64)
    if weights.dtype == object:
        order = np.array(sorted(range(len(weights)), key=lambda i: -weights[i]), dtype=np.intp)
    else:
        order = descending(weights.astype(np.int64, copy=False))
    order = order[(weights[order] > 0).astype(bool)]
    flow = SeatFlow(caps, seats, compiled=len(order) >= COMPILE_FROM)
    accepted = np.flatnonzero(flow.push(groups[order]) > 0)
    steps = np.array(flow.first_blocked, dtype=np.intp)
    if most is not None and len(accepted) > most:
        # The next worker that would have been accepted is refused, and with it everything after.
        steps[(steps < 0) | (steps > accepted[most])] = accepted[most]
        accepted = accepted[:most]
        counts = np.bincount(groups[order[accepted]], minlength=len(steps))
        flow = SeatFlow(caps, seats)
        flow.push(np.arange(len(counts)), counts)
    blocked_by = np.full(len(steps), -1, dtype=np.intp)
    refused = steps >= 0
    blocked_by[refused] = order[steps[refused]]
    return Basis(np.sort(order[accepted]), flow.routing, blocked_by)

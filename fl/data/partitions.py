"""Which client holds which samples: IID, classes per client, given sizes, given counts.

Every function takes the labels of the samples and a numpy generator, and returns one array of indices for each client:
ascending, disjoint from the others.  Equal generators give equal partitions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.arrays import plain_array
from ...models.input_error import InputError

__all__ = [
    "Partition",
    "check_clients",
    "check_counts",
    "check_enough",
    "check_labels",
    "classes_per_client",
    "deal",
    "given_sizes",
    "pools_of",
]

Partition = list[NDArray[np.int64]]


def given_sizes(labels: ArrayLike, sizes: Sequence[int] | ArrayLike, rng: np.random.Generator) -> Partition:
    """Deal samples at random to clients of given sizes; what is left belongs to nobody.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample; only their number matters.
    sizes : sequence of int
        Samples of each client, non-negative.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    list of ndarray of int64
        The indices each client holds.

    Raises
    ------
    InputError
        If the sizes are not counts, or add up to more than there are samples.
    """
    n, wanted = len(check_labels(labels)), check_counts(sizes, "sizes")
    check_enough(n, wanted)
    ends = np.cumsum(wanted)
    dealt = rng.permutation(n)
    return [np.sort(dealt[end - size : end]) for end, size in zip(ends, wanted, strict=True)]


def classes_per_client(
    labels: ArrayLike,
    classes_of_each: Sequence[int] | ArrayLike,
    sizes: Sequence[int] | ArrayLike,
    rng: np.random.Generator,
) -> Partition:
    """Give each client samples of an exact number of classes, in shares as equal as the supply allows.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample.
    classes_of_each : sequence of int
        Number of different classes each client holds, at least 1.
    sizes : sequence of int
        Samples of each client, at least its number of classes.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    list of ndarray of int64
        The indices each client holds, of exactly the sizes wanted.

    Raises
    ------
    InputError
        If an argument makes no sense, or no choice of classes was found that holds enough samples.

    Notes
    -----
    Source: SWAN, section V-A2, CIFAR-10 (stated: one class for clients of the first type, five for the second, all for
    the third).  Which classes, and that shares are equal, is reconstructed: a client takes the classes least
    promised so far, ties at random, those who take most of a class first.  In SWAN's own setting, which uses all
    50,000 images, equal shares do not exist; then the deviation from them, summed over all, is the least possible for
    the classes chosen (a transportation problem).
    """
    known, kinds = check_labels(labels), check_counts(classes_of_each, "classes_of_each")
    wanted = check_counts(sizes, "sizes")
    if len(kinds) != len(wanted):
        raise InputError(f"{len(wanted)} sizes for {len(kinds)} clients", field="sizes")
    pools = pools_of(known, rng)
    for i, (kind, size) in enumerate(zip(kinds.tolist(), wanted.tolist(), strict=True)):
        if not 1 <= kind <= len(pools):
            raise InputError(f"{kind} classes, where the data have {len(pools)}", row=f"client {i}", field="classes")
        if size < kind:
            raise InputError(f"{size} samples cannot be of {kind} classes", row=f"client {i}", field="sizes")
    check_enough(len(known), wanted)
    supply = np.array([len(pool) for pool in pools])
    for _ in range(10):
        chosen = _choose_classes(kinds, wanted, supply, rng)
        table = _equal_shares(chosen, wanted, rng)
        if (table.sum(axis=0) <= supply).all():
            return deal(pools, table)
        fitted = _nearest_shares(chosen, wanted, supply)
        if fitted is not None:
            return deal(pools, fitted)
    raise InputError("no choice of classes was found that holds enough samples for these clients", field="sizes")


def _choose_classes(
    kinds: NDArray[np.int64], wanted: NDArray[np.int64], supply: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Mark each client's classes: the least promised first, among those that have enough left."""
    chosen = np.zeros((len(kinds), len(supply)), dtype=bool)
    promised = np.zeros(len(supply))
    for i in sorted(range(len(kinds)), key=lambda i: (-wanted[i] / kinds[i], rng.random())):
        share = wanted[i] / kinds[i]
        short = np.maximum(promised + share - supply, 0.0)
        best = np.lexsort((rng.random(len(supply)), promised, short))[: kinds[i]]
        chosen[i, best] = True
        promised[best] += share
    return chosen


def _equal_shares(chosen: NDArray[np.bool_], wanted: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Split each client's size over its classes in shares that differ by at most one."""
    table = np.zeros(chosen.shape, dtype=np.int64)
    for i, size in enumerate(wanted.tolist()):
        mine = rng.permutation(np.flatnonzero(chosen[i]))
        share, rest = divmod(size, len(mine))
        table[i, mine] = share
        table[i, mine[:rest]] += 1
    return table


def _nearest_shares(
    chosen: NDArray[np.bool_], wanted: NDArray[np.int64], supply: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Shares nearest to equal ones that the supply allows, or nothing if there are none."""
    from scipy.optimize import linprog
    from scipy.sparse import coo_array, hstack

    rows, columns = np.nonzero(chosen)
    entries, ones = np.arange(len(rows)), np.ones(len(rows))
    share = wanted[rows] // chosen.sum(axis=1)[rows]
    # x = 1 + below + above: up to the equal share for nothing, each sample beyond it for 1.
    of_client = coo_array((ones, (rows, entries)), shape=(len(wanted), len(rows)))
    of_class = coo_array((ones, (columns, entries)), shape=(len(supply), len(rows)))
    found = linprog(
        np.concatenate([np.zeros(len(rows)), ones]),
        A_eq=hstack([of_client, of_client], format="csr"),
        b_eq=wanted - chosen.sum(axis=1),
        A_ub=hstack([of_class, of_class], format="csr"),
        b_ub=supply - chosen.sum(axis=0),
        bounds=[(0, int(top)) for top in share - 1] + [(0, None)] * len(rows),
        method="highs-ds",
    )
    if found.status != 0:
        return None
    # A vertex of a transportation problem is integral; what the solver returns is rounded and checked.
    table = np.zeros(chosen.shape, dtype=np.int64)
    table[rows, columns] = 1 + np.rint(found.x[: len(rows)] + found.x[len(rows) :]).astype(np.int64)
    exact = (table.sum(axis=1) == wanted).all() and (table.sum(axis=0) <= supply).all() and (table[chosen] > 0).all()
    return table if exact else None


def pools_of(known: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The samples of each class that occurs, shuffled."""
    return [rng.permutation(np.flatnonzero(known == label)) for label in np.unique(known)]


def deal(pools: list[NDArray[np.int64]], table: NDArray[np.int64]) -> Partition:
    """Hand out the pools in the numbers of the table, clients by rows and classes by columns."""
    ends = np.cumsum(table, axis=0)
    return [
        np.sort(np.concatenate([pool[end - count : end] for pool, end, count in zip(pools, last, row, strict=True)]))
        if len(pools)
        else np.zeros(0, dtype=np.int64)
        for last, row in zip(ends, table, strict=True)
    ]


def check_labels(labels: ArrayLike) -> NDArray[np.int64]:
    """Check labels: a list of integers."""
    known = plain_array(labels, "labels")
    if known.ndim != 1 or (known.size and known.dtype.kind not in "iu"):
        raise InputError("must be a list of integers", field="labels")
    return known.astype(np.int64)


def check_clients(clients: int) -> int:
    """Check a number of clients: positive."""
    if isinstance(clients, bool) or not isinstance(clients, int | np.integer) or clients < 1:
        raise InputError(f"must be a positive whole number, not {clients!r}", field="clients")
    return int(clients)


def check_counts(values: Sequence[int] | ArrayLike, field: str) -> NDArray[np.int64]:
    """Check one count for each client."""
    counts = plain_array(values, field)
    if counts.ndim != 1 or not counts.size or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise InputError("must be a list of whole numbers, none negative, one for each client", field=field)
    return counts.astype(np.int64)


def check_enough(samples: int, wanted: NDArray[np.int64]) -> None:
    """Refuse to deal more samples than there are."""
    if (total := int(wanted.sum())) > samples:
        raise InputError(f"{total} samples are asked for and there are {samples}", field="sizes")

"""Which client holds which samples: IID, Dirichlet, classes per client, given sizes, given counts.

Every function takes the labels of the samples and a numpy generator, and returns one array of indices for each client:
ascending, disjoint from the others.  Equal generators give equal partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.input_error import InputError

__all__ = [
    "class_counts",
    "classes_per_client",
    "dirichlet",
    "dirichlet_balanced",
    "dirichlet_per_client",
    "fit_counts",
    "given_sizes",
    "iid",
]

Partition = list[NDArray[np.int64]]

# Re-draws of the Dirichlet partitions before their minimum is called out of reach.
DRAWS = 10_000

# Outside of these, logarithms of Dirichlet weights leave the range of floats.
LEAST_BETA, GREATEST_BETA = 1e-300, 1e300


def iid(labels: ArrayLike, clients: int, rng: np.random.Generator) -> Partition:
    """Deal all samples at random, in shares that differ by at most one.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample; only their number matters.
    clients : int
        Number of clients; with more clients than samples some hold none.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    list of ndarray of int64
        The indices each client holds.

    Raises
    ------
    InputError
        If `labels` is not a list of integers or `clients` not positive.
    """
    n, clients = len(_labels(labels)), _clients(clients)
    bounds = np.arange(1, clients) * n // clients
    return [np.sort(part) for part in np.split(rng.permutation(n), bounds)]


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
    n, wanted = len(_labels(labels)), _counts(sizes, "sizes")
    _enough(n, wanted)
    ends = np.cumsum(wanted)
    dealt = rng.permutation(n)
    return [np.sort(dealt[end - size : end]) for end, size in zip(ends, wanted, strict=True)]


def class_counts(labels: ArrayLike, counts: ArrayLike, rng: np.random.Generator) -> Partition:
    """Deal samples so that each client holds a given number of each class.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample.
    counts : array_like of int, shape (clients, classes)
        Samples of class ``c`` that a client gets; column ``c`` is label ``c``.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    list of ndarray of int64
        The indices each client holds.

    Raises
    ------
    InputError
        If `counts` is not a table of counts, or a class has too few samples.
    """
    known, table = _labels(labels), _table(counts)
    pools = [rng.permutation(np.flatnonzero(known == c)) for c in range(table.shape[1])]
    for c, (pool, wanted) in enumerate(zip(pools, table.sum(axis=0).tolist(), strict=True)):
        if wanted > len(pool):
            raise InputError(f"class {c}: {wanted} samples are asked for and there are {len(pool)}", field="counts")
    return _deal(pools, table)


def fit_counts(labels: ArrayLike, counts: ArrayLike, rng: np.random.Generator) -> NDArray[np.int64]:
    """Thin a table of counts, where it asks for more than there is, by one factor for all classes.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample.
    counts : array_like of int, shape (clients, classes)
        Samples of class ``c`` that a client is to have; column ``c`` is label ``c``.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of int64, shape (clients, classes)
        The table itself where the samples suffice.  Else each class keeps the same share of its total, rounded down,
        and those kept are drawn at random among the clients' samples: expected sizes and label mixes stay in
        proportion.

    Raises
    ------
    InputError
        If `counts` is not a table of counts, or asks for a class of which there is no sample.
    """
    known, table = _labels(labels), _table(counts)
    wanted = table.sum(axis=0).tolist()
    supply = [int((known == c).sum()) for c in range(len(wanted))]
    for c, (have, want) in enumerate(zip(supply, wanted, strict=True)):
        if want and not have:
            raise InputError(f"class {c}: {want} samples are asked for and there are none", field="counts")
    factor = min((Fraction(have, want) for have, want in zip(supply, wanted, strict=True) if want), default=Fraction(1))
    if factor >= 1:
        return table
    columns = [
        rng.multivariate_hypergeometric(column, int(factor * want), method="marginals")
        for column, want in zip(table.T, wanted, strict=True)
    ]
    return np.stack(columns, axis=1)


def dirichlet(labels: ArrayLike, clients: int, beta: float, rng: np.random.Generator, least: int = 0) -> Partition:
    """Split each class over the clients in proportions drawn from a Dirichlet distribution.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample.
    clients : int
        Number of clients.
    beta : float
        Concentration: small values give clients few classes and unequal sizes, large ones equal shares.
    rng : numpy.random.Generator
        Source of randomness.
    least : int
        Re-draw until every client holds so many samples.

    Returns
    -------
    list of ndarray of int64
        The indices each client holds; every sample belongs to one client.

    Raises
    ------
    InputError
        If an argument makes no sense, or the minimum is out of reach or was not met in 10,000 draws.

    Notes
    -----
    The plain variant of the label skew used throughout federated learning: for each class ``k`` proportions
    ``p_k ~ Dir(beta 1)`` over the clients (stated in Li et al., "Model-Contrastive Federated Learning", CVPR 2021,
    section 4.1).  Shares are cut at the floors of the cumulative proportions.
    """
    return _dirichlet_of_classes(labels, clients, beta, rng, least, balanced=False)


def dirichlet_balanced(
    labels: ArrayLike, clients: int, beta: float, rng: np.random.Generator, least: int = 10
) -> Partition:
    """Split each class over the clients as MOON's code does: the full get no more, and nobody stays with too little.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample.
    clients : int
        Number of clients.
    beta : float
        Concentration.
    rng : numpy.random.Generator
        Source of randomness.
    least : int
        Re-draw until every client holds so many samples; 10 in MOON's code.

    Returns
    -------
    list of ndarray of int64
        The indices each client holds; every sample belongs to one client.

    Raises
    ------
    InputError
        If an argument makes no sense, or the minimum is out of reach or was not met in 10,000 draws.

    Notes
    -----
    Source: the published code of MOON (Li et al., CVPR 2021).  It goes through the classes in order, strikes out the
    clients that hold their average share ``n / clients`` already, normalises the other proportions, and draws
    everything again until each client has 10 samples, for ever if need be.  Here the draws are bounded, and as
    proportions among the clients left are Dirichlet again they are drawn so that they never become 0/0.
    """
    return _dirichlet_of_classes(labels, clients, beta, rng, least, balanced=True)


def dirichlet_per_client(
    labels: ArrayLike,
    clients: int,
    beta: float,
    rng: np.random.Generator,
    sizes: Sequence[int] | ArrayLike | None = None,
) -> Partition:
    """Draw each client's class mix from a Dirichlet distribution and its samples accordingly.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        Label of each sample.
    clients : int
        Number of clients.
    beta : float
        Concentration of the mixes.
    rng : numpy.random.Generator
        Source of randomness.
    sizes : sequence of int, optional
        Samples of each client.  By default all samples are dealt, in shares that differ by at most one.

    Returns
    -------
    list of ndarray of int64
        The indices each client holds, of exactly the sizes wanted.

    Raises
    ------
    InputError
        If an argument makes no sense, or the sizes add up to more than there are samples.

    Notes
    -----
    Source: DriftPay, section 7(e), "Non-IID control via Dirichlet heterogeneity" (stated: ``pi_i ~ Dir(beta 1)`` for each
    worker; that samples are dealt without replacement is a choice made here).  Clients take one sample at a time, in
    random turns.  When a class has run out its share of each mix falls to the classes left, in proportion, so that
    mixes are followed closely only while samples are plenty.
    """
    known, clients = _labels(labels), _clients(clients)
    if sizes is None:
        wanted = np.diff(np.arange(clients + 1) * len(known) // clients)
    else:
        wanted = _counts(sizes, "sizes")
        if len(wanted) != clients:
            raise InputError(f"{len(wanted)} sizes for {clients} clients", field="sizes")
    _enough(len(known), wanted)
    pools = _pools(known, rng)
    weights = _log_weights(beta, (clients, len(pools)), rng)
    turns = rng.permutation(np.repeat(np.arange(clients), wanted))
    left = np.array([len(pool) for pool in pools])
    table = np.zeros((clients, len(pools)), dtype=np.int64)
    while len(turns):
        # All turns at once, up to the first that finds its class empty.
        steps = np.cumsum(_proportions(weights, left > 0), axis=1)
        drawn = (rng.random(len(turns))[:, None] * steps[turns, -1:] >= steps[turns]).sum(axis=1)
        end = len(turns)
        for c in range(len(pools)):
            takers = np.flatnonzero(drawn == c)
            if len(takers) > left[c]:
                end = min(end, int(takers[left[c]]))
        np.add.at(table, (turns[:end], drawn[:end]), 1)
        left -= np.bincount(drawn[:end], minlength=len(pools))
        turns = turns[end:]
    return _deal(pools, table)


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
    known, kinds = _labels(labels), _counts(classes_of_each, "classes_of_each")
    wanted = _counts(sizes, "sizes")
    if len(kinds) != len(wanted):
        raise InputError(f"{len(wanted)} sizes for {len(kinds)} clients", field="sizes")
    pools = _pools(known, rng)
    for i, (kind, size) in enumerate(zip(kinds.tolist(), wanted.tolist(), strict=True)):
        if not 1 <= kind <= len(pools):
            raise InputError(f"{kind} classes, where the data have {len(pools)}", row=f"client {i}", field="classes")
        if size < kind:
            raise InputError(f"{size} samples cannot be of {kind} classes", row=f"client {i}", field="sizes")
    _enough(len(known), wanted)
    supply = np.array([len(pool) for pool in pools])
    for _ in range(10):
        chosen = _choose_classes(kinds, wanted, supply, rng)
        table = _equal_shares(chosen, wanted, rng)
        if (table.sum(axis=0) <= supply).all():
            return _deal(pools, table)
        fitted = _nearest_shares(chosen, wanted, supply)
        if fitted is not None:
            return _deal(pools, fitted)
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


def _dirichlet_of_classes(
    labels: ArrayLike, clients: int, beta: float, rng: np.random.Generator, least: int, *, balanced: bool
) -> Partition:
    known, clients = _labels(labels), _clients(clients)
    if least < 0 or least * clients > len(known):
        raise InputError(f"{clients} clients with {least} samples each, of {len(known)} in all", field="least")
    pools = _pools(known, rng)
    for _ in range(DRAWS if least else 1):
        # Sizes first: samples are dealt once, when every client has enough.
        table = np.zeros((clients, len(pools)), dtype=np.int64)
        held = np.zeros(clients, dtype=np.int64)
        weights = _log_weights(beta, (len(pools), clients), rng)
        for c, pool in enumerate(pools):
            open_ = held * clients < len(known) if balanced else np.ones(clients, dtype=bool)
            shares = _proportions(weights[c : c + 1], open_)[0]
            cuts = np.floor(np.minimum(np.cumsum(shares), 1.0) * len(pool)).astype(np.int64)
            cuts[np.flatnonzero(open_)[-1] :] = len(pool)
            table[:, c] = np.diff(cuts, prepend=0)
            held += table[:, c]
        if held.min() >= least:
            return _deal(pools, table)
    raise InputError(
        f"in {DRAWS:,} draws no partition gave each of {clients} clients {least} samples of {len(known)}:"
        f" a larger beta than {beta:g}, fewer clients or a smaller minimum is needed",
        field="least",
    )


def _log_weights(beta: float, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Logarithms of independent Gamma(beta) variables: rows that, normalised, are Dirichlet however small beta is.

    ``Gamma(beta) = Gamma(beta + 1) U^(1/beta)`` in distribution, which no small ``beta`` can underflow in logarithms.
    """
    if not LEAST_BETA <= beta <= GREATEST_BETA:
        raise InputError(f"must be a number from {LEAST_BETA:g} to {GREATEST_BETA:g}, not {beta}", field="beta")
    return np.log(rng.standard_gamma(beta + 1, shape)) + np.log1p(-rng.random(shape)) / beta


def _proportions(log_weights: NDArray[np.float64], open_: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Normalise each row over the open columns; the others get nothing."""
    masked = np.where(open_, log_weights, -np.inf)
    weights = np.exp(masked - masked.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _pools(known: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The samples of each class that occurs, shuffled."""
    return [rng.permutation(np.flatnonzero(known == label)) for label in np.unique(known)]


def _deal(pools: list[NDArray[np.int64]], table: NDArray[np.int64]) -> Partition:
    """Hand out the pools in the numbers of the table, clients by rows and classes by columns."""
    ends = np.cumsum(table, axis=0)
    return [
        np.sort(np.concatenate([pool[end - count : end] for pool, end, count in zip(pools, last, row, strict=True)]))
        if len(pools)
        else np.zeros(0, dtype=np.int64)
        for last, row in zip(ends, table, strict=True)
    ]


def _labels(labels: ArrayLike) -> NDArray[np.int64]:
    known = np.asarray(labels)
    if known.ndim != 1 or (known.size and known.dtype.kind not in "iu"):
        raise InputError("must be a list of integers", field="labels")
    return known.astype(np.int64)


def _clients(clients: int) -> int:
    if isinstance(clients, bool) or not isinstance(clients, int | np.integer) or clients < 1:
        raise InputError(f"must be a positive whole number, not {clients!r}", field="clients")
    return int(clients)


def _counts(values: Sequence[int] | ArrayLike, field: str) -> NDArray[np.int64]:
    counts = np.asarray(values)
    if counts.ndim != 1 or not counts.size or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise InputError("must be a list of whole numbers, none negative, one for each client", field=field)
    return counts.astype(np.int64)


def _table(counts: ArrayLike) -> NDArray[np.int64]:
    table = np.asarray(counts)
    if table.ndim != 2 or not len(table):
        raise InputError("must be a table with a row for each client and a column for each class", field="counts")
    return _counts(table.ravel(), "counts").reshape(table.shape)


def _enough(samples: int, wanted: NDArray[np.int64]) -> None:
    if (total := int(wanted.sum())) > samples:
        raise InputError(f"{total} samples are asked for and there are {samples}", field="sizes")

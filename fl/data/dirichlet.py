"""Who holds which samples where label skew is drawn from a Dirichlet distribution: by class, balanced, or by client.

Arguments and results are those of :mod:`.partitions`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...models.input_error import InputError
from .partitions import (
    Partition,
    check_clients,
    check_counts,
    check_enough,
    check_labels,
    deal,
    pools_of,
)

__all__ = ["dirichlet", "dirichlet_balanced", "dirichlet_per_client"]

# Re-draws of the Dirichlet partitions before their minimum is called out of reach.
DRAWS = 10_000

# Outside of these, logarithms of Dirichlet weights leave the range of floats.
LEAST_BETA, GREATEST_BETA = 1e-300, 1e300


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

    Parameters, result and what is refused are those of :func:`dirichlet`; `least` is 10 in MOON's code.

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
    """Draw each client's class mix from a Dirichlet distribution and its samples from the mix.

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
    worker; that samples are dealt without replacement, and how, is a choice made here).

    1. Each client draws a mix, and the class of each of its samples by it, whatever there is.
    2. Where a class is asked for more often than it occurs, clients trade it for another: all that a client asks of the one it
       asks of the other, and conversely.  The mixes are exchangeable in the classes, so each stays a draw of ``Dir(beta 1)``
       as concentrated as it was; only who has which class comes to depend on the supply.
    3. What no trade can mend, a few samples, is drawn again by the same mix among the classes that have some left.
    """
    known, clients = check_labels(labels), check_clients(clients)
    if sizes is None:
        wanted = np.diff(np.arange(clients + 1) * len(known) // clients)
    else:
        wanted = check_counts(sizes, "sizes")
        if len(wanted) != clients:
            raise InputError(f"{len(wanted)} sizes for {clients} clients", field="sizes")
    check_enough(len(known), wanted)
    pools = pools_of(known, rng)
    weights = _log_weights(beta, (clients, len(pools)), rng)
    supply = np.array([len(pool) for pool in pools], dtype=np.int64)
    turns = rng.permutation(np.repeat(np.arange(clients), wanted))
    drawn = _draw_classes(weights, supply > 0, turns, rng)
    names = _trade_classes(_tally(turns, drawn, (clients, len(pools))), supply, rng)
    weights = np.take_along_axis(weights, np.argsort(names, axis=1), axis=1)
    drawn = names[turns, drawn]
    table = np.zeros((clients, len(pools)), dtype=np.int64)
    while len(turns):
        again = np.zeros(len(turns), dtype=bool)
        for c, room in enumerate(supply - table.sum(axis=0)):
            again[np.flatnonzero(drawn == c)[room:]] = True
        table += _tally(turns[~again], drawn[~again], table.shape)
        turns = turns[again]
        drawn = _draw_classes(weights, table.sum(axis=0) < supply, turns, rng)
    return deal(pools, table)


def _draw_classes(
    log_weights: NDArray[np.float64], open_: NDArray[np.bool_], turns: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a class for each turn by its client's mix over the open classes."""
    if not len(turns):
        return turns
    steps = np.cumsum(_proportions(log_weights, open_), axis=1)[turns]
    return (rng.random(len(turns))[:, None] * steps[:, -1:] >= steps).sum(axis=1)


def _tally(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _trade_classes(asked: NDArray[np.int64], supply: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Find which class each client is to have in the place of which, so that few samples are missing.

    One client at a time trades the class of which most samples are missing for the one that lowers their number most, the
    first in a random order of the clients where several do. Returns a permutation of the classes for each client.
    """
    order = rng.permutation(len(asked))
    now = asked[order]
    # Which class stood at first where each stands now.
    origin = np.tile(np.arange(now.shape[1]), (len(now), 1))
    missing = now.sum(axis=0) - supply
    while missing.size and missing.max() > 0:
        scarce = int(missing.argmax())
        moved = now[:, [scarce]] - now
        shortage = np.maximum(missing, 0)
        fall = np.minimum(moved, missing[scarce]) - (np.maximum(missing + moved, 0) - shortage)
        fall[:, scarce] = 0
        client, other = np.unravel_index(int(fall.argmax()), fall.shape)
        if fall[client, other] <= 0:
            break
        missing[other] += moved[client, other]
        missing[scarce] -= moved[client, other]
        for columns in (now, origin):
            columns[client, [scarce, other]] = columns[client, [other, scarce]]
    names = np.empty_like(origin)
    names[order] = np.argsort(origin, axis=1)
    return names


def _dirichlet_of_classes(
    labels: ArrayLike, clients: int, beta: float, rng: np.random.Generator, least: int, *, balanced: bool
) -> Partition:
    known, clients = check_labels(labels), check_clients(clients)
    if least < 0 or least * clients > len(known):
        raise InputError(f"{clients} clients with {least} samples each, of {len(known)} in all", field="least")
    pools = pools_of(known, rng)
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
            return deal(pools, table)
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

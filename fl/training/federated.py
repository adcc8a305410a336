"""Federated averaging: rounds of local training by the participants and averaging by the server.

FedAvg, FedProx and MOON differ in the recipe's local loss only. With MOON every client keeps its local model of the last
round in which it took part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.arrays import whole_numbers
from ...models.input_error import InputError
from .aggregate import WEIGHTINGS, average, client_weights
from .architectures import Architecture
from .batched import train_clients
from .evaluate import evaluate
from .holdings import check_holdings, check_samples
from .parameters import Params, clients_of, place
from .recipe import Recipe

__all__ = ["DECAYS", "WEIGHTINGS", "FederatedRound", "federated_rounds", "round_recipe", "train_federated"]

DECAYS = ("geometric", "inverse")
"""Learning rate of round ``r``: ``rate * decay**r``, or ``rate / (1 + decay * r)``."""


@dataclass(frozen=True)
class FederatedRound:
    """What one round left.

    Attributes
    ----------
    number : int
        The round, counted from 0.
    params : Params
        The global model after it.
    participants : ndarray of int64
        Who trained, ascending.
    learning_rate : float
        Of this round.
    loss, accuracy : float or None
        Of the global model on the test samples; ``None`` without test samples.
    """

    number: int
    params: Params
    participants: NDArray[np.int64]
    learning_rate: float
    loss: float | None
    accuracy: float | None


def round_recipe(recipe: Recipe, number: int, decay: float = 1.0, decaying: str = "geometric") -> Recipe:
    """Return the recipe of one round: the next seed of the batch order, the decayed learning rate.

    Parameters
    ----------
    recipe : Recipe
        Of the first round.
    number : int
        The round, counted from 0.
    decay : float
        Strength of the decay, > 0; see `DECAYS`.
    decaying : {"geometric", "inverse"}
        Its form.

    Returns
    -------
    Recipe

    Raises
    ------
    InputError
        If the decay is not positive or has no such form.

    Notes
    -----
    Source: SWAN section V-A2 (stated: an initial rate, decaying with the index of the round; the formula is lost from the
    paper's text, so both usual forms are offered).
    """
    if decaying not in DECAYS:
        raise InputError(f"'{decaying}' is not one of {', '.join(DECAYS)}", field="decaying")
    if not 0 < decay < float("inf"):
        raise InputError(f"has to be a number > 0, not {decay!r}", field="decay")
    factor = decay**number if decaying == "geometric" else 1 / (1 + decay * number)
    return replace(recipe, seed=recipe.seed + number, learning_rate=recipe.learning_rate * factor)


def checked_participants(given: Sequence[int] | NDArray[np.int64], clients: int) -> NDArray[np.int64]:
    named = whole_numbers(given, "participants")
    participants = np.unique(named)
    if len(participants) != len(named) or not len(participants):
        raise InputError("a round needs at least one participant, each named once", field="participants")
    if participants[0] < 0 or participants[-1] >= clients:
        raise InputError(f"a participant is not among the clients 0 to {clients - 1}", field="participants")
    return participants


def federated_rounds(
    architecture: Architecture,
    inputs: Any,
    labels: Any,
    holdings: Sequence[Any],
    recipe: Recipe,
    *,
    rounds: int,
    participants: Sequence[int] | NDArray[np.int64] | Callable[[int], Sequence[int]] | None = None,
    weighting: str = "samples",
    heterogeneity: float = 0.0,
    start: Mapping[str, Tensor] | None = None,
    decay: float = 1.0,
    decaying: str = "geometric",
    test: tuple[Any, Any] | None = None,
    class_weights: Sequence[float] | None = None,
    device: str | torch.device = "cpu",
) -> Iterator[FederatedRound]:
    """Train one global model, a round at a time; what is yielded is complete, so a caller may stop anywhere.

    Parameters
    ----------
    architecture : Architecture
        The model.
    inputs, labels : arrays, shapes (N, \\*input_shape) and (N,)
        All training samples.
    holdings : sequence of arrays of integers
        Samples of each client; those who never take part may hold none.
    recipe : Recipe
        Local training in the first round; see `round_recipe` for the others.
    rounds : int
        Rounds, >= 0.
    participants : sequence of int or callable, optional
        Who trains: the same in every round, or a function of the round's number; all clients when missing.
    weighting : {"samples", "plain", "least-error"}
        How models are averaged; see `client_weights`.
    heterogeneity : float
        Of ``least-error``: client variance over data variance times dimension.
    start : Params, optional
        First global model; `Architecture.initial` of the recipe's seed when missing.
    decay, decaying : float, str
        Decay of the learning rate; see `round_recipe`.
    test : pair of arrays, optional
        Samples and classes on which every round's model is evaluated.
    class_weights : sequence of float, optional
        As in `evaluate`.
    device : str or torch.device
        Where to train.

    Yields
    ------
    FederatedRound

    Raises
    ------
    InputError
        If an option is unknown, a participant does not exist or holds no samples, or data do not fit.

    Notes
    -----
    Source: McMahan et al., AISTATS 2017 (weights by samples); SWAN section III-A (the plain average is reconstructed from eq. (3):
    the losses of eq. (2) are weighted by samples);
    MOON's previous local models as in Li et al., CVPR 2021: before its first round a client's is the global model.
    """
    client_weights(weighting, [], heterogeneity)
    if rounds < 0:
        raise InputError(f"has to be >= 0, not {rounds}", field="rounds")
    params = place(architecture.initial(recipe.seed) if start is None else start, device)
    x, y = check_samples(architecture, inputs, labels, device, next(iter(params.values())).dtype)
    previous: Params | None = None
    for number in range(rounds):
        now = round_recipe(recipe, number, decay, decaying)
        chosen = participants(number) if callable(participants) else participants
        who = checked_participants(range(len(holdings)) if chosen is None else chosen, len(holdings))
        held = check_holdings([holdings[client] for client in who], len(y))
        rows = torch.from_numpy(who).to(device)
        if recipe.loss == "moon" and previous is None:
            previous = {name: tensor.repeat(len(holdings), *[1] * tensor.dim()) for name, tensor in params.items()}
            before = None
        else:
            before = None if previous is None else clients_of(previous, rows)
        local = train_clients(architecture, params, x, y, held, now, previous=before, clients=who, device=device)
        if previous is not None:
            for name, tensor in local.items():
                previous[name][rows] = tensor
        params = average(local, client_weights(weighting, [len(indices) for indices in held], heterogeneity))
        loss, accuracy = (None, None) if test is None else evaluate(architecture, params, *test, class_weights)
        yield FederatedRound(number, params, who, now.learning_rate, loss, accuracy)


def train_federated(
    architecture: Architecture,
    inputs: Any,
    labels: Any,
    holdings: Sequence[Any],
    recipe: Recipe,
    *,
    rounds: int,
    **options: Any,
) -> list[FederatedRound]:
    """Train one global model and keep every round.

    Parameters
    ----------
    architecture, inputs, labels, holdings, recipe, rounds
        As in `federated_rounds`.
    **options
        As in `federated_rounds`.

    Returns
    -------
    list of FederatedRound

    Raises
    ------
    InputError
        As `federated_rounds`.
    """
    return list(federated_rounds(architecture, inputs, labels, holdings, recipe, rounds=rounds, **options))

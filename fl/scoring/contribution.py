"""What a worker contributes to training: coalitions of workers are trained, and the models valued on a test set.

The value of a coalition ``S`` is how much the model that federated averaging makes of it gains over the model it starts from, in
test accuracy or in test loss; ``v(empty) = 0``. Two ways to train:

- one round (:func:`one_round_value`): every worker trains once from the global model, and a coalition's model is the average of its
  members' models, weighted by their samples. All coalitions share the same local models, so 1,000 of them cost one
  training of each worker and 1,000 averages.
- several rounds (:func:`several_rounds_value`): every coalition goes its own way from the second round on, its members starting from
  the coalition's own model; all members of all coalitions train as one batch.

Leave-one-out and Shapley values of these games are the yardstick for scores: DriftPay, section 3 (a proxy "of contribution"), sections 7e
and 10 (stated: whether drift "is predictive in practice" and "marginal contribution estimates rather than stand-alone scores"). The
games are choices made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.input_error import InputError
from ...solvers.control import Control
from ..training.aggregate import positive_weights
from ..training.architectures import Architecture
from ..training.coalitions import train_coalitions
from ..training.evaluate import evaluate
from ..training.parameters import Params, models_in, place
from ..training.recipe import Recipe
from .shapley import (
    EXACT_LIMIT,
    Value,
    all_coalitions,
    exact_shapley,
    leave_one_out,
    sampled_shapley,
)

__all__ = ["METRICS", "Contribution", "Objective", "contributions", "one_round_value", "several_rounds_value"]

METRICS = ("accuracy", "loss")
_NUMBERS = 1 << 25
"""About how many parameters the models of one block of coalitions may have."""


@dataclass(frozen=True, eq=False)
class Objective:
    """What coalitions are valued by: a test set and a metric.

    Attributes
    ----------
    inputs : ndarray of float32, shape (N, ...)
    labels : ndarray of int64, shape (N,)
    metric : {"accuracy", "loss"}
        Gain in accuracy, or fall of the mean cross-entropy in nats.
    class_weights : sequence of float, optional
        A requester's task: weight of each class.
    """

    inputs: Any
    labels: Any
    metric: str = "accuracy"
    class_weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise InputError(f"must be one of {', '.join(METRICS)}; got {self.metric!r}", field="metric")

    def values(self, architecture: Architecture, params: Mapping[str, Tensor]) -> Any:
        """Value one model (a float) or stacked ones (an array): larger is better."""
        loss, accuracy = evaluate(architecture, params, self.inputs, self.labels, self.class_weights)
        return accuracy if self.metric == "accuracy" else -loss


def _averages(stacked: Mapping[str, Tensor], weights: Tensor, coalitions: NDArray[np.bool_]) -> Params:
    """Average the members' models, for every coalition; none of them may be empty."""
    shares = torch.as_tensor(coalitions, dtype=torch.float64) * weights
    shares = shares / shares.sum(1, keepdim=True)
    return {
        name: (shares.to(tensor.device) @ tensor.flatten(1).double()).unflatten(1, tensor.shape[1:]).to(tensor.dtype)
        for name, tensor in stacked.items()
    }


def _checked(coalitions: NDArray[np.bool_], n: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    coalitions = np.asarray(coalitions, dtype=bool)
    if coalitions.ndim != 2 or coalitions.shape[1] != n:
        raise InputError(f"coalitions of {n} workers have {n} columns, not shape {coalitions.shape}", field="value")
    return coalitions, np.flatnonzero(coalitions.any(axis=1))


def one_round_value(
    architecture: Architecture,
    global_params: Mapping[str, Tensor],
    local_params: Mapping[str, Tensor],
    weights: Sequence[float] | NDArray[np.float64],
    test: Objective,
) -> Value:
    """Make the game of one round: a coalition is worth what the average of its members' models gains over the global one.

    Parameters
    ----------
    architecture : Architecture
    global_params : Params
        The model that all started from; what nobody reaches.
    local_params : Params
        ``n`` trained models, stacked.
    weights : sequence of float, shape (n,)
        Positive; FedAvg's are the numbers of samples.
    test : Objective

    Returns
    -------
    callable
        From coalitions, bool of shape (s, n), to values, float64 of shape (s,).

    Raises
    ------
    InputError
        If parameters or weights do not fit.
    """
    n = models_in(local_params, architecture.shapes)
    if n is None or models_in(global_params, architecture.shapes) is not None:
        raise InputError("needs one global model and stacked local ones", field="local_params")
    shares = torch.from_numpy(positive_weights(weights, n))
    origin = test.values(architecture, global_params)
    block = max(1, _NUMBERS // architecture.size)

    def value(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        members, occupied = _checked(coalitions, n)
        values = np.zeros(len(members))
        for first in range(0, len(occupied), block):
            rows = occupied[first : first + block]
            values[rows] = test.values(architecture, _averages(local_params, shares, members[rows])) - origin
        return values

    return value


def several_rounds_value(
    architecture: Architecture,
    global_params: Mapping[str, Tensor],
    inputs: Any,
    labels: Any,
    holdings: Sequence[NDArray[np.int64]],
    recipe: Recipe,
    rounds: int,
    test: Objective,
    *,
    previous: Params | None = None,
    device: str = "cpu",
    control: Control | None = None,
) -> Value:
    """Make the game of several rounds: a coalition trains by federated averaging among its members alone.

    Parameters
    ----------
    architecture : Architecture
    global_params : Params
        The common start, one model.
    inputs, labels, holdings
        The workers' samples; workers are weighted by their numbers of samples.
    recipe : Recipe
        Of every round; round ``r`` = 0, 1, ... takes its batches by ``recipe.seed + r``. With MOON a worker's previous model is its
        own of the round before, in the same coalition.
    rounds : int
        At least 1.
    test : Objective
    previous : Params, optional
        Each worker's model before the first round, stacked, for MOON; the common start when missing.
    device : str
    control : Control, optional
        Told how far the training is.

    Returns
    -------
    callable
        As :func:`one_round_value`, which it equals at one round.
    """
    if rounds < 1:
        raise InputError(f"must be at least 1, got {rounds}", field="rounds")
    n = len(holdings)
    weights = [len(held) for held in holdings]
    start = place(global_params, device)
    origin = test.values(architecture, start)
    block = max(1, _NUMBERS // (architecture.size * max(n, 1)))

    def train(members: NDArray[np.bool_]) -> Params:
        coalitions = [np.flatnonzero(row).astype(np.int64) for row in members]
        options: Any = {"rounds": rounds, "weights": weights, "start": start, "previous": previous, "device": device}
        return train_coalitions(architecture, coalitions, inputs, labels, holdings, recipe, **options)

    def value(coalitions: NDArray[np.bool_]) -> NDArray[np.float64]:
        members, occupied = _checked(coalitions, n)
        values = np.zeros(len(members))
        for first in range(0, len(occupied), block):
            rows = occupied[first : first + block]
            values[rows] = test.values(architecture, train(members[rows])) - origin
            if control is not None:
                control.progress(f"{min(first + block, len(occupied))} of {len(occupied)} coalitions trained")
        return values

    return value


@dataclass(frozen=True)
class Contribution:
    """What every worker adds.

    Attributes
    ----------
    leave_one_out : ndarray of float64, shape (n,)
        ``v(N) - v(N without i)``.
    shapley : ndarray of float64, shape (n,)
    errors : ndarray of float64, shape (n,)
        Standard errors of `shapley`; 0 if exact.
    exact : bool
    alone : ndarray of float64, shape (n,)
        ``v({i})``.
    everybody : float
        ``v(N)``.
    """

    leave_one_out: NDArray[np.float64]
    shapley: NDArray[np.float64]
    errors: NDArray[np.float64]
    exact: bool
    alone: NDArray[np.float64]
    everybody: float


def contributions(
    value: Value,
    n: int,
    *,
    exact_limit: int = EXACT_LIMIT,
    permutations: int = 200,
    seed: int = 0,
    control: Control | None = None,
) -> Contribution:
    """Leave-one-out and Shapley values of a game.

    Parameters
    ----------
    value : callable
        E.g. of :func:`one_round_value`.
    n : int
        Workers, at least 1.
    exact_limit : int
        Up to so many workers all coalitions are valued; above, `permutations` random orders.
    permutations, seed, control
        See :func:`~.shapley.sampled_shapley`.

    Returns
    -------
    Contribution
    """
    if n < 1:
        raise InputError("needs at least one worker", field="workers")
    if n <= exact_limit:
        table = np.asarray(value(all_coalitions(n, exact_limit)), dtype=np.float64)
        bits = np.left_shift(1, np.arange(n))
        without = table[(len(table) - 1) ^ bits]
        return Contribution(table[-1] - without, exact_shapley(table), np.zeros(n), True, table[bits], float(table[-1]))
    ends = np.vstack([np.eye(n, dtype=bool), np.ones((1, n), dtype=bool)])
    single = np.asarray(value(ends), dtype=np.float64)
    sampled = sampled_shapley(value, n, permutations=permutations, seed=seed, control=control)
    return Contribution(leave_one_out(value, n), sampled.values, sampled.errors, False, single[:n], float(single[n]))

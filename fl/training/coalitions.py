"""Federated averaging by many coalitions of the same clients at once.

Every coalition has a global model of its own. In a round each of its members trains from that model, and the members'
average is the next; all members of all coalitions train as one batch. In the first round the coalitions' models are one
and the same, so each client trains once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.arrays import whole_numbers
from ...models.input_error import InputError
from .aggregate import positive_weights
from .architectures import Architecture
from .batched import train_clients
from .federated import round_recipe
from .holdings import check_samples
from .parameters import Params, clients_of, place
from .recipe import Recipe

__all__ = ["train_coalitions"]


def train_coalitions(
    architecture: Architecture,
    coalitions: Sequence[Sequence[int] | NDArray[np.int64]],
    inputs: Any,
    labels: Any,
    holdings: Sequence[NDArray[np.int64]],
    recipe: Recipe,
    *,
    rounds: int,
    decay: float = 1.0,
    decaying: str = "geometric",
    weights: Sequence[float] | NDArray[np.float64] | None = None,
    start: Mapping[str, Tensor] | None = None,
    previous: Mapping[str, Tensor] | None = None,
    after: Callable[[int, Params], None] | None = None,
    device: str | torch.device = "cpu",
) -> Params:
    """Train every coalition's global model by federated averaging.

    Parameters
    ----------
    architecture : Architecture
        The model.
    coalitions : sequence of sequences of int
        Members of each coalition, at least one each, as positions in `holdings`.
    inputs : array, shape (N, \\*input_shape)
        All samples.
    labels : array of integers, shape (N,)
        Their classes.
    holdings : sequence of ndarray of int64
        Samples that each client holds.
    recipe : Recipe
        How a client trains in a round; the seed of round ``r``'s batches is ``seed + r``. With MOON a client's previous model is
        its own of the round before, in the same coalition.
    rounds : int
        Rounds, >= 1. One round is plain averaging of local models, the setting of SWAN's eq. (3).
    decay, decaying : float, str
        How the learning rate falls from round to round; see :func:`.federated.round_recipe`.
    weights : sequence of float, optional
        Weight of each client in its coalitions' averages, > 0; all equal when missing, as SWAN's eq. (3) has it.
    start : Params, optional
        The first global model of all coalitions; `Architecture.initial` of the recipe's seed when missing.
    previous : Params, optional
        Each client's model before the first round, stacked, for MOON; `start` when missing.
    device : str or torch.device
        Where to train.

    Returns
    -------
    Params
        The coalitions' global models, stacked in the order of `coalitions`.

    Raises
    ------
    InputError
        If there is no coalition, one is empty, or a client does not exist or has no positive weight.

    Notes
    -----
    Source: SWAN section III-A1 and V-A2 (stated: local iterations, communication rounds, a decaying learning rate). A
    client's batches depend on its position in `holdings` and the round, not on the coalition.
    """
    lists = [whole_numbers(coalition, "coalitions", f"coalition {i}") for i, coalition in enumerate(coalitions)]
    shares = np.ones(len(holdings)) if weights is None else positive_weights(weights, len(holdings))
    if not lists or min(map(len, lists)) == 0:
        raise InputError("a coalition has no members", field="coalitions")
    members = np.concatenate(lists)
    owners = np.repeat(np.arange(len(lists)), [len(coalition) for coalition in lists])
    if members.min() < 0 or members.max() >= len(holdings):
        raise InputError(f"a member is not among the clients 0 to {len(holdings) - 1}", field="coalitions")
    if rounds < 1 or not decay > 0:
        raise InputError("rounds have to be at least 1 and decay more than 0", field="rounds")
    owner, member = torch.from_numpy(owners).to(device), torch.from_numpy(members).to(device)
    share = torch.from_numpy(shares[members] / np.bincount(owners, shares[members])[owners]).to(device)
    start = architecture.initial(recipe.seed, device=device) if start is None else place(start, device)
    # The samples move to the device once, not once a round.
    inputs, labels = check_samples(architecture, inputs, labels, device, next(iter(start.values())).dtype)
    current: Params = {}
    local: Params = {}
    for number in range(rounds):
        now = round_recipe(recipe, number, decay, decaying)
        if number == 0:
            local = train_clients(architecture, start, inputs, labels, holdings, now, previous=previous, device=device)
            local = clients_of(local, member)
        else:
            held = [holdings[client] for client in members]
            own = clients_of(current, owner)
            before = local if recipe.loss == "moon" else None
            local = train_clients(
                architecture, own, inputs, labels, held, now, previous=before, clients=members, device=device
            )
        current = {name: _averages(tensor, owner, share, len(coalitions)) for name, tensor in local.items()}
        if after is not None:
            after(number + 1, current)
    return current


def _averages(local: Tensor, owner: Tensor, share: Tensor, count: int) -> Tensor:
    """Sum each coalition's weighted models, in double precision."""
    weighted = local.double() * share.view(-1, *[1] * (local.dim() - 1))
    total = torch.zeros(count, *local.shape[1:], dtype=torch.float64, device=local.device)
    return total.index_add_(0, owner, weighted).to(local.dtype)

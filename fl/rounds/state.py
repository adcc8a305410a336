"""What one round hands to the next: models, histories, who was hired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ...models.input_error import InputError
from ..training.parameters import Params, place, stack

__all__ = ["State", "first_state"]

HISTORIES = ("reputation", "participation", "standing", "excluded", "unspent")


@dataclass(frozen=True)
class State:
    """The moving part of a simulation.

    Attributes
    ----------
    models : Params
        The requesters' models, stacked, ``m`` of them.
    local : Params or None
        Each worker's latest trained model, stacked, ``n`` of them, where the local objective looks back at it (MOON); the common first
        model for those never trained.
    reputation, participation : ndarray of float64, shape (n,)
        Moving averages: of improvement on the probe set when selected, and of selection.
    standing : ndarray of int64, shape (2, n)
        Scores as they were last measured, and how far below them their lower bounds lie, in millionths.
    excluded : ndarray of bool, shape (n,)
        Whom an audit has flagged.
    unspent : ndarray of int64, shape (m,)
        Cents that the rounds before have left.
    hired : ndarray of bool, shape (n,), or None
        Winners of the last round; None before the first.
    """

    models: Params
    local: Params | None
    reputation: np.ndarray
    participation: np.ndarray
    standing: np.ndarray
    excluded: np.ndarray
    unspent: np.ndarray
    hired: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything as arrays by name, for a checkpoint; :meth:`restored` is the way back."""
        found = {name: getattr(self, name) for name in HISTORIES}
        if self.hired is not None:
            found["hired"] = self.hired
        for prefix, params in (("models", self.models), ("local", self.local or {})):
            found |= {f"{prefix}.{name}": tensor.cpu().numpy() for name, tensor in params.items()}
        return found

    def restored(self, arrays: Mapping[str, np.ndarray], device: str) -> State:
        """Return the state of a checkpoint; this one, the first, says which arrays it has to have.

        Raises
        ------
        InputError
            If an array is missing, or has another shape or type.
        """
        for name, wanted in {**self.arrays(), "hired": self.participation > 0}.items():
            found = arrays.get(name)
            if found is None or (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
                raise InputError("not a checkpoint of this simulation: missing, or of another shape", field=name)

        def params(prefix: str) -> Params:
            named = {name: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
            return {name.split(".", 1)[1]: torch.from_numpy(array).to(device) for name, array in named.items()}

        return State(
            models=params("models"),
            local=None if self.local is None else params("local"),
            hired=arrays["hired"],
            **{name: arrays[name] for name in HISTORIES},
        )

    def with_history(self, hired: np.ndarray, gains: np.ndarray, memory: float) -> State:
        """Return the state with moving averages brought up to date.

        Parameters
        ----------
        hired : ndarray of bool, shape (n,)
            Winners of the round.
        gains : ndarray of float, shape (n,)
            Improvement of the requester that each winner worked for; not read for the others, whose reputation stays.
        memory : float
            Weight of the past.
        """
        moved = memory * self.reputation + (1 - memory) * gains
        return replace(
            self,
            reputation=np.where(hired, moved, self.reputation),
            participation=memory * self.participation + (1 - memory) * hired,
            hired=hired,
        )


def first_state(first: Mapping[str, Any], requesters: int, workers: int, looks_back: bool, device: str) -> State:
    """Make the state before the first round: every requester starts from the common first model.

    Parameters
    ----------
    first : Params
        One model.
    requesters, workers : int
        ``m`` and ``n``.
    looks_back : bool
        Whether the local objective needs each worker's latest model.
    device : str
    """
    model = place(first, device)
    return State(
        models=stack([model] * requesters),
        local=stack([model] * workers) if looks_back else None,
        reputation=np.zeros(workers),
        participation=np.zeros(workers),
        standing=np.zeros((2, workers), dtype=np.int64),
        excluded=np.zeros(workers, dtype=bool),
        unspent=np.zeros(requesters, dtype=np.int64),
    )

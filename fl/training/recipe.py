"""The recipe: the announced rule by which every client trains, the same for all and blind to bids."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...models.input_error import InputError

__all__ = ["LOSSES", "Recipe"]

LOSSES = ("fedavg", "fedprox", "moon")
"""Local objectives: cross-entropy alone, with FedProx's proximal term, with MOON's contrastive term."""


@dataclass(frozen=True)
class Recipe:
    """How a client trains: local objective, optimiser, batches.

    Attributes
    ----------
    loss : {"fedavg", "fedprox", "moon"}
        ``CE``; ``CE + proximal / 2 * |w - w_start|^2``; ``CE + contrast * l_con``.
    steps : int
        Local steps of stochastic gradient descent, >= 0.
    batch_size : int or None
        Samples in a batch; ``None``, or at least the client's samples, is all of them in every step.
    learning_rate : float
        Step size, > 0.
    momentum, weight_decay : float
        As in ``torch.optim.SGD`` (no dampening, no Nesterov), >= 0.
    proximal : float
        FedProx's mu, >= 0; read by ``"fedprox"`` only.
    contrast : float
        MOON's mu, >= 0; read by ``"moon"`` only.
    temperature : float
        MOON's temperature, > 0.
    seed : int
        Seed of the batch order, >= 0.

    Raises
    ------
    InputError
        If a field is out of range; it names the field.

    Notes
    -----
    Source: DriftPay section 3, a standardised scoring update (stated: same steps, batch order and optimiser for all, seeded); FedProx is
    Li et al., MLSys 2020; MOON is Li et al., CVPR 2021, whose own runs use contrast 1, temperature 0.5, learning rate
    0.01, momentum 0.9 and weight decay 1e-5. The defaults here are for small data and few steps.
    """

    loss: str = "fedavg"
    steps: int = 5
    batch_size: int | None = None
    learning_rate: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0
    proximal: float = 0.01
    contrast: float = 1.0
    temperature: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise InputError(f"'{self.loss}' is not one of {', '.join(LOSSES)}", field="loss")
        for name, least in (("steps", 0), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is None and name == "batch_size":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f"has to be an integer >= {least}, not {value!r}", field=name)
        for name in ("momentum", "weight_decay", "proximal", "contrast"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0:
                raise InputError(f"has to be a number >= 0, not {value!r}", field=name)
        for name in ("learning_rate", "temperature"):
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise InputError(f"has to be a number > 0, not {value!r}", field=name)

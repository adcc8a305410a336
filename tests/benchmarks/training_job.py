"""The job of `test_training` for its peers: what is in the file, and the model as ordinary modules. Needs torch and numpy alone."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import torch
from torch import nn


@functools.cache
def job(file: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Read the job once a process."""
    with np.load(file) as data:
        arrays = {name: data[name] for name in data.files}
    return json.loads(str(arrays.pop("settings"))), arrays


class Model(nn.Module):
    """The architectures of the job, as ordinary modules; layers in the order of its parameters."""

    def __init__(self, kind: str, shapes: dict[str, tuple[int, ...]]):
        super().__init__()
        self.kind = kind
        for name, shape in shapes.items():
            layer, part = name.split(".")
            if part == "weight":
                dense = len(shape) == 2
                self.add_module(
                    layer,
                    nn.Linear(shape[1], shape[0]) if dense else nn.Conv2d(shape[1], shape[0], shape[2], padding="same"),
                )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        at: Any = self
        if self.kind == "softmax":
            return at.output(x.flatten(1))
        if self.kind == "mlp":
            x = torch.relu(at.hidden(x.flatten(1)))
        else:
            x = torch.max_pool2d(torch.relu(at.first(x)), 2)
            x = torch.max_pool2d(torch.relu(at.second(x)), 2).flatten(1)
        return at.output(at.projection(torch.relu(at.head(x))))


def parameters_of(arrays: dict[str, np.ndarray]) -> list[str]:
    """Names of the model's parameters, in the order of the job."""
    return [name.removeprefix("start-") for name in arrays if name.startswith("start-")]

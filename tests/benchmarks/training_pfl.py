"""Federated averaging by pfl-research's simulation: ``python training_pfl.py JOB.npz OUT.npz``, run by `test_training`.

Needs torch and ``pfl`` (0.6 was measured, with torch 2.13 on Python 3.11; its dp-accounting wants attrs below 24 and absl-py below 2, so it
has an environment of its own), not fedmech. One process; writes the last average model and the seconds of processor time of the fastest
round after the first.
"""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

import numpy as np
import torch
from pfl.aggregate.base import Backend  # pyright: ignore[reportMissingImports]
from pfl.aggregate.simulate import SimulatedBackend  # pyright: ignore[reportMissingImports]
from pfl.algorithm.base import NNAlgorithmParams  # pyright: ignore[reportMissingImports]
from pfl.algorithm.federated_averaging import FederatedAveraging  # pyright: ignore[reportMissingImports]
from pfl.callback.base import TrainingProcessCallback  # pyright: ignore[reportMissingImports]
from pfl.data.dataset import Dataset  # pyright: ignore[reportMissingImports]
from pfl.data.federated_dataset import FederatedDataset  # pyright: ignore[reportMissingImports]
from pfl.hyperparam import NNTrainHyperParams  # pyright: ignore[reportMissingImports]
from pfl.metrics import Metrics  # pyright: ignore[reportMissingImports]
from pfl.model.pytorch import PyTorchModel  # pyright: ignore[reportMissingImports]
from pfl.postprocessor.base import Postprocessor  # pyright: ignore[reportMissingImports]
from training_job import Model, job, parameters_of


class Learner(Model):
    """The model with what pfl asks of it."""

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy."""
        return torch.nn.functional.cross_entropy(self(x), y)

    def metrics(self, x: torch.Tensor, y: torch.Tensor) -> dict:
        """None: only training is measured."""
        return {}


class BySamples(Postprocessor):
    """Weight a client by the samples it holds, which its batches may repeat."""

    def __init__(self, samples: list[int]):
        self.samples = samples

    def postprocess_one_user(self, *, stats: Any, user_context: Any) -> tuple[Any, Any]:
        """Set the weight."""
        stats.reweight(self.samples[int(user_context.user_id)])
        return stats, Metrics()

    def postprocess_server(self, *, stats: Any, central_context: Any, aggregate_metrics: Any) -> tuple[Any, Any]:
        """Leave the sum as it is."""
        return stats, Metrics()


class Marks(TrainingProcessCallback):
    """Processor time at the end of every round."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def after_central_iteration(
        self, aggregate_metrics: Any, model: Any, *, central_iteration: int
    ) -> tuple[bool, Any]:
        """Note the time."""
        self.seconds.append(time.process_time())
        return False, Metrics()


def main(file: str, out: str) -> None:
    """Run the job."""
    torch.set_num_threads(1)
    settings, arrays = job(file)
    names = parameters_of(arrays)
    network = Learner(settings["model"], {name: arrays[f"start-{name}"].shape for name in names})
    network.load_state_dict({name: torch.tensor(arrays[f"start-{name}"]) for name in names})
    x, y = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])
    clients = settings["clients"]
    turns = itertools.count()

    def data(turn: int) -> Any:
        # Its batches of the round one after the other, so that batches of their width are those of the job.
        number, client = divmod(turn, clients)
        order = torch.from_numpy(arrays[f"batches-{number}-{client}"]).flatten()
        return Dataset((x[order], y[order]), str(client))

    def optimiser(parameters: Any, lr: float) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=lr, momentum=settings["momentum"], weight_decay=settings["weight_decay"])

    people = FederatedDataset(data, lambda: next(turns))
    backend: Backend = SimulatedBackend(people, people, [BySamples(settings["samples"])])
    marks = Marks()
    FederatedAveraging().run(
        NNAlgorithmParams(settings["rounds"], settings["rounds"] + 1, clients, 0),
        backend,
        PyTorchModel(network, optimiser, torch.optim.SGD(network.parameters(), lr=1.0)),
        NNTrainHyperParams(
            local_learning_rate=settings["learning_rate"],
            local_num_epochs=1,
            local_batch_size=arrays["batches-0-0"].shape[1],
        ),
        callbacks=[marks],
        send_metrics_to_platform=False,
    )
    state = network.state_dict()
    found: dict[str, Any] = {"seconds": min(np.diff(marks.seconds)), **{name: state[name].numpy() for name in names}}
    np.savez(out, **found)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

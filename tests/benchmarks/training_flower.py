"""Federated averaging by Flower's simulation engine: ``python training_flower.py JOB.npz OUT.npz``, run by `test_training`.

Needs torch and ``flwr[simulation]``, not fedmech. Writes the last average model and the seconds of the fastest round after the first: of the
processor, of all processes that the simulation has started.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

# Without the last one the workers yield to whatever else the machine does.
os.environ |= {"FLWR_TELEMETRY_ENABLED": "0", "RAY_DEDUP_LOGS": "0", "OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}

import numpy as np
import torch
from flwr.client import ClientApp, NumPyClient  # pyright: ignore[reportMissingImports]
from flwr.common import Context, ndarrays_to_parameters, parameters_to_ndarrays  # pyright: ignore[reportMissingImports]
from flwr.server import ServerApp, ServerAppComponents, ServerConfig  # pyright: ignore[reportMissingImports]
from flwr.server.strategy import FedAvg  # pyright: ignore[reportMissingImports]
from flwr.simulation import run_simulation  # pyright: ignore[reportMissingImports]
from torch import nn
from training_job import Model, job, parameters_of


class Client(NumPyClient):
    """One client: SGD on the batches that the job gives it for the round."""

    def __init__(self, file: str, number: int):
        self.file, self.number = file, number

    def fit(self, parameters: list[np.ndarray], config: dict) -> tuple[list[np.ndarray], int, dict]:
        torch.set_num_threads(1)
        settings, arrays = job(self.file)
        names = parameters_of(arrays)
        model = Model(settings["model"], {name: arrays[f"start-{name}"].shape for name in names})
        model.load_state_dict({name: torch.tensor(value) for name, value in zip(names, parameters, strict=True)})
        rule = {key: settings[key] for key in ("momentum", "weight_decay")}
        optimiser = torch.optim.SGD(model.parameters(), lr=settings["learning_rate"], **rule)
        loss = nn.CrossEntropyLoss()
        for batch in arrays[f"batches-{config['round']}-{self.number}"]:
            optimiser.zero_grad()
            loss(model(torch.from_numpy(arrays["x"][batch])), torch.from_numpy(arrays["y"][batch])).backward()
            optimiser.step()
        state = model.state_dict()
        return [state[name].numpy() for name in names], settings["samples"][self.number], {}


def processor_seconds() -> float:
    """Seconds of the processor that this process and all below it have taken, those that have ended included."""
    used: dict[int, float] = {}
    parent: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(stat.parent.name)
        parent[number] = int(fields[1])
        used[number] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    below = {os.getpid()}
    while more := {number for number in parent if parent[number] in below} - below:
        below |= more
    return sum(used[number] for number in below)


def main(file: str, out: str) -> None:
    """Run the job."""
    settings, arrays = job(file)
    names = parameters_of(arrays)
    marks: list[float] = []
    last: list[np.ndarray] = []

    class Timed(FedAvg):
        def aggregate_fit(self, server_round: int, results: list, failures: list) -> Any:
            aggregated = super().aggregate_fit(server_round, results, failures)
            assert len(results) == settings["clients"], (len(results), failures[:1])
            marks.append(processor_seconds())
            last[:] = parameters_to_ndarrays(aggregated[0])
            return aggregated

    def server(context: Context) -> ServerAppComponents:
        strategy = Timed(
            fraction_fit=1.0,
            fraction_evaluate=0.0,
            min_fit_clients=settings["clients"],
            min_available_clients=settings["clients"],
            on_fit_config_fn=lambda number: {"round": number - 1},
            initial_parameters=ndarrays_to_parameters([arrays[f"start-{name}"] for name in names]),
        )
        return ServerAppComponents(strategy=strategy, config=ServerConfig(num_rounds=settings["rounds"]))

    def client(context: Context) -> Any:
        return Client(file, int(context.node_config["partition-id"])).to_client()

    resources = {"client_resources": {"num_cpus": 1, "num_gpus": 0.0}}
    run_simulation(
        ServerApp(server_fn=server), ClientApp(client_fn=client), settings["clients"], backend_config=resources
    )
    seconds = min(np.diff(marks))
    found: dict[str, Any] = {"seconds": seconds, **dict(zip(names, last, strict=True))}
    np.savez(out, **found)


if __name__ == "__main__":
    # By its module name, under which Flower's workers can import it too and keep the job they have read.
    from training_flower import main as run

    run(os.path.abspath(sys.argv[1]), sys.argv[2])

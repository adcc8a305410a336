"""Training on a GPU: the numbers of a processor, clients a second, memory, launches. Needs CUDA; CPU stands in for a rehearsal.

    python tests/benchmarks/gpu.py -o FOLDER                       all pieces
    python tests/benchmarks/gpu.py -o FOLDER --pieces rates profile
    python tests/benchmarks/gpu.py -o FOLDER --smoke               everything once and small

A piece that fails is written down as failed and the others go on. FOLDER gets ``gpu.json`` after every piece and every rate, and ``gpu.md``. Times are wall time
between two synchronisations, the median of the repetitions after one that does not count.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from fedmech.fl.training import batched, device
from fedmech.fl.training.architectures import architecture
from fedmech.fl.training.batched import train_clients
from fedmech.fl.training.federated import train_federated
from fedmech.fl.training.holdings import check_holdings
from fedmech.fl.training.recipe import Recipe
from gpu_agreement import agreement, draw_job
from one_by_one import train_clients_one_by_one

RATES = (
    # Model, pixels of a side, clients, local objective.
    ("softmax", 28, 20_000, "fedavg"),
    ("mlp", 28, 2_000, "fedavg"),
    ("cnn", 28, 200, "fedavg"),
    ("cnn", 28, 2_000, "fedavg"),
    ("swan-cnn", 28, 2_000, "fedavg"),
    ("moon-cnn", 28, 2_000, "moon"),
    ("softmax", 8, 20_000, "fedavg"),
    ("mlp", 8, 20_000, "fedavg"),
    ("cnn", 8, 20_000, "fedavg"),
)
CHUNKS = (1 << 27, 1 << 29, 1 << 31)
"""Numbers in a chunk that are tried beside the automatic choice."""


@dataclass
class Bench:
    """Where to compute, how much, and until when."""

    device: str
    small: bool
    until: float
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))
    keep: Callable[[Any], None] = lambda found: None
    """Write down what a piece has found so far."""

    def wait(self) -> None:
        """Wait until everything is computed."""
        if self.device.startswith("cuda"):
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], Any], repeats: int = 5, limit: float = 4.0) -> tuple[float, float]:
        """Return the median of some repetitions, and the widest deviation from it."""
        work()
        self.wait()
        taken: list[float] = []
        begun = time.perf_counter()
        while not taken or (len(taken) < (2 if self.small else repeats) and time.perf_counter() - begun < limit):
            first = time.perf_counter()
            work()
            self.wait()
            taken.append(time.perf_counter() - first)
        middle = statistics.median(taken)
        return middle, max(abs(each - middle) for each in taken)

    def job(self, side: int, clients: int, samples: int = 6_000) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """As `draw_job`."""
        return draw_job(self.rng, side, clients, samples)

    def on_device(self, *arrays: np.ndarray) -> list[torch.Tensor]:
        """Move arrays."""
        return [torch.from_numpy(array).to(self.device) for array in arrays]


# ------------------------------------------------------------------ how fast


def ceilings(bench: Bench) -> dict[str, float]:
    """What the device can do at most: copied bytes, multiplications of large matrices and of the batches that a convolution makes."""
    scale = 0.02 if bench.small else 1.0
    source = torch.rand(int(scale * (1 << 29)), device=bench.device)
    goal = torch.empty_like(source)
    found = {"copy, GB/s": 8e-9 * len(source) / bench.seconds(lambda: goal.copy_(source))[0]}
    side, clients = int(8192 * scale**0.5), max(1, int(200 * scale))
    with device.full_precision(torch.device(bench.device)):
        square = torch.rand(side, side, device=bench.device)
        found["product, TFLOP/s"] = 2e-12 * side**3 / bench.seconds(lambda: square @ square)[0]
        # Patches times kernels, and both gradients, of the two convolutions at 28 pixels.
        for rows, inward, outward in ((6272, 25, 16), (1568, 400, 32)):
            a = torch.rand(clients, rows, inward, device=bench.device)
            b = torch.rand(clients, inward, outward, device=bench.device)
            c = torch.rand(clients, rows, outward, device=bench.device)
            work = 2e-12 * clients * rows * inward * outward
            for word, factors in (("forward", (a, b)), ("of kernels", (a.mT, c)), ("of maps", (c, b.mT))):
                taken = bench.seconds(lambda factors=factors: torch.bmm(*factors))[0]
                found[f"products {rows} x {inward} x {outward} {word}, TFLOP/s"] = work / taken
    return found


@contextmanager
def sized(numbers: int | None) -> Iterator[None]:
    """Fix how many numbers a chunk holds; as it is without a number."""
    with mock.patch.object(batched, "chunk_numbers", return_value=numbers) if numbers else nullcontext():
        yield


def rates(bench: Bench) -> list[dict[str, Any]]:
    """Clients a second of every setting, by the size of chunks, beside client by client and the processor."""
    found = []
    where = torch.device(bench.device)
    for name, side, clients, loss in RATES:
        if time.monotonic() > bench.until:
            break
        clients = clients // 50 if bench.small else clients
        x, y, held = bench.job(side, clients)
        model = architecture(name, (1, side, side), 10)
        start = model.initial(1, device=bench.device)
        recipe = Recipe(loss, 10, 8, 0.05, momentum=0.9 if loss == "moon" else 0.0)
        inputs, labels = bench.on_device(x, y)
        row: dict[str, Any] = {
            "model": name,
            "pixels": side,
            "clients": clients,
            "loss": loss,
            "size": model.size,
            "by chunk": {},
        }
        found.append(row)
        automatic = device.chunk_numbers(where, torch.float32)
        row["automatic"] = automatic

        def work(
            some: list[np.ndarray] = held,
            model: Any = model,
            start: Any = start,
            x: Any = inputs,
            y: Any = labels,
            recipe: Recipe = recipe,
        ) -> None:
            train_clients(model, start, x, y, some, recipe, device=bench.device)

        tried: list[tuple[str, int | None]] = [("automatic", None)]
        tried += [(str(numbers), numbers) for numbers in CHUNKS if not (bench.small and numbers != CHUNKS[0])]
        for word, numbers in tried:
            with sized(numbers):
                if bench.device.startswith("cuda"):
                    torch.cuda.empty_cache()
                    torch.cuda.reset_peak_memory_stats()
                    base = torch.cuda.memory_allocated()
                try:
                    taken, spread = bench.seconds(work)
                except torch.cuda.OutOfMemoryError:
                    row["by chunk"][word] = "out of memory"
                    continue
                result: dict[str, float] = {"clients/s": clients / taken, "seconds": taken, "spread": spread}
                if bench.device.startswith("cuda"):
                    result["GiB"] = (torch.cuda.max_memory_allocated() - base) / 2**30
                row["by chunk"][word] = result
                bench.keep(found)
        few = held[:5]
        taken, _ = bench.seconds(
            lambda model=model, start=start, x=inputs, y=labels, recipe=recipe, few=few: train_clients_one_by_one(
                model, start, x, y, few, recipe, device=bench.device
            ),
            repeats=2,
        )
        row["client by client, clients/s"] = len(few) / taken
        if not bench.small:
            some = held[: 200 if side == 8 else 16]
            cpu = model.initial(1)
            taken, _ = bench.seconds(
                lambda model=model, start=cpu, x=x, y=y, recipe=recipe, some=some: train_clients(
                    model, start, x, y, some, recipe
                ),
                repeats=2,
                limit=1.5,
            )
            row["processor, clients/s"] = len(some) / taken
            row["threads"] = torch.get_num_threads()
        bench.keep(found)
        say(
            f"{name:9} {side:3} {clients:6} {loss:7}",
            {
                key: round(each["clients/s"]) if isinstance(each, dict) else each
                for key, each in row["by chunk"].items()
            },
            {key: round(value) for key, value in row.items() if key.endswith("clients/s")},
        )
    return found


def host(bench: Bench) -> dict[str, Any]:
    """What the processor does before anything is computed: looks at the holdings, orders batches, cuts chunks."""
    clients = 2_000 if bench.small else 20_000
    _, _, held = bench.job(8, clients)
    found = {}
    for name, side in (("softmax", 28), ("cnn", 8)):
        model, recipe = architecture(name, (1, side, side), 10), Recipe("fedavg", 10, 8, 0.05)

        def work(model: Any = model, recipe: Recipe = recipe) -> None:
            checked = check_holdings(held, 6_000)
            for _ in batched._chunks(model, checked, np.arange(clients), recipe, device.MOST_NUMBERS):
                pass

        found[f"{name}, {side} pixels, clients/s at most"] = clients / bench.seconds(work)[0]
    return found


def profile(bench: Bench) -> dict[str, Any]:
    """Kernels by time, launches, copies and waits of one training."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    found = {}
    settings = (
        ("cnn", 28, 200, "fedavg"),
        ("moon-cnn", 28, 200, "moon"),
        ("softmax", 28, 20_000, "fedavg"),
        ("cnn", 8, 20_000, "fedavg"),
    )
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * bench.device.startswith("cuda")
    for name, side, clients, loss in settings:
        clients = clients // 50 if bench.small else clients
        x, y, held = bench.job(side, clients)
        inputs, labels = bench.on_device(x, y)
        model, recipe = (
            architecture(name, (1, side, side), 10),
            Recipe(loss, 10, 8, 0.05, momentum=0.9 if loss == "moon" else 0.0),
        )
        start = model.initial(1, device=bench.device)
        for _ in range(2):
            train_clients(model, start, inputs, labels, held, recipe, device=bench.device)
        bench.wait()
        with profiler(activities=activities) as seen:
            begun = time.perf_counter()
            train_clients(model, start, inputs, labels, held, recipe, device=bench.device)
            bench.wait()
            taken = time.perf_counter() - begun
        events = [
            (event.key, int(event.count), float(getattr(event, "self_device_time_total", 0.0)), str(event.device_type))
            for event in seen.key_averages()
        ]
        kernels = sorted((each for each in events if each[3].endswith("CUDA")), key=lambda each: -each[2])
        calls = {
            key: count for key, count, _, kind in events if key.startswith(("cuda", "cu")) and not kind.endswith("CUDA")
        }
        found[f"{name}, {side} pixels, {clients} clients, {loss}"] = {
            "seconds": taken,
            "busy": 1e-6 * sum(each[2] for each in kernels),
            "launched": sum(each[1] for each in kernels),
            "top": [(key[:150], count, round(microseconds)) for key, count, microseconds, _ in kernels[:25]],
            "copies": {key: count for key, count, _, _ in kernels if key.startswith("Memcpy")},
            "calls": calls,
        }
    return found


def copies(bench: Bench) -> dict[str, Any]:
    """Copies to the device in one round and in three, from arrays and from tensors that are there."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    x, y, held = bench.job(8, 40)
    there = bench.on_device(x, y)
    model, recipe = architecture("cnn", (1, 8, 8), 10), Recipe("moon", 5, 8, 0.05)
    found = {}
    for word, (inputs, labels), rounds in (
        ("arrays", (x, y), 1),
        ("arrays", (x, y), 3),
        ("tensors", there, 1),
        ("tensors", there, 3),
    ):
        activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * bench.device.startswith("cuda")
        with profiler(activities=activities) as seen:
            train_federated(model, inputs, labels, held, recipe, rounds=rounds, device=bench.device)
            bench.wait()
        found[f"{word}, rounds: {rounds}"] = {
            event.key: int(event.count)
            for event in seen.key_averages()
            if "Memcpy" in event.key or "Synchronize" in event.key
        }
    return found


def frozen(bench: Bench) -> dict[str, Any]:
    """MOON with representations computed once a sample, beside once a batch."""
    found = {}

    def anew(
        model: Any, params: Any, x: torch.Tensor, batches: torch.Tensor, chunk: Any
    ) -> Callable[[int], torch.Tensor]:
        def of_batch(step: int) -> torch.Tensor:
            images = x.index_select(0, batches[step].reshape(-1)).unflatten(0, batches.shape[1:])
            with torch.no_grad():
                one = next(iter(params.values())).dim() == len(next(iter(model.shapes.values())))
                return (
                    model.forward(params, images.flatten(0, 1))[1].unflatten(0, batches.shape[1:])
                    if one
                    else model.forward(params, images)[1]
                )

        return of_batch

    for name, side, clients in (("mlp", 28, 1_000), ("moon-cnn", 28, 200)):
        clients = clients // 50 if bench.small else clients
        x, y, held = bench.job(side, clients, 1_000)
        inputs, labels = bench.on_device(x, y)
        model, recipe = architecture(name, (1, side, side), 10), Recipe("moon", 20, 8, 0.05)
        start = model.initial(1, device=bench.device)
        previous = {key: tensor.expand(clients, *tensor.shape) * 1.01 for key, tensor in start.items()}

        def work(
            model: Any = model,
            start: Any = start,
            x: Any = inputs,
            y: Any = labels,
            held: Any = held,
            recipe: Any = recipe,
            old: Any = previous,
        ) -> None:
            train_clients(model, start, x, y, held, recipe, previous=old, device=bench.device)

        once = bench.seconds(work)[0]
        with mock.patch.object(batched, "_frozen", anew):
            always = bench.seconds(work)[0]
        plain = bench.seconds(lambda work=work, recipe=recipe: work(recipe=replace(recipe, loss="fedavg")))[0]
        found[f"{name}, {clients} clients"] = {"once a sample, s": once, "once a batch, s": always, "without, s": plain}
    return found


def tests_on_device(bench: Bench) -> dict[str, Any]:
    """Run the package's own tests of learning with every training moved to the device."""
    root = Path(__file__).resolve().parents[2]
    folders = ["tests/fl/training/test_federated.py"] if bench.small else ["tests/fl/training", "tests/fl/scoring"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "on_device", "-p", "no:cacheprovider", "-n", "6", *folders]
    options = {"capture_output": True, "text": True, "cwd": root}
    try:
        done = subprocess.run(command, timeout=max(5.0, min(90.0, bench.until - time.monotonic())), **options)
    except subprocess.TimeoutExpired as stop:
        return {"stopped": str(stop.stdout)[-1500:]}
    return {"code": done.returncode, "says": done.stdout[-3000:]}


PIECES: dict[str, Callable[[Bench], Any]] = {
    "agreement": lambda bench: agreement(bench.device, bench.small),
    "ceilings": ceilings,
    "host": host,
    "profile": profile,
    "frozen": frozen,
    "copies": copies,
    "rates": rates,
    "tests": tests_on_device,
}


def say(*words: Any) -> None:
    """Print at once."""
    print(*words, flush=True)


def machine(where: str) -> dict[str, Any]:
    """Say what this was measured on."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    if where.startswith("cuda"):
        facts = torch.cuda.get_device_properties(where)
        found |= {
            "device": facts.name,
            "GiB": facts.total_memory / 2**30,
            "multiprocessors": facts.multi_processor_count,
        }
    return found


def table(found: dict[str, Any]) -> str:
    """Return clients a second as Markdown."""
    lines = [
        f"{found['machine'].get('device', 'processor')}, torch {found['machine']['torch']}; 10 steps of batches of 8, single precision, clients/s",
        "",
    ]
    lines += [
        "| model | clients | automatic chunks | GiB | client by client | processor |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["pieces"].get("rates", {}).get("found", []):
        cell = row["by chunk"].get("automatic")
        speed = f"{cell['clients/s']:,.0f}" if isinstance(cell, dict) else str(cell or "")
        memory = f"{cell.get('GiB', 0):.1f}" if isinstance(cell, dict) else ""
        others = [
            f"{row[key]:,.0f}" if key in row else "" for key in ("client by client, clients/s", "processor, clients/s")
        ]
        what = f"{row['model']} {row['pixels']} px, {row['loss']}"
        lines.append(f"| {' | '.join([what, format(row['clients'], ','), speed, memory, *others])} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Take the pieces one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--smoke", action="store_true", help="everything once and small")
    parser.add_argument("--seconds", type=float, default=600, help="pieces that would begin later are left out")
    parser.add_argument("--pieces", nargs="*", default=list(PIECES), choices=list(PIECES))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(chosen.device, chosen.smoke, time.monotonic() + chosen.seconds)
    found: dict[str, Any] = {"machine": machine(chosen.device), "pieces": {}}

    def write() -> None:
        (chosen.out / "gpu.json").write_text(json.dumps(found, indent=1, default=str))
        (chosen.out / "gpu.md").write_text(table(found))

    def keep(result: dict[str, Any], so_far: Any) -> None:
        result["found"] = so_far
        write()

    for name in chosen.pieces:
        begun = time.monotonic()
        result: dict[str, Any] = {}
        found["pieces"][name] = result

        bench.keep = partial(keep, result)
        if begun > bench.until:
            result["left out"] = "no time"
        else:
            try:
                bench.keep(PIECES[name](bench))
            except Exception:
                result["failed"] = traceback.format_exc()[-3000:]
        result["seconds"] = round(time.monotonic() - begun, 1)
        write()
        say(f"[{name}: {result['seconds']} s]", result.get("failed", result.get("left out", "")))
        if name not in ("rates", "profile"):
            say(json.dumps(result.get("found"), default=str)[:1800])
    say(table(found))
    return int(any("failed" in each for each in found["pieces"].values()))


if __name__ == "__main__":
    sys.exit(main())

"""An experiment that can be told to raise, to take its process down or to wait; importable by worker processes."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fedmech.fl.experiments.engine import registry
from fedmech.fl.experiments.engine.configuration import Configuration
from fedmech.fl.experiments.engine.point import Outcome, Point, run_point
from fedmech.fl.settings import setting
from fedmech.solvers.control import Control

NAME = "deadly"


@dataclass(frozen=True)
class Deadly:
    """``deed`` happens to the points whose ``seed`` is in ``victims``, unless the file ``pardon`` exists."""

    share: float = 0.5
    deed: str = setting("work", choices=("work", "raise", "die", "mix"))
    victims: tuple[int, ...] = ()
    seconds: float = 0.0
    log: str | None = None
    pardon: str | None = None
    seed: int = 0


def deadly(settings: Deadly, control: Control, checkpoint: Path | None) -> list[registry.Row]:
    if settings.log is not None:
        # One line a start: who runs what.
        with open(settings.log, "a") as file:
            file.write(f"{os.getpid()} {settings.seed}\n")
    if checkpoint is not None:
        checkpoint.mkdir(parents=True)
        (checkpoint / "half").write_text("half")
    time.sleep(settings.seconds)
    rows: list[registry.Row] = []
    draw = random.Random(settings.seed)
    for k in range(3):
        rows.append({"k": k, "value": draw.random() * settings.share, "odd": None if k else settings.seed % 2 == 1})
    spared = settings.pardon is not None and Path(settings.pardon).exists()
    if settings.seed in settings.victims and not spared:
        if settings.deed == "raise":
            raise ArithmeticError(f"seed {settings.seed} is\nout of luck")
        if settings.deed == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if settings.deed == "mix":
            rows[1]["value"] = "one"
    return rows


ENTRY = registry.Experiment(NAME, deadly, Deadly, "for tests", "none")


def run_deadly(point: Point) -> Outcome:
    """What a worker runs: the experiment is not one of the package's."""
    registry._EXPERIMENTS[NAME] = ENTRY
    return run_point(point)


def run_older(point: Point) -> Outcome:
    """A worker with another version of the experiment."""
    registry._EXPERIMENTS[NAME] = registry.Experiment(NAME, deadly, Deadly, "for tests", "none", version=0)
    return run_point(point)


@contextmanager
def registered() -> Iterator[None]:
    registry._EXPERIMENTS[NAME] = ENTRY
    try:
        yield
    finally:
        del registry._EXPERIMENTS[NAME]


def grid(seeds: int, **settings: object) -> Configuration:
    """A configuration over seeds, the last one first."""
    return Configuration(ENTRY, settings, {"seed": tuple(reversed(range(seeds)))}, "test")

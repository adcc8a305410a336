"""Recorded test losses of trained coalitions: what verdicts on SWAN's observations cite besides what they derive.

Training takes minutes and torch, so the ledger does not train: it reads a file of losses that this module recorded, checks
it, and computes everything else from those losses anew. The losses themselves are derived again by
``python -m fedmech.verification.evidence.trained_evidence --check`` (``pytest --slow`` runs it), some of them by every run of the tests.
``python -m fedmech.verification.evidence.trained_evidence --record FILE`` writes the file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...fl.experiments.papers.coalition_losses import CoalitionSettings, coalition_losses
from ...fl.experiments.papers.swan_error import curve_states
from ...fl.settings import read_settings, settings_document
from ...fl.sharing.error_fit import ErrorFit, fit_error
from ...models.files import read_json, write_whole
from ...models.input_error import InputError
from ...models.sharing.market import State
from ...models.sharing.measured_market import participating_states
from ...solvers.control import Control

__all__ = [
    "CLOSE",
    "FILE",
    "PLAN",
    "Plan",
    "TrainedTable",
    "read_evidence",
    "record",
    "rederive",
    "share_close",
    "trained_tables",
]

FORMAT = "fedmech-evidence/1"
FILE = Path(__file__).with_name("trained_coalitions.json")
COMMAND = "python -m fedmech.verification.evidence.trained_evidence --record FILE"
DECIMALS = 5
CLOSE = {"softmax": (1e-3, 1.0), "cnn": (0.05, 0.9)}
"""For each model how far, relatively, a loss derived again may be from the recorded one, and for what share of the states. Rounding
differs between machines and versions; a convex model forgets it, a network amplifies it in some runs (on one machine, with the
convolutions computed in two ways, 1 % of the losses of one run differed by more than 4 %, half of them by less than 0.001 %)."""


@dataclass(frozen=True)
class Plan:
    """What is recorded: settings, and the curves of figure 5, or all states where there are none."""

    settings: CoalitionSettings
    curves: tuple[str, ...] = ()

    @property
    def states(self) -> list[State]:
        """The states to train."""
        if not self.curves:
            return participating_states(self.settings.counts)
        return sorted({state for curve in self.curves for state in curve_states(curve, self.settings.counts)})


CONVOLUTIONAL = CoalitionSettings(model="cnn", batch_size=20, decay=0.97, runs=3)
PLAN = {
    "softmax-iid": Plan(CoalitionSettings(runs=10)),
    "cnn-iid": Plan(CONVOLUTIONAL, ("k/0/2", "k/0/5", "5/0/k")),
    "cnn-classes": Plan(replace(CONVOLUTIONAL, distribution="classes")),
}
"""By name: softmax regression and CNN, each type of clients i.i.d. or with one, five and all classes; the settings of the
shipped configurations, with more runs in part."""


@dataclass(frozen=True)
class TrainedTable:
    """Recorded losses.

    Attributes
    ----------
    name : str
        In :data:`PLAN`.
    settings : CoalitionSettings
        What was trained.
    states : tuple of tuple of int
        The coalitions.
    losses : ndarray of float64, shape (runs, states)
        Test losses in nats, to five decimals.
    """

    name: str
    settings: CoalitionSettings
    states: tuple[State, ...]
    losses: NDArray[np.float64]

    @cached_property
    def place(self) -> dict[State, int]:
        """Column of each state."""
        return {state: index for index, state in enumerate(self.states)}

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Mean loss of each state over the runs."""
        return self.losses.mean(axis=0)

    @cached_property
    def fit(self) -> ErrorFit:
        """Eq. (3) fitted to the means, without client variance where clients are alike."""
        return fit_error(
            self.states, self.settings.sizes, self.mean, client_variance=self.settings.distribution != "iid"
        )

    def differences(self, before: State, after: State) -> NDArray[np.float64]:
        """Change of the loss from one state to another, run by run."""
        return self.losses[:, self.place[after]] - self.losses[:, self.place[before]]


def _digest(tables: Any) -> str:
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def record(
    path: str | Path, *, control: Control | None = None, checkpoint: Path | None = None, plan: Mapping[str, Plan] = PLAN
) -> None:
    """Train everything that is planned and write the file; about twenty minutes for :data:`PLAN` on one core.

    Raises
    ------
    InputError
        If torch or scikit-learn is missing.
    """
    import sklearn
    import torch

    torch.set_num_threads(1)
    tables = {}
    for name, entry in plan.items():
        losses, _ = coalition_losses(entry.settings, entry.states, control, checkpoint)
        tables[name] = {
            "settings": settings_document(entry.settings),
            "curves": list(entry.curves),
            "losses": np.round(losses, DECIMALS).tolist(),
        }
    document = {
        "format": FORMAT,
        "about": "Test losses (nats) of coalitions of clients, one list a run; states in the order of the plan's states.",
        "command": COMMAND,
        "made_with": {"torch": torch.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "sha256": _digest(tables),
        "tables": tables,
    }
    write_whole(path, _compact(json.dumps(document, indent=1)) + "\n")


def _compact(text: str) -> str:
    """Put lists of numbers on one line each."""
    return re.sub(r"\[\s+([-\d.e,\s]+?)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text)


def read_evidence(path: str | Path = FILE) -> dict[str, TrainedTable]:
    """Read and check a file of recorded losses.

    Raises
    ------
    InputError
        If the file is damaged, or does not hold what :data:`PLAN` says.
    """
    document = read_json(path, decimals=float)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"expected {FORMAT!r}", file=str(path), field="format")
    tables = document.get("tables") or {}
    if _digest(tables) != document.get("sha256"):
        raise InputError("the numbers are not those that were recorded", file=str(path), field="sha256")
    if set(tables) != set(PLAN):
        raise InputError(f"expected the tables {', '.join(PLAN)}", file=str(path), field="tables")
    found = {}
    for name, entry in tables.items():
        settings = read_settings(CoalitionSettings, entry["settings"])
        plan = PLAN[name]
        losses = np.array(entry["losses"], dtype=np.float64)
        if settings != plan.settings or tuple(entry["curves"]) != plan.curves:
            raise InputError("recorded under other settings than the plan's", file=str(path), field=name)
        if losses.shape != (settings.runs, len(plan.states)) or not (np.isfinite(losses) & (losses >= 0)).all():
            raise InputError("not one loss for each run and state", file=str(path), field=name)
        found[name] = TrainedTable(name, settings, tuple(plan.states), losses)
    return found


@cache
def trained_tables() -> dict[str, TrainedTable]:
    """The losses that ship with the package."""
    return read_evidence(FILE)


def rederive(
    table: TrainedTable, states: Sequence[State] | None = None, runs: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train again, and return recorded and derived losses, each of shape (runs, states).

    Parameters
    ----------
    table : TrainedTable
        What was recorded.
    states : sequence of tuple of int, optional
        Some of its states; all of them by default.
    runs : int, optional
        The first runs only.
    """
    chosen = list(table.states if states is None else states)
    settings = replace(table.settings, runs=runs or table.settings.runs)
    derived, _ = coalition_losses(settings, chosen)
    return table.losses[: settings.runs][:, [table.place[state] for state in chosen]], derived


def main(arguments: Sequence[str] | None = None) -> int:
    """Record the file, or derive the one that ships again and compare.

    Returns
    -------
    int
        0 if all went well, 1 if the derived losses of a table are not close to the recorded ones, as :data:`CLOSE` has it.
    """
    parser = argparse.ArgumentParser(
        prog="python -m fedmech.verification.evidence.trained_evidence", description=__doc__
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--record", metavar="FILE", help="train everything and write FILE")
    action.add_argument("--check", action="store_true", help="train everything that ships again and compare")
    parser.add_argument("--checkpoint", metavar="FOLDER", type=Path, help="keep finished runs, and go on from them")
    given = parser.parse_args(arguments)
    if given.record:
        control = Control(report=lambda message: print(message, file=sys.stderr))
        record(given.record, control=control, checkpoint=given.checkpoint)
        return 0
    missed = 0
    for name, table in trained_tables().items():
        recorded, derived = rederive(table)
        within, share = CLOSE[table.settings.model]
        close = share_close(recorded, derived, within)
        missed += close < share
        print(f"{name}: {100 * close:.1f} % of the losses within {100 * within:g} % of the recorded ones")
    return int(missed > 0)


def share_close(recorded: NDArray[np.float64], derived: NDArray[np.float64], within: float) -> float:
    """Share of losses derived again that lie within a relative distance of the recorded ones."""
    return float((np.abs(derived - recorded) <= within * recorded).mean())


if __name__ == "__main__":
    sys.exit(main())

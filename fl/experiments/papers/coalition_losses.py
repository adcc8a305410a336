"""Measured test losses of coalitions: who trains together, and how well the model does that they train.

The clients of SWAN's prototype are of three types with different numbers of samples. A state says how many clients of each
type train; in each run (a seeded split of the data, deal of the samples and start of the model) state ``(k_1, k_2, ..)`` is the
coalition of the first ``k_i`` clients of each type. Its loss is the mean cross-entropy of its global model on the test samples.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ....models.files import make_folder, write_whole
from ....models.input_error import InputError
from ....models.sharing.market import State
from ....solvers.control import Control
from ...data.dataset import Dataset
from ...data.load import load_dataset
from ...data.partitions import classes_per_client, given_sizes
from ...settings import setting

if TYPE_CHECKING:
    from ...training.parameters import Params

__all__ = ["CoalitionSettings", "FewerRuns", "coalition_losses", "coalition_rounds", "deal"]


@dataclass(frozen=True)
class CoalitionSettings:
    """Clients, data and training; shared by the experiments that train SWAN's coalitions.

    The paper's learning rates, batch sizes, local iterations and rounds are lost from its public text; these are choices.

    Attributes
    ----------
    dataset, folder : str
        Data set by name, and where its files are for those that do not come with scikit-learn.
    model : str
        ``softmax`` (convex), ``mlp`` or ``cnn`` (two convolutions).
    sizes, counts : tuple of int
        Samples of a client of each type; clients of each type.
    distribution : str
        ``iid``, or ``classes``: clients of a type hold so many classes as ``classes_of_each`` says.
    overlap : bool
        Let clients draw their samples independently of one another; for data with fewer samples than the clients want.
    averaging : str
        ``equal`` weights, as in eq. (3), or by ``size``, as in eq. (2).
    rounds, steps : int
        Rounds of federated averaging; local steps in each.
    batch_size : int
        0: all samples of a client.
    learning_rate, decay, momentum : float
        Of the local steps.
    decaying : str
        How the rate falls from round to round: ``geometric``, by the factor `decay`, or ``inverse``, as ``1 / (1 + decay * r)``.
    zero_start : bool
        Softmax regression starts from zeros instead of from drawn values.
    report_every : int
        Rounds between two that losses are reported of, the last one always; 0: that one only.
    test_size : int
        Test samples that losses are taken on, the first of the set; 0: all.
    runs : int
        Independent runs.
    seed : int
        Of everything.
    device : str
        Where torch computes.
    """

    dataset: str = setting("digits", help="digits, or any name for the IDX files in folder", word=True)
    folder: str = setting("", help="folder of the data set's files")
    model: str = setting("softmax", choices=("softmax", "mlp", "swan-cnn", "moon-cnn", "cnn"))
    sizes: tuple[int, ...] = setting((20, 50, 120), min=1, help="samples of a client of each type")
    counts: tuple[int, ...] = setting((10, 5, 5), min=0, help="clients of each type")
    distribution: str = setting("iid", choices=("iid", "classes"))
    classes_of_each: tuple[int, ...] = setting((1, 5, 10), min=1, help="classes of a client of each type, if not iid")
    overlap: bool = setting(False, help="clients draw their samples independently")
    averaging: str = setting("equal", choices=("equal", "size"))
    rounds: int = setting(30, min=1)
    steps: int = setting(5, min=1, help="local steps in a round")
    batch_size: int = setting(0, min=0, help="0: all samples")
    learning_rate: float = setting(0.1, min=0.0)
    decay: float = setting(0.98, min=0.0, max=1.0, help="factor on the learning rate from round to round")
    momentum: float = setting(0.9, min=0.0, max=1.0)
    decaying: str = setting("geometric", choices=("geometric", "inverse"))
    zero_start: bool = setting(False, help="softmax starts from zeros")
    report_every: int = setting(0, min=0, help="rounds between two reported losses; 0: the last round only")
    test_size: int = setting(0, min=0, help="test samples that losses are taken on; 0: all")
    runs: int = setting(5, min=1)
    seed: int = setting(0, min=0)
    device: str = "cpu"

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.sizes):
            raise InputError(f"expected {len(self.sizes)} counts, one for each size", field="counts")
        if not any(self.counts):
            raise InputError("there are no clients", field="counts")
        if self.distribution == "classes" and len(self.classes_of_each) != len(self.sizes):
            raise InputError(f"expected {len(self.sizes)} numbers, one for each size", field="classes_of_each")
        if self.zero_start and self.model != "softmax":
            raise InputError("a network of zeros has no gradient; only softmax can start there", field="zero_start")
        for name in ("learning_rate", "decay"):
            if getattr(self, name) <= 0:
                raise InputError("must be positive", field=name)

    @property
    def reported(self) -> list[int]:
        """Rounds that losses are reported of, ascending; the last is the last."""
        every = self.report_every or self.rounds
        return sorted({*range(every, self.rounds + 1, every), self.rounds})

    @property
    def size_of_each(self) -> list[int]:
        """Samples of every client, type after type."""
        return [size for size, count in zip(self.sizes, self.counts, strict=True) for _ in range(count)]

    def members(self, state: Sequence[int]) -> list[int]:
        """Clients that train in a state: the first of each type."""
        first = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        return [int(start) + j for start, k in zip(first, state, strict=True) for j in range(k)]


class FewerRuns(KeyboardInterrupt):
    """Interrupted after some runs.

    Attributes
    ----------
    losses, accuracies : ndarray of float64
        As the function that was interrupted returns them, of the runs that were finished.
    rows : list of dict
        What an experiment makes of them.
    """

    def __init__(self, losses: NDArray[np.float64], accuracies: NDArray[np.float64]):
        super().__init__(f"{len(losses)} runs finished")
        self.losses, self.accuracies = losses, accuracies
        self.rows: list[dict[str, Any]] = []


def deal(settings: CoalitionSettings, labels: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Deal samples to the clients, type after type.

    Raises
    ------
    InputError
        If there are too few samples and clients may not share them.
    """
    sizes = settings.size_of_each
    kinds = [kind for kind, count in zip(settings.classes_of_each, settings.counts, strict=False) for _ in range(count)]

    def draw(some: slice) -> list[NDArray[np.int64]]:
        if settings.distribution == "iid":
            return given_sizes(labels, sizes[some], rng)
        return classes_per_client(labels, kinds[some], sizes[some], rng)

    if not settings.overlap:
        return draw(slice(None))
    return [draw(slice(i, i + 1))[0] for i in range(len(sizes))]


def coalition_rounds(
    settings: CoalitionSettings,
    states: Sequence[State],
    control: Control | None = None,
    checkpoint: Path | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Train the coalition of every state in every run, and test its model after the reported rounds.

    Parameters
    ----------
    settings : CoalitionSettings
        Clients, data, training.
    states : sequence of tuple of int
        Participants of each type, at least one participant in each.
    control : Control, optional
        Where to say how far it is.
    checkpoint : Path, optional
        Folder that keeps finished runs of the same settings and states.

    Returns
    -------
    losses : ndarray of float64, shape (runs, reported rounds, states)
        Mean cross-entropy on the test samples, in nats.
    accuracies : ndarray of float64, shape (runs, reported rounds, states)
        Share of test samples whose class is predicted.

    Raises
    ------
    InputError
        If data are missing or too few.
    FewerRuns
        On Ctrl-C, if a run was finished before.
    """
    control = control or Control()
    measured: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    try:
        for run in range(settings.runs):
            control.progress(f"run {run + 1} of {settings.runs}, {len(states)} coalitions")
            measured.append(_kept_run(settings, states, run, checkpoint))
    except KeyboardInterrupt:
        if not measured:
            raise
        raise FewerRuns(*map(np.stack, zip(*measured, strict=True))) from None
    losses, accuracies = map(np.stack, zip(*measured, strict=True))
    return losses, accuracies


def coalition_losses(
    settings: CoalitionSettings,
    states: Sequence[State],
    control: Control | None = None,
    checkpoint: Path | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what :func:`coalition_rounds` does of the last round alone, shapes (runs, states)."""
    try:
        losses, accuracies = coalition_rounds(settings, states, control, checkpoint)
    except FewerRuns as stop:
        raise FewerRuns(stop.losses[:, -1], stop.accuracies[:, -1]) from None
    return losses[:, -1], accuracies[:, -1]


def _kept_run(
    settings: CoalitionSettings, states: Sequence[State], run: int, checkpoint: Path | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take a finished run from the checkpoint, or do it and keep it there."""
    kept = None if checkpoint is None else checkpoint / f"{_name(settings, states)}-{run}.npy"
    if kept is not None and kept.exists():
        try:
            loss, accuracy = np.load(kept, allow_pickle=False)
            if loss.shape != (len(settings.reported), len(states)):
                raise ValueError(f"numbers of shape {loss.shape}")
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"not a finished run: {error}", file=str(kept)) from None
        return loss, accuracy
    if kept is not None:
        make_folder(kept.parent)
    loss, accuracy = _one_run(settings, states, run)
    if kept is not None:
        file = io.BytesIO()
        np.save(file, np.stack([loss, accuracy]), allow_pickle=False)
        write_whole(kept, file.getvalue())
    return loss, accuracy


def _name(settings: CoalitionSettings, states: Sequence[State]) -> str:
    """Name what a run depends on: all settings but how many runs there are, and the states."""
    shared = {entry.name: getattr(settings, entry.name) for entry in fields(CoalitionSettings) if entry.name != "runs"}
    text = json.dumps([shared, [list(state) for state in states]], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _one_run(
    settings: CoalitionSettings, states: Sequence[State], run: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import torch

    from ...training.architectures import architecture
    from ...training.coalitions import train_coalitions
    from ...training.evaluate import evaluate
    from ...training.holdings import check_samples
    from ...training.recipe import Recipe

    seed = settings.seed * 10_007 + run
    data: Dataset = load_dataset(settings.dataset, settings.folder or None, seed).tested_on(settings.test_size)
    holdings = deal(settings, data.train_labels, np.random.default_rng(seed))
    model = architecture(settings.model, data.input_shape, data.classes)
    recipe = Recipe(
        steps=settings.steps,
        batch_size=settings.batch_size or None,
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        seed=seed * settings.rounds,
    )
    # Mean and deviation over all pixels of all training images: two public numbers, as is usual for images.
    centre, spread = data.train_inputs.mean(), data.train_inputs.std()
    start = model.initial(recipe.seed)
    if settings.zero_start:
        start = {name: torch.zeros_like(tensor) for name, tensor in start.items()}
    # To the device once, not once a reported round.
    test_inputs = (data.test_inputs - centre) / spread
    test = check_samples(model, test_inputs, data.test_labels, settings.device, next(iter(start.values())).dtype)
    measured = []

    def measure(number: int, models: Params) -> None:
        if number in settings.reported:
            measured.append(evaluate(model, models, *test))

    train_coalitions(
        model,
        [settings.members(state) for state in states],
        (data.train_inputs - centre) / spread,
        data.train_labels,
        holdings,
        recipe,
        rounds=settings.rounds,
        decay=settings.decay,
        decaying=settings.decaying,
        start=start,
        after=measure,
        weights=settings.size_of_each if settings.averaging == "size" else None,
        device=settings.device,
    )
    loss, accuracy = (np.stack(each) for each in zip(*measured, strict=True))
    if not np.isfinite(loss).all():
        first = states[int(np.flatnonzero(~np.isfinite(loss).all(axis=0))[0])]
        raise InputError(
            "its test loss is not finite: training diverged",
            row=f"state {'/'.join(map(str, first))}",
            field="learning_rate",
        )
    return loss, accuracy

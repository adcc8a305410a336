"""What stays the same over all rounds of a simulation: data, probe set, workers, groups, tasks, budgets, the first model.

The order in which the training samples are given away: the probe set first, then the reserve of the audits if there are any, then the
public samples that train the common first model, then the workers' own.

Source: DriftPay, section 7e (stated: fixed workers, Dirichlet label skew, a probe set, requesters with tasks of their own over a
shared pool); sizes, groups and the public start are choices made here (reconstructed).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np

from ...models.input_error import InputError
from ..data.dataset import Dataset
from ..data.dirichlet import dirichlet, dirichlet_balanced, dirichlet_per_client
from ..data.load import load_dataset
from ..data.partitions import given_sizes
from ..scoring.audit import AuditSchedule
from ..scoring.drift_market import groups_by_label
from ..scoring.probe import ProbeSet, draw_probe, probe_of
from .bids import (
    CENTS,
    MOST_CENTS,
    BidModel,
    CostModel,
    drawn_share,
)
from .settings import ProcurementSettings
from .tasks import Task, make_tasks, split_budget

__all__ = ["Environment", "Purpose", "build_environment", "generator"]


class Purpose(IntEnum):
    """What a stream of random numbers is for; streams of different purposes and rounds do not touch."""

    SPLIT = 1
    PROBE = 2
    PARTITION = 3
    GROUPS = 4
    FACTORS = 5
    DEVIATORS = 6
    INITIAL = 7
    COSTS = 8
    BIDS = 9
    NOISE = 10
    RULE = 11
    MECHANISM = 12
    SCORING = 13
    TRAINING = 14
    PERTURBATION = 15
    GLIMPSE = 16
    FIXED = 17
    GAMERS = 18
    GAME = 19
    AUDITS = 20
    BOUNDS = 21


def generator(seed: int, purpose: Purpose, round_number: int = 0) -> np.random.Generator:
    """Make the random numbers of one purpose in one round; no state is carried from round to round."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, int(purpose), round_number])))


@dataclass(frozen=True)
class Environment:
    """What stays the same over all rounds.

    Attributes
    ----------
    dataset : Dataset
    probe : ProbeSet
        ``D_0``, held out before anything else.
    public : ndarray of int64
        Training samples that the common first model is trained on.
    holdings : list of ndarray of int64, length n
        Each worker's training samples.
    groups : list of str, length n
    tasks : list of Task, length m
    costs : CostModel
    bids : BidModel
    factors : ndarray of float, shape (n,)
        The workers' own cost factors.
    deviates, games : ndarray of bool, shape (n,)
        Who deviates in its bids, and who games its scoring update.
    fixed : ndarray of float, shape (n,)
        Uniform on [0, 1), drawn once.
    audits : AuditSchedule or None
    """

    dataset: Dataset
    probe: ProbeSet
    public: np.ndarray
    holdings: list[np.ndarray]
    groups: list[str]
    tasks: list[Task]
    costs: CostModel
    bids: BidModel
    factors: np.ndarray
    deviates: np.ndarray
    games: np.ndarray
    fixed: np.ndarray
    audits: AuditSchedule | None

    @property
    def samples(self) -> np.ndarray:
        """Samples of each worker, shape (n,)."""
        return np.array([len(held) for held in self.holdings], dtype=np.int64)


def build_environment(settings: ProcurementSettings, dataset: Any = None) -> Environment:
    """Deal data, draw workers and make tasks.

    Parameters
    ----------
    settings : ProcurementSettings
    dataset : optional
        In the place of the settings' own: arrays or torch data sets, as :func:`~fedmech.fl.data.load.load_dataset` takes them.

    Raises
    ------
    InputError
        If data are missing, or do not suffice for probe set, public samples and workers, or a task has no test sample.
    """
    n, seed = settings.workers, settings.seed
    source = settings.dataset if dataset is None else dataset
    dataset = load_dataset(source, settings.folder, int(generator(seed, Purpose.SPLIT).integers(2**31)))
    dataset = dataset.tested_on(settings.test_size)
    probe = _probe(settings, dataset, int(generator(seed, Purpose.PROBE).integers(2**62)))
    rng = generator(seed, Purpose.PARTITION)
    audits = _audits(settings, dataset, probe)
    left = probe.without(len(dataset.train_labels))
    if audits is not None:
        left = np.setdiff1d(left, audits.reserve.indices, assume_unique=True)
    left = left[np.argsort(rng.random(len(left)), kind="stable")]
    wanted = len(left) - settings.public_samples if settings.train_samples is None else settings.train_samples
    if wanted < n or settings.public_samples + wanted > len(left):
        message = f"{len(left)} samples are left by the probe set: too few for {settings.public_samples} public ones"
        raise InputError(f"{message} and {max(wanted, n)} of {n} workers", field="train_samples")
    public, pool = np.split(left[: settings.public_samples + wanted], [settings.public_samples])
    holdings = [pool[part] for part in _deal(settings, dataset.train_labels[pool], rng)]
    empty = next((i for i, held in enumerate(holdings) if not len(held)), None)
    if empty is not None:
        raise InputError(
            f"worker {empty + 1} gets no sample; choose another partition or fewer workers", field="workers"
        )
    costs = CostModel(settings.fixed_cost, settings.cost_per_sample, settings.cost_spread, settings.cost_noise)
    bids = BidModel(settings.bid_noise, settings.deviators, settings.deviation)
    factors = costs.factors(n, generator(seed, Purpose.FACTORS))
    tasks = make_tasks(
        settings.tasks,
        dataset.classes,
        _budgets(settings, costs, factors, holdings),
        settings.labels_per_task,
        settings.favour,
        settings.seats,
    )
    present = np.bincount(dataset.test_labels, minlength=dataset.classes) > 0
    for task in tasks:
        if not present[list(task.labels)].any():
            raise InputError(f"{dataset.name} has no test sample of its labels", row=f"task {task.id!r}", field="tasks")
    return Environment(
        dataset=dataset,
        probe=probe,
        public=np.sort(public),
        holdings=[np.sort(held) for held in holdings],
        groups=_groups(settings, dataset, holdings),
        tasks=tasks,
        costs=costs,
        bids=bids,
        factors=factors,
        deviates=bids.who_deviates(n, generator(seed, Purpose.DEVIATORS)),
        games=drawn_share(settings.gamers, n, generator(seed, Purpose.GAMERS)),
        fixed=generator(seed, Purpose.FIXED).random(n),
        audits=audits,
    )


def _probe(settings: ProcurementSettings, dataset: Dataset, seed: int) -> ProbeSet:
    """Draw the probe set: from all of the data, or in equal parts from the labels of each requester."""
    if settings.probes == "common":
        return draw_probe(dataset, settings.probe_size, seed)
    m = settings.requesters
    if settings.probe_size < m:
        raise InputError(f"needs an image for each of {m} requesters, got {settings.probe_size}", field="probe_size")
    nothing = [Fraction(0)] * m
    tasks = make_tasks(settings.tasks, dataset.classes, nothing, settings.labels_per_task, settings.favour)
    parts: list[ProbeSet] = []
    for j, task in enumerate(tasks):
        size = settings.probe_size // m + (j < settings.probe_size % m)
        before = [int(index) for part in parts for index in part.indices]
        parts.append(draw_probe(dataset, size, seed + j, exclude=before, labels=task.labels))
    return probe_of(dataset, [int(index) for part in parts for index in part.indices], parts[0].nonce)


def _audits(settings: ProcurementSettings, dataset: Dataset, probe: ProbeSet) -> AuditSchedule | None:
    """Hold a reserve back that has new images for every audit, and commit to when they are used."""
    every, size = settings.audit_every, settings.audit_size
    if every is None:
        return None
    seeds = generator(settings.seed, Purpose.AUDITS).integers(2**62, size=2).tolist()
    wanted = size * max(1, settings.rounds // every)
    if wanted > len(dataset.train_labels) - len(probe):
        message = f"{wanted} images are needed for all audits, the probe set leaves"
        raise InputError(f"{message} {len(dataset.train_labels) - len(probe)}", field="audit_size")
    reserve = draw_probe(dataset, wanted, seeds[0], exclude=probe.indices.tolist())
    return AuditSchedule(reserve, size, every, seeds[1])


def _deal(settings: ProcurementSettings, labels: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    n = settings.workers
    if settings.partition == "dirichlet":
        return dirichlet(labels, n, settings.beta, rng, least=1)
    if settings.partition == "dirichlet-balanced":
        return dirichlet_balanced(labels, n, settings.beta, rng, least=min(10, len(labels) // (2 * n)))
    weights = 1 + settings.size_spread * (2 * rng.random(n) - 1)
    # One sample for everybody, the others in proportion to the weights; cutting at rounded sums leaves none over.
    cuts = np.rint(np.cumsum(weights) / weights.sum() * (len(labels) - n)).astype(np.int64)
    sizes = 1 + np.diff(cuts, prepend=0)
    if settings.partition == "iid":
        return given_sizes(labels, sizes, rng)
    return dirichlet_per_client(labels, n, settings.beta, rng, sizes=sizes)


def _budgets(
    settings: ProcurementSettings, costs: CostModel, factors: np.ndarray, holdings: list[np.ndarray]
) -> list[Fraction]:
    """Shares of what all workers cost in the mean, in whole cents."""
    samples = np.array([len(held) for held in holdings])
    with np.errstate(over="ignore"):
        everybody = float((factors * (costs.fixed + costs.per_sample * samples)).sum())
    buyers = settings.requesters if settings.budget_basis == "each" else 1
    cents = CENTS * settings.budget_share * buyers * everybody
    if not cents <= MOST_CENTS:
        raise InputError(f"amounts of money above {MOST_CENTS // CENTS:,} are not exact", field="budget_share")
    total = Fraction(round(cents), CENTS)
    return split_budget(total, settings.requesters, settings.budget_split)


def _groups(settings: ProcurementSettings, dataset: Dataset, holdings: list[np.ndarray]) -> list[str]:
    if settings.groups == "given":
        return list(settings.group_names)
    if settings.groups == "random":
        drawn = generator(settings.seed, Purpose.GROUPS).random(settings.workers) * settings.group_count
        return [f"g{int(group) + 1}" for group in drawn]
    if settings.groups == "one":
        return ["g1"] * settings.workers
    return groups_by_label(dataset.train_labels, holdings)

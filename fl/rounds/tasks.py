"""A requester's task: which labels matter to it and how much, its budget, its seats.

Source: DriftPay, section 7e (stated: each requester trains over a shared pool of workers "with a requester-specific objective (e.g.,
different label sets, domains, or loss weights)"). How the sets and weights of several requesters lie to one another, and how a
pooled budget is split, are choices made here (reconstructed): windows of labels that run round the classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.input_error import InputError

__all__ = ["BUDGET_SPLITS", "TASK_KINDS", "Task", "make_tasks", "split_budget", "task_samples"]

TASK_KINDS = ("label-subsets", "loss-weights", "same")
"""``label-subsets``: only the own labels count; ``loss-weights``: they weigh more than the others; ``same``: all count alike."""

BUDGET_SPLITS = ("equal", "one-large", "geometric")
"""``equal``; ``one-large``: half of the money to the first requester, the rest in equal parts; ``geometric``: each half of the one
before."""


@dataclass(frozen=True)
class Task:
    """What one requester wants to learn, and what it brings.

    Attributes
    ----------
    id : str
    class_weights : tuple of int, length classes
        Weight of each class in the test loss and in the local training of its winners; 0 leaves a class out.
    budget : Fraction
        Money per round.
    seats : int or None
        The most workers it can take; None: no limit.
    """

    id: str
    class_weights: tuple[int, ...]
    budget: Fraction
    seats: int | None = None

    def __post_init__(self) -> None:
        if not self.class_weights or min(self.class_weights) < 0 or not any(self.class_weights):
            message = f"needs one weight >= 0 for each class and some weight > 0, got {self.class_weights}"
            raise InputError(message, row=f"task {self.id!r}", field="class_weights")
        if self.budget < 0:
            raise InputError(f"must be >= 0, got {self.budget}", row=f"task {self.id!r}", field="budget")

    @property
    def labels(self) -> tuple[int, ...]:
        """Classes that count, ascending."""
        return tuple(label for label, weight in enumerate(self.class_weights) if weight)


def make_tasks(
    kind: str, classes: int, budgets: Sequence[Fraction], own: int, favour: int = 4, seats: int | None = None
) -> list[Task]:
    """Make one task for each budget.

    Requester ``j`` of ``m`` has `own` labels of its own, running from ``floor(j * classes / m)`` round the classes.

    Parameters
    ----------
    kind : str
        One of :data:`TASK_KINDS`.
    classes : int
    budgets : sequence of Fraction, length m
    own : int
        Labels of each requester; ignored by ``same``.
    favour : int
        Weight of an own label beside 1 for the others, for ``loss-weights``.
    seats : int, optional
        Seat limit of every requester.

    Raises
    ------
    InputError
        For an unknown kind, or `own` outside ``1..classes``, or a `favour` below 1.
    """
    if kind not in TASK_KINDS:
        raise InputError(f"unknown kind of task {kind!r}; there are {', '.join(TASK_KINDS)}", field="tasks")
    if not 1 <= own <= classes:
        raise InputError(f"must lie in 1..{classes}, the number of classes, got {own}", field="labels_per_task")
    if favour < 1:
        raise InputError(f"must be >= 1, got {favour}", field="favour")
    other = 0 if kind == "label-subsets" else 1
    weight = favour if kind == "loss-weights" else 1
    tasks = []
    for j, budget in enumerate(budgets):
        first = j * classes // len(budgets)
        mine = {(first + step) % classes for step in range(classes if kind == "same" else own)}
        weights = tuple(weight if label in mine else other for label in range(classes))
        tasks.append(Task(f"r{j + 1}", weights, budget, seats))
    return tasks


def split_budget(total: Fraction, requesters: int, how: str, places: int = 2) -> list[Fraction]:
    """Split a pooled budget into shares with `places` decimals that add up to it.

    Parameters
    ----------
    total : Fraction
        With at most `places` decimals.
    requesters : int
    how : str
        One of :data:`BUDGET_SPLITS`.
    places : int

    Returns
    -------
    list of Fraction, length `requesters`
        Rounded down; what is left goes to the first.

    Raises
    ------
    InputError
        For an unknown way to split.
    """
    if how == "equal":
        parts = [Fraction(1, requesters)] * requesters
    elif how == "one-large":
        rest = Fraction(1, 2 * (requesters - 1)) if requesters > 1 else Fraction(0)
        parts = [Fraction(1, 2), *[rest] * (requesters - 1)]
    elif how == "geometric":
        parts = [Fraction(1, 2 ** (j + 1)) for j in range(requesters)]
    else:
        raise InputError(f"unknown split {how!r}; there are {', '.join(BUDGET_SPLITS)}", field="budget_split")
    unit = 10**places
    scale = total * unit / sum(parts)
    shares = [Fraction((part * scale).__floor__(), unit) for part in parts]
    shares[0] += total - sum(shares)
    return shares


def task_samples(task: Task, labels: np.ndarray, holding: np.ndarray) -> np.ndarray:
    """Return what a winner trains on for a task: its samples, each as often as its class weighs.

    The mean loss over these samples is the class-weighted mean loss over the holding, exactly with full batches and in
    expectation with smaller ones.

    Parameters
    ----------
    task : Task
    labels : ndarray of int64
        Labels of the whole training set.
    holding : ndarray of int64, ascending
        Indices of the worker's samples.

    Returns
    -------
    ndarray of int64, ascending
        Empty if the worker has nothing of the task's labels.
    """
    weights = np.asarray(task.class_weights, dtype=np.int64)
    # Only the ratios of the weights matter; without their common factor the samples are fewest.
    return np.repeat(holding, (weights // np.gcd.reduce(weights))[labels[holding]])

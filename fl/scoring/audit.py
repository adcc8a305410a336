"""Audit and refresh: fresh probe sets from a committed seed, and re-scores that sampling cannot explain.

Before the first auction the platform publishes :attr:`AuditSchedule.commitment`, the SHA-256 over everything that decides the
schedule: a secret seed, the reserve of images, how often, how many images, which share of the workers. Nothing in it knows a
bid. Every `every` rounds a fresh probe set is taken from the reserve; until a block is used it is secret. Later the seed is
revealed, and anybody derives the whole schedule again (:func:`open_schedule`) and compares it with what was done.

Consecutive audits take disjoint images until the reserve is used up; then it is shuffled anew.

Re-scores are compared at the *same* global model: the score a worker was hired on and the score of the same worker's
standardised update on the fresh probe set, both against the same ``w^t``. Between rounds the global model moves, and
scores legitimately with it (the paper's "model drift"); such a change is no evidence against anybody.

Source: DriftPay, section 7d, "Audit and refresh of scores" (stated: every T rounds, a random subset of workers, a fresh probe
set from a committed distribution by a verifiable seed, flags "beyond what sampling variation predicts"). The test and the
derivation of the seeds are choices made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError
from .commitment import commit, derive, random_order
from .probe import NONCE_BYTES, ProbeSet, open_probe

if TYPE_CHECKING:
    from ..data.dataset import Dataset

__all__ = ["AuditSchedule", "Inconsistency", "inconsistent", "open_schedule"]

OPENING_FORMAT = "fedmech-audit-opening/1"


@dataclass(frozen=True, eq=False)
class AuditSchedule:
    """When scores are refreshed, on which images and for whom; all of it follows from one committed seed.

    Attributes
    ----------
    reserve : ProbeSet
        Images held out for audits, disjoint from the standing probe set and from what workers hold.
    size : int
        Images in each fresh probe set.
    every : int
        Rounds between audits: rounds `every`, ``2 every``, ... are audited (rounds count from 1).
    seed : int
        The secret, see :func:`~fedmech.fl.scoring.commitment.fresh_secret`.
    workers_percent : int
        Share of the workers that each audit re-scores, 1 to 100 per cent, rounded up.
    """

    reserve: ProbeSet
    size: int
    every: int
    seed: int = field(repr=False)
    workers_percent: int = 100

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"must be at least 1, got {self.every}", field="every")
        if not 1 <= self.size <= len(self.reserve):
            raise InputError(f"must lie between 1 and {len(self.reserve)}, got {self.size}", field="size")
        if not 1 <= self.workers_percent <= 100:
            raise InputError(f"must lie between 1 and 100, got {self.workers_percent}", field="workers_percent")
        if self.seed < 0:
            raise InputError(f"must not be negative, got {self.seed}", field="seed")

    @property
    def commitment(self) -> str:
        """The hash to publish before the first auction, 64 hexadecimal digits.

        Over the text ``fedmech-audit/1``, the seed, the commitment of the reserve, `size`, `every` and `workers_percent`, in the
        encoding of :mod:`fedmech.fl.scoring.commitment`. It hides the schedule if the seed cannot be guessed.
        """
        return commit(
            "fedmech-audit/1", self.seed, self.reserve.commitment, self.size, self.every, self.workers_percent
        )

    def audited(self, round_number: int) -> bool:
        """Whether scores are refreshed in this round (rounds count from 1)."""
        return round_number >= 1 and round_number % self.every == 0

    def probe(self, round_number: int) -> ProbeSet:
        """Return the fresh probe set of an audited round.

        Raises
        ------
        InputError
            If the round is not audited.
        """
        blocks = len(self.reserve) // self.size
        epoch, block = divmod(self._audit_number(round_number), blocks)
        order = random_order(len(self.reserve), derive("fedmech-audit-order/1", self.seed, epoch))
        nonce = derive("fedmech-audit-nonce/1", self.seed, round_number).to_bytes(NONCE_BYTES, "big")
        return self.reserve.part(order[block * self.size : (block + 1) * self.size], nonce)

    def workers(self, round_number: int, n: int) -> NDArray[np.int64]:
        """Return which of `n` workers an audited round re-scores, ascending.

        Raises
        ------
        InputError
            If the round is not audited.
        """
        self._audit_number(round_number)
        count = -(-n * self.workers_percent // 100)
        return np.sort(random_order(n, derive("fedmech-audit-workers/1", self.seed, round_number))[:count])

    def _audit_number(self, round_number: int) -> int:
        if not self.audited(round_number):
            raise InputError(f"round {round_number} is not audited, every {self.every}th is", field="round")
        return round_number // self.every - 1

    def opening(self) -> dict[str, Any]:
        """Return what is published to reveal the schedule: a document that JSON can hold, read by :func:`open_schedule`."""
        return {
            "format": OPENING_FORMAT,
            "seed": str(self.seed),
            "size": self.size,
            "every": self.every,
            "workers_percent": self.workers_percent,
            "reserve": self.reserve.opening(),
            "reserve_commitment": self.reserve.commitment,
        }


def open_schedule(opening: Mapping[str, Any], dataset: Dataset, commitment: str) -> AuditSchedule:
    """Rebuild a revealed schedule and hold it to its commitment; then :meth:`AuditSchedule.probe` derives every audit again.

    Parameters
    ----------
    opening : mapping
        As :meth:`AuditSchedule.opening` writes it.
    dataset : Dataset
        The verifier's own copy of the data.
    commitment : str
        The hash published before the first auction.

    Raises
    ------
    InputError
        If the document is malformed or anything in it, the reserve's images included, differs from what was committed.
    """
    if not isinstance(opening, Mapping) or opening.get("format") != OPENING_FORMAT:
        raise InputError(f"must be {OPENING_FORMAT!r}", field="format")
    numbers: dict[str, int] = {}
    for name in ("size", "every", "workers_percent"):
        value = opening.get(name)
        if type(value) is not int:
            raise InputError(f"must be a whole number, got {value!r}", field=name)
        numbers[name] = value
    seed = str(opening.get("seed"))
    # 256 bits have at most 78 digits.
    if not (seed.isascii() and seed.isdigit() and len(seed) <= 100):
        raise InputError("must be a whole number in decimal digits", field="seed")
    reserve = open_probe(opening.get("reserve", {}), dataset, str(opening.get("reserve_commitment")))
    schedule = AuditSchedule(reserve=reserve, seed=int(seed), **numbers)
    if schedule.commitment != commitment.strip().lower():
        raise InputError(
            f"the revealed schedule has the hash {schedule.commitment}, {commitment} was committed", field="commitment"
        )
    return schedule


@dataclass(frozen=True)
class Inconsistency:
    """How far re-scores are from the scores before, worker by worker.

    Attributes
    ----------
    z : ndarray of float64, shape (n,)
        ``(before - after) / sqrt(error_before^2 + error_after^2)``, both standard errors over probe images: positive if the
        worker looked better before. Zero for no change; infinite where both errors are 0 and the scores differ.
    p_values : ndarray of float64, shape (n,)
        Two-sided, normal, adjusted for the number of workers (Holm).
    flagged : ndarray of bool, shape (n,)
        ``p_values <= level``.
    level : float
        The chance that anybody at all is flagged if every difference is sampling variation.
    """

    z: NDArray[np.float64]
    p_values: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    level: float


def inconsistent(
    before: NDArray[np.float64], after: NDArray[np.float64], *, standing_offset: bool = True, level: float = 0.01
) -> Inconsistency:
    """Flag workers whose re-score differs from the score before by more than sampling predicts.

    Parameters
    ----------
    before : ndarray of float64, shape (n, P)
        Per-image drifts on the standing probe set.
    after : ndarray of float64, shape (n, Q)
        Per-image drifts of the same workers on a fresh, disjoint probe set, at the same global model.
    standing_offset : bool
        Subtract the workers' median drift from each image first. One probe set may be harder than the other for everybody; that
        is no worker's doing, and taking it out makes the test sharper. Needs at least three workers, otherwise nothing is subtracted.
    level : float
        Family-wise error rate, in (0, 1).

    Returns
    -------
    Inconsistency

    Raises
    ------
    InputError
        If the workers differ in number or a probe set has fewer than two images.

    Notes
    -----
    Welch's statistic with normal quantiles; Holm's correction holds however the workers' errors depend on each other.
    """
    from scipy.special import erfc

    if not 0 < level < 1:
        raise InputError(f"must lie strictly between 0 and 1, got {level}", field="level")
    if before.ndim != 2 or after.ndim != 2 or len(before) != len(after) or min(before.shape[1], after.shape[1]) < 2:
        raise InputError(f"drifts of shapes {before.shape} and {after.shape}", field="score")
    n = len(before)
    if standing_offset and n >= 3:
        before, after = (part - np.median(part, axis=0) for part in (before, after))
    difference = before.mean(axis=1) - after.mean(axis=1)
    error = np.sqrt(before.var(axis=1, ddof=1) / before.shape[1] + after.var(axis=1, ddof=1) / after.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(difference == 0, 0.0, difference / error)
    single = erfc(np.abs(z) / np.sqrt(2))
    order = np.argsort(single, kind="stable")
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.maximum.accumulate(single[order] * np.arange(n, 0, -1)), 1.0)
    return Inconsistency(z, adjusted, adjusted <= level, level)

"""The probe set ``D_0``: held out before anything else, committed by SHA-256, revealed and verified later.

What is hashed (:attr:`ProbeSet.commitment`), in the encoding of :mod:`.commitment`: the text ``fedmech-probe/1``, the nonce
(32 bytes), the dataset's name, the indices (int64), the inputs (float32) and the labels (int64) of the probe images in the order
of their indices.

The nonce is what hides. The images of a public data set are known to everybody, so a hash of indices or images alone could be
tried out against guesses; with 256 secret random bits beside them it cannot. And it binds: no other nonce and images with
that hash can be found. What a commitment does not show is that the draw was honest - whoever draws may try many seeds and
keep the one it likes. Where that matters, the seed is made from contributions of several parties.

Source: DriftPay, section 3 ("Scoring interface": the platform commits to the probe set "or at least to an auditable hashing"
before bids are submitted; stated). The nonce, the encoding and the uniform draw are choices made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError
from .commitment import commit, derive, random_order

if TYPE_CHECKING:
    from ..data.dataset import Dataset

__all__ = ["ProbeSet", "draw_probe", "open_probe", "probe_of"]

NONCE_BYTES = 32
OPENING_FORMAT = "fedmech-probe-opening/1"


@dataclass(frozen=True, eq=False)
class ProbeSet:
    """A probe set and the nonce of its commitment.

    Attributes
    ----------
    inputs : ndarray of float32, shape (P, ...)
        What the models are shown.
    labels : ndarray of int64, shape (P,)
        Their classes; drift scores do not look at them, accuracy and loss do.
    indices : ndarray of int64, shape (P,)
        Their places in the training part of the data set, ascending.
    dataset : str
        The data set's name.
    nonce : bytes
        32 bytes; secret until the probe set is revealed.
    """

    inputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    dataset: str
    nonce: bytes

    def __post_init__(self) -> None:
        if len(self.nonce) != NONCE_BYTES:
            raise InputError(f"must have {NONCE_BYTES} bytes, got {len(self.nonce)}", field="nonce")

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def commitment(self) -> str:
        """The hash to publish before bids are submitted: 64 hexadecimal digits, see the module. Computed from the arrays as they are."""
        return commit("fedmech-probe/1", self.nonce, self.dataset, self.indices, self.inputs, self.labels)

    def opening(self) -> dict[str, Any]:
        """Return what is published to reveal the probe set: a document that JSON can hold.

        Returns
        -------
        dict
            Format, data set, indices and nonce (hexadecimal); :func:`open_probe` reads it.
        """
        return {
            "format": OPENING_FORMAT,
            "dataset": self.dataset,
            "indices": self.indices.tolist(),
            "nonce": self.nonce.hex(),
        }

    def without(self, count: int) -> NDArray[np.int64]:
        """Return the indices ``0..count - 1`` that are not in the probe set, ascending: what workers may hold."""
        return np.setdiff1d(np.arange(count, dtype=np.int64), self.indices, assume_unique=True)

    def part(self, positions: NDArray[np.int64], nonce: bytes) -> ProbeSet:
        """Return the probe set of some of its images, in ascending order, with a nonce of its own.

        Parameters
        ----------
        positions : ndarray of int64
            Positions in this probe set, not indices in the data set.
        nonce : bytes
            32 bytes.
        """
        kept = np.sort(positions)
        return ProbeSet(self.inputs[kept], self.labels[kept], self.indices[kept], self.dataset, nonce)


def probe_of(dataset: Dataset, indices: Iterable[int], nonce: bytes) -> ProbeSet:
    """Make a probe set of chosen images of the training part, e.g. those a requester names.

    Raises
    ------
    InputError
        If there is no image, or an index is repeated or outside the training part.
    """
    ordered = sorted(indices)
    if not ordered:
        raise InputError("needs at least one image", field="probe")
    if ordered[0] < 0 or ordered[-1] >= len(dataset.train_labels):
        raise InputError(
            f"index outside the {len(dataset.train_labels)} training images of {dataset.name}", field="indices"
        )
    chosen = np.array(ordered, dtype=np.int64)
    if not np.diff(chosen).all():
        raise InputError("an index is repeated", field="indices")
    return ProbeSet(
        inputs=dataset.train_inputs[chosen],
        labels=dataset.train_labels[chosen].astype(np.int64, copy=False),
        indices=chosen,
        dataset=dataset.name,
        nonce=nonce,
    )


def draw_probe(
    dataset: Dataset, size: int, seed: int, *, exclude: Iterable[int] = (), labels: Iterable[int] | None = None
) -> ProbeSet:
    """Hold out a probe set, uniformly without replacement from the training part.

    Call it before anything else touches the data, and give workers only :meth:`ProbeSet.without`.

    Parameters
    ----------
    dataset : Dataset
    size : int
        Number of images ``P``.
    seed : int
        Draws the images, and the nonce by SHA-256. The commitment hides the probe set only if the seed is a secret that cannot be
        guessed (:func:`~fedmech.fl.scoring.commitment.fresh_secret`).
    exclude : iterable of int
        Indices that may not be drawn, e.g. those of another probe set.
    labels : iterable of int, optional
        Draw from these classes only: a probe set whose distribution is shifted on purpose.

    Returns
    -------
    ProbeSet

    Raises
    ------
    InputError
        If fewer than `size` images can be drawn, `size` is not positive or the seed is negative.
    """
    allowed = ~np.isin(np.arange(len(dataset.train_labels)), list(exclude))
    if labels is not None:
        allowed &= np.isin(dataset.train_labels, list(labels))
    pool = np.flatnonzero(allowed)
    if not 1 <= size <= len(pool):
        raise InputError(f"must lie between 1 and {len(pool)}, the images to draw from; got {size}", field="probe size")
    order = random_order(len(pool), derive("fedmech-probe-draw/1", seed))
    nonce = derive("fedmech-probe-nonce/1", seed).to_bytes(NONCE_BYTES, "big")
    return probe_of(dataset, pool[order[:size]].tolist(), nonce)


def open_probe(opening: Mapping[str, Any], dataset: Dataset, commitment: str) -> ProbeSet:
    """Rebuild a revealed probe set from the data set and hold it to its commitment.

    Parameters
    ----------
    opening : mapping
        As :meth:`ProbeSet.opening` writes it, e.g. read from JSON.
    dataset : Dataset
        The data set, from the verifier's own copy.
    commitment : str
        The hash published before the bids.

    Returns
    -------
    ProbeSet

    Raises
    ------
    InputError
        If the document is malformed, speaks of another data set, or does not have the committed hash: another index, image,
        label or nonce.
    """
    if not isinstance(opening, Mapping) or opening.get("format") != OPENING_FORMAT:
        raise InputError(f"must be {OPENING_FORMAT!r}", field="format")
    if opening.get("dataset") != dataset.name:
        raise InputError(f"is {opening.get('dataset')!r}, the images given are {dataset.name!r}", field="dataset")
    indices = opening.get("indices")
    if not isinstance(indices, list) or not all(type(index) is int for index in indices):
        raise InputError("must be a list of integers", field="indices")
    try:
        nonce = bytes.fromhex(str(opening.get("nonce")))
    except ValueError:
        raise InputError("must be hexadecimal", field="nonce") from None
    probe = probe_of(dataset, indices, nonce)
    if probe.commitment != commitment.strip().lower():
        raise InputError(
            f"the revealed probe set has the hash {probe.commitment}, {commitment} was committed", field="commitment"
        )
    return probe

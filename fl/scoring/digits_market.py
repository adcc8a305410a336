"""Measure the shipped market again: drift scores of 200 workers who hold scikit-learn's digits.

Run ``python -m fedmech.fl.scoring.digits_market [--out PATH] [--seed N]``. It needs numpy and
scikit-learn (``fedmech[test]``) and takes about a second.

The measurement follows DriftPay, section 3 ("Scoring interface") and section 8 ("Non-IID control via
Dirichlet heterogeneity"; "Scoring rules and probe design"):

1. *Probe set.* 197 of the 1,797 images are held out before anything else and committed by a SHA-256 hash
   (`commitment`); no model is trained on them.
2. *Global model.* A softmax regression trained briefly on 100 further images, which no worker holds. It is
   the common start ``w`` of every worker, and its probe accuracy (far above chance) makes its
   representations mean something.
3. *Workers.* The other 1,500 images are dealt to 200 workers: 3 to each, the rest in proportion to
   exponentially distributed demands. A worker's label mix is Dirichlet(1/2) over the ten
   classes. The deal goes in random turns; when a class has run out, its share of the mixes falls to the
   classes that are left.
4. *Scoring update.* Every worker takes the same full-batch gradient steps on its own images from ``w``,
   which gives ``w_i``. Nothing in it depends on a cost or a bid.
5. *Score.* ``v_i = (1 + E_x cos(R_{w_i}(x), R_w(x))) / 2`` over the probe images ``x``, in (0, 1]. The
   representation ``R_w(x)`` is the vector of **centred log-probabilities** of the ten classes, which is
   the vector of logits minus its mean. Logits themselves are fixed only up to a constant per image, which
   the predictions do not see and the cosine would; centring takes that freedom away. (Gradient descent
   from zero happens to keep the logits centred; the score does not lean on it.)
6. *Cost.* Each worker's sample count at a price per sample, plus a fixed part, times a factor of its own
   drawn uniformly from [0.5, 1.5) (`cost_in_cents`). Costs are made up by this formula; scores are measured.
7. *Groups* are the dominant labels (ties to the smaller label). Requesters, budgets, seats and caps are set
   by hand so that all of them matter at the optimum.

Two things keep the file the same on every machine. The only random numbers drawn are uniform doubles of
PCG64, whose stream numpy guarantees. And scores are rounded to six decimals: floating-point results differ
between BLAS builds and thread counts at about 1e-15, and a score within `ROUNDING_MARGIN` of a rounding
boundary is refused, never written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.data import DIGITS_MARKET_SEED, digits_market_path
from ...models.files import replace_file
from ..data.digits import read_digits

WORKERS = 200
CLASSES = 10
PROBE_IMAGES = 197
START_IMAGES = 100
LEAST_IMAGES = 3

START_STEPS = 30
START_RATE = 0.25
LOCAL_STEPS = 5
LOCAL_RATE = 1.0

SCORE_DECIMALS = 6
ROUNDING_MARGIN = 1e-12

FIXED_CENTS = 50
CENTS_PER_IMAGE = 25

REQUESTERS: tuple[dict[str, str | int], ...] = (
    {"id": "r1", "budget": 30, "seats": 20},
    {"id": "r2", "budget": 20, "seats": 17},
    {"id": "r3", "budget": 15, "seats": 13},
)
DEFAULT_CAP = 1
FAVOURED_CAP = 4
FAVOURED_DIGITS = {"r1": (0, 1, 2, 3), "r2": (4, 5, 6), "r3": (7, 8, 9)}


class MarketNotMadeError(Exception):
    """The measurement cannot give a file that is the same on every machine, or the data are not as expected."""


@dataclass(frozen=True)
class DigitsSplit:
    """Which image goes where.

    Parameters
    ----------
    images : ndarray of float64, shape (1797, 65)
        Pixels divided by 16 and a constant 1 for the intercept.
    labels : ndarray of int64, shape (1797,)
        Digit shown.
    probe, start : ndarray of int64
        Indices of the probe images and of the images the global model is trained on, ascending.
    holdings : tuple of ndarray of int64
        Indices of each worker's images, ascending. Disjoint from one another, from `probe` and from `start`.
    cost_factors : ndarray of float64, shape (200,)
        Each worker's own factor on its cost, in [0.5, 1.5).
    """

    images: NDArray[np.float64]
    labels: NDArray[np.int64]
    probe: NDArray[np.int64]
    start: NDArray[np.int64]
    holdings: tuple[NDArray[np.int64], ...]
    cost_factors: NDArray[np.float64]

    def commitment(self) -> str:
        """SHA-256 over the probe set: for each image in order, its index, its 64 pixels (0..16) and its label.

        Returns
        -------
        str
            64 hexadecimal digits. An index is two bytes, big-endian; a pixel and a label are one byte each.
        """
        digest = hashlib.sha256()
        for index in self.probe:
            pixels = np.rint(self.images[index, :-1] * 16).astype(np.uint8)
            digest.update(int(index).to_bytes(2, "big") + pixels.tobytes() + bytes([int(self.labels[index])]))
        return digest.hexdigest()


def split_digits(seed: int) -> DigitsSplit:
    """Hold out the probe set, then the start set, and deal the other images to the workers.

    Parameters
    ----------
    seed : int
        Seed of the PCG64 stream, non-negative.

    Returns
    -------
    DigitsSplit

    Raises
    ------
    MarketNotMadeError
        If scikit-learn is missing, or does not hold the 1,797 digits expected.

    Notes
    -----
    Source: DriftPay, section 8, "Non-IID control via Dirichlet heterogeneity" (stated, with the class mix drawn
    per worker); the sizes, the minimum and what happens when a class runs out are choices made here.
    """
    try:
        pixels, labels = read_digits()
    except ImportError as error:
        raise MarketNotMadeError(
            "scikit-learn is needed to measure this market: pip install 'fedmech[test]'"
        ) from error
    if pixels.shape != (1797, 64) or labels.shape != (1797,):
        raise MarketNotMadeError(f"expected scikit-learn's 1,797 digits of 64 pixels, got {pixels.shape}")
    images = np.hstack([pixels / 16, np.ones((len(pixels), 1))])

    rng = np.random.Generator(np.random.PCG64(seed))
    order = np.argsort(rng.random(len(labels)), kind="stable")
    probe, start, dealt = np.split(order, [PROBE_IMAGES, PROBE_IMAGES + START_IMAGES])

    # Gamma(1/2) as half the square of a Box-Muller normal; normalised, the ten of a worker are Dirichlet(1/2).
    radii, angles = rng.random((2, WORKERS, CLASSES))
    mixes = -np.log1p(-radii) * np.cos(2 * np.pi * angles) ** 2
    demands = np.cumsum(-np.log1p(-rng.random(WORKERS)))
    spare = rng.random(len(dealt) - LEAST_IMAGES * WORKERS) * demands[-1]
    turns = np.concatenate([np.repeat(np.arange(WORKERS), LEAST_IMAGES), np.searchsorted(demands, spare, side="right")])
    turns = turns[np.argsort(rng.random(len(turns)), kind="stable")]

    piles = [list(dealt[labels[dealt] == digit]) for digit in range(CLASSES)]
    holdings: list[list[int]] = [[] for _ in range(WORKERS)]
    for worker, draw in zip(turns, rng.random(len(turns)), strict=True):
        shares = np.cumsum(np.where([len(pile) > 0 for pile in piles], mixes[worker], 0.0))
        digit = int(np.searchsorted(shares, draw * shares[-1], side="right"))
        holdings[worker].append(int(piles[digit].pop()))
    return DigitsSplit(
        images=images,
        labels=labels,
        probe=np.sort(probe),
        start=np.sort(start),
        holdings=tuple(np.array(sorted(held), dtype=np.int64) for held in holdings),
        cost_factors=0.5 + rng.random(WORKERS),
    )


def train(
    weights: NDArray[np.float64], images: NDArray[np.float64], labels: NDArray[np.int64], steps: int, rate: float
) -> NDArray[np.float64]:
    """Full-batch gradient descent on the mean cross-entropy of a softmax regression.

    Parameters
    ----------
    weights : ndarray of float64, shape (65, 10)
        The model to start from; it is not changed.
    images : ndarray of float64, shape (s, 65)
        Images with their constant 1.
    labels : ndarray of int64, shape (s,)
        Digits shown.
    steps : int
        Gradient steps.
    rate : float
        Step size.

    Returns
    -------
    ndarray of float64, shape (65, 10)
    """
    truth = np.eye(CLASSES)[labels]
    for _ in range(steps):
        probabilities = np.exp(centred_log_probabilities(weights, images))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        weights = weights - rate / len(images) * (images.T @ (probabilities - truth))
    return weights


def centred_log_probabilities(weights: NDArray[np.float64], images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the representation ``R_w(x)``: log-probabilities of the classes minus their mean over the classes.

    They equal the logits minus their mean, since the two differ by one constant per image.

    Parameters
    ----------
    weights : ndarray of float64, shape (65, 10)
        Softmax model.
    images : ndarray of float64, shape (s, 65)
        Images with their constant 1.

    Returns
    -------
    ndarray of float64, shape (s, 10)
        Each row sums to 0.
    """
    logits = images @ weights
    return logits - logits.mean(axis=1, keepdims=True)


def drift_score(local: NDArray[np.float64], start: NDArray[np.float64], probe: NDArray[np.float64]) -> float:
    """Return ``(1 + mean cosine) / 2`` between two models' representations of the probe images.

    Parameters
    ----------
    local, start : ndarray of float64, shape (65, 10)
        The worker's model and the global one.
    probe : ndarray of float64, shape (s, 65)
        Probe images with their constant 1.

    Returns
    -------
    float
        In [0, 1], dimensionless.

    Notes
    -----
    Source: DriftPay, section 3, the first of its two drift scores (stated); the map to (0, 1] is a choice made here.
    """
    mine, theirs = centred_log_probabilities(local, probe), centred_log_probabilities(start, probe)
    norms = np.sqrt((mine * mine).sum(axis=1) * (theirs * theirs).sum(axis=1))
    return float(0.5 + 0.5 * ((mine * theirs).sum(axis=1) / norms).mean())


def measure_scores(split: DigitsSplit) -> NDArray[np.float64]:
    """Train the global model, then every worker from it, and score every worker on the probe set.

    Parameters
    ----------
    split : DigitsSplit
        Who holds what.

    Returns
    -------
    ndarray of float64, shape (200,)
        Scores before rounding.
    """
    images, labels = split.images, split.labels
    zero = np.zeros((images.shape[1], CLASSES))
    start = train(zero, images[split.start], labels[split.start], START_STEPS, START_RATE)
    return np.array(
        [
            drift_score(train(start, images[held], labels[held], LOCAL_STEPS, LOCAL_RATE), start, images[split.probe])
            for held in split.holdings
        ]
    )


def cost_in_cents(samples: int, factor: float) -> int:
    """Return ``factor * (0.50 + 0.25 * samples)`` in hundredths, rounded to the nearest.

    Parameters
    ----------
    samples : int
        Images the worker holds.
    factor : float
        The worker's own factor.

    Returns
    -------
    int
    """
    return round(factor * (FIXED_CENTS + CENTS_PER_IMAGE * samples))


def dominant_label(labels: NDArray[np.int64]) -> int:
    """Return the most frequent label, the smallest of them on a tie.

    Parameters
    ----------
    labels : ndarray of int64, shape (s,)
        Labels of one worker's images.

    Returns
    -------
    int
    """
    return int(np.bincount(labels, minlength=CLASSES).argmax())


def market_text(seed: int = DIGITS_MARKET_SEED) -> str:
    """Measure the market and write it as a ``fedmech-market/1`` document, one worker a line.

    Parameters
    ----------
    seed : int
        Seed of the split and of the cost factors.

    Returns
    -------
    str
        JSON text; scores with six decimals, costs with two.

    Raises
    ------
    MarketNotMadeError
        If the data are not as expected, or a rounded score could differ between machines.
    """
    split = split_digits(seed)
    scores = measure_scores(split)
    scaled = scores * 10**SCORE_DECIMALS
    margin = np.abs(scaled - np.floor(scaled) - 0.5).min() / 10**SCORE_DECIMALS
    if not np.isfinite(scores).all() or margin < ROUNDING_MARGIN or scaled.min() < 1:
        raise MarketNotMadeError(f"seed {seed} gives a score too near a rounding boundary, or to 0: take another seed")

    workers = []
    for index, (held, score, factor) in enumerate(
        zip(split.holdings, scores, split.cost_factors, strict=True), start=1
    ):
        cents = cost_in_cents(len(held), factor)
        workers.append(
            f'  {{"id": "w{index:03d}", "group": "digit-{dominant_label(split.labels[held])}", '
            f'"score": {score:.{SCORE_DECIMALS}f}, "cost": {cents // 100}.{cents % 100:02d}}}'
        )
    requesters = [f"  {json.dumps(requester)}" for requester in REQUESTERS]
    caps = [
        f'  {{"group": "digit-{digit}", "requester": "{requester}", "cap": {FAVOURED_CAP}}}'
        for requester, digits in FAVOURED_DIGITS.items()
        for digit in digits
    ]
    return (
        '{"format": "fedmech-market/1",\n'
        ' "workers": [\n' + ",\n".join(workers) + "],\n"
        ' "requesters": [\n' + ",\n".join(requesters) + "],\n"
        ' "caps": [\n' + ",\n".join(caps) + "],\n"
        f' "default_cap": {DEFAULT_CAP}}}\n'
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script.

    Parameters
    ----------
    arguments : sequence of str, optional
        Command-line arguments; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 done, 2 nothing written.
    """
    parser = argparse.ArgumentParser(
        prog="python -m fedmech.fl.scoring.digits_market",
        description="Measure the digits market again and write it as a *.market.json file.",
    )
    parser.add_argument(
        "--out", type=Path, default=digits_market_path(), help="file to write (default: the shipped one)"
    )
    parser.add_argument("--seed", type=int, default=DIGITS_MARKET_SEED, help="seed (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error("--seed must not be negative")
    try:
        text = market_text(options.seed)
        replace_file(options.out, text.encode("ascii"))
    except MarketNotMadeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: {options.out}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"wrote {options.out}", file=sys.stderr)
    print(f"probe set SHA-256 {split_digits(options.seed).commitment()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

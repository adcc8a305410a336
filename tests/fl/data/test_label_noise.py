"""Label noise: exact numbers of wrong labels, at random places, all wrong classes equally likely."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from fedmech.fl.data.label_noise import (
    ACCURACY_BANDS,
    draw_accuracies,
    noisy_labels,
)
from fedmech.fl.data.partitions import given_sizes
from fedmech.models.input_error import InputError
from hypothesis import given
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1)), min_size=1, max_size=8),
    st.integers(2, 5),
    SEEDS,
)
def test_the_number_of_wrong_labels_is_exact(workers: list[tuple[int, float]], classes: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    sizes, accuracies = [size for size, _ in workers], [accuracy for _, accuracy in workers]
    labels = draw.integers(0, classes, sum(sizes) + 7)
    before = labels.copy()
    holdings = given_sizes(labels, sizes, draw)
    noisy = noisy_labels(labels, holdings, accuracies, classes, draw)
    assert np.array_equal(labels, before)
    assert noisy.dtype == np.int64
    assert set(noisy.tolist()) <= set(range(classes))
    for part, size, accuracy in zip(holdings, sizes, accuracies, strict=True):
        right = sum(int(noisy[i]) == int(labels[i]) for i in part)
        # Nearest whole number; on a tie either neighbour is.
        assert abs(right - accuracy * size) <= 0.5 + 1e-9
    nobodys = sorted(set(range(len(labels))) - {int(i) for part in holdings for i in part})
    assert np.array_equal(noisy[nobodys], labels[nobodys])


def test_places_and_wrong_classes_are_uniform() -> None:
    draws, size, classes = 4_000, 10, 4
    labels = np.arange(size) % classes
    places, taken = np.zeros(size), np.zeros((classes, classes))
    for seed in range(draws):
        noisy = noisy_labels(labels, [np.arange(size)], [0.7], classes, np.random.default_rng(seed))
        wrong = np.flatnonzero(noisy != labels)
        assert len(wrong) == 3
        places[wrong] += 1
        taken[labels[wrong], noisy[wrong]] += 1
    assert (abs(places - 0.3 * draws) < 5 * np.sqrt(draws * 0.3 * 0.7)).all()
    for label in range(classes):
        total = taken[label].sum()
        others = np.delete(taken[label], label)
        assert taken[label, label] == 0
        assert (abs(others - total / 3) < 5 * np.sqrt(total * (1 / 3) * (2 / 3))).all()


@given(st.integers(1, 130), SEEDS)
def test_bands_are_even_and_accuracies_lie_in_them(workers: int, seed: int) -> None:
    bands, accuracies = draw_accuracies(workers, np.random.default_rng(seed))
    counts = np.bincount(bands, minlength=3)
    assert counts.max() - counts.min() <= 1
    for band, accuracy in zip(bands, accuracies, strict=True):
        low, high = ACCURACY_BANDS[band]
        assert low <= accuracy < high


def test_accuracies_are_uniform_and_bands_in_no_order() -> None:
    bands, accuracies = draw_accuracies(30_000, np.random.default_rng(0))
    for band, (low, high) in enumerate(ACCURACY_BANDS):
        share = (accuracies[bands == band] - low) / (high - low)
        assert abs(share.mean() - 0.5) < 5 * np.sqrt(1 / 12 / 10_000)
        assert abs((share**2).mean() - 1 / 3) < 5 * np.sqrt(4 / 45 / 10_000)
        assert abs(np.flatnonzero(bands == band).mean() - 15_000) < 5 * 30_000 / np.sqrt(12 * 10_000)


def test_any_worker_may_be_in_any_band() -> None:
    first = [draw_accuracies(4, np.random.default_rng(seed))[0] for seed in range(600)]
    for worker in range(4):
        counts = np.bincount([bands[worker] for bands in first], minlength=3)
        assert (abs(counts - 200) < 5 * np.sqrt(600 * (1 / 3) * (2 / 3))).all()
    # Of four workers two share a band, any two of the six pairs.
    for one, other in itertools.combinations(range(4), 2):
        together = sum(bands[one] == bands[other] for bands in first)
        assert abs(together - 100) < 5 * np.sqrt(600 * (1 / 6) * (5 / 6))


def test_cares_setting() -> None:
    """120 workers of 40 samples: two equal runs, and a third of the workers in each band as measured on the labels."""
    labels = np.random.default_rng(1).integers(0, 10, 4_800)
    holdings = given_sizes(labels, [40] * 120, np.random.default_rng(2))

    def noise(bands: Sequence[tuple[float, float]] = ACCURACY_BANDS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return each worker's band, its accuracy and the share of its labels that is right."""
        draw = np.random.default_rng(3)
        band, accuracies = draw_accuracies(len(holdings), draw, bands)
        noisy = noisy_labels(labels, holdings, accuracies, 10, draw)
        return band, accuracies, np.array([(noisy[part] == labels[part]).mean() for part in holdings])

    band, accuracies, measured = noise()
    assert all(np.array_equal(one, other) for one, other in zip(noise(), noise(), strict=True))
    assert (abs(measured - accuracies) <= 0.5 / 40 + 1e-12).all()
    assert np.bincount(band).tolist() == [40, 40, 40]
    band, _, right = noise(bands=[(1.0, 1.0), (0.0, 0.0)])
    assert np.array_equal(right, 1.0 - band)


@pytest.mark.parametrize(
    ("labels", "holdings", "accuracies", "classes", "message"),
    [
        ([0, 1], [[0], [0]], [1, 1], 2, "a sample belongs to two workers"),
        ([0, 1], [[0, 0]], [1], 2, "a sample belongs to two workers"),
        ([0, 1], [[2]], [1], 2, r"an index is not in 0\.\.1"),
        ([0, 1], [[-1]], [1], 2, r"an index is not in 0\.\.1"),
        ([0, 2], [[0]], [1], 2, r"not all in 0\.\.1"),
        ([0, 1], [[0]], [1.5], 2, "a number from 0 to 1"),
        ([0, 1], [[0]], [float("nan")], 2, "a number from 0 to 1"),
        ([0, 1], [[0]], [1, 1], 2, "a number from 0 to 1"),
        ([0, 0], [[0]], [0], 1, "one class"),
    ],
)
def test_nonsense_is_refused(labels, holdings, accuracies, classes: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        noisy_labels(labels, [np.array(h) for h in holdings], accuracies, classes, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("workers", "bands", "message"),
    [
        (0, ACCURACY_BANDS, "must be positive"),
        (3, [(0.5, 0.4)], "exceeds"),
        (3, [(0.5, 1.4)], "from 0 to 1"),
        (3, [], "pairs"),
        (3, [(0.5, float("nan"))], "pairs"),
    ],
)
def test_bands_that_are_none_are_refused(workers: int, bands, message: str) -> None:
    with pytest.raises(InputError, match=message):
        draw_accuracies(workers, np.random.default_rng(0), bands)

"""The linear market: markets drawn sample by sample, by the distribution of least squares, and in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fedmech.fl.sharing import linear_market
from fedmech.fl.sharing.linear_market import (
    LinearClients,
    corrected_error,
    draw_clients,
    error_curve,
    excess_risk,
    least_squares,
    simulate,
)
from fedmech.models.input_error import InputError
from scipy import stats

# Dimension, sizes in the order of joining, data variance, client variance.
MARKETS = [
    (1, [5, 9, 5], 1.0, 0.0),
    (2, [30, 8, 8, 8], 0.7, 0.35),
    (4, [12, 40, 12, 300, 9], 2.5, 0.04),
    (3, [50], 1.3, 0.6),
]


@pytest.mark.parametrize(("d", "sizes", "data", "clients"), MARKETS)
def test_the_curve_is_the_corrected_error(d: int, sizes: list[int], data: float, clients: float) -> None:
    """Within five standard errors at each number of participants."""
    curve = error_curve(d, sizes, data, clients, repetitions=40_000, seed=11)
    assert curve.participants.tolist() == list(range(1, len(sizes) + 1))
    for K, mean, error in zip(curve.participants, curve.mean, curve.standard_error, strict=True):
        assert 0 < error < 0.05 * mean
        assert abs(mean - corrected_error(d, sizes[:K], data, clients)) < 5 * error


@pytest.mark.parametrize(("d", "sizes", "data", "clients"), MARKETS)
def test_the_curve_agrees_with_drawn_samples(d: int, sizes: list[int], data: float, clients: float) -> None:
    """Means, and standard errors per market, against local least squares on samples that were really drawn."""
    curve = error_curve(d, sizes, data, clients, repetitions=20_000, seed=5)
    for K in range(1, len(sizes) + 1):
        mean, error = simulate(d, sizes[:K], data, clients, repetitions=1_500, seed=100 + K)
        assert abs(mean - curve.mean[K - 1]) < 5 * np.hypot(error, curve.standard_error[K - 1])
        if min(sizes[:K]) > d + 15:
            # A standard deviation over markets, itself known to a few per cent where fourth moments exist.
            ratio = error * np.sqrt(1_500) / (curve.standard_error[K - 1] * np.sqrt(20_000))
            assert 0.8 < ratio < 1.25


def test_least_squares_has_the_distribution_the_curve_draws_from() -> None:
    """Quantiles of one client's error against those of the multivariate t distribution, by Kolmogorov and Smirnov."""
    d, size, data = 3, 7, 1.7
    draw = np.random.default_rng(3)
    errors = []
    for _ in range(1_500):
        clients = draw_clients(d, [size], data, 0.4, draw)
        errors.append(float(excess_risk(least_squares(clients)[0], clients.truths)[0]))
    # |z|^2 / d over q / (D - d + 1) is F distributed.
    scaled = np.array(errors) * (size - d + 1) / (d * data)
    expected = stats.f(d, size - d + 1).cdf
    assert p_value(stats.kstest(scaled, expected)) > 1e-4
    assert p_value(stats.kstest(scaled * 1.2, expected)) < 1e-2
    ours = [error_curve(d, [size], data, 0.4, repetitions=2, seed=seed).mean[0] for seed in range(1_500)]
    pairs = np.random.default_rng(8).permutation(errors).reshape(-1, 2).mean(axis=1)
    assert p_value(stats.ks_2samp(ours, pairs)) > 1e-4


def p_value(result: Any) -> float:
    return float(result.pvalue)


def test_excess_risk_is_the_risk_beyond_noise() -> None:
    """Against its definition: squared errors of predictions on fresh samples, less the noise."""
    draw = np.random.default_rng(0)
    clients = draw_clients(3, [20, 20], 0.5, 2.0, draw)
    model = least_squares(clients).mean(axis=0)
    fresh = draw.normal(size=(400_000, 3))
    for truth, risk in zip(clients.truths, excess_risk(model, clients.truths), strict=True):
        squared = (fresh @ model - fresh @ truth) ** 2
        assert abs(squared.mean() - risk) < 5 * squared.std() / np.sqrt(len(squared))


def test_drawn_clients_are_as_described() -> None:
    d, sizes = 4, [3, 0, 2_000]
    draw = np.random.default_rng(1)
    clients = draw_clients(d, sizes, 0.25, 1.5, draw)
    assert [X.shape for X in clients.features] == [(size, d) for size in sizes]
    noise = clients.targets[2] - clients.features[2] @ clients.truths[2]
    assert abs(noise.var() - 0.25) < 5 * 0.25 * np.sqrt(2 / 2_000)
    truths = np.concatenate([draw_clients(d, [0] * 50, 0.25, 1.5, draw).truths for _ in range(100)])
    squares = (truths**2).sum(axis=1)
    assert abs(squares.mean() - 1.5) < 5 * squares.std() / np.sqrt(len(squares))
    # The normal equations, solved exactly where samples suffice; the shortest solution where they do not.
    fitted = least_squares(clients)
    X, y = clients.features[2], clients.targets[2]
    assert np.allclose(X.T @ (X @ fitted[2] - y), 0, atol=1e-8)
    few = clients.features[0]
    assert np.allclose(few @ fitted[0], clients.targets[0])
    assert np.allclose(fitted[0], few.T @ np.linalg.solve(few @ few.T, clients.targets[0]))
    assert not fitted[1].any()
    assert least_squares(LinearClients(clients.truths[:0], [], [])).shape == (0, d)


def test_chunks_do_not_matter_to_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    d, sizes = 2, [40, 60]
    whole = error_curve(d, sizes, 1.0, 0.2, repetitions=5_000, seed=2)
    monkeypatch.setattr(linear_market, "CHUNK", 28)
    parts = error_curve(d, sizes, 1.0, 0.2, repetitions=5_000, seed=2)
    assert (abs(whole.mean - parts.mean) < 5 * np.hypot(whole.standard_error, parts.standard_error)).all()
    assert whole.standard_error == pytest.approx(parts.standard_error, rel=0.15)


def test_equal_seeds_give_equal_curves() -> None:
    first, again, other = (error_curve(2, [9, 14], 1.0, 0.2, repetitions=50, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.mean, again.mean)
    assert np.array_equal(first.standard_error, again.standard_error)
    assert not np.array_equal(first.mean, other.mean)


def test_without_any_variance_there_is_no_error() -> None:
    curve = error_curve(2, [9, 14], 0.0, 0.0, repetitions=10, seed=1)
    assert not curve.mean.any()
    assert not curve.standard_error.any()


@pytest.mark.parametrize(
    ("arguments", "repetitions", "message"),
    [
        ((2, [5, 9], 1.0, 0.0), 10, r"above d \+ 3 = 5"),
        ((2, [], 1.0, 0.0), 10, "whole numbers"),
        ((2, [9.5], 1.0, 0.0), 10, "whole numbers"),
        ((0, [9], 1.0, 0.0), 10, "dimension"),
        ((2, [9], 1.0, 0.0), 1, "repetitions"),
        ((2, [9], -1.0, 0.0), 10, "variances"),
        ((2, [9], 1.0, float("nan")), 10, "variances"),
    ],
)
def test_nonsense_is_refused(arguments: tuple, repetitions: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        error_curve(*arguments, repetitions=repetitions, seed=0)

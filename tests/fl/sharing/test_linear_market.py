"""The linear market: markets drawn sample by sample, by the distribution of least squares, and in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fedmech.fl.sharing.linear_market import (
    LinearClients,
    corrected_error,
    draw_clients,
    excess_risk,
    least_squares,
    simulate,
    simulate_averages,
)
from scipy import stats

# Dimension, sizes in the order of joining, data variance, client variance.
MARKETS = [
    (1, [5, 9, 5], 1.0, 0.0),
    (2, [30, 8, 8, 8], 0.7, 0.35),
    (4, [12, 40, 12, 300, 9], 2.5, 0.04),
    (3, [50], 1.3, 0.6),
]


def error_drawn(d: int, sizes: list[int], data: float, clients: float, draws: int, seed: int) -> tuple[float, float]:
    """Mean error of the plain average and its standard error, the models drawn from the distribution of least squares."""
    found = simulate_averages(d, sizes, data, clients, repetitions=draws, seed=seed)
    assert found["plain", "participant"] == pytest.approx(found["plain", "member"])
    return found["plain", "participant"]


@pytest.mark.parametrize(("d", "sizes", "data", "clients"), MARKETS)
def test_errors_by_distribution_are_the_corrected_error(d: int, sizes: list[int], data: float, clients: float) -> None:
    """Within five standard errors at each number of participants."""
    for K in range(1, len(sizes) + 1):
        mean, error = error_drawn(d, sizes[:K], data, clients, 40_000, 11)
        assert 0 < error < 0.05 * mean
        assert abs(mean - corrected_error(d, sizes[:K], data, clients)) < 5 * error


@pytest.mark.parametrize(("d", "sizes", "data", "clients"), MARKETS)
def test_errors_by_distribution_agree_with_drawn_samples(d: int, sizes: list[int], data: float, clients: float) -> None:
    """Means, and standard errors per market, against local least squares on samples that were really drawn."""
    for K in range(1, len(sizes) + 1):
        theirs, spread = error_drawn(d, sizes[:K], data, clients, 20_000, 5)
        mean, error = simulate(d, sizes[:K], data, clients, repetitions=1_500, seed=100 + K)
        assert abs(mean - theirs) < 5 * np.hypot(error, spread)
        if min(sizes[:K]) > d + 15:
            # A standard deviation over markets, itself known to a few per cent where fourth moments exist.
            assert 0.8 < error * np.sqrt(1_500) / (spread * np.sqrt(20_000)) < 1.25


def test_least_squares_has_the_distribution_that_errors_are_drawn_from() -> None:
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
    ours = [error_drawn(d, [size], data, 0.4, 2, seed)[0] for seed in range(1_500)]
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


def test_equal_seeds_give_equal_errors() -> None:
    first, again, other = (error_drawn(2, [9, 14], 1.0, 0.2, 50, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_without_any_variance_there_is_no_error() -> None:
    assert error_drawn(2, [9, 14], 0.0, 0.0, 10, 1) == (0.0, 0.0)

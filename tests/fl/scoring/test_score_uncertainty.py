"""Maps to [v_min, v_max], error bars, lower confidence bounds, effective eta, and the test behind audits."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from fedmech.fl.mechanisms.interface import run_mechanism
from fedmech.fl.scoring.audit import inconsistent
from fedmech.fl.scoring.score_map import ScoreMap, fit_map
from fedmech.fl.scoring.uncertainty import (
    BOUND_METHODS,
    bootstrap_errors,
    effective_eta,
    lower_bounds,
    noise_benchmark,
    subsample_etas,
)
from fedmech.models.input_error import InputError
from fedmech.models.procurement.market import Market
from scipy import stats


def drifts(rng: np.random.Generator, n: int, size: int) -> np.ndarray:
    """Per-image cosines as training gives them: near 1, skewed downwards; worker i has mean `truth(n)[i]`."""
    shape = np.linspace(1.5, 6, n)[:, None]
    return 1 - 2 * rng.beta(1.2, np.broadcast_to(shape, (n, size)))


def truth(n: int) -> np.ndarray:
    return 1 - 2 * 1.2 / (1.2 + np.linspace(1.5, 6, n))


# Maps.


@pytest.mark.parametrize("how", ["clip", "half", "exponential", "min-max"])
def test_scores_are_bounded_and_keep_the_order(how):
    rng = np.random.default_rng(1)
    raw = np.concatenate([rng.uniform(-1, 1, 40), [-1, 0, 1, -0.5, -0.5]])
    scores = fit_map(raw, how, 0.05, 0.9)(raw)
    assert scores.min() >= 0.05
    assert scores.max() <= 0.9
    order = np.argsort(raw)
    assert (np.diff(scores[order]) >= 0).all()
    assert scores[-1] == scores[-2]


def test_maps_by_hand():
    raw = np.array([-1.0, -0.2, 0.5, 1.0])
    assert np.allclose(fit_map(raw, "half", 0.1, 1)(raw), [0.1, 0.4, 0.75, 1])
    assert np.allclose(fit_map(raw, "clip", 0.1, 0.8)(raw), [0.1, 0.1, 0.5, 0.8])
    assert np.allclose(fit_map(raw, "min-max", 0.2, 0.6)(raw), [0.2, 0.36, 0.5, 0.6])
    # The median of |raw| is (0.5 + 1) / 2.
    assert np.allclose(fit_map(raw, "exponential", 0.1, 1)(raw), [math.exp(-4 / 3), math.exp(-0.8 / 3), 1, 1])


def test_the_map_is_reported():
    assert ScoreMap("half", 0.01, 1).formula == "clip((1 + raw) / 2, 0.01, 1)"
    fitted = fit_map(np.array([-3.0, -1.0, -2.0]), "exponential", 0.05)
    assert fitted.formula == "clip(exp(raw / 2), 0.05, 1)"
    linear = fit_map(np.array([0.25, 0.75]), "min-max", 0.1, 1)
    assert linear.formula == "clip(0.1 + (raw - 0.25) / (0.75 - 0.25) * (1 - 0.1), 0.1, 1)"
    for made in (fitted, linear):
        inner = made.formula.removeprefix("clip(").rsplit(",", 2)[0]
        for raw in (-2.5, 0.3, 0.6):
            said = eval(inner, {"exp": math.exp, "raw": raw})
            assert made(np.array([raw]))[0] == pytest.approx(min(max(said, made.v_min), made.v_max))


def test_clipping_is_counted():
    assert ScoreMap("clip", 0.1, 0.9).clipped(np.array([-1, 0.05, 0.1, 0.5, 0.9, 0.95])) == (2, 1)


def test_degenerate_maps():
    def fitted(raw: list[float], how: str) -> np.ndarray:
        return fit_map(np.array(raw), how, 0.1, 1)(np.array(raw))

    assert fitted([0.3, 0.3], "min-max").tolist() == [1, 1]
    assert fitted([0, 0, 0], "exponential").tolist() == [1, 1, 1]
    assert fitted([], "min-max").shape == (0,)
    assert fitted([-np.inf, np.inf], "half").tolist() == [0.1, 1]
    bad: list[dict[str, Any]]
    bad = [{"v_min": 0.0}, {"v_min": -1.0}, {"v_min": 0.5, "v_max": 0.4}, {"how": "log"}, {"scale": 0.0}]
    for given in bad:
        with pytest.raises(InputError):
            ScoreMap(**given)
    with pytest.raises(InputError, match="not a number"):
        fitted([np.nan], "half")


# Error bars.


def test_bootstrap_errors_are_the_standard_errors():
    """For a mean the ideal bootstrap's error is sd / sqrt(P) with divisor P; 4,000 replicates come within 5 per cent."""
    samples = drifts(np.random.default_rng(2), 12, 83)
    found = bootstrap_errors(samples, replicates=4000, seed=3)
    assert np.allclose(found, samples.std(axis=1) / math.sqrt(83), rtol=0.05)
    halved = bootstrap_errors(samples, replicates=4000, seed=3, score_map=ScoreMap("half"))
    assert np.allclose(halved, found / 2, rtol=1e-9)


def test_bootstrap_resamples_images_and_not_workers():
    """A second way, image by image: the same draws give the same error to rounding."""
    samples = drifts(np.random.default_rng(4), 3, 10)
    rng = np.random.Generator(np.random.PCG64(11))
    means = []
    for row in rng.random((50, 10)):
        chosen = [int(u * 10) for u in row]
        means.append([np.mean([samples[i, c] for c in chosen]) for i in range(3)])
    assert np.allclose(bootstrap_errors(samples, replicates=50, seed=11), np.std(means, axis=0, ddof=1), rtol=1e-9)


def test_errors_of_constant_and_single_drifts():
    assert bootstrap_errors(np.full((2, 30), 0.7)).max() < 1e-15
    assert bootstrap_errors(np.array([[0.2]])).tolist() == [0]
    assert bootstrap_errors(np.empty((0, 5))).shape == (0,)
    with pytest.raises(InputError, match="finite"):
        bootstrap_errors(np.array([[0.1, np.nan]]))
    with pytest.raises(InputError, match="at least 1"):
        bootstrap_errors(np.empty((3, 0)))


# Lower bounds: coverage by simulation.

CONFIDENCE = 0.9
REPEATS = 300
SIZE = 60


def coverage(method: str, joint: bool) -> tuple[float, float]:
    """Share of bounds below the truth - of single workers, or of draws in which all of them are - and the mean radius."""
    rng = np.random.default_rng(20)
    mapped = ScoreMap("half", 1e-6)
    true, covered, radii = mapped(truth(5)), [], []
    for repeat in range(REPEATS):
        bounds = lower_bounds(
            drifts(rng, 5, SIZE),
            confidence=CONFIDENCE,
            method=method,
            joint=joint,
            score_map=mapped,
            replicates=300,
            seed=repeat,
        )
        assert (bounds.radius >= 0).all()
        below = bounds.bounds <= true
        covered.append(below.all() if joint else below.mean())
        radii.append(bounds.radius.mean())
    return float(np.mean(covered)), float(np.mean(radii))


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("method", BOUND_METHODS)
def test_coverage(method, joint):
    share, radius = coverage(method, joint)
    # At worst one independent Bernoulli a draw: three standard deviations of its share are 0.052.
    slack = 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / REPEATS)
    assert share >= CONFIDENCE - slack
    if method == "student":
        # Not by being wide: it is close to its level, and to the normal radius.
        assert share <= CONFIDENCE + slack
        quantile = stats.norm.ppf(1 - (1 - CONFIDENCE) / (5 if joint else 1))
        spread = np.sqrt(1.2 * np.linspace(1.5, 6, 5) / (1.2 + np.linspace(1.5, 6, 5)) ** 2)
        spread /= np.sqrt(1.2 + np.linspace(1.5, 6, 5) + 1)
        assert radius == pytest.approx(quantile * spread.mean() / math.sqrt(SIZE), rel=0.12)


def test_coverage_can_fail():
    """Estimates taken for bounds cover about half: the simulation does see a bound that is too high."""
    rng = np.random.default_rng(20)
    true = truth(5)
    share = np.mean([(drifts(rng, 5, SIZE).mean(axis=1) <= true).mean() for _ in range(REPEATS)])
    assert 0.4 < share < 0.6


def test_concentration_bounds_by_hand():
    samples = np.array([[0.5, 0.9, -0.1, 0.3], [1, 1, 1, 1]])
    found = lower_bounds(samples, method="hoeffding", confidence=0.95)
    assert np.allclose(found.radius, 2 * math.sqrt(math.log(20) / 8))
    both = lower_bounds(samples, method="hoeffding", confidence=0.95, joint=True)
    assert np.allclose(both.radius, 2 * math.sqrt(math.log(40) / 8))
    bernstein = lower_bounds(samples, method="bernstein", confidence=0.95)
    tail = math.log(40)
    sd = np.std([0.5, 0.9, -0.1, 0.3], ddof=1)
    assert np.allclose(bernstein.radius, np.array([sd, 0]) * math.sqrt(2 * tail / 4) + 14 * tail / 9)


def test_a_worker_without_spread_has_no_student_radius():
    samples = np.vstack([np.ones(40), drifts(np.random.default_rng(0), 1, 40)])
    for joint in (False, True):
        radius = lower_bounds(samples, joint=joint).radius
        assert radius[0] == 0
        assert radius[1] > 0


def test_bounds_are_reproducible_and_feed_the_mechanism():
    samples = drifts(np.random.default_rng(8), 6, 45)
    mapped = ScoreMap("half", 0.01)
    bounds = lower_bounds(samples, score_map=mapped, seed=5)
    again = lower_bounds(samples, score_map=mapped, seed=5)
    assert np.array_equal(bounds.bounds, again.bounds)
    market = Market.build(scores=[f"{v:.6f}" for v in bounds.estimates], costs=[1, 2, 3, 1, 2, 3], budgets=[6])
    outcome = run_mechanism(market, "driftpay-lcb", **bounds.as_options())
    used = outcome.details["bounds"]
    assert all(isinstance(value, Fraction) for value in used)
    for value, bound in zip(used, bounds.bounds, strict=True):
        assert 0 <= bound - float(value) < 1.1e-6


def test_refused_bounds():
    samples = drifts(np.random.default_rng(8), 2, 5)
    bad: list[dict[str, Any]] = [
        {"confidence": 1.0},
        {"confidence": 0.0},
        {"method": "normal"},
        {"method": "hoeffding", "limits": None},
        {"method": "bernstein", "limits": (0.9, 1.0)},
        {"replicates": 20},
    ]
    for given in bad:
        with pytest.raises(InputError):
            lower_bounds(samples, **given)
    with pytest.raises(InputError, match="at least 2"):
        lower_bounds(samples[:, :1])


# Effective eta.


def test_effective_eta_by_hand():
    assert effective_eta(np.array([1.1, 0.45]), np.array([1.0, 0.5])) == pytest.approx(0.1)
    assert effective_eta(np.array([]), np.array([])) == 0
    for bad in ([0.0, 1.0], [-1.0, 1.0]):
        with pytest.raises(InputError, match="positive"):
            effective_eta(np.ones(2), np.array(bad))
    with pytest.raises(InputError, match="estimates"):
        effective_eta(np.ones(2), np.ones(3))


def test_eta_of_subsamples():
    samples = drifts(np.random.default_rng(6), 7, 40)
    mapped = ScoreMap("half", 0.01)
    small, large, full = (subsample_etas(samples, size, score_map=mapped, trials=50, seed=2) for size in (5, 30, 40))
    assert small.mean() > 2 * large.mean() > 0
    assert full.max() < 1e-14
    reference = [0.5 + 0.5 * sum(row) / 40 for row in samples.tolist()]
    order = np.argsort(np.random.Generator(np.random.PCG64(2)).random((50, 40)), axis=1)[:, :5].tolist()
    for eta, chosen in zip(small, order, strict=True):
        each = [abs(0.5 + 0.1 * sum(row[c] for c in chosen) - v) / v for row, v in zip(samples, reference, strict=True)]
        assert eta == pytest.approx(max(each), rel=1e-9)
    with pytest.raises(InputError, match="between 1 and 40"):
        subsample_etas(samples, 41)


def test_noise_benchmark():
    assert noise_benchmark(0) == 1
    assert noise_benchmark(0.1) == pytest.approx(0.9 / 1.1)
    assert noise_benchmark(1) == noise_benchmark(7) == noise_benchmark(math.inf) == 0
    for bad in (-0.1, math.nan):
        with pytest.raises(InputError):
            noise_benchmark(bad)


# The test behind audits.


def test_honest_workers_are_rarely_flagged():
    rng = np.random.default_rng(9)
    level, repeats = 0.05, 400
    alarms = [
        inconsistent(drifts(rng, 8, 80), drifts(rng, 8, 60), level=level, standing_offset=offset).flagged.any()
        for offset in (False, True)
        for _ in range(repeats // 2)
    ]
    assert np.mean(alarms) <= level + 3 * math.sqrt(level * (1 - level) / repeats)


def test_a_harder_probe_set_is_nobodys_doing():
    """All drifts fall by as much: flagged for everybody as it stands, for nobody once the common change is taken out."""
    rng = np.random.default_rng(10)
    before, after = drifts(rng, 8, 80), drifts(rng, 8, 80) - 0.3
    assert inconsistent(before, after, standing_offset=False).flagged.all()
    assert not inconsistent(before, after).flagged.any()


@pytest.mark.parametrize("offset", [False, True])
def test_a_score_engineered_on_the_standing_probe_set_is_flagged(offset):
    """Worker 3 shows the global model's own representations on the images it knows, and drifts on fresh ones."""
    rng = np.random.default_rng(11)
    before, after = drifts(rng, 8, 80), drifts(rng, 8, 80)
    before[3] = 1.0
    found = inconsistent(before, after, standing_offset=offset)
    assert found.flagged.tolist() == [i == 3 for i in range(8)]
    assert found.z[3] > 5


def test_audit_statistic_by_scipy():
    rng = np.random.default_rng(12)
    before, after = drifts(rng, 4, 20), drifts(rng, 4, 33)
    found = inconsistent(before, after, standing_offset=False)
    welch: Any = stats.ttest_ind(before, after, axis=1, equal_var=False)
    assert np.allclose(found.z, welch.statistic)
    single = 2 * stats.norm.sf(np.abs(welch.statistic))
    holm = [max(min(1, (4 - k) * p) for k, p in enumerate(sorted(single)[: r + 1])) for r in range(4)]
    assert np.allclose(found.p_values[np.argsort(single)], holm)


def test_audit_edge_cases():
    same = np.full((2, 5), 0.4)
    found = inconsistent(same, same)
    assert found.z.tolist() == [0, 0]
    assert not found.flagged.any()
    other = same.copy()
    other[1] = 0.5
    assert inconsistent(same, other).flagged.tolist() == [False, True]
    assert len(inconsistent(np.empty((0, 5)), np.empty((0, 5))).flagged) == 0
    for bad in (np.full((3, 5), 0.4), np.full((2, 1), 0.4), np.full(5, 0.4)):
        with pytest.raises(InputError):
            inconsistent(same, bad)
    with pytest.raises(InputError, match="level"):
        inconsistent(same, same, level=1.0)

"""Leave-one-out, exact and sampled Shapley values on abstract games, and rank correlations."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from drawing import Numbers, generators, seeded
from fedmech.fl.scoring.rank_correlation import rank_correlation
from fedmech.fl.scoring.shapley import (
    all_coalitions,
    exact_shapley,
    leave_one_out,
    sampled_shapley,
)
from fedmech.models.input_error import InputError
from fedmech.solvers.control import Control
from hypothesis import assume, given, settings
from hypothesis import strategies as st


def random_game(rng: Numbers, n: int) -> np.ndarray:
    """Values of all coalitions: non-integer, non-monotone, with ties, and not zero for the empty one."""
    values = [Fraction(int(rng.integers(-40, 41)), int(rng.integers(1, 9))) for _ in range(2**n)]
    game = np.empty(2**n, dtype=object)
    game[:] = values
    return game


def by_permutations(game: np.ndarray, n: int) -> list[Fraction]:
    total = [Fraction(0)] * n
    for order in itertools.permutations(range(n)):
        coalition = 0
        for worker in order:
            total[worker] += game[coalition | 1 << worker] - game[coalition]
            coalition |= 1 << worker
    return [value / math.factorial(n) for value in total]


def by_dividends(game: np.ndarray, n: int) -> list[Fraction]:
    """Harsanyi: each coalition's dividend is shared equally by its members."""
    shares = [Fraction(0)] * n
    for coalition in range(1, 2**n):
        dividend, part = Fraction(0), coalition
        while True:
            dividend += (-1) ** (coalition.bit_count() - part.bit_count()) * game[part]
            if part == 0:
                break
            part = (part - 1) & coalition
        for worker in range(n):
            if coalition >> worker & 1:
                shares[worker] += dividend / coalition.bit_count()
    return shares


def lookup(game: np.ndarray):
    """A value function that reads a table, and refuses to be asked twice for one coalition in a call."""

    def value(coalitions: np.ndarray) -> np.ndarray:
        rows = coalitions @ (1 << np.arange(coalitions.shape[1]))
        assert len(set(rows.tolist())) == len(rows)
        return game[rows].astype(float)

    return value


@pytest.mark.parametrize("n", range(8))
@settings(max_examples=4)
@given(rng=generators)
def test_three_ways_to_a_shapley_value(n, rng: Numbers):
    game = random_game(rng, n)
    exact = exact_shapley(game)
    assert exact.tolist() == by_dividends(game, n)
    if n <= 6:
        assert exact.tolist() == by_permutations(game, n)
    assert sum(exact.tolist(), Fraction(0)) == game[-1] - game[0]
    floats = exact_shapley(game.astype(float))
    assert np.allclose(floats, exact.astype(float), rtol=0, atol=1e-12)


def test_null_and_equal_workers():
    rng = np.random.default_rng(3)
    coalitions = all_coalitions(5)
    counted = coalitions[:, 1:].sum(axis=1)
    values = rng.random(5)[counted]  # worker 0 never matters, the others are interchangeable
    shares = exact_shapley(values)
    assert shares[0] == 0
    assert np.ptp(shares[1:]) < 1e-15


def test_leave_one_out():
    game = random_game(seeded(9), 5)
    expected = [float(game[31]) - float(game[31 ^ 1 << i]) for i in range(5)]
    assert np.array_equal(leave_one_out(lookup(game), 5), expected)
    assert leave_one_out(lookup(random_game(seeded(2), 1)), 1).shape == (1,)


def test_leave_one_out_can_miss_everything():
    """Two interchangeable workers: either alone is as good as both, so leave-one-out pays nobody and Shapley both."""
    values = np.array([0.0, 1.0, 1.0, 1.0])
    assert leave_one_out(lambda c: values[c @ np.array([1, 2])], 2).tolist() == [0, 0]
    assert exact_shapley(values).tolist() == [0.5, 0.5]


def test_sampling_is_unbiased_and_its_errors_are_right():
    game = random_game(seeded(77), 6)
    truth = exact_shapley(game).astype(float)
    errors, standardised = [], []
    for seed in range(60):
        estimate = sampled_shapley(lookup(game), 6, permutations=60, seed=seed, block=17)
        assert math.isclose(estimate.values.sum(), float(game[-1] - game[0]), abs_tol=1e-10)
        errors.append(estimate.values - truth)
        standardised.append((estimate.values - truth) / estimate.errors)
    spread = np.std(errors, axis=0) / math.sqrt(60)
    assert (np.abs(np.mean(errors, axis=0)) < 4.5 * spread).all()
    # 360 values of about Student's t with 59 degrees of freedom.
    assert 0.85 < np.std(standardised) < 1.2


def test_sampling_does_not_depend_on_the_blocks():
    game = random_game(seeded(5), 7)
    whole = sampled_shapley(lookup(game), 7, permutations=30, seed=4, block=30)
    parts = sampled_shapley(lookup(game), 7, permutations=30, seed=4, block=7)
    assert np.array_equal(whole.values, parts.values)
    assert np.array_equal(whole.errors, parts.errors)


def test_sampling_keeps_what_it_has_when_stopped():
    game = random_game(seeded(8), 5)
    late = sampled_shapley(lookup(game), 5, permutations=10**6, seed=1, block=10, control=Control.for_seconds(0))
    assert late.permutations == 10
    calls = []

    def interrupted(coalitions):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return lookup(game)(coalitions)

    kept = sampled_shapley(interrupted, 5, permutations=50, seed=1, block=10)
    assert kept.permutations == 20
    assert np.array_equal(kept.values, sampled_shapley(lookup(game), 5, permutations=20, seed=1, block=10).values)
    calls[:] = [1, 1]
    with pytest.raises(KeyboardInterrupt):
        sampled_shapley(interrupted, 5, permutations=50, seed=1, block=10)


def test_sampling_beyond_a_word_of_bits():
    """90 workers of an additive game: every order gives the weights themselves."""
    weights = np.random.default_rng(2).random(90)
    estimate = sampled_shapley(lambda c: c @ weights, 90, permutations=3, seed=0)
    assert np.allclose(estimate.values, weights, rtol=0, atol=1e-12)
    assert estimate.errors.max() < 1e-12


def test_refusals():
    with pytest.raises(InputError, match="coalitions"):
        all_coalitions(13)
    with pytest.raises(InputError, match="all 2\\*\\*n"):
        exact_shapley(np.arange(6.0))
    with pytest.raises(InputError, match="at least 2"):
        sampled_shapley(lambda c: c.sum(axis=1), 3, permutations=1)


# Rank correlations, a second time by their definitions.


def ranks(values: np.ndarray) -> np.ndarray:
    return np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])


def tau_b(x: np.ndarray, y: np.ndarray) -> float:
    pairs = list(itertools.combinations(range(len(x)), 2))
    concordance = sum(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]) for i, j in pairs)
    untied = [sum(v[i] != v[j] for i, j in pairs) for v in (x, y)]
    return concordance / math.sqrt(untied[0] * untied[1])


@settings(max_examples=20)
@given(*(st.lists(st.integers(0, most), min_size=11, max_size=11) for most in (5, 40)))
def test_rank_correlations_with_ties(thirds: list[int], tenths: list[int]):
    assume(len({*thirds}) > 1 and len({*tenths}) > 1)
    x, y = np.array(thirds) / 3, np.array(tenths) / 10
    found = rank_correlation(x, y)
    assert found.n == 11
    assert found.spearman == pytest.approx(np.corrcoef(ranks(x), ranks(y))[0, 1], abs=1e-12)
    assert found.kendall == pytest.approx(tau_b(x, y), abs=1e-12)
    for p_value in (found.spearman_p, found.kendall_p):
        assert p_value is not None
        assert 0 <= p_value <= 1


def test_kendall_p_value_counts_permutations():
    """Without ties: the share of the 5! orders at least as far from independence."""
    x, y = np.arange(5.0), np.array([0.3, 0.1, 0.7, 0.5, 0.9])
    found = rank_correlation(x, y)
    reached = [abs(tau_b(x, np.array(order))) >= abs(tau_b(x, y)) - 1e-12 for order in itertools.permutations(y)]
    assert found.kendall_p == pytest.approx(np.mean(reached))


def test_undefined_correlations():
    for x, y in (([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [0, 0, 0]), ([1, 2], [2, 1]), ([], [])):
        found = rank_correlation(np.array(x, dtype=float), np.array(y, dtype=float))
        assert (found.spearman, found.kendall, found.n) == (None, None, len(x))
    with pytest.raises(InputError, match="finite"):
        rank_correlation(np.array([1, np.nan, 2]), np.arange(3.0))
    with pytest.raises(InputError, match="contributions"):
        rank_correlation(np.arange(4.0), np.arange(3.0))

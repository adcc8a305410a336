"""Eq. (3) fitted to losses: terms against the exact market, fits against other ways to the same least squares."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from fedmech.fl.sharing.error_fit import (
    error_terms,
    fit_error,
    r_squared,
    rank_correlation,
)
from fedmech.models.input_error import InputError
from fedmech.models.sharing.market import MotsMarket
from scipy.stats import spearmanr

SIZES = (3, 8, 20)
STATES = [state for state in product(range(4), range(3), range(3)) if any(state)]


def test_terms_are_those_of_eq_3() -> None:
    market = MotsMarket.build(
        sizes=SIZES,
        counts=(3, 2, 2),
        costs=(0, 0, 0),
        utility={"family": "linear", "a": 1, "s": 1},
        dimension=7,
        data_variance="0.3",
        client_variance="0.45",
    )
    exact = [float(market.error(state)) for state in STATES]
    assert error_terms(STATES, SIZES) @ [2.1, 0.45] == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("variances", [(2.0, 0.5), (2.0, 0.0), (0.0, 0.7), (0.0, 0.0)])
def test_a_loss_of_that_form_is_recovered(variances: tuple[float, float]) -> None:
    fit = fit_error(STATES, SIZES, 0.3 + error_terms(STATES, SIZES) @ np.array(variances))
    assert (fit.offset, fit.noise, fit.client_variance) == pytest.approx((0.3, *variances), abs=1e-9)
    assert not any(variances) or fit.r_squared == pytest.approx(1)


def test_fits_agree_with_every_choice_of_positive_parameters() -> None:
    rng = np.random.default_rng(0)
    zeros = 0
    for _ in range(60):
        losses = rng.normal(rng.normal(), size=len(STATES)) + rng.normal() * error_terms(STATES, SIZES)[:, 0] * 3
        for both in (True, False):
            fit = fit_error(STATES, SIZES, losses, client_variance=both)
            columns = np.column_stack([np.ones(len(losses)), error_terms(STATES, SIZES)[:, : 1 + both]])
            best = np.linalg.norm(losses), np.zeros(3)
            for size in range(1, columns.shape[1] + 1):
                for used in map(list, combinations(range(columns.shape[1]), size)):
                    found = np.linalg.lstsq(columns[:, used], losses, rcond=None)[0]
                    if (found >= 0).all():
                        full = np.zeros(3)
                        full[used] = found
                        error = np.linalg.norm(losses - columns[:, used] @ found)
                        best = min(best, (error, full), key=lambda entry: entry[0])
            assert [fit.offset, fit.noise, fit.client_variance] == pytest.approx(best[1], abs=1e-8)
            zeros += 0 in best[1][: 2 + both]
    assert 20 < zeros < 120


def test_rank_correlation_is_spearmans_with_ties() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b = rng.integers(0, 5, size=(2, 12))
        assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b)[0])
    assert np.isnan(rank_correlation([1, 1], [1, 2]))
    assert np.isnan(r_squared([1, 1], [1, 2]))
    assert r_squared([1, 2, 4], [1, 2, 4]) == 1
    assert r_squared([1.0, 3.0], [2.0, 2.0]) == 0


def test_too_few_states() -> None:
    with pytest.raises(InputError, match="too few"):
        fit_error([(1, 0, 0), (0, 1, 0)], SIZES, [1.0, 2.0])

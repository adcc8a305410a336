"""Rank correlation of a scoring rule with contributions: Spearman's rho and Kendall's tau-b."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models.input_error import InputError

__all__ = ["RankCorrelation", "rank_correlation"]


@dataclass(frozen=True)
class RankCorrelation:
    """Two rank correlations and their two-sided p-values, as scipy computes them.

    Attributes
    ----------
    spearman, kendall : float or None
        In [-1, 1]; None where undefined: fewer than three workers, or one of the two sides is constant.
    spearman_p, kendall_p : float or None
        For the hypothesis of no association. Spearman's follows Student's t, an approximation for ten workers; Kendall's is exact without
        ties.
    n : int
        Workers compared.
    """

    spearman: float | None
    spearman_p: float | None
    kendall: float | None
    kendall_p: float | None
    n: int


def rank_correlation(scores: NDArray[np.float64], contributions: NDArray[np.float64]) -> RankCorrelation:
    """Correlate the ranks of scores with those of contributions; ties are allowed.

    Raises
    ------
    InputError
        If the lengths differ or a value is not finite.
    """
    from scipy.stats import kendalltau, spearmanr

    scores, contributions = np.asarray(scores, dtype=np.float64), np.asarray(contributions, dtype=np.float64)
    if scores.ndim != 1 or scores.shape != contributions.shape:
        raise InputError(f"{scores.shape} scores for {contributions.shape} contributions", field="score")
    if not (np.isfinite(scores).all() and np.isfinite(contributions).all()):
        raise InputError("not all values are finite", field="score")
    n = len(scores)
    if n < 3 or np.ptp(scores) == 0 or np.ptp(contributions) == 0:
        return RankCorrelation(None, None, None, None, n)
    rho: Any = spearmanr(scores, contributions)
    tau: Any = kendalltau(scores, contributions)
    return RankCorrelation(float(rho.statistic), float(rho.pvalue), float(tau.statistic), float(tau.pvalue), n)

"""Whether levels of coverage can be reached all at once: COVER with 1 for what is high enough and 0 for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ...models.input_error import InputError
from ...models.procurement.market import Market
from ..solution import Solution
from ..solve import solve

__all__ = ["reach_levels"]


def reach_levels(market: Market, levels: Sequence[Fraction | None], time_limit: float | None = None) -> Solution:
    """Reach as many levels of coverage as can be reached together.

    Parameters
    ----------
    market : Market
    levels : sequence of Fraction or None, shape (R,)
        Wanted of each probe; None for no wish. A probe is covered to a level by hiring one worker who does.
    time_limit : float, optional
        Seconds.

    Returns
    -------
    Solution
        Its objective is the number of levels reached (those of 0 are); they are reached together if it is all of them.

    Raises
    ------
    InputError
        If coverage is missing, or the number of levels is not that of the probes.
    """
    if market.scaled.coverage is None:
        raise InputError("coverage levels need every worker's coverage", row="workers", field="coverage")
    if len(levels) != market.scaled.coverage.shape[1]:
        raise InputError(
            f"expected {market.scaled.coverage.shape[1]} levels of coverage, got {len(levels)}", field="at_least"
        )
    enough = np.zeros(market.scaled.coverage.shape, dtype=np.int64)
    free = 0
    for r, level in enumerate(levels):
        if level is None:
            continue
        free += level <= 0
        if level > 0:
            least = level * market.scaled.coverage_denominator
            enough[:, r] = [int(int(z) >= least) for z in market.scaled.coverage[:, r]]
    reached = market.with_scaled(coverage=enough, coverage_denominator=1)
    found = solve(reached, "cover", time_limit=time_limit, allow_suboptimal=True)
    assert found.value is not None
    return replace(found, value=found.value + free, bound=None if found.bound is None else found.bound + free)

"""The open workers of OPT with seats as a small MIP for HiGHS, every answer re-checked exactly.

Used where too many sets lie too close to the dual bound to be enumerated.  One binary for each worker the bound leaves
open, one flow variable for each (group, requester); everything else is fixed by reduced cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from ..highs.run import MipArrays, run_highs
from ..highs.tolerances import EXACT_IN_DOUBLE, INTEGRAL
from ..placement.polymatroid import counts_fit
from ..solution import StopReason
from .core import flips_within
from .duals import SeatDuals, SeatMarket

__all__ = ["search_core"]


def search_core(
    market: SeatMarket, duals: SeatDuals, best: NDArray[np.intp], unit: int, control: Control
) -> tuple[NDArray[np.intp], bool, StopReason]:
    """Let HiGHS improve a set until it finds nothing one unit better.

    Parameters
    ----------
    market : SeatMarket
    duals : SeatDuals
    best : ndarray of intp
        An affordable placeable set; it decides which workers are open.
    unit : int
        Values of sets are multiples of this.
    control : Control

    Returns
    -------
    best : ndarray of intp
        The best set found.
    claimed : bool
        Whether HiGHS (both gaps 0, integer data, sums exact in double precision) claims that there is none better.
    stopped : str
        Why it ended.
    """
    value = market.value(best)
    needed = duals.bound - duals.denominator * (value + unit)
    core = flips_within(duals, needed)
    fixed = np.setdiff1d(np.flatnonzero(duals.reduced > 0), core, assume_unique=True)
    fixed_value, fixed_cost = market.value(fixed), market.cost(fixed)
    # Beyond this sums are rounded in HiGHS, and its claim would be worth nothing.
    if max(market.value(core), market.cost(core), market.budget - fixed_cost) >= EXACT_IN_DOUBLE:
        return best, False, "node-limit"
    model = _model(market, core, fixed)
    scores = market.scores[core].astype(np.float64)
    rows = len(model.rows)
    cuts: list[NDArray[np.intp]] = []
    while not control.expired():
        del model.rows[rows:]
        for bought in cuts:
            model.at_most(bought, 1.0, float(len(bought) - 1))
        model.at_least(np.arange(len(core)), scores, float(value + unit - fixed_value))
        run = run_highs(model, control)
        if run.outcome == "infeasible":
            return best, True, "proved"
        if run.point is None:
            return best, False, run.stopped
        bought = np.flatnonzero(run.point[: len(core)] > INTEGRAL)
        chosen = np.sort(np.concatenate([fixed, core[bought]]))
        counts = np.bincount(market.groups[chosen], minlength=len(market.caps))
        if market.cost(chosen) > market.budget or not counts_fit(market.caps, market.seats, counts):
            # HiGHS took it for affordable or placeable within its tolerances: forbid it as it is, and ask again.
            cuts.append(bought)
        elif market.value(chosen) > value:
            best, value = chosen, market.value(chosen)
        else:
            break
        if run.outcome == "stopped":
            return best, False, run.stopped
    return best, False, "time-limit" if control.expired() else "node-limit"


def _model(market: SeatMarket, core: NDArray[np.intp], fixed: NDArray[np.intp]) -> MipArrays:
    n_groups, n_requesters = market.caps.shape
    cells = n_groups * n_requesters
    model = MipArrays(
        objective=np.concatenate([market.scores[core].astype(np.float64), np.zeros(cells)]),
        upper=np.concatenate([np.ones(len(core)), market.caps.ravel().astype(np.float64)]),
        integer=np.concatenate([np.ones(len(core), dtype=bool), np.zeros(cells, dtype=bool)]),
    )
    taken = np.bincount(market.groups[fixed], minlength=n_groups)
    for group in range(n_groups):
        open_here = np.flatnonzero(market.groups[core] == group)
        places = len(core) + group * n_requesters + np.arange(n_requesters)
        signs = np.concatenate([np.ones(len(open_here)), -np.ones(n_requesters)])
        model.equal(np.concatenate([open_here, places]), signs, -float(taken[group]))
    for requester in range(n_requesters):
        places = len(core) + np.arange(n_groups) * n_requesters + requester
        model.at_most(places, 1.0, float(market.seats[requester]))
    left = market.budget - market.cost(fixed)
    model.pay(np.arange(len(core)), market.costs[core], left)
    return model

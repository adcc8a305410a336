"""Coverage by a greedy rule: most marginal coverage per bid among the workers that keep a routing, critical bids as payments.

Source: DriftPay, section 7b (sketch), with the affordability test of Singer (FOCS 2010) for submodular values (reconstructed: the
sketch names "Singer-style" rules only). For ``f(S) = sum_r max_{i in S} z_ir`` and marginals ``D_i(S)``, the rule takes at each
step the worker with the largest ``D_i / b_i`` (lower index at ties) among those with ``D_i > 0`` that caps and seats can still
place beside those taken, and stops at the first with ``b_i > share * B * D_i / f(S + i)``; ``share`` is 1/2.

A lower bid is taken no later, with a larger marginal and a weaker test, so the rule is monotone and pays critical bids:
along the path of the others, ``max`` over its steps of ``min(b_j D_i / D_j, share * B * D_i / f(S + i))``, ``j`` being the step's
worker (absent after the last), as far as ``i`` can be placed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.input_error import InputError
from ...models.procurement.market import Market
from ...solvers.placement.matroid import route
from .interface import (
    Option,
    Outcome,
    build_scaled_outcome,
    mechanism,
)
from .parts.placement import Placement

__all__ = ["coverage_greedy", "needs_coverage"]


def needs_coverage(market: Market) -> str | None:
    """Say that the market has no coverage, or None if it has."""
    return "needs every worker's coverage" if market.scaled.coverage is None else None


@mechanism(
    "coverage-greedy",
    summary="marginal coverage per bid within caps and a share of the pooled budget, critical bids paid",
    source="DriftPay, section 7b (sketch); Singer's test (reconstructed)",
    claims=("truthful", "rational"),
    options=(Option("share", "number", "share of the budget in the affordability test; default 1/2"),),
    applies=needs_coverage,
)
def coverage_greedy(market: Market, share: Fraction | int = Fraction(1, 2)) -> Outcome:
    """Run the greedy coverage mechanism on a market's bids.

    Parameters
    ----------
    market : Market
        With coverage.
    share : Fraction or int
        Positive; smaller values leave more of the budget for payments above bids.

    Returns
    -------
    Outcome
        ``details`` holds ``coverage`` (``f`` of the winners) and ``order`` (the winners in the order they were taken).

    Raises
    ------
    InputError
        If the share is not positive.
    """
    if share <= 0:
        raise InputError(f"must be > 0, got {share}", field="option share")
    limit = Fraction(share) * market.scaled.total_budget
    greedy = _Greedy(market)
    while (step := greedy.next_worker()) is not None and greedy.affordable(step, limit):
        greedy.take(step)
    order = greedy.placement.taken
    return build_scaled_outcome(
        market,
        "coverage-greedy",
        route(market, greedy.placement.chosen),
        {i: _critical_bid(market, i, limit) for i in order},
        details={"coverage": Fraction(greedy.value, market.scaled.coverage_denominator), "order": list(order)},
    )


@dataclass(frozen=True)
class _Step:
    worker: int
    marginal: int


class _Greedy:
    """A set that grows by the worker with the most marginal coverage per bid."""

    def __init__(self, market: Market, without: int = -1) -> None:
        assert market.scaled.coverage is not None
        self.coverage, self.bids = market.scaled.coverage, market.scaled.bids.tolist()
        self.placement = Placement(market)
        self.covered = np.zeros(self.coverage.shape[1], dtype=self.coverage.dtype)
        self.value = 0
        self.open = [i for i in range(market.n) if i != without]

    def marginal(self, worker: int) -> int:
        """``D_i`` beside the workers taken."""
        return int(np.maximum(self.coverage[worker] - self.covered, 0).sum())

    def next_worker(self) -> _Step | None:
        """The next worker of the rule; whoever adds nothing or cannot be placed now never will."""
        gains = np.maximum(self.coverage[self.open] - self.covered, 0).sum(axis=1).tolist()
        found = [(i, gain) for i, gain in zip(self.open, gains, strict=True) if gain > 0 and self.placement.fits(i)]
        self.open = [i for i, _ in found]
        best: _Step | None = None
        for i, gain in found:
            if best is None or gain * self.bids[best.worker] > best.marginal * self.bids[i]:
                best = _Step(i, gain)
        return best

    def affordable(self, step: _Step, limit: Fraction) -> bool:
        """Whether ``b_i f(S + i) <= share * B * D_i``."""
        return self.bids[step.worker] * (self.value + step.marginal) <= limit * step.marginal

    def take(self, step: _Step) -> None:
        """Add the worker."""
        self.placement.add(step.worker)
        self.open.remove(step.worker)
        self.covered = np.maximum(self.covered, self.coverage[step.worker])
        self.value += step.marginal


def _critical_bid(market: Market, worker: int, limit: Fraction) -> Fraction:
    """The supremum of the bids with which the worker is taken, the others' fixed."""
    greedy = _Greedy(market, without=worker)
    critical = Fraction(0)
    while greedy.placement.fits(worker) and (gain := greedy.marginal(worker)) > 0:
        step = greedy.next_worker()
        tested = limit * gain / (greedy.value + gain)
        if step is None:
            return max(critical, tested)
        critical = max(critical, min(tested, Fraction(greedy.bids[step.worker] * gain, step.marginal)))
        if not greedy.affordable(step, limit):
            break
        greedy.take(step)
    return critical

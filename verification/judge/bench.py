"""What is found out about one procurement market, once however many claims ask; and the premises of claims, tested on it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np

from ...fl.mechanisms.interface import run_mechanism
from ...models.procurement.columns import UNLIMITED
from ...models.procurement.market import Market
from ...solvers.control import Control
from ...solvers.solution import Solution
from ...solvers.solve import solve
from .ruling import Between, Premise

__all__ = [
    "Bench",
    "bids_are_costs",
    "costs_within_each",
    "costs_within_pool",
    "equal_scores",
    "extremes",
    "first_is_affordable",
    "seats_open",
    "theta",
]


@dataclass
class Bench:
    """A market, and what is found out about it once however many claims ask."""

    market: Market
    control: Control
    separate_seconds: float | None
    optima: dict[str, Solution] = field(default_factory=dict)

    @cached_property
    def scores(self) -> list[Fraction]:
        """``v_i``."""
        return [self.market.score(i) for i in range(self.market.n)]

    @cached_property
    def costs(self) -> list[Fraction]:
        """``c_i``."""
        return [self.market.cost(i) for i in range(self.market.n)]

    @cached_property
    def bids(self) -> list[Fraction]:
        """``b_i``."""
        return [self.market.bid(i) for i in range(self.market.n)]

    @cached_property
    def budgets(self) -> list[Fraction]:
        """``B_j``."""
        return [self.market.budget(j) for j in range(self.market.m)]

    @cached_property
    def budget(self) -> Fraction:
        """``B``, pooled."""
        return sum(self.budgets, Fraction(0))

    @cached_property
    def placeable(self) -> list[bool]:
        """Whether each worker has a place if nobody else does."""
        open_groups = (np.minimum(self.market.caps, self.market.seats).sum(axis=1) > 0).tolist()
        return [open_groups[g] for g in self.market.group_of.tolist()]

    @cached_property
    def somebody(self) -> bool:
        """Whether OPT > 0: scores are positive, so one worker that fits is enough."""
        return any(free and cost <= self.budget for free, cost in zip(self.placeable, self.costs, strict=True))

    @cached_property
    def unestimated(self) -> Fraction:
        """What DriftPay-CO procures on the scores themselves."""
        return run_mechanism(self.market, "driftpay-co").score

    def name(self, worker: int) -> str:
        """The worker's id."""
        return str(self.market.worker_ids[worker])

    def top(self, values: Sequence[Fraction]) -> int | None:
        """The first worker with the largest value."""
        return max(range(len(values)), key=lambda i: (values[i], -i), default=None)

    def optimum(self, problem: str) -> Between:
        """An optimum, exactly if its proof was checked, else between the point found and the bound."""
        if problem not in self.optima:
            left = self.control.remaining()
            limit = left / 2 if left is not None else self.separate_seconds if problem == "opt-sep" else None
            self.optima[problem] = solve(
                self.market, problem, time_limit=limit, allow_suboptimal=True, report=self.control.report
            )
        found = self.optima[problem]
        low = found.value or Fraction(0)
        if found.status == "optimal" and found.exactness in ("checked", "enumerated"):
            return Between.exactly(low)
        # A claim of HiGHS bounds nothing.
        return Between(low, found.bound if found.exactness == "checked" and found.bound != low else None)


def bids_are_costs(bench: Bench) -> Premise:
    """What a worker's optimum is counted with is what the rule has seen."""
    says = "every bid is the cost"
    lying = next((i for i in range(bench.market.n) if bench.bids[i] != bench.costs[i]), None)
    if lying is None:
        return Premise(says, True)
    return Premise(says, False, bench.name(lying), f"cost {bench.costs[lying]}, bid {bench.bids[lying]}")


def _costs_within(bench: Bench, limit: Fraction, says: str) -> Premise:
    dear = bench.top(bench.costs)
    if dear is None or bench.costs[dear] <= limit:
        return Premise(says, True)
    over = sum(cost > limit for cost in bench.costs)
    return Premise(says, False, bench.name(dear), f"cost {bench.costs[dear]} > {limit}; {over} such")


def costs_within_pool(bench: Bench) -> Premise:
    """Nobody is dearer than all the money together; if somebody is, the dearest is named."""
    return _costs_within(bench, bench.budget, "every cost is at most the pooled budget B")


def costs_within_each(bench: Bench) -> Premise:
    """CARE's assumption: every requester can pay anybody."""
    says = "every cost is at most every budget B_j"
    return _costs_within(bench, min(bench.budgets), says) if bench.budgets else Premise(says, True)


def first_is_affordable(bench: Bench) -> Premise:
    """The assumption of Theorem 6.2 to the letter: more than costs within B, and just enough."""
    says = (
        "every cost is at most B, or the first worker of the ratio order that can be placed costs at most B, or OPT = 0"
    )
    order = sorted(range(bench.market.n), key=lambda i: (bench.costs[i] / bench.scores[i], i))
    first = next((i for i in order if bench.placeable[i]), None)
    if first is None or bench.costs[first] <= bench.budget or not bench.somebody:
        return Premise(says, True)
    return Premise(says, False, bench.name(first), f"cost {bench.costs[first]} > B = {bench.budget}")


def equal_scores(bench: Bench) -> Premise:
    """All workers count the same; else the first that differs from the first is named."""
    says = "all scores are equal"
    other = next((i for i in range(bench.market.n) if bench.scores[i] != bench.scores[0]), None)
    if other is None:
        return Premise(says, True)
    return Premise(says, False, bench.name(other), f"{bench.scores[other]}, and {bench.name(0)} {bench.scores[0]}")


def seats_open(bench: Bench) -> Premise:
    """CARE knows caps and no seats."""
    return Premise("no seat limit matters", not bench.market.seats_bind)


def extremes(bench: Bench) -> tuple[Fraction, Fraction, dict[str, str]]:
    """Least and largest score and who has them."""
    if not bench.market.n:
        return Fraction(1), Fraction(1), {}
    low = min(range(bench.market.n), key=lambda i: (bench.scores[i], i))
    high = max(range(bench.market.n), key=lambda i: (bench.scores[i], -i))
    return bench.scores[low], bench.scores[high], {"v_max": bench.name(high), "v_min": bench.name(low)}


def theta(market: Market) -> tuple[int, dict[str, str]]:
    """``theta = min(m, max ceil(|G_l| / tau_lj))`` over groups with workers, a cap of 0 counting as without end; and whose cap it is."""
    worst, made_by = 1, {}
    for l, size in enumerate(market.group_sizes.tolist()):
        for j, cap in enumerate(market.cap_limits[l].tolist() if size else ()):
            share = 1 if cap == UNLIMITED else market.m if cap == 0 else -(-size // cap)
            if share > worst:
                worst, made_by = share, {"group": market.group_ids[l], "requester": market.requester_ids[j]}
    return min(market.m, worst), made_by

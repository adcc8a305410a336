"""OPT-SEP's own method in the registry."""

from __future__ import annotations

from fractions import Fraction

from ...models.procurement.market import Market
from ..control import Control, Stopped
from ..registry import register
from ..solution import Evidence, Found, SolverClaim
from .instance import SeparateInstance
from .search import solve_separate

__all__ = ["instance_of", "solve_opt_sep"]


ALWAYS, PAIRS_PER_SECOND = 500_000, 10_000_000
"""Pairs of worker and requester for which there is always the time to look for a first allocation, and so many more a second."""


def instance_of(market: Market) -> SeparateInstance:
    """OPT-SEP of a market in integers, in units of its denominators."""
    return SeparateInstance.of(
        market.scaled.scores,
        market.scaled.needed_costs,
        market.group_of,
        market.caps,
        market.seats,
        market.scaled.budgets,
    )


@register("opt-sep", "loss-search", summary="pooled optimum and split, else a search by loss against a dual bound")
def solve_opt_sep(market: Market, control: Control) -> Found:
    """Solve OPT-SEP; see :mod:`fedmech.solvers.separate.search`."""
    remaining = control.remaining()
    if remaining is not None and market.n * market.m > ALWAYS + PAIRS_PER_SECOND * remaining:
        raise Stopped("time-limit")
    found = solve_separate(instance_of(market), control)
    unit = market.scaled.score_denominator
    evidence: Evidence | None = SolverClaim() if found.claimed and not found.proved else found.proof
    return Found(
        found.assignment,
        None if found.trivial else Fraction(found.bound, unit),
        evidence,
        found.stopped,
        weaker=found.weaker,
        details={"step": found.step, "best": Fraction(found.value, unit)},
    )

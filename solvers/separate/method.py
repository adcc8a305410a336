"""OPT-SEP's own method in the registry."""

from __future__ import annotations

from fractions import Fraction

from ...models.procurement.market import Market
from ..control import Control, Stopped
from ..proofs.proof import Proof, ProofError, check_bound
from ..registry import register
from ..solution import Evidence, Found, SolverClaim
from .instance import SeparateInstance
from .search import solve_separate

__all__ = ["instance_of", "solve_opt_sep"]


ALWAYS, PAIRS_PER_SECOND = 500_000, 10_000_000
"""Pairs of worker and requester for which there is always the time to look for a first allocation, and so many more a second."""

LEAST_SECONDS = 0.2
"""So long a proof by blocks is looked at although the time is up."""


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
    bound, proof, weaker = (
        found.bound,
        found.proof,
        [other for other in found.weaker if _suffices(other, market, control)],
    )
    if proof is not None and not _suffices(proof, market, control):
        proof, weaker = (weaker[0], weaker[1:]) if weaker else (None, [])
        bound = bound if proof is None else int(proof.bound)
    evidence: Evidence | None = SolverClaim() if found.claimed and not found.proved else proof
    return Found(
        found.assignment,
        None if found.trivial else Fraction(bound, unit),
        evidence,
        found.stopped,
        weaker=weaker,
        details={"step": found.step, "best": Fraction(found.value, unit)},
    )


def _suffices(proof: Proof, market: Market, control: Control) -> bool:
    """Whether a proof may be handed over, as far as there is time to tell.

    The checker may be unable to close the leaves of a block as they stand, where the search closed them by branching: no defect.
    """
    if proof.kind != "blocks":
        return True
    remaining = control.remaining()
    left = Control() if remaining is None else Control.for_seconds(max(remaining, LEAST_SECONDS))
    try:
        check_bound(proof, market, left.check)
    except ProofError:
        return False
    except Stopped:
        pass
    return True

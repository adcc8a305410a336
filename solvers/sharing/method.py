"""The methods for social states, as the registry has them; each raises one incumbent as far as the time goes."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...models.sharing.market import MotsMarket
from ...models.sharing.measured_market import MeasuredMarket
from ..control import Control, Stopped, StopReason, why_interrupted
from ..proofs.proof import Proof
from ..registry import SOCIAL_STATE, register
from ..solution import Enumerated, Found, SolverClaim
from .cover import CoverSearch
from .enumeration import MOST_STATES, enumerate_states
from .highs import MOST_CLIENTS, solve_with_highs
from .incumbent import IncumbentState
from .pareto import offer_undominated
from .requirement import error_range
from .worth import Audience

SEARCH_SHARE = 0.6
"""Of a time limit: a proof takes about as long to check as to find, and one that is not checked is none."""


def _relies_on_the_error(market: MotsMarket) -> str | None:
    if isinstance(market, MeasuredMarket):
        return "relies on eq. (3); measured errors take enumeration"
    return None


def _too_many_states(market: MotsMarket) -> str | None:
    states = math.prod(n + 1 for n in market.counts)
    return f"{states} states are too many to enumerate (at most {MOST_STATES})" if states > MOST_STATES else None


def _too_many_clients(market: MotsMarket) -> str | None:
    if market.population > MOST_CLIENTS:
        return f"is for at most {MOST_CLIENTS} clients; use the method 'frontier'"
    return _relies_on_the_error(market)


@register(
    SOCIAL_STATE,
    "frontier",
    summary="cells of participants and data under planes below the cost, cut until they close; any size, proved",
    applies=_relies_on_the_error,
)
def solve_by_cells(market: MotsMarket, control: Control, audience: Audience = "everyone") -> Found:
    """Cut cells until none can hold a better state; the cuts are the proof."""
    left = control.remaining()
    incumbent = _begun(market, control if left is None else control.capped(SEARCH_SHARE * left), audience)
    search = CoverSearch(incumbent)
    stopped = _until_stopped(search.run)
    proof, weaker = search.proof(), search.root_proof()
    return Found(incumbent.best, None, proof, stopped, (weaker,), details={"tied": incumbent.tied})


@register(
    SOCIAL_STATE,
    "pareto",
    summary="all undominated states; small markets",
    exactness="enumerated",
    applies=_relies_on_the_error,
)
def solve_by_undominated(market: MotsMarket, control: Control, audience: Audience = "everyone") -> Found:
    """Value the states that no other of as many participants beats in data and cost."""
    return _listed(_begun(market, control, audience), offer_undominated)


@register(
    SOCIAL_STATE,
    "enumeration",
    summary="every state; very small markets",
    exactness="enumerated",
    applies=_too_many_states,
    reference=True,
)
def solve_by_enumeration(market: MotsMarket, control: Control, audience: Audience = "everyone") -> Found:
    """Value every state."""
    return _listed(_begun(market, control, audience), enumerate_states)


@register(
    SOCIAL_STATE,
    "pyomo-highs",
    summary="the linearised Pyomo model through HiGHS, chords added; small markets, convex utilities",
    exactness="solver",
    requires=("pyomo",),
    applies=_too_many_clients,
    reference=True,
)
def solve_by_chords(market: MotsMarket, control: Control, audience: Audience = "everyone") -> Found:
    """Hand the model to HiGHS, with chords in the place of the utility."""
    incumbent = _begun(market, control, audience)
    stopped, bound = solve_with_highs(incumbent)
    evidence = SolverClaim() if stopped == "proved" else _root_proof(incumbent)
    return Found(incumbent.best, bound, evidence, stopped, details={"tied": incumbent.tied})


def _begun(market: MotsMarket, control: Control, audience: Audience) -> IncumbentState:
    """Begin with the state of least error, which meets every requirement that can be met."""
    incumbent = IncumbentState(market, control, audience)
    incumbent.offer(error_range(market).least_state)
    return incumbent


def _listed(incumbent: IncumbentState, offer: Callable[[MotsMarket, IncumbentState], None]) -> Found:
    stopped = _until_stopped(lambda: offer(incumbent.market, incumbent))
    evidence = Enumerated() if stopped == "proved" else _root_proof(incumbent)
    return Found(incumbent.best, None, evidence, stopped, details={"tied": incumbent.tied})


def _until_stopped(search: Callable[[], None]) -> StopReason:
    try:
        search()
    except Stopped as stop:
        return stop.reason
    except KeyboardInterrupt as stop:
        return why_interrupted(stop)
    return "proved"


def _root_proof(incumbent: IncumbentState) -> Proof | None:
    """The proof of a bound that needs no search."""
    return None if isinstance(incumbent.market, MeasuredMarket) else CoverSearch(incumbent).root_proof()

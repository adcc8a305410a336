"""SWAN with payments that make the best social state the only equilibrium, at the same balance.

SWAN shares ``alpha (f(k) - L_min)``, which can have several local maxima, and so several equilibria.  Nothing but its value
at ``k*`` matters for the balance, so any other function with that value will do.  Two are given here.

*Single-peaked*: share ``(s / N) / (1 + |k - k*|)`` in every state with a model, ``|.|`` the sum of absolute differences and ``s = W*``
if that is positive, else a positive number as small as wished.  In any other state some client can reduce the
distance by changing its role and so raise the share: ``k*`` is the only equilibrium, from any start every sequence
of improvements ends there after at most ``|k - k*|`` moves, and abstaining never pays.

*Designated*: each client is told its role; one that keeps it ends with ``s / N``, one that takes the other with nothing, whatever
the rest do.  Keeping the role is dominant.  This needs payments that depend on who a client is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from ...models.sharing.market import MotsMarket, State
from ...solvers.sharing.solve import solve_social_state
from ..registry import mechanism
from .interface import SharingOutcome, utility, welfare
from .swan import SMALL_INCENTIVE, NoTarget, SharedSurplus


@dataclass(frozen=True)
class SinglePeaked(SharedSurplus):
    """The single-peaked payments towards a target state with participants."""

    market: MotsMarket
    target: State

    @cached_property
    def shared(self) -> Fraction:
        """What all clients share at the target: the welfare, or a small positive amount where that is not positive."""
        return max(welfare(self.market, self.target), SMALL_INCENTIVE)

    def share(self, state: State) -> Fraction:
        """What every client that has the model ends with; 0 without a model."""
        if not any(state):
            return Fraction(0)
        distance = sum(abs(k - t) for k, t in zip(state, self.target, strict=True))
        return self.shared / self.market.population / (1 + distance)


@mechanism(
    "single-peaked",
    market="sharing",
    summary="SWAN's balance, with payments that leave the best social state as the only equilibrium",
    source="ours; in the place of SWAN section IV-C, eq. (21)",
    options=(),
)
def single_peaked(market: MotsMarket) -> SharingOutcome:
    """Announce the single-peaked payments and go to the best state."""
    best = solve_social_state(market)
    if best.state is None or best.status != "optimal":
        raise NoTarget("there is no best state to aim at", infeasible=best.status == "infeasible")
    return SinglePeaked(market, best.state).outcome(best.state)


@dataclass(frozen=True)
class Designated:
    """The payments by designated roles: the first ``k*_i`` clients of each type are asked to participate."""

    market: MotsMarket
    target: State

    @cached_property
    def shared(self) -> Fraction:
        """What all clients share at the target."""
        return max(welfare(self.market, self.target), SMALL_INCENTIVE)

    def payoff(self, type: int, number: int, participates: bool, model: bool) -> Fraction:
        """What client ``number`` of a type ends with, having the model or not."""
        if not model:
            return Fraction(0)
        keeps = participates == (number < self.target[type])
        return self.shared / self.market.population if keeps else Fraction(0)

    def payment(self, type: int, number: int, participates: bool, state: State) -> Fraction:
        """What the platform pays the client in a realised state: a reward, or minus the price."""
        worth = utility(self.market, self.market.error(state))
        cost = self.market.types[type].cost if participates else Fraction(0)
        return self.payoff(type, number, participates, True) - worth + cost

"""SWAN where clients' costs are their own affair: payments under which nobody gains by claiming another cost.

SWAN shares what the best state is worth at the costs that are claimed, so a participant that claims ``x`` more is paid ``x`` more and loses ``x / N`` of its share.
Here a participant of type ``i`` ends with what its participation adds, ``W* - W*_i``, ``W*_i`` the best welfare if it only buys; buyers pay what the model is
worth to them. These are Clarke's payments, with the least that a client can ask for as the point of reference: claims F-IC-PIVOT and F-10-PRIVATE.

No model is a state, worth 0. Payments can be made from the utility measured after training, in the place of the one expected: then a client does not gain by claiming another size
either, if the others' claims are true (claim F-IC-SIZE).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from ...models.sharing.expression import Num, operate
from ...models.sharing.market import MotsMarket, State
from ...models.sharing.utility import Utility
from ...solvers.sharing.solve import solve_social_state
from ..registry import mechanism
from .interface import SharingOutcome, sharing_outcome, utility, welfare
from .swan import NoTarget

__all__ = ["Pivotal", "pivotal"]


@dataclass(frozen=True)
class Pivotal:
    """The payments at the best state.

    Attributes
    ----------
    market : MotsMarket
        As claimed.
    state : tuple of int
        The best state, all zeros where no model is worth its cost.
    best : Fraction
        Its welfare.
    without : tuple of Fraction
        By type: the best welfare if one client of it only buys; `best` itself where none participates.
    """

    market: MotsMarket
    state: State
    best: Fraction
    without: tuple[Fraction, ...]

    @classmethod
    def of(cls, market: MotsMarket) -> Pivotal:
        """Solve the market, and again without each type's client.

        Raises
        ------
        NoTarget
            If an optimum was not proved.
        """
        state, best = _best(market)
        without = tuple(_best(_only_buying(market, i))[1] if k else best for i, k in enumerate(state))
        return cls(market, state, best, without)

    def price(self, measured: Fraction | None = None) -> Fraction:
        """What a buyer pays: the utility, or so that it ends with nothing but the difference that a measured utility makes to all.

        Parameters
        ----------
        measured : Fraction, optional
            The utility of the trained model; the expected one if left out.
        """
        u = self._utility(measured)
        return self.best + self.market.cost(self.state) - (self.market.population - 1) * u

    def rewards(self, measured: Fraction | None = None) -> tuple[Fraction, ...]:
        """What a participant of each type is paid."""
        others = (self.market.population - 1) * self._utility(measured)
        spent = self.market.cost(self.state)
        return tuple(
            others - (spent - entry.cost) - without
            for entry, without in zip(self.market.types, self.without, strict=True)
        )

    def gains(self) -> tuple[Fraction, ...]:
        """What a participant of each type ends with if all is as claimed."""
        return tuple(self.best - without for without in self.without)

    def outcome(self) -> SharingOutcome:
        """What becomes of the claimed market, as a registered mechanism hands it on."""
        if not any(self.state):
            return sharing_outcome(self.market, self.state)
        return sharing_outcome(self.market, self.state, self.price(), self.rewards())

    def _utility(self, measured: Fraction | None) -> Fraction:
        return utility(self.market, self.market.error(self.state)) if measured is None else measured


def _best(market: MotsMarket | None) -> tuple[State, Fraction]:
    if market is None:
        return (), Fraction(0)
    answer = solve_social_state(market)
    nothing = (0,) * market.type_count
    if answer.status == "infeasible":
        return nothing, Fraction(0)
    if answer.status != "optimal" or answer.state is None:
        raise NoTarget(f"the best state was not proved: {answer.stopped}")
    worth = welfare(market, answer.state)
    return (answer.state, worth) if worth >= 0 else (nothing, Fraction(0))


def _only_buying(market: MotsMarket, index: int) -> MotsMarket | None:
    """The market in which one client of a type cannot participate, and is counted among those that the model is for."""
    N = market.population
    if N == 1:
        return None
    types = tuple(replace(t, count=t.count - (i == index)) for i, t in enumerate(market.types))
    everybodys = operate("*", Num(Fraction(N, N - 1)), market.utility.tree)
    return replace(market, types=types, utility=Utility(everybodys, market.utility.specification))


@mechanism(
    "pivotal",
    market="sharing",
    summary="the best social state by claimed costs, each participant paid what it adds: truth about costs is dominant",
    source="ours (Clarke's payments); in the place of SWAN section IV-C, eq. (21)",
    options=(),
)
def pivotal(market: MotsMarket) -> SharingOutcome:
    """Announce the pivotal payments and go to the best state."""
    return Pivotal.of(market).outcome()

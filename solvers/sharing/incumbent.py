"""The best social state found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...models.sharing.market import MotsMarket, State
from ..control import Control
from .worth import Audience, Worth, compare, worth

__all__ = ["IncumbentState"]

MOST_TIES_TOLD_APART = 10_000
"""So many tied states are remembered, lest one is counted twice."""


@dataclass
class IncumbentState:
    """The best state found so far, and what a search needs besides the market.

    Attributes
    ----------
    market : MotsMarket
        The market.
    control : Control
        The clock.
    audience : str
        Who has the model: everyone, or the participants only.
    best : Worth or None
        The best feasible state so far.
    tied : int
        How many further states have been seen that are worth exactly as much, or as much as can be told.
    """

    market: MotsMarket
    control: Control = field(default_factory=Control)
    audience: Audience = "everyone"
    best: Worth | None = None
    tied: int = 0
    seen: set[State] = field(default_factory=set)

    def offer(self, state: State) -> bool:
        """Take a state if it is feasible and better; say whether it was taken."""
        if not self.market.meets_requirement(state):
            return False
        return self.offer_worth(worth(self.market, state, audience=self.audience))

    def offer_worth(self, candidate: Worth) -> bool:
        """Take a feasible state, already valued, if it is better."""
        if self.best is None:
            self.best = candidate
            return True
        order = compare(self.market, candidate, self.best)
        if order > 0:
            self.best, self.tied = candidate, 0
            self.seen = set()
            return True
        if order == 0 and candidate.state != self.best.state and candidate.state not in self.seen:
            self.tied += 1
            if len(self.seen) < MOST_TIES_TOLD_APART:
                self.seen.add(candidate.state)
        return False

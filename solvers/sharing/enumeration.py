"""Brute force: every state, in exact arithmetic; independent of everything else."""

from __future__ import annotations

import itertools

from ...models.sharing.market import MotsMarket
from .incumbent import IncumbentState

MOST_STATES = 5_000_000
"""Of a market that is enumerated, some 10 microseconds each."""

LOOKS = 64
"""States between two looks at the clock."""


def enumerate_states(market: MotsMarket, incumbent: IncumbentState) -> None:
    """Offer every state with participants to the incumbent."""
    for index, state in enumerate(itertools.product(*(range(n + 1) for n in market.counts))):
        if any(state):
            incumbent.offer(state)
        if index % LOOKS == 0:
            incumbent.control.check()

"""Brute force: every state, in exact arithmetic; independent of everything else."""

from __future__ import annotations

import itertools
import math

from ...models.input_error import InputError
from ...models.sharing.market import MotsMarket
from .incumbent import IncumbentState

MOST_STATES = 5_000_000

LOOKS = 64
"""States between two looks at the clock."""


def enumerate_states(market: MotsMarket, incumbent: IncumbentState) -> None:
    """Offer every state with participants to the incumbent.

    Raises
    ------
    InputError
        If there are more than ``MOST_STATES`` states.
    """
    states = math.prod(n + 1 for n in market.counts)
    if states > MOST_STATES:
        raise InputError(f"{states} states are too many to enumerate (at most {MOST_STATES})")
    for index, state in enumerate(itertools.product(*(range(n + 1) for n in market.counts))):
        if any(state):
            incumbent.offer(state)
        if index % LOOKS == 0:
            incumbent.control.check()

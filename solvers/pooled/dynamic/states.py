"""States of the dynamic program of `dynamic`: lists by money, each worth more than all that are cheaper, and their outlook.

What the items still ahead can add to a state is bounded from above by their linear relaxation at the money left over, first rounded
down to what the costs ahead can add up to at all. A state that cannot become good enough is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...compilation import compiled, start_pays

WORTH_ROOM, MONEY_ROOM = 1 << 60, 1 << 52
"""Totals of worth and of money stay below these: then `share` is exact, though its product wraps around."""

START_UP = 1_000_000
"""The start-up of numba pays once a process has made so many states; where it is loaded already it need not pay."""

STEP_STATES = 500
"""A step of a list takes as long as so many states do besides."""

_made = 0


@dataclass(frozen=True)
class States:
    """States of one key: money spent, score, and the last decisions as a bit set; the first two are ascending."""

    cost: NDArray[np.int64]
    score: NDArray[np.int64]
    taken: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cost)

    @staticmethod
    def start() -> States:
        """Return the one state in which nothing is taken."""
        return States(*(np.zeros(1, dtype=np.int64) for _ in range(3)))

    @staticmethod
    def none() -> States:
        """Return no states."""
        return States(*(np.zeros(0, dtype=np.int64) for _ in range(3)))

    def where(self, keep: NDArray | slice) -> States:
        """Return the states that are marked."""
        return States(self.cost[keep], self.score[keep], self.taken[keep])


NEVER = -WORTH_ROOM
"""What is gained where the goal cannot be reached."""


@dataclass(frozen=True)
class Gate:
    """Costs that have to be looked at, as disjoint ascending intervals, and the most score that can still be gained from each."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    gain: NDArray[np.int64]

    @staticmethod
    def open(room: int, gain: int) -> Gate:
        """Return the gate that all may pass whose money and gain are bounded so."""
        return Gate(np.zeros(1, dtype=np.int64), np.full(1, room), np.full(1, gain))


@dataclass(frozen=True)
class Outlook:
    """What the items ahead can add.

    Attributes
    ----------
    low, high : ndarray of int
        Their costs can only add up to numbers in one of the intervals ``low..high``, which are ascending; the first holds 0.
    items : ndarray of int
        Those of positive worth, by falling worth for money.
    used, worth : ndarray of int, one longer
        Cost and worth of the first so many of them.
    cost_next, worth_next : ndarray of int, one longer
        Of the one that comes then; 1 and 0 at the end.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    items: NDArray[np.int64]
    used: NDArray[np.int64]
    worth: NDArray[np.int64]
    cost_next: NDArray[np.int64]
    worth_next: NDArray[np.int64]

    def ceilings(self, money: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the most that money left over can buy (upper bounds), and how many of `items` it buys in order."""
        money = np.minimum(money, self.high[np.searchsorted(self.low, money, side="right") - 1])
        whole = np.searchsorted(self.used, money, side="right") - 1
        rest = money - self.used[whole]
        return self.worth[whole] + share(rest, self.worth_next[whole], self.cost_next[whole]), whole


def share(rest: NDArray[np.int64], worth: NDArray[np.int64], cost: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``rest * worth // cost``, exactly, for ``0 <= rest < cost``.

    The quotient is guessed in floating point; it is off by less than 2**10, so that what is left over fits in 64 bits whatever has
    wrapped around in between, and corrects the guess.
    """
    guess = (rest.astype(np.float64) * worth / cost).astype(np.int64)
    return guess + (rest * worth - guess * cost) // cost


def extended(
    states: States,
    others: States,
    item: tuple[int, int, int],
    room: int,
    outlook: Outlook,
    scale: int,
    need: int,
    gate: Gate,
    goal: int,
) -> tuple[States, int]:
    """Merge `states` with `others`, to which an item is added, and drop what is dominated, too dear or cannot become good enough.

    Parameters
    ----------
    states, others : States
    item : tuple of int
        What it adds to cost, score and decisions.
    room : int
        All money there is.
    outlook : Outlook
        Of the items behind this one.
    scale, need : int
        A state is good enough if ``scale * score`` and what its money can still buy reach `need`.
    gate : Gate
        States of other costs are dropped, and those whose score and gain do not reach `goal`.
    goal : int

    Returns
    -------
    States
    int
        The one that the items ahead, bought in order while money lasts, make the best; -1 if there are no states.
    """
    cost, score, bit = item
    size = len(states) + len(others)
    # Both lists are sorted: compiled, one merge does what sorting, masks and searches do below.
    kernel = compiled_merge(size)
    if kernel is not None:
        out = States(*(np.empty(size, dtype=np.int64) for _ in range(3)))
        count, best = kernel(
            states.cost, states.score, states.taken, others.cost, others.score, others.taken, cost, score, bit, room,
            outlook.low, outlook.high, outlook.used, outlook.worth, outlook.cost_next, outlook.worth_next,
            gate.low, gate.high, gate.gain, scale, need, goal, out.cost, out.score, out.taken,
        )  # fmt: skip
        return out.where(slice(count)), best
    stop = int(np.searchsorted(others.cost, room - cost, side="right"))
    money = np.concatenate([states.cost, others.cost[:stop] + cost])
    order = np.argsort(money, kind="stable")
    joined = States(
        money[order],
        np.concatenate([states.score, others.score[:stop] + score])[order],
        np.concatenate([states.taken, others.taken[:stop] | bit])[order],
    )
    if not len(joined):
        return joined, -1
    keep = np.ones(len(joined), dtype=bool)
    keep[1:] = joined.score[1:] > np.maximum.accumulate(joined.score)[:-1]
    joined = joined.where(keep)
    # Of equal cost, the last is the best.
    joined = joined.where(np.append(joined.cost[1:] > joined.cost[:-1], True))
    ceilings, whole = outlook.ceilings(room - joined.cost)
    value = scale * joined.score
    at = np.minimum(np.searchsorted(gate.high, joined.cost), len(gate.high) - 1)
    keep = (value + ceilings >= need) & (gate.low[at] <= joined.cost) & (joined.cost <= gate.high[at])
    keep &= joined.score + gate.gain[at] >= goal
    reached = (value + outlook.worth[whole])[keep]
    return joined.where(keep), int(np.argmax(reached)) if len(reached) else -1


def merge(
    cost: Any, score: Any, taken: Any, other_cost: Any, other_score: Any, other_taken: Any, add_cost: int, add_score: int,
    bit: int, room: int, low: Any, high: Any, used: Any, worth: Any, cost_next: Any, worth_next: Any,
    gate_low: Any, gate_high: Any, gate_gain: Any, scale: int, need: int, goal: int, out_cost: Any, out_score: Any, out_taken: Any,
) -> tuple[int, int]:  # fmt: skip
    """Do what `extended` does in one sweep; return how many states were written, and the best of them."""
    at, best, one, two = 0, -1, 0, 0
    ones, twos = len(cost), len(other_cost)
    top, reached = -1, -1
    interval, whole, gate = len(low) - 1, len(used) - 1, 0
    while True:
        if two < twos and other_cost[two] + add_cost > room:
            two = twos
        if one < ones and (
            two >= twos
            or cost[one] < other_cost[two] + add_cost
            or (cost[one] == other_cost[two] + add_cost and score[one] >= other_score[two] + add_score)
        ):
            spent, value, decisions = cost[one], score[one], taken[one]
            one += 1
        elif two < twos:
            spent, value, decisions = other_cost[two] + add_cost, other_score[two] + add_score, other_taken[two] | bit
            two += 1
        else:
            return at, best
        # Dominated: a state that costs no more is worth as much.
        if value <= top:
            continue
        top = value
        while gate < len(gate_high) and gate_high[gate] < spent:
            gate += 1
        if gate == len(gate_high) or gate_low[gate] > spent or value + gate_gain[gate] < goal:
            continue
        money = room - spent
        # States come by rising cost, so the money left falls: interval and break item only ever move one way, and a sweep costs no search.
        while low[interval] > money:
            interval -= 1
        money = min(money, high[interval])
        while used[whole] > money:
            whole -= 1
        rest = money - used[whole]
        guess = np.int64(float(rest) * float(worth_next[whole]) / float(cost_next[whole]))
        share_of_next = guess + (rest * worth_next[whole] - guess * cost_next[whole]) // cost_next[whole]
        if scale * value + worth[whole] + share_of_next < need:
            continue
        # Of equal cost, the later one is worth more: it takes the other's place.
        if at > 0 and out_cost[at - 1] == spent:
            at -= 1
        out_cost[at], out_score[at], out_taken[at] = spent, value, decisions
        if scale * value + worth[whole] > reached:
            reached, best = scale * value + worth[whole], at
        at += 1


def compiled_merge(states: int) -> Any | None:
    """Return :func:`merge` compiled, or None if it cannot be or if this process has made too few states so far.

    Parameters
    ----------
    states : int
        How many are about to be made.
    """
    global _made
    _made += states
    return compiled(merge) if start_pays(_made, START_UP) else None

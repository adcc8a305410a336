"""Proofs of kind ``dynamic``: multipliers decide most workers, a dynamic program over money shows that the others do not help.

OPT and OPT-SEP are relaxed to one pooled budget B and one limit ``K_l = sum_j min(tau_lj, s_j)`` for each group. Body, all integers:
``scale`` D > 0, ``price`` N >= 0 of money, ``places`` mu_l >= 0 of a place for group l, both times D; ``cells``, lengths of cells of
cost, one for each pass of the program, falling, the last may be 0. The goal is the least score above the bound that is a multiple of
the scores' common divisor. Nothing reaches it, because:

1. *Fixing* (`decide`). With ``q_i = D v_i - N c_i - mu_g(i)`` every set x has
   ``D v(x) = N B + sum_l mu_l K_l + sum_i max(0, q_i) - loss(x)``, where the loss is ``N`` for money left, ``mu_l`` for places left and
   ``|q_i|`` for each worker hired or left against the sign of ``q_i``. What reaches the goal loses at most the *gap*, so workers with
   ``|q_i| > gap`` are decided, and of equal workers with ``q_i != 0``, who can stand in for one another, all but ``gap // |q_i|``.
   If the gap is negative, or those who must be hired do not fit, that is all.
2. *The program* (`Program`) hires or leaves the others one after the other, group by group, the dearest first; equal ones in bundles of 1, 2, 4,
   ... Among the states of a step one that costs no less and scores no more than another, with the same workers ahead to be
   left, is dropped. So is one that cannot reach the goal by what `Ahead` allows: the linear relaxation of those ahead, with
   ``D v_i - mu_g(i)`` for scores, at the money left over, rounded down to a sum that their costs can have, and ``mu_l`` for every place they can fill.
   Where a group has more open workers than places, and money for one more than places, the *debt* counts how many of those ahead
   must be left.
3. *Cells*. In a pass with cells of a length > 0, states of one cell are taken together, as cheap as the cheapest and as good as the best;
   nothing but the bound of 2 drops them. Back from the end, each cell learns how much those ahead can add to its states by way of the
   cells that were left. The next pass drops states that do not reach the goal with that.

The last pass has to end without states. Integers throughout; 64-bit arrays only where `Program` has checked the room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import pairwise
from math import gcd
from typing import Any

import numpy as np

from ...models.exact import common_divisor, exact_sum
from ...models.procurement.market import Market
from .proof import Proof, ProofError, Pulse

__all__ = ["check_bound"]

MOST_STEPS = 20_000
"""More open workers (equal ones bundled) than this are refused."""

MOST_STATES, MOST_AT_ONCE = 400_000_000, 1 << 22
"""So are proofs that make more states in all, or have more after one step."""

FINEST = 1 << 20
"""Scale of the prices of places in the program, at most."""

SUMS = 1 << 12
"""Intervals kept of the sums that costs can have; more are joined until they are no more."""

WORD, MONEY = 1 << 60, 1 << 52
"""Totals of score and money in the program stay below these."""

Columns = tuple[np.ndarray, np.ndarray, np.ndarray]
"""States, ascending: least cost, greatest cost, score."""


def check_bound(proof: Proof, market: Market, pulse: Pulse) -> None:
    """Accept the proof, or raise.

    Raises
    ------
    ProofError
        If something may be worth more than the bound, or the body is not what it should be.
    """
    body: Any = proof.body
    if proof.problem not in ("opt", "opt-sep") or market.scaled.costs is None or type(proof.bound) is not int:
        raise ProofError("a dynamic proof is for opt or opt-sep and has an integer bound")
    if set(body) != {"scale", "price", "places", "cells"}:
        raise ProofError("a dynamic proof has scale, price, places and cells")
    scale, price, places, cells = body["scale"], body["price"], body["places"], body["cells"]
    numbers = [scale - 1 if type(scale) is int else scale, price]
    if any(type(column) is not list for column in (places, cells)) or len(places) != market.L:
        raise ProofError("places has to be one integer for each group, cells a list")
    if any(type(x) is not int or x < 0 for x in [*numbers, *places, *cells]):
        raise ProofError("a multiplier or cell is not the right integer")
    if any(a <= b for a, b in pairwise(cells)):
        raise ProofError("each length of cells has to be shorter than the one before")
    program = decide(market, proof, pulse)
    if program is None:
        return
    # Coarse cells first: what the future gains at most in a coarse table prunes the states of the next, finer one.
    gains: list[dict[int, Columns]] | None = None
    for length in cells:
        tables = program.run(length, gains, pulse)
        # No state is left, and to take states together only ever favours them.
        if tables is None:
            return
        gains = program.gains(tables, length) if length else None
    raise ProofError("the program leaves something that may be worth more than the bound")


def decide(market: Market, proof: Proof, pulse: Pulse) -> Program | None:
    """Decide workers by their reduced scores; return the program for the others, None if there is nothing left to show."""
    body = proof.body
    scale, price, places = body["scale"], body["price"], body["places"]
    assert market.scaled.costs is not None
    money = exact_sum(market.scaled.budgets)
    seats = market.seats.tolist()
    limits = [sum(min(cap, seat) for cap, seat in zip(row, seats, strict=True)) for row in market.caps.tolist()]
    affordable = np.flatnonzero(market.scaled.costs <= money)
    scores, costs, groups = (
        market.scaled.scores[affordable],
        market.scaled.costs[affordable],
        market.group_of[affordable],
    )
    # Sums of scores are multiples of `unit`: whatever beats the bound reaches the next multiple. The same for money, downwards.
    unit, step = common_divisor(scores) or 1, common_divisor(costs)
    money = money // step * step if step else 0
    goal = (proof.bound // unit + 1) * unit
    pulse()
    sizes = np.bincount(groups, minlength=market.L).tolist()
    limits = [min(limit, size) for limit, size in zip(limits, sizes, strict=True)]
    # Factors of any length may stand at zeros, or at nothing.
    top = scale * int(scores.max(initial=1)) + price * int(costs.max(initial=1)) + max(places, default=0)
    if object not in (scores.dtype, costs.dtype) and top < WORD:
        reduced = scale * scores - price * costs - np.array(places, dtype=np.int64)[groups]
    else:
        reduced = scale * scores.astype(object) - price * costs.astype(object) - np.array(places, dtype=object)[groups]
    pulse()
    bound = price * money + sum(mu * k for mu, k in zip(places, limits, strict=True)) + exact_sum(reduced[reduced > 0])
    gap = bound - scale * goal
    if gap < 0:
        return None
    # Going against the sign of a reduced score loses it, and no more than the gap may be lost.
    hired = reduced > gap
    left = np.abs(reduced) <= gap
    money -= exact_sum(costs[hired])
    goal -= exact_sum(scores[hired])
    held = np.bincount(groups[hired], minlength=market.L).tolist()
    open_workers: list[tuple[int, int, int]] = []
    rows = zip(groups[left].tolist(), costs[left].tolist(), scores[left].tolist(), reduced[left].tolist(), strict=True)
    for (group, cost, score, q), copies in Counter(rows).items():
        # Equal workers are interchangeable, and only so many of them can go against the sign of q.
        undecided = min(copies, gap // abs(q)) if q else copies
        open_workers += [(group, cost, score)] * undecided
        if q > 0:
            money -= cost * (copies - undecided)
            goal -= score * (copies - undecided)
            held[group] += copies - undecided
    limits = [k - x for k, x in zip(limits, held, strict=True)]
    if money < 0 or min(limits, default=0) < 0:
        return None
    return Program([worker for worker in open_workers if worker[1] <= money], limits, money, goal, scale, places)


@dataclass(frozen=True)
class Step:
    """A bundle of equal workers, hired or left as one.

    `debt` is how many of the group must be left, if the group begins here, else None. Behind the step, `ahead` workers of the group
    remain, a place for one of them is worth `place`, and all places of later groups are worth `later`.
    """

    copies: int
    cost: int
    score: int
    worth: int
    debt: int | None
    ahead: int
    place: int
    later: int


class Program:
    """The open workers ``(group, cost, score)`` in order, and what is left of limits, money and goal."""

    def __init__(
        self,
        workers: list[tuple[int, int, int]],
        limits: list[int],
        money: int,
        goal: int,
        scale: int,
        places: list[int],
    ):
        costs_in: list[list[int]] = [[] for _ in limits]
        for group, cost, _ in sorted(workers):
            costs_in[group].append(cost)
        open_in = [len(costs) for costs in costs_in]
        # A limit that money keeps anyway makes no debt.
        binds = [sum(costs[: limit + 1]) <= money for costs, limit in zip(costs_in, limits, strict=True)]
        debts = [max(0, size - limit) if b else 0 for size, limit, b in zip(open_in, limits, binds, strict=True)]
        # Any prices of places do for the program: they are reduced, and rounded up where they are too fine.
        prices = [mu if debt else 0 for mu, debt in zip(places, debts, strict=True)]
        divisor = gcd(scale, *prices)
        self.scale = min(scale // divisor, FINEST)
        prices = [-(-mu * self.scale // scale) for mu in prices]
        self.goal, self.made = goal, 0
        divisor = gcd(*(cost for _, cost, _ in workers)) or 1
        merged = [(group if debts[group] else -1, cost // divisor, score) for group, cost, score in workers]
        self.steps = list(self._steps(merged, debts, prices))
        if len(self.steps) > MOST_STEPS:
            raise ProofError("the program has too many steps")
        total = sum(step.cost for step in self.steps)
        self.money = min(money // divisor, total)
        most = self.scale * (abs(goal) + sum(step.score for step in self.steps))
        if total >= MONEY or most + sum(mu * size for mu, size in zip(prices, open_in, strict=True)) >= WORD:
            raise ProofError("the program's numbers are too large")
        self.costs = np.array([step.cost for step in self.steps], dtype=np.int64)
        self.worths = np.array([step.worth for step in self.steps], dtype=np.int64)
        self.by_ratio = self._by_ratio()
        self.sums = self._sums()

    def _steps(self, workers: list[tuple[int, int, int]], debts: list[int], prices: list[int]) -> Iterator[Step]:
        """Bundle equal workers; groups by their dearest worker, in a group from the dearest on. Groups without a debt are one, -1."""
        kinds: dict[tuple[int, int, int], int] = {}
        ahead: dict[int, int] = {}
        dearest: dict[int, int] = {}
        for kind in workers:
            kinds[kind] = kinds.get(kind, 0) + 1
            ahead[kind[0]] = ahead.get(kind[0], 0) + 1
            dearest[kind[0]] = max(dearest.get(kind[0], 0), kind[1])
        later = sum(prices[group] * (size - debts[group]) for group, size in ahead.items() if group >= 0)
        before = None
        for group, cost, score in sorted(kinds, key=lambda kind: (-dearest[kind[0]], kind[0], -kind[1], -kind[2])):
            copies = kinds[group, cost, score]
            # Bundles of 1, 2, 4, ... and a rest make every number of copies, with few steps.
            parts = [min(1 << b, copies + 1 - (1 << b)) for b in range(copies.bit_length())]
            place, debt = (prices[group], debts[group]) if group >= 0 else (0, 0)
            for size in reversed(parts):
                begins, before = group != before, group
                if begins:
                    later -= place * (ahead[group] - debt)
                ahead[group] -= size
                yield Step(
                    size, size * cost, size * score, size * (self.scale * score - place), debt if begins else None,
                    ahead[group], place, later,
                )  # fmt: skip

    def _by_ratio(self) -> np.ndarray:
        """Steps of positive worth, the most worth for money first (exact comparisons)."""
        cost, worth = self.costs.tolist(), self.worths.tolist()
        chosen = [i for i, w in enumerate(worth) if w > 0]
        return np.array(
            sorted(chosen, key=cmp_to_key(lambda a, b: worth[b] * cost[a] - worth[a] * cost[b])), dtype=np.int64
        )

    def _sums(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For every eighth step, and the end, intervals that hold all sums of costs of steps from there on."""
        low = high = np.zeros(1, dtype=np.int64)
        kept, near = [(low, high)], 0
        for at in range(len(self.steps) - 1, -1, -1):
            low, high = np.append(low, low + self.costs[at]), np.append(high, high + self.costs[at])
            low, high = united(low[low <= self.money], high[low <= self.money], near)
            while len(low) > SUMS:
                near = 2 * near + 1
                low, high = united(low, high, near)
            if at % 8 == 0:
                kept.append((low, high))
        return kept[::-1]

    def run(self, length: int, gains: list[dict[int, Columns]] | None, pulse: Pulse) -> list[dict[int, Columns]] | None:
        """Make one pass; return the states before every step and at the end, None if there are none at the end.

        States of one cell of a length > 0 are taken together; 0: none are. They are only returned if they are.
        """
        if not self.steps and self.goal > 0:
            return None
        zero = np.zeros(1, dtype=np.int64)
        table: dict[int, Columns] = {0: (zero, zero, zero)}
        tables = []
        for at, step in enumerate(self.steps):
            pulse()
            if step.debt is not None:
                table = {step.debt: table[0]} if 0 in table else {}
            if length:
                tables.append(table)
            ahead = Ahead(self, at + 1)
            table = {
                debt: states
                for debt, parts in moves(table, step).items()
                if len((states := self.kept(parts, ahead, step, debt, length, gains[at + 1] if gains else None))[0])
            }
            count = sum(len(low) for low, _, _ in table.values())
            self.made += count
            if count > MOST_AT_ONCE or self.made > MOST_STATES:
                raise ProofError("the program has too many states")
        return [*tables, {0: table[0]}] if 0 in table else None

    def kept(
        self, parts: list[Columns], ahead: Ahead, step: Step, debt: int, length: int, gains: dict[int, Columns] | None
    ) -> Columns:
        """Put states together that have one debt behind a step, and keep those that may reach the goal."""
        low, high, score = (np.concatenate(column) for column in zip(*parts, strict=True))
        if length:
            low, high, score = in_cells(low, high, score, length)
        fits = low <= self.money
        low, high, score = low[fits], np.minimum(high[fits], self.money), score[fits]
        order = np.argsort(low, kind="stable")
        low, high, score = low[order], high[order], score[order]
        if not len(low):
            return low, high, score
        if length:
            first = np.flatnonzero(np.append(True, low[1:] // length != low[:-1] // length))
            low, high, score = low[first], np.maximum.reduceat(high, first), np.maximum.reduceat(score, first)
        else:
            best = np.append(True, score[1:] > np.maximum.accumulate(score)[:-1])
            low, score = low[best], score[best]
            high = low
        if gains is not None:
            # The cells of the pass before are longer: what lies between both ends lies in the cell of one or the other.
            cells = gains.get(debt)
            good = score + np.maximum(gained(cells, low), gained(cells, high)) >= self.goal
            low, high, score = low[good], high[good], score[good]
        places = step.later + step.place * (step.ahead - debt)
        good = self.scale * score + ahead.most(self.money - low) + places >= self.scale * self.goal
        return low[good], high[good], score[good]

    def gains(self, tables: list[dict[int, Columns]], length: int) -> list[dict[int, Columns]]:
        """Find from the end how much more score each cell can come to; a list like `tables`, of cells behind the step before."""
        end = {
            debt: cells_of(states, np.zeros(len(states[0]), dtype=np.int64), length)
            for debt, states in tables[-1].items()
        }
        found = [end]
        for step, table in zip(reversed(self.steps), reversed(tables[:-1]), strict=True):
            after = found[-1]
            here = {}
            for debt, (low, high, score) in table.items():
                gain = gained(after.get(max(0, debt - step.copies)), low)
                if debt <= step.ahead:
                    for cost in (low, high):
                        gain = np.maximum(gain, gained(after.get(debt), cost + step.cost) + step.score)
                useful = score + gain >= self.goal
                here[debt] = cells_of((low[useful], high[useful], score[useful]), gain[useful], length)
            # Where a group begins, the one before must have ended without debt.
            found.append(here if step.debt is None else {0: here[step.debt]})
        return found[::-1]


class Ahead:
    """What the steps from `at` on can add to a state."""

    def __init__(self, program: Program, at: int):
        mine = program.by_ratio[program.by_ratio >= at]
        self.cost, self.worth = np.append(program.costs[mine], 1), np.append(program.worths[mine], 0)
        self.spent, self.gained = (np.append(0, np.cumsum(column[:-1])) for column in (self.cost, self.worth))
        eighth = at // 8 if at < len(program.steps) else -1
        self.low, self.high = program.sums[eighth]

    def most(self, money: np.ndarray) -> np.ndarray:
        """Return an upper bound on the worth that money buys."""
        money = np.minimum(money, self.high[np.searchsorted(self.low, money, side="right") - 1])
        whole = np.searchsorted(self.spent, money, side="right") - 1
        return self.gained[whole] + quotient(money - self.spent[whole], self.worth[whole], self.cost[whole])


def quotient(part: np.ndarray, worth: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Return ``part * worth // cost`` for ``0 <= part < cost``, by long division with digits so short that nothing overflows."""
    bits = int(cost.max(initial=1)).bit_length()
    width = 62 - bits
    digits = -(-int(worth.max(initial=0)).bit_length() // width)
    result, rest = np.zeros_like(part), np.zeros_like(part)
    for place in range(digits - 1, -1, -1):
        digit = worth >> (place * width) & ((1 << width) - 1)
        value = (rest << width) + part * digit
        result, rest = (result << width) + value // cost, value % cost
    return result


def moves(table: dict[int, Columns], step: Step) -> dict[int, list[Columns]]:
    """Return by debt behind a step the states that come of leaving the bundle and of hiring it."""
    found: dict[int, list[Columns]] = {}
    for debt, (low, high, score) in table.items():
        found.setdefault(max(0, debt - step.copies), []).append((low, high, score))
        if debt <= step.ahead:
            found.setdefault(debt, []).append((low + step.cost, high + step.cost, score + step.score))
    return found


def in_cells(low: np.ndarray, high: np.ndarray, score: np.ndarray, length: int) -> Columns:
    """Cut what reaches into the next cell in two."""
    border = (low // length + 1) * length
    over = high >= border
    return (
        np.append(low, border[over]),
        np.append(np.where(over, border - 1, high), high[over]),
        np.append(score, score[over]),
    )


def cells_of(states: Columns, gain: np.ndarray, length: int) -> Columns:
    """Return the whole cells in which states lie, with what they can gain."""
    low = states[0] // length * length
    return low, low + (length - 1), gain


def gained(cells: Columns | None, cost: np.ndarray) -> np.ndarray:
    """Return what can be gained from costs on, far below zero outside all cells."""
    if cells is None or not len(cells[0]):
        return np.full(len(cost), -WORD)
    low, high, gain = cells
    at = np.maximum(np.searchsorted(low, cost, side="right") - 1, 0)
    return np.where((low[at] <= cost) & (cost <= high[at]), gain[at], -WORD)


def united(low: np.ndarray, high: np.ndarray, near: int) -> tuple[np.ndarray, np.ndarray]:
    """Order intervals and join those that touch, or lie no further than `near` apart."""
    order = np.argsort(low, kind="stable")
    low, high = low[order], np.maximum.accumulate(high[order])
    apart = low[1:] > high[:-1] + 1 + near
    return low[np.append(True, apart)], high[np.append(apart, True)]

"""All sets of one requester that are worth nearly the most it can have, where it has few slots.

Workers are decided one after the other, those first of whom it matters most. What a part of a set can still become is bounded, for
several prices ``lam`` of money, by what it has, ``lam`` times the money left, and the most valuable workers to come (each less ``lam``
times its cost) that seats and caps admit. Unlike the prices of a linear relaxation this knows that there are only so many slots.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...models.exact import exact_sum, linear_combination
from ..control import Control
from .columns import TooManyColumnsError

__all__ = ["FEW_SLOTS", "Choice", "best_choice", "list_near"]

FEW_SLOTS = 20
"""Requesters with more slots are left to other methods."""

STEEPNESS = (0.0, 0.3, 0.6, 0.8, 1.0, 1.25, 1.6, 2.5)
"""The prices of money that are tried, relative to the one with the least bound."""

PRICE_BITS = 12
"""Bits of that price."""


@dataclass(frozen=True)
class Choice:
    """What one requester chooses from: workers that fit it on their own.

    Attributes
    ----------
    worth, costs : ndarray, shape (k,)
        Positive worth and nonnegative costs.
    groups : ndarray of int64, shape (k,)
    caps : list of int, length L
    slots : int
        Most workers in all.
    budget : int
    """

    worth: np.ndarray
    costs: np.ndarray
    groups: np.ndarray
    caps: list[int]
    slots: int
    budget: int


def best_choice(choice: Choice, least: int, limit: int, control: Control) -> tuple[int, np.ndarray]:
    """Find the best set.

    Parameters
    ----------
    choice : Choice
    least : int
        What some set is worth, or less.
    limit : int
        Most parts of sets to keep.
    control : Control
        Deadline.

    Returns
    -------
    (int, ndarray of int64)
        What it is worth, and its positions.

    Raises
    ------
    TooManyColumnsError, Stopped
    """
    rows, total = list_near(choice, max(least, _greedy(choice)), limit, control)
    at = int(np.argmax(total))
    members = rows[at]
    return int(total[at]), np.sort(members[members < choice.worth.size]).astype(np.int64)


def list_near(choice: Choice, least: int, limit: int, control: Control) -> tuple[np.ndarray, np.ndarray]:
    """List all sets worth at least so much.

    Parameters
    ----------
    choice : Choice
    least : int
        What a set has to be worth.
    limit : int
        Most sets, and parts of sets, to keep.
    control : Control
        Deadline.

    Returns
    -------
    rows : ndarray of int32, shape (sets, slots)
        Positions of the workers of each set, filled up with the number of workers.
    total : ndarray, shape (sets,)
        What each is worth.

    Raises
    ------
    TooManyColumnsError
        If there are more than `limit`.
    Stopped
        At the deadline.
    """
    price = Fraction(_price(choice)) * _scaled(choice)[3]
    bits = max(0, PRICE_BITS - price.numerator.bit_length() + price.denominator.bit_length()) if price else 0
    money = sorted({round(price * Fraction(steep) * 2**bits) for steep in STEEPNESS})
    margins = [linear_combination((1 << bits, choice.worth), (-lam, choice.costs)) for lam in money]
    needed = [(least << bits) - lam * choice.budget for lam in money]
    kept = np.ones(choice.worth.size, dtype=bool)
    for margin, need in zip(margins, needed, strict=True):
        top = _tops(margin.tolist(), choice.groups.tolist(), choice.caps, choice.slots)[0]
        kept &= np.asarray(margin + top[max(0, choice.slots - 1)] >= need, dtype=bool)
    middle = margins[len(margins) // 2]
    turn = sorted(middle.tolist(), reverse=True)[: choice.slots][-1:] or [0]
    order = np.argsort(-np.abs(middle - turn[0]), kind="stable")
    order = order[kept[order]]
    return _grown(choice, order, [margin[order] for margin in margins], needed, limit, control)


def _grown(
    choice: Choice, order: np.ndarray, margins: list[np.ndarray], needed: list[int], limit: int, control: Control
) -> tuple[np.ndarray, np.ndarray]:
    """Decide the workers in this order; keep the parts that may become sets worth enough at every price of money."""
    groups, costs, slots = choice.groups[order].tolist(), choice.costs[order].tolist(), choice.slots
    tables = [_tops(margin.tolist(), groups, choice.caps, slots) for margin in margins]
    reach = max((abs(need) for need in needed), default=0) + max((row[0][slots] for row in tables), default=0)
    kind = np.int64 if 4 * reach < 2**62 and all(margin.dtype != object for margin in margins) else object
    coming = np.array(tables, dtype=kind)
    wanted = np.array(needed, dtype=kind)[:, None]
    margin = np.array(margins, dtype=kind)
    has, cost = np.zeros((len(margins), 1), dtype=kind), np.zeros(1, dtype=choice.costs.dtype)
    size, count = np.zeros(1, dtype=np.int64), np.zeros((1, len(choice.caps)), dtype=np.int64)
    rows = np.full((1, slots), choice.worth.size, dtype=np.int32)
    for at, (group, price) in enumerate(zip(groups, costs, strict=True)):
        control.check()
        rest = coming[:, at + 1]
        fits = (size < slots) & (count[:, group] < choice.caps[group])
        into = np.flatnonzero(fits & np.asarray(cost <= choice.budget - price, dtype=bool))
        gained = has[:, into] + margin[:, at, None]
        # Each price of money gives a bound of its own: one that is too low is enough.
        good = np.asarray(gained + rest[:, slots - size[into] - 1] >= wanted, dtype=bool).all(axis=0)
        into, gained = into[good], gained[:, good]
        out = np.flatnonzero(np.asarray(has + rest[:, slots - size] >= wanted, dtype=bool).all(axis=0))
        if into.size + out.size > limit:
            raise TooManyColumnsError
        member, more = rows[into], count[into]
        member[np.arange(into.size), size[into]] = order[at]
        more[:, group] += 1
        has, cost = np.concatenate([has[:, out], gained], axis=1), np.concatenate([cost[out], cost[into] + price])
        size, count = np.concatenate([size[out], size[into] + 1]), np.concatenate([count[out], more])
        rows = np.concatenate([rows[out], member])
    worth = np.append(choice.worth, 0)
    return rows, worth[rows].sum(axis=1) if slots else np.zeros(len(rows), dtype=choice.worth.dtype)


def _tops(margin: list[int], groups: list[int], caps: Sequence[int], slots: int) -> list[list[int]]:
    """Return for each position, and the end, what the best 0, 1, ..., `slots` workers from there on are worth within the caps."""
    best: list[list[int]] = [[] for _ in caps]
    union: list[int] = []
    table = [[0] * (slots + 1)]
    for value, group in zip(reversed(margin), reversed(groups), strict=True):
        row = table[-1]
        mine = best[group]
        if value > 0 and caps[group] and (len(mine) < caps[group] or -mine[-1] < value):
            if len(mine) == caps[group]:
                union.remove(mine.pop())
            insort(mine, -value)
            insort(union, -value)
            row = [0]
            for taken in union[:slots]:
                row.append(row[-1] - taken)
            row += [row[-1]] * (slots + 1 - len(row))
        table.append(row)
    table.reverse()
    return table


def _scaled(choice: Choice) -> tuple[np.ndarray, np.ndarray, float, Fraction]:
    """Worth, costs and budget as floats, the largest of each column 1, and what a price of money of 1.0 then stands for."""
    worth, dearest = int(choice.worth.max(initial=1)), int(choice.costs.max(initial=1))
    value = np.array([x / worth for x in choice.worth.tolist()], dtype=float)
    cost = np.array([x / dearest for x in choice.costs.tolist()], dtype=float)
    return value, cost, min(choice.budget, exact_sum(choice.costs)) / dearest, Fraction(worth, dearest)


def _price(choice: Choice) -> float:
    """Price of money, scaled, at which what the chosen cost is about the budget: there the bound is least."""
    value, cost, budget, _ = _scaled(choice)

    def spent(price: float) -> float:
        return float(cost[_chosen(value - price * cost, choice)].sum())

    if spent(0.0) <= budget:
        return 0.0
    some = cost > 0
    ratios = [0.0, *np.unique(value[some] / cost[some]).tolist()]
    above = bisect_left(ratios, True, key=lambda price: spent(price) <= budget)
    low, high = ratios[above - 1], ratios[min(above, len(ratios) - 1)]
    for _ in range(PRICE_BITS):
        trial = (low + high) / 2
        low, high = (trial, high) if spent(trial) > budget else (low, trial)
    return high


def _chosen(margin: np.ndarray, choice: Choice) -> list[int]:
    """Take workers of positive margin, the largest first, within caps and slots."""
    left, found, groups = list(choice.caps), [], choice.groups.tolist()
    for i in np.argsort(-margin, kind="stable").tolist():
        if margin[i] <= 0 or len(found) == choice.slots:
            break
        if left[groups[i]]:
            left[groups[i]] -= 1
            found.append(i)
    return found


def _greedy(choice: Choice) -> int:
    """What a set is worth that takes workers by margin while they fit."""
    value, cost, _, _ = _scaled(choice)
    left, money, slots, total = list(choice.caps), choice.budget, choice.slots, 0
    costs, worth, groups = choice.costs.tolist(), choice.worth.tolist(), choice.groups.tolist()
    for i in np.argsort(_price(choice) * cost - value, kind="stable").tolist():
        if slots and left[groups[i]] and costs[i] <= money:
            left[groups[i]] -= 1
            money, slots, total = money - costs[i], slots - 1, total + worth[i]
    return total

"""Proofs of kind ``kinds`` for OPT-SEP on markets of few kinds of workers, by counting. Body: ``classes``, a number for each group.

0. Groups of one class are merged: their workers share the sum of their caps. That allows all that was allowed before, so what bounds
   the merged market bounds the market. With a class for each group nothing is lost, and the bound proved is the optimum itself.
1. Workers of one score v_t, cost c_t and class g_t are copies of one kind; only how many of each kind a requester hires matters. Of
   kind t no more than N_t can be hired: its copies, or the most that caps, seats and budgets of all requesters let in of it alone.
2. ``F_j``, the counts that requester j can hire, holds with each vector all smaller ones. So does ``R_j``, the counts that the first j
   requesters can hire together: ``R_j = (R_(j-1) + F_j)`` within N. Both are therefore described by the most copies of kind 0 that
   go with given counts y of the others (here -infinity where y is not in the set):

       f_j(y) = min(N_0, places left in the group of kind 0, seats left, money left / c_0),
       r_j(y) = max over z <= y of min(N_0, r_(j-1)(y - z) + f_j(z)),   r_0(0) = 0.

   It is enough to add those z to which j can add nothing without hiring fewer of kind 0, and to close the sum downwards.
3. No allocation is worth more than ``max_y v_0 r_m(y) + sum_t v_t y_t``. The claim is that this is at most the bound.

Kind 0 is the one of most copies. Counts are small; money and scores are Python integers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from ...models.procurement.market import Market
from .proof import Proof, ProofTooLarge, Pulse, refuse

__all__ = ["check_bound"]

MOST_WORK = 2**33
"""So many counts are added up, at about a nanosecond each; a market that needs more is refused."""

MOST_CELLS = 2**18
"""So many counts are kept at once."""

NOWHERE = -(2**60)
"""Stands for -infinity among counts."""


@dataclass(frozen=True)
class Kind:
    """Workers that are alike."""

    score: int
    cost: int
    group: int
    copies: int


@dataclass(frozen=True)
class Requester:
    """What a requester can pay, seat, and place of each class."""

    money: int
    seats: int
    places: list[int]


def check_bound(proof: Proof, market: Market, pulse: Pulse) -> None:
    """Accept a bound that counting confirms, or raise.

    Raises
    ------
    ProofError
        If some allocation is worth more, or there are too many kinds to count.
    """
    if proof.problem != "opt-sep" or market.scaled.costs is None or type(proof.bound) is not int:
        refuse("a proof by kinds is for opt-sep, with costs, and has an integer bound")
    classes = classes_of(proof, market)
    requesters = [merged(market, j, classes) for j in range(market.m)]
    kinds = kinds_of(market, classes, requesters)
    if not kinds:
        if proof.bound < 0:
            refuse("nobody hired is worth more than the bound")
        return
    # The table counts the copies hired of all kinds but the most frequent one, and holds how many of that one can go with them.
    many, *few = kinds
    shape = tuple(kind.copies + 1 for kind in few)
    cells, work = 1, 0
    for size in shape:
        cells *= size
        if cells > MOST_CELLS:
            raise ProofTooLarge("too many kinds of workers to count")
    reached = np.full(shape, NOWHERE, dtype=np.int64)
    reached[(0,) * len(few)] = 0
    for requester in requesters:
        after = np.full(shape, NOWHERE, dtype=np.int64)
        for counts, most in largest(dict(hirable(requester, many, few)), pulse):
            pulse()
            work += cells
            if work > MOST_WORK:
                raise ProofTooLarge("too many kinds of workers to count")
            # What the requesters before left at counts - y, this one raises to counts.
            before = reached[(*(slice(0, size - y) for size, y in zip(shape, counts, strict=True)), ...)]
            there = (*(slice(y, None) for y in counts), ...)
            after[there] = np.maximum(after[there], np.minimum(before + most, many.copies))
        # Fewer copies never leave less room for the others: each cell gets the best of all cells beyond it.
        for axis in range(len(few)):
            after = np.flip(np.maximum.accumulate(np.flip(after, axis), axis), axis)
        reached = after
    for counts in product(*map(range, shape)):
        # Cells that no allocation reaches are below zero.
        most = int(reached[counts])
        if most >= 0:
            worth = many.score * most + sum(kind.score * y for kind, y in zip(few, counts, strict=True))
            if worth > proof.bound:
                refuse("some counts can be hired that are worth more than the bound")


def classes_of(proof: Proof, market: Market) -> list[int]:
    """Return the class of each group."""
    classes = proof.body.get("classes")
    if set(proof.body) != {"classes"} or not isinstance(classes, list) or len(classes) != market.L:
        refuse("the body of a proof by kinds has a class for each group")
    if any(type(number) is not int or not 0 <= number < market.L for number in classes):
        refuse("classes are numbered from 0, and there are no more than groups")
    return classes


def merged(market: Market, j: int, classes: list[int]) -> Requester:
    """Return what requester j can pay, seat and place, caps added up by class."""
    places = [0] * market.L
    for number, cap in zip(classes, market.caps[:, j].tolist(), strict=True):
        places[number] += cap
    return Requester(int(market.scaled.budgets[j]), int(market.seats[j]), places)


def kinds_of(market: Market, classes: list[int], requesters: list[Requester]) -> list[Kind]:
    """Return the kinds of which somebody can be hired, the one of most copies first."""
    groups = [classes[group] for group in market.group_of.tolist()]
    rows = zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), groups, strict=True)
    kinds: list[Kind] = []
    for (score, cost, group), copies in Counter(rows).items():
        most = sum(at_most(min(own.places[group], own.seats), own.money, cost) for own in requesters)
        if most:
            kinds.append(Kind(score, cost, group, min(copies, most)))
    return sorted(kinds, key=lambda kind: -kind.copies)


def at_most(places: int, money: int, cost: int) -> int:
    """Return how many of one cost fit into so many places and so much money."""
    return min(places, money // cost) if cost else places


def largest(counts: dict[tuple[int, ...], int], pulse: Pulse) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the counts to which nothing can be added at the same number of kind 0."""
    for y, most in counts.items():
        pulse()
        if all(counts.get((*y[:t], y[t] + 1, *y[t + 1 :]), -1) < most for t in range(len(y))):
            yield y, most


def hirable(requester: Requester, many: Kind, few: list[Kind]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the counts of the `few` kinds that a requester can hire, each with the most of the other kind that go with them."""

    def extend(
        counts: tuple[int, ...], money: int, seats: int, places: list[int]
    ) -> Iterator[tuple[tuple[int, ...], int]]:
        if len(counts) == len(few):
            yield counts, min(many.copies, at_most(min(places[many.group], seats), money, many.cost))
            return
        kind = few[len(counts)]
        for y in range(min(kind.copies, at_most(min(places[kind.group], seats), money, kind.cost)) + 1):
            left = [free - y * (group == kind.group) for group, free in enumerate(places)]
            yield from extend((*counts, y), money - y * kind.cost, seats - y, left)

    yield from extend((), requester.money, requester.seats, requester.places)

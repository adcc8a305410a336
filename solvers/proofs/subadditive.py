"""Proofs of kind ``subadditive`` for OPT and OPT-SEP: a function on the residues of money bounds what the money left costs in score.

Body, all integers: ``scale`` D > 0 and ``price`` N >= 0 of money, ``modulus`` M, and ``values`` F_0, F_1, ..., F_(K-1) with 2 <= K <= M.
All money B is pooled, limits and seats are left out of account. The goal is the least score above the bound that is a multiple of
what divides the scores. No set reaches it, because:

1. *Loss.* With ``q_i = D v_i - N c_i`` and the base of all with ``q_i > 0``, a set x that leaves the money m is worth
   ``D v(x) = U - N m - (sum of |q_i| over the flips of x)``: those by which it differs from the base. ``U = D v(base) + N r``, where
   ``r = B - c(base)``. A flip takes the money ``s_i = c_i``, or gives it back, ``s_i = -c_i``; so ``r = m + (sum of s_i over the flips)``.
   What reaches the goal loses at most the *gap* ``U - D goal``.
2. *Function.* F is drawn through the values at the multiples of M / K, straight between them and repeated every M. It is subadditive,
   ``F(s + t) <= F(s) + F(t)``, if ``F_0 = 0`` and ``F_(j+k) <= F_j + F_k`` (Gomory and Johnson, 1972): between four neighbouring pairs of
   places both sides are linear on each of two triangles, so the worst is at a corner. If also ``F_1 K <= N M``, then
   ``F(m) <= m F(1) <= N m`` for every whole m >= 0.
3. *Excess.* No one is flipped twice, so the losses of the flips are at least their ``F(s_i)`` less ``excess``, the sum of
   ``max(0, F(s_i) - |q_i|)`` over all workers. Hence every set loses at least ``F(r) - excess``, one that flips i at least
   ``|q_i| + F(r - s_i) - excess``, and one that goes on from flips that lose l and take t at least ``l + F(r - t) - excess``.
4. *List.* Whoever would lose more than the gap is not flipped. The others are flipped or not, one after the other; a state (t, l)
   that would lose more than the gap goes, and so does one that takes more than another and loses no less than that one and ``N``
   for each unit of the difference. In the end no state with ``t <= r`` may lose ``l + N (r - t)`` within the gap.

Two checkers, which share the list: `by_lists` in Python integers, to be read; `by_arrays` for markets of any size, in 64 bits where
all products fit. F is rounded down where it bounds from below, up in the excess.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np

from ...models.exact import exact_sum, linear_combination, python_integers
from ...models.procurement.market import Market
from .proof import Proof, ProofError, ProofTooLarge, Pulse

__all__ = ["check_bound"]

FEW_ITEMS = 400
"""So many workers are checked in lists, more over arrays."""

MOST_VALUES = 1 << 12
"""More values are refused: all their pairs are gone through."""

MOST_LISTED = 1 << 22
"""So are proofs that list more states."""

WORD = 1 << 62
"""Products below this fit in 64 bits with a bit to spare."""


@dataclass(frozen=True)
class Residues:
    """The function, and what all workers together may fall short of it."""

    modulus: int
    values: list[int]

    def times_modulus(self, money: int) -> int:
        """Return M F(money)."""
        k, part = divmod(money % self.modulus * len(self.values), self.modulus)
        return self.values[k] * (self.modulus - part) + self.values[(k + 1) % len(self.values)] * part

    def below(self, money: int) -> int:
        """Return F, rounded down."""
        return self.times_modulus(money) // self.modulus

    def above(self, money: int) -> int:
        """Return F, rounded up."""
        return -(-self.times_modulus(money) // self.modulus)

    def all_times_modulus(self, money: np.ndarray) -> np.ndarray:
        """Return M F of many amounts."""
        size = len(self.values)
        fits = max(size, *self.values) * self.modulus < WORD and money.dtype != object
        values = np.array([*self.values, self.values[0]], dtype=np.int64 if fits else object)
        places = (money if fits else python_integers(money)) % self.modulus * size
        k = places // self.modulus
        part = places - k * self.modulus
        k = k.astype(np.int64)
        return values[k] * (self.modulus - part) + values[k + 1] * part


def check_bound(proof: Proof, market: Market, pulse: Pulse, checker: str | None = None) -> None:
    """Accept the proof, or raise.

    Raises
    ------
    ProofError
        If some set may be worth more than the bound, or the body is not what it should be.
    """
    body: Any = proof.body
    if proof.problem not in ("opt", "opt-sep") or market.scaled.costs is None or type(proof.bound) is not int:
        raise ProofError("a subadditive proof is for opt or opt-sep, with costs, and has an integer bound")
    if set(body) != {"scale", "price", "modulus", "values"} or type(body["values"]) is not list:
        raise ProofError("a subadditive proof has scale, price, modulus and a list of values")
    scale, price, modulus, values = body["scale"], body["price"], body["modulus"], body["values"]
    if any(type(x) is not int or x < 0 for x in (scale, price, modulus, *values)) or not scale:
        raise ProofError("a number is not the right integer")
    if not 2 <= len(values) <= min(modulus, MOST_VALUES):
        raise ProofError("there have to be from 2 to as many values as residues")
    # F_1 is what the first M / K of money adds, and a subadditive function rises nowhere faster: F(m) <= N m.
    if values[0] or values[1] * len(values) > price * modulus:
        raise ProofError("the values begin with 0, and rise no faster than the price of money")
    if checker is None:
        checker = "reference" if market.n <= FEW_ITEMS else "arrays"
    {"reference": by_lists, "arrays": by_arrays}[checker](
        market, proof.bound, scale, price, Residues(modulus, values), pulse
    )


def by_lists(market: Market, bound: int, scale: int, price: int, function: Residues, pulse: Pulse) -> None:
    """Steps 1 to 3 in lists of Python integers."""
    values = function.values
    for j, one in enumerate(values):
        pulse()
        if any(one + two < values[(j + k) % len(values)] for k, two in enumerate(values)):
            raise ProofError("the values are not subadditive")
    money = sum(market.scaled.budgets.tolist())
    rows = zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), strict=True)
    workers = [(score, cost) for score, cost in rows if cost <= money]
    left, worth, flips = money, 0, []
    for score, cost in workers:
        q = scale * score - price * cost
        if q > 0:
            left, worth = left - cost, worth + score
        flips.append((-cost if q > 0 else cost, abs(q)))
    gap = scale * (worth - goal_of(bound, gcd(*(score for score, _ in workers)))) + price * left
    excess = sum(max(0, function.above(taken) - loss) for taken, loss in flips)
    pulse()
    flips = [(taken, loss) for taken, loss in flips if loss + function.below(left - taken) - excess <= gap]
    refuse_reached(flips, left, gap, price, function, excess, pulse)


def by_arrays(market: Market, bound: int, scale: int, price: int, function: Residues, pulse: Pulse) -> None:
    """The same over arrays."""
    fits = 2 * max(function.values) < WORD
    values = np.array(function.values, dtype=np.int64 if fits else object)
    for j in range(len(values)):
        pulse()
        if np.any(values + values[j] < np.roll(values, -j)):
            raise ProofError("the values are not subadditive")
    money = exact_sum(market.scaled.budgets)
    scores, costs = market.scaled.scores, market.scaled.needed_costs
    affordable = np.asarray(costs <= money, dtype=bool)
    if not affordable.all():
        scores, costs = scores[affordable], costs[affordable]
    q = linear_combination((scale, scores), (-price, costs))
    pulse()
    base = np.asarray(q > 0, dtype=bool)
    left = money - exact_sum(costs[base])
    goal = goal_of(bound, int(np.gcd.reduce(scores, initial=0)))
    gap = scale * (exact_sum(scores[base]) - goal) + price * left
    taken, loss = np.where(base, -costs, costs), abs(q)
    pulse()
    # Where the loss is no less than the largest value there is no excess.
    some = np.asarray(loss < max(function.values), dtype=bool)
    above = -(-function.all_times_modulus(taken[some]) // function.modulus)
    excess = exact_sum(np.maximum(above - loss[some], 0))
    pulse()
    some = np.flatnonzero(np.asarray(loss <= gap + excess, dtype=bool))
    rest = left % function.modulus - (taken[some] if function.modulus < WORD else python_integers(taken[some]))
    below = function.all_times_modulus(rest) // function.modulus
    some = some[np.asarray(loss[some] + below <= gap + excess, dtype=bool)]
    flips = list(zip(taken[some].tolist(), loss[some].tolist(), strict=True))
    refuse_reached(flips, left, gap, price, function, excess, pulse)


def goal_of(bound: int, unit: int) -> int:
    """Return the least multiple of what divides the scores above a bound; of no workers, the least number above it."""
    return (bound // unit + 1) * unit if unit else bound + 1


def refuse_reached(
    flips: list[tuple[int, int]], left: int, gap: int, price: int, function: Residues, excess: int, pulse: Pulse
) -> None:
    """Step 4: flips are pairs of money taken and loss."""
    states, listed = [(0, 0)], 0
    for taken, loss in sorted(flips, key=lambda flip: -flip[1]):
        pulse()
        states = needed(states + [(t + taken, lost + loss) for t, lost in states], price)
        states = [(t, lost) for t, lost in states if lost + function.below(left - t) - excess <= gap]
        listed += len(states)
        if listed > MOST_LISTED:
            raise ProofTooLarge("the list of flips is too long")
    if any(t <= left and lost + price * (left - t) <= gap for t, lost in states):
        raise ProofError("some set may be worth more than the bound")


def needed(states: list[tuple[int, int]], price: int) -> list[tuple[int, int]]:
    """Step 4: leave out states that another one makes needless."""
    kept: list[tuple[int, int]] = []
    for t, lost in sorted(states):
        if not kept or lost - price * t < kept[-1][1] - price * kept[-1][0]:
            kept.append((t, lost))
    return kept

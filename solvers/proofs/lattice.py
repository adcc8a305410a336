"""Proofs of kind ``lattice`` for OPT and OPT-SEP: two whole numbers say what a set is worth, and other proofs say how large they get.

Body: ``scale`` q > 0 and ``price`` p >= 0; ``kinds``, two pairs of a gain d_t > 0 and a cost b_t >= 0, or None for any cost; ``cuts``, each
a mapping of ``first`` A >= 0, ``second`` C >= 0, ``bound`` G >= 0, ``within`` W >= 0 or None, and ``kind`` and ``body`` of a proof of
OPT. Numbers are integers. The goal is the least score above the bound that is a multiple of what divides the scores. No set reaches it, because:

1. *Excess.* With ``e_i = q v_i - p c_i`` every set x that costs at most the money B has ``q v(x) <= p B + e(x)``. Who costs more than B is
   in no such set; B is rounded down to a multiple of what divides the other costs, and is no more than all of them.
2. *Counts.* Whoever has ``e_i > 0`` counts f_i times in the first kind t with ``e_i = f_i d_t``, and ``c_i = f_i b_t`` if b_t is a number;
   there has to be one. With F_t(x) for what x counts in kind t, ``e(x) <= d_1 F_1(x) + d_2 F_2(x)``.
3. *Cuts.* ``A F_1(x) + C F_2(x) <= G`` for all x, since OPT is at most G on the market in which a worker's score is A or C times what it
   counts: that is what the proof of the cut shows. With W the cut is for those x with ``F_1(x) <= W``: in that market the cost of a worker
   is what it counts in kind 1, and the money is W. Nor is F_t(x) more than all workers count.
4. *Lattice.* F_1 and F_2 are whole numbers. The goal needs ``d_1 F_1 + d_2 F_2 >= q goal - p B =: need``. For given F_1 the most that F_2 can
   be is ``(G - A F_1) // C``, the least over the cuts for it with C > 0. Where even the fraction is too little, nothing need be rounded: each
   cut without W leaves a range of F_1, and those in all ranges are gone through.

Two ways to count and to go through: `by_lists` in Python integers, to be read; `by_arrays` for markets of any size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np

from ...models.exact import exact_sum, integer_array, linear_combination
from ...models.procurement.market import Market
from .proof import Proof, ProofTooLarge, Pulse, refuse
from .proof import check_bound as check_any

__all__ = ["check_bound"]

FEW_WORKERS = 400
"""So many are checked in lists, more over arrays."""

MOST_COUNTS = 1 << 24
"""So many F_1 are gone through, at most."""

CHUNK = 1 << 16
"""So many at a time."""

WORD = 1 << 61
"""In 64 bits where no number reaches this: the sum of two fits."""

MOST_CUTS = 64
"""More cuts are refused."""

CUT_KINDS = ("tree", "dynamic")
"""Kinds of proofs that may stand in a cut: they ask for no more than that no score is negative."""

Kinds = list[tuple[int, int | None]]


@dataclass(frozen=True)
class ProvedCut:
    """A multiple of F_1 and one of F_2 are at most the bound, together, where F_1 is within so many."""

    first: int
    second: int
    bound: int
    within: int | None
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Counted:
    """Steps 1 and 2: the rounded money, what divides the scores, and how often each worker counts in either kind, a list or an array."""

    money: int
    unit: int
    first: Any
    second: Any


def check_bound(proof: Proof, market: Market, pulse: Pulse, checker: str | None = None) -> None:
    """Accept the proof, or raise.

    Raises
    ------
    ProofError
        If some counts may be worth more than the bound, a cut is not proved, or the body is not what it should be.
    """
    if proof.problem not in ("opt", "opt-sep") or market.scaled.costs is None or type(proof.bound) is not int:
        refuse("a lattice is for opt or opt-sep, with costs, and has an integer bound")
    scale, price, kinds, cuts = read(proof.body)
    if checker is None:
        checker = "reference" if market.n <= FEW_WORKERS else "arrays"
    counted, reached = {"reference": (by_lists, reached_in_loop), "arrays": (by_arrays, reached_in_arrays)}[checker]
    counts = counted(market, scale, price, kinds, pulse)
    first, second = integer_array(counts.first), integer_array(counts.second)
    for cut in cuts:
        other = market.with_scaled(scores=integer_array(linear_combination((cut.first, first), (cut.second, second))))
        if cut.within is not None:
            other = other.with_scaled(costs=first, budgets=integer_array([cut.within, *[0] * (market.m - 1)]))
        # What OPT-SEP allows OPT does too.
        check_any(Proof("opt", cut.kind, cut.bound, cut.body), other, pulse)
    goal = (proof.bound // counts.unit + 1) * counts.unit if counts.unit else proof.bound + 1
    need = scale * goal - price * counts.money
    (one, _), (two, _) = kinds
    most = exact_sum(second)
    some = in_question(one, two, need, [cut for cut in cuts if cut.within is None], exact_sum(first), most)
    if len(some) > MOST_COUNTS:
        raise ProofTooLarge("too many counts to go through")
    if reached(some, one, two, need, [cut for cut in cuts if cut.second], most, pulse):
        refuse("some counts may be worth more than the bound")


def read(body: Any) -> tuple[int, int, Kinds, list[ProvedCut]]:
    """Read scale, price, kinds and cuts."""
    if set(body) != {"scale", "price", "kinds", "cuts"}:
        refuse("a lattice has scale, price, kinds and cuts, and nothing else")
    kinds, cuts = body["kinds"], body["cuts"]
    if type(kinds) is not list or len(kinds) != 2 or any(type(pair) is not list or len(pair) != 2 for pair in kinds):
        refuse("kinds: must be two pairs")
    if type(cuts) is not list or len(cuts) > MOST_CUTS:
        refuse(f"cuts: must be a list of at most {MOST_CUTS}")
    return (
        whole(body["scale"], 1),
        whole(body["price"], 0),
        [(whole(gain, 1), None if cost is None else whole(cost, 0)) for gain, cost in kinds],
        [read_cut(cut) for cut in cuts],
    )


def read_cut(cut: Any) -> ProvedCut:
    """Read one cut."""
    if not isinstance(cut, Mapping) or set(cut) != {"first", "second", "bound", "within", "kind", "body"}:
        refuse("a cut has first, second, bound, within, kind and body")
    if cut["kind"] not in CUT_KINDS or not isinstance(cut["body"], Mapping):
        refuse(f"a cut is proved by one of {', '.join(CUT_KINDS)}")
    within = None if cut["within"] is None else whole(cut["within"], 0)
    first, second, bound = (whole(cut[name], 0) for name in ("first", "second", "bound"))
    return ProvedCut(first, second, bound, within, cut["kind"], cut["body"])


def whole(given: Any, least: int) -> int:
    """Read a whole number."""
    if type(given) is not int or given < least:
        refuse(f"{given!r}: must be a whole number, at least {least}")
    return given


def by_lists(market: Market, scale: int, price: int, kinds: Kinds, pulse: Pulse) -> Counted:
    """Steps 1 and 2 in lists of Python integers."""
    limit = money = sum(market.scaled.budgets.tolist())
    rows = list(zip(market.scaled.scores.tolist(), market.scaled.needed_costs.tolist(), strict=True))
    costs = [cost for _, cost in rows if cost <= money]
    unit = gcd(*costs)
    pulse()
    counts: list[list[int]] = [[0] * len(rows), [0] * len(rows)]
    for i, (score, cost) in enumerate(rows):
        excess = scale * score - price * cost
        if cost <= money and excess > 0:
            for own, (gain, each) in zip(counts, kinds, strict=True):
                times = excess // gain
                if times * gain == excess and (each is None or times * each == cost):
                    own[i] = times
                    break
            else:
                refuse(f"worker {i} is of neither kind")
    money = min(money // unit * unit, sum(costs)) if unit else 0
    return Counted(money, gcd(*(score for score, cost in rows if cost <= limit)), *counts)


def by_arrays(market: Market, scale: int, price: int, kinds: Kinds, pulse: Pulse) -> Counted:
    """The same over arrays."""
    money = exact_sum(market.scaled.budgets)
    scores, costs = market.scaled.scores, market.scaled.needed_costs
    excess = linear_combination((scale, scores), (-price, costs))
    affordable = np.asarray(costs <= money, dtype=bool)
    if not affordable.all():
        excess = np.where(affordable, excess, 0)
        scores, costs = np.where(affordable, scores, 0), np.where(affordable, costs, 0)
    unit = int(np.gcd.reduce(costs, initial=0))
    money = min(money // unit * unit, exact_sum(costs)) if unit else 0
    counts, left = [], np.asarray(excess > 0, dtype=bool)
    for gain, each in kinds:
        pulse()
        if gain > int(excess.max(initial=0)):
            # It is nobody's, and may be too long for the array.
            counts.append(np.zeros_like(excess))
            continue
        times = excess // gain
        own = left & np.asarray(times * gain == excess, dtype=bool)
        if each is not None:
            own &= np.asarray(linear_combination((each, times), (-1, costs)) == 0, dtype=bool)
        counts.append(np.where(own, times, 0))
        left &= ~own
    if left.any():
        refuse(f"worker {int(np.flatnonzero(left)[0])} is of neither kind")
    return Counted(money, int(np.gcd.reduce(scores, initial=0)), *counts)


def in_question(one: int, two: int, need: int, cuts: list[ProvedCut], first: int, second: int) -> range:
    """Step 4: the F_1 for which no cut alone, not rounded, leaves less than is needed."""
    # Each is a condition ``slope F_1 >= least``.
    conditions = [(one, need - two * second)]
    for cut in cuts:
        conditions += [
            (-cut.first, -cut.bound),
            (one * cut.second - two * cut.first, need * cut.second - two * cut.bound),
        ]
    low, high = 0, first
    for slope, least in conditions:
        if slope > 0:
            low = max(low, -(-least // slope))
        elif slope < 0:
            high = min(high, least // slope)
        elif least > 0:
            return range(0)
    return range(low, max(low, high + 1))


def reached_in_loop(
    some: range, one: int, two: int, need: int, cuts: list[ProvedCut], second: int, pulse: Pulse
) -> bool:
    """Step 4: whether some F_1 and the largest F_2 that goes with it are worth what is needed."""
    for count in some:
        pulse()
        own = [cut for cut in cuts if cut.within is None or count <= cut.within]
        most = min([second, *((cut.bound - cut.first * count) // cut.second for cut in own)])
        if most >= 0 and one * count + two * most >= need:
            return True
    return False


def reached_in_arrays(
    some: range, one: int, two: int, need: int, cuts: list[ProvedCut], second: int, pulse: Pulse
) -> bool:
    """The same, many at a time."""
    numbers = [one * some.stop, two, two * second, abs(need)]
    numbers += [number for cut in cuts for number in (cut.bound, cut.first * some.stop, cut.second)]
    dtype = np.int64 if max(numbers) < WORD else object
    for begin in range(0, len(some), CHUNK):
        pulse()
        part = some[begin : begin + CHUNK]
        counts = np.arange(len(part)).astype(dtype) + part[0]
        most = np.full(len(part), second, dtype=dtype)
        for cut in cuts:
            # Where nothing is left there is no F_2, which -1 stands for.
            left = np.maximum(cut.bound - cut.first * counts, -1) // cut.second
            # Counts ascend: the cut is for the first so many.
            size = len(part) if cut.within is None else min(len(part), max(0, cut.within + 1 - part[0]))
            most[:size] = np.minimum(most, left)[:size]
        if np.any((most >= 0) & (one * counts + two * most >= need)):
            return True
    return False

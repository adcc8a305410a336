"""OPT over a folder of files: a point and the bound that leaves with multipliers prove, from one pass over all rows.

Nothing of the length of the market is held but the point, a bit for each worker. A body is ``leaves``, a list in which the numbers
hired, from 0 to all places, are covered by the leaves' intervals. A leaf is a mapping:

``low``, ``high``
    It holds the sets of ``low`` to ``high`` workers.
``scale``, ``price``, ``count``, ``places``
    Multipliers: ``D > 0``, ``lam >= 0`` of money, ``nu`` of the number hired, ``mu_l >= 0`` of a place in each group.
``width``, ``rest``
    For a leaf that its multipliers do not close: a whole number, or None, and the proof (``kind``, ``bound`` and ``body``) for the
    market of the rows with ``|q_i| <= width`` (of all rows, if it is None), as `rest_market` makes it.

*Why it holds.* Let ``q_i = D v_i - lam c_i - nu - mu_g(i)``, over the rows with ``c_i <= B``: no set within the budget holds another.
A set x of the leaf has ``D v(x) = bound - loss(x)``, where

    bound = lam B + nu (high if nu > 0 else low) + sum_l mu_l K_l + sum_i max(0, q_i),

and the loss adds up lam times the money left, ``|nu|`` times the distance of ``|x|`` to the end it is priced at, ``mu_l`` times the
places left in group l, and ``|q_i|`` for every i on which x disagrees with the sign of ``q_i``. No term is negative. B is rounded down
to a multiple of what divides all costs.

1. A set better than the point is worth at least ``goal``, the next multiple of what divides all scores. Where ``bound < D goal``,
   the leaf holds none.
2. Else such a set loses at most ``gap = bound - D goal``. If ``gap <= width``, it has every row with ``q_i > width`` and none with
   ``q_i < -width``. What it has of the others is a set of the market of these rows, with the places and the money that are left:
   if there is less than none of these, there is no such set; else it is worth no more than the rows with ``q_i > width`` and the
   optimum of that small market, which has a proof of one of the other kinds.
3. A leaf that is closed by neither bounds its sets by ``bound / D``, rounded down.

*Exactness.* `limbs` computes ``q_i`` within 64 bits whatever the size of the multipliers; totals are Python integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import gcd
from typing import Any

import numpy as np

from ...models.exact import exact_sum, integer_array
from ...models.procurement.columns import NumberedIds
from ...models.procurement.folder import Folder, Rows, marked
from ...models.procurement.market import Market
from ...models.procurement.scaled import Scaled
from .arrays.instance import divisor
from .arrays.limbs import combine
from .nodes import Multipliers, NodeShape
from .proof import Proof, ProofError, ProofTooLarge, Pulse, check_bound, refuse

__all__ = ["MOST_LEAVES", "MOST_REST", "CheckedFolder", "check_folder", "rest_market"]

MOST_REST = 5_000_000
"""A leaf that leaves more rows to a rest is not looked at further."""


MOST_LEAVES = 100
"""More of them are not read: each is worked out for every row."""


@dataclass(frozen=True)
class CheckedFolder:
    """What one pass has found: the point fits, and what it and any other set is worth, in units of the folder's denominators.

    Attributes
    ----------
    value, cost : int
        Of the point.
    counts : list of int
        Workers it hires of each group.
    bound : int
        No set that fits is worth more.
    open : list of str
        Why leaves that leave a gap are not closed.
    """

    value: int
    cost: int
    counts: list[int]
    bound: int
    open: list[str]


@dataclass(frozen=True)
class _PricedLeaf:
    """One leaf as it was read."""

    low: int
    high: int
    multipliers: Multipliers
    rests: bool
    width: int | None
    rest: Mapping[str, Any]

    @property
    def offsets(self) -> list[int]:
        return [mu + self.multipliers.count for mu in self.multipliers.places[0]]


@dataclass
class _LeafTotals:
    """What is added up over rows for one leaf: gains, and the rows that are hired for sure or left to the rest."""

    gain: int = 0
    score: int = 0
    cost: int = 0
    counts: np.ndarray | None = None
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)
    rows: int = 0

    def add(self, other: _LeafTotals) -> None:
        self.gain, self.score, self.cost = self.gain + other.gain, self.score + other.score, self.cost + other.cost
        self.counts = _sum(self.counts, other.counts)
        self.rows += other.rows
        self.kept += other.kept
        if self.rows > MOST_REST:
            self.kept.clear()


@dataclass
class _FilePass:
    """What is added up over one file."""

    value: int = 0
    cost: int = 0
    counts: np.ndarray | None = None
    score_step: int = 0
    cost_step: int = 0
    leaves: list[_LeafTotals] = field(default_factory=list)


def check_folder(folder: Folder, chosen: Sequence[np.ndarray], leaves: Any, pulse: Pulse) -> CheckedFolder:
    """Check in one pass that a point fits, and say what leaves prove that no point exceeds.

    Parameters
    ----------
    folder : Folder
    chosen : sequence of ndarray of uint8
        The point: for each file a bit for each row, packed as :func:`numpy.packbits` does.
    leaves : list
    pulse : callable
        Called in the threads that read; what it raises ends the check.

    Raises
    ------
    ProofError
        If the point does not fit, and for what are no leaves.
    """
    if folder.seats_bind:
        refuse("seat limits could bind: not for this kind of proof")
    read = _read_leaves(leaves, folder)
    if len(chosen) != len(folder.files):
        refuse("point: must have bits for every file")
    for bits, size in zip(chosen, folder.sizes, strict=True):
        if not isinstance(bits, np.ndarray) or bits.dtype != np.uint8 or bits.shape != ((size + 7) // 8,):
            refuse("point: must have a bit for every row")
        if size % 8 and int(bits[-1]) & ((1 << (8 - size % 8)) - 1):
            refuse("point: has bits beyond the last row")
    total = _FilePass(leaves=[_LeafTotals() for _ in read])
    # Who reads the files needs no proofs of rests.
    priced = [replace(leaf, rest={}) for leaf in read]
    for part in folder.each_file(lambda at: partial(_pass, folder, at, chosen[at], priced), pulse):
        total.value, total.cost = total.value + part.value, total.cost + part.cost
        total.counts = _sum(total.counts, part.counts)
        total.score_step, total.cost_step = (
            gcd(total.score_step, part.score_step),
            gcd(total.cost_step, part.cost_step),
        )
        for mine, other in zip(total.leaves, part.leaves, strict=True):
            mine.add(other)
    counts = [0] * len(folder.limits) if total.counts is None else total.counts.tolist()
    if total.cost > folder.budget:
        refuse("the point costs more than the budget")
    if any(count > limit for count, limit in zip(counts, folder.limits, strict=True)):
        refuse("the point hires more of a group than the caps admit")
    bound, reasons = total.value, []
    for leaf, found in zip(read, total.leaves, strict=True):
        most, why = _bound(folder, leaf, found, total, pulse)
        bound = max(bound, most)
        reasons += [why] if why else []
    return CheckedFolder(total.value, total.cost, counts, bound, reasons)


def rest_market(
    scores: np.ndarray, costs: np.ndarray, groups: np.ndarray, limits: Sequence[int], budget: int
) -> Market:
    """Return a market of a few rows: one requester, whose caps and budget are what is left."""
    costs = integer_array(costs)
    ids = [f"g{group}" for group in range(len(limits))]
    scaled = Scaled(scores=integer_array(scores), costs=costs, bids=costs, budgets=integer_array([budget]))
    caps = np.array([min(limit, len(scores)) for limit in limits], dtype=np.int64)[:, None]
    seats = np.array([-1], dtype=np.int64)
    return Market(NumberedIds("w", len(scores)), ids, ["r1"], groups.astype(np.int64), scaled, caps, seats)


def _pass(folder: Folder, at: int, bits: np.ndarray, leaves: list[_PricedLeaf], pulse: Pulse) -> _FilePass:
    found = _FilePass(leaves=[_LeafTotals() for _ in leaves])
    for rows in folder.blocks(at):
        pulse()
        begin = rows.begin - folder.starts[at]
        here = marked(bits, begin, len(rows.scores))
        found.value += exact_sum(rows.scores[here])
        found.cost += exact_sum(rows.costs[here])
        found.counts = _sum(found.counts, np.bincount(rows.groups[here], minlength=len(folder.limits)))
        if len(rows.costs) and int(rows.costs.max()) > folder.budget:
            fits = rows.costs <= folder.budget
            rows = Rows(rows.begin, rows.scores[fits], rows.costs[fits], rows.groups[fits])
        found.score_step = _divisor(found.score_step, rows.scores)
        found.cost_step = _divisor(found.cost_step, rows.costs)
        for leaf, totals in zip(leaves, found.leaves, strict=True):
            _add_rows(totals, leaf, rows)
    return found


def _divisor(known: int, values: np.ndarray) -> int:
    return known if known == 1 else gcd(known, divisor(values))


def _add_rows(totals: _LeafTotals, leaf: _PricedLeaf, rows: Rows) -> None:
    m = leaf.multipliers
    margins = combine(rows.scores, rows.costs, rows.groups, m.scale, m.money[0], leaf.offsets)
    totals.gain += margins.positive_total()
    if not leaf.rests or totals.rows > MOST_REST:
        return
    if leaf.width is None:
        kept = np.arange(len(rows.scores))
    else:
        sure = margins.above(leaf.width)
        kept = np.flatnonzero(margins.above(-leaf.width - 1) & ~sure)
        hired = np.flatnonzero(sure)
        totals.score += exact_sum(rows.scores[hired])
        totals.cost += exact_sum(rows.costs[hired])
        totals.counts = _sum(totals.counts, np.bincount(rows.groups[hired], minlength=len(leaf.offsets)))
    totals.rows += len(kept)
    if len(kept):
        totals.kept.append((rows.scores[kept], rows.costs[kept], rows.groups[kept]))


def _bound(
    folder: Folder, leaf: _PricedLeaf, found: _LeafTotals, total: _FilePass, pulse: Pulse
) -> tuple[int, str | None]:
    """Return what no set of a leaf exceeds, and why it is not closed if it is not."""
    m, value, step = leaf.multipliers, total.value, total.score_step or 1
    budget = folder.budget // total.cost_step * total.cost_step if total.cost_step else 0
    bound = m.money[0] * budget + m.count * (leaf.high if m.count > 0 else leaf.low) + found.gain
    bound += sum(mu * limit for mu, limit in zip(m.places[0], folder.limits, strict=True))
    gap = bound - m.scale * (value // step + 1) * step
    most = max(value, bound // m.scale // step * step)
    if gap < 0:
        return value, None
    if not leaf.rests:
        return most, "the multipliers leave a gap"
    if leaf.width is not None and gap > leaf.width:
        return most, f"the gap is {gap}, wider than {leaf.width}"
    if found.rows > MOST_REST:
        return most, f"more than {MOST_REST:,} rows are left to the rest"
    counts = [0] * len(folder.limits) if found.counts is None else found.counts.tolist()
    limits = [limit - count for limit, count in zip(folder.limits, counts, strict=True)]
    money = folder.budget - found.cost
    if money < 0 or min(limits, default=0) < 0:
        return value, None
    scores, costs, groups = (
        np.concatenate([np.zeros(0, dtype=np.int64), *(part[k] for part in found.kept)]) for k in range(3)
    )
    market = rest_market(scores, costs, groups, limits, money)
    bound = leaf.rest["bound"]
    if type(bound) is not int:
        refuse("rest: its bound must be a whole number")
    try:
        check_bound(Proof("opt", leaf.rest["kind"], bound, leaf.rest["body"]), market, pulse)
    except ProofError as error:
        return most, f"the rest: {error}"
    whole = bound + found.score
    return (value, None) if whole <= value else (min(most, whole), "the rest may hold something better")


def _read_leaves(given: Any, folder: Folder) -> list[_PricedLeaf]:
    """Read the leaves, and see that no number hired is left out."""
    if not isinstance(given, list | tuple):
        refuse("leaves: must be a list")
    if len(given) > MOST_LEAVES:
        raise ProofTooLarge(f"leaves: more than {MOST_LEAVES}")
    leaves = sorted((_read_leaf(leaf, folder) for leaf in given), key=lambda leaf: leaf.low)
    covered = -1
    for leaf in leaves:
        if leaf.low > covered + 1:
            break
        covered = max(covered, leaf.high)
    if covered < min(folder.n, sum(folder.limits)):
        refuse(f"leaves: none holds the sets of {covered + 1} workers")
    return leaves


def _read_leaf(given: Any, folder: Folder) -> _PricedLeaf:
    fields = {"low", "high", "scale", "price", "count", "places"}
    if (
        not isinstance(given, Mapping)
        or set(given) - {"width", "rest"} != fields
        or ("rest" in given) != ("width" in given)
    ):
        refuse("a leaf has low, high, scale, price, count and places, and may have width and rest")
    multipliers = Multipliers.read(
        {
            "scale": given["scale"],
            "count": given["count"],
            "money": [given["price"]],
            "levels": [],
            "places": [given["places"]],
        },
        NodeShape(folder.n, 1, 0, len(folder.limits)),
    )
    low, high, width, rest = given["low"], given["high"], given.get("width"), given.get("rest", {})
    if type(low) is not int or type(high) is not int or low < 0:
        refuse("low and high: must be whole numbers")
    if width is not None and (type(width) is not int or width < 0):
        refuse("width: must be a whole number, or none")
    if (
        not isinstance(rest, Mapping)
        or (rest and set(rest) != {"kind", "bound", "body"})
        or (not rest and "rest" in given)
    ):
        refuse("rest: has a kind, a bound and a body")
    return _PricedLeaf(low, high, multipliers, bool(rest), width, rest)


def _sum(one: np.ndarray | None, two: np.ndarray | None) -> np.ndarray | None:
    return two if one is None else one if two is None else one + two

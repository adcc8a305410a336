"""The dear items first: a leaf in which many items together are worth less than the gap.

Where numbers of two magnitudes meet, the few dear items on the margin make the gap, and the many cheap ones (the *dust*)
are all open although none of them matters much.  By the identity of `relaxation`, with no price on the total count, the
loss of a set splits into ``|q_i|`` for every dear item on which it disagrees with its sign, what the dust of each group
and its unused places lose, and ``N`` times the money left.  Given how many places the dear items leave in a group, the
second part is at least that of the best dust for so many places; the third is at least ``N`` times what is left after
all dust has been bought.  So every choice of dear items of which a better set may be part is listed by this lower
bound: group by group, in two halves, joined by money.  There are few, and what is left of each is a pooled problem of
dust alone, bounded and if need be solved exactly.

Floating point is used to list, with room for its errors; whatever is kept is bounded again in integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..control import Control
from .dual import Grouped
from .enumeration import ROUNDING_SLACK
from .leaf import (
    FIRST_ROUNDS,
    FIRST_STATES,
    Incumbent,
    Leaf,
    open_leaf,
    search_leaf,
)
from .problem import PooledProblem

DUST_SHARE = 4
"""Dust is together worth at most the loss that is looked at, divided by this."""

COST_JUMP = 16.0
"""The cheapest dear item is worth at least so many times the dearest cheap one; more than 1."""

SHARES = (16, 8, 4, 2, 1)
"""Choices that lose at most the gap divided by these are listed one after the other."""

LEAST_DUST, MOST_DEAR = 60, 600
"""With fewer cheap items, or more dear ones, on the margin, nothing is listed."""

MOST_DEAR_STATES = 1_000_000
"""Choices of dear items in a group, or in half of the groups."""

MOST_DEAR_CHOICES = 1000
"""Choices of dear items that are listed in the end; each takes a dual of the dust, and some a search."""

MOST_DEAR_PAIRS = 20_000_000
"""Pairs of halves that are looked at."""

LARGEST_BITS = 900
"""Worths and bounds with more bits are not turned into floating point."""


@dataclass(frozen=True)
class _DearStates:
    """Choices of dear items: money they cost beyond the base's, loss, and flips of each group as bits."""

    money: NDArray[np.float64]
    loss: NDArray[np.float64]
    flips: NDArray[np.int64]

    def only(self, keep: NDArray) -> _DearStates:
        return _DearStates(self.money[keep], self.loss[keep], self.flips[keep])


def decide_dear(
    leaf: Leaf,
    incumbent: Incumbent,
    solve: Callable[[PooledProblem], tuple[NDArray, bool]],
    control: Control,
) -> None:
    """Search a leaf by its dear items.

    Sets ``leaf.closed`` if nothing in the leaf is better than the incumbent, which it improves.  A leaf without a clear
    division into dear and cheap, or whose interval of counts excludes anything, is left alone.

    Parameters
    ----------
    leaf : Leaf
    incumbent : Incumbent
    solve : callable
        Best set of a smaller problem, and whether it is proved.
    control : Control
        Looked at for every choice of dear items.

    Raises
    ------
    Stopped
        When time is up; the incumbent is the best set found.
    """
    m, problem = leaf.multipliers, leaf.problem
    sizes = np.bincount(problem.groups, minlength=len(problem.limits)).tolist()
    most = sum(min(k, size) for k, size in zip(problem.limits, sizes, strict=True))
    # The splitting of the loss below has no term for the number chosen.
    if m.count != 0 or m.low > 0 or m.high < most:
        return
    if leaf.gap(incumbent) < 0 or not problem.n:
        return
    largest = m.scale * int(problem.scores.max()) + m.price * int(problem.costs.max()) + max(m.limits)
    if max(largest, leaf.bound, int(problem.costs.max()), abs(problem.budget)).bit_length() > LARGEST_BITS:
        return
    worth = problem.scores.astype(np.float64) * float(m.scale) + problem.costs.astype(np.float64) * float(m.price)
    losses = np.abs(leaf.reduced).astype(np.float64)
    border = _border(worth, losses, float(leaf.gap(incumbent)), problem.n)
    if border is None:
        return
    _begin(leaf, incumbent, worth, border, control)
    # Small losses first: what they find lowers the gap, and with it all that would be listed after them.
    for share in SHARES:
        control.check()
        gap = leaf.gap(incumbent)
        if gap < 0:
            leaf.closed = True
            return
        limit = float(gap) / share * (1 + ROUNDING_SLACK)
        border = _border(worth, losses, limit, MOST_DEAR)
        if border is None:
            continue
        search = _DearChoices(leaf, incumbent, worth <= border, losses, limit)
        choices = search.listed()
        if choices is None:
            return
        if search.finish(choices, solve, control) and float(leaf.gap(incumbent)) * (1 + ROUNDING_SLACK) <= limit:
            leaf.base = leaf.reduced > 0
            leaf.closed = True
            return


def _border(worth: NDArray, losses: NDArray, limit: float, most: int) -> float | None:
    """Return the worth (scaled) up to which items open at `limit` count as dust; None if there is no clear division."""
    if limit < 0:
        return None
    opened = np.sort(worth[losses <= limit])
    size = int(np.searchsorted(np.cumsum(opened), limit / DUST_SHARE, side="right"))
    jumps = opened[LEAST_DUST : size + 1] / np.maximum(opened[LEAST_DUST - 1 : size][: len(opened) - LEAST_DUST], 1.0)
    if not len(jumps) or jumps.max() < COST_JUMP:
        return None
    size = LEAST_DUST + int(np.argmax(jumps))
    return float(opened[size - 1]) if len(opened) - size <= most else None


def _begin(leaf: Leaf, incumbent: Incumbent, worth: NDArray, border: float, control: Control) -> None:
    """Offer the best set of dear items that a short search finds, with the best cheap ones it leaves room for."""
    problem = leaf.problem
    whole = np.zeros(problem.n, dtype=bool)
    for part in (np.flatnonzero(worth > border), np.flatnonzero(worth <= border)):
        counts = np.bincount(problem.groups[whole], minlength=len(problem.limits)).tolist()
        places = tuple(k - c for k, c in zip(problem.limits, counts, strict=True))
        money = problem.budget - problem.cost(whole)
        part = part[problem.costs[part] <= money]
        if len(part):
            smaller = _part(problem, part, places, money)
            inner, items = Incumbent(np.zeros(len(part), dtype=bool), 0, incumbent.step), Grouped.of(smaller)
            search_leaf(
                open_leaf(smaller, items, 0, len(part), inner),
                items,
                inner,
                FIRST_STATES,
                FIRST_ROUNDS,
                control,
            )
            whole[part[inner.chosen]] = True
    incumbent.offer(problem, whole)


def _part(problem: PooledProblem, index: NDArray, places: tuple[int, ...], money: int) -> PooledProblem:
    return PooledProblem.of(problem.scores[index], problem.costs[index], problem.groups[index], places, money)


class _DearChoices:
    """The open items of a leaf, dear and cheap, and what is decided."""

    def __init__(self, leaf: Leaf, incumbent: Incumbent, cheap: NDArray[np.bool_], losses: NDArray, limit: float):
        self.leaf, self.problem, self.incumbent = leaf, leaf.problem, incumbent
        self.limit = limit
        opened = losses <= limit
        self.losses = losses
        self.dust = np.flatnonzero(opened & cheap)
        self.base = leaf.reduced > 0
        self.base[self.dust] = False
        dear = np.flatnonzero(opened & ~cheap)
        problem = self.problem
        self.by_group = [dear[problem.groups[dear] == g] for g in range(len(problem.limits))]
        counts = np.bincount(problem.groups[self.base], minlength=len(problem.limits)).tolist()
        self.places = [k - c for k, c in zip(problem.limits, counts, strict=True)]
        self.money = problem.budget - problem.cost(self.base)
        self.spent = float(problem.costs[self.dust].astype(np.float64).sum())
        # Room for the errors in sums of money.
        self.blur = ROUNDING_SLACK * (
            abs(self.money) + self.spent + float(problem.costs[dear].astype(np.float64).sum())
        )

    def listed(self) -> list[tuple[float, list[int]]] | None:
        """Return the choices a better set may be part of, as least loss and flips; None if there are too many."""
        if min(self.places, default=0) < 0:
            return []
        active = [g for g, dear in enumerate(self.by_group) if len(dear)]
        forced = sum(self._dust_loss(g, np.array([p]))[0] for g, p in enumerate(self.places) if g not in active)
        parts: list[_DearStates] = []
        for g in active:
            states = self._group(g)
            if states is None:
                return None
            parts.append(states)
        # The larger first, dealt out in turns.
        order = sorted(range(len(active)), key=lambda k: -len(parts[k].loss))
        self.active, self.parts, self.sides = active, parts, (order[::2], order[1::2])
        one, two = (self._joined([parts[k] for k in side], forced) for side in self.sides)
        return None if one is None or two is None else self._pairs(one, two, forced)

    def _dust_loss(self, group: int, places: NDArray) -> NDArray[np.float64]:
        """Return what the dust of a group and its unused places lose at least, for each number of places."""
        dust = self.dust[self.problem.groups[self.dust] == group]
        mu = self.leaf.multipliers.limits[group]
        gains = np.maximum(0.0, np.array([float(q + mu) for q in self.leaf.reduced[dust].tolist()]))
        tops = np.concatenate([[0.0], np.cumsum(-np.sort(-gains))])
        positive = float(self.losses[dust[self.leaf.reduced[dust] > 0]].sum())
        used = tops[np.minimum(places, len(dust))]
        rounding = ROUNDING_SLACK * (positive + float(mu) * np.abs(places) + used)
        return np.maximum(0.0, positive + float(mu) * places - used - rounding)

    def _group(self, group: int) -> _DearStates | None:
        """Return the choices of a group's dear items that lose no more than the gap."""
        dear = self.by_group[group]
        if len(dear) > 62:
            return None
        sign = np.where(self.base[dear], -1, 1)
        costs = self.problem.costs[dear].astype(np.float64)
        states = _DearStates(np.zeros(1), np.zeros(1), np.zeros(1, dtype=np.int64))
        more = np.zeros(1, dtype=np.int64)
        order = np.argsort(self.losses[dear], kind="stable").tolist()
        for k in order:
            loss = states.loss + self.losses[dear[k]]
            keep = loss <= self.limit
            states = _DearStates(
                np.concatenate([states.money, states.money[keep] + sign[k] * costs[k]]),
                np.concatenate([states.loss, loss[keep]]),
                np.concatenate([states.flips, states.flips[keep] | (1 << k)]),
            )
            more = np.concatenate([more, more[keep] + sign[k]])
            if len(more) > MOST_DEAR_STATES:
                return None
        places = self.places[group] - more
        fits = places >= 0
        states, places = states.only(fits), places[fits]
        levels, which = np.unique(places, return_inverse=True)
        loss = states.loss + self._dust_loss(group, levels)[which] if len(levels) else states.loss
        return _DearStates(states.money, loss, states.flips).only(loss <= self.limit)

    def _joined(self, parts: list[_DearStates], forced: float) -> _DearStates | None:
        """Return the sums of one state of each part; the bits are the positions in the parts, mixed."""
        sums = _DearStates(np.zeros(1), np.zeros(1), np.zeros(1, dtype=np.int64))
        base = 1
        for part in parts:
            if base * max(1, len(part.loss)) >= 1 << 62:
                return None
            if not len(part.loss):
                return sums.only(np.zeros(0, dtype=np.int64))
            ranked = np.argsort(part.loss, kind="stable")
            ends = np.searchsorted(part.loss[ranked], self.limit - forced - sums.loss, side="right")
            if int(ends.sum()) > MOST_DEAR_STATES:
                return None
            first = np.repeat(np.arange(len(ends)), ends)
            second = ranked[np.arange(len(first)) - np.repeat(np.cumsum(ends) - ends, ends)]
            sums = _DearStates(
                sums.money[first] + part.money[second],
                sums.loss[first] + part.loss[second],
                sums.flips[first] + base * second,
            )
            base *= len(part.loss)
        return sums

    def _pairs(self, one: _DearStates, two: _DearStates, forced: float) -> list[tuple[float, list[int]]] | None:
        """Join the halves where the money suffices and not too much of it is left."""
        price = float(self.leaf.multipliers.price)
        two = two.only(np.argsort(two.money, kind="stable"))
        left = float(self.money) - one.money
        width = self.spent + (self.limit - forced - one.loss) / price if price > 0 else np.full(len(left), np.inf)
        begin = np.searchsorted(two.money, left - width - self.blur, side="left")
        end = np.searchsorted(two.money, left + self.blur, side="right")
        sizes = np.maximum(0, end - begin)
        if int(sizes.sum()) > MOST_DEAR_PAIRS:
            return None
        found: list[tuple[float, list[int]]] = []
        chunk = max(1, len(sizes) // max(1, int(sizes.sum()) // 1_000_000))
        for start in range(0, len(sizes), chunk):
            size = sizes[start : start + chunk]
            first = np.repeat(np.arange(start, start + len(size)), size)
            offset = np.arange(len(first)) - np.repeat(np.cumsum(size) - size, size)
            second = begin[first] + offset
            idle = np.maximum(0.0, left[first] - two.money[second] - self.spent - self.blur)
            loss = forced + one.loss[first] + two.loss[second] + price * idle
            keep = np.flatnonzero(loss <= self.limit)
            if len(found) + len(keep) > MOST_DEAR_CHOICES:
                return None
            found += [
                (x, self._flips(a, b))
                for x, a, b in zip(
                    loss[keep].tolist(),
                    one.flips[first[keep]].tolist(),
                    two.flips[second[keep]].tolist(),
                    strict=True,
                )
            ]
        return found

    def _flips(self, one: int, two: int) -> list[int]:
        """Return the dear items of a pair on which it differs from the base."""
        items: list[int] = []
        for side, code in zip(self.sides, (one, two), strict=True):
            for k in side:
                code, position = divmod(code, len(self.parts[k].loss))
                bits = int(self.parts[k].flips[position])
                dear = self.by_group[self.active[k]]
                items += [int(dear[j]) for j in range(len(dear)) if bits >> j & 1]
        return items

    def finish(
        self,
        choices: list[tuple[float, list[int]]],
        solve: Callable[[PooledProblem], tuple[NDArray, bool]],
        control: Control,
    ) -> bool:
        """Fill every choice with the best dust, most promising first; return whether all that may be better was."""
        problem, incumbent = self.problem, self.incumbent
        complete = True
        for loss, flips in sorted(choices):
            if loss > float(self.leaf.gap(incumbent)) * (1 + ROUNDING_SLACK):
                break
            control.check()
            whole = self.base.copy()
            whole[flips] ^= True
            money = problem.budget - problem.cost(whole)
            counts = np.bincount(problem.groups[whole], minlength=len(problem.limits)).tolist()
            places = tuple(k - c for k, c in zip(problem.limits, counts, strict=True))
            if money < 0 or min(places) < 0:
                continue
            dust = self.dust[problem.costs[self.dust] <= money]
            if len(dust):
                part = _part(problem, dust, places, money)
                value = incumbent.value - problem.value(whole)
                inner = Incumbent(np.zeros(part.n, dtype=bool), value, incumbent.step)
                if open_leaf(part, Grouped.of(part), 0, part.n, inner).gap(inner) < 0 and inner.value == value:
                    continue
                best, proved = solve(part)
                complete = complete and proved
                whole[dust[best]] = True
            incumbent.offer(problem, whole)
        return complete

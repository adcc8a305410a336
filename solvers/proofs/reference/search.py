"""The least that a purse loses in a node, over all ways to decide otherwise what is open. Steps go on from `narrow`.

10. *Flips.* The base hires whoever is hired for sure or at a gain (see `narrow.flip_of`). Any other point of the node differs from it by
    flips: workers taken in or out, each at its loss. The purse's loss of a point is at least

        lam_k (money left) + sum over limits of price * (empty places) + |nu| |end - N| + sum of the losses of its flips,

    and it keeps the money and the limits. The least of this over all sets of flips, whatever they make of other purses, is `least_loss`
    (anything above the gap counts as gap + 1: there is nothing better either way). If the purses' least losses add up to more than
    the gap, no point of the node is better. With several purses the number hired is left out of account: its term is not negative.
11. *Steps.* Equal flips (same group, direction, cost and loss) differ by how many there are of them alone: they are bundled into 1, 2, 4,
    ... copies. Limit by limit come the bundles of its groups, then the limit is *closed*: the places taken up so far, `count`, may not
    exceed its room, and each empty one is paid for. Limits on all groups so far go on counting, a group's own begins anew. Where
    neither price nor room can matter no count is kept, and where no number hired can break or be priced, none of that.
12. *Combinations.* `combine` lists, by count and number hired, (cost, loss) of every combination of steps that loses at most the gap.
    As money left is lost at ``lam_k`` a unit, a combination gains ``lam_k cost - loss``; one that is dearer and gains no more than
    another with the same count and number is left out. The steps are cut into two halves, and each combination of the first takes
    the one of the second that gains most among those it leaves the money for: the dearest.
13. *Plenty.* In a group with a limit of its own and a price on its places, workers of one kind that cost nothing to flip, cost ``c``
    each, take whatever places the others leave: that makes ``room`` of them less the other flips and less the empty places. So
    ``c room`` is spent beforehand, another flip costs ``c`` less (more if it is taken out), an empty place gives ``c`` back at the
    price of a place, and no count is kept. No point leaves more places empty than the ``room`` that the base leaves and those whom it
    hires and the point does not (`empty_at_most`). Nothing checks that there are so many of the kind, or that there is room for the
    other flips: this allows more points than there are, which a bound may. Where it allows too many, everything is done again without.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from ..nodes import Multipliers, Node
from ..walk import Work
from .bound import limits
from .instance import Instance
from .narrow import Flip

__all__ = ["Search"]

PLENTY = 16
"""So many workers of one kind that cost nothing to flip are worth step 13."""


@dataclass(frozen=True)
class Bundle:
    """Step 11: so many equal flips at once, or not."""

    loss: int
    cost: int
    count: int
    number: int


@dataclass(frozen=True)
class Closing:
    """Step 11: a limit is full or pays for its empty places."""

    price: int
    room: int


@dataclass(frozen=True)
class FlipKind:
    """Equal flips: direction 1 in, -1 out."""

    group: int
    direction: int
    cost: int
    loss: int


@dataclass(frozen=True)
class Plan:
    """The steps, the money before any of them, and how many are hired then; whether the number hired is kept."""

    steps: list[Bundle | Closing]
    half: int
    money: int
    hired: int
    numbered: bool
    relaxed: bool


Table = dict[tuple[int, int], list[tuple[int, int]]]
"""By count and change of the number hired: (cost, loss) of combinations, cheapest first, each gaining more than the one before."""


class Search:
    """Finds least losses, as far as there is work to spare."""

    def __init__(self, instance: Instance, work: Work):
        self.instance, self.work = instance, work

    def least_loss(self, node: Node, k: int, flips: list[Flip], gap: int) -> int:
        """Step 10: what purse ``k`` loses at least, gap + 1 if it is more."""
        m = node.multipliers
        assert m is not None
        for plenty in (True, False):
            plan = self.plan(node, k, flips, gap, m, plenty=plenty)
            least = self.least_of(plan, node, k, gap, m)
            if least > gap or not plan.relaxed:
                break
        return least

    def plan(self, node: Node, k: int, flips: list[Flip], gap: int, m: Multipliers, *, plenty: bool) -> Plan:
        """Steps 11 and 13."""
        instance, nested = self.instance, self.instance.nested[k]
        # The sum of best choices is the point that loses nothing; bundles then flip away from it, in or out.
        base = instance.hire(node, k, [flip.worker for flip in flips if flip.hired])
        money, hired = base.money[k], sum(base.held[k])
        falls = sum(flip.hired for flip in flips)
        rises = len(flips) - falls
        kinds = self.kinds(flips)
        all_limits = limits(instance, base, k, m.places[k])
        own = [{kind: copies for kind, copies in kinds.items() if kind.group in groups} for groups, _, _ in all_limits]
        rising = [sum(copies for kind, copies in mine.items() if kind.direction == 1) for mine in own]
        taken_at_most = [rises] * len(own) if nested else rising
        closes = [price > 0 or room < most for (_, price, room), most in zip(all_limits, taken_at_most, strict=True)]
        # The limits alone keep the number hired from rising further than this; of nested ones the last is on all groups.
        kept = [min(most, room) for (_, _, room), most in zip(all_limits, taken_at_most, strict=True)]
        highest = hired + (kept[-1] if nested else sum(kept))
        # The number hired is carried along only where it has a price or could leave what the node allows.
        within = hired - falls >= node.low and highest <= node.high
        numbered = len(instance.purses) == 1 and (m.count != 0 or not within)
        steps: list[Bundle | Closing] = []
        ends, relaxed = [0], False
        for at, (_, price, room) in enumerate(all_limits):
            plentiful = self.plentiful(own[at]) if plenty and price > 0 and not nested else None
            # A plentiful kind that loses nothing is let fill every place; an empty one is a bundle that gives its cost back, and
            # nobody is counted.
            if plentiful is not None:
                relaxed = True
                for kind, copies in own[at].items():
                    steps += bundles(kind.loss, kind.direction * (kind.cost - plentiful.cost), 0, 0, copies, gap)
                steps += bundles(price, -plentiful.cost, 0, -int(numbered), empty_at_most(room, own[at]), gap)
                money, hired = money - plentiful.cost * room, hired + room
            else:
                counted = any(closes[at:]) if nested else closes[at]
                for kind, copies in own[at].items():
                    sign = kind.direction
                    steps += bundles(kind.loss, sign * kind.cost, sign * counted, sign * numbered, copies, gap)
                steps += [Closing(price, room)] if closes[at] else []
            ends.append(len(steps))
        return Plan(steps, half_of(len(steps), ends), money, hired, numbered, relaxed)

    def kinds(self, flips: list[Flip]) -> dict[FlipKind, int]:
        """Step 11: the flips, equal ones counted; those that lose most come first, since few others combine with them."""
        groups, costs = self.instance.groups, self.instance.costs
        counted = Counter(
            FlipKind(groups[flip.worker], -1 if flip.hired else 1, costs[flip.worker], flip.loss) for flip in flips
        )
        return dict(sorted(counted.items(), key=lambda item: item[0].loss, reverse=True))

    @staticmethod
    def plentiful(kinds: dict[FlipKind, int]) -> FlipKind | None:
        """Step 13: a kind of which there are plenty, if there is one."""
        return next((kind for kind, copies in kinds.items() if kind.loss == 0 and copies >= PLENTY), None)

    def least_of(self, plan: Plan, node: Node, k: int, gap: int, m: Multipliers) -> int:
        """Step 12: the least loss of all combinations of a plan's steps."""
        price, nested, least = m.money[k], self.instance.nested[k], gap + 1
        first, second = plan.steps[: plan.half], plan.steps[plan.half :]
        for key, ones in self.combine(first, (0, 0), price, gap, nested=nested).items():
            for (_, change), others in self.combine(second, key, price, gap, nested=nested).items():
                number = plan.hired + change
                if plan.numbered and not node.low <= number <= node.high:
                    continue
                away = max(m.count * (node.high - number), m.count * (node.low - number)) if plan.numbered else 0
                costs = [cost for cost, _ in others]
                for cost, loss in ones:
                    dearest = bisect_right(costs, plan.money - cost) - 1
                    if dearest >= 0:
                        more_cost, more_loss = others[dearest]
                        left = price * (plan.money - cost - more_cost)
                        least = min(least, left + loss + more_loss + away)
        return least

    def combine(
        self, steps: list[Bundle | Closing], start: tuple[int, int], price: int, gap: int, *, nested: bool
    ) -> Table:
        """Step 12: all combinations of steps, from a count and a change of the number hired."""
        table: Table = {start: [(0, 0)]}
        for step in steps:
            found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
            for key, states in table.items():
                outcomes = (
                    closed(step, key, states, nested=nested)
                    if isinstance(step, Closing)
                    else flipped(step, key, states)
                )
                for after, more in outcomes:
                    found[after] += [(cost, loss) for cost, loss in more if loss <= gap]
            table = {key: needed(states, price) for key, states in found.items() if states}
            self.work.list(sum(map(len, table.values())))
        return table


Outcomes = Iterator[tuple[tuple[int, int], list[tuple[int, int]]]]


def flipped(step: Bundle, key: tuple[int, int], states: list[tuple[int, int]]) -> Outcomes:
    """Step 12: a bundle is flipped or it is not."""
    count, change = key
    yield key, states
    yield (count + step.count, change + step.number), [(cost + step.cost, loss + step.loss) for cost, loss in states]


def closed(step: Closing, key: tuple[int, int], states: list[tuple[int, int]], *, nested: bool) -> Outcomes:
    """Step 12: a limit is kept, and its empty places are paid for."""
    count, change = key
    if count <= step.room:
        empty = step.price * (step.room - count)
        yield (count if nested else 0, change), [(cost, loss + empty) for cost, loss in states]


def needed(states: list[tuple[int, int]], price: int) -> list[tuple[int, int]]:
    """Step 12: leave out what a cheaper combination makes needless."""
    kept: list[tuple[int, int]] = []
    most: int | None = None
    for cost, loss in sorted(states):
        gain = price * cost - loss
        if most is None or gain > most:
            kept.append((cost, loss))
            most = gain
    return kept


def bundles(loss: int, cost: int, count: int, number: int, copies: int, gap: int) -> list[Bundle | Closing]:
    """Step 11: bundles that add up to any number of copies, up to so many as the gap allows."""
    most = min(copies, gap // loss) if loss else copies
    found: list[Bundle | Closing] = []
    size = 1
    while most > 0:
        size = min(size, most)
        found.append(Bundle(loss * size, cost * size, count * size, number * size))
        most -= size
        size *= 2
    return found


def empty_at_most(room: int, kinds: dict[FlipKind, int]) -> int:
    """Step 13: the most places of a limit that a point leaves empty, reached where it takes out whom it may and nobody in."""
    return room + sum(copies for kind, copies in kinds.items() if kind.direction == -1)


def half_of(size: int, ends: list[int]) -> int:
    """Step 12: where the steps are cut: after a limit near the middle, where few counts are kept, else in the middle."""
    middle = size // 2
    end = min(ends, key=lambda at: abs(at - middle))
    return end if abs(end - middle) <= middle // 2 else middle

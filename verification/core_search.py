"""The search within a leaf's core, the second half of the checker of certificates; see :mod:`.check_certificate`.

Plain Python integers, nothing from the solvers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from math import gcd

from ..models.market import Market

Ends = tuple[int, int]
"""Smallest and largest number of workers in a leaf."""


class CertificateError(ValueError):
    """The certificate does not prove what it claims; the message says why."""


def require(condition: bool, message: str) -> None:
    """Raise :class:`CertificateError` unless the condition holds."""
    if not condition:
        raise CertificateError(message)


@dataclass(frozen=True)
class Instance:
    """The pooled problem: workers who can be afforded at all, and the money that their costs can add up to."""

    scores: list[int]
    costs: list[int]
    groups: list[int]
    totals: list[int]
    caps: list[list[int]]
    seats: list[int]
    budget: int

    @staticmethod
    def of(market: Market, problem: str) -> Instance:
        """Pool a market's budgets; with separate ones no requester can hire above the largest."""
        scores, groups, budgets = market.scores.tolist(), market.group_of.tolist(), market.budgets.tolist()
        costs = market.costs.tolist() if market.costs is not None and problem != "orp" else [0] * market.n
        purses = budgets if problem == "opt-sep" else [sum(budgets)]
        if problem != "orp" and max(costs, default=0) > max(purses, default=0):
            kept = [i for i, c in enumerate(costs) if c <= max(purses, default=0)]
            scores, costs, groups = ([column[i] for i in kept] for column in (scores, costs, groups))
        step = gcd(*costs)
        budget = sum(b // step * step for b in purses) if step else 0
        totals = market.group_totals.tolist()
        seats = market.seats.tolist() if market.seats_bind else []
        return Instance(scores, costs, groups, totals, market.caps.tolist(), seats, budget)

    def places(self, mu: list[int]) -> int:
        """Bound ``sum_l mu_l * hired in l`` from above."""
        if not self.seats:
            return sum(x * k for x, k in zip(mu, self.totals, strict=True))
        total = 0
        dearest: list[int] = []
        order = sorted(range(len(mu)), key=lambda g: -mu[g])
        for g, following in zip(order, [*order[1:], None], strict=True):
            dearest.append(g)
            room = sum(min(s, sum(self.caps[h][j] for h in dearest)) for j, s in enumerate(self.seats))
            least = 0 if following is None else mu[following]
            total += (mu[g] - least) * min(room, sum(self.totals[h] for h in dearest))
        return total


MOST_STATES = 20_000_000
"""A search that needs more is refused: the certificate should have had more leaves."""

PLENTY = 16
"""So many equal workers make up for any change of their group's count."""

FREE = -1
"""Stands for all groups whose places the core cannot use up."""

State = tuple[int, int]
"""Change of the total cost, and loss so far."""

Table = dict[int, list[State]]
"""States by the count that is still to be checked."""


class Search:
    """Every way to flip workers of the core with a loss within the gap: two halves, group by group, then joined."""

    def __init__(self, instance: Instance, q: list[int], mu: list[int], price: int, nu: int, ends: Ends, gap: int):
        groups, costs, room = instance.groups, instance.costs, list(instance.totals)
        uses = [1] * len(groups)
        if instance.seats:
            # Places are then not a group's own: a relaxation makes all groups one, where a worker takes up mu_g.
            require(nu == 0, "a search under seat limits cannot price the count")
            room, ends = [instance.places(mu)], (0, len(groups))
            uses, groups, mu = [mu[g] for g in groups], [0] * len(groups), [1]
        taken = [i for i, x in enumerate(q) if x > 0]
        core = [i for i, x in enumerate(q) if abs(x) <= gap]
        rises, zeros = [0] * len(mu), Counter[tuple[int, int]]()
        for i in taken:
            room[groups[i]] -= uses[i]
        for i in core:
            rises[groups[i]] += uses[i] if q[i] <= 0 else 0
            zeros[groups[i], costs[i]] += q[i] == 0
        self.gap, self.price, self.nu, self.mu, self.room, self.core, self.states = (
            gap,
            price,
            nu,
            mu,
            room,
            len(core),
            0,
        )
        self.money = instance.budget - sum(costs[i] for i in taken)
        self.low, self.high = ends[0] - len(taken), ends[1] - len(taken)
        falls = sum(q[i] > 0 for i in core)
        self.total = nu != 0 or -falls < self.low or len(core) - falls > self.high
        # In a group with many workers of one cost and q = 0 these make up for every change of the count (a relaxation):
        # the others enter net of that cost, and a place left empty is a flip that gives it back.
        plentiful = {g: c for (g, c), copies in zeros.items() if copies >= PLENTY and mu[g] > 0 and not instance.seats}
        kinds = Counter[tuple[int, int, int, int]]()
        for i in core:
            g, sign = groups[i], -1 if q[i] > 0 else 1
            free = mu[g] == 0 and room[g] >= rises[g]
            home, count = (FREE, 0) if g in plentiful else (FREE if free else g, sign * uses[i])
            kinds[home, (costs[i] - plentiful.get(g, 0)) * sign, abs(q[i]), count] += 1
        for g, cost in plentiful.items():
            self.money -= cost * room[g]
            self.low, self.high = self.low - room[g], self.high - room[g]
            kinds[FREE, -cost, mu[g], -1] += gap // mu[g]
        self.groups: dict[int, list[Table]] = {g: [] for g, x in enumerate(mu) if x and g not in plentiful}
        for (g, cost, loss, count), copies in kinds.items():
            usable, size = min(copies, gap // loss) if loss else copies, 1
            while usable > 0 and (cost or loss or count):
                size = min(size, usable)
                flip: Table = {0: [(0, 0)]}
                flip.setdefault(count * size if g != FREE or self.total else 0, []).append((cost * size, loss * size))
                self.groups.setdefault(g, []).append(self.pruned(flip))
                usable, size = usable - size, size * 2

    def run(self) -> tuple[int, int]:
        """Search; return the size of the core and the states made."""
        factors = self.groups.pop(FREE, [])
        flips = len(factors) + sum(map(len, self.groups.values()))
        split = max(self.groups, key=lambda g: len(self.groups[g]), default=None)
        if split is None or self.total or 2 * len(self.groups[split]) <= flips:
            split = None
        else:
            factors += self.groups.pop(split)
        factors += [self.closed(self.multiplied(tables), g) for g, tables in self.groups.items()]
        halves: list[list[Table]] = [[], []]
        weights = [0.0, 0.0]
        for factor in sorted(factors, key=size_of, reverse=True):
            side = int(weights[1] < weights[0])
            halves[side].append(factor)
            weights[side] += size_of(factor).bit_length() - 0.9
        one, two = (self.multiplied(half[::-1]) for half in halves)
        self.join(one, two, split)
        return self.core, self.states

    def multiplied(self, tables: list[Table]) -> Table:
        """Combine tables: counts, costs and losses add up, up to the gap."""
        table: Table = {0: [(0, 0)]}
        for factor in tables:
            joined: Table = {}
            for a, first in table.items():
                for b, second in factor.items():
                    states = joined.setdefault(a + b, [])
                    for cost, loss in second:
                        rest = self.gap - loss
                        states.extend((c + cost, x + loss) for c, x in first if x <= rest)
            table = self.pruned(joined)
            self.states += size_of(table)
            require(self.states <= MOST_STATES, "the search of a leaf is too large: the proof needs more leaves")
        return table

    def pruned(self, table: Table) -> Table:
        """Keep, for each count, only states that are worth more (``N * cost - loss``) than every cheaper one."""
        kept: Table = {}
        for key, states in table.items():
            states.sort()
            best: int | None = None
            for cost, loss in states:
                worth = self.price * cost - loss
                if best is None or worth > best:
                    kept.setdefault(key, []).append((cost, loss))
                    best = worth
        return kept

    def closed(self, block: Table, group: int) -> Table:
        """Drop what exceeds the group's places, charge empty ones, and forget its count unless the total is kept."""
        table: Table = {}
        for key, states in block.items():
            empty = self.mu[group] * (self.room[group] - key)
            if key <= self.room[group]:
                kept = [(cost, loss + empty) for cost, loss in states if loss + empty <= self.gap]
                table.setdefault(key if self.total else 0, []).extend(kept)
        return self.pruned(table)

    def join(self, one: Table, two: Table, split: int | None) -> None:
        """Reject if states of the two halves fit the money and lose no more than the gap."""
        for a, first in one.items():
            for b, second in two.items():
                key, needed = a + b, self.price * self.money - self.gap
                if self.total:
                    if not self.low <= key <= self.high:
                        continue
                    needed += max(self.nu * (self.high - key), self.nu * (self.low - key))
                if split is not None:
                    if key > self.room[split]:
                        continue
                    needed += self.mu[split] * (self.room[split] - key)
                costs = [cost for cost, _ in second]
                for cost, loss in first:
                    at = bisect_right(costs, self.money - cost) - 1
                    if at >= 0:
                        worth = self.price * (cost + second[at][0]) - loss - second[at][1]
                        require(worth < needed, "a leaf may hold a better assignment")


def size_of(table: Table) -> int:
    """Count the states of a table."""
    return sum(map(len, table.values()))

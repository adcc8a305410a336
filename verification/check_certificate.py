"""The independent checker of certificates: plain Python integers, nothing from the solvers.

A certificate claims that an assignment is an optimum of a market. It is checked in three steps.

1. **The right market, untouched.** The digest of the instance and the seal over the certificate's other fields agree.
2. **The assignment** meets every cap, seat limit and budget, and its score is the claimed value.
3. **Nothing is better.** The certificate lists *leaves*: intervals of the number of hired workers that cover everything, each
   with integer multipliers ``D > 0`` (scale), ``N >= 0`` (price of money), ``nu`` (of the count), ``mu_l >= 0`` (of a group's
   places) and ``sigma_j >= 0`` (of a requester's seats). With ``q_i = D v_i - N c_i - nu - mu_g(i)``, every assignment of a leaf has

       D * score  =  bound - loss,
       bound = N B + nu * end + places + sum_i max(0, q_i),
       loss  = N * (money left) + |nu| * (distance from that end of the interval) + mu_l * (places of l left)
               + sum of |q_i| over the workers on whom it disagrees with the sign of q_i,

   where ``places = sum_l mu_l K_l`` without seat multipliers, else ``sum_j sigma_j s_j + sum_lj max(0, mu_l - sigma_j) tau_lj`` (LP
   duality; the places' loss is then only known to be >= 0 and is left out). A better assignment gains at least one unit, so it
   loses at most ``gap = bound - D (value + unit)``. If the gap is negative the leaf holds nothing better. If not, only workers with
   ``|q_i| <= gap`` can be decided otherwise: few, and all their combinations of loss <= gap are searched here, again.

The multipliers are all that is needed: bound and core follow from them, so they are recomputed and not believed, and a certificate
stays a few lines long. Writing the leaves of the enumeration down instead would take more room than the search takes time. The
search may relax (forget a count, use a worker twice) but never forget a combination; that is what makes it a proof.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from math import gcd
from typing import Any

from ..models.market import Market

__all__ = ["FORMAT", "CertificateError", "Verdict", "check_certificate", "instance_digest", "seal"]

FORMAT = "fedmech-certificate/1"
PROBLEMS = ("orp", "opt", "opt-sep")
FIELDS = {"format", "problem", "instance", "value", "hired", "leaves", "seal"}
LEAF = {"low", "high", "scale", "price", "count", "groups", "seats"}
FREE = -1
"""Stands for all groups whose places the core cannot use up."""

MOST_STATES = 20_000_000
"""A search that needs more is refused: the certificate should have had more leaves."""


class CertificateError(ValueError):
    """The certificate does not prove what it claims; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """What was checked: the problem, the value (integer, in units of ``1 / score_denominator``), leaves, core and states searched."""

    problem: str
    value: int
    leaves: int
    core: int
    states: int


def instance_digest(market: Market) -> str:
    """Hash everything that defines the problem: ids, groups, exact numbers, caps and seats (bids and coverage do not enter)."""
    costs = [] if market.costs is None else market.costs.tolist()
    hashed = hashlib.sha256()
    for part in (
        [list(market.worker_ids), list(market.group_ids), list(market.requester_ids)],
        [market.score_denominator, market.money_denominator],
        [market.group_of.tolist(), market.scores.tolist(), costs, market.budgets.tolist()],
        [market.caps.tolist(), market.seats.tolist()],
    ):
        hashed.update(json.dumps(part, separators=(",", ":")).encode())
    return hashed.hexdigest()


def seal(document: dict[str, Any]) -> str:
    """Hash all fields but the seal: any later change shows."""
    body = {name: field for name, field in document.items() if name != "seal"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def require(condition: bool, message: str) -> None:
    """Raise :class:`CertificateError` unless the condition holds."""
    if not condition:
        raise CertificateError(message)


def integer(value: Any, name: str, least: int | None = None) -> int:
    """Return `value` if it is an integer (not a bool) and not below `least`."""
    require(isinstance(value, int) and not isinstance(value, bool), f"{name} is not an integer")
    require(least is None or value >= least, f"{name} is below {least}")
    return value


def check_certificate(document: Any, market: Market) -> Verdict:
    """Check that a certificate proves its assignment optimal for a market.

    Parameters
    ----------
    document : dict
        The parsed certificate file.
    market : Market
        Read from the market file by the caller.

    Returns
    -------
    Verdict

    Raises
    ------
    CertificateError
        If anything is wrong: the reason is in the message.
    """
    require(
        isinstance(document, dict) and set(document) == FIELDS, "the fields of the certificate are not the right ones"
    )
    require(document["format"] == FORMAT, f"not a {FORMAT} file")
    require(document["seal"] == seal(document), "the seal does not match: the certificate has been changed")
    problem = document["problem"]
    require(problem in PROBLEMS, f"unknown problem {problem!r}")
    require(problem == "orp" or market.costs is not None, "the market has no costs")
    require(document["instance"] == instance_digest(market), "the certificate is for another market")
    value = integer(document["value"], "value", 0)
    check_assignment(document["hired"], market, problem, value)
    leaves = document["leaves"]
    require(isinstance(leaves, list) and len(leaves) > 0, "there are no leaves")
    instance = Instance.of(market, problem)
    unit = gcd(*instance.scores) or 1
    start = core = states = 0
    for leaf in leaves:
        require(isinstance(leaf, dict) and set(leaf) == LEAF, "the fields of a leaf are not the right ones")
        low, high = integer(leaf["low"], "low", 0), integer(leaf["high"], "high", 0)
        require(low <= start, f"no leaf holds {start} workers")
        items, searched = check_leaf(leaf, instance, value, unit)
        core, states, start = max(core, items), states + searched, max(start, high + 1)
    require(start > sum(instance.totals), f"no leaf holds {start} workers")
    return Verdict(problem, value, len(leaves), core, states)


def check_assignment(hired: Any, market: Market, problem: str, value: int) -> None:
    """Check the hired workers, one list of increasing indices per requester, written as gaps."""
    require(isinstance(hired, list) and len(hired) == market.m, "one list of hired workers per requester is needed")
    groups, scores = market.group_of.tolist(), market.scores.tolist()
    costs = market.costs.tolist() if market.costs is not None and problem != "orp" else [0] * market.n
    caps, seats, budgets = market.caps.tolist(), market.seats.tolist(), market.budgets.tolist()
    seen = bytearray(market.n)
    total = spent = 0
    for j, gaps in enumerate(hired):
        require(isinstance(gaps, list), "the hired workers are not a list")
        used: Counter[int] = Counter()
        worker, bill = -1, 0
        for gap in gaps:
            worker += integer(gap, "hired", 1)
            require(worker < market.n and not seen[worker], "a worker does not exist or is hired twice")
            seen[worker] = 1
            used[groups[worker]] += 1
            total += scores[worker]
            bill += costs[worker]
        require(
            all(count <= caps[g][j] for g, count in used.items()),
            f"a cap of requester {market.requester_ids[j]} is exceeded",
        )
        require(len(gaps) <= seats[j], f"the seats of requester {market.requester_ids[j]} are exceeded")
        require(
            problem != "opt-sep" or bill <= budgets[j], f"the budget of requester {market.requester_ids[j]} is exceeded"
        )
        spent += bill
    require(problem == "orp" or spent <= sum(budgets), "the budget is exceeded")
    require(total == value, f"the assignment is worth {total}, not {value}")


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
        return Instance(scores, costs, groups, totals, market.caps.tolist(), market.seats.tolist(), budget)


def check_leaf(leaf: dict[str, Any], instance: Instance, value: int, unit: int) -> tuple[int, int]:
    """Check that nothing in a leaf is better; return the size of its core and the states searched."""
    scale, price, nu = (
        integer(leaf["scale"], "scale", 1),
        integer(leaf["price"], "price", 0),
        integer(leaf["count"], "count"),
    )
    require(
        isinstance(leaf["groups"], list) and len(leaf["groups"]) == len(instance.totals),
        "one multiplier per group is needed",
    )
    require(
        isinstance(leaf["seats"], list) and len(leaf["seats"]) in (0, len(instance.seats)),
        "one multiplier per requester is needed",
    )
    mu = [integer(x, "groups", 0) for x in leaf["groups"]]
    sigma = [integer(x, "seats", 0) for x in leaf["seats"]]
    if any(sigma):
        places = sum(s * k for s, k in zip(sigma, instance.seats, strict=True))
        places += sum(
            max(0, x - s) * cap
            for x, row in zip(mu, instance.caps, strict=True)
            for s, cap in zip(sigma, row, strict=True)
        )
    else:
        places = sum(x * k for x, k in zip(mu, instance.totals, strict=True))
    offset = [x + nu for x in mu]
    reduced = [
        scale * v - price * c - offset[g]
        for v, c, g in zip(instance.scores, instance.costs, instance.groups, strict=True)
    ]
    end = leaf["high"] if nu > 0 else leaf["low"]
    bound = price * instance.budget + nu * end + places + sum(q for q in reduced if q > 0)
    gap = bound - scale * (value + unit)
    if gap < 0:
        return 0, 0
    return Search(
        instance, reduced, [0] * len(mu) if any(sigma) else mu, price, nu, (leaf["low"], leaf["high"]), gap
    ).run()


State = tuple[int, int]
"""Change of the total cost, and loss so far."""

Table = dict[int, list[State]]
"""States by the count that is still to be checked."""


class Search:
    """Every way to flip workers of the core with a loss within the gap: two halves, group by group, then joined."""

    def __init__(
        self,
        instance: Instance,
        reduced: list[int],
        mu: list[int],
        price: int,
        nu: int,
        ends: tuple[int, int],
        gap: int,
    ):
        taken = [i for i, q in enumerate(reduced) if q > 0]
        core = [i for i, q in enumerate(reduced) if abs(q) <= gap]
        counts = Counter(instance.groups[i] for i in taken)
        rises = Counter(instance.groups[i] for i in core if reduced[i] <= 0)
        falls = sum(reduced[i] > 0 for i in core)
        self.gap, self.price, self.nu, self.mu, self.core, self.states = gap, price, nu, mu, len(core), 0
        self.room = [k - counts[g] for g, k in enumerate(instance.totals)]
        self.money = instance.budget - sum(instance.costs[i] for i in taken)
        self.low, self.high = ends[0] - len(taken), ends[1] - len(taken)
        self.total = nu != 0 or -falls < self.low or sum(rises.values()) > self.high
        zeros = Counter((instance.groups[i], instance.scores[i], instance.costs[i]) for i in core if reduced[i] == 0)
        # In a group with many workers of one kind with q = 0 these make up for every change of the count (a relaxation):
        # the others enter net of that kind, and a place left empty is a flip that gives one of the kind back.
        pivot = {g: cost for (g, _, cost), copies in zeros.items() if copies >= 16 and mu[g] > 0}
        kinds: Counter[tuple[int, int, int, int]] = Counter()
        for i in core:
            g, sign, cost = instance.groups[i], 1 if reduced[i] <= 0 else -1, instance.costs[i]
            free = mu[g] == 0 and self.room[g] >= rises[g]
            home, count = (FREE, 0) if g in pivot else (FREE if free else g, sign)
            kinds[home, (cost - pivot.get(g, 0)) * sign, abs(reduced[i]), count] += 1
        for g, cost in pivot.items():
            self.money -= cost * self.room[g]
            self.low, self.high = self.low - self.room[g], self.high - self.room[g]
            kinds[FREE, -cost, mu[g], -1] += gap // mu[g]
        self.groups: dict[int, list[Table]] = {g: [] for g, x in enumerate(mu) if x and g not in pivot}
        for (g, cost, loss, count), copies in kinds.items():
            usable, size = min(copies, gap // loss) if loss else copies, 1
            while usable > 0 and (cost or loss or count):
                size = min(size, usable)
                key = count * size if g != FREE or self.total else 0
                flip: Table = {0: [(0, 0)]}
                flip.setdefault(key, []).append((cost * size, loss * size))
                self.groups.setdefault(g, []).append(self.pruned(flip))
                usable, size = usable - size, size * 2

    def run(self) -> tuple[int, int]:
        """Search; return the size of the core and the states made."""
        free = self.groups.pop(FREE, [])
        split = max(self.groups, key=lambda g: len(self.groups[g]), default=None)
        if split is not None and (
            self.total or 2 * len(self.groups[split]) <= sum(map(len, self.groups.values())) + len(free)
        ):
            split = None
        factors = free + (self.groups.pop(split) if split is not None else [])
        for g, flips in self.groups.items():
            block: Table = {0: [(0, 0)]}
            for flip in flips:
                block = self.product(block, flip)
            factors.append(self.closed(block, g))
        halves: list[list[Table]] = [[], []]
        weights = [0.0, 0.0]
        for factor in sorted(factors, key=size_of, reverse=True):
            side = int(weights[1] < weights[0])
            halves[side].append(factor)
            weights[side] += size_of(factor).bit_length() - 0.9
        tables: list[Table] = []
        for half in halves:
            table: Table = {0: [(0, 0)]}
            for factor in reversed(half):
                table = self.product(table, factor)
            tables.append(table)
        self.join(tables[0], tables[1], split)
        return self.core, self.states

    def pruned(self, table: Table) -> Table:
        """Keep, for each count, only states that are worth more (``N * cost - loss``) than every cheaper one."""
        for key, states in table.items():
            states.sort()
            kept: list[State] = []
            best: int | None = None
            for state in states:
                worth = self.price * state[0] - state[1]
                if best is None or worth > best:
                    kept.append(state)
                    best = worth
            table[key] = kept
        return {key: states for key, states in table.items() if states}

    def product(self, left: Table, right: Table) -> Table:
        """Combine two tables; counts, costs and losses add up."""
        joined: Table = {}
        for a, first in left.items():
            for b, second in right.items():
                states = joined.setdefault(a + b, [])
                for cost, loss in second:
                    rest = self.gap - loss
                    states.extend((c + cost, x + loss) for c, x in first if x <= rest)
        table = self.pruned(joined)
        self.states += size_of(table)
        require(self.states <= MOST_STATES, "the search of a leaf is too large: the proof needs more leaves")
        return table

    def closed(self, block: Table, group: int) -> Table:
        """Drop what exceeds the group's places, charge the empty ones, and forget its count unless the total is kept."""
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
                    needed += max(self.nu * (self.high - key), -self.nu * (key - self.low), 0)
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

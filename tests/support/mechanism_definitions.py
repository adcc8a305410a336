"""Every mechanism's definition a second time: read literally, in plain Fractions, by enumeration. None shares code with the first.

What the judges of the papers' claims read literally is taken from :mod:`fedmech.verification.literal`; the others stand here.
"""

import random
from dataclasses import replace
from fractions import Fraction as F
from functools import cache
from itertools import combinations, pairwise

from fedmech.verification.literal.care import pea
from fedmech.verification.literal.driftpay import driftpay, drop_top
from fedmech.verification.literal.procurement import LiteralMarket
from fedmech.verification.literal.rules import greedy_then_repair, stipend, vcg


def literal_of(market):
    """A market as the judges read it, of what the market itself says."""
    groups = [market.group_ids[l] for l in market.group_of]
    caps = {
        (group, name): int(cap)
        for group, row in zip(market.group_ids, market.cap_limits, strict=True)
        for name, cap in zip(market.requester_ids, row, strict=True)
        if cap >= 0
    }
    bids = tuple(market.bid(i) for i in range(market.n))
    return LiteralMarket(
        ids=tuple(market.worker_ids),
        groups=tuple(groups),
        scores=tuple(market.score(i) for i in range(market.n)),
        costs=bids,
        bids=bids,
        coverage=(),
        requesters=tuple(market.requester_ids),
        budgets=tuple(market.budget(j) for j in range(market.m)),
        seats=tuple(int(seat) if seat >= 0 else None for seat in market.seat_limits),
        caps=caps,
    )


class Plain:
    """A market in Fractions, with placeability by trying every assignment."""

    def __init__(self, market):
        self.n, self.m = market.n, market.m
        self.literal = literal_of(market)
        self.v = [market.score(i) for i in range(market.n)]
        self.b = [market.bid(i) for i in range(market.n)]
        self.budgets = [market.budget(j) for j in range(market.m)]
        self.total = sum(self.budgets, F(0))
        self.g = market.group_of.tolist()
        self.caps = [[int(cap) if cap >= 0 else self.n for cap in row] for row in market.cap_limits]
        self.seats = [int(seat) if seat >= 0 else self.n for seat in market.seat_limits]
        self.z = None
        if market.scaled.coverage is not None:
            self.z = [[F(int(x), market.scaled.coverage_denominator) for x in row] for row in market.scaled.coverage]
        self.rho = [b / v for b, v in zip(self.b, self.v, strict=True)]
        self.placeable = cache(self._placeable)

    def _placeable(self, workers):
        return self.fits(workers, self.seats)

    def fits(self, workers, seats):
        def go(k, caps, seats):
            if k == len(workers):
                return True
            l = self.g[workers[k]]
            for j in range(self.m):
                if caps[l][j] > 0 and seats[j] > 0:
                    less = [row[:] for row in caps]
                    less[l][j] -= 1
                    if go(k + 1, less, [s - (h == j) for h, s in enumerate(seats)]):
                        return True
            return False

        return go(0, self.caps, list(seats))

    def orp(self, workers, weight=None):
        """The best placeable subset; ties by weight, then index: the first in that order."""
        weight = self.v if weight is None else weight
        order = sorted((i for i in workers if weight[i] > 0), key=lambda i: (-weight[i], i))
        chosen = []
        for i in order:
            if self.placeable(tuple(sorted([*chosen, i]))):
                chosen.append(i)
        value = sum((weight[i] for i in chosen), F(0))
        # The greedy rule is checked against all subsets, not trusted.
        for size in range(len(order) + 1):
            for subset in combinations(sorted(order), size):
                assert not (sum((weight[i] for i in subset), F(0)) > value and self.placeable(subset))
        return sorted(chosen), value


# ---------------------------------------------------------------------- the definitions, read literally


def surrogate(p, values):
    """DriftPay-CO with values in the place of scores, among those who have one."""
    return driftpay(replace(p.literal, scores=tuple(values)), [i for i in range(p.n) if values[i] > 0]).payments


def lowest_bid(p):
    hired = []
    for i in sorted(range(p.n), key=lambda i: (p.b[i], i)):
        more = tuple(sorted([*hired, i]))
        if p.placeable(more) and sum(p.b[k] for k in more) <= p.total:
            hired.append(i)
    return {i: p.b[i] for i in hired}


def random_order(p, draw):
    keys = [draw.random() for _ in range(p.n)]
    return sorted(range(p.n), key=keys.__getitem__)


def random_feasible(p, seed):
    hired = []
    for i in random_order(p, random.Random(seed)):
        more = tuple(sorted([*hired, i]))
        if p.placeable(more) and sum(p.b[k] for k in more) <= p.total:
            hired.append(i)
    return {i: p.b[i] for i in hired}


def random_price(p, seed):
    draw = random.Random(seed)
    most = max(size for size in range(p.n + 1) for s in combinations(range(p.n), size) if p.placeable(s))
    t = 1 + int(draw.random() * most)
    price = p.total * p.n / (t * sum(p.v))
    at = [[] for _ in range(p.m)]
    for i in random_order(p, draw):
        for j in range(p.m):
            same = sum(p.g[k] == p.g[i] for k in at[j])
            rich = price * sum(p.v[k] for k in [*at[j], i]) <= p.budgets[j]
            if p.b[i] <= price * p.v[i] and same < p.caps[p.g[i]][j] and len(at[j]) < p.seats[j] and rich:
                at[j].append(i)
                break
    return {i: price * p.v[i] for workers in at for i in workers}


def rrafl(p):
    left, paid = set(range(p.n)), {}
    for j in range(p.m):
        line = []
        for i in sorted(left, key=lambda i: (p.rho[i], i)):
            if sum(p.g[k] == p.g[i] for k in line) < p.caps[p.g[i]][j] and len(line) < p.seats[j]:
                line.append(i)
        k = 0
        while k < len(line) and p.b[line[k]] <= p.v[line[k]] * p.budgets[j] / sum(p.v[i] for i in line[: k + 1]):
            k += 1
        prices = [p.rho[line[k]]] if k < len(line) else []
        prices += [p.budgets[j] / sum(p.v[i] for i in line[:k])] if k else []
        paid |= {i: p.v[i] * min(prices) for i in line[:k]}
        left -= set(line[:k])
    return paid


def care_no(p, seed):
    low = min(p.v)
    by_bucket = {}
    for i in range(p.n):
        h = next(h for h in range(1, 99) if p.v[i] / low <= 10**h)
        by_bucket.setdefault(h, []).append(i)
    found = [by_bucket[h] for h in sorted(by_bucket)]
    return pea(p.literal, found[int(random.Random(seed).random() * len(found))]).payments


def driftpay_no(p):
    """The clock, one event at a time: who is out, the prices, who pays too much."""
    rich = any(p.budgets)
    closed = [rich and not b for b in p.budgets]
    caps = p.caps
    p.caps = [[0 if closed[j] else cap for j, cap in enumerate(row)] for row in caps]
    p.placeable.cache_clear()
    price = [max(p.budgets) / min(p.v)] * len(caps)
    active = {i for i in range(p.n) if p.rho[i] <= price[0]}
    while True:
        chosen, _ = p.orp(active)
        at = balanced(p, chosen)
        short = [j for j in range(p.m) if sum(p.v[i] * price[p.g[i]] for i in at[j]) > p.budgets[j]]
        if not short:
            p.caps = caps
            p.placeable.cache_clear()
            return {i: p.v[i] * price[p.g[i]] for i in chosen}
        present = {p.g[i] for j in short for i in at[j]}
        top = max(price[l] for l in present)
        falling = [l for l in present if price[l] == top]
        leaving = [i for i in active if p.g[i] in falling and p.rho[i] == top]
        if leaving:
            active.remove(max(leaving))
            continue
        # All levels at which something happens; the highest below the top comes first.
        levels = [p.rho[i] for i in active if p.g[i] in falling] + [price[l] for l in present]
        for j in short:
            load = sum(p.v[i] for i in at[j] if p.g[i] in falling)
            other = sum(p.v[i] * price[p.g[i]] for i in at[j] if p.g[i] not in falling)
            levels += [(p.budgets[j] - other) / load] if load else []
        new = max(x for x in levels if x < top)
        price = [new if l in falling else x for l, x in enumerate(price)]


class Stuck(Exception):
    """The balanced routing ran into seats: the mechanism then takes the flow's routing, which has no literal reading."""


def balanced(p, chosen):
    """Highest scores first, each to the requester whose load per budget it raises least."""
    at = [[] for _ in range(p.m)]
    if not any(p.budgets):
        return at if not chosen else [list(chosen), *at[1:]]
    for i in sorted(chosen, key=lambda i: (-p.v[i], i)):
        options = [
            j
            for j in range(p.m)
            if sum(p.g[k] == p.g[i] for k in at[j]) < p.caps[p.g[i]][j] and len(at[j]) < p.seats[j]
        ]
        if not options:
            raise Stuck
        at[min(options, key=lambda j: (sum(p.v[k] for k in [*at[j], i]) / p.budgets[j], j))].append(i)
    return at


def large_market(p, seed=0, levels=10, draws=None):
    """What Singer's rule does on the scores that the lot left, by the curve itself: level k of K is worth ``q - (1 + 1/K)^(k - 1)``."""
    growth = 1 + F(1, int(levels))
    keys = random.Random(seed)
    keys = [keys.random() for _ in range(p.n)]
    place = {i: at % int(levels) for at, i in enumerate(sorted(range(p.n), key=keys.__getitem__))}
    if draws is not None:
        place = {i: int(level) - 1 for i, level in enumerate(draws)}
    seen = tuple(v * (growth ** int(levels) - growth ** place[i]) for i, v in enumerate(p.v))
    return driftpay(replace(p.literal, scores=seen)).payments


def gravin(p):
    staying = [i for i in range(p.n) if p.b[i] <= p.total]
    if not staying:
        return {}
    price = p.total / max(p.v[i] for i in staying)
    staying = [i for i in staying if p.rho[i] <= price]
    while True:
        best = max(staying, key=lambda i: (p.v[i], -i))
        others = [i for i in staying if i != best]
        value = sum((p.v[i] for i in others), F(0))
        if price * value <= p.total:
            break
        last = max(staying, key=lambda i: (p.rho[i], i))
        if p.total / value >= p.rho[last]:
            price = p.total / value
        else:
            price = p.rho[last]
            staying.remove(last)
    if value >= p.v[best]:
        rest = p.total - price * value
        return {i: price * p.v[i] for i in others} | ({best: rest} if p.b[best] <= rest else {})
    rest = p.total - price * p.v[best]
    return {best: price * p.v[best]} | {i: rest * p.v[i] / value for i in others if p.b[i] <= rest * p.v[i] / value}


def covers(p, workers):
    return sum((max((p.z[i][r] for i in workers), default=F(0)) for r in range(3)), F(0))


def coverage_greedy(p, bids=None):
    """Winners by the rule; payments as the supremum of winning bids over every point where anything can change."""
    bids = p.b if bids is None else bids

    def winners(bids):
        taken = []
        while True:
            gains = {i: covers(p, [*taken, i]) - covers(p, taken) for i in range(p.n) if i not in taken}
            open_ = [i for i, gain in gains.items() if gain > 0 and p.placeable(tuple(sorted([*taken, i])))]
            if not open_:
                return taken
            # Bid per marginal, ties by index; a zero bid comes first.
            i = min(open_, key=lambda i: (bids[i] / gains[i], i))
            if bids[i] > p.total / 2 * gains[i] / covers(p, [*taken, i]):
                return taken
            taken.append(i)

    paid = {}
    for i in winners(bids):
        points = {F(0)}
        for size in range(p.n):
            for S in combinations([k for k in range(p.n) if k != i], size):
                gain = covers(p, [*S, i]) - covers(p, S)
                if gain > 0:
                    points.add(p.total / 2 * gain / covers(p, [*S, i]))
                    for k in range(p.n):
                        other = covers(p, [*S, k]) - covers(p, S)
                        if other > 0:
                            points.add(bids[k] * gain / other)
        points = sorted(points)
        inside = [x for x, y in pairwise(points) if i in winners([*bids[:i], (x + y) / 2, *bids[i + 1 :]])]
        # The winning bids are an interval from 0; its end is one of the points.
        paid[i] = points[points.index(max(inside)) + 1] if inside else F(0)
    return paid


def coverage_clock(p):
    single = [covers(p, [i]) for i in range(p.n)]
    order = sorted((i for i in range(p.n) if single[i] > 0 and p.placeable((i,))), key=lambda i: (-single[i], i))
    offer = {i: p.total for i in order if p.b[i] <= p.total}
    order = [i for i in order if i in offer]
    target = max((single[i] for i in order), default=F(0))
    while True:
        kept = []
        for i in order:
            gain = covers(p, [*kept, i]) - covers(p, kept)
            if i in offer and gain > 0 and p.placeable(tuple(sorted([*kept, i]))):
                offer[i] = min(offer[i], p.total * gain / target)
                if p.b[i] > offer[i]:
                    del offer[i]
                else:
                    kept.append(i)
            if covers(p, kept) > target:
                break
        if covers(p, kept) <= target:
            break
        target *= 2
    best = min(offer, key=lambda i: (-single[i], i), default=None)
    if best is not None and single[best] > covers(p, kept):
        kept = [best]
    return {i: offer[i] for i in kept}


def tenth(p):
    return [p.total / (10 * p.n)] * p.n


DEFINITIONS = {
    "driftpay-co": lambda p: driftpay(p.literal).payments,
    "drop-top": lambda p: drop_top(p.literal).payments,
    "pea": lambda p: pea(p.literal).payments,
    "care-no": lambda p, seed=0: care_no(p, seed),
    "driftpay-no": driftpay_no,
    "coverage-greedy": coverage_greedy,
    "coverage-clock": coverage_clock,
    "driftpay-stipend": lambda p, stipends=None, largest=None: (
        stipend(p.literal, tuple(stipends or tenth(p)), None if largest is None else tuple(largest)).payments
    ),
    "driftpay-bonus": lambda p, bonuses=None: {
        i: paid + (bonuses or tenth(p))[i] for i, paid in driftpay(p.literal).payments.items()
    },
    "driftpay-noisy": lambda p, estimates: surrogate(p, estimates),
    "driftpay-lcb": lambda p, estimates=None, radius=None: surrogate(
        p, [x - y for x, y in zip(estimates or p.v, radius or [x / 10 for x in estimates or p.v], strict=True)]
    ),
    "vcg": lambda p, value=None: vcg(p.literal, p.total / max(p.v) if value is None else value).payments,
    "lowest-bid": lowest_bid,
    "random-feasible": lambda p, seed=0: random_feasible(p, seed),
    "reputation": lambda p, reputations: surrogate(p, reputations),
    "accuracy": lambda p, accuracies: surrogate(p, accuracies),
    "greedy-then-repair": lambda p: greedy_then_repair(p.literal).payments,
    "rrafl": rrafl,
    "random-price": lambda p, seed=0: random_price(p, seed),
    "singer": lambda p: driftpay(p.literal).payments,
    "gravin": gravin,
    "large-market": large_market,
}
"""Every registered mechanism has its second definition here; winners and payments must agree."""

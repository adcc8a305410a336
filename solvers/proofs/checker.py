"""The independent checker of certificates: plain Python integers, nothing from the solvers.

A certificate claims that an assignment is an optimum of ORP, OPT, OPT-SEP or COVER on a market. Checked are the digests
of the market and of all fields (seal); that the assignment keeps caps, seats and budgets and has the claimed value; and
that nothing is better, by a tree of *nodes*, written parent first. A node is the set of assignments in which some
workers are hired, some are not, the others open, and the number hired lies in ``low..high``. It may carry *duals* (else
its parent's hold), integers ``[D], [nu], [lam_1, ...], [rho_1, ...], [mu_11, ...], ...``: scale ``D > 0``, ``nu`` on
each worker hired, ``lam_k >= 0`` on the money of purse ``k`` (one purse, or one of each requester where budgets are
separate), ``mu_kl >= 0`` on its places for group ``l``, levels ``rho_r >= 0`` for COVER. Whatever they are, each
assignment of the node has

    D * value = bound - loss,  bound = fixed + sum_k lam_k money_k + sum_k places_k + nu * end + sum_i best_i,
    margin_ik = D v_i - lam_k c_i - mu_kg(i) - nu,  best_i = max(0, max_k margin_ik),
    loss = sum_k lam_k * (money left of k) + sum_k (places_k - sum_l mu_kl * hired in l by k) + |nu| * (distance to end)
           + sum over open workers of best_i - (margin_ik if hired by k, else 0),

all terms of the loss being >= 0. Money and places are what the hired left over, ``end`` is ``high`` if ``nu > 0``, else
``low``, fixed is ``D`` times the score of the hired, and ``places_k`` the most that ``sum_l mu_kl * count_l`` can be
within caps and seats, each requester filled with its dearest groups: ``sum_e (mu_e - mu_(e+1)) * room(e dearest)``.
COVER: ``max_{i in S} z_ir <= rho_r + sum_{i in S} max(0, z_ir - rho_r)`` for any ``rho_r``, raised to what the hired
cover, so fixed is the sum of levels, ``sum_r max(0, D z_ir - rho_r)`` stands for ``D v_i``, and "=" turns into "<=".
What is better is so by one unit and loses at most ``gap = bound - D * (value + unit)``: nothing, if that is negative.
Else choices that lose more are ruled out, and either the node branches, on a worker (each purse that may hire it, or
nobody) or on the number hired, or the least losses of the purses, each found alone by going through what it can do with
the workers left, exceed the gap in all; this may relax, never forget. Work: the workers once, each node's open ones,
and their combinations.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import accumulate
from math import gcd
from typing import Any

from ...models.procurement.market import Market

__all__ = ["CertificateError", "Node", "Tree", "check_certificate", "digest", "instance_digest"]

FORMAT = "fedmech-certificate/2"
FIELDS = {"format", "problem", "instance", "value", "hired", "purses", "nodes", "seal"}
MOST_STATES = 20_000_000  # Searches that need more are refused: the certificate should have had more nodes.
PLENTY = 16  # So many equal workers make up for any change of their group's number.


class CertificateError(ValueError):
    """The certificate does not prove what it claims; the message says why."""


def require(condition: bool, message: str) -> None:
    """Raise :class:`CertificateError` unless the condition holds."""
    if not condition:
        raise CertificateError(message)


def integers(values: Any, size: int | None, name: str, least: int | None = 0) -> list[int]:
    """Return `values` if it is a list of so many integers (no bools), none below `least`."""
    require(isinstance(values, list) and size in (None, len(values)), f"{name}: not a list of so many")
    require(all(type(x) is int and (least is None or x >= least) for x in values), f"{name}: not the right integers")
    return values


@dataclass(frozen=True)
class Node:
    """What is decided in a node; `open` and `held` list by purse who may still be hired, and how many are by group."""

    open: list[list[int]]
    money: list[int]
    held: list[list[int]]
    score: int
    covered: list[int]
    low: int
    high: int
    duals: list[list[int]] | None = None


def digest(value: Any) -> str:
    """Hash what can be written as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def instance_digest(market: Market, problem: str) -> str:
    """Hash everything that defines the problem: ids, groups, exact numbers, caps and seats (bids do not enter)."""
    arrays = [market.group_of, market.scores, market.budgets, market.costs, market.caps, market.seats]
    arrays += [market.coverage] if problem == "cover" else []
    parts: list[Any] = [market.score_denominator, market.money_denominator, market.coverage_denominator]
    parts += [list(market.worker_ids), list(market.group_ids), list(market.requester_ids)]
    return digest([*parts, *(None if array is None else array.tolist() for array in arrays)])


def check_certificate(document: Any, market: Market) -> Tree:
    """Verify that a certificate proves its assignment optimal for `market`, or raise :class:`CertificateError`."""
    require(isinstance(document, dict) and set(document) == FIELDS, "the certificate has other fields")
    problem, value, purses, nodes = (document[name] for name in ("problem", "value", "purses", "nodes"))
    require(document["format"] == FORMAT, f"not a {FORMAT} file")
    require(document["seal"] == digest({**document, "seal": None}), "the seal does not match: it has been changed")
    tree = Tree.of(market, problem, value, purses)
    require(document["instance"] == instance_digest(market, problem), "the certificate is for another market")
    tree.check_assignment(document["hired"], tree.root())
    tree.check(nodes)
    return tree


class Tree:
    """The problem in integers, and what is checked about it; `offers` is what each worker covers, for COVER alone."""

    def __init__(self, market: Market, problem: str, value: int, purses: int):
        cover, costs = problem == "cover", None if problem == "orp" else market.costs
        self.problem, self.value, self.states, self.most_states = problem, value, 0, MOST_STATES
        self.groups, self.caps, self.seats = market.group_of.tolist(), market.caps.tolist(), market.seats.tolist()
        self.scores: list[int] = [0] * market.n if cover else market.scores.tolist()
        self.costs: list[int] = [0] * market.n if costs is None else costs.tolist()
        self.budgets: list[int] = [0] * market.m if costs is None else market.budgets.tolist()
        rows: list[list[int]] = market.coverage.tolist() if cover and market.coverage is not None else []
        self.offers = [[(r, z) for r, z in enumerate(row) if z] for row in rows]
        self.kinds = len(rows[0]) if rows else 0
        self.goal = value + (gcd(*self.scores, *(z for row in rows for z in row)) or 1)
        self.purses = [list(range(market.m))] if purses == 1 else [[j] for j in range(market.m)]
        self.nested = [any(sum(row[j] for row in self.caps) > self.seats[j] for j in mine) for mine in self.purses]

    @classmethod
    def of(cls, market: Market, problem: Any, value: Any, purses: Any) -> Tree:
        """Return the problem of a tree of nodes, once its form is right."""
        needed = {"orp": market.scores, "opt": market.costs, "opt-sep": market.costs, "cover": market.coverage}
        require(
            needed.get(str(problem)) is not None, f"problem {problem!r}: unknown, or the market lacks what it needs"
        )
        require(type(value) is int, "the value is of a wrong kind")
        require(
            type(purses) is int and purses in (1, max(1, market.m * (problem == "opt-sep"))), "purses: wrong number"
        )
        return cls(market, problem, value, purses)

    def check(self, nodes: Any, pulse: Any = None) -> None:
        """Check that the nodes, written parent first, leave nothing that is better."""
        require(isinstance(nodes, list), "the nodes are of a wrong kind")
        stack = [self.root()]
        for entry in nodes:
            if pulse is not None:
                pulse()
            require(isinstance(entry, dict) and len(stack) > 0, "no node, or one that no branch leads to")
            require(set(entry) - {"duals"} in (set(), {"worker"}, {"count"}), "a node has other fields")
            gap, node, flips = self.narrow(stack.pop())
            if "duals" in entry:
                self.check_duals(entry["duals"])
                gap, node, flips = self.narrow(replace(node, duals=entry["duals"]))
            require(gap >= 0 or set(entry) <= {"duals"}, "a node that holds nothing better has a branch")
            (at,) = integers([entry.get("worker", entry.get("count", 0))], 1, "worker or count")
            if "worker" in entry:
                stack += reversed(self.branch(node, at))
            elif "count" in entry:
                stack += [replace(node, low=max(node.low, at + 1)), replace(node, high=min(node.high, at))]
            elif gap >= 0:
                self.search(node, flips, gap)
        require(not stack, "a branch has no node")

    def check_assignment(self, hired: Any, root: Node) -> None:
        """Check the hired workers, one list of increasing indices per requester, written as gaps."""
        require(isinstance(hired, list) and len(hired) == len(self.seats), "hired: not one list per requester")
        lists = [[x - 1 for x in accumulate(integers(gaps, None, "hired", 1))] for gaps in hired]
        everyone = [i for workers in lists for i in workers]
        require(len({*everyone} & {*range(len(self.groups))}) == len(everyone), "a worker is unknown or hired twice")
        for j, workers in enumerate(lists):
            used, bill = Counter(self.groups[i] for i in workers), sum(self.costs[i] for i in workers)
            require(all(x <= self.caps[g][j] for g, x in used.items()), f"a cap of requester {j + 1} is exceeded")
            require(len(workers) <= self.seats[j], f"the seats of requester {j + 1} are exceeded")
            require(self.problem != "opt-sep" or bill <= self.budgets[j], f"the budget of {j + 1} is exceeded")
        end = self.hire(root, 0, everyone)
        require(self.problem == "opt-sep" or end.money[0] >= 0, "the pooled budget is exceeded")
        require(end.score + sum(end.covered) == self.value, "the assignment is not worth that")

    def root(self) -> Node:
        """Nothing is decided; no requester can hire above the largest purse."""
        most = max(self.budgets, default=0) if self.problem == "opt-sep" else sum(self.budgets)
        everybody, sizes = [i for i, c in enumerate(self.costs) if c <= most], Counter(self.groups)
        money, held = [sum(self.budgets[j] for j in mine) for mine in self.purses], [0] * len(self.caps)
        high = sum(min(sizes[g], sum(row)) for g, row in enumerate(self.caps))
        return Node([everybody] * len(money), money, [held] * len(money), 0, [0] * self.kinds, 0, high)

    def check_duals(self, given: Any) -> None:
        """Check the form of a node's duals: scale, count, prices of money, levels, prices of places by purse."""
        forms = [(1, 1), (1, None), (len(self.purses), 0), (self.kinds, 0), *[(len(self.caps), 0)] * len(self.purses)]
        require(isinstance(given, list) and len(given) == len(forms), "duals: not so many lists")
        for values, (size, least) in zip(given, forms, strict=True):
            integers(values, size, "duals", least)

    def stages(self, node: Node, k: int, mu: list[int]) -> list[tuple[int, int, int]]:
        """Say (group, price, room): each group's own where no seat limit can matter, else of all groups so far."""
        mine, held, found, filled, taken = self.purses[k], node.held[k], [], [0] * len(self.seats), 0
        if not self.nested[k]:
            return [(g, mu[g], sum(row[j] for j in mine) - held[g]) for g, row in enumerate(self.caps)]
        order = sorted(range(len(mu)), key=lambda g: -mu[g])
        for g, following in zip(order, [*(mu[h] for h in order[1:]), 0], strict=True):
            filled, taken = [x + y for x, y in zip(filled, self.caps[g], strict=True)], taken + held[g]
            found.append((g, mu[g] - following, sum(min(filled[j], self.seats[j]) for j in mine) - taken))
        return found

    def hire(self, node: Node, k: int, workers: list[int]) -> Node:
        """Return the node with these workers, open before, hired from purse `k`."""
        more, bill = Counter(self.groups[i] for i in workers), sum(self.costs[i] for i in workers)
        held = [[x + (h == k) * more[g] for g, x in enumerate(row)] for h, row in enumerate(node.held)]
        money = [x - (h == k) * bill for h, x in enumerate(node.money)]
        score, covered = node.score + sum(self.scores[i] for i in workers), list(node.covered)
        for r, z in (offer for i in workers for offer in self.offers[i]) if self.offers else ():
            covered[r] = max(covered[r], z)
        return replace(node, money=money, held=held, score=score, covered=covered)

    def branch(self, node: Node, worker: int) -> list[Node]:
        """Return the node for each purse that may hire a worker, and for nobody hiring it."""
        rest = replace(node, open=[[i for i in workers if i != worker] for workers in node.open])
        return [self.hire(rest, k, [worker]) for k, workers in enumerate(node.open) if worker in workers] + [rest]

    def narrow(self, node: Node) -> tuple[int, Node, list[list[tuple[int, int, int]]]]:
        """Rule out what loses more than the gap, repeatedly; return gap, node, flips (worker, in or out, loss)."""
        gap, flips, before = 0, [], -1
        while node.duals is not None and (size := sum(map(len, node.open))) != before:
            before, money, hired, best, columns = size, list(node.money), sum(map(sum, node.held)), defaultdict(int), []
            (scale,), (nu,), prices, levels, *places = node.duals
            levels = [max(x, scale * z) for x, z in zip(levels, node.covered, strict=True)]
            bound = scale * node.score + sum(levels) + max(nu * (node.high - hired), nu * (node.low - hired))
            for k, (lam, mu) in enumerate(zip(prices, places, strict=True)):
                stages, count = self.stages(node, k, mu), max(hired, node.low)
                if money[k] < 0 or count > min(node.high, hired + size) or any(room < 0 for _, _, room in stages):
                    return -1, node, []
                workers = [i for i in node.open[k] if self.costs[i] <= money[k]]
                step = gcd(*(self.costs[i] for i in workers))
                money[k] = money[k] // step * step if step else 0
                bound += lam * money[k] + sum(y * room for _, y, room in stages)
                worth = [scale * self.scores[i] for i in workers]
                if self.offers:
                    worth = [sum(max(0, scale * z - levels[r]) for r, z in self.offers[i]) for i in workers]
                pairs = zip(workers, worth, strict=True)
                columns.append([(i, w - lam * self.costs[i] - mu[self.groups[i]] - nu) for i, w in pairs])
                best.update((i, q) for i, q in columns[k] if q > best.get(i, 0))
            bound = bound if any(columns) else scale * (node.score + sum(node.covered))
            gap = bound + sum(best.values()) - scale * self.goal
            if gap < 0:
                return gap, node, []
            columns = [[(i, q) for i, q in column if best.get(i, 0) - q <= gap] for column in columns]
            choices = Counter(i for column in columns for i, _ in column)
            sure = {i for i, q in best.items() if q > gap and choices[i] == 1}
            node = replace(node, money=money, open=[[i for i, _ in column if i not in sure] for column in columns])
            for k, column in enumerate(columns if sure else []):
                node = self.hire(node, k, [i for i, _ in column if i in sure])
            flips = [[(i, -1, q) if q > 0 and choices[i] < 2 else (i, 1, best[i] - q) for i, q in c] for c in columns]
        return gap, node, flips

    def search(self, node: Node, flips: list[list[tuple[int, int, int]]], gap: int) -> None:
        """Find the least loss of each purse; if they add up to more than the gap, nothing is better."""
        require(any(flips), "a node is left open")
        least = sum(self.least_loss(node, k, mine, gap) for k, mine in enumerate(flips))
        require(least > gap, "a node may hold something better")

    def least_loss(self, node: Node, k: int, flipped: list[tuple[int, int, int]], gap: int) -> int:
        """Return the least loss of purse `k` (gap + 1 if it is larger), over all ways to flip workers open to it."""
        _, (nu,), prices, _, *places = node.duals or []
        price, mu, nested, single = prices[k], places[k], self.nested[k], len(self.purses) == 1
        base = self.hire(node, k, [i for i, sign, _ in flipped if sign < 0])
        money, hired, falls = base.money[k], sum(base.held[k]), sum(sign < 0 for _, sign, _ in flipped)
        rises, steps, counted, least = len(flipped) - falls, [], False, gap + 1
        tracked = single and (nu != 0 or hired - falls < node.low or hired + rises > node.high)
        equal = Counter((self.groups[i], sign, self.costs[i], loss) for i, sign, loss in flipped)
        for g, y, room in reversed(self.stages(base, k, mu)):
            own = [(*kind, copies) for (group, *kind), copies in equal.items() if group == g]
            closes = y > 0 or room < (rises if nested else sum(copies for sign, _, _, copies in own if sign > 0))
            counted = closes or (nested and counted)
            flips = [(loss, sign * c, sign * counted, sign * tracked, copies) for sign, c, loss, copies in own]
            plenty = [c for _, c, loss, copies in own if not loss and copies >= PLENTY]
            if plenty and y > 0 and not nested:  # Taken to be any number, these fill all places: others replace them.
                flips = [(loss, sign * (c - plenty[0]), 0, 0, copies) for sign, c, loss, copies in own]
                flips.append((y, -plenty[0], 0, -int(tracked), gap // y))  # ... or a place is given up.
                money, hired, closes = money - plenty[0] * room, hired + room, False
            steps += [(-1, y, room, 0)] if closes else []
            for loss, *rest, copies in flips:
                most = min(copies, gap // loss) if loss else copies
                sizes = (min(1 << b, most + 1 - (1 << b)) for b in range(most.bit_length()))
                steps += [(loss * size, *(x * size for x in rest)) for size in sizes]
        steps.reverse()
        middle = len(steps) // 2  # cut there, or better where a group ends
        cut = min(range(len(steps) + 1), key=lambda at: abs(at - middle) + (steps[at - 1 : at] > [(0,)]) * middle // 2)
        for key, states in self.run(steps[:cut], (0, 0), nested, gap, price).items():
            for (_, change), others in self.run(steps[cut:], key, nested, gap, price).items():
                total, costs = hired + change, [cost for cost, _ in others]
                away = max(nu * (node.high - total), nu * (node.low - total)) if tracked else 0
                for cost, loss in states if node.low <= total <= node.high or not tracked else ():
                    at = bisect_right(costs, money - cost) - 1
                    left = price * (money - cost - costs[at])
                    least = min(least, left + loss + others[at][1] + away) if at >= 0 else least
        return least

    def run(self, steps: list, key: tuple[int, int], nested: bool, gap: int, price: int) -> dict:
        """Return by counts the (cost, loss) of all combinations of steps, but for what a cheaper one makes needless."""
        table, worth = {key: [(0, 0)]}, 0
        for loss, cost, number, change in steps:
            new: dict[tuple[int, int], list] = defaultdict(list)
            for (count, total), states in table.items():
                if loss >= 0:
                    new[count, total] += states
                    new[count + number, total + change] += [(c + cost, x + loss) for c, x in states if x + loss <= gap]
                elif number >= count:
                    empty = cost * (number - count)
                    new[count if nested else 0, total] += [(c, x + empty) for c, x in states if x + empty <= gap]
            table = {}
            for at, states in new.items():
                for c, x in sorted(states):
                    if at not in table or price * c - x > worth:
                        table.setdefault(at, []).append((c, x))
                        worth = price * c - x
            self.states += sum(map(len, table.values()))
            require(self.states <= self.most_states, "the search of a node is too large: the proof needs more nodes")
        return table

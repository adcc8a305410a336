"""The independent checker of certificates: plain Python integers, nothing from the solvers.

A certificate claims that an assignment is an optimum of a market. It is checked in three steps.

1. **The right market, untouched.** The digest of the market and the seal over the certificate's other fields agree.
2. **The assignment** meets every cap, seat limit and budget, and its score is the claimed value.
3. **Nothing is better.** The certificate lists *leaves*: intervals of the number of hired workers that cover everything,
   each with integers ``D > 0`` (scale), ``N >= 0`` (price of money), ``nu`` (of the count) and ``mu_l >= 0`` (of a place
   in group ``l``). With ``q_i = D v_i - N c_i - nu - mu_g(i)`` every assignment of a leaf has

       D * score = bound - loss,    bound = N B + nu * end + places + sum_i max(0, q_i),
       loss = N * (money left) + |nu| * (distance from that end of the interval) + (places - sum_l mu_l * hired in l)
              + sum of |q_i| over the workers on whom it disagrees with the sign of q_i,

   all terms of the loss being >= 0: ``end`` is the interval's upper end if ``nu > 0``, else its lower one, and ``places``
   is the largest ``sum_l mu_l * hired in l`` that caps and seats admit, at most
   ``sum_e (mu_(e) - mu_(e+1)) * f(e dearest groups)``, ``f(A) = min(sum_{l in A} K_l, sum_j min(s_j, sum_{l in A} tau_lj))``
   (without seats: ``sum_l mu_l K_l``). A better assignment gains at least one unit, so it loses at most
   ``gap = bound - D (value + unit)``. If the gap is negative the leaf holds nothing better. If not, only workers with
   ``|q_i| <= gap`` can be decided otherwise: few, and all their combinations of loss <= gap are searched here, again.

The multipliers are all that is needed: bound and core follow from them, so they are recomputed and not believed, and
the proof stays a few lines long. Writing the leaves of the search down instead would take more room than the search
takes time. The search may relax (forget a count, use a worker twice) but never forget a combination; that makes it a
proof. It is linear in the number of workers, plus the combinations.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from math import gcd
from typing import Any

from ..models.market import Market
from .core_search import CertificateError, Instance, Search, require

__all__ = ["FORMAT", "CertificateError", "Verdict", "check_certificate", "instance_digest", "seal"]

FORMAT = "fedmech-certificate/1"
PROBLEMS = ("orp", "opt", "opt-sep")
FIELDS = {"format", "problem", "instance", "value", "hired", "leaves", "seal"}
LEAF = {"low", "high", "scale", "price", "count", "groups"}


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


def check_leaf(leaf: dict[str, Any], instance: Instance, value: int, unit: int) -> tuple[int, int]:
    """Check that nothing in a leaf is better; return the size of its core and the states searched."""
    scale, price = integer(leaf["scale"], "scale", 1), integer(leaf["price"], "price", 0)
    nu, ends = integer(leaf["count"], "count"), (leaf["low"], leaf["high"])
    require(
        isinstance(leaf["groups"], list) and len(leaf["groups"]) == len(instance.totals), "groups has a wrong length"
    )
    mu = [integer(x, "groups", 0) for x in leaf["groups"]]
    offset = [x + nu for x in mu]
    columns = zip(instance.scores, instance.costs, instance.groups, strict=True)
    reduced = [scale * v - price * c - offset[g] for v, c, g in columns]
    places = instance.places(mu)
    bound = price * instance.budget + nu * ends[nu > 0] + places + sum(q for q in reduced if q > 0)
    gap = bound - scale * (value + unit)
    return (0, 0) if gap < 0 else Search(instance, reduced, mu, price, nu, ends, gap).run()

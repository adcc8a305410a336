"""Looking for trouble: random markets, hill climbing, and what to do with a find.

Every find is turned into a document that says it all (the liar's cost is its ``cost``, the lie its ``bid``), re-checked by literal code, and
shrunk. Seeds are fixed by the caller; nothing here draws on the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from ...models.procurement.market import Market
from ..audit import Rule, Violation, audit
from .boxes import market_document
from .shrink import shrink

__all__ = ["Draw", "Search", "document_market", "find_violation", "hill_climb", "lie_document"]


def document_market(document: Mapping[str, Any]) -> Market:
    """Build the market of a document whose workers are inside it."""
    workers, requesters = document["workers"], document["requesters"]
    return Market.build(
        worker_ids=[row["id"] for row in workers],
        groups=[row["group"] for row in workers],
        scores=[row["score"] for row in workers],
        costs=[row["cost"] for row in workers],
        bids=[row.get("bid", row["cost"]) for row in workers],
        coverage=[row["coverage"] for row in workers] if workers and "coverage" in workers[0] else None,
        budgets=[row["budget"] for row in requesters],
        requester_ids=[row["id"] for row in requesters],
        seats=[row.get("seats") for row in requesters],
        caps={(row["group"], row["requester"]): row["cap"] for row in document.get("caps", [])},
    )


def lie_document(market: Market, found: Violation, *, coverage: Any = None) -> dict[str, Any]:
    """Write the market of a violation: everybody truthful, but the one worker with its true cost and its lie.

    For a violation of monotonicity the ``cost`` is the lower bid, at which the worker loses, and the ``bid`` the higher one; for
    the others cost and bid are both the bid at which it fails.
    """
    costs = [market.bid(i) for i in range(market.n)]
    bids = list(costs)
    if found.worker is not None:
        costs[found.worker] = bids[found.worker] = found.bid if found.bid is not None else costs[found.worker]
        if found.cost is not None:
            costs[found.worker] = found.cost
    limits = market.cap_limits
    seats = market.seat_limits
    return market_document(
        [market.score(i) for i in range(market.n)],
        costs,
        [market.budget(j) for j in range(market.m)],
        bids=bids,
        groups=market.group_of.tolist(),
        caps=[[None if cap < 0 else int(cap) for cap in row] for row in limits.tolist()],
        seats=[None if seat < 0 else int(seat) for seat in seats.tolist()],
        coverage=coverage,
    )


@dataclass(frozen=True)
class Draw:
    """How random markets are drawn: small whole numbers, so that ties, zeros and exact hits are frequent.

    Parameters
    ----------
    workers, requesters, groups : (int, int)
        Smallest and largest count.
    top_score, top_cost, top_budget : int
    caps, seats : bool
        Whether there are limits.
    regions : int
        Coverage columns; 0 for none.
    affordable : bool
        Costs are at most every requester's budget.
    """

    workers: tuple[int, int] = (1, 4)
    requesters: tuple[int, int] = (1, 2)
    groups: tuple[int, int] = (1, 2)
    top_score: int = 4
    top_cost: int = 5
    top_budget: int = 8
    caps: bool = True
    seats: bool = False
    regions: int = 0
    affordable: bool = False

    def document(self, rng: np.random.Generator) -> dict[str, Any]:
        """Draw one market, as a document."""
        n, m, groups = (int(rng.integers(low, high + 1)) for low, high in (self.workers, self.requesters, self.groups))
        budgets = rng.integers(1 if self.affordable else 0, self.top_budget + 1, m)
        top_cost = min(self.top_cost, int(budgets.min(initial=self.top_cost))) if self.affordable else self.top_cost
        of = rng.integers(0, groups, n)
        _, of = np.unique(of, return_inverse=True)
        groups = int(of.max(initial=0)) + 1
        caps = None
        if self.caps:
            limits = rng.integers(0, 3, (groups, m))
            free = rng.random((groups, m)) < 0.3
            caps = [
                [None if f else int(c) for c, f in zip(*row, strict=True)] for row in zip(limits, free, strict=True)
            ]
        return market_document(
            rng.integers(1, self.top_score + 1, n),
            rng.integers(0, top_cost + 1, n),
            budgets,
            groups=of.tolist(),
            caps=caps,
            seats=[int(s) if s else None for s in rng.integers(0, 3, m)] if self.seats else None,
            coverage=rng.integers(0, 4, (n, self.regions)) if self.regions else None,
        )

    def documents(self, seed: int, count: int) -> Iterator[dict[str, Any]]:
        """Yield `count` markets of one seed."""
        rng = np.random.default_rng(seed)
        for _ in range(count):
            yield self.document(rng)

    def __str__(self) -> str:
        limits = " and ".join(name for name, on in (("caps", self.caps), ("seats", self.seats)) if on) or "no limits"
        return (
            f"{self.workers[0]}-{self.workers[1]} workers, {self.requesters[0]}-{self.requesters[1]} requesters, "
            f"{self.groups[0]}-{self.groups[1]} groups, scores 1..{self.top_score}, costs 0..{self.top_cost}, "
            f"budgets 0..{self.top_budget}, {limits}" + (", every cost within every budget" if self.affordable else "")
        )


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes
    ----------
    document : mapping or None
        The minimal witness.
    found : Violation or None
    markets, runs : int
        How many markets were audited, and runs of the mechanism that took.
    coverage : str
        As in :class:`~fedmech.verification.audit.Audit`.
    """

    document: dict[str, Any] | None
    found: Violation | None
    markets: int
    runs: int
    coverage: str


def find_violation(
    mechanism: str | Rule,
    draw: Draw,
    *,
    seed: int,
    count: int,
    shows: Callable[[Mapping[str, Any]], bool] | None,
    properties: Sequence[str] = ("caps", "ir", "budget", "monotone", "dsic"),
) -> Search:
    """Audit random markets until one fails; shrink it by what literal code says.

    Parameters
    ----------
    mechanism : str or callable
    draw : Draw
    seed, count : int
    shows : callable or None
        The literal re-check: whether a document shows the failure. A find that it does not confirm is reported unshrunk and is
        for the caller to reject. None leaves the find as it is.
    properties
        As for :func:`~fedmech.verification.audit.audit`.
    """
    runs, coverage = 0, ""
    for number, document in enumerate(draw.documents(seed, count), start=1):
        market = document_market(document)
        report = audit(market, mechanism, properties=properties)
        runs, coverage = runs + report.runs, report.coverage
        if report.violations:
            found = report.violations[0]
            rows = [row["coverage"] for row in document["workers"]] if draw.regions else None
            witness = lie_document(market, found, coverage=rows)
            if shows is not None and shows(witness):
                witness = shrink(witness, shows)
            return Search(witness, found, number, runs, coverage)
    return Search(None, None, count, runs, coverage)


def hill_climb(
    measure: Callable[[np.ndarray], Fraction | None],
    start: np.ndarray,
    *,
    top: np.ndarray,
    low: np.ndarray,
    seed: int,
    steps: int,
) -> tuple[Fraction, np.ndarray]:
    """Climb a measure over vectors of whole numbers: change one or two entries, keep what is not worse.

    Parameters
    ----------
    measure : callable
        The value of a vector, or None where it has none.
    start, low, top : integer ndarrays of one shape
    seed, steps : int

    Returns
    -------
    (Fraction, ndarray)
        The best value and where.

    Raises
    ------
    ValueError
        If the start has no value.
    """
    rng = np.random.default_rng(seed)
    value = measure(start)
    if value is None:
        raise ValueError("the start has no value")
    here, best, where = start.copy(), value, start.copy()
    for _ in range(steps):
        there = here.copy()
        for place in rng.choice(len(here), size=min(len(here), int(rng.integers(1, 4))), replace=False):
            jump = rng.random() < 0.4
            moved = rng.integers(low[place], top[place] + 1) if jump else there[place] + rng.choice([-1, 1])
            there[place] = min(max(moved, low[place]), top[place])
        reached = measure(there)
        if reached is not None and reached >= value:
            here, value = there, reached
            if value > best:
                best, where = value, here.copy()
    return best, where

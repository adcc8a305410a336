"""The procurement market read literally: one plain document, plain ``Fraction``s, every set tried.

This is the code that re-checks witnesses. It shares nothing with the searches that find them, nor with the solvers: it reads the
``fedmech-market/1`` document itself, decides placeability by trying every requester for every worker, and finds optima by trying
every set of workers. It is meant for a handful of workers.

Source: DriftPay, sections 3 and 5 (ORP, OPT; stated).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations
from typing import Any

__all__ = [
    "LiteralMarket",
    "best_set",
    "coverage_of",
    "literal_market",
    "opt",
    "opt_sep",
    "placeable",
    "placements",
    "subsets",
]


@dataclass(frozen=True)
class LiteralMarket:
    """The document, with its numbers as fractions.

    Attributes
    ----------
    ids, groups : tuple of str
        Per worker.
    scores, costs, bids : tuple of Fraction
        Per worker.
    coverage : tuple of tuple of Fraction
        Per worker; empty without coverage.
    requesters : tuple of str
    budgets : tuple of Fraction
        Per requester.
    seats : tuple of int or None
        Per requester; None is no limit.
    caps : mapping (group, requester) -> int
        Pairs that are missing are unlimited.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    scores: tuple[Fraction, ...]
    costs: tuple[Fraction, ...]
    bids: tuple[Fraction, ...]
    coverage: tuple[tuple[Fraction, ...], ...]
    requesters: tuple[str, ...]
    budgets: tuple[Fraction, ...]
    seats: tuple[int | None, ...]
    caps: Mapping[tuple[str, str], int]

    @property
    def workers(self) -> range:
        """Indices of the workers."""
        return range(len(self.ids))

    @property
    def budget(self) -> Fraction:
        """Pooled budget."""
        return sum(self.budgets, Fraction(0))

    def bidding(self, worker: int, bid: Fraction) -> LiteralMarket:
        """Return the market in which one worker bids something else."""
        return replace(self, bids=(*self.bids[:worker], bid, *self.bids[worker + 1 :]))

    def truthful(self) -> LiteralMarket:
        """Return the market in which everybody bids the cost."""
        return replace(self, bids=self.costs)

    def value(self, workers: Iterable[int]) -> Fraction:
        """Total score of some workers."""
        return sum((self.scores[i] for i in workers), Fraction(0))


def _number(value: Any) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(str(value))


def literal_market(document: Mapping[str, Any]) -> LiteralMarket:
    """Read a ``fedmech-market/1`` document.

    Parameters
    ----------
    document : mapping
        Workers inside it, not in a file beside it; caps may be given per pair or as ``default_cap``.
    """
    workers, requesters = document["workers"], document["requesters"]
    names = tuple(str(row["id"]) for row in requesters)
    caps: dict[tuple[str, str], int] = {}
    if document.get("default_cap") is not None:
        caps = {(str(row["group"]), name): int(document["default_cap"]) for row in workers for name in names}
    caps |= {(str(row["group"]), str(row["requester"])): int(row["cap"]) for row in document.get("caps", [])}
    bids = tuple(_number(row.get("bid", row.get("cost"))) for row in workers)
    return LiteralMarket(
        ids=tuple(str(row["id"]) for row in workers),
        groups=tuple(str(row["group"]) for row in workers),
        scores=tuple(_number(row["score"]) for row in workers),
        costs=tuple(_number(row.get("cost", row.get("bid"))) for row in workers),
        bids=bids,
        coverage=tuple(tuple(map(_number, row["coverage"])) for row in workers if "coverage" in row),
        requesters=names,
        budgets=tuple(_number(row["budget"]) for row in requesters),
        seats=tuple(row.get("seats") for row in requesters),
        caps=caps,
    )


def subsets(workers: Iterable[int]) -> list[tuple[int, ...]]:
    """Every subset of some workers, each ascending."""
    pool = sorted(workers)
    return [chosen for size in range(len(pool) + 1) for chosen in combinations(pool, size)]


def placements(
    market: LiteralMarket, workers: Sequence[int], fits: Callable[[int, tuple[int, ...]], bool] | None = None
) -> Iterable[tuple[int, ...]]:
    """Yield every way to give each of some workers a requester within caps and seats.

    Parameters
    ----------
    market : LiteralMarket
    workers : sequence of int
    fits : callable, optional
        Further condition on (requester, its workers).
    """

    def extend(placed: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
        if len(placed) == len(workers):
            yield placed
            return
        i = workers[len(placed)]
        for j, name in enumerate(market.requesters):
            mine = [w for w, k in zip(workers, placed, strict=False) if k == j]
            cap, seats = market.caps.get((market.groups[i], name)), market.seats[j]
            if cap is not None and sum(market.groups[w] == market.groups[i] for w in mine) >= cap:
                continue
            if seats is not None and len(mine) >= seats:
                continue
            if fits is None or fits(j, (*mine, i)):
                yield from extend((*placed, j))

    return extend(())


def placeable(market: LiteralMarket, workers: Sequence[int]) -> bool:
    """Whether caps and seats have room for all of some workers at once."""
    return any(True for _ in placements(market, workers))


def best_set(
    market: LiteralMarket, workers: Iterable[int], preference: Callable[[int], Any] | None = None
) -> tuple[int, ...]:
    """ORP on some workers: the placeable set of highest score.

    Parameters
    ----------
    market : LiteralMarket
    workers : iterable of int
    preference : callable, optional
        How ties between sets of equal score are settled: the workers are ranked by (higher score, `preference`) and the set
        that comes first in that order wins. The index if left out.
    """
    pool = list(workers)
    rank = preference if preference is not None else lambda i: i
    position = {i: p for p, i in enumerate(sorted(pool, key=lambda i: (-market.scores[i], rank(i))))}
    candidates = [chosen for chosen in subsets(pool) if placeable(market, chosen)]
    return min(candidates, key=lambda chosen: (-market.value(chosen), sorted(position[i] for i in chosen)))


def opt(market: LiteralMarket) -> Fraction:
    """OPT: the highest score of a placeable set whose costs fit the pooled budget."""
    return max(
        market.value(chosen)
        for chosen in subsets(market.workers)
        if sum((market.costs[i] for i in chosen), Fraction(0)) <= market.budget and placeable(market, chosen)
    )


def opt_sep(market: LiteralMarket) -> Fraction:
    """OPT-SEP: the highest score of a placement in which every requester pays its own workers' costs."""

    def affordable(j: int, mine: tuple[int, ...]) -> bool:
        return sum((market.costs[i] for i in mine), Fraction(0)) <= market.budgets[j]

    return max(
        market.value(chosen)
        for chosen in subsets(market.workers)
        if any(True for _ in placements(market, chosen, affordable))
    )


def coverage_of(market: LiteralMarket, workers: Iterable[int]) -> Fraction:
    """``f(S) = sum_r max_{i in S} z_ir``, with ``f`` of the empty set 0."""
    chosen = list(workers)
    if not chosen:
        return Fraction(0)
    return sum((max(column) for column in zip(*(market.coverage[i] for i in chosen), strict=True)), Fraction(0))

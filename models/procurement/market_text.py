"""A market on one screen, and as data frames in the columns of its file."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..display import Page, Table, data_frame, show
from ..exact import IntArray
from ..input_error import InputError
from .columns import UNLIMITED

if TYPE_CHECKING:
    import pandas as pd

    from .market import Market

__all__ = ["market_frame", "market_page"]

Part = Literal["workers", "requesters", "caps"]

SHOWN_WORKERS, SHOWN_GROUPS, SHOWN_REQUESTERS = 8, 8, 8
"""Rows of one screen; the frames have them all."""


def market_page(market: Market) -> Page:
    """Return what there is to hire, who hires and what limits them."""
    scaled, unit = market.scaled, market.scaled.money_denominator
    honest = scaled.costs is not None and bool((scaled.costs == scaled.bids).all())
    pairs = "pairs of group and requester"
    facts = [
        ("workers", f"{market.n:,} in {market.L:,} groups"),
        ("requesters", f"{market.m:,}, with {show(market.total_budget)} together"),
        ("scores", _between(scaled.scores, scaled.score_denominator)),
        ("costs", "not known" if scaled.costs is None else _between(scaled.costs, unit)),
        ("bids", "as costs" if honest else _between(scaled.bids, unit)),
        ("caps", _counted(int((market.cap_limits != UNLIMITED).sum()), market.cap_limits.size, pairs)),
        ("seats", _counted(int((market.seat_limits != UNLIMITED).sum()), market.m, "requesters")),
    ]
    if scaled.coverage is not None:
        facts.append(("coverage", f"of {scaled.coverage.shape[1]:,} probes"))
    return Page("", facts, [_requesters(market), _groups(market), _workers(market)])


def _between(column: IntArray, unit: int) -> str:
    """The range of a column."""
    if not len(column):
        return "-"
    low, high = (Fraction(int(end), unit) for end in (column.min(), column.max()))
    return show(low) if low == high else f"{show(low)} to {show(high)}"


def _counted(limited: int, count: int, what: str) -> str:
    return f"on {limited:,} of {count:,} {what}" if limited else "none"


def _limit(value: Any) -> str:
    return "-" if value == UNLIMITED else f"{int(value):,}"


def _title(what: str, shown: int, count: int) -> str:
    return what + (f" (first {shown}; {count - shown:,} more)" if shown < count else "")


def _requesters(market: Market) -> Table:
    rows = [
        [market.requester_ids[j], show(market.budget(j)), _limit(market.seat_limits[j])]
        for j in range(min(market.m, SHOWN_REQUESTERS))
    ]
    return Table(["requester", "budget", "seats"], rows, (1, 2), _title("Requesters", len(rows), market.m))


def _groups(market: Market) -> Table:
    sizes, places = market.group_sizes.tolist(), market.group_totals.tolist()
    rows = [[market.group_ids[l], f"{sizes[l]:,}", f"{places[l]:,}"] for l in range(min(market.L, SHOWN_GROUPS))]
    return Table(["group", "workers", "places"], rows, (1, 2), _title("Groups", len(rows), market.L))


def _workers(market: Market) -> Table:
    known = market.costs is not None
    rows = [
        [
            market.worker_ids[i],
            market.group_ids[int(market.group_of[i])],
            show(market.score(i)),
            show(market.cost(i)) if known else "-",
            show(market.bid(i)),
        ]
        for i in range(min(market.n, SHOWN_WORKERS))
    ]
    return Table(["worker", "group", "score", "cost", "bid"], rows, (2, 3, 4), _title("Workers", len(rows), market.n))


def market_frame(market: Market, of: Part = "workers", *, exact: bool = True) -> pd.DataFrame:
    """Return workers, requesters or caps as a data frame, in the columns that :meth:`Market.from_pandas` reads.

    Raises
    ------
    InputError
        For another part, or if pandas is not installed.
    """
    if of == "workers":
        columns: dict[str, list[Any]] = {
            "id": [*market.worker_ids],
            "group": [market.group_ids[l] for l in market.group_of.tolist()],
            "score": [market.score(i) for i in range(market.n)],
        }
        if market.costs is not None:
            columns["cost"] = [market.cost(i) for i in range(market.n)]
        columns["bid"] = [market.bid(i) for i in range(market.n)]
        if market.coverage is not None:
            columns["coverage"] = [[*row] for row in market.coverage]
    elif of == "requesters":
        columns = {
            "id": [*market.requester_ids],
            "budget": [market.budget(j) for j in range(market.m)],
            "seats": [None if seats == UNLIMITED else seats for seats in market.seat_limits.tolist()],
        }
    elif of == "caps":
        # A group nobody is in is not among the workers, so that no table can name it.
        limited = np.argwhere((market.cap_limits != UNLIMITED) & (market.group_sizes > 0)[:, None]).tolist()
        columns = {
            "group": [market.group_ids[l] for l, _ in limited],
            "requester": [market.requester_ids[j] for _, j in limited],
            "cap": [int(market.cap_limits[l, j]) for l, j in limited],
        }
    else:
        raise InputError(f"expected workers, requesters or caps, got {of!r}", field="of")
    return data_frame(columns, exact=exact)

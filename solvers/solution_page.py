"""A solution on one screen: what was asked, what it is worth and on what that rests, what is used up, who is hired."""

from __future__ import annotations

from fractions import Fraction
from heapq import nsmallest
from typing import TYPE_CHECKING

import numpy as np

from ..models.display import Page, Table, show
from ..models.exact import exact_sum
from ..models.problems import find_problem
from ..models.procurement.columns import UNLIMITED
from ..models.procurement.market import Market

if TYPE_CHECKING:
    from .solution import Solution

__all__ = ["solution_page", "status_line"]

SHOWN_HIRES, SHOWN_LIMITS, SHOWN_REQUESTERS = 12, 6, 10
"""Rows of one screen; the frame and JSON have them all."""


def status_line(solution: Solution) -> str:
    """Say in words what the point is and on what that rests."""
    if solution.status != "optimal":
        return f"{solution.status}, stopped: {solution.stopped} (bound {solution.exactness})"
    return {
        "checked": "optimal, proved (proof checked)",
        "enumerated": "optimal (every point enumerated)",
        "solver": "optimal, says HiGHS (not proved)",
        "unchecked": "optimal, says the search (not checked)",
    }[solution.exactness]


def solution_page(solution: Solution, *, summary: bool = False) -> Page:
    """Return a solution as a page; a summary leaves out who is hired."""
    market, problem = solution.market, solution.problem
    sizes = f"{market.n:,} workers, {market.m} requesters, {market.L} groups"
    facts = [
        ("problem", f"{problem}: {find_problem(problem).asks}"),
        ("market", sizes),
        ("status", status_line(solution)),
        ("coverage" if problem == "cover" else "score", show(solution.value)),
        ("bound", show(solution.bound)),
        ("gap", show(solution.gap)),
        *_budget(solution),
        ("method", f"{solution.method}, {solution.search_seconds:.3f} s; check {solution.check_seconds:.3f} s"),
    ]
    if solution.refused is not None:
        facts.append(("refused", solution.refused))
    if summary or solution.value is None:
        return Page("", facts)
    if solution.shares is not None:
        return Page("", facts, [_shares(market, solution)])
    assert solution.assignment is not None
    return Page("", facts, [_requesters(market, solution), _limits(market, solution.assignment), _hires(solution)])


def _spent(market: Market, chosen: np.ndarray) -> Fraction | None:
    """What workers cost together; None where costs are not known."""
    return (
        None
        if market.scaled.costs is None
        else Fraction(exact_sum(market.scaled.costs[chosen]), market.scaled.money_denominator)
    )


def _budget(solution: Solution) -> list[tuple[str, str]]:
    """Say how much money there is, who pools it and what is left."""
    market = solution.market
    total = sum((market.budget(j) for j in range(market.m)), Fraction(0))
    if solution.problem == "orp":
        return [("budget", f"{show(total)} pooled, which this problem does not look at")]
    if solution.problem == "opt-sep":
        return [("budget", f"{show(total)}, each requester spending its own")]
    if solution.shares is not None:
        # Most are hired whole.
        whole = np.array([i for (i, _), part in solution.shares.items() if part == 1], dtype=np.intp)
        split = sum((part * market.cost(i) for (i, _), part in solution.shares.items() if part != 1), Fraction(0))
        spent = (_spent(market, whole) or 0) + split
    elif solution.assignment is not None:
        spent = _spent(market, np.flatnonzero(solution.assignment >= 0)) or Fraction(0)
    else:
        return [("budget", f"{show(total)}, pooled by all requesters")]
    used = "used up" if spent == total else f"{show(total - spent)} left"
    return [("budget", f"{show(spent)} of {show(total)}, pooled by all requesters; {used}")]


def _requesters(market: Market, solution: Solution) -> Table:
    assert solution.assignment is not None
    rows = []
    for j in range(min(market.m, SHOWN_REQUESTERS)):
        hired = np.flatnonzero(solution.assignment == j)
        seats = "-" if market.seat_limits[j] == UNLIMITED else str(market.seat_limits[j])
        score = Fraction(exact_sum(market.scaled.scores[hired]), market.scaled.score_denominator)
        cost = _spent(market, hired)
        rows.append(
            [market.requester_ids[j], f"{len(hired):,}", seats, show(score), show(cost), show(market.budget(j))]
        )
    left = market.m - len(rows)
    title = "Requesters" + (f" (first {len(rows)}; {left:,} more)" if left else "")
    own = "own budget" if solution.problem == "opt-sep" else "brings"
    return Table(["requester", "hires", "seats", "score", "cost", own], rows, (1, 2, 3, 4, 5), title)


def _limits(market: Market, assignment: np.ndarray) -> Table:
    """Which seats and caps are used up; a cap that no worker is left for is none."""
    hired = np.flatnonzero(assignment >= 0)
    used = np.zeros(market.cap_limits.shape, dtype=np.int64)
    np.add.at(used, (market.group_of[hired], assignment[hired]), 1)
    rows = [
        ["seats", market.requester_ids[j], "", str(market.seat_limits[j])]
        for j in np.flatnonzero(market.seat_limits == used.sum(axis=0)).tolist()
    ]
    free = market.group_sizes > used.sum(axis=1)
    full = np.argwhere((market.cap_limits == used) & (market.cap_limits > 0) & free[:, None])
    rows += [
        ["cap", market.requester_ids[int(j)], market.group_ids[int(l)], str(market.cap_limits[l, j])]
        for l, j in full[:SHOWN_LIMITS]
    ]
    count = len(full) + len(rows) - min(len(full), SHOWN_LIMITS)
    rows, left = rows[:SHOWN_LIMITS], count - min(len(rows), SHOWN_LIMITS)
    title = "Limits that are reached" + (f" (first {len(rows)}; {left:,} more)" if left else "")
    return Table(["limit", "requester", "group", "places"], rows, (3,), title)


def _hires(solution: Solution) -> Table:
    market, assignment = solution.market, solution.assignment
    assert assignment is not None
    hired = np.flatnonzero(assignment >= 0)
    known = market.scaled.costs is not None
    rows = [
        [
            market.worker_ids[i],
            market.group_ids[int(market.group_of[i])],
            market.requester_ids[int(assignment[i])],
            show(market.score(i)),
            show(market.cost(i) if known else market.bid(i)),
        ]
        for i in hired[:SHOWN_HIRES].tolist()
    ]
    return Table(
        ["worker", "group", "requester", "score", "cost" if known else "bid"],
        rows,
        (3, 4),
        _title(len(rows), len(hired)),
    )


def _shares(market: Market, solution: Solution) -> Table:
    assert solution.shares is not None
    pairs = [(pair, part) for pair, part in solution.shares.items() if part]
    # Who is hired in part is what this problem is about: they come first.
    listed = nsmallest(SHOWN_HIRES, pairs, key=lambda pair: (pair[1] == 1, pair[0]))
    rows = [
        [market.worker_ids[i], market.requester_ids[j], show(part), show(market.score(i)), show(market.cost(i))]
        for (i, j), part in listed
    ]
    return Table(["worker", "requester", "share", "score", "cost"], rows, (2, 3, 4), _title(len(rows), len(pairs)))


def _title(shown: int, count: int) -> str:
    return "Who is hired" + (
        f" (first {shown}; {count - shown:,} more with --json or .frame())" if shown < count else ""
    )

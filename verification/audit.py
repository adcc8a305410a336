"""Is this mechanism truthful on this market? Decided by moving every bid over every breakpoint.

With the others' bids fixed, the outcome of a direct mechanism changes at finitely many values of one worker's bid, its breakpoints.
Testing every breakpoint and a point strictly between neighbours therefore decides truthfulness, if these are all the breakpoints.
For mechanisms built on ratios, affordability and posted prices the candidates are known: 0, the others' bids, ratio ties
``rho_j v_i``, affordability points ``B v_i / M(S)`` for every set ``S`` with the worker, the budgets, and the price grid ``B_j / t``.
A mechanism may declare more by an attribute ``breakpoints(market, worker)``; and since a truthful mechanism pays a winner the bid at
which it stops winning, every payment seen is taken for a breakpoint too.

A violation found is real whatever the breakpoints; that nothing was found means "decided" only where the breakpoints are known
to be all of them. :attr:`Audit.coverage` says which.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from ..fl.mechanisms.interface import Mechanism, Outcome, as_mechanism, call
from ..fl.mechanisms.outcome import check_exact
from ..fl.mechanisms.parts.breakpoints import ALL_SETS_UP_TO, breakpoints, with_points_between
from ..fl.progress import time_left
from ..models.display import Framed, Page, Table, show
from ..models.input_error import InputError
from ..models.names import nearest_name, position_of
from ..models.procurement.market import Market
from ..solvers.control import Control
from ..solvers.feasibility import violation

__all__ = ["PROPERTIES", "Audit", "Violation", "audit", "breakpoints"]

PROPERTIES = ("caps", "ir", "budget", "separate-budgets", "monotone", "dsic")
"""What can be audited; ``separate-budgets`` only on request, for mechanisms that promise it."""

EXHAUSTIVE = "exhaustive"
DECLARED = "over declared breakpoints"

COMPLETE = frozenset({"driftpay-co", "drop-top"})
"""Mechanisms whose outcome depends on a bid only through its place among the other ratios, tests ``rho_i M(S) <= B`` and
``b_i <= B``: the candidates are all their breakpoints."""

Rule = Callable[..., Outcome]


@dataclass(frozen=True)
class Violation:
    """One way in which a property fails.

    Attributes
    ----------
    property : str
        One of :data:`PROPERTIES`.
    worker : int or None
        Whom it is about.
    cost : Fraction or None
        For ``dsic``: the true cost. For ``monotone``: the lower bid, at which the worker loses.
    bid : Fraction or None
        For ``dsic``: the profitable lie. Otherwise the bid at which it fails.
    gain : Fraction or None
        For ``dsic``: what the lie gains; for the budgets: the overspending; for ``ir``: the loss.
    says : str
        In words.
    """

    property: str
    worker: int | None
    cost: Fraction | None
    bid: Fraction | None
    gain: Fraction | None
    says: str


@dataclass(repr=False)
class Audit(Framed):
    """What an audit found on one market.

    Attributes
    ----------
    market : Market
    mechanism : str
    properties : tuple of str
        Those audited.
    violations : list of Violation
        The first of each kind per worker.
    coverage : str
        ``exhaustive`` or ``over declared breakpoints``.
    points, runs : int
        Bids tested and runs of the mechanism.
    workers : int
        How many workers' bids were moved.
    stopped : bool
        Whether time ran out, or somebody interrupted, before all of them were.
    """

    market: Market
    mechanism: str
    properties: tuple[str, ...]
    violations: list[Violation] = field(default_factory=list)
    coverage: str = DECLARED
    points: int = 0
    runs: int = 0
    workers: int = 0
    stopped: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.violations

    def failed(self) -> tuple[str, ...]:
        """Return the properties that fail, in the order of :data:`PROPERTIES`."""
        found = {violation.property for violation in self.violations}
        return tuple(name for name in PROPERTIES if name in found)

    def columns(self) -> dict[str, list[Any]]:
        """Return the violations column by column: property, worker, cost, bid, gain, says."""
        columns: dict[str, list[Any]] = {
            name: [getattr(found, name) for found in self.violations]
            for name in ("property", "worker", "cost", "bid", "gain", "says")
        }
        columns["worker"] = [None if i is None else self.market.worker_ids[i] for i in columns["worker"]]
        return columns

    def page(self) -> Page:
        """Return what holds and what is violated, by whom, on one screen."""
        rows = []
        for name in self.properties:
            first = next((found for found in self.violations if found.property == name), None)
            gain = "" if first is None or first.gain is None else show(first.gain)
            verdict = "VIOLATED" if first is not None else "undecided" if self.stopped else "holds"
            rows.append([name, verdict, gain, "" if first is None else first.says])
        title = (
            f"{self.mechanism}: {self.points:,} bids of {self.workers:,} of {self.market.n:,} workers, {self.coverage}"
            + (", stopped early" if self.stopped else "")
        )
        return Page("", tables=[Table(["property", "", "by", "first violation"], rows, (2,), title)])

    def __repr__(self) -> str:
        return (
            f"Audit({self.mechanism}: {', '.join(self.failed()) + ' violated' if self.violations else 'nothing found'})"
        )


def audit(
    market: Market,
    mechanism: str | Rule,
    *,
    properties: Sequence[str] | None = None,
    workers: Iterable[int | str] | None = None,
    exhaustive: bool | None = None,
    options: dict[str, Any] | None = None,
    time_limit: float | None = None,
    report: Callable[[str], None] | None = None,
) -> Audit:
    """Audit a mechanism on one market.

    Parameters
    ----------
    market : Market
        Its bids are the others' bids; its costs are not used.
    mechanism : str or callable
        A registered name, ``pkg.module:callable``, ``file.py:callable``, or a function ``market -> Outcome``.
    properties : sequence of str, optional
        From :data:`PROPERTIES`; all of them if left out, ``separate-budgets`` only where the mechanism claims it.
    workers : iterable of str or int, optional
        Whose bids are moved, by id or position; everybody's if left out.
    exhaustive : bool, optional
        Whether candidates and declared breakpoints are known to be all; by default for the mechanisms in :data:`COMPLETE`.
    options : dict, optional
        The mechanism's options, as for :func:`fedmech.run`.
    time_limit : float, optional
        Seconds after which no further bid is tried; what was found until then stands.
    report : callable, optional
        Takes words about how far it is.

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        For an unknown mechanism, property or option, a market the mechanism cannot run on, or a callable that fails or does not
        return an outcome.
    """
    unknown = [name for name in properties or () if name not in PROPERTIES]
    if unknown:
        raise InputError(f"unknown property {unknown[0]!r}; there are {', '.join(PROPERTIES)}", field="property")
    entry = as_mechanism(mechanism)
    given = entry.read_options(market, options or {})
    refusal = entry.refusal(market, given)
    if refusal is not None:
        raise InputError(f"{entry.name}: {refusal}", field="mechanism")
    if properties is None:
        properties = [name for name in PROPERTIES if name != "separate-budgets" or name in entry.claims]
    complete = (
        (entry.shipped and entry.name in COMPLETE and market.n <= ALL_SETS_UP_TO) if exhaustive is None else exhaustive
    )
    found = Audit(
        market,
        entry.name,
        tuple(p for p in PROPERTIES if p in properties),
        coverage=EXHAUSTIVE if complete else DECLARED,
    )
    control = Control.for_seconds(time_limit, report)
    moved = range(market.n) if workers is None else _positions(market, workers)
    started = time.monotonic()
    try:
        for position, worker in enumerate(moved):
            before = found.runs

            def tried(share: float, position: int = position, worker: int = worker, before: int = before) -> None:
                which = f"worker {position + 1:,} of {len(moved):,} ({market.worker_ids[worker]})"
                left = time_left(started, (position + share) / len(moved))
                control.progress(f"{which}: {found.runs - before:,} bids{left}")

            _audit_worker(market, entry, worker, found, given, control, tried)
            if found.stopped:
                break
            found.workers += 1
    except KeyboardInterrupt:
        found.stopped = True
    return found


def _positions(market: Market, workers: Iterable[int | str]) -> list[int]:
    known = {name: i for i, name in enumerate(market.worker_ids)}
    found = []
    for worker in [workers] if isinstance(workers, str) else workers:
        position = position_of(worker, market.n, known)
        if position is None:
            raise InputError(f"no worker is called {worker!r}{nearest_name(str(worker), known)}", field="worker")
        found.append(position)
    return found


def _audit_worker(
    market: Market,
    entry: Mechanism,
    worker: int,
    report: Audit,
    options: dict[str, Any],
    control: Control,
    tried: Callable[[float], None],
) -> None:
    breaks = breakpoints(market, worker)
    declared = getattr(entry.run, "breakpoints", None)
    if declared is not None:
        breaks |= {Fraction(point) for point in declared(market, worker) if point >= 0}
    seen: dict[Fraction, tuple[bool, Fraction]] = {}
    bids = [market.bid(i) for i in range(market.n)]
    already = {(found.property, found.worker) for found in report.violations}

    def note(found: Violation) -> None:
        if found.property in report.properties and (found.property, found.worker) not in already:
            already.add((found.property, found.worker))
            report.violations.append(found)

    while True:
        bids_now = list(with_points_between(breaks))
        for number, bid in enumerate(bids_now):
            tried(number / len(bids_now))
            if control.expired():
                report.stopped = True
                break
            if bid not in seen:
                profile = market.with_bids([*bids[:worker], bid, *bids[worker + 1 :]])
                outcome = check_exact(profile, entry.name, call(entry, profile, options))
                report.runs += 1
                for found in _outcome_violations(profile, outcome, worker, bid, report.properties):
                    note(found)
                seen[bid] = (bool(outcome.assignment[worker] >= 0), outcome.payment(worker))
        fresh = {paid for wins, paid in seen.values() if wins and paid >= 0} - breaks
        # A mechanism that pays each bid its own price would go on forever; one round of its prices is enough.
        if report.stopped or not fresh or len(breaks) > 4 * len(bids) + 400 or len(fresh) > 4 + len(bids):
            break
        breaks |= fresh
    report.points += len(seen)
    ordered = sorted(seen)
    for low, high in pairwise(ordered):
        if seen[high][0] and not seen[low][0]:
            note(
                Violation(
                    "monotone", worker, low, high, None,
                    f"{market.worker_ids[worker]} loses at bid {low} and wins at bid {high}",
                )
            )  # fmt: skip
    best: Violation | None = None
    if "dsic" in report.properties:
        best = _best_lie(market, worker, seen)
    if best is not None:
        note(best)


def _best_lie(market: Market, worker: int, seen: dict[Fraction, tuple[bool, Fraction]]) -> Violation | None:
    """Return the most profitable lie among the tested bids, the true cost being any of them."""

    def utility(cost: Fraction, bid: Fraction) -> Fraction:
        wins, paid = seen[bid]
        return paid - cost if wins else paid

    # Only the best-paid win and the best-paid loss can be worth lying for.
    lies = [
        max((bid for bid in seen if seen[bid][0] == kind), key=lambda bid: (seen[bid][1], -bid), default=None)
        for kind in (True, False)
    ]
    best: Violation | None = None
    for cost in sorted(seen):
        for bid in lies:
            if bid is None:
                continue
            gain = utility(cost, bid) - utility(cost, cost)
            if gain > 0 and (best is None or best.gain is None or gain > best.gain):
                says = f"{market.worker_ids[worker]} with cost {cost} gains {gain} by bidding {bid}"
                best = Violation("dsic", worker, cost, bid, gain, says)
    return best


def _outcome_violations(
    market: Market, outcome: Outcome, worker: int, bid: Fraction, properties: Sequence[str]
) -> Iterable[Violation]:
    """What is wrong with one outcome in itself; the profile is the market's with one bid moved."""
    broken = violation(market, "orp", np.asarray(outcome.assignment))
    if broken is not None:
        yield Violation("caps", worker, None, bid, None, broken)
        return
    for i in range(market.n):
        paid, wins = outcome.payment(i), outcome.assignment[i] >= 0
        short = (market.bid(i) if wins else Fraction(0)) - paid
        if short > 0:
            says = f"{market.worker_ids[i]} bids {market.bid(i)}, {'wins' if wins else 'loses'} and is paid {paid}"
            yield Violation("ir", worker, None, bid, short, says)
    total, budget = outcome.total_payment, market.total_budget
    if total > budget:
        yield Violation("budget", worker, None, bid, total - budget, f"payments {total} exceed the budget {budget}")
    if "separate-budgets" in properties:
        for j in range(market.m):
            spent = sum((outcome.payment(int(i)) for i in np.flatnonzero(outcome.assignment == j)), Fraction(0))
            if spent > market.budget(j):
                says = f"{market.requester_ids[j]} pays {spent}, more than its budget {market.budget(j)}"
                yield Violation("separate-budgets", worker, None, bid, spent - market.budget(j), says)

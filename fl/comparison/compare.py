"""Run mechanisms beside the exact optima, market by market.

The ratio is the mechanism's score over the optimum, at most 1 for whatever keeps the problem's limits. An optimum that is not proved is
an interval, and so is every ratio to it. In a market that knows bids only, the optima are those of the bids, and are named so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...models.display import show
from ...models.exact import exact_sum
from ...models.input_error import InputError
from ...models.names import nearest_name
from ...models.procurement.formats import read_any_market
from ...models.procurement.market import Market
from ...solvers.control import Control, Stopped, TimeUp
from ...solvers.feasibility import violation
from ...solvers.registry import check_problem
from ...solvers.solution import Solution
from ...solvers.solve import solve
from ..mechanisms.interface import Mechanism, as_mechanism, mechanisms, run_mechanism
from ..mechanisms.outcome import LimitError, Outcome
from ..progress import time_left, written_over
from .row import Interval, Row, optimum_name
from .table import Comparison

__all__ = ["SEPARATE_SECONDS", "chosen_mechanisms", "compare", "named_markets", "usual_problems"]

SEPARATE_SECONDS = 20.0
"""OPT-SEP is strongly NP-hard: without a time limit, it gets this one a market, and the table says what was proved."""

RELAXATIONS = ("opt-frac", "orp")
"""Problems of fewer limits than OPT: their values are bounds, not what a mechanism could reach."""

"""Between two words about progress."""


def compare(
    markets: Any,
    mechanisms: Any = None,
    problems: str | Iterable[str] = ("opt",),
    *,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int | None = None,
    time_limit: float | None = None,
    report: Callable[[str], None] | None = None,
    keep: bool = False,
) -> Comparison:
    """Compare mechanisms with the exact optimum, on one market or many.

    Parameters
    ----------
    markets : Market, path, sequence of these, or mapping name -> market or path
    mechanisms : str or callable, sequence of these, or mapping name -> callable, optional
        As :func:`fedmech.run` takes them; all that are registered if left out.
    problems : sequence of str
        The optima to set beside them: ``opt``, ``opt-sep``, ``opt-frac``, ``orp``. Ratios are to the first; to the others as well where the
        outcome keeps their limits.
    options : mapping mechanism -> options, optional
    seed : int, optional
        For the mechanisms that draw.
    time_limit : float, optional
        Seconds for everything. What is not reached is said to be so, and an optimum that is not proved in time is an interval.
    report : callable, optional
        Receives messages of progress; by default they go to standard error where that is a terminal.
    keep : bool
        Whether the solutions and outcomes behind the rows are kept, in `kept`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        For markets, mechanisms, problems or options that are none, and for a mechanism of somebody's own that fails or returns what it
        must not. One that breaks caps or seats is a row that says so.
    """
    chosen = chosen_mechanisms(mechanisms)
    asked = [problems] if isinstance(problems, str) else list(problems)
    for problem in asked:
        check_problem(problem)
        if problem == "cover":
            raise InputError("mechanisms are compared by score, and cover is not about scores", field="problems")
    if not asked or len({*asked}) < len(asked):
        raise InputError("name one problem or several, each once", field="problems")
    given = _options(chosen, options or {}, seed)
    named = named_markets(markets)
    kept: dict[tuple[str, str], Solution | Outcome] | None = {} if keep else None
    task = _Task(chosen, asked, given, Control.for_seconds(time_limit), report or written_over(), len(named), kept)
    rows: list[Row] = []
    try:
        for position, (name, market) in enumerate(named.items()):
            rows += task.rows(name, market if isinstance(market, Market) else read_any_market(market), position)
    finally:
        if report is None:
            # Nothing stays of the line that was written over.
            task.progress("")
    return Comparison(rows, asked, [*named], task.cut_short, task.about, kept or {})


def usual_problems(market: Market | None, chosen: Iterable[Mechanism]) -> list[str]:
    """The optima that belong beside some mechanisms: OPT-SEP too where one promises to keep separate budgets, and there are several.

    Parameters
    ----------
    market : Market or None
        None for many.
    chosen : iterable of Mechanism
    """
    several = market is None or market.m > 1
    separate = several and any("separate-budgets" in entry.claims for entry in chosen)
    return ["opt", "opt-frac", *(["opt-sep"] if separate else [])]


def named_markets(markets: Any) -> dict[str, Market | Path]:
    """Give every market a name: its own, that of its file, or its place in the list.

    Raises
    ------
    InputError
        For what is no market, and where there is none.
    """
    if isinstance(markets, Mapping):
        named = {str(name): _market(market) for name, market in markets.items()}
        if len(named) < len(markets):
            raise InputError("two markets have the same name", field="markets")
    else:
        alone = isinstance(markets, Market | str | os.PathLike)
        if not alone and not isinstance(markets, Iterable):
            _market(markets)
        listed = [_market(market) for market in ([markets] if alone else markets)]
        files = [market for market in listed if isinstance(market, Path)]
        short = [_short(file) for file in files]
        clear = len({*short}) == len(short)
        named = {}
        for position, market in enumerate(listed, start=1):
            name = str(position) if isinstance(market, Market) else _short(market) if clear else str(market)
            if name in named:
                name = f"{name} ({position})"
            named[name] = market
    if not named:
        raise InputError("there is no market to compare on", field="markets")
    return named


def _market(market: Any) -> Market | Path:
    if isinstance(market, Market):
        return market
    if isinstance(market, str | os.PathLike):
        return Path(market)
    raise InputError(f"expected a procurement market or its file, got {type(market).__name__}", field="markets")


def _short(file: Path) -> str:
    return file.name.removesuffix(".json").removesuffix(".market") or file.name


def chosen_mechanisms(given: Any) -> list[Mechanism]:
    """Read which mechanisms are meant, as :func:`compare` takes them."""
    if given is None:
        return mechanisms("procurement")
    if isinstance(given, Mapping):
        chosen = [replace(as_mechanism(rule), name=str(name)) for name, rule in given.items()]
    else:
        alone = isinstance(given, str | Mechanism) or callable(given)
        if not alone and not isinstance(given, Iterable):
            raise InputError(f"expected mechanisms, got {type(given).__name__}", field="mechanisms")
        listed: Any = [given] if alone else given
        chosen = [as_mechanism(rule) for rule in listed]
    names = [entry.name for entry in chosen]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two mechanisms are called {name!r}; a mapping names them", field="mechanisms")
    if not chosen:
        raise InputError("there is no mechanism to compare", field="mechanisms")
    return chosen


def _options(
    chosen: Sequence[Mechanism], options: Mapping[str, Mapping[str, Any]], seed: int | None
) -> dict[str, dict[str, Any]]:
    known = {entry.name: entry for entry in chosen}
    for name in options:
        if name not in known:
            there = nearest_name(str(name), known) or f"; compared are {', '.join(known)}"
            raise InputError(f"options for {name!r}, which is not compared{there}", field="options")
    found = {name: dict(options.get(name, {})) for name in known}
    if seed is not None:
        for name, entry in known.items():
            if any(option.name == "seed" for option in entry.options):
                found[name] = {"seed": seed} | found[name]
    return found


@dataclass
class _Task:
    """What is compared, and how far it is."""

    chosen: Sequence[Mechanism]
    problems: Sequence[str]
    options: Mapping[str, dict[str, Any]]
    control: Control
    progress: Callable[[str], None]
    markets: int
    kept: dict[tuple[str, str], Solution | Outcome] | None = None
    cut_short: str | None = None
    about: str = ""
    started: float = 0.0

    def rows(self, name: str, market: Market, position: int) -> Iterator[Row]:
        """Compare on one market."""
        self.started = self.started or time.monotonic()
        if self.markets == 1:
            self.about = _about(market)
        basis = "" if market.scaled.costs is not None else " at bids"
        costed = market.with_scaled(costs=market.scaled.bids) if basis else market
        optima: dict[str, Solution] = {}
        for problem in self.problems:
            if self.cut_short is None:
                self._say(position, name, optimum_name(problem))
                self._solve(costed, problem, optima, self.markets - position)
            found = optima.get(problem)
            label = optimum_name(problem) + basis
            if self.kept is not None and found is not None:
                self.kept[name, label] = found
            yield (
                _missing(name, label, "optimum", self.cut_short, problem)
                if found is None
                else _optimum_row(
                    costed, name, label, found, _ratios(costed, found.value, found.assignment, optima, self.problems)
                )
            )
        for entry in self.chosen:
            if self.cut_short is None:
                try:
                    self.control.check()
                    self._say(position, name, entry.name)
                    yield self._mechanism_row(name, market, costed, entry, optima)
                    continue
                except (Stopped, KeyboardInterrupt) as stop:
                    self.cut_short = "time is up" if isinstance(stop, Stopped | TimeUp) else "interrupted"
            yield replace(_missing(name, entry.name, "mechanism", self.cut_short), truthful=_truthful(entry))

    def _solve(self, market: Market, problem: str, optima: dict[str, Solution], left: int) -> None:
        """Solve one problem, with half of the time that this market has, so that something is left for the mechanisms."""
        remaining = self.control.remaining()
        limit = None if remaining is None else remaining / left / 2
        if limit is None and problem == "opt-sep":
            limit = SEPARATE_SECONDS
        try:
            found = solve(market, problem, time_limit=limit, allow_suboptimal=True)
        except KeyboardInterrupt as stop:
            self.cut_short = "time is up" if isinstance(stop, TimeUp) else "interrupted"
            return
        optima[problem] = _within(found, optima["opt"]) if problem == "opt-sep" and "opt" in optima else found

    def _say(self, position: int, market: str, what: str) -> None:
        """Say how far it is, and from the second market on how long it will take."""
        message = what
        if self.markets > 1:
            message = f"market {position + 1} of {self.markets} ({market}): {what}"
            if position:
                message += time_left(self.started, position / self.markets)
        self.progress(message)

    def _mechanism_row(
        self, name: str, market: Market, costed: Market, entry: Mechanism, optima: Mapping[str, Solution]
    ) -> Row:
        options = self.options[entry.name]
        row = Row(name, entry.name, "mechanism", truthful=_truthful(entry))
        refused = entry.refusal(market, options)
        if refused is not None:
            return replace(row, refused=refused)
        try:
            outcome = run_mechanism(market, entry, **options)
        except LimitError as error:
            if entry.shipped:
                raise
            return replace(row, refused=str(error), promises={"caps": False})
        except InputError as error:
            if self.markets > 1:
                error = InputError(f"on market {name}: {error}")
            raise error from None
        if self.kept is not None:
            self.kept[name, entry.name] = outcome
        note = f"coverage {float(outcome.details['coverage']):g}" if "coverage" in outcome.details else ""
        return replace(
            row,
            score=outcome.score,
            ratios=_ratios(costed, outcome.score, outcome.assignment, optima, self.problems),
            workers=len(outcome.winner_indices),
            caps_met=_caps_met(market, outcome.assignment),
            spend=outcome.total_payment,
            price=outcome.price,
            promises=outcome.promises,
            seconds=outcome.seconds,
            note=outcome.unit_mistake or note,
        )


def _about(market: Market) -> str:
    """What market this is, in one line."""
    return f"{market.n:,} workers, {market.m} requesters, {market.L} groups, pooled budget {show(market.total_budget)}"


def _missing(market: str, name: str, kind: Any, reason: str | None, problem: str | None = None) -> Row:
    return Row(market, name, kind, problem, refused=reason)


def _truthful(entry: Mechanism) -> bool | None:
    """Whether a mechanism claims to be truthful; what others wrote may be without saying so."""
    return True if "truthful" in entry.claims else False if entry.shipped else None


def _within(separate: Solution, pooled: Solution) -> Solution:
    """Tighten OPT-SEP's bound by OPT's: what separate budgets can do, the pooled one can."""
    if pooled.bound is None or separate.bound is None or separate.bound <= pooled.bound:
        return separate
    if separate.value == pooled.bound:
        return replace(
            separate,
            bound=pooled.bound,
            status="optimal",
            stopped="proved",
            exactness=pooled.exactness,
            proof=pooled.proof,
            method="meets OPT",
        )
    return replace(separate, bound=pooled.bound)


def _ratios(
    market: Market,
    score: Fraction | None,
    assignment: np.ndarray | None,
    optima: Mapping[str, Solution],
    problems: Sequence[str],
) -> dict[str, Interval]:
    """Return score over optimum, problem by problem."""
    found: dict[str, Interval] = {}
    for problem in problems:
        best = optima.get(problem)
        if best is None or score is None or assignment is None or best.value is None or not best.bound:
            continue
        within = violation(market, "opt" if problem == "opt-frac" else problem, assignment) is None
        if not within and problem != problems[0]:
            continue
        # A point within the limits is no better than the optimum, whatever the best point found is worth.
        reached = max(best.value, score) if within else best.value
        if reached:
            found[problem] = Interval(score / best.bound, score / reached)
    return found


def _optimum_row(market: Market, name: str, label: str, found: Solution, ratios: Mapping[str, Interval]) -> Row:
    row = Row(
        name,
        label,
        "optimum",
        found.problem,
        score=found.value,
        bound=found.bound,
        ratios={} if found.problem in RELAXATIONS else ratios,
        status=found.status,
        exactness=found.exactness,
        method=found.method,
        seconds=found.seconds,
        note="linear relaxation of OPT" if found.problem == "opt-frac" else "",
    )
    if found.assignment is None:
        return row
    hired = found.assignment >= 0
    spend = None
    if market.scaled.costs is not None:
        spend = Fraction(exact_sum(market.scaled.costs[hired]), market.scaled.money_denominator)
    return replace(row, workers=int(hired.sum()), caps_met=_caps_met(market, found.assignment), spend=spend)


def _caps_met(market: Market, assignment: np.ndarray) -> int:
    """Count the pairs of group and requester whose cap, if they have one, is fully used."""
    hired = np.flatnonzero(assignment >= 0)
    used = np.zeros(market.cap_limits.shape, dtype=np.int64)
    np.add.at(used, (market.group_of[hired], assignment[hired]), 1)
    return int(((used == market.cap_limits) & (market.cap_limits > 0)).sum())

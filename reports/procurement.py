"""The report of a procurement market: who is hired and why not the others, the optimum and its proof, all mechanisms beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..fl.comparison.colours import PALETTE, mechanism_colour
from ..fl.comparison.compare import chosen_mechanisms, compare, usual_problems
from ..fl.comparison.row import Row
from ..fl.comparison.table import Comparison
from ..fl.mechanisms.outcome import Outcome
from ..models.display import Table, share, show
from ..models.input_error import InputError
from ..models.procurement.market import Market
from ..solvers.control import Control, Stopped
from ..solvers.explain.passed_over import passed_over
from ..solvers.explain.prices import lp_prices
from ..solvers.seated.parametric import price_of_money
from ..solvers.solution import Solution
from .document import RESTS_ON, Report, Section, facts, filtered, folded, page_markup, prose, table
from .svg import Bar, Dots, bars, chart

__all__ = ["compared_report", "comparison_sections", "market_report", "solution_sections"]

SHOWN_WORKERS, SHOWN_DOTS, SHOWN_GROUPS = 400, 1_500, 8
EXPLAIN_SECONDS = 20.0
"""What prices may take: they explain, and are not what was asked for."""


def market_report(
    market: Market,
    chosen: Any = None,
    *,
    title: str = "",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int | None = None,
    time_limit: float | None = None,
) -> Report:
    """Report on a market: solve it, run every mechanism that applies, explain.

    Parameters
    ----------
    market : Market
    chosen : sequence of str or callable, or mapping name -> callable, optional
        Mechanisms as :func:`fedmech.compare` takes them.
    title : str
    options, seed, time_limit
        As :func:`fedmech.compare` takes them.
    """
    rules = chosen_mechanisms(chosen)
    compared = compare(
        market,
        rules,
        usual_problems(market, rules),
        options=options,
        seed=seed,
        time_limit=time_limit,
        keep=True,
    )
    return compared_report(market, compared, title=title)


def compared_report(market: Market, compared: Comparison, *, title: str = "") -> Report:
    """Report on a market that is compared already, with what is behind the rows kept."""
    kept = {name: found for (_, name), found in compared.kept.items()}
    best = next((found for found in kept.values() if isinstance(found, Solution) and found.problem == "opt"), None)
    outcomes = {name: found for name, found in kept.items() if isinstance(found, Outcome)}
    sections = [Section("The market", page_markup(market.page()))]
    if best is not None:
        sections += solution_sections(best, outcomes)
    sections += comparison_sections(compared)
    if outcomes:
        sections.append(
            Section("Who wins and what they are paid", [_outcome(compared, name, outcomes) for name in outcomes])
        )
    return Report(title or "A procurement market", sections, compared.complete, compared.proved)


def solution_sections(best: Solution, outcomes: Mapping[str, Outcome] | None = None) -> list[Section]:
    """Return an optimum, on what it rests, what binds and why those who are not hired are not."""
    control = Control.for_seconds(EXPLAIN_SECONDS)
    parts = [*page_markup(replace_tables(best)), prose(RESTS_ON[best.exactness])]
    if best.proof is not None:
        said = f"Kind {best.proof.kind}; bound {show(best.bound)}. 'fedmech solve --certificate' writes the proof to a file, 'fedmech check' checks it again."
        parts.append(facts([("proof", said)]))
    sections = [Section("The optimum and its proof", parts)]
    if best.problem != "opt" or best.assignment is None:
        return sections
    price = None
    try:
        price = price_of_money(best.market, control).price
        price = price * best.market.scaled.money_denominator / best.market.scaled.score_denominator
    except Stopped:
        pass
    sections.append(Section("What binds, and what more of it would be worth", _binding(best, price, control)))
    sections.append(Section("Who is hired, and why not the others", _workers(best, price, outcomes or {})))
    return sections


def replace_tables(best: Solution) -> Any:
    """The page of a solution without the list of those who are hired, which has a part of its own where it is of OPT."""
    page = best.page()
    return replace(page, tables=page.tables[:-2]) if best.problem == "opt" and best.assignment is not None else page


def _binding(best: Solution, price: Fraction | None, control: Control) -> list[str]:
    assert best.assignment is not None
    parts = [table(best.page().tables[1])]
    if not best.page().tables[1].rows:
        parts = [prose("No cap and no seat limit is reached.")]
    if price is not None:
        worth = (
            f"{show(price)} of score for one more unit of budget: the price of money in the linear relaxation, exactly. "
            "Workers are hired whole, so the optimum may gain more or less."
            if price
            else "Money is no limit: everybody worth placing can be paid."
        )
        parts.append(facts([("price of money", worth)]))
    try:
        prices = lp_prices(best.market, "opt", control)
    except Stopped:
        return [*parts, prose("LP prices of caps and seats were not found in time.")]
    except InputError as error:
        return [*parts, prose(f"There are no LP prices of caps and seats: {error}.")]
    return [*parts, *page_markup(prices.page())]


def _workers(best: Solution, price: Fraction | None, outcomes: Mapping[str, Outcome]) -> list[str]:
    market, assignment = best.market, best.assignment
    assert assignment is not None
    barred = passed_over(market, assignment)
    hired = assignment >= 0
    votes = np.zeros(market.n, dtype=np.int64)
    for outcome in outcomes.values():
        votes += outcome.assignment >= 0
    order = sorted(range(market.n), key=lambda i: (not hired[i], *_ratio_key(market, i))) if market.n else []
    rows = []
    for i in order[:SHOWN_WORKERS]:
        cost, score = market.cost(i), market.score(i)
        line = (
            "-" if price is None else "above" if score > price * cost else "below" if score < price * cost else "on it"
        )
        rows.append(
            [
                market.worker_ids[i],
                "hired" if hired[i] else "not hired",
                market.group_ids[int(market.group_of[i])],
                show(score),
                show(cost),
                show(score / cost) if cost else "free",
                line,
                market.requester_ids[int(assignment[i])] if hired[i] else barred.reason(i),
                *([f"{int(votes[i])} of {len(outcomes)}"] if outcomes else []),
            ]
        )
    head = ["worker", "in the optimum", "group", "score", "cost", "score per cost", "price line", "by whom, or why not"]
    more = ["mechanisms that hire it"] if outcomes else []
    left = market.n - len(rows)
    title = "Workers" + (f" (first {len(rows):,}; {left:,} more)" if left else "")
    right = (3, 4, 5, *([8] if outcomes else []))
    says = [f"{int(hired.sum()):,} of {market.n:,} workers are hired; {show(barred.left)} of the budget is left."]
    lost = int((~hired).sum())
    if lost and best.status == "optimal":
        counts = (
            int(barred.no_place.sum()),
            int(barred.too_dear.sum()),
            int((barred.no_place & barred.too_dear).sum()),
        )
        says.append(
            f"Of the {lost:,} others, {counts[0]:,} find no place for their group, even if the hired move between requesters, and "
            f"{counts[1]:,} cost more than what is left ({counts[2]:,} both). To hire any of them, somebody else would have to go, "
            f"and {'by the proof' if best.proved else 'if this is the optimum'} no such exchange is worth more."
        )
    return [prose(*says), _scatter(market, hired, price), filtered(Table([*head, *more], rows, right, title), 1)]


def _ratio_key(market: Market, i: int) -> tuple[bool, Fraction, int]:
    cost = market.cost(i)
    return (cost > 0, -market.score(i) / cost if cost else -market.score(i), i)


def _scatter(market: Market, hired: np.ndarray, price: Fraction | None) -> str:
    """Who is hired, by cost, score and group, with the price line."""
    step = -(-market.n // SHOWN_DOTS) if market.n else 1
    few = market.L <= SHOWN_GROUPS
    series = []
    for l in range(market.L if few else 1):
        for state in (False, True):
            chosen = np.flatnonzero((hired == state) & ((market.group_of == l) | (not few)))[::step].tolist()
            points = [(market.cost(i), market.score(i)) for i in chosen]
            label = (market.group_ids[l] if few else "hired") if state else ("" if few else "not hired")
            series.append(Dots(label, PALETTE[2 * (l if few else 0)], points, hollow=not state))
    line = None if not price else (price, "the price line")
    above = sum(
        1 for i in np.flatnonzero(hired).tolist() if price is not None and market.score(i) > price * market.cost(i)
    )
    says = f"{int(hired.sum())} of {market.n} workers are hired" + (
        f", {above} of them above the line whose slope is the price of money, {show(price)}" if price else ""
    )
    caption = "Full: hired; hollow: not. Above the price line a worker is worth its money, but places may be taken." + (
        f" One of {step} workers is drawn." if step > 1 else ""
    )
    return chart("Workers by cost and score", says, series, ("cost", "score"), caption, zero=True, line=line)


def comparison_sections(compared: Comparison) -> list[Section]:
    """Return a comparison: the table, what has to be known beside it, and a figure."""
    return [Section("All mechanisms beside the optimum", [_bars(compared), *page_markup(compared.page())])]


def _bars(compared: Comparison) -> str:
    if len(compared.markets) != 1:
        drawn = [
            Bar(
                one.name,
                one.mean.low,
                one.mean.high,
                mechanism_colour(one.name),
                share(one.mean.low, 3),
                _mark(any(one.broken.values())),
            )
            for one in compared.summary()
            if one.mean is not None
        ]
        return bars(f"Mean {compared.ratio_name}", drawn, _caption(drawn, "means over the markets"))
    drawn = []
    for row in compared.rows:
        ratio = compared.ratio(row)
        if row.kind == "mechanism" and ratio is not None:
            drawn.append(
                Bar(
                    row.name,
                    ratio.low,
                    ratio.high,
                    mechanism_colour(row.name),
                    share(ratio.low, 3),
                    _mark(bool(row.faults)),
                )
            )
    drawn.sort(key=lambda bar: -bar.low)
    return bars(compared.ratio_name, drawn, _caption(drawn, "the dashed line is the optimum"))


def _mark(broken: bool) -> str:
    return " †" if broken else ""


def _caption(drawn: Sequence[Bar], says: str) -> str:
    marked = (
        "; †: breaks what the optimum keeps (over budget, or paid below bid)" if any(bar.mark for bar in drawn) else ""
    )
    return f"Score over optimum: {says}{marked}."


def _outcome(compared: Comparison, name: str, outcomes: Mapping[str, Outcome]) -> str:
    rows: dict[str, Row] = {row.name: row for row in compared.rows}
    ratio = compared.ratio(rows[name])
    reached = "" if ratio is None else f", {share(ratio.low)} of the optimum"
    faults = f"; {', '.join(rows[name].faults)}" if rows[name].faults else ""
    price = outcomes[name].price
    posted = "" if price is None else f", price {show(price)}"
    summary = f"{name}: {len(outcomes[name].winner_indices):,} winners{reached}{posted}{faults}"
    return folded(summary, page_markup(outcomes[name].page()))

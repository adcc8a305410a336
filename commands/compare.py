"""``fedmech compare``: what mechanisms achieve beside the exact optimum."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    STOPPED,
    DropZeroOption,
    JsonOption,
    MarketArgument,
    guarded,
    load_market,
    number,
    print_json,
    progress_reporter,
    show,
    table,
    whole_limit,
)
from .run import parse_options

if TYPE_CHECKING:
    import numpy as np

    from ..models.procurement.market import Market
    from ..solvers.control import Control
    from ..solvers.solution import Solution

__all__ = [
    "SEPARATE_SECONDS",
    "LimitOption",
    "MechanismOptionsOption",
    "MechanismsOption",
    "SeedOption",
    "compare_command",
    "options_by_mechanism",
]

SEPARATE_SECONDS = 20.0
"""OPT-SEP is strongly NP-hard: if no time limit is given, it gets this one, and the table says what was proved."""

MechanismsOption = Annotated[list[str] | None, typer.Option(help="only these mechanisms; all if left out")]
MechanismOptionsOption = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="MECHANISM.NAME=VALUE", help="an option of one mechanism, as for 'fedmech run'"),
]
SeedOption = Annotated[int | None, typer.Option(help="for the mechanisms that draw")]
LimitOption = Annotated[
    float | None, typer.Option(help="seconds for everything; if left out, OPT-SEP alone has a limit, of 20")
]


@guarded
def compare_command(
    file: MarketArgument = None,
    mechanism: MechanismsOption = None,
    option: MechanismOptionsOption = None,
    seed: SeedOption = None,
    time_limit: LimitOption = None,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
) -> None:
    """Tabulate mechanisms beside the exact optima: score, ratio, spend, price, caps that bind.

    A mechanism that keeps every requester within its own budget is measured against OPT-SEP, the others against OPT. In a
    market that knows bids only, the optima are those of the bids, and are named so.
    """
    from ..fl.mechanisms.interface import find_mechanism, mechanisms
    from ..solvers.control import Control, Stopped, TimeUp
    from ..solvers.solve import solve

    chosen = mechanisms() if mechanism is None else [find_mechanism(name) for name in mechanism]
    given = options_by_mechanism(parse_options(option))
    market = load_market(file, drop_zero)
    report = progress_reporter()
    basis = "" if market.costs is not None else " at bids"
    if basis:
        market = replace(market, costs=market.bids)
    control = Control.for_seconds(time_limit, report)
    with whole_limit(time_limit):
        # Half of what is left to each optimum, so that something is left for the mechanisms.
        fractional = solve(market, "opt-frac", time_limit=time_limit, allow_suboptimal=True, report=report)
        pooled = solve(market, "opt", time_limit=_half(control), allow_suboptimal=True, report=report)
        optima = [("OPT" + basis, pooled)]
        if market.m > 1 and any("separate-budgets" in entry.claims for entry in chosen):
            limit = SEPARATE_SECONDS if time_limit is None else _half(control)
            found = solve(market, "opt-sep", time_limit=limit, allow_suboptimal=True, report=report)
            optima.append(("OPT-SEP" + basis, _within(found, pooled)))
        separate = optima[-1][1]
        rows: list[dict[str, Any]] = [
            {"name": "OPT-FRAC" + basis, "score": fractional.value, "note": "linear relaxation of OPT"}
        ]
        rows += [_optimum_row(market, name, solution) for name, solution in optima]
        cut_short = False
        for entry in chosen:
            options = given.get(entry.name, {})
            if seed is not None and any(known.name == "seed" for known in entry.options):
                options = {"seed": seed} | options
            against = separate if "separate-budgets" in entry.claims else pooled
            try:
                control.check()
                rows.append(_mechanism_row(market, entry, options, against.bound))
            except (Stopped, KeyboardInterrupt) as stop:
                cut_short = True
                reason = "time is up" if isinstance(stop, Stopped | TimeUp) else "interrupted"
                rows += [
                    {"name": rest.name, "refused": reason, "note": reason} for rest in chosen[chosen.index(entry) :]
                ]
                break
    if json:
        _print_json(rows, optima)
    else:
        budget = Fraction(market.total_budget, market.money_denominator)
        title = f"{market.n:,} workers, {market.m} requesters, {market.L} groups, pooled budget {show(budget)}"
        columns = ["", "score", "OPT / score", "workers", "paid or cost", "price", "caps met", ""]
        shown = [
            [
                row["name"],
                *(
                    show(row[key]) if row.get(key) is not None else ""
                    for key in ("score", "ratio", "workers", "spend", "price", "caps_met")
                ),
                row["note"],
            ]
            for row in rows
        ]
        table(title, columns, shown, (1, 2, 3, 4, 5, 6))
    if cut_short or any(solution.status != "optimal" for _, solution in optima):
        raise typer.Exit(STOPPED)


def _half(control: Control) -> float | None:
    """Half of the seconds that are left, if there is a limit."""
    remaining = control.remaining()
    return None if remaining is None else remaining / 2


def options_by_mechanism(options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Sort ``mechanism.name`` options by mechanism.

    Raises
    ------
    InputError
        If an option names no mechanism, or none that exists.
    """
    from ..fl.mechanisms.interface import find_mechanism
    from ..models.input_error import InputError

    found: dict[str, dict[str, Any]] = {}
    for key, value in options.items():
        name, dot, option = key.partition(".")
        if not dot:
            raise InputError(f"expected MECHANISM.NAME=VALUE, got {key!r}", field="option")
        found.setdefault(find_mechanism(name).name, {})[option] = value
    return found


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


def _optimum_row(market: Market, name: str, solution: Solution) -> dict[str, Any]:
    from ..models.exact import exact_sum

    row: dict[str, Any] = {"name": name, "score": solution.objective, "note": _proof(solution)}
    if solution.assignment is not None:
        hired = solution.assignment >= 0
        row["spend"] = Fraction(exact_sum(market.needed_costs[hired]), market.money_denominator)
        row |= {"workers": int(hired.sum()), "caps_met": _caps_met(market, solution.assignment)}
    return row


def _mechanism_row(market: Market, entry: Any, options: dict[str, Any], best: Fraction | None) -> dict[str, Any]:
    from ..fl.mechanisms.interface import run_mechanism

    refused = entry.refusal(market, options)
    if refused is not None:
        return {"name": entry.name, "refused": refused, "note": refused}
    outcome = run_mechanism(market, entry.name, **options)
    notes = ["separate budgets"] if "separate-budgets" in entry.claims else []
    if outcome.total_payment > Fraction(market.total_budget, market.money_denominator):
        notes.append("over budget")
    if "truthful" not in entry.claims:
        notes.append("not truthful")
    if "coverage" in outcome.details:
        notes.append(f"coverage {show(outcome.details['coverage'])}")
    return {
        "name": entry.name,
        "score": outcome.score,
        "ratio": best / outcome.score if best is not None and outcome.score else None,
        "spend": outcome.total_payment,
        "price": outcome.critical_price,
        "workers": len(outcome.winners),
        "caps_met": _caps_met(market, outcome.assignment),
        "note": ", ".join(notes),
    }


def _caps_met(market: Market, assignment: np.ndarray) -> int:
    """Count the pairs of group and requester whose cap, if they have one, is fully used."""
    import numpy as np

    hired = np.flatnonzero(assignment >= 0)
    used = np.zeros(market.cap_limits.shape, dtype=np.int64)
    np.add.at(used, (market.group_of[hired], assignment[hired]), 1)
    return int(((used == market.cap_limits) & (market.cap_limits > 0)).sum())


def _proof(solution: Solution) -> str:
    if solution.status == "optimal":
        how = "proved optimal" if solution.exactness == "checked" else f"optimal ({solution.exactness})"
        return f"{how}, {solution.method}, {solution.seconds:.2f} s"
    return f"best found ({solution.stopped}); at most {show(solution.bound)}"


def _print_json(rows: list[dict[str, Any]], optima: list[tuple[str, Solution]]) -> None:
    from ..models.exact import format_exact

    def exact(value: Any) -> Any:
        return format_exact(value) if isinstance(value, Fraction) else value

    keys = ("score", "ratio", "spend", "price")
    shown = [
        {
            "name": row["name"],
            "workers": row.get("workers"),
            "caps_met": row.get("caps_met"),
            "refused": row.get("refused"),
        }
        | {key: number(row.get(key)) for key in keys}
        | {f"{key}_exact": exact(row.get(key)) for key in keys}
        for row in rows
    ]
    pooled = optima[0][1]
    document = {"status": pooled.status, "exactness": pooled.exactness, "method": pooled.method, "rows": shown}
    print_json(document | {"statuses": {name: solution.status for name, solution in optima}})

"""``fedmech compare``: what mechanisms achieve beside the exact optimum."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

import typer

from .console import (
    STOPPED,
    JsonOption,
    MarketArgument,
    guarded,
    load_market,
    number,
    print_json,
    progress_reporter,
    show,
    table,
)

__all__ = ["compare_command"]


@guarded
def compare_command(
    file: MarketArgument = None,
    time_limit: Annotated[float | None, typer.Option(help="seconds for the exact optimum")] = None,
    json: JsonOption = False,
) -> None:
    """Tabulate the mechanisms beside OPT and OPT-FRAC: score, ratio, spend, price."""
    from ..fl.mechanisms.interface import mechanisms, run_mechanism
    from ..models.exact import exact_sum, format_exact
    from ..solvers.solve import solve

    market = load_market(file)
    report = progress_reporter()
    optimum = solve(market, "opt", time_limit=time_limit, allow_suboptimal=True, report=report)
    fractional = solve(market, "opt-frac", allow_suboptimal=True, report=report)
    best = optimum.bound
    spend = None
    if optimum.assignment is not None:
        hired = optimum.assignment >= 0
        spend = Fraction(exact_sum(market.needed_costs[hired]), market.money_denominator)
    entries: list[dict[str, Any]] = [
        {"name": "OPT-FRAC", "score": fractional.objective, "note": "linear relaxation"},
        {
            "name": "OPT",
            "score": optimum.objective,
            "spend": spend,
            "workers": _count(optimum),
            "note": _proof(optimum),
        },
    ]
    for entry in mechanisms():
        outcome = run_mechanism(market, entry.name)
        entries.append(
            {
                "name": entry.name,
                "score": outcome.score,
                "ratio": best / outcome.score if best is not None and outcome.score else None,
                "spend": outcome.total_payment,
                "price": outcome.critical_price,
                "workers": len(outcome.winners),
                "note": entry.source,
            }
        )
    if json:

        def exact(value: Any) -> Any:
            return format_exact(value) if isinstance(value, Fraction) else value

        keys = ("score", "ratio", "spend", "price")
        rows = [
            {"name": entry["name"], "workers": entry.get("workers")}
            | {key: number(entry.get(key)) for key in keys}
            | {f"{key}_exact": exact(entry.get(key)) for key in keys}
            for entry in entries
        ]
        print_json({"status": optimum.status, "exactness": optimum.exactness, "method": optimum.method, "rows": rows})
    else:
        title = f"{market.n:,} workers, {market.m} requesters, {market.L} groups, pooled budget {show(_budget(market))}"
        columns = ["", "score", "OPT / score", "workers", "paid or cost", "price per score", ""]
        shown = [
            [
                entry["name"],
                show(entry["score"]),
                show(entry.get("ratio")) if "ratio" in entry else "",
                str(entry.get("workers", "")),
                show(entry["spend"]) if entry.get("spend") is not None else "",
                show(entry["price"]) if entry.get("price") is not None else "",
                entry["note"],
            ]
            for entry in entries
        ]
        table(title, columns, shown, (1, 2, 3, 4, 5))
    if optimum.status != "optimal":
        raise typer.Exit(STOPPED)


def _budget(market: Any) -> Fraction:
    return Fraction(market.total_budget, market.money_denominator)


def _count(solution: Any) -> int:
    return 0 if solution.assignment is None else int((solution.assignment >= 0).sum())


def _proof(solution: Any) -> str:
    if solution.status == "optimal":
        return f"proved optimal ({solution.exactness}), {solution.method}, {solution.seconds:.2f} s"
    return f"best found ({solution.stopped}); at most {show(solution.bound)}"

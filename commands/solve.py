"""``fedmech solve``: the provably best assignment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    STOPPED,
    JsonOption,
    MarketArgument,
    SummaryOption,
    guarded,
    load_market,
    number,
    print_json,
    progress_reporter,
    show,
    table,
)

if TYPE_CHECKING:
    from ..models.market import Market
    from ..solvers.solution import Solution

__all__ = ["solve_command"]


@guarded
def solve_command(
    file: MarketArgument = None,
    problem: Annotated[str, typer.Option(help="orp, opt, opt-frac, opt-sep, cover or social-state")] = "opt",
    method: Annotated[str, typer.Option(help="a name from 'fedmech methods', or auto")] = "auto",
    time_limit: Annotated[float | None, typer.Option(help="seconds; then the best point and a valid bound")] = None,
    export: Annotated[Path | None, typer.Option(help="write the literal model to an .lp or .mps file")] = None,
    json: JsonOption = False,
    summary: SummaryOption = False,
) -> None:
    """Find the provably best assignment of a market, or the best social state of a *.mots.json."""
    if problem == "social-state" or (file is not None and file.name.endswith(".mots.json")):
        from .mots import social_state

        social_state(file, method, time_limit, export, json=json)
        return
    from ..solvers.solve import solve

    market = load_market(file)
    if export is not None:
        from ..models.formulations import export_model
        from ..solvers.registry import check_problem

        check_problem(problem)
        export_model(market, problem, export)
    solution = solve(market, problem, method, time_limit=time_limit, allow_suboptimal=True, report=progress_reporter())
    if json:
        print_json(solution_document(market, solution, summary=summary))
    else:
        _print_solution(market, solution, summary=summary)
    if solution.status != "optimal":
        raise typer.Exit(STOPPED)


def solution_document(market: Market, solution: Solution, *, summary: bool = False) -> dict[str, Any]:
    """Return the JSON answer of ``fedmech solve``."""
    from ..models.exact import format_exact

    def exact(value: Any) -> str | None:
        return None if value is None else format_exact(value)

    document: dict[str, Any] = {
        "problem": solution.problem,
        "status": solution.status,
        "stopped": solution.stopped,
        "exactness": solution.exactness,
        "objective": number(solution.objective),
        "objective_exact": exact(solution.objective),
        "bound": number(solution.bound),
        "bound_exact": exact(solution.bound),
        "gap": number(solution.gap),
        "method": solution.method,
        "seconds": solution.seconds,
    }
    if summary:
        return document
    if solution.shares is not None:
        document["assignment"] = [
            {
                "worker": market.worker_ids[i],
                "requester": market.requester_ids[j],
                "share": number(share),
                "share_exact": format_exact(share),
            }
            for (i, j), share in sorted(solution.shares.items())
        ]
    elif solution.assignment is not None:
        document["assignment"] = [
            {"worker": market.worker_ids[i], "requester": market.requester_ids[int(j)]}
            for i, j in enumerate(solution.assignment.tolist())
            if j >= 0
        ]
    return document


def _print_solution(market: Market, solution: Solution, *, summary: bool) -> None:
    rows = [
        ["problem", f"{solution.problem} ({market.n:,} workers, {market.m} requesters, {market.L} groups)"],
        ["status", f"{solution.status}, {solution.stopped} ({solution.exactness})"],
        ["objective", show(solution.objective)],
        ["bound", show(solution.bound)],
        ["gap", show(solution.gap)],
        ["method", f"{solution.method}, {solution.seconds:.3f} s"],
    ]
    table(None, ["", ""], rows)
    if not summary and solution.assignment is not None:
        _print_requesters(market, solution)


def _print_requesters(market: Market, solution: Solution) -> None:
    """Show what each requester gets: people hardly want a million lines of worker ids."""
    import numpy as np

    from ..models.exact import exact_sum
    from ..models.market_columns import UNLIMITED

    assert solution.assignment is not None
    rows = []
    for j in range(market.m):
        hired = np.flatnonzero(solution.assignment == j)
        cost = "-" if market.costs is None else show(_money(market, exact_sum(market.costs[hired])))
        seats = "-" if market.seat_limits[j] == UNLIMITED else str(market.seat_limits[j])
        names = ", ".join(market.worker_ids[int(i)] for i in hired[:6]) + (", …" if len(hired) > 6 else "")
        rows.append([market.requester_ids[j], str(len(hired)), seats, cost, show(market.budget(j)), names])
    table("Who is hired", ["requester", "workers", "seats", "cost", "budget", "first of them"], rows, (1, 2, 3, 4))


def _money(market: Market, integers: int) -> Any:
    from fractions import Fraction

    return Fraction(integers, market.money_denominator)

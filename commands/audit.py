"""``fedmech audit``: is this mechanism truthful, rational and within its budget on this market?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    CHECK_FAILED,
    STOPPED,
    DropZeroOption,
    ForceOption,
    JsonOption,
    MarketArgument,
    guarded,
    import_from_here,
    load_market,
    print_json,
    text_width,
    whole_limit,
    write,
)
from .run import MECHANISM_HELP, OptionsOption, parse_options

if TYPE_CHECKING:
    from ..models.procurement.market import Market
    from ..verification.audit import Audit

__all__ = ["audit_command"]


@guarded
def audit_command(
    file: MarketArgument = None,
    mechanism: Annotated[str, typer.Option(help=MECHANISM_HELP)] = "driftpay-co",
    property: Annotated[
        list[str] | None,
        typer.Option(
            help="caps, ir, budget, separate-budgets, monotone or dsic; may be repeated. All by default, separate-budgets only for "
            "mechanisms that promise it"
        ),
    ] = None,
    worker: Annotated[list[str] | None, typer.Option(help="move only this worker's bid; may be repeated")] = None,
    option: OptionsOption = None,
    time_limit: Annotated[float | None, typer.Option(help="seconds; then what was found so far")] = None,
    witness: Annotated[Path | None, typer.Option(help="write a market that shows the first violation")] = None,
    force: ForceOption = False,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
) -> None:
    """Move every bid over every breakpoint; exit code 1 if a property fails.

    Other workers bid as the file says. Whether the breakpoints are known to be all ("exhaustive") or are the declared ones is part of
    the answer. A callable of your own takes a Market and returns an Outcome; a module is looked for in the current folder too.
    """
    from ..fl.progress import written_over
    from ..models.files import refuse_overwriting
    from ..verification.audit import audit

    if witness is not None:
        refuse_overwriting(witness, force, [file])
    market = load_market(file, drop_zero)
    import_from_here(mechanism)
    progress = written_over()
    with whole_limit(time_limit):
        report = audit(
            market,
            mechanism,
            properties=property,
            workers=worker,
            options=parse_options(option),
            time_limit=time_limit,
            report=progress,
        )
    progress("")
    if witness is not None and report.violations:
        from ..models.files import write_whole

        write_whole(witness, _witness(market, report))
    if json:
        print_json(_document(market, report))
    else:
        write(report.page().text(text_width()) + "\n")
    if report.violations:
        raise typer.Exit(CHECK_FAILED)
    if report.stopped:
        raise typer.Exit(STOPPED)


def _witness(market: Market, report: Audit) -> str:
    """Write the market of the first violation: the liar's true cost is its cost, the lie its bid."""
    import json

    from ..verification.search.hunt import lie_document

    coverage = None
    if market.scaled.coverage is not None:
        from fractions import Fraction

        coverage = [
            [Fraction(int(z), market.scaled.coverage_denominator) for z in row] for row in market.scaled.coverage
        ]
    document = lie_document(market, report.violations[0], coverage=coverage)
    return json.dumps({"comment": report.violations[0].says, **document}, indent=1) + "\n"


def _document(market: Market, report: Audit) -> dict[str, Any]:
    from ..models.exact import format_exact

    def exact(value: Any) -> str | None:
        return None if value is None else format_exact(value)

    return {
        "mechanism": report.mechanism,
        "holds": False if report.violations else (None if report.stopped else True),
        "properties": {
            name: "violated" if name in report.failed() else ("undecided" if report.stopped else "holds")
            for name in report.properties
        },
        "coverage": report.coverage,
        "workers": report.workers,
        "points": report.points,
        "runs": report.runs,
        "stopped": report.stopped,
        "violations": [
            {
                "property": found.property,
                "worker": None if found.worker is None else market.worker_ids[found.worker],
                "cost_exact": exact(found.cost),
                "bid_exact": exact(found.bid),
                "gain_exact": exact(found.gain),
                "says": found.says,
            }
            for found in report.violations
        ],
    }

"""``fedmech check``: verify a certificate with the independent checker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import (
    CHECK_FAILED,
    JsonOption,
    echo,
    guarded,
    load_market,
    number,
    print_json,
    show,
    table,
)

__all__ = ["check_command"]


@guarded
def check_command(
    certificate: Annotated[Path, typer.Argument(help="written by 'fedmech solve --certificate'")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="the market; the shipped one if left out")] = None,
    json: JsonOption = False,
) -> None:
    """Check that a certificate proves its assignment optimal for a market; exit code 1 if it does not."""
    from time import perf_counter

    from ..models.exact import format_exact
    from ..solvers.proofs.document import check_document, read_document
    from ..solvers.proofs.proof import ProofError

    market = load_market(file)
    document = read_document(certificate)
    started = perf_counter()
    try:
        found = check_document(document, market)
    except ProofError as error:
        if json:
            print_json({"valid": False, "reason": str(error), "seconds": perf_counter() - started})
        else:
            echo(f"not a proof: {error}")
        raise typer.Exit(CHECK_FAILED) from None
    seconds = perf_counter() - started
    if json:
        print_json(
            {
                "valid": True,
                "problem": found.problem,
                "kind": found.kind,
                "optimal": found.optimal,
                "objective": number(found.value),
                "objective_exact": format_exact(found.value),
                "bound": number(found.bound),
                "bound_exact": format_exact(found.bound),
                "seconds": seconds,
            }
        )
        return
    what = "the assignment is optimal" if found.optimal else "no assignment is worth more than the bound"
    rows = [
        ["certificate", f"valid: {what}"],
        ["problem", f"{found.problem} ({market.n:,} workers)"],
        ["objective", show(found.value)],
        ["bound", show(found.bound)],
        ["kind of proof", found.kind],
        ["seconds", f"{seconds:.3f}"],
    ]
    table(None, ["", ""], rows)

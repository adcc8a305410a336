"""``fedmech check``: verify a certificate with the independent checker."""

from __future__ import annotations

import json as json_format
from fractions import Fraction
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
    from ..models.input_error import InputError
    from ..solvers.proofs.checker import CertificateError, check_certificate

    market = load_market(file)
    try:
        document = json_format.loads(certificate.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read the certificate: {error}", field=str(certificate)) from None
    started = perf_counter()
    try:
        proof = check_certificate(document, market)
    except CertificateError as error:
        if json:
            print_json({"valid": False, "reason": str(error), "seconds": perf_counter() - started})
        else:
            echo(f"not a proof: {error}")
        raise typer.Exit(CHECK_FAILED) from None
    seconds = perf_counter() - started
    unit = market.coverage_denominator if proof.problem == "cover" else market.score_denominator
    objective = Fraction(proof.value, unit)
    if json:
        print_json(
            {
                "valid": True,
                "problem": proof.problem,
                "objective": number(objective),
                "objective_exact": format_exact(objective),
                "nodes": len(document["nodes"]),
                "states": proof.states,
                "seconds": seconds,
            }
        )
        return
    rows = [
        ["certificate", "valid: the assignment is optimal"],
        ["problem", f"{proof.problem} ({market.n:,} workers)"],
        ["objective", show(objective)],
        ["searched", f"{len(document['nodes']):,} nodes, {proof.states:,} combinations"],
        ["seconds", f"{seconds:.3f}"],
    ]
    table(None, ["", ""], rows)

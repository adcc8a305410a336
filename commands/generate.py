"""``fedmech generate``: random markets of the usual kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import (
    ForceOption,
    JsonOption,
    guarded,
    print_json,
    say,
)

__all__ = ["generate_command"]


@guarded
def generate_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="the *.market.json to write")],
    kind: Annotated[
        str, typer.Option(help="a uncorrelated, b weakly, c strongly correlated, d subset-sum, lognormal")
    ] = "a",
    n: Annotated[int, typer.Option("-n", "--workers", help="workers")] = 100,
    requesters: Annotated[int, typer.Option("-m", "--requesters", help="requesters")] = 5,
    groups: Annotated[int, typer.Option("-L", "--groups", help="groups")] = 10,
    top: Annotated[int, typer.Option(help="largest cost")] = 10**6,
    cap_share: Annotated[float, typer.Option(help="what caps admit, as a share of each group")] = 0.3,
    budget_share: Annotated[float, typer.Option(help="pooled budget as a share of ORP's cost")] = 0.5,
    seat_share: Annotated[float | None, typer.Option(help="seats as a share of what caps admit")] = None,
    seed: Annotated[int, typer.Option(help="seed")] = 0,
    workers_file: Annotated[
        str | None, typer.Option(help="put the workers into this .csv or .parquet beside OUT")
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write a random market."""
    from ..models.files import refuse_overwriting
    from ..models.procurement.file import write_market
    from ..models.procurement.generate import generate_market

    refuse_overwriting(out, force)
    if workers_file is not None:
        refuse_overwriting(out.parent / workers_file, force)
    market = generate_market(
        kind,
        n,
        requesters=requesters,
        groups=groups,
        top=top,
        cap_share=cap_share,
        budget_share=budget_share,
        seat_share=seat_share,
        seed=seed,
    )
    write_market(market, out, workers_file=workers_file)
    if json:
        sizes = {"workers": market.n, "requesters": market.m, "groups": market.L}
        print_json({"file": str(out), "workers_file": workers_file, "kind": kind, "seed": seed, **sizes})
    else:
        say(f"{out}: {market!r}")

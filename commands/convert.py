"""``fedmech convert``: a market from one format into another, exactly or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import DropZeroOption, ForceOption, JsonOption, guarded, load_market, print_json, say

__all__ = ["convert_command"]


@guarded
def convert_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="IN", help="as of solve; FILE#NAME picks one of many knapsacks"),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="*.market.json, *.pb, *.csv (Pisinger), *.in (Jooken), *.kp or *.txt (plain), *.lp, *.mps",
        ),
    ],
    workers_file: Annotated[
        str | None, typer.Option(help="of *.market.json: put the workers into this .csv or .parquet beside OUT")
    ] = None,
    rename: Annotated[bool, typer.Option("--rename", help="names may be lost where the format knows none")] = False,
    drop_zero: DropZeroOption = False,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write a market in another format; what that format cannot say is refused, and nothing is written."""
    from ..models.files import refuse_overwriting
    from ..models.procurement.convert import convert

    read = Path(str(file).partition("#")[0]) if not file.exists() else file
    refuse_overwriting(out, force, [read])
    if workers_file is not None:
        refuse_overwriting(out.parent / workers_file, force, [read])
    market = load_market(file, drop_zero)
    convert(market, out, workers_file=workers_file, rename=rename)
    if json:
        print_json({"file": str(out), "workers_file": workers_file, "workers": market.n, "renamed": rename})
    else:
        say(f"{out}: {market!r}")

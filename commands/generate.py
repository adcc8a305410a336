"""``fedmech generate``: random markets of the usual kinds, sharing markets, and markets measured from training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..models.input_error import InputError
from .console import (
    ForceOption,
    JsonOption,
    guarded,
    print_json,
    say,
)

__all__ = ["generate_command"]

OTHERS = {
    "mots": ("requesters", "cap_share", "budget_share", "seat_share", "workers_file", "dataset", "folder", "set"),
    "measured": ("groups", "top"),
}
"""Options that the kinds beside those of random procurement markets do not take; the random ones take no data."""

SHAPE = ("requesters", "groups", "top", "cap_share", "budget_share", "seat_share")
"""Options that shape a market of any kind; where one is left out, each kind has its own default."""


@guarded
def generate_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="the *.market.json, or *.mots.json, to write")],
    kind: Annotated[
        str,
        typer.Option(
            help="a uncorrelated, b weakly, c strongly correlated, d subset-sum, lognormal; mots, a sharing market; "
            "measured, scores from training on real data"
        ),
    ] = "a",
    n: Annotated[int, typer.Option("-n", "--workers", help="workers, or clients")] = 100,
    requesters: Annotated[int | None, typer.Option("-m", "--requesters", help="requesters; 5 if left out")] = None,
    groups: Annotated[
        int | None, typer.Option("-L", "--groups", help="groups, or types of clients; 10 if left out")
    ] = None,
    top: Annotated[
        int | None, typer.Option(help="largest cost, or samples of the largest type; 10**6, or 1000, if left out")
    ] = None,
    cap_share: Annotated[
        float | None, typer.Option(help="what caps admit, as a share of each group; .3 if left out")
    ] = None,
    budget_share: Annotated[
        float | None, typer.Option(help="pooled budget as a share of ORP's cost; .5 if left out")
    ] = None,
    seat_share: Annotated[float | None, typer.Option(help="seats as a share of what caps admit")] = None,
    seed: Annotated[int, typer.Option(help="seed")] = 0,
    workers_file: Annotated[
        str | None,
        typer.Option(help="put the workers into this .csv or .parquet, or this folder of Parquet files, beside OUT"),
    ] = None,
    numbered: Annotated[
        bool, typer.Option("--numbered", help="leave ids out of a folder of Parquet files: workers are w1, w2, ...")
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(help="measured: digits (if left out), fashion-mnist, or a name for the data in --folder"),
    ] = None,
    folder: Annotated[str | None, typer.Option(help="measured: a folder of IDX files")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="measured: a setting of 'fedmech experiments procurement'"),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write a market: random, or measured."""
    from ..models.files import refuse_overwriting
    from ..models.procurement.file import write_market
    from ..models.procurement.generate import KINDS, generate_market
    from ..models.procurement.generate_folder import folder_name, generate_folder
    from ..models.sharing.generate import generate_mots
    from ..models.sharing.market import write_mots

    refuse_overwriting(out, force)
    if numbered and not (workers_file is not None and folder_name(workers_file) and kind in KINDS):
        raise InputError("is for random markets in a folder of files", field="numbered")
    if workers_file is not None:
        if folder_name(workers_file) and kind in KINDS and seat_share is not None:
            raise InputError("a folder of files takes no seats", field="seat_share")
        refuse_overwriting(out.parent / workers_file, force)
    given = {
        "requesters": requesters,
        "groups": groups,
        "top": top,
        "cap_share": cap_share,
        "budget_share": budget_share,
        "seat_share": seat_share,
        "workers_file": workers_file,
        "dataset": dataset,
        "folder": folder,
        "set": changes,
    }
    for name in OTHERS.get(kind, ("dataset", "folder", "set")):
        if given[name] is not None:
            raise InputError(f"kind {kind!r} does not take it", field=name)
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None and name in SHAPE}
    facts: dict[str, Any] = {"file": str(out), "workers_file": workers_file, "kind": kind, "seed": seed}
    if kind == "mots":
        shared = generate_mots(chosen.pop("groups", 10), n, seed=seed, **chosen)
        write_mots(shared, out)
        facts |= {"types": shared.type_count, "clients": shared.population}
        shown = repr(shared)
    elif workers_file is not None and folder_name(workers_file) and kind in KINDS:
        generate_folder(out, workers_file, kind, n, seed=seed, numbered=numbered, **chosen)
        facts |= {"workers": n, "requesters": chosen.get("requesters", 5), "groups": chosen.get("groups", 10)}
        shown = f"{n:,} workers in {out.parent / workers_file}"
    else:
        if kind == "measured":
            market, found = _measured([*(changes or [])], n, seed, dataset, folder, **chosen)
            facts |= found
        else:
            market = generate_market(kind, n, seed=seed, **chosen)
        write_market(market, out, workers_file=workers_file)
        facts |= {"workers": market.n, "requesters": market.m, "groups": market.L}
        shown = repr(market)
    if json:
        print_json(facts)
    else:
        say(f"{out}: {shown}")


def _measured(
    changes: list[str],
    n: int,
    seed: int,
    dataset: str | None,
    folder: str | None,
    requesters: int = 5,
    **shares: Any,
) -> tuple[Any, dict[str, Any]]:
    """Measure a market, and say by what settings anybody measures it again."""
    from ..fl.experiments.engine.configuration import read_configuration
    from ..fl.rounds.measured import measured_market
    from ..fl.settings import settings_document

    sizes = [f"workers={n}", f"requesters={requesters}", f"seed={seed}", f"dataset={dataset or 'digits'}"]
    if folder is not None:
        sizes.append(f"folder={folder}")
    settings = read_configuration("procurement").with_changes([*sizes, *changes]).point()
    market, commitment = measured_market(settings, **shares)
    return market, {"settings": settings_document(settings), "probe_commitment": commitment}

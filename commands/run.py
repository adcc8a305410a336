"""``fedmech run``: one mechanism on a market's bids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    INFEASIBLE,
    STOPPED,
    DropZeroOption,
    JsonOption,
    MarketArgument,
    SummaryOption,
    exact_pair,
    guarded,
    import_from_here,
    load_market,
    number,
    print_json,
    say,
    text_width,
    write,
)
from .folder import DaskOption, load_folder, passes_on, refuse_cluster, run_folder_command
from .mots import load_mots

if TYPE_CHECKING:
    from ..fl.mechanisms.interface import Outcome
    from ..fl.registry import Mechanism
    from ..models.procurement.market import Market

__all__ = ["MECHANISM_HELP", "OptionsOption", "parse_options", "run_command"]

MECHANISM_HELP = "a name from 'fedmech mechanisms', or your own as pkg.module:callable or mine.py:callable"

OptionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="NAME=VALUE", help="an option of the mechanism; exact numbers, vectors as 1,0.5,2/3"
    ),
]


def parse_options(given: list[str] | None, seed: int | None = None) -> dict[str, str | int]:
    """Split ``NAME=VALUE`` texts; the mechanism's own options read the values.

    Raises
    ------
    InputError
        For a text without ``=``, or a name given twice.
    """
    from ..models.input_error import InputError

    options: dict[str, str | int] = {} if seed is None else {"seed": seed}
    for text in given or []:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputError(f"expected NAME=VALUE, got {text!r}", field="option")
        if name in options:
            raise InputError(f"{name} is given twice", field="option")
        options[name] = value
    return options


@guarded
def run_command(
    file: MarketArgument = None,
    mechanism: Annotated[
        str | None, typer.Option(help=f"{MECHANISM_HELP}; if left out, driftpay-co, or swan for a *.mots.json")
    ] = None,
    option: OptionsOption = None,
    seed: Annotated[int | None, typer.Option(help="short for --option seed=...")] = None,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
    summary: SummaryOption = False,
    winners: Annotated[
        Path | None,
        typer.Option(help="a folder to make: who wins what, for driftpay-co and workers in a folder of Parquet files"),
    ] = None,
    dask: DaskOption = None,
) -> None:
    """Run a mechanism: bids in; winners, payments and the critical price out. In a *.mots.json: social state, price and rewards."""
    from ..fl.mechanisms.interface import run_mechanism
    from ..fl.registry import as_mechanism
    from ..models.input_error import InputError
    from ..models.procurement.folder import Folder
    from ..models.procurement.market import Market

    sharing = file is not None and file.name.endswith(".mots.json")
    name = mechanism or ("swan" if sharing else "driftpay-co")
    import_from_here(name)
    entry = as_mechanism(name)
    if sharing or (file is None and entry.market == "sharing"):
        refuse_cluster(dask, None)
        run_sharing(file, entry, parse_options(option, seed), json=json, summary=summary)
        return
    market = None
    # Only this rule has an outcome that one pass over sorted places can find and a second one check; all others need the rows in memory.
    if file is not None and entry.name == "driftpay-co" and not (option or seed is not None or drop_zero):
        market = load_folder(file)
        if isinstance(market, Folder) and market.bid_denominator is not None:
            with passes_on(dask, market.on_bids()) as folder:
                run_folder_command(folder, winners, json=json)
            return
    refuse_cluster(dask, None)
    if winners is not None:
        raise InputError("is for driftpay-co on a folder of Parquet files", field="winners")
    if not isinstance(market, Market):
        market = load_market(file, drop_zero)
    outcome = run_mechanism(market, entry, **parse_options(option, seed))
    if json:
        print_json(outcome_document(market, outcome, summary=summary))
        return
    page = outcome.page()
    write((replace(page, tables=()) if summary else page).text(text_width()) + "\n")


def run_sharing(
    file: Path | None, entry: Mechanism, options: dict[str, Any], *, json: bool, summary: bool = False
) -> None:
    """Run a mechanism of sharing markets and print where it leads."""
    from ..fl.sharing.interface import run_sharing_mechanism
    from ..fl.sharing.swan import NoTarget

    market = load_mots(file)
    try:
        outcome = run_sharing_mechanism(market, entry, **options)
    except NoTarget as error:
        say(f"error: {error}")
        raise typer.Exit(INFEASIBLE if error.infeasible else STOPPED) from None
    if not json:
        page = outcome.page()
        write((replace(page, tables=()) if summary else page).text(text_width()) + "\n")
        return
    document: dict[str, Any] = {"mechanism": outcome.mechanism, "state": outcome.participants}
    for name in ("welfare", "error", "price", "incentive_cost"):
        document |= exact_pair(name, getattr(outcome, name))
    rewards = zip(market.types, outcome.rewards, strict=True)
    document |= {
        "rewards": {kind.id: number(reward) for kind, reward in rewards},
        "meets_requirement": outcome.meets_requirement,
        "cycles": outcome.cycles,
        "seconds": outcome.seconds,
    }
    print_json(document)


def outcome_document(market: Market, outcome: Outcome, *, summary: bool = False) -> dict[str, Any]:
    """Return the JSON answer of ``fedmech run``."""
    document: dict[str, Any] = {"mechanism": outcome.mechanism}
    if not summary:
        document["winners"] = [
            {
                "worker": market.worker_ids[i],
                "requester": market.requester_ids[int(outcome.assignment[i])],
                **exact_pair("payment", outcome.payment(i)),
            }
            for i in outcome.winner_indices.tolist()
        ]
    price = outcome.price
    return document | {
        **exact_pair("total_payment", outcome.total_payment),
        **exact_pair("score", outcome.score),
        **exact_pair("critical_price", price),
        "seconds": outcome.seconds,
    }

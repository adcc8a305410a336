"""``fedmech run``: one mechanism on a market's bids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import (
    DropZeroOption,
    JsonOption,
    MarketArgument,
    SummaryOption,
    exact_pair,
    guarded,
    load_market,
    print_json,
    show,
    table,
)

if TYPE_CHECKING:
    from ..fl.mechanisms.interface import Outcome
    from ..models.procurement.market import Market

__all__ = ["OptionsOption", "parse_options", "run_command"]

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
    mechanism: Annotated[str, typer.Option(help="a name from 'fedmech mechanisms'")] = "driftpay-co",
    option: OptionsOption = None,
    seed: Annotated[int | None, typer.Option(help="short for --option seed=...")] = None,
    drop_zero: DropZeroOption = False,
    json: JsonOption = False,
    summary: SummaryOption = False,
) -> None:
    """Run a mechanism: bids in; winners, payments and the critical price out."""
    from ..fl.mechanisms.interface import run_mechanism

    market = load_market(file, drop_zero)
    outcome = run_mechanism(market, mechanism, **parse_options(option, seed))
    if json:
        print_json(outcome_document(market, outcome, summary=summary))
        return
    from fractions import Fraction

    budget = Fraction(market.total_budget, market.money_denominator)
    rows = [
        ["mechanism", f"{outcome.mechanism}, {outcome.seconds:.3f} s"],
        ["winners", f"{len(outcome.winners):,} of {market.n:,} workers"],
        ["score", show(outcome.score)],
        ["critical price", show(outcome.critical_price)],
        ["total payment", f"{show(outcome.total_payment)} of {show(budget)}"],
    ]
    table(None, ["", ""], rows)
    if not summary:
        first = outcome.winners[:20].tolist()
        names = [market.requester_ids[int(outcome.assignment[i])] for i in first]
        winners = [
            [market.worker_ids[i], name, show(market.score(i)), show(market.bid(i)), show(outcome.payment(i))]
            for i, name in zip(first, names, strict=True)
        ]
        left = len(outcome.winners) - len(first)
        title = "Winners" + (f" (first 20; {left:,} more with --json)" if left > 0 else "")
        table(title, ["worker", "requester", "score", "bid", "payment"], winners, (2, 3, 4))


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
            for i in outcome.winners.tolist()
        ]
    price = outcome.critical_price
    return document | {
        **exact_pair("total_payment", outcome.total_payment),
        **exact_pair("score", outcome.score),
        **exact_pair("critical_price", price),
        "seconds": outcome.seconds,
    }

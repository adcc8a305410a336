"""What the commands on MoTS markets share, and ``fedmech solve --problem social-state``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .console import (
    INFEASIBLE,
    STOPPED,
    print_json,
    say,
    show,
    table,
)

if TYPE_CHECKING:
    from ..models.sharing.market import MotsMarket
    from ..solvers.sharing.answer import SocialAnswer

__all__ = ["load_mots", "social_state", "state_rows"]


def load_mots(path: Path | None) -> MotsMarket:
    """Read a MoTS market, or the shipped one if no file is named."""
    from ..models.data import prototype_market_path
    from ..models.sharing.market import read_mots

    return read_mots(prototype_market_path() if path is None else path)


def social_state(path: Path | None, method: str, time_limit: float | None, export: Path | None, *, json: bool) -> None:
    """Solve for the best social state and print it."""
    from ..solvers.sharing.solve import solve_social_state

    market = load_mots(path)
    if export is not None:
        from ..models.procurement.formulations import write_model
        from ..models.sharing.social_state import literal_model

        write_model(lambda: literal_model(market), export, endings=(".nl", ".gms", ".bar"))
    answer = solve_social_state(market, method, time_limit=time_limit)
    if json:
        print_json(answer.to_dict())
    else:
        table(None, ["", ""], state_rows(answer))
        if answer.state is not None:
            rows = [
                [entry.id, str(entry.size), show(entry.cost), f"{k:,}", f"{entry.count:,}"]
                for entry, k in zip(market.types, answer.state, strict=True)
            ]
            table("Who participates", ["type", "size", "cost", "participants", "clients"], rows, (1, 2, 3, 4))
    if answer.refused is not None:
        say(f"a defect of fedmech, please report it with the market: {answer.refused}")
    if answer.status == "infeasible":
        say(
            f"error: no state meets max_error {show(market.max_error)}; the least reachable error is {show(answer.error)}"
        )
        raise typer.Exit(INFEASIBLE)
    if answer.status != "optimal":
        raise typer.Exit(STOPPED)


def state_rows(answer: SocialAnswer) -> list[list[Any]]:
    """The answer's figures for a table."""
    market, welfare = answer.market, answer.welfare
    exact = "" if welfare is None or welfare.exact else " (certified interval)"
    participants = "-" if answer.state is None else f"{sum(answer.state):,}"
    return [
        ["problem", f"social state ({market.type_count} types, {market.population:,} clients)"],
        ["status", f"{answer.status}, {answer.stopped} ({answer.exactness})"],
        ["welfare", "-" if welfare is None else show(welfare.middle) + exact],
        ["bound", show(answer.bound)],
        ["error", show(answer.error)],
        ["requirement", show(market.max_error)],
        ["participants", participants],
        *([["no model", "would be better: every state's welfare is negative"]] if answer.no_model else []),
        *([["tied", f"at least {answer.tied} other states are worth the same"]] if answer.tied else []),
        ["method", f"{answer.method}, {answer.seconds:.3f} s"],
    ]

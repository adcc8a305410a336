"""A sharing market on one screen, and its types as a data frame."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..display import Page, Table, show
from ..exact import format_exact

if TYPE_CHECKING:
    from .market import MotsMarket, State

__all__ = ["state_text", "type_columns", "types_page", "types_table"]

SHOWN_TYPES = 20
"""Rows of one screen; the frame has them all."""


def types_page(market: MotsMarket) -> Page:
    """Return who there is, how errors arise and what a model is worth."""
    utility = ", ".join(
        f"{key} {format_exact(value) if isinstance(value, Fraction) else value}"
        for key, value in market.utility.specification.items()
    )
    facts = [
        ("clients", f"{market.population:,} of {market.type_count:,} types"),
        ("dimension", f"{market.dimension:,}"),
        ("data variance", show(market.data_variance)),
        ("client variance", show(market.client_variance)),
        ("utility", utility),
        ("largest error", "-" if market.max_error is None else show(market.max_error)),
    ]
    return Page("", facts, [types_table(market, "Types")])


def types_table(market: MotsMarket, title: str, **further: list[str]) -> Table:
    """Return the types as a table, with further columns of texts."""
    head = ["type", "size", "cost", *further, "clients"]
    rows = [
        [entry.id, f"{entry.size:,}", show(entry.cost), *(column[i] for column in further.values()), f"{entry.count:,}"]
        for i, entry in enumerate(market.types[:SHOWN_TYPES])
    ]
    left = market.type_count - len(rows)
    return Table(head, rows, range(1, len(head)), title + (f" (first {len(rows)}; {left:,} more)" if left else ""))


def state_text(market: MotsMarket, state: State) -> str:
    """Say who takes part: how many of each type."""
    return ", ".join(f"{k:,} {entry.id}" for entry, k in zip(market.types, state, strict=True) if k) or "nobody"


def type_columns(market: MotsMarket) -> dict[str, list[Any]]:
    """Return the types column by column, named as in the file."""
    return {name: [getattr(entry, name) for entry in market.types] for name in ("id", "size", "count", "cost")}

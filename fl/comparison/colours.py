"""One colour for each mechanism, in every figure, drawn by whatever."""

from __future__ import annotations

from ..mechanisms.interface import mechanisms

__all__ = ["PALETTE", "mechanism_colour"]

PALETTE = (
    *(["#1f77b4", "#aec7e8", "#ff7f0e", "#ffbb78", "#2ca02c", "#98df8a", "#d62728", "#ff9896", "#9467bd", "#c5b0d5"]),
    *(["#8c564b", "#c49c94", "#e377c2", "#f7b6d2", "#7f7f7f", "#c7c7c7", "#bcbd22", "#dbdb8d", "#17becf", "#9edae5"]),
    *(["#393b79", "#5254a3", "#6b6ecf", "#9c9ede", "#637939", "#8ca252", "#b5cf6b", "#cedb9c", "#8c6d31", "#bd9e39"]),
    *(["#e7ba52", "#e7cb94", "#843c39", "#ad494a", "#d6616b", "#e7969c", "#7b4173", "#a55194", "#ce6dbd", "#de9ed6"]),
)
"""Matplotlib's tab20 and tab20b, which figures without it use as well."""

WINGS = ("procurement", "sharing")
"""Markets, in the order in which their mechanisms have colours."""


def mechanism_colour(name: str) -> str:
    """Return the colour that a mechanism has in every figure; those of somebody's own share what the registered ones leave."""
    known = [entry.name for market in WINGS for entry in mechanisms(market) if entry.shipped]
    if name in known:
        return PALETTE[known.index(name)]
    rest = PALETTE[len(known) :]
    return rest[sum(name.encode()) % len(rest)]

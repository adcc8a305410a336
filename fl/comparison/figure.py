"""The figure of a comparison: score over optimum, mechanism by mechanism, one colour for each everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...models.display import visible
from ...models.input_error import InputError
from ..drawing import COLUMN_INCHES
from .colours import mechanism_colour
from .row import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .table import Comparison

__all__ = ["draw"]

ROW_INCHES = 0.22
LONGEST_LABEL = 28


def draw(table: Comparison, ax: Axes | None = None) -> Axes:
    """Draw a comparison, see :meth:`.table.Comparison.plot`."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise InputError("figures need matplotlib: pip install 'fedmech[plot]'") from None
    rated: dict[str, list[Row]] = {}
    for row in table.rows:
        if row.kind == "mechanism" and table.ratio(row) is not None:
            rated.setdefault(row.name, []).append(row)
    if ax is None:
        height = 0.9 + ROW_INCHES * max(len(rated), 1)
        _, ax = pyplot.subplots(figsize=(COLUMN_INCHES, height), layout="constrained")
        assert ax is not None
    for place, (name, rows) in enumerate(rated.items()):
        colour = mechanism_colour(name)
        ends = [ratio for row in rows if (ratio := table.ratio(row)) is not None]
        low, high = [float(ratio.low) for ratio in ends], [float(ratio.high) for ratio in ends]
        if len(table.markets) == 1:
            ax.barh(place, low[0], color=colour, hatch="///" if rows[0].faults else None, edgecolor="white", height=0.7)
            if high[0] > low[0]:
                ax.plot([low[0], high[0]], [place, place], color="black", linewidth=1)
        else:
            ax.hlines([place] * len(low), low, high, color=colour, alpha=0.4, linewidth=2)
            ax.plot(low, [place] * len(low), "o", color=colour, alpha=0.5, markersize=3)
            ax.plot([sum(low) / len(low)], [place], "|", color="black", markersize=10)
    ax.axvline(1, color="black", linewidth=0.8, linestyle="--")
    ax.set_yticks(range(len(rated)), [_label(name, rows) for name, rows in rated.items()], fontsize=7)
    ax.set_ylim(max(len(rated), 1) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.tick_params(axis="x", labelsize=7)
    ax.set_xlabel(table.ratio_name + ("" if len(table.markets) == 1 else " (points: markets; bar: mean)"), fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _label(name: str, rows: list[Row]) -> str:
    """The name, and what is wrong with it; a dollar sign would begin a formula."""
    short = visible(name)
    short = short if len(short) <= LONGEST_LABEL else short[: LONGEST_LABEL - 1] + "…"
    over = any(not row.promises.get("budget", True) for row in rows)
    return short.replace("$", r"\$") + (" (over budget)" if over else "")

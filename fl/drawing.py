"""How figures look: as wide as a paper's column, with its letters, and whole numbers where something is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLUMN_INCHES", "TEXT_INCHES", "axis_label", "below", "fitted", "plain_label", "share_zero"]

COLUMN_INCHES, TEXT_INCHES = 3.5, 7.16
"""Widths of a column and of both columns of a paper, with the space between them."""

PANEL_INCHES = 2.4
LONG_LABEL = 24
"""Characters beyond which two labels do not stand beside each other in a column."""

LABEL_SIZE, TICK_SIZE, LEGEND_SIZE = 8, 7, 6.5

_LETTERS: Mapping[str, tuple[str, str]] = {
    "beta": ("Dirichlet concentration", r"\beta"),
    "budget_share": ("budget / cost of all workers", ""),
    "client_variance": ("client variance", r"\sigma_c^2"),
    "cost_per_sample": ("cost per sample", "c"),
    "data_variance": ("data variance", r"\sigma^2"),
    "error": ("error", r"\varepsilon"),
    "eta": ("relative error of scores", r"\eta"),
    "eta_effective": ("relative error of scores, drawn", r"\eta"),
    "heterogeneity": ("heterogeneity", r"\theta"),
    "max_error": ("required error", r"\varepsilon"),
    "opt_share": ("score / OPT", ""),
    "opt_sep_share": ("score / OPT-SEP", ""),
    "seats": ("seats", "s"),
    "theta": ("heterogeneity", r"\theta"),
    "v_max": ("greatest score", r"v_{\max}"),
    "v_min": ("least score", r"v_{\min}"),
}
"""What columns are called in a figure, and by which letter of the papers."""


def plain_label(name: str) -> str:
    """Say in words what a column of a result is."""
    return _LETTERS[name][0] if name in _LETTERS else name.replace("_", " ")


def axis_label(name: str) -> str:
    """Say in words, and by its letter, what a column of a result is; a dollar sign in a name begins no formula."""
    letter = _LETTERS[name][1] if name in _LETTERS else ""
    return plain_label(name).replace("$", r"\$") + (f" ${letter}$" if letter else "")


def fitted(figure: Figure) -> Figure:
    """Give a figure the width of a column, or of the text where panels stand side by side, and its letters their sizes.

    Ticks along the bottom are whole numbers where everything drawn stands at whole numbers: rounds, participants, requesters.
    """
    from matplotlib.ticker import MaxNLocator

    side_by_side = stacked = 1
    for axis in figure.axes:
        if (place := axis.get_subplotspec()) is not None:
            side_by_side, stacked = (
                max(side_by_side, place.get_gridspec().ncols),
                max(stacked, place.get_gridspec().nrows),
            )
        axis.tick_params(labelsize=TICK_SIZE)
        for text in (axis.xaxis.label, axis.yaxis.label, axis.title):
            text.set_fontsize(LABEL_SIZE)
        if axis.get_xscale() == "linear" and _at_whole_numbers(axis):
            axis.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if len(figure.axes) == 1 and (inside := figure.axes[0].get_legend()) is not None:
        inside.remove()
        below(figure, *figure.axes[0].get_legend_handles_labels())
    for legend in filter(None, [*(axis.get_legend() for axis in figure.axes), *figure.legends]):
        for text in legend.get_texts():
            text.set_fontsize(LEGEND_SIZE)
    figure.set_size_inches(COLUMN_INCHES if side_by_side == 1 else TEXT_INCHES, PANEL_INCHES * stacked)
    return figure


def below(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Put a legend below everything, where it covers nothing."""
    columns = 1 if max(map(len, labels), default=0) > LONG_LABEL else 2
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _at_whole_numbers(axis: Axes) -> bool:
    import numpy as np

    places: list[Any] = [x for line in axis.get_lines() for x in np.asarray(line.get_xdata()).tolist()]
    try:
        return bool(places) and all(float(x).is_integer() for x in places)
    except (TypeError, ValueError):
        return False


def share_zero(*axes: Any) -> None:
    """Let axes that stand over each other have their zeros at one height."""
    ends = [(min(0.0, axis.get_ylim()[0]), max(0.0, axis.get_ylim()[1])) for axis in axes]
    below = max(-low / (high - low) for low, high in ends)
    if below == 1 and any(high > 0 for _, high in ends):
        # One lies all below zero, another reaches above it.
        below = 0.5
    for axis, (low, high) in zip(axes, ends, strict=True):
        unit = max(high / (1 - below) if below < 1 else 0.0, -low / below if below else 0.0)
        axis.set_ylim(-below * unit, (1 - below) * unit)

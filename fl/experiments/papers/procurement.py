"""DriftPay's simulations: procurement rounds of a multi-tenant market, over whatever setting is swept.

Source: DriftPay, section 7e (the plan is stated; all numbers are choices made here). The shipped configurations sweep its axes: budgets,
caps, congestion, label skew, dispersion of scores, probe size and noise, pooled against separate budgets, scoring rules.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....solvers.control import Control
from ...comparison.colours import mechanism_colour
from ...drawing import axis_label, plain_label
from ...rounds.settings import ProcurementSettings
from ...settings import field_rules
from ..engine.registry import Row, experiment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["figure", "procurement"]

PANELS = {
    "score": "procured score",
    "opt_share": "score / OPT",
    "critical_price": "critical price",
    "accuracy": "mean test accuracy",
    "caps_bound_share": "share of caps that bind",
    "overlap": "overlap with the round before",
}
NOISE_PANEL = "degradation"


def figure(table: pd.DataFrame) -> Figure:
    """Six panels against the swept number with most values, or against the round where none is swept.

    Lines are the values of the other swept settings; points are means over seeds, of the mean over rounds (accuracies: of the last
    round), bars standard errors. Under noisy scores the last panel is the share of the score that is kept, and dashed beside it
    DriftPay's benchmark ``(1 - eta) / (1 + eta)`` at the realised error.
    """
    from matplotlib.figure import Figure

    rounds: Any = table[table["level"] == "round"]
    varied = [name for name in field_rules(ProcurementSettings) if name != "seed" and name in rounds]
    varied = [name for name in varied if rounds[name].nunique(dropna=False) > 1]
    numbers = [name for name in varied if rounds[name].dtype.kind in "if"]
    against = max(numbers, key=lambda name: rounds[name].nunique(), default="round")
    lines = [name for name in varied if name != against]
    panels = dict(PANELS)
    if (rounds["eta_effective"] > 0).any():
        del panels["overlap"]
        panels[NOISE_PANEL] = "score under noise / without"
    drawn = Figure(figsize=(12.5, 7.0), layout="constrained")
    axes = drawn.subplots(2, 3).ravel()
    for axis, (column, title) in zip(axes, panels.items(), strict=True):
        if column not in rounds:
            axis.set_axis_off()
            continue
        last = column == "accuracy" and against != "round"
        part = rounds[rounds["round"] == rounds.groupby("point")["round"].transform("max")] if last else rounds
        _draw(axis, part, column, against, lines)
        if column == NOISE_PANEL:
            _draw(axis, part, "noise_benchmark", against, lines, style="--")
        axis.set(xlabel=axis_label(against), ylabel=title + (", last round" if last else ""))
        if against != "round" and rounds[against].min() > 0 and rounds[against].max() >= 20 * rounds[against].min():
            axis.set_xscale("log")
    if lines:
        handles, labels = axes[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), fontsize="small")
    return drawn


def _draw(axis: Axes, table: Any, column: str, against: str, lines: list[str], style: str = "-") -> None:
    means = table.groupby([*lines, against, "point"], dropna=False)[column].mean()
    groups: Any = means.groupby([*lines, against], dropna=False).agg(["mean", "sem"]).reset_index()
    parts: Any = groups.groupby(lines, dropna=False) if lines else [((), groups)]
    for number, (values, part) in enumerate(parts):
        label = ", ".join(f"{plain_label(name)} {value}" for name, value in zip(lines, values, strict=True))
        axis.errorbar(
            part[against],
            part["mean"],
            part["sem"].fillna(0.0),
            fmt=f"o{style}",
            markersize=3,
            capsize=2,
            color=mechanism_colour(str(values[0])) if lines == ["mechanism"] else f"C{number % 10}",
            alpha=1.0 if style == "-" else 0.5,
            label=label if style == "-" else None,
        )


@experiment(
    "procurement",
    settings=ProcurementSettings,
    summary="procurement rounds: scores, bids, a mechanism, training on the winners; six families of figures",
    source="DriftPay, section 7e (plan stated, numbers reconstructed)",
    plot=figure,
    requires=("torch",),
    version=4,
)
def procurement(settings: ProcurementSettings, control: Control, checkpoint: Path | None) -> list[Row]:
    """Run one simulation; one row for each round and one for each requester in it."""
    from ...rounds.procurement import run_rounds

    return run_rounds(settings, control, checkpoint)

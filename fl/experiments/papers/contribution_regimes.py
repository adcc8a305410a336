"""When drift predicts contribution and when it does not, in one figure: learning regimes beside each other, markets paired.

A regime is an architecture, a local objective, a batch size, a class skew, a number of local steps and a momentum. In every regime the same
markets are measured (`contribution`), so regimes are compared market by market.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ROWS", "axis_effects", "is_over_regimes", "regime_figure", "regime_means"]

ROWS = ("architecture", "loss", "batch_size")
COLUMNS = ("beta", "steps", "momentum")
AXES = (*ROWS, *COLUMNS)
MARKET = ("seed", "market")


def is_over_regimes(table: pd.DataFrame) -> bool:
    """Whether a table sweeps more of the axes than lines over one of them can show."""
    # The stubs of pandas take a column for many things.
    data: Any = table
    return sum(axis in data and data[axis].nunique() > 1 for axis in AXES) > 2


def regime_means(table: pd.DataFrame, rule: str, measure: str, less: str | None = None) -> pd.DataFrame:
    """Mean rank correlation of a rule in every regime, with its standard error over markets.

    Parameters
    ----------
    table : DataFrame
        Rows of the experiment, settings beside them.
    rule, measure : str
    less : str, optional
        Another rule, whose correlation is taken off market by market.

    Returns
    -------
    DataFrame
        Indexed by the regime; columns ``mean``, ``sem`` and ``count``. A market in which a correlation is not defined does not count.
    """
    return _by_market(table, rule, measure, less).groupby(list(AXES)).agg(["mean", "sem", "count"])


def axis_effects(table: pd.DataFrame, rule: str, measure: str) -> dict[str, tuple[Any, Any, float, float]]:
    """How far a rule's correlation rises from one end of an axis to the other, all other axes equal.

    For every axis of more than one value: its first and last value, the mean change over the regimes that are there with both, and
    its standard error over markets.
    """
    found = {}
    values = _by_market(table, rule, measure).unstack(list(MARKET))
    for axis in AXES:
        ends = list(dict.fromkeys(sorted(values.index.get_level_values(axis))))
        if len(ends) < 2:
            continue
        low, high = (values.xs(end, level=axis) for end in (ends[0], ends[-1]))
        change = (high - low).dropna(how="all").mean(axis=0).dropna()
        if len(change) > 1:
            found[axis] = (ends[0], ends[-1], float(change.mean()), float(change.sem()))
    return found


def _by_market(table: Any, rule: str, measure: str, less: str | None = None) -> Any:
    wanted = table[table["measure"] == measure]
    keys = [*AXES, *MARKET]
    values = wanted[wanted["rule"] == rule].set_index(keys)["spearman"].astype(float)
    if less is not None:
        values = values - wanted[wanted["rule"] == less].set_index(keys)["spearman"].astype(float)
    return values.dropna()


def regime_figure(table: pd.DataFrame) -> Figure:
    """Four panels: drift with Shapley values, with leave-one-out, drift less the loss gain, and what each axis changes.

    In the first three a cell is a regime, its number the mean over markets, bold where it is two standard errors from 0.
    """
    from matplotlib.figure import Figure

    panels: list[tuple[str, Any]] = [
        ("drift and Shapley value", regime_means(table, "drift", "shapley")),
        ("drift and leave-one-out", regime_means(table, "drift", "leave-one-out")),
        ("drift less loss gain, Shapley value", regime_means(table, "drift", "shapley", less="loss-delta")),
    ]
    drawn = Figure(figsize=(15.0, 9.0), layout="constrained")
    axes = drawn.subplots(2, 2).ravel()
    for axis, (title, means) in zip(axes, panels, strict=False):
        _draw_cells(axis, means)
        axis.set_title(f"{title}: mean rank correlation", fontsize="medium")
    _draw_effects(axes[3], {measure: axis_effects(table, "drift", measure) for measure in ("shapley", "leave-one-out")})
    return drawn


def _draw_cells(axis: Axes, means: Any) -> None:
    cells = means["mean"].unstack(list(COLUMNS)).sort_index(axis=1)
    errors = means["sem"].unstack(list(COLUMNS)).reindex_like(cells)
    axis.imshow(cells.to_numpy(), cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(cells.to_numpy()):
        if not np.isnan(value):
            sure = abs(value) > 2 * errors.to_numpy()[row, column]
            axis.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize="small",
                fontweight="bold" if sure else "normal", color="black" if abs(value) < 0.6 else "white",
            )  # fmt: skip
    axis.set_xticks(
        range(cells.shape[1]), ["\n".join(f"{name} {value:g}" for name, value in zip(("β", "steps", "mom."), of, strict=True)) for of in cells.columns]
    )  # fmt: skip
    axis.set_yticks(range(cells.shape[0]), [f"{name}, {loss}\nbatches of {size}" for name, loss, size in cells.index])
    axis.tick_params(labelsize="small")


def _draw_effects(axis: Axes, effects: dict[str, dict[str, tuple[Any, Any, float, float]]]) -> None:
    names = list(dict.fromkeys(name for each in effects.values() for name in each))
    for number, (measure, each) in enumerate(effects.items()):
        places = [names.index(name) + 0.16 * (2 * number - 1) for name in each]
        changes = [change for _, _, change, _ in each.values()]
        axis.errorbar(
            changes, places, xerr=[2 * error for *_, error in each.values()], fmt="o", capsize=2, label=measure
        )
    ends = {name: each[name][:2] for each in effects.values() for name in each}
    axis.set_yticks(
        range(len(names)), [f"{name.replace('_', ' ')}\n{ends[name][0]} to {ends[name][1]}" for name in names]
    )
    axis.axvline(0, color="black", linewidth=0.8)
    axis.invert_yaxis()
    axis.set_title(
        "what an axis changes in drift's correlation, all others equal (two standard errors)", fontsize="medium"
    )
    if names:
        axis.legend(fontsize="small")

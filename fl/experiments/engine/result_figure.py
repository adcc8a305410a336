"""A figure of any result: one measured column against one varied column, means over seeds with their standard errors.

An experiment that registers a drawing of its own is drawn by that; this is for the others, and for looking at another column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....models.input_error import InputError
from ...comparison.colours import mechanism_colour
from ...drawing import axis_label, fitted, plain_label
from ...settings import field_rules, unknown_name
from .registry import Experiment, find_experiment
from .results import KEYS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["draw_result", "means_over_seeds"]

MOST_LINES = 12


def draw_result(
    table: pd.DataFrame, metric: str | None = None, against: str | None = None, by: Sequence[str] | None = None
) -> Figure:
    """Draw a result: the experiment's own figure, or the columns asked for.

    Parameters
    ----------
    table : DataFrame
        As :func:`.results.read_results` returns it.
    metric : str, optional
        What is measured; the first real-valued column that is no setting if left out.
    against : str, optional
        What it depends on; the number that varies most often if left out, settings first.
    by : sequence of str, optional
        One line for each value of these; texts and settings that vary if left out.

    Raises
    ------
    InputError
        If there is no such column, nothing to draw, or the table holds several experiments.
    """
    names = table["experiment"].unique()
    if len(names) != 1:
        raise InputError(f"a figure shows one experiment, the table holds {len(names)}", field="experiment")
    entry = find_experiment(str(names[0]))
    # Results of earlier versions mean something else.
    latest: Any = table[table["version"] == table["version"].max()]
    if entry.plot is not None and metric is None and against is None and not by:
        try:
            return fitted(entry.plot(latest))
        except KeyError as error:
            raise InputError("missing column; was it left out of the file?", field=str(error.args[0])) from None
    return fitted(_lines(*means_over_seeds(latest, entry, metric, against, by)))


def means_over_seeds(
    table: pd.DataFrame,
    entry: Experiment,
    metric: str | None = None,
    against: str | None = None,
    by: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, str, str, list[str]]:
    """Choose the columns and average.

    Returns
    -------
    DataFrame
        One row for each value of `by` and `against`: their columns, and ``mean``, ``standard_error`` (NaN for one) and ``count``
        of the points, each with the mean of its rows.
    str, str, list of str
        The metric, what it is drawn against and what makes a line.

    Raises
    ------
    InputError
        As :func:`draw_result`.
    """
    from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

    columns: Any = table
    for name in (metric, against, *(by or ())):
        if name is not None and name not in table:
            raise InputError(unknown_name("column", name, table.columns), field="column")
    settings = [name for name in field_rules(entry.settings) if name in table]
    measured = [name for name in table if name not in KEYS and name not in settings]
    numeric = [name for name in table if is_numeric_dtype(columns[name]) and not is_bool_dtype(columns[name])]
    metric = metric or next((name for name in measured if is_float_dtype(columns[name])), None)
    metric = metric or next((name for name in measured if name in numeric), None)
    if metric is None or metric not in numeric:
        raise InputError(f"no numbers to draw in {metric or 'any column'}", field="metric")
    vary = {name: int(columns[name].nunique()) for name in table if name not in (*KEYS, metric, "seed")}
    if against is None:
        swept = [name for name in settings if name in numeric and vary.get(name, 0) > 1]
        # Otherwise something that an experiment counts: a round, a number of participants.
        counted = [name for name in measured if name in numeric and name != metric and vary[name] > 1]
        counted = [name for name in counted if not is_float_dtype(columns[name])]
        against = max(swept, key=vary.__getitem__, default=None) or next(iter(counted), None)
    if against is None or against not in numeric:
        raise InputError(f"nothing varies to draw {metric} against", field="against")
    if by is None:
        texts = [name for name in vary if name in settings or name not in numeric]
        by = [name for name in texts if name != against and vary[name] > 1]
    lines = [str(name) for name in dict.fromkeys(by) if name != against]
    points: Any = columns.groupby([*lines, against, "point"], dropna=False)[metric].mean()
    groups = points.groupby([*lines, against], dropna=False)
    means = groups.agg(["mean", "sem", "count"]).rename(columns={"sem": "standard_error"}).reset_index()
    return means, metric, against, lines


def _lines(means: pd.DataFrame, metric: str, against: str, by: list[str]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    axis = figure.add_subplot()
    parts: list[tuple[Any, pd.DataFrame]] = list(means.groupby(by, dropna=False)) if by else [((), means)]
    if len(parts) > MOST_LINES:
        raise InputError(f"{len(parts)} lines are too many to tell apart; choose with --by or --set", field="by")
    for values, part in parts:
        label = ", ".join(f"{plain_label(name)} {value}" for name, value in zip(by, values, strict=True))
        axis.errorbar(
            part[against],
            part["mean"],
            part["standard_error"].fillna(0.0),
            fmt="o-",
            markersize=4,
            capsize=2,
            color=mechanism_colour(str(values[0])) if by == ["mechanism"] else None,
            label=label.replace("$", r"\$"),
        )
    axis.set(xlabel=axis_label(against), ylabel=axis_label(metric))
    if by:
        axis.legend()
    return figure

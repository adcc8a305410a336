"""The report of an experiment's result: what was varied, what was measured, its means and a figure of them."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..fl.comparison.colours import PALETTE, mechanism_colour
from ..fl.drawing import plain_label
from ..fl.experiments.engine.registry import Experiment, find_experiment
from ..fl.experiments.engine.result_figure import MOST_LINES, means_over_seeds
from ..fl.experiments.engine.results import KEYS
from ..fl.settings import field_rules
from ..models.display import Table
from ..models.input_error import InputError
from .document import Report, Section, facts, filtered, prose, table
from .svg import Dots, chart

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["result_report"]

SHOWN_ROWS, SHOWN_VALUES = 300, 12


def result_report(rows: pd.DataFrame, *, title: str = "") -> Report:
    """Report on a result.

    Parameters
    ----------
    rows : DataFrame
        As ``read_results`` returns it: of one experiment.
    title : str

    Raises
    ------
    InputError
        If it holds several experiments, or none.
    """
    names = rows["experiment"].unique() if "experiment" in rows else []
    if len(names) != 1:
        raise InputError(f"a report shows one experiment, the table holds {len(names)}", field="experiment")
    entry = find_experiment(str(names[0]))
    latest: Any = rows[rows["version"] == rows["version"].max()]
    settings = [name for name in field_rules(entry.settings) if name in latest]
    varied = [name for name in settings if latest[name].astype(str).nunique() > 1]
    about = [
        ("experiment", f"{entry.name}: {entry.summary}"),
        ("source", entry.source),
        ("points", f"{latest['point'].nunique():,}"),
        ("rows", f"{len(latest):,}"),
    ]
    fixed = [[name, str(latest[name].iloc[0])] for name in settings if name not in varied]
    swept = [[name, _values(latest[name])] for name in varied]
    sections = [
        Section(
            "What was run",
            [
                facts(about),
                table(Table(["setting", "values"], swept, (), "Varied")),
                table(Table(["setting", "value"], fixed, (), "Kept as it is")),
            ],
        ),
        Section("What was measured", _means(latest, entry)),
        Section("Rows", [_rows(latest, varied, settings)]),
    ]
    return Report(title or f"Experiment {entry.name}", sections)


def _values(column: Any) -> str:
    values = [str(value) for value in dict.fromkeys(column.tolist())]
    return ", ".join(values[:SHOWN_VALUES]) + (
        f", and {len(values) - SHOWN_VALUES:,} more" if len(values) > SHOWN_VALUES else ""
    )


def _means(latest: Any, entry: Experiment) -> list[str]:
    """The figure that ``fedmech plot`` draws where an experiment has none of its own, and its table."""
    try:
        means, metric, against, by = means_over_seeds(latest, entry)
    except InputError as error:
        return [prose(f"Nothing to draw: {error}.")]
    parts: list[tuple[Any, Any]] = [*means.groupby(by, dropna=False)] if by else [((), means)]
    series = []
    for place, (values, part) in enumerate(parts[:MOST_LINES]):
        label = ", ".join(str(value) for value in values)
        drawn = [
            (Fraction(a), Fraction(b), Fraction(error) if isfinite(error) else Fraction(0))
            for a, b, error in zip(part[against], part["mean"], part["standard_error"], strict=True)
            if isfinite(a) and isfinite(b)
        ]
        colour = mechanism_colour(label) if by == ["mechanism"] else PALETTE[2 * place % len(PALETTE)]
        points = [(a, b) for a, b, _ in drawn]
        series.append(Dots(label, colour, points, joined=True, errors=[error for *_, error in drawn]))
    left = f" The first {MOST_LINES} of {len(parts)} lines are drawn." if len(parts) > MOST_LINES else ""
    axes = (plain_label(against), plain_label(metric))
    title = f"{axes[1]} against {axes[0]}"
    shown: list[dict[str, Any]] = means.head(SHOWN_ROWS).to_dict("records")
    listed = [
        [
            *(str(row[name]) for name in by),
            f"{row[against]:g}",
            f"{row['mean']:.6g}",
            _error(row["standard_error"]),
            str(row["count"]),
        ]
        for row in shown
    ]
    head = [*by, axes[0], f"mean {axes[1]}", "standard error", "points"]
    numbers = Table(head, listed, range(len(by), len(head)), title)
    words = f"{len(series)} lines over {latest['point'].nunique()} points; the table below has the numbers"
    return [
        chart(
            title, words, [one for one in series if one.points], axes, f"Means over seeds; bars: standard errors.{left}"
        ),
        table(numbers),
    ]


def _error(value: float) -> str:
    return f"{value:.2g}" if isfinite(value) else "-"


def _rows(latest: Any, varied: list[str], settings: list[str]) -> str:
    names = [*varied, *(name for name in latest if name not in settings and name not in KEYS)]
    shown = latest[names].head(SHOWN_ROWS)
    listed = [
        [f"{value:.6g}" if isinstance(value, float) else str(value) for value in row]
        for row in shown.itertuples(index=False)
    ]
    left = len(latest) - len(listed)
    title = "Rows" + (f" (first {len(listed):,}; {left:,} more)" if left else "")
    right = [at for at, name in enumerate(names) if latest[name].dtype.kind in "iuf"]
    return filtered(Table([name.replace("_", " ") for name in names], listed, right, title))

"""Figures for papers: widths, letters, whole numbers, legends that cover nothing, zeros at one height."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import fedmech as fm
import numpy as np
import pandas as pd
import pytest
from fedmech.fl import drawing
from fedmech.fl.comparison.colours import mechanism_colour
from fedmech.fl.drawing import COLUMN_INCHES, TEXT_INCHES, axis_label, below, fitted, share_zero
from fedmech.fl.experiments.engine.registry import find_experiment
from fedmech.fl.experiments.engine.result_figure import draw_result
from fedmech.fl.sharing import figures, market_sweeps
from fedmech.models.data import prototype_market_path
from fedmech.reports.results import result_report
from fedmech.reports.svg import Dots, chart
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser


def rounds(first: float = 1) -> pd.DataFrame:
    """Two mechanisms, three seeds, four rounds."""
    rng = np.random.default_rng(0)
    version = find_experiment("procurement").version
    return pd.DataFrame(
        {
            "point": f"{seed}-{name}",
            "experiment": "procurement",
            "version": version,
            "seed": seed,
            "mechanism": name,
            "round": first + k,
            "opt_share": 0.8 + rng.normal() / 20,
        }
        for seed in range(3)
        for name in ("driftpay-co", "pea")
        for k in range(4)
    )


def drawn_ticks(figure: Figure) -> list[float]:
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_xlim()
    return [tick for tick in figure.axes[0].get_xticks() if low <= tick <= high]


def test_a_sweep_is_as_wide_as_a_column_and_counts_in_whole_numbers() -> None:
    figure = draw_result(rounds(), "opt_share", "round", ["mechanism"])
    assert figure.get_size_inches()[0] == COLUMN_INCHES
    assert drawn_ticks(figure) == [1, 2, 3, 4]
    axis = figure.axes[0]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("round", "score / OPT")
    for container, name in zip(axis.containers, ("driftpay-co", "pea"), strict=True):
        assert container[0].get_color() == mechanism_colour(name)
        assert all(high > low for (_, low), (_, high) in container[2][0].get_segments())
    # Halves are measured, not counted.
    assert any(tick % 1 for tick in drawn_ticks(draw_result(rounds(0.5), "opt_share", "round", ["mechanism"])))


def test_legends_cover_nothing() -> None:
    market = fm.read(prototype_market_path())
    assert isinstance(market, fm.SharingMarket)
    rows = market_sweeps.cost_rows(market, market_sweeps.default_costs(market, 3), market_sweeps.framework_row)
    twins = figures.framework_figure(rows, "cost_per_sample")
    for figure in (
        draw_result(rounds(), "opt_share", "round", ["mechanism"]), figures.region_map(), figures.error_curves(market), twins,
    ):  # fmt: skip
        figure.draw_without_rendering()
        assert figure.get_size_inches()[0] == COLUMN_INCHES
        (legend,) = figure.legends
        assert all(axis.get_legend() is None for axis in figure.axes)
        box = legend.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert not any(box.overlaps(axis.get_window_extent()) for axis in figure.axes)
    heights = [axis.transData.transform((0, 0))[1] for axis in twins.axes]
    assert heights[0] == pytest.approx(heights[1])


@pytest.mark.parametrize("length", [drawing.LONG_LABEL, drawing.LONG_LABEL + 1])
def test_long_labels_stand_below_each_other(length: int) -> None:
    figure = Figure(layout="constrained")
    axis = figure.add_subplot()
    lines = [axis.plot([0, 1], [k, k])[0] for k in range(2)]
    below(figure, lines, ["x" * length] * 2)
    legend: Any = figure.legends[0]
    assert legend._ncols == (2 if length <= drawing.LONG_LABEL else 1)


def test_panels_side_by_side_are_as_wide_as_the_text() -> None:
    for rows, columns, width in (
        (1, 1, COLUMN_INCHES),
        (2, 1, COLUMN_INCHES),
        (1, 2, TEXT_INCHES),
        (2, 3, TEXT_INCHES),
    ):
        figure = Figure(figsize=(20, 20))
        figure.subplots(rows, columns)
        assert fitted(figure).get_size_inches().tolist() == [width, rows * drawing.PANEL_INCHES]


@pytest.mark.parametrize("name", [*drawing._LETTERS, "plain_name", "$cost"])
def test_labels_are_formulas_that_can_be_set(name: str) -> None:
    label = axis_label(name)
    MathTextParser("path").parse(label)
    assert "_" not in re.sub(r"\$.*?\$", "", label.replace(r"\$", ""))


@pytest.mark.parametrize(
    "ends", [((0, 4), (0, 9)), ((-1, 4), (2, 9)), ((-1, 1), (-9, 1)), ((-2, -1), (0, 3)), ((-2, -1), (-5, -3))]
)
def test_zeros_are_level(ends: tuple[tuple[float, float], ...]) -> None:
    figure = Figure()
    axes = [figure.add_subplot(), figure.add_subplot()]
    for axis, limits in zip(axes, ends, strict=True):
        axis.set_ylim(limits)
    share_zero(*axes)
    now = [axis.get_ylim() for axis in axes]
    levels = [-low / (high - low) for low, high in now]
    assert levels[0] == pytest.approx(levels[1])
    for (low, high), (least, most) in zip(now, ends, strict=True):
        assert low <= least + 1e-12
        assert high >= most - 1e-12


def test_the_report_of_a_sweep_has_error_bars() -> None:
    page = result_report(rounds()).html()
    assert "bars: standard errors" in page
    bars = re.findall(r'<path d="M[\d.]+ [\d.]+V[\d.]+" stroke="(#\w+)"/>', page)
    assert bars.count(mechanism_colour("driftpay-co")) == bars.count(mechanism_colour("pea")) == 4
    assert "score / OPT" in page


def test_bars_of_a_chart() -> None:
    points = [(Fraction(1), Fraction(2)), (Fraction(2), Fraction(3))]
    drawn: Any = chart("t", "s", [Dots("a", "red", points, errors=[Fraction(10), Fraction(0)])], ("x", "y"), "c")
    # The bar is inside of the figure: the axis reaches as far as it does.
    (low, high), _ = [(float(a), float(b)) for a, b in re.findall(r'V?M[\d.]+ ([\d.]+)V([\d.]+)" stroke="red"', drawn)]
    assert 10 <= high < low <= 214
    with pytest.raises(ValueError, match="zip"):
        chart("t", "s", [Dots("a", "red", points, errors=[Fraction(1)])], ("x", "y"), "c")


def test_mechanisms_of_both_markets_have_colours_of_their_own() -> None:
    names = [entry.name for market in ("procurement", "sharing") for entry in fm.mechanisms(market)]
    assert len({mechanism_colour(name) for name in names}) == len(names) > 20
